/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vats whose heap is in the database (kernel/hibernation.h). The image is what the test says it is; that a worker really goes on
 * with what it wrote is for tests/scenario/hibernation.sh.
 */
#include "kernel_test.h"
#include "base/limits.h"

enum { ALICE = 1, BOB = 2 };

#define HIBERNATOR "{\"bundleSpec\":\"x\",\"idle\":\"hibernate\"}"
#define BOTH_HIBERNATE "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":" HIBERNATOR ",\"bob\":" HIBERNATOR "}}"
#define WITH_TIMER \
  "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"globals\":[\"setTimeout\"]}}}"

static void launch(struct harness *h, const char *config)
{
  uint64_t request = harness_begin_launch(h, config);
  harness_return(h, ALICE, "#\"#undefined\"", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

/* All vats have been idle for so long that their garbage has been collected, and longer. */
static void time_passes(struct harness *h)
{
  for (int i = 0; i < 4; i++) {
    kernel_reap_idle(h->kernel);
    harness_pump(h);
    harness_skip_reap(h, ALICE);
    harness_skip_reap(h, BOB);
  }
}

static bool has_worker(const struct harness *h, uint64_t vat)
{
  return h->vats[vat].worker != 0;
}

static void alice_hibernates(struct harness *h, const char *image)
{
  launch(h, BOTH_HIBERNATE);
  time_passes(h);
  assert_true(h->vats[ALICE].image_asked);
  harness_hibernates(h, ALICE, image);
}

/* Alice's heap waits for an answer of bob's, and he has an object of hers that is only in her heap. */
static void alice_asks_bob(struct harness *h)
{
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  const struct vat_syscall asks[] = {call_send(h, "o-1", "#[\"ask\",[\"$0\"]]", "o+5", "p+5"), call_subscribe("p+5")};
  harness_done_with(h, ALICE, asks, COUNT_OF(asks));
}

static void crash_and_go_on(struct harness *h)
{
  harness_crash(h);
  harness_pump(h);
}

/* ---- that the heap is kept ---- */

static void an_idle_vat_that_is_to_hibernate_writes_its_heap_down_and_has_no_worker(void **state)
{
  struct harness *h = *state;
  alice_hibernates(h, "heap");
  assert_false(has_worker(h, ALICE));
  assert_true(harness_has_row(h, "image.v1"));
  assert_true(harness_has_row(h, "live.v1"));
  assert_string_equal(harness_row(h, "imageBytes"), "4");
}

static void its_garbage_is_collected_first(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  kernel_reap_idle(h->kernel);
  harness_pump(h);
  kernel_reap_idle(h->kernel);
  harness_pump(h);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_BRING_OUT_YOUR_DEAD);
  assert_false(h->vats[ALICE].image_asked);
}

static void the_next_message_goes_on_with_that_heap(void **state)
{
  struct harness *h = *state;
  alice_hibernates(h, "heap");
  uint64_t request = harness_call(h, "alice", "work");
  assert_int_equal(h->vats[ALICE].starts, 2);
  assert_true(bytes_is(h->vats[ALICE].image, "heap"));
  assert_true(bytes_is(h->vats[ALICE].bundle, ""));
  assert_false(harness_has_row(h, "image.v1"));
  assert_int_equal(harness_count(h, "image"), 0);
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void promises_and_objects_of_its_heap_outlive_hibernation_and_the_kernel(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  alice_asks_bob(h);
  struct bytes answer_to = arena_copy(&h->arena, harness_delivery(h, BOB)->message.result);
  harness_done_with(h, BOB, NULL, 0); /* he will answer later */
  time_passes(h);
  harness_hibernates(h, ALICE, "heap of alice");
  harness_hibernates(h, BOB, "heap of bob");
  crash_and_go_on(h);
  harness_call(h, "bob", "answer");
  assert_true(bytes_is(h->vats[BOB].image, "heap of bob"));
  const struct vat_syscall answers[] = {call_resolve(h, answer_to.data, false, "#\"yes\"", NULL),
                                        call_send(h, "o-1", "#[\"hello\",[]]", NULL, NULL)};
  harness_done_with(h, BOB, answers, COUNT_OF(answers));
  assert_true(bytes_is(h->vats[ALICE].image, "heap of alice"));
  const struct delivery *delivery = harness_delivery(h, ALICE);
  assert_int_equal(delivery->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(delivery->resolutions.items[0].vpid, "p+5"));
  harness_done_with(h, ALICE, NULL, 0);
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.target, "o+5"));
}

/* ---- that an image is the vat's last state, or gone ---- */

static void an_image_is_spent_when_the_vat_is_awake(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  alice_asks_bob(h);
  harness_done_with(h, BOB, NULL, 0);
  time_passes(h);
  harness_hibernates(h, ALICE, "heap");
  harness_call(h, "alice", "work");
  crash_and_go_on(h); /* the delivery had no end */
  assert_int_equal(harness_count(h, "v1.c.p"), 0);
  assert_true(bytes_is(h->vats[ALICE].image, ""));
  assert_true(bytes_is(h->vats[ALICE].bundle, HARNESS_BUNDLE));
}

static void a_crash_before_the_image_is_stored_begins_a_new_incarnation(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  time_passes(h);
  h->hold_commits = true;
  harness_hibernates(h, ALICE, "heap");
  crash_and_go_on(h);
  assert_false(harness_has_row(h, "image.v1"));
  assert_false(harness_has_row(h, "live.v1"));
}

static void two_images_in_one_batch_leave_the_second(void **state)
{
  struct harness *h = *state;
  h->unchecked = true;
  alice_hibernates(h, "first");
  h->hold_commits = true;
  harness_call(h, "alice", "work");
  harness_return(h, ALICE, "#1", NULL);
  time_passes(h);
  harness_hibernates(h, ALICE, "second");
  h->hold_commits = false;
  harness_pump(h);
  crash_and_go_on(h);
  harness_call(h, "alice", "work");
  assert_true(bytes_is(h->vats[ALICE].image, "second"));
}

static void what_ends_the_incarnation_ends_the_image(void **state)
{
  struct harness *h = *state;
  alice_hibernates(h, "heap");
  kernel_restart_vat(h->kernel, 0, bytes_of("alice"));
  harness_pump(h);
  assert_false(harness_has_row(h, "image.v1"));
  assert_true(bytes_is(h->vats[ALICE].image, ""));
  harness_hibernates(h, BOB, "heap");
  kernel_terminate_vat(h->kernel, 0, NULL, bytes_of("bob"));
  harness_pump(h);
  assert_int_equal(harness_count(h, "image"), 0);
}

/* ---- images that are of no use ---- */

static void an_image_that_is_not_as_it_was_stored_is_not_used(void **state)
{
  struct harness *h = *state;
  struct error error;
  alice_hibernates(h, "heap");
  json_t *row = json_loads(harness_row(h, "image.v1"), 0, NULL);
  const char *hash = json_string_value(json_object_get(row, "hash"));
  h->unchecked = true;
  assert_int_equal(h->store->ops->bundle_delete(h->store, hash, &error), VATD_OK);
  assert_int_equal(h->store->ops->bundle_put(h->store, hash, bytes_of("pile"), &error), VATD_OK);
  json_decref(row);
  harness_call(h, "alice", "work");
  assert_true(bytes_is(h->vats[ALICE].image, ""));
  assert_true(bytes_is(h->vats[ALICE].bundle, HARNESS_BUNDLE));
  assert_true(harness_has_delivery(h, ALICE));
}

static void wakes_in_vain(struct harness *h)
{
  launch(h, BOTH_HIBERNATE);
  alice_asks_bob(h);
  harness_done_with(h, BOB, NULL, 0);
  time_passes(h);
  harness_hibernates(h, ALICE, "heap");
  h->hold_inits = true;
  harness_call(h, "alice", "work");
  assert_true(bytes_is(h->vats[ALICE].image, "heap"));
}

static void goes_on_anew(struct harness *h)
{
  assert_true(bytes_is(h->vats[ALICE].image, ""));
  assert_false(harness_has_row(h, "image.v1"));
  assert_int_equal(harness_count(h, "v1.c.p"), 0);
  h->hold_inits = false;
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK});
  harness_pump(h);
  assert_true(harness_has_delivery(h, ALICE));
}

static void an_image_that_no_worker_can_read_begins_a_new_incarnation(void **state)
{
  struct harness *h = *state;
  wakes_in_vain(h);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_INIT_FAILED, .status_text = bytes_of("of another version")});
  harness_pump(h);
  goes_on_anew(h);
}

static void a_worker_that_dies_while_it_wakes_gets_one_more_try(void **state)
{
  struct harness *h = *state;
  wakes_in_vain(h);
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  assert_true(bytes_is(h->vats[ALICE].image, "heap"));
  harness_worker_dies(h, ALICE, WORKER_CRASHED);
  goes_on_anew(h);
}

static void a_vat_that_does_something_while_it_wakes_is_terminated(void **state)
{
  struct harness *h = *state;
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  wakes_in_vain(h);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK, .sets = {&set, 1}});
  harness_pump(h);
  assert_false(harness_has_row(h, "vatConfig.v1"));
}

static void an_image_that_nobody_asked_for_ends_the_vat(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  harness_hibernates(h, ALICE, "heap");
  assert_false(harness_has_row(h, "vatConfig.v1"));
}

/* ---- vats that stay awake ---- */

static void a_message_that_comes_meanwhile_keeps_the_vat_awake(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  time_passes(h);
  uint64_t request = harness_call(h, "alice", "work");
  assert_false(harness_has_delivery(h, ALICE));
  harness_hibernates(h, ALICE, "heap");
  assert_false(harness_has_row(h, "image.v1"));
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
  assert_int_equal(h->vats[ALICE].starts, 1);
}

static void a_ping_that_comes_meanwhile_is_sent_when_the_image_has_come(void **state)
{
  struct harness *h = *state;
  launch(h, BOTH_HIBERNATE);
  time_passes(h);
  kernel_ping_vat(h->kernel, 200, bytes_of("alice"));
  harness_pump(h);
  harness_hibernates(h, ALICE, "heap");
  assert_true(has_worker(h, ALICE));
  struct buffer pong;
  buffer_init(&pong, KIB);
  assert_true(frame_encode_pong(&pong, 200));
  kernel_worker_frame(h->kernel, h->vats[ALICE].worker, bytes_after(buffer_bytes(&pong), FRAME_HEADER_SIZE));
  buffer_fini(&pong);
  harness_pump(h);
  assert_int_equal(h->vats[ALICE].pinged, 200);
  assert_int_equal(harness_answer_code(h, 200), VATD_OK);
}

static void a_worker_that_can_write_nothing_stays_and_is_not_asked_again(void **state)
{
  struct harness *h = *state;
  alice_hibernates(h, "");
  assert_true(has_worker(h, ALICE));
  time_passes(h);
  assert_false(h->vats[ALICE].image_asked);
}

static void a_vat_for_whose_image_there_is_no_room_stays(void **state)
{
  struct harness *h = *state;
  kernel_limit_images(h->kernel, 6);
  alice_hibernates(h, "heap");
  harness_hibernates(h, BOB, "heap");
  assert_false(has_worker(h, ALICE));
  assert_true(has_worker(h, BOB));
}

static void with_no_room_at_all_nobody_is_asked(void **state)
{
  struct harness *h = *state;
  kernel_limit_images(h->kernel, 0);
  launch(h, BOTH_HIBERNATE);
  time_passes(h);
  assert_false(h->vats[ALICE].image_asked);
}

static void other_vats_hibernate_only_when_there_are_too_many_workers_and_they_were_not_used_lately(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  time_passes(h);
  harness_call(h, "alice", "work");
  harness_return(h, ALICE, "#1", NULL);
  assert_false(h->vats[ALICE].image_asked || h->vats[BOB].image_asked);
  assert_int_equal(kernel_let_sleep(h->kernel, 2), 1);
  harness_pump(h);
  assert_true(h->vats[BOB].image_asked);
  assert_int_equal(kernel_let_sleep(h->kernel, 1), 0); /* it is on its way */
  time_passes(h);
  assert_int_equal(kernel_let_sleep(h->kernel, 2), 1);
}

/* ---- an orderly end ---- */

static void before_an_orderly_end_vats_finish_what_they_do_and_hibernate(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  uint64_t first = harness_call(h, "alice", "work");
  harness_call(h, "alice", "work on");
  kernel_begin_rest(h->kernel);
  harness_pump(h);
  assert_true(h->vats[BOB].image_asked);
  assert_false(kernel_rests(h->kernel));
  harness_return(h, ALICE, "#1", NULL);
  assert_int_equal(harness_answer_code(h, first), VATD_OK);
  assert_false(harness_has_delivery(h, ALICE)); /* the other waits for the next kernel */
  harness_hibernates(h, ALICE, "heap of alice");
  assert_false(kernel_rests(h->kernel));
  harness_hibernates(h, BOB, "heap of bob");
  assert_true(kernel_rests(h->kernel));
  crash_and_go_on(h);
  assert_true(bytes_is(h->vats[ALICE].image, "heap of alice"));
  assert_true(bytes_is(harness_delivery(h, ALICE)->message.methargs.body, "#[\"work on\",[]]"));
  assert_false(has_worker(h, BOB));
}

static void a_vat_that_may_sleep_ends_its_incarnation_instead(void **state)
{
  struct harness *h = *state;
  launch(h, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"idle\":\"sleep\"}}}");
  kernel_begin_rest(h->kernel);
  harness_pump(h);
  assert_true(kernel_rests(h->kernel));
  assert_false(harness_has_row(h, "live.v1"));
  assert_false(harness_has_row(h, "image.v1"));
}

static void a_vat_in_c_is_not_asked(void **state)
{
  struct harness *h = *state;
  launch(h, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"programSpec\":\"x\",\"idle\":\"hibernate\"}}}");
  time_passes(h);
  kernel_begin_rest(h->kernel);
  harness_pump(h);
  assert_false(h->vats[ALICE].image_asked);
  assert_true(kernel_rests(h->kernel));
}

/* ---- timers ---- */

static void alice_waits(struct harness *h)
{
  harness_register(h, SERVICE_OF_TIMERS, false);
  launch(h, WITH_TIMER);
  harness_call(h, "alice", "wait");
  const struct vat_syscall calls[] = {call_send(h, "o-1", "#[\"delay\",[1,10]]", NULL, "p+5"), call_subscribe("p+5")};
  harness_done_with(h, ALICE, calls, COUNT_OF(calls));
  assert_int_equal(h->call_count, 1);
}

static void a_delay_of_a_vat_that_hibernates_runs_again_in_the_next_kernel(void **state)
{
  struct harness *h = *state;
  alice_waits(h);
  kernel_begin_rest(h->kernel);
  harness_pump(h);
  harness_hibernates(h, ALICE, "heap");
  harness_crash(h);
  harness_register(h, SERVICE_OF_TIMERS, false);
  harness_pump(h);
  assert_int_equal(h->call_count, 2);
  assert_false(has_worker(h, ALICE));
  harness_service_returns(h, 1, false, "#true", NULL);
  assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_NOTIFY);
  assert_true(bytes_is(h->vats[ALICE].image, "heap"));
}

static void a_delay_of_a_vat_whose_heap_is_lost_does_not(void **state)
{
  struct harness *h = *state;
  alice_waits(h);
  harness_crash(h);
  harness_register(h, SERVICE_OF_TIMERS, false);
  harness_pump(h);
  assert_int_equal(h->call_count, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(an_idle_vat_that_is_to_hibernate_writes_its_heap_down_and_has_no_worker),
      KERNEL_TEST(its_garbage_is_collected_first),
      KERNEL_TEST(the_next_message_goes_on_with_that_heap),
      KERNEL_TEST(promises_and_objects_of_its_heap_outlive_hibernation_and_the_kernel),
      KERNEL_TEST(an_image_is_spent_when_the_vat_is_awake),
      KERNEL_TEST(a_crash_before_the_image_is_stored_begins_a_new_incarnation),
      KERNEL_TEST(two_images_in_one_batch_leave_the_second),
      KERNEL_TEST(what_ends_the_incarnation_ends_the_image),
      KERNEL_TEST(an_image_that_is_not_as_it_was_stored_is_not_used),
      KERNEL_TEST(an_image_that_no_worker_can_read_begins_a_new_incarnation),
      KERNEL_TEST(a_worker_that_dies_while_it_wakes_gets_one_more_try),
      KERNEL_TEST(a_vat_that_does_something_while_it_wakes_is_terminated),
      KERNEL_TEST(an_image_that_nobody_asked_for_ends_the_vat),
      KERNEL_TEST(a_message_that_comes_meanwhile_keeps_the_vat_awake),
      KERNEL_TEST(a_ping_that_comes_meanwhile_is_sent_when_the_image_has_come),
      KERNEL_TEST(a_worker_that_can_write_nothing_stays_and_is_not_asked_again),
      KERNEL_TEST(a_vat_for_whose_image_there_is_no_room_stays),
      KERNEL_TEST(with_no_room_at_all_nobody_is_asked),
      KERNEL_TEST(other_vats_hibernate_only_when_there_are_too_many_workers_and_they_were_not_used_lately),
      KERNEL_TEST(before_an_orderly_end_vats_finish_what_they_do_and_hibernate),
      KERNEL_TEST(a_vat_that_may_sleep_ends_its_incarnation_instead),
      KERNEL_TEST(a_vat_in_c_is_not_asked),
      KERNEL_TEST(a_delay_of_a_vat_that_hibernates_runs_again_in_the_next_kernel),
      KERNEL_TEST(a_delay_of_a_vat_whose_heap_is_lost_does_not),
  };
  return cmocka_run_group_tests_name("kernel: vats that hibernate", tests, NULL, NULL) != 0;
}
