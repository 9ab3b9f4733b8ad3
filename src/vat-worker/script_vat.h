/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/script_vat.h - a vat in JavaScript, as the frame loop of vat/worker.h wants it: cranks run in the engine. */
#ifndef VATD_VAT_WORKER_SCRIPT_VAT_H
#define VATD_VAT_WORKER_SCRIPT_VAT_H

#include "vat-worker/engine.h"
#include "vat/worker.h"

/* `engine` must outlive it; its host's crank is where effects go. */
struct worker_vat script_vat(struct engine *engine);

#endif
