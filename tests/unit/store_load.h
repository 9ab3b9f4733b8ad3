/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_load.h - random batches for a store, and everything that is in it, for tests that need a database of
 * some size and compare it as a whole.
 */
#ifndef VATD_TESTS_STORE_LOAD_H
#define VATD_TESTS_STORE_LOAD_H

#include "kernel/store.h"
#include "sim/rng.h"

#define LOAD_VATS 5

struct load {
  unsigned keys;          /* of each vat, at most */
  unsigned changes;       /* in one batch, at most */
  unsigned value_size;    /* at most */
  unsigned large_percent; /* of values, which are thirty times as large: they spread over pages of their own */
};

/* Makes the batch with this number, which it writes into a row of the kernel's, and commits it. */
enum vatd_code load_batch(struct store *store, const struct load *load, unsigned number, struct rng *rng,
                          struct error *error);
/* The number of the last batch that is in the store; 0 when there is none. */
enum vatd_code load_number(struct store *store, unsigned *number, struct error *error);
/* Appends everything the kernel can read. */
enum vatd_code load_read_all(struct store *store, struct buffer *out, struct error *error);
/* The hash of the same. */
enum vatd_code load_hash(struct store *store, uint64_t *hash, struct error *error);

#endif
