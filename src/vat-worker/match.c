/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/match.c - see match.h. Patterns are tagged data; known here are those of any value, of any scalar, of any string of
 * the usual length, and those that say that several of these match. All that is looked at is frozen; nothing runs JavaScript.
 */
#include "xsAll.h"

#include "vat-worker/match.h"
#include "vat-worker/pass_style.h"
#include "vat-worker/slots.h"

#define MAX_DEPTH 8
#define MAX_STRING_BYTES 100000 /* `stringLengthLimit` of @endo/patterns, which counts what has at least one byte each */

static bool is_atom(const txSlot *slot)
{
  switch (slot->kind) {
  case XS_UNDEFINED_KIND:
  case XS_NULL_KIND:
  case XS_BOOLEAN_KIND:
  case XS_INTEGER_KIND:
  case XS_NUMBER_KIND:
  case XS_BIGINT_KIND:
  case XS_BIGINT_X_KIND:
    return true;
  default:
    return slot_is_string(slot);
  }
}

static bool is_scalar(txMachine *the, const txSlot *slot)
{
  return is_atom(slot) || (slot->kind == XS_REFERENCE_KIND &&
                           pass_style_of_object(the, slot->value.reference) == PASS_REMOTABLE);
}

static bool is_passable(txMachine *the, const txSlot *slot)
{
  return is_atom(slot) || (slot->kind == XS_REFERENCE_KIND &&
                           pass_style_of_object(the, slot->value.reference) != PASS_UNKNOWN);
}

/* The items of a hardened array, or NULL. */
static const txSlot *items_of(txMachine *the, const txSlot *slot, size_t *count)
{
  if (slot->kind != XS_REFERENCE_KIND || pass_style_of_object(the, slot->value.reference) != PASS_ARRAY)
    return NULL;
  const txSlot *array = slot->value.reference->next;
  *count = array->value.array.length;
  return array;
}

static bool surely(txMachine *the, const txSlot *specimen, const txSlot *pattern, unsigned depth);

static bool all_match(txMachine *the, const txSlot *specimen, const txSlot *patterns, unsigned depth)
{
  size_t count;
  const txSlot *array = items_of(the, patterns, &count);
  for (size_t i = 0; array && i < count; i++) {
    if (!surely(the, specimen, array->value.array.address + i, depth))
      return false;
  }
  return array;
}

static bool is_empty_list(txMachine *the, const txSlot *slot)
{
  size_t count;
  return items_of(the, slot, &count) && count == 0;
}

static bool matches_tagged(txMachine *the, const txSlot *specimen, const char *tag, const txSlot *payload, unsigned depth)
{
  if (strcmp(tag, "match:string") == 0)
    return is_empty_list(the, payload) && slot_is_string(specimen) && strlen(specimen->value.string) <= MAX_STRING_BYTES;
  if (strcmp(tag, "match:scalar") == 0)
    return payload->kind == XS_UNDEFINED_KIND && is_scalar(the, specimen);
  if (strcmp(tag, "match:any") == 0)
    return payload->kind == XS_UNDEFINED_KIND && is_passable(the, specimen);
  return strcmp(tag, "match:and") == 0 && all_match(the, specimen, payload, depth + 1);
}

static bool surely(txMachine *the, const txSlot *specimen, const txSlot *pattern, unsigned depth)
{
  const txSlot *tag, *payload;
  the->meterIndex++;
  if (depth == MAX_DEPTH || pattern->kind != XS_REFERENCE_KIND ||
      !pass_style_tagged(the, pattern->value.reference, &tag, &payload))
    return false;
  return matches_tagged(the, specimen, tag->value.string, payload, depth);
}

void match_surely(txMachine *the)
{
  mxResult->kind = XS_BOOLEAN_KIND;
  mxResult->value.boolean = mxArgc == 2 && surely(the, mxArgv(0), mxArgv(1), 0);
}
