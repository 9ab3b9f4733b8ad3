/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_backup.c - copying a store that is in use; see store_check.h.
 *
 * SQLite's backup, in steps, from the store's own connection. Steps are made between batches. A page that a batch changes
 * after it was copied is copied again by SQLite as part of that commit; a batch that is undone after some of it went to the
 * log has SQLite begin anew. So the copy is never of half a batch, and needs no log.
 *
 * The copy is written through the checksum VFS as a database with an id of its own: a page of it is not taken for one of
 * the original. It is made without journal and without syncs; whoever publishes it syncs it first.
 */
#include "store/checksum_vfs.h"
#include "store/page_seal.h"
#include "store/sqlite_store.h"
#include "store/store_check.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct store_backup {
  struct sqlite_store *from;
  struct sqlite_store to; /* only its connection */
  sqlite3_backup *backup;
};

static enum vatd_code set_up_copy(struct sqlite_store *to, struct error *error)
{
  int reserved = STORE_SUM_SIZE;
  char sql[160];
  snprintf(sql, sizeof sql,
           "PRAGMA page_size=%d; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA "
           "cache_size=-2048",
           STORE_PAGE_SIZE);
  enum vatd_code code = sqlite_store_execute(to, sql, "cannot make the copy", error);
  int rc = code ? SQLITE_OK : sqlite3_file_control(to->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  return rc ? sqlite_store_error(to, rc, "cannot make the copy", error) : code;
}

enum vatd_code store_backup_begin(struct store *store, const char *path, struct store_backup **backup, struct error *error)
{
  struct sqlite_store *from = (struct sqlite_store *)store;
  enum vatd_code code = sqlite_store_check(from, error);
  if (code)
    return code;
  struct store_backup *b = memory_zalloc(sizeof *b);
  b->from = from;
  b->to.path = memory_strdup(path);
  code = sqlite_store_connect(&b->to, path, checksum_vfs_name(), error);
  if (!code)
    code = set_up_copy(&b->to, error);
  if (!code) {
    b->backup = sqlite3_backup_init(b->to.db, "main", from->db, "main");
    if (!b->backup)
      code = sqlite_store_error(&b->to, sqlite3_errcode(b->to.db), "cannot begin the copy", error);
  }
  if (code)
    store_backup_end(b, NULL);
  else
    *backup = b;
  return code;
}

/* Whose complaint counts: a page that cannot be read is the original's. */
static enum vatd_code step_failed(struct store_backup *b, int rc, struct error *error)
{
  bool of_original = *checksum_vfs_complaint(b->from->db) != '\0';
  return sqlite_store_error(of_original ? b->from : &b->to, rc, "cannot copy the database", error);
}

enum vatd_code store_backup_step(struct store_backup *b, int pages, int *left, int *total, struct error *error)
{
  enum vatd_code code = sqlite_store_check(b->from, error);
  if (code)
    return code;
  if (b->from->open)
    return error_set(error, VATD_BUSY, "a batch is open");
  int rc = sqlite3_backup_step(b->backup, pages);
  if (rc != SQLITE_OK && rc != SQLITE_DONE)
    return step_failed(b, rc, error);
  *total = sqlite3_backup_pagecount(b->backup);
  *left = rc == SQLITE_DONE ? 0 : sqlite3_backup_remaining(b->backup);
  if (rc == SQLITE_OK && *left == 0)
    *left = 1; /* the last step, which completes it, is still to come */
  return VATD_OK;
}

enum vatd_code store_backup_end(struct store_backup *b, struct error *error)
{
  if (!b)
    return VATD_OK;
  int rc = b->backup ? sqlite3_backup_finish(b->backup) : SQLITE_OK;
  enum vatd_code code = rc ? sqlite_store_error(&b->to, rc, "cannot complete the copy", error) : VATD_OK;
  int close_rc = sqlite3_close(b->to.db);
  if (!code && close_rc)
    code = error_set(error, VATD_IO, "cannot close the copy (SQLite code %d)", close_rc);
  free(b->to.path);
  free(b);
  return code;
}
