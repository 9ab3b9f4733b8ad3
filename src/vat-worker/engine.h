/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/engine.h - the JavaScript machine: made from scripts or from a snapshot, run one crank at a time.
 */
#ifndef VATD_VAT_WORKER_ENGINE_H
#define VATD_VAT_WORKER_ENGINE_H

#include "base/error.h"
#include "vat-worker/host.h"
#include "vat-worker/xs_platform.h"
#include "wire/frame.h"

struct engine {
  xsMachine *machine; /* its context is this struct */
  struct host *host;
  uint64_t computrons; /* limit per crank */
};

/* How a run ended. After anything but ENGINE_QUIET and ENGINE_THROWN the machine must not be run again. */
enum engine_end {
  ENGINE_QUIET,   /* no job is left */
  ENGINE_THROWN,  /* a script of ours threw: `failure` says what */
  ENGINE_COMPUTE,
  ENGINE_MEMORY,
  ENGINE_STACK,
  ENGINE_KEYS,
  ENGINE_BROKEN,  /* the engine gave up for another reason */
};

struct engine_run {
  enum engine_end end;
  uint64_t computrons;
  uint64_t heap_bytes;
  char failure[ERROR_TEXT_MAX]; /* ENGINE_THROWN, ENGINE_BROKEN */
};

/* Runs the two scripts in a new machine. */
enum vatd_code engine_open_scripts(struct engine *engine, struct host *host, const char *boot, const char *supervisor,
                                   struct error *error);
/*
 * Restores a machine from what engine_write_snapshot() wrote. Only our own snapshots, checked beforehand, may come
 * here.
 */
enum vatd_code engine_open_snapshot(struct engine *engine, struct host *host, struct bytes snapshot,
                                    struct error *error);
enum vatd_code engine_write_snapshot(struct engine *engine, const char *path, struct error *error);
void engine_close(struct engine *engine);

void engine_set_limits(struct engine *engine, const struct vat_limits *limits);

/* Each begins a crank in the supervisor and runs until the machine is quiet. */
void engine_start(struct engine *engine, const struct init_frame *init, struct engine_run *run);
void engine_deliver(struct engine *engine, const struct delivery *delivery, struct engine_run *run);

#endif
