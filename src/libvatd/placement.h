/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/placement.h - on which processors kernel and workers run.
 *
 * When one client waits for each answer, kernel and worker take turns: only one of them has something to do. On two processors
 * every turn wakes a sleeping one, which on virtual machines takes 70 to 150 us; on one processor it is a switch of about 4.
 * So after some turns in a row with one delivery under way, the kernel's thread and that worker are kept on one processor; as
 * soon as there is more than one delivery under way, everybody may run everywhere again. Now and then everybody may anyway, so that the
 * scheduler can choose another processor than one that others use too.
 *
 * Only for hosts that say so (vatd_options.share_processor): the thread that drives the kernel is moved too.
 */
#ifndef VATD_LIBVATD_PLACEMENT_H
#define VATD_LIBVATD_PLACEMENT_H

#include "base/idmap.h"
#include "kernel/kernel.h"

#include <sched.h>

struct placement {
  bool wanted;
  cpu_set_t everywhere; /* where this thread might run when it began */
  unsigned turns;       /* in a row with one delivery under way */
  bool together;        /* the thread and some workers are on one processor */
  cpu_set_t here;       /* which */
};

void placement_init(struct placement *placement, bool wanted);
/* Before the thread waits. `workers`: worker id -> struct worker_process. */
void placement_follow(struct placement *placement, const struct kernel *kernel, const struct idmap *workers);
/* Everybody everywhere; for the end. */
void placement_spread(struct placement *placement, const struct idmap *workers);

#endif
