/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite.c - the operations of the SQLite engine on an open store (sqlite_open.c opens it).
 *
 * A batch is one transaction, begun by the first write or savepoint. States:
 *
 *   idle --write, savepoint--> open --commit--> idle
 *                              open --rollback--> idle
 *                              open --no room--> full --rollback--> idle      (broken.code == VATD_FULL)
 *   any  --COMMIT failed, any other error of the storage--> broken           (broken.code != 0, until close)
 *
 * Invariants: after an error of SQLite nothing more is written until the caller has given up the batch, for SQLite may
 * or may not have ended the transaction by itself; a broken store is never checkpointed, so that the next opening finds
 * the log as the failure left it. All savepoints are named "s" in SQL, where the newest of a name is meant: the names
 * of the callers live in the stack of savepoints.h alone.
 */
#include "store/checksum_vfs.h"
#include "store/rules.h"
#include "store/sqlite_store.h"
#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const statement_sql[STATEMENT_COUNT] = {
#define X(name, sql) sql,
    STATEMENTS(X)
#undef X
};

static struct sqlite_store *of(struct store *store)
{
  return (struct sqlite_store *)store;
}

/* --- errors --- */

static enum vatd_code code_of(int rc)
{
  switch (rc & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return VATD_BUSY;
  case SQLITE_READONLY:
    return VATD_READ_ONLY;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return VATD_CORRUPT;
  case SQLITE_FULL:
    return VATD_FULL;
  default:
    return rc == SQLITE_IOERR_DATA ? VATD_CORRUPT : VATD_IO;
  }
}

enum vatd_code sqlite_store_error(struct sqlite_store *s, int rc, const char *what, struct error *error)
{
  enum vatd_code code = code_of(rc);
  const char *message = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
  const char *complaint = s->db ? checksum_vfs_complaint(s->db) : "";
  if (*complaint)
    return error_set(error, code, "%s: %s: %s (SQLite code %d)", what, s->path, complaint, rc);
  int errnum = s->db && code == VATD_IO ? sqlite3_system_errno(s->db) : 0;
  if (errnum)
    return error_set_errno(error, code, errnum, "%s: %s: %s (SQLite code %d)", what, s->path, message, rc);
  return error_set(error, code, "%s: %s: %s (SQLite code %d)", what, s->path, message, rc);
}

/* Ends the store for good. Checkpointing what is in doubt could only make it worse. */
static void break_store(struct sqlite_store *s, const struct error *error)
{
  s->broken = *error;
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

enum vatd_code sqlite_store_fail(struct sqlite_store *s, int rc, const char *what, struct error *error)
{
  struct error own;
  struct error said;
  enum vatd_code code = sqlite_store_error(s, rc, what, &said);
  const char *batch = !s->open                        ? "no batch was open"
                      : sqlite3_get_autocommit(s->db) ? "SQLite has undone the open batch"
                                                      : "the batch is still open";
  error_set(&own, code, "%s; %s", said.text, batch);
  if (code == VATD_FULL)
    s->broken = own;
  else
    break_store(s, &own);
  return error_set(error, code, "%s", own.text);
}

enum vatd_code sqlite_store_check(struct sqlite_store *s, struct error *error)
{
  return s->broken.code ? error_set(error, s->broken.code, "%s", s->broken.text) : VATD_OK;
}

/* --- statements --- */

enum vatd_code sqlite_store_prepare(struct sqlite_store *s, struct error *error)
{
  for (int i = 0; i < STATEMENT_COUNT; i++) {
    int rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL);
    if (rc)
      return sqlite_store_error(s, rc, "cannot prepare a statement", error);
  }
  return VATD_OK;
}

/* Borrowed until the statement is bound anew. No bytes at all would bind NULL, which is not the empty text. */
static int bind(sqlite3_stmt *stmt, int index, struct bytes text)
{
  return sqlite3_bind_text64(stmt, index, text.data ? text.data : "", text.size, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_row(sqlite3_stmt *stmt, const char *vat, struct bytes key)
{
  int rc = bind(stmt, 1, key);
  return rc || !vat ? rc : bind(stmt, 2, bytes_of(vat));
}

static struct bytes column(sqlite3_stmt *stmt, int index)
{
  const void *data = sqlite3_column_blob(stmt, index);
  return bytes_from(data, (size_t)sqlite3_column_bytes(stmt, index));
}

/* Steps a bound statement that gives no rows, and resets it. */
static int finish(sqlite3_stmt *stmt)
{
  int rc = sqlite3_step(stmt);
  int reset_rc = sqlite3_reset(stmt);
  return rc == SQLITE_DONE ? reset_rc : rc;
}

int sqlite_store_run(struct sqlite_store *s, enum sqlite_statement statement)
{
  return finish(s->statements[statement]);
}

/* Steps a bound statement once, gives its first column, and resets it. NOT_FOUND when there is no row. */
static enum vatd_code fetch(struct sqlite_store *s, sqlite3_stmt *stmt, const char *what, struct buffer *out,
                            struct error *error)
{
  enum vatd_code code;
  int rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW)
    code = buffer_append_bytes(out, column(stmt, 0))
               ? VATD_OK
               : error_set(error, VATD_MISUSE, "%s: the caller's buffer is too small", what);
  else if (rc == SQLITE_DONE)
    code = VATD_NOT_FOUND;
  else
    code = sqlite_store_fail(s, rc, what, error);
  sqlite3_reset(stmt);
  return code;
}

enum vatd_code sqlite_store_get_own(struct sqlite_store *s, const char *key, struct buffer *value, struct error *error)
{
  sqlite3_stmt *stmt = s->statements[STATEMENT_GET];
  int rc = bind_row(stmt, NULL, bytes_of(key));
  return rc ? sqlite_store_fail(s, rc, "cannot read", error) : fetch(s, stmt, "cannot read", value, error);
}

int sqlite_store_put_own(struct sqlite_store *s, const char *key, const char *value)
{
  sqlite3_stmt *stmt = s->statements[STATEMENT_PUT];
  int rc = bind_row(stmt, NULL, bytes_of(key));
  if (!rc)
    rc = bind(stmt, 3, bytes_of(value));
  return rc ? rc : finish(stmt);
}

/* --- reading --- */

static enum vatd_code begin_read(struct sqlite_store *s, const char *vat, struct bytes key, struct error *error)
{
  enum vatd_code code = sqlite_store_check(s, error);
  return code ? code : rules_check_key(vat, key, error);
}

static enum vatd_code get(struct store *store, const char *vat, struct bytes key, struct buffer *value,
                          struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = begin_read(s, vat, key, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[vat ? STATEMENT_GET_VAT : STATEMENT_GET];
  int rc = bind_row(stmt, vat, key);
  return rc ? sqlite_store_fail(s, rc, "cannot read", error) : fetch(s, stmt, "cannot read", value, error);
}

static enum vatd_code next_key(struct store *store, const char *vat, struct bytes after, struct buffer *key,
                               struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = begin_read(s, vat, after, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[vat ? STATEMENT_NEXT_VAT : STATEMENT_NEXT];
  int rc = bind_row(stmt, vat, after);
  return rc ? sqlite_store_fail(s, rc, "cannot read", error) : fetch(s, stmt, "cannot read", key, error);
}

/* SQLITE_DONE when all rows have been shown or the callback has had enough, else an error. */
static int show_rows(sqlite3_stmt *stmt, struct bytes prefix, store_row_fn *row, void *context)
{
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    struct bytes key = column(stmt, 0);
    if (!bytes_start_with(key, prefix) || !row(context, key, column(stmt, 1)))
      return SQLITE_DONE;
  }
  return rc;
}

/* The rows from `from` on, as long as they start with `prefix`. */
static enum vatd_code scan_rows(struct sqlite_store *s, const char *vat, struct bytes from, struct bytes prefix,
                                store_row_fn *row, void *context, struct error *error)
{
  if (s->readers)
    return error_set(error, VATD_MISUSE, "a scan was begun inside a scan or a query");
  sqlite3_stmt *stmt = s->statements[vat ? STATEMENT_SCAN_VAT : STATEMENT_SCAN];
  s->readers++;
  int rc = bind_row(stmt, vat, from);
  if (!rc)
    rc = show_rows(stmt, prefix, row, context);
  s->readers--;
  enum vatd_code code = rc == SQLITE_DONE ? VATD_OK : sqlite_store_fail(s, rc, "cannot read", error);
  sqlite3_reset(stmt);
  return code;
}

static enum vatd_code scan(struct store *store, const char *vat, struct bytes prefix, store_row_fn *row, void *context,
                           struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = begin_read(s, vat, prefix, error);
  return code ? code : scan_rows(s, vat, prefix, prefix, row, context, error);
}

static enum vatd_code scan_from(struct store *store, const char *vat, struct bytes from, store_row_fn *row, void *context,
                                struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = sqlite_store_check(s, error);
  if (!code)
    code = rules_check_from(vat, from, error);
  return code ? code : scan_rows(s, vat, from, bytes_of(""), row, context, error);
}

/* --- writing --- */

static enum vatd_code check_quiet(struct sqlite_store *s, struct error *error)
{
  enum vatd_code code = sqlite_store_check(s, error);
  if (code || !s->readers)
    return code;
  return error_set(error, VATD_MISUSE, "a write was begun inside a scan or a query");
}

static enum vatd_code begin_batch(struct sqlite_store *s, struct error *error)
{
  if (s->open)
    return VATD_OK;
  int rc = sqlite_store_run(s, STATEMENT_BEGIN);
  if (rc)
    return sqlite_store_fail(s, rc, "cannot begin a batch", error);
  s->open = true;
  s->written = false;
  return VATD_OK;
}

/* Ends a write whose parameters were bound with result `rc`: runs the statement and tells a failure. */
static enum vatd_code write_bound(struct sqlite_store *s, int rc, sqlite3_stmt *stmt, const char *what,
                                  struct error *error)
{
  s->written = true;
  if (!rc)
    rc = finish(stmt);
  return rc ? sqlite_store_fail(s, rc, what, error) : VATD_OK;
}

static enum vatd_code put(struct store *store, const char *vat, struct bytes key, struct bytes value,
                          struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (!code)
    code = rules_check_value(vat, value, error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[vat ? STATEMENT_PUT_VAT : STATEMENT_PUT];
  int rc = bind_row(stmt, vat, key);
  if (!rc)
    rc = bind(stmt, 3, value);
  return write_bound(s, rc, stmt, "cannot write", error);
}

static enum vatd_code delete_key(struct store *store, const char *vat, struct bytes key, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = rules_check_writable_key(vat, key, error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[vat ? STATEMENT_DELETE_VAT : STATEMENT_DELETE];
  return write_bound(s, bind_row(stmt, vat, key), stmt, "cannot delete", error);
}

static enum vatd_code delete_vat(struct store *store, const char *vat, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = rules_check_vat(vat, error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[STATEMENT_DELETE_ALL_OF_VAT];
  return write_bound(s, bind(stmt, 1, bytes_of(vat)), stmt, "cannot delete a vat's storage", error);
}

static enum vatd_code clear(struct store *store, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = begin_batch(s, error);
  for (int i = STATEMENT_CLEAR_KV; !code && i <= STATEMENT_CLEAR_BUNDLE; i++)
    code = write_bound(s, SQLITE_OK, s->statements[i], "cannot clear", error);
  return code;
}

/* --- bundles --- */

static enum vatd_code bundle_get(struct store *store, const char *hash, struct buffer *code_out, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = sqlite_store_check(s, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[STATEMENT_BUNDLE_GET];
  int rc = bind(stmt, 1, bytes_of(hash));
  return rc ? sqlite_store_fail(s, rc, "cannot read a bundle", error)
            : fetch(s, stmt, "cannot read a bundle", code_out, error);
}

static enum vatd_code bundle_put(struct store *store, const char *hash, struct bytes code_bytes, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = rules_check_bundle(hash, code_bytes, error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[STATEMENT_BUNDLE_PUT];
  int rc = bind(stmt, 1, bytes_of(hash));
  if (!rc)
    rc = sqlite3_bind_blob64(stmt, 2, code_bytes.data ? code_bytes.data : "", code_bytes.size, SQLITE_STATIC);
  return write_bound(s, rc, stmt, "cannot write a bundle", error);
}

static enum vatd_code bundle_delete(struct store *store, const char *hash, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = rules_check_bundle(hash, bytes_of(""), error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  sqlite3_stmt *stmt = s->statements[STATEMENT_BUNDLE_DELETE];
  return write_bound(s, bind(stmt, 1, bytes_of(hash)), stmt, "cannot delete a bundle", error);
}

/* --- savepoints --- */

static enum vatd_code savepoint(struct store *store, const char *name, struct error *error)
{
  struct sqlite_store *s = of(store);
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = savepoints_check_name(name, error);
  if (!code)
    code = begin_batch(s, error);
  if (code)
    return code;
  int rc = sqlite_store_run(s, STATEMENT_SAVEPOINT);
  if (rc)
    return sqlite_store_fail(s, rc, "cannot make a savepoint", error);
  savepoints_push(&s->savepoints, name, 0);
  return VATD_OK;
}

/* Ends the savepoints newer than the `count` oldest; their changes go to the one that remains newest. */
static int release_down_to(struct sqlite_store *s, size_t count)
{
  int rc = SQLITE_OK;
  while (!rc && s->savepoints.count > count) {
    rc = sqlite_store_run(s, STATEMENT_RELEASE);
    if (!rc)
      savepoints_cut(&s->savepoints, s->savepoints.count - 1);
  }
  return rc;
}

static enum vatd_code rollback_to(struct store *store, const char *name, struct error *error)
{
  struct sqlite_store *s = of(store);
  size_t place;
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = savepoints_find(&s->savepoints, name, &place, error);
  if (code)
    return code;
  int rc = release_down_to(s, place + 1);
  if (!rc)
    rc = sqlite_store_run(s, STATEMENT_ROLLBACK_TO);
  return rc ? sqlite_store_fail(s, rc, "cannot go back to a savepoint", error) : VATD_OK;
}

static enum vatd_code release(struct store *store, const char *name, struct error *error)
{
  struct sqlite_store *s = of(store);
  size_t place;
  enum vatd_code code = check_quiet(s, error);
  if (!code)
    code = savepoints_find(&s->savepoints, name, &place, error);
  if (code)
    return code;
  int rc = release_down_to(s, place);
  return rc ? sqlite_store_fail(s, rc, "cannot release a savepoint", error) : VATD_OK;
}

/* --- the end of a batch --- */

static void report(struct sqlite_store *s, uint64_t batch, enum store_outcome outcome)
{
  if (s->store.on_outcome)
    s->store.on_outcome(s->store.outcome_context, batch, outcome);
}

static enum vatd_code check_epoch(struct sqlite_store *s, struct error *error)
{
  char own[32];
  struct buffer stored;
  snprintf(own, sizeof own, "%" PRIu64, s->store.epoch);
  buffer_init(&stored, sizeof own);
  enum vatd_code code = sqlite_store_get_own(s, RULES_EPOCH_KEY, &stored, error);
  if (code == VATD_NOT_FOUND || (!code && !bytes_is(buffer_bytes(&stored), own))) {
    struct error fenced;
    code = error_set(&fenced, VATD_FENCED,
                     "cannot commit: %s: another kernel has taken the database over (epoch %s is now %s)", s->path, own,
                     buffer_text(&stored));
    break_store(s, &fenced);
    error_set(error, code, "%s", fenced.text);
  }
  buffer_fini(&stored);
  return code;
}

/* The row by which a batch in doubt is found or missed when the database is opened again. */
static enum vatd_code write_commit_row(struct sqlite_store *s, uint64_t batch, struct error *error)
{
  enum vatd_code code = check_epoch(s, error);
  if (code == VATD_FENCED)
    report(s, batch, STORE_FENCED);
  if (code)
    return code;
  char value[64];
  snprintf(value, sizeof value, "%" PRIu64 " %" PRIu64, s->store.epoch, batch);
  int rc = sqlite_store_put_own(s, RULES_COMMIT_KEY, value);
  return rc ? sqlite_store_fail(s, rc, "cannot write the commit's row", error) : VATD_OK;
}

/*
 * Writes the batch's pages to the log, which needs room, so that the COMMIT after it needs next to none, and takes that.
 * What fails here otherwise is left to the COMMIT, which meets the same disk.
 */
static enum vatd_code find_room(struct sqlite_store *s, struct error *error)
{
#ifndef VATD_UNSAFE_NO_LOOK_FOR_ROOM /* the negative control of the full disk's tests */
  int rc = sqlite3_db_cacheflush(s->db);
  if ((rc & 0xff) == SQLITE_FULL || (!rc && !room_take(&s->room)))
    return sqlite_store_fail(s, SQLITE_FULL, "cannot commit", error);
#else
  (void)s, (void)error;
#endif
  return VATD_OK;
}

/* Whether a COMMIT that failed is stored cannot be known here: the log may hold it. */
static enum vatd_code commit_in_doubt(struct sqlite_store *s, uint64_t batch, int rc, struct error *error)
{
  struct error said;
  struct error doubt;
  sqlite_store_error(s, rc, "cannot commit", &said);
  enum vatd_code code =
      error_set(&doubt, VATD_IN_DOUBT, "%s; batch %" PRIu64 " may or may not be stored; %s", said.text, batch,
                sqlite3_get_autocommit(s->db) ? "SQLite has ended the transaction" : "the transaction is still open");
  break_store(s, &doubt);
  error_set(error, code, "%s", doubt.text);
  report(s, batch, STORE_IN_DOUBT);
  return code;
}

static enum vatd_code commit(struct store *store, uint64_t *batch, struct error *error)
{
  struct sqlite_store *s = of(store);
  uint64_t number = s->batch + 1;
  enum vatd_code code = check_quiet(s, error);
  if (!code && s->savepoints.count)
    code =
        error_set(error, VATD_MISUSE, "commit inside savepoint %s", s->savepoints.items[s->savepoints.count - 1].name);
  if (!code && s->open && s->written)
    code = write_commit_row(s, number, error);
  if (!code && s->open && s->written)
    code = find_room(s, error);
  if (code)
    return code;
  int rc = s->open ? sqlite_store_run(s, STATEMENT_COMMIT) : SQLITE_OK;
  if (!rc && s->open && s->written)
    rc = page_sums_note(s->sums, s->store.epoch, number);
  if (rc)
    return commit_in_doubt(s, number, rc, error);
  s->open = false;
  s->batch = number;
  *batch = number;
  report(s, number, STORE_DURABLE);
  return VATD_OK;
}

static enum vatd_code rollback(struct store *store, struct error *error)
{
  struct sqlite_store *s = of(store);
  if (s->broken.code == VATD_FULL)
    s->broken = (struct error){0};
  enum vatd_code code = check_quiet(s, error);
  if (code)
    return code;
  int rc = sqlite3_get_autocommit(s->db) ? SQLITE_OK : sqlite_store_run(s, STATEMENT_ROLLBACK);
  if (rc)
    return sqlite_store_fail(s, rc, "cannot undo the batch", error);
  s->open = false;
  savepoints_cut(&s->savepoints, 0);
  return VATD_OK;
}

static bool has_room(struct store *store, uint64_t bytes)
{
  struct sqlite_store *s = of(store);
  return room_reserve(&s->room) && room_take(&s->room) && room_has(&s->room, bytes);
}

/* --- the end --- */

void sqlite_store_free(struct sqlite_store *s)
{
  room_close(&s->room); /* what it kept is for the end in order, which writes the log back */
  for (int i = 0; i < STATEMENT_COUNT; i++)
    sqlite3_finalize(s->statements[i]);
  sqlite3_close(s->db);
  savepoints_fini(&s->savepoints);
  free(s->path);
  free(s);
}

static void close_store(struct store *store)
{
  if (store)
    sqlite_store_free(of(store));
}

const struct store_ops sqlite_store_ops = {
    .name = "sqlite",
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
    .has_room = has_room,
    .query = sqlite_query_run,
    .clear = clear,
    .close = close_store,
};
