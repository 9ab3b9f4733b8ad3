/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/ids.c - see ids.h. kref = ("ko" | "kp") number, with a number as in wire/vref.h. */
#include "kernel/ids.h"

#include <string.h>

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

/* snprintf() was an eighth of the kernel's time. */
static struct id_text prefixed_text(const char *prefix, uint64_t id)
{
  struct id_text result;
  size_t size = strlen(prefix);
  memcpy(result.text, prefix, size);
  decimal_print(result.text + size, id);
  return result;
}

struct id_text kref_text(struct kref kref)
{
  return prefixed_text(kref.type == KREF_OBJECT ? "ko" : "kp", kref.id);
}

static bool lettered_parse(struct bytes text, char letter, uint64_t *id)
{
  uint64_t number;
  if (text.size == 0 || text.data[0] != letter || !decimal_parse(bytes_after(text, 1), &number) || number == 0)
    return false;
  *id = number;
  return true;
}

bool vat_id_parse(struct bytes text, uint64_t *id)
{
  return lettered_parse(text, 'v', id);
}

struct id_text vat_id_text(uint64_t id)
{
  return prefixed_text("v", id);
}

bool subcluster_id_parse(struct bytes text, uint64_t *id)
{
  return lettered_parse(text, 's', id);
}

struct id_text subcluster_id_text(uint64_t id)
{
  return prefixed_text("s", id);
}
