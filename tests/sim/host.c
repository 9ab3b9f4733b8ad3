/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/host.c - the clients of the kernel: they launch, send, restart, revoke, look, and check their answers.
 *
 * An answer is believed only if it follows from what the kernel knows to be durable (w->reported): nothing that was answered
 * can be lost in a crash any more.
 */
#include "world.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- requests ---- */

static uint64_t new_request(struct world *w, enum request_kind kind)
{
  EXPECT(w->request_count < WORLD_REQUESTS, "the simulator has no room for more requests");
  w->requests[w->request_count] = (struct request){.kind = kind};
  return w->request_count++;
}

void host_lose_requests(struct world *w)
{
  for (uint64_t i = 1; i < w->request_count; i++)
    w->requests[i].lost = true;
}

static void know(struct world *w, uint32_t thing)
{
  for (uint32_t i = 0; i < w->known_count; i++) {
    if (w->known[i] == thing)
      return;
  }
  if (w->known_count < WORLD_KNOWN)
    w->known[w->known_count++] = thing;
}

/* Whether the kernel has the thing, so that the host may name it. */
static bool is_known_to_kernel(const struct world *w, uint32_t thing)
{
  struct kref kref = model_kref(w->now, thing);
  const struct image_object *object = image_object(&w->image, kref);
  const struct image_promise *promise = image_promise(&w->image, kref);
  return object ? object->exists && object->reachable > 0 : promise && promise->state != IMAGE_MISSING;
}

static uint32_t pick_known(struct world *w)
{
  return w->known_count ? w->known[rng_below(&w->rng, w->known_count)] : 0;
}

/* ---- send ---- */

static void send_message(struct world *w, const char *target, struct message message, bool good, const char *key)
{
  uint64_t request = new_request(w, REQUEST_SEND);
  json_t *slots = json_array();
  char body[32];
  for (size_t i = 0; i < message.slot_count; i++)
    json_array_append_new(slots, json_string(kref_text(model_kref(w->now, message.slots[i])).text));
  uint32_t number = key ? w->now->keys[atoi(key + 3)] : 0;
  if (good && number == 0) {
    message.result = model_promise(w->now, 0);
    number = model_message(w->now, message);
    if (key)
      w->now->keys[atoi(key + 3)] = number;
  }
  snprintf(body, sizeof body, "#[\"m%" PRIu32 "\",[]]", number);
  w->requests[request].message = number;
  report_event("the host sends %s to %s (request %" PRIu64 "%s%s)", body, target, request, key ? ", key " : "", key ? key : "");
  kernel_queue_message(w->kernel, request, key, bytes_of(target), bytes_of(body), slots);
  json_decref(slots);
  world_after_call(w);
}

static void host_send(struct world *w)
{
  struct message message = {.target = pick_known(w)};
  char key[16];
  if (!message.target || !model_has_room(w->now))
    return;
  bool good = is_known_to_kernel(w, message.target);
  for (uint32_t i = rng_below(&w->rng, MODEL_SLOTS); i > 0; i--) {
    message.slots[message.slot_count] = pick_known(w);
    good = good && is_known_to_kernel(w, message.slots[message.slot_count++]);
  }
  struct id_text target = kref_text(model_kref(w->now, message.target));
  if (rng_chance(&w->rng, 3)) {
    good = false;
    snprintf(target.text, sizeof target.text, "ko99999");
  }
  snprintf(key, sizeof key, "key%u", rng_below(&w->rng, MODEL_KEYS));
  send_message(w, target.text, message, good, rng_chance(&w->rng, 20) ? key : NULL);
}

/* ---- launch ---- */

void host_launch(struct world *w)
{
  static const char *const names[] = {"alice", "bob", "carol", "dave"};
  uint32_t count = 1 + rng_below(&w->rng, MODEL_SUBCLUSTER_VATS);
  if (w->now->subcluster_count == MODEL_SUBCLUSTERS || w->now->vat_count + count > MODEL_VATS || !model_has_room(w->now))
    return;
  uint8_t id = w->now->subcluster_count++;
  struct subcluster_model *subcluster = &w->now->subclusters[id];
  struct launch_bundle bundles[MODEL_SUBCLUSTER_VATS];
  json_t *vats = json_object();
  *subcluster = (struct subcluster_model){.exists = true, .launching = true, .vat_count = (uint8_t)count};
  subcluster->bootstrap = (uint8_t)rng_below(&w->rng, count);
  for (uint32_t i = 0; i < count; i++) {
    bundles[i] = (struct launch_bundle){names[i], bytes_of(i % 2 ? "{\"code\":1}" : "{\"code\":2}")};
    json_object_set_new(vats, names[i], json_pack("{s:s, s:s}", "bundleSpec", "x", "idle", rng_chance(&w->rng, 50) ? "hibernate" : "stay"));
    subcluster->vats[i] = w->now->vat_count;
    w->now->vats[w->now->vat_count++] = (struct vat_model){.exists = true, .subcluster = id};
  }
  uint64_t request = new_request(w, REQUEST_LAUNCH);
  w->requests[request].subcluster = id;
  json_t *config = json_pack("{s:s, s:o}", "bootstrap", names[subcluster->bootstrap], "vats", vats);
  report_event("the host launches s%u with v%u to v%u (request %" PRIu64 ")", id, subcluster->vats[0], subcluster->vats[count - 1],
               request);
  struct launch_order order = {.config = config, .bundles = bundles, .bundle_count = count};
  kernel_launch(w->kernel, request, NULL, &order);
  json_decref(config);
  world_after_call(w);
}

/* ---- the rest ---- */

static struct id_text random_vat(struct world *w)
{
  return vat_id_text(1 + rng_below(&w->rng, w->now->vat_count));
}

static void host_terminate(struct world *w)
{
  struct id_text vat = random_vat(w);
  uint64_t id = 0;
  vat_id_parse(bytes_of(vat.text), &id);
  if (id >= w->now->vat_count || !w->now->vats[id].exists)
    return;
  struct id_text cluster = subcluster_id_text(w->now->vats[id].subcluster);
  bool whole = rng_chance(&w->rng, 30);
  report_event("the host terminates %s", whole ? cluster.text : vat.text);
  model_doom(w->now, id);
  const struct subcluster_model *subcluster = &w->now->subclusters[w->now->vats[id].subcluster];
  for (size_t i = 0; whole && i < subcluster->vat_count; i++)
    w->now->vats[subcluster->vats[i]].doomed = true;
  uint64_t request = new_request(w, REQUEST_LOOK);
  if (whole)
    kernel_terminate_subcluster(w->kernel, request, NULL, bytes_of(cluster.text));
  else
    kernel_terminate_vat(w->kernel, request, NULL, bytes_of(vat.text));
  world_after_call(w);
}

static void host_terminate_all(struct world *w)
{
  report_event("the host terminates everything");
  for (uint64_t vat = 1; vat < w->now->vat_count; vat++)
    w->now->vats[vat].doomed = w->now->vats[vat].exists;
  kernel_terminate_all(w->kernel, new_request(w, REQUEST_LOOK), NULL);
  world_after_call(w);
}

static void restart_vat(struct world *w, uint64_t vat)
{
  struct vat_model *model = &w->now->vats[vat];
  if (!vat_is_launching(w->now, vat) && model->exists)
    model->restart_due = model->live;
  w->died_waking[vat] = false;
  report_event("the host restarts v%" PRIu64, vat);
  kernel_restart_vat(w->kernel, new_request(w, REQUEST_LOOK), bytes_of(vat_id_text(vat).text));
  world_after_call(w);
}

static void host_ping(struct world *w, uint64_t vat)
{
  if (w->actors[vat].ping_count == ACTOR_PINGS)
    return;
  uint64_t request = new_request(w, REQUEST_LOOK);
  report_event("the host pings v%" PRIu64 " (request %" PRIu64 ")", vat, request);
  kernel_ping_vat(w->kernel, request, bytes_of(vat_id_text(vat).text));
  world_after_call(w);
}

void host_wake(struct world *w, uint64_t vat)
{
  if (w->now->vats[vat].suspended)
    restart_vat(w, vat);
  else if (w->actors[vat].worker == 0)
    host_ping(w, vat);
}

void host_clear(struct world *w)
{
  report_event("the host clears the state");
  for (uint64_t i = 1; i < w->request_count; i++) { /* what waits is answered with an error */
    if (!w->requests[i].answered)
      w->requests[i] = (struct request){.kind = REQUEST_LOOK, .lost = w->requests[i].lost};
  }
  kernel_clear_state(w->kernel, new_request(w, REQUEST_LOOK));
  model_init(w->now);
  world_after_call(w);
}

void host_collect_garbage(struct world *w)
{
  report_event("the host asks for garbage collection");
  kernel_collect_garbage(w->kernel, new_request(w, REQUEST_LOOK));
  world_after_call(w);
}

static void host_resume(struct world *w, uint64_t vat)
{
  report_event("the host resumes v%" PRIu64, vat);
  kernel_resume_vat(w->kernel, new_request(w, REQUEST_LOOK), bytes_of(vat_id_text(vat).text));
  world_after_call(w);
}

static void release(struct world *w, struct kref kref)
{
  struct id_text text = kref_text(kref);
  report_event("the host releases %s", text.text);
  kernel_release(w->kernel, new_request(w, REQUEST_LOOK), bytes_of(text.text));
  world_after_call(w);
}

/* The host lets go of a reference, so that it must not name it any more. */
static void host_release(struct world *w)
{
  uint32_t index = rng_below(&w->rng, w->known_count);
  struct kref kref = model_kref(w->now, w->known[index]);
  w->known[index] = w->known[--w->known_count];
  release(w, kref);
}

/* Also what was held for it in answers that a crash has kept from it: the store says what that is. */
void host_release_all(struct world *w)
{
  size_t count = w->image.pin_count;
  struct kref *pins = memory_realloc_array(NULL, count + 1, sizeof *pins);
  for (size_t i = 0; i < count; i++)
    pins[i] = w->image.pins[i]; /* each release reads the store anew */
  w->known_count = 0;
  for (size_t i = 0; i < count; i++)
    release(w, pins[i]);
  free(pins);
}

static void host_revoke(struct world *w)
{
  uint32_t thing = pick_known(w);
  if (!thing)
    return;
  struct id_text kref = kref_text(model_kref(w->now, thing));
  struct thing *object = &w->now->things[thing];
  if (!object->promise && is_known_to_kernel(w, thing))
    object->revoked = true;
  report_event("the host revokes %s", kref.text);
  kernel_revoke(w->kernel, new_request(w, REQUEST_LOOK), bytes_of(kref.text));
  world_after_call(w);
  kernel_is_revoked(w->kernel, new_request(w, REQUEST_LOOK), bytes_of(kref.text));
  world_after_call(w);
}

static void host_look(struct world *w)
{
  struct id_text vat = random_vat(w);
  uint64_t request = new_request(w, REQUEST_LOOK);
  switch (rng_below(&w->rng, 6)) {
  case 0:
    kernel_get_status(w->kernel, request);
    break;
  case 1:
    kernel_list_vats(w->kernel, request);
    break;
  case 2:
    kernel_show_vat(w->kernel, request, bytes_of(vat.text));
    break;
  case 3:
    kernel_read_vatstore(w->kernel, request, bytes_of(vat.text), bytes_of("k"), bytes_of(""), 3);
    break;
  case 4:
    kernel_query(w->kernel, request, bytes_of("SELECT 1"));
    break;
  default:
    kernel_answer(w->kernel, request, json_true());
    break;
  }
  world_after_call(w);
}

/* Vats that have nothing to do are noticed, and there may be more workers than are wanted. */
static void time_passes(struct world *w)
{
  for (uint32_t ticks = 1 + rng_below(&w->rng, 4); ticks > 0; ticks--) {
    kernel_reap_idle(w->kernel);
    world_after_call(w);
  }
  if (rng_chance(&w->rng, 50)) {
    kernel_let_sleep(w->kernel, rng_below(&w->rng, 4));
    world_after_call(w);
  }
}

static bool has_come_to_rest(const struct world *w)
{
  return kernel_rests(w->kernel);
}

void host_rests(struct world *w)
{
  report_event("the kernel is to rest");
  w->resting = true;
  kernel_begin_rest(w->kernel);
  world_finish(w, has_come_to_rest);
  world_commit(w);
  world_crash(w);
}

void host_act(struct world *w)
{
  uint64_t vat = 1 + rng_below(&w->rng, w->now->vat_count);
  uint32_t kind = rng_below(&w->rng, 100);
  if (w->request_count + WORLD_DRAIN_REQUESTS > WORLD_REQUESTS)
    return;
  bool first = w->now->subcluster_count == 1;
  if (first || kind < 4)
    host_launch(w);
  else if (rng_chance(&w->rng, w->weather.idling))
    time_passes(w);
  else if (kind < 75)
    host_send(w);
  else if (kind < 80)
    host_collect_garbage(w);
  else if (kind < 90)
    host_look(w);
  else if (rng_chance(&w->rng, w->weather.leaving * 5))
    rng_chance(&w->rng, 10) ? host_terminate_all(w) : host_terminate(w);
  else if (vat >= w->now->vat_count || !w->now->vats[vat].exists)
    return;
  else if (w->now->vats[vat].suspended && rng_chance(&w->rng, 50))
    host_resume(w, vat);
  else if (kind < 92)
    restart_vat(w, vat);
  else if (kind < 94 && w->known_count > 5)
    host_release(w);
  else if (kind < 97)
    host_ping(w, vat);
  else
    host_revoke(w);
}

/* ---- answers ---- */

/* It may be that only the answer has this kref: no crash can take the knowledge back. */
static void bind_everywhere(struct world *w, uint32_t thing, struct kref kref)
{
  model_bind(w->now, thing, kref, "an answer");
  model_bind(w->stored, thing, kref, "an answer");
  model_bind(w->reported, thing, kref, "an answer");
  for (unsigned i = 0; i < w->held_count; i++)
    model_bind(w->held[i], thing, kref, "an answer");
}

/* The slots are what the sender of the value meant; the host knows them from now on. */
static void take_data(struct world *w, const json_t *data, const struct value *value)
{
  const json_t *slots = json_object_get(data, "slots");
  EXPECT(json_array_size(slots) == value->slot_count, "an answer has %zu slots, %u were given", json_array_size(slots),
         value->slot_count);
  for (size_t i = 0; i < value->slot_count; i++) {
    struct kref kref = KREF_NOTHING;
    kref_parse(bytes_of(json_string_value(json_array_get(slots, i))), &kref);
    bind_everywhere(w, value->slots[i], kref);
    know(w, value->slots[i]);
  }
}

static void take_result(struct world *w, const struct effect *effect, uint32_t message, const json_t *data)
{
  EXPECT(message < w->reported->message_count, "request %" PRIu64 " is answered before its message is durable", effect->request);
  uint32_t promise = w->reported->messages[message].result;
  const struct thing *result = &w->reported->things[promise];
  EXPECT(result->end != PENDING, "request %" PRIu64 " is answered before its result is durable", effect->request);
  EXPECT((result->end == FULFILLED) == (effect->code == VATD_OK), "request %" PRIu64 " is answered with code %d",
         effect->request, effect->code);
  if (result->value == 0 || !data)
    return;
  const char *body = json_string_value(json_object_get(data, "body"));
  const struct value *value = &w->reported->values[result->value];
  EXPECT(value->code ? body_code(bytes_of(body)) == value->code : body_number(bytes_of(body), 'v') == result->value,
         "request %" PRIu64 " is answered with %s, not with v%u", effect->request, body, result->value);
  take_data(w, data, value);
}

static void take_launch(struct world *w, const struct effect *effect, const struct request *request)
{
  const struct subcluster_model *subcluster = &w->reported->subclusters[request->subcluster];
  if (effect->code != VATD_OK)
    return;
  EXPECT(subcluster->message && !subcluster->launching, "s%u is said to run before that is durable", request->subcluster);
  take_result(w, effect, subcluster->message, json_object_get(effect->result, "bootstrapResult"));
  for (size_t i = 0; i < subcluster->vat_count; i++)
    know(w, w->reported->vats[subcluster->vats[i]].root);
}

void host_take_answer(struct world *w, const struct effect *effect)
{
  EXPECT(effect->request > 0 && effect->request < w->request_count, "request %" PRIu64 " was never made", effect->request);
  struct request *request = &w->requests[effect->request];
  report_event("request %" PRIu64 " is answered with code %d", effect->request, effect->code);
  EXPECT(!request->answered, "request %" PRIu64 " is answered twice", effect->request);
  EXPECT(!request->lost, "request %" PRIu64 " was made to an earlier kernel", effect->request);
  request->answered = true;
  if (request->kind == REQUEST_LAUNCH)
    take_launch(w, effect, request);
  else if (request->kind == REQUEST_SEND && request->message)
    take_result(w, effect, request->message, effect->result);
  else if (request->kind == REQUEST_SEND)
    EXPECT(effect->code == VATD_NOT_FOUND, "request %" PRIu64 " names what does not exist: code %d", effect->request, effect->code);
}
