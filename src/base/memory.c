/* SPDX-License-Identifier: Apache-2.0 */
/* base/memory.c - allocation that does not fail (memory.h), and the end of the process for broken beliefs (check.h). */
#include "base/memory.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
  fprintf(stderr, "vatd: internal error at %s:%d: %s\n", file, line, condition);
  abort();
}

static void (*on_exhaustion)(void);

void memory_on_exhaustion(void (*handler)(void))
{
  on_exhaustion = handler;
}

static void *must(void *pointer)
{
  if (pointer)
    return pointer;
  if (on_exhaustion)
    on_exhaustion();
  check_failed("out of memory", __FILE__, __LINE__);
}

void *memory_alloc(size_t size)
{
  return must(malloc(size ? size : 1));
}

void *memory_zalloc(size_t size)
{
  return must(calloc(1, size ? size : 1));
}

void *memory_realloc_array(void *pointer, size_t count, size_t size)
{
  CHECK(size > 0 && count <= SIZE_MAX / size);
  return must(realloc(pointer, count ? count * size : 1));
}

char *memory_strdup(const char *text)
{
  return must(strdup(text));
}

char *memory_vprintf(size_t *size, const char *format, va_list args)
{
  char *text = NULL;
  int count = vasprintf(&text, format, args);
  must(count < 0 ? NULL : text);
  if (size)
    *size = (size_t)count;
  return text;
}

char *memory_printf(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  char *text = memory_vprintf(NULL, format, args);
  va_end(args);
  return text;
}
