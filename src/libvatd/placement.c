/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/placement.c - see placement.h. What the system refuses is no harm: then the scheduler goes on deciding. */
#include "libvatd/placement.h"
#include "worker/process.h"

#define TURNS_BEFORE 8  /* with one delivery under way, before they count as a habit */
#define TURNS_LONGEST 500 /* on the same processor; then the scheduler is asked again */

void placement_init(struct placement *placement, bool wanted)
{
  *placement = (struct placement){0};
  placement->wanted = wanted && sched_getaffinity(0, sizeof placement->everywhere, &placement->everywhere) == 0 &&
                      CPU_COUNT(&placement->everywhere) > 1;
}

void placement_spread(struct placement *placement, const struct idmap *workers)
{
  struct worker_process *worker;
  size_t position = 0;
  placement->turns = 0;
  if (!placement->together)
    return;
  placement->together = false;
  sched_setaffinity(0, sizeof placement->everywhere, &placement->everywhere);
  while ((worker = idmap_next(workers, &position)))
    worker_process_place(worker, &placement->everywhere);
}

static void gather(struct placement *placement, struct worker_process *worker)
{
  if (!placement->together) {
    int here = sched_getcpu();
    CPU_ZERO(&placement->here);
    if (here < 0 || here >= CPU_SETSIZE)
      return;
    CPU_SET((size_t)here, &placement->here);
    placement->together = sched_setaffinity(0, sizeof placement->here, &placement->here) == 0;
  }
  if (placement->together)
    worker_process_place(worker, &placement->here);
}

void placement_follow(struct placement *placement, const struct kernel *kernel, const struct idmap *workers)
{
  uint64_t id;
  if (!placement->wanted)
    return;
  enum kernel_load load = kernel_load(kernel, &id);
  if (load == KERNEL_AT_REST)
    return;
  if (load == KERNEL_AWAITS_SEVERAL || placement->turns >= TURNS_LONGEST) {
    placement_spread(placement, workers);
    return;
  }
  struct worker_process *worker = idmap_get(workers, id);
  if (++placement->turns >= TURNS_BEFORE && worker)
    gather(placement, worker);
}
