/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/world.h - one simulated world: the real kernel over a memory store, its vats, its host, and what is believed about
 * them. world.c drives the kernel; actor.c plays the vats, host.c the clients, faults.c what goes wrong; oracle.c compares the
 * store with the model after each call of the kernel.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "kernel_image.h"
#include "model.h"
#include "report.h"
#include "rng.h"
#include "shaky_store.h"

#include "base/arena.h"
#include "kernel/kernel.h"
#include "wire/frame.h"

enum { WORLD_REQUESTS = 3000, WORLD_DRAIN_REQUESTS = 2000, WORLD_KNOWN = 200, ACTOR_PINGS = 8, ACTOR_BEHIND = 8 };

enum outstanding { NOTHING, AN_INIT, A_DELIVERY, A_HEAP };

/* The worker of a vat. */
struct actor {
  uint64_t worker; /* 0: none */
  bool started;
  bool resting; /* the vat gets nothing until it is woken */
  enum outstanding outstanding; /* what waits for an answer */
  uint64_t frame_id;
  struct arena arena; /* of the outstanding frame */
  struct delivery delivery;
  struct key_value_list state;
  struct buffer behind[ACTOR_BEHIND]; /* deliver frames that have been sent behind the outstanding one, oldest first */
  unsigned behind_count;
  bool wakes; /* the outstanding init goes on with a stored heap */
  bool was_behind; /* the outstanding one was sent behind another */
  uint32_t message; /* the outstanding delivery's, 0: it is no message */
  uint64_t pings[ACTOR_PINGS];
  unsigned ping_count;
};

enum request_kind { REQUEST_LOOK, REQUEST_SEND, REQUEST_LAUNCH };

struct request {
  enum request_kind kind;
  bool answered;
  bool lost;        /* the kernel that it was made to is gone */
  uint32_t message; /* of a send; 0: it is to be refused */
  uint8_t subcluster;
};

/* How much goes wrong in this world, in percent of the places where it can. */
struct weather {
  uint32_t crime;  /* illegal syscalls and frames */
  uint32_t limits; /* limit statuses, crashed statuses */
  uint32_t deaths; /* of workers, and of the kernel */
  uint32_t disk;   /* store errors, bad commits */
  uint32_t idling; /* of the host's acts: time passes, and workers are too many */
  uint32_t leaving; /* vats that exit or are terminated */
  uint32_t sick;    /* every so many-th vat mostly exceeds limits and crashes; 0: none does */
};

struct world {
  struct rng rng;
  struct weather weather;
  struct shaky_store store;
  struct kernel *kernel;
  struct model *now;
  struct model *before;   /* the crank that is being played */
  struct model *stored;   /* as of the last commit */
  struct model *reported; /* as of the last commit that the kernel knows to be durable */
  struct model *held[SHAKY_OUTCOMES]; /* commits whose outcome is kept back */
  unsigned held_count;
  struct actor actors[MODEL_VATS];
  struct arena image_arena;
  struct image image; /* of the store, as of the last call of the kernel */
  uint64_t limited;   /* the vat that has exceeded a limit in this call, or 0 */
  uint64_t written_down; /* the vat whose heap the kernel may store in this call, or 0 */
  uint64_t woken;     /* the vat that goes on with its stored heap in this call, or 0 */
  uint32_t heaps;     /* numbers of heaps that were given out */
  bool died_waking[MODEL_VATS]; /* its worker has, since it last started */
  bool resting;       /* the kernel has been told to rest */
  uint64_t faulted;   /* the vat that may be suspended in this call, or 0 */
  struct request requests[WORLD_REQUESTS];
  uint64_t request_count; /* next free number */
  uint32_t known[WORLD_KNOWN]; /* things whose krefs the host has */
  uint32_t known_count;
  bool draining;
  uint64_t cranks;   /* how often the store was compared with the model */
  uint64_t messages; /* that were sent in all */
  uint64_t wakings;  /* with a stored heap */
};

/* ---- world.c ---- */

void world_init(struct world *world, uint64_t seed);
void world_fini(struct world *world);
/* One random thing happens. */
void world_step(struct world *world);
/* No more faults, everybody finishes and drops everything; then nothing may be left but what is documented. */
void world_drain(struct world *world);
/* After each call of the kernel: compares, and carries out the effects. */
void world_after_call(struct world *world);
/* Lets the kernel work until it can do no more. */
void world_settle(struct world *world);
/* What vats have to answer is answered, and so on until nothing is left; `enough` may end it earlier. */
void world_finish(struct world *world, bool (*enough)(const struct world *world));
void world_commit(struct world *world);
/* The kernel's process dies; a new one opens what is stored. */
void world_crash(struct world *world);
/* A vat (awake only: with a worker), or 0. */
uint64_t world_pick_vat(struct world *world);

/* ---- oracle.c ---- */

/* Reads the store if it was written, and follows what the kernel did by itself; a failure when it did what it may not. */
void oracle_follow(struct world *world);
/* The kernel says that it has nothing to do: everything that is queued has somebody working on it. */
void oracle_check_quiet(struct world *world);
/* A delivery has been sent to the vat. */
void oracle_check_dispatch(struct world *world, uint64_t vat);

/* ---- leftovers.c ---- */

/* After the drain. */
void leftovers_check(struct world *world);
/* The store holds nothing but the engine's own rows. */
void leftovers_check_empty(struct world *world);

/* ---- receive.c ---- */

/* What the vat makes of its outstanding delivery: the model changes as if the crank were kept. */
void receive_delivery(struct world *world, uint64_t vat);
/* Its storage is what it was. */
void receive_init(struct world *world, uint64_t vat);

/* ---- actor.c ---- */

/* The vat answers what is outstanding, well or badly. */
void actor_answer(struct world *world, uint64_t vat);
/* "heap 7" */
uint32_t heap_number(struct bytes image);
/* A frame that nobody asked for, or garbage. */
void actor_babble(struct world *world, uint64_t vat);
void actor_pong(struct world *world, uint64_t vat);
void actor_forget(struct actor *actor);
/* The model of what the kernel does with a delivery that exceeds a limit. */
void actor_exceeds_limit(struct world *world, uint64_t vat);

/* ---- host.c ---- */

void host_act(struct world *world);
void host_launch(struct world *world);
void host_release_all(struct world *world);
/* The state is cleared: nothing is left. */
void host_clear(struct world *world);
void host_collect_garbage(struct world *world);
/* Everybody finishes, what can hibernates, and the next kernel goes on. */
void host_rests(struct world *world);
void host_wake(struct world *world, uint64_t vat);
void host_take_answer(struct world *world, const struct effect *effect);
void host_lose_requests(struct world *world);

/* ---- faults.c ---- */

void fault_happens(struct world *world);
void fault_worker_dies(struct world *world, uint64_t vat);
/* The kernel is broken: it must be silent. Then it is opened again. */
void fault_kernel_broke(struct world *world);

#endif
