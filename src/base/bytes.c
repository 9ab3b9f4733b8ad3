/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.c - the UTF-8 check of bytes.h, after Unicode 15 table 3-7 (well-formed byte sequences). */
#include "base/bytes.h"

#include <stdint.h>

/* The length of the well-formed sequence at p (end - p >= 1), or 0. */
static size_t sequence_length(const uint8_t *p, const uint8_t *end)
{
  uint8_t lead = p[0];
  if (lead < 0x80)
    return 1;
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - p) < length)
    return 0;
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (p[1] < low || p[1] > high)
    return 0;
  for (size_t i = 2; i < length; i++) {
    if ((p[i] & 0xC0) != 0x80)
      return 0;
  }
  return length;
}

bool bytes_are_utf8(struct bytes b)
{
  if (b.size == 0)
    return true; /* data may be NULL then, and nothing may be added to NULL */
  const uint8_t *p = (const uint8_t *)b.data;
  const uint8_t *end = p + b.size;
  while (p < end) {
    size_t length = sequence_length(p, end);
    if (length == 0)
      return false;
    p += length;
  }
  return true;
}
