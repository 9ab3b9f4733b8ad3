/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/values.c - see values.h. Strings are converted at this border, both ways (cesu8.h). */
#include "vat-worker/values.h"

#include "base/check.h"
#include "base/limits.h"
#include "vat-worker/cesu8.h"

#include <stdarg.h>
#include <stdio.h>

/* The engine's own way to throw from C puts the name of the C function's caller before the message. */
_Noreturn void values_throw(xsMachine *the, const char *name, const char *format, ...)
{
  char text[ERROR_TEXT_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  xsThrow(xsNew1(xsGlobal, xsID(name), xsString(text)));
  UNREACHABLE("a throw does not return");
}

xsSlot values_string(xsMachine *the, struct bytes utf8)
{
  size_t size = cesu8_size(utf8);
  if (size == utf8.size)
    return xsStringBuffer((char *)utf8.data, (xsIntegerValue)size);
  xsSlot string = xsStringBuffer(NULL, (xsIntegerValue)size);
  cesu8_encode(utf8, fxToString(the, &string));
  return string;
}

/* Borrowed from the engine until it allocates. */
static struct bytes string_bytes(xsMachine *the, const xsSlot *value)
{
  xsSlot slot = *value;
  xsType type = fxTypeOf(the, &slot);
  if (type != xsStringType && type != xsStringXType)
    values_throw(the, "TypeError", "not a string");
  return bytes_of(fxToString(the, &slot));
}

static void check_surrogates(xsMachine *the, bool lone, const char *what)
{
  if (lone && what)
    values_throw(the, "TypeError", "%s has a lone surrogate, which cannot be stored or sent", what);
}

struct bytes values_text(xsMachine *the, const xsSlot *value, const char *what, struct arena *arena)
{
  struct bytes string = string_bytes(the, value);
  char *text = arena_alloc(arena, string.size + 1);
  bool lone = false;
  size_t size = cesu8_decode(string, text, &lone);
  text[size] = 0;
  check_surrogates(the, lone, what);
  return bytes_from(text, size);
}

struct bytes values_scratch_text(xsMachine *the, const xsSlot *value, const char *what, struct buffer *scratch)
{
  struct bytes string = string_bytes(the, value);
  buffer_clear(scratch);
  if (!buffer_reserve(scratch, string.size))
    values_throw(the, "RangeError", "%s is over the limit of %zu bytes", what ? what : "a text",
                   scratch->limit);
  bool lone = false;
  if (string.size > 0)
    scratch->size = cesu8_decode(string, scratch->data, &lone);
  check_surrogates(the, lone, what);
  return buffer_bytes(scratch);
}

/* Appends to the array in xsResult; `*at` is its next index. */
static void append(xsMachine *the, size_t *at, xsSlot value)
{
  xsVar(0) = value;
  xsSetIndex(xsResult, (xsIndex)*at, xsVar(0));
  *at += 1;
}

static void append_text(xsMachine *the, size_t *at, struct bytes text)
{
  append(the, at, values_string(the, text));
}

static void append_list(xsMachine *the, size_t *at, const struct bytes_list *list)
{
  append(the, at, xsInteger((xsIntegerValue)list->count));
  for (size_t i = 0; i < list->count; i++)
    append_text(the, at, list->items[i]);
}

static void append_capdata(xsMachine *the, size_t *at, const struct capdata *data)
{
  append_text(the, at, data->body);
  append_list(the, at, &data->slots);
}

static void append_resolutions(xsMachine *the, size_t *at, const struct resolution_list *list)
{
  append(the, at, xsInteger((xsIntegerValue)list->count));
  for (size_t i = 0; i < list->count; i++) {
    append_text(the, at, list->items[i].vpid);
    append(the, at, xsBoolean(list->items[i].rejected));
    append_capdata(the, at, &list->items[i].data);
  }
}

static void append_message(xsMachine *the, size_t *at, const struct vat_message *message)
{
  append_text(the, at, message->target);
  if (message->result.size > 0)
    append_text(the, at, message->result);
  else
    append(the, at, xsUndefined);
  append_capdata(the, at, &message->methargs);
}

void values_make_delivery(xsMachine *the, const struct delivery *delivery)
{
  size_t at = 0;
  xsResult = xsNewArray(0);
  append_text(the, &at, bytes_of(delivery_type_name(delivery->type)));
  switch (delivery->type) {
  case DELIVERY_MESSAGE:
    append_message(the, &at, &delivery->message);
    break;
  case DELIVERY_NOTIFY:
    append_resolutions(the, &at, &delivery->resolutions);
    break;
  case DELIVERY_DROP_EXPORTS:
  case DELIVERY_RETIRE_EXPORTS:
  case DELIVERY_RETIRE_IMPORTS:
    append_list(the, &at, &delivery->vrefs);
    break;
  case DELIVERY_BRING_OUT_YOUR_DEAD:
    break;
  }
}

/* The next item, left in xsVar(0). */
static void read_item(struct values_reader *reader)
{
  xsMachine *the = reader->the;
  xsVar(0) = xsGetIndex(*reader->array, (xsIndex)reader->at);
  reader->at++;
}

struct bytes values_read_text(struct values_reader *reader, const char *what)
{
  xsMachine *the = reader->the;
  read_item(reader);
  xsSlot item = xsVar(0);
  struct bytes text = values_text(the, &item, what, reader->arena);
  reader->bytes += text.size;
  return text;
}

bool values_read_flag(struct values_reader *reader)
{
  xsMachine *the = reader->the;
  read_item(reader);
  return xsToBoolean(xsVar(0)) != 0;
}

size_t values_read_count(struct values_reader *reader, size_t limit, const char *what)
{
  xsMachine *the = reader->the;
  read_item(reader);
  xsIntegerValue count = xsToInteger(xsVar(0));
  if (count < 0 || (size_t)count > limit)
    values_throw(the, "RangeError", "more than %zu %s in one syscall", limit, what);
  return (size_t)count;
}

struct bytes values_read_vref(struct values_reader *reader)
{
  struct bytes vref = values_read_text(reader, "a reference");
  if (vref.size == 0 || vref.size > LIMIT_VREF_LENGTH)
    values_throw(reader->the, "RangeError", "a reference of %zu bytes", vref.size);
  return vref;
}

struct capdata values_read_capdata(struct values_reader *reader)
{
  struct capdata data = {.body = values_read_text(reader, "a message")};
  size_t count = values_read_count(reader, LIMIT_SLOTS_PER_CAPDATA, "references");
  data.slots.items = arena_alloc_array(reader->arena, count, sizeof *data.slots.items);
  while (data.slots.count < count)
    data.slots.items[data.slots.count++] = values_read_vref(reader);
  return data;
}
