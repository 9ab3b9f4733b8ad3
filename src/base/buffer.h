/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buffer.h - growable bytes with a ceiling.
 *
 * Every buffer is made with the most it may ever hold (base/limits.h). An append that would pass the ceiling leaves the
 * content as it was and sets `overflowed`, which sticks: a writer may append many times and ask once at the end.
 */
#ifndef VATD_BASE_BUFFER_H
#define VATD_BASE_BUFFER_H

#include "base/bytes.h"

#include <stdint.h>

struct buffer {
  char *data; /* NUL-terminated for convenience whenever not NULL; the NUL is not counted */
  size_t size;
  size_t capacity;
  size_t limit;
  bool overflowed;
};

void buffer_init(struct buffer *buffer, size_t limit);
/* Frees the content; the buffer may be used again afterwards with the same limit. NULL is fine. */
void buffer_fini(struct buffer *buffer);
/* Forgets content and overflow, keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Room for `size` more bytes to be written at data + size by the caller, who then adds to size. False: over the limit. */
bool buffer_reserve(struct buffer *buffer, size_t size);
bool buffer_append(struct buffer *buffer, const void *data, size_t size);
bool buffer_append_bytes(struct buffer *buffer, struct bytes bytes);
bool buffer_append_text(struct buffer *buffer, const char *text);
bool buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the first `count` bytes (count <= size). */
void buffer_consume(struct buffer *buffer, size_t count);
/* The content as a NUL-terminated string, "" when empty; valid until the next change. */
const char *buffer_text(const struct buffer *buffer);
/* Hands the content to the caller, who frees it with free(); the buffer is empty afterwards. Never NULL. */
char *buffer_detach(struct buffer *buffer);

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
  return (struct bytes){buffer->data, buffer->size};
}

#endif
