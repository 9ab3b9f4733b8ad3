/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/hibernation.h - vats whose heap is in the database and that have no worker.
 *
 * The worker of an idle vat writes its heap down (an image), the kernel stores that and ends the worker, and the vat's next
 * delivery starts a worker that goes on with the image: in the same incarnation, with all promises and exports. Nobody but that
 * vat gets its image; the kernel does not look into it.
 *
 *     image.vN = {hash, bytes}     the image is in the blobs (blobs.h) under its SHA-256
 *
 * The row is written when the vat has no delivery under way, and removed by the crank with which it is awake again: while it is there
 * the vat has had no crank since the image was made. So an image is either exactly the vat's last state or gone, also
 * after a crash at any point: between the removal and the next image a vat whose kernel dies begins a new incarnation, as
 * always (restart.h). An image whose content is not what its hash says, or that no worker can read (one of another version of
 * vatd), is given up the same way.
 *
 * Vats hibernate when they are idle and say so ("idle": "hibernate"), when there are more workers than the driver wants, and before an
 * orderly end of the kernel. A vat in C does not: what its memory holds cannot be written down.
 */
#ifndef VATD_KERNEL_HIBERNATION_H
#define VATD_KERNEL_HIBERNATION_H

#include "kernel/internal.h"

bool hibernation_has_image(struct kernel *k, uint64_t vat);
/* What the vat's image takes in the database; 0: it has none. */
uint64_t hibernation_image_bytes(struct kernel *k, uint64_t vat);
/* Appends the vat's image to `image`, nothing if it has none. False: it has one, and it cannot be used. */
bool hibernation_read_image(struct kernel *k, uint64_t vat, struct buffer *image);
/* Removes the vat's image, if there is one; inside a crank. */
void hibernation_forget(struct kernel *k, uint64_t vat);

/* Asks the worker of a vat that is idle for an image; false when none can be had. */
bool hibernation_begin(struct kernel *k, struct vat *vat);
/* The image frame: stores the image and ends the worker, unless the vat has got something to do meanwhile. INVALID: nobody asked for
 * it, or it is malformed. */
enum vatd_code hibernation_take_image(struct kernel *k, struct vat *vat, struct bytes payload, struct error *error);

/* Of a kernel that is to rest: asks the next vat; false when there is none now. */
bool hibernation_step(struct kernel *k);

#endif
