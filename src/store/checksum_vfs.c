/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/checksum_vfs.c - see checksum_vfs.h.
 *
 * A file of ours stands before a file of the VFS below, and is one of three kinds. The database: whole pages are
 * sealed when written and checked when read; the few header bytes that SQLite reads on their own are not (it reads all
 * of page 1 before it believes them). The log: SQLite writes a frame as header and page; the header is held back, and
 * both are written as one (log_frames.h has the format). Every other call writes a header that is still held first,
 * for then it was one that SQLite corrects on its own, after it has written a page for the second time within one
 * transaction. Other files pass.
 *
 * The program's tests are built a second time with VATD_UNSAFE_UNVERIFIED, in which wrong pages pass: so they show that
 * they can see the harm.
 */
#include "store/checksum_vfs.h"
#include "store/log_frames.h"
#include "store/page_seal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SQLITE_HEADER_SIZE 100 /* of a database file; SQLite reads it on its own */

enum kind { DATABASE, LOG, OTHER };

struct checksum_file {
  sqlite3_file base;
  sqlite3_file *below;
  enum kind kind;

  /* DATABASE */
  const char *name; /* SQLite's */
  uint64_t id;      /* 0: not known yet */
  struct page_sums *sums;
  char complaint[200];

  /* LOG */
  struct checksum_file *database;
  struct log_frames frames;
  bool holds; /* the header of frame `held` is in `scratch` and not in the file */
  size_t held;

  unsigned char scratch[LOG_FRAME_SIZE]; /* what is being written */
};

static struct checksum_file *of(sqlite3_file *file) { return (struct checksum_file *)file; }

static sqlite3_vfs *below(void) { return sqlite3_vfs_find(NULL); }

static int complain(struct checksum_file *database, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(struct checksum_file *database, const char *format, ...)
{
#ifdef VATD_UNSAFE_UNVERIFIED
  (void)database;
  (void)format;
  return SQLITE_OK;
#else
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(database->complaint, sizeof database->complaint, format, arguments);
  va_end(arguments);
  return SQLITE_IOERR_DATA;
#endif
}

/* SQLite has done what this file does not know of; other versions might. */
static int refuse(struct checksum_file *database, int rc, const char *what, int size, sqlite3_int64 offset)
{
  snprintf(database->complaint, sizeof database->complaint, "SQLite %s %d bytes at %lld, which is no whole page", what,
           size, (long long)offset);
  return rc;
}

/* --- the database --- */

static uint32_t page_at(sqlite3_int64 offset) { return (uint32_t)(offset / STORE_PAGE_SIZE) + 1; }

static int check_page(struct checksum_file *f, uint32_t page, const unsigned char *data)
{
  uint64_t written = page_seal_of(data);
  uint64_t known = written;
  int rc = f->sums ? page_sums_get(f->sums, page, &known) : SQLITE_OK;
  if (rc)
    return rc;
  if (written != page_seal_sum(data, page, f->id))
    return complain(f, "page %" PRIu32 " of the database file is not as it was written", page);
  if (written != known)
    return complain(f,
                    "page %" PRIu32
                    " of the database file is whole, but not the one that was written last; if a copy was put"
                    " back on purpose, remove the file of sums beside it",
                    page);
  return SQLITE_OK;
}

/* SQLite takes what is after the end of the file for zeros, but of a database with a log it reads there only what it
 * has written, or the log has. */
static int check_absence(struct checksum_file *f, uint32_t page)
{
  int rc = f->sums ? complain(f, "page %" PRIu32 " is missing: the database file is cut short", page) : SQLITE_OK;
  return rc ? rc : SQLITE_IOERR_SHORT_READ;
}

static int database_read(struct checksum_file *f, void *data, int size, sqlite3_int64 offset)
{
  int rc = f->below->pMethods->xRead(f->below, data, size, offset);
  if (size == STORE_PAGE_SIZE && offset % STORE_PAGE_SIZE == 0) {
    if (rc == SQLITE_IOERR_SHORT_READ)
      return check_absence(f, page_at(offset));
    return rc ? rc : check_page(f, page_at(offset), data);
  }
  if (!rc && offset + size > SQLITE_HEADER_SIZE)
    rc = refuse(f, SQLITE_IOERR_READ, "reads", size, offset);
  return rc;
}

static int database_write(struct checksum_file *f, const void *data, int size, sqlite3_int64 offset)
{
  if (size != STORE_PAGE_SIZE || offset % STORE_PAGE_SIZE != 0)
    return refuse(f, SQLITE_IOERR_WRITE, "writes", size, offset);
  memcpy(f->scratch, data, STORE_PAGE_SIZE);
  uint64_t sum = page_seal_put(f->scratch, page_at(offset), f->id);
  int rc = f->below->pMethods->xWrite(f->below, f->scratch, size, offset);
  if (!rc && f->sums)
    rc = page_sums_put(f->sums, page_at(offset), sum);
  return rc;
}

static int database_truncate(struct checksum_file *f, sqlite3_int64 size)
{
  int rc = f->below->pMethods->xTruncate(f->below, size);
  if (!rc && f->sums)
    rc = page_sums_truncate(f->sums, (uint32_t)(size / STORE_PAGE_SIZE));
  return rc;
}

/* The sums first, though the order does not matter: both are there before SQLite may reuse its log. */
static int database_sync(struct checksum_file *f, int flags)
{
  int rc = f->sums ? page_sums_sync(f->sums) : SQLITE_OK;
  return rc ? rc : f->below->pMethods->xSync(f->below, flags);
}

static bool log_is_gone(struct checksum_file *f)
{
  int there = 1;
  int rc = below()->xAccess(below(), sqlite3_filename_wal(f->name), SQLITE_ACCESS_EXISTS, &there);
  return !rc && !there;
}

/* A database file is closed after its log; SQLite removes a log that it has written back. An end that cannot be noted
 * is found out by the next opening. */
static void database_close(struct checksum_file *f)
{
  if (f->sums && log_is_gone(f))
    page_sums_end(f->sums);
  page_sums_close(f->sums);
}

/* A new database gets a random id. */
static int find_id(struct checksum_file *f)
{
  sqlite3_int64 size;
  int rc = f->below->pMethods->xFileSize(f->below, &size);
  f->id = 0;
  if (!rc && size == 0)
    return getrandom(&f->id, sizeof f->id, 0) == sizeof f->id ? SQLITE_OK : SQLITE_IOERR;
  if (!rc)
    rc = f->below->pMethods->xRead(f->below, f->scratch, STORE_PAGE_SIZE, 0);
  if (!rc)
    f->id = page_seal_id(f->scratch, 1);
  return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

/* --- the log --- */

/* Writes a header that was held as it is. */
static int let_go(struct checksum_file *f)
{
  if (f->kind != LOG || !f->holds)
    return SQLITE_OK;
  f->holds = false;
  log_frames_put_header(&f->frames, f->held, f->scratch);
  return f->below->pMethods->xWrite(f->below, f->scratch, LOG_FRAME_HEADER_SIZE,
                                    LOG_HEADER_SIZE + (sqlite3_int64)f->held * LOG_FRAME_SIZE);
}

/* The page that belongs to the header that is held. */
static int write_frame(struct checksum_file *f, const void *data)
{
  f->holds = false;
  memcpy(f->scratch + LOG_FRAME_HEADER_SIZE, data, STORE_PAGE_SIZE);
  sqlite3_int64 offset = LOG_HEADER_SIZE + (sqlite3_int64)f->held * LOG_FRAME_SIZE;
  if (!log_frames_append(&f->frames, f->held, f->scratch, f->database->id))
    return refuse(f->database, SQLITE_IOERR_WRITE, "writes a frame after the log's end,", LOG_FRAME_SIZE, offset);
  return f->below->pMethods->xWrite(f->below, f->scratch, LOG_FRAME_SIZE, offset);
}

/* A page that is written again in the transaction that wrote it; SQLite corrects the chain when it commits. */
static int rewrite_page(struct checksum_file *f, size_t number, const void *data, sqlite3_int64 offset)
{
  if (number >= f->frames.count)
    return refuse(f->database, SQLITE_IOERR_WRITE, "writes to the log", STORE_PAGE_SIZE, offset);
  memcpy(f->scratch, data, STORE_PAGE_SIZE);
  f->frames.items[number].sum = page_seal_put(f->scratch, f->frames.items[number].page, f->database->id);
  return f->below->pMethods->xWrite(f->below, f->scratch, STORE_PAGE_SIZE, offset);
}

static int log_write(struct checksum_file *f, const void *data, int size, sqlite3_int64 offset)
{
  size_t number;
  bool is_page = size == STORE_PAGE_SIZE && log_frames_is_page(offset, &number);
  if (is_page && f->holds && f->held == number)
    return write_frame(f, data);
  int rc = let_go(f);
  if (rc)
    return rc;
  if (is_page)
    return rewrite_page(f, number, data, offset);
  if (size == LOG_FRAME_HEADER_SIZE && log_frames_is_header(offset, &number)) {
    memcpy(f->scratch, data, LOG_FRAME_HEADER_SIZE);
    f->held = number;
    f->holds = true;
    return SQLITE_OK;
  }
  if (size != LOG_HEADER_SIZE || offset != 0)
    return refuse(f->database, SQLITE_IOERR_WRITE, "writes to the log", size, offset);
  log_frames_start(&f->frames, data);
  return f->below->pMethods->xWrite(f->below, data, size, offset);
}

static int check_frame(struct checksum_file *f, size_t number, const unsigned char *data)
{
  if (number >= f->frames.count)
    return complain(f->database, "frame %zu of the log is not known", number + 1);
  const struct log_frame *frame = &f->frames.items[number];
  uint64_t written = page_seal_of(data);
  if (written == frame->sum && written == page_seal_sum(data, frame->page, f->database->id))
    return SQLITE_OK;
  return complain(f->database, "page %" PRIu32 " (frame %zu of the log) is not as it was written", frame->page,
                  number + 1);
}

/* Whole frames are read by SQLite when it finds out how far a log goes, and when it corrects the chain. */
static int log_read(struct checksum_file *f, void *data, int size, sqlite3_int64 offset)
{
  size_t number;
  int rc = let_go(f);
  if (!rc)
    rc = f->below->pMethods->xRead(f->below, data, size, offset);
  if (rc)
    return rc;
  if (size == STORE_PAGE_SIZE && log_frames_is_page(offset, &number))
    return check_frame(f, number, data);
  if (size == LOG_FRAME_SIZE && log_frames_is_header(offset, &number))
    log_frames_learn(&f->frames, number, data);
  else if (size == LOG_HEADER_SIZE && offset == 0)
    log_frames_start(&f->frames, data);
  else if (size > STORE_SUM_SIZE)
    return refuse(f->database, SQLITE_IOERR_READ, "reads from the log", size, offset);
  return SQLITE_OK;
}

/* --- methods of files --- */

static int file_close(sqlite3_file *file)
{
  struct checksum_file *f = of(file);
  int rc = let_go(f);
  int close_rc = f->below->pMethods->xClose(f->below);
  if (f->kind == DATABASE)
    database_close(f);
  log_frames_fini(&f->frames);
  sqlite3_free(f->below);
  return rc ? rc : close_rc;
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
  struct checksum_file *f = of(file);
  return f->kind == DATABASE ? database_read(f, data, size, offset)
         : f->kind == LOG    ? log_read(f, data, size, offset)
                             : f->below->pMethods->xRead(f->below, data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
  struct checksum_file *f = of(file);
  return f->kind == DATABASE ? database_write(f, data, size, offset)
         : f->kind == LOG    ? log_write(f, data, size, offset)
                             : f->below->pMethods->xWrite(f->below, data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  struct checksum_file *f = of(file);
  int rc = let_go(f);
  if (rc)
    return rc;
  return f->kind == DATABASE ? database_truncate(f, size) : f->below->pMethods->xTruncate(f->below, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
  struct checksum_file *f = of(file);
  int rc = let_go(f);
  if (rc)
    return rc;
  return f->kind == DATABASE ? database_sync(f, flags) : f->below->pMethods->xSync(f->below, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  int rc = let_go(of(file));
  return rc ? rc : of(file)->below->pMethods->xFileSize(of(file)->below, size);
}

static int file_lock(sqlite3_file *file, int lock) { return of(file)->below->pMethods->xLock(of(file)->below, lock); }

static int file_unlock(sqlite3_file *file, int lock)
{
  return of(file)->below->pMethods->xUnlock(of(file)->below, lock);
}

static int file_check_reserved(sqlite3_file *file, int *result)
{
  return of(file)->below->pMethods->xCheckReservedLock(of(file)->below, result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
  return of(file)->below->pMethods->xFileControl(of(file)->below, operation, argument);
}

static int file_sector_size(sqlite3_file *file) { return of(file)->below->pMethods->xSectorSize(of(file)->below); }

static int file_characteristics(sqlite3_file *file)
{
  return of(file)->below->pMethods->xDeviceCharacteristics(of(file)->below);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory, no mapping */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* --- methods of the VFS --- */

static int set_up(struct checksum_file *f, sqlite3_filename name)
{
  f->base.pMethods = &methods;
  if (f->kind == LOG)
    f->database = of(sqlite3_database_file_object(name));
  f->name = name;
  return f->kind == DATABASE ? find_id(f) : SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
  struct checksum_file *f = of(file);
  (void)vfs;
  memset(f, 0, sizeof *f);
  f->kind = flags & SQLITE_OPEN_MAIN_DB ? DATABASE : flags & SQLITE_OPEN_WAL ? LOG : OTHER;
  f->below = sqlite3_malloc(below()->szOsFile);
  if (!f->below)
    return SQLITE_NOMEM;
  memset(f->below, 0, (size_t)below()->szOsFile);
  int rc = below()->xOpen(below(), name, f->below, flags, out_flags);
  if (!rc)
    rc = set_up(f, name);
  if (rc) {
    if (f->below->pMethods)
      f->below->pMethods->xClose(f->below);
    sqlite3_free(f->below);
    f->base.pMethods = NULL;
  }
  return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
  (void)vfs;
  return below()->xDelete(below(), name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
  (void)vfs;
  return below()->xAccess(below(), name, flags, result);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path)
{
  (void)vfs;
  return below()->xFullPathname(below(), name, size, path);
}

static sqlite3_vfs checksum_vfs;
static pthread_once_t registered = PTHREAD_ONCE_INIT;

/* Time, randomness and the like are the VFS's below. */
static void register_vfs(void)
{
  checksum_vfs = *below();
  checksum_vfs.iVersion = 2;
  checksum_vfs.zName = "vatd-checksum";
  checksum_vfs.pNext = NULL;
  checksum_vfs.szOsFile = sizeof(struct checksum_file);
  checksum_vfs.xOpen = vfs_open;
  checksum_vfs.xDelete = vfs_delete;
  checksum_vfs.xAccess = vfs_access;
  checksum_vfs.xFullPathname = vfs_full_path;
  sqlite3_vfs_register(&checksum_vfs, 0);
}

const char *checksum_vfs_name(void)
{
  pthread_once(&registered, register_vfs);
  return checksum_vfs.zName;
}

/* --- what the store asks of it --- */

/* NULL when the connection has no file of ours. */
static struct checksum_file *database_of(sqlite3 *db)
{
  sqlite3_file *file = NULL;
  int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return !rc && file && file->pMethods == &methods ? of(file) : NULL;
}

static enum vatd_code fail(int rc, const char *what, struct error *error)
{
  enum vatd_code code = (rc & 0xff) == SQLITE_BUSY ? VATD_BUSY : (rc & 0xff) == SQLITE_FULL ? VATD_FULL : VATD_IO;
  return error_set(error, code, "%s: %s (SQLite code %d)", what, sqlite3_errstr(rc), rc);
}

/* SQLite finds the lock taken when it asks for it. */
static int lock(struct checksum_file *f)
{
  int rc = f->below->pMethods->xLock(f->below, SQLITE_LOCK_SHARED);
  return rc ? rc : f->below->pMethods->xLock(f->below, SQLITE_LOCK_EXCLUSIVE);
}

enum vatd_code checksum_vfs_guard(sqlite3 *db, struct error *error)
{
  struct checksum_file *f = database_of(db);
  if (!f)
    return error_set(error, VATD_MISUSE, "the connection has another VFS");
  int rc = lock(f);
  if (rc)
    return fail(rc, "cannot lock the database", error);
  enum vatd_code code = page_sums_open(below(), f->name, &f->sums, error);
  if (code)
    return code;
  bool renew = page_sums_is_new(f->sums) || (page_sums_was_in_use(f->sums) && log_is_gone(f));
  rc = page_sums_is_new(f->sums) ? find_id(f) : SQLITE_OK;
  if (!rc && renew)
    rc = page_sums_rebuild(f->sums, f->below);
  if (!rc && !page_sums_is_new(f->sums))
    f->id = page_sums_id(f->sums);
  return rc ? fail(rc, "cannot read the sums of the pages", error) : VATD_OK;
}

struct page_sums *checksum_vfs_sums(sqlite3 *db)
{
  struct checksum_file *f = database_of(db);
  return f ? f->sums : NULL;
}

int checksum_vfs_begin(sqlite3 *db, uint64_t token, uint64_t before)
{
  struct checksum_file *f = database_of(db);
  return f && f->sums ? page_sums_begin(f->sums, f->id, token, before) : SQLITE_MISUSE;
}

uint64_t checksum_vfs_id(sqlite3 *db)
{
  struct checksum_file *f = database_of(db);
  return f ? f->id : 0;
}

sqlite3_file *checksum_vfs_raw(sqlite3 *db)
{
  struct checksum_file *f = db ? database_of(db) : NULL;
  return f ? f->below : NULL;
}

bool checksum_vfs_log_has(sqlite3 *db, uint32_t page)
{
  sqlite3_file *file = NULL;
  int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (rc || !file || file->pMethods != &methods)
    return false;
  const struct log_frames *frames = &of(file)->frames;
  for (size_t i = 0; i < frames->count; i++) {
    if (frames->items[i].page == page)
      return true;
  }
  return false;
}

const char *checksum_vfs_complaint(sqlite3 *db)
{
  struct checksum_file *f = database_of(db);
  return f ? f->complaint : "";
}
