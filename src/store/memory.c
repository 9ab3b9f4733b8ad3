/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/memory.c - the engine for tests and simulation: three ordered maps and an undo log.
 *
 * Rows of vats lie under row_key.h's keys. Savepoints are lengths of the undo log; closing a batch forgets it. The engine's own rows (rules.h) are kept as in SQLite.
 *
 * States as in sqlite.c, without FULL. A test says how the next commit ends (store_memory_end_next_commit) and may go
 * on as after a crash (store_memory_reopen).
 */
#include "store/row_key.h"
#include "store/rules.h"
#include "store/savepoints.h"
#include "store/store_engines.h"
#include "store/undo_log.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/ordmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct memory_store {
  struct store store;
  struct ordmap kv;
  struct ordmap vatstore;
  struct ordmap bundle;
  struct undo_log undo; /* of the open batch */
  struct savepoints savepoints;
  uint64_t batch;
  bool scanning;
  struct error broken;
  enum store_outcome next_outcome;
  bool next_stored;
};

static struct memory_store *of(struct store *store)
{
  return (struct memory_store *)store;
}

/* --- where a row lives --- */

static struct ordmap *map_of(struct memory_store *m, const char *vat)
{
  return vat ? &m->vatstore : &m->kv;
}

static enum vatd_code check_alive(struct memory_store *m, struct error *error)
{
  return m->broken.code ? error_set(error, m->broken.code, "%s", m->broken.text) : VATD_OK;
}

static enum vatd_code check_quiet(struct memory_store *m, struct error *error)
{
  enum vatd_code code = check_alive(m, error);
  if (code || !m->scanning)
    return code;
  return error_set(error, VATD_MISUSE, "a write was begun inside a scan or a query");
}

/* --- reading --- */

static enum vatd_code get(struct store *store, const char *vat, struct bytes key, struct buffer *value,
                          struct error *error)
{
  struct memory_store *m = of(store);
  struct bytes found;
  enum vatd_code code = check_alive(m, error);
  if (!code)
    code = rules_check_key(vat, key, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  code = ordmap_get(map_of(m, vat), row_key.full, &found) ? rules_hand_out(found, value, error) : VATD_NOT_FOUND;
  row_key_fini(&row_key);
  return code;
}

static enum vatd_code next_key(struct store *store, const char *vat, struct bytes after, struct buffer *key,
                               struct error *error)
{
  struct memory_store *m = of(store);
  struct bytes stored;
  enum vatd_code code = check_alive(m, error);
  if (!code)
    code = rules_check_key(vat, after, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, after);
  bool found = ordmap_next(map_of(m, vat), row_key.full, &stored, NULL);
  while (found && rules_is_engine_key(vat, stored))
    found = ordmap_next(map_of(m, vat), stored, &stored, NULL);
  code = found && row_key_has(&row_key, stored) ? rules_hand_out(row_key_bare(&row_key, stored), key, error) : VATD_NOT_FOUND;
  row_key_fini(&row_key);
  return code;
}

static void show_rows(const struct ordmap *map, const char *vat, const struct row_key *from, bool all, store_row_fn *row,
                      void *context)
{
  struct bytes stored;
  struct bytes value;
  bool found = ordmap_seek(map, from->full, &stored, &value);
  while (found && (all ? row_key_has(from, stored) : bytes_start_with(stored, from->full))) {
    if (!rules_is_engine_key(vat, stored) && !row(context, row_key_bare(from, stored), value))
      return;
    found = ordmap_next(map, stored, &stored, &value);
  }
}

/* The rows from `from` on: all of the vat, or those that start with it. */
static enum vatd_code scan_rows(struct memory_store *m, const char *vat, struct bytes from, bool all, store_row_fn *row,
                                void *context, struct error *error)
{
  if (m->scanning)
    return error_set(error, VATD_MISUSE, "a scan was begun inside a scan or a query");
  struct row_key row_key;
  row_key_init(&row_key, vat, from);
  m->scanning = true;
  show_rows(map_of(m, vat), vat, &row_key, all, row, context);
  m->scanning = false;
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code scan(struct store *store, const char *vat, struct bytes prefix, store_row_fn *row, void *context,
                           struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_alive(m, error);
  if (!code)
    code = rules_check_key(vat, prefix, error);
  return code ? code : scan_rows(m, vat, prefix, false, row, context, error);
}

static enum vatd_code scan_from(struct store *store, const char *vat, struct bytes from, store_row_fn *row, void *context,
                                struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_alive(m, error);
  if (!code)
    code = rules_check_from(vat, from, error);
  return code ? code : scan_rows(m, vat, from, true, row, context, error);
}

/* --- writing --- */

static enum vatd_code put(struct store *store, const char *vat, struct bytes key, struct bytes value,
                          struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (!code)
    code = rules_check_value(vat, value, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  undo_log_put(&m->undo, map_of(m, vat), row_key.full, value);
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code delete_key(struct store *store, const char *vat, struct bytes key, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, key);
  undo_log_remove(&m->undo, map_of(m, vat), row_key.full);
  row_key_fini(&row_key);
  return VATD_OK;
}

static enum vatd_code delete_vat(struct store *store, const char *vat, struct error *error)
{
  struct memory_store *m = of(store);
  struct bytes stored;
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = rules_check_vat(vat, error);
  if (code)
    return code;
  struct row_key row_key;
  row_key_init(&row_key, vat, bytes_of(""));
  while (ordmap_seek(map_of(m, vat), row_key.full, &stored, NULL) && row_key_has(&row_key, stored))
    undo_log_remove(&m->undo, map_of(m, vat), stored);
  row_key_fini(&row_key);
  return VATD_OK;
}

static void clear_map(struct memory_store *m, struct ordmap *map)
{
  struct bytes key;
  bool found = ordmap_seek(map, bytes_of(""), &key, NULL);
  while (found) {
    struct buffer copy;
    buffer_init(&copy, key.size);
    buffer_append_bytes(&copy, key);
    struct bytes kept = buffer_bytes(&copy);
    if (map != &m->kv || !rules_is_engine_key(NULL, kept))
      undo_log_remove(&m->undo, map, kept);
    found = ordmap_next(map, kept, &key, NULL);
    buffer_fini(&copy);
  }
}

static enum vatd_code clear(struct store *store, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (code)
    return code;
  clear_map(m, &m->kv);
  clear_map(m, &m->vatstore);
  clear_map(m, &m->bundle);
  return VATD_OK;
}

/* --- bundles --- */

static enum vatd_code bundle_get(struct store *store, const char *hash, struct buffer *code_out, struct error *error)
{
  struct memory_store *m = of(store);
  struct bytes found;
  enum vatd_code code = check_alive(m, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (code)
    return code;
  return ordmap_get(&m->bundle, bytes_of(hash), &found) ? rules_hand_out(found, code_out, error) : VATD_NOT_FOUND;
}

static enum vatd_code bundle_put(struct store *store, const char *hash, struct bytes code_bytes, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = rules_check_bundle(hash, code_bytes, error);
  if (!code && !ordmap_get(&m->bundle, bytes_of(hash), NULL))
    undo_log_put(&m->undo, &m->bundle, bytes_of(hash), code_bytes);
  return code;
}

static enum vatd_code bundle_delete(struct store *store, const char *hash, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (!code)
    undo_log_remove(&m->undo, &m->bundle, bytes_of(hash));
  return code;
}

/* --- savepoints --- */

static enum vatd_code savepoint(struct store *store, const char *name, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = savepoints_check_name(name, error);
  if (!code)
    savepoints_push(&m->savepoints, name, m->undo.count);
  return code;
}

static enum vatd_code rollback_to(struct store *store, const char *name, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  return code ? code : savepoints_go_back(&m->savepoints, name, &m->undo, error);
}

static enum vatd_code release(struct store *store, const char *name, struct error *error)
{
  struct memory_store *m = of(store);
  size_t place;
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    code = savepoints_find(&m->savepoints, name, &place, error);
  if (!code)
    savepoints_cut(&m->savepoints, place);
  return code;
}

/* --- the end of a batch --- */

static void undo_batch(struct memory_store *m)
{
  undo_log_back_to(&m->undo, 0);
  savepoints_cut(&m->savepoints, 0);
}

static void put_own(struct memory_store *m, const char *key, uint64_t number)
{
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, number);
  ordmap_put(&m->kv, bytes_of(key), bytes_of(text));
}

static void keep_batch(struct memory_store *m, uint64_t batch)
{
  char text[64];
  if (m->undo.count == 0)
    return;
  snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, m->store.epoch, batch);
  ordmap_put(&m->kv, bytes_of(RULES_COMMIT_KEY), bytes_of(text));
  undo_log_forget(&m->undo);
}

/* A commit that a test has told to end badly. */
static enum vatd_code end_badly(struct memory_store *m, uint64_t batch, struct error *error)
{
  enum store_outcome outcome = m->next_outcome;
  m->next_outcome = STORE_DURABLE;
  if (m->next_stored)
    keep_batch(m, batch);
  else
    undo_batch(m);
  enum vatd_code code = outcome == STORE_FENCED ? VATD_FENCED : outcome == STORE_FAILED ? VATD_IO : VATD_IN_DOUBT;
  error_set(&m->broken, code, "commit of batch %" PRIu64 " ended badly, as a test has asked for", batch);
  if (m->store.on_outcome)
    m->store.on_outcome(m->store.outcome_context, batch, outcome);
  return check_alive(m, error);
}

static enum vatd_code commit(struct store *store, uint64_t *batch, struct error *error)
{
  struct memory_store *m = of(store);
  uint64_t number = m->batch + 1;
  enum vatd_code code = check_quiet(m, error);
  if (!code && m->savepoints.count)
    code =
        error_set(error, VATD_MISUSE, "commit inside savepoint %s", m->savepoints.items[m->savepoints.count - 1].name);
  if (code)
    return code;
  if (m->next_outcome != STORE_DURABLE && m->undo.count)
    return end_badly(m, number, error);
  keep_batch(m, number);
  m->batch = number;
  *batch = number;
  if (m->store.on_outcome)
    m->store.on_outcome(m->store.outcome_context, number, STORE_DURABLE);
  return VATD_OK;
}

static enum vatd_code rollback(struct store *store, struct error *error)
{
  struct memory_store *m = of(store);
  enum vatd_code code = check_quiet(m, error);
  if (!code)
    undo_batch(m);
  return code;
}

static enum vatd_code query(struct store *store, struct bytes sql, store_query_row_fn *row, void *context,
                            struct error *error)
{
  (void)store;
  (void)sql;
  (void)row;
  (void)context;
  return error_set(error, VATD_INVALID, "the memory store has no SQL");
}

/* --- life --- */

static void close_store(struct store *store)
{
  if (!store)
    return;
  struct memory_store *m = of(store);
  undo_batch(m);
  undo_log_fini(&m->undo);
  savepoints_fini(&m->savepoints);
  ordmap_fini(&m->kv);
  ordmap_fini(&m->vatstore);
  ordmap_fini(&m->bundle);
  free(m);
}

static const struct store_ops memory_store_ops = {
    .name = "memory",
    .get = get,
    .next_key = next_key,
    .put = put,
    .delete = delete_key,
    .scan = scan,
    .scan_from = scan_from,
    .delete_vat = delete_vat,
    .bundle_get = bundle_get,
    .bundle_put = bundle_put,
    .bundle_delete = bundle_delete,
    .savepoint = savepoint,
    .rollback_to = rollback_to,
    .release = release,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .clear = clear,
    .close = close_store,
};

static void take_epoch(struct memory_store *m)
{
  m->store.epoch++;
  put_own(m, RULES_EPOCH_KEY, m->store.epoch);
}

struct store *store_memory_open(void)
{
  struct memory_store *m = memory_zalloc(sizeof *m);
  m->store.ops = &memory_store_ops;
  ordmap_init(&m->kv);
  ordmap_init(&m->vatstore);
  ordmap_init(&m->bundle);
  undo_log_init(&m->undo);
  savepoints_init(&m->savepoints);
  m->next_outcome = STORE_DURABLE;
  ordmap_put(&m->kv, bytes_of(RULES_COMMIT_KEY), bytes_of("0 0"));
  take_epoch(m);
  return &m->store;
}

void store_memory_reopen(struct store *store)
{
  struct memory_store *m = of(store);
  undo_batch(m);
  m->broken = (struct error){0};
  m->next_outcome = STORE_DURABLE;
  m->batch = 0;
  m->scanning = false;
  store->on_outcome = NULL;
  store->outcome_context = NULL;
  take_epoch(m);
}

void store_memory_end_next_commit(struct store *store, enum store_outcome outcome, bool stored)
{
  struct memory_store *m = of(store);
  m->next_outcome = outcome;
  m->next_stored = stored;
}
