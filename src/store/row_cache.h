/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/row_cache.h - the rows of one table that were read or written lately, and keys that are known to have no row.
 *
 * A key has a few places, by its hash (XXH3); a newcomer drives out who came first of those that are there. So it is bounded by its
 * number of places (LIMIT_CACHED_ROWS) and the size of a row that it takes (LIMIT_CACHED_ROW), and never wrong for want of
 * room. It holds what the engine behind it holds: whoever changes a row there tells it.
 */
#ifndef VATD_STORE_ROW_CACHE_H
#define VATD_STORE_ROW_CACHE_H

#include "base/bytes.h"

#include <stdint.h>

struct cache_place;

struct row_cache {
  struct cache_place *places;
  uint32_t last; /* number of the last newcomer */
};

void row_cache_init(struct row_cache *cache);
void row_cache_fini(struct row_cache *cache);
void row_cache_clear(struct row_cache *cache);

enum row_cache_answer { ROW_UNKNOWN, ROW_ABSENT, ROW_PRESENT };
/* The value is borrowed until the next change of the cache. */
enum row_cache_answer row_cache_get(const struct row_cache *cache, struct bytes key, struct bytes *value);
void row_cache_put(struct row_cache *cache, struct bytes key, struct bytes value);
void row_cache_put_absent(struct row_cache *cache, struct bytes key);
/* True when there is known to be no such row; which is not known any more then. For a name that is given up. */
bool row_cache_take_absent(struct row_cache *cache, struct bytes key);
/* The row is gone, and nobody is likely to ask for it again. */
void row_cache_forget(struct row_cache *cache, struct bytes key);

#endif
