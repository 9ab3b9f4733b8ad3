/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel services: alice gets the service "door" (ko2, her o-2) at bootstrap and calls it; the test plays the host that
 * answers.
 */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1 };

static const char with_door[] =
    "{\"bootstrap\":\"alice\",\"services\":[\"door\"],\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}";

/* alice, who was given the door. */
static void launch_with_door(struct harness *h)
{
  harness_register(h, "door", false);
  uint64_t launch = harness_begin_launch(h, with_door);
  const struct delivery *bootstrap = harness_delivery(h, ALICE);
  assert_true(bytes_is(bootstrap->message.methargs.body,
                       "#[\"bootstrap\",[{\"alice\":\"$0.Alleged: vatRoot\"},{\"door\":\"$1.Alleged: kernelService\"}]]"));
  assert_true(bytes_is(bootstrap->message.methargs.slots.items[1], "o-1"));
  harness_return(h, ALICE, "#\"#undefined\"", NULL);
  assert_int_equal(harness_answer_code(h, launch), VATD_OK);
}

/* The host calls alice, who makes the syscalls and leaves her result open. */
static void alice_does(struct harness *h, const struct vat_syscall *calls, size_t count)
{
  harness_call(h, "alice", "go");
  harness_done_with(h, ALICE, calls, count);
}

static void alice_calls_the_door(struct harness *h)
{
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"open\",[\"$0\"]]", "o+10", "p+5"), call_subscribe("p+5")};
  alice_does(h, calls, COUNT_OF(calls));
}

static void expect_settled(struct harness *h, bool rejected, const char *body)
{
  while (harness_delivery(h, ALICE)->type != DELIVERY_NOTIFY)
    harness_done_with(h, ALICE, NULL, 0); /* what the call held goes first */
  const struct delivery *notify = harness_delivery(h, ALICE);
  assert_int_equal(notify->type, DELIVERY_NOTIFY);
  assert_int_equal(notify->resolutions.count, 1);
  assert_int_equal(notify->resolutions.items[0].rejected, rejected);
  assert_contains(arena_copy(&h->arena, notify->resolutions.items[0].data.body).data, body);
}

static void a_vat_calls_a_service_and_gets_its_answer(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  alice_calls_the_door(h);
  assert_int_equal(h->call_count, 1);
  assert_string_equal(h->calls[0].name, "door");
  assert_string_equal(json_string_value(json_object_get(h->calls[0].result, "body")), "#[\"open\",[\"$0\"]]");
  assert_int_equal(harness_count(h, "service.call."), 1);
  harness_service_returns(h, 0, false, "#\"opened\"", NULL);
  expect_settled(h, false, "#\"opened\"");
  assert_int_equal(harness_count(h, "service.call."), 0);
}

static void a_call_is_made_only_after_its_batch_is_stored(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  h->hold_commits = true;
  alice_calls_the_door(h);
  assert_int_equal(h->call_count, 0);
  h->hold_commits = false;
  harness_pump(h);
  assert_int_equal(h->call_count, 1);
}

static void a_service_may_answer_with_what_it_was_given(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  alice_calls_the_door(h);
  const char *slot = json_string_value(json_array_get(json_object_get(h->calls[0].result, "slots"), 0));
  harness_service_returns(h, 0, false, "#\"$0.Alleged: key\"", slot);
  const struct delivery *notify = harness_delivery(h, ALICE);
  assert_true(bytes_is(notify->resolutions.items[0].data.slots.items[0], "o+10"));
}

static void a_service_may_reject(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  alice_calls_the_door(h);
  harness_service_returns(h, 0, true, "#{\"#error\":\"locked\",\"name\":\"Error\"}", NULL);
  expect_settled(h, true, "locked");
}

static void a_call_without_a_result_leaves_nothing_behind(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  const struct vat_syscall call = call_send(h, "o-1", "#[\"open\",[]]", NULL, NULL);
  alice_does(h, &call, 1);
  size_t promises = harness_count(h, "kp");
  harness_service_returns(h, 0, false, "#1", NULL);
  assert_int_equal(harness_count(h, "service.call."), 0);
  assert_true(harness_count(h, "kp") < promises);
}

static void a_call_that_the_kernels_end_interrupts_is_rejected_and_not_made_again(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  uint64_t request = harness_call(h, "alice", "go");
  const char *result = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data;
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"open\",[]]", NULL, "p+5"),
                                      call_resolve(h, result, false, "#\"&0\"", "p+5")};
  harness_done_with(h, ALICE, calls, COUNT_OF(calls));
  const char *promise =
      json_string_value(json_array_get(json_object_get(h->answers[request].result, "slots"), 0));
  assert_int_equal(h->call_count, 1);
  harness_crash(h);
  harness_register(h, "door", false);
  harness_pump(h);
  assert_int_equal(h->call_count, 1);
  assert_int_equal(harness_count(h, "service.call."), 0);
  assert_contains(harness_row(h, arena_printf(&h->arena, "%s.value", promise).data), "[KERNEL:SERVICE_INTERRUPTED]");
}

static void an_answer_that_comes_twice_is_refused(void **state)
{
  struct harness *h = *state;
  struct error error = {0};
  launch_with_door(h);
  alice_calls_the_door(h);
  harness_service_returns(h, 0, false, "#1", NULL);
  assert_int_equal(kernel_service_return(h->kernel, h->calls[0].request, false, bytes_of("#2"), NULL, &error),
                   VATD_NOT_FOUND);
}

static void an_answer_after_the_state_was_cleared_is_refused(void **state)
{
  struct harness *h = *state;
  struct error error = {0};
  launch_with_door(h);
  alice_calls_the_door(h);
  kernel_clear_state(h->kernel, 0);
  harness_pump(h);
  assert_int_equal(kernel_service_return(h->kernel, h->calls[0].request, false, bytes_of("#2"), NULL, &error),
                   VATD_NOT_FOUND);
}

static void an_answer_with_a_reference_that_does_not_exist_is_refused(void **state)
{
  struct harness *h = *state;
  struct error error = {0};
  launch_with_door(h);
  alice_calls_the_door(h);
  json_t *slots = json_pack("[s]", "ko99");
  assert_int_equal(kernel_service_return(h->kernel, h->calls[0].request, false, bytes_of("#\"$0\""), slots, &error),
                   VATD_NOT_FOUND);
  json_decref(slots);
  harness_service_returns(h, 0, false, "#1", NULL);
}

static void a_service_that_is_no_longer_offered_rejects_what_is_sent_to_it(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  kernel_unregister_service(h->kernel, "door");
  alice_calls_the_door(h);
  assert_int_equal(h->call_count, 0);
  expect_settled(h, true, "[KERNEL:ENDPOINT_UNREACHABLE] no registered kernel service 'door'");
}

static void a_service_keeps_its_object_over_a_restart(void **state)
{
  struct harness *h = *state;
  launch_with_door(h);
  const char *before = harness_row(h, "kernelService.door");
  harness_crash(h);
  harness_register(h, "door", false);
  uint64_t request = harness_begin_launch(h, with_door);
  harness_return(h, 2, "#0", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
  assert_string_equal(harness_row(h, "kernelService.door"), before);
}

static void an_unknown_service_is_refused_at_launch(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, with_door);
  assert_int_equal(harness_answer_code(h, request), VATD_INVALID);
  assert_string_equal(h->answers[request].text, "no registered kernel service 'door'");
}

static const char system_cluster[] = "{\"bootstrap\":\"alice\",\"services\":[\"door\"],\"system\":\"desk\","
                                     "\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}";

static void a_system_service_is_for_system_subclusters_only(void **state)
{
  struct harness *h = *state;
  harness_register(h, "door", true);
  uint64_t refused = harness_begin_launch(h, with_door);
  assert_string_equal(h->answers[refused].text, "no registered kernel service 'door'");
  uint64_t granted = harness_begin_launch(h, system_cluster);
  harness_return(h, ALICE, "#0", NULL);
  assert_int_equal(harness_answer_code(h, granted), VATD_OK);
}

static void a_system_subcluster_is_found_by_its_name_until_it_ends(void **state)
{
  struct harness *h = *state;
  harness_register(h, "door", true);
  harness_begin_launch(h, system_cluster);
  harness_return(h, ALICE, "#0", NULL);
  uint64_t twice = harness_begin_launch(h, system_cluster);
  assert_int_equal(harness_answer_code(h, twice), VATD_EXISTS);
  harness_crash(h);
  json_t *systems = kernel_system_subclusters(h->kernel);
  assert_string_equal(json_string_value(json_object_get(systems, "desk")), "s1");
  json_decref(systems);
  kernel_terminate_subcluster(h->kernel, 0, NULL, bytes_of("s1"));
  harness_pump(h);
  systems = kernel_system_subclusters(h->kernel);
  assert_int_equal(json_object_size(systems), 0);
  json_decref(systems);
}

static void an_object_of_a_vat_can_be_named_as_a_service(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "carol", NULL);
  uint64_t request = h->next_request++;
  kernel_name_service(h->kernel, request, bytes_of("door"), bytes_of("ko1"));
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
  uint64_t launch = harness_begin_launch(h, with_door);
  assert_int_equal(harness_delivery(h, 2)->message.methargs.slots.count, 2);
  harness_return(h, 2, "#0", NULL);
  assert_int_equal(harness_answer_code(h, launch), VATD_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_vat_calls_a_service_and_gets_its_answer),
      KERNEL_TEST(a_call_is_made_only_after_its_batch_is_stored),
      KERNEL_TEST(a_service_may_answer_with_what_it_was_given),
      KERNEL_TEST(a_service_may_reject),
      KERNEL_TEST(a_call_without_a_result_leaves_nothing_behind),
      KERNEL_TEST(a_call_that_the_kernels_end_interrupts_is_rejected_and_not_made_again),
      KERNEL_TEST(an_answer_that_comes_twice_is_refused),
      KERNEL_TEST(an_answer_after_the_state_was_cleared_is_refused),
      KERNEL_TEST(an_answer_with_a_reference_that_does_not_exist_is_refused),
      KERNEL_TEST(a_service_that_is_no_longer_offered_rejects_what_is_sent_to_it),
      KERNEL_TEST(a_service_keeps_its_object_over_a_restart),
      KERNEL_TEST(an_unknown_service_is_refused_at_launch),
      KERNEL_TEST(a_system_service_is_for_system_subclusters_only),
      KERNEL_TEST(a_system_subcluster_is_found_by_its_name_until_it_ends),
      KERNEL_TEST(an_object_of_a_vat_can_be_named_as_a_service),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
