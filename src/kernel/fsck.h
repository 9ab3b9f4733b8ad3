/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/fsck.h - whether what a store holds of the kernel's state is what a kernel leaves there between two cranks.
 *
 * All rows of kv are read once, each without the kernel's own reader, which stops at the first row that is wrong. What is
 * stored more than once is recomputed from the other place and compared: counts from their holders (refs.h says who is
 * counted), the index of importers and the two directions of the c-lists from each other, counters from the ids in use,
 * what vats have to be told of garbage from the counts. Nothing is written and nothing trusted: whatever the rows say, the
 * answer is a list of findings. The tests of the kernel hold every crank to this.
 */
#ifndef VATD_KERNEL_FSCK_H
#define VATD_KERNEL_FSCK_H

#include "kernel/store.h"

/* Something wrong. Borrowed until the callback returns. */
struct fsck_finding {
  const char *table;  /* "kv", "kv_vatstore", "bundle" */
  struct bytes key;   /* the row, or the one that should be there; any bytes */
  const char *what;   /* what is wrong with it, UTF-8 where the rows are */
};

typedef void fsck_found_fn(void *context, const struct fsck_finding *finding);

/* What the store's interface cannot list: the vats that have rows in kv_vatstore, and the hashes of the bundles. */
struct fsck_lists {
  char **vats;
  size_t vat_count;
  char **bundles;
  size_t bundle_count;
};

/* Checks all. `lists` may be NULL: then the two other tables are not looked at. Returns how many findings there were; a store
 * that cannot be read to the end is one. */
size_t fsck_store(struct store *store, const struct fsck_lists *lists, fsck_found_fn *found, void *context);

#endif
