/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/timers.c - the service behind the vats' setTimeout and setInterval: each vat that is granted one has a timer object of
 * its own (kernel/endowments.h).
 *
 *     delay(id, ms)   resolves to true when the time has passed, to false when it is cancelled; `id` is the vat's own number
 *     cancel(id)
 *
 * A delay runs from when the batch that asked for it is durable. It ends with the vat's incarnation (call_on_cancel), and with
 * the kernel.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct delay {
  struct delay *next;
  struct delay **link; /* what points to this one */
  uv_timer_t timer;
  struct vat_timers *timers;
  struct vatd_call *call;
  json_int_t id;
};

/* The delays of one vat; there while it has any. */
struct vat_timers {
  struct vatd *v;
  uint64_t vat;
  struct delay *first;
  size_t count;
};

static struct vat_timers *timers_of(struct vatd *v, uint64_t vat)
{
  struct vat_timers *timers = idmap_get(&v->timers, vat);
  if (timers)
    return timers;
  timers = memory_zalloc(sizeof *timers);
  *timers = (struct vat_timers){.v = v, .vat = vat};
  idmap_put(&v->timers, vat, timers);
  return timers;
}

static void on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

/* The delay is over; its call is the caller's to end. */
static struct vatd_call *delay_end(struct delay *delay)
{
  struct vat_timers *timers = delay->timers;
  *delay->link = delay->next;
  if (delay->next)
    delay->next->link = delay->link;
  uv_close((uv_handle_t *)&delay->timer, on_closed);
  if (--timers->count == 0) {
    idmap_remove(&timers->v->timers, timers->vat);
    free(timers);
  }
  return delay->call;
}

static void on_time(uv_timer_t *timer)
{
  vatd_call_return(delay_end(timer->data), json_true());
}

static void on_cancelled(void *context)
{
  delay_end(context);
}

static void begin_delay(struct vat_timers *timers, struct vatd_call *call, json_int_t id, uint64_t ms)
{
  struct delay *delay = memory_zalloc(sizeof *delay);
  *delay = (struct delay){.next = timers->first, .link = &timers->first, .timers = timers, .call = call, .id = id};
  if (delay->next)
    delay->next->link = &delay->next;
  timers->first = delay;
  timers->count++;
  uv_timer_init(&timers->v->loop, &delay->timer);
  uv_update_time(&timers->v->loop);
  delay->timer.data = delay;
  uv_timer_start(&delay->timer, on_time, ms, 0);
  call_on_cancel(call, on_cancelled, delay);
}

static void serve_delay(struct vatd *v, uint64_t vat, struct vatd_call *call)
{
  const json_t *id = json_array_get(vatd_call_args(call), 0);
  const json_t *ms = json_array_get(vatd_call_args(call), 1);
  const struct vat_timers *known = idmap_get(&v->timers, vat);
  double delay = json_number_value(ms);
  if (!json_is_integer(id) || !json_is_number(ms) || !(delay <= LIMIT_DELAY_MS)) {
    vatd_call_throw(call, "a timer needs a time of at most 2147483647 ms");
    return;
  }
  if (known && known->count >= LIMIT_TIMERS_PER_VAT) {
    char text[80];
    snprintf(text, sizeof text, "more than %d timers are running", LIMIT_TIMERS_PER_VAT);
    vatd_call_throw(call, text);
    return;
  }
  begin_delay(timers_of(v, vat), call, json_integer_value(id), delay < LEAST_DELAY_MS ? LEAST_DELAY_MS : (uint64_t)delay);
}

static struct delay *find_delay(const struct vat_timers *timers, const json_t *id)
{
  struct delay *delay = timers && json_is_integer(id) ? timers->first : NULL;
  while (delay && delay->id != json_integer_value(id))
    delay = delay->next;
  return delay;
}

static void serve_cancel(struct vatd *v, uint64_t vat, struct vatd_call *call)
{
  struct delay *delay = find_delay(idmap_get(&v->timers, vat), json_array_get(vatd_call_args(call), 0));
  if (delay)
    vatd_call_return(delay_end(delay), json_false());
  vatd_call_return(call, json_null());
}

static void serve(void *context, struct vatd_call *call)
{
  uint64_t vat = 0;
  vat_id_parse(bytes_of(call_service(call) + strlen(SERVICE_OF_TIMERS)), &vat);
  if (strcmp(vatd_call_method(call), "delay") == 0)
    serve_delay(context, vat, call);
  else if (strcmp(vatd_call_method(call), "cancel") == 0)
    serve_cancel(context, vat, call);
  else
    vatd_call_throw(call, "a timer has the methods delay and cancel");
}

enum vatd_code timers_register(struct vatd *v, struct error *error)
{
  return service_register(v, SERVICE_OF_TIMERS, 0, serve, v, error);
}

void timers_close(struct vatd *v)
{
  struct vat_timers *timers;
  size_t position = 0;
  while ((timers = idmap_next(&v->timers, &position))) {
    for (struct delay *delay = timers->first; delay; delay = delay->next)
      uv_close((uv_handle_t *)&delay->timer, on_closed); /* called when the loop runs next */
    free(timers);
  }
  idmap_fini(&v->timers);
  idmap_init(&v->timers);
}
