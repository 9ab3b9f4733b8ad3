/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/sandbox.h - the layers of a worker's sandbox that a machine can refuse, by name.
 *
 * The kernel's side asks the machine for them before it starts a worker; the worker enters them before it reads its first
 * frame. Both fail closed: a layer that cannot be had ends the start, unless whoever runs vatd has allowed it to be missing
 * (--allow-weak-sandbox=LAYER). What no machine refuses (resource limits, no_new_privs, closed descriptors, no capabilities)
 * has no name here and cannot be left out. docs/sandbox.md describes all of it.
 */
#ifndef VATD_BASE_SANDBOX_H
#define VATD_BASE_SANDBOX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum sandbox_layer {
  SANDBOX_NAMESPACES = 1 << 0, /* user, pid, net, mount, ipc, uts and cgroup namespaces of its own; an empty, read-only root */
  SANDBOX_LANDLOCK = 1 << 1,   /* no file, no port, no other process */
  SANDBOX_SECCOMP = 1 << 2,    /* no system call but those of the list */
  SANDBOX_STDERR = 1 << 3,     /* no standard error. The machine never refuses it; a developer may want to do without */
};

#define SANDBOX_ALL (SANDBOX_NAMESPACES | SANDBOX_LANDLOCK | SANDBOX_SECCOMP | SANDBOX_STDERR)

struct buffer;

/* "namespaces" or NULL. */
const char *sandbox_layer_name(enum sandbox_layer layer);

/* Layers from "landlock,seccomp"; NULL and "" are none. INVALID names the word that is not one. */
enum vatd_code sandbox_layers_parse(const char *text, unsigned *layers, struct error *error);

/* Appends "landlock,seccomp". */
void sandbox_layers_print(struct buffer *out, unsigned layers);

#endif
