/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/heap_place.h - where the heap of a machine lies that starts from a code image: at the same address in all workers of a bundle.
 *
 * A heap is full of pointers into itself, so that two of them can only be alike page by page where they have the same address. The file
 * with the code image has the pages of the heap as they are before anything of the vat has run (code_image.h). They are mapped, privately,
 * where the heap will be; what a machine writes makes copies, and a copy that is found to be equal to the file's page is given back
 * (heap_place_share): then all workers of the bundle have that page together. Nothing of a heap is ever read from these pages.
 *
 *     base                                                                       base + HEAP_PLACE_SIZE
 *     | header (one page) | slots | chunks as in the file | room for more chunks |
 */
#ifndef VATD_VAT_WORKER_HEAP_PLACE_H
#define VATD_VAT_WORKER_HEAP_PLACE_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define HEAP_PLACE_CHUNKS (2047 * MIB) /* XS counts chunk bytes in 31 bits */
#define HEAP_PLACE_SIZE (LIMIT_CODE_IMAGE + HEAP_PLACE_CHUNKS)

struct heap_place {
  char *base; /* NULL: there is none */
  size_t mapped; /* of the file, at `base` */
  char *slots; /* once it is laid out; NULL: they lie elsewhere */
  char *chunks;
  size_t slots_size;
  struct bytes pages; /* the file's, read-only: what slots and chunks may be equal to. Empty: nothing is shared */
};

/*
 * Takes the address space from `address` on, and maps the file there, if `fd` is not -1; before the sandbox is entered. INVALID: it is no
 * address for this; IO: something else is there. Then heaps lie where the system puts them, and share nothing.
 */
enum vatd_code heap_place_open(struct heap_place *place, uintptr_t address, int fd, struct error *error);

/* Makes the memory for a heap that needs `slots_size` bytes of slots; `pages`, which may be empty, are the file's. Whole pages all. False:
 * they do not fit, and the place is not to be used. */
bool heap_place_lay_out(struct heap_place *place, size_t slots_size, struct bytes pages);

/* Gives back what is equal to the file's pages. */
void heap_place_share(const struct heap_place *place);

#endif
