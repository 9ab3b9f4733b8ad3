/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/actor.c - a vat at work: it takes what is outstanding, makes up a crank, and answers. The model changes first; it
 * is put back when the crank is one that the kernel must not keep.
 */
#include "actor.h"

#include "base/limits.h"

#include <inttypes.h>

enum ending { END_WELL, END_CRIME, END_GARBLED, END_LIMIT, END_CRASH, END_LEAVE, END_FAIL, END_UNHANDLED };

static enum ending choose_ending(struct world *w, uint64_t vat)
{
  bool starting = w->actors[vat].outstanding == AN_INIT;
  uint32_t kind = rng_below(&w->rng, 4);
  if (w->draining)
    return END_WELL;
  if (rng_chance(&w->rng, w->weather.crime))
    return kind == 0 ? END_GARBLED : END_CRIME;
  bool sick = w->weather.sick && vat % w->weather.sick == 0 && !vat_is_launching(w->now, vat);
  if (rng_chance(&w->rng, sick ? 60 : w->weather.limits))
    return kind == 0 ? END_CRASH : END_LIMIT;
  if (!starting && rng_chance(&w->rng, w->weather.leaving))
    return kind < 2 ? END_LEAVE : END_FAIL;
  return vat_is_launching(w->now, vat) && rng_chance(&w->rng, w->weather.leaving) ? END_UNHANDLED : END_WELL;
}

void actor_forget(struct actor *actor)
{
  arena_clear(&actor->arena);
  while (actor->behind_count)
    buffer_fini(&actor->behind[--actor->behind_count]);
  actor->worker = 0;
  actor->started = false;
  actor->resting = false;
  actor->outstanding = NOTHING;
  actor->message = 0;
  actor->ping_count = 0;
}

static void send_payload(struct world *w, uint64_t vat, struct bytes payload)
{
  kernel_worker_frame(w->kernel, w->actors[vat].worker, payload);
  world_after_call(w);
}

static void send_done(struct world *w, uint64_t vat, const struct done_frame *frame)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  EXPECT(frame_encode_done(&out, frame), "a done frame cannot be encoded");
  send_payload(w, vat, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

/* The delivery is done with; the worker is told nothing. */
static void take_outstanding(struct actor *actor)
{
  actor->outstanding = NOTHING;
  actor->message = 0;
}

/* ---- endings that undo the crank ---- */

/* What the kernel does for a delivery that has exceeded a limit: garbage counts as collected, a notify as heard. */
void actor_exceeds_limit(struct world *w, uint64_t vat)
{
  struct actor *actor = &w->actors[vat];
  const struct delivery *delivery = &actor->delivery;
  struct vat_model *model = &w->now->vats[vat];
  if (delivery->type == DELIVERY_NOTIFY) {
    struct bytes vpid = arena_copy(&actor->arena, delivery->resolutions.items[0].vpid);
    if (!vat_watches(model, vpid.data)) /* otherwise it is told again */
      vat_entry(model, vpid.data)->subscribed = false;
  } else if (delivery->type != DELIVERY_MESSAGE) {
    receive_delivery(w, vat);
  }
  model->restart_due = true;
  w->limited = vat;
  w->faulted = vat;
}

static void end_limited(struct world *w, uint64_t vat)
{
  struct done_frame frame = {.id = w->actors[vat].frame_id,
                             .status = (enum done_status)(DONE_LIMIT_COMPUTE + (int)rng_below(&w->rng, 4)),
                             .status_text = bytes_of("too much")};
  report_event("v%" PRIu64 " exceeds a limit", vat);
  if (vat_is_launching(w->now, vat))
    model_doom(w->now, vat);
  else if (w->actors[vat].outstanding == A_DELIVERY)
    actor_exceeds_limit(w, vat);
  w->faulted = vat;
  send_done(w, vat, &frame);
}

static void end_crashed(struct world *w, uint64_t vat)
{
  bool starting = w->actors[vat].outstanding == AN_INIT;
  struct done_frame frame = {.id = w->actors[vat].frame_id,
                             .status = starting && rng_chance(&w->rng, 70) ? DONE_INIT_FAILED : DONE_CRASHED,
                             .status_text = bytes_of("an error")};
  report_event("v%" PRIu64 " reports %s", vat, done_status_name(frame.status));
  if (vat_is_launching(w->now, vat))
    model_doom(w->now, vat);
  else
    w->now->vats[vat].restart_due = w->now->vats[vat].live;
  w->faulted = vat;
  send_done(w, vat, &frame);
}

/* ---- the crank ---- */

static void end_crank(struct world *w, struct plan *plan, enum ending ending)
{
  static struct bytes reason[] = {{"Error: nobody handles this", 26}};
  struct done_frame frame = {.id = w->actors[plan->vat].frame_id,
                             .syscalls = plan->calls,
                             .syscall_count = plan->call_count,
                             .sets = {plan->sets, plan->set_count},
                             .deletes = {plan->deletes, plan->delete_count}};
  bool undone = ending == END_CRIME || ending == END_FAIL;
  bool starting = w->actors[plan->vat].outstanding == AN_INIT;
  bool launching = vat_is_launching(w->now, plan->vat);
  if (ending == END_UNHANDLED) {
    frame.unhandled = (struct bytes_list){reason, 1};
    undone = starting && launching;
  }
  report_event("v%" PRIu64 " answers with %zu syscalls%s", plan->vat, plan->call_count, ending == END_WELL ? "" : ", badly");
  if (undone)
    model_copy(w->now, w->before);
  else
    take_outstanding(&w->actors[plan->vat]);
  if (!undone && !launching && plan->lets_go && w->actors[plan->vat].behind_count)
    w->now->vats[plan->vat].restart_due = w->now->vats[plan->vat].live;
  if (ending != END_WELL)
    model_doom(w->now, plan->vat);
  send_done(w, plan->vat, &frame);
}

static void answer_garbled(struct world *w, uint64_t vat)
{
  struct done_frame frame = {.id = w->actors[vat].frame_id + 1000};
  report_event("v%" PRIu64 " answers with a frame that is none", vat);
  model_doom(w->now, vat);
  if (rng_chance(&w->rng, 50))
    send_done(w, vat, &frame);
  else
    send_payload(w, vat, bytes_of("\x93\x03"));
}

/* Unhandled rejections count only in the init and in the bootstrap delivery of a launch. */
static bool may_be_unhandled(const struct world *w, uint64_t vat)
{
  const struct actor *actor = &w->actors[vat];
  const struct subcluster_model *subcluster = &w->now->subclusters[w->now->vats[vat].subcluster];
  return actor->outstanding == AN_INIT || (actor->message && actor->message == subcluster->message);
}

/* ---- hibernation ---- */

uint32_t heap_number(struct bytes image)
{
  struct bytes prefix = bytes_of("heap ");
  uint64_t number = 0;
  bool valid = bytes_start_with(image, prefix) && decimal_parse(bytes_after(image, prefix.size), &number);
  return valid ? (uint32_t)number : 0;
}

static void answer_heap(struct world *w, uint64_t vat)
{
  struct actor *actor = &w->actors[vat];
  bool empty = rng_chance(&w->rng, 10);
  bool wrong = !w->draining && rng_chance(&w->rng, w->weather.crime);
  char heap[24];
  struct buffer out;
  snprintf(heap, sizeof heap, "heap %" PRIu32, ++w->heaps);
  report_event("v%" PRIu64 " writes %s down", vat, empty ? "nothing" : heap);
  if (wrong)
    model_doom(w->now, vat);
  else if (!empty)
    w->written_down = vat;
  take_outstanding(actor);
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  frame_encode_image(&out, &(struct image_frame){actor->frame_id + wrong, bytes_of(empty ? "" : heap)});
  send_payload(w, vat, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

/* The vat knows what it knew; nothing of it changes. */
static void wake(struct world *w, uint64_t vat, enum ending ending)
{
  struct actor *actor = &w->actors[vat];
  struct done_frame frame = {.id = actor->frame_id};
  struct key_value row = {bytes_of("k1"), bytes_of("x")};
  bool crime = ending == END_CRIME || ending == END_GARBLED;
  bool fails = ending == END_LIMIT || ending == END_CRASH;
  report_event("v%" PRIu64 " wakes%s", vat, ending == END_WELL ? "" : ", badly");
  if (crime) {
    frame.sets = (struct key_value_list){&row, 1};
    model_doom(w->now, vat);
  } else if (fails) {
    frame.status = rng_chance(&w->rng, 50) ? DONE_INIT_FAILED : DONE_LIMIT_MEMORY;
    w->now->vats[vat].restart_due = true;
  } else {
    actor->started = true;
    w->woken = vat;
    w->wakings++;
  }
  w->died_waking[vat] = false;
  take_outstanding(actor);
  send_done(w, vat, &frame);
}

void actor_answer(struct world *w, uint64_t vat)
{
  struct actor *actor = &w->actors[vat];
  if (actor->outstanding == A_HEAP) {
    answer_heap(w, vat);
    return;
  }
  enum ending ending = choose_ending(w, vat);
  if (ending == END_UNHANDLED && !may_be_unhandled(w, vat))
    ending = END_WELL;
  if (actor->outstanding == AN_INIT && actor->wakes) {
    wake(w, vat, ending);
    return;
  }
  if (ending == END_LIMIT || ending == END_CRASH) {
    (ending == END_LIMIT ? end_limited : end_crashed)(w, vat);
    return;
  }
  if (ending == END_GARBLED) {
    answer_garbled(w, vat);
    return;
  }
  struct plan plan = {.world = w, .vat = vat, .model = &w->now->vats[vat], .arena = &actor->arena};
  model_copy(w->before, w->now);
  if (actor->outstanding == AN_INIT)
    receive_init(w, vat);
  else
    receive_delivery(w, vat);
  actor->started = true;
  if (w->draining)
    plan_farewell(&plan);
  else if (model_has_room(w->now) && plan.model->entry_count + 40 < MODEL_ENTRIES)
    plan_syscalls(&plan, rng_below(&w->rng, 8));
  else
    plan_farewell(&plan);
  if (!w->draining && rng_chance(&w->rng, 40))
    plan_storage(&plan);
  if (ending == END_CRIME)
    plan_crime(&plan);
  else if (ending == END_LEAVE || ending == END_FAIL)
    plan_exit(&plan, ending == END_FAIL);
  end_crank(w, &plan, ending);
}

void actor_babble(struct world *w, uint64_t vat)
{
  struct buffer out;
  report_event("v%" PRIu64 " sends what nobody asked for", vat);
  model_doom(w->now, vat);
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  frame_encode_pong(&out, 987654);
  send_payload(w, vat, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

void actor_pong(struct world *w, uint64_t vat)
{
  struct actor *actor = &w->actors[vat];
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  frame_encode_pong(&out, actor->pings[--actor->ping_count]);
  send_payload(w, vat, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}
