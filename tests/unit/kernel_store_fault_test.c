/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_store_fault_test.c - the kernel over the SQLite store on a disk that fails at one call.
 *
 * The script (kernel_script.h) is 200 cranks, committed one by one or five at a time. It runs once on a
 * good disk, and what is stored after each commit is noted. Then it runs again and again, and each time another call
 * fails:
 *
 *   - the kernel is broken from then on: no effect of it comes out, whatever it is fed;
 *   - exactly those requests have been answered whose cranks had been committed before;
 *   - after reopening, what is stored is what was stored after the last good commit or after the next one.
 *
 * A lack of room breaks the kernel before the commit was tried: made anew on the same store it has what was stored after the
 * last good commit. Only such a fault may leave it unbroken too, when it is a checkpoint of the log that has no room: the log
 * still has everything. Then the script must end as on a good disk. By default every few calls are tried, with NIGHTLY set all of them.
 */
#include "kernel_script.h"
#include "kernel_test.h"

#include "base/memory.h"
#include "fault_vfs.h"
#include "store_fixture.h"

#include <stdio.h>
#include <unistd.h>

enum { CRANKS = 200, BATCH = 5 };

/* ---- one run ---- */

static const struct fault_case {
  const char *name;
  struct fault fault;
  unsigned stride; /* of the calls that are tried */
} fault_cases[] = {
    {"write", {.kind = FAULT_WRITE, .code = SQLITE_IOERR_WRITE}, 61},
    {"write, half done", {.kind = FAULT_WRITE, .half = true, .code = SQLITE_IOERR_WRITE}, 67},
    {"write, no room", {.kind = FAULT_WRITE, .code = SQLITE_FULL}, 71},
    {"write, and all after it", {.kind = FAULT_WRITE, .forever = true, .code = SQLITE_IOERR_WRITE}, 73},
    {"sync", {.kind = FAULT_SYNC, .code = SQLITE_IOERR_FSYNC}, 7},
    {"sync, though it worked", {.kind = FAULT_SYNC, .half = true, .code = SQLITE_IOERR_FSYNC}, 11},
    {"sync, and all after it", {.kind = FAULT_SYNC, .forever = true, .code = SQLITE_IOERR_FSYNC}, 13},
    {"truncate", {.kind = FAULT_TRUNCATE, .code = SQLITE_IOERR_TRUNCATE}, 1},
    {"read", {.kind = FAULT_READ, .code = SQLITE_IOERR_READ}, 1},
};

struct script {
  unsigned batch; /* cranks per commit */
  unsigned commits;
  char *contents[CRANKS + 2];  /* after each commit, on a good disk; the last one twice */
  uint64_t calls[FAULT_KINDS]; /* made on a good disk */
};

struct outcome {
  unsigned commits; /* that were good */
  unsigned answers;
  bool broken;
  enum vatd_code code;
};

static unsigned count_answers(const struct harness *h)
{
  unsigned count = 0;
  for (size_t request = 2; request < HARNESS_ANSWERS; request++) /* 1 is the launch */
    count += h->answered[request];
  return count;
}

/* Whatever is fed to it, a broken kernel does nothing. */
static void assert_silent(struct harness *h)
{
  struct effect effect;
  unsigned answers = count_answers(h);
  script_call(h);
  kernel_answer(h->kernel, h->next_request++, json_null());
  if (harness_has_delivery(h, SCRIPT_BOB))
    harness_done(h, SCRIPT_BOB, (struct done_frame){.status = DONE_OK});
  assert_false(kernel_step(h->kernel));
  assert_false(kernel_batch_open(h->kernel));
  kernel_commit(h->kernel);
  assert_false(kernel_take_effect(h->kernel, &effect));
  assert_int_equal(count_answers(h), answers);
}

static void open_script(struct harness *h, struct fixture *f)
{
  struct store *store;
  assert_done(store_sqlite_open(f->path, &store, &f->error));
  script_open(h, store_batched_open(store));
  h->store_fails = true;
}

static void note_content(struct harness *h, struct script *script, unsigned commit)
{
  script->contents[commit] = memory_strdup(harness_dump(h));
}

/* On the same store, as the driver does it when the disk is full. */
static void assert_begins_anew(struct harness *h, const struct script *script, unsigned commits)
{
  struct error error = {0};
  assert_int_equal(kernel_reopen(h->kernel, &error), VATD_OK);
  assert_null(kernel_broken(h->kernel));
  assert_string_equal(harness_dump(h), script->contents[commits]);
  harness_check_counts(h);
}

/* `note`: keep what is stored after each commit. */
static struct outcome run_script(struct fixture *f, struct script *script, const struct fault *fault, bool note)
{
  struct harness h;
  struct outcome outcome = {0};
  open_script(&h, f);
  if (note)
    note_content(&h, script, 0);
  fault_vfs_plan(fault);
  for (unsigned crank = 0; crank < CRANKS && !kernel_broken(h.kernel); crank++) {
    script_run_crank(&h, crank);
    harness_pump(&h);
    if ((crank + 1) % script->batch)
      continue;
    kernel_commit(h.kernel);
    harness_pump(&h);
    outcome.commits += !kernel_broken(h.kernel);
    if (note)
      note_content(&h, script, outcome.commits);
  }
  outcome.broken = kernel_broken(h.kernel) != NULL;
  outcome.code = outcome.broken ? kernel_broken(h.kernel)->code : VATD_OK;
  outcome.answers = count_answers(&h);
  if (outcome.broken)
    assert_silent(&h);
  if (outcome.code == VATD_FULL)
    assert_begins_anew(&h, script, outcome.commits);
  for (int kind = 0; note && kind < FAULT_KINDS; kind++)
    script->calls[kind] = fault_vfs_count((enum fault_kind)kind);
  harness_close(&h);
  return outcome;
}

/* What a new kernel finds; the caller frees it. */
static char *content_after_reopening(struct fixture *f)
{
  struct harness h;
  struct store *store;
  assert_done(store_sqlite_open(f->path, &store, &f->error));
  harness_open_on(&h, store_batched_open(store));
  harness_check_counts(&h);
  char *content = memory_strdup(harness_dump(&h));
  harness_close(&h);
  return content;
}

/* ---- many runs ---- */

struct tally {
  unsigned runs;
  unsigned harmless;
  unsigned stored; /* the commit that failed was found nevertheless */
  unsigned in_doubt;
  unsigned begun_anew;
};

static void check_run(struct script *script, const struct fault_case *fault_case, uint64_t nth, struct tally *tally)
{
  void *state;
  assert_int_equal(fixture_set_up_directory(&state), 0);
  struct fixture *f = state;
  struct fault fault = fault_case->fault;
  fault.nth = nth;
  struct outcome outcome = run_script(f, script, &fault, false);
  bool struck = fault_vfs_failures() > 0;
  fault_vfs_plan(NULL);
  char *content = content_after_reopening(f);
  bool before = strcmp(content, script->contents[outcome.commits]) == 0;
  bool after = strcmp(content, script->contents[outcome.commits + 1]) == 0;
  bool good = outcome.broken ? before || after : before && fault.code == SQLITE_FULL;
  if (!struck || !good || outcome.answers != script_answers_of(outcome.commits * script->batch) ||
      outcome.broken != (outcome.commits < script->commits))
    fail_msg("%s %llu: %s after %u commits and %u answers, %s; found the content of %s", fault_case->name,
             (unsigned long long)nth, outcome.broken ? "broken" : "not broken", outcome.commits, outcome.answers,
             struck ? "it struck" : "it never struck", before ? "the last commit" : after ? "the next" : "neither");
  tally->runs++;
  tally->harmless += !outcome.broken;
  tally->stored += outcome.broken && after;
  tally->in_doubt += outcome.broken && outcome.code == VATD_IN_DOUBT;
  tally->begun_anew += outcome.broken && outcome.code == VATD_FULL;
  free(content);
  fixture_tear_down(&state);
}

static void sweep(struct script *script, const struct fault_case *fault_case)
{
  struct tally tally = {0};
  uint64_t calls = script->calls[fault_case->fault.kind];
  unsigned stride = getenv("NIGHTLY") && *getenv("NIGHTLY") ? 1 : fault_case->stride;
  for (uint64_t nth = 1; nth <= calls; nth += stride)
    check_run(script, fault_case, nth, &tally);
  printf("# figure fault=\"%s\" batch=%u calls=%llu runs=%u harmless=%u in_doubt=%u begun_anew=%u stored_nevertheless=%u\n",
         fault_case->name, script->batch, (unsigned long long)calls, tally.runs, tally.harmless, tally.in_doubt,
         tally.begun_anew, tally.stored);
}

static void sweep_all(unsigned batch)
{
  struct script script = {.batch = batch, .commits = CRANKS / batch};
  void *state;
  assert_int_equal(fixture_set_up_directory(&state), 0);
  struct outcome outcome = run_script(state, &script, NULL, true);
  assert_false(outcome.broken);
  assert_int_equal(outcome.commits, script.commits);
  assert_int_equal(outcome.answers, CRANKS / 4);
  script.contents[script.commits + 1] = memory_strdup(script.contents[script.commits]);
  fixture_tear_down(&state);
  for (size_t i = 0; i < COUNT_OF(fault_cases); i++)
    sweep(&script, &fault_cases[i]);
  for (unsigned i = 0; i <= script.commits + 1; i++)
    free(script.contents[i]);
}

static void one_failing_call_leaves_whole_cranks_and_no_answer_too_many(void **state)
{
  (void)state;
  sweep_all(1);
}

static void one_failing_call_leaves_whole_batches_and_no_answer_too_many(void **state)
{
  (void)state;
  sweep_all(BATCH);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_failing_call_leaves_whole_cranks_and_no_answer_too_many),
      cmocka_unit_test(one_failing_call_leaves_whole_batches_and_no_answer_too_many),
  };
  if (access("/dev/shm", W_OK) == 0)
    setenv("TMPDIR", "/dev/shm", 1); /* what fails here fails on purpose: no need to wait for a disk */
  fault_vfs_install();
  int failed = cmocka_run_group_tests_name("kernel: a failing disk", tests, NULL, NULL);
  fault_vfs_uninstall();
  return failed;
}
