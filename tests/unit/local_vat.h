/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/local_vat.h - a vat in this process: the engine without channel and sandbox, and what a kernel would have stored. Its
 * machine may be written as an image and be made anew from it.
 */
#ifndef VATD_TESTS_LOCAL_VAT_H
#define VATD_TESTS_LOCAL_VAT_H

#include "base/ordmap.h"
#include "vat-worker/script_vat.h"

struct local_vat {
  struct host host;
  struct engine engine;
  struct worker_vat vat;
  struct vatstore_cache cache;
  struct crank crank;
  struct bytes snapshot; /* empty: from scripts */
  struct vat_limits limits;
  struct ordmap state;
  struct buffer frame; /* the last done frame, but for its usage */
  struct arena arena;  /* of the last answer */
};

/* The start snapshot of this build; the caller frees it. */
struct bytes local_vat_snapshot(void);

void local_vat_open(struct local_vat *vat, struct bytes snapshot);
void local_vat_close(struct local_vat *vat);

/* Each answer is valid until the next one, and is in `frame`, too. */
struct done_frame local_vat_start(struct local_vat *vat, const char *config, const char *bundle);
struct done_frame local_vat_deliver(struct local_vat *vat, const struct delivery *delivery);
/* method(args) to o+0, with result p-100; `slot`, which may be NULL, is slots[0]. */
struct done_frame local_vat_call(struct local_vat *vat, const char *method, const char *args, const char *slot);

bool local_vat_write_image(struct local_vat *vat, struct buffer *image);
/* The machine and all else of the worker goes; a new one is made of the image. */
struct done_frame local_vat_wake(struct local_vat *vat, struct bytes image);
/* Both. */
void local_vat_nap(struct local_vat *vat);

#endif
