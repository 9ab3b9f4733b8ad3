/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/fsck_rows.c - one row after the other into the tables of fsck_tables.h (records.h has the forms). A row that does
 * not have the form of its name is a finding and says nothing more. Rows come in key order: those of one c-list lie
 * together, as do those of one queue.
 */
#include "kernel/fsck_tables.h"
#include "kernel/quota.h"

#include <inttypes.h>
#include <jansson.h>

/* A row that is being read. */
struct row {
  struct fsck *f;
  struct bytes key;
  struct bytes value;
};

static void malformed(const struct row *row, const char *what)
{
  fsck_say(row->f, "kv", row->key, "is not %s: %.*s", what, (int)(row->value.size < 80 ? row->value.size : 80),
           row->value.data ? row->value.data : "");
}

static void misnamed(const struct row *row)
{
  fsck_say(row->f, "kv", row->key, "is no row that a kernel makes");
}

/* ---- parts ---- */

/* Takes what is before the first `end` off the text; all of it when there is none. */
static struct bytes take_part(struct bytes *text, char end)
{
  const char *at = text->size ? memchr(text->data, end, text->size) : NULL;
  struct bytes part = at ? bytes_from(text->data, (size_t)(at - text->data)) : *text;
  *text = bytes_after(*text, part.size + (at != NULL));
  return part;
}

static struct bytes json_text(const json_t *json)
{
  return json_is_string(json) ? bytes_from(json_string_value(json), json_string_length(json)) : bytes_of("");
}

/* The id of a vat, below its counter. */
static bool read_vat_id(const struct row *row, struct bytes text, uint64_t *id)
{
  if (!vat_id_parse(text, id) || *id == 0) {
    malformed(row, "of a vat");
    return false;
  }
  if (*id >= row->f->next_vat)
    fsck_say(row->f, "kv", row->key, "names v%" PRIu64 ", and nextVatId is %" PRIu64, *id, row->f->next_vat);
  return true;
}

static bool read_kref(const struct row *row, struct bytes text, struct kref *kref)
{
  if (!kref_parse(text, kref) || kref->id == 0) {
    *kref = KREF_NOTHING;
    fsck_say(row->f, "kv", row->key, "names %.*s, which is no object or promise", (int)(text.size < 80 ? text.size : 80),
             text.data ? text.data : "");
    return false;
  }
  uint64_t next = kref->type == KREF_OBJECT ? row->f->next_object : row->f->next_promise;
  if (kref->id >= next)
    fsck_say(row->f, "kv", row->key, "names %s, and %s is %" PRIu64, kref_text(*kref).text,
             kref->type == KREF_OBJECT ? "nextObjectId" : "nextPromiseId", next);
  return true;
}

static bool read_endpoint(const struct row *row, uint64_t *id)
{
  *id = ENDPOINT_KERNEL;
  return bytes_is(row->value, "kernel") || read_vat_id(row, row->value, id);
}

static void read_number(const struct row *row, uint64_t *number)
{
  if (!decimal_parse(row->value, number))
    malformed(row, "a number");
}

/* The caller owns it; NULL, and said, when there is no JSON of this type. */
static json_t *read_json(const struct row *row, json_type type)
{
  json_t *json = json_loadb(row->value.data ? row->value.data : "", row->value.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
  if (json && json_typeof(json) == type)
    return json;
  malformed(row, type == JSON_ARRAY ? "a JSON array" : "a JSON object");
  json_decref(json);
  return NULL;
}

/* ---- who holds what ---- */

static void hold(const struct row *row, struct kref kref)
{
  if (kref.type == KREF_OBJECT) {
    struct fsck_object *object = fsck_object(row->f, kref.id);
    object->held_reachable++;
    object->held_recognizable++;
  } else if (kref.type == KREF_PROMISE) {
    fsck_promise(row->f, kref.id)->held++;
  }
}

/* A reference that the row must hold. */
static struct kref hold_text(const struct row *row, struct bytes text)
{
  struct kref kref;
  if (read_kref(row, text, &kref))
    hold(row, kref);
  return kref;
}

static void hold_data(const struct row *row, const json_t *data)
{
  const json_t *slots = json_object_get(data, "slots");
  size_t i;
  json_t *slot;
  if (!json_is_string(json_object_get(data, "body")) || !json_is_array(slots)) {
    malformed(row, "data of body and slots");
    return;
  }
  json_array_foreach((json_t *)slots, i, slot)
    hold_text(row, json_text(slot));
}

static struct fsck_link *add_link(struct fsck_link **list, const struct row *row, uint64_t vat, struct kref kref)
{
  struct fsck_link *link = arena_alloc(&row->f->arena, sizeof *link);
  *link = (struct fsck_link){.next = *list, .key = arena_copy(&row->f->arena, row->key), .vat = vat, .kref = kref};
  *list = link;
  return link;
}

/* ---- objects and promises ---- */

static void read_counts(const struct row *row, struct fsck_object *object)
{
  struct bytes rest = row->value;
  struct bytes first = take_part(&rest, ',');
  object->counted = true;
  if (!decimal_parse(first, &object->reachable) || !decimal_parse(rest, &object->recognizable))
    malformed(row, "two counts");
  else if (object->reachable > object->recognizable)
    malformed(row, "what can be: more reach it than recognize it");
}

static void read_importer(const struct row *row, struct kref kref, struct bytes name)
{
  uint64_t vat;
  if (read_vat_id(row, name, &vat))
    add_link(&row->f->importers, row, vat, kref);
}

static void read_object(const struct row *row, struct kref kref, struct bytes field)
{
  struct fsck_object *object = fsck_object(row->f, kref.id);
  object->has_rows = true;
  if (bytes_is(field, "owner")) {
    if (!read_endpoint(row, &object->owner))
      object->owner = 0;
  } else if (bytes_is(field, "refCount"))
    read_counts(row, object);
  else if (bytes_is(field, "service"))
    object->has_service = true;
  else if (bytes_is(field, "revoked")) {
    if (!bytes_is(row->value, "true"))
      malformed(row, "\"true\"");
  } else if (bytes_start_with(field, bytes_of("importer.")))
    read_importer(row, kref, bytes_after(field, strlen("importer.")));
  else
    misnamed(row);
}

static void read_state(const struct row *row, struct fsck_promise *promise)
{
  static const char *const names[] = {"", "unresolved", "fulfilled", "rejected"};
  for (int i = FSCK_UNRESOLVED; i <= FSCK_REJECTED; i++) {
    if (bytes_is(row->value, names[i]))
      promise->state = (enum fsck_state)i;
  }
  if (promise->state == FSCK_MISSING) {
    malformed(row, "a state of promises");
    promise->state = FSCK_UNRESOLVED;
  }
}

static void read_subscribers(const struct row *row, struct fsck_promise *promise)
{
  json_t *list = read_json(row, JSON_ARRAY);
  uint64_t before = 0;
  size_t i;
  json_t *name;
  promise->has_subscribers = true;
  json_array_foreach(list, i, name) {
    uint64_t vat = 0;
    if (!read_vat_id(row, json_text(name), &vat))
      break;
    if (vat <= before)
      malformed(row, "in order");
    before = vat;
    add_link(&row->f->subscriptions, row, vat, kref_promise(promise->id));
  }
  json_decref(list);
}

static void read_value(const struct row *row, struct fsck_promise *promise)
{
  json_t *json = read_json(row, JSON_OBJECT);
  promise->has_value = true;
  if (json)
    hold_data(row, json);
  json_decref(json);
}

static void read_promise(const struct row *row, struct kref kref, struct bytes field)
{
  struct fsck_promise *promise = fsck_promise(row->f, kref.id);
  if (bytes_is(field, "idempotency"))
    return;
  promise->has_rows = true;
  if (bytes_is(field, "state"))
    read_state(row, promise);
  else if (bytes_is(field, "refCount"))
    read_number(row, &promise->refs);
  else if (bytes_is(field, "decider")) {
    if (!read_endpoint(row, &promise->decider))
      promise->decider = 0;
  } else if (bytes_is(field, "subscribers"))
    read_subscribers(row, promise);
  else if (bytes_is(field, "value"))
    read_value(row, promise);
  else
    misnamed(row);
}

static void read_thing(const struct row *row, struct bytes name, struct bytes field)
{
  struct kref kref;
  if (!read_kref(row, name, &kref))
    return;
  if (kref.type == KREF_OBJECT)
    read_object(row, kref, field);
  else
    read_promise(row, kref, field);
}

/* ---- c-lists ---- */

/* "v1.c.ko3" = "R o-5" */
static void read_entry(const struct row *row, struct fsck_vat *vat, struct bytes name)
{
  struct fsck_entry *entry = arena_alloc(&row->f->arena, sizeof *entry);
  struct bytes value = arena_copy(&row->f->arena, row->value);
  struct kref kref;
  if (!read_kref(row, name, &kref))
    return;
  bool valid = value.size > 2 && (value.data[0] == 'R' || value.data[0] == '_') && value.data[1] == ' ' &&
               vref_parse(bytes_after(value, 2), &entry->vref);
  if (!valid || entry->vref.promise != (kref.type == KREF_PROMISE)) {
    malformed(row, "a vref of that kind with its mark");
    return;
  }
  entry->next = row->f->entries;
  entry->vat = vat;
  entry->kref = kref;
  entry->text = bytes_after(value, 2);
  entry->reachable = value.data[0] == 'R';
  row->f->entries = entry;
  idmap_put(kref.type == KREF_OBJECT ? &vat->objects : &vat->promises, kref.id, entry);
  if (kref.type == KREF_PROMISE) {
    hold(row, kref);
  } else if (!entry->vref.exported) {
    fsck_object(row->f, kref.id)->held_reachable += entry->reachable;
    fsck_object(row->f, kref.id)->held_recognizable++;
  }
}

/* "v1.c.o-5" = "ko3": the rows of the other direction came before. */
static void pair_entry(const struct row *row, struct fsck_vat *vat, struct bytes name)
{
  struct kref kref;
  if (!read_kref(row, row->value, &kref))
    return;
  struct fsck_entry *entry = fsck_entry_of(row->f, vat->id, kref);
  if (entry && bytes_equal(entry->text, name))
    entry->paired = true;
  else
    fsck_say(row->f, "kv", row->key, "says %s, and v%" PRIu64 ".c.%s does not say the same", kref_text(kref).text, vat->id,
             kref_text(kref).text);
}

static void read_clist(const struct row *row, struct bytes vat_name, struct bytes name)
{
  uint64_t id;
  if (!read_vat_id(row, vat_name, &id))
    return;
  if (name.size && name.data[0] == 'k')
    read_entry(row, fsck_vat(row->f, id), name);
  else
    pair_entry(row, fsck_vat(row->f, id), name);
}

/* ---- queues ---- */

static void note_result(const struct row *row, struct kref result)
{
  if (result.type == KREF_PROMISE)
    fsck_promise(row->f, result.id)->is_result = true;
  else if (result.type == KREF_OBJECT)
    malformed(row, "a message: its result is an object");
}

static void read_send(const struct row *row, const json_t *json, bool queued)
{
  const json_t *message = json_object_get(json, "message");
  const json_t *result = json_object_get(message, "result");
  struct kref kref = KREF_NOTHING;
  hold_text(row, json_text(json_object_get(json, "target")));
  hold_data(row, json_object_get(message, "methargs"));
  if (result)
    kref = hold_text(row, json_text(result));
  if (queued)
    note_result(row, kref);
}

static void read_notify(const struct row *row, const json_t *json)
{
  struct fsck_notify *notify = arena_alloc(&row->f->arena, sizeof *notify);
  *notify = (struct fsck_notify){.next = row->f->notifies, .key = arena_copy(&row->f->arena, row->key)};
  notify->promise = hold_text(row, json_text(json_object_get(json, "kpid")));
  if (read_vat_id(row, json_text(json_object_get(json, "endpointId")), &notify->vat))
    row->f->notifies = notify;
}

static void read_item(const struct row *row, bool queued)
{
  json_t *json = read_json(row, JSON_OBJECT);
  struct bytes type = json_text(json_object_get(json, "type"));
  if (bytes_is(type, "send"))
    read_send(row, json, queued);
  else if (bytes_is(type, "notify") && queued)
    read_notify(row, json);
  else if (json)
    malformed(row, "a message");
  json_decref(json);
}

static struct fsck_queue *queue_of(const struct row *row, struct bytes name)
{
  struct fsck_queue *queue = row->f->queues;
  if (queue && bytes_equal(queue->name, name))
    return queue;
  struct kref kref = KREF_NOTHING;
  if (!bytes_is(name, "run") && !(name.size && name.data[0] == 'v' ? read_vat_id(row, name, &kref.id) : read_kref(row, name, &kref)))
    return NULL;
  queue = arena_alloc(&row->f->arena, sizeof *queue);
  *queue = (struct fsck_queue){.next = row->f->queues, .name = arena_copy(&row->f->arena, name), .kref = kref, .head = 1, .tail = 1};
  row->f->queues = queue;
  return queue;
}

static void read_queue(const struct row *row, struct bytes name, struct bytes field)
{
  struct fsck_queue *queue = queue_of(row, name);
  uint64_t slot;
  if (!queue)
    return;
  if (bytes_is(field, "head")) {
    read_number(row, &queue->head);
  } else if (bytes_is(field, "tail")) {
    read_number(row, &queue->tail);
  } else if (!decimal_parse(field, &slot) || slot == 0) {
    misnamed(row);
  } else {
    queue->first = queue->first && queue->first < slot ? queue->first : slot;
    queue->last = queue->last > slot ? queue->last : slot;
    read_item(row, true);
  }
}

/* ---- vats ---- */

static void read_vat_record(const struct row *row, struct fsck_vat *vat)
{
  json_t *json = read_json(row, JSON_OBJECT);
  const json_t *bundle = json_object_get(json, "bundle");
  vat->recorded = true;
  if (!json)
    return;
  vat->name = arena_copy(&row->f->arena, json_text(json_object_get(json, "name")));
  if (json_object_get(json, "root")) /* not yet, while it is launched */
    vat->root = hold_text(row, json_text(json_object_get(json, "root")));
  if (!subcluster_id_parse(json_text(json_object_get(json, "subcluster")), &vat->subcluster))
    malformed(row, "a vat with its subcluster");
  if (json_is_string(bundle))
    fsck_bundle(row->f, json_text(bundle))->held++;
  else
    malformed(row, "a vat with its bundle");
  json_decref(json);
}

static void read_config(const struct row *row, struct fsck_vat *vat)
{
  json_t *json = read_json(row, JSON_OBJECT);
  vat->configured = true;
  json_decref(json);
}

static void read_counter(const struct row *row, struct bytes rest)
{
  struct bytes what = take_part(&rest, '.');
  uint64_t id;
  if (!read_vat_id(row, rest, &id))
    return;
  struct fsck_vat *vat = fsck_vat(row->f, id);
  if (bytes_is(what, "nextObjectId"))
    read_number(row, &vat->next_object);
  else if (bytes_is(what, "nextPromiseId"))
    read_number(row, &vat->next_promise);
  else
    misnamed(row);
}

/* "gcAction.v1.dropExport.ko3" */
static void read_action(const struct row *row, struct bytes rest)
{
  struct bytes vat_name = take_part(&rest, '.');
  struct bytes type = take_part(&rest, '.');
  struct kref kref;
  uint64_t vat;
  int action = bytes_is(type, "dropExport")     ? FSCK_DROP_EXPORT
               : bytes_is(type, "retireExport") ? FSCK_RETIRE_EXPORT
               : bytes_is(type, "retireImport") ? FSCK_RETIRE_IMPORT
                                                : 0;
  if (!action)
    misnamed(row);
  else if (read_vat_id(row, vat_name, &vat) && read_kref(row, rest, &kref)) {
    fsck_vat(row->f, vat)->has_garbage = true;
    add_link(&row->f->actions, row, vat, kref)->action = (enum fsck_action)action;
  }
}

/* "vatName.<name>/vN"; the name may have slashes. */
static void read_name(const struct row *row, struct bytes rest)
{
  size_t at = rest.size;
  uint64_t vat;
  while (at > 0 && rest.data[at - 1] != '/')
    at--;
  if (at == 0)
    misnamed(row);
  else if (read_vat_id(row, bytes_after(rest, at), &vat))
    add_link(&row->f->names, row, vat, KREF_NOTHING);
}

static void read_account(const struct row *row, struct fsck_vat *vat)
{
  vat->has_state = true;
  vat->has_account = quota_parse_row(row->value, &vat->account_bytes, &vat->account_keys, &vat->account_exact);
  if (!vat->has_account)
    malformed(row, "an account of a storage");
}

static void read_image(const struct row *row, struct fsck_vat *vat)
{
  json_t *json = read_json(row, JSON_OBJECT);
  const json_t *hash = json_object_get(json, "hash");
  json_int_t bytes = json_integer_value(json_object_get(json, "bytes"));
  vat->has_state = true;
  vat->has_image = true;
  if (json && json_is_string(hash) && bytes > 0) {
    fsck_bundle(row->f, json_text(hash))->held++;
    row->f->image_bytes_found += (uint64_t)bytes;
  } else if (json) {
    malformed(row, "an image with its hash and size");
  }
  json_decref(json);
}

/* Rows that are named WHAT.vN. False: it is none. */
static bool read_vat_row(const struct row *row, struct bytes what, struct bytes name)
{
  static const char *const names[] = {"vatConfig", "vat", "live", "suspended", "ending", "strikes", "crashes", "reap", "storage",
                                      "image"};
  enum { CONFIG, RECORD, LIVE, SUSPENDED, ENDING, STRIKES, CRASHES, REAP, STORAGE, IMAGE, COUNT };
  int which = 0;
  uint64_t id;
  while (which < COUNT && !bytes_is(what, names[which]))
    which++;
  if (which == COUNT)
    return false;
  if (!read_vat_id(row, name, &id))
    return true;
  struct fsck_vat *vat = fsck_vat(row->f, id);
  if (which == CONFIG)
    read_config(row, vat);
  else if (which == RECORD)
    read_vat_record(row, vat);
  else if (which == SUSPENDED)
    vat->suspended = true;
  else if (which == ENDING)
    vat->ending = true;
  else if (which == REAP)
    vat->has_garbage = true;
  else if (which == STORAGE)
    read_account(row, vat);
  else if (which == IMAGE)
    read_image(row, vat);
  else
    vat->has_state = true;
  vat->live = vat->live || which == LIVE;
  return true;
}

/* ---- the rest ---- */

static void read_subcluster(const struct row *row, struct bytes name)
{
  uint64_t id;
  json_t *json = read_json(row, JSON_OBJECT);
  const json_t *result = json_object_get(json, "bootstrapResult");
  struct bytes state = json_text(json_object_get(json, "state"));
  if (!subcluster_id_parse(name, &id) || id == 0)
    misnamed(row);
  else {
    idmap_put(bytes_is(state, "launching") ? &row->f->launching : &row->f->subclusters, id, row->f);
    if (id >= row->f->next_subcluster)
      fsck_say(row->f, "kv", row->key, "exists, and nextSubclusterId is %" PRIu64, row->f->next_subcluster);
  }
  if (json && !bytes_is(state, "launching") && !bytes_is(state, "running"))
    malformed(row, "a subcluster with its state");
  if (result)
    hold_text(row, json_text(result));
  json_decref(json);
}

static void read_idempotency(const struct row *row, struct bytes rest)
{
  if (!bytes_start_with(rest, bytes_of("key.")))
    return;
  json_t *json = read_json(row, JSON_OBJECT);
  const json_t *promise = json_object_get(json, "promise");
  if (promise)
    hold_text(row, json_text(promise));
  json_decref(json);
}

static void read_other(const struct row *row, struct bytes first, struct bytes rest)
{
  if (bytes_is(first, "host"))
    hold_text(row, rest);
  else if (bytes_is(first, "kernelService"))
    hold_text(row, row->value);
  else if (bytes_is(first, "service") && bytes_start_with(rest, bytes_of("call.")))
    read_item(row, false);
  else if (bytes_is(first, "subcluster"))
    read_subcluster(row, rest);
  else if (bytes_is(first, "idempotency"))
    read_idempotency(row, rest);
  else if (bytes_is(first, "gcAction"))
    read_action(row, rest);
  else if (bytes_is(first, "vatName"))
    read_name(row, rest);
  else if (bytes_is(first, "bundleRefs"))
    read_number(row, &fsck_bundle(row->f, rest)->refs);
  else if (bytes_is(first, "imageBytes"))
    read_number(row, &row->f->image_bytes);
  else if (bytes_is(first, "e"))
    read_counter(row, rest);
  else if (bytes_is(first, "queue")) {
    struct bytes name = take_part(&rest, '.');
    read_queue(row, name, rest);
  } else
    misnamed(row);
}

static bool is_counter(struct bytes key)
{
  return bytes_is(key, "nextVatId") || bytes_is(key, "nextSubclusterId") || bytes_is(key, "nextObjectId") ||
         bytes_is(key, "nextPromiseId");
}

/* "vN", "sN" or a kref: a letter or two, and digits. */
static bool is_id(struct bytes text, const char *letters)
{
  size_t size = strlen(letters);
  return text.size > size && memcmp(text.data, letters, size) == 0 && text.data[size] >= '0' && text.data[size] <= '9';
}

bool fsck_read_row(void *context, struct bytes key, struct bytes value)
{
  struct row row = {context, key, value};
  struct bytes rest = key;
  struct bytes first = take_part(&rest, '.');
  if (is_id(first, "ko") || is_id(first, "kp"))
    read_thing(&row, first, rest);
  else if (is_id(first, "v") && bytes_start_with(rest, bytes_of("c.")))
    read_clist(&row, first, bytes_after(rest, 2));
  else if (is_counter(key) || bytes_is(first, "systemSubcluster") || (is_id(first, "s") && bytes_is(rest, "idempotency")))
    return true;
  else if (!read_vat_row(&row, first, rest))
    read_other(&row, first, rest);
  return true;
}
