/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_image.c - see kernel_image.h. Rows come in key order: all rows of one c-list, and of one queue, lie
 * together, the c-list's kref direction before the other one.
 */
#include "kernel_image.h"

#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((format(printf, 2, 3))) wrong(struct image *image, const char *format, ...)
{
  if (image->wrong[0])
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(image->wrong, sizeof image->wrong, format, args);
  va_end(args);
}

/* ---- looking ---- */

struct image_object *image_object(const struct image *image, struct kref kref)
{
  return kref.type == KREF_OBJECT && kref.id < image->object_count ? &image->objects[kref.id] : NULL;
}

struct image_promise *image_promise(const struct image *image, struct kref kref)
{
  return kref.type == KREF_PROMISE && kref.id < image->promise_count ? &image->promises[kref.id] : NULL;
}

const struct image_entry *image_entry_of(const struct image *image, uint64_t vat, struct kref kref)
{
  const struct image_vat *owner = &image->vats[vat];
  for (size_t i = 0; i < owner->entry_count; i++) {
    if (kref_equal(image->entries[owner->first_entry + i].kref, kref))
      return &image->entries[owner->first_entry + i];
  }
  return NULL;
}

bool image_has_notify(const struct image *image, uint64_t vat, struct kref promise)
{
  for (size_t i = 0; i < image->item_count; i++) {
    const struct image_item *item = &image->items[i];
    if (item->is_notify && item->vat == vat && kref_equal(item->promise, promise))
      return true;
  }
  return false;
}

/* ---- reading ---- */

static void *more(void *items, size_t count, size_t *capacity, size_t size)
{
  if (count < *capacity)
    return items;
  *capacity = *capacity ? *capacity * 2 : 64;
  return memory_realloc_array(items, *capacity, size);
}

static uint64_t vat_number(struct image *image, struct bytes text, struct bytes key)
{
  uint64_t vat = 0;
  if (!vat_id_parse(text, &vat) || vat >= IMAGE_VATS) {
    wrong(image, "%.*s names the vat %.*s", BYTES_ARG(key), BYTES_ARG(text));
    return 0;
  }
  return vat;
}

/* A vat, or the kernel itself. */
static uint64_t endpoint_number(struct image *image, struct bytes text, struct bytes key)
{
  return bytes_is(text, "kernel") ? IMAGE_KERNEL : vat_number(image, text, key);
}

static struct kref read_kref(struct image *image, struct bytes text, struct bytes key)
{
  struct kref kref = KREF_NOTHING;
  if (!kref_parse(text, &kref))
    wrong(image, "%.*s names %.*s", BYTES_ARG(key), BYTES_ARG(text));
  else if (!image_object(image, kref) && !image_promise(image, kref))
    wrong(image, "%.*s names %.*s, whose number has not been given out", BYTES_ARG(key), BYTES_ARG(text));
  else
    return kref;
  return KREF_NOTHING;
}

static struct kref member_kref(struct image *image, const json_t *json, const char *member, struct bytes key)
{
  const char *text = json_string_value(json_object_get(json, member));
  return text ? read_kref(image, bytes_of(text), key) : KREF_NOTHING;
}

static void read_data(struct image *image, const json_t *json, struct bytes key, struct image_data *data)
{
  const json_t *body = json_object_get(json, "body");
  const json_t *slots = json_object_get(json, "slots");
  data->body = arena_copy(image->arena, bytes_from(json_string_value(body), json_string_length(body)));
  data->slot_count = json_array_size(slots);
  data->slots = arena_alloc_array(image->arena, data->slot_count, sizeof *data->slots);
  for (size_t i = 0; i < data->slot_count; i++)
    data->slots[i] = read_kref(image, bytes_of(json_string_value(json_array_get(slots, i))), key);
}

static json_t *read_json(struct image *image, struct bytes key, struct bytes value)
{
  json_t *json = json_loadb(value.data, value.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (!json)
    wrong(image, "%.*s is not JSON", BYTES_ARG(key));
  return json;
}

/* The part of a key behind the n-th dot. */
static struct bytes part_behind(struct bytes key, int dots)
{
  for (size_t i = 0; i < key.size; i++) {
    if (key.data[i] == '.' && --dots == 0)
      return bytes_after(key, i + 1);
  }
  return bytes_of("");
}

static struct bytes part_before_dot(struct bytes key)
{
  const char *dot = key.size ? memchr(key.data, '.', key.size) : NULL;
  return dot ? bytes_from(key.data, (size_t)(dot - key.data)) : key;
}

static void read_counts(struct image *image, struct image_object *object, struct bytes key, struct bytes value)
{
  struct bytes second = value;
  while (second.size && second.data[0] != ',')
    second = bytes_after(second, 1);
  object->exists = true;
  if (second.size == 0 || !decimal_parse(bytes_from(value.data, value.size - second.size), &object->reachable) ||
      !decimal_parse(bytes_after(second, 1), &object->recognizable))
    wrong(image, "%.*s is %.*s", BYTES_ARG(key), BYTES_ARG(value));
}

static void read_object(struct image *image, struct bytes key, struct bytes value)
{
  struct kref kref = read_kref(image, part_before_dot(key), key);
  struct image_object *object = image_object(image, kref);
  struct bytes field = part_behind(key, 1);
  if (!object)
    return;
  if (bytes_is(field, "owner"))
    object->owner = endpoint_number(image, value, key);
  else if (bytes_is(field, "refCount"))
    read_counts(image, object, key, value);
  else if (bytes_is(field, "revoked"))
    object->revoked = true;
  else if (bytes_is(part_before_dot(field), "importer"))
    object->importers |= 1ull << vat_number(image, part_behind(key, 2), key);
  else if (!bytes_is(field, "service"))
    wrong(image, "%.*s is no row of an object", BYTES_ARG(key));
}

static void read_subscribers(struct image *image, struct image_promise *promise, struct bytes key, struct bytes value)
{
  json_t *list = read_json(image, key, value);
  for (size_t i = 0; i < json_array_size(list); i++)
    promise->subscribers |= 1ull << vat_number(image, bytes_of(json_string_value(json_array_get(list, i))), key);
  json_decref(list);
}

static enum image_state read_state(struct image *image, struct bytes key, struct bytes value)
{
  static const char *const names[] = {"", "unresolved", "fulfilled", "rejected"};
  for (int i = IMAGE_UNRESOLVED; i <= IMAGE_REJECTED; i++) {
    if (bytes_is(value, names[i]))
      return (enum image_state)i;
  }
  wrong(image, "%.*s is %.*s", BYTES_ARG(key), BYTES_ARG(value));
  return IMAGE_MISSING;
}

static void read_promise(struct image *image, struct bytes key, struct bytes value)
{
  struct kref kref = read_kref(image, part_before_dot(key), key);
  struct image_promise *promise = image_promise(image, kref);
  struct bytes field = part_behind(key, 1);
  if (!promise)
    return;
  if (bytes_is(field, "state")) {
    promise->state = read_state(image, key, value);
  } else if (bytes_is(field, "refCount")) {
    decimal_parse(value, &promise->refs);
  } else if (bytes_is(field, "decider")) {
    promise->decider = endpoint_number(image, value, key);
  } else if (bytes_is(field, "subscribers")) {
    read_subscribers(image, promise, key, value);
  } else if (bytes_is(field, "value")) {
    json_t *json = read_json(image, key, value);
    read_data(image, json, key, &promise->value);
    json_decref(json);
  } else if (!bytes_is(field, "idempotency")) {
    wrong(image, "%.*s is no row of a promise", BYTES_ARG(key));
  }
}

static void read_entry(struct image *image, uint64_t vat, struct bytes name, struct bytes key, struct bytes value)
{
  struct image_vat *owner = &image->vats[vat];
  if (owner->entry_count == 0)
    owner->first_entry = image->entry_count;
  owner->entry_count++;
  image->entries = more(image->entries, image->entry_count, &image->entry_capacity, sizeof *image->entries);
  image->entries[image->entry_count++] = (struct image_entry){
      .vat = vat,
      .kref = read_kref(image, name, key),
      .vref = arena_copy(image->arena, bytes_after(value, 2)).data,
      .reachable = value.data[0] == 'R',
  };
}

/* The direction from vref to kref: there is an entry that says the same. */
static void pair_entry(struct image *image, uint64_t vat, struct bytes vref, struct bytes key, struct bytes value)
{
  struct kref kref = read_kref(image, value, key);
  struct image_entry *entry = (struct image_entry *)image_entry_of(image, vat, kref);
  if (!entry || entry->paired || !bytes_is(vref, entry->vref))
    wrong(image, "%.*s = %.*s has no row that says the same of %.*s", BYTES_ARG(key), BYTES_ARG(value), BYTES_ARG(value));
  else
    entry->paired = true;
}

/* "v1.c.ko3" = "R o-5" and "v1.c.o-5" = "ko3". */
static void read_clist(struct image *image, struct bytes key, struct bytes value)
{
  uint64_t vat = vat_number(image, part_before_dot(key), key);
  struct bytes name = part_behind(key, 2);
  if (name.size && name.data[0] == 'k')
    read_entry(image, vat, name, key, value);
  else
    pair_entry(image, vat, name, key, value);
}

/* Reads a message or notify that is stored as JSON. */
static void read_item_value(struct image *image, struct bytes key, struct bytes value, struct image_item *item)
{
  json_t *json = read_json(image, key, value);
  const json_t *message = json_object_get(json, "message");
  const char *endpoint = json_string_value(json_object_get(json, "endpointId"));
  item->is_notify = endpoint != NULL;
  item->vat = endpoint ? vat_number(image, bytes_of(endpoint), key) : 0;
  item->promise = member_kref(image, json, "kpid", key);
  item->target = member_kref(image, json, "target", key);
  item->result = member_kref(image, message, "result", key);
  if (message)
    read_data(image, json_object_get(message, "methargs"), key, &item->methargs);
  json_decref(json);
}

static void read_item(struct image *image, struct bytes key, struct bytes value)
{
  struct image_item item = {.queue = KREF_NOTHING};
  struct bytes queue = part_before_dot(bytes_after(key, strlen("queue.")));
  struct bytes slot = part_behind(key, 2);
  if (bytes_is(slot, "head") || bytes_is(slot, "tail"))
    return;
  if (queue.size && queue.data[0] == 'v')
    item.queue.id = vat_number(image, queue, key);
  else if (!bytes_is(queue, "run"))
    item.queue = read_kref(image, queue, key);
  if (!decimal_parse(slot, &item.slot))
    wrong(image, "%.*s is no slot", BYTES_ARG(key));
  read_item_value(image, key, value, &item);
  image->items = more(image->items, image->item_count, &image->item_capacity, sizeof *image->items);
  image->items[image->item_count++] = item;
}

static void read_pin(struct image *image, struct kref kref)
{
  image->pins = more(image->pins, image->pin_count, &image->pin_capacity, sizeof *image->pins);
  image->pins[image->pin_count++] = kref;
}

static void read_launch(struct image *image, struct bytes key, const json_t *json)
{
  const char *state = json_string_value(json_object_get(json, "state"));
  uint64_t id;
  if (!state || !subcluster_id_parse(part_behind(key, 1), &id) || id >= IMAGE_VATS)
    wrong(image, "%.*s is malformed", BYTES_ARG(key));
  else
    image->subclusters[id] = strcmp(state, "launching") == 0 ? IMAGE_LAUNCHING : IMAGE_RUNNING;
}

static void read_json_pin(struct image *image, struct bytes key, struct bytes value, const char *member)
{
  json_t *json = read_json(image, key, value);
  struct kref kref = member_kref(image, json, member, key);
  if (kref.type != KREF_NONE)
    read_pin(image, kref);
  if (bytes_start_with(key, bytes_of("vat.")))
    image->vats[vat_number(image, bytes_after(key, 4), key)].root = kref;
  if (bytes_start_with(key, bytes_of("subcluster.")))
    read_launch(image, key, json);
  json_decref(json);
}

/* A service that has been called, and has not answered, holds what the message held. */
static void read_call(struct image *image, struct bytes key, struct bytes value)
{
  struct image_item item = {.queue = KREF_NOTHING};
  read_item_value(image, key, value, &item);
  read_pin(image, item.target);
  read_pin(image, item.result);
  for (size_t i = 0; i < item.methargs.slot_count; i++)
    read_pin(image, item.methargs.slots[i]);
}

/* "gcAction.v1.dropExport.ko3" */
static void read_action(struct image *image, struct bytes key)
{
  struct bytes name = part_before_dot(part_behind(key, 2));
  struct image_action_row row = {
      .vat = vat_number(image, part_before_dot(part_behind(key, 1)), key),
      .action = bytes_is(name, "dropExport")     ? IMAGE_DROP_EXPORT
                : bytes_is(name, "retireExport") ? IMAGE_RETIRE_EXPORT
                                                 : IMAGE_RETIRE_IMPORT,
  };
  kref_parse(part_behind(key, 3), &row.kref);
  image->vats[row.vat].has_garbage = true;
  image->actions = more(image->actions, image->action_count, &image->action_capacity, sizeof *image->actions);
  image->actions[image->action_count++] = row;
}

static bool read_vat_row(struct image *image, struct bytes key, struct bytes value)
{
  struct bytes first = part_before_dot(key);
  struct bytes rest = part_behind(key, 1);
  if (bytes_is(first, "vatConfig"))
    image->vats[vat_number(image, rest, key)].exists = true;
  else if (bytes_is(first, "live"))
    image->vats[vat_number(image, rest, key)].live = true;
  else if (bytes_is(first, "suspended"))
    image->vats[vat_number(image, rest, key)].suspended = true;
  else if (bytes_is(first, "ending"))
    image->vats[vat_number(image, rest, key)].ending = true;
  else if (bytes_start_with(key, bytes_of("e.nextObjectId.")))
    decimal_parse(value, &image->vats[vat_number(image, part_behind(key, 2), key)].next_object);
  else if (bytes_start_with(key, bytes_of("e.nextPromiseId.")))
    decimal_parse(value, &image->vats[vat_number(image, part_behind(key, 2), key)].next_promise);
  else
    return false;
  return true;
}

static bool read_row(void *context, struct bytes key, struct bytes value)
{
  struct image *image = context;
  struct bytes first = part_before_dot(key);
  if (read_vat_row(image, key, value))
    return true;
  if (first.size > 1 && bytes_start_with(first, bytes_of("ko")))
    read_object(image, key, value);
  else if (bytes_start_with(first, bytes_of("kp")))
    read_promise(image, key, value);
  else if (bytes_is(first, "queue"))
    read_item(image, key, value);
  else if (bytes_is(first, "host"))
    read_pin(image, read_kref(image, part_behind(key, 1), key));
  else if (bytes_is(first, "kernelService"))
    read_pin(image, read_kref(image, value, key));
  else if (bytes_start_with(key, bytes_of("service.call.")))
    read_call(image, key, value);
  else if (bytes_is(first, "vat"))
    read_json_pin(image, key, value, "root");
  else if (bytes_is(first, "subcluster"))
    read_json_pin(image, key, value, "bootstrapResult");
  else if (bytes_start_with(key, bytes_of("idempotency.key.")))
    read_json_pin(image, key, value, "promise");
  else if (bytes_is(first, "gcAction"))
    read_action(image, key);
  else if (key.data[0] == 'v' && bytes_start_with(bytes_after(key, first.size), bytes_of(".c.")))
    read_clist(image, key, value);
  return true;
}

static uint64_t next_id(struct image *image, struct store *store, const char *counter)
{
  struct error error = {0};
  struct buffer text;
  uint64_t number = 1;
  buffer_init(&text, LIMIT_KERNEL_VALUE);
  if (store->ops->get(store, NULL, bytes_of(counter), &text, &error) == VATD_OK && !decimal_parse(buffer_bytes(&text), &number))
    wrong(image, "%s is %s", counter, buffer_text(&text));
  buffer_fini(&text);
  return number;
}

/* ---- counting ---- */

static void hold(struct image *image, struct kref kref)
{
  struct image_object *object = image_object(image, kref);
  struct image_promise *promise = image_promise(image, kref);
  if (object) {
    object->held_reachable++;
    object->held_recognizable++;
  } else if (promise) {
    promise->held++;
  }
}

static void hold_data(struct image *image, const struct image_data *data)
{
  for (size_t i = 0; i < data->slot_count; i++)
    hold(image, data->slots[i]);
}

static void hold_entry(struct image *image, const struct image_entry *entry)
{
  struct image_object *object = image_object(image, entry->kref);
  bool import = entry->vref[1] == '-';
  if (!object) {
    hold(image, entry->kref);
  } else if (import) {
    object->held_reachable += entry->reachable;
    object->held_recognizable++;
    object->imported_by |= 1ull << entry->vat;
  }
}

static void hold_all(struct image *image)
{
  for (size_t i = 0; i < image->pin_count; i++)
    hold(image, image->pins[i]);
  for (size_t i = 0; i < image->entry_count; i++)
    hold_entry(image, &image->entries[i]);
  for (size_t i = 0; i < image->promise_count; i++)
    hold_data(image, &image->promises[i].value);
  for (size_t i = 0; i < image->item_count; i++) {
    const struct image_item *item = &image->items[i];
    hold(image, item->promise);
    hold(image, item->target);
    hold(image, item->result);
    hold_data(image, &item->methargs);
    struct image_promise *result = image_promise(image, item->result);
    if (result)
      result->is_result = true;
  }
}

/* ---- what must be true ---- */

static void check_entry(struct image *image, const struct image_entry *entry)
{
  struct id_text name = kref_text(entry->kref);
  const char *kref = name.text;
  const struct image_object *object = image_object(image, entry->kref);
  struct image_promise *promise = image_promise(image, entry->kref);
  if (!image->vats[entry->vat].exists && !image->vats[entry->vat].ending)
    wrong(image, "v%" PRIu64 " is gone and its c-list has %s", entry->vat, entry->vref);
  if (!entry->paired)
    wrong(image, "v%" PRIu64 ": %s has no row from %s", entry->vat, kref, entry->vref);
  if ((entry->vref[0] == 'p') != (promise != NULL))
    wrong(image, "v%" PRIu64 ": %s is %s", entry->vat, entry->vref, kref);
  if (object && !object->exists)
    wrong(image, "the c-list of v%" PRIu64 " names %s, which does not exist", entry->vat, kref);
  if (object && entry->vref[1] == '+' && object->owner != entry->vat)
    wrong(image, "v%" PRIu64 " exports %s, which v%" PRIu64 " owns", entry->vat, kref, object->owner);
  if (promise && promise->state == IMAGE_MISSING)
    wrong(image, "the c-list of v%" PRIu64 " names %s, which does not exist", entry->vat, kref);
  if (promise)
    promise->known_to |= 1ull << entry->vat;
}

static bool has_action(const struct image *image, uint64_t vat, enum image_action action, struct kref kref)
{
  for (size_t i = 0; i < image->action_count; i++) {
    const struct image_action_row *row = &image->actions[i];
    if (row->vat == vat && row->action == action && kref_equal(row->kref, kref))
      return true;
  }
  return false;
}

/* Whoever has to be told that an object can no longer be reached or recognized will be told. */
static void check_garbage(struct image *image, const struct image_object *object, struct kref kref)
{
  struct id_text name = kref_text(kref);
  const char *text = name.text;
  if (object->reachable > 0 || object->owner == IMAGE_KERNEL)
    return;
  if (object->owner == 0) {
    for (uint64_t vat = 1; vat < IMAGE_VATS; vat++) {
      if ((object->importers >> vat & 1) && !has_action(image, vat, IMAGE_RETIRE_IMPORT, kref))
        wrong(image, "v%" PRIu64 " is not told to forget the orphan %s", vat, text);
    }
    return;
  }
  const struct image_entry *entry = image_entry_of(image, object->owner, kref);
  if (entry && entry->reachable && !has_action(image, object->owner, IMAGE_DROP_EXPORT, kref))
    wrong(image, "nobody can reach %s, and v%" PRIu64 " is not told", text, object->owner);
  if (object->recognizable == 0 && !has_action(image, object->owner, IMAGE_RETIRE_EXPORT, kref))
    wrong(image, "nobody can recognize %s, and v%" PRIu64 " is not told", text, object->owner);
}

static void check_object(struct image *image, uint64_t id)
{
  const struct image_object *object = &image->objects[id];
  struct kref kref = kref_object(id);
  struct id_text name = kref_text(kref);
  const char *text = name.text;
  if (object->reachable != object->held_reachable || object->recognizable != object->held_recognizable)
    wrong(image, "%s has the counts %" PRIu64 ",%" PRIu64 ", but %" PRIu64 ",%" PRIu64 " hold it", text, object->reachable,
          object->recognizable, object->held_reachable, object->held_recognizable);
  if (object->importers != object->imported_by)
    wrong(image, "%s has the importers %" PRIx64 ", but is imported by %" PRIx64, text, object->importers, object->imported_by);
  if (!object->exists && (object->owner || object->revoked))
    wrong(image, "%s does not exist but has rows", text);
  if (!object->exists)
    return;
  if (object->owner == 0 && object->recognizable == 0)
    wrong(image, "%s exists, but has neither owner nor references", text);
  if (object->owner && object->owner != IMAGE_KERNEL && !image_entry_of(image, object->owner, kref))
    wrong(image, "%s is not in the c-list of its owner v%" PRIu64, text, object->owner);
  check_garbage(image, object, kref);
}

static void check_settled(struct image *image, const struct image_promise *promise, const char *text)
{
  if (promise->decider || promise->subscribers)
    wrong(image, "%s is settled and has a decider or subscribers", text);
  if (!promise->value.body.data)
    wrong(image, "%s is settled and has no value", text);
  if (promise->is_result)
    wrong(image, "%s is settled and the result of a queued message", text);
}

static void check_unresolved(struct image *image, const struct image_promise *promise, const char *text)
{
  if (promise->value.body.data)
    wrong(image, "%s is unresolved and has a value", text);
  if (promise->decider && promise->is_result)
    wrong(image, "%s has a decider and is the result of a queued message", text);
  if (!promise->decider && !promise->is_result)
    wrong(image, "nobody will ever settle %s: it has no decider, and is no queued message's result", text);
  if (promise->decider && promise->decider != IMAGE_KERNEL && !(promise->known_to >> promise->decider & 1))
    wrong(image, "%s is decided by v%" PRIu64 ", whose c-list does not have it", text, promise->decider);
  if (promise->subscribers & ~promise->known_to)
    wrong(image, "%s has subscribers %" PRIx64 " and is in the c-lists of %" PRIx64, text, promise->subscribers,
          promise->known_to);
}

static void check_promise(struct image *image, uint64_t id)
{
  const struct image_promise *promise = &image->promises[id];
  struct id_text name = kref_text(kref_promise(id));
  const char *text = name.text;
  if (promise->refs != promise->held)
    wrong(image, "%s has the count %" PRIu64 ", but %" PRIu64 " hold it", text, promise->refs, promise->held);
  if (promise->state == IMAGE_MISSING && (promise->refs || promise->decider || promise->subscribers || promise->value.body.data))
    wrong(image, "%s does not exist but has rows", text);
  if (promise->state == IMAGE_MISSING)
    return;
  if (promise->refs == 0)
    wrong(image, "%s exists without references", text);
  if (promise->state == IMAGE_UNRESOLVED)
    check_unresolved(image, promise, text);
  else
    check_settled(image, promise, text);
}

static void check_item(struct image *image, const struct image_item *item)
{
  const struct image_promise *queue = image_promise(image, item->queue);
  const struct image_promise *promise = image_promise(image, item->promise);
  if (item->queue.type == KREF_NONE && item->queue.id && !image->vats[item->queue.id].suspended)
    wrong(image, "v%" PRIu64 " is not suspended, and something waits in its queue", item->queue.id);
  if (queue && queue->state != IMAGE_UNRESOLVED)
    wrong(image, "a message waits for %s, which is not unresolved", kref_text(item->queue).text);
  if (item->is_notify && (!promise || promise->state <= IMAGE_UNRESOLVED))
    wrong(image, "a notify of %s, which is not settled, is queued", kref_text(item->promise).text);
}

static void check_vat(struct image *image, uint64_t id)
{
  const struct image_vat *vat = &image->vats[id];
  bool left = vat->has_garbage || vat->next_object;
  if (!vat->exists && (vat->live || vat->suspended || vat->root.type != KREF_NONE || (left && !vat->ending)))
    wrong(image, "v%" PRIu64 " is gone and has rows", id);
}

static int by_queue_and_slot(const void *left, const void *right)
{
  const struct image_item *a = left;
  const struct image_item *b = right;
  if (a->queue.type != b->queue.type)
    return a->queue.type < b->queue.type ? -1 : 1;
  if (a->queue.id != b->queue.id)
    return a->queue.id < b->queue.id ? -1 : 1;
  return (a->slot > b->slot) - (a->slot < b->slot);
}

static void check_all(struct image *image)
{
  for (size_t i = 0; i < image->entry_count; i++)
    check_entry(image, &image->entries[i]);
  for (uint64_t id = 1; id < image->object_count; id++)
    check_object(image, id);
  for (uint64_t id = 1; id < image->promise_count; id++)
    check_promise(image, id);
  for (size_t i = 0; i < image->item_count; i++)
    check_item(image, &image->items[i]);
  for (uint64_t vat = 1; vat < IMAGE_VATS; vat++)
    check_vat(image, vat);
}

bool image_read(struct image *image, struct store *store, struct arena *arena)
{
  struct error error = {0};
  *image = (struct image){.arena = arena};
  image->object_count = next_id(image, store, "nextObjectId");
  image->promise_count = next_id(image, store, "nextPromiseId");
  image->objects = arena_alloc_array(arena, image->object_count, sizeof *image->objects);
  image->promises = arena_alloc_array(arena, image->promise_count, sizeof *image->promises);
  if (store->ops->scan(store, NULL, bytes_of(""), read_row, image, &error) != VATD_OK)
    wrong(image, "the store cannot be read: %s", error.text);
  if (image->item_count)
    qsort(image->items, image->item_count, sizeof *image->items, by_queue_and_slot);
  hold_all(image);
  check_all(image);
  return image->wrong[0] == '\0';
}

void image_fini(struct image *image)
{
  free(image->entries);
  free(image->items);
  free(image->actions);
  free(image->pins);
  image->entries = NULL;
  image->items = NULL;
  image->actions = NULL;
  image->pins = NULL;
}
