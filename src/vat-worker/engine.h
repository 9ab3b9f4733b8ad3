/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/engine.h - the JavaScript machine: made from scripts or from a snapshot, run one crank at a time.
 */
#ifndef VATD_VAT_WORKER_ENGINE_H
#define VATD_VAT_WORKER_ENGINE_H

#include "base/error.h"
#include "vat-worker/heap_place.h"
#include "vat-worker/host.h"
#include "vat-worker/xs_platform.h"
#include "wire/frame.h"

struct engine {
  xsMachine *machine; /* its context is this struct; NULL until it is opened */
  struct host *host;
  struct bytes snapshot; /* what a machine starts from, and what images are made against; empty: machines are made of scripts */
  struct bytes code;     /* what a vat's machine starts from instead, when there is such a thing for its bundle (engine_compile) */
  struct heap_place place; /* of the machine that is made of it, or makes it; it may be none */
  bool compiled;         /* it did */
  bool mapped;           /* both are mapped files, whose pages can be had again */
  bool broken;           /* the machine was left in the middle of something: it must not be run again */
  uint64_t computrons;   /* limit per crank */
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

/* To be called where the system can still be asked, before a sandbox is entered. `snapshot`, which may be empty, must outlive the
 * engine. There is no machine yet. */
void engine_init(struct engine *engine, struct host *host, struct bytes snapshot);
/* Runs the two scripts in a new machine. */
enum vatd_code engine_open_scripts(struct engine *engine, const char *boot, const char *supervisor, struct error *error);
/*
 * Makes the machine from the engine's code image, or else from its snapshot, which engine_write_snapshot() wrote. XS does not
 * defend itself against forged ones.
 */
enum vatd_code engine_open_snapshot(struct engine *engine, struct error *error);
enum vatd_code engine_write_snapshot(struct engine *engine, const char *path, struct error *error);
/* Appends a snapshot of a machine that has compiled the bundle and run nothing of it. INVALID: the bundle is none, or does not compile;
 * a start will say so better. The engine is of no use afterwards. */
enum vatd_code engine_compile(struct engine *engine, struct bytes bundle, struct buffer *out, struct error *error);
/*
 * The heap between two cranks as an image (image.h), appended to `out`, and a machine from one, in the place of the machine that
 * there may be. An image is INVALID when it is none, or damaged, or of another build; one that was forged on purpose may do to
 * this process whatever it likes: that is what the sandbox is for.
 *
 * To write one is a collection: finalizers of what it finds run in the next crank, and a presence that liveslots makes again after
 * it may have another name than it had, as after any collection. LIMIT: it is too large. INVALID: there is
 * something in the heap that cannot be written. In both cases the vat may go on, unless the engine is `broken` now.
 */
enum vatd_code engine_write_image(struct engine *engine, struct buffer *out, struct error *error);
enum vatd_code engine_open_image(struct engine *engine, struct bytes image, struct error *error);
void engine_close(struct engine *engine);

void engine_set_limits(struct engine *engine, const struct vat_limits *limits);

uint64_t engine_heap_bytes(const struct engine *engine);

/* Each begins a crank in the supervisor and runs until the machine is quiet. */
void engine_start(struct engine *engine, const struct init_frame *init, struct engine_run *run);
void engine_deliver(struct engine *engine, const struct delivery *delivery, struct engine_run *run);

#endif
