/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/ahead.h - deliveries that are sent to a vat before it is done with those before them.
 *
 * A worker that has to wait for the kernel between two deliveries stands still for two wake-ups and a crank's work. So the
 * kernel sends it the next ones already, up to k->most_flights and LIMIT_AHEAD_BYTES. Each stays a crank of its own, with its
 * own done, savepoint and fate, and each is dispatched against the state that those before it will leave *as far as that is
 * known*: their own effects (c-list entries made, promises told of) are, what the vat will do in them is not. Therefore only
 * what cannot depend on it is sent:
 *
 *   - nothing after a start, a garbage collection delivery, the bootstrap of a launch, or while the vat is on probation
 *   - nothing that names a promise which this vat decides or will decide (it may resolve it, which ends the c-list entry), or
 *     which a notify in flight tells of
 *   - to vats in JavaScript only: liveslots lets go of references in bringOutYourDead and nowhere else. A worker that does so
 *     elsewhere has what was sent behind it taken back: the incarnation ends, the items are delivered to the next
 *   - nothing while the vat has garbage collection to do, which comes first
 *
 * If a crank fails, those behind it are forgotten with the worker; their items are still queued. So an order of deliveries that
 * no single flight at a time could have produced cannot come about.
 */
#ifndef VATD_KERNEL_AHEAD_H
#define VATD_KERNEL_AHEAD_H

#include "kernel/internal.h"
#include "kernel/records.h"

/* Whether the first item that is not in flight may be sent to the busy vat now; if so, that item. */
bool ahead_may_send(struct kernel *k, const struct vat *vat, struct queue_item *item);
/* The vat's import counters as the deliveries in flight will leave them. */
struct import_counters ahead_import_counters(struct kernel *k, const struct vat *vat);
/* Whether the crank did what a delivery in flight behind it does not know of. */
bool ahead_was_overtaken(const struct done_frame *done);

#endif
