/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel counts of a vat, each limit one step under and one step over (kernel/quota.h). */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2 };

/* alice with these limits, and bob, whom she may name as o-50 or so: the reference she was handed last. */
static const char *launch(struct harness *h, const char *limits)
{
  harness_begin_launch(h, arena_printf(&h->arena,
                                       "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"limits\":{%s}},"
                                       "\"bob\":{\"bundleSpec\":\"y\"}}}",
                                       limits)
                              .data);
  const struct delivery *bootstrap = harness_delivery(h, ALICE);
  struct bytes bob = bootstrap->message.methargs.slots.items[bootstrap->message.methargs.slots.count - 1];
  const char *name = arena_copy(&h->arena, bob).data;
  harness_return(h, ALICE, "#1", NULL);
  return name;
}

static void do_crank(struct harness *h, struct done_frame frame)
{
  harness_done(h, ALICE, frame);
  harness_pump(h);
}

/* The call of alice that was answered by the last crank was rejected for this limit, and left no trace. */
static void assert_refused(struct harness *h, uint64_t call, const char *text)
{
  assert_contains(harness_answer(h, call), "[KERNEL:LIMIT_EXCEEDED]");
  assert_contains(harness_answer(h, call), text);
  assert_string_equal(harness_row(h, "strikes.v1"), "1");
  assert_string_equal(harness_vat_row(h, "v1", "forbidden"), "");
  uint64_t next = harness_call(h, "bob", "next");
  harness_return(h, BOB, "#1", NULL);
  assert_int_equal(harness_answer_code(h, next), VATD_OK);
}

static struct vat_syscall *sends(struct harness *h, const char *target, size_t count)
{
  struct vat_syscall *calls = arena_alloc_array(&h->arena, count, sizeof *calls);
  for (size_t i = 0; i < count; i++)
    calls[i] = call_send(h, target, "#[\"m\",[]]", NULL, NULL);
  return calls;
}

static struct key_value row(const char *key, const char *value)
{
  return (struct key_value){bytes_of(key), bytes_of(value)};
}

static void a_crank_may_make_so_many_syscalls_and_no_more(void **state)
{
  struct harness *h = *state;
  const char *bob = launch(h, "\"syscalls\":5");
  struct key_value forbidden = row("forbidden", "x");
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 5), .syscall_count = 5});
  assert_true(harness_has_delivery(h, BOB));
  for (int i = 0; i < 5; i++) {
    harness_done(h, BOB, (struct done_frame){0});
    harness_pump(h);
  }
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 6), .syscall_count = 6, .sets = {&forbidden, 1}});
  assert_refused(h, call, "limits.syscalls of v1 is 5, and this crank has 6");
}

static void a_crank_may_have_so_many_bytes_and_no_more(void **state)
{
  struct harness *h = *state;
  launch(h, "\"crankBytes\":1024");
  struct key_value rows[2] = {row("forbidden", ""), row("k", "")};
  char *text = arena_alloc(&h->arena, 1024);
  memset(text, 'x', 1024);
  rows[0].value = bytes_from(text, 1024 - strlen("forbidden") - 1);
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {rows, 2}});
  assert_string_not_equal(harness_vat_row(h, "v1", "forbidden"), "");
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.deletes = {&rows[0].key, 1}});
  uint64_t call = harness_call(h, "alice", "go");
  rows[1].value = bytes_of("y");
  do_crank(h, (struct done_frame){.sets = {rows, 2}});
  assert_refused(h, call, "limits.crankBytes of v1 is 1024, and this crank has 1025");
}

static void a_value_may_be_so_large_and_no_larger(void **state)
{
  struct harness *h = *state;
  launch(h, "\"valueBytes\":1024");
  char *text = arena_alloc(&h->arena, 1025);
  memset(text, 'x', 1025);
  struct key_value good = {bytes_of("good"), bytes_from(text, 1024)};
  struct key_value bad = {bytes_of("forbidden"), bytes_from(text, 1025)};
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&good, 1}});
  assert_int_equal(strlen(harness_vat_row(h, "v1", "good")), 1024);
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&bad, 1}});
  assert_refused(h, call, "limits.valueBytes of v1 is 1024, and a stored value has 1025");
}

/* One message that carries `count` references that were never seen, of objects (o+) or promises (p+). */
static struct vat_syscall gift(struct harness *h, const char *target, char kind, size_t count)
{
  struct vat_syscall call = call_send(h, target, "#[\"take\",[]]", NULL, NULL);
  call.message.methargs.slots.items = arena_alloc_array(&h->arena, count, sizeof(struct bytes));
  call.message.methargs.slots.count = count;
  for (size_t i = 0; i < count; i++)
    call.message.methargs.slots.items[i] = arena_printf(&h->arena, "%c+%zu", kind, 100 + i);
  struct buffer body;
  buffer_init(&body, MIB);
  buffer_printf(&body, "#[\"take\",[[");
  for (size_t i = 0; i < count; i++)
    buffer_printf(&body, "%s\"%c%zu\"", i ? "," : "", kind == 'o' ? '$' : '&', i);
  buffer_printf(&body, "]]]");
  call.message.methargs.body = arena_copy(&h->arena, buffer_bytes(&body));
  buffer_fini(&body);
  return call;
}

static void refuses_more_than_ten(struct harness *h, const char *limits, char kind, const char *text)
{
  const char *bob = launch(h, limits);
  struct key_value forbidden = row("forbidden", "x");
  struct vat_syscall ten = gift(h, bob, kind, 10);
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = &ten, .syscall_count = 1});
  harness_done(h, BOB, (struct done_frame){0});
  harness_call(h, "alice", "again"); /* the same ones are not new */
  do_crank(h, (struct done_frame){.syscalls = &ten, .syscall_count = 1});
  harness_done(h, BOB, (struct done_frame){0});
  struct vat_syscall more[2] = {gift(h, bob, kind, 15), gift(h, bob, kind, 21)};
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = more, .syscall_count = 2, .sets = {&forbidden, 1}});
  assert_refused(h, call, text);
}

static void a_crank_may_export_so_many_objects_and_no_more(void **state)
{
  refuses_more_than_ten(*state, "\"crankObjects\":10", 'o', "limits.crankObjects of v1 is 10, and this crank made 11");
}

static void a_crank_may_export_so_many_promises_and_no_more(void **state)
{
  refuses_more_than_ten(*state, "\"crankPromises\":10", 'p', "limits.crankPromises of v1 is 10, and this crank made 11");
}

static void so_many_messages_of_a_vat_may_wait_and_no_more(void **state)
{
  struct harness *h = *state;
  const char *bob = launch(h, "\"queuedMessages\":10");
  for (int i = 0; i < 2; i++) {
    harness_call(h, "alice", "go");
    do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 5), .syscall_count = 5});
  }
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 1), .syscall_count = 1});
  assert_contains(harness_answer(h, call), "limits.queuedMessages of v1 is 10, and of its messages would wait 11");
  harness_done(h, BOB, (struct done_frame){0}); /* one is delivered: there is room for one */
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 1), .syscall_count = 1});
  assert_string_equal(harness_row(h, "strikes.v1"), "");
}

static void messages_that_wait_are_counted_again_after_a_restart_of_the_kernel(void **state)
{
  struct harness *h = *state;
  const char *bob = launch(h, "\"queuedMessages\":10");
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, bob, 10), .syscall_count = 10});
  harness_crash(h);
  harness_pump(h);
  uint64_t call = harness_call_with(h, "alice", "#[\"go\",[\"$0\"]]", "ko2");
  const char *again = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.methargs.slots.items[0]).data;
  do_crank(h, (struct done_frame){.syscalls = sends(h, again, 1), .syscall_count = 1});
  assert_contains(harness_answer(h, call), "of its messages would wait 11");
}

static void so_many_messages_may_wait_for_one_promise_and_no_more(void **state)
{
  struct harness *h = *state;
  launch(h, "\"queuedMessages\":10");
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, "p+200", 10), .syscall_count = 10});
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.syscalls = sends(h, "p+200", 1), .syscall_count = 1});
  assert_refused(h, call, "limits.queuedMessages of v1 is 10, and for one promise would wait 11");
}

/* ---- storage ---- */

static void store_rows(struct harness *h, int from, int to, size_t size)
{
  char *text = arena_alloc(&h->arena, size);
  memset(text, 'x', size);
  struct key_value *rows = arena_alloc_array(&h->arena, (size_t)(to - from), sizeof *rows);
  for (int i = from; i < to; i++)
    rows[i - from] = (struct key_value){arena_printf(&h->arena, "key%05d", i), bytes_from(text, size)};
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {rows, (size_t)(to - from)}});
}

static bool was_refused(struct harness *h)
{
  return strcmp(harness_row(h, "strikes.v1"), "") != 0;
}

static void a_vat_may_keep_so_many_keys_and_no_more(void **state)
{
  struct harness *h = *state;
  launch(h, "\"storageKeys\":100");
  for (int i = 0; i < 30; i++) /* the same ones again and again */
    store_rows(h, 0, 99, 1);
  store_rows(h, 99, 100, 1);
  assert_false(was_refused(h));
  struct key_value forbidden = row("forbidden", "x");
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&forbidden, 1}});
  assert_refused(h, call, "limits.storageKeys of v1 is 100, and it would keep 101");
}

static void what_is_deleted_makes_room(void **state)
{
  struct harness *h = *state;
  launch(h, "\"storageKeys\":100");
  struct bytes first = bytes_of("key00000");
  struct key_value other = row("other", "x");
  store_rows(h, 0, 100, 1);
  harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&other, 1}, .deletes = {&first, 1}});
  assert_false(was_refused(h));
  assert_string_equal(harness_vat_row(h, "v1", "other"), "x");
}

static void a_key_that_is_deleted_twice_makes_room_once(void **state)
{
  struct harness *h = *state;
  launch(h, "\"storageKeys\":100");
  struct bytes twice[2] = {bytes_of("key00000"), bytes_of("key00000")};
  struct key_value two[2] = {row("forbidden", "x"), row("other", "x")};
  store_rows(h, 0, 100, 1);
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {two, 2}, .deletes = {twice, 2}});
  assert_refused(h, call, "limits.storageKeys of v1 is 100, and it would keep 101");
}

static void a_vat_may_keep_so_many_bytes_and_no_more(void **state)
{
  struct harness *h = *state;
  launch(h, "\"storageBytes\":16384"); /* 16 rows of 8 + 1016 */
  for (int i = 0; i < 30; i++)
    store_rows(h, 0, 16, 1016);
  assert_false(was_refused(h));
  struct key_value forbidden = row("forbidden", "");
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&forbidden, 1}});
  assert_refused(h, call, "limits.storageBytes of v1 is 16384, and it would keep 16393");
}

static void the_account_is_right_after_a_restart(void **state)
{
  struct harness *h = *state;
  launch(h, "\"storageKeys\":100");
  store_rows(h, 0, 100, 1);
  harness_crash(h);
  harness_pump(h);
  struct key_value forbidden = row("forbidden", "x");
  uint64_t call = harness_call(h, "alice", "go");
  do_crank(h, (struct done_frame){.sets = {&forbidden, 1}});
  assert_refused(h, call, "it would keep 101");
}

static void a_worker_that_violates_its_sandbox_suspends_the_vat_at_once(void **state)
{
  struct harness *h = *state;
  launch(h, "");
  uint64_t call = harness_call(h, "alice", "go");
  harness_worker_dies(h, ALICE, WORKER_VIOLATION);
  assert_contains(harness_answer(h, call), "[KERNEL:SANDBOX_VIOLATION]");
  assert_true(harness_has_row(h, "suspended.v1"));
  uint64_t next = harness_call(h, "bob", "next");
  harness_return(h, BOB, "#1", NULL);
  assert_int_equal(harness_answer_code(h, next), VATD_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_crank_may_make_so_many_syscalls_and_no_more),
      KERNEL_TEST(a_crank_may_have_so_many_bytes_and_no_more),
      KERNEL_TEST(a_value_may_be_so_large_and_no_larger),
      KERNEL_TEST(a_crank_may_export_so_many_objects_and_no_more),
      KERNEL_TEST(a_crank_may_export_so_many_promises_and_no_more),
      KERNEL_TEST(so_many_messages_of_a_vat_may_wait_and_no_more),
      KERNEL_TEST(messages_that_wait_are_counted_again_after_a_restart_of_the_kernel),
      KERNEL_TEST(so_many_messages_may_wait_for_one_promise_and_no_more),
      KERNEL_TEST(a_vat_may_keep_so_many_keys_and_no_more),
      KERNEL_TEST(what_is_deleted_makes_room),
      KERNEL_TEST(a_key_that_is_deleted_twice_makes_room_once),
      KERNEL_TEST(a_vat_may_keep_so_many_bytes_and_no_more),
      KERNEL_TEST(the_account_is_right_after_a_restart),
      KERNEL_TEST(a_worker_that_violates_its_sandbox_suspends_the_vat_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
