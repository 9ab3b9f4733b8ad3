/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/row_cache.c - see row_cache.h. One allocation per row: its description, then key, then value. The places of a key lie
 * in one line of the processor's cache, and hold so much of the key's hash that other rows need not be looked at.
 */
#include "store/row_cache.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define WAYS 4 /* places of a key, one behind the other */

struct cached_row {
  size_t key_size;
  size_t value_size;
  bool present;
  char data[];
};

struct cache_place {
  struct cached_row *row; /* or NULL */
  uint32_t hash;          /* the upper half of its key's */
  uint32_t number;        /* of its coming */
};

void row_cache_init(struct row_cache *cache)
{
  cache->places = memory_zalloc(LIMIT_CACHED_ROWS * sizeof *cache->places);
}

static void empty(struct cache_place *place)
{
  free(place->row);
  place->row = NULL;
}

void row_cache_clear(struct row_cache *cache)
{
  for (size_t i = 0; i < LIMIT_CACHED_ROWS; i++) {
    if (cache->places[i].row) /* a place that was never used is not touched */
      empty(&cache->places[i]);
  }
}

void row_cache_fini(struct row_cache *cache)
{
  row_cache_clear(cache);
  free(cache->places);
}

static uint32_t upper(uint64_t hash)
{
  return (uint32_t)(hash >> 32);
}

static struct cache_place *places_of(const struct row_cache *cache, uint64_t hash)
{
  return &cache->places[hash % (LIMIT_CACHED_ROWS / WAYS) * WAYS];
}

static bool is_of(const struct cache_place *place, struct bytes key, uint64_t hash)
{
  return place->row && place->hash == upper(hash) && bytes_equal(bytes_from(place->row->data, place->row->key_size), key);
}

/* Where the key's row is; NULL when it is not there. */
static struct cache_place *find(const struct row_cache *cache, struct bytes key, uint64_t hash)
{
  struct cache_place *places = places_of(cache, hash);
  for (size_t i = 0; i < WAYS; i++) {
    if (is_of(&places[i], key, hash))
      return &places[i];
  }
  return NULL;
}

static uint64_t hash_of(struct bytes key)
{
  return XXH3_64bits(key.data, key.size);
}

enum row_cache_answer row_cache_get(const struct row_cache *cache, struct bytes key, struct bytes *value)
{
  const struct cache_place *place = find(cache, key, hash_of(key));
  if (!place)
    return ROW_UNKNOWN;
  *value = bytes_from(place->row->data + place->row->key_size, place->row->value_size);
  return place->row->present ? ROW_PRESENT : ROW_ABSENT;
}

void row_cache_forget(struct row_cache *cache, struct bytes key)
{
  struct cache_place *place = find(cache, key, hash_of(key));
  if (place)
    empty(place);
}

bool row_cache_take_absent(struct row_cache *cache, struct bytes key)
{
  struct cache_place *place = find(cache, key, hash_of(key));
  bool absent = place && !place->row->present;
  if (absent)
    empty(place);
  return absent;
}

/* An empty place, or that of the row that came first. The difference of two numbers is right also when they have begun anew. */
static struct cache_place *place_for_newcomer(const struct row_cache *cache, uint64_t hash)
{
  struct cache_place *places = places_of(cache, hash);
  struct cache_place *oldest = places;
  for (size_t i = 0; i < WAYS; i++) {
    if (!places[i].row)
      return &places[i];
    if (cache->last - places[i].number > cache->last - oldest->number)
      oldest = &places[i];
  }
  return oldest;
}

static struct cached_row *row_new(struct bytes key, struct bytes value, bool present)
{
  struct cached_row *row = memory_alloc(sizeof *row + key.size + value.size);
  *row = (struct cached_row){key.size, value.size, present};
  if (key.size)
    memcpy(row->data, key.data, key.size);
  if (value.size)
    memcpy(row->data + key.size, value.data, value.size);
  return row;
}

/* What is known of the key is replaced, also when the new row is too large to be kept. */
static void keep(struct row_cache *cache, struct bytes key, struct bytes value, bool present)
{
  uint64_t hash = hash_of(key);
  struct cache_place *place = find(cache, key, hash);
  if (place)
    empty(place);
  if (key.size > LIMIT_CACHED_ROW || value.size > LIMIT_CACHED_ROW - key.size)
    return;
  place = place_for_newcomer(cache, hash);
  empty(place);
  *place = (struct cache_place){row_new(key, value, present), upper(hash), ++cache->last};
}

void row_cache_put(struct row_cache *cache, struct bytes key, struct bytes value)
{
  keep(cache, key, value, true);
}

void row_cache_put_absent(struct row_cache *cache, struct bytes key)
{
  keep(cache, key, bytes_of(""), false);
}
