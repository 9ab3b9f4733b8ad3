/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/blobs.c - see blobs.h. */
#include "kernel/blobs.h"
#include "base/sha256.h"
#include "kernel/records.h"

static bool store_worked(struct kernel *k, enum vatd_code code, const struct error *error)
{
  if (code != VATD_OK)
    kernel_break(k, code, "%s", error->text);
  return code == VATD_OK;
}

static struct bytes refs_key(struct kernel *k, struct bytes hash)
{
  return record_key(k, "bundleRefs.%.*s", BYTES_ARG(hash));
}

struct bytes blob_add(struct kernel *k, struct bytes content)
{
  char hex[SHA256_HEX_SIZE];
  sha256_hex(content, hex);
  struct bytes hash = record_key(k, "%s", hex);
  struct error error = {0};
  uint64_t refs = record_number(k, refs_key(k, hash), 0);
  if (refs == 0 && !kernel_is_broken(k)) {
    k->batch_bytes += content.size;
    store_worked(k, k->store->ops->bundle_put(k->store, hash.data, content, &error), &error);
  }
  record_put_number(k, refs_key(k, hash), refs + 1);
  return hash;
}

void blob_drop(struct kernel *k, struct bytes hash)
{
  struct error error = {0};
  uint64_t refs = record_number(k, refs_key(k, hash), 0);
  KERNEL_EXPECT(k, refs > 0, "bundle %.*s has no count", BYTES_ARG(hash));
  if (kernel_is_broken(k))
    return;
  if (refs > 1) {
    record_put_number(k, refs_key(k, hash), refs - 1);
    return;
  }
  record_delete(k, refs_key(k, hash));
  store_worked(k, k->store->ops->bundle_delete(k->store, hash.data, &error), &error);
}

bool blob_find(struct kernel *k, struct bytes hash, struct buffer *content)
{
  if (kernel_is_broken(k))
    return false;
  struct error error = {0};
  enum vatd_code outcome = k->store->ops->bundle_get(k->store, hash.data, content, &error);
  return outcome != VATD_NOT_FOUND && store_worked(k, outcome, &error);
}

bool blob_read(struct kernel *k, struct bytes hash, struct buffer *content)
{
  bool found = blob_find(k, hash, content);
  KERNEL_EXPECT(k, found, "bundle %.*s is missing", BYTES_ARG(hash));
  return found;
}
