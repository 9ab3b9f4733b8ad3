/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/landlock.h - no file, no port, no other process, by Landlock (landlock(7)).
 *
 * Every right that the running kernel's Landlock knows is handled, and none is given but, for a program, to read and run what
 * is in its root. Older kernels know fewer rights (ABI 1 is Linux 5.13); what they do not know the other layers refuse.
 */
#ifndef VATD_VAT_WORKER_LANDLOCK_H
#define VATD_VAT_WORKER_LANDLOCK_H

#include "base/error.h"

#include <stdbool.h>

/* Needs no_new_privs. Cannot be undone. IO when the machine has no Landlock. */
enum vatd_code landlock_enter(bool libraries, struct error *error);

#endif
