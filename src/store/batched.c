/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/batched.c - an engine before an engine: the open batch is kept in memory, and what is behind it is written at its end.
 *
 * Most rows that a crank writes are gone again when its batch ends (queue items, promises that are settled and told of), or
 * are written anew by each crank (counters). Here such a row costs two looks into a map; the engine behind sees one write for
 * each row that is different in the end, in key order, between its own begin and commit.
 *
 * Of each table there are the rows put and the keys deleted in the open batch; a key is in at most one of the two. `cleared`
 * says that nothing of the engine's rows counts any more. All of these change through one undo log, so that a savepoint is a
 * length of it. Rows of kv that were read or written lately are kept beyond the batch in a cache, which says what the *engine*
 * holds; the maps come before it.
 *
 * Invariants: the engine's own batch is open only inside commit(), after a query, for which the rows must be there, and when
 * many rows have been deleted; in it no savepoint is ever made. What the engine answers as FULL or worse is answered from then on by all functions, as
 * kernel/store.h wants it.
 */
#include "store/row_cache.h"
#include "store/row_key.h"
#include "store/rules.h"
#include "store/savepoints.h"
#include "store/store_engines.h"
#include "store/undo_log.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>

struct table {
  struct ordmap puts;
  struct ordmap deletes; /* values are empty */
};

struct batched_store {
  struct store store;
  struct store *engine;
  struct table kv;
  struct table vatstore;
  struct table bundle;
  struct ordmap cleared; /* has the empty key, or is empty */
  struct undo_log undo;
  struct savepoints savepoints;
  struct row_cache cache; /* of the engine's kv */
  bool scanning;
  struct error broken;
};

static struct batched_store *of(struct store *store)
{
  return (struct batched_store *)store;
}

static struct table *table_of(struct batched_store *b, const char *vat)
{
  return vat ? &b->vatstore : &b->kv;
}

/* ---- errors ---- */

static enum vatd_code check_alive(const struct batched_store *b, struct error *error)
{
  return b->broken.code ? error_set(error, b->broken.code, "%s", b->broken.text) : VATD_OK;
}

static enum vatd_code check_quiet(const struct batched_store *b, struct error *error)
{
  enum vatd_code code = check_alive(b, error);
  if (code || !b->scanning)
    return code;
  return error_set(error, VATD_MISUSE, "a write was begun inside a scan or a query");
}

/* What the engine has said; from what it cannot go on after, this store cannot either. */
static enum vatd_code heard(struct batched_store *b, enum vatd_code code, const struct error *error)
{
  bool fine = code == VATD_OK || code == VATD_NOT_FOUND || code == VATD_INVALID || code == VATD_MISUSE || code == VATD_LIMIT;
  if (!fine)
    b->broken = *error;
  return code;
}

/* ---- reading ---- */

static bool is_cleared(const struct batched_store *b)
{
  return b->cleared.count > 0;
}

/* Whether the engine's row of that key, which has not been put, still counts. */
static bool counts(const struct batched_store *b, const struct table *table, struct bytes full)
{
  return !is_cleared(b) && !ordmap_get(&table->deletes, full, NULL);
}

static enum vatd_code get_from_engine(struct batched_store *b, const char *vat, struct bytes key, struct buffer *value,
                                      struct error *error)
{
  struct bytes known;
  size_t before = value->size;
  enum row_cache_answer answer = vat ? ROW_UNKNOWN : row_cache_get(&b->cache, key, &known);
  if (answer == ROW_PRESENT)
    return rules_hand_out(known, value, error);
  if (answer == ROW_ABSENT)
    return VATD_NOT_FOUND;
  enum vatd_code code = heard(b, b->engine->ops->get(b->engine, vat, key, value, error), error);
  if (!vat && code == VATD_OK)
    row_cache_put(&b->cache, key, bytes_after(buffer_bytes(value), before));
  else if (!vat && code == VATD_NOT_FOUND)
    row_cache_put_absent(&b->cache, key);
  return code;
}

static enum vatd_code get(struct store *store, const char *vat, struct bytes key, struct buffer *value,
                          struct error *error)
{
  struct batched_store *b = of(store);
  struct table *table = table_of(b, vat);
  struct bytes found;
  enum vatd_code code = check_alive(b, error);
  if (!code)
    code = rules_check_key(vat, key, error);
  if (code)
    return code;
  if (rules_is_engine_key(vat, key))
    return heard(b, b->engine->ops->get(b->engine, NULL, key, value, error), error);
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  if (ordmap_get(&table->puts, row_key.full, &found))
    code = rules_hand_out(found, value, error);
  else if (counts(b, table, row_key.full))
    code = get_from_engine(b, vat, key, value, error);
  else
    code = VATD_NOT_FOUND;
  row_key_fini(&row_key);
  return code;
}

/* The first key after `after` that the engine has and that still counts, appended to `key`. */
static enum vatd_code next_of_engine(struct batched_store *b, const char *vat, struct bytes after, struct buffer *key,
                                     struct error *error)
{
  struct row_key row_key;
  enum vatd_code code = is_cleared(b) ? VATD_NOT_FOUND : b->engine->ops->next_key(b->engine, vat, after, key, error);
  bool passed = !code;
  while (passed) {
    row_key_init(&row_key, vat, buffer_bytes(key));
    passed = ordmap_get(&table_of(b, vat)->deletes, row_key.full, NULL);
    row_key_fini(&row_key);
    if (!passed)
      break;
    struct buffer next;
    buffer_init(&next, LIMIT_VATSTORE_KEY);
    code = b->engine->ops->next_key(b->engine, vat, buffer_bytes(key), &next, error);
    buffer_clear(key);
    passed = !code && buffer_append_bytes(key, buffer_bytes(&next));
    buffer_fini(&next);
  }
  return heard(b, code, error);
}

static enum vatd_code next_key(struct store *store, const char *vat, struct bytes after, struct buffer *key,
                               struct error *error)
{
  struct batched_store *b = of(store);
  struct bytes put;
  enum vatd_code code = check_alive(b, error);
  if (!code)
    code = rules_check_key(vat, after, error);
  if (code)
    return code;
  struct row_key row_key;
  struct buffer stored;
  buffer_init(&stored, LIMIT_VATSTORE_KEY);
  row_key_init(&row_key, vat, after);
  code = next_of_engine(b, vat, after, &stored, error);
  bool is_put = ordmap_next(&table_of(b, vat)->puts, row_key.full, &put, NULL) && row_key_has(&row_key, put);
  if (code == VATD_OK || (code == VATD_NOT_FOUND && is_put)) {
    struct bytes bare = is_put ? row_key_bare(&row_key, put) : bytes_of("");
    bool put_first = is_put && (code == VATD_NOT_FOUND || bytes_compare(bare, buffer_bytes(&stored)) < 0);
    code = rules_hand_out(put_first ? bare : buffer_bytes(&stored), key, error);
  }
  row_key_fini(&row_key);
  buffer_fini(&stored);
  return code;
}

/* A scan of both at once: before each row of the engine come the rows put that lie before it. */
struct merge {
  struct batched_store *b;
  const struct table *table;
  const char *vat;
  struct row_key from;
  bool all; /* rows from there on, not those alone that start with it */
  struct bytes put; /* the next one to show; borrowed, for nothing is written during a scan */
  struct bytes put_value;
  bool more; /* whether there is one */
  bool enough; /* the caller does not want more */
  store_row_fn *row;
  void *context;
};

static void merge_found(struct merge *merge, bool found)
{
  merge->more = found && (merge->all ? row_key_has(&merge->from, merge->put) : bytes_start_with(merge->put, merge->from.full));
}

static void merge_show_put(struct merge *merge)
{
  merge->enough = !merge->row(merge->context, row_key_bare(&merge->from, merge->put), merge->put_value);
  merge_found(merge, ordmap_next(&merge->table->puts, merge->put, &merge->put, &merge->put_value));
}

static bool merge_row(void *context, struct bytes key, struct bytes value)
{
  struct merge *merge = context;
  while (!merge->enough && merge->more && bytes_compare(row_key_bare(&merge->from, merge->put), key) < 0)
    merge_show_put(merge);
  if (merge->enough)
    return false;
  struct row_key row_key;
  row_key_init(&row_key, merge->vat, key);
  if (!ordmap_get(&merge->table->puts, row_key.full, NULL) && counts(merge->b, merge->table, row_key.full))
    merge->enough = !merge->row(merge->context, key, value);
  row_key_fini(&row_key);
  return !merge->enough;
}

/* The engine's scan() or scan_from(), with the rows put in between. */
static enum vatd_code scan_rows(struct batched_store *b, const char *vat, struct bytes from, bool all, store_row_fn *row,
                                void *context, struct error *error)
{
  if (b->scanning)
    return error_set(error, VATD_MISUSE, "a scan was begun inside a scan or a query");
  const struct store_ops *ops = b->engine->ops;
  enum vatd_code code = VATD_OK;
  struct merge merge = {.b = b, .table = table_of(b, vat), .vat = vat, .all = all, .row = row, .context = context};
  row_key_init(&merge.from, vat, from);
  merge_found(&merge, ordmap_seek(&merge.table->puts, merge.from.full, &merge.put, &merge.put_value));
  b->scanning = true;
  if (!is_cleared(b))
    code = heard(b, (all ? ops->scan_from : ops->scan)(b->engine, vat, from, merge_row, &merge, error), error);
  while (!code && !merge.enough && merge.more)
    merge_show_put(&merge);
  b->scanning = false;
  row_key_fini(&merge.from);
  return code;
}

static enum vatd_code scan(struct store *store, const char *vat, struct bytes prefix, store_row_fn *row, void *context,
                           struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_alive(b, error);
  if (!code)
    code = rules_check_key(vat, prefix, error);
  return code ? code : scan_rows(b, vat, prefix, false, row, context, error);
}

static enum vatd_code scan_from(struct store *store, const char *vat, struct bytes from, store_row_fn *row, void *context,
                                struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_alive(b, error);
  if (!code)
    code = rules_check_from(vat, from, error);
  return code ? code : scan_rows(b, vat, from, true, row, context, error);
}

/* ---- writing ---- */

static void table_put(struct batched_store *b, struct table *table, struct bytes full, struct bytes value)
{
  undo_log_remove(&b->undo, &table->deletes, full);
  undo_log_put(&b->undo, &table->puts, full, value);
}

static void table_delete(struct batched_store *b, struct table *table, struct bytes full)
{
  bool never_there = table == &b->kv && row_cache_take_absent(&b->cache, full);
  undo_log_remove(&b->undo, &table->puts, full);
  if (!is_cleared(b) && !never_there && !ordmap_get(&table->deletes, full, NULL))
    undo_log_put(&b->undo, &table->deletes, full, bytes_of(""));
}

static enum vatd_code put(struct store *store, const char *vat, struct bytes key, struct bytes value,
                          struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (!code)
    code = rules_check_value(vat, value, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  table_put(b, table_of(b, vat), row_key.full, value);
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code delete_key(struct store *store, const char *vat, struct bytes key, struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  table_delete(b, table_of(b, vat), row_key.full);
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code delete_vat(struct store *store, const char *vat, struct error *error)
{
  struct batched_store *b = of(store);
  struct buffer key;
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = rules_check_vat(vat, error);
  buffer_init(&key, LIMIT_VATSTORE_KEY);
  if (!code)
    code = delete_key(store, vat, bytes_of(""), error); /* which no next_key shows */
  while (!code && (code = next_key(store, vat, bytes_of(""), &key, error)) == VATD_OK) {
    code = delete_key(store, vat, buffer_bytes(&key), error);
    buffer_clear(&key);
  }
  buffer_fini(&key);
  return code == VATD_NOT_FOUND ? VATD_OK : code;
}

static void empty_map(struct batched_store *b, struct ordmap *map)
{
  struct bytes key;
  while (ordmap_seek(map, bytes_of(""), &key, NULL))
    undo_log_remove(&b->undo, map, key);
}

static enum vatd_code clear(struct store *store, struct error *error)
{
  struct batched_store *b = of(store);
  struct table *const tables[] = {&b->kv, &b->vatstore, &b->bundle};
  enum vatd_code code = check_quiet(b, error);
  if (code)
    return code;
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    empty_map(b, &tables[i]->puts);
    empty_map(b, &tables[i]->deletes);
  }
  undo_log_put(&b->undo, &b->cleared, bytes_of(""), bytes_of(""));
  return VATD_OK;
}

static void note_absent(struct store *store, struct bytes key)
{
  struct batched_store *b = of(store);
  if (is_cleared(b) || ordmap_get(&b->kv.deletes, key, NULL))
    return; /* it is gone, but the engine may still have it */
#ifdef VATD_SANITIZED
  struct buffer value;
  struct error error = {0};
  buffer_init(&value, LIMIT_KERNEL_VALUE);
  CHECK(b->engine->ops->get(b->engine, NULL, key, &value, &error) != VATD_OK);
  buffer_fini(&value);
#endif
  row_cache_put_absent(&b->cache, key);
}

/* ---- bundles: rows of the vat "hash", with an empty key, so that what is stored is a C string ---- */

static enum vatd_code bundle_get(struct store *store, const char *hash, struct buffer *code_out, struct error *error)
{
  struct batched_store *b = of(store);
  struct row_key row_key;
  struct bytes found;
  enum vatd_code code = check_alive(b, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (code)
    return code;
  row_key_init(&row_key, hash, bytes_of(""));
  if (ordmap_get(&b->bundle.puts, row_key.full, &found))
    code = rules_hand_out(found, code_out, error);
  else if (counts(b, &b->bundle, row_key.full))
    code = heard(b, b->engine->ops->bundle_get(b->engine, hash, code_out, error), error);
  else
    code = VATD_NOT_FOUND;
  row_key_fini(&row_key);
  return code;
}

static enum vatd_code bundle_put(struct store *store, const char *hash, struct bytes code_bytes, struct error *error)
{
  struct batched_store *b = of(store);
  struct row_key row_key;
  struct buffer there;
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = rules_check_bundle(hash, code_bytes, error);
  if (code)
    return code;
  buffer_init(&there, LIMIT_BUNDLE);
  code = bundle_get(store, hash, &there, error);
  buffer_fini(&there);
  if (code != VATD_NOT_FOUND)
    return code;
  row_key_init(&row_key, hash, bytes_of(""));
  table_put(b, &b->bundle, row_key.full, code_bytes);
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code bundle_delete(struct store *store, const char *hash, struct error *error)
{
  struct batched_store *b = of(store);
  struct row_key row_key;
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (code)
    return code;
  row_key_init(&row_key, hash, bytes_of(""));
  table_delete(b, &b->bundle, row_key.full);
  row_key_fini(&row_key);
  return VATD_OK;
}

/* ---- savepoints ---- */

static enum vatd_code savepoint(struct store *store, const char *name, struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = savepoints_check_name(name, error);
  if (!code)
    savepoints_push(&b->savepoints, name, b->undo.count);
  return code;
}

static enum vatd_code rollback_to(struct store *store, const char *name, struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  return code ? code : savepoints_go_back(&b->savepoints, name, &b->undo, error);
}

static enum vatd_code flush_deletes(struct batched_store *b, const struct table *table, bool of_vats, struct error *error);

/* Every next_key walks over what was deleted behind its start, so that must not become much. */
static bool has_many_deletes(const struct batched_store *b)
{
  return b->kv.deletes.count + b->vatstore.deletes.count > LIMIT_BATCHED_DELETES;
}

static enum vatd_code release(struct store *store, const char *name, struct error *error)
{
  struct batched_store *b = of(store);
  size_t place;
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = savepoints_find(&b->savepoints, name, &place, error);
  if (!code)
    savepoints_cut(&b->savepoints, place);
  if (code || b->savepoints.count > 0)
    return code;
  undo_log_forget(&b->undo); /* only the whole batch could still be undone, and for that it is not needed */
  if (!has_many_deletes(b))
    return VATD_OK;
  code = flush_deletes(b, &b->kv, false, error);
  if (!code)
    code = flush_deletes(b, &b->vatstore, true, error);
  ordmap_clear(&b->kv.deletes);
  ordmap_clear(&b->vatstore.deletes);
  return heard(b, code, error);
}

/* ---- the end of a batch ---- */

static void for_each_map(struct batched_store *b, void (*what)(struct ordmap *map))
{
  struct ordmap *const maps[] = {&b->kv.puts,     &b->kv.deletes,     &b->vatstore.puts, &b->vatstore.deletes,
                                 &b->bundle.puts, &b->bundle.deletes, &b->cleared};
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
    what(maps[i]);
}

static void forget_batch(struct batched_store *b)
{
  undo_log_forget(&b->undo);
  savepoints_cut(&b->savepoints, 0);
  for_each_map(b, ordmap_clear);
}

/* A stored key of the vatstore table, taken apart. */
static struct bytes split(const char *vat, struct bytes stored)
{
  return vat ? bytes_after(stored, strlen(vat) + 1) : stored;
}

static enum vatd_code flush_deletes(struct batched_store *b, const struct table *table, bool of_vats, struct error *error)
{
  enum vatd_code code = VATD_OK;
  struct bytes key;
  for (bool found = ordmap_seek(&table->deletes, bytes_of(""), &key, NULL); found && !code;
       found = ordmap_next(&table->deletes, key, &key, NULL)) {
    const char *vat = of_vats ? key.data : NULL;
    code = b->engine->ops->delete (b->engine, vat, split(vat, key), error);
    if (!code && !vat)
      row_cache_forget(&b->cache, key);
  }
  return code;
}

static enum vatd_code flush_table(struct batched_store *b, const struct table *table, bool of_vats, struct error *error)
{
  const struct store_ops *ops = b->engine->ops;
  struct bytes key;
  struct bytes value;
  enum vatd_code code = flush_deletes(b, table, of_vats, error);
  for (bool found = ordmap_seek(&table->puts, bytes_of(""), &key, &value); found && !code;
       found = ordmap_next(&table->puts, key, &key, &value))
    code = ops->put(b->engine, of_vats ? key.data : NULL, split(of_vats ? key.data : NULL, key), value, error);
  return code;
}

static enum vatd_code flush_bundles(struct batched_store *b, struct error *error)
{
  enum vatd_code code = VATD_OK;
  struct bytes key;
  struct bytes value;
  for (bool found = ordmap_seek(&b->bundle.deletes, bytes_of(""), &key, NULL); found && !code;
       found = ordmap_next(&b->bundle.deletes, key, &key, NULL))
    code = b->engine->ops->bundle_delete(b->engine, key.data, error);
  for (bool found = ordmap_seek(&b->bundle.puts, bytes_of(""), &key, &value); found && !code;
       found = ordmap_next(&b->bundle.puts, key, &key, &value))
    code = b->engine->ops->bundle_put(b->engine, key.data, value, error);
  return code;
}

/* What was put into kv is what the engine holds now. */
static void remember_rows(struct batched_store *b)
{
  struct bytes key;
  struct bytes value;
  for (bool found = ordmap_seek(&b->kv.puts, bytes_of(""), &key, &value); found;
       found = ordmap_next(&b->kv.puts, key, &key, &value))
    row_cache_put(&b->cache, key, value);
}

/* Writes the batch to the engine, in the engine's own open batch. */
static enum vatd_code flush(struct batched_store *b, struct error *error)
{
  enum vatd_code code = is_cleared(b) ? b->engine->ops->clear(b->engine, error) : VATD_OK;
  if (is_cleared(b))
    row_cache_clear(&b->cache);
  if (!code)
    code = flush_table(b, &b->kv, false, error);
  if (!code)
    code = flush_table(b, &b->vatstore, true, error);
  if (!code)
    code = flush_bundles(b, error);
  if (code)
    return heard(b, code, error);
  remember_rows(b);
  forget_batch(b);
  return VATD_OK;
}

static enum vatd_code check_no_savepoint(const struct batched_store *b, const char *what, struct error *error)
{
  if (b->savepoints.count == 0)
    return VATD_OK;
  return error_set(error, VATD_MISUSE, "%s inside savepoint %s", what, b->savepoints.items[b->savepoints.count - 1].name);
}

static enum vatd_code commit(struct store *store, uint64_t *batch, struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = check_no_savepoint(b, "commit", error);
  if (!code)
    code = flush(b, error);
  return code ? code : heard(b, b->engine->ops->commit(b->engine, batch, error), error);
}

static enum vatd_code rollback(struct store *store, struct error *error)
{
  struct batched_store *b = of(store);
  if (b->broken.code == VATD_FULL)
    b->broken = (struct error){0};
  enum vatd_code code = check_quiet(b, error);
  if (code)
    return code;
  forget_batch(b);
  row_cache_clear(&b->cache); /* it may know what a query or a commit that found no room has written */
  return heard(b, b->engine->ops->rollback(b->engine, error), error);
}

static bool has_room(struct store *store, uint64_t bytes)
{
  struct store *engine = of(store)->engine;
  return !engine->ops->has_room || engine->ops->has_room(engine, bytes);
}

static enum vatd_code query(struct store *store, struct bytes sql, store_query_row_fn *row, void *context,
                            struct error *error)
{
  struct batched_store *b = of(store);
  enum vatd_code code = check_quiet(b, error);
  if (!code)
    code = check_no_savepoint(b, "query", error);
  if (!code)
    code = flush(b, error);
  return code ? code : heard(b, b->engine->ops->query(b->engine, sql, row, context, error), error);
}

/* ---- life ---- */

static void pass_on(void *context, uint64_t batch, enum store_outcome outcome)
{
  struct batched_store *b = context;
  if (b->store.on_outcome)
    b->store.on_outcome(b->store.outcome_context, batch, outcome);
}

static void close_store(struct store *store)
{
  if (!store)
    return;
  struct batched_store *b = of(store);
  for_each_map(b, ordmap_fini);
  undo_log_fini(&b->undo);
  savepoints_fini(&b->savepoints);
  row_cache_fini(&b->cache);
  b->engine->ops->close(b->engine);
  free(b);
}

static const struct store_ops batched_store_ops = {
    .name = "batched",
    .get = get,
    .next_key = next_key,
    .put = put,
    .delete = delete_key,
    .scan = scan,
    .scan_from = scan_from,
    .delete_vat = delete_vat,
    .note_absent = note_absent,
    .bundle_get = bundle_get,
    .bundle_put = bundle_put,
    .bundle_delete = bundle_delete,
    .savepoint = savepoint,
    .rollback_to = rollback_to,
    .release = release,
    .commit = commit,
    .rollback = rollback,
    .has_room = has_room,
    .query = query,
    .clear = clear,
    .close = close_store,
};

struct store *store_batched_open(struct store *engine)
{
  struct batched_store *b = memory_zalloc(sizeof *b);
  b->store.ops = &batched_store_ops;
  b->store.epoch = engine->epoch;
  b->engine = engine;
  engine->on_outcome = pass_on;
  engine->outcome_context = b;
  undo_log_init(&b->undo);
  savepoints_init(&b->savepoints);
  row_cache_init(&b->cache);
  return &b->store;
}
