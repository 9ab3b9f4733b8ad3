/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/world.c - drives the kernel. Each call of the kernel is followed by world_after_call(): the oracle compares, then
 * the effects are carried out. When the kernel has broken, which only a failing store may cause, it is opened again on what
 * was stored.
 */
#include "world.h"

#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- effects ---- */

static struct actor *worker_of(struct world *w, const struct effect *effect)
{
  EXPECT(effect->vat > 0 && effect->vat < MODEL_VATS, "an effect for v%" PRIu64, effect->vat);
  return &w->actors[effect->vat];
}

static void start_worker(struct world *w, const struct effect *effect)
{
  struct actor *actor = worker_of(w, effect);
  EXPECT(actor->worker == 0, "v%" PRIu64 " gets a second worker", effect->vat);
  actor->worker = effect->worker;
}

static void take_init(struct world *w, uint64_t vat, struct bytes payload)
{
  struct actor *actor = &w->actors[vat];
  uint32_t heap = w->now->vats[vat].heap;
  struct error error = {0};
  struct init_frame frame;
  EXPECT(frame_decode_init(payload, &actor->arena, &frame, &error) == VATD_OK, "an init frame: %s", error.text);
  EXPECT(!actor->started && actor->outstanding == NOTHING, "a worker is to start twice");
  actor->frame_id = frame.id;
  actor->state = frame.state;
  actor->outstanding = AN_INIT;
  actor->wakes = heap != 0;
  EXPECT(heap_number(frame.image) == heap, "v%" PRIu64 " is to go on with the heap \"%.*s\", it was number %" PRIu32, vat,
         BYTES_ARG(frame.image), heap);
}

static void take_delivery(struct world *w, uint64_t vat, struct bytes payload)
{
  struct error error = {0};
  struct deliver_frame frame;
  struct actor *actor = &w->actors[vat];
  EXPECT(frame_decode_deliver(payload, &actor->arena, &frame, &error) == VATD_OK, "a deliver frame: %s", error.text);
  EXPECT(actor->started, "v%" PRIu64 " gets a delivery before it has started", vat);
  actor->frame_id = frame.id;
  actor->delivery = frame.delivery;
  actor->message = 0;
  actor->outstanding = A_DELIVERY;
  oracle_check_dispatch(w, vat);
  report_event("v%" PRIu64 " gets a %s (m%u)", vat, delivery_type_name(frame.delivery.type), actor->message);
}

/* What comes behind something else is looked at when its turn has come. */
static void take_or_keep_delivery(struct world *w, uint64_t vat, struct bytes payload)
{
  struct actor *actor = &w->actors[vat];
  if (actor->outstanding == NOTHING) {
    actor->was_behind = false;
    take_delivery(w, vat, payload);
    return;
  }
  EXPECT(actor->outstanding == A_DELIVERY && actor->behind_count < ACTOR_BEHIND, "v%" PRIu64 " gets a delivery out of turn", vat);
  struct buffer *kept = &actor->behind[actor->behind_count++];
  buffer_init(kept, LIMIT_FRAME_TO_WORKER);
  buffer_append_bytes(kept, payload);
}

/* Workers that have answered turn to what has been sent meanwhile. */
static void take_next_deliveries(struct world *w)
{
  for (uint64_t vat = 1; vat < MODEL_VATS; vat++) {
    struct actor *actor = &w->actors[vat];
    if (actor->outstanding != NOTHING || actor->behind_count == 0)
      continue;
    struct buffer next = actor->behind[0];
    actor->behind_count--;
    memmove(actor->behind, actor->behind + 1, actor->behind_count * sizeof actor->behind[0]);
    arena_clear(&actor->arena);
    actor->was_behind = true;
    take_delivery(w, vat, arena_copy(&actor->arena, buffer_bytes(&next)));
    buffer_fini(&next);
  }
}

static void take_frame(struct world *w, const struct effect *effect)
{
  struct error error = {0};
  struct actor *actor = worker_of(w, effect);
  enum frame_type type;
  uint64_t id;
  if (actor->outstanding == NOTHING)
    arena_clear(&actor->arena);
  struct bytes payload = arena_copy(&actor->arena, bytes_after(buffer_bytes(&effect->frame), FRAME_HEADER_SIZE));
  EXPECT(actor->worker == effect->worker, "a frame for a worker that v%" PRIu64 " does not have", effect->vat);
  EXPECT(frame_peek(payload, &type, &id, &error) == VATD_OK, "a frame of the kernel: %s", error.text);
  if (type == FRAME_INIT)
    take_init(w, effect->vat, payload);
  else if (type == FRAME_DELIVER)
    take_or_keep_delivery(w, effect->vat, payload);
  else if (type == FRAME_HIBERNATE) {
    EXPECT(actor->started && actor->outstanding == NOTHING, "v%" PRIu64 " is to hibernate, and is not idle", effect->vat);
    actor->frame_id = id;
    actor->outstanding = A_HEAP;
  } else if (type == FRAME_PING && actor->ping_count < ACTOR_PINGS)
    actor->pings[actor->ping_count++] = id;
}

static void carry_out(struct world *w, const struct effect *effect)
{
  switch (effect->type) {
  case EFFECT_START_WORKER:
    start_worker(w, effect);
    break;
  case EFFECT_SEND:
    take_frame(w, effect);
    break;
  case EFFECT_STOP_WORKER:
    if (worker_of(w, effect)->worker == effect->worker)
      actor_forget(worker_of(w, effect));
    break;
  case EFFECT_ANSWER:
    host_take_answer(w, effect);
    break;
  case EFFECT_WAKE_LATER:
    worker_of(w, effect)->resting = true;
    break;
  case EFFECT_LOG:
  case EFFECT_SUBCLUSTER:
    break;
  case EFFECT_CANCEL_CALL:
  case EFFECT_CALL_SERVICE:
    report_failure("a service is called, and there is none");
  }
}

void world_after_call(struct world *w)
{
  struct effect effect;
  if (kernel_broken(w->kernel)) {
    EXPECT(w->store.failed, "the kernel has broken: %s", kernel_broken(w->kernel)->text);
    fault_kernel_broke(w);
    return;
  }
  EXPECT(!w->store.failed, "the store has failed, and the kernel has not noticed");
  oracle_follow(w);
  w->limited = 0;
  w->faulted = 0;
  w->written_down = 0;
  w->woken = 0;
  while (kernel_take_effect(w->kernel, &effect)) {
    carry_out(w, &effect);
    effect_fini(&effect);
  }
  take_next_deliveries(w);
}

/* ---- batches ---- */

static void hear_outcome(struct world *w)
{
  struct model *oldest = w->held[0];
  if (!shaky_report(&w->store))
    return;
  model_copy(w->reported, oldest);
  w->held_count--;
  memmove(w->held, w->held + 1, w->held_count * sizeof w->held[0]);
  w->held[w->held_count] = oldest;
  report_event("a batch is reported durable");
  world_after_call(w);
}

void world_commit(struct world *w)
{
  if (!kernel_batch_open(w->kernel))
    return;
  w->store.holding = !w->draining && w->held_count < SHAKY_OUTCOMES && rng_chance(&w->rng, 30);
  if (!w->store.holding) {
    while (w->held_count)
      hear_outcome(w);
  }
  kernel_commit(w->kernel);
  if (!kernel_broken(w->kernel)) {
    report_event("commit%s", w->store.holding ? ", whose outcome is not told yet" : "");
    model_copy(w->stored, w->now);
    if (w->store.holding)
      model_copy(w->held[w->held_count++], w->now);
    else
      model_copy(w->reported, w->now);
  }
  world_after_call(w);
}

/* ---- life ---- */

static void open_kernel(struct world *w)
{
  struct error error = {0};
  EXPECT(kernel_open(&w->store.store, &w->kernel, &error) == VATD_OK, "the kernel cannot be opened: %s", error.text);
  kernel_deliver_ahead(w->kernel, 1 + rng_below(&w->rng, ACTOR_BEHIND));
  if (rng_chance(&w->rng, 20))
    kernel_start_all(w->kernel);
}

void world_crash(struct world *w)
{
  kernel_free(w->kernel);
  shaky_reopen(&w->store);
  model_copy(w->now, w->stored);
  model_copy(w->reported, w->stored);
  w->held_count = 0;
  w->resting = false;
  memset(w->died_waking, 0, sizeof w->died_waking);
  host_lose_requests(w);
  for (uint64_t vat = 1; vat < MODEL_VATS; vat++) {
    actor_forget(&w->actors[vat]);
    w->now->vats[vat].restart_due = vat < w->now->vat_count && w->now->vats[vat].live && !w->now->vats[vat].heap;
  }
  for (uint8_t i = 1; i < w->now->subcluster_count; i++) {
    if (w->now->subclusters[i].exists && w->now->subclusters[i].launching)
      model_doom(w->now, w->now->subclusters[i].vats[0]);
  }
  open_kernel(w);
  world_after_call(w);
}

static struct weather random_dangers(struct rng *rng)
{
  switch (rng_below(rng, 4)) {
  case 0:
    return (struct weather){0};
  case 1:
    return (struct weather){.deaths = 25, .leaving = 1};
  case 2:
    return (struct weather){.crime = 2, .limits = 3, .leaving = 2, .sick = 2 + rng_below(rng, 4)};
  default:
    return (struct weather){.crime = 1, .limits = 2, .deaths = 12, .disk = 6, .leaving = 1, .sick = 2 + rng_below(rng, 4)};
  }
}

static struct weather random_weather(struct rng *rng)
{
  struct weather weather = random_dangers(rng);
  weather.idling = rng_chance(rng, 50) ? 15 : 1;
  return weather;
}

void world_init(struct world *w, uint64_t seed)
{
  struct model **models[] = {&w->now, &w->before, &w->stored, &w->reported};
  memset(w, 0, sizeof *w);
  w->rng.state = seed;
  w->weather = random_weather(&w->rng);
  w->request_count = 1;
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
    *models[i] = memory_alloc(sizeof **models[i]);
    model_init(*models[i]);
  }
  for (size_t i = 0; i < SHAKY_OUTCOMES; i++) {
    w->held[i] = memory_alloc(sizeof **w->held);
    model_init(w->held[i]);
  }
  for (size_t i = 0; i < MODEL_VATS; i++)
    arena_init(&w->actors[i].arena);
  arena_init(&w->image_arena);
  shaky_open(&w->store);
  open_kernel(w);
  world_after_call(w);
}

void world_fini(struct world *w)
{
  struct model *models[] = {w->now, w->before, w->stored, w->reported};
  kernel_free(w->kernel);
  shaky_close(&w->store);
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
    free(models[i]);
  for (size_t i = 0; i < SHAKY_OUTCOMES; i++)
    free(w->held[i]);
  for (size_t i = 0; i < MODEL_VATS; i++)
    arena_fini(&w->actors[i].arena);
  image_fini(&w->image);
  arena_fini(&w->image_arena);
}

/* ---- steps ---- */

uint64_t world_pick_vat(struct world *w)
{
  uint64_t start = rng_below(&w->rng, MODEL_VATS);
  for (uint64_t i = 0; i < MODEL_VATS; i++) {
    uint64_t vat = (start + i) % MODEL_VATS;
    if (w->actors[vat].worker)
      return vat;
  }
  return 0;
}

/* A vat that has something to answer, or 0. */
static uint64_t pick_busy(struct world *w)
{
  uint64_t start = rng_below(&w->rng, MODEL_VATS);
  for (uint64_t i = 0; i < MODEL_VATS; i++) {
    uint64_t vat = (start + i) % MODEL_VATS;
    if (w->actors[vat].outstanding != NOTHING)
      return vat;
  }
  return 0;
}

/* One piece of the kernel's work; false when it has none. */
static bool kernel_works(struct world *w)
{
  if (kernel_step(w->kernel)) {
    world_after_call(w);
    return true;
  }
  bool broke = kernel_broken(w->kernel) != NULL;
  world_after_call(w);
  if (!broke)
    oracle_check_quiet(w);
  return broke;
}

void world_settle(struct world *w)
{
  while (kernel_works(w))
    ;
}

static void vat_acts(struct world *w, uint64_t vat)
{
  if (w->actors[vat].ping_count && w->actors[vat].started && rng_chance(&w->rng, 50))
    actor_pong(w, vat);
  else if (w->actors[vat].outstanding != NOTHING)
    actor_answer(w, vat);
}

/* Vats that rest are woken now and then. */
static void wake_vats(struct world *w)
{
  for (uint64_t vat = 1; vat < MODEL_VATS; vat++) {
    if (!w->actors[vat].resting || (!w->draining && rng_chance(&w->rng, 70)))
      continue;
    w->actors[vat].resting = false;
    kernel_wake_vat(w->kernel, vat);
    world_after_call(w);
  }
}

void world_step(struct world *w)
{
  uint32_t kind = rng_below(&w->rng, 100);
  wake_vats(w);
  uint64_t vat = rng_chance(&w->rng, 20) ? world_pick_vat(w) : pick_busy(w);
  if (kind < 20)
    kernel_works(w);
  else if (kind < 40)
    world_settle(w);
  else if (kind < 80 && vat)
    vat_acts(w, vat);
  else if (kind < 88)
    host_act(w);
  else if (kind < 92)
    world_commit(w);
  else if (kind < 95)
    hear_outcome(w);
  else
    fault_happens(w);
}

void world_finish(struct world *w, bool (*enough)(const struct world *w))
{
  uint64_t vat;
  world_settle(w);
  while (!(enough && enough(w)) && (vat = pick_busy(w))) {
    vat_acts(w, vat);
    world_settle(w);
  }
}

/* ---- the end ---- */

static void drain_round(struct world *w)
{
  uint64_t vat;
  wake_vats(w);
  for (vat = 1; vat < w->now->vat_count; vat++) {
    if (w->now->vats[vat].exists)
      host_wake(w, vat);
  }
  world_finish(w, NULL);
  for (vat = 1; vat < w->now->vat_count; vat++) {
    while (w->actors[vat].ping_count)
      actor_pong(w, vat);
  }
  host_collect_garbage(w);
  world_settle(w);
  world_commit(w);
}

static void check_answers(const struct world *w)
{
  for (uint64_t i = 1; i < w->request_count; i++) {
    const struct request *request = &w->requests[i];
    uint32_t message = request->kind == REQUEST_LAUNCH ? w->now->subclusters[request->subcluster].message : request->message;
    const struct thing *result = &w->now->things[w->now->messages[message].result];
    bool waits_for_itself = message && result->end == PENDING && result->decider == 0;
    EXPECT(request->answered || request->lost || waits_for_itself, "request %" PRIu64 " (%s) was never answered", i,
           request->kind == REQUEST_LAUNCH ? "launch" : request->kind == REQUEST_SEND ? "message" : "other");
  }
}

static bool is_at_rest(const struct world *w)
{
  size_t imports = 0;
  for (size_t i = 0; i < w->image.entry_count; i++)
    imports += strncmp(w->image.entries[i].vref, "o-", 2) == 0;
  return imports == 0 && w->image.action_count == 0;
}

void world_drain(struct world *w)
{
  w->draining = true;
  w->weather = (struct weather){0};
  w->store.fail_in = 0;
  world_settle(w);
  for (int round = 0; round < 30 && (round < 5 || !is_at_rest(w)); round++) {
    if (round >= 2)
      host_release_all(w);
    drain_round(w);
  }
  leftovers_check(w);
  check_answers(w);
  w->messages = w->now->message_count - 1;
  host_clear(w);
  world_commit(w);
  leftovers_check_empty(w);
  check_answers(w);
}
