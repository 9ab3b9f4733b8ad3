/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_abort.h - the stage on which aborts are played: alice (v1) has a delivery, and does something illegal.
 *
 * She knows bob's root as o-1 and an unresolved promise of bob's as p-3; her delivery's result is p-4.
 */
#ifndef TESTS_KERNEL_ABORT_H
#define TESTS_KERNEL_ABORT_H

#include "kernel_test.h"

enum { ALICE = 1, BOB = 2 };

static inline void abort_set_stage(struct harness *h)
{
  harness_launch(h, "alice", "bob", NULL);
  harness_call_with(h, "alice", "#[\"meet\",[\"$0\"]]", "ko2");
  harness_return(h, ALICE, "#0", NULL);
  harness_call(h, "bob", "promise");
  harness_return(h, BOB, "#[\"&0\"]", "p+9");
  harness_call_with(h, "alice", "#[\"take\",[\"&0\"]]", "kp4");
}

/* What the store holds when alice is ended without having done anything: a frame out of turn has no effect but that. */
static inline const char *abort_dump_of_plain_end(struct arena *arena)
{
  struct harness h;
  harness_open(&h);
  abort_set_stage(&h);
  h.vats[ALICE].frame_id = 999999;
  harness_done(&h, ALICE, (struct done_frame){.status = DONE_OK});
  harness_pump(&h);
  const char *dump = arena_copy(arena, bytes_of(harness_dump(&h))).data;
  harness_close(&h);
  return dump;
}

#endif
