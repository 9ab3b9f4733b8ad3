/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/vatstore.c - see vatstore.h. */
#include "kernel/vatstore.h"

#include <stdlib.h>

static bool worked(struct kernel *k, enum vatd_code code, const struct error *error)
{
  if (code != VATD_OK && code != VATD_NOT_FOUND)
    kernel_break(k, code, "%s", error->text);
  return code == VATD_OK;
}

bool vatstore_get(struct kernel *k, uint64_t vat, struct bytes key, struct bytes *value)
{
  if (kernel_is_broken(k))
    return false;
  struct error error = {0};
  struct buffer buffer;
  buffer_init(&buffer, LIMIT_VATSTORE_VALUE);
  bool found = worked(k, k->store->ops->get(k->store, vat_id_text(vat).text, key, &buffer, &error), &error);
  if (found && value)
    *value = arena_copy(&k->arena, buffer_bytes(&buffer));
  buffer_fini(&buffer);
  return found;
}

void vatstore_put(struct kernel *k, uint64_t vat, struct bytes key, struct bytes value)
{
  struct error error = {0};
  k->changed = true;
  k->batch_bytes += key.size + value.size;
  if (!kernel_is_broken(k))
    worked(k, k->store->ops->put(k->store, vat_id_text(vat).text, key, value, &error), &error);
}

void vatstore_delete(struct kernel *k, uint64_t vat, struct bytes key)
{
  struct error error = {0};
  k->changed = true;
  k->batch_bytes += key.size;
  if (!kernel_is_broken(k))
    worked(k, k->store->ops->delete(k->store, vat_id_text(vat).text, key, &error), &error);
}

bool vatstore_next_key(struct kernel *k, uint64_t vat, struct bytes after, struct bytes *key)
{
  if (kernel_is_broken(k))
    return false;
  struct error error = {0};
  struct buffer buffer;
  buffer_init(&buffer, LIMIT_VATSTORE_KEY);
  bool found = worked(k, k->store->ops->next_key(k->store, vat_id_text(vat).text, after, &buffer, &error), &error);
  if (found)
    *key = arena_copy(&k->arena, buffer_bytes(&buffer));
  buffer_fini(&buffer);
  return found;
}

bool vatstore_value_size(struct kernel *k, uint64_t vat, struct bytes key, size_t *size)
{
  struct error error = {0};
  struct buffer buffer;
  if (kernel_is_broken(k))
    return false;
  buffer_init(&buffer, LIMIT_VATSTORE_VALUE);
  bool found = worked(k, k->store->ops->get(k->store, vat_id_text(vat).text, key, &buffer, &error), &error);
  *size = buffer.size;
  buffer_fini(&buffer);
  return found;
}

void vatstore_each(struct kernel *k, uint64_t vat, struct bytes from, store_row_fn *row, void *context)
{
  struct error error = {0};
  if (!kernel_is_broken(k))
    worked(k, k->store->ops->scan_from(k->store, vat_id_text(vat).text, from, row, context, &error), &error);
}

bool vatstore_has_prefix(struct kernel *k, uint64_t vat, struct bytes prefix)
{
  struct bytes key;
  return vatstore_get(k, vat, prefix, NULL) || (vatstore_next_key(k, vat, prefix, &key) && bytes_start_with(key, prefix));
}

struct row_list {
  struct kernel *k;
  struct key_value *items;
  size_t count;
  size_t capacity;
};

static bool add_row(void *context, struct bytes key, struct bytes value)
{
  struct row_list *list = context;
  list->items = grown(list->items, list->count, &list->capacity, sizeof *list->items);
  list->items[list->count++] = (struct key_value){arena_copy(&list->k->arena, key), arena_copy(&list->k->arena, value)};
  return true;
}

struct key_value_list vatstore_rows(struct kernel *k, uint64_t vat, struct bytes prefix)
{
  struct row_list list = {.k = k};
  struct error error = {0};
  struct key_value_list rows = {NULL, 0};
  if (!kernel_is_broken(k))
    worked(k, k->store->ops->scan(k->store, vat_id_text(vat).text, prefix, add_row, &list, &error), &error);
  rows.count = kernel_is_broken(k) ? 0 : list.count;
  rows.items = arena_alloc_array(&k->arena, rows.count, sizeof *rows.items);
  if (rows.count)
    memcpy(rows.items, list.items, rows.count * sizeof *rows.items);
  free(list.items);
  return rows;
}
