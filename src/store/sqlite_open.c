/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_open.c - from a path to an open store.
 *
 * An existing file is judged by its first 100 bytes, read under a shared lock, before SQLite looks at it: recovery of a
 * log and the change to WAL mode write, and a file that is refused must stay as it is. The order of the judgement:
 * locked (BUSY), not a database or cut short (CORRUPT), not ours or of another version (VERSION), not as we make them
 * (CORRUPT).
 *
 * A file of an older schema version is then replaced by one of ours (sqlite_make.c).
 *
 * Then the store is taken: exclusive lock; the sums of its pages (page_sums.h), against which everything is read from
 * here on; pragmas set and read back; what it says of its last commit compared with what is known outside; epoch + 1
 * committed.
 */
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "store/checksum_vfs.h"
#include "store/page_seal.h"
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
#include <sys/random.h>
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

struct sqlite_store *sqlite_store_new(const char *path)
{
  struct sqlite_store *s = memory_zalloc(sizeof *s);
  s->store.ops = &sqlite_store_ops;
  /* SQLite reads a name that begins with "file:" or ':' in its own way; one with a directory is always a path. */
  s->path = strchr(path, '/') ? memory_strdup(path) : memory_printf("./%s", path);
  savepoints_init(&s->savepoints);
  return s;
}

enum vatd_code sqlite_store_connect(struct sqlite_store *s, const char *path, const char *vfs, struct error *error)
{
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int rc = sqlite3_open_v2(path, &s->db, flags, vfs);
  return rc ? sqlite_store_error(s, rc, "cannot open the database", error) : VATD_OK;
}

/* --- pragmas --- */

enum vatd_code sqlite_store_execute(struct sqlite_store *s, const char *sql, const char *what, struct error *error)
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
  enum vatd_code code = sqlite_store_execute(s, sql, "cannot set up the database", error);
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

enum vatd_code sqlite_store_apply_pragmas(struct sqlite_store *s, struct error *error)
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

bool sqlite_store_has_log(struct sqlite_store *s)
{
  struct stat st;
  return stat(sqlite3_filename_wal(sqlite3_db_filename(s->db, "main")), &st) == 0 && st.st_size > 0;
}

/* The header's page count is right only when the log is empty: a checkpoint that was cut short leaves both. */
static enum vatd_code judge_size(struct sqlite_store *s, const struct header *header, struct error *error)
{
  uint32_t page_size = number_at(header, 16, 2);
  sqlite3_int64 expected = (sqlite3_int64)(page_size == 1 ? 65536 : page_size) * number_at(header, 28, 4);
  if (header->file_size >= expected || sqlite_store_has_log(s))
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
  if (version < 1 || version > STORE_SCHEMA_VERSION)
    return error_set(error, VATD_VERSION, "%s has schema version %" PRIu32 "; this vatd knows versions 1 to %d", s->path,
                     version, STORE_SCHEMA_VERSION);
  return VATD_OK;
}

static enum vatd_code judge_format(struct sqlite_store *s, const struct header *header, struct error *error)
{
  if (number_at(header, 16, 2) == STORE_PAGE_SIZE && number_at(header, 20, 1) == STORE_SUM_SIZE &&
      number_at(header, 56, 4) == SQLITE_UTF8)
    return VATD_OK;
  return error_set(error, VATD_CORRUPT,
                   "%s: page size, reserved bytes or text encoding are not those of a database of vatd", s->path);
}

static enum vatd_code judge(struct sqlite_store *s, unsigned *version, struct error *error)
{
  struct header header;
  enum vatd_code code = read_header(s, &header, error);
  if (code)
    return code;
  if (header.file_size == 0)
    return error_set(error, VATD_CORRUPT, "%s is empty: a database of vatd never is", s->path);
  if (header.file_size < HEADER_SIZE || memcmp(header.bytes, "SQLite format 3", 16) != 0)
    return error_set(error, VATD_CORRUPT, "%s is not an SQLite database", s->path);
  *version = number_at(&header, 60, 4);
  code = judge_owner(s, &header, error);
  if (!code)
    code = judge_size(s, &header, error);
  return code ? code : judge_format(s, &header, error);
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

/* One of the engine's own rows, which holds `count` numbers. */
static enum vatd_code read_numbers(struct sqlite_store *s, const char *key, uint64_t *numbers, size_t count,
                                   struct error *error)
{
  struct buffer text;
  buffer_init(&text, 64);
  enum vatd_code code = sqlite_store_get_own(s, key, &text, error);
  if (code == VATD_NOT_FOUND)
    code = error_set(error, VATD_CORRUPT, "%s has no row %s", s->path, key);
  char *end = (char *)buffer_text(&text);
  for (size_t i = 0; !code && i < count; i++) {
    char *from = end;
    errno = 0;
    numbers[i] = strtoull(from, &end, 10);
    if (errno || end == from || *end != (i + 1 < count ? ' ' : '\0') || numbers[i] == UINT64_MAX)
      code = error_set(error, VATD_CORRUPT, "%s: row %s is \"%s\"", s->path, key, buffer_text(&text));
  }
  buffer_fini(&text);
  return code;
}

/* What the database says of its last opening and commit must agree with what was noted outside. */
static enum vatd_code judge_history(struct sqlite_store *s, uint64_t *epoch, uint64_t *token, struct error *error)
{
  uint64_t last[2];
  enum vatd_code code = read_numbers(s, RULES_EPOCH_KEY, epoch, 1, error);
  if (!code)
    code = read_numbers(s, RULES_TOKEN_KEY, token, 1, error);
  if (!code)
    code = read_numbers(s, RULES_COMMIT_KEY, last, 2, error);
  return code ? code : page_sums_judge(s->sums, *token, *epoch, last[0] == *epoch ? last[1] : 0, error);
}

enum vatd_code sqlite_store_judge_history(struct sqlite_store *s, struct error *error)
{
  uint64_t epoch;
  uint64_t token;
  uint64_t last[2];
  if (s->sums)
    return judge_history(s, &epoch, &token, error);
  enum vatd_code code = read_numbers(s, RULES_EPOCH_KEY, &epoch, 1, error);
  if (!code)
    code = read_numbers(s, RULES_TOKEN_KEY, &token, 1, error);
  return code ? code : read_numbers(s, RULES_COMMIT_KEY, last, 2, error);
}

static int put_number(struct sqlite_store *s, const char *key, uint64_t number)
{
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, number);
  return sqlite_store_put_own(s, key, text);
}

/* The new token is noted outside first: a cut between the two leaves the one before, which is known there too. */
static int write_opening(struct sqlite_store *s, uint64_t epoch, uint64_t before)
{
  uint64_t token;
  if (getrandom(&token, sizeof token, 0) != sizeof token)
    return SQLITE_IOERR;
  token >>= 1; /* never UINT64_MAX */
  int rc = checksum_vfs_begin(s->db, token, before);
  if (!rc)
    rc = put_number(s, RULES_EPOCH_KEY, epoch);
  if (!rc)
    rc = put_number(s, RULES_TOKEN_KEY, token);
  if (!rc)
    rc = sqlite_store_run(s, STATEMENT_COMMIT);
  return rc ? rc : page_sums_note(s->sums, epoch, 0);
}

/* Durable before the store is handed out. */
static enum vatd_code take_epoch(struct sqlite_store *s, struct error *error)
{
  uint64_t last = 0;
  uint64_t token = 0;
  int rc = sqlite_store_run(s, STATEMENT_BEGIN);
  if (rc)
    return sqlite_store_error(s, rc, "cannot take the database over", error);
  enum vatd_code code = judge_history(s, &last, &token, error);
  if (code)
    return code;
  rc = write_opening(s, last + 1, token);
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

enum vatd_code sqlite_store_check_schema(struct sqlite_store *s, struct error *error)
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
  enum vatd_code code = sqlite_store_apply_pragmas(s, error);
  if (code == VATD_BUSY)
    code = error_set(error, VATD_BUSY, "database %s is in use by another process", s->path);
  if (!code)
    code = sqlite_store_check_schema(s, error);
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
    code = sqlite_store_errno(error, "cannot write in the directory of", path);
  free(copy);
  return code;
}

enum vatd_code sqlite_store_connect_and_judge(struct sqlite_store *s, unsigned *version, struct error *error)
{
  enum vatd_code code = sqlite_store_connect(s, s->path, checksum_vfs_name(), error);
  if (code)
    return code;
  if (sqlite3_db_readonly(s->db, "main") == 1)
    return error_set(error, VATD_READ_ONLY, "database %s cannot be written", s->path);
  return judge(s, version, error);
}

enum vatd_code sqlite_store_guard(struct sqlite_store *s, struct error *error)
{
  enum vatd_code code = checksum_vfs_guard(s->db, error);
  if (code == VATD_BUSY)
    return error_set(error, VATD_BUSY, "database %s is in use by another process", s->path);
  s->sums = checksum_vfs_sums(s->db);
  return code;
}

static enum vatd_code open_existing(struct sqlite_store *s, struct error *error)
{
  unsigned version = 0;
  enum vatd_code code = check_directory(s->path, error);
  if (!code)
    code = sqlite_store_connect_and_judge(s, &version, error);
  if (!code && version < STORE_SCHEMA_VERSION) {
    sqlite3_close(s->db);
    s->db = NULL;
    code = sqlite_make_from_older(s, version, error);
    if (!code)
      code = sqlite_store_connect_and_judge(s, &version, error);
  }
  if (!code)
    code = sqlite_store_guard(s, error);
  if (code)
    return code;
  /* Until the store is taken: closing must not move a log's content into a file that is refused in the end. */
  bool keep_log = sqlite_store_has_log(s);
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log, NULL);
  room_open(&s->room, s->path);
  code = take(s, error);
  if (code)
    return code;
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  room_reserve(&s->room); /* without it the store works too, until the disk is full */
  return VATD_OK;
}

static enum vatd_code open_or_create(struct sqlite_store *s, struct error *error)
{
  struct stat st;
  enum vatd_code code = VATD_OK;
  if (stat(s->path, &st) != 0)
    code = errno == ENOENT ? sqlite_make_new(s, error) : sqlite_store_errno(error, "cannot open", s->path);
  else if (!S_ISREG(st.st_mode))
    code = error_set(error, VATD_CORRUPT, "%s is not a database: it is not a regular file", s->path);
  return code ? code : open_existing(s, error);
}

enum vatd_code store_sqlite_open(const char *path, struct store **store, struct error *error)
{
  struct sqlite_store *s = sqlite_store_new(path);
  enum vatd_code code = open_or_create(s, error);
  if (code)
    sqlite_store_free(s);
  else
    *store = &s->store;
  return code;
}
