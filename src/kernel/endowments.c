/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/endowments.c - see endowments.h. One table says which globals there are and what each needs. */
#include "kernel/endowments.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/clist.h"
#include "kernel/crank.h"
#include "kernel/members.h"
#include "kernel/records.h"
#include "kernel/services.h"
#include "kernel/vats.h"

#include <stdlib.h>

/* X(enumerator, name in the worker, service) */
#define KERNEL_OBJECTS(X) \
  X(OBJECT_TIMER, "timer", SERVICE_OF_TIMERS) \
  X(OBJECT_FETCH, "fetch", SERVICE_OF_FETCH)

enum kernel_object {
  OBJECT_NONE,
#define X(name, text, service) name,
  KERNEL_OBJECTS(X)
#undef X
};

static const struct {
  const char *name;
  const char *service;
} objects[] = {
#define X(name, text, service) [name] = {text, service},
    KERNEL_OBJECTS(X)
#undef X
};

static const struct global {
  const char *name;
  enum kernel_object needs;
  bool withheld; /* known, but not offered */
} globals[] = {
    {"setTimeout", OBJECT_TIMER, false},
    {"clearTimeout", OBJECT_TIMER, false},
    {"setInterval", OBJECT_TIMER, false},
    {"clearInterval", OBJECT_TIMER, false},
    {"Date", OBJECT_NONE, false},
    {"Math", OBJECT_NONE, false},
    {"crypto", OBJECT_NONE, false},
    {"SubtleCrypto", OBJECT_NONE, true},
    {"fetch", OBJECT_FETCH, false},
    {"Request", OBJECT_NONE, false},
    {"Headers", OBJECT_NONE, false},
    {"Response", OBJECT_NONE, false},
    {"TextEncoder", OBJECT_NONE, false},
    {"TextDecoder", OBJECT_NONE, false},
    {"URL", OBJECT_NONE, false},
    {"URLSearchParams", OBJECT_NONE, false},
    {"atob", OBJECT_NONE, false},
    {"btoa", OBJECT_NONE, false},
    {"AbortController", OBJECT_NONE, false},
    {"AbortSignal", OBJECT_NONE, false},
};

static const struct global *find_global(const json_t *name)
{
  const char *text = json_string_value(name);
  for (size_t i = 0; text && i < sizeof globals / sizeof globals[0]; i++) {
    if (strcmp(globals[i].name, text) == 0)
      return &globals[i];
  }
  return NULL;
}

/* ---- configuration ---- */

static enum vatd_code refuse_unknown(const char *vat, const json_t *name, struct error *error)
{
  const char *text = json_string_value(name);
  return error_set(error, VATD_INVALID, "vat \"%s\" requested unknown global \"%s\"", vat, text ? text : "(not a text)");
}

static bool is_host(const json_t *value)
{
  size_t size = json_string_length(value);
  return json_is_string(value) && size > 0 && size <= LIMIT_NAME_LENGTH && !strpbrk(json_string_value(value), "/@ \t\r\n");
}

static enum vatd_code check_bound(const char *vat, const json_t *network, const char *name, json_int_t most, struct error *error)
{
  const json_t *value = json_object_get(network, name);
  json_int_t number = json_integer_value(value);
  if (!value || (json_is_integer(value) && number > 0 && number <= most))
    return VATD_OK;
  return error_set(error, VATD_INVALID, "vat \"%s\": network.%s must be a whole number from 1 to %lld", vat, name,
                   (long long)most);
}

static enum vatd_code check_network(const char *vat, const json_t *config, bool needed, struct error *error)
{
  static const char *const members[] = {"allowedHosts", "timeoutMs", "maxBytes", NULL};
  const json_t *network = json_object_get(config, "network");
  const json_t *hosts = json_object_get(network, "allowedHosts");
  size_t i;
  const json_t *host;
  if (!network && !needed)
    return VATD_OK;
  if (members_check(network, members, error) != VATD_OK)
    return error_wrap(error, "vat \"%s\": network", vat);
  if (!json_is_array(hosts) || json_array_size(hosts) > LIMIT_ALLOWED_HOSTS)
    return error_set(error, VATD_INVALID, "vat \"%s\": fetch needs network: {allowedHosts: […]}, up to %d host names", vat,
                     LIMIT_ALLOWED_HOSTS);
  json_array_foreach(hosts, i, host) {
    if (!is_host(host))
      return error_set(error, VATD_INVALID, "vat \"%s\": network.allowedHosts[%zu] is not a host name", vat, i);
  }
  enum vatd_code code = check_bound(vat, network, "timeoutMs", LIMIT_FETCH_MS, error);
  return code == VATD_OK ? check_bound(vat, network, "maxBytes", (json_int_t)LIMIT_FETCH_BODY, error) : code;
}

enum vatd_code endowments_check(const char *vat, const json_t *config, struct error *error)
{
  const json_t *names = json_object_get(config, "globals");
  size_t i;
  const json_t *name;
  bool fetches = false;
  if (names && !json_is_array(names))
    return error_set(error, VATD_INVALID, "invalid cluster config: vat \"%s\": globals must be an array of names", vat);
  if (json_array_size(names) > 0 && json_object_get(config, "programSpec"))
    return error_set(error, VATD_INVALID, "invalid cluster config: vat \"%s\": a program has no globals", vat);
  json_array_foreach(names, i, name) {
    const struct global *global = find_global(name);
    if (!global)
      return refuse_unknown(vat, name, error);
    if (global->withheld)
      return error_set(error, VATD_INVALID, "vat \"%s\" requested global \"%s\", which vatd does not offer", vat, global->name);
    fetches = fetches || global->needs == OBJECT_FETCH;
  }
  return check_network(vat, config, fetches, error);
}

enum vatd_code kernel_restrict_globals(struct kernel *k, const json_t *names, struct error *error)
{
  size_t i;
  const json_t *name;
  if (names && !json_is_array(names))
    return error_set(error, VATD_INVALID, "the allowed globals must be an array of names");
  json_array_foreach(names, i, name) {
    if (!find_global(name))
      return error_set(error, VATD_INVALID, "there is no global \"%s\" to allow",
                       json_is_string(name) ? json_string_value(name) : "(not a text)");
  }
  json_decref(k->allowed_globals);
  k->allowed_globals = json_deep_copy(names);
  return VATD_OK;
}

static bool is_allowed(const struct kernel *k, const json_t *name)
{
  size_t i;
  const json_t *allowed;
  json_array_foreach(k->allowed_globals, i, allowed) {
    if (json_equal(allowed, name))
      return true;
  }
  return !k->allowed_globals;
}

enum vatd_code endowments_allowed(const struct kernel *k, const json_t *config, struct error *error)
{
  const char *vat;
  json_t *vat_config;
  json_object_foreach(json_object_get(config, "vats"), vat, vat_config) {
    size_t i;
    const json_t *name;
    json_array_foreach(json_object_get(vat_config, "globals"), i, name) {
      if (!is_allowed(k, name))
        return refuse_unknown(vat, name, error);
    }
  }
  return VATD_OK;
}

/* ---- objects ---- */

static struct bytes service_name(struct kernel *k, enum kernel_object object, uint64_t vat)
{
  return record_key(k, "%s%s", objects[object].service, vat_id_text(vat).text);
}

uint64_t endowment_vat(struct bytes service)
{
  uint64_t vat = 0;
  for (size_t i = OBJECT_NONE + 1; i < sizeof objects / sizeof objects[0]; i++) {
    struct bytes prefix = bytes_of(objects[i].service);
    if (bytes_start_with(service, prefix) && vat_id_parse(bytes_after(service, prefix.size), &vat))
      return vat;
  }
  return 0;
}

bool endowments_include(struct kernel *k, uint64_t vat, struct kref object)
{
  struct bytes name;
  return service_name_of(k, object, &name) && endowment_vat(name) == vat;
}

static bool is_granted(const json_t *config, enum kernel_object object)
{
  size_t i;
  const json_t *name;
  json_array_foreach(json_object_get(config, "globals"), i, name) {
    const struct global *global = find_global(name);
    if (global && global->needs == object)
      return true;
  }
  return false;
}

/* Whether the vat's c-list shows the object, reachable, and the row that does. */
static bool is_provided(struct kernel *k, enum kernel_object object, uint64_t vat, struct clist_row *row)
{
  struct kref kref = service_object_if_there(k, service_name(k, object, vat));
  return kref.type != KREF_NONE && record_clist_by_kref(k, vat, kref, row) && row->reachable;
}

void endowments_provide(struct kernel *k, uint64_t vat)
{
  json_t *config = vat_config(k, vat);
  for (int object = OBJECT_NONE + 1; object < (int)(sizeof objects / sizeof objects[0]); object++) {
    struct clist_row row;
    if (!is_granted(config, object) || is_provided(k, object, vat, &row))
      continue;
    crank_begin(k);
    clist_provide(k, vat, service_object(k, service_name(k, object, vat)));
    crank_keep(k);
  }
  json_decref(config);
}

struct bytes endowments_config(struct kernel *k, uint64_t vat, struct bytes stored)
{
  json_t *config = vat_config(k, vat);
  json_t *names = json_object();
  struct bytes text = stored;
  for (int object = OBJECT_NONE + 1; object < (int)(sizeof objects / sizeof objects[0]); object++) {
    struct clist_row row;
    if (is_granted(config, object) && is_provided(k, object, vat, &row))
      json_object_set_new(names, objects[object].name, json_stringn(row.vref.data, row.vref.size));
  }
  if (json_object_size(names) > 0) {
    json_object_set(config, "kernelObjects", names);
    char *dump = json_dumps(config, JSON_COMPACT);
    CHECK(dump);
    text = arena_copy(&k->arena, bytes_of(dump));
    free(dump);
  }
  json_decref(names);
  json_decref(config);
  return text;
}

void endowments_forget(struct kernel *k, uint64_t vat)
{
  for (int object = OBJECT_NONE + 1; object < (int)(sizeof objects / sizeof objects[0]); object++)
    service_forget_object(k, service_name(k, object, vat));
}
