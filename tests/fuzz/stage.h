/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/stage.h - the real kernel over a memory store with two vats, whose workers do what a fuzzer says.
 */
#ifndef TESTS_FUZZ_STAGE_H
#define TESTS_FUZZ_STAGE_H

#include "base/arena.h"
#include "kernel/kernel.h"
#include "store/store_engines.h"
#include "wire/frame.h"

#define STAGE_VATS 8
#define STAGE_BOB 2 /* his vat */

struct stage {
  struct store *store;
  struct kernel *kernel;
  uint64_t workers[STAGE_VATS]; /* by vat; 0: none */
  struct bytes script;          /* what the workers answer: size in two bytes, payload; after its end they have "done" it */
  size_t steps;                 /* so many are left */
};

/* A store after a launch of alice and bob, calls between them, a promise that waits and an object that bob exports. */
void stage_open(struct stage *stage);
/* Closes what is open. */
void stage_close(struct stage *stage);
/* A new kernel on the store, as after a crash; false when it finds it corrupt. */
bool stage_reopen(struct stage *stage, struct error *error);
/* Lets the kernel work until it has nothing to do, has broken, or the steps are used up. */
void stage_pump(struct stage *stage);
/* An orderly end: idle vats hibernate. Only stage_reopen() or stage_close() come after it. */
void stage_rest(struct stage *stage);
/* A call from the host. */
void stage_call(struct stage *stage, uint64_t request, const char *target, const char *slot);

#endif
