/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries that are sent to a vat before it is done with those before them (kernel/ahead.h). */
#include "kernel_test.h"

enum { ALICE = 1, BOB = 2, MOST = 4 };

static int open_ahead(void **state)
{
  open_harness(state);
  kernel_deliver_ahead(((struct harness *)*state)->kernel, MOST);
  return 0;
}

#define AHEAD_TEST(name) cmocka_unit_test_setup_teardown(name, open_ahead, close_harness)

static void assert_method(struct harness *h, uint64_t vat, const char *body)
{
  assert_string_equal(arena_copy(&h->arena, harness_delivery(h, vat)->message.methargs.body).data, body);
}

static void a_busy_vat_is_sent_what_waits_up_to_the_most(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t requests[6];
  for (size_t i = 0; i < COUNT_OF(requests); i++)
    requests[i] = harness_call(h, "alice", i == 5 ? "last" : "work");
  assert_int_equal(harness_deliveries_behind(h, ALICE), MOST - 1);
  for (size_t i = 0; i < COUNT_OF(requests); i++) {
    assert_method(h, ALICE, i == 5 ? "#[\"last\",[]]" : "#[\"work\",[]]");
    assert_false(harness_is_answered(h, requests[i]));
    harness_return(h, ALICE, "#1", NULL);
    assert_true(harness_is_answered(h, requests[i]));
  }
  assert_false(harness_has_delivery(h, ALICE));
}

/* What the deliveries before it bring is known to a delivery, although the store does not have it yet. */
static void one_thing_has_one_name_in_all_of_them(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call(h, "bob", "make");
  harness_return(h, BOB, "#\"$0.Alleged: thing\"", "o+11"); /* ko3 */
  harness_call_with(h, "alice", "#[\"first\",[\"$0\"]]", "ko3");
  harness_call_with(h, "alice", "#[\"second\",[\"$0\"]]", "ko3");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 1);
  assert_false(harness_has_row(h, "v1.c.ko3"));
  const struct vat_message *first = &harness_delivery(h, ALICE)->message;
  const struct vat_message *second = &h->vats[ALICE].behind[0].delivery.message;
  assert_true(bytes_equal(first->methargs.slots.items[0], second->methargs.slots.items[0]));
  assert_false(bytes_equal(first->result, second->result));
  const char *stored = arena_printf(&h->arena, "R %.*s", BYTES_ARG(first->methargs.slots.items[0])).data;
  harness_return(h, ALICE, "#1", NULL);
  harness_return(h, ALICE, "#2", NULL);
  assert_string_equal(harness_row(h, "v1.c.ko3"), stored);
}

/* Alice may settle the promise before the message arrives, and her name for it would be gone. */
static void a_message_that_names_a_promise_of_the_vat_waits(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "bob", "#[\"meet\",[\"$0\"]]", "ko1");
  const struct vat_syscall asks[] = {call_send(h, "o-1", "#[\"ask\",[]]", NULL, "p+5"),
                                     call_send(h, "o-1", "#[\"look\",[\"&0\"]]", "p+5", "p+6")};
  harness_done_with(h, BOB, asks, COUNT_OF(asks));
  assert_method(h, ALICE, "#[\"ask\",[]]");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 0);
  harness_return(h, ALICE, "#1", NULL);
  assert_method(h, ALICE, "#[\"look\",[\"&0\"]]");
}

static void nothing_is_sent_behind_garbage_collection(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  kernel_collect_garbage(h->kernel, 0);
  harness_pump(h);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_call(h, "alice", "work");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 0);
  harness_done_with(h, ALICE, NULL, 0);
  assert_method(h, ALICE, "#[\"work\",[]]");
}

static void a_fault_discards_what_was_sent_behind_it_and_the_next_incarnation_gets_it(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t loops = harness_call(h, "alice", "loop");
  uint64_t works = harness_call(h, "alice", "work");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 1);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_LIMIT_COMPUTE, .status_text = bytes_of("too much")});
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, loops), VATD_REJECTED);
  assert_int_equal(h->vats[ALICE].starts, 2);
  assert_method(h, ALICE, "#[\"work\",[]]");
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, works), VATD_OK);
}

/* One at a time, so that the next fault is blamed on the right delivery. */
static void a_vat_with_a_strike_gets_one_delivery_at_a_time(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "one");
  harness_call(h, "alice", "two");
  harness_call(h, "alice", "three");
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  assert_method(h, ALICE, "#[\"one\",[]]");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 0);
  harness_return(h, ALICE, "#1", NULL);
  assert_method(h, ALICE, "#[\"two\",[]]");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 1);
}

static void a_crash_of_the_kernel_delivers_all_that_was_not_done_again(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "one");
  harness_call(h, "alice", "two");
  harness_call(h, "alice", "three");
  harness_return(h, ALICE, "#1", NULL);
  harness_crash(h);
  harness_pump(h);
  assert_method(h, ALICE, "#[\"two\",[]]");
  harness_return(h, ALICE, "#2", NULL);
  assert_method(h, ALICE, "#[\"three\",[]]");
}

/* What was sent behind may name what has just been let go of. */
static void a_vat_that_lets_go_of_references_between_deliveries_is_restarted(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"take\",[\"$0\"]]", "ko2");
  harness_return(h, ALICE, "#0", NULL);
  harness_call(h, "alice", "drop");
  uint64_t uses = harness_call_with(h, "alice", "#[\"use\",[\"$0\"]]", "ko2");
  assert_int_equal(harness_deliveries_behind(h, ALICE), 1);
  struct bytes import = bytes_of("o-1");
  const struct vat_syscall drops = {.type = SYSCALL_DROP_IMPORTS, .vrefs = {&import, 1}};
  harness_done_with(h, ALICE, &drops, 1);
  assert_int_equal(h->vats[ALICE].starts, 2);
  assert_method(h, ALICE, "#[\"use\",[\"$0\"]]");
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, uses), VATD_OK);
}

static void notifies_are_sent_ahead_too(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall asks[] = {call_send(h, "o-1", "#[\"one\",[]]", NULL, "p+5"), call_subscribe("p+5"),
                                     call_send(h, "o-1", "#[\"two\",[]]", NULL, "p+6"), call_subscribe("p+6")};
  harness_done_with(h, ALICE, asks, COUNT_OF(asks));
  harness_call(h, "alice", "think");
  harness_return(h, BOB, "#1", NULL);
  harness_return(h, BOB, "#2", NULL);
  assert_int_equal(harness_deliveries_behind(h, ALICE), 2);
  harness_return(h, ALICE, "#3", NULL);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(harness_delivery(h, ALICE)->resolutions.items[0].vpid, "p+5"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_true(bytes_is(harness_delivery(h, ALICE)->resolutions.items[0].vpid, "p+6"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(harness_has_delivery(h, ALICE));
}

static void the_answer_to_a_delivery_that_is_not_the_first_is_out_of_turn(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "one");
  harness_call(h, "alice", "two");
  h->vats[ALICE].frame_id = h->vats[ALICE].behind[0].id;
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(harness_has_row(h, "vatConfig.v1")); /* terminated */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      AHEAD_TEST(a_busy_vat_is_sent_what_waits_up_to_the_most),
      AHEAD_TEST(one_thing_has_one_name_in_all_of_them),
      AHEAD_TEST(a_message_that_names_a_promise_of_the_vat_waits),
      AHEAD_TEST(nothing_is_sent_behind_garbage_collection),
      AHEAD_TEST(a_fault_discards_what_was_sent_behind_it_and_the_next_incarnation_gets_it),
      AHEAD_TEST(a_vat_with_a_strike_gets_one_delivery_at_a_time),
      AHEAD_TEST(a_crash_of_the_kernel_delivers_all_that_was_not_done_again),
      AHEAD_TEST(a_vat_that_lets_go_of_references_between_deliveries_is_restarted),
      AHEAD_TEST(notifies_are_sent_ahead_too),
      AHEAD_TEST(the_answer_to_a_delivery_that_is_not_the_first_is_out_of_turn),
  };
  return cmocka_run_group_tests_name("kernel: deliveries ahead", tests, NULL, NULL) != 0;
}
