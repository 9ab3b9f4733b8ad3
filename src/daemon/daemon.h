/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/daemon.h - vatd: a kernel (vatd/vatd.h) with a home directory, a journal and a control socket.
 *
 * One thread, on the kernel's loop. The daemon is a host like any other: it uses nothing of the kernel but its public header.
 */
#ifndef VATD_DAEMON_DAEMON_H
#define VATD_DAEMON_DAEMON_H

#include "daemon/control.h"
#include "daemon/home.h"
#include "daemon/journal.h"

#include <stdbool.h>
#include <uv.h>
#include <vatd/vatd.h>

struct daemon_options {
  const char *home;      /* NULL: the default */
  const char *config;    /* a configuration file; NULL: HOME/vatd.json if there is one */
  const char *programs;  /* the directory of vat-worker and vat, or NULL: as installed */
  uint64_t deadline_ms;  /* 0: the default */
  size_t most_workers;   /* likewise */
  int64_t image_bytes;   /* likewise; negative: none */
  char *weak_sandbox;    /* layers of the workers' sandbox that may be missing, "a,b"; NULL: none */
  bool reset;            /* begin with an empty database */
  bool eager;            /* start all workers at once */
};

struct daemon {
  struct home home;
  struct journal journal;
  struct vatd *kernel;
  struct control control;
  uv_timer_t goodbye;      /* last answers have had their chance */
  uv_prepare_t drained;    /* looks whether they have been taken */
  uv_signal_t terminate;
  uv_signal_t interrupt;
  bool stopping;
  bool rested;             /* and nothing is waited for any more but the last answers */
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

/* Begins an orderly end: what is under way ends, is committed and answered first. */
void daemon_stop(struct daemon *daemon);

#endif
