/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/burst.h - many messages, so many of them in flight at once, timed: the inner loop of the workloads.
 *
 * The drivers of the other kernels have the same in drivers/burst.mjs; number i of a burst is the same message everywhere.
 */
#ifndef VATD_BENCH_BURST_H
#define VATD_BENCH_BURST_H

#include <jansson.h>
#include <vatd/vatd.h>

/*
 * Sends and waits until all are answered. `command`: {targets: [kref], method, form: "none" | "set", keys, first, count, width};
 * width 0 means all at once; message i goes to targets[i % targets]. The reply, which the caller owns: {ok, seconds, answered,
 * p50, p99} in seconds, or {ok: false, error}.
 */
json_t *burst_run(struct vatd *kernel, const json_t *command);

#endif
