/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage collection across vats. alice owns the things, bob gets them; both are played by hand, so "bob drops" means that
 * he makes the syscall in a delivery of the host's that is left unanswered.
 */
#include "kernel_test.h"

#include "base/limits.h"

enum { ALICE = 1, BOB = 2, CAROL = 3 };

/* A delivery of the host's to the vat, in which it makes the syscalls; its result is answered. */
static void does(struct harness *h, uint64_t vat, const struct vat_syscall *calls, size_t count)
{
  struct vat_syscall all[8];
  kernel_queue_message(h->kernel, 0, NULL, bytes_of(vat_id_text(vat).text), bytes_of("#[\"go\",[]]"), NULL);
  harness_pump(h);
  if (count)
    memcpy(all, calls, count * sizeof *calls);
  all[count] = call_resolve(h, arena_copy(&h->arena, harness_delivery(h, vat)->message.result).data, false, "#0", NULL);
  harness_done_with(h, vat, all, count + 1);
}

/* alice gives bob her o+10 (ko3), which he knows as o-1. */
static void alice_gives_bob_a_thing(struct harness *h)
{
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  harness_return(h, ALICE, "#0", NULL);
  const struct vat_syscall send = call_send(h, "o-1", "#[\"take\",[\"$0\"]]", "o+10", NULL);
  does(h, ALICE, &send, 1);
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.slots.items[0], "o-1"));
  harness_done_with(h, BOB, NULL, 0);
}

static struct vat_syscall gc_call(struct harness *h, enum syscall_type type, const char *vref)
{
  struct bytes *vrefs = arena_alloc(&h->arena, sizeof *vrefs);
  *vrefs = bytes_of(vref);
  return (struct vat_syscall){.type = type, .vrefs = {vrefs, 1}};
}

static void bob_drops(struct harness *h)
{
  const struct vat_syscall drop = gc_call(h, SYSCALL_DROP_IMPORTS, "o-1");
  does(h, BOB, &drop, 1);
}

static void bob_retires(struct harness *h)
{
  const struct vat_syscall retire = gc_call(h, SYSCALL_RETIRE_IMPORTS, "o-1");
  does(h, BOB, &retire, 1);
}

static void expect_gc(struct harness *h, uint64_t vat, enum delivery_type type, const char *vref)
{
  const struct delivery *delivery = harness_delivery(h, vat);
  assert_int_equal(delivery->type, type);
  assert_int_equal(delivery->vrefs.count, 1);
  assert_true(bytes_is(delivery->vrefs.items[0], vref));
  harness_done_with(h, vat, NULL, 0);
}

static void expect_no_trace_of_the_thing(struct harness *h)
{
  assert_int_equal(harness_count(h, "ko3."), 0);
  assert_false(harness_has_row(h, "v1.c.o+10"));
  assert_false(harness_has_row(h, "v2.c.o-1"));
  assert_int_equal(harness_count(h, "gcAction."), 0);
}

static void an_object_that_nobody_holds_is_dropped_and_retired_at_its_owner(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  const struct vat_syscall calls[] = {gc_call(h, SYSCALL_DROP_IMPORTS, "o-1"), gc_call(h, SYSCALL_RETIRE_IMPORTS, "o-1")};
  does(h, BOB, calls, COUNT_OF(calls));
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+10");
  expect_gc(h, ALICE, DELIVERY_RETIRE_EXPORTS, "o+10");
  assert_false(harness_has_delivery(h, ALICE));
  expect_no_trace_of_the_thing(h);
}

/* Each importer counts, once, however often the object was handed to it. */
static void an_object_with_two_importers_stays_until_both_have_let_go(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  harness_call_with(h, "bob", "#[\"take\",[\"$0\"]]", "ko1"); /* her root, which makes no difference to the thing */
  harness_return(h, BOB, "#0", NULL);
  harness_launch(h, "carol", NULL);
  harness_call_with(h, "bob", "#[\"meet\",[\"$0\"]]", "ko4");
  harness_return(h, BOB, "#0", NULL);
  const struct vat_syscall again[] = {call_send(h, "o-3", "#[\"take\",[\"$0\"]]", "o-1", NULL),
                                      call_send(h, "o-3", "#[\"take\",[\"$0\"]]", "o-1", NULL)};
  does(h, BOB, again, COUNT_OF(again));
  assert_true(bytes_is(harness_delivery(h, CAROL)->message.methargs.slots.items[0], "o-1"));
  harness_done_with(h, CAROL, NULL, 0);
  harness_done_with(h, CAROL, NULL, 0);
  assert_string_equal(harness_row(h, "ko3.refCount"), "2,2");
  const struct vat_syscall calls[] = {gc_call(h, SYSCALL_DROP_IMPORTS, "o-1"), gc_call(h, SYSCALL_RETIRE_IMPORTS, "o-1")};
  does(h, CAROL, calls, COUNT_OF(calls));
  assert_string_equal(harness_row(h, "ko3.refCount"), "1,1");
  assert_false(harness_has_delivery(h, ALICE));
  does(h, BOB, calls, COUNT_OF(calls));
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+10");
  expect_gc(h, ALICE, DELIVERY_RETIRE_EXPORTS, "o+10");
  expect_no_trace_of_the_thing(h);
}

static void an_object_that_is_still_recognized_is_dropped_but_not_retired(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  bob_drops(h);
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+10");
  assert_false(harness_has_delivery(h, ALICE));
  assert_string_equal(harness_row(h, "v1.c.ko3"), "_ o+10");
  bob_retires(h);
  expect_gc(h, ALICE, DELIVERY_RETIRE_EXPORTS, "o+10");
  expect_no_trace_of_the_thing(h);
}

static void an_object_that_its_owner_retires_is_forgotten_by_its_importers(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  bob_drops(h);
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+10");
  const struct vat_syscall retire = gc_call(h, SYSCALL_RETIRE_EXPORTS, "o+10");
  does(h, ALICE, &retire, 1);
  expect_gc(h, BOB, DELIVERY_RETIRE_IMPORTS, "o-1");
  expect_no_trace_of_the_thing(h);
}

static void an_abandoned_object_is_gone_when_its_importer_lets_go(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("alice"));
  harness_pump(h);
  assert_string_equal(harness_row(h, "ko3.refCount"), "1,1");
  const struct vat_syscall call = call_send(h, "o-1", "#[\"hello\",[]]", NULL, NULL);
  does(h, BOB, &call, 1); /* rejected, but not illegal */
  bob_drops(h);
  expect_gc(h, BOB, DELIVERY_RETIRE_IMPORTS, "o-1");
  expect_no_trace_of_the_thing(h);
}

static void an_object_that_is_handed_out_again_in_time_is_not_dropped(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  harness_call(h, "alice", "busy");
  bob_drops(h); /* the action waits until alice is idle */
  assert_int_equal(harness_count(h, "gcAction."), 1);
  const struct vat_syscall send = call_send(h, "o-1", "#[\"take\",[\"$0\"]]", "o+10", NULL);
  harness_done_with(h, ALICE, &send, 1);
  assert_false(harness_has_delivery(h, ALICE));
  assert_int_equal(harness_count(h, "gcAction."), 0);
  assert_true(bytes_is(harness_delivery(h, BOB)->message.methargs.slots.items[0], "o-1"));
  assert_string_equal(harness_row(h, "v1.c.ko3"), "R o+10");
}

static void what_the_host_was_given_is_held(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  harness_call(h, "bob", "show");
  harness_return(h, BOB, "#\"$0\"", "o-1");
  bob_drops(h);
  assert_false(harness_has_delivery(h, ALICE));
  uint64_t request = harness_call(h, "ko3", "hello");
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void the_host_cannot_name_what_nobody_can_reach(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  bob_drops(h);
  uint64_t request = harness_call(h, "ko3", "hello");
  assert_int_equal(harness_answer_code(h, request), VATD_NOT_FOUND);
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+10");
}

static void actions_survive_a_crash_and_wait_for_a_sleeping_vat(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  /* only durable things survive alice's end: this one is made over */
  const struct vat_syscall send = call_send(h, "o-1", "#[\"take\",[\"$0\"]]", "o+d11/1", NULL);
  does(h, ALICE, &send, 1);
  harness_done_with(h, BOB, NULL, 0);
  harness_crash(h); /* bob's storage mentions nothing: he lets go of all, while alice sleeps */
  harness_pump(h);
  assert_int_equal(h->vats[ALICE].worker, 0);
  assert_true(harness_has_row(h, "gcAction.v1.dropExport.ko4"));
  harness_crash(h);
  harness_pump(h);
  uint64_t request = h->next_request++;
  kernel_collect_garbage(h->kernel, request);
  harness_pump(h);
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+d11/1");
  expect_gc(h, ALICE, DELIVERY_RETIRE_EXPORTS, "o+d11/1");
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_skip_reap(h, ALICE);
  expect_no_trace_of_the_thing(h);
  assert_int_equal(harness_count(h, "ko4."), 0);
}

static void a_worker_that_dies_over_garbage_gets_it_again(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  const struct vat_syscall send = call_send(h, "o-1", "#[\"take\",[\"$0\"]]", "o+d11/1", NULL);
  does(h, ALICE, &send, 1);
  harness_done_with(h, BOB, NULL, 0);
  const struct vat_syscall drop = gc_call(h, SYSCALL_DROP_IMPORTS, "o-2");
  does(h, BOB, &drop, 1);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_DROP_EXPORTS);
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  assert_true(harness_has_row(h, "gcAction.v1.dropExport.ko4"));
  harness_call(h, "alice", "wake");
  expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, "o+d11/1");
}

static void a_reap_comes_on_request_and_is_remembered(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  harness_call(h, "alice", "busy");
  kernel_collect_garbage(h->kernel, 0);
  harness_pump(h);
  assert_int_equal(harness_delivery(h, BOB)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_return(h, ALICE, "#0", NULL);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_crash(h);
  harness_pump(h);
  assert_false(harness_has_delivery(h, ALICE)); /* nobody is woken for it */
  harness_call(h, "alice", "wake");
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  harness_skip_reap(h, ALICE);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_MESSAGE);
  assert_false(harness_has_row(h, "reap.v1"));
}

static void a_reap_comes_by_itself_after_many_deliveries(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  int deliveries = 1; /* the bootstrap */
  while (deliveries < DEFAULT_REAP_INTERVAL) {
    does(h, ALICE, NULL, 0);
    deliveries++;
  }
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
}

static void garbage_that_exceeds_a_limit_counts_as_collected(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  bob_drops(h);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_DROP_EXPORTS);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_LIMIT_COMPUTE});
  harness_pump(h);
  assert_int_equal(harness_count(h, "gcAction.v1.dropExport"), 0);
  assert_string_equal(harness_row(h, "strikes.v1"), "1");
}

static void thousands_of_things_come_and_go_without_a_trace(void **state)
{
  struct harness *h = *state;
  alice_gives_bob_a_thing(h);
  size_t rows = 0;
  for (int round = 0; round < 300; round++) {
    const char *thing = arena_printf(&h->arena, "o+%d", 20 + round).data;
    const struct vat_syscall send = call_send(h, "o-1", "#[\"take\",[\"$0\"]]", thing, NULL);
    harness_skip_reap(h, ALICE);
    does(h, ALICE, &send, 1);
    harness_skip_reap(h, BOB);
    const char *import = arena_copy(&h->arena, harness_delivery(h, BOB)->message.methargs.slots.items[0]).data;
    const struct vat_syscall drop[] = {gc_call(h, SYSCALL_DROP_IMPORTS, import),
                                       gc_call(h, SYSCALL_RETIRE_IMPORTS, import)};
    harness_done_with(h, BOB, drop, COUNT_OF(drop));
    expect_gc(h, ALICE, DELIVERY_DROP_EXPORTS, thing);
    expect_gc(h, ALICE, DELIVERY_RETIRE_EXPORTS, thing);
    if (round == 0)
      rows = harness_count(h, "");
  }
  assert_int_equal(harness_count(h, ""), rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(an_object_that_nobody_holds_is_dropped_and_retired_at_its_owner),
      KERNEL_TEST(an_object_with_two_importers_stays_until_both_have_let_go),
      KERNEL_TEST(an_object_that_is_still_recognized_is_dropped_but_not_retired),
      KERNEL_TEST(an_object_that_its_owner_retires_is_forgotten_by_its_importers),
      KERNEL_TEST(an_abandoned_object_is_gone_when_its_importer_lets_go),
      KERNEL_TEST(an_object_that_is_handed_out_again_in_time_is_not_dropped),
      KERNEL_TEST(what_the_host_was_given_is_held),
      KERNEL_TEST(the_host_cannot_name_what_nobody_can_reach),
      KERNEL_TEST(actions_survive_a_crash_and_wait_for_a_sleeping_vat),
      KERNEL_TEST(a_worker_that_dies_over_garbage_gets_it_again),
      KERNEL_TEST(a_reap_comes_on_request_and_is_remembered),
      KERNEL_TEST(a_reap_comes_by_itself_after_many_deliveries),
      KERNEL_TEST(garbage_that_exceeds_a_limit_counts_as_collected),
      KERNEL_TEST(thousands_of_things_come_and_go_without_a_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
