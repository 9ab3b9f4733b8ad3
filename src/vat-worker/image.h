/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/image.h - a heap as it is kept: what the engine writes, compressed against what the worker started from.
 *
 *     "vatimage"  dictionary (8 bytes)  size of the heap (8 bytes)  one zstd frame with a checksum
 *
 * Numbers are little-endian. `dictionary` is the XXH3 of the start snapshot: an image can be read only by workers of the build that
 * wrote it. It recognizes, and protects from nothing: whoever makes an image on purpose makes one that fits.
 */
#ifndef VATD_VAT_WORKER_IMAGE_H
#define VATD_VAT_WORKER_IMAGE_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends the image of `heap` to `out`. LIMIT: it does not fit; then `out` is as before. */
enum vatd_code image_pack(struct buffer *out, struct bytes heap, struct bytes dictionary, struct error *error);

/* Appends the heap to `out`, whose limit bounds it. INVALID: this is no image, or a damaged one, or one against another dictionary;
 * LIMIT: the heap does not fit. */
enum vatd_code image_unpack(struct buffer *out, struct bytes image, struct bytes dictionary, struct error *error);

#endif
