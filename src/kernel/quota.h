/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/quota.h - what the kernel counts of a vat: what one crank does, what the vat keeps, what it has sent.
 *
 * Time, memory and computation are the worker's to bound; these are the kernel's, and a worker that lies does not get around
 * them. A crank that goes over one is undone as a whole, and the vat has a strike (policy.h, docs/limits.md). Each refusal is
 * LIMIT with a text like
 *
 *     limits.syscalls of v3 is 100, and this crank has 101
 */
#ifndef VATD_KERNEL_QUOTA_H
#define VATD_KERNEL_QUOTA_H

#include "kernel/internal.h"
#include "kernel/pages.h"

/* Of a crank as it is reported: system calls, bytes, the size of each value. Before anything is applied. */
enum vatd_code quota_check_crank(const struct vat *vat, const struct done_frame *done, struct error *error);

/* Of what the crank has made so far: objects, promises, messages. After each syscall; the last was `call`. */
enum vatd_code quota_check_made(struct kernel *k, const struct vat *vat, const struct vat_syscall *call, struct error *error);

/* ---- storage ----
 *
 * Exact sums would cost a read for every set. So a vat's account is an upper bound, to which sets add and from which nothing
 * is taken, until it reaches half of what the vat may keep: then it is counted anew and kept exactly, as long as more than half
 * is used.
 *
 * The account of a storage that does not fit an init frame is a row, storage.vN, so that a start need not count: "BYTES,KEYS,most" or,
 * when it is kept exactly, "BYTES,KEYS,exact". It is written in the crank that makes it too small.
 */

/* The account of a vat whose worker is about to start with the first part of its storage, which may be all. */
void quota_open_account(struct kernel *k, struct vat *vat, const struct page_rows *part);
/* Somebody else has deleted rows of the vat: what was exact is a bound now. Inside a crank. */
void quota_doubt_account(struct kernel *k, uint64_t vat);
/* The row's text. False: it is malformed. */
bool quota_parse_row(struct bytes text, uint64_t *bytes, uint64_t *keys, bool *exact);
/* Applies the sets and deletes. `account` is a copy of the vat's; it becomes the vat's when the crank is kept. */
enum vatd_code quota_apply_checkpoint(struct kernel *k, const struct vat *vat, const struct done_frame *done,
                                      struct storage_account *account, struct error *error);

/* ---- messages ---- */

/* A message of `sender` (0: nobody's) has come into the run queue, or is gone from it. */
void quota_count_queued(struct kernel *k, uint64_t sender, bool came);

#endif
