/* SPDX-License-Identifier: Apache-2.0 */
/* vat/refs.c - the table of references: one struct vatd_ref for each name, found by it. */
#include "vat/internal.h"

#include "base/check.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REFERENCE_COST 256 /* what a reference adds to the garbage that there may be */

/* ---- the table ---- */

static struct vatd_ref *ref_of(struct bytes stored)
{
  struct vatd_ref *ref;
  memcpy(&ref, stored.data, sizeof ref);
  return ref;
}

struct vatd_ref *refs_next(const struct vatd_vat *vat, const struct vatd_ref *after)
{
  struct bytes key, stored;
  bool more = after ? ordmap_next(&vat->refs, bytes_of(after->text), &key, &stored)
                    : ordmap_seek(&vat->refs, (struct bytes){0}, &key, &stored);
  return more ? ref_of(stored) : NULL;
}

struct vatd_ref *refs_new(struct vatd_vat *vat, struct bytes text)
{
  struct vatd_ref *ref = memory_zalloc(sizeof *ref);
  CHECK(text.size < sizeof ref->text && vref_parse(text, &ref->vref));
  ref->vat = vat;
  memcpy(ref->text, text.data, text.size);
  ordmap_put(&vat->refs, text, bytes_from(&ref, sizeof ref));
  vat->garbage += REFERENCE_COST;
  return ref_touch(ref);
}

struct vatd_ref *refs_new_export(struct vatd_vat *vat, char letter)
{
  char text[32];
  int size =
      snprintf(text, sizeof text, "%c+%" PRIu64, letter, letter == 'p' ? vat->next_promise++ : vat->next_object++);
  return refs_new(vat, bytes_from(text, (size_t)size));
}

static struct vatd_ref *new_durable(struct vatd_vat *vat, struct bytes text, const struct vref *vref)
{
  const struct kind *kind = kind_find(vat, vref->number);
  struct vatd_ref *ref = refs_new(vat, text);
  if (!kind)
    return ref;
  ref->target.handler = kind->as_given.handler;
  ref->target.self = kind->as_given.self;
  ref->target.interface = memory_strdup(kind->interface);
  return ref;
}

struct vatd_ref *refs_lookup(const struct vatd_vat *vat, struct bytes text)
{
  struct bytes stored;
  return ordmap_get(&vat->refs, text, &stored) ? ref_of(stored) : NULL;
}

struct vatd_ref *refs_find(struct vatd_vat *vat, struct bytes text)
{
  struct vref vref;
  struct vatd_ref *found = refs_lookup(vat, text);
  if (found)
    return found;
  bool durable = vref_parse(text, &vref) && vref.durable && !vref.faceted;
  return durable ? new_durable(vat, text, &vref) : NULL;
}

struct vatd_ref *refs_arrive(struct vatd_vat *vat, struct bytes text)
{
  struct vref vref;
  VAT_TRUST(vat, vref_parse(text, &vref), "'%.*s', which is no reference", BYTES_ARG(text));
  struct vatd_ref *ref = refs_find(vat, text);
  VAT_TRUST(vat, ref || !vref.exported, "%.*s, which this vat does not export", BYTES_ARG(text));
  if (!ref)
    ref = refs_new(vat, text);
  VAT_TRUST(vat, !vref.promise || ref->promise.state == PROMISE_PENDING, "%s, which has settled", ref->text);
  ref->known = true;
  ref->reachable = true;
  return ref_touch(ref);
}

void ref_free(struct vatd_ref *ref)
{
  struct listener *next;
  for (struct listener *listener = ref->promise.first; listener; listener = next) {
    next = listener->next;
    free(listener);
  }
  json_decref(ref->promise.value);
  free(ref->target.interface);
  ordmap_remove(&ref->vat->refs, bytes_of(ref->text));
  free(ref);
}

/* ---- use ---- */

struct vatd_ref *ref_touch(struct vatd_ref *ref)
{
  ref->touched = ref->vat->crank_number;
  return ref;
}

/* The root and durable objects need neither holding nor keeping. */
static bool is_lasting(const struct vatd_ref *ref)
{
  return ref->vref.durable || strcmp(ref->text, "o+0") == 0;
}

bool ref_usable(const struct vatd_ref *ref)
{
  return is_lasting(ref) || ref->holds > 0 || ref->kept > 0 || ref->touched == ref->vat->crank_number;
}

void vatd_ref_hold(struct vatd_ref *ref)
{
  VAT_EXPECT(ref->vat, ref_usable(ref), "%s is held after its time", ref->text);
  ref->holds++;
}

void vatd_ref_release(struct vatd_ref *ref)
{
  if (!ref)
    return;
  VAT_EXPECT(ref->vat, ref->holds > 0, "%s is released more often than held", ref->text);
  ref->holds--;
  ref->vat->garbage += REFERENCE_COST;
}

bool vatd_ref_is_promise(const struct vatd_ref *ref)
{
  return ref->vref.promise;
}

const char *vatd_ref_text(const struct vatd_ref *ref)
{
  return ref->text;
}

struct vatd_ref *vatd_vat_ref(struct vatd_vat *vat, const char *text)
{
  struct vref vref;
  if (!text || !vref_parse(bytes_of(text), &vref))
    return NULL;
  struct vatd_ref *ref = refs_find(vat, bytes_of(text));
  return ref && ref_usable(ref) ? ref_touch(ref) : NULL;
}

json_t *vatd_ref_json(const struct vatd_ref *ref)
{
  if (ref->target.interface)
    return json_pack("{s:s, s:s}", "$ref", ref->text, "interface", ref->target.interface);
  return json_pack("{s:s}", "$ref", ref->text);
}

struct vatd_ref *vatd_json_ref(struct vatd_vat *vat, const json_t *value)
{
  return vatd_vat_ref(vat, data_reference(value));
}

/* ---- through restarts ---- */

/* The kernel looks for this row when the vat restarts: with it the import stays in the c-list (kernel/restart.h). */
static void store_kept(const struct vatd_ref *ref)
{
  char key[sizeof ref->text + 8];
  snprintf(key, sizeof key, "vom.rc.%s", ref->text);
  storage_put_own(ref->vat, key, ref->kept);
}

static bool wants_keeping(const struct vatd_ref *ref)
{
  VAT_EXPECT(ref->vat, ref_usable(ref), "%s is used after its time", ref->text);
  VAT_EXPECT(ref->vat, !ref->vref.promise && (!ref->vref.exported || is_lasting(ref)),
             "%s is a promise or a heap object and cannot be kept", ref->text);
  return !ref->vref.exported;
}

void vatd_ref_keep(struct vatd_ref *ref)
{
  if (!wants_keeping(ref))
    return;
  ref->kept++;
  store_kept(ref);
}

void vatd_ref_unkeep(struct vatd_ref *ref)
{
  if (!wants_keeping(ref))
    return;
  VAT_EXPECT(ref->vat, ref->kept > 0, "%s is unkept more often than kept", ref->text);
  ref_touch(ref);
  ref->kept--;
  store_kept(ref);
  ref->vat->garbage += REFERENCE_COST;
}
