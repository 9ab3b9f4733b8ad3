/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_power_test.c - power cuts: no batch that was told durable is lost, and none is there in part.
 *
 * Random batches run through the real store over a recording VFS (tests/faults/disk_vfs.h), in several openings, some
 * of which end by a kill, with checkpoints and caches too small for a batch. Then the disk is made as a cut at a random
 * point may have left it, and opened: without help there must be exactly the content after some batch, and no older one
 * than the last that was told durable. Some of the disks are worked on and cut again.
 *
 * The controls: with synchronous=NORMAL batches are lost, with OFF databases are damaged; else the harness is blind.
 *
 * CUTS and SEED may be set; NIGHTLY=1 takes 200,000 cuts, sanitizers fewer than a release.
 */
#include "store_files.h"
#include "store_fixture.h"
#include "store_load.h"
#include "disk_vfs.h"
#include "store/sqlite_store.h"
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
enum { CUTS = 300, NIGHTLY_CUTS = 5000 };
#else
enum { CUTS = 2000, NIGHTLY_CUTS = 200000 };
#endif

enum { BATCHES = 400, CUTS_PER_WORLD = 100, CUT_AGAIN_PERCENT = 25, CONTROL_CUTS = 200 };

struct history {
  unsigned first; /* the number of the batch that was there before; its hash is known */
  unsigned last;
  uint64_t hashes[BATCHES];  /* what the store holds after a batch */
  size_t positions[BATCHES]; /* of the record, when the batch was told durable; 0: it was there from the beginning */
};

struct findings {
  unsigned cuts;
  unsigned good;
  unsigned refused; /* it would not open, or could not be read */
  unsigned lost;    /* an older content than the last that was told durable */
  unsigned wrong;   /* no content that ever was, or an integrity check says so */
};

static struct rng rng;
static const char *synchronous; /* NULL: as the store has it */

static const struct load load = {.keys = 60, .changes = 12, .value_size = 300, .large_percent = 4};

/* --- working --- */

static sqlite3 *database_of(struct fixture *f) { return ((struct sqlite_store *)f->store)->db; }

static void set(struct fixture *f, const char *pragma, const char *value)
{
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA %s=%s", pragma, value);
  assert_int_equal(sqlite3_exec(database_of(f), sql, NULL, NULL, NULL), SQLITE_OK);
}

/* With a cache of few pages SQLite writes to the log before the commit, and again to the same places. */
static void set_at_random(struct fixture *f)
{
  if (synchronous)
    set(f, "synchronous", synchronous);
  if (rng_chance(&rng, 50))
    set(f, "cache_size", "5");
}

static void run_batch(struct fixture *f, struct history *h, const struct disk_log *log)
{
  unsigned number = h->last + 1;
  assert_true(number < BATCHES);
  assert_done(load_batch(f->store, &load, number, &rng, &f->error));
  h->positions[number] = disk_position(log);
  h->last = number;
  assert_done(load_hash(f->store, &h->hashes[number], &f->error));
  if (rng_chance(&rng, 15))
    assert_int_equal(sqlite3_wal_checkpoint_v2(database_of(f), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), SQLITE_OK);
}

/* The files stay as they are at this moment; that the store closes is not recorded. */
static void kill_store(struct fixture *f, struct disk_log *log)
{
  struct files files;
  files_take(f->path, &files);
  disk_stop();
  fixture_close(f);
  files_put(f->path, &files);
  files_free(&files);
  disk_resume(log);
}

static void run_opening(struct fixture *f, struct history *h, struct disk_log *log, unsigned batches)
{
  fixture_open(f);
  set_at_random(f);
  while (batches--)
    run_batch(f, h, log);
}

static void start_anew(struct fixture *f, struct history *h)
{
  files_put(f->path, &(struct files){0});
  memset(h, 0, sizeof *h);
  fixture_open(f);
  assert_done(load_hash(f->store, &h->hashes[0], &f->error));
  fixture_close(f);
  if (rng_chance(&rng, 50)) { /* they are made while it is recorded */
    char *name = memory_printf("%s-sums", f->path);
    assert_int_equal(unlink(name), 0);
    free(name);
  }
}

static struct disk_log *make_world(struct fixture *f, struct history *h)
{
  start_anew(f, h);
  struct disk_log *log = disk_record(f->directory);
  for (int opening = 0; opening < 4; opening++) {
    run_opening(f, h, log, 5 + rng_below(&rng, 25));
    if (rng_chance(&rng, 50))
      kill_store(f, log);
    else
      fixture_close(f);
  }
  disk_stop();
  return log;
}

/* --- looking --- */

/* The last batch that was told durable before a cut. */
static unsigned durable_at(const struct history *h, size_t position)
{
  unsigned number = h->first;
  while (number < h->last && h->positions[number + 1] <= position)
    number++;
  return number;
}

static int compare_with_ok(void *context, int columns, char **texts, char **names)
{
  bool *ok = context;
  (void)names;
  *ok = columns == 1 && texts[0] && strcmp(texts[0], "ok") == 0;
  return 0;
}

static bool is_intact(struct fixture *f)
{
  bool ok = false;
  return sqlite3_exec(database_of(f), "PRAGMA integrity_check", compare_with_ok, &ok, NULL) == SQLITE_OK && ok;
}

/* Leaves the store open when it is good. */
static bool look(struct fixture *f, const struct history *h, size_t position, unsigned *number, struct findings *found)
{
  uint64_t hash;
  unsigned durable = durable_at(h, position);
  f->store = NULL;
  found->cuts++;
  enum vatd_code code = store_sqlite_open(f->path, &f->store, &f->error);
  if (!code)
    code = load_number(f->store, number, &f->error);
  if (!code)
    code = load_hash(f->store, &hash, &f->error);
  bool old = !code && *number < durable;
  bool good =
      !code && !old && *number <= durable + 1 && *number <= h->last && hash == h->hashes[*number] && is_intact(f);
  found->good += good;
  found->refused += code != VATD_OK;
  found->lost += old;
  found->wrong += !code && !old && !good;
  if (!good && !synchronous)
    printf("# cut at %zu: %s, found %u, durable %u: %s\n", position, code ? "refused" : "wrong", code ? 0 : *number,
           durable, code ? f->error.text : "");
  if (!good)
    fixture_close(f);
  return good;
}

/* The disk after a cut is worked on, and cut again. */
static void cut_again(struct fixture *f, const struct history *before, size_t position, struct findings *found)
{
  unsigned number;
  struct history h = *before;
  struct disk_log *log = disk_record(f->directory);
  if (look(f, before, position, &number, found)) {
    h.first = h.last = number;
    set_at_random(f);
    for (unsigned left = rng_below(&rng, 8); left; left--)
      run_batch(f, &h, log);
    if (rng_chance(&rng, 50))
      disk_stop();
    fixture_close(f);
    disk_stop();
    position = rng_below(&rng, (uint32_t)disk_position(log) + 1);
    disk_cut(log, f->directory, position, &rng);
    if (look(f, &h, position, &number, found))
      fixture_close(f);
  }
  disk_stop();
  disk_log_free(log);
}

static void cut_once(struct fixture *f, const struct history *h, size_t position, struct findings *found)
{
  unsigned number;
  if (!look(f, h, position, &number, found))
    return;
  /* It goes on. */
  assert_done(load_batch(f->store, &load, number + 1, &rng, &f->error));
  fixture_close(f);
}

static struct findings cut(struct fixture *f, unsigned cuts)
{
  struct findings found = {0};
  while (found.cuts < cuts) {
    struct history h;
    struct disk_log *log = make_world(f, &h);
    for (int i = 0; i < CUTS_PER_WORLD && found.cuts < cuts; i++) {
      size_t position = rng_below(&rng, (uint32_t)disk_position(log) + 1);
      disk_cut(log, f->directory, position, &rng);
      if (rng_chance(&rng, CUT_AGAIN_PERCENT))
        cut_again(f, &h, position, &found);
      else
        cut_once(f, &h, position, &found);
    }
    disk_log_free(log);
  }
  return found;
}

/* --- tests --- */

static unsigned number_from(const char *name, unsigned fallback)
{
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static void print_findings(const char *mode, struct findings found)
{
  printf("# figure %s: %u cuts, %u good, %u refused, %u lost, %u wrong\n", mode, found.cuts, found.good, found.refused,
         found.lost, found.wrong);
  fflush(stdout);
}

static void no_cut_loses_or_damages_a_batch(void **state)
{
  const char *nightly = getenv("NIGHTLY");
  synchronous = NULL;
  struct findings found = cut(*state, number_from("CUTS", nightly && *nightly ? NIGHTLY_CUTS : CUTS));
  print_findings("synchronous=FULL", found);
  assert_int_equal(found.good, found.cuts);
}

static void with_less_syncs_cuts_lose_batches(void **state)
{
  synchronous = "NORMAL";
  struct findings found = cut(*state, CONTROL_CUTS);
  print_findings("control, synchronous=NORMAL", found);
  assert_true(found.lost + found.refused > 0);
}

static void without_syncs_cuts_damage_databases(void **state)
{
  synchronous = "OFF";
  struct findings found = cut(*state, CONTROL_CUTS);
  print_findings("control, synchronous=OFF", found);
  assert_true(found.wrong + found.refused > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_cut_loses_or_damages_a_batch),
      cmocka_unit_test(with_less_syncs_cuts_lose_batches),
      cmocka_unit_test(without_syncs_cuts_damage_databases),
  };
  rng.state = number_from("SEED", (unsigned)time(NULL));
  printf("# seed %" PRIu64 "\n", rng.state);
  fflush(stdout);
  disk_vfs_install();
  int failed = cmocka_run_group_tests_name("store: power cuts", tests, fixture_set_up_directory, fixture_tear_down);
  disk_vfs_uninstall();
  return failed;
}
