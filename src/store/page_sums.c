/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/page_sums.c - see page_sums.h. The file, all numbers little-endian:
 *
 *     0  header:      magic "vatdsums", serial number, id of the database, its token, the token before this opening,
 *                     1 if in use, hash of these 48 bytes
 *   128  header:      another; the one that is undamaged and has the greater serial number counts
 *   256  last commit: epoch, batch, hash of both
 *   320  last commit: another; the later of those that are undamaged counts
 *   512  sum of page 1, page 2, ...
 *
 * Of two items the one that does not count is written, so that a write that fails half-way leaves the other. Each is
 * within one sector, which a power cut leaves old or new. A file whose second header was never written was not
 * finished, and is made anew.
 */
#include "store/page_sums.h"
#include "store/page_seal.h"
#include "base/memory.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC 0x736d757364746176ull /* "vatdsums" */
#define COMMITS_OFFSET 256
#define PAGES_OFFSET 512

enum { HEADER_SLOT = 128, HEADER_NUMBERS = 7, COMMIT_SLOT = 64, COMMIT_NUMBERS = 3 };

struct header {
  uint64_t serial; /* 0: the file is new */
  uint64_t id;
  uint64_t token;
  uint64_t before;
  bool in_use;
};

struct page_sums {
  sqlite3_file *file;
  const char *name; /* as SQLite wants names */
  bool unsynced;    /* sums were written since the last sync */
  bool begun;       /* page_sums_begin was called */
  struct header header;
  uint64_t epoch; /* the last commit */
  uint64_t batch;
  int commit_slot; /* where it is */
};

/* --- items --- */

/* Writes `count` numbers, the last of which becomes the hash of those before. */
static int write_item(struct page_sums *s, const uint64_t *numbers, size_t count, sqlite3_int64 offset)
{
  uint64_t raw[HEADER_NUMBERS] = {0};
  for (size_t i = 0; i + 1 < count; i++)
    raw[i] = htole64(numbers[i]);
  raw[count - 1] = htole64(XXH3_64bits(raw, (count - 1) * sizeof *raw));
  return s->file->pMethods->xWrite(s->file, raw, (int)(count * sizeof *raw), offset);
}

static bool read_item(uint64_t *numbers, size_t count, const unsigned char *raw)
{
  uint64_t hash = XXH3_64bits(raw, (count - 1) * sizeof *numbers);
  for (size_t i = 0; i < count; i++) {
    memcpy(&numbers[i], raw + i * sizeof *numbers, sizeof *numbers);
    numbers[i] = le64toh(numbers[i]);
  }
  return numbers[count - 1] == hash;
}

static int write_header(struct page_sums *s, bool in_use)
{
  struct header *h = &s->header;
  uint64_t numbers[HEADER_NUMBERS] = {MAGIC, h->serial + 1, h->id, h->token, h->before, in_use};
  int rc = write_item(s, numbers, HEADER_NUMBERS, h->serial % 2 * HEADER_SLOT);
  if (!rc)
    rc = s->file->pMethods->xSync(s->file, SQLITE_SYNC_NORMAL);
  h->serial += !rc;
  h->in_use = in_use;
  s->unsynced = s->unsynced && rc;
  return rc;
}

static void take_header(struct page_sums *s, const unsigned char *raw)
{
  uint64_t n[HEADER_NUMBERS];
  if (read_item(n, HEADER_NUMBERS, raw) && n[0] == MAGIC && n[1] > s->header.serial)
    s->header = (struct header){.serial = n[1], .id = n[2], .token = n[3], .before = n[4], .in_use = n[5] != 0};
}

static bool take_commit(struct page_sums *s, const unsigned char *raw, int slot)
{
  uint64_t n[COMMIT_NUMBERS];
  if (!read_item(n, COMMIT_NUMBERS, raw + slot * COMMIT_SLOT))
    return false;
  if (n[0] < s->epoch || (n[0] == s->epoch && n[1] < s->batch))
    return true;
  s->epoch = n[0];
  s->batch = n[1];
  s->commit_slot = slot;
  return true;
}

/* --- opening and closing --- */

static enum vatd_code damaged(struct page_sums *s, const char *what, struct error *error)
{
  return error_set(error, VATD_CORRUPT,
                   "%s: %s; if the database itself is trusted, remove this file: it is then made anew", s->name, what);
}

static bool is_blank(const unsigned char *raw, size_t size)
{
  return raw[0] == 0 && memcmp(raw, raw + 1, size - 1) == 0;
}

static enum vatd_code load(struct page_sums *s, struct error *error)
{
  unsigned char raw[PAGES_OFFSET] = {0};
  int rc = s->file->pMethods->xRead(s->file, raw, sizeof raw, 0);
  if (rc && rc != SQLITE_IOERR_SHORT_READ)
    return error_set(error, VATD_IO, "cannot read %s (SQLite code %d)", s->name, rc);
  take_header(s, raw);
  take_header(s, raw + HEADER_SLOT);
  if (s->header.serial == 0)
    return is_blank(raw + HEADER_SLOT, HEADER_SLOT) ? VATD_OK : damaged(s, "its header is damaged", error);
  bool first = take_commit(s, raw + COMMITS_OFFSET, 0);
  bool second = take_commit(s, raw + COMMITS_OFFSET, 1);
  return first || second ? VATD_OK : damaged(s, "its note of the last commit is damaged", error);
}

enum vatd_code page_sums_open(sqlite3_vfs *vfs, const char *database, struct page_sums **sums, struct error *error)
{
  struct page_sums *s = memory_zalloc(sizeof *s);
  char *name = memory_printf("%s-sums", database);
  /* Opened as a log is: with the owner and mode of the database, and its directory is synced with it. */
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
  s->name = sqlite3_create_filename(name, "", "", 0, NULL);
  free(name);
  s->file = memory_zalloc((size_t)vfs->szOsFile);
  int rc = s->name ? vfs->xOpen(vfs, s->name, s->file, flags, NULL) : SQLITE_NOMEM;
  enum vatd_code code = rc ? error_set(error, (rc & 0xff) == SQLITE_FULL ? VATD_FULL : VATD_IO,
                                       "cannot open %s-sums (SQLite code %d)", database, rc)
                           : load(s, error);
  if (code)
    page_sums_close(s);
  else
    *sums = s;
  return code;
}

void page_sums_close(struct page_sums *s)
{
  if (!s)
    return;
  if (s->file->pMethods)
    s->file->pMethods->xClose(s->file);
  free(s->file);
  sqlite3_free_filename(s->name);
  free(s);
}

bool page_sums_is_new(const struct page_sums *s) { return s->header.serial == 0; }

bool page_sums_was_in_use(const struct page_sums *s) { return s->header.in_use; }

uint64_t page_sums_id(const struct page_sums *s) { return s->header.id; }

/* The header, and with it the file's validity, comes with page_sums_begin; the last commit that was known stays. */
int page_sums_rebuild(struct page_sums *s, sqlite3_file *database)
{
  sqlite3_int64 size;
  int rc = database->pMethods->xFileSize(database, &size);
  if (!rc)
    rc = page_sums_truncate(s, 0);
  for (uint32_t page = 1; !rc && page <= size / STORE_PAGE_SIZE; page++) {
    unsigned char raw[STORE_SUM_SIZE];
    rc = database->pMethods->xRead(database, raw, sizeof raw, (sqlite3_int64)page * STORE_PAGE_SIZE - STORE_SUM_SIZE);
    if (!rc)
      rc = page_sums_put(s, page, page_seal_stored(raw));
  }
  return rc;
}

/* --- openings and commits --- */

enum vatd_code page_sums_judge(const struct page_sums *s, uint64_t token, uint64_t epoch, uint64_t batch,
                               struct error *error)
{
#ifdef VATD_UNSAFE_UNVERIFIED
  return VATD_OK;
#endif
  static const char advice[] = "if a copy was put back on purpose, remove this file";
  if (page_sums_is_new(s))
    return VATD_OK;
  if (epoch < s->epoch || (epoch == s->epoch && batch < s->batch))
    return error_set(error, VATD_CORRUPT,
                     "lost committed batches: the database ends with batch %" PRIu64 " of epoch %" PRIu64
                     ", but %s knows of batch %" PRIu64 " of epoch %" PRIu64
                     ". Put back the database's log (the -wal file) if there is one; %s",
                     batch, epoch, s->name, s->batch, s->epoch, advice);
  if (token != s->header.token && token != s->header.before)
    return error_set(error, VATD_CORRUPT,
                     "the database, or its log, is not the one that was last in use here: %s knows another token; %s",
                     s->name, advice);
  return VATD_OK;
}

/* Of a new file everything else is there before its first header, and its second header makes it valid. */
static int begin_new(struct page_sums *s)
{
  int rc = page_sums_note(s, 0, 0);
  if (!rc)
    rc = s->file->pMethods->xSync(s->file, SQLITE_SYNC_NORMAL);
  return rc ? rc : write_header(s, true);
}

int page_sums_begin(struct page_sums *s, uint64_t id, uint64_t token, uint64_t before)
{
  s->header.id = id;
  s->header.token = token;
  s->header.before = before;
  int rc = page_sums_is_new(s) ? begin_new(s) : page_sums_sync(s);
  if (!rc)
    rc = write_header(s, true);
  s->begun = !rc;
  return rc;
}

int page_sums_note(struct page_sums *s, uint64_t epoch, uint64_t batch)
{
  uint64_t numbers[COMMIT_NUMBERS] = {epoch, batch};
  int slot = !s->commit_slot;
  int rc = write_item(s, numbers, COMMIT_NUMBERS, COMMITS_OFFSET + slot * COMMIT_SLOT);
  if (!rc)
    s->commit_slot = slot;
  return rc;
}

int page_sums_end(struct page_sums *s) { return s->begun ? write_header(s, false) : SQLITE_OK; }

/* --- pages --- */

static sqlite3_int64 offset_of(uint32_t page)
{
  return PAGES_OFFSET + ((sqlite3_int64)page - 1) * (sqlite3_int64)sizeof(uint64_t);
}

int page_sums_get(struct page_sums *s, uint32_t page, uint64_t *sum)
{
  uint64_t raw = 0;
  int rc = s->file->pMethods->xRead(s->file, &raw, sizeof raw, offset_of(page));
  *sum = le64toh(raw);
  if (rc == SQLITE_IOERR_SHORT_READ) {
    *sum = 0;
    rc = SQLITE_OK;
  }
  return rc;
}

int page_sums_put(struct page_sums *s, uint32_t page, uint64_t sum)
{
  uint64_t raw = htole64(sum);
  s->unsynced = true;
  return s->file->pMethods->xWrite(s->file, &raw, sizeof raw, offset_of(page));
}

int page_sums_truncate(struct page_sums *s, uint32_t pages)
{
  sqlite3_int64 size;
  int rc = s->file->pMethods->xFileSize(s->file, &size);
  if (rc || size <= offset_of(pages + 1))
    return rc;
  s->unsynced = true;
  return s->file->pMethods->xTruncate(s->file, offset_of(pages + 1));
}

int page_sums_sync(struct page_sums *s)
{
  int rc = s->unsynced ? s->file->pMethods->xSync(s->file, SQLITE_SYNC_NORMAL) : SQLITE_OK;
  s->unsynced = s->unsynced && rc;
  return rc;
}
