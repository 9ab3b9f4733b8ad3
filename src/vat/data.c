/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/data.c - between JSON values and capdata, as references see it.
 *
 * Naming an object or a pending promise in a syscall makes it known to the kernel. A settled promise has no name any more,
 * for the kernel forgot it when it settled; it goes out as a new promise, which data_flush() resolves to the same value right
 * after the syscall that named it. Its value may name further settled promises, so a flush goes on until none is left; all of
 * them are one `resolve`, so that data which leads back to itself arrives whole.
 */
#include "vat/internal.h"

#include "base/memory.h"
#include "wire/smallcaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

size_t capdata_size(const struct capdata *data)
{
  size_t size = data->body.size;
  for (size_t i = 0; i < data->slots.count; i++)
    size += data->slots.items[i].size + 8;
  return size;
}

/* ---- references in values ---- */

const char *data_reference(const json_t *value)
{
  const json_t *name = json_object_get(value, "$ref");
  size_t size = json_object_get(value, "interface") ? 2 : 1;
  return json_object_size(value) == size ? json_string_value(name) : NULL;
}

static void visit_all(struct vatd_vat *vat, const json_t *value, void (*visit)(struct vatd_ref *ref), int depth)
{
  const char *text = data_reference(value);
  struct vatd_ref *ref = text ? refs_lookup(vat, bytes_of(text)) : NULL;
  size_t index;
  const char *name;
  json_t *item;
  if (ref)
    visit(ref);
  if (depth >= LIMIT_JSON_DEPTH || text)
    return;
  if (json_is_array(value)) {
    json_array_foreach(value, index, item) visit_all(vat, item, visit, depth + 1);
  } else {
    json_object_foreach((json_t *)value, name, item) visit_all(vat, item, visit, depth + 1);
  }
}

void data_each_ref(struct vatd_vat *vat, const json_t *value, void (*visit)(struct vatd_ref *ref))
{
  visit_all(vat, value, visit, 0);
}

/* ---- out ---- */

static void note_again(struct vatd_vat *vat, struct vatd_ref *ref)
{
  if (vat->again_count == vat->again_capacity) {
    vat->again_capacity = vat->again_capacity ? 2 * vat->again_capacity : 16;
    vat->again = memory_realloc_array(vat->again, vat->again_capacity, sizeof *vat->again);
  }
  vat->again[vat->again_count++] = ref;
  snprintf(ref->promise.again, sizeof ref->promise.again, "p+%" PRIu64, vat->next_promise++);
}

/* The name that the kernel knows, or is about to learn. */
static struct bytes name_for_kernel(struct vatd_ref *ref)
{
  struct arena *arena = &ref->vat->crank->arena;
  ref = promise_stand_in(ref);
  if (ref->promise.state == PROMISE_PENDING) {
    ref->known = true;
    ref->reachable = true;
    return arena_copy(arena, bytes_of(ref->text));
  }
  if (!ref->promise.again[0])
    note_again(ref->vat, ref);
  return arena_copy(arena, bytes_of(ref->promise.again));
}

/* The references behind the names, all of them usable; nothing has changed when it fails. */
static enum vatd_code find_slots(struct vatd_vat *vat, const json_t *slots, struct vatd_ref **refs, struct error *error)
{
  size_t index;
  json_t *slot;
  json_array_foreach(slots, index, slot) {
    const char *text = json_string_value(slot);
    refs[index] = refs_find(vat, bytes_of(text));
    if (!refs[index] || !ref_usable(refs[index]))
      return error_set(error, VATD_INVALID, "%s is no reference that this vat holds", text);
    if (object_is_gone(refs[index]))
      return error_set(error, VATD_INVALID, "%s is an object that is gone", text);
  }
  return VATD_OK;
}

static enum vatd_code encode_slots(struct vatd_vat *vat, const json_t *slots, struct bytes_list *names,
                                   struct error *error)
{
  struct arena *arena = &vat->crank->arena;
  size_t count = json_array_size(slots);
  struct vatd_ref **refs = arena_alloc_array(arena, count, sizeof(struct vatd_ref *));
  enum vatd_code code = find_slots(vat, slots, refs, error);
  if (code != VATD_OK)
    return code;
  *names = (struct bytes_list){arena_alloc_array(arena, count, sizeof *names->items), count};
  for (size_t i = 0; i < count; i++)
    names->items[i] = name_for_kernel(refs[i]);
  return VATD_OK;
}

enum vatd_code data_encode(struct vatd_vat *vat, const json_t *value, struct capdata *data, struct error *error)
{
  *data = (struct capdata){.body = bytes_of("#\"#undefined\"")};
  if (!value)
    return VATD_OK;
  struct buffer body;
  json_t *slots = json_array();
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  enum vatd_code code = smallcaps_encode_for_vat(value, &body, slots, error);
  if (code == VATD_OK)
    code = encode_slots(vat, slots, &data->slots, error);
  if (code == VATD_OK)
    data->body = arena_copy(&vat->crank->arena, buffer_bytes(&body));
  buffer_fini(&body);
  json_decref(slots);
  return code;
}

static void touch(struct vatd_ref *ref)
{
  ref_touch(ref);
}

static struct resolution resolution_of(struct vatd_ref *ref)
{
  struct vatd_vat *vat = ref->vat;
  struct error error;
  struct resolution resolution = {.vpid = arena_copy(&vat->crank->arena, bytes_of(ref->promise.again)),
                                  .rejected = ref->promise.state == PROMISE_REJECTED};
  data_each_ref(vat, ref->promise.value, touch); /* as usable as the promise is */
  if (data_encode(vat, ref->promise.value, &resolution.data, &error) == VATD_OK)
    return resolution;
  json_t *reason = vatd_json_error("Error", "%s", error.text);
  data_encode(vat, reason, &resolution.data, &error);
  json_decref(reason);
  resolution.rejected = true;
  return resolution;
}

void data_flush(struct vatd_vat *vat)
{
  struct resolution *items = NULL;
  size_t bytes = 0;
  if (vat->again_count == 0)
    return;
  for (size_t i = 0; i < vat->again_count; i++) { /* which grows on the way */
    items = memory_realloc_array(items, i + 1, sizeof *items);
    items[i] = resolution_of(vat->again[i]);
    bytes += capdata_size(&items[i].data);
  }
  struct vat_syscall syscall = {.type = SYSCALL_RESOLVE, .resolutions = {NULL, vat->again_count}};
  syscall.resolutions.items = arena_alloc_array(&vat->crank->arena, vat->again_count, sizeof *items);
  memcpy(syscall.resolutions.items, items, vat->again_count * sizeof *items);
  free(items);
  for (size_t i = 0; i < vat->again_count; i++)
    vat->again[i]->promise.again[0] = '\0';
  vat->overflowed = vat->overflowed || vat->again_count > LIMIT_RESOLUTIONS_PER_SYSCALL;
  vat->again_count = 0;
  vat_syscall(vat, &syscall, bytes);
}

/* ---- in ---- */

json_t *data_decode(struct vatd_vat *vat, const struct capdata *data, struct error *error)
{
  json_t *value = NULL;
  json_t *slots = json_array();
  for (size_t i = 0; i < data->slots.count; i++) {
    struct vatd_ref *ref = refs_arrive(vat, data->slots.items[i]);
    promise_subscribe(ref);
    json_array_append_new(slots, json_string(ref->text));
  }
  if (smallcaps_decode_for_vat(data->body, slots, &value, error) != VATD_OK)
    value = NULL;
  json_decref(slots);
  vat->garbage += data->body.size;
  return value;
}
