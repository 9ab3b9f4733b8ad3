/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/vatstore_cache.h - a vat's storage in memory, and what the current crank did to it.
 *
 * Filled with the state the kernel sent, then read and written synchronously by liveslots. At the end of a crank
 * the checkpoint says which keys were set (with their last values) and which were deleted; the kernel makes it durable.
 * Keys are in byte order. An empty value is a value.
 *
 * Of a large storage only a part is here. The cache knows exactly of which keys it knows all; what it does not know it gets from its
 * source, a page at a time, and when it has too much it gives up what the crank has not changed. Nobody who reads from it sees
 * the difference.
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

/*
 * Where missing rows come from. Gives at most so many rows and bytes of the stored storage, without what this crank has changed,
 * from the key `from` on (or from just behind one: a key and a NUL); at least one unless there is none. They live until the next call.
 */
struct vatstore_source {
  void *context;
  void (*page)(void *context, struct bytes from, uint64_t rows, uint64_t bytes, struct page_reply_frame *reply);
};

struct vatstore_cache {
  struct ordmap rows;    /* the storage as the vat sees it now, as far as it is known */
  struct ordmap known;   /* the ranges of keys of which all is known: first key -> end (vatstore_cache.c) */
  struct ordmap changes; /* key -> the struct vatstore_change of this crank */
  struct vatstore_change_list sets;
  struct vatstore_change_list deletes;
  size_t pending_bytes; /* keys and values of the checkpoint as it stands */
  const struct vatstore_source *source; /* NULL: all is known */
  size_t budget;         /* bytes that it may take, but for what the crank has changed */
  struct buffer wanted;  /* the key that is looked for in the source */
  struct buffer hand;    /* where rows are given up next */
  struct buffer ahead;   /* where the last page ended */
  uint64_t page_rows;    /* of the next page, if it follows the last one */
};

void vatstore_cache_init(struct vatstore_cache *cache);
void vatstore_cache_fini(struct vatstore_cache *cache);

/*
 * Unless it is the `whole` storage that has been loaded, what follows the last row loaded is in the source, which must outlive the
 * cache. Called once, after loading; a cache without a source knows everything.
 */
void vatstore_cache_attach(struct vatstore_cache *cache, const struct vatstore_source *source, size_t budget, bool whole);

/* A row of the state before this worker: no part of any checkpoint. */
void vatstore_cache_load(struct vatstore_cache *cache, struct bytes key, struct bytes value);

/* True and the value, borrowed until the cache is used again, when there is such a key. */
bool vatstore_cache_get(struct vatstore_cache *cache, struct bytes key, struct bytes *value);

/* The smallest key strictly greater than `after` (which need not exist); false at the end. Borrowed like a value. */
bool vatstore_cache_next_key(struct vatstore_cache *cache, struct bytes after, struct bytes *key);

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
