/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/process.h - the kernel's side of a worker process: spawn, frames in and out, deadline, end.
 *
 * A worker is a `vat-worker` process that serves one vat. Its only open channel is one end of a Unix socketpair (its
 * descriptor 3); it starts from a heap snapshot that all workers share as a sealed memory file (descriptor 4), or from one that
 * the workers of a bundle share (descriptor 5). A C vat has its own program in descriptor 4.
 *
 *     spawned --- frames ---> … --- channel closed AND process reaped ---> ended: on_end, freed
 *
 * The end is reported once, after all frames that the worker had sent before. A worker that its owner stops is reported no
 * more. Everything happens on the loop's thread.
 */
#ifndef VATD_WORKER_PROCESS_H
#define VATD_WORKER_PROCESS_H

#include <sched.h>
#include "base/buffer.h"
#include "base/error.h"
#include "kernel/kernel.h"
#include "worker/sandbox_probe.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct worker_process;

/* What all workers of a daemon share. */
struct worker_host {
  uv_loop_t *loop;
  char *program;     /* vat-worker */
  char *boot;        /* the scripts, for when there is no good snapshot */
  char *supervisor;
  int snapshot_fd;   /* a sealed memory file, or -1: workers start from the scripts */
  uint64_t deadline_ms;
  struct sandbox_state sandbox; /* its `weak` says, before worker_host_open(), what may be missing */
  void *context;
  void (*on_frame)(void *context, uint64_t worker, struct bytes payload);
  void (*on_end)(void *context, uint64_t worker, enum worker_end end, const char *detail);
};

/*
 * Finds program, scripts and snapshot in `directory`. A snapshot that is missing or whose SHA-256 is not the one that was
 * compiled in is not used: then `warning` (a buffer) says so. NOT_FOUND when the machine refuses a layer of the sandbox that
 * must be there. The caller has set loop, context and callbacks.
 */
enum vatd_code worker_host_open(struct worker_host *host, const char *directory, struct buffer *warning,
                                struct error *error);
void worker_host_close(struct worker_host *host);

/* What a worker is to become. */
struct worker_code {
  struct bytes program; /* of a vat in C; empty: it gets the JavaScript engine, */
  int fd;               /* and starts from this code image (code_images.h), unless it is -1 */
  uint64_t place;       /* where its heap is to lie, or that of the image it makes; 0: anywhere */
};

/* Starts a process that will be reported as `id`. `heap_bytes` is what the vat may use: a program gets no more memory than that, and a little for itself;
 * the engine bounds its heap by itself, but not what it decodes. The host must outlive the worker. */
enum vatd_code worker_process_spawn(struct worker_host *host, uint64_t id, const struct worker_code *code, uint64_t heap_bytes,
                                    struct worker_process **worker, struct error *error);
/* Sends a whole frame and takes over its memory. When `timed`, the worker is killed (WORKER_DEADLINE) unless it
 * answers with a done or image frame within `deadline_ms` (0: the host's), counted from when it has answered what was sent before. */
void worker_process_send(struct worker_process *worker, struct buffer *frame, bool timed, uint64_t deadline_ms);
/* Where it may run from now on. */
void worker_process_place(struct worker_process *worker, const cpu_set_t *processors);
/* Kills it with SIGKILL; its end will be reported as `end`. */
void worker_process_kill(struct worker_process *worker, enum worker_end end);
/* Kills it and forgets it: no report will come. The pointer is dead afterwards. */
void worker_process_stop(struct worker_process *worker);
int worker_process_pid(const struct worker_process *worker);

#endif
