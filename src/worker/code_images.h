/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/code_images.h - what workers of a bundle that was started before start from: a heap with the bundle's code compiled.
 *
 * Most of a vat's start is the compilation of its code, and that is the same for all vats of a bundle. So a process of its own, as shut
 * in as a worker and with no vat, gets the bundle, compiles it, runs nothing of it, and sends its heap, which is kept as a sealed memory
 * file under the bundle's SHA-256. The processes that are handed the file are workers of vats with this very bundle: whatever hole in the
 * parser the bundle may use, it reaches only where its own code would have run anyway. Nothing of a heap is looked at here.
 *
 * Each image has a place, an address drawn at random, where the heaps of its workers lie: so they can have equal pages in common
 * (vat-worker/heap_place.h).
 *
 * An image may be missing at any time: then a vat starts without. The least recently used ones go when there are too many.
 */
#ifndef VATD_WORKER_CODE_IMAGES_H
#define VATD_WORKER_CODE_IMAGES_H

#include "worker/process.h"

struct code_image;

struct code_images {
  struct worker_host host;      /* of the makers */
  struct code_image *first;     /* the most recently used one */
  size_t count;
  size_t bytes;
  struct worker_process *maker; /* one at a time, or NULL */
  uint64_t place;               /* where its heap lies */
  char *making;                 /* the hash of the bundle that it has, or will have; NULL: nothing is to be made */
  struct buffer frame;          /* what it will be told, until there is a maker */
};

/* `host` has been opened, and must outlive it. */
void code_images_open(struct code_images *images, const struct worker_host *host);
void code_images_close(struct code_images *images);

/* What workers of the bundle start from: the file, or -1, which the caller may hand to a child and does not close; and the place of their
 * heaps. */
struct worker_code code_images_find(struct code_images *images, const char *hash);

/* An image is to be made, unless there is one, or it is known that there can be none, or another one is to be made. */
void code_images_want(struct code_images *images, const char *hash, struct bytes bundle);
/* To be called when there is nothing more urgent to do: begins to make what is wanted. */
void code_images_make(struct code_images *images);

#endif
