/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/model.c - see model.h. Invariant: things[t].number is n exactly when objects[n] or promises[n] is t. */
#include "model.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- tables ---- */

void model_init(struct model *model)
{
  memset(model, 0, sizeof *model);
  model->thing_count = 1;
  model->message_count = 1;
  model->value_count = 1;
  model->vat_count = 1;
  model->subcluster_count = 1;
}

void model_copy(struct model *to, const struct model *from)
{
  memcpy(to, from, offsetof(struct model, things));
  memcpy(to->things, from->things, from->thing_count * sizeof *to->things);
  memcpy(to->messages, from->messages, from->message_count * sizeof *to->messages);
  memcpy(to->values, from->values, from->value_count * sizeof *to->values);
  memcpy(to->subclusters, from->subclusters, sizeof to->subclusters);
  memcpy(to->vats, from->vats, from->vat_count * sizeof *to->vats);
}

bool model_has_room(const struct model *model)
{
  return model->thing_count + 100 < MODEL_THINGS && model->message_count + 30 < MODEL_MESSAGES &&
         model->value_count + 100 < MODEL_VALUES;
}

static uint32_t new_thing(struct model *model, struct thing thing)
{
  EXPECT(model->thing_count < MODEL_THINGS, "the simulator has no room for more things");
  model->things[model->thing_count] = thing;
  return model->thing_count++;
}

uint32_t model_object(struct model *model, uint64_t owner)
{
  return new_thing(model, (struct thing){.owner = (uint16_t)owner});
}

uint32_t model_promise(struct model *model, uint64_t decider)
{
  return new_thing(model, (struct thing){.promise = true, .decider = (uint16_t)decider});
}

uint32_t model_message(struct model *model, struct message message)
{
  EXPECT(model->message_count < MODEL_MESSAGES, "the simulator has no room for more messages");
  uint32_t number = model->message_count++;
  model->messages[number] = message;
  if (message.result) {
    model->things[message.result].message = number;
    model->things[message.result].decider = 0;
  }
  return number;
}

uint32_t model_value(struct model *model, struct value value)
{
  EXPECT(model->value_count < MODEL_VALUES, "the simulator has no room for more values");
  model->values[model->value_count] = value;
  return model->value_count++;
}

/* ---- krefs ---- */

static uint32_t *bound(struct model *model, struct kref kref, const char *where)
{
  EXPECT(kref.type != KREF_NONE && kref.id < MODEL_THINGS, "%s: no reference", where);
  return kref.type == KREF_OBJECT ? &model->objects[kref.id] : &model->promises[kref.id];
}

void model_bind(struct model *model, uint32_t thing, struct kref kref, const char *where)
{
  EXPECT(thing && thing < model->thing_count, "%s: %s stands for nothing", where, kref_text(kref).text);
  struct thing *known = &model->things[thing];
  uint32_t *at = bound(model, kref, where);
  EXPECT(known->promise == (kref.type == KREF_PROMISE), "%s: %s stands for thing %u, which is %s promise", where,
         kref_text(kref).text, thing, known->promise ? "a" : "no");
  EXPECT(*at == 0 || *at == thing, "%s: %s is thing %u and stands for thing %u", where, kref_text(kref).text, *at, thing);
  EXPECT(known->number == 0 || known->number == kref.id, "%s: %s stands for thing %u, whose number is %u", where,
         kref_text(kref).text, thing, known->number);
  *at = thing;
  known->number = (uint32_t)kref.id;
}

struct kref model_kref(const struct model *model, uint32_t thing)
{
  const struct thing *known = &model->things[thing];
  if (known->number == 0)
    return KREF_NOTHING;
  return known->promise ? kref_promise(known->number) : kref_object(known->number);
}

uint32_t model_thing(const struct model *model, struct kref kref)
{
  if (kref.type == KREF_NONE || kref.id >= MODEL_THINGS)
    return 0;
  return kref.type == KREF_OBJECT ? model->objects[kref.id] : model->promises[kref.id];
}

/* ---- promises and messages ---- */

void model_settle(struct model *model, uint32_t promise, enum promise_end end, uint32_t value)
{
  struct thing *thing = &model->things[promise];
  EXPECT(thing->promise && thing->end == PENDING, "thing %u is settled twice", promise);
  thing->end = (uint8_t)end;
  thing->value = value;
  thing->decider = 0;
  thing->message = 0;
}

void model_message_ends(struct model *model, uint32_t message, enum message_state state)
{
  model->messages[message].state = (uint8_t)state;
}

struct model_route model_route(const struct model *model, uint32_t target)
{
  for (uint32_t hops = 0; hops < model->thing_count; hops++) {
    const struct thing *thing = &model->things[target];
    if (!thing->promise && thing->revoked)
      return (struct model_route){.object = target, .code = CODE_REVOKED};
    if (!thing->promise && (!thing->owner || model->vats[thing->owner].ending))
      return (struct model_route){.object = target, .code = CODE_DELETED};
    if (!thing->promise)
      return (struct model_route){.object = target, .vat = thing->owner};
    if (thing->end == PENDING)
      return (struct model_route){.waits_for = target};
    if (thing->end == REJECTED)
      return (struct model_route){.rejection = thing->value};
    if (!model->values[thing->value].is_reference)
      break;
    target = model->values[thing->value].slots[0];
  }
  return (struct model_route){.code = CODE_BAD_RESOLUTION};
}

/* ---- bodies ---- */

uint32_t body_number(struct bytes body, char letter)
{
  size_t at = 0;
  uint32_t number = 0;
  while (at < body.size && body.data[at] != letter)
    at++;
  for (at++; at < body.size && body.data[at] >= '0' && body.data[at] <= '9'; at++)
    number = number * 10 + (uint32_t)(body.data[at] - '0');
  return number;
}

enum kernel_code body_code(struct bytes body)
{
  static const struct {
    enum kernel_code code;
    const char *start;
  } starts[] = {
#define X(name, text) {name, "#{\"#error\":\"[KERNEL:" text "]"},
      KERNEL_CODES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    if (bytes_start_with(body, bytes_of(starts[i].start)))
      return starts[i].code;
  }
  return CODE_NONE;
}

static uint64_t hash_of(struct bytes body)
{
  uint64_t hash = 0xCBF29CE484222325u;
  for (size_t i = 0; i < body.size; i++)
    hash = (hash ^ (unsigned char)body.data[i]) * 0x100000001B3u;
  return hash;
}

uint32_t model_value_of_body(struct model *model, struct bytes body)
{
  enum kernel_code code = body_code(body);
  if (code == CODE_NONE) {
    uint32_t number = body_number(body, 'v');
    EXPECT(number > 0 && number < model->value_count, "nobody has made the value %.*s", BYTES_ARG(body));
    return number;
  }
  uint64_t hash = hash_of(body);
  for (uint32_t i = 1; i < model->value_count; i++) {
    if (model->values[i].code == code && model->values[i].hash == hash)
      return i;
  }
  return model_value(model, (struct value){.code = (uint8_t)code, .hash = hash});
}

/* ---- what a vat knows ---- */

struct entry *vat_entry(struct vat_model *vat, const char *vref)
{
  for (size_t i = 0; i < vat->entry_count; i++) {
    if (strcmp(vat->entries[i].vref, vref) == 0)
      return &vat->entries[i];
  }
  return NULL;
}

struct entry *vat_entry_of(struct vat_model *vat, uint32_t thing)
{
  for (size_t i = 0; i < vat->entry_count; i++) {
    if (vat->entries[i].thing == thing)
      return &vat->entries[i];
  }
  return NULL;
}

struct entry *vat_add_entry(struct vat_model *vat, const char *vref, uint32_t thing)
{
  EXPECT(vat->entry_count < MODEL_ENTRIES, "the simulator has no room for more c-list entries");
  struct entry *entry = &vat->entries[vat->entry_count++];
  *entry = (struct entry){.reachable = true, .thing = thing};
  snprintf(entry->vref, sizeof entry->vref, "%s", vref);
  return entry;
}

void vat_remove_entry(struct vat_model *vat, struct entry *entry)
{
  *entry = vat->entries[--vat->entry_count];
}

/* The first row whose key is not smaller. */
static size_t row_place(const struct vat_model *vat, const char *key)
{
  size_t at = 0;
  while (at < vat->row_count && strcmp(vat->rows[at].key, key) < 0)
    at++;
  return at;
}

static bool row_is(const struct vat_model *vat, size_t at, const char *key)
{
  return at < vat->row_count && strcmp(vat->rows[at].key, key) == 0;
}

const struct row *vat_row(const struct vat_model *vat, const char *key)
{
  size_t at = row_place(vat, key);
  return row_is(vat, at, key) ? &vat->rows[at] : NULL;
}

void vat_put_row(struct vat_model *vat, const char *key, const char *value)
{
  size_t at = row_place(vat, key);
  if (!row_is(vat, at, key)) {
    EXPECT(vat->row_count < MODEL_ROWS, "the simulator has no room for more rows");
    memmove(&vat->rows[at + 1], &vat->rows[at], (vat->row_count - at) * sizeof *vat->rows);
    vat->row_count++;
  }
  snprintf(vat->rows[at].key, sizeof vat->rows[at].key, "%s", key);
  snprintf(vat->rows[at].value, sizeof vat->rows[at].value, "%s", value);
}

void vat_delete_row(struct vat_model *vat, const char *key)
{
  size_t at = row_place(vat, key);
  if (!row_is(vat, at, key))
    return;
  vat->row_count--;
  memmove(&vat->rows[at], &vat->rows[at + 1], (vat->row_count - at) * sizeof *vat->rows);
}

bool vat_watches(const struct vat_model *vat, const char *vpid)
{
  char key[sizeof vat->rows[0].key];
  snprintf(key, sizeof key, "vc.3.s%s", vpid);
  return vat_row(vat, "watchedPromiseTableID") && vat_row(vat, key);
}

/* ---- ends ---- */

bool vat_is_launching(const struct model *model, uint64_t vat)
{
  return model->subclusters[model->vats[vat].subcluster].launching;
}

void model_doom(struct model *model, uint64_t vat)
{
  const struct subcluster_model *subcluster = &model->subclusters[model->vats[vat].subcluster];
  model->vats[vat].doomed = true;
  for (size_t i = 0; subcluster->launching && i < subcluster->vat_count; i++)
    model->vats[subcluster->vats[i]].doomed = true;
}

/* Only recognizable: a weak collection has it as a key. */
static bool has_recognizer(const struct vat_model *vat, const char *vref)
{
  char prefix[sizeof vat->rows[0].key];
  int size = snprintf(prefix, sizeof prefix, "vom.ir.%s|", vref);
  size_t at = row_place(vat, prefix);
  return at < vat->row_count && strncmp(vat->rows[at].key, prefix, (size_t)size) == 0;
}

/* False: the entry ends with the incarnation. */
static bool entry_survives(struct vat_model *vat, struct entry *entry)
{
  char key[sizeof vat->rows[0].key];
  if (entry->vref[0] == 'p')
    return vat_watches(vat, entry->vref);
  if (entry_is_export(entry))
    return entry->vref[2] == 'd' || strcmp(entry->vref, "o+0") == 0;
  snprintf(key, sizeof key, "vom.rc.%s", entry->vref);
  if (vat_row(vat, key))
    return true;
  entry->reachable = false;
  return has_recognizer(vat, entry->vref);
}

static void remove_entry_of(struct model *model, struct vat_model *vat, struct entry *entry)
{
  if (entry_is_export(entry) && entry->vref[0] == 'o')
    model->things[entry->thing].owner = 0;
  vat_remove_entry(vat, entry);
}

void model_restart(struct model *model, uint64_t id)
{
  struct vat_model *vat = &model->vats[id];
  for (size_t i = vat->entry_count; i > 0; i--) {
    struct entry *entry = &vat->entries[i - 1];
    if (!entry_survives(vat, entry))
      remove_entry_of(model, vat, entry);
  }
  vat->live = false;
  vat->restart_due = false;
}

void model_terminate(struct model *model, uint64_t id)
{
  struct vat_model *vat = &model->vats[id];
  struct subcluster_model *subcluster = &model->subclusters[vat->subcluster];
  bool any = false;
  vat->exists = false;
  vat->live = false;
  vat->restart_due = false;
  vat->suspended = false;
  vat->ending = true;
  for (size_t i = 0; i < subcluster->vat_count; i++)
    any = any || model->vats[subcluster->vats[i]].exists;
  subcluster->exists = any;
}

void model_clean_up(struct model *model, uint64_t id)
{
  struct vat_model *vat = &model->vats[id];
  while (vat->entry_count)
    remove_entry_of(model, vat, &vat->entries[vat->entry_count - 1]);
  vat->row_count = 0;
  vat->ending = false;
}
