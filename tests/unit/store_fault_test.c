/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_fault_test.c - what the SQLite engine says and does when the disk fails.
 *
 * The script commits batches that each write the same number to two rows in different tables and some filling. Whatever
 * call fails, after reopening both rows must agree and be the last batch that was told durable or the one after it.
 */
#include "store_fixture.h"
#include "fault_vfs.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRIPT_BATCHES = 6, SCRIPT_FILLING = 40 };

static const char *const kind_names[FAULT_KINDS] = {"open", "read", "write", "sync", "truncate"};
static const int kind_codes[FAULT_KINDS] = {SQLITE_CANTOPEN, SQLITE_IOERR_READ, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
                                            SQLITE_IOERR_TRUNCATE};

static enum vatd_code write_batch(struct fixture *f, unsigned number)
{
  char text[16];
  char filling[800];
  snprintf(text, sizeof text, "%u", number);
  memset(filling, 'f', sizeof filling);
  enum vatd_code code = savepoint(f, "crank");
  if (!code)
    code = put(f, NULL, TEXT("number"), bytes_of(text));
  for (unsigned i = 0; !code && i < SCRIPT_FILLING; i++) {
    char key[32];
    snprintf(key, sizeof key, "filling.%u", (number * 7 + i * 13) % 97);
    code = put(f, "v1", bytes_of(key), bytes_from(filling, sizeof filling));
  }
  if (!code)
    code = put(f, "v1", TEXT("number"), bytes_of(text));
  return code ? code : release(f, "crank");
}

/* The number of the last batch told durable. */
static unsigned run_script(struct fixture *f)
{
  unsigned durable = 0;
  enum vatd_code code = store_sqlite_open(f->path, &f->store, &f->error);
  for (unsigned i = 1; !code && i <= SCRIPT_BATCHES; i++) {
    code = write_batch(f, i);
    if (!code)
      code = commit(f);
    if (!code)
      durable = i;
  }
  fixture_close(f);
  return durable;
}

static unsigned read_number(struct fixture *f, const char *vat)
{
  struct buffer text;
  buffer_init(&text, 16);
  enum vatd_code code = f->store->ops->get(f->store, vat, TEXT("number"), &text, &f->error);
  assert_true(code == VATD_OK || code == VATD_NOT_FOUND);
  unsigned number = (unsigned)strtoul(buffer_text(&text), NULL, 10);
  buffer_fini(&text);
  return number;
}

static void assert_recovered(struct fixture *f, unsigned durable, const struct fault *fault)
{
  fixture_open(f);
  unsigned number = read_number(f, NULL);
  if (number != read_number(f, "v1") || (number != durable && number != durable + 1)) {
    print_error("%s %llu%s%s: found %u and %u, told durable %u\n", kind_names[fault->kind],
                (unsigned long long)fault->nth, fault->forever ? " forever" : "", fault->half ? " half" : "", number,
                read_number(f, "v1"), durable);
    fail();
  }
  fixture_close(f);
}

static void run_faulty(void **outer, const struct fault *fault)
{
  void *state;
  (void)outer;
  assert_int_equal(fixture_set_up_directory(&state), 0);
  struct fixture *f = state;
  fault_vfs_plan(fault);
  unsigned durable = run_script(f);
  fault_vfs_plan(NULL);
  assert_recovered(f, durable, fault);
  fixture_tear_down(&state);
}

static void sweep(void **state, enum fault_kind kind, bool half)
{
  uint64_t counts[FAULT_KINDS];
  void *dry;
  assert_int_equal(fixture_set_up_directory(&dry), 0);
  fault_vfs_plan(NULL);
  assert_int_equal(run_script(dry), SCRIPT_BATCHES);
  for (int i = 0; i < FAULT_KINDS; i++)
    counts[i] = fault_vfs_count((enum fault_kind)i);
  fixture_tear_down(&dry);
  for (uint64_t nth = 1; nth <= counts[kind]; nth++) {
    run_faulty(state, &(struct fault){.kind = kind, .nth = nth, .half = half, .code = kind_codes[kind]});
    run_faulty(state,
               &(struct fault){.kind = kind, .nth = nth, .half = half, .forever = true, .code = kind_codes[kind]});
  }
  print_message("%llu calls of %s\n", (unsigned long long)counts[kind], kind_names[kind]);
}

static void any_failing_open_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_OPEN, false);
}

static void any_failing_read_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_READ, false);
}

static void any_failing_write_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_WRITE, false);
}

static void any_half_done_write_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_WRITE, true);
}

static void any_failing_sync_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_SYNC, false);
}

static void any_sync_that_works_but_fails_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_SYNC, true);
}

static void any_failing_truncate_leaves_whole_batches(void **state)
{
  sweep(state, FAULT_TRUNCATE, false);
}

/* --- one commit that fails --- */

static void a_commit_whose_sync_fails_is_in_doubt(void **state)
{
  struct fixture *f = *state;
  assert_done(write_batch(f, 1));
  assert_done(commit(f));
  assert_done(write_batch(f, 2));
  fault_vfs_plan(&(struct fault){.kind = FAULT_SYNC, .nth = 1, .code = SQLITE_IOERR_FSYNC});
  uint64_t batch = 77;
  assert_code(IN_DOUBT, f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(fault_vfs_failures(), 1);
  assert_int_equal(batch, 77);
  assert_int_equal(f->outcomes, 2);
  assert_int_equal(f->last_outcome, STORE_IN_DOUBT);
  assert_int_equal(f->last_batch, 2);
  assert_non_null(strstr(f->error.text, f->path));
  fixture_reopen(f);
  struct buffer row;
  buffer_init(&row, 64);
  assert_done(f->store->ops->get(f->store, NULL, TEXT("store.commit"), &row, &f->error));
  bool stored = strcmp(buffer_text(&row), "1 2") == 0;
  assert_true(stored || strcmp(buffer_text(&row), "1 1") == 0);
  assert_int_equal(read_number(f, NULL), stored ? 2 : 1);
  buffer_fini(&row);
}

static void a_store_in_doubt_does_nothing_more(void **state)
{
  struct fixture *f = *state;
  struct buffer out;
  buffer_init(&out, 64);
  assert_done(write_batch(f, 1));
  fault_vfs_plan(&(struct fault){.kind = FAULT_WRITE, .nth = 1, .code = SQLITE_IOERR_WRITE});
  assert_code(IN_DOUBT, commit(f));
  assert_code(IN_DOUBT, put(f, NULL, TEXT("a"), TEXT("b")));
  assert_code(IN_DOUBT, f->store->ops->get(f->store, NULL, TEXT("a"), &out, &f->error));
  assert_code(IN_DOUBT, savepoint(f, "s"));
  assert_code(IN_DOUBT, rollback(f));
  assert_code(IN_DOUBT, commit(f));
  assert_int_equal(f->outcomes, 1);
  fault_vfs_plan(NULL);
  fixture_close(f);
  assert_int_equal(fault_vfs_count(FAULT_WRITE), 0);
  buffer_fini(&out);
}

/* --- no room --- */

/* Writes until the cache spills into the log, which has no room. */
static enum vatd_code fill_until_it_fails(struct fixture *f)
{
  size_t size = MIB;
  char *value = memory_alloc(size);
  memset(value, 'x', size);
  enum vatd_code code = VATD_OK;
  for (int i = 0; !code && i < 64; i++) {
    char key[16];
    snprintf(key, sizeof key, "big%d", i);
    code = put(f, "v1", bytes_of(key), bytes_from(value, size));
  }
  free(value);
  return code;
}

static void no_room_before_the_commit_gives_up_the_batch_and_goes_on(void **state)
{
  struct fixture *f = *state;
  assert_done(write_batch(f, 1));
  assert_done(commit(f));
  assert_done(savepoint(f, "crank"));
  fault_vfs_plan(&(struct fault){.kind = FAULT_WRITE, .nth = 1, .forever = true, .code = SQLITE_FULL});
  assert_code(FULL, fill_until_it_fails(f));
  assert_non_null(strstr(f->error.text, "batch"));
  assert_code(FULL, put(f, NULL, TEXT("a"), TEXT("b")));
  assert_code(FULL, rollback_to(f, "crank"));
  assert_code(FULL, commit(f));
  assert_int_equal(f->outcomes, 1);
  fault_vfs_plan(NULL);
  assert_done(rollback(f));
  assert_int_equal(read_number(f, NULL), 1);
  assert_absent(f, "v1", TEXT("big0"));
  assert_done(write_batch(f, 2));
  assert_done(commit(f));
  assert_int_equal(f->last_batch, 2);
  fixture_reopen(f);
  assert_int_equal(read_number(f, NULL), 2);
  assert_int_equal(read_number(f, "v1"), 2);
}

static void an_error_of_the_disk_inside_a_batch_ends_the_store(void **state)
{
  struct fixture *f = *state;
  fault_vfs_plan(&(struct fault){.kind = FAULT_WRITE, .nth = 1, .code = SQLITE_IOERR_WRITE});
  assert_code(IO, fill_until_it_fails(f));
  assert_code(IO, rollback(f));
  assert_code(IO, commit(f));
  fault_vfs_plan(NULL);
  fixture_reopen(f);
  assert_absent(f, "v1", TEXT("big0"));
}

/* --- the memory engine can be told to fail --- */

static void the_memory_engine_ends_a_commit_as_it_is_told(void **state)
{
  struct fixture *f = *state;
  static const struct {
    enum store_outcome outcome;
    enum vatd_code code;
    bool stored;
  } cases[] = {
      {STORE_IN_DOUBT, VATD_IN_DOUBT, true},
      {STORE_IN_DOUBT, VATD_IN_DOUBT, false},
      {STORE_FENCED, VATD_FENCED, false},
      {STORE_FAILED, VATD_IO, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_done(put(f, NULL, TEXT("a"), TEXT("old")));
    assert_done(commit(f));
    assert_done(put(f, NULL, TEXT("a"), TEXT("new")));
    store_memory_end_next_commit(f->store, cases[i].outcome, cases[i].stored);
    fixture_assert_code(f, cases[i].code, commit(f), "commit", __FILE__, __LINE__);
    assert_int_equal(f->last_outcome, cases[i].outcome);
    assert_int_equal(f->last_batch, 2);
    fixture_assert_code(f, cases[i].code, put(f, NULL, TEXT("a"), TEXT("b")), "put", __FILE__, __LINE__);
    fixture_reopen(f);
    assert_value(f, NULL, TEXT("a"), bytes_of(cases[i].stored ? "new" : "old"));
  }
}

#define ALONE(name) cmocka_unit_test(name)
#define OPEN(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_sqlite, fixture_tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALONE(any_failing_open_leaves_whole_batches),
      ALONE(any_failing_read_leaves_whole_batches),
      ALONE(any_failing_write_leaves_whole_batches),
      ALONE(any_half_done_write_leaves_whole_batches),
      ALONE(any_failing_sync_leaves_whole_batches),
      ALONE(any_sync_that_works_but_fails_leaves_whole_batches),
      ALONE(any_failing_truncate_leaves_whole_batches),
      OPEN(a_commit_whose_sync_fails_is_in_doubt),
      OPEN(a_store_in_doubt_does_nothing_more),
      OPEN(no_room_before_the_commit_gives_up_the_batch_and_goes_on),
      OPEN(an_error_of_the_disk_inside_a_batch_ends_the_store),
      cmocka_unit_test_setup_teardown(the_memory_engine_ends_a_commit_as_it_is_told, fixture_set_up_memory,
                                      fixture_tear_down),
  };
  fault_vfs_install();
  int failed = cmocka_run_group_tests_name("store: a failing disk", tests, NULL, NULL);
  fault_vfs_uninstall();
  return failed;
}
