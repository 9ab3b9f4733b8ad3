/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/smallcaps.c - see smallcaps.h.
 *
 * Whatever is not plain (errors, symbols, records with numbers for names, malformed texts, great depth) is left to the original, whose
 * judgement, messages and side effects stay what they are; it is found before anything was changed.
 *
 * Encoding takes only what pass_style knows to be passable, and that is frozen: nothing here runs JavaScript or could see
 * something else on a second walk. Decoding changes in place what JSON.parse() has made for it.
 *
 * Slots stay where they are, but the items of an array and the characters of a string are chunks, which move when something is
 * allocated: they are looked up again each time.
 */
#include "xsAll.h"

#include "vat-worker/harden.h"
#include "vat-worker/pass_style.h"
#include "vat-worker/smallcaps.h"
#include "vat-worker/slots.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define MAX_DEPTH 100
#define MAX_PROPERTIES 1000    /* of a record that is sorted here */
#define MAX_BIGINT_DIGITS 1000 /* reading digits takes quadratic time */

/* Strings that begin with one of these stand for something else. */
static bool is_special(const char *text)
{
  return text[0] >= '!' && text[0] <= '-';
}

/* Encoding */

struct encoder {
  txMachine *the;
  struct buffer out;
  const txSlot *texts; /* the array of what remotables and promises are encoded as, or NULL */
  size_t caps;         /* how many were met */
  txSlot *last;        /* where the next of them is added, when they are gathered */
};

static bool encode_value(struct encoder *encoder, const txSlot *value, unsigned depth);

/* How many bytes at `text` may stand in JSON as they are. */
static size_t plain_bytes(const unsigned char *text)
{
  size_t count = 0;
  while (text[count] >= 0x20 && text[count] != '"' && text[count] != '\\' && text[count] != 0xC0 && text[count] != 0xED)
    count++;
  return count;
}

/* A surrogate pair, as the engine has it: two times three bytes. */
static bool is_pair(const unsigned char *text)
{
  return text[0] == 0xED && text[1] >= 0xA0 && text[1] < 0xB0 && text[3] == 0xED && text[4] >= 0xB0;
}

/* Appends what begins with a byte that plain_bytes() stops at; returns its size in bytes, or 0: not for us. */
static size_t encode_odd_byte(struct encoder *encoder, const unsigned char *text)
{
  static const char escaped[] = "\"\"\\\\\bb\tt\nn\ff\rr";
  if (text[0] == 0xED) {
    size_t size = text[1] < 0xA0 ? 3 : is_pair(text) ? 6 : 0;
    buffer_append(&encoder->out, text, size);
    return size;
  }
  for (const char *pair = escaped; *pair; pair += 2) {
    if ((char)text[0] == pair[0]) {
      char escape[] = {'\\', pair[1]};
      buffer_append(&encoder->out, escape, 2);
      return 1;
    }
  }
  return 0;
}

static bool encode_text(struct encoder *encoder, const char *prefix, const char *string)
{
  const unsigned char *text = (const unsigned char *)string;
  buffer_append_text(&encoder->out, "\"");
  buffer_append_text(&encoder->out, prefix);
  while (*text) {
    size_t plain = plain_bytes(text);
    buffer_append(&encoder->out, text, plain);
    text += plain;
    if (!*text)
      break;
    size_t odd = encode_odd_byte(encoder, text);
    if (odd == 0)
      return false;
    text += odd;
  }
  buffer_append_text(&encoder->out, "\"");
  encoder->the->meterIndex += (txU4)((const char *)text - string) / 16;
  return true;
}

static bool encode_string(struct encoder *encoder, const char *string)
{
  return encode_text(encoder, is_special(string) ? "!" : "", string);
}

static void encode_number(struct encoder *encoder, double number)
{
  char text[256];
  if (isnan(number))
    buffer_append_text(&encoder->out, "\"#NaN\"");
  else if (isinf(number))
    buffer_append_text(&encoder->out, number > 0 ? "\"#Infinity\"" : "\"#-Infinity\"");
  else
    buffer_append_text(&encoder->out, number == 0 ? "0" : fxNumberToString(encoder->the->dtoa, number, text, sizeof text, 0, 0));
}

static bool encode_bigint(struct encoder *encoder, const txSlot *value)
{
  txMachine *the = encoder->the;
  mxPushSlot(value);
  const char *digits = fxToString(the, the->stack);
  bool fine = encode_text(encoder, digits[0] == '-' ? "" : "+", digits);
  mxPop();
  return fine;
}

static bool encode_items(struct encoder *encoder, txSlot *instance, unsigned depth)
{
  txSlot *array = instance->next;
  txIndex length = array->value.array.length;
  buffer_append_text(&encoder->out, "[");
  for (txIndex i = 0; i < length; i++) {
    if (i > 0)
      buffer_append_text(&encoder->out, ",");
    if (!encode_value(encoder, array->value.array.address + i, depth))
      return false;
  }
  buffer_append_text(&encoder->out, "]");
  return true;
}

/* In the table of names, which may move when something is allocated. */
static char *name_of(txMachine *the, const txSlot *property)
{
  return fxIsKeyName(the, property->ID) ? fxGetKey(the, property->ID)->value.key.string : NULL;
}

static int compare_names(const void *left, const void *right, void *the)
{
  return fxUTF8Compare(name_of(the, *(const txSlot *const *)left), name_of(the, *(const txSlot *const *)right));
}

static bool encode_members(struct encoder *encoder, const txSlot *const *members, size_t count, unsigned depth)
{
  buffer_append_text(&encoder->out, "{");
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      buffer_append_text(&encoder->out, ",");
    if (!encode_string(encoder, name_of(encoder->the, members[i])))
      return false;
    buffer_append_text(&encoder->out, ":");
    if (!encode_value(encoder, members[i], depth))
      return false;
  }
  buffer_append_text(&encoder->out, "}");
  return true;
}

static bool encode_record(struct encoder *encoder, txSlot *instance, unsigned depth)
{
  const txSlot *few[16], **members = few;
  size_t count = 0, at = 0;
  const txSlot *first = pass_style_property(instance->next);
  for (const txSlot *property = first; property; property = property->next)
    count++;
  if (count > MAX_PROPERTIES)
    return false;
  if (count > sizeof few / sizeof few[0])
    members = memory_alloc(count * sizeof *members);
  for (const txSlot *property = first; property; property = property->next)
    members[at++] = property;
  qsort_r(members, count, sizeof *members, compare_names, encoder->the);
  bool fine = encode_members(encoder, members, count, depth);
  if (members != few)
    free(members);
  return fine;
}

static bool encode_tagged(struct encoder *encoder, txSlot *instance, unsigned depth)
{
  const txSlot *tag, *payload;
  if (!pass_style_tagged(encoder->the, instance, &tag, &payload))
    return false;
  buffer_append_text(&encoder->out, "{\"#tag\":");
  if (!encode_string(encoder, tag->value.string))
    return false;
  buffer_append_text(&encoder->out, ",\"payload\":");
  bool fine = encode_value(encoder, payload, depth);
  buffer_append_text(&encoder->out, "}");
  return fine;
}

/* A remotable or a promise: is gathered, or has a text. */
static bool encode_cap(struct encoder *encoder, const txSlot *value)
{
  size_t at = encoder->caps++;
  if (!encoder->texts) {
    if (encoder->last)
      encoder->last = fxNextSlotProperty(encoder->the, encoder->last, (txSlot *)value, XS_NO_ID, XS_NO_FLAG);
    return true;
  }
  const txSlot *array = encoder->texts->value.reference->next;
  const txSlot *text = array->value.array.address + at;
  return at < array->value.array.length && slot_is_string(text) && encode_text(encoder, "", text->value.string);
}

static bool encode_object(struct encoder *encoder, const txSlot *value, unsigned depth)
{
  txSlot *instance = value->value.reference;
  if (depth == MAX_DEPTH)
    return false;
  switch (pass_style_of_object(encoder->the, instance)) {
  case PASS_ARRAY:
    return encode_items(encoder, instance, depth + 1);
  case PASS_RECORD:
    return encode_record(encoder, instance, depth + 1);
  case PASS_TAGGED:
    return encode_tagged(encoder, instance, depth + 1);
  case PASS_PROMISE:
  case PASS_REMOTABLE:
    return encode_cap(encoder, value);
  case PASS_UNKNOWN:
    break;
  }
  return false;
}

static bool encode_value(struct encoder *encoder, const txSlot *value, unsigned depth)
{
  encoder->the->meterIndex++;
  switch (value->kind) {
  case XS_UNDEFINED_KIND:
    return buffer_append_text(&encoder->out, "\"#undefined\"");
  case XS_NULL_KIND:
    return buffer_append_text(&encoder->out, "null");
  case XS_BOOLEAN_KIND:
    return buffer_append_text(&encoder->out, value->value.boolean ? "true" : "false");
  case XS_INTEGER_KIND:
    encode_number(encoder, value->value.integer);
    return true;
  case XS_NUMBER_KIND:
    encode_number(encoder, value->value.number);
    return true;
  case XS_BIGINT_KIND:
  case XS_BIGINT_X_KIND:
    return encode_bigint(encoder, value);
  case XS_STRING_KIND:
  case XS_STRING_X_KIND:
    return encode_string(encoder, value->value.string);
  case XS_REFERENCE_KIND:
    return encode_object(encoder, value, depth);
  default:
    return false;
  }
}

/* The second walk of a value with remotables or promises in it: an array of them becomes the result. */
static void gather_caps(txMachine *the, struct encoder *encoder, size_t count)
{
  mxPush(mxArrayPrototype);
  txSlot *instance = fxNewArrayInstance(the);
  encoder->caps = 0;
  encoder->last = instance->next;
  encode_value(encoder, mxArgv(0), 0);
  instance->next->value.array.length = (txIndex)count;
  fxCacheArray(the, instance);
  mxPullSlot(mxResult);
}

void smallcaps_encode(txMachine *the)
{
  struct encoder encoder = {.the = the};
  if (mxArgc != 2)
    return;
  if (mxArgv(1)->kind == XS_REFERENCE_KIND)
    encoder.texts = mxArgv(1);
  buffer_init(&encoder.out, 2 * LIMIT_CAPDATA_BODY); /* in the engine's encoding a text may be longer than in ours */
  buffer_append_text(&encoder.out, "#");
  bool fine = encode_value(&encoder, mxArgv(0), 0) && !encoder.out.overflowed;
  if (fine && encoder.caps > 0 && !encoder.texts)
    gather_caps(the, &encoder, encoder.caps);
  else if (fine)
    fxStringBuffer(the, mxResult, encoder.out.data, (txSize)encoder.out.size);
  buffer_fini(&encoder.out);
}

/* Decoding */

struct decoder {
  txMachine *the;
  txSlot *last;  /* gathering: where the next text of a remotable or promise is added */
  txIndex count; /* of them, so far */
  const txSlot *caps; /* what they became: an array, or NULL */
  const txSlot *pass_style;
  const txSlot *tagged;
};

/* Where a value is: a property, or an item of an array. */
struct place {
  txSlot *property;
  txSlot *array;
  txIndex index;
};

static txSlot *at_place(struct place place)
{
  return place.property ? place.property : place.array->value.array.address + place.index;
}

static bool is_digits(const char *text, const char *end, size_t most)
{
  size_t count = (size_t)(end - text);
  while (text < end && *text >= '0' && *text <= '9')
    text++;
  return count > 0 && count <= most && text == end;
}

static bool is_constant(const char *text)
{
  return strcmp(text, "#undefined") == 0 || strcmp(text, "#NaN") == 0 || strcmp(text, "#Infinity") == 0 ||
         strcmp(text, "#-Infinity") == 0;
}

static bool can_decode_string(const char *text)
{
  if (!is_special(text))
    return true;
  switch (text[0]) {
  case '!':
    return true;
  case '#':
    return is_constant(text);
  case '+':
  case '-':
    return is_digits(text + 1, text + strlen(text), MAX_BIGINT_DIGITS);
  case '$':
  case '&':
    return is_digits(text + 1, text + 1 + strcspn(text + 1, "."), 6);
  default:
    return false;
  }
}

/* Exactly these two, in any order. */
static bool is_tagged(txMachine *the, const txSlot *instance)
{
  const txSlot *tag = NULL, *payload = NULL;
  for (const txSlot *property = instance->next; property; property = property->next) {
    const char *name = property->flag & XS_INTERNAL_FLAG ? NULL : name_of(the, property);
    if (name && strcmp(name, "#tag") == 0)
      tag = property;
    else if (name && strcmp(name, "payload") == 0)
      payload = property;
    else
      return false;
  }
  return tag && payload && slot_is_string(tag) && !is_special(tag->value.string);
}

static bool can_decode(struct decoder *decoder, struct place place, unsigned depth);

static bool can_decode_record(struct decoder *decoder, txSlot *instance, unsigned depth)
{
  bool tagged = is_tagged(decoder->the, instance);
  for (txSlot *property = instance->next; property; property = property->next) {
    const char *name = property->flag & XS_INTERNAL_FLAG ? NULL : name_of(decoder->the, property);
    if (!name || (is_special(name) && !tagged) || strcmp(name, "__proto__") == 0 ||
        !can_decode(decoder, (struct place){.property = property}, depth))
      return false;
  }
  return true;
}

static bool can_decode_object(struct decoder *decoder, txSlot *instance, unsigned depth)
{
  txSlot *array = instance->next;
  bool fine = true;
  if (depth == MAX_DEPTH)
    return false;
  if (!(instance->flag & XS_EXOTIC_FLAG))
    return can_decode_record(decoder, instance, depth);
  for (txIndex i = 0; i < array->value.array.length && fine; i++)
    fine = can_decode(decoder, (struct place){.array = array, .index = i}, depth);
  return fine;
}

static bool can_decode(struct decoder *decoder, struct place place, unsigned depth)
{
  txSlot *value = at_place(place);
  decoder->the->meterIndex++;
  switch (value->kind) {
  case XS_NULL_KIND:
  case XS_BOOLEAN_KIND:
  case XS_INTEGER_KIND:
  case XS_NUMBER_KIND:
    return true;
  case XS_STRING_KIND:
  case XS_STRING_X_KIND:
    if (!can_decode_string(value->value.string))
      return false;
    if (value->value.string[0] == '$' || value->value.string[0] == '&') {
      decoder->count++;
      if (decoder->last)
        decoder->last = fxNextSlotProperty(decoder->the, decoder->last, value, XS_NO_ID, XS_NO_FLAG);
    }
    return true;
  case XS_REFERENCE_KIND:
    return can_decode_object(decoder, value->value.reference, depth + 1);
  default:
    return false;
  }
}

/* Now that all of it can be decoded. */

static void store(struct place place, const txSlot *value)
{
  txSlot *slot = at_place(place);
  slot->kind = value->kind;
  slot->value = value->value;
}

static void decode_constant(txSlot *slot, const char *text)
{
  slot->kind = text[1] == 'u' ? XS_UNDEFINED_KIND : XS_NUMBER_KIND;
  if (slot->kind == XS_NUMBER_KIND)
    slot->value.number = text[1] == 'N' ? (double)NAN : text[1] == '-' ? -(double)INFINITY : (double)INFINITY;
}

static void decode_cap(struct decoder *decoder, struct place place)
{
  const txSlot *array = decoder->caps->value.reference->next;
  store(place, array->value.array.address + decoder->count++);
}

static void decode_string(struct decoder *decoder, struct place place)
{
  txMachine *the = decoder->the;
  const txSlot *text = at_place(place);
  char first = text->value.string[0];
  if (!is_special(text->value.string))
    return;
  if (first == '$' || first == '&') {
    decode_cap(decoder, place);
    return;
  }
  mxPushSlot(text);
  if (first == '#') {
    decode_constant(the->stack, the->stack->value.string);
  } else if (first == '!') {
    size_t size = strlen(the->stack->value.string); /* without the first, with the last */
    char *rest = fxNewChunk(the, (txSize)size);
    memcpy(rest, the->stack->value.string + 1, size);
    the->stack->value.string = rest;
    the->stack->kind = XS_STRING_KIND;
  } else {
    fxToBigInt(the, the->stack, 1);
  }
  store(place, the->stack);
  mxPop();
}

/* What makeTagged() makes: the style and the tag under symbols, hidden, and the payload. */
static void make_tagged(struct decoder *decoder, txSlot *instance)
{
  txMachine *the = decoder->the;
  txSlot *first = instance->next;
  txSlot *second = first->next;
  bool in_order = strcmp(name_of(the, first), "#tag") == 0;
  txSlot *tag = in_order ? first : second;
  txSlot *payload = in_order ? second : first;
  txSlot *style = fxNewSlot(the);
  style->flag = tag->flag = XS_DONT_ENUM_FLAG;
  style->ID = decoder->pass_style->value.symbol;
  style->kind = decoder->tagged->kind;
  style->value = decoder->tagged->value;
  tag->ID = mxID(_Symbol_toStringTag);
  instance->next = style;
  style->next = tag;
  tag->next = payload;
  payload->next = NULL;
}

static void decode_value(struct decoder *decoder, struct place place);

static void decode_object(struct decoder *decoder, txSlot *instance)
{
  txSlot *array = instance->next;
  if (instance->flag & XS_EXOTIC_FLAG) {
    for (txIndex i = 0; i < array->value.array.length; i++)
      decode_value(decoder, (struct place){.array = array, .index = i});
    return;
  }
  bool tagged = is_tagged(decoder->the, instance);
  for (txSlot *property = instance->next; property; property = property->next)
    decode_value(decoder, (struct place){.property = property});
  if (tagged)
    make_tagged(decoder, instance);
}

static void decode_value(struct decoder *decoder, struct place place)
{
  const txSlot *value = at_place(place);
  if (slot_is_string(value)) {
    decode_string(decoder, place);
  } else if (value->kind == XS_REFERENCE_KIND) {
    txSlot *instance = value->value.reference;
    decode_object(decoder, instance);
    harden_object(decoder->the, instance);
    pass_style_mark(instance);
  }
}

/* The texts become the result, as an array. */
static void gather_texts(txMachine *the, struct decoder *decoder, struct place root)
{
  mxPush(mxArrayPrototype);
  txSlot *instance = fxNewArrayInstance(the);
  instance->next->value.array.length = decoder->count;
  decoder->last = instance->next;
  can_decode(decoder, root, 0);
  fxCacheArray(the, instance);
  mxPullSlot(mxResult);
}

void smallcaps_decode(txMachine *the)
{
  struct decoder decoder = {.the = the};
  if (mxArgc != 4 || mxArgv(2)->kind != XS_SYMBOL_KIND || !slot_is_string(mxArgv(3)))
    return;
  struct place root = {.array = mxArgv(0)->value.reference->next, .index = 0};
  decoder.pass_style = mxArgv(2);
  decoder.tagged = mxArgv(3);
  if (mxArgv(1)->kind == XS_REFERENCE_KIND)
    decoder.caps = mxArgv(1);
  else if (!can_decode(&decoder, root, 0))
    return;
  if (!decoder.caps && decoder.count > 0) {
    gather_texts(the, &decoder, root);
    return;
  }
  decode_value(&decoder, root);
  mxResult->kind = XS_BOOLEAN_KIND;
  mxResult->value.boolean = 1;
}
