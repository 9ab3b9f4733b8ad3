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

void image_wrong(struct image *image, const char *format, ...)
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
    image_wrong(image, "%.*s names the vat %.*s", BYTES_ARG(key), BYTES_ARG(text));
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
    image_wrong(image, "%.*s names %.*s", BYTES_ARG(key), BYTES_ARG(text));
  else if (!image_object(image, kref) && !image_promise(image, kref))
    image_wrong(image, "%.*s names %.*s, whose number has not been given out", BYTES_ARG(key), BYTES_ARG(text));
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
    image_wrong(image, "%.*s is not JSON", BYTES_ARG(key));
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
    image_wrong(image, "%.*s is %.*s", BYTES_ARG(key), BYTES_ARG(value));
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
    image_wrong(image, "%.*s is no row of an object", BYTES_ARG(key));
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
  image_wrong(image, "%.*s is %.*s", BYTES_ARG(key), BYTES_ARG(value));
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
    image_wrong(image, "%.*s is no row of a promise", BYTES_ARG(key));
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
    image_wrong(image, "%.*s = %.*s has no row that says the same of %.*s", BYTES_ARG(key), BYTES_ARG(value), BYTES_ARG(value));
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
    image_wrong(image, "%.*s is no slot", BYTES_ARG(key));
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
    image_wrong(image, "%.*s is malformed", BYTES_ARG(key));
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
  else if (bytes_is(first, "image"))
    image->vats[vat_number(image, rest, key)].hibernates = true;
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
    image_wrong(image, "%s is %s", counter, buffer_text(&text));
  buffer_fini(&text);
  return number;
}

/* ---- the whole ---- */

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

bool image_read(struct image *image, struct store *store, struct arena *arena)
{
  struct error error = {0};
  *image = (struct image){.arena = arena};
  image->object_count = next_id(image, store, "nextObjectId");
  image->promise_count = next_id(image, store, "nextPromiseId");
  image->objects = arena_alloc_array(arena, image->object_count, sizeof *image->objects);
  image->promises = arena_alloc_array(arena, image->promise_count, sizeof *image->promises);
  if (store->ops->scan(store, NULL, bytes_of(""), read_row, image, &error) != VATD_OK)
    image_wrong(image, "the store cannot be read: %s", error.text);
  if (image->item_count)
    qsort(image->items, image->item_count, sizeof *image->items, by_queue_and_slot);
  image_check(image, store);
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
