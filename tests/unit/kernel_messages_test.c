/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: host to vat, vat to vat, order, the gate, and what a crash leaves. */
#include "kernel_test.h"

static void a_message_from_the_host_reaches_the_root_and_its_result_is_answered(void **state)
{
  struct harness *h = *state;
  uint64_t vat = harness_launch(h, "counter", NULL);
  uint64_t request = harness_call(h, "counter", "increment");
  const struct delivery *delivery = harness_delivery(h, vat);
  assert_int_equal(delivery->type, DELIVERY_MESSAGE);
  assert_true(bytes_is(delivery->message.target, "o+0"));
  assert_true(bytes_is(delivery->message.methargs.body, "#[\"increment\",[]]"));
  assert_false(harness_is_answered(h, request));
  harness_return(h, vat, "#1", NULL);
  assert_string_equal(harness_answer(h, request), "{\"body\":\"#1\",\"slots\":[]}");
}

static void a_rejected_call_is_answered_with_name_and_message(void **state)
{
  struct harness *h = *state;
  uint64_t vat = harness_launch(h, "counter", NULL);
  uint64_t request = harness_call(h, "counter", "fail");
  harness_throw(h, vat, "#{\"#error\":\"no such thing\",\"name\":\"TypeError\"}");
  assert_int_equal(harness_answer_code(h, request), VATD_REJECTED);
  assert_string_equal(h->answers[request].text, "TypeError: no such thing");
}

static void an_object_in_a_result_can_be_called_by_the_host_afterwards(void **state)
{
  struct harness *h = *state;
  uint64_t vat = harness_launch(h, "maker", NULL);
  uint64_t request = harness_call(h, "maker", "make");
  harness_return(h, vat, "#\"$0.Alleged: thing\"", "o+10");
  assert_string_equal(harness_answer(h, request), "{\"body\":\"#\\\"$0.Alleged: thing\\\"\",\"slots\":[\"ko2\"]}");
  harness_call(h, "ko2", "use");
  assert_true(bytes_is(harness_delivery(h, vat)->message.target, "o+10"));
}

static void messages_to_one_vat_are_delivered_in_the_order_in_which_they_were_sent(void **state)
{
  struct harness *h = *state;
  uint64_t vat = harness_launch(h, "log", NULL);
  harness_call(h, "log", "first");
  harness_call(h, "log", "second");
  harness_call(h, "log", "third");
  static const char *const expected[] = {"#[\"first\",[]]", "#[\"second\",[]]", "#[\"third\",[]]"};
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    assert_true(bytes_is(harness_delivery(h, vat)->message.methargs.body, expected[i]));
    harness_return(h, vat, "#0", NULL);
  }
  assert_false(harness_has_delivery(h, vat));
}

static void cranks_of_different_vats_are_in_flight_at_the_same_time(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", "bob", NULL);
  uint64_t first = harness_call(h, "alice", "work");
  uint64_t second = harness_call(h, "bob", "work");
  assert_true(harness_has_delivery(h, alice));
  assert_true(harness_has_delivery(h, alice + 1));
  harness_return(h, alice + 1, "#2", NULL);
  harness_return(h, alice, "#1", NULL);
  assert_string_equal(harness_answer(h, first), "{\"body\":\"#1\",\"slots\":[]}");
  assert_string_equal(harness_answer(h, second), "{\"body\":\"#2\",\"slots\":[]}");
}

static void an_object_passed_between_vats_arrives_as_an_import(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", "bob", NULL);
  uint64_t bob = alice + 1;
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  assert_true(bytes_is(harness_delivery(h, alice)->message.methargs.slots.items[0], "o-1"));
  const struct vat_syscall send[] = {call_send(h, "o-1", "#[\"hold\",[\"$0\"]]", "o+11", "p+5"), call_subscribe("p+5")};
  harness_done_with(h, alice, send, COUNT_OF(send));
  const struct delivery *delivery = harness_delivery(h, bob);
  assert_true(bytes_is(delivery->message.target, "o+0"));
  assert_true(bytes_is(delivery->message.methargs.slots.items[0], "o-1"));
  assert_true(bytes_is(delivery->message.result, "p-1"));
  harness_return(h, bob, "#\"held\"", NULL);
  delivery = harness_delivery(h, alice);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(delivery->resolutions.items[0].vpid, "p+5"));
  assert_false(delivery->resolutions.items[0].rejected);
  assert_true(bytes_is(delivery->resolutions.items[0].data.body, "#\"held\""));
}

static void an_object_comes_back_to_its_owner_under_its_own_name(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "make");
  harness_return(h, alice, "#\"$0\"", "o+10");
  harness_call_with(h, "alice", "#[\"take\",[\"$0\"]]", "ko2");
  assert_true(bytes_is(harness_delivery(h, alice)->message.methargs.slots.items[0], "o+10"));
}

static void a_message_without_a_result_is_delivered_without_one(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall send = call_send(h, "o-1", "#[\"note\",[]]", NULL, NULL);
  harness_done_with(h, alice, &send, 1);
  assert_int_equal(harness_delivery(h, alice + 1)->message.result.size, 0);
}

static void a_message_to_the_object_of_a_terminated_vat_is_rejected(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("bob"));
  harness_pump(h);
  assert_false(harness_has_row(h, "ko2.owner"));
  uint64_t request = harness_call(h, "ko2", "anything"); /* alice still holds it */
  assert_contains(harness_answer(h, request), "[KERNEL:OBJECT_DELETED] ko2");
}

static void a_message_on_its_way_to_a_vat_that_is_terminated_is_rejected(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  uint64_t in_flight = harness_call(h, "alice", "first");
  uint64_t queued = harness_call(h, "alice", "second");
  assert_true(harness_has_delivery(h, alice));
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
  harness_pump(h);
  assert_contains(h->answers[in_flight].text, "[KERNEL:VAT_TERMINATED]");
  assert_contains(h->answers[queued].text, "[KERNEL:OBJECT_DELETED]");
}

static void a_message_to_a_revoked_object_is_rejected_when_its_turn_comes(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  uint64_t before = harness_call(h, "alice", "first");
  uint64_t after = harness_call(h, "alice", "second");
  kernel_revoke(h->kernel, 0, bytes_of("ko1"));
  harness_pump(h);
  harness_return(h, alice, "#1", NULL);
  assert_int_equal(harness_answer_code(h, before), VATD_OK);
  assert_contains(h->answers[after].text, "[KERNEL:OBJECT_REVOKED] ko1");
}

static void an_answer_waits_until_its_batch_is_committed(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  uint64_t request = harness_call(h, "alice", "first");
  h->hold_commits = true;
  harness_return(h, alice, "#1", NULL);
  assert_false(harness_is_answered(h, request));
  h->hold_commits = false;
  harness_pump(h);
  assert_true(harness_is_answered(h, request));
}

static void the_answer_to_a_read_waits_for_what_it_shows(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "first");
  h->hold_commits = true;
  harness_return(h, alice, "#1", NULL);
  uint64_t request = h->next_request++;
  kernel_list_vats(h->kernel, request);
  harness_pump(h);
  assert_false(harness_is_answered(h, request));
  h->hold_commits = false;
  harness_pump(h);
  assert_true(harness_is_answered(h, request));
}

static void a_crank_that_was_not_committed_has_not_happened_after_a_crash(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "first");
  const char *before = harness_dump(h);
  h->hold_commits = true;
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  harness_done(h, alice, (struct done_frame){.status = DONE_OK, .sets = {&set, 1}});
  harness_pump(h);
  assert_string_equal(harness_vat_row(h, "v1", "key"), "value");
  h->hold_commits = false;
  harness_crash(h);
  assert_string_equal(harness_dump(h), before);
}

static void a_message_in_flight_at_a_crash_is_delivered_again(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "first");
  harness_call(h, "alice", "second");
  harness_crash(h);
  harness_pump(h);
  assert_true(bytes_is(harness_delivery(h, alice)->message.methargs.body, "#[\"first\",[]]"));
  harness_return(h, alice, "#1", NULL);
  assert_true(bytes_is(harness_delivery(h, alice)->message.methargs.body, "#[\"second\",[]]"));
}

static void queue_slots_behind_a_hole_survive_a_crash(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", "bob", NULL);
  harness_call(h, "alice", "first");
  harness_call(h, "bob", "second");
  harness_call(h, "alice", "third");
  harness_return(h, alice + 1, "#0", NULL); /* a hole between the other two */
  harness_crash(h);
  harness_pump(h);
  harness_return(h, alice, "#0", NULL);
  assert_true(bytes_is(harness_delivery(h, alice)->message.methargs.body, "#[\"third\",[]]"));
  harness_return(h, alice, "#0", NULL);
  assert_string_equal(harness_row(h, "queue.run.head"), harness_row(h, "queue.run.tail"));
}

/* One message that makes another one, whose result comes back. */
static void relay(struct harness *h, uint64_t alice, uint64_t bob)
{
  kernel_queue_message(h->kernel, 0, NULL, bytes_of("alice"), bytes_of("#[\"relay\",[]]"), NULL);
  harness_pump(h);
  harness_skip_reap(h, alice);
  const char *result = arena_copy(&h->arena, harness_delivery(h, alice)->message.result).data;
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"note\",[]]", NULL, "p+5"), call_subscribe("p+5"),
                                      call_resolve(h, result, false, "#0", NULL)};
  harness_done_with(h, alice, calls, COUNT_OF(calls));
  harness_skip_reap(h, bob);
  harness_return(h, bob, "#1", NULL);
  harness_skip_reap(h, alice);
  assert_int_equal(harness_delivery(h, alice)->type, DELIVERY_NOTIFY);
  harness_done_with(h, alice, NULL, 0);
}

static void a_thousand_messages_leave_nothing_but_counters(void **state)
{
  struct harness *h = *state;
  uint64_t alice = harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  harness_return(h, alice, "#0", NULL);
  relay(h, alice, alice + 1); /* makes the counters' rows */
  size_t rows = harness_count(h, "");
  for (int i = 0; i < 1000; i++)
    relay(h, alice, alice + 1);
  assert_int_equal(harness_count(h, ""), rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_message_from_the_host_reaches_the_root_and_its_result_is_answered),
      KERNEL_TEST(a_rejected_call_is_answered_with_name_and_message),
      KERNEL_TEST(an_object_in_a_result_can_be_called_by_the_host_afterwards),
      KERNEL_TEST(messages_to_one_vat_are_delivered_in_the_order_in_which_they_were_sent),
      KERNEL_TEST(cranks_of_different_vats_are_in_flight_at_the_same_time),
      KERNEL_TEST(an_object_passed_between_vats_arrives_as_an_import),
      KERNEL_TEST(an_object_comes_back_to_its_owner_under_its_own_name),
      KERNEL_TEST(a_message_without_a_result_is_delivered_without_one),
      KERNEL_TEST(a_message_to_the_object_of_a_terminated_vat_is_rejected),
      KERNEL_TEST(a_message_on_its_way_to_a_vat_that_is_terminated_is_rejected),
      KERNEL_TEST(a_message_to_a_revoked_object_is_rejected_when_its_turn_comes),
      KERNEL_TEST(an_answer_waits_until_its_batch_is_committed),
      KERNEL_TEST(the_answer_to_a_read_waits_for_what_it_shows),
      KERNEL_TEST(a_crank_that_was_not_committed_has_not_happened_after_a_crash),
      KERNEL_TEST(a_message_in_flight_at_a_crash_is_delivered_again),
      KERNEL_TEST(queue_slots_behind_a_hole_survive_a_crash),
      KERNEL_TEST(a_thousand_messages_leave_nothing_but_counters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
