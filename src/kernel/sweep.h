/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/sweep.h - what an ended incarnation left in its vat's storage and nothing can reach any more.
 *
 * Virtual (not durable) objects and collections live in storage only to spare memory: they are part of the incarnation, like
 * its heap. Liveslots never collects those of an earlier incarnation; they would stay for ever, and with them the counts
 * they hold on durable objects and imports. docs/liveslots.md, section 4, has the rows and says why this is safe while the
 * vat has no worker.
 *
 * Swept are all virtual objects and kinds, and the collections that no count and no export keeps: all virtual ones, and
 * durable ones that only a variable of the old worker held. Not swept, and so leaking: durable objects (not collections)
 * that only such a variable held, or whose last count was held by something swept.
 */
#ifndef VATD_KERNEL_SWEEP_H
#define VATD_KERNEL_SWEEP_H

#include "kernel/internal.h"

/* Inside the vat's restart crank, before its imports are looked at: their counts may fall here. True when rows were deleted. */
bool sweep_virtual_rows(struct kernel *k, uint64_t vat);

#endif
