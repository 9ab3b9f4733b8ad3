/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Global endowments: alice is granted setTimeout, so that the kernel gives her a timer object (her o-1, before anything else);
 * the test plays her supervisor, and the host that counts the time.
 */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2 };

static const char with_timer[] = "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"globals\":[\"setTimeout\"]}}}";
static const char both_with_timer[] =
    "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"globals\":[\"setTimeout\"]},"
    "\"bob\":{\"bundleSpec\":\"x\",\"globals\":[\"setInterval\",\"clearInterval\"]}}}";

static void launch(struct harness *h, const char *config)
{
  harness_register(h, SERVICE_OF_TIMERS, false);
  uint64_t request = harness_begin_launch(h, config);
  harness_return(h, ALICE, "#\"#undefined\"", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void asks_for_delay(struct harness *h, uint64_t vat, const char *name)
{
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"delay\",[1,10]]", NULL, "p+5"), call_subscribe("p+5")};
  harness_call(h, name, "go");
  harness_done_with(h, vat, calls, COUNT_OF(calls));
}

static enum vatd_code check(const char *vat, struct error *error)
{
  char text[1000];
  snprintf(text, sizeof text, "{\"bootstrap\":\"a\",\"vats\":{\"a\":%s}}", vat);
  json_t *config = json_loads(text, 0, NULL);
  assert_non_null(config);
  enum vatd_code code = kernel_check_config(config, error);
  json_decref(config);
  return code;
}

static void an_unknown_global_is_refused_by_name(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"Date\",\"eval2\"]}", &error), VATD_INVALID);
  assert_string_equal(error.text, "vat \"a\" requested unknown global \"eval2\"");
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"SubtleCrypto\"]}", &error), VATD_INVALID);
  assert_contains(error.text, "which vatd does not offer");
  assert_int_equal(check("{\"programSpec\":\"x\",\"globals\":[\"Date\"]}", &error), VATD_INVALID);
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"Date\",\"setTimeout\",\"URL\"]}", &error), VATD_OK);
}

static void fetch_needs_the_hosts_it_may_reach(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"fetch\"]}", &error), VATD_INVALID);
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"fetch\"],\"network\":{\"allowedHosts\":[7]}}", &error), VATD_INVALID);
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"fetch\"],\"network\":{\"allowedHosts\":[],\"timeoutMs\":0}}", &error),
                   VATD_INVALID);
  assert_int_equal(check("{\"bundleSpec\":\"x\",\"globals\":[\"fetch\"],\"network\":{\"allowedHosts\":[\"a.b\"]}}", &error), VATD_OK);
}

static void what_the_host_does_not_allow_is_unknown(void **state)
{
  struct harness *h = *state;
  struct error error;
  json_t *names = json_pack("[s]", "Date");
  assert_int_equal(kernel_restrict_globals(h->kernel, names, &error), VATD_OK);
  json_decref(names);
  uint64_t request = harness_begin_launch(h, with_timer);
  assert_string_equal(h->answers[request].text, "vat \"alice\" requested unknown global \"setTimeout\"");
  names = json_pack("[s]", "nothing");
  assert_int_equal(kernel_restrict_globals(h->kernel, names, &error), VATD_INVALID);
  json_decref(names);
}

static void a_vat_gets_a_timer_of_its_own_before_it_starts(void **state)
{
  struct harness *h = *state;
  launch(h, both_with_timer);
  assert_int_equal(harness_count(h, "kernelService.vatd:timer:"), 2);
  assert_string_not_equal(harness_row(h, "v1.c.o-1"), harness_row(h, "v2.c.o-1"));
  assert_string_equal(harness_row(h, "v1.c.o-1"), harness_row(h, "kernelService.vatd:timer:v1"));
}

static void a_timers_promise_is_resolved_when_the_host_says_so(void **state)
{
  struct harness *h = *state;
  launch(h, with_timer);
  asks_for_delay(h, ALICE, "alice");
  assert_int_equal(h->call_count, 1);
  assert_string_equal(h->calls[0].name, "vatd:timer:v1");
  harness_service_returns(h, 0, false, "#true", NULL);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_NOTIFY);
  harness_done_with(h, ALICE, NULL, 0);
  assert_int_equal(harness_count(h, "service.call."), 0);
}

static void the_timer_keeps_its_name_over_restarts(void **state)
{
  struct harness *h = *state;
  launch(h, with_timer);
  const char *before = harness_row(h, "v1.c.o-1");
  harness_crash(h);
  harness_register(h, SERVICE_OF_TIMERS, false);
  asks_for_delay(h, ALICE, "alice");
  assert_string_equal(harness_row(h, "v1.c.o-1"), before);
  assert_int_equal(h->vats[ALICE].starts, 2);
  assert_int_equal(h->call_count, 1);
}

static void a_delay_ends_with_its_incarnation(void **state)
{
  struct harness *h = *state;
  launch(h, both_with_timer);
  asks_for_delay(h, ALICE, "alice");
  asks_for_delay(h, BOB, "bob");
  assert_int_equal(harness_count(h, "service.call."), 2);
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  assert_int_equal(h->cancelled_calls, 1);
  assert_int_equal(harness_count(h, "service.call."), 1);
}

static void a_delay_that_the_kernels_end_interrupts_leaves_nothing(void **state)
{
  struct harness *h = *state;
  launch(h, with_timer);
  asks_for_delay(h, ALICE, "alice");
  harness_crash(h);
  harness_pump(h);
  assert_int_equal(harness_count(h, "service.call."), 0);
}

static void termination_takes_the_timer_and_its_delays(void **state)
{
  struct harness *h = *state;
  launch(h, both_with_timer);
  asks_for_delay(h, BOB, "bob");
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("bob"));
  harness_pump(h);
  assert_int_equal(h->cancelled_calls, 1);
  assert_int_equal(harness_count(h, "service.call."), 0);
  assert_int_equal(harness_count(h, "kernelService.vatd:timer:"), 1);
  assert_int_equal(harness_count(h, "v2."), 0);
}

static void a_timer_that_the_vat_has_dropped_is_given_to_it_again(void **state)
{
  struct harness *h = *state;
  struct bytes timer = bytes_of("o-1");
  const struct vat_syscall drop = {.type = SYSCALL_DROP_IMPORTS, .vrefs = {&timer, 1}};
  launch(h, with_timer);
  harness_call(h, "alice", "go");
  harness_done_with(h, ALICE, &drop, 1);
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  asks_for_delay(h, ALICE, "alice");
  assert_int_equal(h->call_count, 1);
}

static void a_configuration_cannot_ask_for_the_timer_of_a_vat(void **state)
{
  struct harness *h = *state;
  launch(h, with_timer);
  uint64_t request = harness_begin_launch(
      h, "{\"bootstrap\":\"thief\",\"services\":[\"vatd:timer:v1\"],\"vats\":{\"thief\":{\"bundleSpec\":\"x\"}}}");
  assert_string_equal(h->answers[request].text, "no registered kernel service 'vatd:timer:v1'");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(an_unknown_global_is_refused_by_name),
      KERNEL_TEST(fetch_needs_the_hosts_it_may_reach),
      KERNEL_TEST(what_the_host_does_not_allow_is_unknown),
      KERNEL_TEST(a_vat_gets_a_timer_of_its_own_before_it_starts),
      KERNEL_TEST(a_timers_promise_is_resolved_when_the_host_says_so),
      KERNEL_TEST(the_timer_keeps_its_name_over_restarts),
      KERNEL_TEST(a_delay_ends_with_its_incarnation),
      KERNEL_TEST(a_delay_that_the_kernels_end_interrupts_leaves_nothing),
      KERNEL_TEST(termination_takes_the_timer_and_its_delays),
      KERNEL_TEST(a_timer_that_the_vat_has_dropped_is_given_to_it_again),
      KERNEL_TEST(a_configuration_cannot_ask_for_the_timer_of_a_vat),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
