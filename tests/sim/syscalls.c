/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/syscalls.c - the syscalls of one crank, see actor.h. Legal is what the vat may do by what it knows (the model);
 * the kernel has to agree each time.
 */
#include "actor.h"

#include <inttypes.h>
#include <stdio.h>

static struct rng *chance(const struct plan *plan)
{
  return &plan->world->rng;
}

static struct thing *thing_of(const struct plan *plan, const struct entry *entry)
{
  return &plan->world->now->things[entry->thing];
}

static struct bytes vref_copy(const struct plan *plan, const char *vref)
{
  return arena_copy(plan->arena, bytes_of(vref));
}

/* ---- choosing ---- */

typedef bool entry_test(const struct plan *plan, const struct entry *entry);

/* A random entry that passes the test, or NULL. */
static struct entry *pick_entry(const struct plan *plan, entry_test *test)
{
  size_t count = plan->model->entry_count;
  size_t start = count ? rng_below(chance(plan), (uint32_t)count) : 0;
  for (size_t i = 0; i < count; i++) {
    struct entry *entry = &plan->model->entries[(start + i) % count];
    if (test(plan, entry))
      return entry;
  }
  return NULL;
}

static bool is_nameable(const struct plan *plan, const struct entry *entry)
{
  (void)plan;
  return entry_is_export(entry) || entry->reachable;
}

static bool is_promise(const struct plan *plan, const struct entry *entry)
{
  return thing_of(plan, entry)->promise;
}

static bool is_unsubscribed(const struct plan *plan, const struct entry *entry)
{
  return is_promise(plan, entry) && !entry->subscribed;
}

static bool is_decided_here(const struct plan *plan, const struct entry *entry)
{
  const struct thing *thing = thing_of(plan, entry);
  return thing->promise && thing->end == PENDING && thing->decider == plan->vat;
}

static bool is_others_promise(const struct plan *plan, const struct entry *entry)
{
  return is_promise(plan, entry) && !is_decided_here(plan, entry);
}

static bool is_object(const struct plan *plan, const struct entry *entry)
{
  return !thing_of(plan, entry)->promise;
}

static bool is_reachable_import(const struct plan *plan, const struct entry *entry)
{
  return is_object(plan, entry) && !entry_is_export(entry) && entry->reachable;
}

static bool is_dropped_import(const struct plan *plan, const struct entry *entry)
{
  return is_object(plan, entry) && !entry_is_export(entry) && !entry->reachable;
}

static bool is_reachable_export(const struct plan *plan, const struct entry *entry)
{
  return is_object(plan, entry) && entry_is_export(entry) && entry->reachable && strcmp(entry->vref, "o+0") != 0;
}

static bool is_dropped_export(const struct plan *plan, const struct entry *entry)
{
  return is_object(plan, entry) && entry_is_export(entry) && !entry->reachable;
}

/* ---- naming ---- */

/* A fresh export; ids are never used twice, as in liveslots. */
static struct entry *make_export(const struct plan *plan, bool promise)
{
  static const char *const kinds[] = {"", "", "d5/", "v6/"};
  char vref[VREF_SIZE];
  uint32_t id = 10 + plan->model->next_export++;
  if (promise)
    snprintf(vref, sizeof vref, "p+%" PRIu32, id);
  else
    snprintf(vref, sizeof vref, "o+%s%" PRIu32, kinds[rng_below(chance(plan), 4)], id);
  struct model *model = plan->world->now;
  return vat_add_entry(plan->model, vref, promise ? model_promise(model, plan->vat) : model_object(model, plan->vat));
}

/* Something to put into a slot; an export that was dropped becomes reachable by it. */
static struct entry *pick_slot(const struct plan *plan)
{
  bool full = plan->model->entry_count + 12 > MODEL_ENTRIES;
  if (!full && rng_chance(chance(plan), 25))
    return make_export(plan, rng_chance(chance(plan), 40));
  struct entry *entry = pick_entry(plan, is_nameable);
  if (entry)
    entry->reachable = true;
  return entry;
}

/* Fills slots: names for the frame, things for the model. */
static size_t pick_slots(const struct plan *plan, size_t count, struct bytes_list *names, uint32_t *things)
{
  names->items = arena_alloc_array(plan->arena, MODEL_SLOTS, sizeof *names->items);
  names->count = 0;
  while (names->count < count) {
    const struct entry *entry = pick_slot(plan);
    if (!entry)
      break;
    things[names->count] = entry->thing;
    names->items[names->count++] = vref_copy(plan, entry->vref);
  }
  return names->count;
}

/* The last place is kept for a crime or an exit. */
static bool is_full(const struct plan *plan)
{
  return plan->call_count + 1 >= PLAN_CALLS;
}

static void add_call(struct plan *plan, struct vat_syscall call)
{
  EXPECT(plan->call_count < PLAN_CALLS, "the simulator has no room for more syscalls");
  plan->calls[plan->call_count++] = call;
}

/* ---- send ---- */

/* A promise that the vat decides may be the result of a message to an object only: behind a promise it might wait for itself. */
static const struct entry *pick_result(const struct plan *plan, const struct entry *target)
{
  if (rng_chance(chance(plan), 25))
    return NULL;
  if (is_object(plan, target) && rng_chance(chance(plan), 20)) {
    const struct entry *decided = pick_entry(plan, is_decided_here);
    if (decided)
      return decided;
  }
  return plan->model->entry_count + 12 > MODEL_ENTRIES ? NULL : make_export(plan, true);
}

static void plan_send(struct plan *plan)
{
  struct vat_syscall call = {.type = SYSCALL_SEND};
  struct message message = {.sender = (uint16_t)plan->vat};
  struct entry *target = pick_slot(plan);
  if (!target)
    return;
  message.target = target->thing;
  call.message.target = vref_copy(plan, target->vref);
  message.slot_count =
      (uint8_t)pick_slots(plan, rng_below(chance(plan), MODEL_SLOTS), &call.message.methargs.slots, message.slots);
  const struct entry *result = pick_result(plan, target);
  if (result) {
    message.result = result->thing;
    call.message.result = vref_copy(plan, result->vref);
  }
  uint32_t number = model_message(plan->world->now, message);
  call.message.methargs.body = arena_printf(plan->arena, "#[\"m%" PRIu32 "\",[]]", number);
  add_call(plan, call);
}

/* ---- subscribe ---- */

static void subscribe_to(struct plan *plan, struct entry *entry)
{
  entry->subscribed = true;
  thing_of(plan, entry)->heard_by |= 1u << plan->vat;
  add_call(plan, (struct vat_syscall){.type = SYSCALL_SUBSCRIBE, .vpid = vref_copy(plan, entry->vref)});
}

static void plan_subscribe(struct plan *plan, entry_test *test)
{
  struct entry *entry = pick_entry(plan, test);
  if (entry)
    subscribe_to(plan, entry);
}

/* ---- resolve ---- */

static struct capdata plan_value(const struct plan *plan, bool rejected, uint32_t *number)
{
  struct value value = {.is_reference = !rejected && rng_chance(chance(plan), 75)};
  struct capdata data = {.body = {NULL, 0}};
  size_t wanted = value.is_reference ? 1 : rng_below(chance(plan), 3);
  value.slot_count = (uint8_t)pick_slots(plan, wanted, &data.slots, value.slots);
  value.is_reference = value.is_reference && value.slot_count == 1;
  *number = model_value(plan->world->now, value);
  bool promise = value.slot_count && plan->world->now->things[value.slots[0]].promise;
  if (value.is_reference)
    data.body = arena_printf(plan->arena, "#\"%sv%" PRIu32 "\"", promise ? "&0." : "$0.Alleged: ", *number);
  else
    data.body = arena_printf(plan->arena, "#[\"v%" PRIu32 "\"]", *number);
  return data;
}

/* Settles the promises of these things in one syscall; their values may refer to each other. */
static void plan_resolve_these(struct plan *plan, const uint32_t *promises, size_t count)
{
  struct vat_syscall call = {.type = SYSCALL_RESOLVE, .resolutions = {NULL, count}};
  uint32_t values[MODEL_SLOTS];
  call.resolutions.items = arena_alloc_array(plan->arena, count, sizeof *call.resolutions.items);
  for (size_t i = 0; i < count; i++) {
    bool rejected = rng_chance(chance(plan), 12);
    struct bytes vpid = vref_copy(plan, vat_entry_of(plan->model, promises[i])->vref);
    call.resolutions.items[i] = (struct resolution){vpid, rejected, plan_value(plan, rejected, &values[i])};
  }
  for (size_t i = 0; i < count; i++) {
    plan->world->now->values[values[i]].promise = promises[i];
    model_settle(plan->world->now, promises[i], call.resolutions.items[i].rejected ? REJECTED : FULFILLED, values[i]);
    vat_remove_entry(plan->model, vat_entry_of(plan->model, promises[i]));
  }
  add_call(plan, call);
}

static void plan_resolve(struct plan *plan)
{
  uint32_t promises[3];
  size_t count = 0;
  size_t wanted = 1 + rng_below(chance(plan), 3);
  for (size_t tries = 0; tries < 6 && count < wanted; tries++) {
    const struct entry *entry = pick_entry(plan, is_decided_here);
    bool again = false;
    for (size_t i = 0; entry && i < count; i++)
      again = again || promises[i] == entry->thing;
    if (entry && !again)
      promises[count++] = entry->thing;
  }
  if (count)
    plan_resolve_these(plan, promises, count);
}

/* ---- garbage ---- */

static void plan_garbage_call(struct plan *plan, enum syscall_type type, struct entry *entry)
{
  struct vat_syscall call = {.type = type, .vrefs = {arena_alloc(plan->arena, sizeof(struct bytes)), 1}};
  call.vrefs.items[0] = vref_copy(plan, entry->vref);
  add_call(plan, call);
  plan->lets_go = true;
  if (type == SYSCALL_DROP_IMPORTS) {
    entry->reachable = false;
    return;
  }
  if (entry_is_export(entry))
    thing_of(plan, entry)->owner = 0;
  vat_remove_entry(plan->model, entry);
}

/* As liveslots does: no garbage is spoken of while there is something to do; but not all vats are like it. */
static bool has_more_to_do(const struct plan *plan)
{
  return plan->world->actors[plan->vat].behind_count > 0;
}

static void plan_garbage(struct plan *plan)
{
  if (has_more_to_do(plan) && rng_chance(chance(plan), 90))
    return;
  static const struct {
    enum syscall_type type;
    entry_test *test;
    uint32_t weight;
  } kinds[] = {
      {SYSCALL_DROP_IMPORTS, is_reachable_import, 50},
      {SYSCALL_RETIRE_IMPORTS, is_dropped_import, 70},
      {SYSCALL_RETIRE_EXPORTS, is_dropped_export, 60},
      {SYSCALL_ABANDON_EXPORTS, is_reachable_export, 4},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct entry *entry = rng_chance(chance(plan), kinds[i].weight) ? pick_entry(plan, kinds[i].test) : NULL;
    if (entry && !is_full(plan))
      plan_garbage_call(plan, kinds[i].type, entry);
  }
}

/* ---- storage ---- */

static void plan_set(struct plan *plan, const char *key, const char *value)
{
  bool again = false;
  for (size_t i = 0; i < plan->set_count; i++)
    again = again || bytes_is(plan->sets[i].key, key);
  if (again || plan->set_count == PLAN_ROWS || plan->model->row_count + 1 >= MODEL_ROWS)
    return;
  plan->sets[plan->set_count++] = (struct key_value){vref_copy(plan, key), vref_copy(plan, value)};
  vat_put_row(plan->model, key, value);
}

/* Deletes come after all sets, so a key is never set again in the same crank. */
static void plan_delete(struct plan *plan)
{
  if (plan->delete_count == PLAN_ROWS || plan->model->row_count == 0)
    return;
  const struct row *row = &plan->model->rows[rng_below(chance(plan), plan->model->row_count)];
  char key[sizeof row->key];
  snprintf(key, sizeof key, "%s", row->key);
  if (strcmp(key, "watchedPromiseTableID") == 0)
    return;
  plan->deletes[plan->delete_count++] = vref_copy(plan, key);
  vat_delete_row(plan->model, key);
}

/* A row that makes the next incarnation remember this reference. */
static void remember(struct plan *plan, const struct entry *entry)
{
  char key[sizeof plan->model->rows[0].key];
  bool counted = rng_chance(chance(plan), 70);
  if (entry->vref[0] == 'p')
    snprintf(key, sizeof key, "vc.3.s%s", entry->vref);
  else
    snprintf(key, sizeof key, "vom.%s.%s%s", counted ? "rc" : "ir", entry->vref, counted ? "" : "|5");
  plan_set(plan, key, "1");
}

/* Liveslots subscribes to what it watches. */
static void watch(struct plan *plan)
{
  struct entry *entry = pick_entry(plan, is_promise);
  if (!entry || entry->subscribed || is_full(plan))
    return;
  subscribe_to(plan, entry);
  remember(plan, entry);
}

void plan_storage(struct plan *plan)
{
  char key[16];
  if (rng_chance(chance(plan), 50))
    plan_set(plan, "watchedPromiseTableID", "o+d6/3");
  if (rng_chance(chance(plan), 30))
    watch(plan);
  for (uint32_t i = rng_below(chance(plan), 3); i > 0; i--) {
    const struct entry *entry = pick_entry(plan, is_reachable_import);
    if (entry && rng_chance(chance(plan), 50))
      remember(plan, entry);
    snprintf(key, sizeof key, "key.%u", rng_below(chance(plan), 12));
    plan_set(plan, key, rng_chance(chance(plan), 50) ? "one" : "");
  }
  for (uint32_t i = rng_below(chance(plan), 3); i > 0; i--)
    plan_delete(plan);
}

/* ---- whole cranks ---- */

void plan_syscalls(struct plan *plan, size_t count)
{
  for (uint32_t i = rng_below(chance(plan), 4); i > 0; i--) /* liveslots subscribes to each promise that it gets */
    plan_subscribe(plan, is_unsubscribed);
  for (size_t i = 0; i < count && !is_full(plan); i++) {
    uint32_t kind = rng_below(chance(plan), 100);
    if (kind < 45)
      plan_send(plan);
    else if (kind < 52)
      plan_subscribe(plan, is_promise);
    else if (kind < 85)
      plan_resolve(plan);
    else
      plan_garbage(plan);
  }
}

void plan_farewell(struct plan *plan)
{
  const struct entry *decided;
  struct entry *import;
  while (!is_full(plan) && (decided = pick_entry(plan, is_decided_here))) {
    uint32_t value = model_value(plan->world->now, (struct value){.promise = decided->thing});
    struct resolution *resolution = arena_alloc(plan->arena, sizeof *resolution);
    *resolution = (struct resolution){.vpid = vref_copy(plan, decided->vref)};
    resolution->data.body = arena_printf(plan->arena, "#[\"v%" PRIu32 "\"]", value);
    add_call(plan, (struct vat_syscall){.type = SYSCALL_RESOLVE, .resolutions = {resolution, 1}});
    model_settle(plan->world->now, decided->thing, FULFILLED, value);
    vat_remove_entry(plan->model, (struct entry *)decided);
  }
  while (!is_full(plan) && !has_more_to_do(plan) && (import = pick_entry(plan, is_dropped_import)))
    plan_garbage_call(plan, SYSCALL_RETIRE_IMPORTS, import);
  while (!is_full(plan) && !has_more_to_do(plan) && (import = pick_entry(plan, is_reachable_import)))
    plan_garbage_call(plan, SYSCALL_DROP_IMPORTS, import);
  for (size_t i = 0; i < plan->model->entry_count && !is_full(plan); i++) {
    struct entry *entry = &plan->model->entries[i];
    if (!is_promise(plan, entry) || entry->subscribed)
      continue;
    subscribe_to(plan, entry);
  }
}

void plan_exit(struct plan *plan, bool is_failure)
{
  add_call(plan, (struct vat_syscall){.type = SYSCALL_EXIT, .is_failure = is_failure, .info = {.body = bytes_of("#\"bye\"")}});
}

/* ---- crimes ---- */

static struct vat_syscall send_to(const struct plan *plan, const char *target, const char *slot, const char *result)
{
  struct vat_syscall call = {.type = SYSCALL_SEND,
                             .message = {.target = vref_copy(plan, target), .methargs = {.body = bytes_of("#[\"m0\",[]]")}}};
  if (slot) {
    call.message.methargs.slots = (struct bytes_list){arena_alloc(plan->arena, sizeof(struct bytes)), 1};
    call.message.methargs.slots.items[0] = vref_copy(plan, slot);
  }
  if (result)
    call.message.result = vref_copy(plan, result);
  return call;
}

static struct vat_syscall resolve_of(const struct plan *plan, const char *vpid, size_t times)
{
  struct vat_syscall call = {.type = SYSCALL_RESOLVE, .resolutions = {NULL, times}};
  call.resolutions.items = arena_alloc_array(plan->arena, times, sizeof *call.resolutions.items);
  for (size_t i = 0; i < times; i++)
    call.resolutions.items[i] = (struct resolution){.vpid = vref_copy(plan, vpid), .data = {.body = bytes_of("#[\"v0\"]")}};
  return call;
}

static struct vat_syscall garbage_of(const struct plan *plan, enum syscall_type type, const char *vref)
{
  struct vat_syscall call = {.type = type, .vrefs = {arena_alloc(plan->arena, sizeof(struct bytes)), 1}};
  call.vrefs.items[0] = vref_copy(plan, vref);
  return call;
}

static const char *vref_or(const struct entry *entry, const char *otherwise)
{
  return entry ? entry->vref : otherwise;
}

static struct vat_syscall make_crime(const struct plan *plan)
{
  switch (rng_below(chance(plan), 15)) {
  case 0:
    return send_to(plan, "o-9999", NULL, NULL);
  case 1:
    return send_to(plan, "o+0", "p-9999", NULL);
  case 2:
    return send_to(plan, "nonsense", NULL, NULL);
  case 3:
    return send_to(plan, vref_or(pick_entry(plan, is_dropped_import), "o-9998"), NULL, NULL);
  case 4:
    return send_to(plan, "o+0", NULL, vref_or(pick_entry(plan, is_others_promise), "p-9998"));
  case 5:
    return send_to(plan, "o+0", NULL, "o+7");
  case 6:
    return resolve_of(plan, vref_or(pick_entry(plan, is_others_promise), "p-9997"), 1);
  case 7:
    return resolve_of(plan, vref_or(pick_entry(plan, is_decided_here), "p+9996"), 2);
  case 8:
    return resolve_of(plan, "o+0", 1);
  case 9:
    return (struct vat_syscall){.type = SYSCALL_SUBSCRIBE, .vpid = bytes_of("p-9995")};
  case 10:
    return (struct vat_syscall){.type = SYSCALL_SUBSCRIBE, .vpid = bytes_of("o+0")};
  case 11:
    return garbage_of(plan, SYSCALL_DROP_IMPORTS, vref_or(pick_entry(plan, is_dropped_import), "o+0"));
  case 12:
    return garbage_of(plan, SYSCALL_RETIRE_IMPORTS, vref_or(pick_entry(plan, is_reachable_import), "o-9994"));
  case 13:
    return garbage_of(plan, SYSCALL_RETIRE_EXPORTS, vref_or(pick_entry(plan, is_reachable_export), "o+0"));
  default:
    return garbage_of(plan, SYSCALL_ABANDON_EXPORTS, vref_or(pick_entry(plan, is_reachable_import), "o+9993"));
  }
}

void plan_crime(struct plan *plan)
{
  add_call(plan, make_crime(plan));
}
