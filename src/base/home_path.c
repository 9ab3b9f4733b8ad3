/* SPDX-License-Identifier: Apache-2.0 */
/* base/home_path.c - see home_path.h. */
#include "base/home_path.h"
#include "base/memory.h"

#include <stdlib.h>

/* NULL, too, for a variable that is empty. */
static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

char *home_path(const char *given)
{
  const char *chosen = given ? given : variable("VATD_HOME");
  const char *state = variable("XDG_STATE_HOME");
  const char *user = variable("HOME");
  if (chosen)
    return *chosen ? memory_strdup(chosen) : NULL;
  if (state)
    return memory_printf("%s/vatd", state);
  return user ? memory_printf("%s/.local/state/vatd", user) : NULL;
}
