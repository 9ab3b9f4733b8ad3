/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/slots.h - questions to the engine's slots, for C that includes the engine's own header. */
#ifndef VATD_VAT_WORKER_SLOTS_H
#define VATD_VAT_WORKER_SLOTS_H

#include "xsAll.h"

#include <stdbool.h>

static inline bool slot_is_string(const txSlot *slot)
{
  return slot->kind == XS_STRING_KIND || slot->kind == XS_STRING_X_KIND;
}

#endif
