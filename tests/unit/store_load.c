/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store_load.c - see store_load.h. */
#include "store_load.h"
#include "base/limits.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_KEY "number"
#define READ_LIMIT (64 * MIB)
#define BUNDLES 4

static const char *const vats[LOAD_VATS] = {"v1", "v2", "v3", "v10", NULL};

static enum vatd_code put_random(struct store *store, const struct load *load, const char *vat, struct bytes key,
                                 struct rng *rng, struct error *error)
{
  size_t size = 1 + rng_below(rng, load->value_size);
  if (rng_chance(rng, load->large_percent))
    size *= 30;
  char *value = memory_alloc(size);
  unsigned letter = rng_below(rng, 26);
  for (size_t i = 0; i < size; i++)
    value[i] = (char)('a' + (letter + i * i) % 26);
  enum vatd_code code = store->ops->put(store, vat, key, bytes_from(value, size), error);
  free(value);
  return code;
}

static enum vatd_code change(struct store *store, const struct load *load, struct rng *rng, struct error *error)
{
  char key[48];
  const char *vat = vats[rng_below(rng, LOAD_VATS)];
  snprintf(key, sizeof key, "vc.%u.s%06u", rng_below(rng, 4), rng_below(rng, load->keys));
  if (rng_chance(rng, 20))
    return store->ops->delete (store, vat, bytes_of(key), error);
  return put_random(store, load, vat, bytes_of(key), rng, error);
}

static enum vatd_code change_bundle(struct store *store, struct rng *rng, struct error *error)
{
  char hash[65];
  char code[3000];
  snprintf(hash, sizeof hash, "%064u", rng_below(rng, BUNDLES));
  memset(code, 'a' + (int)rng_below(rng, 26), sizeof code);
  enum vatd_code result = store->ops->bundle_delete(store, hash, error);
  return result ? result : store->ops->bundle_put(store, hash, bytes_from(code, sizeof code), error);
}

enum vatd_code load_batch(struct store *store, const struct load *load, unsigned number, struct rng *rng,
                          struct error *error)
{
  char text[16];
  uint64_t batch;
  snprintf(text, sizeof text, "%u", number);
  enum vatd_code code = store->ops->savepoint(store, "crank", error);
  for (unsigned left = 1 + rng_below(rng, load->changes); !code && left; left--)
    code = change(store, load, rng, error);
  if (!code && rng_chance(rng, 10))
    code = change_bundle(store, rng, error);
  if (!code && rng_chance(rng, 10))
    code = store->ops->rollback_to(store, "crank", error);
  if (!code)
    code = store->ops->put(store, NULL, bytes_of(NUMBER_KEY), bytes_of(text), error);
  if (!code)
    code = store->ops->release(store, "crank", error);
  return code ? code : store->ops->commit(store, &batch, error);
}

enum vatd_code load_number(struct store *store, unsigned *number, struct error *error)
{
  struct buffer text;
  buffer_init(&text, 16);
  enum vatd_code code = store->ops->get(store, NULL, bytes_of(NUMBER_KEY), &text, error);
  if (code == VATD_NOT_FOUND)
    code = VATD_OK;
  if (!code)
    *number = (unsigned)strtoul(buffer_text(&text), NULL, 10);
  buffer_fini(&text);
  return code;
}

static bool append_row(void *context, struct bytes key, struct bytes value)
{
  struct buffer *out = context;
  return buffer_printf(out, "%zu %zu ", key.size, value.size) && buffer_append_bytes(out, key) &&
         buffer_append_bytes(out, value);
}

enum vatd_code load_read_all(struct store *store, struct buffer *out, struct error *error)
{
  enum vatd_code code = VATD_OK;
  for (int i = 0; !code && i < LOAD_VATS; i++) {
    buffer_printf(out, "[%s]", vats[i] ? vats[i] : "kernel");
    code = store->ops->scan(store, vats[i], bytes_of(""), append_row, out, error);
  }
  for (unsigned i = 0; !code && i < BUNDLES; i++) {
    char hash[65];
    snprintf(hash, sizeof hash, "%064u", i);
    buffer_printf(out, "[%u]", i);
    code = store->ops->bundle_get(store, hash, out, error);
    if (code == VATD_NOT_FOUND)
      code = VATD_OK;
  }
  return code;
}

enum vatd_code load_hash(struct store *store, uint64_t *hash, struct error *error)
{
  struct buffer all;
  buffer_init(&all, READ_LIMIT);
  enum vatd_code code = load_read_all(store, &all, error);
  *hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < all.size; i++)
    *hash = (*hash ^ (unsigned char)all.data[i]) * 0x100000001b3u;
  buffer_fini(&all);
  return code;
}
