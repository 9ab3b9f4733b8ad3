/* SPDX-License-Identifier: Apache-2.0 */
/* Suspended vats, what waits for them, and what a vat's configuration says about its faults and limits. */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2 };

static void hit_limit(struct harness *h, uint64_t vat)
{
  harness_done(h, vat, (struct done_frame){.status = DONE_LIMIT_COMPUTE, .status_text = bytes_of("too much")});
  harness_pump(h);
}

static void suspend_alice(struct harness *h)
{
  for (int i = 0; i < DEFAULT_STRIKES; i++) {
    harness_call(h, "alice", "loop");
    hit_limit(h, ALICE);
  }
  assert_true(harness_has_row(h, "suspended.v1"));
}

static void expect_method(struct harness *h, uint64_t vat, const char *method)
{
  assert_contains(arena_copy(&h->arena, harness_delivery(h, vat)->message.methargs.body).data, method);
}

static void resume(struct harness *h, const char *vat)
{
  uint64_t request = h->next_request++;
  kernel_resume_vat(h->kernel, request, bytes_of(vat));
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void what_waits_for_a_suspended_vat_comes_back_in_order(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  for (int i = 0; i < DEFAULT_STRIKES - 1; i++) {
    harness_call(h, "alice", "loop");
    hit_limit(h, ALICE);
  }
  harness_call(h, "alice", "last");
  harness_call(h, "alice", "first"); /* queued before the suspension */
  hit_limit(h, ALICE);
  harness_call(h, "alice", "second");
  harness_call(h, "alice", "third");
  assert_int_equal(harness_count(h, "queue.v1."), 4); /* three messages and the head */
  assert_string_equal(harness_row(h, "queue.run.head"), harness_row(h, "queue.run.tail"));
  resume(h, "alice");
  static const char *const methods[] = {"first", "second", "third"};
  for (size_t i = 0; i < COUNT_OF(methods); i++) {
    expect_method(h, ALICE, methods[i]);
    harness_return(h, ALICE, "#1", NULL);
  }
  assert_int_equal(harness_count(h, "queue.v1."), 0);
}

static void the_queue_of_a_suspended_vat_survives_the_kernel(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  suspend_alice(h);
  harness_call(h, "alice", "first");
  harness_crash(h);
  harness_call(h, "alice", "second");
  assert_false(harness_has_delivery(h, ALICE));
  resume(h, "alice");
  expect_method(h, ALICE, "first");
  harness_return(h, ALICE, "#1", NULL);
  expect_method(h, ALICE, "second");
}

static void the_queue_of_a_suspended_vat_is_bounded(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  suspend_alice(h);
  for (int i = 0; i < LIMIT_SUSPENDED_QUEUE; i++)
    kernel_queue_message(h->kernel, 0, NULL, bytes_of("alice"), bytes_of("#[\"wait\",[]]"), NULL);
  harness_pump(h);
  uint64_t refused = harness_call(h, "alice", "overflow");
  assert_contains(harness_answer(h, refused), "[KERNEL:QUEUE_FULL] v1");
}

static void a_vat_that_ends_while_it_is_suspended_rejects_what_waits(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  suspend_alice(h);
  uint64_t waiting = harness_call(h, "alice", "wait");
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
  harness_pump(h);
  assert_contains(harness_answer(h, waiting), "[KERNEL:OBJECT_DELETED]");
  assert_int_equal(harness_count(h, "queue.v1."), 0);
}

static void only_a_suspended_vat_can_be_resumed(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t request = h->next_request++;
  kernel_resume_vat(h->kernel, request, bytes_of("alice"));
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, request), VATD_INVALID);
}

static uint64_t launch_with(struct harness *h, const char *policy)
{
  return harness_begin_launch(
      h, arena_printf(&h->arena, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",%s}}}", policy).data);
}

static void a_vat_may_be_configured_to_be_terminated_at_its_first_fault(void **state)
{
  struct harness *h = *state;
  launch_with(h, "\"faults\":{\"strikes\":1,\"then\":\"terminate\"}");
  harness_return(h, ALICE, "#1", NULL);
  harness_call(h, "alice", "loop");
  hit_limit(h, ALICE);
  assert_false(harness_has_row(h, "vatConfig.v1"));
}

static void a_vat_may_be_configured_not_to_be_redelivered_to(void **state)
{
  struct harness *h = *state;
  launch_with(h, "\"faults\":{\"crashes\":0}");
  harness_return(h, ALICE, "#1", NULL);
  harness_call(h, "alice", "poison");
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  assert_true(harness_has_row(h, "suspended.v1"));
}

static void limits_of_the_configuration_go_to_the_worker(void **state)
{
  struct harness *h = *state;
  launch_with(h, "\"limits\":{\"computrons\":5000000,\"heapBytes\":33554432,\"deadlineMs\":1500}");
  assert_int_equal(h->vats[ALICE].limits.computrons, 5000000);
  assert_int_equal(h->vats[ALICE].limits.heap_bytes, 33554432);
  assert_int_equal(h->vats[ALICE].deadline_ms, 1500);
}

static void a_policy_that_makes_no_sense_is_refused(void **state)
{
  static const char *const policies[] = {
      "\"limits\":7", "\"limits\":{\"computrons\":1}", "\"limits\":{\"fuel\":5000000}", "\"limits\":{\"heapBytes\":\"1G\"}",
      "\"faults\":{\"strikes\":0}", "\"faults\":{\"then\":\"explode\"}", "\"limits\":{\"then\":\"suspend\"}"};
  struct harness *h = *state;
  for (size_t i = 0; i < COUNT_OF(policies); i++) {
    uint64_t request = launch_with(h, policies[i]);
    assert_int_equal(harness_answer_code(h, request), VATD_INVALID);
    assert_contains(h->answers[request].text, "vat \"alice\": ");
  }
}

static void a_vat_that_falls_idle_is_asked_for_its_garbage_once(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "work");
  harness_return(h, ALICE, "#1", NULL);
  assert_true(kernel_reap_idle(h->kernel)); /* it has just worked */
  harness_pump(h);
  assert_false(harness_has_delivery(h, ALICE));
  kernel_reap_idle(h->kernel);
  harness_pump(h);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(kernel_reap_idle(h->kernel));
  harness_pump(h);
  assert_false(harness_has_delivery(h, ALICE));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(what_waits_for_a_suspended_vat_comes_back_in_order),
      KERNEL_TEST(the_queue_of_a_suspended_vat_survives_the_kernel),
      KERNEL_TEST(the_queue_of_a_suspended_vat_is_bounded),
      KERNEL_TEST(a_vat_that_ends_while_it_is_suspended_rejects_what_waits),
      KERNEL_TEST(only_a_suspended_vat_can_be_resumed),
      KERNEL_TEST(a_vat_may_be_configured_to_be_terminated_at_its_first_fault),
      KERNEL_TEST(a_vat_may_be_configured_not_to_be_redelivered_to),
      KERNEL_TEST(limits_of_the_configuration_go_to_the_worker),
      KERNEL_TEST(a_policy_that_makes_no_sense_is_refused),
      KERNEL_TEST(a_vat_that_falls_idle_is_asked_for_its_garbage_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
