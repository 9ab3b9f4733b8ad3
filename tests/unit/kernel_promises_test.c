/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promises: every way a message can take through one, notifies, cycles, and that nothing of them is left.
 *
 * The cast: alice holds bob's root as o-1 (ko2 for the host); "result" is what a delivery's result is called.
 */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2, CAROL = 3 };

static void alice_meets_bob(struct harness *h)
{
  harness_launch(h, "alice", "bob", "carol", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  harness_return(h, ALICE, "#0", NULL);
}

/* Lets alice make these syscalls in a delivery of the host's that she does not answer. */
static void alice_does(struct harness *h, const struct vat_syscall *calls, size_t count)
{
  kernel_queue_message(h->kernel, 0, NULL, bytes_of("alice"), bytes_of("#[\"go\",[]]"), NULL);
  harness_pump(h);
  harness_done_with(h, ALICE, calls, count);
}

/* alice asks bob for a promise's worth: bob has the delivery with result p-1 (his name for it), alice p+5. */
static void alice_asks_bob(struct harness *h)
{
  alice_meets_bob(h);
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"ask\",[]]", NULL, "p+5"), call_subscribe("p+5")};
  alice_does(h, calls, COUNT_OF(calls));
}

static const struct capdata *only_resolution(struct harness *h, uint64_t vat, bool rejected)
{
  const struct delivery *delivery = harness_delivery(h, vat);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_int_equal(delivery->resolutions.count, 1);
  assert_int_equal(delivery->resolutions.items[0].rejected, rejected);
  return &delivery->resolutions.items[0].data;
}

static void a_message_to_an_unresolved_promise_waits_in_the_kernel(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall send = call_send(h, "p+5", "#[\"pipelined\",[]]", NULL, "p+6");
  alice_does(h, &send, 1);
  assert_int_equal(harness_count(h, "queue.kp"), 2); /* the item and the queue's head */
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.body, "#[\"ask\",[]]"));
}

static void a_message_that_waited_goes_to_the_object_that_the_promise_becomes(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall send = call_send(h, "p+5", "#[\"pipelined\",[]]", NULL, "p+6");
  alice_does(h, &send, 1);
  harness_return(h, BOB, "#\"$0.Alleged: thing\"", "o+10");
  assert_true(bytes_is(harness_delivery(h, BOB)->message.target, "o+10"));
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.body, "#[\"pipelined\",[]]"));
  assert_int_equal(harness_count(h, "queue.kp"), 0);
}

static void a_message_to_a_promise_fulfilled_to_an_object_goes_there_at_once(void **state)
{
  struct harness *h = *state;
  uint64_t request;
  alice_meets_bob(h);
  request = harness_call(h, "bob", "promise");
  harness_return(h, BOB, "#[\"&0\"]", "p+7");
  assert_string_equal(harness_answer(h, request), "{\"body\":\"#[\\\"&0\\\"]\",\"slots\":[\"kp4\"]}");
  harness_call(h, "bob", "resolve");
  const struct vat_syscall resolve = call_resolve(h, "p+7", false, "#\"$0\"", "o+10");
  harness_done_with(h, BOB, &resolve, 1);
  harness_call(h, "kp4", "hello");
  assert_true(bytes_is(harness_delivery(h, BOB)->message.target, "o+10"));
}

static void a_message_to_a_promise_fulfilled_to_data_is_rejected(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall calls[] = {call_send(h, "p+5", "#[\"pipelined\",[]]", NULL, "p+6"), call_subscribe("p+6")};
  alice_does(h, calls, COUNT_OF(calls));
  harness_return(h, BOB, "#42", NULL);
  harness_done_with(h, ALICE, NULL, 0); /* notify of p+5 */
  assert_contains(only_resolution(h, ALICE, true)->body.data, "[KERNEL:BAD_PROMISE_RESOLUTION]");
}

static void a_message_to_a_rejected_promise_is_rejected_with_the_same_reason(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall calls[] = {call_send(h, "p+5", "#[\"pipelined\",[]]", NULL, "p+6"), call_subscribe("p+6")};
  alice_does(h, calls, COUNT_OF(calls));
  harness_throw(h, BOB, "#\"because\"");
  only_resolution(h, ALICE, true);
  harness_done_with(h, ALICE, NULL, 0);
  assert_true(bytes_is(only_resolution(h, ALICE, true)->body, "#\"because\""));
}

static void a_message_follows_a_promise_that_became_another_promise(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall send = call_send(h, "p+5", "#[\"pipelined\",[]]", NULL, NULL);
  alice_does(h, &send, 1);
  harness_return(h, BOB, "#\"&0\"", "p+20"); /* p+5 becomes bob's p+20, still unresolved */
  assert_true(harness_count(h, "queue.kp") > 0);
  harness_done_with(h, ALICE, NULL, 0);
  harness_call(h, "bob", "resolve");
  const struct vat_syscall resolve = call_resolve(h, "p+20", false, "#\"$0\"", "o+10");
  harness_done_with(h, BOB, &resolve, 1);
  assert_true(bytes_is(harness_delivery(h, BOB)->message.target, "o+10"));
}

static void a_message_through_promises_that_lead_to_each_other_is_rejected(void **state)
{
  struct harness *h = *state;
  alice_meets_bob(h);
  uint64_t request = harness_call(h, "bob", "promises");
  harness_return(h, BOB, "#\"&0\"", "p+20");
  struct resolution both[] = {
      {bytes_of("p+20"), false, {bytes_of("#\"&0\""), {(struct bytes[]){{"p+21", 4}}, 1}}},
      {bytes_of("p+21"), false, {bytes_of("#\"&0\""), {(struct bytes[]){{"p+20", 4}}, 1}}},
  };
  const struct vat_syscall resolve = {.type = SYSCALL_RESOLVE, .resolutions = {both, 2}};
  harness_call(h, "bob", "tie");
  harness_done_with(h, BOB, &resolve, 1);
  assert_string_equal(harness_answer(h, request), "{\"body\":\"#\\\"&0\\\"\",\"slots\":[\"kp4\"]}");
  uint64_t lost = harness_call(h, "kp4", "hello");
  assert_contains(harness_answer(h, lost), "[KERNEL:BAD_PROMISE_RESOLUTION]");
}

static void messages_through_one_promise_never_overtake_each_other(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const struct vat_syscall first[] = {call_send(h, "p+5", "#[\"1\",[]]", NULL, NULL),
                                      call_send(h, "p+5", "#[\"2\",[]]", NULL, NULL)};
  alice_does(h, first, COUNT_OF(first));
  kernel_queue_message(h->kernel, 0, NULL, bytes_of("alice"), bytes_of("#[\"go\",[]]"), NULL);
  harness_pump(h); /* alice is busy when bob resolves; her next sends are completed afterwards */
  harness_return(h, BOB, "#\"$0\"", "o+10");
  const struct vat_syscall second = call_send(h, "p+5", "#[\"3\",[]]", NULL, NULL);
  harness_done_with(h, ALICE, &second, 1);
  static const char *const expected[] = {"#[\"1\",[]]", "#[\"2\",[]]", "#[\"3\",[]]"};
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.body, expected[i]));
    harness_done_with(h, BOB, NULL, 0);
  }
}

static void all_subscribers_but_the_resolver_are_notified(void **state)
{
  struct harness *h = *state;
  alice_meets_bob(h);
  uint64_t request = harness_call(h, "bob", "promise");
  const struct vat_syscall share[] = {call_subscribe("p+9"), call_resolve(h, "p-2", false, "#[\"&0\"]", "p+9")};
  struct vat_syscall calls[2] = {share[0], share[1]};
  calls[1].resolutions.items[0].vpid = harness_delivery(h, BOB)->message.result;
  harness_done_with(h, BOB, calls, 2);
  assert_contains(harness_answer(h, request), "kp4");
  for (uint64_t vat = ALICE; vat <= CAROL; vat += 2) { /* alice and carol get and watch it */
    harness_call_with(h, vat == ALICE ? "alice" : "carol", "#[\"watch\",[\"&0\"]]", "kp4");
    const char *name = arena_copy(&h->arena, harness_delivery(h, vat)->message.methargs.slots.items[0]).data;
    const struct vat_syscall subscribe = call_subscribe(name);
    harness_done_with(h, vat, &subscribe, 1);
  }
  assert_string_equal(harness_row(h, "kp4.subscribers"), "[\"v1\",\"v2\",\"v3\"]");
  harness_call(h, "bob", "resolve");
  const struct vat_syscall resolve = call_resolve(h, "p+9", false, "#7", NULL);
  harness_done_with(h, BOB, &resolve, 1);
  assert_true(bytes_is(only_resolution(h, ALICE, false)->body, "#7"));
  assert_true(bytes_is(only_resolution(h, CAROL, false)->body, "#7"));
  assert_false(harness_has_delivery(h, BOB));
}

static void a_promise_that_is_settled_already_is_notified_at_once(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  harness_return(h, BOB, "#1", NULL);
  harness_done_with(h, ALICE, NULL, 0);
  uint64_t request = harness_call(h, "bob", "promise");
  harness_return(h, BOB, "#[\"&0\"]", "p+9");
  harness_call(h, "bob", "resolve");
  const struct vat_syscall resolve = call_resolve(h, "p+9", false, "#7", NULL);
  harness_done_with(h, BOB, &resolve, 1);
  assert_true(harness_is_answered(h, request));
  const char *promise = json_string_value(json_array_get(json_object_get(h->answers[request].result, "slots"), 0));
  harness_call_with(h, "carol", "#[\"take\",[\"&0\"]]", promise);
  const struct vat_syscall subscribe = call_subscribe("p-2");
  assert_true(bytes_is(harness_delivery(h, CAROL)->message.methargs.slots.items[0], "p-1"));
  struct vat_syscall call = subscribe;
  call.vpid = bytes_of("p-1");
  harness_done_with(h, CAROL, &call, 1);
  assert_true(bytes_is(only_resolution(h, CAROL, false)->body, "#7"));
}

static void promises_that_name_each_other_are_notified_in_one_batch(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  const char *result = arena_copy(&h->arena, harness_delivery(h, BOB)->message.result).data;
  struct resolution both[] = {
      {bytes_of(result), false, {bytes_of("#[\"&0\"]"), {(struct bytes[]){{"p+9", 3}}, 1}}},
      {bytes_of("p+9"), false, {bytes_of("#[\"&0\"]"), {(struct bytes[]){bytes_of(result)}, 1}}},
  };
  const struct vat_syscall resolve = {.type = SYSCALL_RESOLVE, .resolutions = {both, 2}};
  harness_done_with(h, BOB, &resolve, 1);
  const struct delivery *delivery = harness_delivery(h, ALICE);
  assert_int_equal(delivery->resolutions.count, 2);
  assert_true(bytes_is(delivery->resolutions.items[0].vpid, "p+5"));
  assert_true(bytes_is(delivery->resolutions.items[0].data.slots.items[0], "p-4"));
  assert_true(bytes_is(delivery->resolutions.items[1].vpid, "p-4"));
  assert_true(bytes_is(delivery->resolutions.items[1].data.slots.items[0], "p+5"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_int_equal(harness_count(h, "v1.c.p"), 1); /* the result that alice still owes; settled promises leave the c-list */
}

static void a_notify_tells_of_many_promises_but_not_of_any_number(void **state)
{
  struct harness *h = *state;
  enum { MANY = LIMIT_NOTIFY_PROMISES + 200 };
  alice_asks_bob(h);
  struct resolution *all = arena_alloc_array(&h->arena, MANY + 1, sizeof *all);
  struct bytes *slots = arena_alloc_array(&h->arena, MANY, sizeof *slots);
  for (int i = 0; i < MANY; i++) {
    slots[i] = arena_printf(&h->arena, "p+%d", 100 + i);
    all[i + 1] = (struct resolution){slots[i], false, {bytes_of("#1"), {NULL, 0}}};
  }
  all[0] = (struct resolution){arena_copy(&h->arena, harness_delivery(h, BOB)->message.result), false,
                               {bytes_of("#[]"), {slots, MANY}}};
  const struct vat_syscall resolve = {.type = SYSCALL_RESOLVE, .resolutions = {all, MANY + 1}};
  harness_done_with(h, BOB, &resolve, 1);
  const struct delivery *delivery = harness_delivery(h, ALICE);
  assert_int_equal(delivery->resolutions.count, LIMIT_NOTIFY_PROMISES);
  const char *last = arena_copy(&h->arena, delivery->resolutions.items[0].data.slots.items[MANY - 1]).data;
  const struct vat_syscall subscribe = call_subscribe(last);
  harness_done_with(h, ALICE, &subscribe, 1);
  assert_true(bytes_is(only_resolution(h, ALICE, false)->body, "#1")); /* the others are told when they are asked for */
}

static void a_second_notify_of_a_batch_needs_no_delivery(void **state)
{
  struct harness *h = *state;
  alice_meets_bob(h);
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"a\",[]]", NULL, "p+5"), call_subscribe("p+5"),
                                      call_send(h, "o-1", "#[\"b\",[]]", NULL, "p+6"), call_subscribe("p+6")};
  alice_does(h, calls, COUNT_OF(calls));
  const char *first = arena_copy(&h->arena, harness_delivery(h, BOB)->message.result).data;
  harness_done_with(h, BOB, NULL, 0); /* keeps the first promise */
  const char *second = arena_copy(&h->arena, harness_delivery(h, BOB)->message.result).data;
  struct resolution both[] = {
      {bytes_of(first), false, {bytes_of("#[\"&0\"]"), {(struct bytes[]){bytes_of(second)}, 1}}},
      {bytes_of(second), false, {bytes_of("#2"), {NULL, 0}}},
  };
  const struct vat_syscall resolve = {.type = SYSCALL_RESOLVE, .resolutions = {both, 2}};
  harness_done_with(h, BOB, &resolve, 1);
  assert_int_equal(harness_delivery(h, ALICE)->resolutions.count, 2);
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(harness_has_delivery(h, ALICE));
  assert_string_equal(harness_row(h, "queue.run.head"), harness_row(h, "queue.run.tail"));
}

static void a_promise_may_be_an_argument_before_it_is_resolved(void **state)
{
  struct harness *h = *state;
  alice_meets_bob(h);
  const struct vat_syscall send = call_send(h, "o-1", "#[\"wait\",[\"&0\"]]", "p+8", NULL);
  alice_does(h, &send, 1);
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.slots.items[0], "p-1"));
  const struct vat_syscall subscribe = call_subscribe("p-1");
  harness_done_with(h, BOB, &subscribe, 1);
  const struct vat_syscall resolve = call_resolve(h, "p+8", false, "#\"now\"", NULL);
  alice_does(h, &resolve, 1);
  assert_true(bytes_is(only_resolution(h, BOB, false)->body, "#\"now\""));
}

static void a_result_may_be_passed_on_before_it_is_known(void **state)
{
  struct harness *h = *state;
  alice_meets_bob(h);
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"a\",[]]", NULL, "p+5"),
                                      call_send(h, "o-1", "#[\"b\",[\"&0\"]]", "p+5", NULL)};
  alice_does(h, calls, COUNT_OF(calls));
  assert_true(bytes_is(harness_delivery(h, BOB)->message.result, "p-1"));
  harness_done_with(h, BOB, NULL, 0);
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.slots.items[0], "p-1"));
}

static void an_unanswered_promise_of_a_terminated_vat_is_rejected(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  harness_done_with(h, BOB, NULL, 0); /* bob keeps the result to himself */
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("bob"));
  harness_pump(h);
  assert_contains(only_resolution(h, ALICE, true)->body.data, "[KERNEL:VAT_TERMINATED]");
}

static void settled_promises_are_deleted_when_nobody_needs_them(void **state)
{
  struct harness *h = *state;
  alice_asks_bob(h);
  harness_return(h, BOB, "#1", NULL);
  harness_done_with(h, ALICE, NULL, 0);
  /* what is left: the results of the host's messages that alice never answered */
  assert_int_equal(harness_count(h, "v2.c.p"), 0);
  assert_int_equal(harness_count(h, "kp"), 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_message_to_an_unresolved_promise_waits_in_the_kernel),
      KERNEL_TEST(a_message_that_waited_goes_to_the_object_that_the_promise_becomes),
      KERNEL_TEST(a_message_to_a_promise_fulfilled_to_an_object_goes_there_at_once),
      KERNEL_TEST(a_message_to_a_promise_fulfilled_to_data_is_rejected),
      KERNEL_TEST(a_message_to_a_rejected_promise_is_rejected_with_the_same_reason),
      KERNEL_TEST(a_message_follows_a_promise_that_became_another_promise),
      KERNEL_TEST(a_message_through_promises_that_lead_to_each_other_is_rejected),
      KERNEL_TEST(messages_through_one_promise_never_overtake_each_other),
      KERNEL_TEST(all_subscribers_but_the_resolver_are_notified),
      KERNEL_TEST(a_promise_that_is_settled_already_is_notified_at_once),
      KERNEL_TEST(promises_that_name_each_other_are_notified_in_one_batch),
      KERNEL_TEST(a_notify_tells_of_many_promises_but_not_of_any_number),
      KERNEL_TEST(a_second_notify_of_a_batch_needs_no_delivery),
      KERNEL_TEST(a_promise_may_be_an_argument_before_it_is_resolved),
      KERNEL_TEST(a_result_may_be_passed_on_before_it_is_known),
      KERNEL_TEST(an_unanswered_promise_of_a_terminated_vat_is_rejected),
      KERNEL_TEST(settled_promises_are_deleted_when_nobody_needs_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
