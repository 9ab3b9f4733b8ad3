/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_open.c - from a path to an open store.
 *
 * A new database is made complete in a file of its own (PATH.new-XXXXXX, mode 0600 from its first instant), synced, and
 * then linked to PATH: a file at PATH is a whole database or is no database of ours. It never passes through a state in
 * between, so an empty file there is damage and not a beginning.
 *
 * An existing file is judged by its first 100 bytes, read under a shared lock, before SQLite looks at it: recovery of a
 * log and the change to WAL mode write, and a file that is refused must stay as it is. The order of the judgement:
 * locked (BUSY), not a database or cut short (CORRUPT), not ours or of another version (VERSION), not as we make them
 * (CORRUPT).
 *
 * Then the store is taken: exclusive lock, pragmas set and read back, epoch + 1 committed.
 */
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "store/store_engines.h"
#include "store/rules.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 100
#define LONG_LOG_PAGES 1000 /* a log of so many pages is copied into the database */
#define CACHE_PRAGMA_KIB "-16384" /* negative: KiB */

/* Set by writing `value`, right when reading gives `expected`. */
struct pragma {
  const char *name;
  const char *value;
  const char *expected;
};

/* locking_mode comes before the first access to the file, so that no shared-memory file is made. */
static const struct pragma pragmas[] = {
    {"locking_mode", "EXCLUSIVE", "exclusive"},
    {"journal_mode", "WAL", "wal"},
    {"synchronous", "FULL", "2"},
    {"trusted_schema", "ON", "1"}, /* it is compared with ours, see sqlite_schema.c */
    {"cell_size_check", "ON", "1"},
    {"temp_store", "MEMORY", "2"}, /* a full disk for temporary files would end the transaction */
    {"mmap_size", "0", "0"},       /* a read error must be an error code, not a signal */
    {"cache_size", CACHE_PRAGMA_KIB, CACHE_PRAGMA_KIB},
};

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

static enum vatd_code fail_errno(struct error *error, const char *what, const char *path)
{
  int errnum = errno;
  return error_set_errno(error, code_of_errno(errnum), errnum, "%s %s", what, path);
}

static struct sqlite_store *store_new(const char *path)
{
  struct sqlite_store *s = memory_zalloc(sizeof *s);
  s->store.ops = &sqlite_store_ops;
  /* SQLite reads a name that begins with "file:" or ':' in its own way; one with a directory is always a path. */
  s->path = strchr(path, '/') ? memory_strdup(path) : memory_printf("./%s", path);
  savepoints_init(&s->savepoints);
  return s;
}

static enum vatd_code connect(struct sqlite_store *s, const char *path, struct error *error)
{
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
  return rc ? sqlite_store_error(s, rc, "cannot open the database", error) : VATD_OK;
}

/* --- pragmas --- */

static enum vatd_code execute(struct sqlite_store *s, const char *sql, const char *what, struct error *error)
{
  int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
  return rc ? sqlite_store_error(s, rc, what, error) : VATD_OK;
}

static int keep_text(void *context, int columns, char **texts, char **names)
{
  char **out = context;
  (void)names;
  if (columns > 0 && texts[0] && !*out)
    *out = memory_strdup(texts[0]);
  return 0;
}

static enum vatd_code apply_pragma(struct sqlite_store *s, const struct pragma *pragma, struct error *error)
{
  char sql[128];
  char *value = NULL;
  snprintf(sql, sizeof sql, "PRAGMA %s=%s", pragma->name, pragma->value);
  enum vatd_code code = execute(s, sql, "cannot set up the database", error);
  if (code)
    return code;
  snprintf(sql, sizeof sql, "PRAGMA %s", pragma->name);
  int rc = sqlite3_exec(s->db, sql, keep_text, &value, NULL);
  if (rc)
    code = sqlite_store_error(s, rc, "cannot set up the database", error);
  else if (!value || strcasecmp(value, pragma->expected) != 0)
    code = error_set(error, VATD_IO, "cannot set up the database: %s: PRAGMA %s is %s, not %s", s->path, pragma->name,
                     value ? value : "nothing", pragma->expected);
  free(value);
  return code;
}

static enum vatd_code apply_pragmas(struct sqlite_store *s, struct error *error)
{
  for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
    enum vatd_code code = apply_pragma(s, &pragmas[i], error);
    if (code)
      return code;
  }
  return VATD_OK;
}

/*
 * Called by SQLite after a commit; its own way to do this keeps an error to itself. Only a lack of room is no harm: the
 * log has everything, and grows. After any other error the commit is in doubt like one that failed.
 */
static int checkpoint_long_log(void *context, sqlite3 *db, const char *name, int pages)
{
  (void)context;
  int rc = pages < LONG_LOG_PAGES ? SQLITE_OK
                                  : sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  return (rc & 0xff) == SQLITE_FULL ? SQLITE_OK : rc;
}

/* --- a new database --- */

static enum vatd_code fill_new(struct sqlite_store *s, const char *path, struct error *error)
{
  char marks[128];
  int reserved = SQLITE_SCHEMA_RESERVED_BYTES;
  enum vatd_code code = connect(s, path, error);
  if (code)
    return code;
  int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  if (rc)
    return sqlite_store_error(s, rc, "cannot reserve bytes in pages", error);
  snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d", SQLITE_SCHEMA_APPLICATION_ID,
           STORE_SCHEMA_VERSION);
  code = apply_pragmas(s, error);
  if (!code)
    code = execute(s, "BEGIN", "cannot make the database", error);
  for (const struct sqlite_schema_entry *entry = sqlite_schema_entries; !code && entry->name; entry++)
    code = execute(s, entry->sql, "cannot make the database", error);
  if (!code)
    code = execute(s, sqlite_schema_first_rows, "cannot make the database", error);
  if (!code)
    code = execute(s, marks, "cannot make the database", error);
  return code ? code : execute(s, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", "cannot make the database", error);
}

/* After closing, the whole database must be in its one file. */
static enum vatd_code close_new(struct sqlite_store *s, enum vatd_code code, struct error *error)
{
  int rc = sqlite3_close(s->db);
  s->db = NULL;
  return code || !rc ? code : sqlite_store_error(s, rc, "cannot make the database", error);
}

static enum vatd_code sync_path(const char *path, int flags, struct error *error)
{
  int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail_errno(error, "cannot open", path);
  enum vatd_code code = fsync(fd) == 0 ? VATD_OK : fail_errno(error, "cannot sync", path);
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

static void remove_with_logs(const char *path)
{
  static const char *const suffixes[] = {"", "-wal", "-journal"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    char *name = memory_printf("%s%s", path, suffixes[i]);
    unlink(name);
    free(name);
  }
}

/* A log without its database would be taken for the new one's. But who sees a log may just have missed its database, made by
 * another process a moment ago. */
static enum vatd_code check_no_stray_log(const char *path, struct error *error)
{
  static const char *const suffixes[] = {"-wal", "-journal"};
  enum vatd_code code = VATD_OK;
  for (size_t i = 0; !code && i < sizeof suffixes / sizeof *suffixes; i++) {
    char *name = memory_printf("%s%s", path, suffixes[i]);
    if (access(name, F_OK) == 0 && access(path, F_OK) != 0)
      code = error_set(error, VATD_CORRUPT,
                       "%s is there but %s is not: the database was moved or removed without its log", name, path);
    free(name);
  }
  return code;
}

/* Someone else may have been faster: then theirs is the database. */
static enum vatd_code publish(const char *made, const char *path, struct error *error)
{
  enum vatd_code code = sync_path(made, 0, error);
  if (code)
    return code;
  if (link(made, path) != 0 && errno != EEXIST)
    return fail_errno(error, "cannot create", path);
  return sync_directory_of(path, error);
}

static enum vatd_code create(struct sqlite_store *s, struct error *error)
{
  enum vatd_code code = check_no_stray_log(s->path, error);
  if (code)
    return code;
  char *made = memory_printf("%s.new-XXXXXX", s->path);
  int fd = mkostemp(made, O_CLOEXEC);
  if (fd < 0) {
    code = fail_errno(error, "cannot create", s->path);
  } else {
    close(fd);
    code = close_new(s, fill_new(s, made, error), error);
    if (!code)
      code = publish(made, s->path, error);
    remove_with_logs(made);
  }
  free(made);
  return code;
}

/* --- the judgement of an existing file --- */

struct header {
  unsigned char bytes[HEADER_SIZE];
  sqlite3_int64 file_size;
};

static uint32_t number_at(const struct header *header, size_t offset, size_t size)
{
  uint32_t value = 0;
  for (size_t i = 0; i < size; i++)
    value = value << 8 | header->bytes[offset + i];
  return value;
}

/* SQLite's own file object reads it, for closing a descriptor of ours would drop SQLite's locks on the file. */
static enum vatd_code read_header(struct sqlite_store *s, struct header *header, struct error *error)
{
  sqlite3_file *file = NULL;
  *header = (struct header){0};
  int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (!rc)
    rc = file->pMethods->xLock(file, SQLITE_LOCK_SHARED);
  if ((rc & 0xff) == SQLITE_BUSY)
    return error_set(error, VATD_BUSY, "database %s is in use by another process", s->path);
  if (rc)
    return sqlite_store_error(s, rc, "cannot lock the database", error);
  rc = file->pMethods->xFileSize(file, &header->file_size);
  if (!rc)
    rc = file->pMethods->xRead(file, header->bytes, HEADER_SIZE, 0);
  file->pMethods->xUnlock(file, SQLITE_LOCK_NONE);
  if (rc == SQLITE_IOERR_SHORT_READ)
    rc = SQLITE_OK; /* the rest is zero; the judgement finds out */
  return rc ? sqlite_store_error(s, rc, "cannot read the database", error) : VATD_OK;
}

static bool log_has_content(struct sqlite_store *s)
{
  struct stat st;
  return stat(sqlite3_filename_wal(sqlite3_db_filename(s->db, "main")), &st) == 0 && st.st_size > 0;
}

/* The header's page count is right only when the log is empty: a checkpoint that was cut short leaves both. */
static enum vatd_code judge_size(struct sqlite_store *s, const struct header *header, struct error *error)
{
  uint32_t page_size = number_at(header, 16, 2);
  sqlite3_int64 expected = (sqlite3_int64)(page_size == 1 ? 65536 : page_size) * number_at(header, 28, 4);
  if (header->file_size >= expected || log_has_content(s))
    return VATD_OK;
  return error_set(error, VATD_CORRUPT, "%s is cut short: %lld bytes of %lld", s->path, (long long)header->file_size,
                   (long long)expected);
}

static enum vatd_code judge_owner(struct sqlite_store *s, const struct header *header, struct error *error)
{
  uint32_t application = number_at(header, 68, 4);
  uint32_t version = number_at(header, 60, 4);
  if (application != SQLITE_SCHEMA_APPLICATION_ID)
    return error_set(error, VATD_VERSION, "%s is an SQLite database, but not one of vatd (application id %" PRIu32 ")",
                     s->path, application);
  if (version != STORE_SCHEMA_VERSION)
    return error_set(error, VATD_VERSION, "%s has schema version %" PRIu32 "; this vatd knows version %d only", s->path,
                     version, STORE_SCHEMA_VERSION);
  return VATD_OK;
}

static enum vatd_code judge(struct sqlite_store *s, struct error *error)
{
  struct header header;
  enum vatd_code code = read_header(s, &header, error);
  if (code)
    return code;
  if (header.file_size == 0)
    return error_set(error, VATD_CORRUPT, "%s is empty: a database of vatd never is", s->path);
  if (header.file_size < HEADER_SIZE || memcmp(header.bytes, "SQLite format 3", 16) != 0)
    return error_set(error, VATD_CORRUPT, "%s is not an SQLite database", s->path);
  code = judge_owner(s, &header, error);
  if (!code)
    code = judge_size(s, &header, error);
  if (!code && (number_at(&header, 20, 1) != SQLITE_SCHEMA_RESERVED_BYTES || number_at(&header, 56, 4) != SQLITE_UTF8))
    code = error_set(error, VATD_CORRUPT, "%s: reserved bytes or text encoding are not those of a database of vatd",
                     s->path);
  return code;
}

/* --- taking it --- */

static void limit_and_defend(struct sqlite_store *s)
{
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, NULL);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
  sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(s->db, SQLITE_LIMIT_SQL_LENGTH, (int)MIB);
  sqlite3_limit(s->db, SQLITE_LIMIT_WORKER_THREADS, 0);
}

static enum vatd_code parse_epoch(struct sqlite_store *s, const char *text, uint64_t *epoch, struct error *error)
{
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno || end == text || *end || value == UINT64_MAX)
    return error_set(error, VATD_CORRUPT, "%s: the epoch \"%s\" is not a number", s->path, text);
  *epoch = value;
  return VATD_OK;
}

static enum vatd_code read_epoch(struct sqlite_store *s, uint64_t *epoch, struct error *error)
{
  struct buffer text;
  buffer_init(&text, 32);
  enum vatd_code code = sqlite_store_get_own(s, RULES_EPOCH_KEY, &text, error);
  if (code == VATD_NOT_FOUND)
    code = error_set(error, VATD_CORRUPT, "%s has no epoch", s->path);
  if (!code)
    code = parse_epoch(s, buffer_text(&text), epoch, error);
  buffer_fini(&text);
  return code;
}

/* Durable before the store is handed out. */
static enum vatd_code take_epoch(struct sqlite_store *s, struct error *error)
{
  char text[32];
  uint64_t last = 0;
  int rc = sqlite_store_run(s, STATEMENT_BEGIN);
  if (rc)
    return sqlite_store_error(s, rc, "cannot take the database over", error);
  enum vatd_code code = read_epoch(s, &last, error);
  if (code)
    return code;
  snprintf(text, sizeof text, "%" PRIu64, last + 1);
  rc = sqlite_store_put_own(s, RULES_EPOCH_KEY, text);
  if (!rc)
    rc = sqlite_store_run(s, STATEMENT_COMMIT);
  if (rc)
    return sqlite_store_error(s, rc, "cannot take the database over", error);
  s->store.epoch = last + 1;
  return VATD_OK;
}

/* Steps `stmt` for one entry. What is there must be word for word what we would make. */
static enum vatd_code check_entry(struct sqlite_store *s, sqlite3_stmt *stmt, const struct sqlite_schema_entry *entry,
                                  struct error *error)
{
  enum vatd_code code = VATD_OK;
  int rc = sqlite3_bind_text(stmt, 1, entry->name, -1, SQLITE_STATIC);
  if (!rc)
    rc = sqlite3_step(stmt);
  const char *sql = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE)
    code = sqlite_store_error(s, rc, "cannot read the schema", error);
  else if (!sql || strcmp(sql, entry->sql) != 0)
    code =
        error_set(error, VATD_CORRUPT, "%s: %s is %s", s->path, entry->name, sql ? "not as vatd makes it" : "missing");
  sqlite3_reset(stmt);
  return code;
}

static enum vatd_code check_schema(struct sqlite_store *s, struct error *error)
{
  sqlite3_stmt *stmt;
  int rc = sqlite3_prepare_v2(s->db, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1, &stmt, NULL);
  if (rc)
    return sqlite_store_error(s, rc, "cannot read the schema", error);
  enum vatd_code code = VATD_OK;
  for (const struct sqlite_schema_entry *entry = sqlite_schema_entries; !code && entry->name; entry++)
    code = check_entry(s, stmt, entry, error);
  sqlite3_finalize(stmt);
  return code;
}

static enum vatd_code take(struct sqlite_store *s, struct error *error)
{
  limit_and_defend(s);
  sqlite3_wal_hook(s->db, checkpoint_long_log, NULL);
  enum vatd_code code = apply_pragmas(s, error);
  if (code == VATD_BUSY)
    code = error_set(error, VATD_BUSY, "database %s is in use by another process", s->path);
  if (!code)
    code = check_schema(s, error);
  if (!code)
    code = sqlite_store_prepare(s, error);
  if (!code)
    code = sqlite_query_set_up(s, error);
  return code ? code : take_epoch(s, error);
}

static enum vatd_code check_directory(const char *path, struct error *error)
{
  char *copy = memory_strdup(path);
  enum vatd_code code = VATD_OK;
  if (faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) != 0)
    code = fail_errno(error, "cannot write in the directory of", path);
  free(copy);
  return code;
}

static enum vatd_code open_existing(struct sqlite_store *s, struct error *error)
{
  enum vatd_code code = check_directory(s->path, error);
  if (!code)
    code = connect(s, s->path, error);
  if (code)
    return code;
  if (sqlite3_db_readonly(s->db, "main") == 1)
    return error_set(error, VATD_READ_ONLY, "database %s cannot be written", s->path);
  code = judge(s, error);
  if (code)
    return code;
  /* Until the store is taken: closing must not move a log's content into a file that is refused in the end. */
  bool keep_log = log_has_content(s);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log, NULL);
  code = take(s, error);
  if (!code)
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return code;
}

static enum vatd_code open_or_create(struct sqlite_store *s, struct error *error)
{
  struct stat st;
  enum vatd_code code = VATD_OK;
  if (stat(s->path, &st) != 0)
    code = errno == ENOENT ? create(s, error) : fail_errno(error, "cannot open", s->path);
  else if (!S_ISREG(st.st_mode))
    code = error_set(error, VATD_CORRUPT, "%s is not a database: it is not a regular file", s->path);
  return code ? code : open_existing(s, error);
}

enum vatd_code store_sqlite_open(const char *path, struct store **store, struct error *error)
{
  struct sqlite_store *s = store_new(path);
  enum vatd_code code = open_or_create(s, error);
  if (code)
    sqlite_store_free(s);
  else
    *store = &s->store;
  return code;
}
