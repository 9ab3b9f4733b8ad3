/* SPDX-License-Identifier: Apache-2.0 */
/* bench/burst.c - see burst.h. */
#include "burst.h"

#include "stopwatch.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 100
#define STRIDE 7919 /* a prime: keys are visited in no order that a page could know */

struct burst {
  struct vatd *kernel;
  const json_t *targets;
  const char *method;
  bool sets; /* messages are set(key, value), else they have no arguments */
  size_t first;
  size_t keys;
  size_t count;
  size_t sent;
  size_t answered;
  size_t failed;
  char error[256];
  struct flight *flights; /* one for each message */
  double *latencies;
};

struct flight {
  struct burst *burst;
  double sent_at;
};

static json_t *arguments(const struct burst *burst, size_t number)
{
  char value[VALUE_BYTES + 1];
  if (!burst->sets)
    return NULL;
  snprintf(value, sizeof value, "%0*zu", VALUE_BYTES, number);
  return json_pack("[I, s]", (json_int_t)(number * STRIDE % burst->keys), value);
}

static void on_answer(void *context, const struct vatd_answer *answer);

static void send_next(struct burst *burst)
{
  struct flight *flight = &burst->flights[burst->sent];
  size_t number = burst->first + burst->sent;
  const json_t *target = json_array_get(burst->targets, burst->sent % json_array_size(burst->targets));
  burst->sent++;
  *flight = (struct flight){burst, stopwatch_now()};
  vatd_send(burst->kernel, json_string_value(target), burst->method, arguments(burst, number), on_answer, flight);
}

static void on_answer(void *context, const struct vatd_answer *answer)
{
  struct flight *flight = context;
  struct burst *burst = flight->burst;
  burst->latencies[burst->answered++] = stopwatch_now() - flight->sent_at;
  if (answer->code != VATD_OK && burst->failed++ == 0)
    snprintf(burst->error, sizeof burst->error, "%s", answer->error);
  if (burst->sent < burst->count)
    send_next(burst);
  if (burst->answered == burst->count)
    vatd_stop(burst->kernel);
}

static size_t number_of(const json_t *command, const char *name)
{
  return (size_t)json_integer_value(json_object_get(command, name));
}

static json_t *report(struct burst *burst, double seconds)
{
  if (burst->failed > 0)
    return json_pack("{s:b, s:s, s:I}", "ok", 0, "error", burst->error, "failed", (json_int_t)burst->failed);
  double p50 = stopwatch_percentile(burst->latencies, burst->answered, 0.5);
  double p99 = stopwatch_percentile(burst->latencies, burst->answered, 0.99);
  return json_pack("{s:b, s:f, s:I, s:f, s:f}", "ok", 1, "seconds", seconds, "answered", (json_int_t)burst->answered, "p50",
                   p50, "p99", p99);
}

json_t *burst_run(struct vatd *kernel, const json_t *command)
{
  const char *form = json_string_value(json_object_get(command, "form"));
  struct burst burst = {.kernel = kernel,
                        .targets = json_object_get(command, "targets"),
                        .method = json_string_value(json_object_get(command, "method")),
                        .sets = form && strcmp(form, "set") == 0,
                        .first = number_of(command, "first"),
                        .keys = number_of(command, "keys"),
                        .count = number_of(command, "count")};
  size_t width = number_of(command, "width");
  if (json_array_size(burst.targets) == 0 || !burst.method || burst.count == 0 || (burst.sets && burst.keys == 0))
    return json_pack("{s:b, s:s}", "ok", 0, "error", "not a burst");
  burst.flights = calloc(burst.count, sizeof *burst.flights);
  burst.latencies = calloc(burst.count, sizeof *burst.latencies);
  double began = stopwatch_now();
  while (burst.sent < burst.count && (width == 0 || burst.sent < width))
    send_next(&burst);
  enum vatd_code code = vatd_run(kernel);
  json_t *reply = code == VATD_OK ? report(&burst, stopwatch_now() - began)
                                  : json_pack("{s:b, s:s}", "ok", 0, "error", "the kernel broke");
  free(burst.flights);
  free(burst.latencies);
  return reply;
}
