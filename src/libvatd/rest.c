/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/rest.c - the orderly end of a kernel: vats end what they do, and their heaps go into the database.
 *
 *     working --- vatd_rest() ---> resting --- nothing is under way, or the time is up ---> the host is told, once
 *
 * A disk without room, or storage in doubt, leaves nothing to wait for.
 */
#include "libvatd/internal.h"

static void tell(struct vatd *v)
{
  void (*rested)(void *context) = v->rested;
  v->rested = NULL;
  uv_timer_stop(&v->rest_timer);
  rested(v->rest_context);
}

static void on_time(uv_timer_t *timer)
{
  struct vatd *v = timer->data;
  driver_log(v, "warn", "vats were still busy when the time was up; their heaps are lost");
  tell(v);
}

void vatd_rest(struct vatd *v, uint64_t limit_ms, void (*rested)(void *context), void *context)
{
  v->rested = rested;
  v->rest_context = context;
  uv_timer_start(&v->rest_timer, on_time, limit_ms, 0);
  kernel_begin_rest(v->kernel);
  driver_feed(v);
}

void rest_look(struct vatd *v)
{
  if (v->rested && (v->full || (kernel_rests(v->kernel) && !kernel_batch_open(v->kernel))))
    tell(v);
}
