/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/pages.h - a vat's storage, a part at a time.
 *
 * A worker gets with init as much of its vat's storage as LIMIT_INIT_STATE allows, in key order, and asks for the rest in pages when it
 * needs it, in the middle of a crank: the one thing that a worker may ask. An answer is what the store holds now. That is what the worker
 * must see: its frames are handled in order, so each crank that it had ended before it asked has been applied, and nothing of the
 * one it is in. (Were one not kept, the worker would be gone.) Deliveries sent ahead change nothing about it.
 *
 * Answering writes nothing and is no crank. A page out of turn or malformed ends the vat; too many in one crank are a limit.
 */
#ifndef VATD_KERNEL_PAGES_H
#define VATD_KERNEL_PAGES_H

#include "kernel/internal.h"

/* Rows of a part of a vat's storage, in the kernel's arena. */
struct page_rows {
  struct key_value_list rows;
  bool more; /* there are rows behind them */
};

/* Rows from the key `from` on: one, and as many more as `count` and `bytes` allow. */
struct page_rows pages_read(struct kernel *k, uint64_t vat, struct bytes from, uint64_t count, uint64_t bytes);

/*
 * Answers a page frame of the worker of a vat that is starting or busy. LIMIT: it has asked too often in this crank; INVALID: it may
 * not ask so. Then nothing has been sent.
 */
enum vatd_code pages_answer(struct kernel *k, struct vat *vat, struct bytes payload, struct error *error);

#endif
