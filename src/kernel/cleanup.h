/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/cleanup.h - what a terminated vat has left, removed in bounded steps.
 *
 * A vat ends in one crank for everybody else: its worker stops, its messages are rejected, nobody can reach its objects. Its
 * c-list and its storage may be large; they go afterwards, LIMIT_CLEANUP_ROWS rows in a crank, while other vats go on. The
 * row ending.vN says that there is something left, also to the next kernel.
 *
 * Order: promises (those it was to decide are rejected), objects (exports lose their owner, imports are dropped), storage.
 * (Source: TypeScript kernel, store/methods/vat.ts, cleanupTerminatedVat, one vat per crank; SwingSet, terminated vat cleanup with
 * budgets.)
 */
#ifndef VATD_KERNEL_CLEANUP_H
#define VATD_KERNEL_CLEANUP_H

#include "kernel/internal.h"

/* The vat, whose rows but c-list and storage are gone, is to be cleaned up; `detail` says why it ended. Inside a crank. */
void cleanup_begin(struct kernel *k, uint64_t vat, const char *detail);
/* Finds vats that an earlier kernel has not cleaned up; at open. */
void cleanup_find(struct kernel *k);
/* One step, a crank of its own; false when there is nothing to clean up. */
bool cleanup_step(struct kernel *k);
/* Whether the vat has been terminated and has something left. */
bool cleanup_is_ending(const struct kernel *k, uint64_t vat);

#endif
