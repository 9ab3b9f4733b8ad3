/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/leftovers.c - what may be left at the end of a world: after everybody has let go of everything, and after the state
 * was cleared. */
#include "world.h"

#include <inttypes.h>

static bool is_root(const struct image *image, struct kref kref)
{
  bool root = false;
  for (size_t vat = 1; vat < IMAGE_VATS; vat++)
    root = root || (kref.type != KREF_NONE && kref_equal(image->vats[vat].root, kref));
  return root;
}

/*
 * What may be left: promises that wait for each other (the result of a message is waited for by its target), and promises
 * whose values refer to each other; the objects that they refer to, and roots. Nobody decides those promises, nothing is in
 * the run queue, no c-list imports anything but such promises.
 */
void leftovers_check(struct world *w)
{
  const struct image *image = &w->image;
  for (size_t i = 0; i < image->item_count; i++)
    EXPECT(image->items[i].queue.type == KREF_PROMISE, "slot %" PRIu64 " is still queued", image->items[i].slot);
  EXPECT(image->action_count == 0, "v%" PRIu64 " has garbage that is not collected", image->actions[0].vat);
  for (uint64_t id = 1; id < image->promise_count; id++)
    EXPECT(image->promises[id].state != IMAGE_UNRESOLVED || !image->promises[id].decider, "kp%" PRIu64 " was never settled", id);
  for (size_t i = 0; i < image->entry_count; i++) {
    const struct image_entry *entry = &image->entries[i];
    const struct image_promise *promise = image_promise(image, entry->kref);
    EXPECT(promise ? promise->state == IMAGE_UNRESOLVED : entry->vref[1] == '+', "v%" PRIu64 " still has %s", entry->vat,
           entry->vref);
  }
  for (size_t i = 0; i < image->pin_count; i++) {
    const struct image_promise *promise = image_promise(image, image->pins[i]); /* a client or a launch waits for it */
    EXPECT(promise ? promise->state == IMAGE_UNRESOLVED : is_root(image, image->pins[i]), "%s is still pinned",
           kref_text(image->pins[i]).text);
  }
}

static bool find_row(void *context, struct bytes key, struct bytes value)
{
  (void)context;
  report_failure("the row %.*s = %.*s is left after the state was cleared", BYTES_ARG(key), BYTES_ARG(value));
}

void leftovers_check_empty(struct world *w)
{
  struct error error = {0};
  w->store.inner->ops->scan(w->store.inner, NULL, bytes_of(""), find_row, NULL, &error);
  for (uint64_t vat = 1; vat < MODEL_VATS; vat++)
    w->store.inner->ops->scan(w->store.inner, vat_id_text(vat).text, bytes_of(""), find_row, NULL, &error);
}
