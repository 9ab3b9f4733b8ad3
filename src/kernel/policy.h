/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/policy.h - what a vat may use, and what becomes of it when it uses more. Its configuration may say so:
 *
 *   "limits":  {"computrons": N per crank, "heapBytes": N, "deadlineMs": N per crank, "reapInterval": N deliveries,
 *               "syscalls", "crankBytes", "crankObjects", "crankPromises": N per crank, "queuedMessages": N,
 *               "storageBytes", "storageKeys", "valueBytes": N}
 *   "idle":    "stay" | "hibernate" | "sleep"
 *   "faults":  {"strikes": N, "crashes": N in a row, "then": "suspend" | "terminate"}
 *
 * What it does not say is a DEFAULT_… of base/limits.h.
 */
#ifndef VATD_KERNEL_POLICY_H
#define VATD_KERNEL_POLICY_H

#include "base/error.h"
#include "kernel/internal.h"

/* Checks these members of a vat's configuration; `vat` is its name, for the error's text. */
enum vatd_code policy_check(const char *vat, const json_t *config, struct error *error);
/* Reads a checked configuration. */
struct policy policy_read(const json_t *config);

#endif
