/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_frames.c - the decoders of worker frames. The first byte says as what the rest is decoded. Whatever
 * is accepted must, encoded again, be accepted again and stay the same.
 */
#include "base/check.h"
#include "base/limits.h"
#include "wire_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error error;
  struct buffer once;
  struct buffer twice;
  if (size < 1)
    return 0;
  enum frame_type type = (enum frame_type)(FRAME_INIT + data[0] % FRAME_LAST);
  buffer_init(&once, LIMIT_FRAME_TO_WORKER);
  buffer_init(&twice, LIMIT_FRAME_TO_WORKER);
  if (wire_frame_again(type, bytes_from(data + 1, size - 1), &once, &error) == VATD_OK) {
    CHECK(wire_frame_again(type, bytes_after(buffer_bytes(&once), FRAME_HEADER_SIZE), &twice, &error) == VATD_OK);
    CHECK(bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
  }
  buffer_fini(&once);
  buffer_fini(&twice);
  return 0;
}
