/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/systems.c - system subclusters: declared by the host, launched when they are not there, found by name after a
 * restart, terminated when they are not declared any more.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "kernel/members.h"
#include "libvatd/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const members[] = {"name", "config", NULL};

static enum vatd_code check(const json_t *declared, struct error *error)
{
  json_t *names = json_object();
  size_t i;
  const json_t *system;
  enum vatd_code code = VATD_OK;
  json_array_foreach(declared, i, system) {
    const char *name = json_string_value(json_object_get(system, "name"));
    if (!name || !*name || strlen(name) > LIMIT_NAME_LENGTH)
      code = error_set(error, VATD_INVALID, "system subcluster %zu has no name", i + 1);
    else if (json_object_get(names, name))
      code = error_set(error, VATD_INVALID, "two system subclusters are named '%s'", name);
    else if (members_check(system, members, error) != VATD_OK ||
             kernel_check_config(json_object_get(system, "config"), error) != VATD_OK)
      code = error_wrap(error, "system subcluster '%s'", name);
    if (code != VATD_OK)
      break;
    json_object_set_new(names, name, json_true());
  }
  json_decref(names);
  return code;
}

enum vatd_code systems_declare(struct vatd *v, const json_t *declared, struct error *error)
{
  if (declared && !json_is_array(declared))
    return error_set(error, VATD_INVALID, "system subclusters are declared in an array");
  if (check(declared, error) != VATD_OK)
    return error->code;
  v->systems = declared ? json_deep_copy(declared) : json_array();
  v->systems_due = true;
  return VATD_OK;
}

struct change {
  struct vatd *v;
  char *name;
  const char *done; /* "launched" */
};

static void on_changed(void *context, const struct vatd_answer *answer)
{
  struct change *change = context;
  if (answer->code == VATD_OK)
    driver_log(change->v, "info", "system subcluster '%s' was %s", change->name, change->done);
  else if (answer->code != VATD_CLOSED)
    driver_log(change->v, "error", "system subcluster '%s' could not be %s: %s", change->name, change->done,
                    answer->error);
  free(change->name);
  free(change);
}

static struct change *change_new(struct vatd *v, const char *name, const char *done)
{
  struct change *change = memory_zalloc(sizeof *change);
  *change = (struct change){v, memory_strdup(name), done};
  return change;
}

static bool is_declared(const struct vatd *v, const char *name)
{
  size_t i;
  const json_t *system;
  json_array_foreach(v->systems, i, system) {
    if (strcmp(json_string_value(json_object_get(system, "name")), name) == 0)
      return true;
  }
  return false;
}

void systems_reconcile(struct vatd *v)
{
  json_t *living = kernel_system_subclusters(v->kernel);
  const char *name;
  json_t *id;
  size_t i;
  const json_t *system;
  v->systems_due = false;
  json_object_foreach(living, name, id) {
    if (!is_declared(v, name))
      vatd_request(v, "terminateSubcluster", json_pack("[O]", id), on_changed, change_new(v, name, "terminated"));
  }
  json_array_foreach(v->systems, i, system) {
    name = json_string_value(json_object_get(system, "name"));
    if (!json_object_get(living, name))
      method_launch(v, request_new(v, on_changed, change_new(v, name, "launched")), json_object_get(system, "config"), NULL,
                    false, name);
  }
  json_decref(living);
}
