/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/report.h - what happened, and how a failure is told: seed, step, what is wrong, the last events, and the command
 * that repeats it. A process simulates one seed at a time, so there is one report.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Forgets all events; with `trace` each one is printed as it comes. */
void report_begin(uint64_t seed, bool trace);
void report_step(unsigned step);
unsigned report_steps(void);
void report_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the report and ends the process with status 1. */
_Noreturn void report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPECT(condition, ...)      \
  do {                              \
    if (!(condition))               \
      report_failure(__VA_ARGS__);  \
  } while (0)

#endif
