/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/vref.c - see vref.h. References have the form
 *
 *   [o|d|p] [+|-] [d|v]? ID [/SUBID]? [:FACET]?
 *
 * with decimal numbers; a SUBID only behind `o+d` and `o+v`, and a FACET means something only behind a SUBID. Numbers that do not
 * fit into 64 bits are left to the original.
 */
#include "xsAll.h"

#include "vat-worker/slots.h"
#include "vat-worker/vref.h"

#define MAX_DIGITS 18
#define ABSENT UINT64_MAX

enum { TYPE, ALLOCATED_BY_VAT, VIRTUAL, DURABLE, ID, SUBID, BASE_REF, FACET, PARTS };

struct vref {
  const char *type;
  bool allocated_by_vat;
  bool is_virtual;
  bool durable;
  uint64_t id;
  uint64_t subid;
  uint64_t facet;
  size_t base_size;
};

/* Moves *text behind the digits. */
static bool read_number(const char **text, uint64_t *number)
{
  size_t count = 0;
  *number = 0;
  for (; **text >= '0' && **text <= '9' && count <= MAX_DIGITS; (*text)++, count++)
    *number = *number * 10 + (uint64_t)(**text - '0');
  return count > 0 && count <= MAX_DIGITS;
}

static bool read_type(char letter, struct vref *vref)
{
  vref->type = letter == 'o' ? "object" : letter == 'd' ? "device" : letter == 'p' ? "promise" : NULL;
  return vref->type;
}

static bool read_numbers(const char *text, const char *whole, struct vref *vref)
{
  bool may_have_subid = vref->type[0] == 'o' && vref->allocated_by_vat && (vref->is_virtual || vref->durable);
  vref->subid = vref->facet = ABSENT;
  if (!read_number(&text, &vref->id))
    return false;
  if (*text == '/') {
    text++;
    if (!may_have_subid || !read_number(&text, &vref->subid))
      return false;
  }
  vref->base_size = (size_t)(text - whole);
  if (*text == ':' && vref->subid != ABSENT) {
    text++;
    if (!read_number(&text, &vref->facet))
      return false;
  }
  return *text == 0;
}

static bool read_vref(const char *text, struct vref *vref)
{
  const char *at = text;
  if (!read_type(*at, vref) || (at[1] != '+' && at[1] != '-'))
    return false;
  vref->allocated_by_vat = at[1] == '+';
  at += 2;
  vref->is_virtual = *at == 'v';
  vref->durable = *at == 'd';
  if (vref->is_virtual || vref->durable)
    at++;
  return read_numbers(at, text, vref);
}

static void set_flag(txSlot *slot, bool value)
{
  slot->kind = XS_BOOLEAN_KIND;
  slot->value.boolean = value;
}

static void set_number(txMachine *the, txSlot *slot, uint64_t number)
{
  if (number != ABSENT)
    fxFromBigUint64(the, slot, number);
}

/* `slot` is in the result, so that the collector finds what is put into it. */
static void set_part(txMachine *the, txSlot *slot, unsigned part, const struct vref *vref)
{
  switch (part) {
  case TYPE:
    fxString(the, slot, (txString)vref->type);
    break;
  case ALLOCATED_BY_VAT:
    set_flag(slot, vref->allocated_by_vat);
    break;
  case VIRTUAL:
    set_flag(slot, vref->is_virtual);
    break;
  case DURABLE:
    set_flag(slot, vref->durable);
    break;
  case ID:
    set_number(the, slot, vref->id);
    break;
  case SUBID:
    set_number(the, slot, vref->subid);
    break;
  case FACET:
    set_number(the, slot, vref->facet);
    break;
  }
}

/* The reference itself, or what is before its facet: the text moves when room is made for it. */
static void set_base_ref(txMachine *the, txSlot *slot, size_t size)
{
  txString base = fxNewChunk(the, (txSize)size + 1);
  memcpy(base, mxArgv(0)->value.string, size);
  base[size] = 0;
  slot->value.string = base;
  slot->kind = XS_STRING_KIND;
}

void vref_parse(txMachine *the)
{
  struct vref vref;
  if (mxArgc != 2 || !slot_is_string(mxArgv(0)) ||
      !read_vref(mxArgv(0)->value.string, &vref))
    return;
  mxPush(mxObjectPrototype);
  txSlot *last = fxNewObjectInstance(the);
  const txSlot *form = mxArgv(1)->value.reference->next;
  for (unsigned part = 0; part < PARTS; part++, form = form->next) {
    last = fxNextUndefinedProperty(the, last, form->ID, XS_NO_FLAG);
    if (part == BASE_REF && vref.facet == ABSENT)
      last->kind = mxArgv(0)->kind, last->value = mxArgv(0)->value;
    else if (part == BASE_REF)
      set_base_ref(the, last, vref.base_size);
    else
      set_part(the, last, part, &vref);
  }
  mxPullSlot(mxResult);
}
