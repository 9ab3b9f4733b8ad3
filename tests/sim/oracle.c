/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/oracle.c - compares the store with the model after each call of the kernel.
 *
 * What vats and host do, the model has done already when the kernel is called. What the kernel does by itself (it restarts and
 * terminates vats, refuses messages, rejects promises) is seen here, and must have a reason in the model. Whatever else
 * differs is a failure:
 *
 *   - a message that was sent is queued exactly once until it is delivered or refused, with what its sender meant by each
 *     slot; it waits where its target leads, and does not overtake another one with the same sender and target
 *   - a promise is settled by whom it belongs to, once, with the value that was given
 *   - who subscribed to a settled promise has a notify queued
 *   - a vat's c-list and its storage are what the vat knows
 */
#include "world.h"

#include <inttypes.h>

/* ---- what krefs stand for ---- */

static void bind_data(struct model *model, const uint32_t *things, size_t count, const struct image_data *data,
                      const char *where)
{
  EXPECT(data->slot_count == count, "%s: %zu slots, %zu were sent", where, data->slot_count, count);
  for (size_t i = 0; i < count; i++)
    model_bind(model, things[i], data->slots[i], where);
}

/* The number of the message in a queued item; 0 for a notify. */
static uint32_t item_message(const struct world *w, const struct image_item *item)
{
  if (item->is_notify)
    return 0;
  if (bytes_start_with(item->methargs.body, bytes_of("#[\"bootstrap\""))) {
    for (uint8_t i = 1; i < w->now->subcluster_count; i++) {
      uint32_t message = w->now->subclusters[i].message;
      if (message && w->now->messages[message].target == model_thing(w->now, item->target))
        return message;
    }
  }
  uint32_t number = body_number(item->methargs.body, 'm');
  EXPECT(number > 0 && number < w->now->message_count, "nobody has sent the message %.*s", BYTES_ARG(item->methargs.body));
  return number;
}

static void bind_item(struct world *w, const struct image_item *item)
{
  uint32_t number = item_message(w, item);
  if (!number)
    return;
  const struct message *message = &w->now->messages[number];
  model_bind(w->now, message->target, item->target, "the target of a queued message");
  if (message->result)
    model_bind(w->now, message->result, item->result, "the result of a queued message");
  bind_data(w->now, message->slots, message->slot_count, &item->methargs, "a queued message");
}

static void bind_clist(struct world *w, uint64_t vat)
{
  const struct image_vat *rows = &w->image.vats[vat];
  struct vat_model *known = &w->now->vats[vat];
  for (size_t i = 0; i < rows->entry_count; i++) {
    const struct image_entry *row = &w->image.entries[rows->first_entry + i];
    const struct entry *entry = vat_entry(known, row->vref);
    EXPECT(entry, "v%" PRIu64 " has %s for %s, and was never told", vat, row->vref, kref_text(row->kref).text);
    model_bind(w->now, entry->thing, row->kref, "a c-list");
    EXPECT(entry->reachable == row->reachable, "v%" PRIu64 ": %s is %s, the vat thinks otherwise", vat, row->vref,
           row->reachable ? "reachable" : "not reachable");
  }
  EXPECT(rows->entry_count == known->entry_count, "v%" PRIu64 " knows %u references, its c-list has %zu", vat,
         known->entry_count, rows->entry_count);
}

/* A promise that no vat and no message has named, for it only occurs in values: its own value says which one it is. */
static void bind_by_value(struct world *w, uint64_t id)
{
  const struct image_promise *promise = &w->image.promises[id];
  uint32_t number = body_code(promise->value.body) ? 0 : body_number(promise->value.body, 'v');
  if (number > 0 && number < w->now->value_count && w->now->things[w->now->values[number].promise].number == 0)
    model_bind(w->now, w->now->values[number].promise, kref_promise(id), "a value");
}

/* Binds the slots of settled promises' values; true when that has made a promise known. */
static bool bind_values(struct world *w)
{
  bool more = false;
  for (uint64_t id = 1; id < w->image.promise_count; id++) {
    const struct image_promise *promise = &w->image.promises[id];
    if (promise->state <= IMAGE_UNRESOLVED)
      continue;
    if (w->now->promises[id] == 0)
      bind_by_value(w, id);
    const struct thing *thing = &w->now->things[w->now->promises[id]];
    if (w->now->promises[id] == 0 || thing->end == PENDING)
      continue;
    const struct value *value = &w->now->values[thing->value];
    for (size_t i = 0; i < promise->value.slot_count && i < value->slot_count; i++)
      more = more || model_thing(w->now, promise->value.slots[i]) == 0;
    bind_data(w->now, value->slots, value->slot_count, &promise->value, "the value of a promise");
  }
  return more;
}

/* ---- ends of vats ---- */

static bool is_bootstrap(const struct image_item *item)
{
  return !item->is_notify && bytes_start_with(item->methargs.body, bytes_of("#[\"bootstrap\""));
}

/* The bootstrap message that the kernel has just sent for the subcluster. */
static void follow_bootstrap_of(struct world *w, struct subcluster_model *subcluster, struct kref root)
{
  struct message message = {.slot_count = subcluster->vat_count};
  for (size_t v = 0; v < subcluster->vat_count; v++) {
    EXPECT(w->now->vats[subcluster->vats[v]].live, "bootstrap is sent before v%u has started", subcluster->vats[v]);
    message.slots[v] = w->now->vats[subcluster->vats[v]].root;
  }
  message.target = message.slots[subcluster->bootstrap];
  message.result = model_promise(w->now, 0);
  model_bind(w->now, message.target, root, "the root of a bootstrap vat");
  subcluster->message = model_message(w->now, message);
}

/* Bootstrap messages are the kernel's own; they are seen here first. A second one would be a message that nobody has sent. */
static void follow_bootstraps(struct world *w)
{
  for (size_t i = 0; i < w->image.item_count; i++) {
    const struct image_item *item = &w->image.items[i];
    for (uint8_t s = 1; is_bootstrap(item) && s < w->now->subcluster_count; s++) {
      struct subcluster_model *subcluster = &w->now->subclusters[s];
      uint64_t vat = subcluster->vats[subcluster->bootstrap];
      if (subcluster->launching && !subcluster->message && kref_equal(w->image.vats[vat].root, item->target))
        follow_bootstrap_of(w, subcluster, item->target);
    }
  }
}

struct ends {
  uint64_t terminated; /* sets of vats */
  uint64_t restarted;
  uint64_t cleaned_up;
};

/* A stored heap is one that its vat has just written down; it goes when the vat goes on with it, or ends its incarnation. */
static void follow_heap(struct world *w, uint64_t id)
{
  struct vat_model *vat = &w->now->vats[id];
  const struct image_vat *row = &w->image.vats[id];
  if (row->hibernates && !vat->heap) {
    EXPECT(w->written_down == id, "v%" PRIu64 " has a stored heap, and wrote none down", id);
    vat->heap = w->heaps;
  } else if (!row->hibernates && vat->heap) {
    EXPECT(w->woken == id || !row->exists || !row->live, "v%" PRIu64 " has lost its stored heap", id);
    vat->heap = 0;
  }
}

static struct ends find_ends(struct world *w)
{
  struct ends ends = {0, 0, 0};
  for (uint64_t id = 1; id < w->now->vat_count; id++) {
    struct vat_model *vat = &w->now->vats[id];
    const struct image_vat *row = &w->image.vats[id];
    EXPECT(vat->exists || !row->exists, "v%" PRIu64 " is back", id);
    EXPECT(vat->live || !row->live, "v%" PRIu64 " is live without having started", id);
    if (vat->exists && !row->exists) {
      EXPECT(vat->doomed, "v%" PRIu64 " was terminated for no reason", id);
      EXPECT(row->ending, "v%" PRIu64 " was terminated, and nothing says that it has something left", id);
      ends.terminated |= 1ull << id;
    } else if (vat->ending && !row->ending) {
      ends.cleaned_up |= 1ull << id;
    } else if (vat->live && !row->live) {
      EXPECT(vat->restart_due, "v%" PRIu64 " was restarted for no reason", id);
      ends.restarted |= 1ull << id;
    }
    follow_heap(w, id);
    EXPECT(!row->suspended || vat->suspended || w->faulted == id, "v%" PRIu64 " was suspended for no reason", id);
    vat->suspended = row->suspended;
  }
  for (uint64_t id = w->now->vat_count; id < IMAGE_VATS; id++)
    EXPECT(!w->image.vats[id].exists, "v%" PRIu64 " was launched by nobody", id);
  return ends;
}

/* The kernel has rejected the promise, for this reason; `value` counts when the reason is another promise's. */
static void follow_rejection(struct world *w, uint32_t promise, enum kernel_code code, uint32_t value)
{
  struct kref kref = model_kref(w->now, promise);
  const struct image_promise *row = image_promise(&w->image, kref);
  if (!row || row->state == IMAGE_MISSING) { /* nobody held it any more */
    model_settle(w->now, promise, REJECTED, 0);
    return;
  }
  EXPECT(row->state == IMAGE_REJECTED, "%s was to be rejected", kref_text(kref).text);
  uint32_t found = model_value_of_body(w->now, row->value.body);
  EXPECT(value ? found == value : w->now->values[found].code == code, "%s is rejected with %.*s", kref_text(kref).text,
         BYTES_ARG(row->value.body));
  model_settle(w->now, promise, REJECTED, found);
}

/* What an ended vat had to decide is rejected. */
static void follow_ends(struct world *w, const struct ends *ends)
{
  for (uint32_t i = 1; i < w->now->thing_count; i++) {
    const struct thing *thing = &w->now->things[i];
    if (!thing->promise || thing->end != PENDING || !thing->decider)
      continue;
    if (ends->cleaned_up >> thing->decider & 1)
      follow_rejection(w, i, CODE_TERMINATED, 0);
    else if (ends->restarted >> thing->decider & 1)
      follow_rejection(w, i, CODE_RESTARTED, 0);
  }
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++) {
    if (ends->terminated >> vat & 1) {
      report_event("v%" PRIu64 " was terminated", vat);
      model_terminate(w->now, vat);
    } else if (ends->cleaned_up >> vat & 1) {
      model_clean_up(w->now, vat);
    } else if (ends->restarted >> vat & 1) {
      report_event("v%" PRIu64 " has ended an incarnation", vat);
      model_restart(w->now, vat);
    }
  }
}

/* ---- messages ---- */

/* Marks what is queued; a failure when it is queued twice, or should not be. */
static void find_queued(struct world *w, bool *queued)
{
  for (size_t i = 0; i < w->image.item_count; i++) {
    uint32_t number = item_message(w, &w->image.items[i]);
    if (!number)
      continue;
    EXPECT(!queued[number], "message m%u is queued twice", number);
    EXPECT(w->now->messages[number].state == MESSAGE_QUEUED, "message m%u is queued again", number);
    queued[number] = true;
  }
}

/* The message was neither delivered nor is it queued: why the kernel may have refused it. */
static void follow_refusal(struct world *w, uint32_t number, const struct ends *ends)
{
  const struct message *message = &w->now->messages[number];
  struct model_route route = model_route(w->now, message->target);
  enum kernel_code code = CODE_NONE;
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++) {
    if (w->actors[vat].message == number && (ends->terminated >> vat & 1))
      code = CODE_TERMINATED;
    else if (w->actors[vat].message == number && w->limited == vat)
      code = CODE_LIMIT;
  }
  if (code != CODE_NONE)
    route = (struct model_route){.code = code};
  EXPECT(route.code || route.rejection, "message m%u was lost", number);
  report_event("message m%u was refused", number);
  model_message_ends(w->now, number, MESSAGE_REFUSED);
  if (message->result)
    follow_rejection(w, message->result, route.code, route.rejection);
}

/* The order of two queued messages (by slot) of one sender to one target is that of sending. */
static void check_order(const struct world *w, size_t first, size_t second, const uint32_t *numbers)
{
  const struct message *a = &w->now->messages[numbers[first]];
  const struct message *b = &w->now->messages[numbers[second]];
  if (!numbers[first] || a->sender != b->sender || a->target != b->target)
    return;
  bool together = kref_equal(w->image.items[first].queue, w->image.items[second].queue);
  if (model_route(w->now, a->target).vat == 0 && w->image.items[first].queue.type == KREF_NONE)
    return; /* what cannot be delivered any more is refused at once, but when it waits behind other items of a vat */
  EXPECT(together && numbers[first] < numbers[second], "messages m%u and m%u of one sender to one target are out of order",
         numbers[first], numbers[second]);
}

static void check_items(struct world *w)
{
  uint32_t *numbers = arena_alloc_array(&w->image_arena, w->image.item_count, sizeof *numbers);
  for (size_t i = 0; i < w->image.item_count; i++) {
    const struct image_item *item = &w->image.items[i];
    numbers[i] = item_message(w, item);
    if (!numbers[i])
      continue;
    uint32_t waits = model_route(w->now, w->now->messages[numbers[i]].target).waits_for;
    EXPECT(waits == model_thing(w->now, item->queue), "message m%u waits in the wrong queue (%s)", numbers[i],
           kref_text(item->queue).text);
    for (size_t earlier = 0; earlier < i; earlier++)
      check_order(w, earlier, i, numbers);
  }
}

/* ---- promises, objects, subscriptions, storage ---- */

/* What nobody has named yet can only be in an answer that is on its way to the host: the host will say what it stands for. */
static void expect_given_away(const struct world *w, struct kref kref)
{
  bool given = false;
  for (size_t i = 0; i < w->image.pin_count; i++)
    given = given || kref_equal(w->image.pins[i], kref);
  EXPECT(given, "%s stands for nothing", kref_text(kref).text);
}

static void check_promise(struct world *w, uint64_t id)
{
  const struct image_promise *row = &w->image.promises[id];
  uint32_t number = w->now->promises[id];
  if (row->state == IMAGE_MISSING) {
    EXPECT(!number || w->now->things[number].end != PENDING, "kp%" PRIu64 " is gone and was never settled", id);
    return;
  }
  if (!number) {
    expect_given_away(w, kref_promise(id));
    return;
  }
  struct thing *thing = &w->now->things[number];
  EXPECT((row->state == IMAGE_UNRESOLVED) == (thing->end == PENDING), "kp%" PRIu64 " is %ssettled, which it should%s be", id,
         row->state == IMAGE_UNRESOLVED ? "un" : "", row->state == IMAGE_UNRESOLVED ? "" : " not");
  EXPECT(row->decider == thing->decider, "kp%" PRIu64 " is decided by v%" PRIu64 ", not by v%u", id, row->decider, thing->decider);
  if (thing->end == PENDING)
    return;
  EXPECT((row->state == IMAGE_REJECTED) == (thing->end == REJECTED), "kp%" PRIu64 " is settled the wrong way", id);
  uint32_t value = model_value_of_body(w->now, row->value.body);
  if (thing->value == 0 && w->now->values[value].code) /* made and rejected in one call: its kref was not known then */
    thing->value = value;
  EXPECT(value == thing->value, "kp%" PRIu64 " has the value %.*s, not v%u", id,
         BYTES_ARG(row->value.body), thing->value);
}

static void check_object(struct world *w, uint64_t id)
{
  const struct image_object *row = &w->image.objects[id];
  const struct thing *thing = &w->now->things[w->now->objects[id]];
  if (!row->exists) {
    EXPECT(!thing->owner, "ko%" PRIu64 " is gone, and v%u still has it", id, thing->owner);
    return;
  }
  if (!w->now->objects[id]) {
    expect_given_away(w, kref_object(id));
    return;
  }
  EXPECT(row->owner == thing->owner, "ko%" PRIu64 " is owned by v%" PRIu64 ", not by v%u", id, row->owner, thing->owner);
  EXPECT(row->revoked == thing->revoked, "ko%" PRIu64 " is revoked or not, wrongly", id);
}

static void check_subscriptions(struct world *w, uint64_t vat)
{
  const struct vat_model *known = &w->now->vats[vat];
  for (size_t i = 0; i < known->entry_count; i++) {
    const struct entry *entry = &known->entries[i];
    const struct thing *thing = &w->now->things[entry->thing];
    if (!thing->promise)
      continue;
    struct kref kref = model_kref(w->now, entry->thing);
    const struct image_promise *row = image_promise(&w->image, kref);
    if (thing->end == PENDING)
      EXPECT((row->subscribers >> vat & 1) == entry->subscribed, "v%" PRIu64 " and %s differ on whether it subscribed", vat,
             kref_text(kref).text);
    else if (entry->subscribed && known->exists)
      EXPECT(image_has_notify(&w->image, vat, kref), "v%" PRIu64 " is not notified of %s", vat, kref_text(kref).text);
  }
}

struct row_check {
  const struct vat_model *vat;
  uint64_t id;
  size_t at;
};

static bool check_row(void *context, struct bytes key, struct bytes value)
{
  struct row_check *check = context;
  EXPECT(check->at < check->vat->row_count, "v%" PRIu64 " has the row %.*s, which it did not write", check->id, BYTES_ARG(key));
  const struct row *row = &check->vat->rows[check->at++];
  EXPECT(bytes_is(key, row->key) && bytes_is(value, row->value), "v%" PRIu64 " has the row %.*s = %.*s instead of %s = %s",
         check->id, BYTES_ARG(key), BYTES_ARG(value), row->key, row->value);
  return true;
}

static void check_storage(struct world *w, uint64_t id)
{
  struct error error = {0};
  struct row_check check = {.vat = &w->now->vats[id], .id = id};
  struct store *store = w->store.inner;
  store->ops->scan(store, vat_id_text(id).text, bytes_of(""), check_row, &check, &error);
  EXPECT(check.at == check.vat->row_count, "v%" PRIu64 " has lost the row %s", id, check.vat->rows[check.at].key);
}

/* A launch that has settled: it goes on to run, or all of it is to end. */
static void follow_launches(struct world *w)
{
  for (uint8_t i = 1; i < w->now->subcluster_count; i++) {
    struct subcluster_model *subcluster = &w->now->subclusters[i];
    enum image_launch state = w->image.subclusters[i];
    EXPECT(subcluster->exists == (state != IMAGE_NO_SUBCLUSTER), "s%u is there or not, wrongly", i);
    EXPECT(state != IMAGE_LAUNCHING || subcluster->launching, "s%u is being launched again", i);
    if (!subcluster->launching)
      continue;
    uint32_t result = w->now->messages[subcluster->message].result;
    if (state == IMAGE_RUNNING)
      EXPECT(subcluster->message && w->now->things[result].end == FULFILLED, "s%u runs before bootstrap is done", i);
    if (state != IMAGE_LAUNCHING)
      subcluster->launching = false;
    else if (subcluster->message && w->now->things[result].end == REJECTED)
      model_doom(w->now, subcluster->vats[0]);
  }
}

static void check_all(struct world *w)
{
  while (bind_values(w))
    ;
  for (uint64_t id = 1; id < w->image.object_count; id++)
    check_object(w, id);
  for (uint64_t id = 1; id < w->image.promise_count; id++)
    check_promise(w, id);
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++) {
    check_subscriptions(w, vat);
    check_storage(w, vat);
  }
  check_items(w);
}

/* What is neither queued nor delivered was refused. */
static void follow_refusals(struct world *w, const struct ends *ends)
{
  bool *queued = arena_alloc_array(&w->image_arena, w->now->message_count, sizeof *queued);
  find_queued(w, queued);
  for (uint32_t i = 1; i < w->now->message_count; i++) {
    if (w->now->messages[i].state == MESSAGE_QUEUED && !queued[i])
      follow_refusal(w, i, ends);
  }
}

void oracle_follow(struct world *w)
{
  if (!w->store.written)
    return;
  w->store.written = false;
  w->cranks++;
  image_fini(&w->image);
  arena_clear(&w->image_arena);
  EXPECT(image_read(&w->image, w->store.inner, &w->image_arena), "%s", w->image.wrong);
  follow_bootstraps(w);
  for (size_t i = 0; i < w->image.item_count; i++)
    bind_item(w, &w->image.items[i]);
  struct ends ends = find_ends(w);
  follow_ends(w, &ends);
  follow_refusals(w, &ends);
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++)
    bind_clist(w, vat);
  check_all(w);
  follow_launches(w);
}

/* ---- at other times ---- */

static uint64_t item_vat(const struct world *w, const struct image_item *item)
{
  return item->is_notify ? item->vat : model_route(w->now, w->now->messages[item_message(w, item)].target).vat;
}

/* What was sent to an object that has lost its owner since waits for its turn behind what the owner is doing. */
static bool somebody_works(const struct world *w)
{
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++) {
    if (w->actors[vat].outstanding != NOTHING || w->actors[vat].resting)
      return true;
  }
  return false;
}

static bool is_attended_to(const struct world *w, uint64_t vat)
{
  return w->resting || (vat ? w->actors[vat].outstanding != NOTHING || w->actors[vat].resting : somebody_works(w));
}

void oracle_check_quiet(struct world *w)
{
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++) {
    EXPECT(!w->now->vats[vat].doomed || !w->now->vats[vat].exists, "v%" PRIu64 " should have been terminated", vat);
    EXPECT(!w->now->vats[vat].ending, "what v%" PRIu64 " has left was not removed", vat);
    EXPECT(!w->now->vats[vat].restart_due, "the end of an incarnation of v%" PRIu64 " was not recorded", vat);
  }
  for (size_t i = 0; i < w->image.item_count; i++) {
    const struct image_item *item = &w->image.items[i];
    uint64_t vat = item_vat(w, item);
    if (image_in_run_queue(item))
      EXPECT(is_attended_to(w, vat), "slot %" PRIu64 " of the run queue is forgotten (for v%" PRIu64 ")", item->slot,
             vat);
  }
}

/* Nothing that was queued earlier for this vat has been passed over. What was sent ahead may have lost its way since: a
 * revocation takes effect at the next dispatch. */
static void check_turn(const struct world *w, uint64_t vat, uint32_t message)
{
  for (size_t i = 0; i < w->image.item_count; i++) {
    const struct image_item *item = &w->image.items[i];
    if (!image_in_run_queue(item))
      continue;
    bool sent_ahead = w->actors[vat].was_behind && message && item_message(w, item) == message;
    if (item_vat(w, item) != vat && !sent_ahead)
      continue;
    EXPECT(item_message(w, item) == message, "v%" PRIu64 " gets m%u, and slot %" PRIu64 " was queued before", vat, message,
           item->slot);
    return;
  }
}

void oracle_check_dispatch(struct world *w, uint64_t vat)
{
  struct actor *actor = &w->actors[vat];
  const struct delivery *delivery = &actor->delivery;
  if (delivery->type == DELIVERY_NOTIFY) {
    check_turn(w, vat, 0);
    return;
  }
  if (delivery->type != DELIVERY_MESSAGE)
    return;
  struct bytes body = delivery->message.methargs.body;
  actor->message = body_number(body, 'm');
  if (bytes_start_with(body, bytes_of("#[\"bootstrap\"")))
    actor->message = w->now->subclusters[w->now->vats[vat].subcluster].message;
  EXPECT(actor->message && actor->message < w->now->message_count, "v%" PRIu64 " gets %.*s", vat, BYTES_ARG(body));
  EXPECT(w->now->messages[actor->message].state == MESSAGE_QUEUED, "v%" PRIu64 " gets m%u once more", vat, actor->message);
  check_turn(w, vat, actor->message);
}
