/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/harden.h - harden() in C, for SES to take instead of its own: it takes the global `harden` that it finds.
 *
 * It does what makeHardener() of ses does, to the same objects in the same order, and throws what that throws; tests/oracle
 * compares the two.
 */
#ifndef VATD_VAT_WORKER_HARDEN_H
#define VATD_VAT_WORKER_HARDEN_H

#include "vat-worker/xs_platform.h"

/* harden(value) -> value. A host function. */
void harden(xsMachine *the);

/* For C that includes the engine's own header. May allocate, and may run JavaScript if not all of it is plain. */
struct sxSlot;
void harden_object(xsMachine *the, struct sxSlot *instance);

#endif
