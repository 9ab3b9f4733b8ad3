/* SPDX-License-Identifier: Apache-2.0 */
/* bench/stopwatch.h - the time, for measurements. */
#ifndef VATD_BENCH_STOPWATCH_H
#define VATD_BENCH_STOPWATCH_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static inline double stopwatch_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline int stopwatch_compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The value below which `share` of them lie. Sorts them. */
static inline double stopwatch_percentile(double *values, size_t count, double share)
{
  qsort(values, count, sizeof *values, stopwatch_compare);
  return count == 0 ? 0 : values[(size_t)((double)(count - 1) * share)];
}

#endif
