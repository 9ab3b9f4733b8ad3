/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/vatstore_cache.c - see vatstore_cache.h.
 *
 * `rows` is the storage as it is now. Each key touched in the crank has one change, which is in exactly one of two
 * lists:
 *
 *     (none) --set--> sets     (none) --delete--> deletes
 *     sets --set--> sets, same place       deletes --delete--> deletes, same place
 *     sets --delete--> end of deletes      deletes --set--> end of sets
 *
 * Deleting a key that was never there is a change like any other. The value of a set is not kept twice: it is the one
 * in `rows`. Invariant: key in sets => key in rows; key in deletes => key not in rows.
 */
#include "vat/vatstore_cache.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>

struct vatstore_change {
  struct vatstore_change *previous;
  struct vatstore_change *next;
  struct vatstore_change_list *list;
  size_t value_size; /* 0 in deletes */
  size_t key_size;
  char key[];
};

static struct bytes key_of(const struct vatstore_change *change)
{
  return bytes_from(change->key, change->key_size);
}

static void list_append(struct vatstore_change_list *list, struct vatstore_change *change)
{
  change->list = list;
  change->previous = list->last;
  change->next = NULL;
  if (list->last)
    list->last->next = change;
  else
    list->first = change;
  list->last = change;
  list->count++;
}

static void list_remove(struct vatstore_change *change)
{
  struct vatstore_change_list *list = change->list;
  if (change->previous)
    change->previous->next = change->next;
  else
    list->first = change->next;
  if (change->next)
    change->next->previous = change->previous;
  else
    list->last = change->previous;
  list->count--;
}

static void list_free(struct vatstore_change_list *list)
{
  struct vatstore_change *next;
  for (struct vatstore_change *change = list->first; change; change = next) {
    next = change->next;
    free(change);
  }
  *list = (struct vatstore_change_list){0};
}

void vatstore_cache_init(struct vatstore_cache *cache)
{
  *cache = (struct vatstore_cache){0};
  ordmap_init(&cache->rows);
  ordmap_init(&cache->changes);
}

void vatstore_cache_fini(struct vatstore_cache *cache)
{
  if (!cache)
    return;
  vatstore_cache_forget_changes(cache);
  ordmap_fini(&cache->changes);
  ordmap_fini(&cache->rows);
}

void vatstore_cache_load(struct vatstore_cache *cache, struct bytes key, struct bytes value)
{
  ordmap_put(&cache->rows, key, value);
}

bool vatstore_cache_get(const struct vatstore_cache *cache, struct bytes key, struct bytes *value)
{
  return ordmap_get(&cache->rows, key, value);
}

bool vatstore_cache_next_key(const struct vatstore_cache *cache, struct bytes after, struct bytes *key)
{
  return ordmap_next(&cache->rows, after, key, NULL);
}

static struct vatstore_change *find_change(const struct vatstore_cache *cache, struct bytes key)
{
  struct bytes pointer;
  if (!ordmap_get(&cache->changes, key, &pointer))
    return NULL;
  struct vatstore_change *change;
  CHECK(pointer.size == sizeof change);
  memcpy(&change, pointer.data, sizeof change);
  return change;
}

static struct vatstore_change *add_change(struct vatstore_cache *cache, struct bytes key,
                                          struct vatstore_change_list *list)
{
  struct vatstore_change *change = memory_zalloc(sizeof *change + key.size);
  change->key_size = key.size;
  if (key.size > 0)
    memcpy(change->key, key.data, key.size);
  ordmap_put(&cache->changes, key, bytes_from(&change, sizeof change));
  list_append(list, change);
  cache->pending_bytes += key.size;
  return change;
}

static void note(struct vatstore_cache *cache, struct bytes key, struct vatstore_change_list *list, size_t value_size)
{
  struct vatstore_change *change = find_change(cache, key);
  if (!change) {
    change = add_change(cache, key, list);
  } else if (change->list != list) {
    list_remove(change);
    list_append(list, change);
  }
  cache->pending_bytes = cache->pending_bytes - change->value_size + value_size;
  change->value_size = value_size;
}

static enum vatd_code check_limits(const struct vatstore_cache *cache, struct bytes key, struct bytes value,
                                   struct error *error)
{
  if (key.size > LIMIT_VATSTORE_KEY)
    return error_set(error, VATD_LIMIT, "a storage key of %zu bytes is over the limit of %zu", key.size,
                     LIMIT_VATSTORE_KEY);
  if (value.size > LIMIT_VATSTORE_VALUE)
    return error_set(error, VATD_LIMIT, "a stored value of %zu bytes is over the limit of %zu", value.size,
                     LIMIT_VATSTORE_VALUE);
  if (cache->changes.count >= LIMIT_SETS_PER_CRANK && !find_change(cache, key))
    return error_set(error, VATD_LIMIT, "more than %d storage keys changed in one crank", LIMIT_SETS_PER_CRANK);
  return VATD_OK;
}

enum vatd_code vatstore_cache_set(struct vatstore_cache *cache, struct bytes key, struct bytes value,
                                  struct error *error)
{
  enum vatd_code code = check_limits(cache, key, value, error);
  if (code != VATD_OK)
    return code;
  note(cache, key, &cache->sets, value.size);
  ordmap_put(&cache->rows, key, value);
  return VATD_OK;
}

enum vatd_code vatstore_cache_delete(struct vatstore_cache *cache, struct bytes key, struct error *error)
{
  enum vatd_code code = check_limits(cache, key, (struct bytes){0}, error);
  if (code != VATD_OK)
    return code;
  note(cache, key, &cache->deletes, 0);
  ordmap_remove(&cache->rows, key);
  return VATD_OK;
}

void vatstore_cache_checkpoint(const struct vatstore_cache *cache, struct arena *arena, struct key_value_list *sets,
                               struct bytes_list *deletes)
{
  *sets = (struct key_value_list){arena_alloc_array(arena, cache->sets.count, sizeof *sets->items), 0};
  *deletes = (struct bytes_list){arena_alloc_array(arena, cache->deletes.count, sizeof *deletes->items), 0};
  for (const struct vatstore_change *change = cache->sets.first; change; change = change->next) {
    struct key_value *item = &sets->items[sets->count++];
    item->key = key_of(change);
    CHECK(ordmap_get(&cache->rows, item->key, &item->value));
  }
  for (const struct vatstore_change *change = cache->deletes.first; change; change = change->next)
    deletes->items[deletes->count++] = key_of(change);
}

void vatstore_cache_forget_changes(struct vatstore_cache *cache)
{
  list_free(&cache->sets);
  list_free(&cache->deletes);
  ordmap_clear(&cache->changes);
  cache->pending_bytes = 0;
}
