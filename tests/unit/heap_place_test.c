/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/heap_place_test.c - the file of a code image, and the memory that is shared with it: what is equal, and nothing else. */
#include "vat-worker/code_image.h"
#include "vat-worker/heap_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOT_PAGES 3
#define CHUNK_PAGES 2

static size_t page;
static struct error error;

/* Where nothing is. */
static uintptr_t free_address(void)
{
  void *base = mmap(NULL, HEAP_PLACE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(base != MAP_FAILED);
  munmap(base, HEAP_PLACE_SIZE);
  return (uintptr_t)base;
}

/* Each page full of its number, from 1 on. */
static void make_image(struct buffer *file)
{
  char pages[(SLOT_PAGES + CHUNK_PAGES) * 64 * KIB];
  for (size_t i = 0; i < SLOT_PAGES + CHUNK_PAGES; i++)
    memset(pages + i * page, (int)i + 1, page);
  struct code_image image = {bytes_from(pages, SLOT_PAGES * page), bytes_from(pages + SLOT_PAGES * page, CHUNK_PAGES * page),
                             bytes_of("the heap")};
  buffer_init(file, LIMIT_CODE_IMAGE);
  assert_true(code_image_write(file, &image));
}

static int file_of(const struct buffer *content)
{
  int fd = memfd_create("image", MFD_CLOEXEC);
  assert_int_equal(write(fd, content->data, content->size), content->size);
  return fd;
}

static void an_image_has_the_parts_that_were_written(void **state)
{
  struct buffer file;
  struct code_image image;
  (void)state;
  make_image(&file);
  assert_int_equal(code_image_read(&image, buffer_bytes(&file), &error), VATD_OK);
  assert_int_equal(image.slots.size, SLOT_PAGES * page);
  assert_int_equal(image.chunks.size, CHUNK_PAGES * page);
  assert_ptr_equal(image.chunks.data, image.slots.data + image.slots.size);
  assert_true(bytes_is(image.heap, "the heap"));
  buffer_fini(&file);
}

static void what_is_no_image_is_refused(void **state)
{
  struct buffer file;
  struct code_image image;
  (void)state;
  make_image(&file);
  for (size_t size = 0; size < file.size - strlen("the heap"); size += size < 64 ? 1 : 1000)
    assert_int_equal(code_image_read(&image, bytes_from(file.data, size), &error), VATD_INVALID);
  for (size_t at = 0; at < 4 * sizeof(uint64_t); at++) {
    file.data[at] = (char)(file.data[at] ^ 0x55);
    assert_int_equal(code_image_read(&image, buffer_bytes(&file), &error), VATD_INVALID);
    file.data[at] = (char)(file.data[at] ^ 0x55);
  }
  buffer_fini(&file);
}

static void a_place_that_is_taken_or_none_is_refused(void **state)
{
  struct heap_place place;
  uintptr_t address = free_address();
  (void)state;
  assert_int_equal(heap_place_open(&place, 0, -1, &error), VATD_INVALID);
  assert_int_equal(heap_place_open(&place, address + 1, -1, &error), VATD_INVALID);
  assert_int_equal(heap_place_open(&place, (uintptr_t)&page / page * page, -1, &error), VATD_IO);
  assert_null(place.base);
  assert_int_equal(heap_place_open(&place, address, -1, &error), VATD_OK);
  assert_false(heap_place_lay_out(&place, 0, (struct bytes){0}));
  assert_false(heap_place_lay_out(&place, LIMIT_CODE_IMAGE, (struct bytes){0}));
  assert_false(heap_place_lay_out(&place, page, bytes_from((const char *)address, 2 * page))); /* there is no file */
  assert_null(place.slots);
  munmap(place.base, HEAP_PLACE_SIZE);
}

static void what_is_equal_to_the_file_is_given_back_and_reads_the_same(void **state)
{
  struct buffer file;
  struct code_image image;
  struct heap_place place;
  (void)state;
  make_image(&file);
  int fd = file_of(&file);
  const char *mapped = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
  assert_int_equal(code_image_read(&image, bytes_from(mapped, file.size), &error), VATD_OK);
  assert_int_equal(heap_place_open(&place, free_address(), fd, &error), VATD_OK);
  close(fd);
  assert_true(heap_place_lay_out(&place, image.slots.size, bytes_from(image.slots.data, image.slots.size + image.chunks.size)));
  assert_ptr_equal(place.chunks, place.slots + SLOT_PAGES * page);
  mprotect(place.chunks, CHUNK_PAGES * page, PROT_READ | PROT_WRITE);
  memset(place.slots, 0, (SLOT_PAGES + CHUNK_PAGES) * page);
  for (size_t i = 0; i < SLOT_PAGES + CHUNK_PAGES; i++)
    memset(place.slots + i * page, (int)i + 1, page);
  place.slots[2 * page - 1] = 'x';
  place.chunks[page] = 'y';
  heap_place_share(&place);
  assert_int_equal(place.slots[2 * page - 1], 'x');
  assert_int_equal(place.chunks[page], 'y');
  for (size_t i = 0; i < SLOT_PAGES + CHUNK_PAGES; i++)
    assert_int_equal(place.slots[i * page + 1], i + 1);
  place.slots[0] = 'z'; /* a copy of its own again */
  assert_int_equal(image.slots.data[0], 1);
  munmap(place.base, HEAP_PLACE_SIZE);
  munmap((void *)mapped, file.size);
  buffer_fini(&file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_image_has_the_parts_that_were_written),
      cmocka_unit_test(what_is_no_image_is_refused),
      cmocka_unit_test(a_place_that_is_taken_or_none_is_refused),
      cmocka_unit_test(what_is_equal_to_the_file_is_given_back_and_reads_the_same),
  };
  page = (size_t)getpagesize();
  return cmocka_run_group_tests_name("heap place", tests, NULL, NULL);
}
