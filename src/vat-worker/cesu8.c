/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/cesu8.c - see cesu8.h. */
#include "vat-worker/cesu8.h"

#include <stdint.h>

static uint8_t byte_at(struct bytes b, size_t index)
{
  return (uint8_t)b.data[index];
}

size_t cesu8_size(struct bytes utf8)
{
  size_t size = utf8.size;
  for (size_t i = 0; i < utf8.size; i++) {
    uint8_t byte = byte_at(utf8, i);
    if (byte == 0)
      size += 1;
    else if (byte >= 0xF0)
      size += 2;
  }
  return size;
}

static char *put_three(char *out, uint32_t unit)
{
  *out++ = (char)(0xE0 | unit >> 12);
  *out++ = (char)(0x80 | (unit >> 6 & 0x3F));
  *out++ = (char)(0x80 | (unit & 0x3F));
  return out;
}

void cesu8_encode(struct bytes utf8, char *out)
{
  size_t i = 0;
  while (i < utf8.size) {
    uint8_t byte = byte_at(utf8, i);
    if (byte == 0) {
      *out++ = (char)0xC0;
      *out++ = (char)0x80;
      i += 1;
    } else if (byte >= 0xF0 && utf8.size - i >= 4) {
      uint32_t point = (byte & 0x07u) << 18 | (byte_at(utf8, i + 1) & 0x3Fu) << 12 |
                       (byte_at(utf8, i + 2) & 0x3Fu) << 6 | (byte_at(utf8, i + 3) & 0x3Fu);
      out = put_three(out, 0xD800 + ((point - 0x10000) >> 10));
      out = put_three(out, 0xDC00 + (point & 0x3FF));
      i += 4;
    } else {
      *out++ = (char)byte;
      i += 1;
    }
  }
}

/* The surrogate at `index` (D800..DFFF), or 0. */
static uint32_t surrogate_at(struct bytes cesu8, size_t index)
{
  if (index >= cesu8.size || cesu8.size - index < 3 || byte_at(cesu8, index) != 0xED ||
      byte_at(cesu8, index + 1) < 0xA0)
    return 0;
  return 0xD000u | (byte_at(cesu8, index + 1) & 0x3Fu) << 6 | (byte_at(cesu8, index + 2) & 0x3Fu);
}

static char *put_pair(char *out, uint32_t high, uint32_t low)
{
  uint32_t point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  *out++ = (char)(0xF0 | point >> 18);
  *out++ = (char)(0x80 | (point >> 12 & 0x3F));
  *out++ = (char)(0x80 | (point >> 6 & 0x3F));
  *out++ = (char)(0x80 | (point & 0x3F));
  return out;
}

size_t cesu8_decode(struct bytes cesu8, char *out, bool *lone)
{
  char *start = out;
  size_t i = 0;
  while (i < cesu8.size) {
    uint32_t unit = surrogate_at(cesu8, i);
    uint32_t next = unit ? surrogate_at(cesu8, i + 3) : 0;
    if (unit && unit < 0xDC00 && next >= 0xDC00) {
      out = put_pair(out, unit, next);
      i += 6;
    } else if (unit) {
      out = put_three(out, 0xFFFD);
      i += 3;
      if (lone)
        *lone = true;
    } else if (byte_at(cesu8, i) == 0xC0 && cesu8.size - i >= 2) {
      *out++ = 0;
      i += 2;
    } else {
      *out++ = cesu8.data[i++];
    }
  }
  return (size_t)(out - start);
}
