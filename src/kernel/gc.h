/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/gc.h - garbage collection of objects across vats.
 *
 * When nobody can reach an object any more, its owner is told (dropExport); when nobody can even recognize it, it is retired
 * (retireExport); when an object has lost its owner, those who can still recognize it are told to forget it (retireImport).
 * These are *actions*: rows gcAction.vN.<type>.<kref>, made when a count falls (refs.c) and delivered to the vat later, many
 * of a type in one delivery, before its messages. Whether an action still holds is looked at again when it is taken: the
 * vat may have handed the object out anew in the meantime. (Source: SwingSet, gc-actions.js; TypeScript kernel, store/methods/
 * gc.ts, which keeps the actions in one JSON array.)
 *
 * Liveslots notices what a vat has dropped only in a delivery bringOutYourDead, which makes the engine collect its heap: a
 * *reap*. The row reap.vN asks for one; it is made on request (vat gc) and after every REAP_INTERVAL deliveries.
 *
 * A sleeping vat is not woken for garbage; its actions wait until it is awake anyway, or until somebody asks.
 */
#ifndef VATD_KERNEL_GC_H
#define VATD_KERNEL_GC_H

#include "kernel/internal.h"

/* X(enumerator, name in rows, delivery). The order of the names is the order in which a vat's actions are taken. */
#define GC_ACTIONS(X) \
  X(GC_DROP_EXPORT, "dropExport", DELIVERY_DROP_EXPORTS) \
  X(GC_RETIRE_EXPORT, "retireExport", DELIVERY_RETIRE_EXPORTS) \
  X(GC_RETIRE_IMPORT, "retireImport", DELIVERY_RETIRE_IMPORTS)

enum gc_action {
#define X(name, text, delivery) name,
  GC_ACTIONS(X)
#undef X
};

/* Notes what follows from an object's counts and owner; at the end of a crank. */
void gc_consider(struct kernel *k, struct kref object);

/* Actions of one type for one vat. */
struct gc_batch {
  enum gc_action action;
  struct kref *krefs; /* still to be done */
  size_t count;
  struct kref *stale; /* no longer true: only the rows go */
  size_t stale_count;
};

/* The vat's next actions, in the arena; false when there are none. */
bool gc_next(struct kernel *k, uint64_t vat, struct gc_batch *batch);
void gc_forget(struct kernel *k, uint64_t vat, enum gc_action action, const struct kref *krefs, size_t count);
/* The kernel's side of a delivery of these actions: c-list, counts, and the rows. */
void gc_apply(struct kernel *k, uint64_t vat, enum gc_action action, const struct kref *krefs, size_t count);
/* All rows of a vat that ends. */
void gc_forget_vat(struct kernel *k, uint64_t vat);
bool gc_pending(struct kernel *k, uint64_t vat);
enum delivery_type gc_delivery_type(enum gc_action action);

bool gc_reap_due(struct kernel *k, uint64_t vat);
void gc_set_reap(struct kernel *k, uint64_t vat, bool due);

#endif
