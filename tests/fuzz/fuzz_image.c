/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_image.c - the images of heaps, as a damaged or forged database would hand them to a worker. The first byte says how the
 * rest is taken: bit 0, against a dictionary or none; bit 1, as it stands, or behind a header that is right but for the size (which
 * nobody would guess: it names the dictionary by its hash). What can be read has the size that was promised, and comes back when it
 * is packed again; what cannot be leaves nothing.
 */
#include "snapshot.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "vat-worker/image.h"

#include <endian.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER_SIZE 24
#define HASH_END 16 /* of the header's magic and the dictionary's hash */
#define LIMIT_HEAP (256 * KIB)

static void put_header(struct buffer *image, struct bytes input, struct bytes dictionary)
{
  struct error error;
  struct buffer real;
  buffer_init(&real, KIB);
  CHECK(image_pack(&real, bytes_of("x"), dictionary, &error) == VATD_OK && real.size > HEADER_SIZE);
  CHECK(buffer_append(image, real.data, HASH_END) && buffer_append_bytes(image, input));
  buffer_fini(&real);
}

static void check_heap(struct bytes heap, struct bytes dictionary)
{
  struct error error;
  struct buffer image;
  struct buffer again;
  buffer_init(&image, 2 * LIMIT_HEAP);
  buffer_init(&again, LIMIT_HEAP);
  CHECK(image_pack(&image, heap, dictionary, &error) == VATD_OK);
  CHECK(image_unpack(&again, buffer_bytes(&image), dictionary, &error) == VATD_OK);
  CHECK(bytes_equal(buffer_bytes(&again), heap));
  buffer_fini(&image);
  buffer_fini(&again);
}

static void check_image(struct bytes image, struct bytes dictionary)
{
  struct error error = {0};
  struct buffer heap;
  uint64_t promised;
  buffer_init(&heap, LIMIT_HEAP);
  if (image_unpack(&heap, image, dictionary, &error) == VATD_OK) {
    memcpy(&promised, image.data + HASH_END, sizeof promised);
    CHECK(heap.size > 0 && heap.size == le64toh(promised));
    check_heap(buffer_bytes(&heap), dictionary);
  } else {
    CHECK(heap.size == 0 && error.text[0] && bytes_are_utf8(bytes_of(error.text)));
  }
  buffer_fini(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 1)
    return 0;
  struct bytes dictionary = data[0] & 1 ? fuzz_snapshot() : (struct bytes){0};
  struct bytes input = bytes_from(data + 1, size - 1);
  struct buffer image;
  buffer_init(&image, MIB);
  if (data[0] & 2)
    put_header(&image, input, dictionary);
  else
    buffer_append_bytes(&image, input);
  char *exact = memory_alloc(image.size); /* so that a sanitizer sees the first byte too many */
  if (image.size > 0)
    memcpy(exact, image.data, image.size);
  check_image(bytes_from(exact, image.size), dictionary);
  free(exact);
  buffer_fini(&image);
  if (input.size > 0)
    check_heap(input, dictionary);
  return 0;
}
