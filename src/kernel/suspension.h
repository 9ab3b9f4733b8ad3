/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/suspension.h - vats that are not delivered to until somebody resumes them.
 *
 * A suspended vat keeps its state. What was queued for it moves to a queue of its own, queue.vN, in order; what is sent to it
 * from then on joins that queue, up to LIMIT_SUSPENDED_QUEUE messages; beyond, messages are rejected with [KERNEL:QUEUE_FULL].
 * Resuming appends all of it to the run queue. (Rows: suspended.vN, JSON {cause}; queue.vN.{head,tail,M}.)
 */
#ifndef VATD_KERNEL_SUSPENSION_H
#define VATD_KERNEL_SUSPENSION_H

#include "kernel/internal.h"
#include "kernel/records.h"

/* No delivery to the vat until it is resumed; a crank of its own. Its worker has been stopped. */
void suspension_begin(struct kernel *k, struct vat *vat, const char *cause);
/* Ends it and forgives its faults; a crank of its own. */
void suspension_end(struct kernel *k, struct vat *vat);
/* Puts a message or notify for a suspended vat into its queue; false when the queue is full. Inside a crank. */
bool suspension_queue(struct kernel *k, uint64_t vat, const struct queue_item *item);
/* The vat ends for good: its queue goes back to the run queue, where it will find nobody. Inside a crank. */
void suspension_empty_queue(struct kernel *k, uint64_t vat);
size_t suspension_queued(struct kernel *k, uint64_t vat);

/* Why the vat is suspended; false when it is not. */
bool suspension_cause(struct kernel *k, uint64_t vat, struct bytes *cause);

#endif
