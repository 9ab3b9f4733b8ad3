/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/config.c - see config.h. A file that is there and cannot be used is an error, never the same as no file: what it
 * would have forbidden must not be allowed for it.
 */
#include "daemon/config.h"
#include "base/json_bounds.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

enum vatd_code config_parse(struct config *config, const char *path, struct bytes text, struct error *error)
{
  json_error_t why;
  *config = (struct config){0};
  if (json_bounds_check(text, LIMIT_JSON_DEPTH, LIMIT_RPC_VALUES, error) != VATD_OK)
    return error_wrap(error, "%s", path);
  json_t *file = json_loadb(text.data ? text.data : "", text.size, JSON_REJECT_DUPLICATES, &why);
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

/* Reads at most one byte more than is allowed. */
static size_t read_all(int fd, char *text)
{
  size_t size = 0;
  ssize_t count;
  while (size <= LIMIT_CONFIG_FILE && (count = read(fd, text + size, LIMIT_CONFIG_FILE + 1 - size)) > 0)
    size += (size_t)count;
  return size;
}

static enum vatd_code load(struct config *config, const char *path, int fd, struct error *error)
{
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return error_set(error, VATD_INVALID, "configuration %s: not a file", path);
  char *text = memory_alloc(LIMIT_CONFIG_FILE + 1);
  size_t size = read_all(fd, text);
  enum vatd_code code = size <= LIMIT_CONFIG_FILE
                            ? config_parse(config, path, bytes_from(text, size), error)
                            : error_set(error, VATD_LIMIT, "%s: more than %zu bytes", path, LIMIT_CONFIG_FILE);
  free(text);
  return code;
}

enum vatd_code config_load(struct config *config, const char *named, const char *usual, struct error *error)
{
  const char *path = named ? named : usual;
  struct stat status;
  *config = (struct config){0};
  if (!named && lstat(path, &status) != 0 && errno == ENOENT)
    return VATD_OK;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return error_set_errno(error, VATD_NOT_FOUND, errno, "configuration %s", path);
  enum vatd_code code = load(config, path, fd, error);
  close(fd);
  return code;
}

void config_fini(struct config *config)
{
  json_decref(config->file);
  *config = (struct config){0};
}
