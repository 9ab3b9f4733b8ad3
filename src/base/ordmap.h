/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ordmap.h - an ordered map from bytes to bytes, in memcmp order of keys.
 *
 * Serves the worker's vatstore cache and the memory store. Keys and values are copied in; what is handed out is borrowed
 * until that entry is changed or removed. Built on the red-black tree macros that come with libuv (uv/tree.h); keys that are
 * there are found by hash once there are many. Whoever chooses keys that share a hash gets the tree, and no worse.
 */
#ifndef VATD_BASE_ORDMAP_H
#define VATD_BASE_ORDMAP_H

#include "base/bytes.h"

struct ordmap_entry;

struct ordmap {
  struct ordmap_entry *root; /* laid out as the RB_HEAD of uv/tree.h */
  struct ordmap_entry **chains; /* by hash; NULL while there are few entries */
  size_t chain_count;           /* a power of two, or 0 */
  size_t count;
  size_t total; /* bytes of all keys and values */
};

void ordmap_init(struct ordmap *map);
void ordmap_fini(struct ordmap *map);
void ordmap_clear(struct ordmap *map);

/* True and the value when there is such a key. `value` may be NULL. */
bool ordmap_get(const struct ordmap *map, struct bytes key, struct bytes *value);
/* Inserts or replaces. */
void ordmap_put(struct ordmap *map, struct bytes key, struct bytes value);
/* True when the key was there. */
bool ordmap_remove(struct ordmap *map, struct bytes key);

/* The smallest key strictly greater than `after`; false at the end. `value` may be NULL. A walk from each key to the next takes
 * a bounded time per step, on average. */
bool ordmap_next(const struct ordmap *map, struct bytes after, struct bytes *key, struct bytes *value);
/* The smallest key greater than or equal to `from`; false at the end. */
bool ordmap_seek(const struct ordmap *map, struct bytes from, struct bytes *key, struct bytes *value);
/* The greatest key of all; false when there is none. */
bool ordmap_last(const struct ordmap *map, struct bytes *key);
/* The greatest key less than or equal to `at`; false when all are greater. */
bool ordmap_floor(const struct ordmap *map, struct bytes at, struct bytes *key, struct bytes *value);

#endif
