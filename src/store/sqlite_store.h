/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_store.h - the SQLite engine's inside, shared by its files: sqlite_open.c (from a path to a store),
 * sqlite_make.c (new files), sqlite.c (the operations), sqlite_query.c (SQL from people), sqlite_schema.c (tables and
 * views). Below them is checksum_vfs.h.
 */
#ifndef VATD_STORE_SQLITE_STORE_H
#define VATD_STORE_SQLITE_STORE_H

#include "kernel/store.h"
#include "store/page_sums.h"
#include "store/room.h"
#include "store/savepoints.h"

#include <sqlite3.h>

/* X(enumerator, SQL). Every statement the engine runs on its own, prepared once when the store is opened. */
#define STATEMENTS(X) \
  X(STATEMENT_GET, "SELECT value FROM kv WHERE key = ?1") \
  X(STATEMENT_GET_VAT, "SELECT value FROM kv_vatstore WHERE key = ?1 AND vatID = ?2") \
  X(STATEMENT_NEXT, "SELECT key FROM kv WHERE key > ?1 AND NOT (key >= 'store.' AND key < 'store/') " \
                    "ORDER BY key LIMIT 1") \
  X(STATEMENT_NEXT_VAT, "SELECT key FROM kv_vatstore WHERE key > ?1 AND vatID = ?2 ORDER BY key LIMIT 1") \
  X(STATEMENT_PUT, "INSERT INTO kv VALUES (?1, ?3) ON CONFLICT DO UPDATE SET value = excluded.value") \
  X(STATEMENT_PUT_VAT, "INSERT INTO kv_vatstore VALUES (?2, ?1, ?3) ON CONFLICT DO UPDATE SET value = excluded.value") \
  X(STATEMENT_DELETE, "DELETE FROM kv WHERE key = ?1") \
  X(STATEMENT_DELETE_VAT, "DELETE FROM kv_vatstore WHERE key = ?1 AND vatID = ?2") \
  X(STATEMENT_SCAN, \
    "SELECT key, value FROM kv WHERE key >= ?1 AND NOT (key >= 'store.' AND key < 'store/') ORDER BY key") \
  X(STATEMENT_SCAN_VAT, "SELECT key, value FROM kv_vatstore WHERE key >= ?1 AND vatID = ?2 ORDER BY key") \
  X(STATEMENT_DELETE_ALL_OF_VAT, "DELETE FROM kv_vatstore WHERE vatID = ?1") \
  X(STATEMENT_BUNDLE_GET, "SELECT code FROM bundle WHERE hash = ?1") \
  X(STATEMENT_BUNDLE_PUT, "INSERT INTO bundle VALUES (?1, ?2) ON CONFLICT DO NOTHING") \
  X(STATEMENT_BUNDLE_DELETE, "DELETE FROM bundle WHERE hash = ?1") \
  X(STATEMENT_CLEAR_KV, "DELETE FROM kv WHERE NOT (key >= 'store.' AND key < 'store/')") \
  X(STATEMENT_CLEAR_VATSTORE, "DELETE FROM kv_vatstore") \
  X(STATEMENT_CLEAR_BUNDLE, "DELETE FROM bundle") \
  X(STATEMENT_BEGIN, "BEGIN IMMEDIATE") \
  X(STATEMENT_COMMIT, "COMMIT") \
  X(STATEMENT_ROLLBACK, "ROLLBACK") \
  X(STATEMENT_SAVEPOINT, "SAVEPOINT \"s\"") \
  X(STATEMENT_ROLLBACK_TO, "ROLLBACK TO \"s\"") \
  X(STATEMENT_RELEASE, "RELEASE \"s\"")

enum sqlite_statement {
#define X(name, sql) name,
  STATEMENTS(X)
#undef X
      STATEMENT_COUNT
};

struct sqlite_store {
  struct store store;
  char *path;
  sqlite3 *db;
  struct page_sums *sums; /* the connection's */
  struct room room;
  sqlite3_stmt *statements[STATEMENT_COUNT];
  struct savepoints savepoints;
  uint64_t batch;      /* the number of the last commit of this opening */
  bool open;           /* a batch is open */
  bool written;        /* ... and has a write in it */
  unsigned readers;    /* scans and queries whose callback is running */
  bool querying;       /* SQL of a person is being prepared or run: the authorizer judges */
  struct error broken; /* once the code is not 0, what every function answers (sqlite.c has the states) */
};

/* Tells what SQLite said: "WHAT: PATH: message (SQLite code N)". */
enum vatd_code sqlite_store_error(struct sqlite_store *s, int rc, const char *what, struct error *error);
/* The same, and what it means for the batch and for the store. */
enum vatd_code sqlite_store_fail(struct sqlite_store *s, int rc, const char *what, struct error *error);
/* The error that ended the store, if one did. */
enum vatd_code sqlite_store_check(struct sqlite_store *s, struct error *error);
/* Prepares all statements. */
enum vatd_code sqlite_store_prepare(struct sqlite_store *s, struct error *error);
/* Runs one statement without parameters and without rows; SQLITE_OK or an error of SQLite. */
int sqlite_store_run(struct sqlite_store *s, enum sqlite_statement statement);
/* Reads and writes one of the engine's own rows. */
enum vatd_code sqlite_store_get_own(struct sqlite_store *s, const char *key, struct buffer *value, struct error *error);
int sqlite_store_put_own(struct sqlite_store *s, const char *key, const char *value);
/* Opens the connection, through a VFS or (NULL) the default one. */
enum vatd_code sqlite_store_connect(struct sqlite_store *s, const char *path, const char *vfs, struct error *error);
/* Sets how SQLite works with the file, and reads it back. */
enum vatd_code sqlite_store_apply_pragmas(struct sqlite_store *s, struct error *error);
/* All tables and views must be there, word for word. */
enum vatd_code sqlite_store_check_schema(struct sqlite_store *s, struct error *error);
/* Runs SQL without parameters, whose rows do not matter. */
enum vatd_code sqlite_store_execute(struct sqlite_store *s, const char *sql, const char *what, struct error *error);
/* Whether there is a log with anything in it. */
bool sqlite_store_has_log(struct sqlite_store *s);
/* Tells errno: "WHAT PATH: message". */
enum vatd_code sqlite_store_errno(struct error *error, const char *what, const char *path);
/* The parts of opening, also for looking a file over (sqlite_check.c). A store with its path and nothing else. */
struct sqlite_store *sqlite_store_new(const char *path);
/* Connects to an existing file and judges it by its header. */
enum vatd_code sqlite_store_connect_and_judge(struct sqlite_store *s, unsigned *version, struct error *error);
/* Locks it, and has its pages checked against the file of sums. */
enum vatd_code sqlite_store_guard(struct sqlite_store *s, struct error *error);
/* What it says of its last commit must be there and agree with the file of sums, if that was taken. */
enum vatd_code sqlite_store_judge_history(struct sqlite_store *s, struct error *error);
/* Frees everything; a NULL database is fine. */
void sqlite_store_free(struct sqlite_store *s);

/* sqlite_make.c: a whole new database at s->path, and one in place of an older one. The connection is closed after. */
enum vatd_code sqlite_make_new(struct sqlite_store *s, struct error *error);
enum vatd_code sqlite_make_from_older(struct sqlite_store *s, unsigned version, struct error *error);

/* The engine's functions, and those of them that live in sqlite_query.c. */
extern const struct store_ops sqlite_store_ops;
enum vatd_code sqlite_query_run(struct store *store, struct bytes sql, store_query_row_fn *row, void *context,
                                struct error *error);
/* Lets the authorizer refuse whatever a query may not do; other statements pass. */
enum vatd_code sqlite_query_set_up(struct sqlite_store *s, struct error *error);

#endif
