/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/ids.c - see ids.h. The grammar, whole:
 *
 *   kref  = ("ko" | "kp") number
 *   vref  = ("o" | "p") ("+" | "-") number  |  "o+" ("d" | "v") number "/" number [":" number]
 *   number = "0" | nonzero-digit digits
 */
#include "kernel/ids.h"

#include <inttypes.h>
#include <stdio.h>

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

bool kref_parse(struct bytes text, struct kref *kref)
{
  if (text.size < 3 || text.data[0] != 'k' || (text.data[1] != 'o' && text.data[1] != 'p'))
    return false;
  uint64_t id;
  if (!decimal_parse(bytes_after(text, 2), &id))
    return false;
  *kref = (struct kref){text.data[1] == 'o' ? KREF_OBJECT : KREF_PROMISE, id};
  return true;
}

struct id_text kref_text(struct kref kref)
{
  struct id_text result;
  snprintf(result.text, sizeof result.text, "k%c%" PRIu64, kref.type == KREF_OBJECT ? 'o' : 'p', kref.id);
  return result;
}

/* "number/number" and perhaps ":number". */
static bool instance_parse(struct bytes text)
{
  uint64_t ignored;
  if (!take_number(&text, &ignored) || !take_char(&text, '/') || !take_number(&text, &ignored))
    return false;
  return text.size == 0 || (take_char(&text, ':') && decimal_parse(text, &ignored));
}

bool vref_parse(struct bytes text, struct vref *vref)
{
  if (text.size < 3 || (text.data[0] != 'o' && text.data[0] != 'p') || (text.data[1] != '+' && text.data[1] != '-'))
    return false;
  struct vref parsed = {.promise = text.data[0] == 'p', .exported = text.data[1] == '+'};
  parsed.durable = text.data[2] == 'd';
  parsed.virtual = text.data[2] == 'v';
  uint64_t ignored;
  bool valid = parsed.durable || parsed.virtual
                   ? !parsed.promise && parsed.exported && instance_parse(bytes_after(text, 3))
                   : decimal_parse(bytes_after(text, 2), &ignored);
  if (valid)
    *vref = parsed;
  return valid;
}

static bool lettered_parse(struct bytes text, char letter, uint64_t *id)
{
  uint64_t number;
  if (!take_char(&text, letter) || !decimal_parse(text, &number) || number == 0)
    return false;
  *id = number;
  return true;
}

static struct id_text lettered_text(char letter, uint64_t id)
{
  struct id_text result;
  snprintf(result.text, sizeof result.text, "%c%" PRIu64, letter, id);
  return result;
}

bool vat_id_parse(struct bytes text, uint64_t *id)
{
  return lettered_parse(text, 'v', id);
}

struct id_text vat_id_text(uint64_t id)
{
  return lettered_text('v', id);
}

bool subcluster_id_parse(struct bytes text, uint64_t *id)
{
  return lettered_parse(text, 's', id);
}

struct id_text subcluster_id_text(uint64_t id)
{
  return lettered_text('s', id);
}
