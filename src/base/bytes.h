/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/bytes.h - a borrowed run of bytes: the type in which keys, values and bodies travel.
 *
 * A `struct bytes` owns nothing; whoever hands one out says how long it lives. The bytes may hold NUL.
 */
#ifndef VATD_BASE_BYTES_H
#define VATD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bytes {
  const char *data; /* may be NULL when size is 0 */
  size_t size;
};

/* For printf: printf("%.*s", BYTES_ARG(b)). Texts only. */
#define BYTES_ARG(b) (int)(b).size, (b).data ? (b).data : ""

static inline struct bytes bytes_of(const char *text)
{
  return (struct bytes){text, strlen(text)};
}

static inline struct bytes bytes_from(const void *data, size_t size)
{
  return (struct bytes){data, size};
}

/* memcmp order, a prefix before what it is a prefix of: the one order of keys everywhere. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
  size_t common = a.size < b.size ? a.size : b.size;
  int order = common ? memcmp(a.data, b.data, common) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_is(struct bytes a, const char *text)
{
  return bytes_equal(a, bytes_of(text));
}

static inline bool bytes_start_with(struct bytes a, struct bytes prefix)
{
  return a.size >= prefix.size && (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

/* What remains of `a` after its first `count` bytes (count <= a.size). */
static inline struct bytes bytes_after(struct bytes a, size_t count)
{
  return (struct bytes){count ? a.data + count : a.data, a.size - count};
}

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms); NUL is a character like any other. */
bool bytes_are_utf8(struct bytes b);

#endif
