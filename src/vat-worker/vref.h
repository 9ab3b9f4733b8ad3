/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/vref.h - parseVatSlot() of liveslots in C (js/liveslots/parseVatSlots.js).
 */
#ifndef VATD_VAT_WORKER_VREF_H
#define VATD_VAT_WORKER_VREF_H

#include "vat-worker/xs_platform.h"

/*
 * parseVref(vref, form) -> the parts of the reference, an object with the property names of `form`, in this order: type,
 * allocatedByVat, virtual, durable, id, subid, baseRef, facet. undefined: the original has to say what is wrong with it. A
 * host function.
 */
void vref_parse(xsMachine *the);

#endif
