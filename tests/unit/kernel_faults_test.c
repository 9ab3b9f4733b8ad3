/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: whose they are, what happens to the message, and when a vat is suspended. */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2 };

static void hit_limit(struct harness *h, uint64_t vat)
{
  harness_done(h, vat, (struct done_frame){.status = DONE_LIMIT_COMPUTE, .status_text = bytes_of("2000000000 computrons")});
  harness_pump(h);
}

static void a_message_that_exceeds_a_limit_is_rejected_and_the_next_one_runs(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t loop = harness_call(h, "alice", "loop");
  uint64_t next = harness_call(h, "alice", "next");
  hit_limit(h, ALICE);
  assert_contains(harness_answer(h, loop), "[KERNEL:LIMIT_EXCEEDED] compute limit: limits.computrons of v1 is 2000000000");
  assert_int_equal(h->vats[ALICE].starts, 2);
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, next), VATD_OK);
}

static void three_strikes_in_a_row_suspend_the_vat(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  for (int i = 0; i < DEFAULT_STRIKES; i++) {
    harness_call(h, "alice", "loop");
    hit_limit(h, ALICE);
  }
  assert_true(harness_has_row(h, "suspended.v1"));
  uint64_t waiting = harness_call(h, "alice", "wait");
  assert_false(harness_has_delivery(h, ALICE));
  assert_false(harness_is_answered(h, waiting));
  kernel_restart_vat(h->kernel, 0, bytes_of("alice"));
  harness_pump(h);
  assert_false(harness_has_row(h, "suspended.v1"));
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, waiting), VATD_OK);
}

static void a_good_crank_forgives_strikes(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  for (int i = 0; i < 2 * DEFAULT_STRIKES; i++) {
    harness_call(h, "alice", "loop");
    hit_limit(h, ALICE);
    harness_call(h, "alice", "good");
    harness_return(h, ALICE, "#1", NULL);
  }
  assert_false(harness_has_row(h, "suspended.v1"));
  assert_false(harness_has_row(h, "strikes.v1"));
}

static void strikes_survive_the_end_of_the_kernel(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  for (int i = 0; i < DEFAULT_STRIKES; i++) {
    harness_call(h, "alice", "loop");
    hit_limit(h, ALICE);
    harness_crash(h);
    harness_pump(h);
  }
  assert_true(harness_has_row(h, "suspended.v1"));
}

static void a_crash_redelivers_the_message_but_not_for_ever(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t poison = harness_call(h, "alice", "poison");
  h->rests = 0;
  for (int i = 0; i < DEFAULT_REDELIVERIES + 1; i++) {
    assert_true(harness_has_delivery(h, ALICE));
    harness_worker_dies(h, ALICE, WORKER_CRASHED);
  }
  assert_true(harness_has_row(h, "suspended.v1"));
  assert_int_equal(h->rests, DEFAULT_REDELIVERIES); /* each redelivery waits a while, longer each time */
  assert_int_equal(h->last_rest_ms, BACK_OFF_MS * BACK_OFF_FACTOR * BACK_OFF_FACTOR);
  assert_false(harness_has_delivery(h, ALICE));
  assert_false(harness_is_answered(h, poison)); /* it waits for a resume: nothing is lost */
}

static void a_deadline_counts_as_a_limit(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t slow = harness_call(h, "alice", "slow");
  harness_worker_dies(h, ALICE, WORKER_DEADLINE);
  assert_contains(harness_answer(h, slow), "[KERNEL:LIMIT_EXCEEDED]");
  assert_string_equal(harness_row(h, "strikes.v1"), "1");
}

static void a_worker_without_memory_has_met_a_limit(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t greedy = harness_call(h, "alice", "greedy");
  harness_worker_dies(h, ALICE, WORKER_OUT_OF_MEMORY);
  assert_contains(harness_answer(h, greedy), "[KERNEL:LIMIT_EXCEEDED]");
  assert_contains(harness_answer(h, greedy), "limits.heapBytes of v1");
  assert_string_equal(harness_row(h, "strikes.v1"), "1");
}

static void the_faults_of_one_vat_do_not_touch_another(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  uint64_t work = harness_call(h, "bob", "work");
  harness_call(h, "alice", "loop");
  hit_limit(h, ALICE);
  harness_return(h, BOB, "#1", NULL);
  assert_int_equal(harness_answer_code(h, work), VATD_OK);
  assert_int_equal(h->vats[BOB].starts, 1);
}

/* A crank writes nothing until it is complete: what others asked for meanwhile is not part of it, and does not go with it. */
static void what_comes_while_a_crank_is_under_way_does_not_go_with_it(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call(h, "alice", "forge");
  uint64_t work = harness_call(h, "bob", "work");
  harness_call(h, "bob", "next");
  harness_return(h, BOB, "#1", NULL);
  const struct vat_syscall forged = call_subscribe("p-99");
  harness_done_with(h, ALICE, &forged, 1);
  assert_false(harness_has_row(h, "vatConfig.v1"));
  assert_int_equal(harness_answer_code(h, work), VATD_OK);
  harness_crash(h);
  harness_pump(h);
  assert_int_equal(harness_delivery(h, BOB)->type, DELIVERY_MESSAGE); /* next is queued as ever */
  harness_return(h, BOB, "#2", NULL);
  assert_int_equal(harness_count(h, "queue.run."), 2); /* head and tail */
}

/* Whatever was on its way to a vat that ends, the others go on. */
static void a_vat_that_ends_with_all_kinds_of_work_waiting_stops_nobody(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "bob", "#[\"meet\",[\"$0\"]]", "ko1");
  harness_return(h, BOB, "#0", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall asks[] = {call_send(h, "o-1", "#[\"ask\",[\"$0\"]]", "o+10", "p+5"), call_subscribe("p+5")};
  harness_done_with(h, ALICE, asks, COUNT_OF(asks));
  uint64_t busy = harness_call(h, "alice", "busy");
  uint64_t behind = harness_call(h, "alice", "behind");
  kernel_collect_garbage(h->kernel, 0);
  harness_pump(h);
  harness_return(h, BOB, "#1", NULL); /* a notify, and garbage, for alice */
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
  harness_pump(h);
  assert_contains(harness_answer(h, busy), "[KERNEL:");
  assert_contains(harness_answer(h, behind), "[KERNEL:");
  harness_skip_reap(h, BOB);
  while (harness_has_delivery(h, BOB) && harness_delivery(h, BOB)->type != DELIVERY_MESSAGE)
    harness_done_with(h, BOB, NULL, 0);
  uint64_t work = harness_call(h, "bob", "work");
  harness_return(h, BOB, "#1", NULL);
  assert_int_equal(harness_answer_code(h, work), VATD_OK);
  assert_int_equal(harness_count(h, "v1."), 0);
  assert_int_equal(harness_count(h, "reap."), 0);
}

static void a_failed_restart_is_tried_once_more_and_then_suspends_with_the_cause(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  h->hold_inits = true;
  uint64_t request = harness_call(h, "alice", "wake");
  for (int i = 0; i < 2; i++) {
    harness_done(h, ALICE, (struct done_frame){.status = DONE_INIT_FAILED, .status_text = bytes_of("Error: no kind 12")});
    harness_pump(h);
  }
  assert_contains(harness_row(h, "suspended.v1"), "Error: no kind 12");
  assert_int_equal(h->vats[ALICE].starts, 3);
  assert_false(harness_is_answered(h, request));
  assert_contains(harness_row(h, "queue.v1.1"), "wake");
}

static void a_vat_may_end_itself(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  uint64_t request = harness_call(h, "alice", "leave");
  const char *result = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data;
  struct vat_syscall calls[] = {{.type = SYSCALL_EXIT, .info = {.body = bytes_of("#\"bye\"")}},
                                call_resolve(h, result, false, "#\"last words\"", NULL)};
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK, .syscalls = calls, .syscall_count = 2, .sets = {&set, 1}});
  harness_pump(h);
  assert_contains(harness_answer(h, request), "last words"); /* a later syscall does not make the wish forgotten */
  assert_false(harness_has_row(h, "vatConfig.v1"));
  assert_string_equal(harness_vat_row(h, "v1", "key"), "");
}

static void a_vat_that_ends_itself_with_failure_takes_back_its_crank(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"unsent\",[]]", NULL, NULL),
                                {.type = SYSCALL_EXIT, .is_failure = true, .info = {.body = bytes_of("#\"oops\"")}}};
  harness_done_with(h, ALICE, calls, COUNT_OF(calls));
  assert_contains(harness_answer(h, h->next_request - 1), "[KERNEL:VAT_TERMINATED] exited");
  assert_false(harness_has_delivery(h, BOB));
}

/* A message of one text of backslashes: each is two bytes in the body, and four in a row of the store. */
static const char *body_of_backslashes(struct harness *h, size_t size)
{
  static const char begin[] = "#[\"m\",[\"";
  static const char end[] = "\"]]";
  char *body = arena_alloc(&h->arena, size + 1);
  memset(body, '\\', size);
  memcpy(body, begin, sizeof begin - 1);
  memcpy(body + size - sizeof end + 1, end, sizeof end - 1);
  if ((size - sizeof begin - sizeof end + 2) % 2)
    body[sizeof begin - 1] = ' ';
  return body;
}

static void the_largest_and_most_awkward_message_is_stored_and_delivered(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall send =
      call_send(h, "o-1", body_of_backslashes(h, LIMIT_CAPDATA_BODY), NULL, NULL);
  harness_done_with(h, ALICE, &send, 1);
  assert_int_equal(harness_delivery(h, BOB)->message.methargs.body.size, LIMIT_CAPDATA_BODY);
}

static void a_larger_message_ends_the_vat_and_not_the_kernel(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall send =
      call_send(h, "o-1", body_of_backslashes(h, LIMIT_CAPDATA_BODY + 1), NULL, NULL);
  harness_done_with(h, ALICE, &send, 1);
  assert_contains(harness_answer(h, h->next_request - 1), "capdata body: 33554433 bytes, the limit is 33554432");
  assert_false(harness_has_row(h, "vatConfig.v1"));
}

static void frames_of_a_worker_that_was_given_up_are_ignored(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t old = h->vats[ALICE].worker;
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  const char *before = harness_dump(h);
  kernel_worker_frame(h->kernel, old, bytes_of("nonsense"));
  kernel_worker_ended(h->kernel, old, WORKER_CRASHED, "again");
  harness_pump(h);
  assert_string_equal(harness_dump(h), before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_message_that_exceeds_a_limit_is_rejected_and_the_next_one_runs),
      KERNEL_TEST(three_strikes_in_a_row_suspend_the_vat),
      KERNEL_TEST(a_good_crank_forgives_strikes),
      KERNEL_TEST(strikes_survive_the_end_of_the_kernel),
      KERNEL_TEST(a_crash_redelivers_the_message_but_not_for_ever),
      KERNEL_TEST(a_deadline_counts_as_a_limit),
      KERNEL_TEST(a_worker_without_memory_has_met_a_limit),
      KERNEL_TEST(the_faults_of_one_vat_do_not_touch_another),
      KERNEL_TEST(what_comes_while_a_crank_is_under_way_does_not_go_with_it),
      KERNEL_TEST(a_vat_that_ends_with_all_kinds_of_work_waiting_stops_nobody),
      KERNEL_TEST(a_failed_restart_is_tried_once_more_and_then_suspends_with_the_cause),
      KERNEL_TEST(a_vat_may_end_itself),
      KERNEL_TEST(a_vat_that_ends_itself_with_failure_takes_back_its_crank),
      KERNEL_TEST(the_largest_and_most_awkward_message_is_stored_and_delivered),
      KERNEL_TEST(a_larger_message_ends_the_vat_and_not_the_kernel),
      KERNEL_TEST(frames_of_a_worker_that_was_given_up_are_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
