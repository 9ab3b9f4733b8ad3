/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/config.c - see config.h. */
#include "daemon/config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static enum vatd_code check_members(const char *path, json_t *file, struct error *error)
{
  const char *name;
  json_t *value;
  if (!json_is_object(file))
    return error_set(error, VATD_INVALID, "%s: not a JSON object", path);
  json_object_foreach(file, name, value) {
    if (strcmp(name, "systemSubclusters") != 0 && strcmp(name, "allowedGlobalNames") != 0)
      return error_set(error, VATD_INVALID, "%s: unknown member \"%s\"", path, name);
    if (!json_is_array(value))
      return error_set(error, VATD_INVALID, "%s: \"%s\" must be an array", path, name);
  }
  return VATD_OK;
}

enum vatd_code config_load(struct config *config, const char *named, const char *usual, struct error *error)
{
  const char *path = named ? named : usual;
  json_error_t why;
  *config = (struct config){0};
  if (!named && access(path, F_OK) != 0)
    return VATD_OK;
  if (access(path, R_OK) != 0)
    return error_set_errno(error, VATD_NOT_FOUND, errno, "configuration %s", path);
  json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
  if (!file)
    return error_set(error, VATD_INVALID, "%s:%d:%d: %s", path, why.line, why.column, why.text);
  if (check_members(path, file, error) != VATD_OK) {
    json_decref(file);
    return error->code;
  }
  config->file = file;
  config->system_subclusters = json_object_get(file, "systemSubclusters");
  config->allowed_globals = json_object_get(file, "allowedGlobalNames");
  return VATD_OK;
}

void config_fini(struct config *config)
{
  json_decref(config->file);
  *config = (struct config){0};
}
