/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/store.h - what the kernel needs of a database engine. src/store/ has the engines.
 *
 * A store holds three tables:
 *
 *   kv(key, value)                   kernel state
 *   kv_vatstore(vatID, key, value)   each vat's persistent storage
 *   bundle(hash, code)               the code of every launched vat
 *
 * Functions that take `vat` address kv_vatstore's rows of that vat; with vat == NULL they address kv. Keys and values are
 * any UTF-8, NUL included; an empty value is a value; keys are ordered by memcmp.
 *
 * Writes go to the open *batch* (opened by the first write or savepoint). Inside it savepoints nest. `commit` closes the
 * batch; only then, and only once the engine has said so, is it durable (ARCHITECTURE.md, "Batches and the output gate").
 * All functions see the batch's own writes.
 *
 * kv keys that start with "store." belong to the engine. get answers for them (`store.epoch`: "EPOCH"; `store.commit`:
 * "EPOCH BATCH" of the last commit that wrote anything, by which a batch in doubt is found or missed after reopening;
 * others may be there);
 * next_key, scan and clear pass over them; put and delete of them are INVALID. In kv_vatstore such keys are like others.
 *
 * Errors:
 *   INVALID    a key, value or name that breaks a rule, or is over its limit in base/limits.h: nothing was changed
 *   NOT_FOUND  where said; the error is not filled
 *   MISUSE     the caller broke the contract (a write inside a scan, a buffer whose limit is too small): nothing was changed
 *   LIMIT      of a query only
 *   FULL       no room. The batch can only be given up: every function answers FULL until rollback()
 *   others     the storage is in doubt: every function answers so until close(), and the process must end; what is true is
 *              found out at the next open
 */
#ifndef VATD_KERNEL_STORE_H
#define VATD_KERNEL_STORE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The version of keys and tables that this code writes; kept in the database. Older ones are migrated, newer ones refused. */
#define STORE_SCHEMA_VERSION 2

/* How a commit ended. DURABLE and FAILED are facts; after IN_DOUBT or FENCED the process must end. */
enum store_outcome { STORE_DURABLE, STORE_FAILED, STORE_IN_DOUBT, STORE_FENCED };

/* Told by the engine, possibly from inside commit(): all batches up to `batch` ended like this. */
typedef void store_outcome_fn(void *context, uint64_t batch, enum store_outcome outcome);

/* A row of a scan; return false to stop. Borrowed until the callback returns. The callback may get, next_key and
 * bundle_get; a write, scan or query from it is MISUSE. */
typedef bool store_row_fn(void *context, struct bytes key, struct bytes value);

/* A row of a query. texts[i] is NULL for SQL NULL; what no C string can hold (NUL, not UTF-8) comes as the SQL literal
 * X'...'. Return false to stop. The callback must not use the store. */
typedef bool store_query_row_fn(void *context, size_t columns, const char *const *names, const char *const *texts);

struct store;

struct store_ops {
  const char *name;

  /* The value appended to `value`; NOT_FOUND when there is no such key (error not filled). */
  enum vatd_code (*get)(struct store *, const char *vat, struct bytes key, struct buffer *value, struct error *);
  /* The smallest key strictly greater than `after` appended to `key`; NOT_FOUND at the end. The empty `after` is smaller
   * than every key but the empty one. */
  enum vatd_code (*next_key)(struct store *, const char *vat, struct bytes after, struct buffer *key, struct error *);
  enum vatd_code (*put)(struct store *, const char *vat, struct bytes key, struct bytes value, struct error *);
  /* Deleting a key that is not there is no error. */
  enum vatd_code (*delete)(struct store *, const char *vat, struct bytes key, struct error *);
  /* All rows whose key starts with `prefix`, in key order. */
  enum vatd_code (*scan)(struct store *, const char *vat, struct bytes prefix, store_row_fn *row, void *context,
                         struct error *);
  /* The vat's rows from the key `from` on, in key order; it may be one byte longer than a key can be: a key and a NUL, which is
   * just behind that key. */
  enum vatd_code (*scan_from)(struct store *, const char *vat, struct bytes from, store_row_fn *row, void *context,
                              struct error *);
  /* Deletes all rows of one vat in kv_vatstore. */
  enum vatd_code (*delete_vat)(struct store *, const char *vat, struct error *);

  enum vatd_code (*bundle_get)(struct store *, const char *hash, struct buffer *code, struct error *);
  /* A hash that is there already keeps its code. */
  enum vatd_code (*bundle_put)(struct store *, const char *hash, struct bytes code, struct error *);
  enum vatd_code (*bundle_delete)(struct store *, const char *hash, struct error *);

  /* Names match ^[A-Za-z_][A-Za-z0-9_]*$, at most 64 characters, else INVALID `Invalid identifier: NAME`. An unknown name
   * is INVALID `No such savepoint: NAME`. A name may be used twice; the newest is meant. */
  enum vatd_code (*savepoint)(struct store *, const char *name, struct error *);
  /* Undoes everything since the savepoint and ends those made after it; the savepoint itself stays. */
  enum vatd_code (*rollback_to)(struct store *, const char *name, struct error *);
  /* Keeps the changes; ends the savepoint and those made after it. */
  enum vatd_code (*release)(struct store *, const char *name, struct error *);

  /* Closes the batch (also an empty one, which costs no sync) and gives its number, counted from 1 within this opening.
   * MISUSE while a savepoint is open. The outcome comes through store_outcome_fn, and with it or after it the code: FULL
   * before the commit was tried (no outcome; roll back), IN_DOUBT, FENCED. */
  enum vatd_code (*commit)(struct store *, uint64_t *batch, struct error *);
  /* Undoes the whole open batch, savepoints included. */
  enum vatd_code (*rollback)(struct store *, struct error *);

  /* The caller knows that kv has no row of this key now: an engine that would look for it need not. NULL: this engine has no
   * use for that. */
  void (*note_absent)(struct store *, struct bytes key);

  /* Whether there is room for so many bytes, and some to spare; after FULL, with 0: whether there is room again. NULL: nobody can say,
   * trying finds out. */
  bool (*has_room)(struct store *, uint64_t bytes);

  /* A read-only query, bounded in rows (LIMIT_QUERY_ROWS) and time (LIMIT_QUERY_MS); sees the open batch. INVALID for bad
   * or writing SQL, LIMIT when cut short. Engines without SQL return INVALID. */
  enum vatd_code (*query)(struct store *, struct bytes sql, store_query_row_fn *row, void *context, struct error *);

  /* Empties all tables but for the engine's own rows, in the open batch. The epoch goes on counting. */
  enum vatd_code (*clear)(struct store *, struct error *);
  /* Drops an uncommitted batch. NULL is fine. */
  void (*close)(struct store *);
};

struct store {
  const struct store_ops *ops;
  uint64_t epoch; /* of this opening: one more than of the last one */
  store_outcome_fn *on_outcome; /* set by the kernel before the first commit */
  void *outcome_context;
};

#endif
