/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/policy.c - see policy.h. One table says what may be configured. */
#include "kernel/policy.h"
#include "kernel/members.h"

#include <stddef.h>

struct setting {
  const char *group;
  const char *name;
  size_t offset; /* of a uint64_t in struct policy */
  uint64_t usual;
  json_int_t least;
  json_int_t most;
};

/* The one member of a group that is no number. */
#define OUTCOME_GROUP "faults"
#define OUTCOME "then"

#define SETTING(group, name, member, usual, least, most) {group, name, offsetof(struct policy, member), usual, least, most}

static const struct setting settings[] = {
    SETTING("limits", "computrons", computrons, DEFAULT_COMPUTRONS_PER_CRANK, 1000000, 2000000000),
    SETTING("limits", "heapBytes", heap_bytes, DEFAULT_HEAP_BYTES, (json_int_t)(16 * MIB), (json_int_t)(4 * GIB)),
    SETTING("limits", "deadlineMs", deadline_ms, 0, 10, 24 * 3600 * 1000),
    SETTING("limits", "syscalls", syscalls, LIMIT_SYSCALLS_PER_CRANK, 1, LIMIT_SYSCALLS_PER_CRANK),
    SETTING("limits", "crankBytes", crank_bytes, DEFAULT_CRANK_BYTES, (json_int_t)KIB, (json_int_t)DEFAULT_CRANK_BYTES),
    SETTING("limits", "crankObjects", crank_objects, DEFAULT_CRANK_OBJECTS, 1, 100 * DEFAULT_CRANK_OBJECTS),
    SETTING("limits", "crankPromises", crank_promises, DEFAULT_CRANK_PROMISES, 1, 100 * DEFAULT_CRANK_PROMISES),
    SETTING("limits", "queuedMessages", queued_messages, DEFAULT_QUEUED_MESSAGES, 1, 100 * DEFAULT_QUEUED_MESSAGES),
    SETTING("limits", "storageBytes", storage_bytes, DEFAULT_STORAGE_BYTES, (json_int_t)(16 * KIB), (json_int_t)LIMIT_STORAGE_BYTES),
    SETTING("limits", "storageKeys", storage_keys, DEFAULT_STORAGE_KEYS, 100, 10 * DEFAULT_STORAGE_KEYS),
    SETTING("limits", "valueBytes", value_bytes, LIMIT_VATSTORE_VALUE, (json_int_t)KIB, (json_int_t)LIMIT_VATSTORE_VALUE),
    SETTING("limits", "reapInterval", reap_interval, DEFAULT_REAP_INTERVAL, 1, 1000000000),
    SETTING("faults", "strikes", strikes, DEFAULT_STRIKES, 1, 1000),
    SETTING("faults", "crashes", crashes, DEFAULT_REDELIVERIES, 0, 1000),
};

static const struct setting *find_setting(const char *group, const char *name)
{
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    if (strcmp(settings[i].group, group) == 0 && strcmp(settings[i].name, name) == 0)
      return &settings[i];
  }
  return NULL;
}

static enum vatd_code check_number(const char *vat, const struct setting *setting, const json_t *value, struct error *error)
{
  json_int_t number = json_integer_value(value);
  if (json_is_integer(value) && number >= setting->least && number <= setting->most)
    return VATD_OK;
  return error_set(error, VATD_INVALID,
                   "invalid cluster config: vat \"%s\": %s.%s must be a whole number from %lld to %lld", vat, setting->group,
                   setting->name, (long long)setting->least, (long long)setting->most);
}

static enum vatd_code check_outcome(const char *vat, const json_t *value, struct error *error)
{
  const char *text = json_string_value(value);
  if (text && (strcmp(text, "suspend") == 0 || strcmp(text, "terminate") == 0))
    return VATD_OK;
  return error_set(error, VATD_INVALID,
                   "invalid cluster config: vat \"%s\": " OUTCOME_GROUP "." OUTCOME " must be \"suspend\" or \"terminate\"", vat);
}

static enum vatd_code check_members(const char *vat, const char *group, const json_t *values, struct error *error)
{
  const char *known[sizeof settings / sizeof settings[0] + 2] = {0};
  size_t count = 0;
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    if (strcmp(settings[i].group, group) == 0)
      known[count++] = settings[i].name;
  }
  if (strcmp(group, OUTCOME_GROUP) == 0)
    known[count] = OUTCOME;
  if (members_check(values, known, error) != VATD_OK)
    return error_wrap(error, "invalid cluster config: vat \"%s\": %s", vat, group);
  return VATD_OK;
}

static enum vatd_code check_group(const char *vat, const char *group, const json_t *values, struct error *error)
{
  const char *name;
  json_t *value;
  if (values && !json_is_object(values))
    return error_set(error, VATD_INVALID, "invalid cluster config: vat \"%s\": %s must be an object", vat, group);
  if (check_members(vat, group, values, error) != VATD_OK)
    return VATD_INVALID;
  json_object_foreach((json_t *)values, name, value) {
    const struct setting *setting = find_setting(group, name);
    if ((setting ? check_number(vat, setting, value, error) : check_outcome(vat, value, error)) != VATD_OK)
      return VATD_INVALID;
  }
  return VATD_OK;
}

static enum vatd_code check_idle(const char *vat, const json_t *value, struct error *error)
{
  const char *text = json_string_value(value);
  if (!value || (text && (strcmp(text, "stay") == 0 || strcmp(text, "sleep") == 0 || strcmp(text, "hibernate") == 0)))
    return VATD_OK;
  return error_set(error, VATD_INVALID,
                   "invalid cluster config: vat \"%s\": idle must be \"stay\", \"hibernate\" or \"sleep\"", vat);
}

enum vatd_code policy_check(const char *vat, const json_t *config, struct error *error)
{
  if (check_idle(vat, json_object_get(config, "idle"), error) != VATD_OK)
    return VATD_INVALID;
  enum vatd_code code = check_group(vat, "limits", json_object_get(config, "limits"), error);
  return code == VATD_OK ? check_group(vat, "faults", json_object_get(config, "faults"), error) : code;
}

struct policy policy_read(const json_t *config)
{
  struct policy policy = {0};
  const char *idle = json_string_value(json_object_get(config, "idle"));
  const char *then = json_string_value(json_object_get(json_object_get(config, OUTCOME_GROUP), OUTCOME));
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    const json_t *value = json_object_get(json_object_get(config, settings[i].group), settings[i].name);
    uint64_t number = value ? (uint64_t)json_integer_value(value) : settings[i].usual;
    memcpy((char *)&policy + settings[i].offset, &number, sizeof number);
  }
  policy.sleeps = idle && strcmp(idle, "sleep") == 0;
  policy.hibernates = idle && strcmp(idle, "hibernate") == 0;
  policy.terminate = then && strcmp(then, "terminate") == 0;
  return policy;
}
