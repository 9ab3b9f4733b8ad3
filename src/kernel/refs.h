/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/refs.h - who is counted, and when a row may go.
 *
 * An object's counts are "reachable,recognizable": how many hold it so that they can send to it, and how many at least can
 * tell it from others. A promise has one count. Counted are
 *   - c-list entries: of an object, those of its importers (reachable or only recognizable); of a promise, all
 *   - every item of every queue: its target, its result and each of its slots; a notify item: its promise
 *   - the slots of a settled promise's value
 *   - pins: the root object of every vat, and what the host was given (host.<kref>)
 * The exporter of an object is not counted: it is the owner. (The TypeScript kernel counts it, from birth; SwingSet does not.)
 *
 * When a crank ends, a promise without references is deleted, and so is an object that has neither references nor owner. What
 * vats have to be told about objects that fewer hold than before is gc.h's.
 */
#ifndef VATD_KERNEL_REFS_H
#define VATD_KERNEL_REFS_H

#include "kernel/internal.h"

/* A new object of `owner`, with no references. */
struct kref object_new(struct kernel *k, uint64_t owner);

/* One more or one fewer holder that can reach it. Nothing happens for KREF_NOTHING. */
void ref_add(struct kernel *k, struct kref kref);
void ref_drop(struct kernel *k, struct kref kref);
/* An importer that could reach the object can now only recognize it, or the reverse. */
void ref_weaken(struct kernel *k, struct kref object);
void ref_revive(struct kernel *k, struct kref object);
/* An importer that could only recognize the object has forgotten it. */
void ref_forget(struct kernel *k, struct kref object);

void refs_add_slots(struct kernel *k, const struct kernel_data *data);
void refs_drop_slots(struct kernel *k, const struct kernel_data *data);

/* The object may have become free without a count going down: its owner has gone. */
void ref_check(struct kernel *k, struct kref kref);

/* Deletes what this crank left without references, and what only that held. */
void refs_collect(struct kernel *k);

#endif
