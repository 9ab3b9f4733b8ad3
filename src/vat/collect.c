/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/collect.c - letting go of references.
 *
 * Mark and sweep over the table, at the end of a crank: when the kernel asks (bringOutYourDead), or when enough has come
 * together since the last time. Counting alone would not do, for the value of a settled promise may lead back to it.
 *
 * Roots: what the program holds or keeps; the root object; exports that the kernel can still reach, or recognize while the
 * program holds them; promises that somebody will settle or waits for. From a settled promise its value's references are
 * reached, from a pending one the promises that follow it.
 *
 * What is not reached leaves the table. An import is dropped and retired, an export that the kernel had dropped is retired:
 * no crank of this vat can name it any more.
 */
#include "vat/internal.h"

#include "base/memory.h"

#include <stdlib.h>

#define GARBAGE_BYTES (1 * MIB)
#define GARBAGE_PER_REFERENCE 64 /* so that a large table is not walked too often */
#define VREFS_PER_SYSCALL 1000

/* ---- mark ---- */

static void mark(struct vatd_ref *ref)
{
  if (ref->marked)
    return;
  ref->marked = true;
  ref->next_marked = ref->vat->to_mark;
  ref->vat->to_mark = ref;
}

static void mark_what_it_leads_to(struct vatd_ref *ref)
{
  data_each_ref(ref->vat, ref->promise.value, mark);
  for (const struct listener *listener = ref->promise.first; listener; listener = listener->next) {
    if (listener->follower)
      mark(listener->follower);
  }
}

static bool is_root(const struct vatd_ref *ref)
{
  if (ref->holds > 0 || ref->kept > 0 || strcmp(ref->text, "o+0") == 0)
    return true;
  if (ref->vref.promise)
    return ref->known && ref->promise.state == PROMISE_PENDING;
  return ref->vref.exported && !ref->vref.durable && ref->known && ref->reachable;
}

static void mark_all(struct vatd_vat *vat)
{
  for (struct vatd_ref *ref = refs_next(vat, NULL); ref; ref = refs_next(vat, ref)) {
    if (is_root(ref))
      mark(ref);
    while (vat->to_mark) {
      struct vatd_ref *next = vat->to_mark;
      vat->to_mark = next->next_marked;
      mark_what_it_leads_to(next);
    }
  }
}

/* ---- sweep ---- */

/* The unmarked ones, in an array to be freed; the others are unmarked for the next time. */
static struct vatd_ref **take_unmarked(struct vatd_vat *vat, size_t *count)
{
  struct vatd_ref **dead = memory_alloc(vat->refs.count * sizeof *dead);
  *count = 0;
  for (struct vatd_ref *ref = refs_next(vat, NULL); ref; ref = refs_next(vat, ref)) {
    if (!ref->marked)
      dead[(*count)++] = ref;
    ref->marked = false;
  }
  return dead;
}

static void tell_kernel(struct vatd_vat *vat, enum syscall_type type, const struct bytes_list *vrefs)
{
  for (size_t at = 0; at < vrefs->count; at += VREFS_PER_SYSCALL) {
    size_t count = vrefs->count - at < VREFS_PER_SYSCALL ? vrefs->count - at : VREFS_PER_SYSCALL;
    struct vat_syscall syscall = {.type = type, .vrefs = {vrefs->items + at, count}};
    vat_syscall(vat, &syscall, count * sizeof(struct vref));
  }
}

/* The names of those dead that the kernel knows, of one kind. */
static struct bytes_list known_names(struct vatd_vat *vat, struct vatd_ref **dead, size_t count, bool exported)
{
  struct arena *arena = &vat->crank->arena;
  struct bytes_list names = {arena_alloc_array(arena, count, sizeof *names.items), 0};
  for (size_t i = 0; i < count; i++) {
    const struct vref *vref = &dead[i]->vref;
    if (dead[i]->known && !vref->promise && !vref->durable && vref->exported == exported)
      names.items[names.count++] = arena_copy(arena, bytes_of(dead[i]->text));
  }
  return names;
}

static void let_go(struct vatd_vat *vat, struct vatd_ref **dead, size_t count)
{
  struct bytes_list imports = known_names(vat, dead, count, false);
  struct bytes_list exports = known_names(vat, dead, count, true);
  tell_kernel(vat, SYSCALL_DROP_IMPORTS, &imports);
  tell_kernel(vat, SYSCALL_RETIRE_IMPORTS, &imports);
  tell_kernel(vat, SYSCALL_RETIRE_EXPORTS, &exports);
  for (size_t i = 0; i < count; i++) {
    void (*gone)(void *) = dead[i]->vref.durable ? NULL : dead[i]->target.gone;
    void *self = dead[i]->target.self;
    ref_free(dead[i]);
    if (gone)
      gone(self);
  }
}

void collect(struct vatd_vat *vat, bool now)
{
  if (!now && vat->garbage < GARBAGE_BYTES + vat->refs.count * GARBAGE_PER_REFERENCE)
    return;
  size_t count;
  mark_all(vat);
  struct vatd_ref **dead = take_unmarked(vat, &count);
  vat->garbage = 0;
  let_go(vat, dead, count);
  free(dead);
}
