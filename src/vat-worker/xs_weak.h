/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_weak.h - included ahead of XS's xsPromise.c: what is declared weak there gives way to ours of the same
 * name (xs_platform.c), also where that file calls it itself.
 */
#ifndef VATD_VAT_WORKER_XS_WEAK_H
#define VATD_VAT_WORKER_XS_WEAK_H

#include "xsAll.h"

extern void fxQueueJob(txMachine *the, txInteger count, txSlot *promise) __attribute__((weak));

#endif
