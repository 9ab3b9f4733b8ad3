/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/refs.c - see refs.h. Invariant: every count equals the number of holders that refs.h lists. */
#include "kernel/refs.h"
#include "base/check.h"
#include "kernel/gc.h"
#include "kernel/records.h"

void ref_check(struct kernel *k, struct kref kref)
{
  k->maybe_free = grown(k->maybe_free, k->maybe_free_count, &k->maybe_free_capacity, sizeof *k->maybe_free);
  k->maybe_free[k->maybe_free_count++] = kref;
}

struct kref object_new(struct kernel *k, uint64_t owner)
{
  struct kref object = kref_object(record_take_id(k, "nextObjectId"));
  record_new_object(k, object);
  record_set_owner(k, object, owner);
  record_set_object_counts(k, object, (struct object_counts){0, 0});
  ref_check(k, object);
  return object;
}

/* Adds the two differences (each -1, 0 or 1) to an object's counts. */
static void change_counts(struct kernel *k, struct kref object, int reachable, int recognizable)
{
  struct object_counts counts = {0, 0};
  bool known = record_object_counts(k, object, &counts);
  KERNEL_EXPECT(k, known, "%s has no counts", kref_text(object).text);
  bool negative = (reachable < 0 && counts.reachable == 0) || (recognizable < 0 && counts.recognizable == 0);
  KERNEL_EXPECT(k, !negative, "a count of %s would fall below zero", kref_text(object).text);
  if (kernel_is_broken(k))
    return;
  counts.reachable += (uint64_t)reachable;
  counts.recognizable += (uint64_t)recognizable;
  record_set_object_counts(k, object, counts);
  if (reachable < 0 || recognizable < 0)
    ref_check(k, object);
}

static void change_promise(struct kernel *k, struct kref promise, int difference)
{
  uint64_t refs = record_promise_refs(k, promise);
  KERNEL_EXPECT(k, difference > 0 || refs > 0, "the count of %s would fall below zero", kref_text(promise).text);
  if (kernel_is_broken(k))
    return;
  record_set_promise_refs(k, promise, refs + (uint64_t)difference);
  if (difference < 0)
    ref_check(k, promise);
}

static void change(struct kernel *k, struct kref kref, int difference)
{
  if (kref.type == KREF_OBJECT)
    change_counts(k, kref, difference, difference);
  else if (kref.type == KREF_PROMISE)
    change_promise(k, kref, difference);
}

void ref_add(struct kernel *k, struct kref kref)
{
  change(k, kref, 1);
}

void ref_drop(struct kernel *k, struct kref kref)
{
  change(k, kref, -1);
}

void ref_weaken(struct kernel *k, struct kref object)
{
  change_counts(k, object, -1, 0);
}

void ref_revive(struct kernel *k, struct kref object)
{
  change_counts(k, object, 1, 0);
}

void ref_forget(struct kernel *k, struct kref object)
{
  change_counts(k, object, 0, -1);
}

void refs_add_slots(struct kernel *k, const struct kernel_data *data)
{
  for (size_t i = 0; i < data->slot_count; i++)
    ref_add(k, data->slots[i]);
}

void refs_drop_slots(struct kernel *k, const struct kernel_data *data)
{
  for (size_t i = 0; i < data->slot_count; i++)
    ref_drop(k, data->slots[i]);
}

static void collect_promise(struct kernel *k, struct kref promise)
{
  enum promise_state state = record_promise_state(k, promise);
  if (state == PROMISE_MISSING || record_promise_refs(k, promise) != 0)
    return;
  if (state != PROMISE_UNRESOLVED) {
    struct kernel_data value = record_promise_value(k, promise);
    refs_drop_slots(k, &value);
  }
  record_delete_promise(k, promise);
}

void refs_collect(struct kernel *k)
{
  for (size_t i = 0; i < k->maybe_free_count; i++) { /* grows meanwhile: a freed promise drops its slots */
    struct kref kref = k->maybe_free[i];
    if (kref.type == KREF_PROMISE)
      collect_promise(k, kref);
    else
      gc_consider(k, kref);
  }
  k->maybe_free_count = 0;
}
