/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Illegal syscalls, and that an aborted crank leaves no trace: whatever a vat asks for after legal syscalls, if one is
 * refused, the database is as if the delivery had never been made, but for the vat's end. (Random lists: tests/sim/exact_abort_test.c.)
 */
#include "kernel_abort.h"

#include <stdio.h>

/* Plays legal syscalls followed by a bad one, and compares what is left with a plain end for the same reason. */
static void expect_abort(struct vat_syscall bad, const char *reason)
{
  struct harness h;
  harness_open(&h);
  abort_set_stage(&h);
  const char *result = arena_copy(&h.arena, harness_delivery(&h, ALICE)->message.result).data;
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  const struct vat_syscall calls[] = {
      call_send(&h, "o-1", "#[\"hello\",[\"$0\"]]", "o+10", "p+5"),
      call_subscribe("p+5"),
      call_subscribe("p-3"),
      call_send(&h, "p+5", "#[\"pipelined\",[]]", NULL, "p+6"),
      call_resolve(&h, result, false, "#\"$0\"", "o+11"),
      bad,
  };
  char detail[512];
  snprintf(detail, sizeof detail, "syscall %zu, %s: %s", COUNT_OF(calls), syscall_type_name(bad.type), reason);
  harness_done(&h, ALICE,
               (struct done_frame){.status = DONE_OK,
                                   .syscalls = (struct vat_syscall *)calls,
                                   .syscall_count = COUNT_OF(calls),
                                   .sets = {&set, 1}});
  harness_pump(&h);
  assert_int_equal(h.vats[ALICE].worker, 0);
  assert_contains(harness_answer(&h, h.next_request - 1), detail); /* alice's delivery was the host's last call */
  assert_string_equal(harness_dump(&h), abort_dump_of_plain_end(&h.arena));
  harness_close(&h);
}

static void a_reference_that_was_never_given_is_refused(void **state)
{
  struct harness *h = *state;
  expect_abort(call_send(h, "o-9", "#[]", NULL, NULL), "o-9 is not in the c-list");
  expect_abort(call_send(h, "o-1", "#[]", "o-9", NULL), "o-9 is not in the c-list");
  expect_abort(call_subscribe("p-9"), "p-9 is not in the c-list");
  expect_abort(call_resolve(h, "p+8", false, "#[]", "p-9"), "p-9 is not in the c-list");
}

static void what_is_not_a_reference_is_refused(void **state)
{
  struct harness *h = *state;
  expect_abort(call_send(h, "ko1", "#[]", NULL, NULL), "'ko1' is not a reference");
  expect_abort(call_send(h, "o-1", "#[]", "nonsense", NULL), "'nonsense' is not a reference");
  expect_abort(call_subscribe("o-1"), "o-1 is not a promise");
  expect_abort(call_send(h, "o-1", "#[]", NULL, "o+3"), "o+3 is not a promise");
}

static void a_promise_that_another_decides_cannot_be_resolved(void **state)
{
  struct harness *h = *state;
  expect_abort(call_resolve(h, "p-3", false, "#1", NULL), "p-3 is not this vat's to decide");
  expect_abort(call_send(h, "o-1", "#[]", NULL, "p-3"), "p-3 is not this vat's to decide");
}

static void a_promise_given_away_as_a_result_cannot_be_resolved(void **state)
{
  struct harness *h = *state;
  expect_abort(call_resolve(h, "p+5", false, "#1", NULL), "p+5 is not this vat's to decide");
}

static void a_promise_cannot_be_resolved_twice(void **state)
{
  (void)state;
  static struct resolution twice[] = {{{"p+8", 3}, false, {{"#1", 2}, {NULL, 0}}}, {{"p+8", 3}, false, {{"#2", 2}, {NULL, 0}}}};
  const struct vat_syscall resolve = {.type = SYSCALL_RESOLVE, .resolutions = {twice, 2}};
  expect_abort(resolve, "p+8 is resolved twice");
}

static void garbage_collection_syscalls_must_match_the_c_list(void **state)
{
  (void)state;
  static struct bytes import[] = {{"o-1", 3}};
  static struct bytes export[] = {{"o+0", 3}};
  static struct bytes both[] = {{"o-1", 3}, {"o-1", 3}};
  struct vat_syscall call = {.type = SYSCALL_DROP_IMPORTS, .vrefs = {export, 1}};
  expect_abort(call, "o+0 is not an import");
  call.vrefs = (struct bytes_list){both, 2};
  expect_abort(call, "o-1 is named twice");
  call = (struct vat_syscall){.type = SYSCALL_RETIRE_IMPORTS, .vrefs = {import, 1}};
  expect_abort(call, "o-1 is still reachable");
  call = (struct vat_syscall){.type = SYSCALL_RETIRE_EXPORTS, .vrefs = {import, 1}};
  expect_abort(call, "o-1 is not an export");
}

static void a_dropped_import_cannot_be_used_until_it_comes_back(void **state)
{
  struct harness *h = *state;
  abort_set_stage(h);
  static struct bytes import[] = {{"o-1", 3}};
  const struct vat_syscall drop = {.type = SYSCALL_DROP_IMPORTS, .vrefs = {import, 1}};
  harness_done_with(h, ALICE, &drop, 1);
  assert_string_equal(harness_row(h, "v1.c.ko2"), "_ o-1");
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.methargs.slots.items[0], "o-1"));
  const struct vat_syscall send = call_send(h, "o-1", "#[\"again\",[]]", NULL, NULL);
  harness_done_with(h, ALICE, &send, 1);
  assert_string_equal(harness_row(h, "v1.c.ko2"), "R o-1");
  assert_true(harness_has_delivery(h, BOB));
}

static void malformed_frames_end_the_vat(void **state)
{
  struct harness *h = *state;
  abort_set_stage(h);
  kernel_worker_frame(h->kernel, h->vats[ALICE].worker, bytes_of("\x93\x03"));
  harness_pump(h);
  assert_false(harness_has_row(h, "vatConfig.v1"));
  assert_true(harness_has_row(h, "vatConfig.v2"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_reference_that_was_never_given_is_refused),
      KERNEL_TEST(what_is_not_a_reference_is_refused),
      KERNEL_TEST(a_promise_that_another_decides_cannot_be_resolved),
      KERNEL_TEST(a_promise_given_away_as_a_result_cannot_be_resolved),
      KERNEL_TEST(a_promise_cannot_be_resolved_twice),
      KERNEL_TEST(garbage_collection_syscalls_must_match_the_c_list),
      KERNEL_TEST(a_dropped_import_cannot_be_used_until_it_comes_back),
      KERNEL_TEST(malformed_frames_end_the_vat),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
