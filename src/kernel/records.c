/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/records.c - see records.h, which lists the keys. Invariant: every value read back is checked for its form; what
 * does not have it breaks the kernel as corrupt.
 */
#include "kernel/records.h"
#include "kernel/row_text.h"
#include "base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- raw rows ---- */

#define KEPT_SCRATCH (64 * KIB)

/* A failing store ends the kernel; NOT_FOUND is an answer. */
static bool worked(struct kernel *k, enum vatd_code code, const struct error *error)
{
  if (code != VATD_OK && code != VATD_NOT_FOUND)
    kernel_break(k, code, "%s", error->text);
  return code == VATD_OK;
}

struct bytes record_key(struct kernel *k, const char *format, ...)
{
  char text[512];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  CHECK(size >= 0 && (size_t)size < sizeof text);
  return arena_copy(&k->arena, bytes_from(text, (size_t)size));
}

/* What record_key() would print for "%s%s%s", sooner. */
static struct bytes joined(struct kernel *k, const char *first, const char *second, struct bytes third)
{
  size_t first_size = strlen(first);
  size_t second_size = strlen(second);
  size_t size = first_size + second_size + third.size;
  char *text = arena_alloc(&k->arena, size + 1);
  memcpy(text, first, first_size);
  memcpy(text + first_size, second, second_size);
  if (third.size)
    memcpy(text + first_size + second_size, third.data, third.size);
  return bytes_from(text, size);
}

/* What a row is read into before it is copied; empty, and no large one is kept. */
static struct buffer *scratch(struct kernel *k)
{
  if (k->scratch.capacity > KEPT_SCRATCH)
    buffer_fini(&k->scratch);
  else
    buffer_clear(&k->scratch);
  return &k->scratch;
}

/* The value lies in the scratch buffer. */
static bool peek(struct kernel *k, struct bytes key, struct bytes *value)
{
  if (kernel_is_broken(k))
    return false;
  struct error error = {0};
  struct buffer *buffer = scratch(k);
  bool found = worked(k, k->store->ops->get(k->store, NULL, key, buffer, &error), &error);
  *value = buffer_bytes(buffer);
  return found;
}

bool record_get(struct kernel *k, struct bytes key, struct bytes *value)
{
  struct bytes there;
  bool found = peek(k, key, &there);
  if (found && value)
    *value = arena_copy(&k->arena, there);
  return found;
}

static void note_change(struct kernel *k, size_t bytes)
{
  CHECK(k->in_crank);
  k->changed = true;
  k->batch_bytes += bytes;
}

/* Whoever makes up a name says so: most of its rows come and go within one batch, and need not be looked for in the database
 * then. */
static void note_absent(struct kernel *k, struct bytes key)
{
  if (k->store->ops->note_absent && !kernel_is_broken(k))
    k->store->ops->note_absent(k->store, key);
}

void record_put(struct kernel *k, struct bytes key, struct bytes value)
{
  if (kernel_is_broken(k))
    return;
  struct error error = {0};
  note_change(k, key.size + value.size);
  worked(k, k->store->ops->put(k->store, NULL, key, value, &error), &error);
}

void record_delete(struct kernel *k, struct bytes key)
{
  if (kernel_is_broken(k))
    return;
  struct error error = {0};
  note_change(k, key.size);
  worked(k, k->store->ops->delete(k->store, NULL, key, &error), &error);
}

bool record_next_key(struct kernel *k, struct bytes after, struct bytes prefix, struct bytes *key)
{
  if (kernel_is_broken(k))
    return false;
  struct error error = {0};
  struct buffer *buffer = scratch(k);
  bool found = worked(k, k->store->ops->next_key(k->store, NULL, after, buffer, &error), &error);
  found = found && bytes_start_with(buffer_bytes(buffer), prefix);
  if (found)
    *key = arena_copy(&k->arena, buffer_bytes(buffer));
  return found;
}

size_t record_ids(struct kernel *k, struct bytes prefix, bool (*parse)(struct bytes, uint64_t *), uint64_t **ids)
{
  struct number_list found = {0};
  struct bytes key = prefix;
  uint64_t id;
  while (record_next_key(k, key, prefix, &key)) {
    if (parse(bytes_after(key, prefix.size), &id))
      number_list_add(&found, id);
  }
  size_t count = found.count;
  *ids = arena_alloc_array(&k->arena, count, sizeof **ids);
  for (size_t i = 0; i < count; i++)
    (*ids)[i] = number_list_at(&found, i);
  number_list_fini(&found);
  return count;
}

void record_set_flag(struct kernel *k, struct bytes key, bool set)
{
  if (set)
    record_put(k, key, bytes_of("1"));
  else
    record_delete(k, key);
}

uint64_t record_number(struct kernel *k, struct bytes key, uint64_t absent)
{
  struct bytes text;
  uint64_t number = absent;
  if (record_get(k, key, &text))
    KERNEL_EXPECT(k, decimal_parse(text, &number), "%.*s is not a number: %.*s", BYTES_ARG(key), BYTES_ARG(text));
  return number;
}

void record_put_number(struct kernel *k, struct bytes key, uint64_t number)
{
  char text[DECIMAL_SIZE];
  record_put(k, key, bytes_from(text, decimal_print(text, number)));
}

json_t *record_json(struct kernel *k, struct bytes key)
{
  struct bytes text;
  if (!record_get(k, key, &text))
    return NULL;
  json_error_t why;
  json_t *json = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
  KERNEL_EXPECT(k, json, "%.*s is not JSON: %s", BYTES_ARG(key), why.text);
  return json;
}

void record_put_json(struct kernel *k, struct bytes key, const json_t *json)
{
  char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
  CHECK(text);
  record_put(k, key, bytes_of(text));
  free(text);
}

void record_put_reason(struct kernel *k, struct bytes key, const char *member, const char *text)
{
  json_t *json = json_pack("{s:s}", member, text);
  if (!json) /* a text that is not UTF-8 */
    json = json_pack("{s:s}", member, "(unprintable)");
  record_put_json(k, key, json);
  json_decref(json);
}

bool record_reason(struct kernel *k, struct bytes key, const char *member, struct bytes *text)
{
  json_t *json = record_json(k, key);
  if (!json)
    return false;
  const char *value = json_string_value(json_object_get(json, member));
  *text = arena_copy(&k->arena, bytes_of(value ? value : ""));
  json_decref(json);
  return true;
}

uint64_t record_take_id(struct kernel *k, const char *counter)
{
  struct bytes key = bytes_of(counter);
  uint64_t id = record_number(k, key, 1);
  record_put_number(k, key, id + 1);
  return id;
}

/* ---- data ---- */

static json_t *json_bytes(struct bytes bytes)
{
  json_t *json = json_stringn(bytes.data ? bytes.data : "", bytes.size);
  CHECK(json);
  return json;
}

json_t *kernel_data_to_json(const struct kernel_data *data)
{
  json_t *slots = json_array();
  for (size_t i = 0; i < data->slot_count; i++)
    json_array_append_new(slots, json_string(kref_text(data->slots[i]).text));
  return json_pack("{s:o, s:o}", "body", json_bytes(data->body), "slots", slots);
}

static struct bytes json_string_bytes(const json_t *string)
{
  return bytes_from(json_string_value(string), json_string_length(string));
}

bool kernel_data_from_json(struct kernel *k, const json_t *json, struct kernel_data *data)
{
  const json_t *body = json_object_get(json, "body");
  const json_t *slots = json_object_get(json, "slots");
  if (!json_is_string(body) || !json_is_array(slots))
    return false;
  struct kernel_data read = {.slot_count = json_array_size(slots)};
  read.body = arena_copy(&k->arena, json_string_bytes(body));
  read.slots = arena_alloc_array(&k->arena, read.slot_count, sizeof *read.slots);
  for (size_t i = 0; i < read.slot_count; i++) {
    const json_t *slot = json_array_get(slots, i);
    if (!json_is_string(slot) || !kref_parse(json_string_bytes(slot), &read.slots[i]))
      return false;
  }
  *data = read;
  return true;
}

/* ---- objects ---- */

static struct bytes kref_key(struct kernel *k, struct kref kref, const char *field)
{
  return joined(k, kref_text(kref).text, ".", bytes_of(field));
}

static struct bytes queue_key(struct kernel *k, struct kref queue, const char *what)
{
  struct id_text name = queue.type == KREF_NONE ? vat_id_text(queue.id) : kref_text(queue);
  bool is_run_queue = queue.type == KREF_NONE && queue.id == 0;
  char of[sizeof name.text + 1];
  size_t size = strlen(name.text);
  memcpy(of, name.text, size);
  memcpy(of + size, ".", 2);
  return joined(k, "queue.", is_run_queue ? "run." : of, bytes_of(what));
}

/* "vN", "kernel", or no row for none. */
static uint64_t vat_field(struct kernel *k, struct bytes key)
{
  struct bytes text;
  uint64_t vat = 0;
  if (!record_get(k, key, &text))
    return 0;
  if (bytes_is(text, "kernel"))
    vat = ENDPOINT_KERNEL;
  else
    KERNEL_EXPECT(k, vat_id_parse(text, &vat), "%.*s is not a vat: %.*s", BYTES_ARG(key), BYTES_ARG(text));
  return vat;
}

static void set_vat_field(struct kernel *k, struct bytes key, uint64_t vat)
{
  if (vat == ENDPOINT_KERNEL)
    record_put(k, key, bytes_of("kernel"));
  else if (vat)
    record_put(k, key, bytes_of(vat_id_text(vat).text));
  else
    record_delete(k, key);
}

static const char *const object_fields[] = {"owner", "refCount", "revoked", "service"};
static const char *const promise_fields[] = {"state", "refCount", "decider", "subscribers", "value"};

void record_new_object(struct kernel *k, struct kref object)
{
  for (size_t i = 0; i < sizeof object_fields / sizeof object_fields[0]; i++)
    note_absent(k, kref_key(k, object, object_fields[i]));
}

void record_new_promise(struct kernel *k, struct kref promise)
{
  for (size_t i = 0; i < sizeof promise_fields / sizeof promise_fields[0]; i++)
    note_absent(k, kref_key(k, promise, promise_fields[i]));
  note_absent(k, kref_key(k, promise, "idempotency"));
  note_absent(k, queue_key(k, promise, "head"));
  note_absent(k, queue_key(k, promise, "tail"));
}

uint64_t record_owner(struct kernel *k, struct kref object)
{
  return vat_field(k, kref_key(k, object, "owner"));
}

void record_set_owner(struct kernel *k, struct kref object, uint64_t vat)
{
  set_vat_field(k, kref_key(k, object, "owner"), vat);
}

bool record_object_counts(struct kernel *k, struct kref object, struct object_counts *counts)
{
  struct bytes key = kref_key(k, object, "refCount");
  struct bytes text;
  if (!record_get(k, key, &text))
    return false;
  const char *comma = memchr(text.data, ',', text.size);
  size_t first = comma ? (size_t)(comma - text.data) : text.size;
  bool valid = comma && decimal_parse(bytes_from(text.data, first), &counts->reachable) &&
               decimal_parse(bytes_after(text, first + 1), &counts->recognizable) &&
               counts->reachable <= counts->recognizable;
  KERNEL_EXPECT(k, valid, "%.*s is not a pair of counts: %.*s", BYTES_ARG(key), BYTES_ARG(text));
  return valid;
}

void record_set_object_counts(struct kernel *k, struct kref object, struct object_counts counts)
{
  record_put(k, kref_key(k, object, "refCount"), record_key(k, "%" PRIu64 ",%" PRIu64, counts.reachable, counts.recognizable));
}

static struct bytes importer_key(struct kernel *k, struct kref object, uint64_t vat)
{
  return record_key(k, "%s.importer.%s", kref_text(object).text, vat_id_text(vat).text);
}

void record_add_importer(struct kernel *k, struct kref object, uint64_t vat)
{
  record_put(k, importer_key(k, object, vat), bytes_of("1"));
}

void record_remove_importer(struct kernel *k, struct kref object, uint64_t vat)
{
  record_delete(k, importer_key(k, object, vat));
}

size_t record_importers(struct kernel *k, struct kref object, uint64_t **vats)
{
  return record_ids(k, record_key(k, "%s.importer.", kref_text(object).text), vat_id_parse, vats);
}

bool record_revoked(struct kernel *k, struct kref object)
{
  return record_get(k, kref_key(k, object, "revoked"), NULL);
}

void record_set_revoked(struct kernel *k, struct kref object)
{
  record_put(k, kref_key(k, object, "revoked"), bytes_of("true"));
}

void record_delete_object(struct kernel *k, struct kref object)
{
  for (size_t i = 0; i < sizeof object_fields / sizeof object_fields[0]; i++)
    record_delete(k, kref_key(k, object, object_fields[i]));
}

/* ---- promises ---- */

static const char *const state_names[] = {
    [PROMISE_UNRESOLVED] = "unresolved", [PROMISE_FULFILLED] = "fulfilled", [PROMISE_REJECTED] = "rejected"};

enum promise_state record_promise_state(struct kernel *k, struct kref promise)
{
  struct bytes text;
  if (!record_get(k, kref_key(k, promise, "state"), &text))
    return PROMISE_MISSING;
  for (enum promise_state state = PROMISE_UNRESOLVED; state <= PROMISE_REJECTED; state++) {
    if (bytes_is(text, state_names[state]))
      return state;
  }
  kernel_break(k, VATD_CORRUPT, "%s.state is '%.*s'", kref_text(promise).text, BYTES_ARG(text));
  return PROMISE_MISSING;
}

void record_set_promise_state(struct kernel *k, struct kref promise, enum promise_state state)
{
  record_put(k, kref_key(k, promise, "state"), bytes_of(state_names[state]));
}

uint64_t record_promise_refs(struct kernel *k, struct kref promise)
{
  return record_number(k, kref_key(k, promise, "refCount"), 0);
}

void record_set_promise_refs(struct kernel *k, struct kref promise, uint64_t refs)
{
  record_put_number(k, kref_key(k, promise, "refCount"), refs);
}

uint64_t record_decider(struct kernel *k, struct kref promise)
{
  return vat_field(k, kref_key(k, promise, "decider"));
}

void record_set_decider(struct kernel *k, struct kref promise, uint64_t vat)
{
  set_vat_field(k, kref_key(k, promise, "decider"), vat);
}

size_t record_subscribers(struct kernel *k, struct kref promise, uint64_t **vats)
{
  json_t *list = record_json(k, kref_key(k, promise, "subscribers"));
  size_t count = json_array_size(list);
  *vats = arena_alloc_array(&k->arena, count, sizeof **vats);
  for (size_t i = 0; i < count; i++) {
    const json_t *entry = json_array_get(list, i);
    bool valid = json_is_string(entry) && vat_id_parse(json_string_bytes(entry), &(*vats)[i]);
    KERNEL_EXPECT(k, valid, "%s.subscribers is malformed", kref_text(promise).text);
  }
  json_decref(list);
  return kernel_is_broken(k) ? 0 : count;
}

void record_set_subscribers(struct kernel *k, struct kref promise, const uint64_t *vats, size_t count)
{
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_string(vat_id_text(vats[i]).text));
  record_put_json(k, kref_key(k, promise, "subscribers"), list);
  json_decref(list);
}

struct kernel_data record_promise_value(struct kernel *k, struct kref promise)
{
  struct kernel_data data = {.body = bytes_of("")};
  struct bytes key = kref_key(k, promise, "value");
  struct bytes text;
  if (peek(k, key, &text) && row_text_read_data(&k->arena, text, &data))
    return data;
  data = (struct kernel_data){.body = bytes_of("")};
  json_t *json = record_json(k, key);
  KERNEL_EXPECT(k, json && kernel_data_from_json(k, json, &data), "%s.value is malformed", kref_text(promise).text);
  json_decref(json);
  return data;
}

/* Stores a text that was made in the scratch buffer. */
static void put_scratch(struct kernel *k, struct bytes key, const struct buffer *text)
{
  CHECK(!text->overflowed); /* LIMIT_CAPDATA_BODY leaves room for escapes */
  record_put(k, key, buffer_bytes(text));
}

void record_set_promise_value(struct kernel *k, struct kref promise, const struct kernel_data *value)
{
  struct bytes key = kref_key(k, promise, "value");
  struct buffer *text = scratch(k);
  row_text_put_data(text, value);
  put_scratch(k, key, text);
}

void record_delete_promise(struct kernel *k, struct kref promise)
{
  for (size_t i = 0; i < sizeof promise_fields / sizeof promise_fields[0]; i++)
    record_delete(k, kref_key(k, promise, promise_fields[i]));
}

/* ---- c-lists ---- */

static struct bytes clist_kref_key(struct kernel *k, uint64_t vat, struct kref kref)
{
  return joined(k, vat_id_text(vat).text, ".c.", bytes_of(kref_text(kref).text));
}

static struct bytes clist_vref_key(struct kernel *k, uint64_t vat, struct bytes vref)
{
  return joined(k, vat_id_text(vat).text, ".c.", vref);
}

/* Reads "R o-1" or "_ o-1". */
static bool clist_value_parse(struct kernel *k, struct bytes key, struct bytes value, struct clist_row *row)
{
  struct vref ignored;
  bool valid = value.size > 2 && (value.data[0] == 'R' || value.data[0] == '_') && value.data[1] == ' ' &&
               vref_parse(bytes_after(value, 2), &ignored);
  KERNEL_EXPECT(k, valid, "%.*s is malformed: %.*s", BYTES_ARG(key), BYTES_ARG(value));
  if (!valid)
    return false;
  row->vref = bytes_after(value, 2);
  row->reachable = value.data[0] == 'R';
  return true;
}

bool record_clist_by_kref(struct kernel *k, uint64_t vat, struct kref kref, struct clist_row *row)
{
  struct bytes key = clist_kref_key(k, vat, kref);
  struct bytes value;
  row->kref = kref;
  return record_get(k, key, &value) && clist_value_parse(k, key, value, row);
}

bool record_clist_by_vref(struct kernel *k, uint64_t vat, struct bytes vref, struct clist_row *row)
{
  struct bytes key = clist_vref_key(k, vat, vref);
  struct bytes value;
  struct kref kref;
  if (!record_get(k, key, &value))
    return false;
  bool valid = kref_parse(value, &kref) && record_clist_by_kref(k, vat, kref, row) && bytes_equal(row->vref, vref);
  KERNEL_EXPECT(k, valid, "%.*s has no matching entry", BYTES_ARG(key));
  return valid;
}

void record_clist_note_absent(struct kernel *k, uint64_t vat, struct kref kref)
{
  note_absent(k, clist_kref_key(k, vat, kref));
}

void record_clist_put_new(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  note_absent(k, clist_kref_key(k, vat, row->kref));
  note_absent(k, clist_vref_key(k, vat, row->vref));
  record_clist_put(k, vat, row);
}

void record_clist_put(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  record_put(k, clist_kref_key(k, vat, row->kref), joined(k, row->reachable ? "R" : "_", " ", row->vref));
  record_put(k, clist_vref_key(k, vat, row->vref), bytes_of(kref_text(row->kref).text));
}

void record_clist_delete(struct kernel *k, uint64_t vat, const struct clist_row *row)
{
  record_delete(k, clist_kref_key(k, vat, row->kref));
  record_delete(k, clist_vref_key(k, vat, row->vref));
}

struct clist_scan {
  struct kernel *k;
  size_t prefix_size;
  size_t limit;
  struct clist_row *rows;
  size_t count;
  size_t capacity;
};

static bool collect_clist_row(void *context, struct bytes key, struct bytes value)
{
  struct clist_scan *scan = context;
  struct clist_row row = {0};
  bool valid = kref_parse(bytes_after(key, scan->prefix_size), &row.kref);
  KERNEL_EXPECT(scan->k, valid, "%.*s is malformed", BYTES_ARG(key));
  if (!valid || !clist_value_parse(scan->k, key, arena_copy(&scan->k->arena, value), &row))
    return false;
  scan->rows = grown(scan->rows, scan->count, &scan->capacity, sizeof *scan->rows);
  scan->rows[scan->count++] = row;
  return scan->count < scan->limit;
}

size_t record_clist_all(struct kernel *k, uint64_t vat, enum kref_type type, struct clist_row **rows)
{
  return record_clist_some(k, vat, type, SIZE_MAX, rows);
}

size_t record_clist_some(struct kernel *k, uint64_t vat, enum kref_type type, size_t limit, struct clist_row **rows)
{
  *rows = NULL;
  if (limit == 0 || kernel_is_broken(k))
    return 0;
  struct error error = {0};
  struct bytes prefix = record_key(k, "%s.c.k%c", vat_id_text(vat).text, type == KREF_OBJECT ? 'o' : 'p');
  struct clist_scan scan = {.k = k, .prefix_size = prefix.size - 2, .limit = limit};
  worked(k, k->store->ops->scan(k->store, NULL, prefix, collect_clist_row, &scan, &error), &error);
  *rows = arena_alloc_array(&k->arena, scan.count, sizeof **rows);
  if (scan.count)
    memcpy(*rows, scan.rows, scan.count * sizeof **rows);
  free(scan.rows);
  return kernel_is_broken(k) ? 0 : scan.count;
}

static struct bytes counter_key(struct kernel *k, uint64_t vat, const char *what)
{
  return record_key(k, "e.%s.%s", what, vat_id_text(vat).text);
}

struct import_counters record_import_counters(struct kernel *k, uint64_t vat)
{
  return (struct import_counters){
      .next_object = record_number(k, counter_key(k, vat, "nextObjectId"), 1),
      .next_promise = record_number(k, counter_key(k, vat, "nextPromiseId"), 1),
  };
}

void record_set_import_counters(struct kernel *k, uint64_t vat, struct import_counters counters)
{
  record_put_number(k, counter_key(k, vat, "nextObjectId"), counters.next_object);
  record_put_number(k, counter_key(k, vat, "nextPromiseId"), counters.next_promise);
}

void record_delete_import_counters(struct kernel *k, uint64_t vat)
{
  record_delete(k, counter_key(k, vat, "nextObjectId"));
  record_delete(k, counter_key(k, vat, "nextPromiseId"));
}

/* ---- queues ---- */

static struct bytes slot_key(struct kernel *k, struct kref queue, uint64_t slot)
{
  char number[DECIMAL_SIZE];
  decimal_print(number, slot);
  return queue_key(k, queue, number);
}

uint64_t record_queue_head(struct kernel *k, struct kref queue)
{
  return record_number(k, queue_key(k, queue, "head"), 1);
}

uint64_t record_queue_tail(struct kernel *k, struct kref queue)
{
  return record_number(k, queue_key(k, queue, "tail"), 1);
}

static bool json_kref(const json_t *json, struct kref *kref)
{
  return json_is_string(json) && kref_parse(json_string_bytes(json), kref);
}

static bool item_from_json(struct kernel *k, const json_t *json, struct queue_item *item)
{
  const char *type = json_string_value(json_object_get(json, "type"));
  if (!type)
    return false;
  if (strcmp(type, "notify") == 0) {
    const json_t *endpoint = json_object_get(json, "endpointId");
    item->type = ITEM_NOTIFY;
    return json_is_string(endpoint) && vat_id_parse(json_string_bytes(endpoint), &item->vat) &&
           json_kref(json_object_get(json, "kpid"), &item->promise);
  }
  const json_t *message = json_object_get(json, "message");
  const json_t *result = json_object_get(message, "result");
  const json_t *sender = json_object_get(json, "sender");
  item->type = ITEM_SEND;
  return strcmp(type, "send") == 0 && json_kref(json_object_get(json, "target"), &item->target) &&
         kernel_data_from_json(k, json_object_get(message, "methargs"), &item->methargs) &&
         (!result || json_kref(result, &item->result)) &&
         (!sender || (json_is_string(sender) && vat_id_parse(json_string_bytes(sender), &item->sender)));
}

void record_put_item(struct kernel *k, struct bytes key, const struct queue_item *item)
{
  struct buffer *text = scratch(k);
  row_text_put_item(text, item);
  put_scratch(k, key, text);
}

uint64_t record_queue_append(struct kernel *k, struct kref queue, const struct queue_item *item)
{
  uint64_t slot = record_queue_head(k, queue);
  note_absent(k, slot_key(k, queue, slot));
  record_put_item(k, slot_key(k, queue, slot), item);
  record_put_number(k, queue_key(k, queue, "head"), slot + 1);
  return slot;
}

bool record_item(struct kernel *k, struct bytes key, struct queue_item *item)
{
  struct queue_item read = {0};
  struct bytes text;
  if (!peek(k, key, &text))
    return false;
  if (row_text_read_item(&k->arena, text, &read)) {
    *item = read;
    return true;
  }
  json_t *json = record_json(k, key);
  read = (struct queue_item){0};
  bool valid = json && item_from_json(k, json, &read);
  json_decref(json);
  KERNEL_EXPECT(k, valid, "%.*s is malformed", BYTES_ARG(key));
  if (valid)
    *item = read;
  return valid;
}

bool record_queue_item(struct kernel *k, struct kref queue, uint64_t slot, struct queue_item *item)
{
  return record_item(k, slot_key(k, queue, slot), item);
}

void record_queue_remove(struct kernel *k, struct kref queue, uint64_t slot)
{
  record_delete(k, slot_key(k, queue, slot));
  uint64_t tail = record_queue_tail(k, queue);
  if (slot != tail)
    return;
  uint64_t head = record_queue_head(k, queue);
  while (tail < head && !record_get(k, slot_key(k, queue, tail), NULL) && !kernel_is_broken(k))
    tail++;
  record_put_number(k, queue_key(k, queue, "tail"), tail);
}

void record_queue_delete(struct kernel *k, struct kref queue)
{
  record_delete(k, queue_key(k, queue, "head"));
  record_delete(k, queue_key(k, queue, "tail"));
}
