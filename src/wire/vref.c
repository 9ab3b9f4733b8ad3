/* SPDX-License-Identifier: Apache-2.0 */
/* wire/vref.c - see vref.h. */
#include "wire/vref.h"

/* Takes a number off the front of `text`. */
static bool take_number(struct bytes *text, uint64_t *value)
{
  size_t used = 0;
  uint64_t number = 0;
  while (used < text->size && text->data[used] >= '0' && text->data[used] <= '9') {
    uint64_t digit = (uint64_t)(text->data[used] - '0');
    if (number > ((uint64_t)INT64_MAX - digit) / 10)
      return false;
    number = number * 10 + digit;
    used++;
  }
  bool leading_zero = used > 1 && text->data[0] == '0';
  if (used == 0 || leading_zero)
    return false;
  *text = bytes_after(*text, used);
  *value = number;
  return true;
}

static bool take_char(struct bytes *text, char expected)
{
  if (text->size == 0 || text->data[0] != expected)
    return false;
  *text = bytes_after(*text, 1);
  return true;
}

bool decimal_parse(struct bytes text, uint64_t *value)
{
  uint64_t number;
  if (!take_number(&text, &number) || text.size != 0)
    return false;
  *value = number;
  return true;
}

size_t decimal_print(char *out, uint64_t value)
{
  char digits[DECIMAL_SIZE]; /* the last one first */
  size_t count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  for (size_t i = 0; i < count; i++)
    out[i] = digits[count - 1 - i];
  out[count] = '\0';
  return count;
}

/* "number/number" and perhaps ":number". */
static bool take_instance(struct bytes text, struct vref *vref)
{
  uint64_t facet;
  if (!take_number(&text, &vref->number) || !take_char(&text, '/') || !take_number(&text, &vref->instance))
    return false;
  vref->faceted = text.size > 0;
  return !vref->faceted || (take_char(&text, ':') && decimal_parse(text, &facet));
}

bool vref_parse(struct bytes text, struct vref *vref)
{
  if (text.size < 3 || (text.data[0] != 'o' && text.data[0] != 'p') || (text.data[1] != '+' && text.data[1] != '-'))
    return false;
  struct vref parsed = {.promise = text.data[0] == 'p', .exported = text.data[1] == '+'};
  parsed.durable = text.data[2] == 'd';
  parsed.virtual = text.data[2] == 'v';
  bool valid = parsed.durable || parsed.virtual
                   ? !parsed.promise && parsed.exported && take_instance(bytes_after(text, 3), &parsed)
                   : decimal_parse(bytes_after(text, 2), &parsed.number);
  if (valid)
    *vref = parsed;
  return valid;
}
