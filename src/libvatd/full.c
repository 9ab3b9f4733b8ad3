/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/full.c - a disk without room.
 *
 *     working --- a batch finds no room ---> full --- there is room, looked for every second and when asked to write ---> working
 *
 * The batch is undone before it was committed, so that it is as if the process had ended before it and been started again,
 * only that the connections stay: every worker is ended, whatever was in memory only is forgotten, each request that has
 * no answer is refused. While it is full the kernel takes no step, so that nothing is written; what only reads is answered.
 */
#include "libvatd/channels.h"
#include "libvatd/internal.h"

#include <string.h>

#define LOOK_FOR_ROOM_MS 1000

/* What needs no room. All else is refused: a method that is new must not write before somebody has thought about it. */
static const char *const readers[] = {
    "backup", "executeDBQuery", "getStatus", "isRevoked", "listVats", "ping", "readVatStore", "showVat",
};

/* Goes on if there is room; false when there is none yet. */
static bool go_on(struct vatd *v)
{
  if (!kernel_has_room(v->kernel))
    return false;
  uv_timer_stop(&v->room_timer);
  v->full = false;
  v->systems_due = true; /* one may have been refused */
  driver_log(v, "info", "there is room on the disk again; going on");
  driver_feed(v);
  return true;
}

static void on_room_timer(uv_timer_t *timer)
{
  go_on(timer->data);
}

/* Said once for each time that the disk becomes full. */
static void tell(struct vatd *v)
{
  driver_log(v, "error", "disk full: %s; what had not been committed is undone, and nothing is written until there is room",
             kernel_broken(v->kernel)->text);
}

bool full_begin(struct vatd *v)
{
  struct error error = {0};
  if (!kernel_is_full(v->kernel))
    return false;
  if (!v->full)
    tell(v);
  if (kernel_reopen(v->kernel, &error) != VATD_OK)
    return false;
  v->full = true;
  v->batch_is_open = false;
  driver_stop_workers(v);
  services_forget(v);
  channels_forget_reads(v);
  driver_take_effects(v); /* answers that were durable */
  requests_refuse(v);
  uv_timer_start(&v->room_timer, on_room_timer, LOOK_FOR_ROOM_MS, LOOK_FOR_ROOM_MS);
  return true;
}

bool full_refuses(struct vatd *v, const struct request *request, const char *method)
{
  if (!v->full)
    return false;
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    if (strcmp(readers[i], method) == 0)
      return false;
  }
  if (go_on(v))
    return false;
  kernel_answer_error(v->kernel, request->number, VATD_FULL, "no room on the disk: nothing was done");
  return true;
}

void full_describe(struct vatd *v, json_t *status)
{
  if (v->full)
    json_object_set_new(status, "disk", json_string("full"));
}
