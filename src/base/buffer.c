/* SPDX-License-Identifier: Apache-2.0 */
/* base/buffer.c - see buffer.h. Invariant: size < capacity whenever data is not NULL (room for the closing NUL). */
#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64

void buffer_init(struct buffer *buffer, size_t limit)
{
  *buffer = (struct buffer){.limit = limit};
}

void buffer_fini(struct buffer *buffer)
{
  if (!buffer)
    return;
  free(buffer->data);
  buffer_init(buffer, buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
  buffer->size = 0;
  buffer->overflowed = false;
  if (buffer->data)
    buffer->data[0] = '\0';
}

bool buffer_reserve(struct buffer *buffer, size_t size)
{
  if (buffer->overflowed || size > buffer->limit - buffer->size) {
    buffer->overflowed = true;
    return false;
  }
  size_t needed = buffer->size + size + 1;
  if (needed <= buffer->capacity)
    return true;
  size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
  while (capacity < needed)
    capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
  buffer->data = memory_realloc_array(buffer->data, capacity, 1);
  buffer->capacity = capacity;
  return true;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size)
{
  if (!buffer_reserve(buffer, size))
    return false;
  if (size)
    memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  buffer->data[buffer->size] = '\0';
  return true;
}

bool buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
  return buffer_append(buffer, bytes.data, bytes.size);
}

bool buffer_append_text(struct buffer *buffer, const char *text)
{
  return buffer_append(buffer, text, strlen(text));
}

bool buffer_printf(struct buffer *buffer, const char *format, ...)
{
  size_t size;
  va_list args;
  va_start(args, format);
  char *text = memory_vprintf(&size, format, args);
  va_end(args);
  bool fits = buffer_append(buffer, text, size);
  free(text);
  return fits;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
  CHECK(count <= buffer->size);
  if (count == 0)
    return;
  memmove(buffer->data, buffer->data + count, buffer->size - count);
  buffer->size -= count;
  buffer->data[buffer->size] = '\0';
}

const char *buffer_text(const struct buffer *buffer)
{
  return buffer->data ? buffer->data : "";
}

char *buffer_detach(struct buffer *buffer)
{
  char *data = buffer->data ? buffer->data : memory_strdup("");
  buffer_init(buffer, buffer->limit);
  return data;
}
