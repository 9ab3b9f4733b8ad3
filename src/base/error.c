/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.c - see error.h. A text that does not fit is cut; the code never is. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Appends ": more", as much of it as fits. */
static void append(struct error *error, const char *more)
{
  size_t used = strlen(error->text);
  size_t room = sizeof error->text - 1 - used;
  strncat(error->text, ": ", room);
  room = room > 2 ? room - 2 : 0;
  strncat(error->text, more, room);
}

enum vatd_code error_set(struct error *error, enum vatd_code code, const char *format, ...)
{
  if (!error)
    return code;
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  error->code = code;
  return code;
}

enum vatd_code error_wrap(struct error *error, const char *format, ...)
{
  if (!error)
    return VATD_INVALID;
  char inner[ERROR_TEXT_MAX];
  memcpy(inner, error->text, sizeof inner);
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  append(error, inner);
  return error->code;
}

enum vatd_code error_set_errno(struct error *error, enum vatd_code code, int errnum, const char *format, ...)
{
  if (!error)
    return code;
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
  append(error, strerror(errnum));
  error->code = code;
  return code;
}

const char *vatd_code_name(enum vatd_code code)
{
  switch (code) {
#define X(name, number, meaning) \
  case VATD_##name:              \
    return #name;
    VATD_CODES(X)
#undef X
  }
  return "UNKNOWN";
}
