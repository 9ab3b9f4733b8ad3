/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/blobs.h - what is kept by its SHA-256: the code of vats, and the images of heaps (hibernation.h).
 *
 * The store keeps each content once, in its table `bundle`, under its hash; the row bundleRefs.<hash> counts who uses it.
 */
#ifndef VATD_KERNEL_BLOBS_H
#define VATD_KERNEL_BLOBS_H

#include "kernel/internal.h"

/* Counts one user more; returns the content's hash, in the arena. Inside a crank, like the next one. */
struct bytes blob_add(struct kernel *k, struct bytes content);
/* One user less; the content goes with the last. */
void blob_drop(struct kernel *k, struct bytes hash);
/* Appends the content to `content`; false when it is not there (or the kernel is broken). */
bool blob_find(struct kernel *k, struct bytes hash, struct buffer *content);
/* The same of what must be there: if it is not, the store has lost it and the kernel breaks. */
bool blob_read(struct kernel *k, struct bytes hash, struct buffer *content);

#endif
