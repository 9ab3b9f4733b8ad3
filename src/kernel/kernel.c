/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/kernel.c - opening, stepping, committing: the kernel seen from its driver (kernel.h). What a crank is stands in
 * crank.c.
 *
 * Order of work in kernel_step(), one piece per call:
 *   1. restart cranks of vats whose incarnation ended with an earlier kernel
 *   2. what an earlier kernel's end has interrupted: calls of services, launches; then launches that can be finished
 *   3. queued items that need no worker
 *   4. vats that are ready, in turn; of each, garbage collection actions first, then reaps, then its queue; of a closing kernel,
 *      vats that can hibernate
 *   5. what terminated vats have left, also now and then while there is other work
 */
#include "kernel/kernel.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/cleanup.h"
#include "kernel/crank.h"
#include "kernel/gate.h"
#include "kernel/hibernation.h"
#include "kernel/launch.h"
#include "kernel/promises.h"
#include "kernel/records.h"
#include "kernel/requests.h"
#include "kernel/services.h"
#include "kernel/sleep.h"
#include "kernel/targets.h"
#include "kernel/vats.h"

#include <inttypes.h>
#include <stdlib.h>

#define CLEANUP_EVERY 32 /* steps: also a busy kernel gets on with it */

/* ---- open ---- */

static void batch_ended(void *context, uint64_t batch, enum store_outcome outcome)
{
  struct kernel *k = context;
  if (k->committing)
    gate_close_batch(k, batch);
  if (outcome == STORE_DURABLE)
    gate_open(k, batch);
  else
    kernel_break(k, outcome == STORE_FENCED ? VATD_FENCED : VATD_IN_DOUBT, "batch %" PRIu64 " was not stored for certain",
                 batch);
}

/* Vats whose incarnation was alive when the kernel ended, and has ended with it. */
static void find_unfinished_incarnations(struct kernel *k)
{
  struct bytes prefix = bytes_of("live.");
  struct bytes key = prefix;
  uint64_t id;
  while (record_next_key(k, key, prefix, &key)) {
    bool valid = vat_id_parse(bytes_after(key, prefix.size), &id);
    KERNEL_EXPECT(k, valid, "%.*s is malformed", BYTES_ARG(key));
    if (!valid)
      return;
    if (hibernation_has_image(k, id))
      continue; /* it goes on where it was */
    vat_of(k, id)->restart_due = true;
    number_list_add(&k->restarts_due, id);
  }
}

/* The queue index in memory, made from the stored run queue. */
static void index_run_queue(struct kernel *k)
{
  uint64_t head = record_queue_head(k, KREF_NOTHING);
  for (uint64_t slot = record_queue_tail(k, KREF_NOTHING); slot < head && !kernel_is_broken(k); slot++) {
    struct queue_item item = {0};
    if (!record_queue_item(k, KREF_NOTHING, slot, &item))
      continue; /* a hole */
    uint64_t vat = item.vat;
    if (item.type == ITEM_SEND) {
      struct route route = route_of(k, item.target);
      vat = route.type == ROUTE_VAT ? route.vat : 0;
    }
    crank_index_item(k, &(struct staged_item){vat, slot, item.sender});
    arena_clear(&k->arena);
  }
}

/* Launches that an earlier kernel did not finish; of the others the driver is told if they have IO channels to open. */
static void find_subclusters(struct kernel *k)
{
  uint64_t *ids;
  size_t count = subclusters_all(k, &ids);
  for (size_t i = 0; i < count; i++) {
    json_t *row = subcluster_json(k, ids[i]);
    if (subcluster_is_launching(row))
      number_list_add(&k->interrupted, ids[i]);
    else if (subcluster_has_channels(row))
      gate_subcluster(k, ids[i], json_incref(json_object_get(row, "config")));
    json_decref(row);
  }
}

/* What the store says is to be done. */
static void find_work(struct kernel *k)
{
  find_unfinished_incarnations(k);
  index_run_queue(k);
  find_subclusters(k);
  services_find_interrupted(k);
  cleanup_find(k);
  arena_clear(&k->arena);
}

enum vatd_code kernel_open(struct store *store, struct kernel **kernel, struct error *error)
{
  struct kernel *k = memory_zalloc(sizeof *k);
  k->store = store;
  k->most_flights = 1;
  k->image_bytes_limit = LIMIT_IMAGES;
  arena_init(&k->arena);
  buffer_init(&k->scratch, LIMIT_KERNEL_VALUE);
  idmap_init(&k->vats);
  idmap_init(&k->workers);
  idmap_init(&k->waiters);
  ordmap_init(&k->roots);
  services_init(&k->services);
  store->on_outcome = batch_ended;
  store->outcome_context = k;
  find_work(k);
  if (kernel_is_broken(k)) {
    enum vatd_code code = error_set(error, k->broken.code, "%s", k->broken.text);
    kernel_free(k);
    return code;
  }
  *kernel = k;
  return VATD_OK;
}

static void forget_run_time(struct kernel *k)
{
  struct vat *vat;
  size_t position = 0;
  while ((vat = idmap_next(&k->vats, &position)))
    vat_free(vat);
  idmap_fini(&k->vats);
  idmap_fini(&k->workers);
  number_list_clear(&k->ready);
  number_list_clear(&k->restarts_due);
  number_list_clear(&k->interrupted);
  number_list_clear(&k->ending);
  number_list_clear(&k->loose);
  launches_fini(k);
  services_forget_calls(&k->services);
  targets_forget(k);
  k->under_way = 0;
  k->hibernating = 0;
}

bool kernel_is_full(const struct kernel *k)
{
  return k->broken.code == VATD_FULL;
}

bool kernel_has_room_for(struct kernel *k, uint64_t bytes)
{
  return !k->store->ops->has_room || k->store->ops->has_room(k->store, bytes);
}

bool kernel_has_room(struct kernel *k)
{
  return kernel_has_room_for(k, 0);
}

enum vatd_code kernel_reopen(struct kernel *k, struct error *error)
{
  CHECK(kernel_is_full(k));
  enum vatd_code code = k->store->ops->rollback(k->store, error);
  if (code != VATD_OK) {
    k->broken = *error;
    return code;
  }
  k->broken = (struct error){0};
  forget_run_time(k);
  gate_forget(k);
  crank_forget(k);
  number_list_clear(&k->services.interrupted);
  requests_forget(k);
  k->changed = false;
  k->batch_cranks = 0;
  k->batch_bytes = 0;
  find_work(k);
  return kernel_is_broken(k) ? error_set(error, k->broken.code, "%s", k->broken.text) : VATD_OK;
}

void kernel_free(struct kernel *k)
{
  if (!k)
    return;
  forget_run_time(k);
  gate_fini(k);
  ordmap_fini(&k->roots);
  services_fini(&k->services);
  json_decref(k->sandbox);
  json_decref(k->allowed_globals);
  number_list_fini(&k->ready);
  number_list_fini(&k->restarts_due);
  number_list_fini(&k->interrupted);
  number_list_fini(&k->ending);
  number_list_fini(&k->loose);
  number_list_fini(&k->staged.ended);
  number_list_fini(&k->staged.with_garbage);
  free(k->staged.queued.items);
  free(k->staged.dequeued.items);
  free(k->staged.settled);
  free(k->maybe_free);
  requests_forget(k);
  idmap_fini(&k->waiters);
  arena_fini(&k->arena);
  buffer_fini(&k->scratch);
  k->store->on_outcome = NULL;
  free(k);
}

void kernel_deliver_ahead(struct kernel *k, size_t most)
{
  k->most_flights = most;
}

enum kernel_load kernel_load(const struct kernel *k, uint64_t *worker)
{
  const struct vat *vat = vat_if_known(k, k->last_under_way);
  if (k->under_way == 0)
    return KERNEL_AT_REST;
  if (k->under_way > 1 || !vat || vat->phase != VAT_BUSY || vat->flight_count > 1)
    return KERNEL_AWAITS_SEVERAL;
  *worker = vat->worker;
  return KERNEL_AWAITS_ONE;
}

void kernel_start_all(struct kernel *k)
{
  uint64_t *ids;
  size_t count = vats_all(k, &ids);
  for (size_t i = 0; i < count; i++) {
    struct vat *vat = vat_of(k, ids[i]);
    number_list_add(&vat->starts, 0); /* a start that nobody asked for by a request */
    vat_make_ready(k, vat);
  }
}

/* ---- steps ---- */

static bool step_restart(struct kernel *k)
{
  if (k->restarts_due.count == 0)
    return false;
  struct vat *vat = vat_of(k, number_list_first(&k->restarts_due));
  crank_restart(k, vat);
  vat_make_ready(k, vat);
  return true;
}

static bool step_interrupted_launch(struct kernel *k)
{
  if (k->interrupted.count == 0)
    return false;
  uint64_t subcluster = number_list_first(&k->interrupted);
  number_list_remove(&k->interrupted, subcluster);
  launch_remove_interrupted(k, subcluster);
  return true;
}

static bool step_loose_item(struct kernel *k)
{
  if (k->loose.count == 0)
    return false;
  crank_finish_loose(k, number_list_first(&k->loose));
  return true;
}

static bool step_ready_vat(struct kernel *k)
{
  if (k->ready.count == 0)
    return false;
  struct vat *vat = vat_if_known(k, number_list_first(&k->ready));
  number_list_remove(&k->ready, number_list_first(&k->ready));
  CHECK(vat);
  vat->ready = false;
  crank_dispatch(k, vat);
  return true;
}

bool kernel_step(struct kernel *k)
{
  if (kernel_is_broken(k))
    return false;
  arena_clear(&k->arena);
  bool worked = step_restart(k) || services_end_interrupted(k) || step_interrupted_launch(k) ||
                launch_finish_settled(k) || step_loose_item(k) || (k->steps++ % CLEANUP_EVERY == 0 && cleanup_step(k)) || step_ready_vat(k) || hibernation_step(k) || cleanup_step(k);
  return worked && !kernel_is_broken(k);
}

/* ---- commit ---- */

bool kernel_batch_open(const struct kernel *k)
{
  return !kernel_is_broken(k) && (k->changed || k->gated.first);
}

bool kernel_commit_due(const struct kernel *k, uint64_t age_ms)
{
  if (!kernel_batch_open(k))
    return false;
  bool idle = k->under_way == 0 && k->ready.count == 0 && k->loose.count == 0 && k->restarts_due.count == 0 &&
              k->ending.count == 0;
  return idle || k->batch_cranks >= LIMIT_BATCH_CRANKS || k->batch_bytes >= LIMIT_BATCH_BYTES ||
         age_ms >= (k->waiter_count >= MANY_WAITING ? LIMIT_BUSY_BATCH_MS : LIMIT_BATCH_MS);
}

void kernel_commit(struct kernel *k)
{
  struct error error = {0};
  uint64_t batch = 0;
  if (kernel_is_broken(k))
    return;
  CHECK(!k->in_crank);
  k->committing = true; /* the outcome may be reported before commit() returns, or long after */
  enum vatd_code code = k->store->ops->commit(k->store, &batch, &error);
  k->committing = false;
  if (code != VATD_OK) {
    kernel_break(k, code, "%s", error.text);
    return;
  }
  gate_close_batch(k, batch);
  k->changed = false;
  k->batch_cranks = 0;
  k->batch_bytes = 0;
}

/* ---- inputs from workers ---- */

static void pong(struct kernel *k, struct vat *vat, uint64_t id)
{
  if (number_list_remove(&vat->pings, id))
    gate_answer(k, id, json_string("pong"));
  else
    crank_vat_broke_rules(k, vat, "a pong that nobody asked for");
}

void kernel_worker_frame(struct kernel *k, uint64_t worker, struct bytes payload)
{
  struct vat *vat = idmap_get(&k->workers, worker);
  if (!vat || kernel_is_broken(k))
    return;
  struct error error = {0};
  struct done_frame done;
  enum frame_type type;
  uint64_t id;
  arena_clear(&k->arena);
  if (frame_peek(payload, &type, &id, &error) != VATD_OK) {
    crank_vat_broke_rules(k, vat, error.text);
    return;
  }
  if (type == FRAME_PONG) {
    pong(k, vat, id);
    return;
  }
  if (type == FRAME_PAGE) {
    crank_page(k, vat, payload);
    return;
  }
  if (type == FRAME_IMAGE) {
    if (hibernation_take_image(k, vat, payload, &error) != VATD_OK)
      crank_vat_broke_rules(k, vat, error.text);
    return;
  }
  bool awaited = (vat->phase == VAT_STARTING && id == vat->frame_id) || (vat->phase == VAT_BUSY && id == vat->flight->frame_id);
  if (type != FRAME_DONE || !awaited)
    crank_vat_broke_rules(k, vat, "a frame out of turn");
  else if (frame_decode_done(payload, &k->arena, &done, &error) != VATD_OK)
    crank_vat_broke_rules(k, vat, error.text);
  else
    crank_complete(k, vat, &done);
}

void kernel_wake_vat(struct kernel *k, uint64_t id)
{
  struct vat *vat = vat_if_known(k, id);
  if (!vat || !vat->resting || kernel_is_broken(k))
    return;
  vat->resting = false;
  vat_make_ready(k, vat);
}

bool kernel_reap_idle(struct kernel *k)
{
  struct vat *vat;
  size_t position = 0;
  bool more = false;
  while ((vat = idmap_next(&k->vats, &position))) {
    if (vat->deliveries == vat->deliveries_seen && sleep_if_idle(k, vat))
      continue;
    if (hibernate_if_idle(k, vat))
      continue;
    bool leaves = vat->policy.sleeps || (vat->policy.hibernates && !vat->no_image);
    more = more || (leaves && vat->phase != VAT_ASLEEP);
    if (vat->deliveries == 0)
      continue;
    more = true;
    if (vat->phase == VAT_IDLE && vat->deliveries == vat->deliveries_seen) {
      vat->reap_due = true;
      vat_make_ready(k, vat);
    }
    vat->deliveries_seen = vat->deliveries;
  }
  k->uses_seen = k->uses;
  return more && !kernel_is_broken(k);
}

void kernel_worker_ended(struct kernel *k, uint64_t worker, enum worker_end end, const char *detail)
{
  struct vat *vat = idmap_get(&k->workers, worker);
  if (!vat || kernel_is_broken(k))
    return;
  arena_clear(&k->arena);
  crank_worker_ended(k, vat, end, detail);
}

/* ---- requests that belong to nothing else ---- */

void kernel_clear_state(struct kernel *k, uint64_t request)
{
  struct error error = {0};
  struct vat *vat;
  size_t position = 0;
  if (kernel_is_broken(k))
    return;
  arena_clear(&k->arena);
  while ((vat = idmap_next(&k->vats, &position)))
    vat_stop_worker(k, vat);
  for (struct launch *launch = k->launches; launch; launch = launch->next)
    gate_answer_error(k, launch->request, VATD_REJECTED, "the state was cleared");
  requests_abandon(k, "the state was cleared");
  forget_run_time(k);
  crank_begin(k);
  enum vatd_code code = k->store->ops->clear(k->store, &error);
  if (code != VATD_OK)
    kernel_break(k, code, "%s", error.text);
  k->changed = true;
  crank_keep(k);
  gate_answer(k, request, json_null());
}

void kernel_answer(struct kernel *k, uint64_t request, json_t *result)
{
  gate_answer(k, request, result);
}

void kernel_answer_error(struct kernel *k, uint64_t request, enum vatd_code code, const char *text)
{
  gate_answer_error(k, request, code, "%s", text);
}

/* ---- questions ---- */

json_t *kernel_vat_config(struct kernel *k, uint64_t vat)
{
  return vat_config(k, vat);
}

uint64_t kernel_worker_of(const struct kernel *k, uint64_t vat)
{
  struct vat *at_run_time = vat_if_known(k, vat);
  return at_run_time ? at_run_time->worker : 0;
}
