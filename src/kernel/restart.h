/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/restart.h - the end of an incarnation.
 *
 * An incarnation is one life of a worker for a vat. What lived only in that worker's heap is gone when it ends, and the
 * kernel says so to everybody instead of leaving them hanging. Every end of a worker but termination (daemon restart, vat
 * kill, vat restart, a limit, a crash) is followed by one restart crank before anything else is routed to the vat. The row
 * live.vN, written with the start crank and removed by the restart crank, says which vats need one after the kernel itself
 * has died.
 *
 * What the crank does, and why (liveslots 0.10.3-u21.0.1; docs/liveslots.md has file and line of each fact):
 *   - A promise the vat had to decide can never be resolved by it: rejected with VAT_RESTARTED.
 *   - An export other than o+0 and durable ones (o+d…) named a heap object: abandoned, it has no owner any more.
 *   - An import is still held if durable data mentions it: its row vom.rc.<vref> exists. With only vom.ir.<vref>|… it can
 *     be recognized; with neither nothing in the vat remembers it.
 *   - The objects behind the vat's global endowments stay its imports (endowments.h); calls of them that are under way end.
 *   - Of promises, only watched ones are remembered: the vpids that are keys of the collection named by the row
 *     watchedPromiseTableID. Their entries and subscriptions stay, for liveslots does not subscribe again. All others go,
 *     with their subscriptions and queued notifies. A watched promise that is settled is notified (again).
 *   - Rows of merely virtual (not durable) kinds and collections are part of the old incarnation: swept, with the counts
 *     they hold (sweep.h says what still leaks).
 */
#ifndef VATD_KERNEL_RESTART_H
#define VATD_KERNEL_RESTART_H

#include "kernel/internal.h"

/* Does the vat's restart crank inside the current crank. Its worker has been stopped. */
void restart_vat(struct kernel *k, struct vat *vat);

/* Whether the vat has promises in its c-list that its restart crank would end: what it has to decide, or its heap waits for. */
bool restart_would_lose_promises(struct kernel *k, const struct vat *vat);

/* Whether an incarnation has begun whose end has not been recorded. */
bool record_is_live(struct kernel *k, uint64_t vat);
void record_set_live(struct kernel *k, uint64_t vat, bool live);

#endif
