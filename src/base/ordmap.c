/* SPDX-License-Identifier: Apache-2.0 */
/* base/ordmap.c - see ordmap.h. One allocation per entry: node, then key, then value. */
#include "base/ordmap.h"
#include "base/memory.h"

#include <stdlib.h>
#include <uv/tree.h>

struct ordmap_entry {
  RB_ENTRY(ordmap_entry) node;
  size_t key_size;
  size_t value_size;
  char data[]; /* key, then value */
};

RB_HEAD(ordmap_tree, ordmap_entry);

static struct bytes entry_key(const struct ordmap_entry *entry)
{
  return bytes_from(entry->data, entry->key_size);
}

static struct bytes entry_value(const struct ordmap_entry *entry)
{
  return bytes_from(entry->data + entry->key_size, entry->value_size);
}

static int entry_compare(const struct ordmap_entry *a, const struct ordmap_entry *b)
{
  return bytes_compare(entry_key(a), entry_key(b));
}

RB_GENERATE_STATIC(ordmap_tree, ordmap_entry, node, entry_compare)

static struct ordmap_entry *root_of(const struct ordmap *map)
{
  return map->root;
}

/* The first entry whose key is > key, or >= key when `equal_counts`. A plain descent: no entry must be built to search. */
static struct ordmap_entry *first_after(const struct ordmap *map, struct bytes key, bool equal_counts)
{
  struct ordmap_entry *best = NULL;
  struct ordmap_entry *at = root_of(map);
  while (at) {
    int order = bytes_compare(entry_key(at), key);
    if (order > 0 || (equal_counts && order == 0)) {
      best = at;
      at = RB_LEFT(at, node);
    } else {
      at = RB_RIGHT(at, node);
    }
  }
  return best;
}

static struct ordmap_entry *find(const struct ordmap *map, struct bytes key)
{
  struct ordmap_entry *entry = first_after(map, key, true);
  return entry && bytes_equal(entry_key(entry), key) ? entry : NULL;
}

void ordmap_init(struct ordmap *map)
{
  *map = (struct ordmap){0};
}

static void remove_entry(struct ordmap *map, struct ordmap_entry *entry)
{
  struct ordmap_tree tree = {map->root};
  ordmap_tree_RB_REMOVE(&tree, entry);
  map->root = tree.rbh_root;
  map->count--;
  map->total -= entry->key_size + entry->value_size;
  free(entry);
}

void ordmap_clear(struct ordmap *map)
{
  while (map->root)
    remove_entry(map, map->root);
}

void ordmap_fini(struct ordmap *map)
{
  if (map)
    ordmap_clear(map);
}

bool ordmap_get(const struct ordmap *map, struct bytes key, struct bytes *value)
{
  struct ordmap_entry *entry = find(map, key);
  if (entry && value)
    *value = entry_value(entry);
  return entry != NULL;
}

void ordmap_put(struct ordmap *map, struct bytes key, struct bytes value)
{
  struct ordmap_entry *same = find(map, key);
  if (same && same->value_size == value.size) { /* counters, mostly */
    if (value.size)
      memmove(same->data + same->key_size, value.data, value.size);
    return;
  }
  struct ordmap_entry *entry = memory_alloc(sizeof *entry + key.size + value.size);
  entry->key_size = key.size;
  entry->value_size = value.size;
  if (key.size)
    memcpy(entry->data, key.data, key.size);
  if (value.size)
    memcpy(entry->data + key.size, value.data, value.size);
  if (same) /* after the copy: key and value may lie in it */
    remove_entry(map, same);
  struct ordmap_tree tree = {map->root};
  ordmap_tree_RB_INSERT(&tree, entry);
  map->root = tree.rbh_root;
  map->count++;
  map->total += key.size + value.size;
}

bool ordmap_remove(struct ordmap *map, struct bytes key)
{
  struct ordmap_entry *entry = find(map, key);
  if (entry)
    remove_entry(map, entry);
  return entry != NULL;
}

static bool hand_out(const struct ordmap_entry *entry, struct bytes *key, struct bytes *value)
{
  if (!entry)
    return false;
  if (key)
    *key = entry_key(entry);
  if (value)
    *value = entry_value(entry);
  return true;
}

bool ordmap_next(const struct ordmap *map, struct bytes after, struct bytes *key, struct bytes *value)
{
  return hand_out(first_after(map, after, false), key, value);
}

bool ordmap_seek(const struct ordmap *map, struct bytes from, struct bytes *key, struct bytes *value)
{
  return hand_out(first_after(map, from, true), key, value);
}

bool ordmap_floor(const struct ordmap *map, struct bytes at, struct bytes *key, struct bytes *value)
{
  struct ordmap_entry *best = NULL;
  struct ordmap_entry *entry = root_of(map);
  while (entry) {
    int order = bytes_compare(entry_key(entry), at);
    if (order <= 0)
      best = entry;
    if (order == 0)
      break;
    entry = order < 0 ? RB_RIGHT(entry, node) : RB_LEFT(entry, node);
  }
  return hand_out(best, key, value);
}

bool ordmap_last(const struct ordmap *map, struct bytes *key)
{
  struct ordmap_entry *entry = root_of(map);
  while (entry && RB_RIGHT(entry, node))
    entry = RB_RIGHT(entry, node);
  return hand_out(entry, key, NULL);
}
