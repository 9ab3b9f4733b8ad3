/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/bundles.h - from a cluster configuration to the code of its vats.
 *
 * A bundleSpec is read (a path or file: URL), and so is a programSpec, the executable of a vat in C; a sourceSpec is
 * bundled first, by running `vat bundle`. It all happens with the host's own authority, which is that of whoever may
 * launch: a client of the same user, or a system subcluster through kernelFacet (without programs). Nothing is fetched
 * from a network.
 */
#ifndef VATD_LIBVATD_BUNDLES_H
#define VATD_LIBVATD_BUNDLES_H

#include "base/buffer.h"
#include "base/error.h"
#include "kernel/kernel.h"

#include <jansson.h>
#include <uv.h>

/* Called once: with VATD_OK and the bundles in the configuration's order, or with what went wrong. The bundles are borrowed
 * until it returns. */
typedef void bundles_done_fn(void *context, enum vatd_code code, const struct launch_bundle *bundles, size_t count,
                             const struct error *error);

/*
 * Loads the code of all vats of a checked configuration (kernel_check_config). `bundler` is the path of the `vat` program.
 * The configuration is referenced until the end. The callback may come before this returns.
 */
void bundles_load(uv_loop_t *loop, const char *bundler, json_t *config, bundles_done_fn *done, void *context);

#endif
