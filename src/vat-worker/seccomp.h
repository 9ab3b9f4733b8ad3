/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/seccomp.h - the system calls that a worker may make.
 *
 * One table (seccomp.c) says them all; whatever is not in it kills the process with SIGSYS, which vatd reports as a violation of
 * the sandbox. docs/sandbox.md lists the same, and a test tries every number. (seccomp(2), the kernel's
 * Documentation/userspace-api/seccomp_filter.rst.)
 */
#ifndef VATD_VAT_WORKER_SECCOMP_H
#define VATD_VAT_WORKER_SECCOMP_H

#include "base/error.h"

#include <linux/filter.h>
#include <stddef.h>

/* Whose code runs behind the filter. */
enum seccomp_audience {
  SECCOMP_ENGINE = 1,  /* a JavaScript vat, in the engine, which has everything it needs open */
  SECCOMP_PROGRAM = 2, /* a vat that is a program: it is still to be loaded, and may allocate as programs do */
};

#define LIMIT_FILTER 512 /* instructions */
#define CHANNEL_FD 3     /* to the kernel; vatd places it there (worker/process.c) */

/* The filter for an audience. Returns the number of instructions; it always fits. */
size_t seccomp_filter(enum seccomp_audience audience, struct sock_filter filter[LIMIT_FILTER]);

/* Needs no_new_privs. Cannot be undone. IO when the machine has no seccomp. */
enum vatd_code seccomp_enter(enum seccomp_audience audience, struct error *error);

#endif
