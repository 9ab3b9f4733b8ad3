/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/clist.c - see clist.h.
 *
 * Invariants: an entry is stored under its kref and under its vref, both or neither. An object knows its importers by an
 * index (koN.importer.vN). An import entry (o-, p-) of an object
 * counts for it, reachable or only recognizable as its flag says; an export entry of an object does not. Every promise
 * entry counts for the promise.
 */
#include "kernel/clist.h"
#include "base/check.h"
#include "kernel/promises.h"
#include "kernel/refs.h"

#include <inttypes.h>

bool clist_may_name(struct kernel *k, uint64_t vat, struct bytes vref, struct error *why)
{
  struct vref parsed;
  struct clist_row row;
  if (!vref_parse(vref, &parsed)) {
    error_set(why, VATD_INVALID, "'%.*s' is not a reference", BYTES_ARG(vref));
    return false;
  }
  if (!record_clist_by_vref(k, vat, vref, &row)) {
    if (!parsed.exported)
      error_set(why, VATD_INVALID, "%.*s is not in the c-list", BYTES_ARG(vref));
    return parsed.exported;
  }
  if (!row.reachable && !parsed.exported) {
    error_set(why, VATD_INVALID, "%.*s was dropped and cannot be used", BYTES_ARG(vref));
    return false;
  }
  return true;
}

bool clist_may_name_all(struct kernel *k, uint64_t vat, const struct bytes_list *vrefs, struct error *why)
{
  for (size_t i = 0; i < vrefs->count; i++) {
    if (!clist_may_name(k, vat, vrefs->items[i], why))
      return false;
  }
  return true;
}

/* Counts what a new entry holds. */
static void count_entry(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  struct vref vref = {0};
  vref_parse(row->vref, &vref);
  if (vref.promise || !vref.exported)
    ref_add(k, row->kref);
  if (!vref.promise && !vref.exported)
    record_add_importer(k, row->kref, vat);
}

struct kref clist_export(struct kernel *k, uint64_t vat, struct bytes vref)
{
  struct clist_row row;
  if (record_clist_by_vref(k, vat, vref, &row)) {
    if (!row.reachable) { /* an export that the kernel had dropped is handed out again */
      row.reachable = true;
      record_clist_put(k, vat, &row);
    }
    return row.kref;
  }
  struct vref parsed = {0};
  bool valid = vref_parse(vref, &parsed) && parsed.exported;
  CHECK(valid || kernel_is_broken(k));
  row = (struct clist_row){.vref = vref, .reachable = true};
  *(parsed.promise ? &k->staged.promises : &k->staged.objects) += 1;
  row.kref = parsed.promise ? promise_new(k, vat) : object_new(k, vat);
  record_clist_put_new(k, vat, &row);
  count_entry(k, vat, &row);
  return row.kref;
}

struct kernel_data clist_export_data(struct kernel *k, uint64_t vat, const struct capdata *data)
{
  struct kernel_data result = {.body = data->body, .slot_count = data->slots.count};
  result.slots = arena_alloc_array(&k->arena, result.slot_count, sizeof *result.slots);
  for (size_t i = 0; i < result.slot_count; i++)
    result.slots[i] = clist_export(k, vat, data->slots.items[i]);
  return result;
}

static struct bytes note_addition(struct flight *flight, struct kref kref, struct bytes vref, bool revived)
{
  flight->additions =
      grown(flight->additions, flight->addition_count, &flight->addition_capacity, sizeof *flight->additions);
  flight->additions[flight->addition_count++] = (struct clist_addition){kref, vref, revived};
  return vref;
}

static const struct clist_addition *find_addition(const struct flight *flight, struct kref kref)
{
  for (size_t i = 0; i < flight->addition_count; i++) {
    if (kref_equal(flight->additions[i].kref, kref))
      return &flight->additions[i];
  }
  return NULL;
}

struct bytes clist_import(struct kernel *k, const struct vat *vat, struct flight *flight, struct kref kref)
{
  const struct clist_addition *added = find_addition(flight, kref);
  for (const struct flight *ahead = vat->flight; ahead && !added; ahead = ahead->next)
    added = find_addition(ahead, kref);
  if (added)
    return arena_copy(&flight->arena, added->vref);
  struct clist_row row;
  if (record_clist_by_kref(k, vat->id, kref, &row)) {
    struct bytes vref = arena_copy(&flight->arena, row.vref);
    return row.reachable ? vref : note_addition(flight, kref, vref, true);
  }
  struct bytes vref = kref.type == KREF_OBJECT ? arena_printf(&flight->arena, "o-%" PRIu64, flight->next_object++)
                                               : arena_printf(&flight->arena, "p-%" PRIu64, flight->next_promise++);
  return note_addition(flight, kref, vref, false);
}

struct capdata clist_import_data(struct kernel *k, const struct vat *vat, struct flight *flight, const struct kernel_data *data)
{
  struct capdata result = {.body = data->body, .slots = {NULL, data->slot_count}};
  result.slots.items = arena_alloc_array(&flight->arena, data->slot_count, sizeof *result.slots.items);
  for (size_t i = 0; i < data->slot_count; i++)
    result.slots.items[i] = clist_import(k, vat, flight, data->slots[i]);
  return result;
}

void clist_apply_flight(struct kernel *k, uint64_t vat, const struct flight *flight)
{
  if (flight->addition_count == 0)
    return;
  for (size_t i = 0; i < flight->addition_count; i++) {
    const struct clist_addition *addition = &flight->additions[i];
    struct clist_row row = {.kref = addition->kref, .vref = addition->vref, .reachable = true};
    if (addition->revived) {
      record_clist_put(k, vat, &row);
    } else {
      record_clist_put_new(k, vat, &row);
      count_entry(k, vat, &row);
    }
#ifndef VATD_DEFECT_SKIPPED_REF
    if (addition->revived && row.vref.data[1] == '-')
      ref_revive(k, row.kref);
#endif
  }
  record_set_import_counters(k, vat, (struct import_counters){flight->next_object, flight->next_promise});
}

void clist_provide(struct kernel *k, uint64_t vat, struct kref object)
{
  struct clist_row row;
  if (!record_clist_by_kref(k, vat, object, &row)) {
    struct import_counters counters = record_import_counters(k, vat);
    row = (struct clist_row){.kref = object, .reachable = true};
    row.vref = arena_printf(&k->arena, "o-%" PRIu64, counters.next_object++);
    record_clist_put(k, vat, &row);
    count_entry(k, vat, &row);
    record_set_import_counters(k, vat, counters);
  } else if (!row.reachable) {
    row.reachable = true;
    record_clist_put(k, vat, &row);
    ref_revive(k, object);
  }
}

void clist_remove(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  struct vref vref = {0};
  vref_parse(row->vref, &vref);
  record_clist_delete(k, vat, row);
  if (!vref.promise && !vref.exported)
    record_remove_importer(k, row->kref, vat);
  if (vref.promise || (!vref.exported && row->reachable))
    ref_drop(k, row->kref);
  else if (!vref.exported)
    ref_forget(k, row->kref);
}

void clist_remove_promise(struct kernel *k, uint64_t vat, struct kref promise)
{
  struct clist_row row;
  if (record_clist_by_kref(k, vat, promise, &row))
    clist_remove(k, vat, &row);
}
