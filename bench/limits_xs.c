/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/limits_xs.c - what the engine allows: `limits_xs SNAPSHOT BUNDLE KEYS MESSAGES` makes the deliveries of W1 in this very
 * process, with neither sandbox, socket nor kernel, and prints {"set": per second, "ping": per second}.
 */
#include "stopwatch.h"

#include "vat-worker/script_vat.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define VALUE_BYTES 100
#define STRIDE 7919
#define ROWS_PER_FILL 500

struct bench {
  struct worker_vat vat;
  struct crank *crank;
  size_t promises; /* that were given to it to resolve */
};

static struct bytes read_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) {
    fprintf(stderr, "limits_xs: cannot read %s\n", path);
    exit(1);
  }
  size_t size = (size_t)ftell(file);
  char *data = malloc(size);
  rewind(file);
  size_t got = data ? fread(data, 1, size, file) : 0;
  fclose(file);
  return bytes_from(data, got);
}

static void expect_ok(const struct outcome *outcome)
{
  if (outcome->status == DONE_OK)
    return;
  fprintf(stderr, "limits_xs: %.*s\n", BYTES_ARG(outcome->text));
  exit(1);
}

static void start(struct bench *bench, struct bytes bundle)
{
  struct outcome outcome;
  struct init_frame init = {.vat = bytes_of("v1"), .config = bytes_of("{}"), .bundle = bundle, .complete = true};
  init.limits.computrons = DEFAULT_COMPUTRONS_PER_CRANK;
  init.limits.heap_bytes = DEFAULT_HEAP_BYTES;
  crank_begin(bench->crank);
  bench->vat.start(bench->vat.context, &init, &outcome);
  expect_ok(&outcome);
}

/* `body`: the smallcaps text of [method, [argument...]]. Each delivery has to resolve its result. */
static void deliver(struct bench *bench, const char *body)
{
  char promise[32];
  struct outcome outcome;
  struct delivery delivery = {.type = DELIVERY_MESSAGE};
  snprintf(promise, sizeof promise, "p-%zu", ++bench->promises);
  delivery.message.target = bytes_of("o+0");
  delivery.message.methargs.body = bytes_of(body);
  delivery.message.result = bytes_of(promise);
  crank_begin(bench->crank);
  bench->vat.deliver(bench->vat.context, &delivery, &outcome);
  expect_ok(&outcome);
  if (bench->crank->syscall_count != 1 || bench->crank->syscalls[0].type != SYSCALL_RESOLVE ||
      bench->crank->syscalls[0].resolutions.items[0].rejected) {
    fprintf(stderr, "limits_xs: %s was not answered\n", body);
    exit(1);
  }
}

static void fill(struct bench *bench, size_t keys)
{
  char body[256];
  for (size_t first = 0; first < keys; first += ROWS_PER_FILL) {
    size_t count = keys - first < ROWS_PER_FILL ? keys - first : ROWS_PER_FILL;
    snprintf(body, sizeof body, "#[\"fill\",[%zu,%zu,\"%0*d\"]]", first, count, VALUE_BYTES, 0);
    deliver(bench, body);
  }
}

static double sets_per_second(struct bench *bench, size_t keys, size_t messages)
{
  char body[256];
  double began = stopwatch_now();
  for (size_t number = 0; number < messages; number++) {
    snprintf(body, sizeof body, "#[\"set\",[%zu,\"%0*zu\"]]", number * STRIDE % keys, VALUE_BYTES, number);
    deliver(bench, body);
  }
  return (double)messages / (stopwatch_now() - began);
}

static double pings_per_second(struct bench *bench, size_t messages)
{
  double began = stopwatch_now();
  for (size_t number = 0; number < messages; number++)
    deliver(bench, "#[\"ping\",[]]");
  return (double)messages / (stopwatch_now() - began);
}

static void measure(struct engine *engine, struct crank *crank, struct bytes bundle, size_t keys, size_t messages)
{
  struct bench bench = {.vat = script_vat(engine), .crank = crank};
  start(&bench, bundle);
  fill(&bench, keys);
  double sets = sets_per_second(&bench, keys, messages);
  printf("{\"set\":%.0f,\"ping\":%.0f}\n", sets, pings_per_second(&bench, messages));
}

int main(int argc, char **argv)
{
  struct host host;
  struct engine engine;
  struct error error;
  struct vatstore_cache cache;
  static struct crank crank; /* too large for a stack */
  if (argc != 5)
    return fprintf(stderr, "usage: limits_xs SNAPSHOT BUNDLE KEYS MESSAGES\n"), 2;
  struct bytes snapshot = read_file(argv[1]), bundle = read_file(argv[2]);
  vatstore_cache_init(&cache);
  crank_init(&crank, &cache);
  host_init(&host, NULL);
  engine_init(&engine, &host, snapshot);
  if (engine_open_snapshot(&engine, &error) != VATD_OK)
    return fprintf(stderr, "limits_xs: %s\n", error.text), 1;
  host.crank = &crank;
  measure(&engine, &crank, bundle, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
  engine_close(&engine);
  host_fini(&host);
  crank_fini(&crank);
  vatstore_cache_fini(&cache);
  free((void *)snapshot.data);
  free((void *)bundle.data);
  return 0;
}
