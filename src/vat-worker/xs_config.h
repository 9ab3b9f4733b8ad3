/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_config.h - the platform header of XS: that of its own worker program, and what xs_platform.c keeps in a
 * machine beside it.
 */
#ifndef VATD_VAT_WORKER_XS_CONFIG_H
#define VATD_VAT_WORKER_XS_CONFIG_H

#include "xsnapPlatform.h"

struct heap_place;

#undef mxMachinePlatform
#define mxMachinePlatform \
  txSocket connection; \
  int abortStatus; \
  int promiseJobs; \
  void *timerJobs; \
  void *waiterCondition; \
  void *waiterData; \
  void *waiterLink; \
  size_t allocationLimit; \
  size_t allocatedSpace; \
  size_t keptSlots; /* what the last collection left */ \
  size_t keptChunkBytes; \
  void *lastJobEntry; \
  struct heap_place *place; /* of this machine's heap, or NULL */

#endif
