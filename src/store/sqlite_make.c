/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_make.c - how a database file comes to be: from nothing, or from one of an older schema version.
 *
 * Either is made complete in a file of its own (PATH.new-XXXXXX, mode 0600 from its first instant), synced, and only
 * then becomes PATH: a new one by link, which fails where there is something; a newer version by rename, which
 * replaces. So a file at PATH is a whole database, the old or the new, at every instant, and is never empty.
 *
 * Migration. The older database is locked, checked, and its log written back and removed (by the plain VFS: it has no
 * sums yet), so that the file is all of it and is still what an older vatd takes. Its pages are copied into the new
 * file, where they get their sums, and what the versions differ by is done there in SQL (`steps`).
 *
 * A database that another program has changed comes this way too, when somebody has set its user_version to 1 to say
 * that it is to be trusted.
 */
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "store/checksum_vfs.h"
#include "store/page_seal.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum vatd_code code_of_errno(int errnum)
{
  switch (errnum) {
  case EACCES:
  case EPERM:
  case EROFS:
    return VATD_READ_ONLY;
  case ENOSPC:
  case EDQUOT:
    return VATD_FULL;
  default:
    return VATD_IO;
  }
}

enum vatd_code sqlite_store_errno(struct error *error, const char *what, const char *path)
{
  int errnum = errno;
  return error_set_errno(error, code_of_errno(errnum), errnum, "%s %s", what, path);
}

/* --- files --- */

static enum vatd_code sync_path(const char *path, int flags, struct error *error)
{
  int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return sqlite_store_errno(error, "cannot open", path);
  enum vatd_code code = fsync(fd) == 0 ? VATD_OK : sqlite_store_errno(error, "cannot sync", path);
  close(fd);
  return code;
}

static enum vatd_code sync_directory_of(const char *path, struct error *error)
{
  char *copy = memory_strdup(path);
  enum vatd_code code = sync_path(dirname(copy), O_DIRECTORY, error);
  free(copy);
  return code;
}

static void remove_beside(const char *path, const char *suffix)
{
  char *name = memory_printf("%s%s", path, suffix);
  unlink(name);
  free(name);
}

static void remove_all_of(const char *path)
{
  remove_beside(path, "-wal");
  remove_beside(path, "-journal");
  remove_beside(path, "");
}

/* A log without its database would be taken for the new one's, and sums say that there was one. But who sees them may
 * just have missed the database, made by another process a moment ago. */
static enum vatd_code check_nothing_astray(const char *path, struct error *error)
{
  static const char *const suffixes[] = {"-wal", "-journal", "-sums"};
  enum vatd_code code = VATD_OK;
  for (size_t i = 0; !code && i < sizeof suffixes / sizeof *suffixes; i++) {
    char *name = memory_printf("%s%s", path, suffixes[i]);
    if (access(name, F_OK) == 0 && access(path, F_OK) != 0)
      code = error_set(error, VATD_CORRUPT, "%s is there but %s is not: the database was moved or removed without it",
                       name, path);
    free(name);
  }
  return code;
}

/* Someone else may have been faster: then theirs is the database. */
static enum vatd_code publish_new(const char *made, const char *path, struct error *error)
{
  enum vatd_code code = sync_path(made, 0, error);
  if (code)
    return code;
  if (link(made, path) != 0 && errno != EEXIST)
    return sqlite_store_errno(error, "cannot create", path);
  return sync_directory_of(path, error);
}

/* What lies beside the older file is not the new one's: sums, and a journal that SQLite has no more use for. */
static enum vatd_code publish_newer(const char *made, const char *path, struct error *error)
{
  enum vatd_code code = sync_path(made, 0, error);
  if (code)
    return code;
  remove_beside(path, "-sums");
  remove_beside(path, "-journal");
  if (rename(made, path) != 0)
    return sqlite_store_errno(error, "cannot replace", path);
  return sync_directory_of(path, error);
}

/* After closing, the whole database must be in its one file. */
static enum vatd_code close_new(struct sqlite_store *s, enum vatd_code code, struct error *error)
{
  int rc = sqlite3_close(s->db);
  s->db = NULL;
  return code || !rc ? code : sqlite_store_error(s, rc, "cannot make the database", error);
}

/* --- a new database --- */

static enum vatd_code execute(struct sqlite_store *s, const char *sql, struct error *error)
{
  return sqlite_store_execute(s, sql, "cannot make the database", error);
}

static enum vatd_code set_page_format(struct sqlite_store *s, struct error *error)
{
  char sql[64];
  int reserved = STORE_SUM_SIZE;
  snprintf(sql, sizeof sql, "PRAGMA page_size=%d", STORE_PAGE_SIZE);
  enum vatd_code code = execute(s, sql, error);
  int rc = code ? SQLITE_OK : sqlite3_file_control(s->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  return rc ? sqlite_store_error(s, rc, "cannot reserve bytes in pages", error) : code;
}

static enum vatd_code fill_new(struct sqlite_store *s, const char *path, struct error *error)
{
  char marks[128];
  snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d", SQLITE_SCHEMA_APPLICATION_ID,
           STORE_SCHEMA_VERSION);
  enum vatd_code code = sqlite_store_connect(s, path, checksum_vfs_name(), error);
  if (!code)
    code = set_page_format(s, error);
  if (!code)
    code = sqlite_store_apply_pragmas(s, error);
  if (!code)
    code = execute(s, "BEGIN", error);
  for (const struct sqlite_schema_entry *entry = sqlite_schema_entries; !code && entry->name; entry++)
    code = execute(s, entry->sql, error);
  if (!code)
    code = execute(s, sqlite_schema_first_rows, error);
  if (!code)
    code = execute(s, marks, error);
  return code ? code : execute(s, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", error);
}

enum vatd_code sqlite_make_new(struct sqlite_store *s, struct error *error)
{
  enum vatd_code code = check_nothing_astray(s->path, error);
  if (code)
    return code;
  char *made = memory_printf("%s.new-XXXXXX", s->path);
  int fd = mkostemp(made, O_CLOEXEC);
  if (fd < 0) {
    code = sqlite_store_errno(error, "cannot create", s->path);
  } else {
    close(fd);
    code = close_new(s, fill_new(s, made, error), error);
    if (!code)
      code = publish_new(made, s->path, error);
    remove_all_of(made);
  }
  free(made);
  return code;
}

/* --- from an older version --- */

/* steps[N - 1] makes version N + 1 out of version N, inside the transaction that writes the new version. */
static const char *const steps[STORE_SCHEMA_VERSION - 1] = {
    "INSERT OR REPLACE INTO kv VALUES ('store.token', '0')", /* 2: sums of pages, and openings have a token */
};

static int keep_text(void *context, int columns, char **texts, char **names)
{
  char *out = context;
  (void)names;
  snprintf(out, 32, "%s", columns > 0 && texts[0] ? texts[0] : "");
  return 0;
}

/* Runs a statement, the last value of whose answer must be as expected. */
static enum vatd_code expect(struct sqlite_store *s, const char *sql, const char *expected, struct error *error)
{
  char text[32] = "";
  int rc = sqlite3_exec(s->db, sql, keep_text, text, NULL);
  if ((rc & 0xff) == SQLITE_BUSY)
    return error_set(error, VATD_BUSY, "database %s is in use by another process", s->path);
  if (rc)
    return sqlite_store_error(s, rc, "cannot read the older database", error);
  return strcmp(text, expected) == 0 ? VATD_OK : error_set(error, VATD_CORRUPT, "%s: %s says %s", s->path, sql, text);
}

/* Locks the older file, and leaves it complete without a log. While it may still be refused its log stays as it is. */
static enum vatd_code take_older(struct sqlite_store *s, unsigned version, struct error *error)
{
  char text[16];
  snprintf(text, sizeof text, "%u", version);
  enum vatd_code code = sqlite_store_connect(s, s->path, NULL, error);
  if (code)
    return code;
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, sqlite_store_has_log(s), NULL);
  code = expect(s, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT; PRAGMA user_version", text, error);
  if (!code)
    code = sqlite_store_check_schema(s, error);
  if (!code)
    code = expect(s, "PRAGMA quick_check(1)", "ok", error);
  return code ? code : expect(s, "PRAGMA journal_mode=DELETE", "delete", error);
}

static enum vatd_code copy_pages(struct sqlite_store *old, struct sqlite_store *made, struct error *error)
{
  sqlite3_backup *backup = sqlite3_backup_init(made->db, "main", old->db, "main");
  if (!backup)
    return sqlite_store_error(made, sqlite3_errcode(made->db), "cannot copy the older database", error);
  int step_rc = sqlite3_backup_step(backup, -1);
  int rc = sqlite3_backup_finish(backup);
  return step_rc == SQLITE_DONE && !rc
             ? VATD_OK
             : sqlite_store_error(made, rc ? rc : step_rc, "cannot copy the older database", error);
}

static enum vatd_code run_steps(struct sqlite_store *made, unsigned version, struct error *error)
{
  char mark[96];
  snprintf(mark, sizeof mark, "PRAGMA user_version=%d; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", STORE_SCHEMA_VERSION);
  enum vatd_code code = sqlite_store_apply_pragmas(made, error);
  if (!code)
    code = execute(made, "BEGIN", error);
  for (; !code && version < STORE_SCHEMA_VERSION; version++)
    code = execute(made, steps[version - 1], error);
  return code ? code : execute(made, mark, error);
}

/* The connection is opened anew between the two: by copying, the file has got another format than it began with. In the
 * end it uses a log, as ours do: no journal is ever made beside a database of the present version. */
static enum vatd_code fill_from(struct sqlite_store *old, const char *path, unsigned version, struct error *error)
{
  struct sqlite_store made = {.path = (char *)path};
  enum vatd_code code = sqlite_store_connect(&made, path, checksum_vfs_name(), error);
  if (!code)
    code = copy_pages(old, &made, error);
  code = close_new(&made, code, error);
  if (!code)
    code = sqlite_store_connect(&made, path, checksum_vfs_name(), error);
  if (!code)
    code = run_steps(&made, version, error);
  return close_new(&made, code, error);
}

/* In this order, so that PATH is never half of it. VATD_UNSAFE_PUBLISH_FIRST is the control of the migration test. */
static enum vatd_code fill_and_publish(struct sqlite_store *old, const char *made, unsigned version,
                                       struct error *error)
{
#ifdef VATD_UNSAFE_PUBLISH_FIRST
  enum vatd_code code = publish_newer(made, old->path, error);
  return code ? code : fill_from(old, old->path, version, error);
#else
  enum vatd_code code = fill_from(old, made, version, error);
  return code ? code : publish_newer(made, old->path, error);
#endif
}

/* The lock on the older file makes the name ours alone; what a migration that was killed has left goes first. */
static enum vatd_code make_beside(struct sqlite_store *old, unsigned version, struct error *error)
{
  char *made = memory_printf("%s.migrated", old->path);
  remove_all_of(made);
  int fd = open(made, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  enum vatd_code code = VATD_OK;
  if (fd < 0) {
    code = sqlite_store_errno(error, "cannot create", made);
  } else {
    close(fd);
    code = fill_and_publish(old, made, version, error);
    remove_all_of(made);
  }
  free(made);
  return code;
}

enum vatd_code sqlite_make_from_older(struct sqlite_store *s, unsigned version, struct error *error)
{
  enum vatd_code code = take_older(s, version, error);
  if (!code)
    code = make_beside(s, version, error);
  code = close_new(s, code, error);
  return code ? error_wrap(error, "cannot bring the database from schema version %u to %d", version,
                           STORE_SCHEMA_VERSION)
              : VATD_OK;
}
