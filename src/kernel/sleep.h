/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/sleep.h - vats that need no worker while they have nothing to do.
 *
 * A vat whose configuration says "idle": "sleep" keeps nothing in its heap that it would miss: all that matters is in its storage.
 * When it has been idle for a while, or when there are more workers than the driver wants, its incarnation ends in order, with a
 * restart crank (restart.h); it then costs its rows and nothing else, and its next delivery starts it again. Idle is a vat that has no
 * delivery under way or waiting, that nobody waits for, and whose heap waits for no promise: none is in its c-list but
 * those it watches durably.
 *
 * Other vats keep their heap: they hibernate (hibernation.h), when they are idle if their configuration says "idle": "hibernate", and
 * when there are more workers than the driver wants if they have been idle for a while.
 */
#ifndef VATD_KERNEL_SLEEP_H
#define VATD_KERNEL_SLEEP_H

#include "kernel/internal.h"

/* Puts the vat to sleep if it may sleep and is idle; false when not. */
bool sleep_if_idle(struct kernel *k, struct vat *vat);
/* Asks the worker of a vat for its heap if the vat is to hibernate and is idle, its garbage collected; false when not. */
bool hibernate_if_idle(struct kernel *k, struct vat *vat);

#endif
