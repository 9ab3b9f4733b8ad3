/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/row_key.h - where a row lies in an ordered map that holds the rows of all vats: under "vat NUL key". A vat id has no
 * NUL, so the rows of one vat lie together, in their own order. The kernel's own rows, in a map of theirs, lie under their key.
 */
#ifndef VATD_STORE_ROW_KEY_H
#define VATD_STORE_ROW_KEY_H

#include "base/bytes.h"

struct row_key {
  struct bytes full;
  size_t skip; /* bytes of a stored key before the caller's key */
  char *scratch;
  char room[160]; /* for all keys but long ones */
};

/* `vat` and `key` are borrowed until row_key_fini(). The structure must not be copied. */
void row_key_init(struct row_key *row, const char *vat, struct bytes key);
void row_key_fini(struct row_key *row);

/* Whether a stored key is one of the rows of that vat. */
bool row_key_has(const struct row_key *row, struct bytes stored);
/* The caller's key of a stored one. */
struct bytes row_key_bare(const struct row_key *row, struct bytes stored);

#endif
