/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/vatstore.h - one vat's rows in the store: read for its worker (pages.h), changed by checkpoints, and looked into by
 * the restart crank. As with records.h, a failing store breaks the kernel, and then nothing is found and nothing done.
 * What is handed out lies in the kernel's arena.
 */
#ifndef VATD_KERNEL_VATSTORE_H
#define VATD_KERNEL_VATSTORE_H

#include "kernel/internal.h"

/* `value` may be NULL. */
bool vatstore_get(struct kernel *k, uint64_t vat, struct bytes key, struct bytes *value);
void vatstore_put(struct kernel *k, uint64_t vat, struct bytes key, struct bytes value);
void vatstore_delete(struct kernel *k, uint64_t vat, struct bytes key);
/* The first key greater than `after`. */
bool vatstore_next_key(struct kernel *k, uint64_t vat, struct bytes after, struct bytes *key);
bool vatstore_has_prefix(struct kernel *k, uint64_t vat, struct bytes prefix);
/* All rows whose key starts with `prefix`. */
struct key_value_list vatstore_rows(struct kernel *k, uint64_t vat, struct bytes prefix);
/* The rows of the vat from the key `from` on, one after the other; see the store's scan_from(). */
void vatstore_each(struct kernel *k, uint64_t vat, struct bytes from, store_row_fn *row, void *context);
/* How large the key's value is; false when there is none. */
bool vatstore_value_size(struct kernel *k, uint64_t vat, struct bytes key, size_t *size);

#endif
