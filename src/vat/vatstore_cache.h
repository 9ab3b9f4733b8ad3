/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/vatstore_cache.h - a vat's storage in memory, and what the current crank did to it.
 *
 * Filled once with the state the kernel sent, then read and written synchronously by liveslots. At the end of a crank
 * the checkpoint says which keys were set (with their last values) and which were deleted; the kernel makes it durable.
 * Keys are in byte order. An empty value is a value.
 */
#ifndef VATD_VAT_VATSTORE_CACHE_H
#define VATD_VAT_VATSTORE_CACHE_H

#include "base/ordmap.h"
#include "wire/frame.h"

struct vatstore_change;

struct vatstore_change_list {
  struct vatstore_change *first;
  struct vatstore_change *last;
  size_t count;
};

struct vatstore_cache {
  struct ordmap rows;    /* the storage as the vat sees it now */
  struct ordmap changes; /* key -> the struct vatstore_change of this crank */
  struct vatstore_change_list sets;
  struct vatstore_change_list deletes;
  size_t pending_bytes; /* keys and values of the checkpoint as it stands */
};

void vatstore_cache_init(struct vatstore_cache *cache);
void vatstore_cache_fini(struct vatstore_cache *cache);

/* A row of the state before this worker: no part of any checkpoint. */
void vatstore_cache_load(struct vatstore_cache *cache, struct bytes key, struct bytes value);

/* True and the value, borrowed until that key changes, when there is such a key. */
bool vatstore_cache_get(const struct vatstore_cache *cache, struct bytes key, struct bytes *value);

/* The smallest key strictly greater than `after` (which need not exist); false at the end. Borrowed like a value. */
bool vatstore_cache_next_key(const struct vatstore_cache *cache, struct bytes after, struct bytes *key);

/* LIMIT: the key or value is too long, or there would be too many sets in one crank; then nothing has changed. */
enum vatd_code vatstore_cache_set(struct vatstore_cache *cache, struct bytes key, struct bytes value,
                                  struct error *error);
enum vatd_code vatstore_cache_delete(struct vatstore_cache *cache, struct bytes key, struct error *error);

/*
 * The changes since the last vatstore_cache_forget_changes(). A key is in one list only, by its last change. Each list
 * is in the order in which its keys came into it: setting a key again does not move it, deleting it in between does.
 * The arrays lie in the arena, keys and values are borrowed until the next change.
 */
void vatstore_cache_checkpoint(const struct vatstore_cache *cache, struct arena *arena, struct key_value_list *sets,
                               struct bytes_list *deletes);
void vatstore_cache_forget_changes(struct vatstore_cache *cache);

#endif
