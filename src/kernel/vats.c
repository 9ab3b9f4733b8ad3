/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/vats.c - see vats.h. */
#include "kernel/vats.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/blobs.h"
#include "kernel/cleanup.h"
#include "kernel/clist.h"
#include "kernel/endowments.h"
#include "kernel/gate.h"
#include "kernel/gc.h"
#include "kernel/hibernation.h"
#include "kernel/launch.h"
#include "kernel/policy.h"
#include "kernel/promises.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/restart.h"
#include "kernel/suspension.h"
#include "kernel/targets.h"

#include <stdlib.h>

/* ---- rows ---- */

static struct bytes vat_key(struct kernel *k, const char *what, uint64_t id)
{
  return record_key(k, "%s.%s", what, vat_id_text(id).text);
}

/* Names come from configurations and may be long: not through a format. */
static struct bytes name_prefix(struct kernel *k, struct bytes name)
{
  return arena_printf(&k->arena, "vatName.%.*s/", BYTES_ARG(name));
}

static struct bytes name_key(struct kernel *k, struct bytes name, uint64_t id)
{
  return arena_printf(&k->arena, "vatName.%.*s/%s", BYTES_ARG(name), vat_id_text(id).text);
}

bool vat_exists(struct kernel *k, uint64_t id)
{
  return record_get(k, vat_key(k, "vatConfig", id), NULL);
}

json_t *vat_config(struct kernel *k, uint64_t id)
{
  return record_json(k, vat_key(k, "vatConfig", id));
}

static struct bytes member_text(struct kernel *k, const json_t *object, const char *member)
{
  const json_t *value = json_object_get(object, member);
  return arena_copy(&k->arena, bytes_from(json_string_value(value), json_string_length(value)));
}

bool vat_record_get(struct kernel *k, uint64_t id, struct vat_record *record)
{
  json_t *json = record_json(k, vat_key(k, "vat", id));
  if (!json)
    return false;
  *record = (struct vat_record){.name = member_text(k, json, "name"), .bundle = member_text(k, json, "bundle")};
  bool valid = subcluster_id_parse(member_text(k, json, "subcluster"), &record->subcluster);
  kref_parse(member_text(k, json, "root"), &record->root);
  json_decref(json);
  KERNEL_EXPECT(k, valid, "vat.%s is malformed", vat_id_text(id).text);
  return valid;
}

static void vat_record_put(struct kernel *k, uint64_t id, const struct vat_record *record)
{
  json_t *json = json_pack("{s:s%, s:s, s:s%}", "name", record->name.data, record->name.size, "subcluster",
                           subcluster_id_text(record->subcluster).text, "bundle", record->bundle.data, record->bundle.size);
  CHECK(json);
  if (record->root.type != KREF_NONE)
    json_object_set_new(json, "root", json_string(kref_text(record->root).text));
  record_put_json(k, vat_key(k, "vat", id), json);
  json_decref(json);
}

size_t vats_named(struct kernel *k, struct bytes name, uint64_t **ids)
{
  return record_ids(k, name_prefix(k, name), vat_id_parse, ids);
}

size_t vats_all(struct kernel *k, uint64_t **ids)
{
  return record_ids(k, bytes_of("vatConfig."), vat_id_parse, ids);
}

/* ---- beginning and end ---- */

uint64_t vat_create(struct kernel *k, uint64_t subcluster, const char *name, const json_t *config, struct bytes code)
{
  targets_forget(k);
  uint64_t id = record_take_id(k, "nextVatId");
  struct vat_record record = {.name = bytes_of(name), .subcluster = subcluster, .bundle = blob_add(k, code)};
  record_put_json(k, vat_key(k, "vatConfig", id), config);
  record_put(k, name_key(k, record.name, id), bytes_of("1"));
  vat_record_put(k, id, &record);
  return id;
}

void vat_provide_root(struct kernel *k, uint64_t id)
{
  struct vat_record record;
  if (!vat_record_get(k, id, &record) || record.root.type != KREF_NONE)
    return;
  record.root = clist_export(k, id, bytes_of("o+0"));
  ref_add(k, record.root);
  vat_record_put(k, id, &record);
}

/* The item that the vat is working on will have no answer; those sent ahead are still queued, and go the way of all others. */
static void reject_flight(struct kernel *k, uint64_t id, const char *detail)
{
  struct vat *vat = vat_if_known(k, id);
  struct queue_item item;
  if (!vat || !vat->flight || !record_queue_item(k, KREF_NOTHING, vat->flight->slot, &item))
    return;
  if (item.type == ITEM_SEND && item.result.type == KREF_PROMISE)
    promise_reject(k, item.result, "VAT_TERMINATED", detail);
  queue_finish(k, id, vat->flight->slot, &item);
}

void vat_terminate(struct kernel *k, uint64_t id, const char *detail)
{
  struct vat_record record;
  if (!vat_record_get(k, id, &record))
    return;
  reject_flight(k, id, detail);
  suspension_empty_queue(k, id);
  ref_drop(k, record.root);
  endowments_forget(k, id);
  blob_drop(k, record.bundle);
  hibernation_forget(k, id);
  static const char *const rows[] = {"vatConfig", "vat", "live", "suspended", "strikes", "crashes", "storage"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    record_delete(k, vat_key(k, rows[i], id));
  record_delete(k, name_key(k, record.name, id));
  targets_forget(k);
  subcluster_remove_vat(k, record.subcluster, id);
  cleanup_begin(k, id, detail);
  number_list_add(&k->staged.ended, id);
}

static void put_or_delete(struct kernel *k, struct bytes key, uint64_t number)
{
  if (number)
    record_put_number(k, key, number);
  else
    record_delete(k, key);
}

void vat_set_faults(struct kernel *k, uint64_t id, uint64_t strikes, uint64_t crashes)
{
  put_or_delete(k, vat_key(k, "strikes", id), strikes);
  put_or_delete(k, vat_key(k, "crashes", id), crashes);
}

/* ---- run time ---- */

struct vat *vat_if_known(const struct kernel *k, uint64_t id)
{
  return idmap_get(&k->vats, id);
}

struct vat *vat_of(struct kernel *k, uint64_t id)
{
  struct vat *vat = vat_if_known(k, id);
  if (vat)
    return vat;
  struct bytes cause;
  json_t *config = vat_config(k, id);
  vat = memory_zalloc(sizeof *vat);
  vat->id = id;
  vat->policy = policy_read(config);
  vat->is_program = json_object_get(config, "programSpec") != NULL;
  json_decref(config);
  vat->suspended = suspension_cause(k, id, &cause);
  vat->strikes = record_number(k, vat_key(k, "strikes", id), 0);
  vat->has_garbage = gc_pending(k, id);
  vat->reap_due = gc_reap_due(k, id);
  vat->crashes = record_number(k, vat_key(k, "crashes", id), 0);
  idmap_put(&k->vats, id, vat);
  return vat;
}

void vat_set_phase(struct kernel *k, struct vat *vat, enum vat_phase phase)
{
  bool was = vat->phase == VAT_STARTING || vat->phase == VAT_BUSY;
  bool will = phase == VAT_STARTING || phase == VAT_BUSY;
  k->under_way += (size_t)will - (size_t)was;
  k->hibernating += (size_t)(phase == VAT_HIBERNATING) - (size_t)(vat->phase == VAT_HIBERNATING);
  if (will)
    k->last_under_way = vat->id;
  vat->phase = phase;
}

void vat_make_ready(struct kernel *k, struct vat *vat)
{
  if (vat->ready)
    return;
  vat->ready = true;
  number_list_add(&k->ready, vat->id);
}

void flight_free(struct flight *flight)
{
  if (!flight)
    return;
  free(flight->additions);
  arena_fini(&flight->arena);
  free(flight);
}

void vat_add_flight(struct vat *vat, struct flight *flight)
{
  struct flight **end = &vat->flight;
  while (*end)
    end = &(*end)->next;
  *end = flight;
  vat->flight_count++;
}

struct flight *vat_take_flight(struct vat *vat)
{
  struct flight *first = vat->flight;
  vat->flight = first->next;
  vat->flight_count--;
  return first;
}

static void forget_flights(struct vat *vat)
{
  while (vat->flight)
    flight_free(vat_take_flight(vat));
}

static void answer_all(struct kernel *k, struct number_list *requests, uint64_t vat)
{
  for (size_t i = 0; i < requests->count; i++)
    gate_answer_error(k, number_list_at(requests, i), VATD_BUSY, "vat %s: its worker ended first", vat_id_text(vat).text);
  number_list_clear(requests);
}

void vat_stop_worker(struct kernel *k, struct vat *vat)
{
  if (vat->worker) {
    effect_stop_worker(k, vat->worker, vat->id);
    idmap_remove(&k->workers, vat->worker);
    vat->worker = 0;
  }
  forget_flights(vat);
  vat_set_phase(k, vat, VAT_ASLEEP);
  vat->waking = false;
  vat->no_image = false;
  vat->deliveries = 0; /* a new heap has no garbage */
  answer_all(k, &vat->pings, vat->id);
}

void vat_forget(struct kernel *k, struct vat *vat)
{
  vat_stop_worker(k, vat);
  answer_all(k, &vat->starts, vat->id);
  for (size_t i = 0; i < vat->pending.count; i++)
    number_list_add(&k->loose, number_list_at(&vat->pending, i));
  number_list_remove(&k->ready, vat->id);
  number_list_remove(&k->restarts_due, vat->id);
  idmap_remove(&k->vats, vat->id);
  vat_free(vat);
}

void vat_free(struct vat *vat)
{
  if (!vat)
    return;
  forget_flights(vat);
  number_list_fini(&vat->pending);
  number_list_fini(&vat->pings);
  number_list_fini(&vat->starts);
  free(vat);
}
