/* SPDX-License-Identifier: Apache-2.0 */
/* base/json_bounds.c - see json_bounds.h. Every value but the first stands behind '[', '{', ',' or ':'. */
#include "base/json_bounds.h"

/* The place behind the string that begins before `at`; the end of the text when it has no end. */
static size_t after_string(struct bytes text, size_t at)
{
  while (at < text.size && text.data[at] != '"')
    at += text.data[at] == '\\' ? 2 : 1;
  return at < text.size ? at + 1 : text.size;
}

enum vatd_code json_bounds_check(struct bytes text, size_t depth, size_t values, struct error *error)
{
  size_t levels = 0;
  size_t count = 0;
  for (size_t at = 0; at < text.size;) {
    char c = text.data[at++];
    if (c == '"')
      at = after_string(text, at);
    else if (c == '[' || c == '{')
      count++, levels++;
    else if (c == ']' || c == '}')
      levels -= levels > 0;
    else if (c == ',' || c == ':')
      count++;
    if (levels > depth)
      return error_set(error, VATD_LIMIT, "more than %zu levels", depth);
    if (count > values)
      return error_set(error, VATD_LIMIT, "more than %zu values", values);
  }
  return VATD_OK;
}
