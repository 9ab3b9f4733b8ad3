/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/facet.c - kernelFacet, the service by which a system subcluster controls the kernel. Each of its methods is a method
 * of docs/rpc.md with its parameters by position; what differs is in the table. (Source: TypeScript kernel,
 * kernel-facet.ts.)
 */
#include "base/memory.h"
#include "libvatd/internal.h"

#include <stdlib.h>
#include <string.h>

/* What becomes of a method's result; returns a new reference, or NULL with the reason in *error. */
typedef json_t *facet_result_fn(struct vatd_call *call, const json_t *result, const char **error);

struct facet_method {
  const char *name;
  const char *request;     /* the method that is made of it */
  facet_result_fn *result; /* NULL: as it is */
};

static json_t *reference(const json_t *kref)
{
  return json_pack("{s:O*}", "$ref", kref);
}

/* A kref as text, of an argument that is a reference or a text. */
static json_t *kref_of(const json_t *argument)
{
  const json_t *inner = json_object_get(argument, "$ref");
  return json_incref((json_t *)(inner ? inner : argument));
}

static const char *first_argument(const struct vatd_call *call)
{
  return json_string_value(json_array_get(vatd_call_args(call), 0));
}

static json_t *launch_result(struct vatd_call *call, const json_t *result, const char **error)
{
  (void)call;
  (void)error;
  json_t *kref = json_object_get(result, "rootKref");
  json_t *bootstrapped = value_decode(json_object_get(result, "bootstrapResult"));
  return json_pack("{s:O, s:O, s:o, s:o}", "subclusterId", json_object_get(result, "subclusterId"), "rootKref", kref, "root",
                   reference(kref), "bootstrapResult", bootstrapped ? bootstrapped : json_null());
}

static json_t *subclusters_result(struct vatd_call *call, const json_t *result, const char **error)
{
  (void)call;
  (void)error;
  return json_incref(json_object_get(result, "subclusters"));
}

static json_t *subcluster_result(struct vatd_call *call, const json_t *result, const char **error)
{
  const char *wanted = first_argument(call);
  size_t i;
  json_t *subcluster;
  json_array_foreach(json_object_get(result, "subclusters"), i, subcluster) {
    if (wanted && strcmp(json_string_value(json_object_get(subcluster, "id")), wanted) == 0)
      return json_incref(subcluster);
  }
  *error = "Subcluster does not exist";
  return NULL;
}

static json_t *message_result(struct vatd_call *call, const json_t *result, const char **error)
{
  (void)call;
  json_t *value = value_decode(result);
  if (!value)
    *error = "the answer is not well-formed capdata";
  return value;
}

/* The root of a vat's subcluster's bootstrap vat, from getStatus. */
static json_t *system_root_result(struct vatd_call *call, const json_t *result, const char **error)
{
  const char *wanted = first_argument(call);
  size_t i;
  json_t *subcluster;
  json_array_foreach(json_object_get(result, "subclusters"), i, subcluster) {
    const char *name = json_string_value(json_object_get(subcluster, "system"));
    if (name && wanted && strcmp(name, wanted) == 0)
      return reference(json_object_get(subcluster, "rootKref"));
  }
  *error = "there is no system subcluster of this name";
  return NULL;
}

static const struct facet_method methods[] = {
    {"getStatus", "getStatus", NULL},
    {"getSubcluster", "getStatus", subcluster_result},
    {"getSubclusters", "getStatus", subclusters_result},
    {"getSystemSubclusterRoot", "getStatus", system_root_result},
    {"launchSubcluster", "launchSubcluster", launch_result},
    {"ping", "ping", NULL},
    {"pingVat", "pingVat", NULL},
    {"queueMessage", "queueMessage", message_result},
    {"registerKernelServiceObject", "registerServiceObject", NULL},
    {"reset", "clearState", NULL},
    {"terminateSubcluster", "terminateSubcluster", NULL},
};

struct facet_call {
  struct vatd_call *call;
  const struct facet_method *method;
};

static void on_answer(void *context, const struct vatd_answer *answer)
{
  struct facet_call facet = *(struct facet_call *)context;
  const char *error = "no result";
  free(context);
  if (answer->code == VATD_CLOSED)
    return;
  if (answer->code != VATD_OK) {
    vatd_call_throw(facet.call, answer->error);
    return;
  }
  json_t *value = facet.method->result ? facet.method->result(facet.call, answer->value, &error)
                                       : json_incref((json_t *)answer->value);
  if (value)
    vatd_call_return(facet.call, value);
  else
    vatd_call_throw(facet.call, error);
}

/* Arguments that are references stand for their krefs. */
static json_t *params_of(const struct vatd_call *call)
{
  json_t *params = json_array();
  size_t i;
  const json_t *argument;
  json_array_foreach(vatd_call_args(call), i, argument)
    json_array_append_new(params, kref_of(argument));
  return params;
}

/* A program is machine code, and its file is named as the kernel's user sees it: that is not for a vat to say. */
static bool names_program(const struct vatd_call *call)
{
  const json_t *config = json_array_get(vatd_call_args(call), 0);
  const char *name;
  json_t *vat;
  json_object_foreach(json_object_get(config, "vats"), name, vat) {
    if (json_object_get(vat, "programSpec"))
      return true;
  }
  return false;
}

static void serve(void *context, struct vatd_call *call)
{
  const char *name = vatd_call_method(call);
  (void)context;
  if (strcmp(name, "launchSubcluster") == 0 && names_program(call)) {
    vatd_call_throw(call, "a vat may not launch programs (programSpec)");
    return;
  }
  if (strcmp(name, "getPresence") == 0) {
    json_t *kref = kref_of(json_array_get(vatd_call_args(call), 0));
    vatd_call_return(call, reference(kref));
    json_decref(kref);
    return;
  }
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i].name, name) == 0) {
      struct facet_call *facet = memory_zalloc(sizeof *facet);
      *facet = (struct facet_call){call, &methods[i]};
      vatd_request(call_kernel(call), methods[i].request, params_of(call), on_answer, facet);
      return;
    }
  }
  char *text = memory_printf("kernelFacet has no method '%s'", name);
  vatd_call_throw(call, text);
  free(text);
}

enum vatd_code facet_register(struct vatd *v, struct error *error)
{
  return service_register(v, "kernelFacet", VATD_SERVICE_SYSTEM_ONLY, serve, NULL, error);
}
