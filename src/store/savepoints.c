/* SPDX-License-Identifier: Apache-2.0 */
/* store/savepoints.c - see savepoints.h. */
#include "store/savepoints.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

void savepoints_init(struct savepoints *savepoints)
{
  *savepoints = (struct savepoints){0};
}

void savepoints_fini(struct savepoints *savepoints)
{
  if (!savepoints)
    return;
  free(savepoints->items);
  savepoints_init(savepoints);
}

enum vatd_code savepoints_check_name(const char *name, struct error *error)
{
  size_t size = strlen(name);
  bool good =
      size > 0 && size <= SAVEPOINT_NAME_MAX && strchr(DIGITS, name[0]) == NULL && strspn(name, LETTERS DIGITS) == size;
  return good ? VATD_OK : error_set(error, VATD_INVALID, "Invalid identifier: %s", name);
}

void savepoints_push(struct savepoints *savepoints, const char *name, size_t mark)
{
  if (savepoints->count == savepoints->capacity) {
    savepoints->capacity = savepoints->capacity ? savepoints->capacity * 2 : 8;
    savepoints->items = memory_realloc_array(savepoints->items, savepoints->capacity, sizeof *savepoints->items);
  }
  struct savepoint *savepoint = &savepoints->items[savepoints->count++];
  size_t size = strlen(name);
  CHECK(size < sizeof savepoint->name);
  memcpy(savepoint->name, name, size + 1);
  savepoint->mark = mark;
}

enum vatd_code savepoints_find(const struct savepoints *savepoints, const char *name, size_t *place,
                               struct error *error)
{
  enum vatd_code code = savepoints_check_name(name, error);
  if (code)
    return code;
  for (size_t i = savepoints->count; i-- > 0;) {
    if (strcmp(savepoints->items[i].name, name) == 0) {
      *place = i;
      return VATD_OK;
    }
  }
  return error_set(error, VATD_INVALID, "No such savepoint: %s", name);
}

void savepoints_cut(struct savepoints *savepoints, size_t count)
{
  CHECK(count <= savepoints->count);
  savepoints->count = count;
}

enum vatd_code savepoints_go_back(struct savepoints *savepoints, const char *name, struct undo_log *undo, struct error *error)
{
  size_t place;
  enum vatd_code code = savepoints_find(savepoints, name, &place, error);
  if (code)
    return code;
  undo_log_back_to(undo, savepoints->items[place].mark);
  savepoints_cut(savepoints, place + 1);
  return VATD_OK;
}
