/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/records.h - the kernel's state as typed rows: the one place that knows names and forms of kernel keys.
 *
 * Names and forms are those of the TypeScript kernel (packages/ocap-kernel/src/store) wherever the meaning is the same:
 *
 *   nextVatId, nextSubclusterId, nextObjectId, nextPromiseId      decimal, the next id to give out, first 1
 *   queue.run.head, queue.run.tail, queue.run.N                   decimal (next slot to write, next to read), JSON item
 *   queue.kpN.head, .tail, .M                                     messages that wait for a promise
 *   koN.owner, koN.refCount, koN.revoked                          "vN" "kernel" or absent, "reachable,recognizable", "true" or absent
 *   kpN.state, .refCount                                          "unresolved" "fulfilled" "rejected", decimal
 *   kpN.decider, .subscribers                                     "vN" "kernel" or absent, sorted JSON array: while unresolved
 *   kpN.value                                                     JSON capdata with krefs: when settled
 *   vN.c.<kref>, vN.c.<vref>                                      "R <vref>" (reachable) or "_ <vref>", and the kref
 *   e.nextObjectId.vN, e.nextPromiseId.vN                         decimal, the vat's next import, first 1
 *   vatConfig.vN                                                  JSON VatConfig
 *
 * and our own:
 *
 *   vat.vN                  JSON {name, subcluster, bundle, root}
 *   vatName.<name>/vN       "1": finds vats by name
 *   subcluster.sN           JSON {id, config, vats: {name: vN}, state: "launching" | "running", bootstrapResult?: kpN} (the
 *                           TypeScript kernel has all of them in one row, which makes N launches cost N * N)
 *   koN.importer.vN         "1": vN's c-list imports the object
 *   gcAction.vN.<type>.koN, reap.vN    "1": see gc.h
 *   live.vN                 "1": an incarnation has begun whose end has not been recorded (restart.h)
 *   suspended.vN, queue.vN.{head,tail,M}    JSON {cause}, and what waits for a suspended vat (suspension.h)
 *   ending.vN               JSON {detail}: what a terminated vat has left is being removed (cleanup.h)
 *   strikes.vN, crashes.vN  decimal: limit faults and crashes in a row
 *   storage.vN              "BYTES,KEYS,most" or "BYTES,KEYS,exact": how much a vat keeps, when it is much (quota.h)
 *   bundleRefs.<hash>       decimal: vats that use the bundle, or have that image (blobs.h)
 *   image.vN, imageBytes    JSON {hash, bytes}: the vat's heap; decimal: of all images (hibernation.h)
 *   host.koN, host.kpN      "1": the host was given this reference and may use it
 *   kernelService.<name>, koN.service, service.call.kpN       (services.h)
 *   idempotency.key.<key>, idempotency.at.N, idempotency.head, .tail, kpN.idempotency    (requests.h)
 *
 * Reads hand out memory of the kernel's arena, good until the end of the step. When the store fails the kernel breaks, and
 * then every read finds nothing and every write does nothing: callers need not ask after each call.
 */
#ifndef VATD_KERNEL_RECORDS_H
#define VATD_KERNEL_RECORDS_H

#include "kernel/internal.h"

/* ---- raw rows, for records of one module ---- */

struct bytes record_key(struct kernel *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool record_get(struct kernel *k, struct bytes key, struct bytes *value);
void record_put(struct kernel *k, struct bytes key, struct bytes value);
void record_delete(struct kernel *k, struct bytes key);
/* The first key greater than `after` that starts with `prefix`. */
bool record_next_key(struct kernel *k, struct bytes after, struct bytes prefix, struct bytes *key);
/* The ids that `parse` finds behind `prefix` in the keys that start with it, in key order, in the arena. */
size_t record_ids(struct kernel *k, struct bytes prefix, bool (*parse)(struct bytes, uint64_t *), uint64_t **ids);
/* A row that says all by being there. */
void record_set_flag(struct kernel *k, struct bytes key, bool set);
uint64_t record_number(struct kernel *k, struct bytes key, uint64_t absent);
void record_put_number(struct kernel *k, struct bytes key, uint64_t number);
/* A stored JSON text; NULL when there is no such row. The caller owns a reference. */
json_t *record_json(struct kernel *k, struct bytes key);
void record_put_json(struct kernel *k, struct bytes key, const json_t *json);

/* A text for people as a row {member: text}. False, and `text` untouched, when there is no such row. */
void record_put_reason(struct kernel *k, struct bytes key, const char *member, const char *text);
bool record_reason(struct kernel *k, struct bytes key, const char *member, struct bytes *text);

/* ---- ids ---- */

/* Gives out the next number of "nextVatId" and the like. */
uint64_t record_take_id(struct kernel *k, const char *counter);

/* ---- objects ---- */

struct object_counts {
  uint64_t reachable;
  uint64_t recognizable;
};

/* The vat that owns the object, ENDPOINT_KERNEL for a service's, 0 for an orphan. */
/* The name has just been made up: there is no row of it. */
void record_new_object(struct kernel *k, struct kref object);
uint64_t record_owner(struct kernel *k, struct kref object);
void record_set_owner(struct kernel *k, struct kref object, uint64_t vat);
bool record_object_counts(struct kernel *k, struct kref object, struct object_counts *counts);
void record_set_object_counts(struct kernel *k, struct kref object, struct object_counts counts);
/* The index of importers: the vats whose c-list imports the object, reachable or not. */
void record_add_importer(struct kernel *k, struct kref object, uint64_t vat);
void record_remove_importer(struct kernel *k, struct kref object, uint64_t vat);
size_t record_importers(struct kernel *k, struct kref object, uint64_t **vats);
bool record_revoked(struct kernel *k, struct kref object);
void record_set_revoked(struct kernel *k, struct kref object);
void record_delete_object(struct kernel *k, struct kref object);

/* ---- promises ---- */

enum promise_state { PROMISE_MISSING, PROMISE_UNRESOLVED, PROMISE_FULFILLED, PROMISE_REJECTED };

/* The name has just been made up: there is no row of it. */
void record_new_promise(struct kernel *k, struct kref promise);
enum promise_state record_promise_state(struct kernel *k, struct kref promise);
void record_set_promise_state(struct kernel *k, struct kref promise, enum promise_state state);
uint64_t record_promise_refs(struct kernel *k, struct kref promise);
void record_set_promise_refs(struct kernel *k, struct kref promise, uint64_t refs);
/* The vat (or ENDPOINT_KERNEL) that may resolve it, 0 when none may now. */
uint64_t record_decider(struct kernel *k, struct kref promise);
void record_set_decider(struct kernel *k, struct kref promise, uint64_t vat);
/* Vat ids in ascending order, in the arena. */
size_t record_subscribers(struct kernel *k, struct kref promise, uint64_t **vats);
void record_set_subscribers(struct kernel *k, struct kref promise, const uint64_t *vats, size_t count);
struct kernel_data record_promise_value(struct kernel *k, struct kref promise);
void record_set_promise_value(struct kernel *k, struct kref promise, const struct kernel_data *value);
/* All rows of the promise but its queue. */
void record_delete_promise(struct kernel *k, struct kref promise);

/* ---- c-lists ---- */

struct clist_row {
  struct kref kref;
  struct bytes vref;
  bool reachable;
};

bool record_clist_by_kref(struct kernel *k, uint64_t vat, struct kref kref, struct clist_row *row);
bool record_clist_by_vref(struct kernel *k, uint64_t vat, struct bytes vref, struct clist_row *row);
void record_clist_put(struct kernel *k, uint64_t vat, const struct clist_row *row);
/* The caller knows that the vat has no entry for it: nobody needs to look. */
void record_clist_note_absent(struct kernel *k, uint64_t vat, struct kref kref);
/* The same for an entry that is known not to be there. */
void record_clist_put_new(struct kernel *k, uint64_t vat, const struct clist_row *row);
void record_clist_delete(struct kernel *k, uint64_t vat, const struct clist_row *row);
/* The vat's entries of one type, all or up to `limit` of them, in the arena. */
size_t record_clist_some(struct kernel *k, uint64_t vat, enum kref_type type, size_t limit, struct clist_row **rows);
size_t record_clist_all(struct kernel *k, uint64_t vat, enum kref_type type, struct clist_row **rows);

struct import_counters {
  uint64_t next_object;
  uint64_t next_promise;
};

struct import_counters record_import_counters(struct kernel *k, uint64_t vat);
void record_set_import_counters(struct kernel *k, uint64_t vat, struct import_counters counters);
void record_delete_import_counters(struct kernel *k, uint64_t vat);

/* ---- queues ---- */

enum item_type { ITEM_SEND, ITEM_NOTIFY };

struct queue_item {
  enum item_type type;
  struct kref target;         /* send */
  struct kernel_data methargs; /* send */
  struct kref result;         /* send; may be nothing */
  uint64_t sender;            /* send: the vat, or 0 */
  uint64_t vat;               /* notify */
  struct kref promise;        /* notify */
};

/* An item as a row of its own. */
void record_put_item(struct kernel *k, struct bytes key, const struct queue_item *item);
bool record_item(struct kernel *k, struct bytes key, struct queue_item *item);

/* Queues are named by a promise, or by a vat; KREF_NOTHING is the run queue. Appends and returns the slot. */
static inline struct kref queue_of_vat(uint64_t vat)
{
  return (struct kref){KREF_NONE, vat};
}

uint64_t record_queue_append(struct kernel *k, struct kref queue, const struct queue_item *item);
bool record_queue_item(struct kernel *k, struct kref queue, uint64_t slot, struct queue_item *item);
/* Deletes the item; the tail moves over it and over holes behind it. */
void record_queue_remove(struct kernel *k, struct kref queue, uint64_t slot);
uint64_t record_queue_head(struct kernel *k, struct kref queue);
uint64_t record_queue_tail(struct kernel *k, struct kref queue);
/* Head and tail of an empty promise queue go. */
void record_queue_delete(struct kernel *k, struct kref queue);

/* ---- data ---- */

/* {body, slots} of the data; new reference. */
json_t *kernel_data_to_json(const struct kernel_data *data);
bool kernel_data_from_json(struct kernel *k, const json_t *json, struct kernel_data *data);

#endif
