/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/targets.c - see targets.h. Only roots that were found are remembered: a text that stands for nothing now may stand for
 * something after any crank, while one that does so stands for it until a vat comes (another one of its name) or goes.
 */
#include "kernel/targets.h"
#include "base/check.h"
#include "kernel/ids.h"
#include "kernel/kernel.h"
#include "kernel/vats.h"

static bool remembered(const struct kernel *k, struct bytes text, struct kref *root)
{
  struct bytes stored;
  if (!ordmap_get(&k->roots, text, &stored))
    return false;
  memcpy(root, stored.data, sizeof *root);
  return true;
}

static void remember(struct kernel *k, struct bytes text, const struct kref *root)
{
  if (k->roots.count == LIMIT_REMEMBERED_ROOTS)
    targets_forget(k);
  ordmap_put(&k->roots, text, bytes_from(root, sizeof *root));
}

enum vatd_code target_find_root(struct kernel *k, struct bytes text, struct kref *root, struct error *error)
{
  uint64_t vat;
  struct vat_record record;
  CHECK(!k->in_crank);
  if (remembered(k, text, root))
    return VATD_OK;
  enum vatd_code code = kernel_find_vat(k, text, &vat, error);
  if (code != VATD_OK)
    return code;
  if (!vat_record_get(k, vat, &record) || record.root.type == KREF_NONE)
    return error_set(error, VATD_BUSY, "vat %.*s has not started yet", BYTES_ARG(text));
  *root = record.root;
  remember(k, text, root);
  return VATD_OK;
}

enum vatd_code kernel_find_vat(struct kernel *k, struct bytes text, uint64_t *id, struct error *error)
{
  uint64_t number;
  uint64_t *ids;
  if (vat_id_parse(text, &number) && vat_exists(k, number)) {
    *id = number;
    return VATD_OK;
  }
  size_t count = text.size <= LIMIT_NAME_LENGTH && bytes_are_utf8(text) ? vats_named(k, text, &ids) : 0;
  if (count == 0)
    return error_set(error, VATD_NOT_FOUND, "there is no vat '%.*s'", BYTES_ARG(text));
  if (count > 1)
    return error_set(error, VATD_INVALID, "%zu vats are named '%.*s' (%s, %s%s); use the id", count, BYTES_ARG(text),
                     vat_id_text(ids[0]).text, vat_id_text(ids[1]).text, count > 2 ? ", …" : "");
  *id = ids[0];
  return VATD_OK;
}

void targets_forget(struct kernel *k)
{
  ordmap_clear(&k->roots);
}
