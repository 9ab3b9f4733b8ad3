/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/rpc.c - see rpc.h. A handler checks its parameters and asks the kernel; the kernel's answer, gated, ends the call.
 * Also what the daemon itself can answer goes through the kernel's gate, so that answers never overtake what they show.
 */
#include "daemon/rpc.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/bundles.h"
#include "daemon/daemon.h"
#include "wire/smallcaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RPC_PARSE = -32700, RPC_REQUEST = -32600, RPC_METHOD = -32601, RPC_PARAMS = -32602, RPC_FAILED = -32000 };

struct method {
  const char *name;
  void (*handle)(struct daemon *daemon, struct rpc_call *call, const json_t *params);
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

static void bad_params(struct daemon *daemon, struct rpc_call *call, const char *what)
{
  char text[256];
  snprintf(text, sizeof text, "Invalid params: %s", what);
  control_answer_error(&daemon->control, call->request, RPC_PARAMS, text, NULL);
}

/* A text parameter; without it the call is answered and false returned. */
static bool need_text(struct daemon *daemon, struct rpc_call *call, const json_t *params, const char *name,
                      size_t position, struct bytes *text)
{
  const json_t *value = param(params, name, position);
  char what[128];
  if (json_is_string(value)) {
    *text = json_bytes(value);
    return true;
  }
  snprintf(what, sizeof what, "`%s` must be a string", name);
  bad_params(daemon, call, what);
  return false;
}

/* The idempotency key of an object of parameters, or NULL. False (and answered) when it is not usable. */
static bool take_key(struct daemon *daemon, struct rpc_call *call, const json_t *params, const char **key)
{
  const json_t *value = json_object_get(params, "idempotencyKey");
  *key = json_string_value(value);
  if (!value || (*key && strlen(*key) == json_string_length(value)))
    return true;
  bad_params(daemon, call, "`idempotencyKey` must be a string without NUL");
  return false;
}

/* ---- launches ---- */

struct launch_call {
  struct daemon *daemon;
  uint64_t request;
  json_t *config;
  char *key;
  bool unique_names;
};

static void launch_loaded(void *context, enum vatd_code code, const struct launch_bundle *bundles, size_t count,
                          const struct error *error)
{
  struct launch_call *launch = context;
  struct daemon *daemon = launch->daemon;
  if (code == VATD_OK)
    kernel_launch(daemon->kernel, launch->request, launch->key,
                  &(struct launch_order){launch->config, bundles, count, launch->unique_names, NULL});
  else
    kernel_answer_error(daemon->kernel, launch->request, code, error->text);
  json_decref(launch->config);
  free(launch->key);
  free(launch);
  daemon_pump(daemon);
}

static void launch_subcluster(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct error error = {0};
  const char *key;
  json_t *config = (json_t *)param(params, "config", 0);
  if (!take_key(daemon, call, params, &key))
    return;
  if (kernel_check_config(config, &error) != VATD_OK) {
    kernel_answer_error(daemon->kernel, call->request, error.code, error.text);
    return;
  }
  struct launch_call *launch = memory_zalloc(sizeof *launch);
  launch->daemon = daemon;
  launch->request = call->request;
  launch->config = json_incref(config);
  launch->key = key ? memory_strdup(key) : NULL;
  launch->unique_names = json_is_true(json_object_get(params, "uniqueNames"));
  char *bundler = memory_printf("%s/vat", daemon->programs);
  bundles_load(&daemon->loop, bundler, config, launch_loaded, launch);
  free(bundler);
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

static void queue_message(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes target;
  struct bytes method;
  const char *key;
  const json_t *args = param(params, "args", 2);
  if (!take_key(daemon, call, params, &key) || !need_text(daemon, call, params, "target", 0, &target) ||
      !need_text(daemon, call, params, "method", 1, &method))
    return;
  bool is_capdata = json_is_string(json_object_get(args, "body")) && json_is_array(json_object_get(args, "slots"));
  if (!json_is_array(args) && !is_capdata) {
    bad_params(daemon, call, "`args` must be an array, or capdata of one");
    return;
  }
  struct error error = {0};
  struct buffer body;
  json_t *slots = json_array();
  buffer_init(&body, LIMIT_RPC_REQUEST * 2);
  enum vatd_code code = is_capdata ? capdata_methargs(method, args, &body, slots, &error)
                                   : plain_methargs(method, args, &body, slots, &error);
  if (code == VATD_OK)
    kernel_queue_message(daemon->kernel, call->request, key, target, buffer_bytes(&body), slots);
  else
    bad_params(daemon, call, error.text);
  json_decref(slots);
  buffer_fini(&body);
}

/* ---- vats and subclusters ---- */

static void terminate_subcluster(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes id;
  const char *key;
  if (take_key(daemon, call, params, &key) && need_text(daemon, call, params, "id", 0, &id))
    kernel_terminate_subcluster(daemon->kernel, call->request, key, id);
}

static void terminate_vat(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes id;
  const char *key;
  if (take_key(daemon, call, params, &key) && need_text(daemon, call, params, "id", 0, &id))
    kernel_terminate_vat(daemon->kernel, call->request, key, id);
}

static void terminate_all_vats(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  const char *key;
  if (take_key(daemon, call, params, &key))
    kernel_terminate_all(daemon->kernel, call->request, key);
}

static void restart_vat(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes id;
  if (need_text(daemon, call, params, "id", 0, &id))
    kernel_restart_vat(daemon->kernel, call->request, id);
}

static void ping_vat(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes id;
  if (need_text(daemon, call, params, "id", 0, &id))
    kernel_ping_vat(daemon->kernel, call->request, id);
}

static void kill_vat(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct error error = {0};
  struct bytes vat;
  uint64_t id;
  if (!need_text(daemon, call, params, "vat", 0, &vat))
    return;
  if (kernel_find_vat(daemon->kernel, vat, &id, &error) != VATD_OK)
    kernel_answer_error(daemon->kernel, call->request, error.code, error.text);
  else if (!daemon_kill_worker(daemon, id))
    kernel_answer_error(daemon->kernel, call->request, VATD_BUSY, "the vat has no worker at the moment");
  else
    kernel_answer(daemon->kernel, call->request, json_null());
}

/* ---- looking ---- */

/* Adds the worker's pid to a vat's summary. */
static void add_pid(struct daemon *daemon, json_t *vat)
{
  const char *text = json_string_value(json_object_get(vat, "id"));
  uint64_t id;
  int pid = text && vat_id_parse(bytes_of(text), &id) ? daemon_worker_pid(daemon, id) : 0;
  if (pid)
    json_object_set_new(vat, "pid", json_integer(pid));
}

static void add_pids(struct daemon *daemon, json_t *vats)
{
  size_t i;
  json_t *vat;
  json_array_foreach(vats, i, vat)
    add_pid(daemon, vat);
}

static void get_status(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  kernel_get_status(daemon->kernel, call->request);
}

static void list_vats(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  call->finish = add_pids;
  kernel_list_vats(daemon->kernel, call->request);
}

static void show_vat(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes vat;
  call->finish = add_pid;
  if (need_text(daemon, call, params, "vat", 0, &vat))
    kernel_show_vat(daemon->kernel, call->request, vat);
}

#define DEFAULT_ROWS 1000

static void read_vatstore(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes vat;
  const json_t *limit = param(params, "limit", 3);
  json_int_t rows = limit ? json_integer_value(limit) : DEFAULT_ROWS;
  if (!need_text(daemon, call, params, "vat", 0, &vat))
    return;
  if (rows < 1 || rows > LIMIT_QUERY_ROWS) {
    bad_params(daemon, call, "`limit` must be from 1 to 10000");
    return;
  }
  struct bytes prefix = json_bytes(param(params, "prefix", 1));
  struct bytes after = json_bytes(param(params, "after", 2));
  kernel_read_vatstore(daemon->kernel, call->request, vat, prefix, after, (size_t)rows);
}

static void execute_query(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes sql;
  if (need_text(daemon, call, params, "sql", 0, &sql))
    kernel_query(daemon->kernel, call->request, sql);
}

static void revoke_object(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes kref;
  if (need_text(daemon, call, params, "kref", 0, &kref))
    kernel_revoke(daemon->kernel, call->request, kref);
}

static void is_revoked(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  struct bytes kref;
  if (need_text(daemon, call, params, "kref", 0, &kref))
    kernel_is_revoked(daemon->kernel, call->request, kref);
}

#define DEFAULT_LOG_LINES 100

static void follow_log(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  const json_t *count = param(params, "lines", 0);
  json_int_t lines = count ? json_integer_value(count) : DEFAULT_LOG_LINES;
  if (lines < 0) {
    bad_params(daemon, call, "`lines` must not be negative");
    return;
  }
  if (json_is_true(param(params, "follow", 1)))
    control_follow_log(call->client);
  kernel_answer(daemon->kernel, call->request,
                json_pack("{s:o}", "lines", journal_last(&daemon->journal, (size_t)lines)));
}

/* ---- the daemon itself ---- */

static void ping(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  kernel_answer(daemon->kernel, call->request, json_string("pong"));
}

static void collect_garbage(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  kernel_collect_garbage(daemon->kernel, call->request);
}

static void clear_state(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  journal_printf(&daemon->journal, "warn", "the state is cleared on request");
  kernel_clear_state(daemon->kernel, call->request);
}

static void begin_stop(struct daemon *daemon, json_t *result)
{
  (void)result;
  control_stop_listening(&daemon->control);
  daemon_stop(daemon);
}

static void shut_down(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  journal_printf(&daemon->journal, "info", "stopping (asked to)");
  call->finish = begin_stop;
  kernel_answer(daemon->kernel, call->request, json_pack("{s:s}", "status", "shutting down"));
}

/* ---- dispatch ---- */

static const struct method methods[] = {
    {"clearState", clear_state},
    {"collectGarbage", collect_garbage},
    {"executeDBQuery", execute_query},
    {"followLog", follow_log},
    {"getStatus", get_status},
    {"isRevoked", is_revoked},
    {"killVat", kill_vat},
    {"launchSubcluster", launch_subcluster},
    {"listVats", list_vats},
    {"ping", ping},
    {"pingVat", ping_vat},
    {"queueMessage", queue_message},
    {"readVatStore", read_vatstore},
    {"restartVat", restart_vat},
    {"revoke", revoke_object},
    {"showVat", show_vat},
    {"shutdown", shut_down},
    {"terminateAllVats", terminate_all_vats},
    {"terminateSubcluster", terminate_subcluster},
    {"terminateVat", terminate_vat},
};

static const struct method *find_method(const char *name)
{
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i].name, name) == 0)
      return &methods[i];
  }
  return NULL;
}

void rpc_refuse(struct client *client, int code, const char *message)
{
  control_send(client, json_pack("{s:s, s:n, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", "error", "code", code, "message",
                                 message));
}

/* The id of a request: a string, a number or null; `*valid` says whether it is one of these or missing. */
static const json_t *request_id(const json_t *request, bool *valid)
{
  const json_t *id = json_object_get(request, "id");
  *valid = !id || json_is_string(id) || json_is_number(id) || json_is_null(id);
  return id;
}

static void handle_request(struct daemon *daemon, struct client *client, const json_t *request)
{
  bool valid_id;
  const json_t *id = request_id(request, &valid_id);
  const char *version = json_string_value(json_object_get(request, "jsonrpc"));
  const char *name = json_string_value(json_object_get(request, "method"));
  const json_t *params = json_object_get(request, "params");
  if (!json_is_object(request) || !valid_id || !version || strcmp(version, "2.0") != 0 || !name ||
      (params && !json_is_array(params) && !json_is_object(params))) {
    rpc_refuse(client, RPC_REQUEST, json_is_array(request) ? "Invalid Request: batches are not offered; send one request a line"
                                                           : "Invalid Request");
    return;
  }
  const struct method *method = find_method(name);
  struct rpc_call *call = control_new_call(&daemon->control, client, id);
  if (method) {
    method->handle(daemon, call, params);
    return;
  }
  char text[256];
  snprintf(text, sizeof text, "Method not found: %s", name);
  control_answer_error(&daemon->control, call->request, RPC_METHOD, text, NULL);
}

void rpc_handle_line(struct daemon *daemon, struct client *client, struct bytes line)
{
  json_error_t why;
  if (line.size == 0 || (line.size == 1 && line.data[0] == '\r'))
    return;
  json_t *request = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
  if (!request) {
    char text[JSON_ERROR_TEXT_LENGTH + 32];
    snprintf(text, sizeof text, "Parse error: %s", why.text);
    rpc_refuse(client, RPC_PARSE, text);
    return;
  }
  handle_request(daemon, client, request);
  json_decref(request);
}

void rpc_answer(struct daemon *daemon, const struct effect *effect)
{
  if (effect->code == VATD_OK) {
    control_answer(&daemon->control, effect->request, effect->result);
    return;
  }
  json_t *data = json_pack("{s:s}", "code", vatd_code_name(effect->code));
  if (effect->result)
    json_object_set(data, "rejection", effect->result);
  control_answer_error(&daemon->control, effect->request, RPC_FAILED, effect->text, data);
  json_decref(data);
}
