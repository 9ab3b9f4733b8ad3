/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/suspension.c - see suspension.h. Items move between queues with the references they hold: no count changes. */
#include "kernel/suspension.h"
#include "kernel/crank.h"
#include "kernel/gate.h"
#include "kernel/promises.h"
#include "kernel/vats.h"

static struct bytes row_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "suspended.%s", vat_id_text(vat).text);
}

bool suspension_cause(struct kernel *k, uint64_t vat, struct bytes *cause)
{
  return record_reason(k, row_key(k, vat), "cause", cause);
}

/* Moves what waits in the run queue for the vat to its own queue. */
static void move_pending(struct kernel *k, const struct vat *vat)
{
  for (size_t i = 0; i < vat->pending.count && !kernel_is_broken(k); i++) {
    uint64_t slot = number_list_at(&vat->pending, i);
    struct queue_item item;
    if (!record_queue_item(k, KREF_NOTHING, slot, &item))
      continue;
    record_queue_append(k, queue_of_vat(vat->id), &item);
    queue_remove(k, vat->id, slot, &item);
  }
}

void suspension_begin(struct kernel *k, struct vat *vat, const char *cause)
{
  crank_begin(k);
  record_put_reason(k, row_key(k, vat->id), "cause", cause);
  move_pending(k, vat);
  crank_keep(k);
  vat->suspended = true;
  gate_log_kernel(k, vat->id, "suspended: %s", cause);
  for (size_t i = 0; i < vat->starts.count; i++)
    gate_answer_error(k, number_list_at(&vat->starts, i), VATD_REJECTED, "vat %s is suspended: %s",
                      vat_id_text(vat->id).text, cause);
  number_list_clear(&vat->starts);
}

size_t suspension_queued(struct kernel *k, uint64_t vat)
{
  return (size_t)(record_queue_head(k, queue_of_vat(vat)) - record_queue_tail(k, queue_of_vat(vat)));
}

bool suspension_queue(struct kernel *k, uint64_t vat, const struct queue_item *item)
{
  /* A notify is bounded by the promises that the vat has subscribed to, and must not get lost. */
  if (item->type == ITEM_SEND && suspension_queued(k, vat) >= LIMIT_SUSPENDED_QUEUE)
    return false;
  record_queue_append(k, queue_of_vat(vat), item);
  return true;
}

void suspension_empty_queue(struct kernel *k, uint64_t vat)
{
  struct kref queue = queue_of_vat(vat);
  uint64_t head = record_queue_head(k, queue);
  uint64_t slot = record_queue_tail(k, queue);
  if (slot == head)
    return;
  for (; slot < head && !kernel_is_broken(k); slot++) {
    struct queue_item item;
    if (!record_queue_item(k, queue, slot, &item))
      continue;
    record_queue_remove(k, queue, slot);
    queue_append(k, vat, &item);
  }
  record_queue_delete(k, queue);
}

void suspension_end(struct kernel *k, struct vat *vat)
{
  crank_begin(k);
  record_delete(k, row_key(k, vat->id));
  suspension_empty_queue(k, vat->id);
  vat_set_faults(k, vat->id, 0, 0);
  crank_keep(k);
  vat->suspended = false;
  vat->resting = false;
  vat->strikes = 0;
  vat->crashes = 0;
  vat->failed_starts = 0;
  vat_make_ready(k, vat);
}
