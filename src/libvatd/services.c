/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/services.c - calls of vats to functions of the host.
 *
 *     EFFECT_CALL_SERVICE --> struct vatd_call --> the host's function … vatd_call_return() --> kernel_service_return()
 *                                                                 or service_cancel(), when the kernel has ended the call
 */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/internal.h"

#include <stdlib.h>
#include <string.h>

struct host_service {
  struct host_service *next;
  char *name;
  vatd_service_fn *function;
  void *context;
};

struct vatd_call {
  struct vatd *kernel;
  uint64_t number;
  char *service;
  json_t *methargs; /* [method, args] */
  void (*cancelled)(void *context); /* or NULL: the answer will come, and be refused */
  void *context;
};

enum vatd_code service_register(struct vatd *v, const char *name, unsigned flags, vatd_service_fn *function, void *context,
                                struct error *error)
{
  if (kernel_register_service(v->kernel, name, flags & VATD_SERVICE_SYSTEM_ONLY, error) != VATD_OK)
    return error->code;
  struct host_service *service = memory_zalloc(sizeof *service);
  *service = (struct host_service){v->services, memory_strdup(name), function, context};
  v->services = service;
  return VATD_OK;
}

enum vatd_code vatd_register_service(struct vatd *v, const char *name, unsigned flags, vatd_service_fn *function,
                                     void *context, struct vatd_error *error)
{
  struct error why = {0};
  enum vatd_code code = service_register(v, name, flags, function, context, &why);
  return code == VATD_OK ? VATD_OK : driver_tell(error, &why);
}

static struct host_service *find_service(struct vatd *v, const char *name)
{
  struct bytes registered = kernel_service_of(bytes_of(name));
  struct host_service *service = v->services;
  while (service && !bytes_is(registered, service->name))
    service = service->next;
  return service;
}

static void call_free(struct vatd_call *call)
{
  json_decref(call->methargs);
  free(call->service);
  free(call);
}

static void end_call(struct vatd_call *call)
{
  idmap_remove(&call->kernel->calls, call->number);
  driver_feed(call->kernel);
  call_free(call);
}

void service_call(struct vatd *v, const struct effect *effect)
{
  struct host_service *service = find_service(v, effect->name);
  struct vatd_call *call = memory_zalloc(sizeof *call);
  *call = (struct vatd_call){
      .kernel = v,
      .number = effect->request,
      .service = memory_strdup(effect->name),
      .methargs = value_decode(effect->result),
  };
  idmap_put(&v->calls, call->number, call);
  if (!json_is_string(json_array_get(call->methargs, 0)) || !json_is_array(json_array_get(call->methargs, 1)))
    vatd_call_throw(call, "a message to a service is a method and its arguments");
  else if (!service)
    vatd_call_throw(call, "the service is not there any more");
  else
    service->function(service->context, call);
}

void service_cancel(struct vatd *v, uint64_t number)
{
  struct vatd_call *call = idmap_get(&v->calls, number);
  if (!call || !call->cancelled)
    return;
  call->cancelled(call->context);
  end_call(call);
}

void call_on_cancel(struct vatd_call *call, void (*cancelled)(void *context), void *context)
{
  call->cancelled = cancelled;
  call->context = context;
}

const char *call_service(const struct vatd_call *call)
{
  return call->service;
}

struct vatd *call_kernel(const struct vatd_call *call)
{
  return call->kernel;
}

const char *vatd_call_method(const struct vatd_call *call)
{
  return json_string_value(json_array_get(call->methargs, 0));
}

const json_t *vatd_call_args(const struct vatd_call *call)
{
  return json_array_get(call->methargs, 1);
}

/* Hands the value to the kernel; not OK: it cannot be sent. */
static enum vatd_code send_back(struct vatd_call *call, bool rejected, const json_t *value, struct error *error)
{
  struct buffer body;
  json_t *slots = json_array();
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  enum vatd_code code = value_encode(value, &body, slots, error);
  if (code == VATD_OK)
    code = kernel_service_return(call->kernel->kernel, call->number, rejected, buffer_bytes(&body), slots, error);
  buffer_fini(&body);
  json_decref(slots);
  return code;
}

static json_t *error_value(const char *text)
{
  json_t *value = json_pack("{s:s, s:s}", "#error", text, "name", "Error");
  return value ? value : json_pack("{s:s, s:s}", "#error", "(not UTF-8)", "name", "Error");
}

static void reject(struct vatd_call *call, const char *text)
{
  struct error error = {0};
  json_t *value = error_value(text);
  send_back(call, true, value, &error);
  json_decref(value);
}

void vatd_call_return(struct vatd_call *call, json_t *value)
{
  struct error error = {0};
  if (send_back(call, false, value, &error) != VATD_OK)
    reject(call, error.text);
  json_decref(value);
  end_call(call);
}

void vatd_call_throw(struct vatd_call *call, const char *text)
{
  reject(call, text);
  end_call(call);
}

/* Those of the host itself come back late, and find out then. */
void services_forget(struct vatd *v)
{
  struct vatd_call *call;
  size_t position = 0;
  while ((call = idmap_next(&v->calls, &position))) {
    if (!call->cancelled)
      continue;
    service_cancel(v, call->number);
    position = 0; /* the map has changed */
  }
}

void services_close(struct vatd *v)
{
  struct vatd_call *call;
  size_t position = 0;
  while ((call = idmap_next(&v->calls, &position)))
    call_free(call);
  idmap_fini(&v->calls);
  while (v->services) {
    struct host_service *next = v->services->next;
    free(v->services->name);
    free(v->services);
    v->services = next;
  }
}
