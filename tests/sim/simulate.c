/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/simulate.c - the simulator: the real kernel, simulated vats, clients and faults, an oracle.
 *
 *   simulate [--steps N] [--trace] --seed N        one world
 *   simulate [--steps N] --seeds FROM-TO      many, one after the other; N alone is 1-N
 *
 * The same seed makes the same world each time. docs/simulator.md says what is simulated and what is checked.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_STEPS = 400 };

struct options {
  uint64_t first;
  uint64_t last;
  unsigned steps;
  bool trace;
};

static _Noreturn void usage(void)
{
  fprintf(stderr, "usage: simulate [--steps N] [--trace] --seed N | --seeds N | --seeds FROM-TO\n");
  exit(2);
}

static uint64_t number(const char *text, char **end)
{
  uint64_t value = strtoull(text, end, 10);
  if (*end == text)
    usage();
  return value;
}

/* "1000", or "5-7". */
static void read_range(const char *text, struct options *options)
{
  char *end;
  uint64_t value = number(text, &end);
  options->first = *end == '-' ? value : 1;
  options->last = *end == '-' ? number(end + 1, &end) : value;
}

static struct options read_options(int count, char **arguments)
{
  struct options options = {.steps = DEFAULT_STEPS};
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--trace") == 0) {
      options.trace = true;
      continue;
    }
    if (i + 1 == count)
      usage();
    char *end;
    uint64_t value = number(arguments[i + 1], &end);
    if (strcmp(arguments[i], "--steps") == 0)
      options.steps = (unsigned)value;
    else if (strcmp(arguments[i], "--seed") == 0)
      options.first = options.last = value;
    else if (strcmp(arguments[i], "--seeds") == 0)
      read_range(arguments[i + 1], &options);
    else
      usage();
    i++;
  }
  if (options.first == 0)
    usage();
  return options;
}

int main(int count, char **arguments)
{
  static struct world world;
  struct options options = read_options(count, arguments);
  uint64_t messages = 0;
  uint64_t cranks = 0;
  uint64_t wakings = 0;
  for (uint64_t seed = options.first; seed <= options.last; seed++) {
    report_begin(seed, options.trace);
    world_init(&world, seed);
    for (unsigned step = 1; step <= options.steps; step++) {
      report_step(step);
      world_step(&world);
    }
    world_drain(&world);
    messages += world.messages;
    cranks += world.cranks;
    wakings += world.wakings;
    world_fini(&world);
  }
  printf("seeds %" PRIu64 " to %" PRIu64 ": %u steps each, %" PRIu64 " cranks compared, %" PRIu64 " messages, %" PRIu64
         " wakings\n", options.first, options.last, options.steps, cranks, messages, wakings);
  return 0;
}
