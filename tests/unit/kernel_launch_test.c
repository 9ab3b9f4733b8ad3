/* SPDX-License-Identifier: Apache-2.0 */
/* Launches and ends of subclusters, and that a failed launch leaves nothing but spent ids. */
#include "kernel_test.h"

static const char three_vats[] =
    "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"},\"bob\":{\"bundleSpec\":\"x\",\"parameters\":{\"n\":1}},"
    "\"carol\":{\"bundleSpec\":\"x\"}}}";

/* What an empty kernel that has spent ids may hold. */
static void expect_nothing_left(struct harness *h)
{
  static const char *const prefixes[] = {"k", "v", "e.", "live", "subcluster", "suspended", "bundle", "strikes", "crashes"};
  for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
    if (harness_count(h, prefixes[i]) != 0)
      fail_msg("rows of '%s…' are left:\n%s", prefixes[i], harness_dump(h));
  }
  assert_string_equal(harness_row(h, "queue.run.head"), harness_row(h, "queue.run.tail"));
}

static void vats_start_in_the_order_of_the_configuration(void **state)
{
  struct harness *h = *state;
  h->hold_inits = true;
  harness_begin_launch(h, three_vats);
  assert_int_equal(h->vats[1].starts, 1);
  assert_int_equal(h->vats[2].starts, 0);
  harness_done_with(h, 1, NULL, 0);
  assert_int_equal(h->vats[2].starts, 1);
  assert_int_equal(h->vats[3].starts, 0);
  harness_done_with(h, 2, NULL, 0);
  harness_done_with(h, 3, NULL, 0);
  assert_true(bytes_is(harness_delivery(h, 1)->message.target, "o+0"));
}

static void a_ping_does_not_start_a_vat_before_its_turn(void **state)
{
  struct harness *h = *state;
  h->hold_inits = true;
  uint64_t request = harness_begin_launch(h, three_vats);
  kernel_ping_vat(h->kernel, h->next_request++, bytes_of("v3"));
  harness_pump(h);
  assert_int_equal(h->vats[3].starts, 0);
  for (uint64_t vat = 1; vat <= 3; vat++)
    harness_done_with(h, vat, NULL, 0);
  harness_return(h, 1, "#\"ready\"", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void bootstrap_gets_the_roots_of_all_vats(void **state)
{
  struct harness *h = *state;
  harness_begin_launch(h, three_vats);
  const struct vat_message *message = &harness_delivery(h, 1)->message;
  assert_true(bytes_is(message->methargs.body,
                       "#[\"bootstrap\",[{\"alice\":\"$0.Alleged: vatRoot\",\"bob\":\"$1.Alleged: vatRoot\",\"carol\":\"$2.Alleged: vatRoot\"},{}]]"));
  assert_true(bytes_is(message->methargs.slots.items[0], "o+0"));
  assert_true(bytes_is(message->methargs.slots.items[1], "o-1"));
  assert_true(bytes_is(message->methargs.slots.items[2], "o-2"));
}

static void the_answer_names_subcluster_root_and_bootstrap_result(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, three_vats);
  assert_false(harness_is_answered(h, request));
  harness_return(h, 1, "#\"ready\"", NULL);
  const json_t *result = h->answers[request].result;
  assert_string_equal(json_string_value(json_object_get(result, "subclusterId")), "s1");
  assert_string_equal(json_string_value(json_object_get(result, "rootKref")), "ko1");
  assert_string_equal(json_string_value(json_object_get(json_object_get(result, "bootstrapResult"), "body")), "#\"ready\"");
}

static void a_vat_that_fails_to_start_fails_the_launch_with_its_name_and_the_cause(void **state)
{
  struct harness *h = *state;
  h->hold_inits = true;
  uint64_t request = harness_begin_launch(h, three_vats);
  harness_done_with(h, 1, NULL, 0);
  harness_done(h, 2, (struct done_frame){.status = DONE_INIT_FAILED, .status_text = bytes_of("Error: no good")});
  harness_pump(h);
  assert_string_equal(harness_answer(h, request), "Failed to launch vat v2 (bob): Error: no good");
  expect_nothing_left(h);
}

static void a_rejected_bootstrap_fails_the_launch(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, three_vats);
  harness_throw(h, 1, "#{\"#error\":\"not today\",\"name\":\"Error\"}");
  assert_string_equal(harness_answer(h, request), "Failed to launch vat v1 (alice): bootstrap: Error: not today");
  expect_nothing_left(h);
}

static void a_bootstrap_that_returns_an_error_fails_the_launch(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, three_vats);
  harness_return(h, 1, "#{\"#error\":\"not today\",\"name\":\"Error\"}", NULL);
  assert_contains(harness_answer(h, request), "not today");
  expect_nothing_left(h);
}

static void an_unhandled_rejection_at_start_or_in_bootstrap_fails_the_launch(void **state)
{
  struct harness *h = *state;
  struct bytes reason[] = {bytes_of("Error: dropped")};
  h->hold_inits = true;
  uint64_t request = harness_begin_launch(h, three_vats);
  harness_done(h, 1, (struct done_frame){.status = DONE_OK, .unhandled = {reason, 1}});
  harness_pump(h);
  assert_contains(harness_answer(h, request), "unhandled rejection: Error: dropped");
  expect_nothing_left(h);
  h->hold_inits = false;
  request = harness_begin_launch(h, three_vats);
  harness_done(h, 4, (struct done_frame){.status = DONE_OK, .unhandled = {reason, 1}});
  harness_pump(h);
  assert_contains(harness_answer(h, request), "Failed to launch vat v4 (alice): unhandled rejection: Error: dropped");
  expect_nothing_left(h);
}

static void a_worker_that_dies_during_the_launch_fails_it(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, three_vats);
  harness_worker_dies(h, 1, WORKER_CRASHED);
  assert_contains(harness_answer(h, request), "Failed to launch vat v1 (alice)");
  expect_nothing_left(h);
}

static void expect_exit_fails_launch(struct harness *h, bool is_failure)
{
  uint64_t request = harness_begin_launch(h, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}");
  uint64_t alice = h->vats[1].has_delivery ? 1 : 2;
  const char *result = arena_copy(&h->arena, harness_delivery(h, alice)->message.result).data;
  struct vat_syscall calls[] = {call_resolve(h, result, false, "#\"ready\"", NULL),
                                {.type = SYSCALL_EXIT, .is_failure = is_failure, .info = {.body = bytes_of("#\"bye\"")}}};
  harness_done_with(h, alice, calls, COUNT_OF(calls));
  assert_contains(harness_answer(h, request), "(alice): exited: bye");
  expect_nothing_left(h);
}

static void a_vat_that_ends_itself_during_the_launch_fails_it(void **state)
{
  expect_exit_fails_launch(*state, false);
  expect_exit_fails_launch(*state, true);
}

static void a_launch_that_a_crash_interrupts_is_removed(void **state)
{
  struct harness *h = *state;
  harness_begin_launch(h, three_vats);
  assert_true(harness_has_row(h, "subcluster.s1"));
  harness_crash(h);
  harness_pump(h);
  expect_nothing_left(h);
}

static void a_launch_that_a_crash_interrupts_can_be_terminated_at_once(void **state)
{
  struct harness *h = *state;
  harness_begin_launch(h, three_vats);
  harness_crash(h);
  kernel_terminate_all(h->kernel, 0, NULL);
  harness_pump(h);
  expect_nothing_left(h);
}

static void bad_configurations_are_refused_with_a_reason(void **state)
{
  (void)state;
  static const struct {
    const char *config;
    const char *reason;
  } cases[] = {
      {"[]", "not an object"},
      {"{\"bootstrap\":\"a\"}", "`vats` must be an object"},
      {"{\"bootstrap\":\"a\",\"vats\":{}}", "at least one vat"},
      {"{\"vats\":{\"a\":{\"bundleSpec\":\"x\"}}}", "`bootstrap` must name a vat"},
      {"{\"bootstrap\":\"b\",\"vats\":{\"a\":{\"bundleSpec\":\"x\"}}}", "invalid bootstrap vat name"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{}}}", "exactly one of"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\",\"sourceSpec\":\"y\"}}}", "exactly one of"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\",\"programSpec\":\"y\"}}}", "exactly one of"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"programSpec\":[]}}}", "must be a string"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":7}}}", "must be a string"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":7}}", "must be an object"},
      {"{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\"}},\"services\":[7]}", "must be an array of names"},
      {"{\"bootstrap\":\"a\\n\",\"vats\":{\"a\\n\":{\"bundleSpec\":\"x\"}}}", "printable"},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct error error = {0};
    json_t *config = json_loads(cases[i].config, JSON_DECODE_ANY, NULL);
    assert_int_not_equal(kernel_check_config(config, &error), VATD_OK);
    assert_contains(error.text, cases[i].reason);
    json_decref(config);
  }
}

static void terminating_a_subcluster_leaves_nothing(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call(h, "alice", "first");
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  harness_done(h, 1, (struct done_frame){.status = DONE_OK, .sets = {&set, 1}});
  harness_pump(h);
  uint64_t request = h->next_request++;
  kernel_terminate_subcluster(h->kernel, request, NULL, bytes_of("s1"));
  harness_pump(h);
  assert_string_equal(harness_answer(h, request), "null");
  assert_string_equal(harness_vat_row(h, "v1", "key"), "");
  expect_nothing_left(h);
  kernel_terminate_subcluster(h->kernel, ++request, NULL, bytes_of("s1"));
  h->next_request++;
  harness_pump(h);
  assert_contains(harness_answer(h, request), "Subcluster does not exist");
}

static void a_bundle_is_stored_once_and_goes_with_its_last_vat(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  assert_int_equal(harness_count(h, "bundleRefs."), 1);
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
  harness_pump(h);
  assert_int_equal(harness_count(h, "bundleRefs."), 1);
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("bob"));
  harness_pump(h);
  expect_nothing_left(h);
}

static void clearing_the_state_makes_ids_start_again(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "first");
  uint64_t request = h->next_request++;
  kernel_clear_state(h->kernel, request);
  harness_pump(h);
  assert_string_equal(harness_answer(h, request), "null");
  assert_int_equal(harness_launch(h, "bob", NULL), 1);
}

static void a_program_goes_to_the_process_and_a_bundle_into_the_frame(void **state)
{
  struct harness *h = *state;
  harness_begin_launch(
      h, "{\"bootstrap\":\"c\",\"vats\":{\"c\":{\"programSpec\":\"x\"},\"js\":{\"bundleSpec\":\"x\"}}}");
  assert_true(bytes_is(h->vats[1].program, HARNESS_PROGRAM));
  assert_true(bytes_is(h->vats[1].bundle, ""));
  assert_true(bytes_is(h->vats[2].program, ""));
  assert_true(bytes_is(h->vats[2].bundle, HARNESS_BUNDLE));
}

static void a_program_is_there_after_a_crash_of_the_kernel(void **state)
{
  struct harness *h = *state;
  harness_begin_launch(h, "{\"bootstrap\":\"c\",\"vats\":{\"c\":{\"programSpec\":\"x\"}}}");
  harness_return(h, 1, "#\"#undefined\"", NULL);
  h->vats[1].program = bytes_of("");
  harness_crash(h);
  harness_call(h, "c", "first");
  assert_int_equal(h->vats[1].starts, 2);
  assert_true(bytes_is(h->vats[1].program, HARNESS_PROGRAM));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(vats_start_in_the_order_of_the_configuration),
      KERNEL_TEST(a_ping_does_not_start_a_vat_before_its_turn),
      KERNEL_TEST(bootstrap_gets_the_roots_of_all_vats),
      KERNEL_TEST(the_answer_names_subcluster_root_and_bootstrap_result),
      KERNEL_TEST(a_vat_that_fails_to_start_fails_the_launch_with_its_name_and_the_cause),
      KERNEL_TEST(a_rejected_bootstrap_fails_the_launch),
      KERNEL_TEST(a_bootstrap_that_returns_an_error_fails_the_launch),
      KERNEL_TEST(an_unhandled_rejection_at_start_or_in_bootstrap_fails_the_launch),
      KERNEL_TEST(a_worker_that_dies_during_the_launch_fails_it),
      KERNEL_TEST(a_vat_that_ends_itself_during_the_launch_fails_it),
      KERNEL_TEST(a_launch_that_a_crash_interrupts_is_removed),
      KERNEL_TEST(a_launch_that_a_crash_interrupts_can_be_terminated_at_once),
      KERNEL_TEST(bad_configurations_are_refused_with_a_reason),
      KERNEL_TEST(terminating_a_subcluster_leaves_nothing),
      KERNEL_TEST(a_bundle_is_stored_once_and_goes_with_its_last_vat),
      KERNEL_TEST(clearing_the_state_makes_ids_start_again),
      KERNEL_TEST(a_program_goes_to_the_process_and_a_bundle_into_the_frame),
      KERNEL_TEST(a_program_is_there_after_a_crash_of_the_kernel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
