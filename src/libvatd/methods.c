/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/methods.c - the kernel's methods by name (docs/rpc.md). A handler checks its parameters and asks the kernel; the
 * kernel's answer, gated, ends the request. Also what can be answered here goes through the kernel's gate, so that answers
 * never overtake what they show.
 */
#include "base/json_bounds.h"
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/bundles.h"
#include "libvatd/internal.h"
#include "wire/smallcaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct method {
  const char *name;
  void (*handle)(struct vatd *v, struct request *request, const json_t *params);
};

/* ---- parameters ---- */

/* A parameter by name, or by position when params is an array. */
static const json_t *param(const json_t *params, const char *name, size_t position)
{
  return json_is_array(params) ? json_array_get(params, position) : json_object_get(params, name);
}

static struct bytes json_bytes(const json_t *string)
{
  return bytes_from(json_string_value(string), json_string_length(string));
}

static void bad_params(struct vatd *v, struct request *request, const char *what)
{
  char text[ERROR_TEXT_MAX + 32];
  snprintf(text, sizeof text, "Invalid params: %s", what);
  kernel_answer_error(v->kernel, request->number, VATD_BAD_PARAMS, text);
}

/* A text parameter; without it the call is answered and false returned. */
static bool need_text(struct vatd *v, struct request *request, const json_t *params, const char *name,
                      size_t position, struct bytes *text)
{
  const json_t *value = param(params, name, position);
  char what[128];
  if (json_is_string(value)) {
    *text = json_bytes(value);
    return true;
  }
  snprintf(what, sizeof what, "`%s` must be a string", name);
  bad_params(v, request, what);
  return false;
}

/* The idempotency key of an object of parameters, or NULL. False (and answered) when it is not usable. */
static bool take_key(struct vatd *v, struct request *request, const json_t *params, const char **key)
{
  const json_t *value = json_object_get(params, "idempotencyKey");
  *key = json_string_value(value);
  if (!value || (*key && strlen(*key) == json_string_length(value)))
    return true;
  bad_params(v, request, "`idempotencyKey` must be a string without NUL");
  return false;
}

/* ---- launches ---- */

struct launch_call {
  struct vatd *v;
  uint64_t request;
  json_t *config;
  char *key;
  char *system_name;
  bool unique_names;
};

static void launch_loaded(void *context, enum vatd_code code, const struct launch_bundle *bundles, size_t count,
                          const struct error *error)
{
  struct launch_call *launch = context;
  struct vatd *v = launch->v;
  struct launch_order order = {launch->config, bundles, count, launch->unique_names, launch->system_name};
  struct request *request = idmap_get(&v->requests, launch->request); /* while it was loaded the disk may have become full */
  if (code == VATD_OK && request && !full_refuses(v, request, "launchSubcluster"))
    kernel_launch(v->kernel, launch->request, launch->key, &order);
  else if (code != VATD_OK)
    kernel_answer_error(v->kernel, launch->request, code, error->text);
  json_decref(launch->config);
  free(launch->key);
  free(launch->system_name);
  free(launch);
  driver_feed(v);
}

/* The program `vat`, which bundles sources: beside the worker, or where both were installed. The caller frees it. */
static char *find_bundler(const struct vatd *v)
{
  char *beside = memory_printf("%s/vat", v->programs);
  if (access(beside, X_OK) == 0)
    return beside;
  free(beside);
  return memory_printf("%s/../../bin/vat", v->programs);
}

void method_launch(struct vatd *v, struct request *request, json_t *config, const char *key, bool unique_names,
                   const char *system_name)
{
  struct error error = {0};
  if (full_refuses(v, request, "launchSubcluster"))
    return;
  if (kernel_check_config(config, &error) != VATD_OK) {
    kernel_answer_error(v->kernel, request->number, error.code, error.text);
    return;
  }
  struct launch_call *launch = memory_zalloc(sizeof *launch);
  launch->v = v;
  launch->request = request->number;
  launch->config = json_incref(config);
  launch->key = key ? memory_strdup(key) : NULL;
  launch->unique_names = unique_names;
  launch->system_name = system_name ? memory_strdup(system_name) : NULL;
  char *bundler = find_bundler(v);
  bundles_load(&v->loop, bundler, config, launch_loaded, launch);
  free(bundler);
}

static void launch_subcluster(struct vatd *v, struct request *request, const json_t *params)
{
  const char *key;
  json_t *config = (json_t *)param(params, "config", 0);
  if (take_key(v, request, params, &key))
    method_launch(v, request, config, key, json_is_true(json_object_get(params, "uniqueNames")), NULL);
}

/* ---- messages ---- */

/* The capdata of [method, args] from plain JSON args, in which {"$ref": "ko7"} is a reference. */
static enum vatd_code plain_methargs(struct bytes method, const json_t *args, struct buffer *body, json_t *slots,
                                     struct error *error)
{
  json_t *methargs = json_pack("[s%, O]", method.data, method.size, args);
  enum vatd_code code = methargs ? smallcaps_encode(methargs, body, slots, error)
                                 : error_set(error, VATD_INVALID, "the method is not a text");
  json_decref(methargs);
  return code;
}

/* The same from args that are capdata already: the body of an array is put behind the method's name. */
static enum vatd_code capdata_methargs(struct bytes method, const json_t *args, struct buffer *body, json_t *slots,
                                       struct error *error)
{
  struct bytes text = json_bytes(json_object_get(args, "body"));
  if (json_bounds_check(text, LIMIT_JSON_DEPTH, LIMIT_RPC_VALUES, error) != VATD_OK)
    return error_wrap(error, "`args.body` has");
  json_t *parsed = text.size > 1 && text.data[0] == '#'
                       ? json_loadb(text.data + 1, text.size - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)
                       : NULL;
  bool is_array = json_is_array(parsed);
  json_decref(parsed);
  if (!is_array)
    return error_set(error, VATD_INVALID, "`args.body` must be smallcaps of an array");
  json_t *name = json_pack("[s%]", method.data, method.size);
  enum vatd_code code = name ? smallcaps_encode(name, body, slots, error)
                             : error_set(error, VATD_INVALID, "the method is not a text");
  json_decref(name);
  if (code != VATD_OK)
    return code;
  json_array_extend(slots, json_object_get(args, "slots"));
  body->size--; /* the closing bracket of `#["method"]` */
  buffer_append_text(body, ",");
  buffer_append_bytes(body, bytes_after(text, 1));
  buffer_append_text(body, "]");
  return body->overflowed ? error_set(error, VATD_LIMIT, "the message is too large") : VATD_OK;
}

static void queue_message(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes target;
  struct bytes method;
  const char *key;
  const json_t *args = param(params, "args", 2);
  if (!take_key(v, request, params, &key) || !need_text(v, request, params, "target", 0, &target) ||
      !need_text(v, request, params, "method", 1, &method))
    return;
  bool is_capdata = json_is_string(json_object_get(args, "body")) && json_is_array(json_object_get(args, "slots"));
  if (!json_is_array(args) && !is_capdata) {
    bad_params(v, request, "`args` must be an array, or capdata of one");
    return;
  }
  struct error error = {0};
  struct buffer body;
  json_t *slots = json_array();
  buffer_init(&body, LIMIT_RPC_REQUEST * 2);
  enum vatd_code code = is_capdata ? capdata_methargs(method, args, &body, slots, &error)
                                   : plain_methargs(method, args, &body, slots, &error);
  if (code == VATD_OK)
    kernel_queue_message(v->kernel, request->number, key, target, buffer_bytes(&body), slots);
  else
    bad_params(v, request, error.text);
  json_decref(slots);
  buffer_fini(&body);
}

/* ---- vats and subclusters ---- */

static void terminate_subcluster(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes id;
  const char *key;
  if (take_key(v, request, params, &key) && need_text(v, request, params, "id", 0, &id))
    kernel_terminate_subcluster(v->kernel, request->number, key, id);
}

static void terminate_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes id;
  const char *key;
  if (take_key(v, request, params, &key) && need_text(v, request, params, "id", 0, &id))
    kernel_terminate_vat(v->kernel, request->number, key, id);
}

static void terminate_all_vats(struct vatd *v, struct request *request, const json_t *params)
{
  const char *key;
  if (take_key(v, request, params, &key))
    kernel_terminate_all(v->kernel, request->number, key);
}

static void restart_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes id;
  if (need_text(v, request, params, "id", 0, &id))
    kernel_restart_vat(v->kernel, request->number, id);
}

static void resume_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes id;
  if (need_text(v, request, params, "id", 0, &id))
    kernel_resume_vat(v->kernel, request->number, id);
}

static void ping_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes id;
  if (need_text(v, request, params, "id", 0, &id))
    kernel_ping_vat(v->kernel, request->number, id);
}

static void kill_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct error error = {0};
  struct bytes vat;
  uint64_t id;
  if (!need_text(v, request, params, "vat", 0, &vat))
    return;
  if (kernel_find_vat(v->kernel, vat, &id, &error) != VATD_OK)
    kernel_answer_error(v->kernel, request->number, error.code, error.text);
  else if (!driver_kill_worker(v, id))
    kernel_answer_error(v->kernel, request->number, VATD_BUSY, "the vat has no worker at the moment");
  else
    kernel_answer(v->kernel, request->number, json_null());
}

/* ---- looking ---- */

/* Adds the worker's pid to a vat's summary. */
static void add_pid(struct vatd *v, json_t *vat)
{
  const char *text = json_string_value(json_object_get(vat, "id"));
  uint64_t id;
  int pid = text && vat_id_parse(bytes_of(text), &id) ? driver_worker_pid(v, id) : 0;
  if (pid)
    json_object_set_new(vat, "pid", json_integer(pid));
}

static void add_pids(struct vatd *v, json_t *vats)
{
  size_t i;
  json_t *vat;
  json_array_foreach(vats, i, vat)
    add_pid(v, vat);
}

static void get_status(struct vatd *v, struct request *request, const json_t *params)
{
  (void)params;
  request->finish = full_describe;
  kernel_get_status(v->kernel, request->number);
}

static void list_vats(struct vatd *v, struct request *request, const json_t *params)
{
  (void)params;
  request->finish = add_pids;
  kernel_list_vats(v->kernel, request->number);
}

static void show_vat(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes vat;
  request->finish = add_pid;
  if (need_text(v, request, params, "vat", 0, &vat))
    kernel_show_vat(v->kernel, request->number, vat);
}

#define DEFAULT_ROWS 1000

static void read_vatstore(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes vat;
  const json_t *limit = param(params, "limit", 3);
  json_int_t rows = limit ? json_integer_value(limit) : DEFAULT_ROWS;
  if (!need_text(v, request, params, "vat", 0, &vat))
    return;
  if (rows < 1 || rows > LIMIT_QUERY_ROWS) {
    bad_params(v, request, "`limit` must be from 1 to 10000");
    return;
  }
  struct bytes prefix = json_bytes(param(params, "prefix", 1));
  struct bytes after = json_bytes(param(params, "after", 2));
  kernel_read_vatstore(v->kernel, request->number, vat, prefix, after, (size_t)rows);
}

static void execute_query(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes sql;
  if (need_text(v, request, params, "sql", 0, &sql))
    kernel_query(v->kernel, request->number, sql);
}

static void revoke_object(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes kref;
  if (need_text(v, request, params, "kref", 0, &kref))
    kernel_revoke(v->kernel, request->number, kref);
}

static void is_revoked(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes kref;
  if (need_text(v, request, params, "kref", 0, &kref))
    kernel_is_revoked(v->kernel, request->number, kref);
}

/* ---- the kernel as a whole ---- */

static void ping(struct vatd *v, struct request *request, const json_t *params)
{
  (void)params;
  kernel_answer(v->kernel, request->number, json_string("pong"));
}

static void collect_garbage(struct vatd *v, struct request *request, const json_t *params)
{
  (void)params;
  kernel_collect_garbage(v->kernel, request->number);
}

static void clear_state(struct vatd *v, struct request *request, const json_t *params)
{
  (void)params;
  driver_log(v, "warn", "the state is cleared on request");
  kernel_clear_state(v->kernel, request->number);
}

static void make_backup(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes file;
  if (!need_text(v, request, params, "file", 0, &file))
    return;
  if (strlen(file.data) == file.size)
    backup_request(v, request->number, file.data, json_is_true(param(params, "force", 1)));
  else
    bad_params(v, request, "`file` must be a string without NUL");
}

static void pin_object(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes kref;
  if (need_text(v, request, params, "kref", 0, &kref))
    kernel_pin(v->kernel, request->number, kref);
}

static void release_object(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes kref;
  if (need_text(v, request, params, "kref", 0, &kref))
    kernel_release(v->kernel, request->number, kref);
}

static void register_service_object(struct vatd *v, struct request *request, const json_t *params)
{
  struct bytes name;
  struct bytes kref;
  if (need_text(v, request, params, "name", 0, &name) && need_text(v, request, params, "kref", 1, &kref))
    kernel_name_service(v->kernel, request->number, name, kref);
}

/* ---- dispatch ---- */

static const struct method methods[] = {
    {"backup", make_backup},
    {"clearState", clear_state},
    {"collectGarbage", collect_garbage},
    {"executeDBQuery", execute_query},
    {"getStatus", get_status},
    {"isRevoked", is_revoked},
    {"killVat", kill_vat},
    {"launchSubcluster", launch_subcluster},
    {"listVats", list_vats},
    {"ping", ping},
    {"pingVat", ping_vat},
    {"pinObject", pin_object},
    {"queueMessage", queue_message},
    {"readVatStore", read_vatstore},
    {"registerServiceObject", register_service_object},
    {"releaseObject", release_object},
    {"restartVat", restart_vat},
    {"resumeVat", resume_vat},
    {"revoke", revoke_object},
    {"showVat", show_vat},
    {"terminateAllVats", terminate_all_vats},
    {"terminateSubcluster", terminate_subcluster},
    {"terminateVat", terminate_vat},
};

void method_call(struct vatd *v, struct request *request, const char *name, const json_t *params)
{
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i].name, name) == 0) {
      if (!full_refuses(v, request, name))
        methods[i].handle(v, request, params);
      return;
    }
  }
  char text[256];
  snprintf(text, sizeof text, "Method not found: %s", name);
  kernel_answer_error(v->kernel, request->number, VATD_NO_METHOD, text);
}
