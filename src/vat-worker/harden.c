/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/harden.c - see harden.h.
 *
 * Hardening freezes an object and all that is reachable from it by prototypes and properties. An object is marked
 * (XS_DONT_MARSHALL_FLAG, which means the same in XS's own harden; nothing here marshals) when it and all that is
 * reachable from it is frozen, so that a later walk stops there.
 *
 * Nearly all objects are plain: ordinary ones, functions and arrays, where freezing is setting flags, allocates nothing and
 * runs no JavaScript. The first walk takes only those and marks as it goes. When it meets another (a proxy, a
 * typed array, ...) it takes its marks back, because from now on a trap may call harden() itself and must not find marks
 * that are not true yet; the second walk then begins anew, in the engine's general way, and marks at its end. What
 * the first has frozen, the second would have frozen too, and before anybody could look.
 *
 * Both are breadth first: whoever is found first is frozen first, a prototype before the properties.
 */
#include "xsAll.h"

#include "vat-worker/harden.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

#define HARDENED XS_DONT_MARSHALL_FLAG
#define IN_PLACE 64 /* so many objects need no memory of their own */

/* Objects in the order in which they were found. */
struct found {
  txSlot **items;
  size_t count;
  size_t capacity;
  txSlot *place[IN_PLACE];
};

static void found_init(struct found *found)
{
  found->items = found->place;
  found->count = 0;
  found->capacity = IN_PLACE;
}

static void found_fini(struct found *found)
{
  if (found->items != found->place)
    free(found->items);
}

static void found_add(struct found *found, txSlot *instance)
{
  if (found->count == found->capacity) {
    txSlot **larger = memory_realloc_array(found->items == found->place ? NULL : found->items, 2 * found->capacity,
                                           sizeof *larger);
    if (found->items == found->place)
      memcpy(larger, found->place, sizeof found->place);
    found->items = larger;
    found->capacity *= 2;
  }
  found->items[found->count++] = instance;
}

/* The walk over plain objects */

static bool is_plain(const txSlot *instance)
{
  bool array = (instance->flag & XS_EXOTIC_FLAG) && instance->next->ID == XS_ARRAY_BEHAVIOR;
  return instance->ID == XS_NO_ID && (array || !(instance->flag & XS_EXOTIC_FLAG));
}

static void take_plain(struct found *found, txSlot *instance)
{
  if (!instance || (instance->flag & HARDENED))
    return;
  instance->flag |= HARDENED;
  found_add(found, instance);
}

static void take_property(struct found *found, txSlot *property)
{
  property->flag |= XS_DONT_DELETE_FLAG;
  if (property->kind == XS_ACCESSOR_KIND) {
    take_plain(found, property->value.accessor.getter);
    take_plain(found, property->value.accessor.setter);
    return;
  }
  property->flag |= XS_DONT_SET_FLAG;
  if (property->kind == XS_REFERENCE_KIND)
    take_plain(found, property->value.reference);
}

static size_t take_elements(txMachine *the, struct found *found, const txSlot *array)
{
  size_t size = fxGetIndexSize(the, (txSlot *)array);
  for (size_t i = 0; i < size; i++)
    take_property(found, array->value.array.address + i);
  return size;
}

/* Names come before symbols, wherever they are: what is found first is frozen first, and a trap might see it. */
static size_t take_named(txMachine *the, struct found *found, txSlot *first)
{
  size_t count = 0, symbols = 0;
  for (txSlot *property = first; property; property = property->next, count++) {
    if (fxIsKeyName(the, property->ID))
      take_property(found, property);
    else
      symbols++;
  }
  for (txSlot *property = first; property && symbols > 0; property = property->next) {
    if (!fxIsKeyName(the, property->ID))
      take_property(found, property);
  }
  return count;
}

/* Returns how many properties were looked at. */
static size_t freeze_plain(txMachine *the, struct found *found, txSlot *instance)
{
  size_t count = 1;
  txSlot *property = instance->next;
  instance->flag |= XS_DONT_PATCH_FLAG;
  take_plain(found, instance->value.instance.prototype);
  while (property && (property->flag & XS_INTERNAL_FLAG)) {
    if (property->kind == XS_ARRAY_KIND) {
      if (property->ID == XS_ARRAY_BEHAVIOR)
        property->flag |= XS_DONT_SET_FLAG; /* its length */
      count += take_elements(the, found, property);
    }
    property = property->next;
  }
  return count + take_named(the, found, property);
}

static bool harden_plain(txMachine *the, txSlot *root)
{
  struct found found;
  bool plain = true;
  found_init(&found);
  take_plain(&found, root);
  for (size_t i = 0; i < found.count && plain; i++) {
    plain = is_plain(found.items[i]);
    if (plain)
      the->meterIndex += (txU4)freeze_plain(the, &found, found.items[i]);
  }
  for (size_t i = 0; i < found.count && !plain; i++)
    found.items[i]->flag &= ~HARDENED;
  found_fini(&found);
  return plain;
}

/* The general walk */

/* A set of addresses: open addressing, at most half full. */
struct known {
  txSlot **table;
  size_t size; /* a power of two */
  size_t count;
};

static size_t place_of(const struct known *known, const txSlot *instance)
{
  size_t at = (size_t)(((uintptr_t)instance / sizeof(txSlot)) * 0x9E3779B97F4A7C15u >> 20);
  for (at &= known->size - 1; known->table[at] && known->table[at] != instance; at = (at + 1) & (known->size - 1))
    ;
  return at;
}

static void known_grow(struct known *known)
{
  struct known larger = {.size = known->size ? 2 * known->size : 256};
  larger.table = memory_zalloc(larger.size * sizeof *larger.table);
  for (size_t i = 0; i < known->size; i++) {
    if (known->table[i])
      larger.table[place_of(&larger, known->table[i])] = known->table[i];
  }
  larger.count = known->count;
  free(known->table);
  *known = larger;
}

/* False: it was there. */
static bool known_add(struct known *known, txSlot *instance)
{
  if (2 * known->count >= known->size)
    known_grow(known);
  size_t at = place_of(known, instance);
  if (known->table[at])
    return false;
  known->table[at] = instance;
  known->count++;
  return true;
}

/*
 * `list` is a slot of the engine's stack: what is found hangs from it, because a trap may let go of all else that
 * refers to it. An item without a reference keeps the place of a prototype that is not known yet.
 */
struct walk {
  struct known known;
  txSlot *list;
};

static txSlot *append_item(txMachine *the, struct walk *walk)
{
  txSlot *item = fxNewSlot(the);
  item->kind = XS_UNDEFINED_KIND;
  if (walk->list->value.list.last)
    walk->list->value.list.last->next = item;
  else
    walk->list->value.list.first = item;
  walk->list->value.list.last = item;
  return item;
}

static bool is_new(struct walk *walk, txSlot *instance)
{
  return instance && !(instance->flag & HARDENED) && known_add(&walk->known, instance);
}

static void take(txMachine *the, struct walk *walk, txSlot *instance)
{
  if (!is_new(walk, instance))
    return;
  txSlot *item = append_item(the, walk);
  item->value.reference = instance;
  item->kind = XS_REFERENCE_KIND;
}

static void call_freeze(txMachine *the, txSlot *instance)
{
  mxPush(mxObjectConstructor);
  mxDub();
  mxGetID(mxID(_freeze));
  mxCall();
  mxPushReference(instance);
  mxRunCount(1);
  mxPop();
}

/* The elements of a typed array stay writable, as the content of a map does. */
static void freeze_typed_array(txMachine *the, txSlot *instance)
{
  mxBehaviorPreventExtensions(the, instance);
  txSlot *at = fxNewInstance(the);
  mxBehaviorOwnKeys(the, instance, XS_EACH_NAME_FLAG | XS_EACH_SYMBOL_FLAG, at);
  for (at = at->next; at; at = at->next) {
    if (at->value.at.id != XS_NO_ID) {
      txSlot *property = mxBehaviorGetProperty(the, instance, at->value.at.id, 0, XS_OWN);
      property->flag |= property->kind == XS_ACCESSOR_KIND ? XS_DONT_DELETE_FLAG : XS_DONT_DELETE_FLAG | XS_DONT_SET_FLAG;
    }
  }
  mxPop();
}

static bool is_typed_array(const txSlot *instance)
{
  return (instance->flag & XS_EXOTIC_FLAG) && instance->next->ID == XS_TYPED_ARRAY_BEHAVIOR;
}

static void take_properties(txMachine *the, struct walk *walk, txSlot *instance)
{
  txSlot *at = fxNewInstance(the);
  mxBehaviorOwnKeys(the, instance, XS_EACH_NAME_FLAG | XS_EACH_SYMBOL_FLAG, at);
  mxPushUndefined();
  txSlot *property = the->stack;
  for (at = at->next; at; at = at->next) {
    if (!mxBehaviorGetOwnProperty(the, instance, at->value.at.id, at->value.at.index, property))
      continue;
    if (property->kind == XS_REFERENCE_KIND) {
      take(the, walk, property->value.reference);
    } else if (property->kind == XS_ACCESSOR_KIND) {
      txSlot *setter = property->value.accessor.setter;
      take(the, walk, property->value.accessor.getter);
      take(the, walk, setter);
    }
  }
  mxPop();
  mxPop();
}

static void freeze_and_traverse(txMachine *the, struct walk *walk, txSlot *instance)
{
  if (is_typed_array(instance))
    freeze_typed_array(the, instance);
  else
    call_freeze(the, instance);
  txSlot *place = append_item(the, walk);
  take_properties(the, walk, instance);
  mxPushUndefined();
  if (mxBehaviorGetPrototype(the, instance, the->stack) && is_new(walk, the->stack->value.reference)) {
    place->value.reference = the->stack->value.reference;
    place->kind = XS_REFERENCE_KIND;
  }
  mxPop();
}

static void mark_all(const struct walk *walk)
{
  for (txSlot *item = walk->list->value.list.first; item; item = item->next) {
    if (item->kind == XS_REFERENCE_KIND)
      item->value.reference->flag |= HARDENED;
  }
}

static void harden_any(txMachine *the, txSlot *root)
{
  struct walk walk = {0};
  mxTemporary(walk.list);
  walk.list->value.list.first = NULL;
  walk.list->value.list.last = NULL;
  walk.list->kind = XS_LIST_KIND;
  struct walk *state = &walk; /* what is read after a jump must not be in a register */
  mxTry(the)
  {
    take(the, state, root);
    for (txSlot *item = state->list->value.list.first; item; item = item->next) {
      if (item->kind == XS_REFERENCE_KIND)
        freeze_and_traverse(the, state, item->value.reference);
    }
    mark_all(state);
  }
  mxCatch(the)
  {
    free(state->known.table);
    fxJump(the);
  }
  free(state->known.table);
  mxPop();
}

void harden_object(txMachine *the, txSlot *instance)
{
  if (!(instance->flag & HARDENED) && !harden_plain(the, instance))
    harden_any(the, instance);
}

void harden(txMachine *the)
{
  if (mxArgc == 0)
    return;
  *mxResult = *mxArgv(0);
  if (mxArgv(0)->kind == XS_REFERENCE_KIND)
    harden_object(the, mxArgv(0)->value.reference);
}
