/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/actor.h - the syscalls of one crank, as a vat makes them up (syscalls.c), legal ones and others.
 */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include "world.h"

enum { PLAN_CALLS = 12, PLAN_ROWS = 8 };

/* A crank that is being made up. Each legal syscall changes the model at once, as if the crank were kept. */
struct plan {
  struct world *world;
  uint64_t vat;
  struct vat_model *model; /* of the vat */
  struct arena *arena;
  struct vat_syscall calls[PLAN_CALLS];
  size_t call_count;
  struct key_value sets[PLAN_ROWS];
  size_t set_count;
  struct bytes deletes[PLAN_ROWS];
  size_t delete_count;
  bool lets_go; /* of references, which takes back what has been sent behind this delivery */
};

/* Some legal syscalls. */
void plan_syscalls(struct plan *plan, size_t count);
/* What the vat decides it settles, what it imports it drops: until little is left. */
void plan_farewell(struct plan *plan);
/* A syscall that breaks a rule. */
void plan_crime(struct plan *plan);
void plan_exit(struct plan *plan, bool is_failure);
/* Changes of the vat's storage. */
void plan_storage(struct plan *plan);

#endif
