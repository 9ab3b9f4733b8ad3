/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/vats.h - vats: their rows, and what they are doing at the moment.
 *
 *     asleep --- something to deliver ---> starting --- done of init ---> idle <---> busy
 *       ^ ^                                   |                          ^ | |          |
 *       | +--- image stored (hibernation.h) --|--- hibernating <---------|-+ |          |
 *       |                                     |          +-- work came --+   |          |
 *       +------------- worker ends: restart crank (restart.h) --------------+----------+
 *
 * A vat without worker and without work has only its rows; a `struct vat` is made when it is first needed.
 */
#ifndef VATD_KERNEL_VATS_H
#define VATD_KERNEL_VATS_H

#include "kernel/internal.h"

/* ---- rows ---- */

struct vat_record {
  struct bytes name;
  uint64_t subcluster;
  struct bytes bundle; /* hash of its code */
  struct kref root;    /* nothing until it has started for the first time */
};

bool vat_exists(struct kernel *k, uint64_t id);
bool vat_record_get(struct kernel *k, uint64_t id, struct vat_record *record);
/* The vats that have a name, in the arena. */
size_t vats_named(struct kernel *k, struct bytes name, uint64_t **ids);
/* All vats' ids, in no particular order, in the arena. */
size_t vats_all(struct kernel *k, uint64_t **ids);

/* Gives out an id and writes the rows of a new vat; inside a crank. */
uint64_t vat_create(struct kernel *k, uint64_t subcluster, const char *name, const json_t *config, struct bytes code);
/* Exports the root object, and keeps it referenced, at the vat's first start; inside a crank. */
void vat_provide_root(struct kernel *k, uint64_t id);
/*
 * Ends the vat for good, inside a crank: the delivery in flight is rejected with `[KERNEL:VAT_TERMINATED] detail`, its rows
 * go, and its subcluster when it was the last. The worker is stopped when the crank is kept; c-list and storage, and with
 * them the promises it was to decide and the objects it owned, go in steps afterwards (cleanup.h).
 */
void vat_terminate(struct kernel *k, uint64_t id, const char *detail);

void vat_set_faults(struct kernel *k, uint64_t id, uint64_t strikes, uint64_t crashes);

/* The vat's configuration, a new reference; NULL when there is no such vat. */
json_t *vat_config(struct kernel *k, uint64_t id);

/* ---- run time ---- */

/* The run-time record, made when it is first needed; the vat must exist. */
struct vat *vat_of(struct kernel *k, uint64_t id);
/* The run-time record if there is one. */
struct vat *vat_if_known(const struct kernel *k, uint64_t id);
void vat_set_phase(struct kernel *k, struct vat *vat, enum vat_phase phase);
/* The vat may have something to do: kernel_step() will look. */
void vat_make_ready(struct kernel *k, struct vat *vat);
/* Appends to the vat's deliveries in flight; takes `flight` over. */
void vat_add_flight(struct vat *vat, struct flight *flight);
/* Takes the first of them off. It is the caller's, for flight_free(). */
struct flight *vat_take_flight(struct vat *vat);
/* Stops the worker, if any, and forgets the deliveries in flight. */
void vat_stop_worker(struct kernel *k, struct vat *vat);
/* Forgets a terminated vat; what was queued for it needs no worker any more. */
void vat_forget(struct kernel *k, struct vat *vat);
void vat_free(struct vat *vat);
void flight_free(struct flight *flight);

#endif
