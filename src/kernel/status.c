/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/status.c - the requests that only look (kernel.h). Their answers go through the gate like all others: what they
 * show may not be durable yet. */
#include "kernel/gate.h"
#include "kernel/hibernation.h"
#include "kernel/launch.h"
#include "kernel/records.h"
#include "kernel/requests.h"
#include "kernel/suspension.h"
#include "kernel/vats.h"

#include <stdlib.h>

static json_t *json_text(struct bytes text)
{
  json_t *json = json_stringn(text.data ? text.data : "", text.size);
  return json ? json : json_string("(unprintable)");
}

static const char *phase_name(struct kernel *k, uint64_t id)
{
  struct bytes cause;
  if (suspension_cause(k, id, &cause))
    return "suspended";
  struct vat *vat = vat_if_known(k, id);
  if (!vat || vat->phase == VAT_ASLEEP)
    return hibernation_has_image(k, id) ? "hibernated" : "asleep";
  return vat->phase == VAT_STARTING ? "starting" : "running";
}

/* {id, name, subcluster, root, state, cause?} of a vat. */
static json_t *vat_summary(struct kernel *k, uint64_t id)
{
  struct vat_record record = {0};
  struct bytes cause;
  vat_record_get(k, id, &record);
  json_t *json = json_object();
  json_object_set_new(json, "id", json_string(vat_id_text(id).text));
  json_object_set_new(json, "name", json_text(record.name));
  json_object_set_new(json, "subcluster", json_string(subcluster_id_text(record.subcluster).text));
  json_object_set_new(json, "root",
                      record.root.type == KREF_NONE ? json_null() : json_string(kref_text(record.root).text));
  json_object_set_new(json, "state", json_string(phase_name(k, id)));
  if (suspension_cause(k, id, &cause))
    json_object_set_new(json, "cause", json_text(cause));
  return json;
}

static json_t *shown_config(struct kernel *k, uint64_t id)
{
  json_t *config = vat_config(k, id);
  return config ? config : json_object();
}

static int by_number(const void *a, const void *b)
{
  uint64_t left = *(const uint64_t *)a;
  uint64_t right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

static size_t sorted_vats(struct kernel *k, uint64_t **ids)
{
  size_t count = vats_all(k, ids);
  qsort(*ids, count, sizeof **ids, by_number);
  return count;
}

void kernel_list_vats(struct kernel *k, uint64_t request)
{
  uint64_t *ids;
  arena_clear(&k->arena);
  size_t count = sorted_vats(k, &ids);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, vat_summary(k, ids[i]));
  gate_answer(k, request, list);
}

static json_t *status_vats(struct kernel *k)
{
  uint64_t *ids;
  size_t count = sorted_vats(k, &ids);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    struct vat_record record = {0};
    vat_record_get(k, ids[i], &record);
    json_array_append_new(list, json_pack("{s:s, s:o, s:s}", "id", vat_id_text(ids[i]).text, "config",
                                          shown_config(k, ids[i]), "subclusterId",
                                          subcluster_id_text(record.subcluster).text));
  }
  return list;
}

/* Adds the root of the vat that was bootstrapped, once there is one. */
static void add_root(struct kernel *k, json_t *subcluster)
{
  struct vat_record record = {0};
  uint64_t id;
  const char *name = json_string_value(json_object_get(json_object_get(subcluster, "config"), "bootstrap"));
  const char *vat = name ? json_string_value(json_object_get(json_object_get(subcluster, "vats"), name)) : NULL;
  if (vat && vat_id_parse(bytes_of(vat), &id) && vat_record_get(k, id, &record) && record.root.type != KREF_NONE)
    json_object_set_new(subcluster, "rootKref", json_string(kref_text(record.root).text));
}

static json_t *status_subclusters(struct kernel *k)
{
  uint64_t *ids;
  size_t count = subclusters_all(k, &ids);
  qsort(ids, count, sizeof *ids, by_number);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_t *row = subcluster_json(k, ids[i]);
    if (!row)
      continue;
    add_root(k, row);
    json_array_append_new(list, row);
  }
  return list;
}

void kernel_get_status(struct kernel *k, uint64_t request)
{
  arena_clear(&k->arena);
  gate_answer(k, request, json_pack("{s:o, s:o, s:{s:s}, s:O*}", "vats", status_vats(k), "subclusters", status_subclusters(k),
                                    "remoteComms", "state", "disconnected", "sandbox", k->sandbox));
}

void kernel_describe_sandbox(struct kernel *k, json_t *description)
{
  json_decref(k->sandbox);
  k->sandbox = description;
}

struct store_size {
  json_int_t keys;
  json_int_t bytes;
};

static bool add_row(void *context, struct bytes key, struct bytes value)
{
  struct store_size *size = context;
  size->keys++;
  size->bytes += (json_int_t)(key.size + value.size);
  return true;
}

/* Counts of the vat's c-list: {exports, imports, promises}. */
static void add_clist_counts(struct kernel *k, uint64_t id, json_t *json)
{
  struct clist_row *rows;
  json_int_t exports = 0;
  size_t count = record_clist_all(k, id, KREF_OBJECT, &rows);
  for (size_t i = 0; i < count; i++) {
    struct vref vref = {0};
    exports += vref_parse(rows[i].vref, &vref) && vref.exported;
  }
  json_object_set_new(json, "exports", json_integer(exports));
  json_object_set_new(json, "imports", json_integer((json_int_t)count - exports));
  json_object_set_new(json, "promises", json_integer((json_int_t)record_clist_all(k, id, KREF_PROMISE, &rows)));
}

void kernel_show_vat(struct kernel *k, uint64_t request, struct bytes vat)
{
  struct error error = {0};
  uint64_t id;
  arena_clear(&k->arena);
  if (!request_find_vat(k, request, vat, &id))
    return;
  struct vat_record record = {0};
  struct store_size size = {0};
  vat_record_get(k, id, &record);
  enum vatd_code code = k->store->ops->scan(k->store, vat_id_text(id).text, bytes_of(""), add_row, &size, &error);
  if (code != VATD_OK)
    kernel_break(k, code, "%s", error.text);
  struct vat *at_run_time = vat_if_known(k, id);
  json_t *json = vat_summary(k, id);
  json_object_set_new(json, "config", shown_config(k, id));
  json_object_set_new(json, "bundle", json_text(record.bundle));
  json_object_set_new(json, "keys", json_integer(size.keys));
  json_object_set_new(json, "bytes", json_integer(size.bytes));
  json_object_set_new(json, "imageBytes", json_integer((json_int_t)hibernation_image_bytes(k, id)));
  size_t queued = suspension_queued(k, id) + (at_run_time ? at_run_time->pending.count : 0);
  json_object_set_new(json, "queued", json_integer((json_int_t)queued));
  add_clist_counts(k, id, json);
  gate_answer(k, request, json);
}

/* Adds [key, value] to the rows; their bytes, 0 when the store failed or the key is not there. */
static size_t add_row_of(struct kernel *k, const char *vat, struct bytes key, json_t *rows)
{
  struct error error = {0};
  struct buffer value;
  buffer_init(&value, LIMIT_VATSTORE_VALUE);
  enum vatd_code code = k->store->ops->get(k->store, vat, key, &value, &error);
  if (code == VATD_OK)
    json_array_append_new(rows, json_pack("[o, o]", json_text(key), json_text(buffer_bytes(&value))));
  else if (code != VATD_NOT_FOUND)
    kernel_break(k, code, "%s", error.text);
  size_t size = code == VATD_OK ? key.size + value.size : 0;
  buffer_fini(&value);
  return size;
}

/* Rows whose key starts with `prefix` and is greater than `after`, at most `limit` and not many more than LIMIT_QUERY_BYTES;
 * true when there are more. */
static bool read_rows(struct kernel *k, const char *vat, struct bytes prefix, struct bytes after, size_t limit,
                      json_t *rows)
{
  struct error error = {0};
  struct bytes at = bytes_compare(after, prefix) >= 0 ? after : prefix;
  size_t size = 0;
  if (bytes_compare(after, prefix) < 0 || after.size == 0)
    size += add_row_of(k, vat, prefix, rows);
  while (!kernel_is_broken(k)) {
    struct buffer next;
    buffer_init(&next, LIMIT_VATSTORE_KEY);
    enum vatd_code code = k->store->ops->next_key(k->store, vat, at, &next, &error);
    at = arena_copy(&k->arena, buffer_bytes(&next));
    buffer_fini(&next);
    if (code != VATD_OK && code != VATD_NOT_FOUND)
      kernel_break(k, code, "%s", error.text);
    if (code != VATD_OK || !bytes_start_with(at, prefix))
      return false;
    if (json_array_size(rows) == limit || size > LIMIT_QUERY_BYTES)
      return true;
    size += add_row_of(k, vat, at, rows);
  }
  return false;
}

void kernel_read_vatstore(struct kernel *k, uint64_t request, struct bytes vat, struct bytes prefix, struct bytes after,
                          size_t limit)
{
  uint64_t id;
  arena_clear(&k->arena);
  if (!request_find_vat(k, request, vat, &id))
    return;
  if (prefix.size > LIMIT_VATSTORE_KEY || after.size > LIMIT_VATSTORE_KEY || !bytes_are_utf8(prefix) ||
      !bytes_are_utf8(after)) {
    gate_answer_error(k, request, VATD_INVALID, "`prefix` and `after` are UTF-8 of at most %zu bytes", LIMIT_VATSTORE_KEY);
    return;
  }
  json_t *rows = json_array();
  bool more = read_rows(k, vat_id_text(id).text, prefix, after, limit, rows);
  gate_answer(k, request, json_pack("{s:o, s:b}", "rows", rows, "more", more));
}

static bool query_row(void *context, size_t columns, const char *const *names, const char *const *texts)
{
  json_t *row = json_object();
  for (size_t i = 0; i < columns; i++) {
    json_t *value = texts[i] ? json_string(texts[i]) : json_null();
    json_object_set_new(row, names[i], value ? value : json_string("(not text)"));
  }
  json_array_append_new(context, row);
  return true;
}

void kernel_query(struct kernel *k, uint64_t request, struct bytes sql)
{
  struct error error = {0};
  json_t *rows = json_array();
  enum vatd_code code = k->store->ops->query(k->store, sql, query_row, rows, &error);
  if (code == VATD_OK) {
    gate_answer(k, request, rows);
    return;
  }
  json_decref(rows);
  if (code == VATD_INVALID || code == VATD_LIMIT)
    gate_answer_error(k, request, code, "%s", error.text);
  else
    kernel_break(k, code, "%s", error.text);
}
