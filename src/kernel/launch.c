/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/launch.c - see launch.h.
 *
 *   launch_begin --> start vat 1 --> … --> start vat n --> bootstrap queued --> settled --> running, answered
 *        |                |                    |                 |                 |
 *        +----------------+--------------------+-----------------+-----------------+--> failed: all removed, answered
 *
 * The struct launch is run-time only; what must survive is in the row subcluster.sN. A queued bootstrap's result is held by
 * that row (one reference) until the launch ends, so that its value can still be read then.
 */
#include "kernel/launch.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/crank.h"
#include "kernel/endowments.h"
#include "kernel/gate.h"
#include "kernel/members.h"
#include "kernel/policy.h"
#include "kernel/promises.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/requests.h"
#include "kernel/services.h"
#include "kernel/vats.h"

#include <stdlib.h>

/* ---- configuration ---- */

/* bundles, forceReset and a vat's creationOptions mean nothing here; configurations for the TypeScript kernel may have them. */
static const char *const cluster_members[] = {"bootstrap", "vats", "services", "io", "bundles", "forceReset", NULL};
static const char *const vat_members[] = {"sourceSpec", "bundleSpec", "programSpec", "bundleName", "parameters", "globals",
                                          "network", "limits", "faults", "idle", "creationOptions", NULL};
static const char *const channel_members[] = {"type", "path", "port", "host", "direction", "unit", NULL};

static enum vatd_code check_name(const char *name, struct error *error)
{
  size_t size = strlen(name);
  bool printable = true;
  for (size_t i = 0; i < size; i++)
    printable = printable && (unsigned char)name[i] >= 0x20 && name[i] != 0x7F;
  if (size == 0 || size > LIMIT_NAME_LENGTH || !printable)
    return error_set(error, VATD_INVALID, "invalid cluster config: a vat name must have 1 to %d printable bytes",
                     LIMIT_NAME_LENGTH);
  return VATD_OK;
}

static enum vatd_code check_vat(const char *name, const json_t *config, struct error *error)
{
  static const char *const specs[] = {"bundleSpec", "sourceSpec", "programSpec", "bundleName"};
  size_t found = 0;
  if (check_name(name, error) != VATD_OK)
    return VATD_INVALID;
  if (!json_is_object(config))
    return error_set(error, VATD_INVALID, "invalid cluster config: vat \"%s\" must be an object", name);
  if (members_check(config, vat_members, error) != VATD_OK)
    return error_wrap(error, "invalid cluster config: vat \"%s\"", name);
  for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
    const json_t *spec = json_object_get(config, specs[i]);
    found += spec != NULL;
    if (spec && !json_is_string(spec))
      return error_set(error, VATD_INVALID, "invalid cluster config: vat \"%s\": %s must be a string", name, specs[i]);
  }
  if (found != 1)
    return error_set(error, VATD_INVALID,
                     "invalid cluster config: vat \"%s\" needs exactly one of bundleSpec, sourceSpec and programSpec", name);
  if (policy_check(name, config, error) != VATD_OK)
    return VATD_INVALID;
  return endowments_check(name, config, error);
}

static bool is_one_of(const json_t *value, const char *const *texts)
{
  const char *text = json_string_value(value);
  while (text && *texts && strcmp(*texts, text) != 0)
    texts++;
  return text && *texts;
}

/* The form only: what a type needs beyond it is the driver's business. */
static enum vatd_code check_channel(const char *name, const json_t *channel, struct error *error)
{
  static const char *const types[] = {"console", "file", "listen", "socket", NULL};
  static const char *const directions[] = {"in", "out", "inout", NULL};
  static const char *const units[] = {"line", "string", NULL};
  const json_t *direction = json_object_get(channel, "direction");
  const json_t *unit = json_object_get(channel, "unit");
  if (strlen(name) == 0 || strlen(name) > LIMIT_NAME_LENGTH)
    return error_set(error, VATD_INVALID, "invalid cluster config: an io channel's name has 1 to %d bytes", LIMIT_NAME_LENGTH);
  if (members_check(channel, channel_members, error) != VATD_OK)
    return error_wrap(error, "invalid cluster config: io channel \"%s\"", name);
  if (!is_one_of(json_object_get(channel, "type"), types))
    return error_set(error, VATD_INVALID, "invalid cluster config: io channel \"%s\": type must be console, file, listen or socket",
                     name);
  if (direction && !is_one_of(direction, directions))
    return error_set(error, VATD_INVALID, "invalid cluster config: io channel \"%s\": direction must be in, out or inout", name);
  if (unit && !is_one_of(unit, units))
    return error_set(error, VATD_INVALID, "invalid cluster config: io channel \"%s\": unit must be line or string", name);
  return VATD_OK;
}

static enum vatd_code check_channels(const json_t *io, struct error *error)
{
  const char *name;
  json_t *channel;
  if (io && !json_is_object(io))
    return error_set(error, VATD_INVALID, "invalid cluster config: `io` must be an object");
  if (json_object_size(io) > LIMIT_CHANNELS_PER_SUBCLUSTER)
    return error_set(error, VATD_LIMIT, "invalid cluster config: %zu io channels, the limit is %d", json_object_size(io),
                     LIMIT_CHANNELS_PER_SUBCLUSTER);
  json_object_foreach((json_t *)io, name, channel) {
    if (check_channel(name, channel, error) != VATD_OK)
      return VATD_INVALID;
  }
  return VATD_OK;
}

static enum vatd_code check_services(const json_t *config, struct error *error)
{
  const json_t *services = json_object_get(config, "services");
  size_t i;
  const json_t *service;
  if (services && !json_is_array(services))
    return error_set(error, VATD_INVALID, "invalid cluster config: `services` must be an array of names");
  if (json_array_size(services) > LIMIT_SERVICES_PER_SUBCLUSTER)
    return error_set(error, VATD_LIMIT, "invalid cluster config: %zu services, the limit is %d", json_array_size(services),
                     LIMIT_SERVICES_PER_SUBCLUSTER);
  json_array_foreach(services, i, service) {
    if (!json_is_string(service) || json_string_length(service) > LIMIT_NAME_LENGTH)
      return error_set(error, VATD_INVALID, "invalid cluster config: `services` must be an array of names");
  }
  return check_channels(json_object_get(config, "io"), error);
}

enum vatd_code kernel_check_config(const json_t *config, struct error *error)
{
  const json_t *vats = json_object_get(config, "vats");
  const char *bootstrap = json_string_value(json_object_get(config, "bootstrap"));
  if (!json_is_object(config))
    return error_set(error, VATD_INVALID, "invalid cluster config: not an object");
  if (members_check(config, cluster_members, error) != VATD_OK)
    return error_wrap(error, "invalid cluster config");
  if (!json_is_object(vats) || json_object_size(vats) == 0)
    return error_set(error, VATD_INVALID, "invalid cluster config: `vats` must be an object with at least one vat");
  if (json_object_size(vats) > LIMIT_VATS_PER_SUBCLUSTER)
    return error_set(error, VATD_LIMIT, "invalid cluster config: %zu vats, the limit is %d", json_object_size(vats),
                     LIMIT_VATS_PER_SUBCLUSTER);
  if (!bootstrap)
    return error_set(error, VATD_INVALID, "invalid cluster config: `bootstrap` must name a vat");
  if (!json_object_get(vats, bootstrap))
    return error_set(error, VATD_INVALID, "invalid bootstrap vat name: \"%s\" is not in `vats`", bootstrap);
  const char *name;
  json_t *vat;
  json_object_foreach((json_t *)vats, name, vat) {
    if (check_vat(name, vat, error) != VATD_OK)
      return VATD_INVALID;
  }
  return check_services(config, error);
}

/* ---- subclusters ---- */

static struct bytes subcluster_key(struct kernel *k, uint64_t id)
{
  return record_key(k, "subcluster.%s", subcluster_id_text(id).text);
}

json_t *subcluster_json(struct kernel *k, uint64_t id)
{
  return record_json(k, subcluster_key(k, id));
}

bool subcluster_is_launching(const json_t *subcluster)
{
  const char *state = json_string_value(json_object_get(subcluster, "state"));
  return state && strcmp(state, "launching") == 0;
}

size_t subclusters_all(struct kernel *k, uint64_t **ids)
{
  return record_ids(k, bytes_of("subcluster."), subcluster_id_parse, ids);
}

size_t subcluster_vats(struct kernel *k, uint64_t id, uint64_t **vats)
{
  json_t *json = subcluster_json(k, id);
  json_t *members = json_object_get(json, "vats");
  size_t count = 0;
  const char *name;
  json_t *value;
  *vats = arena_alloc_array(&k->arena, json_object_size(members), sizeof **vats);
  json_object_foreach(members, name, value) {
    const char *text = json_string_value(value);
    if (text && vat_id_parse(bytes_of(text), &(*vats)[count]))
      count++;
  }
  json_decref(json);
  return count;
}

static struct bytes system_key(struct kernel *k, const char *name)
{
  return arena_printf(&k->arena, "systemSubcluster.%s", name);
}

json_t *kernel_system_subclusters(struct kernel *k)
{
  json_t *found = json_object();
  struct bytes prefix = bytes_of("systemSubcluster.");
  struct bytes key = prefix;
  struct bytes id;
  while (record_next_key(k, key, prefix, &key)) {
    if (record_get(k, key, &id))
      json_object_set_new(found, key.data + prefix.size, json_string(id.data));
  }
  return found;
}

static struct bytes channel_service(struct kernel *k, uint64_t subcluster, const char *channel)
{
  return arena_printf(&k->arena, SERVICE_OF_CHANNELS "%s:%s", subcluster_id_text(subcluster).text, channel);
}

static json_t *channels_of(const json_t *subcluster)
{
  return json_object_get(json_object_get(subcluster, "config"), "io");
}

bool subcluster_has_channels(const json_t *subcluster)
{
  return json_object_size(channels_of(subcluster)) > 0;
}

/* The subcluster is over, and what its row held is let go. */
static void remove_record(struct kernel *k, uint64_t id, const json_t *json)
{
  const char *channel;
  json_t *value;
  json_object_foreach(channels_of(json), channel, value)
    service_forget_object(k, channel_service(k, id, channel));
  const char *system = json_string_value(json_object_get(json, "system"));
  const char *result = json_string_value(json_object_get(json, "bootstrapResult"));
  struct kref kref;
  if (result && kref_parse(bytes_of(result), &kref))
    ref_drop(k, kref);
  if (system)
    record_delete(k, system_key(k, system));
  record_delete(k, subcluster_key(k, id));
  gate_subcluster(k, id, NULL);
}

void subcluster_remove_vat(struct kernel *k, uint64_t id, uint64_t vat)
{
  json_t *json = subcluster_json(k, id);
  json_t *members = json_object_get(json, "vats");
  const char *name;
  json_t *value;
  void *next;
  json_object_foreach_safe(members, next, name, value) {
    if (strcmp(json_string_value(value), vat_id_text(vat).text) == 0)
      json_object_del(members, name);
  }
  if (json && json_object_size(members) == 0)
    remove_record(k, id, json);
  else if (json)
    record_put_json(k, subcluster_key(k, id), json);
  json_decref(json);
}

void subcluster_terminate(struct kernel *k, uint64_t id, const char *detail)
{
  uint64_t *vats;
  size_t count = subcluster_vats(k, id, &vats);
  for (size_t i = count; i > 0; i--)
    vat_terminate(k, vats[i - 1], detail);
}

/* ---- launches under way ---- */

struct launch *launch_of_vat(struct kernel *k, uint64_t vat)
{
  for (struct launch *launch = k->launches; launch; launch = launch->next) {
    for (size_t i = 0; i < launch->vat_count; i++) {
      if (launch->vats[i] == vat)
        return launch;
    }
  }
  return NULL;
}

bool launch_awaits(const struct kernel *k, struct kref result)
{
  for (struct launch *launch = k->launches; launch; launch = launch->next) {
    if (result.type != KREF_NONE && kref_equal(launch->bootstrap_result, result))
      return true;
  }
  return false;
}

void launch_note_settled(struct kernel *k, struct kref promise)
{
  for (struct launch *launch = k->launches; launch; launch = launch->next) {
    if (kref_equal(launch->bootstrap_result, promise))
      launch->settled = true;
  }
}

static void launch_free(struct launch *launch)
{
  free(launch->vats);
  free(launch);
}

/* Takes the launch off the list; nothing waits for it any more. */
static void unlink_launch(struct kernel *k, struct launch *launch)
{
  struct launch **at = &k->launches;
  while (*at != launch)
    at = &(*at)->next;
  *at = launch->next;
}

void launches_fini(struct kernel *k)
{
  while (k->launches) {
    struct launch *next = k->launches->next;
    launch_free(k->launches);
    k->launches = next;
  }
}

static void fail(struct kernel *k, struct launch *launch, const char *text)
{
  unlink_launch(k, launch);
  crank_begin(k);
  subcluster_terminate(k, launch->subcluster, "its launch failed");
  request_launch_ended(k, launch->subcluster, VATD_REJECTED, NULL, text);
  crank_keep(k);
  gate_answer_error(k, launch->request, VATD_REJECTED, "%s", text);
  launch_free(launch);
}

void launch_fail_by_vat(struct kernel *k, struct launch *launch, uint64_t vat, const char *cause)
{
  struct vat_record record = {0};
  vat_record_get(k, vat, &record);
  struct bytes text = arena_printf(&k->arena, "Failed to launch vat %s (%.*s): %s", vat_id_text(vat).text,
                                   BYTES_ARG(record.name), cause);
  fail(k, launch, text.data);
}

void launch_fail_by_unhandled(struct kernel *k, uint64_t vat, struct bytes reason)
{
  struct launch *launch = launch_of_vat(k, vat);
  if (launch)
    launch_fail_by_vat(k, launch, vat, arena_printf(&k->arena, "unhandled rejection: %.*s", BYTES_ARG(reason)).data);
}

void launch_remove_interrupted(struct kernel *k, uint64_t subcluster)
{
  crank_begin(k);
  subcluster_terminate(k, subcluster, "its launch was interrupted");
  request_launch_ended(k, subcluster, VATD_REJECTED, NULL, "the launch was interrupted by a restart of the kernel");
  crank_keep(k);
  gate_log_kernel(k, 0, "%s: its launch was interrupted by a restart; removed", subcluster_id_text(subcluster).text);
}

/* ---- begin ---- */

static void start_next_vat(struct kernel *k, struct launch *launch)
{
  struct vat *vat = vat_of(k, launch->vats[launch->started]);
  vat->launching = true;
  vat_make_ready(k, vat);
}

static struct bytes bundle_of(const struct launch_order *order, const char *name)
{
  for (size_t i = 0; i < order->bundle_count; i++) {
    if (strcmp(order->bundles[i].vat_name, name) == 0)
      return order->bundles[i].code;
  }
  UNREACHABLE("kernel_launch() has checked that every vat has code");
}

enum vatd_code launch_check_services(struct kernel *k, const struct launch_order *order, struct error *error)
{
  size_t i;
  const json_t *service;
  json_array_foreach(json_object_get(order->config, "services"), i, service) {
    struct bytes name = bytes_from(json_string_value(service), json_string_length(service));
    if (!service_may_be_asked_for(k, name, order->system_name != NULL))
      return error_set(error, VATD_INVALID, "no registered kernel service '%.*s'", BYTES_ARG(name));
  }
  if (order->system_name && record_get(k, system_key(k, order->system_name), NULL))
    return error_set(error, VATD_EXISTS, "there is a system subcluster named '%s' already", order->system_name);
  return endowments_allowed(k, order->config, error);
}

/* The first row of the subcluster, whose vats are `members` (taken over). */
static void put_new_record(struct kernel *k, uint64_t id, const struct launch_order *order, json_t *members)
{
  json_t *row = json_pack("{s:s, s:O, s:o, s:s}", "id", subcluster_id_text(id).text, "config", order->config, "vats",
                          members, "state", "launching");
  CHECK(row);
  if (order->system_name) {
    json_object_set_new(row, "system", json_string(order->system_name));
    record_put(k, system_key(k, order->system_name), bytes_of(subcluster_id_text(id).text));
  }
  record_put_json(k, subcluster_key(k, id), row);
  json_decref(row);
  gate_subcluster(k, id, json_deep_copy(order->config));
}

void launch_begin(struct kernel *k, uint64_t request, const char *key, const struct launch_order *order)
{
  json_t *vats = json_object_get(order->config, "vats");
  struct launch *launch = memory_zalloc(sizeof *launch);
  launch->request = request;
  launch->vats = memory_zalloc(json_object_size(vats) * sizeof *launch->vats);
  crank_begin(k);
  launch->subcluster = record_take_id(k, "nextSubclusterId");
  json_t *members = json_object();
  const char *name;
  json_t *vat_config;
  json_object_foreach(vats, name, vat_config) {
    uint64_t id = vat_create(k, launch->subcluster, name, vat_config, bundle_of(order, name));
    launch->vats[launch->vat_count++] = id;
    json_object_set_new(members, name, json_string(vat_id_text(id).text));
  }
  put_new_record(k, launch->subcluster, order, members);
  request_note_launch(k, key, launch->subcluster);
  crank_keep(k);
  launch->next = k->launches;
  k->launches = launch;
  start_next_vat(k, launch);
}

/* ---- bootstrap ---- */

/* The smallcaps form of a name: a first character from '!' to '-' would be read as a code, so it is escaped. */
static json_t *smallcaps_name(const char *name)
{
  json_t *escaped = name[0] >= '!' && name[0] <= '-' ? json_sprintf("!%s", name) : json_string(name);
  CHECK(escaped);
  return escaped;
}

/* Adds the object `kref` under `name`, as the next slot of `data`. */
static void add_named_slot(json_t *object, const char *name, struct kernel_data *data, struct kref kref, const char *alleged)
{
  json_t *property = smallcaps_name(name);
  json_object_set_new(object, json_string_value(property), json_sprintf("$%zu.Alleged: %s", data->slot_count, alleged));
  json_decref(property);
  data->slots[data->slot_count++] = kref;
}

static json_t *roots_of(struct kernel *k, const struct launch *launch, struct kernel_data *data)
{
  json_t *roots = json_object();
  for (size_t i = 0; i < launch->vat_count; i++) {
    struct vat_record record = {0};
    vat_record_get(k, launch->vats[i], &record);
    add_named_slot(roots, record.name.data ? record.name.data : "", data, record.root, "vatRoot");
  }
  return roots;
}

/* The services that the configuration asks for, by name; a name that comes twice counts once. */
static json_t *services_of(struct kernel *k, const json_t *names, struct kernel_data *data)
{
  json_t *services = json_object();
  size_t i;
  const json_t *name;
  json_array_foreach(names, i, name) {
    const char *text = json_string_value(name);
    if (!json_object_get(services, text))
      add_named_slot(services, text, data, service_object(k, bytes_of(text)), "kernelService");
  }
  return services;
}

/* Adds the subcluster's IO channels to its services, by their own names. */
static void add_channels(struct kernel *k, uint64_t subcluster, const json_t *row, json_t *services, struct kernel_data *data)
{
  const char *channel;
  json_t *value;
  json_object_foreach(channels_of(row), channel, value) {
    if (!json_object_get(services, channel))
      add_named_slot(services, channel, data, service_object(k, channel_service(k, subcluster, channel)), "ioChannel");
  }
}

/* `["bootstrap", [{name: root, …}, {name: service, …}]]` with roots and services as slots; inside a crank. */
static struct kernel_data bootstrap_args(struct kernel *k, const struct launch *launch)
{
  struct kernel_data data = {0};
  json_t *row = subcluster_json(k, launch->subcluster);
  const json_t *names = json_object_get(json_object_get(row, "config"), "services");
  data.slots = arena_alloc_array(&k->arena, launch->vat_count + json_array_size(names) + json_object_size(channels_of(row)),
                                 sizeof *data.slots);
  json_t *roots = roots_of(k, launch, &data);
  json_t *services = services_of(k, names, &data);
  add_channels(k, launch->subcluster, row, services, &data);
  json_t *methargs = json_pack("[s, [o, o]]", "bootstrap", roots, services);
  json_decref(row);
  char *text = json_dumps(methargs, JSON_COMPACT);
  CHECK(text);
  data.body = arena_printf(&k->arena, "#%s", text);
  free(text);
  json_decref(methargs);
  return data;
}

static uint64_t bootstrap_vat(struct kernel *k, const struct launch *launch)
{
  json_t *row = subcluster_json(k, launch->subcluster);
  const char *name = json_string_value(json_object_get(json_object_get(row, "config"), "bootstrap"));
  const char *id = name ? json_string_value(json_object_get(json_object_get(row, "vats"), name)) : NULL;
  uint64_t vat = 0;
  KERNEL_EXPECT(k, id && vat_id_parse(bytes_of(id), &vat), "%s has no bootstrap vat",
                subcluster_id_text(launch->subcluster).text);
  json_decref(row);
  return vat;
}

static void send_bootstrap(struct kernel *k, struct launch *launch)
{
  struct vat_record record = {0};
  vat_record_get(k, bootstrap_vat(k, launch), &record);
  crank_begin(k);
  struct queue_item item = {.target = record.root, .methargs = bootstrap_args(k, launch), .result = promise_new(k, 0)};
  launch->bootstrap_result = item.result;
  ref_add(k, item.result);
  json_t *row = subcluster_json(k, launch->subcluster);
  if (row) {
    json_object_set_new(row, "bootstrapResult", json_string(kref_text(item.result).text));
    record_put_json(k, subcluster_key(k, launch->subcluster), row);
    json_decref(row);
  }
  queue_message(k, &item, true);
  crank_keep(k);
}

void launch_vat_started(struct kernel *k, uint64_t vat)
{
  struct launch *launch = launch_of_vat(k, vat);
  CHECK(launch && launch->vats[launch->started] == vat);
  launch->started++;
  if (launch->started < launch->vat_count)
    start_next_vat(k, launch);
  else
    send_bootstrap(k, launch);
}

/* ---- end ---- */

static json_t *launch_result(struct kernel *k, const struct launch *launch, const struct kernel_data *value)
{
  json_t *vats = json_array();
  struct vat_record record = {0};
  for (size_t i = 0; i < launch->vat_count; i++) {
    vat_record_get(k, launch->vats[i], &record);
    json_array_append_new(vats, json_pack("{s:s, s:s%, s:s}", "id", vat_id_text(launch->vats[i]).text, "name",
                                          record.name.data, record.name.size, "root", kref_text(record.root).text));
  }
  vat_record_get(k, bootstrap_vat(k, launch), &record);
  return json_pack("{s:s, s:s, s:o, s:o}", "subclusterId", subcluster_id_text(launch->subcluster).text, "rootKref",
                   kref_text(record.root).text, "bootstrapResult", kernel_data_to_json(value), "vats", vats);
}

static void succeed(struct kernel *k, struct launch *launch, const struct kernel_data *value)
{
  unlink_launch(k, launch);
  crank_begin(k);
  json_t *result = launch_result(k, launch, value);
  json_t *row = subcluster_json(k, launch->subcluster);
  if (row) {
    json_object_set_new(row, "state", json_string("running"));
    json_object_del(row, "bootstrapResult");
    record_put_json(k, subcluster_key(k, launch->subcluster), row);
    json_decref(row);
  }
  request_hold_slots(k, value);
  ref_drop(k, launch->bootstrap_result); /* the row's */
  request_launch_ended(k, launch->subcluster, VATD_OK, result, NULL);
  crank_keep(k);
  gate_answer(k, launch->request, result);
  launch_free(launch);
}

bool launch_finish_settled(struct kernel *k)
{
  struct launch *launch = k->launches;
  while (launch && !launch->settled)
    launch = launch->next;
  if (!launch)
    return false;
  bool rejected = record_promise_state(k, launch->bootstrap_result) == PROMISE_REJECTED;
  struct kernel_data value = record_promise_value(k, launch->bootstrap_result);
  if (rejected || bytes_start_with(value.body, bytes_of("#{\"#error\"")))
    launch_fail_by_vat(k, launch, bootstrap_vat(k, launch),
                       arena_printf(&k->arena, "bootstrap: %s", request_rejection_text(k, &value)).data);
  else
    succeed(k, launch, &value);
  return true;
}
