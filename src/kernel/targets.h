/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/targets.h - vats as requests name them: by id or by name; and their root objects, to which messages from outside go.
 *
 * Which root a text stands for is remembered, for it takes several looks into the store to find it, and hardly ever changes.
 */
#ifndef VATD_KERNEL_TARGETS_H
#define VATD_KERNEL_TARGETS_H

#include "kernel/internal.h"

/*
 * The root of the vat with this id or name. NOT_FOUND: there is none; INVALID: several have the name; BUSY: it has not started
 * for the first time. Not to be called inside a crank, which may be dropped and its vats with it. kernel_find_vat() is the same for the vat's id.
 */
enum vatd_code target_find_root(struct kernel *k, struct bytes text, struct kref *root, struct error *error);

/* To be called when a vat comes or goes. */
void targets_forget(struct kernel *k);

#endif
