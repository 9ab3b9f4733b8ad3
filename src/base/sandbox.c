/* SPDX-License-Identifier: Apache-2.0 */
/* base/sandbox.c - see sandbox.h. */
#include "base/sandbox.h"

#include "base/buffer.h"

#include <string.h>

static const char *const names[] = {"namespaces", "landlock", "seccomp", "stderr"};

#define NAMES (sizeof names / sizeof names[0])

const char *sandbox_layer_name(enum sandbox_layer layer)
{
  for (size_t i = 0; i < NAMES; i++) {
    if ((unsigned)layer == 1u << i)
      return names[i];
  }
  return NULL;
}

static unsigned layer_named(const char *name, size_t size)
{
  for (size_t i = 0; i < NAMES; i++) {
    if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
      return 1u << i;
  }
  return 0;
}

enum vatd_code sandbox_layers_parse(const char *text, unsigned *layers, struct error *error)
{
  unsigned found = 0;
  while (text && *text) {
    size_t size = strcspn(text, ",");
    unsigned layer = layer_named(text, size);
    if (!layer)
      return error_set(error, VATD_INVALID, "no layer of the sandbox is called \"%.*s\": there are namespaces, landlock, seccomp and stderr",
                       (int)(size > 100 ? 100 : size), text);
    found |= layer;
    text += size;
    text += *text == ',';
  }
  *layers = found;
  return VATD_OK;
}

void sandbox_layers_print(struct buffer *out, unsigned layers)
{
  const char *separator = "";
  for (size_t i = 0; i < NAMES; i++) {
    if (!(layers & 1u << i))
      continue;
    buffer_printf(out, "%s%s", separator, names[i]);
    separator = ",";
  }
}
