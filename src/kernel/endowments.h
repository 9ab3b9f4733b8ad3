/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/endowments.h - the globals that a vat's configuration asks for, and the kernel objects behind some of them.
 *
 *   "vats": {"clock": {"bundleSpec": …, "globals": ["setTimeout", "Date", "fetch"], "network": {"allowedHosts": ["a.example"]}}}
 *
 * Most globals are made inside the worker (js/globals.js) and concern the kernel only as names. Timers and fetch need somebody
 * outside: each vat that is granted one of them gets a kernel service's object of its own, "vatd:timer:v3" or "vatd:fetch:v3",
 * as an import in its c-list before its worker is started, and the init frame's configuration says under which names:
 * "kernelObjects": {"timer": "o-1"}. The worker's supervisor holds these references, the vat's code never sees them. The entry
 * stays over restarts (the restart crank leaves it alone, restart.c), so that one vat uses one name of it for life.
 *
 * A call of such an object ends with the incarnation that made it, and nobody hears of it (services_end_calls_of).
 *
 * The names are those of the TypeScript kernel (endowments/index.ts and VatSupervisor.ts), with its messages.
 */
#ifndef VATD_KERNEL_ENDOWMENTS_H
#define VATD_KERNEL_ENDOWMENTS_H

#include "kernel/internal.h"

/* The form of a vat's `globals` and `network`; INVALID with the reason. */
enum vatd_code endowments_check(const char *vat, const json_t *config, struct error *error);
/* Whether this kernel offers all globals that the vats of a checked cluster configuration ask for. */
enum vatd_code endowments_allowed(const struct kernel *k, const json_t *config, struct error *error);

/* Sees to it that the vat's c-list has what its configuration grants: a crank of its own if something is missing. */
void endowments_provide(struct kernel *k, uint64_t vat);
/* The vat's configuration as its worker gets it: `stored`, and "kernelObjects" if it has any. */
struct bytes endowments_config(struct kernel *k, uint64_t vat, struct bytes stored);
/* Whether the object is one of the vat's own endowments. */
bool endowments_include(struct kernel *k, uint64_t vat, struct kref object);
/* The vat of a service name like "vatd:timer:v3", or 0. */
uint64_t endowment_vat(struct bytes service);
/* The vat is terminated: its objects have no name any more; inside a crank. */
void endowments_forget(struct kernel *k, uint64_t vat);

#endif
