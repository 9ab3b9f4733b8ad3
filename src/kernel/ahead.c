/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/ahead.c - see ahead.h. */
#include "kernel/ahead.h"
#include "kernel/launch.h"
#include "kernel/promises.h"

/* ---- the vat ---- */

static bool flights_allow_more(const struct kernel *k, const struct vat *vat)
{
  size_t bytes = 0;
  for (const struct flight *flight = vat->flight; flight; flight = flight->next) {
    if (flight->of_garbage || flight->bootstrap_of_launch)
      return false;
    bytes += flight->frame_size;
  }
  return vat->flight_count < k->most_flights && bytes < LIMIT_AHEAD_BYTES;
}

static bool vat_allows_more(struct kernel *k, const struct vat *vat)
{
  bool on_probation = vat->strikes > 0 || vat->crashes > 0 || vat->suspended || vat->resting;
  bool garbage_first = vat->has_garbage || vat->reap_due || vat->deliveries + vat->flight_count >= vat->policy.reap_interval;
  return !vat->is_program && !on_probation && !garbage_first && !vat->restart_due && !launch_of_vat(k, vat->id);
}

/* ---- the item ---- */

static bool flight_concerns(const struct flight *flight, struct kref promise)
{
  if (kref_equal(flight->result, promise))
    return true;
  for (size_t i = 0; i < flight->retired_count; i++) {
    if (kref_equal(flight->retired[i], promise))
      return true;
  }
  return false;
}

/* Whether what the vat does in the deliveries in flight, or is told in them, can change what this name means to it. */
static bool is_unsettled_for(struct kernel *k, const struct vat *vat, struct kref kref)
{
#ifdef VATD_DEFECT_AHEAD /* the negative control of the simulator */
  return false;
#endif
  if (kref.type != KREF_PROMISE)
    return false;
  for (const struct flight *flight = vat->flight; flight; flight = flight->next) {
    if (flight_concerns(flight, kref))
      return true;
  }
  return record_decider(k, kref) == vat->id;
}

static bool data_is_settled_for(struct kernel *k, const struct vat *vat, const struct kernel_data *data)
{
  for (size_t i = 0; i < data->slot_count; i++) {
    if (is_unsettled_for(k, vat, data->slots[i]))
      return false;
  }
  return true;
}

static bool message_may_go(struct kernel *k, const struct vat *vat, const struct queue_item *item)
{
  struct route route = route_of(k, item->target);
  return route.type == ROUTE_VAT && route.vat == vat->id && !is_unsettled_for(k, vat, item->result) &&
         data_is_settled_for(k, vat, &item->methargs);
}

/* A promise whose value names other promises may take those along in its notify: it waits for its turn. */
static bool notify_may_go(struct kernel *k, const struct vat *vat, struct kref promise)
{
  struct clist_row row;
  if (is_unsettled_for(k, vat, promise) || !record_clist_by_kref(k, vat->id, promise, &row))
    return false;
  struct kernel_data value = record_promise_value(k, promise);
  for (size_t i = 0; i < value.slot_count; i++) {
    if (value.slots[i].type == KREF_PROMISE)
      return false;
  }
  return true;
}

bool ahead_may_send(struct kernel *k, const struct vat *vat, struct queue_item *item)
{
  if (vat->pending.count <= vat->flight_count || !flights_allow_more(k, vat) || !vat_allows_more(k, vat))
    return false;
  if (!record_queue_item(k, KREF_NOTHING, number_list_at(&vat->pending, vat->flight_count), item))
    return false;
  return item->type == ITEM_NOTIFY ? notify_may_go(k, vat, item->promise) : message_may_go(k, vat, item);
}

struct import_counters ahead_import_counters(struct kernel *k, const struct vat *vat)
{
  const struct flight *last = vat->flight;
  if (!last)
    return record_import_counters(k, vat->id);
  while (last->next)
    last = last->next;
  return (struct import_counters){last->next_object, last->next_promise};
}

bool ahead_was_overtaken(const struct done_frame *done)
{
  for (size_t i = 0; i < done->syscall_count; i++) {
    enum syscall_type type = done->syscalls[i].type;
    if (type == SYSCALL_DROP_IMPORTS || type == SYSCALL_RETIRE_IMPORTS || type == SYSCALL_RETIRE_EXPORTS ||
        type == SYSCALL_ABANDON_EXPORTS)
      return true;
  }
  return false;
}
