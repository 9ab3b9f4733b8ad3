/* SPDX-License-Identifier: Apache-2.0 */
/* store/row_cache.c - see row_cache.h. One allocation per row: its description, then key, then value. */
#include "store/row_cache.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <xxhash.h>

#define WAYS 4 /* places of a key, one behind the other */

struct cached_row {
  uint32_t number; /* of its coming */
  size_t key_size;
  size_t value_size;
  bool present;
  char data[];
};

void row_cache_init(struct row_cache *cache)
{
  cache->places = memory_zalloc(LIMIT_CACHED_ROWS * sizeof *cache->places);
}

void row_cache_clear(struct row_cache *cache)
{
  for (size_t i = 0; i < LIMIT_CACHED_ROWS; i++) {
    free(cache->places[i]);
    cache->places[i] = NULL;
  }
}

void row_cache_fini(struct row_cache *cache)
{
  row_cache_clear(cache);
  free(cache->places);
}

static struct cached_row **places_of(const struct row_cache *cache, struct bytes key)
{
  return &cache->places[XXH3_64bits(key.data, key.size) % (LIMIT_CACHED_ROWS / WAYS) * WAYS];
}

static bool is_of(const struct cached_row *row, struct bytes key)
{
  return row && bytes_equal(bytes_from(row->data, row->key_size), key);
}

/* Where the key's row is; NULL when it is not there. */
static struct cached_row **find(const struct row_cache *cache, struct bytes key)
{
  struct cached_row **places = places_of(cache, key);
  for (size_t i = 0; i < WAYS; i++) {
    if (is_of(places[i], key))
      return &places[i];
  }
  return NULL;
}

enum row_cache_answer row_cache_get(const struct row_cache *cache, struct bytes key, struct bytes *value)
{
  struct cached_row **place = find(cache, key);
  if (!place)
    return ROW_UNKNOWN;
  *value = bytes_from((*place)->data + (*place)->key_size, (*place)->value_size);
  return (*place)->present ? ROW_PRESENT : ROW_ABSENT;
}

void row_cache_forget(struct row_cache *cache, struct bytes key)
{
  struct cached_row **place = find(cache, key);
  if (!place)
    return;
  free(*place);
  *place = NULL;
}

/* An empty place, or that of the row that came first. The difference of two numbers is right also when they have begun anew. */
static struct cached_row **place_for_newcomer(const struct row_cache *cache, struct bytes key)
{
  struct cached_row **places = places_of(cache, key);
  struct cached_row **oldest = places;
  for (size_t i = 0; i < WAYS; i++) {
    if (!places[i])
      return &places[i];
    if (cache->last - places[i]->number > cache->last - (*oldest)->number)
      oldest = &places[i];
  }
  return oldest;
}

/* What is known of the key is replaced, also when the new row is too large to be kept. */
static void keep(struct row_cache *cache, struct bytes key, struct bytes value, bool present)
{
  row_cache_forget(cache, key);
  if (key.size > LIMIT_CACHED_ROW || value.size > LIMIT_CACHED_ROW - key.size)
    return;
  struct cached_row **place = place_for_newcomer(cache, key);
  struct cached_row *row = memory_alloc(sizeof *row + key.size + value.size);
  *row = (struct cached_row){++cache->last, key.size, value.size, present};
  if (key.size)
    memcpy(row->data, key.data, key.size);
  if (value.size)
    memcpy(row->data + key.size, value.data, value.size);
  free(*place);
  *place = row;
}

void row_cache_put(struct row_cache *cache, struct bytes key, struct bytes value)
{
  keep(cache, key, value, true);
}

void row_cache_put_absent(struct row_cache *cache, struct bytes key)
{
  keep(cache, key, bytes_of(""), false);
}
