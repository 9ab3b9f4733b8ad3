/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/fsck.c - see fsck.h: the tables, and the run over them. */
#include "kernel/fsck_tables.h"

#include <inttypes.h>
#include "base/limits.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WHAT_MAX 512

void fsck_say(struct fsck *f, const char *table, struct bytes key, const char *format, ...)
{
  char what[WHAT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  struct fsck_finding finding = {table, key, what};
  f->count++;
  f->found(f->context, &finding);
}

/* ---- tables ---- */

struct fsck_object *fsck_object(struct fsck *f, uint64_t id)
{
  struct fsck_object *object = idmap_get(&f->objects, id);
  if (!object) {
    object = arena_alloc(&f->arena, sizeof *object);
    object->id = id;
    idmap_put(&f->objects, id, object);
  }
  return object;
}

struct fsck_promise *fsck_promise(struct fsck *f, uint64_t id)
{
  struct fsck_promise *promise = idmap_get(&f->promises, id);
  if (!promise) {
    promise = arena_alloc(&f->arena, sizeof *promise);
    promise->id = id;
    idmap_put(&f->promises, id, promise);
  }
  return promise;
}

struct fsck_vat *fsck_vat(struct fsck *f, uint64_t id)
{
  struct fsck_vat *vat = idmap_get(&f->vats, id);
  if (!vat) {
    vat = arena_alloc(&f->arena, sizeof *vat);
    vat->id = id;
    idmap_init(&vat->objects);
    idmap_init(&vat->promises);
    idmap_put(&f->vats, id, vat);
  }
  return vat;
}

struct fsck_bundle *fsck_bundle(struct fsck *f, struct bytes hash)
{
  for (struct fsck_bundle *bundle = f->bundles; bundle; bundle = bundle->next) {
    if (bytes_is(hash, bundle->hash))
      return bundle;
  }
  struct fsck_bundle *bundle = arena_alloc(&f->arena, sizeof *bundle);
  *bundle = (struct fsck_bundle){.next = f->bundles, .hash = arena_copy(&f->arena, hash).data};
  f->bundles = bundle;
  return bundle;
}

struct fsck_entry *fsck_entry_of(struct fsck *f, uint64_t id, struct kref kref)
{
  const struct fsck_vat *vat = id ? idmap_get(&f->vats, id) : NULL;
  if (!vat || kref.type == KREF_NONE)
    return NULL;
  return idmap_get(kref.type == KREF_OBJECT ? &vat->objects : &vat->promises, kref.id);
}

/* ---- the whole ---- */

/* Before the rows, whose ids are compared with them. */
static uint64_t read_counter(struct fsck *f, struct store *store, const char *counter)
{
  struct error error = {0};
  struct buffer text;
  uint64_t number = 1;
  buffer_init(&text, LIMIT_KERNEL_VALUE);
  enum vatd_code code = store->ops->get(store, NULL, bytes_of(counter), &text, &error);
  if (code != VATD_OK && code != VATD_NOT_FOUND)
    fsck_say(f, "kv", bytes_of(counter), "cannot be read: %s", error.text);
  else if (code == VATD_OK && (!decimal_parse(buffer_bytes(&text), &number) || number == 0))
    fsck_say(f, "kv", bytes_of(counter), "is no id that could come next: %.80s", buffer_text(&text));
  buffer_fini(&text);
  return number;
}

struct storage_sum {
  uint64_t bytes;
  uint64_t keys;
};

static bool add_to_sum(void *context, struct bytes key, struct bytes value)
{
  struct storage_sum *sum = context;
  sum->bytes += key.size + value.size;
  sum->keys++;
  return true;
}

/* A bound may be too high, but not too low. */
static void check_account(struct fsck *f, struct store *store, const struct fsck_vat *vat)
{
  struct error error = {0};
  struct storage_sum sum = {0};
  struct bytes key = FSCK_KEY(f, "storage.%s", vat_id_text(vat->id).text);
  if (store->ops->scan(store, vat_id_text(vat->id).text, bytes_of(""), add_to_sum, &sum, &error) != VATD_OK)
    fsck_say(f, "kv_vatstore", bytes_of(vat_id_text(vat->id).text), "cannot be read to the end: %s", error.text);
  else if (sum.bytes > vat->account_bytes || sum.keys > vat->account_keys ||
           (vat->account_exact && (sum.bytes != vat->account_bytes || sum.keys != vat->account_keys)))
    fsck_say(f, "kv", key, "is wrong: the vat keeps %" PRIu64 " bytes in %" PRIu64 " keys", sum.bytes, sum.keys);
}

static void check_accounts(struct fsck *f, struct store *store)
{
  size_t position = 0;
  const struct fsck_vat *vat;
  while ((vat = idmap_next(&f->vats, &position))) {
    if (vat->has_account)
      check_account(f, store, vat);
  }
}

static void read_all(struct fsck *f, struct store *store, const struct fsck_lists *lists)
{
  struct error error = {0};
  f->next_object = read_counter(f, store, "nextObjectId");
  f->next_promise = read_counter(f, store, "nextPromiseId");
  f->next_vat = read_counter(f, store, "nextVatId");
  f->next_subcluster = read_counter(f, store, "nextSubclusterId");
  /* What half of the rows say of the other half would only hide what is wrong. */
  if (store->ops->scan(store, NULL, bytes_of(""), fsck_read_row, f, &error) != VATD_OK)
    fsck_say(f, "kv", bytes_of(""), "cannot be read to the end: %s", error.text);
  else {
    fsck_check(f, lists);
    check_accounts(f, store);
  }
}

size_t fsck_store(struct store *store, const struct fsck_lists *lists, fsck_found_fn *found, void *context)
{
  struct fsck f = {.found = found, .context = context};
  size_t position = 0;
  struct fsck_vat *vat;
  arena_init(&f.arena);
  idmap_init(&f.objects);
  idmap_init(&f.promises);
  idmap_init(&f.vats);
  idmap_init(&f.subclusters);
  idmap_init(&f.launching);
  read_all(&f, store, lists);
  while ((vat = idmap_next(&f.vats, &position))) {
    idmap_fini(&vat->objects);
    idmap_fini(&vat->promises);
  }
  idmap_fini(&f.objects);
  idmap_fini(&f.promises);
  idmap_fini(&f.vats);
  idmap_fini(&f.subclusters);
  idmap_fini(&f.launching);
  arena_fini(&f.arena);
  return f.count;
}
