/* SPDX-License-Identifier: Apache-2.0 */
/* worker/sandbox_probe.h - which layers of the workers' sandbox this machine has. */
#ifndef VATD_WORKER_SANDBOX_PROBE_H
#define VATD_WORKER_SANDBOX_PROBE_H

#include "base/sandbox.h"

struct sandbox_state {
  unsigned active;  /* layers that workers enter */
  unsigned weak;    /* layers that were allowed to be missing */
  int landlock_abi; /* 0: there is none */
};

/*
 * Asks the machine, by doing what a worker's start does. NOT_FOUND when a layer is missing that `weak` does not allow to be:
 * `error` names it and says what to do.
 */
enum vatd_code sandbox_probe(unsigned weak, struct sandbox_state *state, struct error *error);

#endif
