/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/promises.c - see promises.h.
 *
 * Order: a message is routed when it is queued. If its target leads to an unresolved promise it joins that promise's queue
 * at once; settling moves that queue to the run queue in one go. So two messages sent through the same reference never
 * overtake each other: whatever was sent before the promise settled is in the run queue before what is sent after.
 * (Routing only when an item's turn comes would let a message queued just before the settling pass those that waited.)
 *
 * An item, wherever it is queued, holds one reference to its target, its result and each of its slots.
 */
#include "kernel/promises.h"
#include "base/check.h"
#include "kernel/cleanup.h"
#include "kernel/refs.h"
#include "kernel/requests.h"
#include "kernel/suspension.h"
#include "kernel/vats.h"

#include <stdlib.h>

static void stage(struct staged_list *list, uint64_t vat, uint64_t slot, const struct queue_item *item)
{
  list->items = grown(list->items, list->count, &list->capacity, sizeof *list->items);
  list->items[list->count++] = (struct staged_item){vat, slot, item->sender};
}

/* ---- kernel errors ---- */

struct kernel_data kernel_error_data(struct kernel *k, const char *code, const char *detail)
{
  struct bytes message = arena_printf(&k->arena, "[KERNEL:%s] %s", code, detail);
  json_t *json = json_pack("{s:s%, s:s}", "#error", message.data, message.size, "name", "Error");
  CHECK(json);
  char *text = json_dumps(json, JSON_COMPACT);
  struct kernel_data data = {.body = arena_printf(&k->arena, "#%s", text)};
  free(text);
  json_decref(json);
  return data;
}

/* ---- routing ---- */

/* True when a fulfilled promise's value is exactly one reference: "#\"$0.Alleged: thing\"" or "#\"&0\"". */
static bool value_is_reference(const struct kernel_data *value)
{
  if (value->slot_count != 1 || value->body.size < 5)
    return false;
  struct bytes body = value->body;
  bool quoted = bytes_start_with(body, bytes_of("#\"$0")) || bytes_start_with(body, bytes_of("#\"&0"));
  char after = body.data[4];
  return quoted && (after == '"' || after == '.') && body.data[body.size - 1] == '"';
}

static struct route route_reject(struct kernel *k, const char *code, const char *detail)
{
  return (struct route){.type = ROUTE_REJECT, .reason = kernel_error_data(k, code, detail)};
}

static struct route route_to_object(struct kernel *k, struct kref object)
{
  if (record_revoked(k, object))
    return route_reject(k, "OBJECT_REVOKED", kref_text(object).text);
  uint64_t owner = record_owner(k, object);
  if (owner == 0 || cleanup_is_ending(k, owner))
    return route_reject(k, "OBJECT_DELETED", kref_text(object).text);
  if (owner == ENDPOINT_KERNEL)
    return (struct route){.type = ROUTE_SERVICE, .target = object};
  return (struct route){.type = ROUTE_VAT, .vat = owner, .target = object};
}

struct route route_of(struct kernel *k, struct kref target)
{
  for (int hops = 0; hops < LIMIT_PROMISE_CHAIN; hops++) {
    if (target.type == KREF_OBJECT)
      return route_to_object(k, target);
    enum promise_state state = record_promise_state(k, target);
    if (state == PROMISE_UNRESOLVED)
      return (struct route){.type = ROUTE_WAIT, .target = target};
    if (state == PROMISE_MISSING)
      break;
    struct kernel_data value = record_promise_value(k, target);
    if (state == PROMISE_REJECTED)
      return (struct route){.type = ROUTE_REJECT, .reason = value};
    if (!value_is_reference(&value))
      return route_reject(k, "BAD_PROMISE_RESOLUTION", "the promise was fulfilled with data that is not an object");
    target = value.slots[0];
  }
  return route_reject(k, "BAD_PROMISE_RESOLUTION", "the promise leads nowhere");
}

/* ---- the run queue ---- */

void queue_append(struct kernel *k, uint64_t vat, const struct queue_item *item)
{
  stage(&k->staged.queued, vat, record_queue_append(k, KREF_NOTHING, item), item);
}

void queue_remove(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item)
{
  record_queue_remove(k, KREF_NOTHING, slot);
  stage(&k->staged.dequeued, vat, slot, item);
}

static bool is_suspended(struct kernel *k, uint64_t vat)
{
  const struct vat *known = vat_if_known(k, vat);
  return known ? known->suspended : vat_exists(k, vat) && vat_of(k, vat)->suspended;
}

/* Puts an item, whose references are counted, where its target leads. Returns how many wait for the same promise, if it has to. */
static uint64_t place_message(struct kernel *k, const struct queue_item *item)
{
  struct route route = route_of(k, item->target);
  uint64_t vat = route.type == ROUTE_VAT ? route.vat : 0;
  if (route.type == ROUTE_WAIT)
    return record_queue_append(k, route.target, item) + 1 - record_queue_tail(k, route.target);
  if (!vat || !is_suspended(k, vat))
    queue_append(k, vat, item);
  else if (!suspension_queue(k, vat, item))
    queue_append(k, 0, item); /* crank_finish_loose() will reject it */
  return 0;
}

/* Who is sent a message does not know the promise that was made for its result, unless it has sent it to itself. */
static void note_new_result(struct kernel *k, const struct queue_item *item)
{
  struct route route = route_of(k, item->target);
  if (route.type == ROUTE_VAT && route.vat != item->sender)
    record_clist_note_absent(k, route.vat, item->result);
}

void queue_message(struct kernel *k, struct queue_item *item, bool new_result)
{
  item->type = ITEM_SEND;
  if (new_result)
    note_new_result(k, item);
  ref_add(k, item->target);
  ref_add(k, item->result);
  refs_add_slots(k, &item->methargs);
  k->staged.waiting = place_message(k, item);
}

void queue_notify(struct kernel *k, uint64_t vat, struct kref promise)
{
  struct queue_item item = {.type = ITEM_NOTIFY, .vat = vat, .promise = promise};
  ref_add(k, promise);
  if (is_suspended(k, vat))
    suspension_queue(k, vat, &item);
  else
    queue_append(k, vat, &item);
}

void queue_release(struct kernel *k, const struct queue_item *item)
{
  if (item->type == ITEM_NOTIFY) {
    ref_drop(k, item->promise);
    return;
  }
  ref_drop(k, item->target);
  ref_drop(k, item->result);
  refs_drop_slots(k, &item->methargs);
}

void queue_finish(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item)
{
  queue_remove(k, vat, slot, item);
  queue_release(k, item);
}

/* ---- promises ---- */

struct kref promise_new(struct kernel *k, uint64_t decider)
{
  struct kref promise = kref_promise(record_take_id(k, "nextPromiseId"));
  record_new_promise(k, promise);
  record_set_promise_state(k, promise, PROMISE_UNRESOLVED);
  record_set_promise_refs(k, promise, 0);
  record_set_subscribers(k, promise, NULL, 0);
  if (decider)
    record_set_decider(k, promise, decider);
  ref_check(k, promise);
  return promise;
}

/* Moves the messages that waited on a promise, in order, to where they can go now. */
static void move_waiting_messages(struct kernel *k, struct kref promise)
{
  uint64_t head = record_queue_head(k, promise);
  uint64_t slot = record_queue_tail(k, promise);
  if (slot == head)
    return;
  for (; slot < head && !kernel_is_broken(k); slot++) {
    struct queue_item item;
    bool found = record_queue_item(k, promise, slot, &item);
    KERNEL_EXPECT(k, found, "slot %lu of the queue of %s is missing", (unsigned long)slot, kref_text(promise).text);
    if (!found)
      return;
    record_queue_remove(k, promise, slot);
#ifdef VATD_DEFECT_LOST_MESSAGE
    if (slot == 3)
      continue;
#endif
    place_message(k, &item);
  }
  record_queue_delete(k, promise);
}

void promise_settle(struct kernel *k, struct kref promise, bool rejected, const struct kernel_data *value,
                    uint64_t resolver)
{
  KERNEL_EXPECT(k, record_promise_state(k, promise) == PROMISE_UNRESOLVED, "%s is settled twice", kref_text(promise).text);
  uint64_t *subscribers;
  size_t count = record_subscribers(k, promise, &subscribers);
  refs_add_slots(k, value);
  record_set_promise_state(k, promise, rejected ? PROMISE_REJECTED : PROMISE_FULFILLED);
  record_set_promise_value(k, promise, value);
  record_set_decider(k, promise, 0);
  record_delete(k, record_key(k, "%s.subscribers", kref_text(promise).text));
  for (size_t i = 0; i < count; i++) {
#ifdef VATD_DEFECT_FORGOTTEN_NOTIFY
    if (i == 1)
      continue;
#endif
    if (subscribers[i] != resolver)
      queue_notify(k, subscribers[i], promise);
  }
  move_waiting_messages(k, promise);
  k->staged.settled = grown(k->staged.settled, k->staged.settled_count, &k->staged.settled_capacity,
                            sizeof *k->staged.settled);
  k->staged.settled[k->staged.settled_count++] = promise;
  request_promise_settled(k, promise);
}

void promise_reject(struct kernel *k, struct kref promise, const char *code, const char *detail)
{
  struct kernel_data reason = kernel_error_data(k, code, detail);
  promise_settle(k, promise, true, &reason, 0);
}

void promise_subscribe(struct kernel *k, struct kref promise, uint64_t vat)
{
  if (record_promise_state(k, promise) != PROMISE_UNRESOLVED) {
    queue_notify(k, vat, promise);
    return;
  }
  uint64_t *old;
  size_t count = record_subscribers(k, promise, &old);
  uint64_t *vats = arena_alloc_array(&k->arena, count + 1, sizeof *vats);
  size_t at = 0;
  while (at < count && old[at] < vat) {
    vats[at] = old[at];
    at++;
  }
  if (at < count && old[at] == vat)
    return;
  vats[at] = vat;
  for (size_t i = at; i < count; i++)
    vats[i + 1] = old[i];
  record_set_subscribers(k, promise, vats, count + 1);
}

void promise_unsubscribe(struct kernel *k, struct kref promise, uint64_t vat)
{
  if (record_promise_state(k, promise) != PROMISE_UNRESOLVED)
    return;
  uint64_t *vats;
  size_t count = record_subscribers(k, promise, &vats);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (vats[i] != vat)
      vats[kept++] = vats[i];
  }
  if (kept != count)
    record_set_subscribers(k, promise, vats, kept);
}
