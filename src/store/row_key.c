/* SPDX-License-Identifier: Apache-2.0 */
/* store/row_key.c - see row_key.h. */
#include "store/row_key.h"
#include "base/memory.h"

#include <stdlib.h>

void row_key_init(struct row_key *row, const char *vat, struct bytes key)
{
  row->scratch = NULL;
  row->skip = 0;
  row->full = key;
  if (!vat)
    return;
  row->skip = strlen(vat) + 1;
  char *full = row->room;
  if (row->skip + key.size > sizeof row->room)
    full = row->scratch = memory_alloc(row->skip + key.size);
  memcpy(full, vat, row->skip);
  if (key.size)
    memcpy(full + row->skip, key.data, key.size);
  row->full = bytes_from(full, row->skip + key.size);
}

void row_key_fini(struct row_key *row)
{
  free(row->scratch);
}

bool row_key_has(const struct row_key *row, struct bytes stored)
{
  return stored.size >= row->skip && (row->skip == 0 || memcmp(stored.data, row->full.data, row->skip) == 0);
}

struct bytes row_key_bare(const struct row_key *row, struct bytes stored)
{
  return bytes_after(stored, row->skip);
}
