/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/faults.c - what goes wrong outside of vats: workers die, the disk fails, the kernel's process dies. */
#include "world.h"

#include "store/store_engines.h"

#include <inttypes.h>

void fault_worker_dies(struct world *w, uint64_t vat)
{
  static const char *const names[] = {"killed", "crashed", "too late", "unstartable"};
  struct actor *actor = &w->actors[vat];
  struct vat_model *model = &w->now->vats[vat];
  bool busy = actor->outstanding == A_DELIVERY;
  enum worker_end end = (enum worker_end)rng_below(&w->rng, actor->outstanding == AN_INIT ? 4 : 3);
  uint64_t worker = actor->worker;
  report_event("the worker of v%" PRIu64 " is gone (%s)", vat, names[end]);
  w->faulted = vat;
  if (vat_is_launching(w->now, vat))
    model_doom(w->now, vat);
  else if (actor->outstanding == AN_INIT && actor->wakes && !w->died_waking[vat])
    w->died_waking[vat] = true; /* it is tried once more */
  else if (end == WORKER_DEADLINE && busy)
    actor_exceeds_limit(w, vat);
  else
    model->restart_due = model->live;
  kernel_worker_ended(w->kernel, worker, end, "it died in the simulation");
  world_after_call(w);
}

void fault_kernel_broke(struct world *w)
{
  struct effect effect;
  report_event("the kernel is broken: %s", kernel_broken(w->kernel)->text);
  kernel_answer(w->kernel, 1, json_null());
  kernel_get_status(w->kernel, 1);
  kernel_collect_garbage(w->kernel, 1);
  EXPECT(!kernel_step(w->kernel), "a broken kernel works");
  kernel_commit(w->kernel);
  EXPECT(!kernel_batch_open(w->kernel), "a broken kernel has an open batch");
  EXPECT(!kernel_take_effect(w->kernel, &effect), "a broken kernel hands out effects");
  world_crash(w);
}

/* A commit of which nobody knows how it ended. */
static void commit_in_doubt(struct world *w)
{
  bool stored = rng_chance(&w->rng, 50);
  enum store_outcome outcome = rng_chance(&w->rng, 50) ? STORE_IN_DOUBT : STORE_FENCED;
  if (!kernel_batch_open(w->kernel))
    return;
  report_event("a commit ends in doubt; it is %sstored", stored ? "" : "not ");
  store_memory_end_next_commit(w->store.inner, outcome, stored);
  kernel_commit(w->kernel);
  if (!kernel_broken(w->kernel)) { /* there was nothing to store */
    store_memory_end_next_commit(w->store.inner, STORE_DURABLE, true);
    model_copy(w->stored, w->now);
    world_crash(w);
    return;
  }
  if (stored)
    model_copy(w->stored, w->now);
  fault_kernel_broke(w);
}

void fault_happens(struct world *w)
{
  uint64_t vat = world_pick_vat(w);
  if (rng_chance(&w->rng, w->weather.disk))
    w->store.fail_in = 1 + rng_below(&w->rng, 300);
  else if (rng_chance(&w->rng, w->weather.disk))
    commit_in_doubt(w);
  else if (rng_chance(&w->rng, w->weather.deaths)) {
    report_event("the kernel dies");
    world_crash(w);
  } else if (rng_chance(&w->rng, w->weather.idling)) {
    host_rests(w);
  } else if (vat && rng_chance(&w->rng, 3 * w->weather.deaths))
    fault_worker_dies(w, vat);
  else if (vat && rng_chance(&w->rng, w->weather.crime))
    actor_babble(w, vat);
}
