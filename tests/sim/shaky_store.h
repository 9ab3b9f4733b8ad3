/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/shaky_store.h - a store in front of the memory store that can fail at a given call, that can report the outcome of
 * a commit later, and that knows whether anything was written.
 */
#ifndef SIM_SHAKY_STORE_H
#define SIM_SHAKY_STORE_H

#include "kernel/store.h"

enum { SHAKY_OUTCOMES = 4 };

struct shaky_store {
  struct store store; /* what the kernel sees */
  struct store *inner;
  unsigned fail_in;   /* the call that fails, counted from now; 0: none */
  bool failed;        /* it has; all calls fail until the store is reopened */
  bool holding;       /* outcomes of commits are kept back */
  uint64_t held[SHAKY_OUTCOMES]; /* batches whose outcome is kept back */
  unsigned held_count;
  bool written;       /* since somebody set this to false */
};

void shaky_open(struct shaky_store *shaky);
void shaky_close(struct shaky_store *shaky);
/* As after the death of the process: the open batch and the held outcomes are gone. */
void shaky_reopen(struct shaky_store *shaky);
/* Reports the oldest held outcome; false when there is none. */
bool shaky_report(struct shaky_store *shaky);

#endif
