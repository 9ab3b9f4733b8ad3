/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/pack.c - see pack.h; the formats are those of the MessagePack specification:
 *
 *   00-7f fixint   90-9f fixarray   a0-bf fixstr   c0 nil   c2 false   c3 true
 *   cc cd ce cf    uint 8 16 32 64  d9 da db       str 8 16 32         dc dd  array 16 32     c4 c5 c6  bin 8 16 32
 *
 * Lengths are big-endian. Invariant of reading: `rest` never reaches beyond the payload, since every step subtracts from it
 * what it has compared with it before.
 */
#include "wire/pack.h"

#include <stdarg.h>
#include <stdio.h>

enum {
  FORM_FIXARRAY = 0x90,
  FORM_FIXSTR = 0xa0,
  FORM_NIL = 0xc0,
  FORM_FALSE = 0xc2,
  FORM_TRUE = 0xc3,
  FORM_BIN8 = 0xc4,
  FORM_UINT8 = 0xcc,
  FORM_STR8 = 0xd9,
  FORM_ARRAY16 = 0xdc,
};

static int append(void *buffer, const char *data, size_t size)
{
  return buffer_append(buffer, data, size) ? 0 : -1;
}

void packer_init(struct packer *packer, struct buffer *out)
{
  msgpack_packer_init(&packer->msgpack, out, append);
}

void pack_nil(struct packer *packer)
{
  msgpack_pack_nil(&packer->msgpack);
}

void pack_bool(struct packer *packer, bool value)
{
  if (value)
    msgpack_pack_true(&packer->msgpack);
  else
    msgpack_pack_false(&packer->msgpack);
}

void pack_uint(struct packer *packer, uint64_t value)
{
  msgpack_pack_uint64(&packer->msgpack, value);
}

void pack_text(struct packer *packer, struct bytes text)
{
  msgpack_pack_str(&packer->msgpack, text.size);
  msgpack_pack_str_body(&packer->msgpack, text.data, text.size);
}

void pack_binary(struct packer *packer, struct bytes content)
{
  if (content.size == 0) {
    pack_nil(packer);
    return;
  }
  msgpack_pack_bin(&packer->msgpack, content.size);
  msgpack_pack_bin_body(&packer->msgpack, content.data, content.size);
}

void pack_array(struct packer *packer, size_t count)
{
  msgpack_pack_array(&packer->msgpack, count);
}

void unpacker_init(struct unpacker *unpacker, struct bytes payload, struct error *error)
{
  *unpacker = (struct unpacker){.rest = payload, .error = error};
}

bool unpack_fail(struct unpacker *unpacker, const char *format, ...)
{
  if (unpacker->failed)
    return false;
  unpacker->failed = true;
  char text[ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  error_set(unpacker->error, VATD_INVALID, "malformed frame: %s", text);
  return false;
}

/* The next `count` bytes, or NULL. */
static const uint8_t *take(struct unpacker *unpacker, size_t count)
{
  if (unpacker->failed)
    return NULL;
#ifdef VATD_DEFECT_LENGTH
  if (count > unpacker->rest.size + 8) { /* seeded, see tests/fuzz */
#else
  if (count > unpacker->rest.size) {
#endif
    unpack_fail(unpacker, "it ends too early");
    return NULL;
  }
  const uint8_t *at = (const uint8_t *)unpacker->rest.data;
  unpacker->rest = bytes_after(unpacker->rest, count);
  return at;
}

/* The form byte of the next element, consumed; FORM_NIL after a failure. */
static uint8_t take_form(struct unpacker *unpacker)
{
  const uint8_t *form = take(unpacker, 1);
  return form ? *form : FORM_NIL;
}

static uint64_t take_big_endian(struct unpacker *unpacker, size_t count)
{
  const uint8_t *at = take(unpacker, count);
  uint64_t value = 0;
  for (size_t i = 0; at && i < count; i++)
    value = value << 8 | at[i];
  return value;
}

bool unpack_bool(struct unpacker *unpacker)
{
  uint8_t form = take_form(unpacker);
  if (form != FORM_TRUE && form != FORM_FALSE)
    return unpack_fail(unpacker, "a boolean is expected");
  return form == FORM_TRUE;
}

uint64_t unpack_uint(struct unpacker *unpacker)
{
  uint8_t form = take_form(unpacker);
  if (form < 0x80)
    return form;
  if (form >= FORM_UINT8 && form <= FORM_UINT8 + 3)
    return take_big_endian(unpacker, (size_t)1 << (form - FORM_UINT8));
  unpack_fail(unpacker, "an unsigned integer is expected");
  return 0;
}

static struct bytes take_bytes(struct unpacker *unpacker, uint64_t size, size_t limit, const char *what)
{
  if (size > limit)
    unpack_fail(unpacker, "%s: %llu bytes, the limit is %zu", what, (unsigned long long)size, limit);
  const uint8_t *at = take(unpacker, size);
  return bytes_from(at, at ? size : 0);
}

static struct bytes text_of_form(struct unpacker *unpacker, uint8_t form, size_t limit, const char *what)
{
  struct bytes none = {NULL, 0};
  uint64_t size = 0;
  if (form >= FORM_FIXSTR && form < FORM_NIL)
    size = form - FORM_FIXSTR;
  else if (form >= FORM_STR8 && form <= FORM_STR8 + 2)
    size = take_big_endian(unpacker, (size_t)1 << (form - FORM_STR8));
  else
    unpack_fail(unpacker, "%s: a text is expected", what);
  struct bytes text = take_bytes(unpacker, size, limit, what);
  if (bytes_are_utf8(text))
    return text;
  unpack_fail(unpacker, "%s: not valid UTF-8", what);
  return none;
}

struct bytes unpack_text(struct unpacker *unpacker, size_t limit, const char *what)
{
  return text_of_form(unpacker, take_form(unpacker), limit, what);
}

struct bytes unpack_optional_text(struct unpacker *unpacker, size_t limit, const char *what)
{
  uint8_t form = take_form(unpacker);
  if (form == FORM_NIL)
    return (struct bytes){NULL, 0};
  struct bytes text = text_of_form(unpacker, form, limit, what);
  if (!unpacker->failed && text.size == 0)
    unpack_fail(unpacker, "%s: an empty text", what);
  return text;
}

struct bytes unpack_binary(struct unpacker *unpacker, size_t limit, const char *what)
{
  uint8_t form = take_form(unpacker);
  uint64_t size = 0;
  if (form == FORM_NIL)
    return (struct bytes){NULL, 0};
  if (form >= FORM_BIN8 && form <= FORM_BIN8 + 2)
    size = take_big_endian(unpacker, (size_t)1 << (form - FORM_BIN8));
  if (size == 0)
    unpack_fail(unpacker, "%s: bytes are expected, or nil", what);
  return take_bytes(unpacker, size, limit, what);
}

size_t unpack_array(struct unpacker *unpacker, size_t limit, const char *what)
{
  uint8_t form = take_form(unpacker);
  uint64_t count = 0;
  if (form >= FORM_FIXARRAY && form < FORM_FIXSTR)
    count = form - FORM_FIXARRAY;
  else if (form == FORM_ARRAY16 || form == FORM_ARRAY16 + 1)
    count = take_big_endian(unpacker, (size_t)2 << (form - FORM_ARRAY16));
  else
    unpack_fail(unpacker, "%s: an array is expected", what);
  if (count > limit)
    unpack_fail(unpacker, "%s: %llu elements, the limit is %zu", what, (unsigned long long)count, limit);
  else if (count > unpacker->rest.size)
    unpack_fail(unpacker, "%s: more elements announced than bytes left", what);
  return unpacker->failed ? 0 : (size_t)count;
}

bool unpack_array_of(struct unpacker *unpacker, size_t count, const char *what)
{
  size_t found = unpack_array(unpacker, count, what);
  if (!unpacker->failed && found != count)
    unpack_fail(unpacker, "%s: %zu elements, not %zu", what, found, count);
  return !unpacker->failed;
}

bool unpack_end(struct unpacker *unpacker)
{
  if (!unpacker->failed && unpacker->rest.size != 0)
    unpack_fail(unpacker, "%zu bytes after its end", unpacker->rest.size);
  return !unpacker->failed;
}
