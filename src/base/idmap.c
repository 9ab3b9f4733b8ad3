/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/idmap.c - see idmap.h. Open addressing with linear probing, at most half full. Removal shifts later entries of the
 * run back (Knuth 6.4, algorithm R), so that there are no tombstones.
 */
#include "base/idmap.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16

void idmap_init(struct idmap *map)
{
  *map = (struct idmap){0};
}

void idmap_fini(struct idmap *map)
{
  free(map->entries);
  idmap_init(map);
}

static size_t home_of(const struct idmap *map, uint64_t id)
{
  return (size_t)(id * 0x9E3779B97F4A7C15u >> 32) & (map->capacity - 1); /* Fibonacci hashing */
}

/* The entry of `id`, or the free one where it would go. */
static struct idmap_entry *slot_of(const struct idmap *map, uint64_t id)
{
  size_t at = home_of(map, id);
  while (map->entries[at].id != 0 && map->entries[at].id != id)
    at = (at + 1) & (map->capacity - 1);
  return &map->entries[at];
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
  return map->count && id ? slot_of(map, id)->value : NULL;
}

static void grow(struct idmap *map)
{
  struct idmap old = *map;
  map->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
  map->entries = memory_zalloc(map->capacity * sizeof *map->entries);
  for (size_t i = 0; i < old.capacity; i++) {
    if (old.entries[i].id)
      *slot_of(map, old.entries[i].id) = old.entries[i];
  }
  free(old.entries);
}

void idmap_put(struct idmap *map, uint64_t id, void *value)
{
  CHECK(id != 0 && value != NULL);
  if ((map->count + 1) * 2 > map->capacity)
    grow(map);
  struct idmap_entry *entry = slot_of(map, id);
  if (entry->id == 0)
    map->count++;
  *entry = (struct idmap_entry){id, value};
}

void idmap_remove(struct idmap *map, uint64_t id)
{
  if (map->count == 0 || id == 0)
    return;
  struct idmap_entry *entry = slot_of(map, id);
  if (entry->id == 0)
    return;
  size_t mask = map->capacity - 1;
  size_t hole = (size_t)(entry - map->entries);
  for (size_t at = (hole + 1) & mask; map->entries[at].id != 0; at = (at + 1) & mask) {
    size_t home = home_of(map, map->entries[at].id);
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      map->entries[hole] = map->entries[at];
      hole = at;
    }
  }
  map->entries[hole] = (struct idmap_entry){0, NULL};
  map->count--;
}

void *idmap_next(const struct idmap *map, size_t *position)
{
  while (*position < map->capacity) {
    struct idmap_entry *entry = &map->entries[(*position)++];
    if (entry->id)
      return entry->value;
  }
  return NULL;
}
