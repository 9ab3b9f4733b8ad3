/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_image_checks.c - what must be true of the kernel's state after every crank (kernel_image.h). First all
 * holders of references are counted, as refs.h of the kernel lists them; then each table is compared with that and the others.
 */
#include "kernel_image.h"

#include <inttypes.h>

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
    image_wrong(image, "v%" PRIu64 " is gone and its c-list has %s", entry->vat, entry->vref);
  if (!entry->paired)
    image_wrong(image, "v%" PRIu64 ": %s has no row from %s", entry->vat, kref, entry->vref);
  if ((entry->vref[0] == 'p') != (promise != NULL))
    image_wrong(image, "v%" PRIu64 ": %s is %s", entry->vat, entry->vref, kref);
  if (object && !object->exists)
    image_wrong(image, "the c-list of v%" PRIu64 " names %s, which does not exist", entry->vat, kref);
  if (object && entry->vref[1] == '+' && object->owner != entry->vat)
    image_wrong(image, "v%" PRIu64 " exports %s, which v%" PRIu64 " owns", entry->vat, kref, object->owner);
  if (promise && promise->state == IMAGE_MISSING)
    image_wrong(image, "the c-list of v%" PRIu64 " names %s, which does not exist", entry->vat, kref);
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
        image_wrong(image, "v%" PRIu64 " is not told to forget the orphan %s", vat, text);
    }
    return;
  }
  const struct image_entry *entry = image_entry_of(image, object->owner, kref);
  if (entry && entry->reachable && !has_action(image, object->owner, IMAGE_DROP_EXPORT, kref))
    image_wrong(image, "nobody can reach %s, and v%" PRIu64 " is not told", text, object->owner);
  if (object->recognizable == 0 && !has_action(image, object->owner, IMAGE_RETIRE_EXPORT, kref))
    image_wrong(image, "nobody can recognize %s, and v%" PRIu64 " is not told", text, object->owner);
}

static void check_object(struct image *image, uint64_t id)
{
  const struct image_object *object = &image->objects[id];
  struct kref kref = kref_object(id);
  struct id_text name = kref_text(kref);
  const char *text = name.text;
  if (object->reachable != object->held_reachable || object->recognizable != object->held_recognizable)
    image_wrong(image, "%s has the counts %" PRIu64 ",%" PRIu64 ", but %" PRIu64 ",%" PRIu64 " hold it", text, object->reachable,
          object->recognizable, object->held_reachable, object->held_recognizable);
  if (object->importers != object->imported_by)
    image_wrong(image, "%s has the importers %" PRIx64 ", but is imported by %" PRIx64, text, object->importers, object->imported_by);
  if (!object->exists && (object->owner || object->revoked))
    image_wrong(image, "%s does not exist but has rows", text);
  if (!object->exists)
    return;
  if (object->owner == 0 && object->recognizable == 0)
    image_wrong(image, "%s exists, but has neither owner nor references", text);
  if (object->owner && object->owner != IMAGE_KERNEL && !image_entry_of(image, object->owner, kref))
    image_wrong(image, "%s is not in the c-list of its owner v%" PRIu64, text, object->owner);
  check_garbage(image, object, kref);
}

static void check_settled(struct image *image, const struct image_promise *promise, const char *text)
{
  if (promise->decider || promise->subscribers)
    image_wrong(image, "%s is settled and has a decider or subscribers", text);
  if (!promise->value.body.data)
    image_wrong(image, "%s is settled and has no value", text);
  if (promise->is_result)
    image_wrong(image, "%s is settled and the result of a queued message", text);
}

static void check_unresolved(struct image *image, const struct image_promise *promise, const char *text)
{
  if (promise->value.body.data)
    image_wrong(image, "%s is unresolved and has a value", text);
  if (promise->decider && promise->is_result)
    image_wrong(image, "%s has a decider and is the result of a queued message", text);
  if (!promise->decider && !promise->is_result)
    image_wrong(image, "nobody will ever settle %s: it has no decider, and is no queued message's result", text);
  if (promise->decider && promise->decider != IMAGE_KERNEL && !(promise->known_to >> promise->decider & 1))
    image_wrong(image, "%s is decided by v%" PRIu64 ", whose c-list does not have it", text, promise->decider);
  if (promise->subscribers & ~promise->known_to)
    image_wrong(image, "%s has subscribers %" PRIx64 " and is in the c-lists of %" PRIx64, text, promise->subscribers,
          promise->known_to);
}

static void check_promise(struct image *image, uint64_t id)
{
  const struct image_promise *promise = &image->promises[id];
  struct id_text name = kref_text(kref_promise(id));
  const char *text = name.text;
  if (promise->refs != promise->held)
    image_wrong(image, "%s has the count %" PRIu64 ", but %" PRIu64 " hold it", text, promise->refs, promise->held);
  if (promise->state == IMAGE_MISSING && (promise->refs || promise->decider || promise->subscribers || promise->value.body.data))
    image_wrong(image, "%s does not exist but has rows", text);
  if (promise->state == IMAGE_MISSING)
    return;
  if (promise->refs == 0)
    image_wrong(image, "%s exists without references", text);
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
    image_wrong(image, "v%" PRIu64 " is not suspended, and something waits in its queue", item->queue.id);
  if (queue && queue->state != IMAGE_UNRESOLVED)
    image_wrong(image, "a message waits for %s, which is not unresolved", kref_text(item->queue).text);
  if (item->is_notify && (!promise || promise->state <= IMAGE_UNRESOLVED))
    image_wrong(image, "a notify of %s, which is not settled, is queued", kref_text(item->promise).text);
}

static void check_vat(struct image *image, uint64_t id)
{
  const struct image_vat *vat = &image->vats[id];
  bool left = vat->has_garbage || vat->next_object;
  if (!vat->exists && (vat->live || vat->suspended || vat->root.type != KREF_NONE || (left && !vat->ending)))
    image_wrong(image, "v%" PRIu64 " is gone and has rows", id);
}

void image_check(struct image *image)
{
  hold_all(image);
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
