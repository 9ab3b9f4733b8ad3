/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/code_image.h - the file that workers of a bundle start from (worker/code_images.h says why there is one).
 *
 *     header, filled up to a page | the pages of slots | those of chunks | the heap as the engine writes it
 *
 * The pages are those of a machine that has read this very heap, at the place where the workers' will be (heap_place.h). There may be none.
 * Numbers are the machine's own: no image leaves it.
 */
#ifndef VATD_VAT_WORKER_CODE_IMAGE_H
#define VATD_VAT_WORKER_CODE_IMAGE_H

#include "base/buffer.h"
#include "base/error.h"

struct code_image {
  struct bytes slots;  /* pages */
  struct bytes chunks; /* likewise; when it is read, `slots` and they are one range */
  struct bytes heap;
};

/* Appends it to `out`, which is empty. False: it is too large. */
bool code_image_write(struct buffer *out, const struct code_image *image);
/* The image is part of `file`, which begins at a page. INVALID: it is none. */
enum vatd_code code_image_read(struct code_image *image, struct bytes file, struct error *error);

#endif
