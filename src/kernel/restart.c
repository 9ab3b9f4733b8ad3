/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/restart.c - see restart.h. Order matters: subscriptions that go, go before promises are rejected. */
#include "kernel/restart.h"
#include "kernel/clist.h"
#include "kernel/endowments.h"
#include "kernel/hibernation.h"
#include "kernel/promises.h"
#include "kernel/quota.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/services.h"
#include "kernel/sweep.h"
#include "kernel/vatstore.h"

static struct bytes live_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "live.%s", vat_id_text(vat).text);
}

bool record_is_live(struct kernel *k, uint64_t vat)
{
  return record_get(k, live_key(k, vat), NULL);
}

void record_set_live(struct kernel *k, uint64_t vat, bool live)
{
  record_set_flag(k, live_key(k, vat), live);
}

/* ---- what the vat's storage says ---- */

/* The number of the collection of watched promises ("o+d6/4" -> 4), 0 when the vat has none. */
static uint64_t watched_collection(struct kernel *k, uint64_t vat)
{
  struct bytes vref;
  uint64_t number;
  if (!vatstore_get(k, vat, bytes_of("watchedPromiseTableID"), &vref))
    return 0;
  const char *slash = memchr(vref.data, '/', vref.size);
  size_t used = slash ? (size_t)(slash - vref.data) + 1 : vref.size;
  return decimal_parse(bytes_after(vref, used), &number) ? number : 0;
}

static bool is_watched(struct kernel *k, uint64_t vat, uint64_t collection, struct bytes vpid)
{
  if (collection == 0)
    return false;
  return vatstore_get(k, vat, record_key(k, "vc.%lu.s%.*s", (unsigned long)collection, BYTES_ARG(vpid)), NULL);
}

/* ---- the four rules ---- */

static void drop_import(struct kernel *k, uint64_t vat, struct clist_row *row)
{
  if (vatstore_get(k, vat, record_key(k, "vom.rc.%.*s", BYTES_ARG(row->vref)), NULL) ||
      endowments_include(k, vat, row->kref))
    return;
  if (!vatstore_has_prefix(k, vat, record_key(k, "vom.ir.%.*s|", BYTES_ARG(row->vref)))) {
    clist_remove(k, vat, row);
  } else if (row->reachable) {
    row->reachable = false;
    record_clist_put(k, vat, row);
    ref_weaken(k, row->kref);
  }
}

static void abandon_export(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  clist_remove(k, vat, row);
  record_set_owner(k, row->kref, 0);
  ref_check(k, row->kref);
}

static void restart_objects(struct kernel *k, uint64_t vat)
{
  struct clist_row *rows;
  size_t count = record_clist_all(k, vat, KREF_OBJECT, &rows);
  for (size_t i = 0; i < count; i++) {
    struct vref vref = {0};
    vref_parse(rows[i].vref, &vref);
    if (!vref.exported)
      drop_import(k, vat, &rows[i]);
    else if (!vref.durable && !bytes_is(rows[i].vref, "o+0"))
      abandon_export(k, vat, &rows[i]);
  }
}

static bool has_queued_notify(struct kernel *k, const struct vat *vat, struct kref promise)
{
  for (size_t i = 0; i < vat->pending.count; i++) {
    struct queue_item item;
    if (record_queue_item(k, KREF_NOTHING, number_list_at(&vat->pending, i), &item) && item.type == ITEM_NOTIFY &&
        kref_equal(item.promise, promise))
      return true;
  }
  return false;
}

/* A watched promise that is settled: the delivery that would have told the vat may have been consumed when it exceeded a limit. */
static void notify_again(struct kernel *k, const struct vat *vat, struct kref promise)
{
  if (record_promise_state(k, promise) != PROMISE_UNRESOLVED && !has_queued_notify(k, vat, promise))
    queue_notify(k, vat->id, promise);
}

static void restart_promises(struct kernel *k, const struct vat *vat, uint64_t collection)
{
  struct clist_row *rows;
  size_t count = record_clist_all(k, vat->id, KREF_PROMISE, &rows);
  for (size_t i = 0; i < count; i++) {
    bool watched = is_watched(k, vat->id, collection, rows[i].vref);
    if (!watched)
      promise_unsubscribe(k, rows[i].kref, vat->id);
    if (record_decider(k, rows[i].kref) == vat->id)
      promise_reject(k, rows[i].kref, "VAT_RESTARTED", vat_id_text(vat->id).text);
    else if (watched)
      notify_again(k, vat, rows[i].kref);
    if (!watched)
      clist_remove(k, vat->id, &rows[i]);
  }
}

/* Removes the vat's queued notifies of promises that it no longer has. */
static void restart_notifies(struct kernel *k, const struct vat *vat)
{
  for (size_t i = 0; i < vat->pending.count; i++) {
    uint64_t slot = number_list_at(&vat->pending, i);
    struct queue_item item;
    struct clist_row row;
    if (record_queue_item(k, KREF_NOTHING, slot, &item) && item.type == ITEM_NOTIFY &&
        !record_clist_by_kref(k, vat->id, item.promise, &row))
      queue_finish(k, vat->id, slot, &item);
  }
}

bool restart_would_lose_promises(struct kernel *k, const struct vat *vat)
{
  struct clist_row *rows;
  uint64_t collection = watched_collection(k, vat->id);
  size_t count = record_clist_all(k, vat->id, KREF_PROMISE, &rows);
  for (size_t i = 0; i < count; i++) {
    if (!is_watched(k, vat->id, collection, rows[i].vref))
      return true;
  }
  return false;
}

void restart_vat(struct kernel *k, struct vat *vat)
{
  if (sweep_virtual_rows(k, vat->id))
    quota_doubt_account(k, vat->id);
  restart_objects(k, vat->id);
  restart_promises(k, vat, watched_collection(k, vat->id));
  restart_notifies(k, vat);
  services_end_calls_of(k, vat->id);
  hibernation_forget(k, vat->id);
  record_set_live(k, vat->id, false);
}
