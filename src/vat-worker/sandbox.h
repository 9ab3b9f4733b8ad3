/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/sandbox.h - a worker shuts itself in.
 *
 * Entered once, when everything that the worker needs is open and in memory, and before it reads the first byte of a vat.
 * There is no way back out. docs/sandbox.md says what each layer is for; base/sandbox.h names those that a machine can refuse.
 */
#ifndef VATD_VAT_WORKER_SANDBOX_H
#define VATD_VAT_WORKER_SANDBOX_H

#include "base/error.h"
#include "base/sandbox.h"
#include "vat-worker/seccomp.h"

#include <stdbool.h>

struct sandbox {
  enum seccomp_audience audience;
  unsigned weak; /* layers that may be missing: what of them the machine has is entered all the same */
  bool libraries; /* the vat is a program that needs the system's shared libraries: they are in its root, read-only */
  int keep_fd; /* besides the channel; -1: none. For a program that is still to be started */
};

/* IO: a layer could not be entered, and `error` says which and why. The process must end then: it is half shut in. */
enum vatd_code sandbox_enter(const struct sandbox *sandbox, struct error *error);

#endif
