/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_corruption_test.c - a database that is not as it was: noticed before anyone sees wrong data.
 *
 * Some databases are made by random batches and photographed (`enum photo`). Then, over and over, the files of one
 * photo are put in place with one mutation, opened, read as the kernel reads them, written to and closed. What comes
 * out is an error (noticed), the same data (harmless), or other data (wrong: not one may be).
 *
 * Built a second time with VATD_UNSAFE_UNVERIFIED, without checks, the same program must find wrong data: the control.
 *
 * MUTATIONS and SEED may be set; NIGHTLY=1 takes 10,000 mutations, sanitizers fewer than a release.
 */
#include "store_files.h"
#include "store_fixture.h"
#include "store_load.h"
#include "disk_vfs.h"
#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef __has_feature /* gcc */
#define __has_feature(feature) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
enum { MUTATIONS = 600, NIGHTLY_MUTATIONS = 3000 };
#else
enum { MUTATIONS = 2000, NIGHTLY_MUTATIONS = 10000 };
#endif

enum { PAGE = 4096, FRAME = 24 + PAGE, LOG_HEADER = 32, SECTOR = 512 };

enum photo {
  EARLIER,  /* closed in order, long ago */
  CLOSED,   /* closed in order */
  RUNNING,  /* killed; its log has been begun anew */
  MIDDLE,   /* killed, before that, in the log's earlier life */
  LIVE,     /* killed, after some more batches in the same log */
  DIVERGED, /* CLOSED, put elsewhere and written to there */
  FOREIGN,  /* another database, killed */
  PHOTOS
};

static struct files photos[PHOTOS];
static struct buffer truth[PHOTOS];
static struct rng rng;

static const struct load load = {.keys = 500, .changes = 60, .value_size = 150, .large_percent = 1};

/* --- the databases --- */

static void photograph(struct fixture *f, enum photo photo)
{
  files_take(f->path, &photos[photo]);
  if (f->store)
    assert_done(load_read_all(f->store, &truth[photo], &f->error));
}

static void run_batches(struct fixture *f, unsigned count)
{
  static unsigned number;
  for (unsigned i = 0; i < count; i++)
    assert_done(load_batch(f->store, &load, ++number, &rng, &f->error));
}

/* Until the log has been written back and begun anew, and is `more` batches old. */
static void run_until_log_restarts(struct fixture *f, unsigned more)
{
  struct files now;
  struct files before;
  files_take(f->path, &before);
  for (bool restarted = false; !restarted;) {
    run_batches(f, 1);
    files_take(f->path, &now);
    restarted = memcmp(now.data[LOG], before.data[LOG], LOG_HEADER) != 0;
    files_free(&now);
  }
  files_free(&before);
  run_batches(f, more);
}

static void photograph_closed(struct fixture *f, enum photo photo)
{
  assert_done(load_read_all(f->store, &truth[photo], &f->error));
  fixture_close(f);
  photograph(f, photo);
}

static void make_photos(struct fixture *f)
{
  for (int i = 0; i < PHOTOS; i++)
    buffer_init(&truth[i], 64 * MIB);
  fixture_open(f);
  run_batches(f, 150);
  photograph_closed(f, EARLIER);
  fixture_open(f);
  run_batches(f, 60);
  photograph_closed(f, CLOSED);
  fixture_open(f);
  run_batches(f, 15);
  photograph(f, MIDDLE);
  run_until_log_restarts(f, 5);
  photograph(f, RUNNING);
  run_batches(f, 10);
  photograph(f, LIVE);
  fixture_close(f);
  files_put(f->path, &photos[CLOSED]);
  fixture_open(f);
  run_batches(f, 30);
  photograph(f, DIVERGED);
  fixture_close(f);
  files_put(f->path, &(struct files){0});
  fixture_open(f);
  run_batches(f, 150);
  photograph(f, FOREIGN);
  fixture_close(f);
}

/* --- mutations --- */

static uint32_t below(size_t count) { return rng_below(&rng, (uint32_t)count); }

static void flip(struct files *files, enum part part)
{
  size_t at = below(files->size[part]);
  files->data[part][at] = (char)(files->data[part][at] ^ (1 << below(8)));
}

/* A piece of `size` bytes at one of the places first + N * step. */
static char *any_piece(struct files *files, enum part part, size_t first, size_t step)
{
  return files->data[part] + first + step * below((files->size[part] - first) / step);
}

static char *any_page(struct files *files) { return any_piece(files, BASE, 0, PAGE); }

static void flip_in_base(struct files *files) { flip(files, BASE); }

static void flip_in_sums(struct files *files) { flip(files, SUMS); }

static void zero_page(struct files *files) { memset(any_page(files), 0, PAGE); }

static void zero_sector(struct files *files) { memset(any_piece(files, BASE, 0, SECTOR), 0, SECTOR); }

static void garble_page(struct files *files)
{
  char *page = any_page(files);
  for (size_t i = 0; i < PAGE; i++)
    page[i] = (char)rng_next(&rng);
}

static void swap_pages(struct files *files)
{
  char page[PAGE];
  char *a = any_page(files);
  char *b = any_page(files);
  memcpy(page, a, PAGE);
  memcpy(a, b, PAGE);
  memcpy(b, page, PAGE);
}

static void duplicate_page(struct files *files) { memmove(any_page(files), any_page(files), PAGE); }

/* The same page of another photo; with its sum outside too, it would not even be stale. */
static void page_of(struct files *files, enum photo photo)
{
  char *page = any_page(files);
  size_t at = (size_t)(page - files->data[BASE]);
  if (at < photos[photo].size[BASE])
    memcpy(page, photos[photo].data[BASE] + at, PAGE);
}

static void stale_page(struct files *files) { page_of(files, EARLIER); }

static void foreign_page(struct files *files) { page_of(files, FOREIGN); }

static void cut_base(struct files *files)
{
  files->size[BASE] = below(2) ? below(files->size[BASE]) : below(files->size[BASE] / PAGE) * PAGE;
}

static void older_base(struct files *files) { files_replace_part(files, BASE, &photos[EARLIER]); }

static void foreign_base(struct files *files) { files_replace_part(files, BASE, &photos[FOREIGN]); }

static void cut_sums(struct files *files) { files->size[SUMS] = below(files->size[SUMS]); }

static void older_sums(struct files *files) { files_replace_part(files, SUMS, &photos[EARLIER]); }

static void no_sums(struct files *files)
{
  free(files->data[SUMS]);
  files->data[SUMS] = NULL;
}

/* A copy of the database alone is checked by what is inside its pages. */
static void flip_alone(struct files *files)
{
  no_sums(files);
  flip(files, BASE);
}

static void zero_page_alone(struct files *files)
{
  no_sums(files);
  zero_page(files);
}

static void swap_pages_alone(struct files *files)
{
  no_sums(files);
  swap_pages(files);
}

static void cut_base_alone(struct files *files)
{
  no_sums(files);
  cut_base(files);
}

static void flip_in_log(struct files *files) { flip(files, LOG); }

static void cut_log(struct files *files)
{
  files->size[LOG] =
      below(2) ? below(files->size[LOG]) : LOG_HEADER + below((files->size[LOG] - LOG_HEADER) / FRAME) * FRAME;
}

static void no_log(struct files *files)
{
  free(files->data[LOG]);
  files->data[LOG] = NULL;
}

static void zero_in_log(struct files *files) { memset(any_piece(files, LOG, LOG_HEADER, SECTOR), 0, SECTOR); }

static void duplicate_frame(struct files *files)
{
  memmove(any_piece(files, LOG, LOG_HEADER, FRAME), any_piece(files, LOG, LOG_HEADER, FRAME), FRAME);
}

static void log_of_running(struct files *files) { files_replace_part(files, LOG, &photos[RUNNING]); }

static void log_of_middle(struct files *files) { files_replace_part(files, LOG, &photos[MIDDLE]); }

static void log_of_diverged(struct files *files) { files_replace_part(files, LOG, &photos[DIVERGED]); }

static void log_of_foreign(struct files *files) { files_replace_part(files, LOG, &photos[FOREIGN]); }

struct mutation {
  const char *name;
  void (*apply)(struct files *);
  enum photo photo;
  unsigned weight; /* how often it is taken */
  unsigned noticed;
  unsigned harmless;
  unsigned wrong;
};

static struct mutation mutations[] = {
    {"bit of the database", flip_in_base, CLOSED, 12},
    {"bit of the database beside a log", flip_in_base, LIVE, 6},
    {"page of zeros", zero_page, CLOSED, 4},
    {"sector of zeros", zero_sector, CLOSED, 4},
    {"page of noise", garble_page, CLOSED, 4},
    {"two pages swapped", swap_pages, CLOSED, 4},
    {"page twice", duplicate_page, CLOSED, 4},
    {"stale page", stale_page, CLOSED, 12},
    {"stale page beside a log", stale_page, LIVE, 6},
    {"foreign page", foreign_page, CLOSED, 4},
    {"database cut short", cut_base, CLOSED, 4},
    {"database cut short beside a log", cut_base, LIVE, 2},
    {"older database", older_base, CLOSED, 1},
    {"older database beside a log", older_base, LIVE, 1},
    {"foreign database", foreign_base, CLOSED, 1},
    {"foreign database beside a log", foreign_base, LIVE, 1},
    {"bit of the sums", flip_in_sums, CLOSED, 4},
    {"sums cut short", cut_sums, CLOSED, 2},
    {"older sums", older_sums, CLOSED, 1},
    {"no sums", no_sums, CLOSED, 1},
    {"no sums beside a log", no_sums, LIVE, 1},
    {"bit of a database alone", flip_alone, CLOSED, 4},
    {"page of zeros in a database alone", zero_page_alone, CLOSED, 2},
    {"two pages swapped in a database alone", swap_pages_alone, CLOSED, 2},
    {"database cut short alone", cut_base_alone, CLOSED, 2},
    {"database cut short beside a log alone", cut_base_alone, LIVE, 4},
    {"bit of the log", flip_in_log, LIVE, 12},
    {"log cut short", cut_log, LIVE, 6},
    {"sector of zeros in the log", zero_in_log, LIVE, 4},
    {"frame twice", duplicate_frame, LIVE, 4},
    {"no log", no_log, LIVE, 1},
    {"older log", log_of_running, LIVE, 1},
    {"log of an earlier life", log_of_middle, LIVE, 1},
    {"log of a copy that went its own way", log_of_diverged, LIVE, 1},
    {"foreign log", log_of_foreign, LIVE, 1},
    {"log after an end in order", log_of_running, CLOSED, 1},
    {"log of a copy after an end in order", log_of_diverged, CLOSED, 1},
    {"foreign log after an end in order", log_of_foreign, CLOSED, 1},
};

enum { KINDS = sizeof mutations / sizeof *mutations };

static struct mutation *choose(unsigned turn)
{
  unsigned all = 0;
  if (turn < KINDS)
    return &mutations[turn];
  for (size_t i = 0; i < KINDS; i++)
    all += mutations[i].weight;
  unsigned at = below(all);
  for (size_t i = 0;; at -= mutations[i++].weight) {
    if (at < mutations[i].weight)
      return &mutations[i];
  }
}

/* --- what comes of it --- */

enum finding { NOTICED, HARMLESS, WRONG };

static enum finding look(struct fixture *f, enum photo photo)
{
  struct buffer found;
  f->store = NULL;
  if (store_sqlite_open(f->path, &f->store, &f->error))
    return NOTICED;
  buffer_init(&found, 64 * MIB);
  enum vatd_code code = load_read_all(f->store, &found, &f->error);
  bool equal = bytes_equal(buffer_bytes(&found), buffer_bytes(&truth[photo]));
  buffer_fini(&found);
  if (!code && below(4) == 0)
    code = load_batch(f->store, &load, 1000000, &rng, &f->error);
  fixture_close(f);
  return code ? NOTICED : equal ? HARMLESS : WRONG;
}

static void mutate(struct fixture *f, struct mutation *mutation)
{
  struct files files = files_copy(&photos[mutation->photo]);
  mutation->apply(&files);
  files_put(f->path, &files);
  files_free(&files);
  switch (look(f, mutation->photo)) {
  case NOTICED:
    mutation->noticed++;
    break;
  case HARMLESS:
    mutation->harmless++;
    break;
  case WRONG:
    mutation->wrong++;
  }
}

static unsigned number_from(const char *name, unsigned fallback)
{
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static unsigned mutations_wanted(void)
{
  const char *nightly = getenv("NIGHTLY");
  return number_from("MUTATIONS", nightly && *nightly ? NIGHTLY_MUTATIONS : MUTATIONS);
}

static struct mutation totals(void)
{
  struct mutation all = {0};
  for (size_t i = 0; i < KINDS; i++) {
    struct mutation *m = &mutations[i];
    printf("# %-38s %5u noticed %5u harmless %5u wrong\n", m->name, m->noticed, m->harmless, m->wrong);
    all.noticed += m->noticed;
    all.harmless += m->harmless;
    all.wrong += m->wrong;
  }
  return all;
}

static void photos_are_as_they_should_be(void **state)
{
  struct fixture *f = *state;
  make_photos(f);
  assert_true(photos[LIVE].size[BASE] > 60 * PAGE && photos[LIVE].size[LOG] > 20 * FRAME);
  assert_null(photos[CLOSED].data[LOG]);
  for (int i = 0; i < PHOTOS; i++) {
    files_put(f->path, &photos[i]);
    assert_int_equal(look(f, (enum photo)i), HARMLESS);
  }
}

static void what_is_damaged_is_noticed_or_harmless(void **state)
{
  unsigned count = mutations_wanted();
  for (unsigned i = 0; i < count; i++)
    mutate(*state, choose(i));
  struct mutation all = totals();
  printf("# figure %u mutations of a database of %zu pages: %u noticed, %u harmless, %u wrong\n", count,
         photos[LIVE].size[BASE] / PAGE, all.noticed, all.harmless, all.wrong);
#ifdef VATD_UNSAFE_UNVERIFIED
  assert_true(all.wrong > count / 20);
#else
  assert_int_equal(all.wrong, 0);
  assert_true(all.noticed > count / 2);
#endif
}

static void assert_answer(sqlite3 *db, const char *sql, const char *expected)
{
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), expected);
  sqlite3_finalize(stmt);
}

/* As the sqlite3 program does: its end carries the log into the database, and removes it. */
static void other_programs_can_read_it_and_it_goes_on(void **state)
{
  struct fixture *f = *state;
  sqlite3 *db;
  files_put(f->path, &photos[LIVE]);
  assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
  assert_answer(db, "PRAGMA integrity_check", "ok");
  assert_answer(db, "SELECT (SELECT count(*) FROM kv) + (SELECT count(*) FROM kv_vatstore) > 3000", "1");
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  char *log = memory_printf("%s-wal", f->path);
  assert_int_not_equal(access(log, F_OK), 0);
  free(log);
  assert_int_equal(look(f, LIVE), HARMLESS);
}

#define IN_ORDER(name) cmocka_unit_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_ORDER(photos_are_as_they_should_be),
      IN_ORDER(what_is_damaged_is_noticed_or_harmless),
      IN_ORDER(other_programs_can_read_it_and_it_goes_on),
  };
  uint64_t seed = number_from("SEED", (unsigned)time(NULL));
  rng.state = seed;
  printf("# seed %" PRIu64 "\n", seed);
  fflush(stdout);
  disk_vfs_install();
  int failed = cmocka_run_group_tests_name("store: corruption", tests, fixture_set_up_directory, fixture_tear_down);
  disk_vfs_uninstall();
  for (int i = 0; i < PHOTOS; i++) {
    files_free(&photos[i]);
    buffer_fini(&truth[i]);
  }
  return failed;
}
