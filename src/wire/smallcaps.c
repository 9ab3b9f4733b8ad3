/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/smallcaps.c - see smallcaps.h.
 *
 * Both ways build a second JSON tree beside the first, by recursion bounded by LIMIT_JSON_DEPTH. Every step returns a
 * new reference or NULL with the error filled, so that a failure deep inside unwinds by itself.
 */
#include "wire/smallcaps.h"
#include "base/limits.h"
#include "base/memory.h"
#include "wire/vref.h"

#include <stdlib.h>
#include <string.h>

#define JAVASCRIPT_MAX_INTEGER 9007199254740991LL

#define PARSE_FLAGS (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)
#define PRINT_FLAGS (JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS)

bool smallcaps_is_kref(struct bytes text)
{
  if (text.size < 3 || text.size > 20 || text.data[0] != 'k' || (text.data[1] != 'o' && text.data[1] != 'p'))
    return false;
  for (size_t i = 2; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9')
      return false;
  }
  return text.data[2] != '0';
}

json_t *smallcaps_reference(const char *kref)
{
  return json_pack("{s:s}", "$ref", kref);
}

static bool starts_special(struct bytes text)
{
  return text.size > 0 && text.data[0] >= '!' && text.data[0] <= '-';
}

/* Names of properties that mean something to a vat, or are escaped for it. */
static bool is_marked_name(const char *name)
{
  return name[0] == '$' || name[0] == '#' || name[0] == '!';
}

static struct bytes bytes_of_string(const json_t *string)
{
  return bytes_from(json_string_value(string), json_string_length(string));
}

/* A string of `prefix` and `text`. */
static json_t *string_with(const char *prefix, struct bytes text)
{
  struct buffer buffer;
  buffer_init(&buffer, strlen(prefix) + text.size);
  buffer_append_text(&buffer, prefix);
  buffer_append_bytes(&buffer, text);
  json_t *string = json_stringn(buffer_text(&buffer), buffer.size);
  buffer_fini(&buffer);
  return string;
}

static json_t *fail(struct error *error, const char *text)
{
  error_set(error, VATD_INVALID, "%s", text);
  return NULL;
}

/* How plain JSON says what JSON cannot say: smallcaps.h. */
struct dialect {
  bool exact; /* what comes out goes in again as the same thing; otherwise it is for people */
  bool vrefs; /* references are a vat's, not krefs */
};

static const struct dialect for_people = {.exact = false, .vrefs = false};
static const struct dialect for_hosts = {.exact = true, .vrefs = false};
static const struct dialect for_vats = {.exact = true, .vrefs = true};

/* --- encoding --- */

struct encoder {
  json_t *slots;
  struct error *error;
  const struct dialect *dialect;
};

static json_t *encode(struct encoder *encoder, const json_t *value, int depth);

static json_t *encode_string(struct bytes text)
{
  return string_with(starts_special(text) ? "!" : "", text);
}

static size_t slot_of(struct encoder *encoder, const char *kref)
{
  size_t index;
  json_t *slot;
  json_array_foreach(encoder->slots, index, slot) {
    if (strcmp(json_string_value(slot), kref) == 0)
      return index;
  }
  json_array_append_new(encoder->slots, json_string(kref));
  return json_array_size(encoder->slots) - 1;
}

static bool is_reference(const struct encoder *encoder, struct bytes text)
{
  struct vref vref;
  return encoder->dialect->vrefs ? vref_parse(text, &vref) : smallcaps_is_kref(text);
}

/* A kref says what it is in its second letter, a vref in its first. */
static json_t *encode_reference(struct encoder *encoder, const json_t *reference, const json_t *interface)
{
  if (!json_is_string(reference) || !is_reference(encoder, bytes_of_string(reference)))
    return fail(encoder->error, encoder->dialect->vrefs ? "\"$ref\" wants a reference such as \"o-7\" or \"p-7\""
                                                 : "\"$ref\" wants a reference such as \"ko7\" or \"kp7\"");
  const char *text = json_string_value(reference);
  if (json_array_size(encoder->slots) >= LIMIT_SLOTS_PER_CAPDATA)
    return fail(encoder->error, "too many references");
  size_t slot = slot_of(encoder, text);
  if (text[encoder->dialect->vrefs ? 0 : 1] == 'p')
    return json_sprintf("&%zu", slot);
  const char *name = json_string_value(interface);
  return name ? json_sprintf("$%zu.%s", slot, name) : json_sprintf("$%zu", slot);
}

static bool is_decimal(struct bytes text)
{
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9')
      return false;
  }
  return text.size > 0;
}

static json_t *encode_bigint(struct encoder *encoder, const json_t *number)
{
  if (!json_is_string(number))
    return fail(encoder->error, "\"$bigint\" wants the digits as a string");
  struct bytes text = bytes_of_string(number);
  bool negative = text.size > 0 && text.data[0] == '-';
  if (!is_decimal(negative ? bytes_after(text, 1) : text))
    return fail(encoder->error, "\"$bigint\" wants decimal digits, such as \"-12\"");
  return string_with(negative ? "" : "+", text);
}

static json_t *encode_integer(struct encoder *encoder, const json_t *number)
{
  json_int_t value = json_integer_value(number);
  if (value >= -JAVASCRIPT_MAX_INTEGER && value <= JAVASCRIPT_MAX_INTEGER)
    return json_integer(value);
  error_set(encoder->error, VATD_INVALID,
            "%" JSON_INTEGER_FORMAT
            " is more than a JavaScript number holds exactly; write {\"$bigint\": \"%" JSON_INTEGER_FORMAT "\"}",
            value, value);
  return NULL;
}

/* Where a vat may not write the name, NULL: it has a meaning that does not fit here. */
static json_t *encode_name(struct encoder *encoder, const char *name)
{
  if (!encoder->dialect->exact || !is_marked_name(name))
    return encode_string(bytes_of(name));
  if (name[0] == '!')
    return encode_string(bytes_of(name + 1));
  return fail(encoder->error, "a property whose name begins with '$' or '#' needs '!' before it");
}

/* `mark` is the property that makes the record an error or tagged data, or NULL; it keeps its name. */
static json_t *encode_record(struct encoder *encoder, const json_t *record, const char *mark, int depth)
{
  json_t *result = json_object();
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)record, name, value) {
    bool keeps_name = mark && strcmp(name, mark) == 0;
    json_t *encoded_name = keeps_name ? json_string(name) : encode_name(encoder, name);
    json_t *encoded = encoded_name ? encode(encoder, value, depth + 1) : NULL;
    if (!encoded) {
      json_decref(encoded_name);
      json_decref(result);
      return NULL;
    }
    json_object_set_new(result, json_string_value(encoded_name), encoded);
    json_decref(encoded_name);
  }
  return result;
}

/* "#error" or "#tag" when a vat's object has it, with a string as it must be. */
static const char *mark_of(const struct encoder *encoder, const json_t *object)
{
  static const char *const marks[] = {"#error", "#tag"};
  for (size_t i = 0; encoder->dialect->exact && i < sizeof marks / sizeof *marks; i++) {
    if (json_is_string(json_object_get(object, marks[i])))
      return marks[i];
  }
  return NULL;
}

static json_t *encode_object(struct encoder *encoder, const json_t *object, int depth)
{
  const json_t *reference = json_object_get(object, "$ref");
  const json_t *interface = encoder->dialect->exact ? json_object_get(object, "interface") : NULL;
  const json_t *bigint = json_object_get(object, "$bigint");
  if (reference && json_object_size(object) == (interface ? 2 : 1))
    return encode_reference(encoder, reference, interface);
  if (json_object_size(object) == 1 && bigint)
    return encode_bigint(encoder, bigint);
  return encode_record(encoder, object, mark_of(encoder, object), depth);
}

static json_t *encode_array(struct encoder *encoder, const json_t *array, int depth)
{
  json_t *result = json_array();
  size_t index;
  json_t *item;
  json_array_foreach(array, index, item) {
    json_t *encoded = encode(encoder, item, depth + 1);
    if (!encoded) {
      json_decref(result);
      return NULL;
    }
    json_array_append_new(result, encoded);
  }
  return result;
}

static json_t *encode(struct encoder *encoder, const json_t *value, int depth)
{
  if (depth >= LIMIT_JSON_DEPTH)
    return fail(encoder->error, "the data is nested too deeply");
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return encode_object(encoder, value, depth);
  case JSON_ARRAY:
    return encode_array(encoder, value, depth);
  case JSON_STRING:
    return encode_string(bytes_of_string(value));
  case JSON_INTEGER:
    return encode_integer(encoder, value);
  case JSON_REAL: /* -0 does not exist in passable data */
    return json_real_value(value) == 0 ? json_integer(0) : json_real(json_real_value(value));
  default:
    return json_incref((json_t *)value);
  }
}

static int append_to_buffer(const char *data, size_t size, void *buffer)
{
  return buffer_append(buffer, data, size) ? 0 : -1;
}

static enum vatd_code encode_body(const json_t *value, const struct dialect *dialect, struct buffer *body, json_t *slots,
                                  struct error *error)
{
  struct encoder encoder = {slots, error, dialect};
  json_t *encoded = encode(&encoder, value, 0);
  if (!encoded)
    return VATD_INVALID;
  bool fits = buffer_append(body, "#", 1) && json_dump_callback(encoded, append_to_buffer, body, PRINT_FLAGS) == 0;
  json_decref(encoded);
  return fits ? VATD_OK : error_set(error, VATD_LIMIT, "the data is larger than %zu bytes", body->limit);
}

enum vatd_code smallcaps_encode(const json_t *value, struct buffer *body, json_t *slots, struct error *error)
{
  return encode_body(value, &for_people, body, slots, error);
}

enum vatd_code smallcaps_encode_for_vat(const json_t *value, struct buffer *body, json_t *slots, struct error *error)
{
  return encode_body(value, &for_vats, body, slots, error);
}

enum vatd_code smallcaps_encode_for_host(const json_t *value, struct buffer *body, json_t *slots, struct error *error)
{
  return encode_body(value, &for_hosts, body, slots, error);
}

/* --- decoding --- */

struct decoder {
  const json_t *slots;
  struct error *error;
  const struct dialect *dialect;
};

static json_t *decode(struct decoder *decoder, const json_t *encoding, int depth);

/* A vat is not told that an object is a promise, or the other way round. */
static bool slot_fits(const struct decoder *decoder, const json_t *slot, char mark)
{
  if (!json_is_string(slot))
    return false;
  return !decoder->dialect->vrefs || (json_string_value(slot)[0] == 'p') == (mark == '&');
}

/* "$0.Alleged: Counter" or "&0": the reference in that slot. The interface's name is for debugging only. */
static json_t *decode_slot(struct decoder *decoder, struct bytes text)
{
  size_t digits = 0;
  size_t index = 0;
  while (1 + digits < text.size && digits < 9 && text.data[1 + digits] >= '0' && text.data[1 + digits] <= '9')
    index = index * 10 + (size_t)(text.data[1 + digits++] - '0');
  bool ends = 1 + digits == text.size || text.data[1 + digits] == '.';
  const json_t *slot = digits && ends ? json_array_get(decoder->slots, index) : NULL;
  if (!slot_fits(decoder, slot, text.data[0]))
    return fail(decoder->error, "the data names a slot that it does not have");
  json_t *reference = json_stringn(json_string_value(slot), json_string_length(slot));
  return decoder->dialect->exact ? json_pack("{s:o}", "$ref", reference) : reference;
}

static json_t *decode_constant(struct decoder *decoder, struct bytes text)
{
  if (bytes_is(text, "#undefined"))
    return json_null();
  if (bytes_is(text, "#NaN") || bytes_is(text, "#Infinity") || bytes_is(text, "#-Infinity"))
    return string_with("", bytes_after(text, 1));
  return fail(decoder->error, "the data has an unknown constant");
}

/* A well-known symbol's name starts with "@@"; a registered one that does so has two more. */
static json_t *decode_symbol(struct bytes name)
{
  struct bytes at = bytes_of("@@");
  if (bytes_start_with(name, at) && !bytes_start_with(bytes_after(name, 2), at))
    return string_with("Symbol.", bytes_after(name, 2));
  if (bytes_start_with(name, at))
    name = bytes_after(name, 2);
  struct buffer text;
  buffer_init(&text, name.size + 16);
  buffer_append_text(&text, "Symbol.for(");
  buffer_append_bytes(&text, name);
  buffer_append_text(&text, ")");
  json_t *string = json_stringn(buffer_text(&text), text.size);
  buffer_fini(&text);
  return string;
}

static json_t *decode_bigint(struct decoder *decoder, struct bytes text)
{
  if (!is_decimal(bytes_after(text, 1)))
    return fail(decoder->error, "the data has a malformed bigint");
  struct buffer digits;
  buffer_init(&digits, text.size + 1);
  buffer_append_bytes(&digits, text.data[0] == '+' ? bytes_after(text, 1) : text);
  if (!decoder->dialect->exact)
    buffer_append_text(&digits, "n");
  json_t *string = json_stringn(buffer_text(&digits), digits.size);
  buffer_fini(&digits);
  return decoder->dialect->exact ? json_pack("{s:o}", "$bigint", string) : string;
}

static json_t *decode_string(struct decoder *decoder, struct bytes text)
{
  if (!starts_special(text))
    return string_with("", text);
  switch (text.data[0]) {
  case '!':
    return string_with("", bytes_after(text, 1));
  case '#':
    return decode_constant(decoder, text);
  case '%':
    return decode_symbol(bytes_after(text, 1));
  case '+':
  case '-':
    return decode_bigint(decoder, text);
  case '$':
  case '&':
    return decode_slot(decoder, text);
  default:
    return fail(decoder->error, "the data has a string of a kind that is reserved");
  }
}

/* A property's name: a plain or an escaped string. NULL: neither. Borrowed from `encoded`. */
static const char *decode_name(const char *encoded)
{
  if (!starts_special(bytes_of(encoded)))
    return encoded;
  return encoded[0] == '!' ? encoded + 1 : NULL;
}

static bool decode_property(struct decoder *decoder, json_t *result, const char *encoded_name, const json_t *encoding,
                            int depth)
{
  const char *name = decode_name(encoded_name);
  char *escaped = name && decoder->dialect->exact && is_marked_name(name) ? memory_printf("!%s", name) : NULL;
  if (escaped)
    name = escaped;
  bool good = name && !json_object_get(result, name);
  if (!good)
    fail(decoder->error, name ? "the data has a property twice" : "the data has a property with a reserved name");
  json_t *value = good ? decode(decoder, encoding, depth + 1) : NULL;
  good = value && json_object_set_new(result, name, value) == 0;
  free(escaped);
  return good;
}

static json_t *decode_record(struct decoder *decoder, const json_t *record, int depth)
{
  json_t *result = json_object();
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)record, name, value) {
    if (!decode_property(decoder, result, name, value, depth)) {
      json_decref(result);
      return NULL;
    }
  }
  return result;
}

/* An error's message or a tag: a plain or an escaped string. */
static json_t *decode_mark(struct decoder *decoder, const json_t *encoding)
{
  bool good =
      json_is_string(encoding) && (!starts_special(bytes_of_string(encoding)) || json_string_value(encoding)[0] == '!');
  return good ? decode_string(decoder, bytes_of_string(encoding))
              : fail(decoder->error, "the data has an error or a tag that is not a string");
}

/* A record of a kind that smallcaps marks by the property `mark`, which keeps that name. The other properties follow
 * it. */
static json_t *decode_marked(struct decoder *decoder, const json_t *record, const char *mark, int depth)
{
  json_t *text = decode_mark(decoder, json_object_get(record, mark));
  if (!text)
    return NULL;
  json_t *result = json_object();
  const char *name;
  json_t *value;
  json_object_set_new(result, mark, text);
  json_object_foreach((json_t *)record, name, value) {
    if (strcmp(name, mark) != 0 && !decode_property(decoder, result, name, value, depth)) {
      json_decref(result);
      return NULL;
    }
  }
  return result;
}

static json_t *decode_array(struct decoder *decoder, const json_t *array, int depth)
{
  json_t *result = json_array();
  size_t index;
  json_t *item;
  json_array_foreach(array, index, item) {
    json_t *value = decode(decoder, item, depth + 1);
    if (!value) {
      json_decref(result);
      return NULL;
    }
    json_array_append_new(result, value);
  }
  return result;
}

/* An integer that was parsed as a real becomes one again where that loses nothing. */
static json_t *decode_real(double value)
{
  const double max = (double)JAVASCRIPT_MAX_INTEGER;
  bool whole = value >= -max && value <= max && value == (double)(json_int_t)value;
  return whole ? json_integer((json_int_t)value) : json_real(value);
}

/* An integer that JavaScript holds only roughly is a real for a vat, which could not say it otherwise. */
static json_t *decode_integer(const struct decoder *decoder, const json_t *integer)
{
  json_int_t value = json_integer_value(integer);
  bool exact = value >= -JAVASCRIPT_MAX_INTEGER && value <= JAVASCRIPT_MAX_INTEGER;
  return exact || !decoder->dialect->exact ? json_integer(value) : json_real((double)value);
}

static json_t *decode(struct decoder *decoder, const json_t *encoding, int depth)
{
  if (depth >= LIMIT_JSON_DEPTH)
    return fail(decoder->error, "the data is nested too deeply");
  switch (json_typeof(encoding)) {
  case JSON_OBJECT:
    if (json_object_get(encoding, "#tag"))
      return decode_marked(decoder, encoding, "#tag", depth);
    if (json_object_get(encoding, "#error"))
      return decode_marked(decoder, encoding, "#error", depth);
    return decode_record(decoder, encoding, depth);
  case JSON_ARRAY:
    return decode_array(decoder, encoding, depth);
  case JSON_STRING:
    return decode_string(decoder, bytes_of_string(encoding));
  case JSON_INTEGER:
    return decode_integer(decoder, encoding);
  case JSON_REAL:
    return decode_real(json_real_value(encoding));
  default:
    return json_incref((json_t *)encoding);
  }
}

/* JavaScript writes numbers up to 1e21 as integers, jansson takes them up to 2^63: then all numbers are read as reals.
 */
static json_t *parse(struct bytes text, struct error *error)
{
  json_error_t said;
  json_t *parsed = json_loadb(text.data, text.size, PARSE_FLAGS, &said);
  if (!parsed && json_error_code(&said) == json_error_numeric_overflow)
    parsed = json_loadb(text.data, text.size, PARSE_FLAGS | JSON_DECODE_INT_AS_REAL, &said);
  if (!parsed)
    error_set(error, VATD_INVALID, "the data is not JSON: %s", said.text);
  return parsed;
}

static enum vatd_code decode_body(struct bytes body, const json_t *slots, const struct dialect *dialect, json_t **value,
                                  struct error *error)
{
  struct decoder decoder = {slots, error, dialect};
  if (body.size < 2 || body.data[0] != '#')
    return error_set(error, VATD_INVALID, "the data is not in the smallcaps form");
  json_t *encoding = parse(bytes_after(body, 1), error);
  if (!encoding)
    return VATD_INVALID;
  json_t *decoded = decode(&decoder, encoding, 0);
  json_decref(encoding);
  if (!decoded)
    return VATD_INVALID;
  *value = decoded;
  return VATD_OK;
}

enum vatd_code smallcaps_decode(struct bytes body, const json_t *slots, json_t **value, struct error *error)
{
  return decode_body(body, slots, &for_people, value, error);
}

enum vatd_code smallcaps_decode_for_vat(struct bytes body, const json_t *slots, json_t **value, struct error *error)
{
  return decode_body(body, slots, &for_vats, value, error);
}

enum vatd_code smallcaps_decode_for_host(struct bytes body, const json_t *slots, json_t **value, struct error *error)
{
  return decode_body(body, slots, &for_hosts, value, error);
}

bool smallcaps_is_undefined(struct bytes body)
{
  return bytes_is(body, "#\"#undefined\"");
}
