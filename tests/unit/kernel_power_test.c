/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_power_test.c - power cuts under the whole kernel: what a client has been answered is there.
 *
 * The script (kernel_script.h) runs over the SQLite store and a recording VFS (tests/faults/disk_vfs.h), with random
 * batches; what is stored, and what has been answered, is noted after each commit. Then the disk is made as a cut may
 * have left it: a kernel must open on it without help, find exactly what was stored after some commit, with all counts
 * right, and no older one than that of the last answer. Of the store alone there is store_power_test.c.
 *
 * The control: with synchronous=OFF there must be cuts after which it is not so.
 *
 * CUTS and SEED may be set; NIGHTLY=1 takes 5,000 cuts.
 */
#include "kernel_script.h"
#include "kernel_test.h"

#include "base/memory.h"
#include "disk_vfs.h"
#include "store/sqlite_store.h"
#include "store_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CRANKS = 120, LONGEST_BATCH = 8, CUTS = 200, NIGHTLY_CUTS = 5000, CONTROL_CUTS = 50, CHECKPOINT_PERCENT = 10 };

struct commit {
  size_t position; /* of the record, when it was durable */
  char *content;
};

struct script {
  struct disk_log *log;
  size_t first; /* the position after the launch */
  struct commit commits[CRANKS + 1];
  unsigned count;
};

static struct rng rng;

static void note_commit(struct harness *h, struct script *script)
{
  script->commits[script->count++] = (struct commit){disk_position(script->log), memory_strdup(harness_dump(h))};
}

static void execute(struct store *engine, const char *sql)
{
  assert_int_equal(sqlite3_exec(((struct sqlite_store *)engine)->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void run_batch(struct harness *h, unsigned *crank)
{
  unsigned size = 1 + rng_below(&rng, LONGEST_BATCH);
  while (size-- && *crank < CRANKS) {
    script_run_crank(h, (*crank)++);
    harness_pump(h);
  }
  kernel_commit(h->kernel);
  harness_pump(h);
}

static void run_script(struct fixture *f, struct script *script, const char *pragma)
{
  struct harness h;
  struct store *store;
  memset(script, 0, sizeof *script);
  fixture_open(f);
  fixture_close(f);
  script->log = disk_record(f->directory);
  assert_done(store_sqlite_open(f->path, &store, &f->error));
  script_open(&h, store_batched_open(store));
  execute(store, pragma);
  script->first = disk_position(script->log);
  note_commit(&h, script);
  for (unsigned crank = 0; crank < CRANKS;) {
    run_batch(&h, &crank);
    note_commit(&h, script);
    if (rng_chance(&rng, CHECKPOINT_PERCENT))
      execute(store, "PRAGMA wal_checkpoint");
  }
  disk_stop();
  harness_close(&h);
}

/* NULL when the database does not open. The caller frees it. */
static char *content_after_cut(struct fixture *f)
{
  struct harness h;
  struct store *store;
  if (store_sqlite_open(f->path, &store, &f->error))
    return NULL;
  harness_open_on(&h, store_batched_open(store));
  char *content = memory_strdup(harness_dump(&h));
  harness_close(&h);
  return content;
}

static bool is_as_it_should_be(struct fixture *f, const struct script *script, size_t position)
{
  char *content = content_after_cut(f);
  bool good = false;
  unsigned durable = 0;
  while (durable + 1 < script->count && script->commits[durable + 1].position <= position)
    durable++;
  for (unsigned i = durable; content && !good && i < script->count && i <= durable + 1; i++)
    good = strcmp(content, script->commits[i].content) == 0;
  free(content);
  return good;
}

static void free_script(struct script *script)
{
  for (unsigned i = 0; i < script->count; i++)
    free(script->commits[i].content);
  disk_log_free(script->log);
}

/* How many of the cuts leave what must not be. */
static unsigned cut(const char *pragma, unsigned cuts)
{
  void *state;
  struct script script;
  unsigned bad = 0;
  assert_int_equal(fixture_set_up_directory(&state), 0);
  struct fixture *f = state;
  run_script(f, &script, pragma);
  for (unsigned i = 0; i < cuts; i++) {
    size_t position = script.first + rng_below(&rng, (uint32_t)(disk_position(script.log) - script.first) + 1);
    disk_cut(script.log, f->directory, position, &rng);
    bad += !is_as_it_should_be(f, &script, position);
  }
  printf("# figure %s: %u cranks, %u commits, %u cuts, %u bad\n", pragma, CRANKS, script.count - 1, cuts, bad);
  free_script(&script);
  fixture_tear_down(&state);
  return bad;
}

static unsigned number_from(const char *name, unsigned fallback)
{
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static void what_was_answered_survives_any_cut(void **state)
{
  (void)state;
  const char *nightly = getenv("NIGHTLY");
  assert_int_equal(cut("PRAGMA synchronous", number_from("CUTS", nightly && *nightly ? NIGHTLY_CUTS : CUTS)), 0);
}

static void without_syncs_it_does_not(void **state)
{
  (void)state;
  assert_true(cut("PRAGMA synchronous=OFF", CONTROL_CUTS) > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_answered_survives_any_cut),
      cmocka_unit_test(without_syncs_it_does_not),
  };
  rng.state = number_from("SEED", (unsigned)time(NULL));
  printf("# seed %" PRIu64 "\n", rng.state);
  fflush(stdout);
  disk_vfs_install();
  int failed = cmocka_run_group_tests_name("kernel: power cuts", tests, NULL, NULL);
  disk_vfs_uninstall();
  return failed;
}
