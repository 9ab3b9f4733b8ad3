/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/image_test.c - the form in which heaps are kept. */
#include "base/limits.h"
#include "base/memory.h"
#include "vat-worker/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIZE (300 * KIB)

static struct bytes dictionary, heap;
static struct buffer image;

/* Bytes that do not compress; the heap is the dictionary with some of them in between. */
static int make(void **state)
{
  char *made = memory_alloc(SIZE + KIB);
  uint32_t number = 1;
  for (size_t i = 0; i < SIZE; i++)
    made[i + KIB] = (char)((number = number * 1103515245 + 12345) >> 16);
  dictionary = bytes_from(made + KIB, SIZE);
  char *other = memory_alloc(SIZE + KIB);
  memcpy(other, dictionary.data, SIZE / 2);
  memset(other + SIZE / 2, 7, KIB);
  memcpy(other + SIZE / 2 + KIB, dictionary.data + SIZE / 2, SIZE / 2);
  heap = bytes_from(other, SIZE + KIB);
  struct error error;
  buffer_init(&image, MIB);
  assert_int_equal(image_pack(&image, heap, dictionary, &error), VATD_OK);
  *state = made;
  return 0;
}

static int unmake(void **state)
{
  free(*state);
  free((void *)heap.data);
  buffer_fini(&image);
  return 0;
}

static enum vatd_code unpack(struct bytes packed, struct bytes against, size_t limit, struct error *error)
{
  struct buffer out;
  buffer_init(&out, limit);
  enum vatd_code code = image_unpack(&out, packed, against, error);
  if (code == VATD_OK)
    assert_true(bytes_equal(buffer_bytes(&out), heap));
  else
    assert_int_equal(out.size, 0);
  buffer_fini(&out);
  return code;
}

static void a_heap_comes_back(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(unpack(buffer_bytes(&image), dictionary, MIB, &error), VATD_OK);
}

static void what_the_dictionary_has_costs_nothing(void **state)
{
  (void)state;
  assert_true(image.size < 4 * KIB);
}

static void a_heap_comes_back_without_a_dictionary(void **state)
{
  struct error error;
  struct buffer out;
  (void)state;
  buffer_init(&out, MIB);
  assert_int_equal(image_pack(&out, heap, (struct bytes){0}, &error), VATD_OK);
  assert_int_equal(unpack(buffer_bytes(&out), (struct bytes){0}, MIB, &error), VATD_OK);
  buffer_fini(&out);
}

static void an_image_against_another_dictionary_is_refused(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(unpack(buffer_bytes(&image), heap, MIB, &error), VATD_INVALID);
  assert_string_equal(error.text, "the image is one of another build of the worker");
  assert_int_equal(unpack(buffer_bytes(&image), (struct bytes){0}, MIB, &error), VATD_INVALID);
}

static void what_is_no_image_is_refused(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(unpack((struct bytes){0}, dictionary, MIB, &error), VATD_INVALID);
  assert_int_equal(unpack(heap, dictionary, MIB, &error), VATD_INVALID);
  assert_string_equal(error.text, "this is no image of a heap");
}

static void a_truncated_image_is_refused(void **state)
{
  struct error error;
  (void)state;
  for (size_t size = 0; size < image.size; size += size < 64 ? 1 : 17)
    assert_int_equal(unpack(bytes_from(image.data, size), dictionary, MIB, &error), VATD_INVALID);
}

static void an_image_with_something_behind_it_is_refused(void **state)
{
  struct error error;
  struct buffer longer;
  (void)state;
  buffer_init(&longer, MIB);
  buffer_append_bytes(&longer, buffer_bytes(&image));
  buffer_append(&longer, "x", 1);
  assert_int_equal(unpack(buffer_bytes(&longer), dictionary, MIB, &error), VATD_INVALID);
  buffer_fini(&longer);
}

/* There are bits that mean nothing; unpack() looks whether the heap is what it was. */
static void another_bit_never_makes_another_heap(void **state)
{
  struct error error;
  size_t read = 0;
  (void)state;
  for (size_t bit = 0; bit < image.size * 8; bit += bit < 512 ? 1 : 37) {
    image.data[bit / 8] ^= (char)(1 << bit % 8);
    read += unpack(buffer_bytes(&image), dictionary, MIB, &error) == VATD_OK;
    image.data[bit / 8] ^= (char)(1 << bit % 8);
  }
  assert_in_range(read, 0, 8);
}

static void a_heap_over_the_limit_is_refused(void **state)
{
  struct error error;
  (void)state;
  assert_int_equal(unpack(buffer_bytes(&image), dictionary, heap.size, &error), VATD_OK);
  assert_int_equal(unpack(buffer_bytes(&image), dictionary, heap.size - 1, &error), VATD_LIMIT);
}

static void an_image_that_does_not_fit_leaves_nothing(void **state)
{
  struct error error;
  struct buffer out;
  (void)state;
  buffer_init(&out, image.size + 3);
  buffer_append(&out, "1234", 4);
  assert_int_equal(image_pack(&out, heap, dictionary, &error), VATD_LIMIT);
  assert_int_equal(out.size, 4);
  buffer_fini(&out);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_heap_comes_back),
      cmocka_unit_test(what_the_dictionary_has_costs_nothing),
      cmocka_unit_test(a_heap_comes_back_without_a_dictionary),
      cmocka_unit_test(an_image_against_another_dictionary_is_refused),
      cmocka_unit_test(what_is_no_image_is_refused),
      cmocka_unit_test(a_truncated_image_is_refused),
      cmocka_unit_test(an_image_with_something_behind_it_is_refused),
      cmocka_unit_test(another_bit_never_makes_another_heap),
      cmocka_unit_test(a_heap_over_the_limit_is_refused),
      cmocka_unit_test(an_image_that_does_not_fit_leaves_nothing),
  };
  return cmocka_run_group_tests_name("image", tests, make, unmake);
}
