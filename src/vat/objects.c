/* SPDX-License-Identifier: Apache-2.0 */
/* vat/objects.c - what this vat exports: its root, objects of the heap, durable objects; and the kernel's word on them. */
#include "vat/internal.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The interface's name in the form that Endo wants. The caller frees it. */
static char *alleged(const struct vatd_vat *vat, const char *interface)
{
  VAT_EXPECT(vat, interface && bytes_are_utf8(bytes_of(interface)), "an interface wants a name in UTF-8");
  return memory_printf("Alleged: %s", interface);
}

struct vatd_ref *vatd_vat_root(struct vatd_vat *vat)
{
  return refs_find(vat, bytes_of("o+0"));
}

struct vatd_ref *vatd_vat_export(struct vatd_vat *vat, const char *interface, vatd_handler *handler, void *self,
                                 void (*gone)(void *self))
{
  VAT_EXPECT(vat, handler, "an object wants a handler");
  struct vatd_ref *ref = refs_new_export(vat, 'o');
  ref->target = (struct target){.handler = handler, .self = self, .gone = gone, .interface = alleged(vat, interface)};
  return ref;
}

/* ---- durable objects ---- */

struct kind *kind_find(const struct vatd_vat *vat, uint64_t number)
{
  struct kind *kind = vat->kinds;
  while (kind && kind->number != number)
    kind = kind->next;
  return kind;
}

void vatd_vat_kind(struct vatd_vat *vat, uint64_t number, const struct vatd_kind *given)
{
  VAT_EXPECT(vat, vat->starting, "kind %" PRIu64 " is registered after the start", number);
  VAT_EXPECT(vat, number > 0 && number <= INT64_MAX && !kind_find(vat, number), "kind %" PRIu64 " is 0 or registered twice",
             number);
  VAT_EXPECT(vat, given->handler, "kind %" PRIu64 " wants a handler", number);
  struct kind *kind = memory_alloc(sizeof *kind);
  *kind = (struct kind){
      .next = vat->kinds, .number = number, .as_given = *given, .interface = alleged(vat, given->interface)};
  vat->kinds = kind;
}

void kinds_free(struct vatd_vat *vat)
{
  while (vat->kinds) {
    struct kind *next = vat->kinds->next;
    free(vat->kinds->interface);
    free(vat->kinds);
    vat->kinds = next;
  }
}

uint64_t vatd_vat_new_instance(struct vatd_vat *vat, uint64_t kind)
{
  char key[64];
  VAT_EXPECT(vat, kind_find(vat, kind), "kind %" PRIu64 " is not registered", kind);
  snprintf(key, sizeof key, "vatd.instances.%" PRIu64, kind);
  uint64_t instance = storage_own(vat, key) + 1;
  storage_put_own(vat, key, instance);
  return instance;
}

struct vatd_ref *vatd_vat_durable(struct vatd_vat *vat, uint64_t kind, uint64_t instance)
{
  char text[64];
  VAT_EXPECT(vat, kind_find(vat, kind), "kind %" PRIu64 " is not registered", kind);
  VAT_EXPECT(vat, instance > 0 && instance <= INT64_MAX, "an instance has a number of 1 or more");
  snprintf(text, sizeof text, "o+d%" PRIu64 "/%" PRIu64, kind, instance);
  return ref_touch(refs_find(vat, bytes_of(text)));
}

/* ---- what others can name ---- */

struct vatd_ref *objects_exported(struct vatd_vat *vat, struct bytes text)
{
  struct vref vref;
  bool object = vref_parse(text, &vref) && vref.exported && !vref.promise;
  struct vatd_ref *ref = object ? refs_find(vat, text) : NULL;
  VAT_TRUST(vat, ref, "'%.*s', which is no object of this vat", BYTES_ARG(text));
  return ref;
}

void objects_dropped(struct vatd_vat *vat, const struct bytes_list *vrefs)
{
  for (size_t i = 0; i < vrefs->count; i++)
    objects_exported(vat, vrefs->items[i])->reachable = false;
  vat->garbage += vrefs->count * sizeof(struct vatd_ref);
}

static void tell_kind(struct vatd_vat *vat, const struct vatd_ref *ref)
{
  const struct kind *kind = kind_find(vat, ref->vref.number);
  if (kind && kind->as_given.retired)
    kind->as_given.retired(vat, kind->as_given.self, ref->vref.instance);
}

void objects_retired(struct vatd_vat *vat, const struct bytes_list *vrefs)
{
  for (size_t i = 0; i < vrefs->count; i++) {
    struct vatd_ref *ref = objects_exported(vat, vrefs->items[i]);
    ref->known = false;
    ref->reachable = false;
    if (ref->vref.durable)
      tell_kind(vat, ref);
  }
  vat->garbage += vrefs->count * sizeof(struct vatd_ref);
}

/* ---- what this vat can name ---- */

void imports_retired(struct vatd_vat *vat, const struct bytes_list *vrefs)
{
  for (size_t i = 0; i < vrefs->count; i++) {
    struct vatd_ref *ref = refs_lookup(vat, vrefs->items[i]);
    VAT_TRUST(vat, ref && !ref->vref.exported && !ref->vref.promise, "'%.*s', which this vat does not import",
              BYTES_ARG(vrefs->items[i]));
    ref->known = false;
  }
}

bool object_is_gone(const struct vatd_ref *ref)
{
  return !ref->vref.promise && !ref->vref.exported && !ref->known;
}
