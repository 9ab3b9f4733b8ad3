/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/launch.h - subclusters, and how one comes to be.
 *
 * A launch spans several cranks: the vats start one after another in the order of the configuration, then `bootstrap` is sent
 * once to the bootstrap vat, with the roots of all of them. Until its result has settled the subcluster is `launching` in the
 * store. If anything fails, or the kernel ends meanwhile, all its vats are terminated and its record is removed. (Ids are
 * spent; messages that were sent to others stay sent.)
 */
#ifndef VATD_KERNEL_LAUNCH_H
#define VATD_KERNEL_LAUNCH_H

#include "kernel/internal.h"

/* Whether all services and globals that a checked configuration asks for are there, and its system name is free. */
enum vatd_code launch_check_services(struct kernel *k, const struct launch_order *order, struct error *error);
/* Creates subcluster and vats and begins to start them; `key` as in kernel_launch(). */
void launch_begin(struct kernel *k, uint64_t request, const char *key, const struct launch_order *order);

/* The launch that the vat belongs to, if it is not finished. */
struct launch *launch_of_vat(struct kernel *k, uint64_t vat);
/* Whether some launch waits for this result of its bootstrap. */
bool launch_awaits(const struct kernel *k, struct kref result);
void launch_note_settled(struct kernel *k, struct kref promise);
void launch_vat_started(struct kernel *k, uint64_t vat);
/* Ends the launch because of this vat; the answer names it and the cause. */
void launch_fail_by_vat(struct kernel *k, struct launch *launch, uint64_t vat, const char *cause);
/* The bootstrap delivery left a rejection that nobody handled. */
void launch_fail_by_unhandled(struct kernel *k, uint64_t vat, struct bytes reason);
/* Finishes a launch whose bootstrap has settled; false when there is none. */
bool launch_finish_settled(struct kernel *k);
/* Removes what a launch that the kernel's end interrupted has left. */
void launch_remove_interrupted(struct kernel *k, uint64_t subcluster);
void launches_fini(struct kernel *k);

/* ---- subclusters ---- */

/* The subcluster's row, or NULL; the caller owns a reference. */
json_t *subcluster_json(struct kernel *k, uint64_t id);
bool subcluster_is_launching(const json_t *subcluster);
bool subcluster_has_channels(const json_t *subcluster);
/* Ids of all subclusters, in the arena. */
size_t subclusters_all(struct kernel *k, uint64_t **ids);
/* Its vats in launch order, in the arena. */
size_t subcluster_vats(struct kernel *k, uint64_t id, uint64_t **vats);
/* Forgets a terminated vat; the last one takes the subcluster with it. */
void subcluster_remove_vat(struct kernel *k, uint64_t id, uint64_t vat);
/* Terminates its vats, last launched first; inside a crank. */
void subcluster_terminate(struct kernel *k, uint64_t id, const char *detail);

#endif
