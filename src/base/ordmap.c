/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ordmap.c - see ordmap.h. One allocation per entry: node, then key, then value.
 *
 * Invariant: when there are chains, every entry is in the tree and in the chain of its hash. A chain is followed for a bounded
 * number of entries; what is not found by then is looked for in the tree. So the time of no operation depends on the hash.
 */
#include "base/ordmap.h"
#include "base/memory.h"

#include <stdlib.h>
#include <uv/tree.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define FEW_ENTRIES 16  /* a tree of so many is searched as fast as hashed */
#define LONGEST_CHAIN 8 /* of which more is not looked at */
#define KEPT_CHAINS 4096 /* by a map that is cleared */

struct ordmap_entry {
  RB_ENTRY(ordmap_entry) node;
  struct ordmap_entry *next_in_chain;
  struct ordmap_entry **link_in_chain; /* what points at this one; without meaning while there are no chains */
  uint64_t hash;
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

static struct ordmap_entry *find_in_tree(const struct ordmap *map, struct bytes key)
{
  struct ordmap_entry *entry = first_after(map, key, true);
  return entry && bytes_equal(entry_key(entry), key) ? entry : NULL;
}

/* ---- chains ---- */

static uint64_t hash_of(struct bytes key)
{
  return XXH3_64bits(key.data, key.size);
}

static struct ordmap_entry **chain_of(const struct ordmap *map, uint64_t hash)
{
  return &map->chains[hash & (map->chain_count - 1)];
}

static struct ordmap_entry *find(const struct ordmap *map, struct bytes key)
{
  if (!map->chains)
    return find_in_tree(map, key);
  uint64_t hash = hash_of(key);
  struct ordmap_entry *entry = *chain_of(map, hash);
  for (int i = 0; entry && i < LONGEST_CHAIN; i++) {
    if (entry->hash == hash && bytes_equal(entry_key(entry), key))
      return entry;
    entry = entry->next_in_chain;
  }
  return entry ? find_in_tree(map, key) : NULL;
}

static void chain(struct ordmap *map, struct ordmap_entry *entry)
{
  struct ordmap_entry **link = chain_of(map, entry->hash);
  entry->next_in_chain = *link;
  entry->link_in_chain = link;
  if (*link)
    (*link)->link_in_chain = &entry->next_in_chain;
  *link = entry;
}

static void unchain(struct ordmap_entry *entry)
{
  *entry->link_in_chain = entry->next_in_chain;
  if (entry->next_in_chain)
    entry->next_in_chain->link_in_chain = entry->link_in_chain;
}

/* Twice as many as there were. */
static void grow_chains(struct ordmap *map)
{
  struct ordmap_tree tree = {map->root};
  struct ordmap_entry *entry;
  free(map->chains);
  map->chain_count = map->chain_count ? map->chain_count * 2 : FEW_ENTRIES * 2;
  map->chains = memory_zalloc(map->chain_count * sizeof *map->chains);
  RB_FOREACH (entry, ordmap_tree, &tree) {
    entry->hash = hash_of(entry_key(entry));
    chain(map, entry);
  }
}

static void insert(struct ordmap *map, struct ordmap_entry *entry)
{
  struct ordmap_tree tree = {map->root};
  ordmap_tree_RB_INSERT(&tree, entry);
  map->root = tree.rbh_root;
  map->count++;
  map->total += entry->key_size + entry->value_size;
  if (map->count > FEW_ENTRIES && map->count > map->chain_count) {
    grow_chains(map);
  } else if (map->chains) {
    entry->hash = hash_of(entry_key(entry));
    chain(map, entry);
  }
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
  if (map->chains)
    unchain(entry);
  map->count--;
  map->total -= entry->key_size + entry->value_size;
  free(entry);
}

/* Leaves first. Returns what is above, which has lost this one. */
static struct ordmap_entry *free_leaf(struct ordmap *map, struct ordmap_entry *leaf)
{
  struct ordmap_entry *above = RB_PARENT(leaf, node);
  if (above && RB_LEFT(above, node) == leaf)
    RB_LEFT(above, node) = NULL;
  else if (above)
    RB_RIGHT(above, node) = NULL;
  if (map->chains)
    *chain_of(map, leaf->hash) = NULL;
  free(leaf);
  return above;
}

static void free_chains(struct ordmap *map)
{
  free(map->chains);
  map->chains = NULL;
  map->chain_count = 0;
}

void ordmap_clear(struct ordmap *map)
{
  struct ordmap_entry *entry = map->root;
  while (entry) {
    struct ordmap_entry *below = RB_LEFT(entry, node) ? RB_LEFT(entry, node) : RB_RIGHT(entry, node);
    entry = below ? below : free_leaf(map, entry);
  }
  map->root = NULL;
  map->count = 0;
  map->total = 0;
  if (map->chain_count > KEPT_CHAINS)
    free_chains(map);
}

void ordmap_fini(struct ordmap *map)
{
  if (!map)
    return;
  ordmap_clear(map);
  free_chains(map);
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
  insert(map, entry);
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
  struct ordmap_entry *same = map->chains ? find(map, after) : NULL;
  return hand_out(same ? ordmap_tree_RB_NEXT(same) : first_after(map, after, false), key, value);
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
