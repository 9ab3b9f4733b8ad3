/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/pass_style.c - see pass_style.h.
 *
 * Plainly passable are primitives other than symbols, and hardened arrays and records of what is plainly passable. All
 * else (remotables, promises, errors, tagged data, whatever is malformed) is left to the original, so that its judgement and its
 * messages stay what they are. Nothing here runs JavaScript or changes what JavaScript can see.
 *
 * What was found passable once is frozen all the way down and stays so. It is marked (XS_DONT_MODIFY_FLAG, which the engine
 * itself does not use) like the original keeps it in a WeakMap. So are remotables, promises and tagged data when the original has
 * said what they are (but no proxy: its traps see whoever asks). Which of them a marked object is shows in its form: only records and tagged data have Object.prototype
 * as prototype, and only tagged data have symbols for names.
 */
#include "xsAll.h"

#include "vat-worker/pass_style.h"
#include "vat-worker/slots.h"

#define PASSABLE XS_DONT_MODIFY_FLAG
#define MAX_DEPTH 100 /* of what is deeper, or cyclic, the original decides */
#define FROZEN (XS_DONT_DELETE_FLAG | XS_DONT_SET_FLAG)

static bool is_passable(txMachine *the, const txSlot *value, unsigned depth);

static const char *style_of_primitive(const txSlot *value)
{
  switch (value->kind) {
  case XS_UNDEFINED_KIND:
    return "undefined";
  case XS_NULL_KIND:
    return "null";
  case XS_BOOLEAN_KIND:
    return "boolean";
  case XS_INTEGER_KIND:
  case XS_NUMBER_KIND:
    return "number";
  case XS_BIGINT_KIND:
  case XS_BIGINT_X_KIND:
    return "bigint";
  case XS_STRING_KIND:
  case XS_STRING_X_KIND:
    return "string";
  default:
    return NULL;
  }
}

static bool is_array(const txSlot *instance)
{
  return (instance->flag & XS_EXOTIC_FLAG) && instance->next->ID == XS_ARRAY_BEHAVIOR;
}

txSlot *pass_style_property(txSlot *property)
{
  while (property && (property->flag & XS_INTERNAL_FLAG) && property->kind == XS_WEAK_ENTRY_KIND)
    property = property->next;
  return property;
}

/* An own data property that is enumerable and frozen, and its value passable. */
static bool is_passable_property(txMachine *the, const txSlot *property, unsigned depth)
{
  return (property->flag & (FROZEN | XS_DONT_ENUM_FLAG)) == FROZEN && is_passable(the, property, depth);
}

static bool is_copy_array(txMachine *the, const txSlot *instance, unsigned depth)
{
  txSlot *array = instance->next;
  size_t size = fxGetIndexSize(the, array);
  bool plain = instance->value.instance.prototype == mxArrayPrototype.value.reference &&
               (array->flag & XS_DONT_SET_FLAG) && array->value.array.length == size && !pass_style_property(array->next);
  for (size_t i = 0; i < size && plain; i++)
    plain = is_passable_property(the, array->value.array.address + i, depth);
  return plain;
}

static bool is_copy_record(txMachine *the, const txSlot *instance, unsigned depth)
{
  if (instance->value.instance.prototype != mxObjectPrototype.value.reference)
    return false;
  for (const txSlot *property = pass_style_property(instance->next); property; property = property->next) {
    if ((property->flag & XS_INTERNAL_FLAG) || !fxIsKeyName(the, property->ID) ||
        !is_passable_property(the, property, depth))
      return false;
  }
  return true;
}

static bool is_passable_object(txMachine *the, txSlot *instance, unsigned depth)
{
  if (instance->flag & PASSABLE)
    return true;
  if (depth == MAX_DEPTH || instance->ID != XS_NO_ID || !(instance->flag & XS_DONT_PATCH_FLAG))
    return false;
  bool passable = is_array(instance) ? is_copy_array(the, instance, depth + 1)
                                     : !(instance->flag & (XS_EXOTIC_FLAG | XS_CAN_CALL_FLAG)) &&
                                           is_copy_record(the, instance, depth + 1);
  if (passable)
    instance->flag |= PASSABLE;
  the->meterIndex++;
  return passable;
}

static bool is_passable(txMachine *the, const txSlot *value, unsigned depth)
{
  if (value->kind == XS_REFERENCE_KIND)
    return is_passable_object(the, value->value.reference, depth);
  return style_of_primitive(value) != NULL;
}

static bool has_symbols(txMachine *the, txSlot *instance)
{
  for (const txSlot *property = pass_style_property(instance->next); property; property = property->next) {
    if (!fxIsKeyName(the, property->ID))
      return true;
  }
  return false;
}

enum pass_kind pass_style_of_object(txMachine *the, txSlot *instance)
{
  if (!is_passable_object(the, instance, 0))
    return PASS_UNKNOWN;
  if (is_array(instance))
    return PASS_ARRAY;
  if (instance->value.instance.prototype == mxObjectPrototype.value.reference)
    return has_symbols(the, instance) ? PASS_TAGGED : PASS_RECORD;
  return mxIsPromise(instance) ? PASS_PROMISE : PASS_REMOTABLE;
}

bool pass_style_tagged(txMachine *the, txSlot *instance, const txSlot **tag, const txSlot **payload)
{
  *tag = *payload = NULL;
  if (pass_style_of_object(the, instance) != PASS_TAGGED)
    return false;
  for (const txSlot *property = pass_style_property(instance->next); property; property = property->next) {
    if (property->ID == mxID(_Symbol_toStringTag))
      *tag = property;
    else if (fxIsKeyName(the, property->ID))
      *payload = property;
  }
  return *tag && slot_is_string(*tag) && *payload;
}

void pass_style_mark(txSlot *instance)
{
  instance->flag |= PASSABLE;
}

void pass_style(txMachine *the)
{
  static const char *const names[] = {
      [PASS_ARRAY] = "copyArray", [PASS_RECORD] = "copyRecord",     [PASS_TAGGED] = "tagged",
      [PASS_PROMISE] = "promise", [PASS_REMOTABLE] = "remotable",
  };
  const char *style = NULL;
  if (mxArgc == 0)
    return;
  const txSlot *value = mxArgv(0);
  if (value->kind != XS_REFERENCE_KIND)
    style = style_of_primitive(value);
  else
    style = names[pass_style_of_object(the, value->value.reference)];
  if (style)
    fxStringX(the, mxResult, (txString)style);
}

void pass_style_note(txMachine *the)
{
  static const char *const noted[] = {"remotable", "promise", "tagged"};
  *mxResult = *mxArgv(1);
  const char *style = fxToString(the, mxArgv(1));
  for (size_t i = 0; i < sizeof noted / sizeof noted[0]; i++) {
    if (strcmp(style, noted[i]) == 0 && mxArgv(0)->kind == XS_REFERENCE_KIND &&
        !(mxArgv(0)->value.reference->flag & XS_EXOTIC_FLAG))
      pass_style_mark(mxArgv(0)->value.reference);
  }
}
