/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/rpc.c - see rpc.h. The daemon's own methods are in the table here; all others are the kernel's, and go there as they
 * are.
 */
#include "daemon/rpc.h"
#include "base/json_bounds.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/client.h"
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RPC_PARSE = -32700, RPC_REQUEST = -32600, RPC_METHOD = -32601, RPC_PARAMS = -32602, RPC_FAILED = -32000 };

struct method {
  const char *name;
  void (*handle)(struct daemon *daemon, struct rpc_call *call, const json_t *params);
};

/* ---- methods of the daemon ---- */

#define DEFAULT_LOG_LINES 100

/* A member of `params` by name, or by position. */
static const json_t *param(const json_t *params, const char *name, size_t position)
{
  return json_is_array(params) ? json_array_get(params, position) : json_object_get(params, name);
}

/* The journal holds only what is durable: nothing to wait for. */
static void follow_log(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  const json_t *count = param(params, "lines", 0);
  const json_t *follow = param(params, "follow", 1);
  json_int_t lines = count ? json_integer_value(count) : DEFAULT_LOG_LINES;
  if (lines < 0 || (count && !json_is_integer(count))) {
    control_answer_error(call, RPC_PARAMS, "Invalid params: `lines` must be a whole number from 0", NULL);
    return;
  }
  if (follow && !json_is_boolean(follow)) {
    control_answer_error(call, RPC_PARAMS, "Invalid params: `follow` must be true or false", NULL);
    return;
  }
  if (json_is_true(follow))
    control_follow_log(call->client);
  json_t *result = json_pack("{s:o}", "lines", journal_last(&daemon->journal, (size_t)lines));
  control_answer(call, result);
  json_decref(result);
}

static void shut_down(struct daemon *daemon, struct rpc_call *call, const json_t *params)
{
  (void)params;
  json_t *result = json_pack("{s:s}", "status", "shutting down");
  journal_printf(&daemon->journal, "info", "stopping (asked to)");
  control_answer(call, result);
  json_decref(result);
  daemon_stop(daemon);
}

static const struct method methods[] = {
    {"followLog", follow_log},
    {"shutdown", shut_down},
};

/* ---- methods of the kernel ---- */

static int error_code(enum vatd_code code)
{
  return code == VATD_BAD_PARAMS ? RPC_PARAMS : code == VATD_NO_METHOD ? RPC_METHOD : RPC_FAILED;
}

static void on_answer(void *context, const struct vatd_answer *answer)
{
  struct rpc_call *call = context;
  if (answer->code == VATD_OK) {
    control_answer(call, answer->value);
    return;
  }
  int code = error_code(answer->code);
  json_t *data = code == RPC_FAILED ? json_pack("{s:s}", "code", vatd_code_name(answer->code)) : NULL;
  if (answer->rejection)
    json_object_set(data, "rejection", (json_t *)answer->rejection);
  control_answer_error(call, code, answer->error, data);
  json_decref(data);
}

/* ---- dispatch ---- */

static const struct method *find_method(const char *name)
{
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i].name, name) == 0)
      return &methods[i];
  }
  return NULL;
}

json_t *rpc_text(const char *text)
{
  size_t size = strlen(text);
  json_t *json = json_stringn(text, size);
  for (size_t cut = 1; !json && cut <= 3 && cut < size; cut++)
    json = json_stringn(text, size - cut);
  return json ? json : json_string("(not UTF-8)");
}

void rpc_refuse(struct client *client, int code, const char *message)
{
  client_send(client, json_pack("{s:s, s:n, s:{s:i, s:o}}", "jsonrpc", "2.0", "id", "error", "code", code, "message",
                                rpc_text(message)));
}

/* The id of a request: a string, a number or null; `*valid` says whether it is one of these or missing. */
static const json_t *request_id(const json_t *request, bool *valid)
{
  const json_t *id = json_object_get(request, "id");
  *valid = !id || (json_is_string(id) && json_string_length(id) <= LIMIT_RPC_ID) || json_is_number(id) || json_is_null(id);
  return id;
}

/* Methods whose answer may wait for vats for ever; all others are answered soon, and are what people need to end these. */
static bool may_wait(const char *method)
{
  return strcmp(method, "queueMessage") == 0 || strcmp(method, "launchSubcluster") == 0;
}

/* Whether there is room for one more call; if not, it is answered. */
static bool admit(struct daemon *daemon, struct client *client, struct rpc_call *call, const char *method)
{
  const char *why = NULL;
  if (client->calls > LIMIT_RPC_CALLS_PER_CLIENT)
    why = "too many requests of this connection wait for their answer";
  else if (may_wait(method) && !control_has_room_for_calls(&daemon->control))
    why = "too many requests wait for vats";
  if (!why)
    return true;
  json_t *data = json_pack("{s:s}", "code", vatd_code_name(VATD_BUSY));
  control_answer_error(call, RPC_FAILED, why, data);
  json_decref(data);
  return false;
}

static bool is_request(const json_t *request, bool valid_id)
{
  const char *version = json_string_value(json_object_get(request, "jsonrpc"));
  const json_t *method = json_object_get(request, "method");
  const json_t *params = json_object_get(request, "params");
  return json_is_object(request) && valid_id && version && strcmp(version, "2.0") == 0 && json_is_string(method) &&
         strlen(json_string_value(method)) == json_string_length(method) &&
         (!params || json_is_array(params) || json_is_object(params));
}

/* Whether this is a query that has to wait for the next round; if it is one that has not, the others will have to. */
static bool must_wait(struct control *control, struct client *client, const char *method)
{
  if (strcmp(method, "executeDBQuery") != 0 && strcmp(method, "readVatStore") != 0)
    return false;
  return !control_may_query(control, client);
}

static bool handle_request(struct daemon *daemon, struct client *client, const json_t *request)
{
  bool valid_id;
  const json_t *id = request_id(request, &valid_id);
  if (!is_request(request, valid_id)) {
    rpc_refuse(client, RPC_REQUEST, json_is_array(request) ? "Invalid Request: batches are not offered; send one request a line"
                                                           : "Invalid Request");
    return true;
  }
  const char *name = json_string_value(json_object_get(request, "method"));
  const json_t *params = json_object_get(request, "params");
  const struct method *method = find_method(name);
  if (must_wait(&daemon->control, client, name))
    return false;
  struct rpc_call *call = control_new_call(&daemon->control, client, id);
  if (!admit(daemon, client, call, name))
    return true;
  if (method)
    method->handle(daemon, call, params);
  else
    vatd_request(daemon->kernel, name, json_incref((json_t *)params), on_answer, call);
  return true;
}

/* Refuses with `code`, and says why behind `what`. */
static void refuse_line(struct client *client, int code, const char *what, const char *why)
{
  char *text = memory_printf("%s: %s", what, why);
  rpc_refuse(client, code, text);
  free(text);
}

bool rpc_handle_line(struct daemon *daemon, struct client *client, struct bytes line)
{
  json_error_t why;
  struct error error = {0};
  if (line.size == 0 || (line.size == 1 && line.data[0] == '\r'))
    return true;
  if (json_bounds_check(line, LIMIT_JSON_DEPTH, LIMIT_RPC_VALUES, &error) != VATD_OK) {
    refuse_line(client, RPC_REQUEST, "Invalid Request", error.text);
    return true;
  }
  json_t *request = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
  if (!request) {
    refuse_line(client, RPC_PARSE, "Parse error", why.text);
    return true;
  }
  bool handled = handle_request(daemon, client, request);
  json_decref(request);
  return handled;
}
