/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/members.c - see members.h. */
#include "kernel/members.h"
#include "base/buffer.h"

#include <string.h>

static bool is_known(const char *name, const char *const *known)
{
  while (*known && strcmp(*known, name) != 0)
    known++;
  return *known;
}

static enum vatd_code refuse(const char *name, const char *const *known, struct error *error)
{
  struct buffer list;
  buffer_init(&list, ERROR_TEXT_MAX);
  for (const char *const *at = known; *at; at++)
    buffer_printf(&list, "%s%s", at == known ? "" : ", ", *at);
  error_set(error, VATD_INVALID, "unknown member \"%s\"; there are %s", name, buffer_text(&list));
  buffer_fini(&list);
  return VATD_INVALID;
}

enum vatd_code members_check(const json_t *object, const char *const *known, struct error *error)
{
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    if (!is_known(name, known))
      return refuse(name, known, error);
  }
  return VATD_OK;
}
