/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/receive.c - what a vat makes of a delivery: it learns references, and checks that each is what the sender meant.
 *
 * A vref that the vat has must stand for the thing that the sender named; a thing that the vat has must come under the vref
 * that it has; a new vref is an import. So a vat never receives what nobody sent to it, and two names never mean one thing.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

static const char *text_of(struct bytes vref, char text[VREF_SIZE])
{
  EXPECT(vref.size < VREF_SIZE, "a vref of %zu bytes: %.*s", vref.size, BYTES_ARG(vref));
  snprintf(text, VREF_SIZE, "%.*s", BYTES_ARG(vref));
  return text;
}

static void learn(struct world *w, uint64_t id, struct bytes name, uint32_t thing)
{
  char vref[VREF_SIZE];
  struct vat_model *vat = &w->now->vats[id];
  struct entry *entry = vat_entry(vat, text_of(name, vref));
  struct entry *known = vat_entry_of(vat, thing);
  EXPECT(entry == known, "v%" PRIu64 " gets %s for thing %u, which it knows as %s; %s is thing %u", id, vref, thing,
         known ? known->vref : "nothing", vref, entry ? entry->thing : 0);
  if (entry) {
    entry->reachable = true;
    return;
  }
  EXPECT(vref[1] == '-' && (vref[0] == 'p') == w->now->things[thing].promise, "v%" PRIu64 " gets the new reference %s", id, vref);
  vat_add_entry(vat, vref, thing);
}

static void learn_slots(struct world *w, uint64_t vat, const struct bytes_list *slots, const uint32_t *things, size_t count)
{
  EXPECT(slots->count == count, "v%" PRIu64 " gets %zu slots, %zu were sent", vat, slots->count, count);
  for (size_t i = 0; i < count; i++)
    learn(w, vat, slots->items[i], things[i]);
}

static void receive_message(struct world *w, uint64_t vat)
{
  const struct actor *actor = &w->actors[vat];
  const struct vat_message *delivered = &actor->delivery.message;
  const struct message *message = &w->now->messages[actor->message];
  struct model_route route = model_route(w->now, message->target);
  EXPECT(message->state == MESSAGE_QUEUED, "v%" PRIu64 " gets m%u, which is done", vat, actor->message);
  /* It may have been revoked since the message was dispatched. */
  EXPECT(route.vat == vat || route.code == CODE_REVOKED, "v%" PRIu64 " gets m%u, which is not for it", vat, actor->message);
  learn(w, vat, delivered->target, route.object);
  learn_slots(w, vat, &delivered->methargs.slots, message->slots, message->slot_count);
  EXPECT((delivered->result.size > 0) == (message->result > 0), "m%u has a result or none, wrongly", actor->message);
  model_message_ends(w->now, actor->message, MESSAGE_DELIVERED);
  if (!message->result)
    return;
  learn(w, vat, delivered->result, message->result);
  w->now->things[message->result].decider = (uint16_t)vat;
  w->now->things[message->result].message = 0;
}

static void receive_resolution(struct world *w, uint64_t vat, const struct resolution *resolution, bool first)
{
  char vpid[VREF_SIZE];
  const struct entry *entry = vat_entry(&w->now->vats[vat], text_of(resolution->vpid, vpid));
  EXPECT(entry, "v%" PRIu64 " is told of %s, which it does not know", vat, vpid);
  const struct thing *promise = &w->now->things[entry->thing];
  /* It may have subscribed, have been told along with another promise, and have got this one anew. */
  EXPECT(!first || (promise->heard_by >> vat & 1), "v%" PRIu64 " is told of %s, and has never subscribed", vat, vpid);
  EXPECT(promise->end != PENDING, "v%" PRIu64 " is told of %s, which is not settled", vat, vpid);
  EXPECT((promise->end == REJECTED) == resolution->rejected, "v%" PRIu64 " is told of %s the wrong way", vat, vpid);
  EXPECT(promise->value == model_value_of_body(w->now, resolution->data.body), "v%" PRIu64 " is told that %s is %.*s", vat,
         vpid, BYTES_ARG(resolution->data.body));
  const struct value *value = &w->now->values[promise->value];
  learn_slots(w, vat, &resolution->data.slots, value->slots, value->slot_count);
}

/* What is told is forgotten by both sides. */
static void receive_notify(struct world *w, uint64_t vat)
{
  const struct resolution_list *list = &w->actors[vat].delivery.resolutions;
  char vpid[VREF_SIZE];
  for (size_t i = 0; i < list->count; i++)
    receive_resolution(w, vat, &list->items[i], i == 0);
  for (size_t i = 0; i < list->count; i++) {
    struct entry *entry = vat_entry(&w->now->vats[vat], text_of(list->items[i].vpid, vpid));
    EXPECT(entry, "v%" PRIu64 " is told of %s twice", vat, vpid);
    vat_remove_entry(&w->now->vats[vat], entry);
  }
}

static void receive_garbage(struct world *w, uint64_t vat, enum delivery_type type, struct bytes name)
{
  char vref[VREF_SIZE];
  struct entry *entry = vat_entry(&w->now->vats[vat], text_of(name, vref));
  bool of_exports = type != DELIVERY_RETIRE_IMPORTS;
  EXPECT(entry && vref[0] == 'o' && entry_is_export(entry) == of_exports, "v%" PRIu64 " is asked to %s %s", vat,
         delivery_type_name(type), vref);
  const struct image_object *object = image_object(&w->image, model_kref(w->now, entry->thing));
  EXPECT(object->reachable == 0, "v%" PRIu64 " is asked to %s %s, which can be reached", vat, delivery_type_name(type), vref);
  EXPECT(entry->reachable == (type == DELIVERY_DROP_EXPORTS), "v%" PRIu64 " is asked to %s %s, which is %s", vat,
         delivery_type_name(type), vref, entry->reachable ? "reachable" : "dropped");
  if (type == DELIVERY_DROP_EXPORTS) {
    entry->reachable = false;
    return;
  }
  if (type == DELIVERY_RETIRE_EXPORTS) {
    EXPECT(object->recognizable == 0, "v%" PRIu64 " is asked to retire %s, which can be recognized", vat, vref);
    w->now->things[entry->thing].owner = 0;
  } else {
    EXPECT(object->owner == 0, "v%" PRIu64 " is asked to forget %s, which has an owner", vat, vref);
  }
  vat_remove_entry(&w->now->vats[vat], entry);
}

void receive_delivery(struct world *w, uint64_t vat)
{
  const struct delivery *delivery = &w->actors[vat].delivery;
  if (delivery->type == DELIVERY_MESSAGE)
    receive_message(w, vat);
  else if (delivery->type == DELIVERY_NOTIFY)
    receive_notify(w, vat);
  for (size_t i = 0; i < delivery->vrefs.count; i++)
    receive_garbage(w, vat, delivery->type, delivery->vrefs.items[i]);
}

void receive_init(struct world *w, uint64_t id)
{
  struct vat_model *vat = &w->now->vats[id];
  const struct key_value_list *state = &w->actors[id].state;
  EXPECT(state->count == vat->row_count, "v%" PRIu64 " starts with %zu rows, it wrote %u", id, state->count, vat->row_count);
  for (size_t i = 0; i < state->count; i++)
    EXPECT(bytes_is(state->items[i].key, vat->rows[i].key) && bytes_is(state->items[i].value, vat->rows[i].value),
           "v%" PRIu64 " starts with %.*s = %.*s", id, BYTES_ARG(state->items[i].key), BYTES_ARG(state->items[i].value));
  vat->live = true;
  if (vat->root == 0) {
    vat->root = model_object(w->now, id);
    vat_add_entry(vat, "o+0", vat->root);
  }
}
