/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminated vat leaves goes in bounded steps, while others go on. */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2, KEYS = 5 * LIMIT_CLEANUP_ROWS };

/* alice and bob; alice's storage has KEYS rows. */
static void launch_with_a_large_vat(struct harness *h)
{
  static struct key_value sets[KEYS];
  harness_launch(h, "alice", "bob", NULL);
  for (int i = 0; i < KEYS; i++)
    sets[i] = (struct key_value){arena_printf(&h->arena, "key%d", i), bytes_of("value")};
  harness_call(h, "alice", "fill");
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK, .sets = {sets, KEYS}});
  harness_pump(h);
  assert_string_equal(harness_vat_row(h, "v1", "key7"), "value");
}

static void terminate_alice(struct harness *h)
{
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
}

/* How often kernel_step() worked until nothing was left. */
static int steps_to_rest(struct harness *h)
{
  int steps = 0;
  while (kernel_step(h->kernel))
    steps++;
  return steps;
}

static void a_large_vat_is_removed_in_many_small_cranks(void **state)
{
  struct harness *h = *state;
  launch_with_a_large_vat(h);
  terminate_alice(h);
  assert_true(harness_has_row(h, "ending.v1"));
  assert_true(steps_to_rest(h) > KEYS / LIMIT_CLEANUP_ROWS);
  assert_false(harness_has_row(h, "ending.v1"));
  assert_string_equal(harness_vat_row(h, "v1", "key7"), "");
  assert_int_equal(harness_count(h, "v1."), 0);
  harness_pump(h);
}

static void others_go_on_while_a_vat_is_removed(void **state)
{
  struct harness *h = *state;
  launch_with_a_large_vat(h);
  harness_pump(h);
  terminate_alice(h);
  kernel_queue_message(h->kernel, 0, NULL, bytes_of("bob"), bytes_of("#[\"work\",[]]"), NULL);
  for (int i = 0; i < 2; i++)
    assert_true(kernel_step(h->kernel));
  assert_true(harness_has_row(h, "ending.v1"));
  struct effect effect;
  bool delivered = false;
  while (kernel_take_effect(h->kernel, &effect)) {
    delivered = delivered || (effect.type == EFFECT_SEND && effect.vat == BOB);
    effect_fini(&effect);
  }
  assert_true(delivered);
}

static void a_removal_that_the_kernels_end_interrupts_goes_on(void **state)
{
  struct harness *h = *state;
  launch_with_a_large_vat(h);
  terminate_alice(h);
  assert_true(kernel_step(h->kernel));
  assert_true(kernel_step(h->kernel));
  kernel_commit(h->kernel);
  harness_crash(h);
  assert_true(harness_has_row(h, "ending.v1"));
  harness_pump(h);
  assert_false(harness_has_row(h, "ending.v1"));
  assert_string_equal(harness_vat_row(h, "v1", "key7"), "");
}

static void objects_of_a_vat_that_is_being_removed_are_deleted_at_once(void **state)
{
  struct harness *h = *state;
  launch_with_a_large_vat(h);
  terminate_alice(h);
  uint64_t request = h->next_request++;
  kernel_queue_message(h->kernel, request, NULL, bytes_of("ko1"), bytes_of("#[\"work\",[]]"), NULL);
  harness_pump(h);
  assert_contains(harness_answer(h, request), "there is no ko1");
}

static void promises_that_a_terminated_vat_was_to_decide_are_rejected(void **state)
{
  struct harness *h = *state;
  launch_with_a_large_vat(h);
  uint64_t request = harness_call(h, "alice", "later");
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(harness_is_answered(h, request));
  terminate_alice(h);
  harness_pump(h);
  assert_contains(harness_answer(h, request), "[KERNEL:VAT_TERMINATED] terminated");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_large_vat_is_removed_in_many_small_cranks),
      KERNEL_TEST(others_go_on_while_a_vat_is_removed),
      KERNEL_TEST(a_removal_that_the_kernels_end_interrupts_goes_on),
      KERNEL_TEST(objects_of_a_vat_that_is_being_removed_are_deleted_at_once),
      KERNEL_TEST(promises_that_a_terminated_vat_was_to_decide_are_rejected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
