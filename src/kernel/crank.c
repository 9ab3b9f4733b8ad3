/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/crank.c - the life of a crank, from choice to end.
 *
 *   1. choose     kernel_step() (kernel.c) picks a vat that is asleep or idle and has queued items
 *   2. dispatch   crank_dispatch() reads the first item, routes it, translates it for the vat and sends one deliver frame.
 *                 It writes nothing: what the delivery will change is noted in a struct flight
 *   3. run        the worker runs the delivery until it is quiescent, and answers with one done frame. Meanwhile the vat may be
 *                 sent more, each dispatched as if those before it were done (ahead.h)
 *   4. complete   crank_complete() applies, in one savepoint: the delivery as noted, then each syscall, validated against
 *                 what its predecessors left, then the checkpoint of the vat's storage
 *   5. end        crank_keep() collects what is free and releases the savepoint; the batch is committed later (kernel.c)
 *
 * Between 2 and 4 nothing is written, so a crash at any point either has the whole crank or has its item still queued. While
 * a delivery is in flight only its own completion, its vat's termination or its vat's restart changes that vat's c-list,
 * which is why the notes stay true; the item's own references keep alive what it names.
 *
 * What needs no worker (a message to a dead object, an empty notify) is a crank completed at once.
 *
 * If a syscall is refused, crank_drop() undoes everything since crank_begin(), and a second savepoint records what the fault
 * policy says: see "faults" below.
 */
#include "kernel/crank.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/ahead.h"
#include "kernel/blobs.h"
#include "kernel/clist.h"
#include "kernel/endowments.h"
#include "kernel/gate.h"
#include "kernel/gc.h"
#include "kernel/hibernation.h"
#include "kernel/launch.h"
#include "kernel/pages.h"
#include "kernel/promises.h"
#include "kernel/quota.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/requests.h"
#include "kernel/restart.h"
#include "kernel/services.h"
#include "kernel/suspension.h"
#include "kernel/syscalls.h"
#include "kernel/vats.h"
#include "kernel/vatstore.h"

#include <stdlib.h>

#define SAVEPOINT "crank"

/* ---- the savepoint around every change ---- */

static void store_call(struct kernel *k, enum vatd_code (*call)(struct store *, const char *, struct error *))
{
  struct error error = {0};
  if (kernel_is_broken(k))
    return;
  enum vatd_code code = call(k->store, SAVEPOINT, &error);
  if (code != VATD_OK)
    kernel_break(k, code, "%s", error.text);
}

static void staged_clear(struct staged *staged)
{
  staged->objects = 0;
  staged->promises = 0;
  staged->messages = 0;
  staged->waiting = 0;
  staged->queued.count = 0;
  staged->dequeued.count = 0;
  staged->settled_count = 0;
  number_list_clear(&staged->ended);
  number_list_clear(&staged->with_garbage);
}

void crank_begin(struct kernel *k)
{
  CHECK(!k->in_crank);
  k->in_crank = true;
  store_call(k, k->store->ops->savepoint);
}

void crank_drop(struct kernel *k)
{
  store_call(k, k->store->ops->rollback_to);
  store_call(k, k->store->ops->release);
#ifndef VATD_DEFECT_STALE_CACHE
  staged_clear(&k->staged);
#endif
  k->maybe_free_count = 0;
  k->in_crank = false;
}

void crank_forget(struct kernel *k)
{
  staged_clear(&k->staged);
  k->maybe_free_count = 0;
  k->in_crank = false;
}

static void unindex(struct kernel *k, const struct staged_item *item)
{
  struct vat *vat = vat_if_known(k, item->vat);
  number_list_remove(vat ? &vat->pending : &k->loose, item->slot);
  quota_count_queued(k, item->sender, false);
}

void crank_index_item(struct kernel *k, const struct staged_item *item)
{
  quota_count_queued(k, item->sender, true);
  if (item->vat == 0 || !vat_exists(k, item->vat)) {
    number_list_add(&k->loose, item->slot);
    return;
  }
  struct vat *vat = vat_of(k, item->vat);
  number_list_add(&vat->pending, item->slot);
  vat_make_ready(k, vat);
}

/* Vats that got something to collect; those that sleep are not woken for it. */
static void note_garbage(struct kernel *k)
{
  for (size_t i = 0; i < k->staged.with_garbage.count; i++) {
    struct vat *vat = vat_if_known(k, number_list_at(&k->staged.with_garbage, i));
    if (!vat)
      continue; /* asleep: its rows will be seen when it is needed */
    vat->has_garbage = true;
    vat_make_ready(k, vat);
  }
}

void crank_keep(struct kernel *k)
{
  requests_answer_settled(k);
  refs_collect(k);
  store_call(k, k->store->ops->release);
  k->in_crank = false;
  k->batch_cranks++;
  if (kernel_is_broken(k)) {
    staged_clear(&k->staged);
    return;
  }
  for (size_t i = 0; i < k->staged.dequeued.count; i++)
    unindex(k, &k->staged.dequeued.items[i]);
  for (size_t i = 0; i < k->staged.ended.count; i++) {
    struct vat *vat = vat_if_known(k, number_list_at(&k->staged.ended, i));
    number_list_add(&k->ending, number_list_at(&k->staged.ended, i));
    if (vat)
      vat_forget(k, vat);
  }
  for (size_t i = 0; i < k->staged.queued.count; i++)
    crank_index_item(k, &k->staged.queued.items[i]);
  note_garbage(k);
  staged_clear(&k->staged);
}

/* ---- restart ---- */

void crank_restart(struct kernel *k, struct vat *vat)
{
  vat->restart_due = false;
  number_list_remove(&k->restarts_due, vat->id);
  crank_begin(k);
  restart_vat(k, vat);
  crank_keep(k);
}

/* Stops the vat's worker and ends its incarnation, in a crank of its own. */
static void end_incarnation(struct kernel *k, struct vat *vat)
{
  vat_stop_worker(k, vat);
  crank_restart(k, vat);
  vat_make_ready(k, vat);
}

/* ---- faults ---- */

/* What is in flight names things that the vat has just let go of. The items are still queued: another incarnation gets them. */
static void overtaken(struct kernel *k, struct vat *vat)
{
  gate_log_kernel(k, vat->id, "restarted: it let go of references while deliveries were under way");
  end_incarnation(k, vat);
}

/* No delivery to the vat until somebody resumes it; or its end, if its configuration says so. */
static void suspend(struct kernel *k, struct vat *vat, const char *cause)
{
  if (vat->policy.terminate)
    crank_vat_broke_rules(k, vat, cause);
  else
    suspension_begin(k, vat, cause);
}

void crank_vat_broke_rules(struct kernel *k, struct vat *vat, const char *detail)
{
  uint64_t id = vat->id;
  gate_log_kernel(k, id, "terminated: %s", detail);
  struct launch *launch = launch_of_vat(k, id);
  if (launch) {
    launch_fail_by_vat(k, launch, id, detail);
    return;
  }
  crank_begin(k);
  vat_terminate(k, id, detail);
  crank_keep(k);
}

/* The heap that was stored is of no use: the vat begins a new incarnation. */
static void waking_failed(struct kernel *k, struct vat *vat, const char *detail)
{
  gate_log_kernel(k, vat->id, "restarted: its heap could not be restored: %s", detail);
  vat->failed_starts = 0;
  end_incarnation(k, vat);
}

/* The start did not work: it has changed nothing. One retry, then the vat is suspended; a launch fails at once. */
static void start_failed(struct kernel *k, struct vat *vat, const char *detail)
{
  struct launch *launch = launch_of_vat(k, vat->id);
  if (vat->waking) {
    waking_failed(k, vat, detail);
    return;
  }
  gate_log_kernel(k, vat->id, "start failed: %s", detail);
  vat_stop_worker(k, vat);
  if (launch) {
    launch_fail_by_vat(k, launch, vat->id, detail);
    return;
  }
  vat->failed_starts++;
  if (vat->failed_starts > 1) {
    vat->failed_starts = 0;
    suspend(k, vat, detail);
  } else {
    vat_make_ready(k, vat);
  }
}

/* The kernel's side of a garbage collection delivery. */
static void apply_garbage(struct kernel *k, struct vat *vat, const struct flight *flight)
{
  if (flight->reap)
    gc_set_reap(k, vat->id, false);
  else
    gc_apply(k, vat->id, (enum gc_action)flight->gc_action, flight->garbage, flight->garbage_count);
}

/*
 * The vat did in its crank what no vat may: the message is rejected with `code`, the incarnation ends, and the vat has so many
 * strikes more. When they are too many it is suspended.
 */
static void strike(struct kernel *k, struct vat *vat, uint64_t more, const char *code, const char *detail)
{
  struct launch *launch = launch_of_vat(k, vat->id);
  if (launch) {
    launch_fail_by_vat(k, launch, vat->id, detail);
    return;
  }
  struct queue_item item;
  uint64_t slot = vat->flight->slot;
  uint64_t strikes = vat->strikes + more;
  crank_begin(k);
  if (vat->flight->of_garbage) {
    apply_garbage(k, vat, vat->flight);
  } else if (record_queue_item(k, KREF_NOTHING, slot, &item)) {
    if (item.type == ITEM_SEND && item.result.type == KREF_PROMISE)
      promise_reject(k, item.result, code, detail);
    queue_finish(k, vat->id, slot, &item);
  }
  vat_set_faults(k, vat->id, strikes, vat->crashes);
  crank_keep(k);
  vat->strikes = strikes;
  end_incarnation(k, vat);
  if (strikes >= vat->policy.strikes)
    suspend(k, vat, detail);
}

static void limit_exceeded(struct kernel *k, struct vat *vat, const char *detail)
{
  gate_log_kernel(k, vat->id, "limit exceeded: %s", detail);
  strike(k, vat, 1, "LIMIT_EXCEEDED", detail);
}

/* Its state is kept for whoever looks into it, but none of its code runs before somebody says so. */
static void sandbox_violated(struct kernel *k, struct vat *vat, const char *detail)
{
  gate_log_kernel(k, vat->id, "%s", detail);
  strike(k, vat, vat->policy.strikes, "SANDBOX_VIOLATION", detail);
}

/* The vat gets no delivery for a while, longer each time: what killed its worker may pass. */
static void rest(struct kernel *k, struct vat *vat)
{
  uint64_t delay = BACK_OFF_MS;
  for (uint64_t i = 1; i < vat->crashes && delay < LIMIT_BACK_OFF_MS; i++)
    delay *= BACK_OFF_FACTOR;
  vat->resting = true;
  effect_wake_later(k, vat->id, delay < LIMIT_BACK_OFF_MS ? delay : LIMIT_BACK_OFF_MS);
}

/* The worker died under the vat: the item will be delivered again, but not for ever. */
static void crashed(struct kernel *k, struct vat *vat, const char *detail)
{
  struct launch *launch = launch_of_vat(k, vat->id);
  bool busy = vat->phase == VAT_BUSY;
  gate_log_kernel(k, vat->id, "worker ended: %s", detail);
  if (launch) {
    launch_fail_by_vat(k, launch, vat->id, detail);
    return;
  }
  if (busy) {
    crank_begin(k);
    vat_set_faults(k, vat->id, vat->strikes, vat->crashes + 1);
    crank_keep(k);
    vat->crashes++;
  }
  end_incarnation(k, vat);
  if (busy && vat->crashes > vat->policy.crashes)
    suspend(k, vat, detail);
  else if (busy)
    rest(k, vat);
}

static struct bytes memory_detail(struct kernel *k, const struct vat *vat, struct bytes what)
{
  return arena_printf(&k->arena, "memory limit: %.*s (limits.heapBytes of %s is %llu)", BYTES_ARG(what), vat_id_text(vat->id).text,
                      (unsigned long long)vat->policy.heap_bytes);
}

/* It may not have been the image's fault: there is another try, once. */
static bool wakes_again(struct kernel *k, struct vat *vat)
{
  if (!vat->waking || vat->failed_starts > 0)
    return false;
  vat->failed_starts++;
  vat_stop_worker(k, vat);
  vat_make_ready(k, vat);
  return true;
}

void crank_worker_ended(struct kernel *k, struct vat *vat, enum worker_end end, const char *detail)
{
  if (vat->phase == VAT_STARTING && wakes_again(k, vat)) {
    gate_log_kernel(k, vat->id, "%s while its heap was restored", detail);
  } else if (vat->phase == VAT_STARTING) {
    start_failed(k, vat, detail);
  } else if (end == WORKER_DEADLINE && vat->phase == VAT_BUSY) {
    limit_exceeded(k, vat, arena_printf(&k->arena, "deadline: %s (limits.deadlineMs of %s)", detail, vat_id_text(vat->id).text).data);
  } else if (end == WORKER_OUT_OF_MEMORY && vat->phase == VAT_BUSY) {
    limit_exceeded(k, vat, memory_detail(k, vat, bytes_of(detail)).data);
  } else if (end == WORKER_VIOLATION && vat->phase == VAT_BUSY) {
    sandbox_violated(k, vat, detail);
  } else if (end == WORKER_KILLED && !launch_of_vat(k, vat->id)) {
    gate_log_kernel(k, vat->id, "worker killed on request");
    end_incarnation(k, vat);
  } else {
    crashed(k, vat, detail);
  }
}

/* ---- start ---- */

/* Encodes the vat's init frame; false when it does not fit, or the kernel broke. Of bundle and image at most one has content. */
static bool encode_init(struct kernel *k, struct vat *vat, struct bytes bundle, struct bytes image, struct buffer *frame)
{
  struct bytes config = {NULL, 0};
  struct bytes id = record_key(k, "%s", vat_id_text(vat->id).text);
  bool found = record_get(k, record_key(k, "vatConfig.%s", id.data), &config);
  struct page_rows part = pages_read(k, vat->id, bytes_of(""), UINT64_MAX, LIMIT_INIT_STATE);
  struct init_frame init = {
      .id = vat->frame_id,
      .vat = id,
      .config = endowments_config(k, vat->id, config),
      .bundle = bundle,
      .state = part.rows,
      .complete = !part.more,
      .limits = {.computrons = vat->policy.computrons, .heap_bytes = vat->policy.heap_bytes},
      .image = image,
  };
  quota_open_account(k, vat, &part);
  vat->pages = 0;
  return found && !kernel_is_broken(k) && frame_encode_init(frame, &init);
}

/*
 * What the worker needs to begin: the init frame, and in `code` the program of a vat in C, which the process is started with, or the
 * bundle of a JavaScript vat, which is in the frame, too, and whose hash is `bundle` then. One that goes on with its stored heap has
 * its code there. False: it does not fit, or the kernel broke.
 */
static bool prepare_start(struct kernel *k, struct vat *vat, struct bytes image, struct buffer *frame, struct buffer *code,
                          struct bytes *bundle)
{
  struct vat_record record;
  bool found = vat_record_get(k, vat->id, &record) && (image.size || blob_read(k, record.bundle, code));
  bool encoded = found && encode_init(k, vat, vat->is_program ? bytes_of("") : buffer_bytes(code), image, frame);
  if (encoded && !vat->is_program && !image.size)
    *bundle = record.bundle;
  return encoded;
}

static void start_with(struct kernel *k, struct vat *vat, struct bytes image)
{
  struct buffer frame;
  struct buffer code;
  struct bytes bundle = {NULL, 0};
  buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
  buffer_init(&code, LIMIT_BUNDLE);
  vat->frame_id = ++k->next_frame;
  vat->waking = image.size > 0;
  if (!vat->waking)
    endowments_provide(k, vat->id);
  if (!prepare_start(k, vat, image, &frame, &code, &bundle)) {
    buffer_fini(&frame);
    buffer_fini(&code);
    if (!kernel_is_broken(k))
      suspend(k, vat, "its code and configuration are larger than one init frame can carry");
    return;
  }
  vat->worker = ++k->next_worker;
  idmap_put(&k->workers, vat->worker, vat);
  vat_set_phase(k, vat, VAT_STARTING);
  effect_start_worker(k, vat, &code, bundle);
  effect_send(k, vat, &frame, true);
}

static void start_worker(struct kernel *k, struct vat *vat)
{
  struct buffer image;
  buffer_init(&image, LIMIT_IMAGE);
  if (hibernation_read_image(k, vat->id, &image))
    start_with(k, vat, buffer_bytes(&image));
  else
    waking_failed(k, vat, "the database does not hold it as it was stored");
  buffer_fini(&image);
}

/* ---- dispatch ---- */

/* What the end of the delivery will need of the item. */
static struct queue_item *item_without_body(struct arena *arena, const struct queue_item *item)
{
  struct queue_item *kept = arena_alloc(arena, sizeof *kept);
  *kept = *item;
  kept->methargs.body = bytes_of("");
  kept->methargs.slots = arena_alloc_array(arena, item->methargs.slot_count, sizeof *kept->methargs.slots);
  if (item->methargs.slot_count)
    memcpy(kept->methargs.slots, item->methargs.slots, item->methargs.slot_count * sizeof *kept->methargs.slots);
  return kept;
}

static struct flight *flight_new(struct kernel *k, const struct vat *vat, uint64_t slot, const struct queue_item *item)
{
  struct flight *flight = memory_zalloc(sizeof *flight);
  struct import_counters counters = ahead_import_counters(k, vat);
  arena_init(&flight->arena);
  flight->slot = slot;
  if (item)
    flight->item = item_without_body(&flight->arena, item);
  flight->next_object = counters.next_object;
  flight->next_promise = counters.next_promise;
  return flight;
}

static void send_delivery(struct kernel *k, struct vat *vat, struct flight *flight, const struct delivery *delivery)
{
  struct buffer frame;
  buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
  flight->frame_id = ++k->next_frame;
  bool encoded = frame_encode_deliver(&frame, flight->frame_id, delivery);
  CHECK(encoded); /* what one worker could send fits into what another may get */
  flight->frame_size = frame.size;
  vat_add_flight(vat, flight);
  vat_set_phase(k, vat, VAT_BUSY);
  effect_send(k, vat, &frame, true);
}

static void dispatch_message(struct kernel *k, struct vat *vat, uint64_t slot, const struct queue_item *item,
                             struct kref target)
{
  struct flight *flight = flight_new(k, vat, slot, item);
  struct delivery delivery = {.type = DELIVERY_MESSAGE};
  delivery.message.target = clist_import(k, vat, flight, target);
  delivery.message.methargs = clist_import_data(k, vat, flight, &item->methargs);
  if (item->result.type == KREF_PROMISE)
    delivery.message.result = clist_import(k, vat, flight, item->result);
  flight->result = item->result;
  flight->bootstrap_of_launch = launch_awaits(k, item->result);
  send_delivery(k, vat, flight, &delivery);
}

void crank_reject_message(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item,
                          const struct kernel_data *reason)
{
  crank_begin(k);
  if (item->result.type == KREF_PROMISE)
    promise_settle(k, item->result, true, reason, 0);
  queue_finish(k, vat, slot, item);
  crank_keep(k);
}

struct kref_set {
  struct kref *items;
  size_t count;
  size_t capacity;
};

static void kref_set_add(struct kref_set *set, struct kref kref)
{
  for (size_t i = 0; i < set->count; i++) {
    if (kref_equal(set->items[i], kref))
      return;
  }
  set->items = grown(set->items, set->count, &set->capacity, sizeof *set->items);
  set->items[set->count++] = kref;
}

/*
 * The settled promises that can be reached from a settled one through settled values: the vat gets them in one batch, so that
 * data that refers to itself arrives whole. Beyond the limits the vat gets a promise as an argument that it will subscribe to
 * and be told of by another notify.
 */
static struct kref_set reachable_settled(struct kernel *k, struct kref promise)
{
  struct kref_set set = {0};
  size_t bytes = 0;
  size_t slots = 0;
  kref_set_add(&set, promise);
  for (size_t i = 0; i < set.count; i++) {
    struct kernel_data value = record_promise_value(k, set.items[i]);
    bytes += value.body.size;
    slots += value.slot_count;
    if (i > 0 && (bytes > LIMIT_NOTIFY_BYTES || slots > LIMIT_NOTIFY_SLOTS)) {
      set.count = i;
      break;
    }
    for (size_t slot = 0; slot < value.slot_count; slot++) {
      struct kref kref = value.slots[slot];
      if (set.count < LIMIT_NOTIFY_PROMISES && kref.type == KREF_PROMISE && record_promise_state(k, kref) > PROMISE_UNRESOLVED)
        kref_set_add(&set, kref);
    }
  }
  return set;
}

static void dispatch_notify(struct kernel *k, struct vat *vat, uint64_t slot, const struct queue_item *item)
{
  struct flight *flight = flight_new(k, vat, slot, item);
  struct kref_set settled = reachable_settled(k, item->promise);
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {NULL, settled.count}};
  delivery.resolutions.items = arena_alloc_array(&k->arena, settled.count, sizeof *delivery.resolutions.items);
  flight->retired = arena_alloc_array(&flight->arena, settled.count, sizeof *flight->retired);
  flight->retired_count = settled.count;
  for (size_t i = 0; i < settled.count; i++) {
    struct kernel_data value = record_promise_value(k, settled.items[i]);
    flight->retired[i] = settled.items[i];
    delivery.resolutions.items[i] = (struct resolution){
        .vpid = clist_import(k, vat, flight, settled.items[i]),
        .rejected = record_promise_state(k, settled.items[i]) == PROMISE_REJECTED,
        .data = clist_import_data(k, vat, flight, &value),
    };
  }
  free(settled.items);
  if (kernel_is_broken(k))
    flight_free(flight);
  else
    send_delivery(k, vat, flight, &delivery);
}

/* A notify of what the vat has been told already, or no longer knows. */
static void finish_empty_notify(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item)
{
  crank_begin(k);
  queue_finish(k, vat, slot, item);
  crank_keep(k);
}

static void dispatch_reap(struct kernel *k, struct vat *vat)
{
  struct flight *flight = flight_new(k, vat, 0, NULL);
  struct delivery delivery = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  flight->of_garbage = true;
  flight->reap = true;
  vat->reap_due = false;
  vat->wake = false;
  vat->deliveries = 0;
  send_delivery(k, vat, flight, &delivery);
}

static void dispatch_actions(struct kernel *k, struct vat *vat, const struct gc_batch *batch)
{
  struct flight *flight = flight_new(k, vat, 0, NULL);
  struct delivery delivery = {.type = gc_delivery_type(batch->action), .vrefs = {NULL, batch->count}};
  delivery.vrefs.items = arena_alloc_array(&k->arena, batch->count, sizeof *delivery.vrefs.items);
  flight->of_garbage = true;
  flight->gc_action = batch->action;
  flight->garbage_count = batch->count;
  flight->garbage = arena_alloc_array(&flight->arena, batch->count, sizeof *flight->garbage);
  for (size_t i = 0; i < batch->count; i++) {
    struct clist_row row = {0};
    record_clist_by_kref(k, vat->id, batch->krefs[i], &row);
    flight->garbage[i] = batch->krefs[i];
    delivery.vrefs.items[i] = row.vref;
  }
  if (kernel_is_broken(k))
    flight_free(flight);
  else
    send_delivery(k, vat, flight, &delivery);
}

/* Takes the vat's next garbage collection actions; true when that has kept this step busy. */
static bool dispatch_garbage(struct kernel *k, struct vat *vat)
{
  struct gc_batch batch;
  if (!vat->has_garbage)
    return false;
  vat->has_garbage = gc_next(k, vat->id, &batch);
  if (!vat->has_garbage)
    return false;
  if (batch.stale_count) {
    crank_begin(k);
    gc_forget(k, vat->id, batch.action, batch.stale, batch.stale_count);
    crank_keep(k);
  }
  if (batch.count)
    dispatch_actions(k, vat, &batch);
  return true;
}

/* The first item that is not in flight, and has been read. */
static void deliver_item(struct kernel *k, struct vat *vat, const struct queue_item *item)
{
  uint64_t slot = number_list_at(&vat->pending, vat->flight_count);
  struct clist_row row;
  if (item->type == ITEM_NOTIFY) {
    if (record_clist_by_kref(k, vat->id, item->promise, &row))
      dispatch_notify(k, vat, slot, item);
    else
      finish_empty_notify(k, vat->id, slot, item);
    return;
  }
  struct route route = route_of(k, item->target);
  if (route.type == ROUTE_REJECT)
    crank_reject_message(k, vat->id, slot, item, &route.reason);
  else if (route.type == ROUTE_VAT && route.vat == vat->id)
    dispatch_message(k, vat, slot, item, route.target);
  else
    KERNEL_EXPECT(k, false, "slot %lu of the run queue is not for %s", (unsigned long)slot, vat_id_text(vat->id).text);
}

static void deliver_first(struct kernel *k, struct vat *vat)
{
  uint64_t slot = number_list_first(&vat->pending);
  struct queue_item item;
  bool found = record_queue_item(k, KREF_NOTHING, slot, &item);
  KERNEL_EXPECT(k, found, "slot %lu of the run queue is missing", (unsigned long)slot);
  if (found)
    deliver_item(k, vat, &item);
}

/* Whether the first item needs the vat's code; if not, no worker is started for it. */
static bool first_needs_worker(struct kernel *k, const struct vat *vat)
{
  struct queue_item item;
  struct clist_row row;
  if (!record_queue_item(k, KREF_NOTHING, number_list_first(&vat->pending), &item))
    return false;
  if (item.type == ITEM_NOTIFY)
    return record_clist_by_kref(k, vat->id, item.promise, &row);
  return route_of(k, item.target).type == ROUTE_VAT;
}

void crank_dispatch(struct kernel *k, struct vat *vat)
{
  if (vat->restart_due) {
    crank_restart(k, vat);
    vat_make_ready(k, vat);
    return;
  }
  if (k->closing)
    return;
  bool wanted = vat->launching || vat->wake || vat->pings.count > 0 || vat->starts.count > 0;
  struct queue_item item;
  if (vat->phase == VAT_BUSY && ahead_may_send(k, vat, &item)) {
    deliver_item(k, vat, &item);
    vat_make_ready(k, vat);
    return;
  }
  if (vat->suspended || vat->resting || (vat->phase != VAT_ASLEEP && vat->phase != VAT_IDLE))
    return;
  if (vat->phase == VAT_ASLEEP && !vat->launching && launch_of_vat(k, vat->id))
    return; /* the launch starts its vats one after the other: this one's turn will come */
  if (vat->phase == VAT_ASLEEP && (wanted || (vat->pending.count && first_needs_worker(k, vat)))) {
    start_worker(k, vat);
    return;
  }
  if (vat->phase == VAT_IDLE && dispatch_garbage(k, vat)) {
    vat_make_ready(k, vat);
    return;
  }
  if (vat->phase == VAT_IDLE && (vat->reap_due || vat->deliveries >= vat->policy.reap_interval)) {
    dispatch_reap(k, vat);
    return;
  }
  if (vat->pending.count == 0)
    return;
  deliver_first(k, vat);
  vat_make_ready(k, vat);
}

void crank_finish_loose(struct kernel *k, uint64_t slot)
{
  struct queue_item item;
  bool found = record_queue_item(k, KREF_NOTHING, slot, &item);
  KERNEL_EXPECT(k, found, "slot %lu of the run queue is missing", (unsigned long)slot);
  if (!found)
    return;
  if (item.type == ITEM_NOTIFY) {
    finish_empty_notify(k, 0, slot, &item);
    return;
  }
  struct route route = route_of(k, item.target);
  if (route.type == ROUTE_SERVICE) {
    service_begin_call(k, slot, &item, route.target);
    return;
  }
  if (route.type == ROUTE_VAT) /* suspension_queue() had no room for it */
    route.reason = kernel_error_data(k, "QUEUE_FULL", vat_id_text(route.vat).text);
  KERNEL_EXPECT(k, route.type != ROUTE_WAIT, "slot %lu of the run queue waits for a promise", (unsigned long)slot);
  if (route.type != ROUTE_WAIT)
    crank_reject_message(k, 0, slot, &item, &route.reason);
}

/* ---- completion ---- */

/* What applying a crank's effects has led to. */
struct effects {
  struct exit_wish wish;
  struct storage_account storage;
};

/* All that a crank says it did: its syscalls, then its checkpoint. Not OK: nothing of it may be kept. */
static enum vatd_code apply_effects(struct kernel *k, const struct vat *vat, const struct done_frame *done,
                                    struct effects *effects, struct error *error)
{
  enum vatd_code code = quota_check_crank(vat, done, error);
  effects->storage = vat->storage;
  if (code == VATD_OK)
    code = syscalls_apply(k, vat, done->syscalls, done->syscall_count, &effects->wish, error);
  if (code == VATD_OK)
    code = quota_apply_checkpoint(k, vat, done, &effects->storage, error);
  return code;
}

static void forward_logs(struct kernel *k, const struct vat *vat, const struct done_frame *done)
{
  for (size_t i = 0; i < done->log_count; i++)
    gate_log(k, vat->id, done->logs[i].level, done->logs[i].text);
  for (size_t i = 0; i < done->unhandled.count; i++)
    gate_log_kernel(k, vat->id, "unhandled rejection: %.*s", BYTES_ARG(done->unhandled.items[i]));
}

void crank_worker_is_ready(struct kernel *k, struct vat *vat)
{
  for (size_t i = 0; i < vat->starts.count; i++)
    gate_answer(k, number_list_at(&vat->starts, i), json_null());
  number_list_clear(&vat->starts);
  for (size_t i = 0; i < vat->pings.count; i++) {
    struct buffer frame;
    buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
    frame_encode_ping(&frame, number_list_at(&vat->pings, i));
    effect_send(k, vat, &frame, false);
  }
}

static bool has_effects(const struct done_frame *done)
{
  return done->syscall_count || done->sets.count || done->deletes.count;
}

/* The start crank: the vat exists from here on for everybody else. A vat that goes on with its stored heap existed before, and its
 * image is spent: from now on the two differ. */
static void complete_start(struct kernel *k, struct vat *vat, const struct done_frame *done)
{
  struct error error = {0};
  struct effects effects = {0};
  if (vat->waking && has_effects(done)) {
    crank_vat_broke_rules(k, vat, "it did something while its heap was restored");
    return;
  }
  crank_begin(k);
  hibernation_forget(k, vat->id);
  record_set_live(k, vat->id, true);
  vat_provide_root(k, vat->id);
  enum vatd_code code = apply_effects(k, vat, done, &effects, &error);
  if (code != VATD_OK) {
    crank_drop(k);
    if (code == VATD_LIMIT)
      start_failed(k, vat, error.text);
    else
      crank_vat_broke_rules(k, vat, error.text);
    return;
  }
  crank_keep(k);
  vat->storage = effects.storage;
  vat->failed_starts = 0;
  vat->waking = false;
  vat->last_used = ++k->uses;
  vat_set_phase(k, vat, VAT_IDLE);
  crank_worker_is_ready(k, vat);
  vat_make_ready(k, vat);
  if (vat->launching) {
    vat->launching = false;
    launch_vat_started(k, vat->id);
  }
}

static void apply_delivery(struct kernel *k, struct vat *vat, const struct flight *flight)
{
  if (flight->of_garbage) {
    apply_garbage(k, vat, flight);
    return;
  }
  clist_apply_flight(k, vat->id, flight);
  if (flight->result.type == KREF_PROMISE)
    record_set_decider(k, flight->result, vat->id);
  for (size_t i = 0; i < flight->retired_count; i++)
    clist_remove_promise(k, vat->id, flight->retired[i]);
  queue_finish(k, vat->id, flight->slot, flight->item);
}

/* A committed crank ends a row of faults. */
static void forgive(struct kernel *k, struct vat *vat)
{
  if (vat->strikes == 0 && vat->crashes == 0)
    return;
  vat_set_faults(k, vat->id, 0, 0);
  vat->strikes = 0;
  vat->crashes = 0;
}

static struct bytes exit_detail(struct kernel *k, const struct exit_wish *wish)
{
  const struct kernel_data reason = {.body = wish->reason};
  return arena_printf(&k->arena, "exited: %s", request_rejection_text(k, &reason));
}

static void exit_vat(struct kernel *k, uint64_t vat, const struct exit_wish *wish)
{
  struct bytes detail = exit_detail(k, wish);
  gate_log_kernel(k, vat, "%s", detail.data);
  vat_terminate(k, vat, detail.data);
}

/* The crank is kept. What was sent after its delivery goes on, if it still means what it meant when it was sent. */
static void end_flight(struct kernel *k, struct vat *vat, const struct done_frame *done)
{
  flight_free(vat_take_flight(vat));
  vat->last_used = ++k->uses;
  vat->no_image = false;
  if (!vat->flight)
    vat_set_phase(k, vat, VAT_IDLE);
  else if (ahead_was_overtaken(done))
    overtaken(k, vat);
  vat_make_ready(k, vat);
}

static void complete_delivery(struct kernel *k, struct vat *vat, const struct done_frame *done)
{
  struct error error = {0};
  struct effects effects = {0};
  const struct exit_wish *wish = &effects.wish;
  bool of_launch = vat->flight->bootstrap_of_launch;
  uint64_t id = vat->id;
  crank_begin(k);
  apply_delivery(k, vat, vat->flight);
  enum vatd_code code = apply_effects(k, vat, done, &effects, &error);
  if (code != VATD_OK) {
    crank_drop(k);
    if (code == VATD_LIMIT)
      limit_exceeded(k, vat, error.text);
    else
      crank_vat_broke_rules(k, vat, error.text);
    return;
  }
  struct launch *launch = wish->wanted ? launch_of_vat(k, id) : NULL; /* fails: it has one vat fewer than was asked for */
  if (wish->wanted && wish->is_failure) {
    crank_drop(k);
    if (launch) {
      launch_fail_by_vat(k, launch, id, exit_detail(k, wish).data);
      return;
    }
    crank_begin(k);
    exit_vat(k, id, wish);
    crank_keep(k);
    return;
  }
  forgive(k, vat);
  if (wish->wanted && !launch)
    exit_vat(k, id, wish);
  crank_keep(k);
  if (launch)
    launch_fail_by_vat(k, launch, id, exit_detail(k, wish).data);
  if (wish->wanted || kernel_is_broken(k))
    return;
  vat->storage = effects.storage;
  vat->deliveries += !vat->flight->of_garbage;
  end_flight(k, vat, done);
  if (of_launch && done->unhandled.count)
    launch_fail_by_unhandled(k, id, done->unhandled.items[0]);
}

static bool is_limit(enum done_status status)
{
  return status == DONE_LIMIT_COMPUTE || status == DONE_LIMIT_MEMORY || status == DONE_LIMIT_STACK ||
         status == DONE_LIMIT_KEYS;
}

/* "compute limit: limits.computrons of v3 is 2000000000", or the worker's own words. */
static struct bytes status_detail(struct kernel *k, const struct vat *vat, const struct done_frame *done)
{
  struct id_text id = vat_id_text(vat->id);
  const char *name = done_status_name(done->status);
  if (done->status == DONE_LIMIT_COMPUTE)
    return arena_printf(&k->arena, "%s limit: limits.computrons of %s is %llu", name, id.text, (unsigned long long)vat->policy.computrons);
  if (done->status == DONE_LIMIT_MEMORY)
    return memory_detail(k, vat, done->status_text);
  if (is_limit(done->status))
    return arena_printf(&k->arena, "%s limit of %s: %.*s", name, id.text, BYTES_ARG(done->status_text));
  return arena_copy(&k->arena, done->status_text);
}

static void complete_starting(struct kernel *k, struct vat *vat, const struct done_frame *done)
{
  if (done->status != DONE_OK)
    start_failed(k, vat, status_detail(k, vat, done).data);
  else if (vat->launching && done->unhandled.count)
    start_failed(k, vat, arena_printf(&k->arena, "unhandled rejection: %.*s", BYTES_ARG(done->unhandled.items[0])).data);
  else
    complete_start(k, vat, done);
}

void crank_page(struct kernel *k, struct vat *vat, struct bytes payload)
{
  struct error error = {0};
  enum vatd_code code = pages_answer(k, vat, payload, &error);
  if (code == VATD_LIMIT && vat->phase == VAT_STARTING)
    start_failed(k, vat, error.text);
  else if (code == VATD_LIMIT)
    limit_exceeded(k, vat, error.text);
  else if (code != VATD_OK)
    crank_vat_broke_rules(k, vat, error.text);
}

void crank_complete(struct kernel *k, struct vat *vat, const struct done_frame *done)
{
  vat->pages = 0;
  forward_logs(k, vat, done);
  if (vat->phase == VAT_STARTING)
    complete_starting(k, vat, done);
  else if (done->status == DONE_OK)
    complete_delivery(k, vat, done);
  else if (is_limit(done->status))
    limit_exceeded(k, vat, status_detail(k, vat, done).data);
  else
    crashed(k, vat, status_detail(k, vat, done).data);
}
