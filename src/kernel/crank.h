/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/crank.h - the life of a crank: one delivery to one vat, with all its effects, or none of them. crank.c tells it.
 */
#ifndef VATD_KERNEL_CRANK_H
#define VATD_KERNEL_CRANK_H

#include "kernel/internal.h"
#include "kernel/records.h"

/* ---- the savepoint around every change ---- */

void crank_begin(struct kernel *k);
/* Answers whoever waited for what was settled, deletes what is no longer referenced, releases the savepoint, and lets memory
 * follow: what was staged takes effect. */
void crank_keep(struct kernel *k);
/* Undoes everything since crank_begin and forgets what was staged. */
void crank_drop(struct kernel *k);
/* Notes in memory that a slot of the stored run queue waits for its vat, or for no worker. */
void crank_index_item(struct kernel *k, const struct staged_item *item);
/* Forgets the same without the store: its batch has been given up. */
void crank_forget(struct kernel *k);

/* ---- steps (called by kernel_step) ---- */

/* Does what the vat has to do next, if anything: restart crank, start, or delivery. */
void crank_dispatch(struct kernel *k, struct vat *vat);
/* Finishes a queued item that no worker takes: its target is a service, is gone, or was never an object. */
void crank_finish_loose(struct kernel *k, uint64_t slot);
/* A queued message that cannot be delivered, to this vat or (0) to nobody: its result is rejected, and that is all. */
void crank_reject_message(struct kernel *k, uint64_t vat, uint64_t slot, const struct queue_item *item,
                          const struct kernel_data *reason);
/* The restart crank of a vat whose incarnation was ended by the end of the kernel itself, or just now. */
void crank_restart(struct kernel *k, struct vat *vat);

/* ---- what workers report ---- */

/* `done` answers the vat's outstanding init or deliver. */
/* The worker asks for a part of its storage (pages.h). */
void crank_page(struct kernel *k, struct vat *vat, struct bytes payload);
void crank_complete(struct kernel *k, struct vat *vat, const struct done_frame *done);
/* The worker is gone, or has to go. */
void crank_worker_ended(struct kernel *k, struct vat *vat, enum worker_end end, const char *detail);
/* The vat did what no honest vat does: it is terminated. */
void crank_vat_broke_rules(struct kernel *k, struct vat *vat, const char *detail);

/* Answers the requests that wait for the vat to have a worker, and sends it the pings that do. */
void crank_worker_is_ready(struct kernel *k, struct vat *vat);

#endif
