/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/daemon.h - vatd: the kernel's driver on a libuv loop.
 *
 * One thread. Whatever happens (a line from a client, a frame from a worker, the end of a worker, a timer) feeds the kernel
 * and calls daemon_pump(), which lets the kernel work, commits when it is time, and carries out effects.
 */
#ifndef VATD_DAEMON_DAEMON_H
#define VATD_DAEMON_DAEMON_H

#include "daemon/control.h"
#include "daemon/home.h"
#include "daemon/journal.h"
#include "kernel/idmap.h"
#include "kernel/kernel.h"
#include "worker/process.h"

#include <stdbool.h>
#include <uv.h>

struct daemon_options {
  const char *home;      /* NULL: the default */
  const char *programs;  /* the directory of vat-worker and vat */
  uint64_t deadline_ms;  /* 0: the default */
  bool reset;            /* begin with an empty database */
  bool eager;            /* start all workers at once */
};

struct daemon {
  uv_loop_t loop;
  struct home home;
  struct journal journal;
  struct store *store;
  struct kernel *kernel;
  struct worker_host host;
  struct idmap workers; /* worker id -> struct worker_process */
  struct control control;
  char *programs;
  uv_idle_t more_work;     /* runs while the kernel has more to do than one pump did */
  uv_timer_t batch_timer;  /* the open batch has become old */
  uv_timer_t goodbye;      /* last answers have had their chance */
  uv_signal_t terminate;
  uv_signal_t interrupt;
  uint64_t batch_since;    /* loop time of the open batch's first change */
  bool batch_is_open;
  bool pumping;
  bool stopping;
  int exit_code;
};

/* Exit codes: sysexits.h's EX_SOFTWARE for storage in doubt, as DESIGN says. */
#define EXIT_STORAGE_IN_DOUBT 70

/*
 * Opens everything up to the listening socket. On failure nothing is left open. The caller then calls daemon_run, which
 * returns the process's exit code.
 */
enum vatd_code daemon_open(struct daemon *daemon, const struct daemon_options *options, struct error *error);
int daemon_run(struct daemon *daemon);
void daemon_close(struct daemon *daemon);

/* Lets the kernel work and carries out its effects; call it after feeding the kernel. */
void daemon_pump(struct daemon *daemon);
/* Begins an orderly end: what is under way is committed and answered first. */
void daemon_stop(struct daemon *daemon);
/* Kills the worker of a vat as a crash would; false when it has none. */
bool daemon_kill_worker(struct daemon *daemon, uint64_t vat);
/* The process id of the vat's worker, 0 when it has none. */
int daemon_worker_pid(const struct daemon *daemon, uint64_t vat);

#endif
