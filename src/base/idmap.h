/* SPDX-License-Identifier: Apache-2.0 */
/* base/idmap.h - a map from non-zero 64-bit ids to pointers. Does not own what it points to. */
#ifndef VATD_BASE_IDMAP_H
#define VATD_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_entry {
  uint64_t id; /* 0: free */
  void *value;
};

struct idmap {
  struct idmap_entry *entries;
  size_t capacity; /* a power of two, or 0 */
  size_t count;
};

void idmap_init(struct idmap *map);
void idmap_fini(struct idmap *map);
void *idmap_get(const struct idmap *map, uint64_t id);
void idmap_put(struct idmap *map, uint64_t id, void *value);
void idmap_remove(struct idmap *map, uint64_t id);
static inline size_t idmap_count(const struct idmap *map)
{
  return map->count;
}
/* Walks the map in no particular order: *position starts at 0; NULL at the end. The map must not change meanwhile. */
void *idmap_next(const struct idmap *map, size_t *position);

#endif
