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
 *
 * `known` holds ranges [first, end) of keys that neither meet nor touch. The value of one is empty when it goes on to the end of all
 * keys, else a byte and the end: the first key that is not in it. The key that follows K is K and a NUL.
 * Invariants: in a known range, `rows` has exactly the rows that the vat has; outside there are none. Each key changed in this crank
 * is known. So a page never replaces anything: of its rows only those count that lie outside all known ranges.
 *
 * Rows are given up in key order from `hand` on, round and round, up to RUN at a time and never across a key that the crank has changed.
 */
#include "vat/vatstore_cache.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>

#define ROW_OVERHEAD 80 /* bytes that an entry of a map takes beside its key and value */
#define RUN 64          /* rows that are given up at once */
#define MOST_RUNS 4096  /* of them at a time, so that a crank that changes very much does not look at all of it again and again */

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
  ordmap_init(&cache->known);
  ordmap_init(&cache->changes);
  buffer_init(&cache->wanted, LIMIT_VATSTORE_KEY + 1);
  buffer_init(&cache->hand, LIMIT_VATSTORE_KEY + 1);
  buffer_init(&cache->ahead, LIMIT_VATSTORE_KEY + 1);
}

void vatstore_cache_fini(struct vatstore_cache *cache)
{
  if (!cache)
    return;
  vatstore_cache_forget_changes(cache);
  ordmap_fini(&cache->changes);
  ordmap_fini(&cache->known);
  ordmap_fini(&cache->rows);
  buffer_fini(&cache->wanted);
  buffer_fini(&cache->hand);
  buffer_fini(&cache->ahead);
}

static void assign(struct buffer *buffer, struct bytes bytes)
{
  buffer_clear(buffer);
  bool fits = buffer_append_bytes(buffer, bytes);
  CHECK(fits); /* keys are bounded before they come here */
}

/* The key that follows the one in the buffer. */
static void step_behind(struct buffer *key)
{
  bool fits = buffer_append(key, "", 1);
  CHECK(fits);
}

/* ---- what is known ---- */

struct range {
  struct bytes first;
  struct bytes end; /* unless it is open */
  bool open;        /* it goes on to the end of all keys */
};

static struct range range_from(struct bytes first, struct bytes stored)
{
  return (struct range){first, stored.size ? bytes_after(stored, 1) : stored, stored.size == 0};
}

static bool ends_behind(const struct range *range, struct bytes key)
{
  return range->open || bytes_compare(range->end, key) > 0;
}

/* The last range that begins at or before the key; the key need not be in it. */
static bool range_before(const struct vatstore_cache *cache, struct bytes key, struct range *range)
{
  struct bytes first, stored;
  if (!ordmap_floor(&cache->known, key, &first, &stored))
    return false;
  *range = range_from(first, stored);
  return true;
}

static bool is_known(const struct vatstore_cache *cache, struct bytes key)
{
  struct range range;
  return !cache->source || (range_before(cache, key, &range) && ends_behind(&range, key));
}

static void put_range(struct vatstore_cache *cache, const struct range *range)
{
  struct buffer end;
  buffer_init(&end, LIMIT_VATSTORE_KEY + 2);
  if (!range->open) {
    buffer_append(&end, "e", 1);
    buffer_append_bytes(&end, range->end);
  }
  ordmap_put(&cache->known, range->first, buffer_bytes(&end));
  buffer_fini(&end);
}

/* Takes the keys of the range out of all known ranges. */
static void forget_range(struct vatstore_cache *cache, const struct range *gone)
{
  struct range range;
  struct bytes stored;
  struct range tail = {0};
  struct buffer tail_end;
  bool has_tail = false;
  buffer_init(&tail_end, LIMIT_VATSTORE_KEY + 1);
  bool found = range_before(cache, gone->first, &range);
  if (!found || !ends_behind(&range, gone->first)) {
    found = ordmap_next(&cache->known, gone->first, &range.first, &stored);
    if (found)
      range = range_from(range.first, stored);
  }
  while (found && (gone->open || bytes_compare(range.first, gone->end) < 0)) {
    if (!gone->open && ends_behind(&range, gone->end)) {
      has_tail = true;
      tail.open = range.open;
      assign(&tail_end, range.end);
    }
    struct range head = {range.first, gone->first, false};
    bool has_head = bytes_compare(range.first, gone->first) < 0;
    if (has_head)
      put_range(cache, &head); /* in the place of the old one */
    else
      ordmap_remove(&cache->known, range.first);
    found = ordmap_next(&cache->known, gone->first, &range.first, &stored);
    if (found)
      range = range_from(range.first, stored);
  }
  if (has_tail) {
    tail.first = gone->end;
    tail.end = buffer_bytes(&tail_end);
    put_range(cache, &tail);
  }
  buffer_fini(&tail_end);
}

/* Adds the range, joined with all that it meets or touches. */
static void learn_range(struct vatstore_cache *cache, const struct range *news)
{
  struct buffer first, end;
  struct range range, joined = {.open = news->open};
  struct bytes stored;
  buffer_init(&first, LIMIT_VATSTORE_KEY + 1);
  buffer_init(&end, LIMIT_VATSTORE_KEY + 1);
  assign(&first, news->first);
  assign(&end, news->end);
  if (range_before(cache, news->first, &range) && (range.open || bytes_compare(range.end, news->first) >= 0))
    assign(&first, range.first);
  while (ordmap_seek(&cache->known, buffer_bytes(&first), &range.first, &stored)) {
    range = range_from(range.first, stored);
    if (!joined.open && bytes_compare(range.first, buffer_bytes(&end)) > 0)
      break;
    if (!joined.open && ends_behind(&range, buffer_bytes(&end))) {
      joined.open = range.open;
      assign(&end, range.end);
    }
    ordmap_remove(&cache->known, range.first);
  }
  joined.first = buffer_bytes(&first);
  joined.end = buffer_bytes(&end);
  put_range(cache, &joined);
  buffer_fini(&first);
  buffer_fini(&end);
}

static void learn_key(struct vatstore_cache *cache, struct bytes key)
{
  struct buffer end;
  if (is_known(cache, key))
    return;
  buffer_init(&end, LIMIT_VATSTORE_KEY + 1);
  assign(&end, key);
  step_behind(&end);
  learn_range(cache, &(struct range){key, buffer_bytes(&end), false});
  buffer_fini(&end);
}

/* ---- giving up ---- */

static size_t bytes_used(const struct vatstore_cache *cache)
{
  return cache->rows.total + cache->known.total + (cache->rows.count + cache->known.count) * ROW_OVERHEAD;
}

/* Gives up rows from the hand on, up to the next changed key, and moves the hand. */
static void give_up_run(struct vatstore_cache *cache)
{
  struct bytes changed, key;
  struct bytes from = buffer_bytes(&cache->hand);
  bool bounded = ordmap_seek(&cache->changes, from, &changed, NULL);
  if (bounded && bytes_equal(changed, from)) {
    step_behind(&cache->hand);
    return;
  }
  bool more = ordmap_seek(&cache->rows, from, &key, NULL);
  for (int i = 0; i < RUN && more && (!bounded || bytes_compare(key, changed) < 0); i++) {
    ordmap_remove(&cache->rows, key);
    more = ordmap_seek(&cache->rows, from, &key, NULL);
  }
  struct range gone = {from, bounded ? changed : bytes_of(""), !bounded};
  if (more && (!bounded || bytes_compare(key, changed) < 0))
    gone = (struct range){from, key, false};
#ifdef VATD_DEFECT_KEEPS_RANGE
  forget_range(cache, &(struct range){from, from, false});
#else
  forget_range(cache, &gone);
#endif
  assign(&cache->hand, gone.end);
}

/* Down to seven eighths, so that it is not done for each page. */
static void give_up(struct vatstore_cache *cache)
{
  if (!cache->source || bytes_used(cache) <= cache->budget)
    return;
  for (int i = 0; i < MOST_RUNS && bytes_used(cache) > cache->budget - cache->budget / 8; i++)
    give_up_run(cache);
}

/* ---- pages ---- */

/* How much to ask for: more each time, as long as each page follows the one before. */
static void read_ahead(struct vatstore_cache *cache)
{
  bool follows = cache->page_rows && bytes_equal(buffer_bytes(&cache->wanted), buffer_bytes(&cache->ahead));
  uint64_t rows = follows ? 2 * cache->page_rows : LEAST_PAGE_ROWS;
  cache->page_rows = rows < LIMIT_PAGE_ROWS ? rows : LIMIT_PAGE_ROWS;
}

/* Gets a page that begins with the key `wanted`, which is not known. */
static void fetch(struct vatstore_cache *cache)
{
  struct page_reply_frame page;
  struct bytes from = buffer_bytes(&cache->wanted);
  give_up(cache);
  read_ahead(cache);
  uint64_t bytes = LEAST_PAGE_BYTES * (cache->page_rows / LEAST_PAGE_ROWS);
  cache->source->page(cache->source->context, from, cache->page_rows, bytes < LIMIT_PAGE_BYTES ? bytes : LIMIT_PAGE_BYTES, &page);
  for (size_t i = 0; i < page.rows.count; i++) {
    if (!is_known(cache, page.rows.items[i].key))
      ordmap_put(&cache->rows, page.rows.items[i].key, page.rows.items[i].value);
  }
  CHECK(page.rows.count || !page.more);
  buffer_clear(&cache->ahead);
  if (page.more) {
    assign(&cache->ahead, page.rows.items[page.rows.count - 1].key);
    step_behind(&cache->ahead);
  }
  learn_range(cache, &(struct range){from, buffer_bytes(&cache->ahead), !page.more});
}

/* ---- the vat's view ---- */

void vatstore_cache_attach(struct vatstore_cache *cache, const struct vatstore_source *source, size_t budget, bool whole)
{
  struct bytes key = {0};
  struct buffer end;
  cache->source = source;
  cache->budget = budget;
  buffer_init(&end, LIMIT_VATSTORE_KEY + 1);
  bool any = ordmap_last(&cache->rows, &key);
  if (any && !whole) {
    assign(&end, key);
    step_behind(&end);
  }
  if (any || whole)
    learn_range(cache, &(struct range){bytes_of(""), buffer_bytes(&end), whole});
  buffer_fini(&end);
}

void vatstore_cache_load(struct vatstore_cache *cache, struct bytes key, struct bytes value)
{
  ordmap_put(&cache->rows, key, value);
}

bool vatstore_cache_get(struct vatstore_cache *cache, struct bytes key, struct bytes *value)
{
  if (ordmap_get(&cache->rows, key, value))
    return true;
  if (is_known(cache, key) || key.size > LIMIT_VATSTORE_KEY || !bytes_are_utf8(key))
    return false;
  assign(&cache->wanted, key);
  fetch(cache);
  return ordmap_get(&cache->rows, buffer_bytes(&cache->wanted), value);
}

/* The first row from the key `wanted` on, through as many ranges as it takes. */
static bool seek_wanted(struct vatstore_cache *cache, struct bytes *key)
{
  for (;;) {
    struct range range = {.open = true};
    if (!is_known(cache, buffer_bytes(&cache->wanted)))
      fetch(cache);
    if (cache->source)
      range_before(cache, buffer_bytes(&cache->wanted), &range);
    bool found = ordmap_seek(&cache->rows, buffer_bytes(&cache->wanted), key, NULL);
    if (range.open || (found && bytes_compare(*key, range.end) < 0))
      return found;
    assign(&cache->wanted, range.end);
  }
}

/* The longest beginning of `text` that could be a key, nearly: what is no text becomes the empty one. */
static struct bytes cut_to_key(struct bytes text)
{
  size_t size = text.size < LIMIT_VATSTORE_KEY ? text.size : LIMIT_VATSTORE_KEY;
  for (int i = 0; i < 4 && size > 0; i++, size--) {
    if (bytes_are_utf8(bytes_from(text.data, size)))
      return bytes_from(text.data, size);
  }
  return bytes_of("");
}

/* Behind what cannot be a key: what comes before it must be passed over, for the source takes keys only. */
static bool seek_behind_odd(struct vatstore_cache *cache, struct bytes odd, struct bytes *key)
{
  while (seek_wanted(cache, key)) {
    if (bytes_compare(*key, odd) > 0)
      return true;
    assign(&cache->wanted, *key);
    step_behind(&cache->wanted);
  }
  return false;
}

bool vatstore_cache_next_key(struct vatstore_cache *cache, struct bytes after, struct bytes *key)
{
  struct range range;
  if (!cache->source)
    return ordmap_next(&cache->rows, after, key, NULL);
  if (range_before(cache, after, &range) && ends_behind(&range, after) && ordmap_next(&cache->rows, after, key, NULL) &&
      ends_behind(&range, *key))
    return true; /* most are; the rest of this is about where the known ends */
  struct bytes from = cut_to_key(after);
  assign(&cache->wanted, from);
  step_behind(&cache->wanted);
  return from.size == after.size ? seek_wanted(cache, key) : seek_behind_odd(cache, after, key);
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
  learn_key(cache, key);
  note(cache, key, &cache->sets, value.size);
  ordmap_put(&cache->rows, key, value);
  return VATD_OK;
}

enum vatd_code vatstore_cache_delete(struct vatstore_cache *cache, struct bytes key, struct error *error)
{
  enum vatd_code code = check_limits(cache, key, (struct bytes){0}, error);
  if (code != VATD_OK)
    return code;
  learn_key(cache, key);
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
  give_up(cache);
}
