/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/code_image_test.c - a vat whose machine has its bundle compiled already starts as one that gets the bundle's text: the
 * same checkpoint, syscalls, lines and rejections; and finds nothing of any other vat.
 */
#include "local_vat.h"
#include "worker_harness.h"

#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct bytes snapshot;

/* `place`: where heaps that are made of it will lie, or 0. */
static bool compile_at(uintptr_t place, const char *bundle, struct buffer *out)
{
  static struct local_vat maker;
  struct error error;
  buffer_init(out, LIMIT_CODE_IMAGE);
  local_vat_open(&maker, snapshot);
  if (place)
    assert_int_equal(heap_place_open(&maker.engine.place, place, -1, &error), VATD_OK);
  bool compiled = maker.vat.compile(maker.vat.context, bytes_of(bundle), out);
  local_vat_close(&maker);
  if (place)
    munmap((void *)place, HEAP_PLACE_SIZE);
  return compiled;
}

static bool compile(const char *bundle, struct buffer *out)
{
  return compile_at(0, bundle, out);
}

/* With the bundle's text, unless there is a code image. */
static struct done_frame start_vat(struct local_vat *vat, const char *config, const char *bundle, struct bytes code)
{
  local_vat_open(vat, snapshot);
  vat->engine.code = code;
  return local_vat_start(vat, config, code.size ? "" : bundle);
}

static void require_same(const struct local_vat *a, const struct local_vat *b)
{
  struct bytes one = buffer_bytes(&a->frame), other = buffer_bytes(&b->frame);
  if (bytes_equal(one, other))
    return;
  print_frame(one);
  print_frame(other);
  fail_msg("the two differ");
}

static struct local_vat plain, quick; /* large */

/* Both ways, and the same method three times. */
static void compare(const char *name, const char *config, const char *method, enum done_status started)
{
  struct buffer code;
  char *bundle = bundle_of_vat(name);
  assert_true(compile(bundle, &code));
  assert_int_equal(start_vat(&plain, config, bundle, (struct bytes){0}).status, started);
  struct done_frame done = start_vat(&quick, config, bundle, buffer_bytes(&code));
  require_same(&plain, &quick);
  assert_true(quick.engine.compiled);
  if (started == DONE_OK)
    assert_true(done.usage.computrons > 1000);
  for (int i = 0; i < 3 && started == DONE_OK; i++) {
    local_vat_call(&plain, method, "", NULL);
    local_vat_call(&quick, method, "", NULL);
    require_same(&plain, &quick);
  }
  local_vat_close(&plain);
  local_vat_close(&quick);
  buffer_fini(&code);
  free(bundle);
}

static void a_vat_starts_from_its_compiled_code_as_from_its_text(void **state)
{
  (void)state;
  compare("heap", "{}", "step", DONE_OK);
  compare("probe", "{\"parameters\":{\"a\":[1,{\"b\":2}]}}", "parameters", DONE_OK);
  compare("probe", "{}", "globals", DONE_OK);
  compare("probe", "{}", "reach", DONE_OK);
  compare("chance", "{}", "collected", DONE_OK);
  compare("durable", "{}", "none", DONE_OK);
}

static void what_a_module_does_by_itself_it_does_in_each_vat(void **state)
{
  (void)state;
  compare("toplevel", "{}", "step", DONE_OK);
}

static void a_vat_gets_the_globals_of_its_own_configuration(void **state)
{
  (void)state;
  compare("toplevel", "{\"globals\":[\"setTimeout\",\"atob\"],\"kernelObjects\":{\"timer\":\"o-50\"}}", "step", DONE_OK);
}

static void a_vat_whose_start_fails_fails_alike(void **state)
{
  (void)state;
  compare("toplevel", "{\"parameters\":{\"fails\":true}}", "step", DONE_INIT_FAILED);
}

static void compare_code(const char *text, bool compiles)
{
  struct buffer code;
  char *bundle = bundle_of_code(text);
  assert_int_equal(compile(bundle, &code), compiles);
  struct done_frame done = start_vat(&plain, "{}", bundle, (struct bytes){0});
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_true(done.status_text.size > 0);
  if (compiles) {
    start_vat(&quick, "{}", bundle, buffer_bytes(&code));
    require_same(&plain, &quick);
    local_vat_close(&quick);
  }
  local_vat_close(&plain);
  buffer_fini(&code);
  free(bundle);
}

static void code_that_throws_when_it_is_evaluated_fails_each_time_alike(void **state)
{
  (void)state;
  compare_code("console.log('before'); throw RangeError('at the top'); var __vatExports__ = {};", true);
  compare_code("var __vatExports__ = { buildRootObject: 1 };", true);
  compare_code("missing(); var __vatExports__ = {};", true);
}

static void code_that_does_not_compile_has_no_image(void **state)
{
  (void)state;
  compare_code("var = 1;", false);
  compare_code("import('x'); var __vatExports__ = {};", false);
}

static void two_vats_of_an_image_share_nothing(void **state)
{
  struct buffer code;
  struct buffer first;
  char *bundle = bundle_of_vat("toplevel");
  (void)state;
  assert_true(compile(bundle, &code));
  buffer_init(&first, LIMIT_FRAME_FROM_WORKER);
  assert_int_equal(start_vat(&plain, "{}", bundle, buffer_bytes(&code)).status, DONE_OK);
  local_vat_call(&plain, "step", "", NULL);
  buffer_append_bytes(&first, buffer_bytes(&plain.frame));
  local_vat_call(&plain, "step", "", NULL);
  assert_false(bytes_equal(buffer_bytes(&first), buffer_bytes(&plain.frame)));
  assert_int_equal(start_vat(&quick, "{}", bundle, buffer_bytes(&code)).status, DONE_OK);
  local_vat_call(&quick, "step", "", NULL);
  assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&quick.frame)));
  local_vat_close(&plain);
  local_vat_close(&quick);
  buffer_fini(&first);
  buffer_fini(&code);
  free(bundle);
}

/* The heap's image is made against the start snapshot, which is there when the code image has gone. */
static void a_vat_that_started_from_an_image_wakes_without_it(void **state)
{
  struct buffer code;
  char *bundle = bundle_of_vat("toplevel");
  (void)state;
  assert_true(compile(bundle, &code));
  assert_int_equal(start_vat(&plain, "{}", bundle, (struct bytes){0}).status, DONE_OK);
  assert_int_equal(start_vat(&quick, "{}", bundle, buffer_bytes(&code)).status, DONE_OK);
  buffer_fini(&code);
  for (int i = 0; i < 3; i++) {
    quick.engine.code = (struct bytes){0};
    local_vat_nap(&quick);
    local_vat_call(&plain, "step", "", NULL);
    local_vat_call(&quick, "step", "", NULL);
    require_same(&plain, &quick);
  }
  local_vat_close(&plain);
  local_vat_close(&quick);
  free(bundle);
}

/* Its bundle is at hand as well. */
static void a_vat_starts_without_an_image_that_cannot_be_read(void **state)
{
  struct buffer code;
  char *bundle = bundle_of_vat("toplevel");
  (void)state;
  assert_true(compile(bundle, &code));
  assert_int_equal(start_vat(&plain, "{}", bundle, (struct bytes){0}).status, DONE_OK);
  local_vat_open(&quick, snapshot);
  quick.engine.code = bytes_from(code.data, code.size / 2);
  assert_int_equal(local_vat_start(&quick, "{}", bundle).status, DONE_OK);
  require_same(&plain, &quick);
  local_vat_close(&plain);
  local_vat_close(&quick);
  buffer_fini(&code);
  free(bundle);
}

/* Where nothing is, nor comes to be: the system takes addresses from above. */
static uintptr_t free_address(void)
{
  size_t size = 2 * HEAP_PLACE_SIZE;
  void *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(base != MAP_FAILED);
  munmap(base, size);
  return (uintptr_t)base;
}

/* The image as a file, for a vat that is not started yet: what a worker does with its descriptor. */
static void map_image(struct local_vat *vat, uintptr_t place, const struct buffer *code)
{
  struct error error;
  int fd = memfd_create("code", MFD_CLOEXEC);
  assert_int_equal(write(fd, code->data, code->size), code->size);
  vat->engine.code = bytes_from(mmap(NULL, code->size, PROT_READ, MAP_PRIVATE, fd, 0), code->size);
  assert_int_equal(heap_place_open(&vat->engine.place, place, fd, &error), VATD_OK);
  close(fd);
}

/* Pages of the file's heap that the process has no copy of (bit 61 of an entry: it is the file's). */
static size_t shared_pages(const struct heap_place *place)
{
  size_t page = (size_t)getpagesize();
  size_t count = place->pages.size / page;
  size_t shared = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  for (size_t i = 0; i < count; i++) {
    uint64_t entry;
    volatile char byte = place->slots[i * page];
    (void)byte;
    assert_int_equal(pread(fd, &entry, sizeof entry, (off_t)(((uintptr_t)place->slots / page + i) * sizeof entry)), sizeof entry);
    shared += entry >> 61 & 1;
  }
  close(fd);
  return shared;
}

static void a_heap_at_its_place_shares_most_of_it_with_the_image(void **state)
{
  struct buffer code;
  char *bundle = bundle_of_vat("toplevel");
  uintptr_t place = free_address();
  struct delivery collect = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  (void)state;
  assert_true(compile_at(place, bundle, &code));
  local_vat_open(&quick, snapshot);
  map_image(&quick, place, &code);
  assert_int_equal(start_vat(&plain, "{}", bundle, (struct bytes){0}).status, DONE_OK);
  assert_int_equal(local_vat_start(&quick, "{}", "").status, DONE_OK);
  assert_true(quick.engine.compiled);
  require_same(&plain, &quick);
  size_t pages = quick.engine.place.pages.size / (size_t)getpagesize();
  assert_in_range(shared_pages(&quick.engine.place), pages / 2, pages);
  for (int i = 0; i < 20; i++) {
    local_vat_call(&plain, "step", "", NULL);
    local_vat_call(&quick, "step", "", NULL);
    require_same(&plain, &quick);
    local_vat_deliver(&plain, &collect);
    local_vat_deliver(&quick, &collect);
    require_same(&plain, &quick);
  }
  assert_in_range(shared_pages(&quick.engine.place), pages / 2, pages);
  local_vat_nap(&quick);
  local_vat_nap(&plain);
  local_vat_call(&plain, "step", "", NULL);
  local_vat_call(&quick, "step", "", NULL);
  require_same(&plain, &quick);
  munmap((void *)quick.engine.code.data, code.size);
  local_vat_close(&plain);
  local_vat_close(&quick);
  buffer_fini(&code);
  free(bundle);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_vat_starts_from_its_compiled_code_as_from_its_text),
      cmocka_unit_test(what_a_module_does_by_itself_it_does_in_each_vat),
      cmocka_unit_test(a_vat_gets_the_globals_of_its_own_configuration),
      cmocka_unit_test(a_vat_whose_start_fails_fails_alike),
      cmocka_unit_test(code_that_throws_when_it_is_evaluated_fails_each_time_alike),
      cmocka_unit_test(code_that_does_not_compile_has_no_image),
      cmocka_unit_test(two_vats_of_an_image_share_nothing),
      cmocka_unit_test(a_vat_that_started_from_an_image_wakes_without_it),
      cmocka_unit_test(a_vat_starts_without_an_image_that_cannot_be_read),
      cmocka_unit_test(a_heap_at_its_place_shares_most_of_it_with_the_image),
  };
  snapshot = local_vat_snapshot();
  int failures = cmocka_run_group_tests_name("code image", tests, NULL, NULL);
  free((void *)snapshot.data);
  return failures;
}
