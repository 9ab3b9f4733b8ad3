/* SPDX-License-Identifier: Apache-2.0 */
/* Vats that need no worker while they have nothing to do (kernel/sleep.h). */
#include "kernel_test.h"

enum { ALICE = 1, BOB = 2 };

#define SLEEPER "{\"bundleSpec\":\"x\",\"idle\":\"sleep\"}"
#define BOTH_SLEEP "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":" SLEEPER ",\"bob\":" SLEEPER "}}"

/* Both vats may sleep, have started, and are idle. */
static void launch(struct harness *h, const char *config)
{
  uint64_t request = harness_begin_launch(h, config);
  harness_return(h, ALICE, "#\"#undefined\"", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static bool sleeps(const struct harness *h, uint64_t vat)
{
  return h->vats[vat].worker == 0;
}

static void let_sleep(struct harness *h, size_t count)
{
  kernel_let_sleep(h->kernel, count);
  harness_pump(h);
}

static void the_vat_that_has_done_nothing_for_the_longest_time_sleeps_first(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_SLEEP);
  harness_call(h, "alice", "work");
  harness_return(h, ALICE, "#1", NULL);
  let_sleep(h, 1);
  assert_true(sleeps(h, BOB));
  assert_false(sleeps(h, ALICE));
  let_sleep(h, 5);
  assert_true(sleeps(h, ALICE));
}

static void the_next_message_wakes_it(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_SLEEP);
  let_sleep(h, 2);
  uint64_t request = harness_call(h, "alice", "work");
  assert_int_equal(h->vats[ALICE].starts, 2);
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void a_vat_that_does_not_say_so_stays(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  let_sleep(h, 1);
  kernel_reap_idle(h->kernel);
  kernel_reap_idle(h->kernel);
  harness_pump(h);
  assert_false(sleeps(h, ALICE));
}

static void a_vat_with_a_delivery_stays(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_SLEEP);
  harness_call(h, "alice", "work");
  let_sleep(h, 2);
  assert_false(sleeps(h, ALICE));
  assert_true(sleeps(h, BOB));
}

/* Alice's heap waits for an answer of bob's. */
static void a_vat_that_waits_for_a_promise_stays_and_so_does_one_that_has_to_settle_it(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_SLEEP);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall asks[] = {call_send(h, "o-1", "#[\"ask\",[]]", NULL, "p+5"), call_subscribe("p+5")};
  harness_done_with(h, ALICE, asks, COUNT_OF(asks));
  harness_done_with(h, BOB, NULL, 0); /* it will answer later */
  let_sleep(h, 2);
  assert_false(sleeps(h, ALICE));
  assert_false(sleeps(h, BOB));
}

static void it_sleeps_when_nothing_has_come_for_a_while(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_SLEEP);
  harness_call(h, "alice", "work");
  harness_return(h, ALICE, "#1", NULL);
  assert_true(kernel_reap_idle(h->kernel)); /* notes what alice has done */
  harness_pump(h);
  assert_false(sleeps(h, ALICE));
  kernel_reap_idle(h->kernel);
  harness_pump(h);
  assert_true(sleeps(h, ALICE));
  assert_true(sleeps(h, BOB));
  assert_false(kernel_reap_idle(h->kernel));
}

static void what_idle_may_be_is_checked(void **state)
{
  struct harness *h = *state;
  uint64_t request = harness_begin_launch(h, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"idle\":\"doze\"}}}");
  assert_int_equal(harness_answer_code(h, request), VATD_INVALID);
  assert_contains(h->answers[request].text, "idle must be \"stay\", \"hibernate\" or \"sleep\"");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(the_vat_that_has_done_nothing_for_the_longest_time_sleeps_first),
      KERNEL_TEST(the_next_message_wakes_it),
      KERNEL_TEST(a_vat_that_does_not_say_so_stays),
      KERNEL_TEST(a_vat_with_a_delivery_stays),
      KERNEL_TEST(a_vat_that_waits_for_a_promise_stays_and_so_does_one_that_has_to_settle_it),
      KERNEL_TEST(it_sleeps_when_nothing_has_come_for_a_while),
      KERNEL_TEST(what_idle_may_be_is_checked),
  };
  return cmocka_run_group_tests_name("kernel: vats that sleep", tests, NULL, NULL) != 0;
}
