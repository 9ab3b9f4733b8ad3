/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/worker.h - the life of a worker: one init, then deliveries, one at a time, until the channel is closed.
 *
 * What runs the cranks (a JavaScript engine, a program in C) is a struct worker_vat. It adds what the vat does to the
 * worker's crank and says how the crank ended; frames, storage and exit statuses are the worker's.
 */
#ifndef VATD_VAT_WORKER_H
#define VATD_VAT_WORKER_H

#include "vat/crank.h"

/* The exit status of the process. Those for limits are the ones of the engine's own worker program. */
enum worker_exit {
  WORKER_EXIT_OK = 0,          /* the kernel closed the channel */
  WORKER_EXIT_INIT_FAILED = 1, /* the vat could not be started; its done frame says why */
  WORKER_EXIT_MEMORY = 11,
  WORKER_EXIT_STACK = 12,
  WORKER_EXIT_KEYS = 16,
  WORKER_EXIT_COMPUTE = 17,
  WORKER_EXIT_USAGE = 64,
  WORKER_EXIT_PROTOCOL = 65, /* a malformed frame, or one out of turn */
  WORKER_EXIT_ENGINE = 66,   /* no machine could be made from the snapshot or the scripts */
  WORKER_EXIT_CRASHED = 70,  /* engine or liveslots broke down; the done frame says how */
  WORKER_EXIT_IO = 74,
  WORKER_EXIT_SANDBOX = 77, /* a layer of the sandbox could not be entered */
};

/* How a crank ended. */
struct outcome {
  enum done_status status;
  struct bytes text;   /* why it is not DONE_OK; lives until the next crank begins */
  uint64_t computrons; /* used */
  uint64_t heap_bytes; /* in use now */
};

struct worker_vat {
  void *context;
  void (*start)(void *context, const struct init_frame *init, struct outcome *outcome);
  void (*deliver)(void *context, const struct delivery *delivery, struct outcome *outcome);
  /* The next two may be NULL: the vat's memory cannot be written down. */
  /* Restores what write_image() wrote; instead of start(). The outcome is DONE_OK, or DONE_INIT_FAILED when the image cannot be read. */
  void (*wake)(void *context, const struct init_frame *init, struct bytes image, struct outcome *outcome);
  /* Appends an image of the heap to `out`, between two cranks; false: it cannot be made, or does not fit. The vat can go on afterwards. */
  bool (*write_image)(void *context, struct buffer *out);
  /* Appends what a worker of any vat with this bundle may start from; no code of the bundle runs. False: there is no such thing. Nothing
   * is asked of it afterwards. */
  bool (*compile)(void *context, struct bytes bundle, struct buffer *out);
};

struct worker {
  int fd;
  bool started; /* init has been answered with DONE_OK */
  const struct worker_vat *vat;
  struct crank *crank;
  struct buffer in;
  struct buffer out;
  struct vatstore_source source; /* of the vat's storage: pages from the kernel */
  uint64_t page_id;              /* of the last one asked for */
  struct buffer page;            /* the last one */
  struct arena page_arena;
  struct buffer waiting;         /* whole frames that came while a page was awaited */
};

/* `vat` and `crank` must outlive the worker. */
void worker_init(struct worker *worker, int fd, const struct worker_vat *vat, struct crank *crank);
void worker_fini(struct worker *worker);

/* From now on this process writes nothing to standard error: its sandbox would kill it for that. */
void worker_be_silent(void);

/* Serves frames until the end; messages of what went wrong go to stderr, unless it is to be silent. */
enum worker_exit worker_serve(struct worker *worker);

#endif
