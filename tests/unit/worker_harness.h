/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/worker_harness.h - the kernel's end of a real worker process, for tests.
 *
 * Nothing here has a deadline: a worker that never answers hangs the test, and the runner says which one.
 */
#ifndef VATD_TESTS_WORKER_HARNESS_H
#define VATD_TESTS_WORKER_HARNESS_H

#include "base/limits.h"
#include "base/ordmap.h"
#include "wire/frame.h"

#include <sys/types.h>

enum start_way {
  FROM_SNAPSHOT,
  FROM_SCRIPTS,
  FROM_PLAIN_SCRIPTS,       /* without what of the packages is in C here (oracle_test.c) */
  FROM_SHALLOW_SCRIPTS,     /* with a harden() that is wrong */
  FROM_WRONG_STYLE_SCRIPTS, /* with a passStyleOf() that is wrong */
  FROM_WRONG_SMALLCAPS_SCRIPTS,
  FROM_WRONG_VREF_SCRIPTS,
  FROM_WRONG_MATCH_SCRIPTS,
  FROM_WRONG_POSTPONED_SCRIPTS,
  FROM_WRONG_CACHE_SCRIPTS,
  FROM_WRONG_ERRORS_SCRIPTS,
  FROM_TEST, /* the test program itself, with the argument --serve */
};

struct worker_process {
  pid_t pid;
  int fd;
  uint64_t next_id;
  struct buffer frame;  /* of the last answer */
  struct arena arena;   /* of the last answer */
  struct ordmap state;  /* what a kernel would have stored so far */
  struct vat_limits limits;
};

void worker_spawn(struct worker_process *worker, enum start_way way);
/* Closes the channel, waits, and returns the wait status; the state is kept for worker_respawn(). */
int worker_hang_up(struct worker_process *worker);
int worker_wait(struct worker_process *worker);
void worker_respawn(struct worker_process *worker, enum start_way way);
void worker_dispose(struct worker_process *worker);

void worker_send_bytes(struct worker_process *worker, struct bytes bytes);
void worker_send_init(struct worker_process *worker, const char *config, const char *bundle);
void worker_send(struct worker_process *worker, const struct delivery *delivery);
/* The answer, valid until the next one; its checkpoint has been applied to `state`. */
struct done_frame worker_answer(struct worker_process *worker);
/* True when the answer is a pong with this id. */
bool worker_ping(struct worker_process *worker);

struct done_frame worker_init_vat(struct worker_process *worker, const char *config, const char *bundle);
struct done_frame worker_deliver(struct worker_process *worker, const struct delivery *delivery);
/* method(args) to o+0 with result p-100: `args` is the inside of a smallcaps array, `slots` ends with NULL. */
struct done_frame worker_call(struct worker_process *worker, const char *method, const char *args, const char **slots);

/* {"moduleFormat": "iife", "code": code, ...}; the caller frees it. */
char *bundle_of_code(const char *code);
/* The bundle of tests/unit/vats/NAME.js; the caller frees it. */
char *bundle_of_vat(const char *name);

/* MessagePack with its texts legible, as a comment of the test's output. */
void print_frame(struct bytes frame);

/* The text of a value in a checkpoint, or NULL; NUL-terminated, in the answer's arena. */
const char *done_set(struct worker_process *worker, const struct done_frame *done, const char *key);
/* The body with which the (only) result was resolved; fails the test when there is none. */
const char *done_result(struct worker_process *worker, const struct done_frame *done);

#endif
