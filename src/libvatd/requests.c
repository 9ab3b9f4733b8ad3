/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/requests.c - what the host asked for, until it is answered; and values on their way in and out. */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/internal.h"
#include "wire/smallcaps.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

enum vatd_code value_encode(const json_t *value, struct buffer *body, json_t *slots, struct error *error)
{
  if (value)
    return smallcaps_encode_for_host(value, body, slots, error);
  buffer_append_text(body, "#\"#undefined\"");
  return VATD_OK;
}

json_t *value_decode(const json_t *capdata)
{
  struct error error;
  json_t *value;
  const json_t *body = json_object_get(capdata, "body");
  struct bytes text = bytes_from(json_string_value(body), json_string_length(body));
  return smallcaps_decode_for_host(text, json_object_get(capdata, "slots"), &value, &error) == VATD_OK ? value : NULL;
}

/* ---- requests ---- */

struct request *request_new(struct vatd *v, vatd_answer_fn *answer, void *context)
{
  struct request *request = memory_zalloc(sizeof *request);
  *request = (struct request){.number = ++v->next_request, .answer = answer, .context = context};
  idmap_put(&v->requests, request->number, request);
  driver_feed(v);
  return request;
}

static void hand_out(struct request *request, const struct vatd_answer *answer)
{
  if (request->answer)
    request->answer(request->context, answer);
  free(request);
}

static void hand_out_result(struct request *request, json_t *result)
{
  json_t *value = request->decode ? value_decode(result) : json_incref(result);
  struct vatd_answer answer = {.code = value ? VATD_OK : VATD_INVALID, .value = value};
  if (!value)
    answer.error = "the vat's answer is not well-formed capdata";
  hand_out(request, &answer);
  json_decref(value);
}

void request_answer(struct vatd *v, const struct effect *effect)
{
  struct request *request = idmap_get(&v->requests, effect->request);
  if (!request)
    return;
  idmap_remove(&v->requests, effect->request);
  if (effect->code == VATD_OK) {
    if (request->finish)
      request->finish(v, effect->result);
    hand_out_result(request, effect->result);
    return;
  }
  struct vatd_answer answer = {.code = effect->code, .error = effect->text, .rejection = effect->result};
  hand_out(request, &answer);
}

/* What was in the batch that is undone has not been done; of what came before it only the answer is lost. */
static struct vatd_answer refusal(const struct vatd *v, const struct request *request)
{
  return (struct vatd_answer){
      .code = VATD_FULL,
      .error = request->number > v->committed_request
                   ? "no room on the disk: nothing was done"
                   : "no room on the disk: it was begun, and may go on when there is room, but its answer is lost",
  };
}

void requests_refuse(struct vatd *v)
{
  struct request *request;
  uint64_t last = v->next_request; /* whoever is told may ask again */
  for (size_t position = 0; (request = idmap_next(&v->requests, &position));) {
    if (request->number > last)
      continue;
    struct vatd_answer answer = refusal(v, request);
    idmap_remove(&v->requests, request->number);
    hand_out(request, &answer);
    position = 0;
  }
}

void requests_close(struct vatd *v)
{
  struct vatd_answer answer = {.code = VATD_CLOSED, .error = "the kernel was closed first"};
  struct request *request;
  size_t position = 0;
  while ((request = idmap_next(&v->requests, &position))) {
    idmap_remove(&v->requests, request->number); /* whoever is told may ask again: that is told too */
    hand_out(request, &answer);
    position = 0;
  }
  idmap_fini(&v->requests);
}

void vatd_request(struct vatd *v, const char *method, json_t *params, vatd_answer_fn *answer, void *context)
{
  method_call(v, request_new(v, answer, context), method, params);
  json_decref(params);
}

void vatd_launch(struct vatd *v, json_t *config, vatd_answer_fn *answer, void *context)
{
  method_launch(v, request_new(v, answer, context), config, NULL, false, NULL);
  json_decref(config);
}

/* The capdata of [method, args]. */
static enum vatd_code encode_message(const char *method, const json_t *args, struct buffer *body, json_t *slots,
                                     struct error *error)
{
  if (args && !json_is_array(args))
    return error_set(error, VATD_BAD_PARAMS, "the arguments must be an array");
  json_t *methargs = args ? json_pack("[s, O]", method, args) : json_pack("[s, []]", method);
  if (!methargs)
    return error_set(error, VATD_BAD_PARAMS, "the method is not UTF-8");
  enum vatd_code code = value_encode(methargs, body, slots, error);
  json_decref(methargs);
  return code;
}

void vatd_send(struct vatd *v, const char *target, const char *method, json_t *args, vatd_answer_fn *answer, void *context)
{
  struct request *request = request_new(v, answer, context);
  struct error error = {0};
  struct buffer body;
  if (full_refuses(v, request, "queueMessage")) {
    json_decref(args);
    return;
  }
  json_t *slots = json_array();
  request->decode = true;
  buffer_init(&body, 2 * LIMIT_CAPDATA_BODY);
  if (encode_message(method, args, &body, slots, &error) == VATD_OK)
    kernel_queue_message(v->kernel, request->number, NULL, bytes_of(target), buffer_bytes(&body), slots);
  else
    kernel_answer_error(v->kernel, request->number, error.code, error.text);
  buffer_fini(&body);
  json_decref(slots);
  json_decref(args);
}

void vatd_release(struct vatd *v, const char *kref)
{
  vatd_request(v, "releaseObject", json_pack("[s]", kref), NULL, NULL);
}
