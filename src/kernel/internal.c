/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/internal.c - the small things of internal.h: growing arrays, lists of numbers, and how a kernel breaks. */
#include "kernel/internal.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
  if (count < *capacity)
    return items;
  *capacity = *capacity ? *capacity * 2 : 8;
  return memory_realloc_array(items, *capacity, size);
}

void number_list_add(struct number_list *list, uint64_t number)
{
  if (list->start > 0 && list->start + list->count == list->capacity) {
    memmove(list->items, list->items + list->start, list->count * sizeof *list->items);
    list->start = 0;
  }
  list->items = grown(list->items, list->start + list->count, &list->capacity, sizeof *list->items);
  list->items[list->start + list->count++] = number;
}

uint64_t number_list_at(const struct number_list *list, size_t index)
{
  CHECK(index < list->count);
  return list->items[list->start + index];
}

uint64_t number_list_first(const struct number_list *list)
{
  return number_list_at(list, 0);
}

bool number_list_remove(struct number_list *list, uint64_t number)
{
  if (list->count == 0)
    return false;
  uint64_t *first = list->items + list->start;
  size_t at = 0;
  while (at < list->count && first[at] != number)
    at++;
  if (at == list->count)
    return false;
  if (at == 0)
    list->start++;
  else
    memmove(first + at, first + at + 1, (list->count - at - 1) * sizeof *first);
  list->count--;
  return true;
}

void number_list_clear(struct number_list *list)
{
  list->start = 0;
  list->count = 0;
}

void number_list_fini(struct number_list *list)
{
  free(list->items);
  *list = (struct number_list){0};
}

void kernel_break(struct kernel *k, enum vatd_code code, const char *format, ...)
{
  if (kernel_is_broken(k))
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(k->broken.text, sizeof k->broken.text, format, args);
  va_end(args);
  k->broken.code = code;
}

const struct error *kernel_broken(const struct kernel *k)
{
  return kernel_is_broken(k) ? &k->broken : NULL;
}
