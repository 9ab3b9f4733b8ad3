/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/base64.c - see base64.h. */
#include "libvatd/base64.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json_t *base64_encode(struct bytes bytes)
{
  const unsigned char *in = (const unsigned char *)bytes.data;
  char *text = memory_alloc((bytes.size + 2) / 3 * 4 + 1);
  char *out = text;
  for (size_t i = 0; i < bytes.size; i += 3) {
    size_t left = bytes.size - i;
    unsigned bits = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
    *out++ = left > 2 ? digits[bits & 63] : '=';
  }
  json_t *string = json_stringn(text, (size_t)(out - text));
  free(text);
  return string;
}

static int value_of(char digit)
{
  const char *at = digit ? strchr(digits, digit) : NULL;
  return at ? (int)(at - digits) : -1;
}

bool base64_decode(struct bytes text, struct buffer *bytes)
{
  size_t size = text.size;
  unsigned bits = 0;
  unsigned count = 0;
  if (size % 4 != 0)
    return false;
  for (int padding = 0; padding < 2 && size > 0 && text.data[size - 1] == '='; padding++)
    size--;
  for (size_t i = 0; i < size; i++) {
    int value = value_of(text.data[i]);
    if (value < 0)
      return false;
    bits = (bits << 6 | (unsigned)value) & 0xFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      char byte = (char)(bits >> count);
      buffer_append(bytes, &byte, 1);
    }
  }
  return !bytes->overflowed;
}
