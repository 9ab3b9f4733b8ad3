/* SPDX-License-Identifier: Apache-2.0 */
/* vat/storage.c - the vat's storage, as its program sees it: without the rows that are vatd's. */
#include "vat/internal.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT "vom.rc."

/* Rows that the kernel gives a meaning to (kernel/restart.h, sweep.h), and this library's. */
static bool is_own_key(struct bytes key)
{
  static const char *const prefixes[] = {"vom.", "vc.", "vatd."};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    if (bytes_start_with(key, bytes_of(prefixes[i])))
      return true;
  }
  return bytes_is(key, "watchedPromiseTableID");
}

static struct vatstore_cache *cache_of(const struct vatd_vat *vat)
{
  return vat->crank->cache;
}

/* ---- the program's rows ---- */

const char *vatd_vat_get(struct vatd_vat *vat, const char *key, size_t *size)
{
  struct bytes value;
  VAT_EXPECT(vat, key, "a storage key is NULL");
  if (is_own_key(bytes_of(key)) || !vatstore_cache_get(cache_of(vat), bytes_of(key), &value))
    return NULL;
  if (size)
    *size = value.size;
  return arena_copy(&vat->crank->arena, value).data;
}

bool vatd_vat_set(struct vatd_vat *vat, const char *key, const char *value, size_t size)
{
  struct error ignored;
  struct bytes bytes = bytes_from(value, size);
  VAT_EXPECT(vat, key && (value || size == 0), "a storage key or value is NULL");
  if (is_own_key(bytes_of(key)) || !bytes_are_utf8(bytes_of(key)) || !bytes_are_utf8(bytes))
    return false;
  return vatstore_cache_set(vat->crank->cache, bytes_of(key), bytes, &ignored) == VATD_OK;
}

bool vatd_vat_delete(struct vatd_vat *vat, const char *key)
{
  struct error ignored;
  VAT_EXPECT(vat, key, "a storage key is NULL");
  if (is_own_key(bytes_of(key)) || !bytes_are_utf8(bytes_of(key)))
    return false;
  return vatstore_cache_delete(vat->crank->cache, bytes_of(key), &ignored) == VATD_OK;
}

const char *vatd_vat_next_key(struct vatd_vat *vat, const char *after)
{
  VAT_EXPECT(vat, after, "a storage key is NULL");
  struct bytes key = bytes_of(after);
  do {
    if (!vatstore_cache_next_key(cache_of(vat), key, &key))
      return NULL;
  } while (is_own_key(key));
  return arena_copy(&vat->crank->arena, key).data;
}

json_t *vatd_vat_get_json(struct vatd_vat *vat, const char *key)
{
  size_t size;
  const char *text = vatd_vat_get(vat, key, &size);
  return text ? json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
}

bool vatd_vat_set_json(struct vatd_vat *vat, const char *key, json_t *value)
{
  VAT_EXPECT(vat, value, "a value for the storage is NULL");
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
  bool stored = text && vatd_vat_set(vat, key, text, strlen(text));
  free(text);
  json_decref(value);
  return stored;
}

/* ---- vatd's rows ---- */

uint64_t storage_own(struct vatd_vat *vat, const char *key)
{
  struct bytes value;
  uint64_t number = 0;
  bool found = vatstore_cache_get(cache_of(vat), bytes_of(key), &value);
  VAT_TRUST(vat, !found || decimal_parse(value, &number), "a row %s that is no number", key);
  return number;
}

/* Zero is no row. */
void storage_put_own(struct vatd_vat *vat, const char *key, uint64_t number)
{
  struct error ignored;
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, number);
  enum vatd_code code = number ? vatstore_cache_set(vat->crank->cache, bytes_of(key), bytes_of(text), &ignored)
                               : vatstore_cache_delete(vat->crank->cache, bytes_of(key), &ignored);
  vat->overflowed = vat->overflowed || code != VATD_OK;
}

static void load_kept(struct vatd_vat *vat, struct bytes text)
{
  struct vref vref;
  if (!vref_parse(text, &vref) || vref.exported || vref.promise)
    return;
  struct vatd_ref *ref = refs_new(vat, text);
  struct bytes key = arena_printf(&vat->crank->arena, KEPT "%s", ref->text);
  ref->kept = storage_own(vat, key.data);
  ref->known = true;
}

void storage_load_kept(struct vatd_vat *vat)
{
  struct bytes prefix = bytes_of(KEPT);
  struct bytes key = prefix;
  while (vatstore_cache_next_key(cache_of(vat), key, &key) && bytes_start_with(key, prefix))
    load_kept(vat, bytes_after(key, prefix.size));
}
