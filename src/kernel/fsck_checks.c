/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/fsck_checks.c - what must be true of the tables (fsck_tables.h), each of them compared with the others. */
#include "kernel/fsck_tables.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void say(struct fsck *f, struct bytes key, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct fsck *f, struct bytes key, const char *format, ...)
{
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  fsck_say(f, "kv", key, "%s", what);
}

static struct bytes kref_key(struct fsck *f, struct kref kref, const char *field)
{
  return FSCK_KEY(f, "%s.%s", kref_text(kref).text, field);
}

static struct bytes vat_key(struct fsck *f, const char *what, uint64_t vat)
{
  return FSCK_KEY(f, "%s.v%" PRIu64, what, vat);
}

static bool vat_lives(struct fsck *f, uint64_t id)
{
  const struct fsck_vat *vat = idmap_get(&f->vats, id);
  return vat && vat->configured;
}

/* It has ended, but not all that it left is gone. */
static bool vat_ends(struct fsck *f, uint64_t id)
{
  const struct fsck_vat *vat = idmap_get(&f->vats, id);
  return vat && vat->ending;
}

/* ---- links: rows that two things must agree on ---- */

static void check_importers(struct fsck *f)
{
  for (const struct fsck_link *link = f->importers; link; link = link->next) {
    struct fsck_entry *entry = fsck_entry_of(f, link->vat, link->kref);
    if (entry && !entry->vref.exported)
      entry->indexed = true;
    else
      say(f, link->key, "names an importer, and the c-list of v%" PRIu64 " does not import it", link->vat);
  }
}

static void check_subscriptions(struct fsck *f)
{
  for (const struct fsck_link *link = f->subscriptions; link; link = link->next) {
    if (!fsck_entry_of(f, link->vat, link->kref))
      say(f, link->key, "names v%" PRIu64 ", whose c-list does not have the promise", link->vat);
  }
}

/* An action that no longer holds is looked at again when it is taken: only its vat must be there. */
static void check_actions(struct fsck *f)
{
  for (const struct fsck_link *link = f->actions; link; link = link->next) {
    struct fsck_entry *entry = fsck_entry_of(f, link->vat, link->kref);
    if (entry)
      entry->actions |= link->action;
    if (!vat_lives(f, link->vat) && !vat_ends(f, link->vat))
      say(f, link->key, "is for a vat that is not there");
  }
}

static void check_names(struct fsck *f)
{
  for (const struct fsck_link *link = f->names; link; link = link->next) {
    struct fsck_vat *vat = idmap_get(&f->vats, link->vat);
    struct bytes name = bytes_after(link->key, strlen("vatName."));
    if (vat && vat->recorded && name.size > vat->name.size && bytes_start_with(name, vat->name) &&
        name.data[vat->name.size] == '/')
      vat->named = true;
    else
      say(f, link->key, "is no name of v%" PRIu64, link->vat);
  }
}

/* ---- c-lists ---- */

static void check_counter(struct fsck *f, const struct fsck_entry *entry)
{
  const struct fsck_vat *vat = entry->vat;
  uint64_t next = entry->vref.promise ? vat->next_promise : vat->next_object;
  if (!entry->vref.exported && next && entry->vref.number >= next)
    say(f, vat_key(f, entry->vref.promise ? "e.nextPromiseId" : "e.nextObjectId", vat->id),
        "is %" PRIu64 ", and the c-list has %.*s", next, BYTES_ARG(entry->text));
}

static struct bytes entry_key(struct fsck *f, const struct fsck_entry *entry)
{
  return FSCK_KEY(f, "v%" PRIu64 ".c.%s", entry->vat->id, kref_text(entry->kref).text);
}

static void check_object_entry(struct fsck *f, const struct fsck_entry *entry)
{
  const struct fsck_object *object = fsck_object(f, entry->kref.id);
  if (!object->counted)
    say(f, entry_key(f, entry), "names an object that does not exist");
  if (entry->vref.exported && object->counted && object->owner != entry->vat->id)
    say(f, entry_key(f, entry), "exports an object that another owns");
  if (!entry->vref.exported && !entry->indexed)
    say(f, FSCK_KEY(f, "%s.importer.v%" PRIu64, kref_text(entry->kref).text, entry->vat->id),
        "is missing: the c-list of v%" PRIu64 " imports the object", entry->vat->id);
}

static void check_entry(struct fsck *f, const struct fsck_entry *entry)
{
  if (!entry->vat->configured && !entry->vat->ending)
    say(f, entry_key(f, entry), "is of a vat that is not there");
  if (!entry->paired)
    say(f, FSCK_KEY(f, "v%" PRIu64 ".c.%.*s", entry->vat->id, BYTES_ARG(entry->text)), "is missing, or says another than %s",
        kref_text(entry->kref).text);
  if (entry->kref.type == KREF_OBJECT)
    check_object_entry(f, entry);
  else if (fsck_promise(f, entry->kref.id)->state == FSCK_MISSING)
    say(f, entry_key(f, entry), "names a promise that does not exist");
  check_counter(f, entry);
}

/* ---- objects ---- */

static void want_action(struct fsck *f, const struct fsck_entry *entry, unsigned action, const char *name)
{
  if (entry && !(entry->actions & action))
    say(f, FSCK_KEY(f, "gcAction.v%" PRIu64 ".%s.%s", entry->vat->id, name, kref_text(entry->kref).text),
        "is missing: the vat is not told of its garbage");
}

/* Whoever has to be told that an object can no longer be reached or recognized will be told. */
static void check_garbage(struct fsck *f, const struct fsck_object *object)
{
  const struct fsck_entry *entry = fsck_entry_of(f, object->owner, kref_object(object->id));
  if (object->reachable > 0 || !entry)
    return;
  if (entry->reachable)
    want_action(f, entry, FSCK_DROP_EXPORT, "dropExport");
  if (object->recognizable == 0)
    want_action(f, entry, FSCK_RETIRE_EXPORT, "retireExport");
}

static void check_orphan_import(struct fsck *f, const struct fsck_entry *entry)
{
  if (entry->kref.type != KREF_OBJECT || entry->vref.exported)
    return;
  const struct fsck_object *object = fsck_object(f, entry->kref.id);
  if (object->counted && object->owner == 0 && object->reachable == 0)
    want_action(f, entry, FSCK_RETIRE_IMPORT, "retireImport");
}

static void check_owner(struct fsck *f, const struct fsck_object *object, struct kref kref)
{
  const struct fsck_entry *entry;
  if (object->owner == 0 && object->recognizable == 0)
    say(f, kref_key(f, kref, "refCount"), "is of an object with neither owner nor references");
  if (object->owner == ENDPOINT_KERNEL && !object->has_service)
    say(f, kref_key(f, kref, "service"), "is missing: the kernel owns the object");
  if (object->owner == 0 || object->owner == ENDPOINT_KERNEL)
    return;
  entry = fsck_entry_of(f, object->owner, kref);
  if (!entry || !entry->vref.exported)
    say(f, kref_key(f, kref, "owner"), "is v%" PRIu64 ", whose c-list does not export it", object->owner);
}

static void check_object(struct fsck *f, const struct fsck_object *object)
{
  struct kref kref = kref_object(object->id);
  if (object->reachable != object->held_reachable || object->recognizable != object->held_recognizable)
    say(f, kref_key(f, kref, "refCount"),
        "is %" PRIu64 ",%" PRIu64 ", and %" PRIu64 ",%" PRIu64 " hold the object", object->reachable, object->recognizable,
        object->held_reachable, object->held_recognizable);
  if (!object->counted) {
    if (object->has_rows)
      say(f, kref_key(f, kref, "refCount"), "is missing: the object has other rows");
    return;
  }
  check_owner(f, object, kref);
  check_garbage(f, object);
}

/* ---- promises ---- */

static void check_settled(struct fsck *f, const struct fsck_promise *promise, struct kref kref)
{
  if (promise->decider)
    say(f, kref_key(f, kref, "decider"), "is there, and the promise is settled");
  if (promise->has_subscribers)
    say(f, kref_key(f, kref, "subscribers"), "is there, and the promise is settled");
  if (!promise->has_value)
    say(f, kref_key(f, kref, "value"), "is missing: the promise is settled");
  if (promise->is_result)
    say(f, kref_key(f, kref, "state"), "is settled, and the promise is the result of a queued message");
}

static void check_unresolved(struct fsck *f, const struct fsck_promise *promise, struct kref kref)
{
  if (promise->has_value)
    say(f, kref_key(f, kref, "value"), "is there, and the promise is unresolved");
  if (promise->decider && promise->is_result)
    say(f, kref_key(f, kref, "decider"), "is there, and the promise is the result of a queued message");
  if (!promise->decider && !promise->is_result)
    say(f, kref_key(f, kref, "decider"), "is missing: nobody will settle the promise, which is no queued message's result");
  if (promise->decider && promise->decider != ENDPOINT_KERNEL && !fsck_entry_of(f, promise->decider, kref))
    say(f, kref_key(f, kref, "decider"), "is v%" PRIu64 ", whose c-list does not have the promise", promise->decider);
}

static void check_promise(struct fsck *f, const struct fsck_promise *promise)
{
  struct kref kref = kref_promise(promise->id);
  if (promise->refs != promise->held)
    say(f, kref_key(f, kref, "refCount"), "is %" PRIu64 ", and %" PRIu64 " hold the promise", promise->refs, promise->held);
  if (promise->state == FSCK_MISSING) {
    if (promise->has_rows)
      say(f, kref_key(f, kref, "state"), "is missing: the promise has other rows");
  } else if (promise->refs == 0)
    say(f, kref_key(f, kref, "refCount"), "is 0: the promise exists without references");
  else if (promise->state == FSCK_UNRESOLVED)
    check_unresolved(f, promise, kref);
  else
    check_settled(f, promise, kref);
}

/* ---- queues ---- */

static void check_owner_of_queue(struct fsck *f, const struct fsck_queue *queue, struct bytes key)
{
  const struct fsck_vat *vat = queue->kref.type == KREF_NONE ? idmap_get(&f->vats, queue->kref.id) : NULL;
  if (queue->kref.type == KREF_NONE && queue->kref.id && !(vat && vat->suspended) && queue->first)
    say(f, key, "is used, and the vat is not suspended");
  if (queue->kref.type == KREF_OBJECT)
    say(f, key, "is a queue of an object");
  if (queue->kref.type == KREF_PROMISE && queue->first && fsck_promise(f, queue->kref.id)->state != FSCK_UNRESOLVED)
    say(f, key, "is used, and the promise is not unresolved");
}

/* Slots lie from the tail to before the head, and the tail's is in use: holes are behind it. */
static void check_queue(struct fsck *f, const struct fsck_queue *queue)
{
  struct bytes head = FSCK_KEY(f, "queue.%.*s.head", BYTES_ARG(queue->name));
  struct bytes tail = FSCK_KEY(f, "queue.%.*s.tail", BYTES_ARG(queue->name));
  if (queue->head < queue->tail || queue->last >= queue->head)
    say(f, head, "is %" PRIu64 ", the tail %" PRIu64 ", and the last item is in slot %" PRIu64, queue->head, queue->tail,
        queue->last);
  else if (queue->first ? queue->first != queue->tail : queue->head != queue->tail)
    say(f, tail, "is %" PRIu64 ", the head %" PRIu64 ", and the first item is in slot %" PRIu64, queue->tail, queue->head,
        queue->first);
  check_owner_of_queue(f, queue, head);
}

static void check_notifies(struct fsck *f)
{
  for (const struct fsck_notify *notify = f->notifies; notify; notify = notify->next) {
    if (notify->promise.type != KREF_PROMISE || fsck_promise(f, notify->promise.id)->state <= FSCK_UNRESOLVED)
      say(f, notify->key, "tells of %s, which is not settled", kref_text(notify->promise).text);
  }
}

/* ---- vats and bundles ---- */

/* The vat exports its root, or has once, and has let go of it since (abandonExports): then nobody owns it. */
static bool has_had_root(struct fsck *f, const struct fsck_vat *vat)
{
  const struct fsck_entry *root = fsck_entry_of(f, vat->id, vat->root);
  if (root)
    return root->vref.exported;
  return vat->root.type == KREF_OBJECT && vat->root.id < f->next_object && fsck_object(f, vat->root.id)->owner == 0;
}

static void check_living(struct fsck *f, const struct fsck_vat *vat)
{
  if (!vat->recorded) {
    say(f, vat_key(f, "vat", vat->id), "is missing: the vat has a configuration");
    return;
  }
  bool launching = idmap_get(&f->launching, vat->subcluster) != NULL;
  if (!(launching && vat->root.type == KREF_NONE) && !has_had_root(f, vat))
    say(f, vat_key(f, "vat", vat->id), "has the root %s, which is not in the vat's c-list", kref_text(vat->root).text);
  if (!launching && !idmap_get(&f->subclusters, vat->subcluster))
    say(f, FSCK_KEY(f, "subcluster.s%" PRIu64, vat->subcluster), "is missing: v%" PRIu64 " is of it", vat->id);
  if (!vat->named)
    say(f, FSCK_KEY(f, "vatName.%.*s/v%" PRIu64, BYTES_ARG(vat->name), vat->id), "is missing: the vat is not found by name");
  if (vat->ending)
    say(f, vat_key(f, "ending", vat->id), "is there, and the vat has a configuration");
  if (vat->has_image && !vat->live)
    say(f, vat_key(f, "image", vat->id), "is there, and no incarnation that it could be the heap of");
}

static void check_vat(struct fsck *f, const struct fsck_vat *vat)
{
  bool left = vat->has_garbage || vat->next_object || vat->next_promise;
  if (vat->configured)
    check_living(f, vat);
  else if (vat->recorded || vat->suspended || vat->has_state || (left && !vat->ending))
    say(f, vat_key(f, "vatConfig", vat->id), "is missing: the vat has other rows");
}

static void check_bundle(struct fsck *f, const struct fsck_bundle *bundle, bool listed)
{
  if (bundle->refs != bundle->held)
    say(f, FSCK_KEY(f, "bundleRefs.%s", bundle->hash), "is %" PRIu64 ", and %" PRIu64 " vats use it", bundle->refs,
        bundle->held);
  if (listed && bundle->held && !bundle->stored)
    fsck_say(f, "bundle", bytes_of(bundle->hash), "is missing: a vat's code or heap");
  if (bundle->stored && !bundle->held)
    fsck_say(f, "bundle", bytes_of(bundle->hash), "is the code of no vat, and no vat's heap");
}

/* ---- the other tables ---- */

static void check_lists(struct fsck *f, const struct fsck_lists *lists)
{
  for (size_t i = 0; i < lists->bundle_count; i++)
    fsck_bundle(f, bytes_of(lists->bundles[i]))->stored = true;
  for (size_t i = 0; i < lists->vat_count; i++) {
    uint64_t vat;
    if (!vat_id_parse(bytes_of(lists->vats[i]), &vat) || (!vat_lives(f, vat) && !vat_ends(f, vat)))
      fsck_say(f, "kv_vatstore", bytes_of(lists->vats[i]), "has rows, and there is no such vat");
  }
}

static void check_things(struct fsck *f)
{
  size_t position = 0;
  const void *thing;
  while ((thing = idmap_next(&f->vats, &position)))
    check_vat(f, thing);
  for (position = 0; (thing = idmap_next(&f->objects, &position));)
    check_object(f, thing);
  for (position = 0; (thing = idmap_next(&f->promises, &position));)
    check_promise(f, thing);
}

/* The checks of entries may still add things they name; a walk over a table adds nothing. */
void fsck_check(struct fsck *f, const struct fsck_lists *lists)
{
  check_importers(f);
  check_subscriptions(f);
  check_actions(f);
  check_names(f);
  check_notifies(f);
  for (const struct fsck_entry *entry = f->entries; entry; entry = entry->next) {
    check_entry(f, entry);
    check_orphan_import(f, entry);
  }
  for (const struct fsck_queue *queue = f->queues; queue; queue = queue->next)
    check_queue(f, queue);
  check_things(f);
  if (lists)
    check_lists(f, lists);
  if (f->image_bytes != f->image_bytes_found)
    say(f, bytes_of("imageBytes"), "is %" PRIu64 ", and the images have %" PRIu64, f->image_bytes, f->image_bytes_found);
  for (const struct fsck_bundle *bundle = f->bundles; bundle; bundle = bundle->next)
    check_bundle(f, bundle, lists != NULL);
}
