/* SPDX-License-Identifier: Apache-2.0 */
/* store/row_cache.c - see row_cache.h. One allocation per row: its description, then key, then value. */
#include "store/row_cache.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <xxhash.h>

struct cached_row {
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

static struct cached_row **place_of(const struct row_cache *cache, struct bytes key)
{
  return &cache->places[XXH3_64bits(key.data, key.size) % LIMIT_CACHED_ROWS];
}

enum row_cache_answer row_cache_get(const struct row_cache *cache, struct bytes key, struct bytes *value)
{
  const struct cached_row *row = *place_of(cache, key);
  if (!row || !bytes_equal(bytes_from(row->data, row->key_size), key))
    return ROW_UNKNOWN;
  *value = bytes_from(row->data + row->key_size, row->value_size);
  return row->present ? ROW_PRESENT : ROW_ABSENT;
}

/* What is known of the key is replaced, also when the new row is too large to be kept. */
static void keep(struct row_cache *cache, struct bytes key, struct bytes value, bool present)
{
  struct cached_row **place = place_of(cache, key);
  free(*place);
  *place = NULL;
  if (key.size > LIMIT_CACHED_ROW || value.size > LIMIT_CACHED_ROW - key.size)
    return;
  struct cached_row *row = memory_alloc(sizeof *row + key.size + value.size);
  *row = (struct cached_row){key.size, value.size, present};
  if (key.size)
    memcpy(row->data, key.data, key.size);
  if (value.size)
    memcpy(row->data + key.size, value.data, value.size);
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
