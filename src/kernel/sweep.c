/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/sweep.c - see sweep.h. The rows (docs/liveslots.md):
 *
 *   vom.o+v<K>/<I>          a virtual object: JSON {property: capdata}; counts the distinct slots of each property
 *   vom.vkind.…             virtual kinds; count nothing
 *   vom.rc.o+v…  vom.es.o+v…  counts and export status of virtual things
 *   vc.N.<encoded key>      an entry of collection N: capdata; counts its distinct slots
 *   vc.N.|schemata          capdata; counts its distinct slots
 *   vc.N.|<vref>            the ordinal of a reference key; a strong collection counts the key, a weak one does not
 *   vom.ir.<vref>|N         says that N is weak and knows the key
 *   vom.rc.<baseRef>        the count, decimal, absent when 0; of imports, virtual and durable things only
 *
 * A collection N is alive if it is durable (its kind is one of storeKindIDTable's scalarDurable…) and has a count or an
 * export. Deleting a dead one may take the last count of another, so this is repeated until none is found.
 *
 * The values are the vat's own and may be anything; what does not have the form above is taken to count nothing. The vat can
 * only harm itself by that.
 */
#include "kernel/sweep.h"
#include "kernel/records.h"
#include "kernel/vatstore.h"

#include <inttypes.h>

#define DURABLE_KINDS_MAX 16

struct sweep {
  struct kernel *k;
  uint64_t vat;
  uint64_t durable_kinds[DURABLE_KINDS_MAX]; /* of collections */
  size_t durable_kind_count;
  bool *deleted; /* some row */
};

static void delete_row(const struct sweep *sweep, struct bytes key)
{
  vatstore_delete(sweep->k, sweep->vat, key);
  *sweep->deleted = true;
}

/* ---- counts ---- */

/* "o+d10/1:0" -> "o+d10/1" */
static struct bytes base_of(struct bytes vref)
{
  const char *colon = memchr(vref.data, ':', vref.size);
  return bytes_from(vref.data, colon ? (size_t)(colon - vref.data) : vref.size);
}

/* One holder fewer of what has a stored count; everything else is counted in the heap that is gone. */
static void uncount(const struct sweep *sweep, struct bytes vref)
{
  struct vref parsed;
  struct bytes text;
  uint64_t count;
  if (!vref_parse(vref, &parsed))
    return;
  struct bytes key = arena_printf(&sweep->k->arena, "vom.rc.%.*s", BYTES_ARG(base_of(vref)));
  if (!vatstore_get(sweep->k, sweep->vat, key, &text) || !decimal_parse(text, &count) || count == 0)
    return;
  if (count == 1)
    delete_row(sweep, key);
  else
    vatstore_put(sweep->k, sweep->vat, key, record_key(sweep->k, "%" PRIu64, count - 1));
}

static bool slot_is_earlier(const json_t *slots, size_t index)
{
  for (size_t i = 0; i < index; i++) {
    if (json_equal(json_array_get(slots, i), json_array_get(slots, index)))
      return true;
  }
  return false;
}

/* Uncounts each distinct slot of a capdata. */
static void uncount_capdata(const struct sweep *sweep, const json_t *capdata)
{
  const json_t *slots = json_object_get(capdata, "slots");
  for (size_t i = 0; i < json_array_size(slots); i++) {
    const json_t *slot = json_array_get(slots, i);
    if (json_is_string(slot) && !slot_is_earlier(slots, i))
      uncount(sweep, arena_copy(&sweep->k->arena, bytes_from(json_string_value(slot), json_string_length(slot))));
  }
}

static json_t *parse(struct bytes text)
{
  return json_loadb(text.data ? text.data : "", text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* ---- virtual objects ---- */

static void delete_all(const struct sweep *sweep, const char *prefix)
{
  struct key_value_list rows = vatstore_rows(sweep->k, sweep->vat, bytes_of(prefix));
  for (size_t i = 0; i < rows.count; i++)
    delete_row(sweep, rows.items[i].key);
}

static void sweep_objects(const struct sweep *sweep)
{
  struct key_value_list rows = vatstore_rows(sweep->k, sweep->vat, bytes_of("vom.o+v"));
  for (size_t i = 0; i < rows.count; i++) {
    json_t *state = parse(rows.items[i].value);
    const char *property;
    json_t *capdata;
    json_object_foreach(state, property, capdata)
      uncount_capdata(sweep, capdata);
    json_decref(state);
    delete_row(sweep, rows.items[i].key);
  }
  delete_all(sweep, "vom.vkind.");
  delete_all(sweep, "vom.es.o+v");
}

/* ---- collections ---- */

/* The kind numbers of durable collections, from the row storeKindIDTable. */
static void read_durable_kinds(struct sweep *sweep)
{
  struct bytes text;
  if (!vatstore_get(sweep->k, sweep->vat, bytes_of("storeKindIDTable"), &text))
    return;
  json_t *table = parse(text);
  const char *name;
  json_t *kind;
  json_object_foreach(table, name, kind) {
    bool durable = strncmp(name, "scalarDurable", strlen("scalarDurable")) == 0;
    if (durable && json_integer_value(kind) > 0 && sweep->durable_kind_count < DURABLE_KINDS_MAX)
      sweep->durable_kinds[sweep->durable_kind_count++] = (uint64_t)json_integer_value(kind);
  }
  json_decref(table);
}

static bool is_alive(const struct sweep *sweep, uint64_t collection)
{
  for (size_t i = 0; i < sweep->durable_kind_count; i++) {
    uint64_t kind = sweep->durable_kinds[i];
    if (vatstore_get(sweep->k, sweep->vat, record_key(sweep->k, "vom.rc.o+d%" PRIu64 "/%" PRIu64, kind, collection), NULL) ||
        vatstore_get(sweep->k, sweep->vat, record_key(sweep->k, "vom.es.o+d%" PRIu64 "/%" PRIu64, kind, collection), NULL))
      return true;
  }
  return false;
}

/* An ordinal row "|<vref>": the key is uncounted if the collection is strong; a weak one forgets that it knows it. */
static void sweep_reference_key(const struct sweep *sweep, uint64_t collection, struct bytes vref)
{
  struct bytes recognizer =
      arena_printf(&sweep->k->arena, "vom.ir.%.*s|%" PRIu64, BYTES_ARG(vref), collection);
  if (vatstore_get(sweep->k, sweep->vat, recognizer, NULL))
    delete_row(sweep, recognizer);
  else
    uncount(sweep, vref);
}

static void sweep_collection(const struct sweep *sweep, uint64_t collection)
{
  struct bytes prefix = record_key(sweep->k, "vc.%" PRIu64 ".", collection);
  struct key_value_list rows = vatstore_rows(sweep->k, sweep->vat, prefix);
  for (size_t i = 0; i < rows.count; i++) {
    struct bytes key = bytes_after(rows.items[i].key, prefix.size);
    struct vref vref;
    bool is_book = key.size > 0 && key.data[0] == '|';
    if (is_book && vref_parse(bytes_after(key, 1), &vref)) {
      sweep_reference_key(sweep, collection, bytes_after(key, 1));
    } else if (!is_book || bytes_is(key, "|schemata")) {
      json_t *capdata = parse(rows.items[i].value);
      uncount_capdata(sweep, capdata);
      json_decref(capdata);
    }
    delete_row(sweep, rows.items[i].key);
  }
}

/* The first collection behind `after` (0: the first of all) that has rows; the order is that of the keys. */
static uint64_t next_collection(const struct sweep *sweep, uint64_t after)
{
  struct bytes from = after ? record_key(sweep->k, "vc.%" PRIu64 "/", after) : bytes_of("vc."); /* '/' follows '.' */
  struct bytes key;
  uint64_t collection;
  if (!vatstore_next_key(sweep->k, sweep->vat, from, &key) || !bytes_start_with(key, bytes_of("vc.")))
    return 0;
  struct bytes rest = bytes_after(key, 3);
  const char *dot = memchr(rest.data, '.', rest.size);
  return dot && decimal_parse(bytes_from(rest.data, (size_t)(dot - rest.data)), &collection) ? collection : 0;
}

/* True when at least one dead collection was found. */
static bool sweep_dead_collections(const struct sweep *sweep)
{
  bool found = false;
  for (uint64_t at = next_collection(sweep, 0); at != 0; at = next_collection(sweep, at)) {
    if (is_alive(sweep, at))
      continue;
    sweep_collection(sweep, at);
    found = true;
  }
  return found;
}

bool sweep_virtual_rows(struct kernel *k, uint64_t vat)
{
  bool deleted = false;
  struct sweep sweep = {.k = k, .vat = vat, .deleted = &deleted};
  read_durable_kinds(&sweep);
  if (sweep.durable_kind_count == 0)
    return false; /* not a storage of liveslots: nothing of it is ours to judge */
  sweep_objects(&sweep);
  while (sweep_dead_collections(&sweep))
    ;
  delete_all(&sweep, "vom.rc.o+v"); /* last: until here they may still be counted down */
  return deleted;
}
