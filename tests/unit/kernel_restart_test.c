/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restart crank, rule by rule (restart.h), for each end of a worker. The vat's storage rows that it reads are written by
 * hand here; tests/scenario/restart.sh has the same with real liveslots.
 */
#include "kernel_test.h"

enum { ALICE = 1, BOB = 2 };

/* The ends of a worker: each must have the same consequences for the incarnation. */
enum end { END_CRASH, END_KILL, END_LIMIT, END_RESTART, END_KERNEL, ENDS };

static void end_incarnation(struct harness *h, uint64_t vat, enum end end)
{
  if (end == END_CRASH)
    harness_worker_dies(h, vat, WORKER_CRASHED);
  else if (end == END_KILL)
    harness_worker_dies(h, vat, WORKER_KILLED);
  else if (end == END_LIMIT) {
    harness_call(h, vat_id_text(vat).text, "loop");
    harness_done(h, vat, (struct done_frame){.status = DONE_LIMIT_COMPUTE});
    harness_pump(h);
  } else if (end == END_RESTART) {
    kernel_restart_vat(h->kernel, 0, bytes_of(vat_id_text(vat).text));
    harness_pump(h);
  } else {
    harness_crash(h);
    harness_pump(h);
  }
}

static void alice_stores(struct harness *h, const char *key, const char *value)
{
  struct key_value set = {bytes_of(key), bytes_of(value)};
  kernel_queue_message(h->kernel, 0, NULL, bytes_of("alice"), bytes_of("#[\"store\",[]]"), NULL);
  harness_pump(h);
  const struct vat_syscall resolve =
      call_resolve(h, arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data, false, "#0", NULL);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK,
                                             .syscalls = (struct vat_syscall *)&resolve,
                                             .syscall_count = 1,
                                             .sets = {&set, 1}});
  harness_pump(h);
}

static void for_each_end(void (*test)(struct harness *h, enum end end))
{
  for (enum end end = 0; end < ENDS; end++) {
    struct harness h;
    harness_open(&h);
    test(&h, end);
    harness_close(&h);
  }
}

static void promises_test(struct harness *h, enum end end)
{
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "bob", "#[\"ask\",[\"$0\"]]", "ko1");
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"work\",[]]", NULL, "p+5"), call_subscribe("p+5")};
  harness_done_with(h, BOB, calls, COUNT_OF(calls));
  harness_done_with(h, ALICE, NULL, 0); /* alice keeps the result to herself */
  end_incarnation(h, ALICE, end);
  if (end == END_KERNEL) { /* bob's incarnation ended too, and with it his interest */
    assert_false(harness_has_delivery(h, BOB));
    assert_int_equal(harness_count(h, "v2.c.p"), 0);
    return;
  }
  const struct delivery *delivery = harness_delivery(h, BOB);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_true(delivery->resolutions.items[0].rejected);
  assert_contains(arena_copy(&h->arena, delivery->resolutions.items[0].data.body).data, "[KERNEL:VAT_RESTARTED] v1");
}

static void promises_the_vat_had_to_decide_are_rejected(void **state)
{
  (void)state;
  for_each_end(promises_test);
}

static void undelivered_test(struct harness *h, enum end end)
{
  harness_launch(h, "alice", "bob", NULL);
  uint64_t first = harness_call(h, "alice", "first");
  if (end == END_LIMIT)
    return; /* there the message in flight is the culprit: see kernel_faults_test.c */
  end_incarnation(h, ALICE, end);
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.methargs.body, "#[\"first\",[]]"));
  harness_return(h, ALICE, "#1", NULL);
  if (end != END_KERNEL)
    assert_int_equal(harness_answer_code(h, first), VATD_OK);
}

static void a_message_that_was_in_flight_is_delivered_again(void **state)
{
  (void)state;
  for_each_end(undelivered_test);
}

static void exports_test(struct harness *h, enum end end)
{
  static const struct {
    const char *vref;
    const char *kref;
    bool stays;
  } exports[] = {{"o+10", "ko3", false}, {"o+v12/1", "ko4", false}, {"o+d11/1", "ko5", true}, {"o+d11/2:1", "ko6", true}};
  harness_launch(h, "alice", "bob", NULL);
  for (size_t i = 0; i < COUNT_OF(exports); i++) {
    uint64_t request = harness_call(h, "alice", "make");
    harness_return(h, ALICE, "#\"$0\"", exports[i].vref);
    assert_contains(harness_answer(h, request), exports[i].kref);
  }
  end_incarnation(h, ALICE, end);
  for (size_t i = 0; i < COUNT_OF(exports); i++) {
    uint64_t request = harness_call(h, exports[i].kref, "use");
    if (exports[i].stays) {
      assert_true(bytes_is(harness_delivery(h, ALICE)->message.target, exports[i].vref));
      harness_return(h, ALICE, "#1", NULL);
    } else {
      assert_contains(harness_answer(h, request), "[KERNEL:OBJECT_DELETED]");
    }
  }
  harness_call(h, "alice", "root");
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.target, "o+0"));
}

static void only_the_root_and_durable_exports_survive(void **state)
{
  (void)state;
  for_each_end(exports_test);
}

static void imports_test(struct harness *h, enum end end)
{
  harness_launch(h, "alice", "bob", NULL);
  for (int i = 0; i < 3; i++) { /* ko3, ko4, ko5 of bob's become alice's o-2, o-3, o-4 */
    uint64_t request = harness_call(h, "bob", "make");
    static const char *const vrefs[] = {"o+d10/1", "o+d10/2", "o+d10/3"};
    static const char *const krefs[] = {"ko3", "ko4", "ko5"};
    harness_return(h, BOB, "#\"$0\"", vrefs[i]);
    assert_contains(harness_answer(h, request), krefs[i]);
    harness_call_with(h, "alice", "#[\"take\",[\"$0\"]]", krefs[i]);
    harness_return(h, ALICE, "#0", NULL);
  }
  alice_stores(h, "vom.rc.o-2", "1");
  alice_stores(h, "vom.ir.o-3|7", "1");
  alice_stores(h, "vom.ir.o-33|7", "1"); /* another import's row */
  end_incarnation(h, ALICE, end);
  assert_string_equal(harness_row(h, "v1.c.ko3"), "R o-2");
  assert_string_equal(harness_row(h, "v1.c.ko4"), "_ o-3");
  assert_false(harness_has_row(h, "v1.c.ko5"));
  assert_false(harness_has_row(h, "v1.c.o-4"));
  assert_string_equal(harness_row(h, "ko3.refCount"), "2,2"); /* alice and the host */
  assert_string_equal(harness_row(h, "ko4.refCount"), "1,2");
  assert_string_equal(harness_row(h, "ko5.refCount"), "1,1");
}

static void imports_stay_as_far_as_storage_mentions_them(void **state)
{
  (void)state;
  for_each_end(imports_test);
}

static void watched_test(struct harness *h, enum end end)
{
  harness_launch(h, "alice", "bob", NULL);
  uint64_t requests[2];
  for (int i = 0; i < 2; i++) { /* two promises of bob's */
    requests[i] = harness_call(h, "bob", "promise");
    harness_return(h, BOB, "#[\"&0\"]", i ? "p+31" : "p+30");
  }
  size_t promises[2] = {0};
  for (int i = 0; i < 2; i++) {
    const struct effect *answer = &h->answers[requests[i]];
    const char *kref = json_string_value(json_array_get(json_object_get(answer->result, "slots"), 0));
    promises[i] = strtoul(kref + 2, NULL, 10);
    harness_call_with(h, "alice", "#[\"take\",[\"&0\"]]", kref);
    const char *name = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.methargs.slots.items[0]).data;
    const char *result = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data;
    const struct vat_syscall calls[] = {call_subscribe(name), call_resolve(h, result, false, "#0", NULL)};
    harness_done_with(h, ALICE, calls, COUNT_OF(calls));
    if (i == 0) {
      alice_stores(h, "watchedPromiseTableID", "o+d6/3");
      alice_stores(h, arena_printf(&h->arena, "vc.3.s%s", name).data, "watchers");
    }
  }
  end_incarnation(h, ALICE, end);
  if (end == END_KERNEL) { /* bob's incarnation ended too: what he had to decide is rejected */
    const struct delivery *rejection = harness_delivery(h, ALICE);
    assert_true(rejection->resolutions.items[0].rejected);
    harness_done_with(h, ALICE, NULL, 0);
    assert_false(harness_has_delivery(h, ALICE));
    return;
  }
  const char *watched = arena_printf(&h->arena, "kp%zu.subscribers", promises[0]).data;
  const char *forgotten = arena_printf(&h->arena, "kp%zu.subscribers", promises[1]).data;
  assert_string_equal(harness_row(h, watched), "[\"v1\"]");
  assert_string_equal(harness_row(h, forgotten), "[]");
  harness_call(h, "bob", "resolve");
  const struct vat_syscall resolve[] = {call_resolve(h, "p+30", false, "#1", NULL), call_resolve(h, "p+31", false, "#2", NULL)};
  harness_done_with(h, BOB, resolve, COUNT_OF(resolve));
  const struct delivery *delivery = harness_delivery(h, ALICE);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(delivery->resolutions.items[0].data.body, "#1"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_false(harness_has_delivery(h, ALICE));
}

static void watched_promises_still_notify_and_others_do_not(void **state)
{
  (void)state;
  for_each_end(watched_test);
}

/* alice watches a promise that she has to decide. */
static void alice_watches_her_own(struct harness *h)
{
  harness_launch(h, "alice", "bob", NULL);
  alice_stores(h, "watchedPromiseTableID", "o+d6/3");
  alice_stores(h, "vc.3.sp+40", "watchers");
  harness_call(h, "alice", "watch");
  const char *result = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data;
  const struct vat_syscall calls[] = {call_subscribe("p+40"), call_resolve(h, result, false, "#0", NULL)};
  harness_done_with(h, ALICE, calls, COUNT_OF(calls));
}

static void own_watched_test(struct harness *h, enum end end)
{
  alice_watches_her_own(h);
  end_incarnation(h, ALICE, end);
  const struct delivery *delivery = harness_delivery(h, ALICE);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(delivery->resolutions.items[0].vpid, "p+40"));
  assert_true(delivery->resolutions.items[0].rejected);
  harness_done_with(h, ALICE, NULL, 0);
  assert_int_equal(harness_count(h, "v1.c.p+"), 0);
}

static void a_watched_promise_of_the_vats_own_is_rejected_and_notified(void **state)
{
  (void)state;
  for_each_end(own_watched_test);
}

static void a_watched_promise_whose_notify_exceeds_a_limit_is_notified_again(void **state)
{
  struct harness *h = *state;
  alice_watches_her_own(h);
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_NOTIFY);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_LIMIT_COMPUTE, .status_text = bytes_of("too much")});
  harness_pump(h);
  const struct delivery *again = harness_delivery(h, ALICE);
  assert_int_equal(again->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(again->resolutions.items[0].vpid, "p+40"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_int_equal(harness_count(h, "v1.c.p+"), 0);
}

static void notify_test(struct harness *h, enum end end)
{
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"ask\",[\"$0\"]]", "ko2");
  const char *result = arena_copy(&h->arena, harness_delivery(h, ALICE)->message.result).data;
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"work\",[]]", NULL, "p+5"), call_subscribe("p+5"),
                                      call_resolve(h, result, false, "#0", NULL)};
  harness_done_with(h, ALICE, calls, COUNT_OF(calls));
  if (end == END_LIMIT)
    return; /* nothing is queued behind what is in flight there */
  harness_call(h, "alice", "busy"); /* alice is busy while bob answers: the notify is queued */
  harness_return(h, BOB, "#1", NULL);
  end_incarnation(h, ALICE, end);
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.methargs.body, "#[\"busy\",[]]"));
  harness_return(h, ALICE, "#0", NULL);
  assert_false(harness_has_delivery(h, ALICE));
  assert_string_equal(harness_row(h, "queue.run.head"), harness_row(h, "queue.run.tail"));
}

static void queued_notifies_of_forgotten_promises_go(void **state)
{
  (void)state;
  for_each_end(notify_test);
}

static void the_live_row_is_there_exactly_while_an_incarnation_is(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  assert_true(harness_has_row(h, "live.v1"));
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  assert_false(harness_has_row(h, "live.v1"));
  harness_call(h, "alice", "wake");
  assert_true(harness_has_row(h, "live.v1"));
  harness_crash(h);
  assert_true(harness_has_row(h, "live.v1"));
  while (kernel_step(h->kernel) && harness_has_row(h, "live.v1"))
    ;
  assert_false(harness_has_row(h, "live.v1"));
}

static void a_new_incarnation_gets_the_storage_of_the_old_one_in_key_order(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  alice_stores(h, "zebra", "1");
  alice_stores(h, "ant", "");
  harness_crash(h);
  harness_pump(h);
  assert_int_equal(h->vats[ALICE].worker, 0); /* workers start lazily */
  harness_call(h, "alice", "wake");
  assert_int_equal(h->vats[ALICE].state.count, 2);
  assert_true(bytes_is(h->vats[ALICE].state.items[0].key, "ant"));
  assert_int_equal(h->vats[ALICE].state.items[0].value.size, 0);
  assert_true(bytes_is(h->vats[ALICE].state.items[1].key, "zebra"));
}

static void bootstrap_is_not_run_again(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_crash(h);
  harness_pump(h);
  harness_call(h, "alice", "wake");
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.methargs.body, "#[\"wake\",[]]"));
}

static void a_second_restart_crank_changes_nothing(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "make");
  harness_return(h, ALICE, "#\"$0\"", "o+10");
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  const char *after_one = harness_dump(h);
  h->hold_inits = true;
  kernel_restart_vat(h->kernel, 0, bytes_of("alice"));
  harness_pump(h);
  assert_string_equal(harness_dump(h), after_one);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(promises_the_vat_had_to_decide_are_rejected),
      cmocka_unit_test(a_message_that_was_in_flight_is_delivered_again),
      cmocka_unit_test(only_the_root_and_durable_exports_survive),
      cmocka_unit_test(imports_stay_as_far_as_storage_mentions_them),
      cmocka_unit_test(watched_promises_still_notify_and_others_do_not),
      cmocka_unit_test(a_watched_promise_of_the_vats_own_is_rejected_and_notified),
      KERNEL_TEST(a_watched_promise_whose_notify_exceeds_a_limit_is_notified_again),
      cmocka_unit_test(queued_notifies_of_forgotten_promises_go),
      KERNEL_TEST(the_live_row_is_there_exactly_while_an_incarnation_is),
      KERNEL_TEST(a_new_incarnation_gets_the_storage_of_the_old_one_in_key_order),
      KERNEL_TEST(bootstrap_is_not_run_again),
      KERNEL_TEST(a_second_restart_crank_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
