/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_check.c - a database file looked over; see store_check.h.
 *
 * The pages are first read one by one, past SQLite, so that every damaged one is named. Pages that a log has a newer
 * version of are passed over: a checkpoint may have been cut while it wrote them. Then SQLite reads the whole through the
 * checksum VFS. A file of sums is looked at when it is there and not made when it is not. Nothing is taken over: the
 * epoch stays, the log is not written back.
 */
#include "store/checksum_vfs.h"
#include "store/page_seal.h"
#include "store/rules.h"
#include "store/sqlite_store.h"
#include "store/store_check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PENDING_PAGE (0x40000000 / STORE_PAGE_SIZE + 1) /* SQLite never writes it: its locks are there */

struct inspection {
  struct sqlite_store *s;
  fsck_found_fn *found;
  void *context;
  size_t count;
  uint64_t id; /* of the database, by which its pages are known */
};

static void say(struct inspection *i, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct inspection *i, const char *key, const char *format, ...)
{
  char what[ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  struct fsck_finding finding = {"file", bytes_of(key), what};
  i->count++;
  i->found(i->context, &finding);
}

/* ---- pages ---- */

/* The log is asked last: it is walked. */
static void check_page(struct inspection *i, uint32_t page, const unsigned char *data)
{
  char key[32];
  const char *what = NULL;
  uint64_t known = page_seal_of(data);
  snprintf(key, sizeof key, "page %" PRIu32, page);
  if (page_seal_of(data) != page_seal_sum(data, page, i->id))
    what = "is not as it was written: its sum is wrong";
  else if (i->s->sums && page_sums_get(i->s->sums, page, &known) == SQLITE_OK && known != page_seal_of(data))
    what = "is whole, but not the one that was written last";
  if (what && !checksum_vfs_log_has(i->s->db, page))
    say(i, key, "%s", what);
}

/* The VFS knows the id from the first page, unless there are sums. Where the two pages after it agree on another, it is
 * the first that is damaged. */
static void find_id(struct inspection *i, sqlite3_file *file)
{
  unsigned char data[2][STORE_PAGE_SIZE];
  i->id = checksum_vfs_id(i->s->db);
  if (i->s->sums || file->pMethods->xRead(file, data[0], STORE_PAGE_SIZE, STORE_PAGE_SIZE) ||
      file->pMethods->xRead(file, data[1], STORE_PAGE_SIZE, 2 * STORE_PAGE_SIZE))
    return;
  uint64_t second = page_seal_id(data[0], 2);
  if (second == page_seal_id(data[1], 3))
    i->id = second;
}

static enum vatd_code check_pages(struct inspection *i, struct error *error)
{
  unsigned char data[STORE_PAGE_SIZE];
  sqlite3_file *file = checksum_vfs_raw(i->s->db);
  sqlite3_int64 size = 0;
  int rc = file->pMethods->xFileSize(file, &size);
  find_id(i, file);
  for (uint32_t page = 1; !rc && page <= size / STORE_PAGE_SIZE; page++) {
    if (page == PENDING_PAGE)
      continue;
    rc = file->pMethods->xRead(file, data, sizeof data, ((sqlite3_int64)page - 1) * STORE_PAGE_SIZE);
    if (!rc)
      check_page(i, page, data);
  }
  if (!rc && size % STORE_PAGE_SIZE)
    say(i, "", "has %lld bytes, which are no whole pages", (long long)size);
  return rc ? sqlite_store_error(i->s, rc, "cannot read the database", error) : VATD_OK;
}

/* ---- SQLite's own check ---- */

static int take_line(void *context, int columns, char **texts, char **names)
{
  struct inspection *i = context;
  (void)names;
  if (columns > 0 && texts[0] && strcmp(texts[0], "ok") != 0)
    say(i, "integrity_check", "%s", texts[0]);
  return 0;
}

static void check_trees(struct inspection *i)
{
  int rc = sqlite3_exec(i->s->db, "PRAGMA integrity_check(100)", take_line, i, NULL);
  if (rc && !i->count) {
    struct error error;
    sqlite_store_error(i->s, rc, "cannot be checked", &error);
    say(i, "integrity_check", "%s", error.text);
  }
}

static bool check_part(struct inspection *i, const char *key, enum vatd_code code, const struct error *error)
{
  if (code)
    say(i, key, "%s", error->text);
  return code == VATD_OK;
}

/* ---- lists ---- */

struct list {
  char **items;
  size_t count;
};

static int take_item(void *context, int columns, char **texts, char **names)
{
  struct list *list = context;
  (void)names;
  if (columns < 1 || !texts[0])
    return 0;
  list->items = memory_realloc_array(list->items, list->count + 1, sizeof *list->items);
  list->items[list->count++] = memory_strdup(texts[0]);
  return 0;
}

/* One step of an index for each vat, however many rows it has. */
static const char vats_sql[] =
    "WITH RECURSIVE v(id) AS (SELECT min(vatID) FROM kv_vatstore UNION ALL "
    "SELECT (SELECT min(vatID) FROM kv_vatstore WHERE vatID > v.id) FROM v WHERE v.id IS NOT NULL) "
    "SELECT id FROM v WHERE id IS NOT NULL";

static enum vatd_code read_lists(struct inspection *i, struct fsck_lists *lists, struct error *error)
{
  struct list vats = {0};
  struct list bundles = {0};
  int rc = sqlite3_exec(i->s->db, vats_sql, take_item, &vats, NULL);
  if (!rc)
    rc = sqlite3_exec(i->s->db, "SELECT hash FROM bundle", take_item, &bundles, NULL);
  *lists = (struct fsck_lists){vats.items, vats.count, bundles.items, bundles.count};
  return rc ? sqlite_store_error(i->s, rc, "cannot be listed", error) : VATD_OK;
}

void store_lists_free(struct fsck_lists *lists)
{
  for (size_t i = 0; i < lists->vat_count; i++)
    free(lists->vats[i]);
  for (size_t i = 0; i < lists->bundle_count; i++)
    free(lists->bundles[i]);
  free(lists->vats);
  free(lists->bundles);
  *lists = (struct fsck_lists){0};
}

/* ---- the whole ---- */

static bool has_sums(const struct sqlite_store *s)
{
  char *name = memory_printf("%s-sums", s->path);
  bool there = access(name, F_OK) == 0;
  free(name);
  return there;
}

/* Reads the log, if there is one, so that the VFS knows which pages it has. */
static enum vatd_code read_log(struct inspection *i, struct error *error)
{
  return sqlite_store_execute(i->s, "PRAGMA schema_version", "cannot read the database", error);
}

/* What the kernel needs to read it; each part is said to be wrong on its own. */
static bool inspect_content(struct inspection *i, struct fsck_lists *lists)
{
  struct error error;
  struct sqlite_store *s = i->s;
  bool good = check_part(i, "pages", check_pages(i, &error), &error);
  check_trees(i);
  good = good && check_part(i, "schema", sqlite_store_check_schema(s, &error), &error);
  good = good && check_part(i, "schema", sqlite_store_prepare(s, &error), &error);
  if (good)
    check_part(i, "history", sqlite_store_judge_history(s, &error), &error);
  return good && check_part(i, "tables", read_lists(i, lists, &error), &error);
}

/* BUSY and the like say nothing of the file; whatever else is wrong is a finding. */
static bool is_finding(enum vatd_code code)
{
  return code == VATD_CORRUPT || code == VATD_VERSION;
}

static enum vatd_code open_file(struct inspection *i, struct error *error)
{
  struct sqlite_store *s = i->s;
  unsigned version = 0;
  enum vatd_code code = sqlite_store_connect_and_judge(s, &version, error);
  if (!code && version != STORE_SCHEMA_VERSION)
    code = error_set(error, VATD_VERSION, "has schema version %u; a daemon that is started on it makes it version %d", version,
                     STORE_SCHEMA_VERSION);
  if (code)
    return code;
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, sqlite_store_has_log(s), NULL);
  if (has_sums(s))
    code = sqlite_store_guard(s, error);
  if (!code)
    code = sqlite_store_apply_pragmas(s, error);
  return code ? code : read_log(i, error);
}

enum vatd_code store_sqlite_inspect(const char *path, fsck_found_fn *found, void *context, struct store **store,
                                    struct fsck_lists *lists, struct error *error)
{
  struct error why;
  struct inspection i = {.s = sqlite_store_new(path), .found = found, .context = context};
  *store = NULL;
  *lists = (struct fsck_lists){0};
  if (access(path, F_OK) != 0) {
    enum vatd_code code = error_set_errno(error, errno == ENOENT ? VATD_NOT_FOUND : VATD_IO, errno, "%s", path);
    sqlite_store_free(i.s);
    return code;
  }
  enum vatd_code code = open_file(&i, &why);
  if (code && is_finding(code))
    say(&i, "", "%s", why.text);
  if (code && is_finding(code) && checksum_vfs_raw(i.s->db))
    check_pages(&i, &why);
  bool readable = code == VATD_OK && inspect_content(&i, lists);
  if (readable)
    *store = &i.s->store;
  else
    sqlite_store_free(i.s);
  return code && !is_finding(code) ? error_set(error, code, "%s", why.text) : VATD_OK;
}
