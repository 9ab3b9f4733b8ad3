/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/cleanup.c - see cleanup.h. Row: ending.vN, JSON {detail}. */
#include "kernel/cleanup.h"
#include "kernel/clist.h"
#include "kernel/crank.h"
#include "kernel/gc.h"
#include "kernel/promises.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/services.h"
#include "kernel/vatstore.h"

static struct bytes row_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "ending.%s", vat_id_text(vat).text);
}

void cleanup_begin(struct kernel *k, uint64_t vat, const char *detail)
{
  record_put_reason(k, row_key(k, vat), "detail", detail);
}

void cleanup_find(struct kernel *k)
{
  uint64_t *vats;
  size_t count = record_ids(k, bytes_of("ending."), vat_id_parse, &vats);
  for (size_t i = 0; i < count; i++)
    number_list_add(&k->ending, vats[i]);
}

bool cleanup_is_ending(const struct kernel *k, uint64_t vat)
{
  for (size_t i = 0; i < k->ending.count; i++) {
    if (number_list_at(&k->ending, i) == vat)
      return true;
  }
  return false;
}

static void end_promise(struct kernel *k, uint64_t vat, const struct clist_row *row, const char *detail)
{
  promise_unsubscribe(k, row->kref, vat);
  if (record_decider(k, row->kref) == vat)
    promise_reject(k, row->kref, "VAT_TERMINATED", detail);
  clist_remove(k, vat, row);
}

static void end_object(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  struct vref vref = {0};
  vref_parse(row->vref, &vref);
  clist_remove(k, vat, row);
  if (vref.exported) {
    record_set_owner(k, row->kref, 0);
    ref_check(k, row->kref);
  }
}

/* Ends up to `budget` entries of the c-list; returns how many. */
static size_t end_entries(struct kernel *k, uint64_t vat, enum kref_type type, size_t budget)
{
  struct clist_row *rows;
  size_t count = record_clist_some(k, vat, type, budget, &rows);
  struct bytes detail = bytes_of("");
  if (type == KREF_PROMISE && count)
    record_reason(k, row_key(k, vat), "detail", &detail);
  for (size_t i = 0; i < count; i++) {
    if (type == KREF_PROMISE)
      end_promise(k, vat, &rows[i], detail.data);
    else
      end_object(k, vat, &rows[i]);
  }
  return count;
}

static size_t end_storage(struct kernel *k, uint64_t vat, size_t budget)
{
  struct bytes key = bytes_of("");
  size_t count = 0;
  while (count < budget && vatstore_next_key(k, vat, key, &key)) {
    vatstore_delete(k, vat, key);
    count++;
  }
  if (count < budget)
    vatstore_delete(k, vat, bytes_of("")); /* the one key that no other is before */
  return count;
}

bool cleanup_step(struct kernel *k)
{
  if (k->ending.count == 0)
    return false;
  uint64_t vat = number_list_first(&k->ending);
  size_t budget = LIMIT_CLEANUP_ROWS;
  crank_begin(k);
  budget -= end_entries(k, vat, KREF_PROMISE, budget);
  budget -= end_entries(k, vat, KREF_OBJECT, budget);
  budget -= end_storage(k, vat, budget);
  bool done = budget > 0;
  if (done) {
    services_end_calls_of(k, vat);
    gc_forget_vat(k, vat);
    record_delete_import_counters(k, vat);
    record_delete(k, row_key(k, vat));
  }
  crank_keep(k);
  if (done)
    number_list_remove(&k->ending, vat);
  return true;
}
