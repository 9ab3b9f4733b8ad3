/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/promises.h - promises, and the way a message takes through them.
 *
 *     unresolved --- resolve by the decider, or by the kernel ---> fulfilled | rejected
 *
 * While unresolved a promise has at most one decider (the vat that may settle it; none while it is the result of a message
 * that is still queued), subscribers (vats to be notified) and a queue of messages that were sent to it. Settling stores the
 * value, queues a notify for each subscriber and moves the waiting messages on, in their order. A settled promise never
 * changes again. (Source: SwingSet, kernelKeeper.js.)
 */
#ifndef VATD_KERNEL_PROMISES_H
#define VATD_KERNEL_PROMISES_H

#include "kernel/internal.h"
#include "kernel/records.h"

/* A new unresolved promise with no references; decider 0: none yet. */
struct kref promise_new(struct kernel *k, uint64_t decider);

/* Settles an unresolved promise. `resolver` is the vat that did it and needs no notify, or 0 for the kernel. */
void promise_settle(struct kernel *k, struct kref promise, bool rejected, const struct kernel_data *value,
                    uint64_t resolver);
/* Rejects with an Error of the message `[KERNEL:CODE] detail`. */
void promise_reject(struct kernel *k, struct kref promise, const char *code, const char *detail);

/* The vat is to be notified: when it settles, or at once. */
void promise_subscribe(struct kernel *k, struct kref promise, uint64_t vat);
void promise_unsubscribe(struct kernel *k, struct kref promise, uint64_t vat);

/* An Error as smallcaps capdata with the message `[KERNEL:CODE] detail`. */
struct kernel_data kernel_error_data(struct kernel *k, const char *code, const char *detail);

/* ---- routing ---- */

enum route_type {
  ROUTE_VAT,     /* deliver to `vat`, whose object `target` is */
  ROUTE_SERVICE, /* the kernel's host takes it: `target` is a service's object */
  ROUTE_WAIT,    /* wait on the unresolved promise `target` */
  ROUTE_REJECT,  /* no way: reject the result with `reason` */
};

struct route {
  enum route_type type;
  uint64_t vat;
  struct kref target;
  struct kernel_data reason;
};

/* Where a message to `target` goes as things stand now. */
struct route route_of(struct kernel *k, struct kref target);

/* ---- the run queue ---- */

/* Queues a message; its target, result and slots are referenced by the item from now on. `new_result`: the result was made for it. */
void queue_message(struct kernel *k, struct queue_item *item, bool new_result);
void queue_notify(struct kernel *k, uint64_t vat, struct kref promise);
/* Appends an item, whose references are counted already, for the vat (0: none). */
void queue_append(struct kernel *k, uint64_t vat, const struct queue_item *item);
/* Takes an item out of the run queue; its references stay counted. */
void queue_remove(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item);
/* Drops the references of an item that is no longer queued. */
void queue_release(struct kernel *k, const struct queue_item *item);
/* The item is done: it goes from the run queue, and its references with it. */
void queue_finish(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item);

#endif
