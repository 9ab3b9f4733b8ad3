/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/report.c - see report.h. The last events are kept in a ring. */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVENTS = 30, EVENT_SIZE = 200 };

static struct {
  uint64_t seed;
  unsigned step;
  bool trace;
  unsigned count; /* of all events so far */
  char events[EVENTS][EVENT_SIZE];
} report;

void report_begin(uint64_t seed, bool trace)
{
  report.seed = seed;
  report.step = 0;
  report.trace = trace;
  report.count = 0;
}

void report_step(unsigned step)
{
  report.step = step;
}

unsigned report_steps(void)
{
  return report.step;
}

void report_event(const char *format, ...)
{
  char *event = report.events[report.count++ % EVENTS];
  int used = snprintf(event, EVENT_SIZE, "%5u ", report.step);
  va_list args;
  va_start(args, format);
  vsnprintf(event + used, (size_t)(EVENT_SIZE - used), format, args);
  va_end(args);
  if (report.trace)
    printf("%s\n", event);
}

void report_failure(const char *format, ...)
{
  va_list args;
  fflush(stdout);
  fprintf(stderr, "seed %" PRIu64 ", step %u: ", report.seed, report.step);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\nthe last events:\n");
  for (unsigned i = report.count < EVENTS ? 0 : report.count - EVENTS; i < report.count; i++)
    fprintf(stderr, "  %s\n", report.events[i % EVENTS]);
  fprintf(stderr, "repeat with: make sim SEEDS=%" PRIu64 "-%" PRIu64 " (or build/dev/tests/simulate --seed %" PRIu64 " --trace)\n",
          report.seed, report.seed, report.seed);
  exit(1);
}
