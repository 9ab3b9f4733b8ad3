/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/gc.c - see gc.h.
 *
 * Invariant: an object that is not reachable can become so again only through its owner, who hands it out anew; nobody else
 * can name it. So an action that is true when it is dispatched stays true while its delivery is in flight.
 */
#include "kernel/gc.h"
#include "kernel/clist.h"
#include "kernel/records.h"
#include "kernel/refs.h"

static const struct {
  const char *name;
  enum delivery_type delivery;
} actions[] = {
#define X(id, text, type) [id] = {text, type},
    GC_ACTIONS(X)
#undef X
};

enum delivery_type gc_delivery_type(enum gc_action action)
{
  return actions[action].delivery;
}

static struct bytes vat_prefix(struct kernel *k, uint64_t vat)
{
  return record_key(k, "gcAction.%s.", vat_id_text(vat).text);
}

static struct bytes action_key(struct kernel *k, uint64_t vat, enum gc_action action, struct kref kref)
{
  return record_key(k, "gcAction.%s.%s.%s", vat_id_text(vat).text, actions[action].name, kref_text(kref).text);
}

static void add(struct kernel *k, uint64_t vat, enum gc_action action, struct kref kref)
{
  struct bytes key = action_key(k, vat, action, kref);
  if (record_get(k, key, NULL))
    return;
  record_put(k, key, bytes_of("1"));
  number_list_add(&k->staged.with_garbage, vat);
}

/* Nobody owns the object: its importers are to forget it. */
static void retire_orphan(struct kernel *k, struct kref object)
{
  uint64_t *importers;
  size_t count = record_importers(k, object, &importers);
  for (size_t i = 0; i < count; i++)
    add(k, importers[i], GC_RETIRE_IMPORT, object);
}

void gc_consider(struct kernel *k, struct kref object)
{
  struct object_counts counts;
  struct clist_row row;
  if (!record_object_counts(k, object, &counts))
    return;
  uint64_t owner = record_owner(k, object);
  bool has_vat = owner != 0 && owner != ENDPOINT_KERNEL;
  if (!has_vat && counts.recognizable == 0)
    record_delete_object(k, object);
  else if (owner == 0 && counts.reachable == 0)
    retire_orphan(k, object);
  if (!has_vat || counts.reachable > 0 || !record_clist_by_kref(k, owner, object, &row))
    return;
  if (row.reachable)
    add(k, owner, GC_DROP_EXPORT, object);
  if (counts.recognizable == 0)
    add(k, owner, GC_RETIRE_EXPORT, object);
}

/* Whether the action is (still) to be done. */
static bool holds(struct kernel *k, uint64_t vat, enum gc_action action, struct kref kref)
{
  struct object_counts counts;
  struct clist_row row;
  if (!record_object_counts(k, kref, &counts) || !record_clist_by_kref(k, vat, kref, &row))
    return false;
  uint64_t owner = record_owner(k, kref);
#ifdef VATD_DEFECT_STALE_ACTION
  return true;
#endif
  switch (action) {
  case GC_DROP_EXPORT:
    return owner == vat && counts.reachable == 0 && row.reachable;
  case GC_RETIRE_EXPORT:
    return owner == vat && counts.recognizable == 0 && !row.reachable;
  case GC_RETIRE_IMPORT:
    return owner == 0 && counts.reachable == 0;
  }
  return false;
}

static bool parse_action(struct bytes text, enum gc_action *action, struct kref *kref)
{
  for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
    struct bytes name = bytes_of(actions[i].name);
    if (bytes_start_with(text, name) && text.size > name.size && text.data[name.size] == '.') {
      *action = (enum gc_action)i;
      return kref_parse(bytes_after(text, name.size + 1), kref);
    }
  }
  return false;
}

bool gc_next(struct kernel *k, uint64_t vat, struct gc_batch *batch)
{
  struct bytes prefix = vat_prefix(k, vat);
  struct bytes key = prefix;
  *batch = (struct gc_batch){0};
  batch->krefs = arena_alloc_array(&k->arena, LIMIT_GC_BATCH, sizeof *batch->krefs);
  batch->stale = arena_alloc_array(&k->arena, LIMIT_GC_BATCH, sizeof *batch->stale);
  while (batch->count < LIMIT_GC_BATCH && batch->stale_count < LIMIT_GC_BATCH && record_next_key(k, key, prefix, &key)) {
    enum gc_action action;
    struct kref kref;
    bool valid = parse_action(bytes_after(key, prefix.size), &action, &kref);
    KERNEL_EXPECT(k, valid, "%.*s is malformed", BYTES_ARG(key));
    if (!valid || (batch->count + batch->stale_count > 0 && action != batch->action))
      break;
    batch->action = action;
    if (holds(k, vat, action, kref))
      batch->krefs[batch->count++] = kref;
    else
      batch->stale[batch->stale_count++] = kref;
  }
  return batch->count + batch->stale_count > 0;
}

void gc_forget(struct kernel *k, uint64_t vat, enum gc_action action, const struct kref *krefs, size_t count)
{
  for (size_t i = 0; i < count; i++)
    record_delete(k, action_key(k, vat, action, krefs[i]));
}

static void apply_one(struct kernel *k, uint64_t vat, enum gc_action action, struct kref kref)
{
  struct clist_row row;
  if (!record_clist_by_kref(k, vat, kref, &row))
    return;
  if (action == GC_DROP_EXPORT) {
    row.reachable = false;
    record_clist_put(k, vat, &row);
    return;
  }
  clist_remove(k, vat, &row);
  if (action == GC_RETIRE_EXPORT) {
    record_set_owner(k, kref, 0);
    ref_check(k, kref);
  }
}

void gc_apply(struct kernel *k, uint64_t vat, enum gc_action action, const struct kref *krefs, size_t count)
{
  for (size_t i = 0; i < count; i++)
    apply_one(k, vat, action, krefs[i]);
  gc_forget(k, vat, action, krefs, count);
}

bool gc_pending(struct kernel *k, uint64_t vat)
{
  struct bytes key;
  struct bytes prefix = vat_prefix(k, vat);
  return record_next_key(k, prefix, prefix, &key);
}

static struct bytes reap_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "reap.%s", vat_id_text(vat).text);
}

bool gc_reap_due(struct kernel *k, uint64_t vat)
{
  return record_get(k, reap_key(k, vat), NULL);
}

void gc_set_reap(struct kernel *k, uint64_t vat, bool due)
{
  record_set_flag(k, reap_key(k, vat), due);
}

void gc_forget_vat(struct kernel *k, uint64_t vat)
{
  struct bytes prefix = vat_prefix(k, vat);
  struct bytes key = prefix;
  while (record_next_key(k, key, prefix, &key))
    record_delete(k, key);
  gc_set_reap(k, vat, false);
}
