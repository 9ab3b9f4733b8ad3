/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/worker/deliveries.c - what a delivery costs inside a worker: engine and liveslots in this process, without socket,
 * sandbox and kernel.
 *
 *   deliveries --snapshot FILE CODE.js [WORKLOAD [COUNT]]
 *   deliveries --scripts BOOT.js SUPERVISOR.js CODE.js [WORKLOAD [COUNT]]
 *
 * CODE.js is map.js as a bundle's code; the workloads are set, bump, hello, burst100 and burst4000. One line per workload: deliveries
 * per second, CPU time and computrons of each. Before and after them a line about an image of the heap: it is written and read again.
 */
#include "base/memory.h"
#include "vat-worker/engine.h"
#include "vat-worker/script_vat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEYS 10000
#define KEYS_PER_DELIVERY 500
#define DELIVERIES_PER_REAP 1000 /* as the kernel asks for garbage */
#define DEFAULT_COUNT 3000

struct rig {
  struct host host;
  struct engine engine;
  struct vatstore_cache cache;
  struct crank crank;
  struct worker_vat vat;
  struct buffer done;
  uint64_t id;
  uint64_t computrons;
};

static void require(bool fine, const char *what)
{
  if (fine)
    return;
  fprintf(stderr, "deliveries: %s\n", what);
  exit(1);
}

static char *read_text(const char *path)
{
  FILE *file = fopen(path, "re");
  require(file, path);
  struct buffer text;
  buffer_init(&text, LIMIT_BUNDLE);
  size_t count = 0;
  do {
    text.size += count;
    require(buffer_reserve(&text, 64 * KIB), path);
    count = fread(text.data + text.size, 1, 64 * KIB, file);
  } while (count > 0);
  fclose(file);
  buffer_append(&text, "", 1);
  return buffer_detach(&text);
}

/* JSON text of `code` as a bundle. */
static char *bundle_of_code(const char *code)
{
  struct buffer bundle;
  buffer_init(&bundle, LIMIT_BUNDLE);
  buffer_append_text(&bundle, "{\"moduleFormat\":\"iife\",\"code\":\"");
  for (; *code; code++) {
    if (*code == '"' || *code == '\\')
      buffer_append(&bundle, "\\", 1);
    if (*code == '\n')
      buffer_append(&bundle, "\\n", 2);
    else if (*code == '\t')
      buffer_append(&bundle, "\\t", 2);
    else
      buffer_append(&bundle, code, 1);
  }
  buffer_append_text(&bundle, "\"}");
  buffer_append(&bundle, "", 1);
  return buffer_detach(&bundle);
}

/* What the frame loop does after each crank. */
static void finish(struct rig *rig, const struct outcome *outcome)
{
  struct usage usage = {.computrons = outcome->computrons, .heap_bytes = outcome->heap_bytes};
  if (outcome->status != DONE_OK)
    fprintf(stderr, "deliveries: %.*s\n", BYTES_ARG(outcome->text));
  require(outcome->status == DONE_OK, "a crank failed");
  buffer_clear(&rig->done);
  require(crank_encode_done(&rig->crank, rig->id++, outcome->status, outcome->text, &usage, &rig->done), "too large");
  rig->computrons += outcome->computrons;
}

static void deliver(struct rig *rig, const struct delivery *delivery)
{
  struct outcome outcome;
  crank_begin(&rig->crank);
  rig->vat.deliver(rig->vat.context, delivery, &outcome);
  finish(rig, &outcome);
}

static void call(struct rig *rig, const char *method, const char *arguments)
{
  char *body = memory_printf("#[\"%s\",[%s]]", method, arguments);
  char *vpid = memory_printf("p-%" PRIu64, 100 + rig->id);
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {.body = bytes_of(body)}, .result = bytes_of(vpid)},
  };
  deliver(rig, &delivery);
  free(vpid);
  free(body);
}

static void start(struct rig *rig, const char *code_path)
{
  char *code = read_text(code_path);
  char *bundle = bundle_of_code(code);
  struct init_frame init = {
      .vat = bytes_of("v1"),
      .config = bytes_of("{}"),
      .bundle = bytes_of(bundle),
      .limits = {.computrons = DEFAULT_COMPUTRONS_PER_CRANK, .heap_bytes = DEFAULT_HEAP_BYTES},
  };
  struct outcome outcome;
  crank_begin(&rig->crank);
  rig->vat.start(rig->vat.context, &init, &outcome);
  finish(rig, &outcome);
  free(bundle);
  free(code);
}

static char *value_of(unsigned seed)
{
  char *value = memory_printf("\"%0100u\"", seed);
  return value;
}

static void fill(struct rig *rig)
{
  char *value = value_of(0);
  for (int from = 0; from < KEYS; from += KEYS_PER_DELIVERY) {
    char *arguments = memory_printf("%d,%d,%s", from, from + KEYS_PER_DELIVERY, value);
    call(rig, "fill", arguments);
    free(arguments);
  }
  free(value);
  call(rig, "count", "");
}

static void do_set(struct rig *rig, unsigned i)
{
  char *value = value_of(i);
  char *arguments = memory_printf("\"key%u\",%s", i * 7919 % KEYS, value);
  call(rig, "set", arguments);
  free(arguments);
  free(value);
}

static void do_bump(struct rig *rig, unsigned i)
{
  (void)i;
  call(rig, "bump", "");
}

static void do_hello(struct rig *rig, unsigned i)
{
  (void)i;
  call(rig, "hello", "");
}

/* So many sends in one crank: their costs must not grow with their number. */
static void do_burst(struct rig *rig, unsigned count)
{
  char *body = memory_printf("#[\"burst\",[\"$0.Alleged: friend\",%u]]", count);
  struct bytes friend = bytes_of("o-1");
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {bytes_of(body), {&friend, 1}}, .result = bytes_of("p-99")},
  };
  deliver(rig, &delivery);
  free(body);
}

static void do_burst_100(struct rig *rig, unsigned i)
{
  (void)i;
  do_burst(rig, 100);
}

static void do_burst_4000(struct rig *rig, unsigned i)
{
  (void)i;
  do_burst(rig, 4000);
}

static const struct workload {
  const char *name;
  void (*deliver)(struct rig *rig, unsigned i);
} workloads[] = {{"set", do_set}, {"bump", do_bump}, {"hello", do_hello}, {"burst100", do_burst_100}, {"burst4000", do_burst_4000}};

static double seconds(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The best of so many, for what else the machine does is no part of it. */
#define IMAGES 7

static void measure_image(struct rig *rig)
{
  const struct init_frame init = {.limits = {.computrons = DEFAULT_COMPUTRONS_PER_CRANK, .heap_bytes = DEFAULT_HEAP_BYTES}};
  struct outcome outcome;
  struct buffer image;
  double best[2] = {1e9, 1e9};
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  for (int i = 0; i < IMAGES; i++) {
    double times[3] = {seconds(CLOCK_PROCESS_CPUTIME_ID)};
    buffer_clear(&image);
    require(rig->vat.write_image(rig->vat.context, &image), "no image");
    times[1] = seconds(CLOCK_PROCESS_CPUTIME_ID);
    crank_begin(&rig->crank);
    rig->vat.wake(rig->vat.context, &init, buffer_bytes(&image), &outcome);
    times[2] = seconds(CLOCK_PROCESS_CPUTIME_ID);
    finish(rig, &outcome);
    for (int part = 0; part < 2; part++)
      best[part] = times[part + 1] - times[part] < best[part] ? times[part + 1] - times[part] : best[part];
  }
  printf("image     heap %8" PRIu64 " bytes, image %8zu bytes, written in %5.2f ms, read in %5.2f ms\n", outcome.heap_bytes, image.size,
         best[0] * 1e3, best[1] * 1e3);
  buffer_fini(&image);
}

/* Not inlined, so that callgrind can be told to count in here only: --toggle-collect='measure*'. */
static __attribute__((noinline)) void measure(struct rig *rig, const struct workload *workload, unsigned count)
{
  const struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  rig->computrons = 0;
  double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (unsigned i = 0; i < count; i++) {
    workload->deliver(rig, i);
    if (i % DELIVERIES_PER_REAP == DELIVERIES_PER_REAP - 1)
      deliver(rig, &reap);
  }
  wall = seconds(CLOCK_MONOTONIC) - wall;
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  printf("%-9s %8.0f deliveries/s %8.1f us CPU %8.0f computrons\n", workload->name, count / wall, cpu / count * 1e6,
         (double)rig->computrons / count);
}

static enum vatd_code open_engine(struct rig *rig, char ***arguments, struct error *error)
{
  const char *way = *(*arguments)++;
  if (way && strcmp(way, "--scripts") == 0 && (*arguments)[0] && (*arguments)[1]) {
    *arguments += 2;
    engine_init(&rig->engine, &rig->host, (struct bytes){0});
    return engine_open_scripts(&rig->engine, (*arguments)[-2], (*arguments)[-1], error);
  }
  require(way && strcmp(way, "--snapshot") == 0 && **arguments, "usage: see the file's head");
  FILE *file = fopen(**arguments, "re");
  require(file && fseek(file, 0, SEEK_END) == 0, **arguments);
  size_t size = (size_t)ftell(file);
  char *data = memory_alloc(size);
  rewind(file);
  require(fread(data, 1, size, file) == size, **arguments);
  fclose(file);
  *arguments += 1;
  engine_init(&rig->engine, &rig->host, bytes_from(data, size));
  return engine_open_snapshot(&rig->engine, error);
}

int main(int argc, char **argv)
{
  static struct rig rig; /* too large for a stack */
  struct error error;
  char **arguments = argv + 1;
  (void)argc;
  host_init(&rig.host, NULL);
  if (open_engine(&rig, &arguments, &error) != VATD_OK)
    require(false, error.text);
  vatstore_cache_init(&rig.cache);
  crank_init(&rig.crank, &rig.cache);
  rig.host.crank = &rig.crank;
  rig.vat = script_vat(&rig.engine);
  buffer_init(&rig.done, LIMIT_FRAME_FROM_WORKER + FRAME_HEADER_SIZE);
  require(*arguments, "which code?");
  start(&rig, *arguments++);
  measure_image(&rig);
  fill(&rig);
  measure_image(&rig);
  const char *name = *arguments ? *arguments++ : NULL;
  unsigned count = *arguments ? (unsigned)strtoul(*arguments, NULL, 10) : DEFAULT_COUNT;
  for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
    if (name ? strcmp(name, workloads[i].name) == 0 : strncmp(workloads[i].name, "burst", 5) != 0)
      measure(&rig, &workloads[i], count);
  }
  measure_image(&rig);
  return 0;
}
