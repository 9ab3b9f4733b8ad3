/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/host.h - the C functions that the worker's own scripts may call.
 *
 * They are the properties of the global `vatHost` while the scripts load. js/supervisor.js takes them and deletes the
 * name; vat code cannot reach them.
 */
#ifndef VATD_VAT_WORKER_HOST_H
#define VATD_VAT_WORKER_HOST_H

#include "vat/crank.h"
#include "vat-worker/xs_platform.h"

/* What the functions work on. A machine's context is a struct engine, whose `host` is this. */
struct host {
  struct crank *crank;  /* NULL while the scripts load */
  struct buffer key;    /* scratch, reused from call to call */
  struct buffer value;
};

void host_init(struct host *host, struct crank *crank);
void host_fini(struct host *host);

/* The table a snapshot refers to by index: append only, and change SNAPSHOT_SIGNATURE (engine.c) when it changes. */
xsCallback *host_callbacks(int *count);

/* Makes the global `vatHost`. Inside a host frame that has two variables. */
void host_install(xsMachine *the);

#endif
