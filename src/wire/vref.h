/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/vref.h - a vat's names for objects and promises.
 *
 * `o+N` and `p+N` were allotted by the vat (it exports them), `o-N` and `p-N` by the kernel (the vat imports them);
 * `o+d6/1` is instance 1 of the durable kind 6, `o+v3/4` one of a virtual kind, `o+d10/1:0` facet 0 of an instance. The
 * grammar, whole (source: SwingSet, parseVatSlots.js):
 *
 *   vref   = ("o" | "p") ("+" | "-") number  |  "o+" ("d" | "v") number "/" number [":" number]
 *   number = "0" | nonzero-digit digits, that fits 63 bits
 */
#ifndef VATD_WIRE_VREF_H
#define VATD_WIRE_VREF_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct vref {
  bool promise;      /* p…; otherwise an object, o… */
  bool exported;     /* allotted by the vat (+) */
  bool durable;      /* o+d… */
  bool virtual;      /* o+v… */
  bool faceted;      /* …:N */
  uint64_t number;   /* of a durable or virtual object: of its kind */
  uint64_t instance; /* durable and virtual only */
};

bool vref_parse(struct bytes text, struct vref *vref);

/* A decimal number without sign or leading zero, that fits 63 bits. */
bool decimal_parse(struct bytes text, uint64_t *value);
/* The number as such a text, with a NUL that the result does not count. `out` has room for DECIMAL_SIZE. */
#define DECIMAL_SIZE 21
size_t decimal_print(char *out, uint64_t value);

#endif
