/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/hibernation_test.c - a vat whose heap was written as an image and read by another machine goes on as one whose
 * heap stayed: the same checkpoints, syscalls and lines, for what heap.js has in its heap and for random deliveries to chance.js.
 */
#include "local_vat.h"
#include "random_delivery.h"
#include "worker_harness.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STEPS 8
#define DELIVERIES 400
#define DELIVERIES_PER_REAP 50
#define DELIVERIES_PER_NAP 7
#define GENERATIONS 100

static struct bytes snapshot;

/* A machine that was aborted is left as it stands, as is the process of a worker. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
  return "leak:harden_any";
}

static const struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};

/* Two vats with the same code: the first one stays awake. */
struct twins {
  struct local_vat awake;
  struct local_vat napping;
};

static void require_same(const struct twins *twins, const char *what)
{
  struct bytes a = buffer_bytes(&twins->awake.frame), b = buffer_bytes(&twins->napping.frame);
  if (bytes_equal(a, b))
    return;
  print_frame(a);
  print_frame(b);
  fail_msg("%s differs", what);
}

static void open_twins(struct twins *twins, const char *name, const char *config, struct bytes from)
{
  char *bundle = bundle_of_vat(name);
  struct local_vat *vats[] = {&twins->awake, &twins->napping};
  for (size_t i = 0; i < 2; i++) {
    local_vat_open(vats[i], from);
    struct done_frame done = local_vat_start(vats[i], config, bundle);
    if (done.status != DONE_OK)
      fail_msg("init: %.*s", BYTES_ARG(done.status_text));
  }
  require_same(twins, "init");
  free(bundle);
}

static void close_twins(struct twins *twins)
{
  local_vat_close(&twins->awake);
  local_vat_close(&twins->napping);
}

static enum done_status deliver_both(struct twins *twins, const struct delivery *delivery, const char *what)
{
  local_vat_deliver(&twins->awake, delivery);
  struct done_frame done = local_vat_deliver(&twins->napping, delivery);
  require_same(twins, what);
  return done.status;
}

static struct done_frame call_both(struct twins *twins, const char *method, const char *args, const char *slot)
{
  local_vat_call(&twins->awake, method, args, slot);
  struct done_frame done = local_vat_call(&twins->napping, method, args, slot);
  require_same(twins, method);
  assert_int_equal(done.status, DONE_OK);
  return done;
}

/* The body with which the result was resolved. */
static struct bytes result_of(const struct done_frame *done)
{
  for (size_t i = 0; i < done->syscall_count; i++) {
    if (done->syscalls[i].type == SYSCALL_RESOLVE)
      return done->syscalls[i].resolutions.items[0].data.body;
  }
  return (struct bytes){0};
}

static void require_not_told(const struct done_frame *done, const char *text)
{
  struct bytes told = result_of(done);
  if (memmem(told.data, told.size, text, strlen(text)))
    fail_msg("the vat told \"%s\": %.*s", text, BYTES_ARG(told));
}

static void require_told(const struct done_frame *done, const char *text)
{
  struct bytes told = result_of(done);
  if (!memmem(told.data, told.size, text, strlen(text)))
    fail_msg("the vat did not tell \"%s\": %.*s", text, BYTES_ARG(told));
}

/* ---- everything that a heap may hold ---- */

static void step_with_naps(struct bytes from)
{
  static struct twins twins; /* large */
  open_twins(&twins, "heap", "{}", from);
  struct done_frame done = {0};
  for (int i = 0; i < STEPS; i++) {
    local_vat_nap(&twins.napping);
    call_both(&twins, "step", "", NULL);
    local_vat_nap(&twins.napping);
    done = call_both(&twins, "told", "", NULL);
    require_not_told(&done, "FAILED");
    if (i == 4)
      require_told(&done, "generator: ended");
  }
  require_told(&done, "async function 7 8");
  require_told(&done, "stream: 14");
  require_told(&done, "handler is no object");
  require_told(&done, "regular: ");
  deliver_both(&twins, &reap, "reap");
  close_twins(&twins);
}

static void everything_in_a_heap_goes_on(void **state)
{
  (void)state;
  step_with_naps(snapshot);
}

static void a_heap_that_was_made_of_scripts_goes_on(void **state)
{
  (void)state;
  step_with_naps((struct bytes){0});
}

static void a_vat_goes_on_when_its_image_was_written(void **state)
{
  static struct twins twins;
  struct buffer image;
  (void)state;
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  open_twins(&twins, "heap", "{}", snapshot);
  for (int i = 0; i < STEPS; i++) {
    buffer_clear(&image);
    assert_true(local_vat_write_image(&twins.napping, &image));
    call_both(&twins, "step", "", NULL);
    call_both(&twins, "told", "", NULL);
  }
  deliver_both(&twins, &reap, "reap");
  close_twins(&twins);
  buffer_fini(&image);
}

static void notify_both(struct twins *twins, const char *vpid, const char *body)
{
  struct resolution resolution = {bytes_of(vpid), false, {.body = bytes_of(body)}};
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  deliver_both(twins, &delivery, vpid);
}

/* The vpid of the last promise that the vat subscribed to. */
static char *subscribed(const struct done_frame *done)
{
  for (size_t i = done->syscall_count; i > 0; i--) {
    if (done->syscalls[i - 1].type == SYSCALL_SUBSCRIBE)
      return memory_printf("%.*s", BYTES_ARG(done->syscalls[i - 1].vpid));
  }
  fail_msg("nothing was subscribed");
  return NULL;
}

static void an_answer_reaches_the_function_that_waits_for_it(void **state)
{
  static struct twins twins;
  (void)state;
  open_twins(&twins, "heap", "{}", snapshot);
  struct done_frame done = call_both(&twins, "ask", "\"$0.Alleged: friend\"", "o-7");
  char *vpid = subscribed(&done);
  local_vat_nap(&twins.napping);
  notify_both(&twins, vpid, "#{\"x\":1}");
  local_vat_nap(&twins.napping);
  done = call_both(&twins, "told", "", NULL);
  require_told(&done, "answer: {");
  free(vpid);
  close_twins(&twins);
}

static void a_timer_fires_after_a_nap(void **state)
{
  static struct twins twins;
  (void)state;
  open_twins(&twins, "heap", "{\"globals\":[\"setTimeout\"],\"kernelObjects\":{\"timer\":\"o-50\"}}", snapshot);
  struct done_frame done = call_both(&twins, "later", "1000", NULL);
  char *vpid = subscribed(&done);
  local_vat_nap(&twins.napping);
  notify_both(&twins, vpid, "#true");
  done = call_both(&twins, "told", "", NULL);
  require_told(&done, "timer: a 0");
  free(vpid);
  close_twins(&twins);
}

/* ---- garbage ---- */

static bool drops(const struct done_frame *done, const char *vref)
{
  for (size_t i = 0; i < done->syscall_count; i++) {
    const struct vat_syscall *syscall = &done->syscalls[i];
    for (size_t n = 0; syscall->type == SYSCALL_DROP_IMPORTS && n < syscall->vrefs.count; n++) {
      if (bytes_is(syscall->vrefs.items[n], vref))
        return true;
    }
  }
  return false;
}

/* What the vat let go before the nap is found by the collection that the image is; its finalizer runs after it. */
static void an_import_dropped_before_a_nap_is_dropped_after_it(void **state)
{
  static struct twins twins;
  (void)state;
  open_twins(&twins, "heap", "{}", snapshot);
  call_both(&twins, "hold", "\"$0.Alleged: friend\"", "o-7");
  local_vat_nap(&twins.napping);
  call_both(&twins, "letGo", "", NULL);
  local_vat_nap(&twins.napping);
  local_vat_nap(&twins.napping); /* with the finalizer waiting in the image */
  struct done_frame done = local_vat_deliver(&twins.napping, &reap);
  assert_true(drops(&done, "o-7"));
  done = local_vat_deliver(&twins.awake, &reap);
  assert_true(drops(&done, "o-7"));
  require_same(&twins, "reap");
  close_twins(&twins);
}

static void an_import_that_comes_again_after_a_nap_is_not_dropped(void **state)
{
  static struct twins twins;
  (void)state;
  open_twins(&twins, "heap", "{}", snapshot);
  call_both(&twins, "hold", "\"$0.Alleged: friend\"", "o-7");
  call_both(&twins, "letGo", "", NULL);
  local_vat_nap(&twins.napping);
  call_both(&twins, "hold", "\"$0.Alleged: friend\"", "o-7");
  local_vat_nap(&twins.napping);
  struct done_frame done = local_vat_deliver(&twins.napping, &reap);
  assert_false(drops(&done, "o-7"));
  local_vat_deliver(&twins.awake, &reap);
  require_same(&twins, "reap");
  close_twins(&twins);
}

/* ---- limits ---- */

static void limits_hold_after_a_nap(void **state)
{
  static const struct {
    const char *method;
    enum done_status status;
  } cases[] = {{"spin", DONE_LIMIT_COMPUTE}, {"hog", DONE_LIMIT_MEMORY}};
  static struct local_vat vat;
  char *bundle = bundle_of_vat("heap");
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    local_vat_open(&vat, snapshot);
    vat.limits = (struct vat_limits){.computrons = 20000000, .heap_bytes = 8 * MIB};
    assert_int_equal(local_vat_start(&vat, "{}", bundle).status, DONE_OK);
    local_vat_nap(&vat);
    struct done_frame done = local_vat_call(&vat, "step", "", NULL);
    assert_int_equal(done.status, DONE_OK);
    assert_true(done.usage.computrons > 10000 && done.usage.heap_bytes > MIB);
    local_vat_nap(&vat);
    assert_int_equal(local_vat_call(&vat, cases[i].method, "", NULL).status, cases[i].status);
    local_vat_close(&vat);
  }
  free(bundle);
}

static void an_image_does_not_grow_with_its_generations(void **state)
{
  static struct local_vat vat;
  struct buffer image;
  size_t first = 0;
  uint64_t heap = 0;
  char *bundle = bundle_of_vat("heap");
  (void)state;
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  local_vat_open(&vat, snapshot);
  assert_int_equal(local_vat_start(&vat, "{}", bundle).status, DONE_OK);
  for (int generation = 0; generation < GENERATIONS; generation++) {
    buffer_clear(&image);
    assert_true(local_vat_write_image(&vat, &image));
    struct done_frame done = local_vat_wake(&vat, buffer_bytes(&image));
    assert_int_equal(done.status, DONE_OK);
    if (generation == 1)
      first = image.size, heap = done.usage.heap_bytes;
    if (generation == GENERATIONS - 1)
      assert_in_range(done.usage.heap_bytes, MIB, heap + 4 * KIB);
    assert_int_equal(local_vat_call(&vat, "told", "", NULL).status, DONE_OK);
  }
  assert_true(image.size < first + 4 * KIB);
  local_vat_close(&vat);
  buffer_fini(&image);
  free(bundle);
}

/* ---- images that are not made, or not read ---- */

static void an_image_that_does_not_fit_is_not_made(void **state)
{
  static struct twins twins;
  struct buffer image;
  (void)state;
  buffer_init(&image, 64 * KIB);
  buffer_append(&image, "1234", 4);
  open_twins(&twins, "heap", "{}", snapshot);
  assert_false(local_vat_write_image(&twins.napping, &image));
  assert_int_equal(image.size, 4);
  call_both(&twins, "step", "", NULL);
  close_twins(&twins);
  buffer_fini(&image);
}

static void an_image_of_another_build_is_refused_with_a_reason(void **state)
{
  static struct local_vat vat;
  struct buffer image;
  char *bundle = bundle_of_vat("heap");
  (void)state;
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  local_vat_open(&vat, snapshot);
  assert_int_equal(local_vat_start(&vat, "{}", bundle).status, DONE_OK);
  assert_true(local_vat_write_image(&vat, &image));
  vat.snapshot.size--;
  struct done_frame done = local_vat_wake(&vat, buffer_bytes(&image));
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_true(bytes_is(done.status_text, "the image is one of another build of the worker"));
  vat.snapshot.size++;
  done = local_vat_wake(&vat, bytes_from(image.data, image.size / 2));
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_true(bytes_start_with(done.status_text, bytes_of("the image is damaged")));
  local_vat_close(&vat);
  buffer_fini(&image);
  free(bundle);
}

/* No address of this process is in it: two machines stand at different ones. */
static void the_same_heap_makes_the_same_image(void **state)
{
  static struct twins twins;
  struct buffer images[2];
  (void)state;
  open_twins(&twins, "heap", "{}", snapshot);
  call_both(&twins, "step", "", NULL);
  buffer_init(&images[0], LIMIT_HEAP_IMAGE);
  buffer_init(&images[1], LIMIT_HEAP_IMAGE);
  assert_true(local_vat_write_image(&twins.awake, &images[0]));
  assert_true(local_vat_write_image(&twins.napping, &images[1]));
  assert_true(bytes_equal(buffer_bytes(&images[0]), buffer_bytes(&images[1])));
  buffer_fini(&images[0]);
  buffer_fini(&images[1]);
  close_twins(&twins);
}

/* ---- at random ---- */

static enum done_status random_message(struct twins *twins, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  random_call(&body);
  char *result = memory_printf("p-%u", 1000 + number);
  char *promise = memory_printf("p-%u", 100000 + number);
  struct bytes slots[] = {bytes_of(chance(2) ? "o-5" : "o-6"), bytes_of(promise)};
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {buffer_bytes(&body), {slots, 2}}, .result = bytes_of(result)},
  };
  enum done_status status = deliver_both(twins, &delivery, body.data);
  free(promise);
  free(result);
  buffer_fini(&body);
  return status;
}

static enum done_status random_notify(struct twins *twins, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  random_result(&body);
  char *vpid = memory_printf("p+%u", 5 + number);
  struct bytes slots[] = {bytes_of("o-5")};
  struct resolution resolution = {bytes_of(vpid), chance(3) == 0, {buffer_bytes(&body), {slots, 1}}};
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  enum done_status status = deliver_both(twins, &delivery, vpid);
  free(vpid);
  buffer_fini(&body);
  return status;
}

/*
 * An image is a collection, and when there was one can be seen in a vat: liveslots names a presence anew that was collected and comes
 * again (`Alleged: presence o-5`). So the twin that stays awake writes an image, too, which nobody reads.
 */
static void nap(struct twins *twins)
{
  struct buffer image;
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  assert_true(local_vat_write_image(&twins->awake, &image));
  buffer_fini(&image);
  local_vat_nap(&twins->napping);
}

static void a_vat_that_naps_answers_like_one_that_does_not(void **state)
{
  static struct twins twins;
  (void)state;
  open_twins(&twins, "chance", "{}", snapshot);
  for (unsigned i = 0; i < DELIVERIES; i++) {
    if (chance(DELIVERIES_PER_NAP) == 0)
      nap(&twins);
    enum done_status status = random_message(&twins, i);
    if (status == DONE_OK && chance(4) == 0)
      status = random_notify(&twins, i / 8);
    if (status == DONE_OK && i % DELIVERIES_PER_REAP == DELIVERIES_PER_REAP - 1)
      status = deliver_both(&twins, &reap, "reap");
    if (status != DONE_OK) { /* over a limit: then a machine must not be run again */
      close_twins(&twins);
      open_twins(&twins, "chance", "{}", snapshot);
    }
  }
  close_twins(&twins);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_in_a_heap_goes_on),
      cmocka_unit_test(a_heap_that_was_made_of_scripts_goes_on),
      cmocka_unit_test(a_vat_goes_on_when_its_image_was_written),
      cmocka_unit_test(an_answer_reaches_the_function_that_waits_for_it),
      cmocka_unit_test(a_timer_fires_after_a_nap),
      cmocka_unit_test(an_import_dropped_before_a_nap_is_dropped_after_it),
      cmocka_unit_test(an_import_that_comes_again_after_a_nap_is_not_dropped),
      cmocka_unit_test(limits_hold_after_a_nap),
      cmocka_unit_test(an_image_does_not_grow_with_its_generations),
      cmocka_unit_test(an_image_that_does_not_fit_is_not_made),
      cmocka_unit_test(an_image_of_another_build_is_refused_with_a_reason),
      cmocka_unit_test(the_same_heap_makes_the_same_image),
      cmocka_unit_test(a_vat_that_naps_answers_like_one_that_does_not),
  };
  random_seed();
  snapshot = local_vat_snapshot();
  int failures = cmocka_run_group_tests_name("hibernation", tests, NULL, NULL);
  free((void *)snapshot.data);
  return failures;
}
