/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_image_checks.c - what must be true of the kernel's state after every crank: that fsck finds nothing
 * (kernel/fsck.h); the checks are not made twice.
 */
#include "kernel_image.h"

#include "kernel/fsck.h"

static void note_finding(void *context, const struct fsck_finding *finding)
{
  image_wrong(context, "%s: %.*s %s", finding->table, BYTES_ARG(finding->key), finding->what);
}

void image_check(struct image *image, struct store *store)
{
  fsck_store(store, NULL, note_finding, image);
}
