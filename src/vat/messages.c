/* SPDX-License-Identifier: Apache-2.0 */
/* vat/messages.c - messages that objects of this vat get, and their answers. */
#include "vat/internal.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

static struct vatd_message *message_new(struct vatd_vat *vat, struct bytes result)
{
  struct vatd_message *message = memory_zalloc(sizeof *message);
  message->vat = vat;
  LIST_INSERT_HEAD(&vat->open, message, entry);
  if (result.size == 0)
    return message;
  message->result = refs_arrive(vat, result);
  VAT_TRUST(vat, message->result->vref.promise, "%.*s as the promise for a result", BYTES_ARG(result));
  message->result->promise.ours = true; /* it may be one that this vat asked for: a message to itself */
  vatd_ref_hold(message->result);
  return message;
}

static void message_free(struct vatd_message *message)
{
  if (message->kept)
    data_each_ref(message->vat, message->data, vatd_ref_release);
  vatd_ref_release(message->result);
  json_decref(message->data);
  LIST_REMOVE(message, entry);
  free(message);
}

void messages_free(struct message_list *messages)
{
  while (!LIST_EMPTY(messages))
    message_free(LIST_FIRST(messages));
}

/* ---- answers ---- */

/* True when somebody waits for the answer that is given now. */
static bool take_answer(struct vatd_message *message)
{
  VAT_EXPECT(message->vat, !message->answered, "a message is answered twice");
  message->answered = true;
  LIST_REMOVE(message, entry);
  LIST_INSERT_HEAD(&message->vat->answered, message, entry);
  return message->result != NULL;
}

void vatd_message_return(struct vatd_message *message, json_t *value)
{
  if (take_answer(message))
    promise_resolve(message->result, value);
  else
    json_decref(value);
}

void vatd_message_reject(struct vatd_message *message, json_t *reason)
{
  if (take_answer(message))
    promise_reject(message->result, reason);
  else
    json_decref(reason);
}

void vatd_message_throw(struct vatd_message *message, const char *format, ...)
{
  va_list arguments;
  char *text;
  va_start(arguments, format);
  int size = vasprintf(&text, format, arguments);
  va_end(arguments);
  VAT_EXPECT(message->vat, size >= 0, "vatd_message_throw() wants a format that printf knows");
  vatd_message_reject(message, vatd_json_error("Error", "%s", text));
  free(text);
}

void vatd_message_unknown(struct vatd_message *message)
{
  vatd_message_reject(message,
                      vatd_json_error("TypeError", "target has no method \"%s\"", vatd_message_method(message)));
}

void vatd_message_keep(struct vatd_message *message)
{
  VAT_EXPECT(message->vat, !message->answered && !message->kept, "a message is kept that was answered or kept before");
  message->kept = true;
  data_each_ref(message->vat, message->data, vatd_ref_hold);
}

/* ---- content ---- */

const char *vatd_message_method(const struct vatd_message *message)
{
  const char *method = json_string_value(json_array_get(message->data, 0));
  return method ? method : "";
}

const json_t *vatd_message_args(const struct vatd_message *message)
{
  return json_array_get(message->data, 1);
}

uint64_t vatd_message_instance(const struct vatd_message *message)
{
  return message->instance;
}

/* [method, args]; a method is a text without NUL, or undefined for a call of the object itself. */
static bool is_well_formed(const json_t *data)
{
  const json_t *method = json_array_get(data, 0);
  bool named = json_is_string(method) && strlen(json_string_value(method)) == json_string_length(method);
  return json_array_size(data) == 2 && (named || json_is_null(method)) && json_is_array(json_array_get(data, 1));
}

/* What is wrong here is another vat's doing: it gets a rejection. */
static void handle(struct vatd_message *message, const struct vat_message *delivered, const struct target *target)
{
  struct error error = {.text = "it is not [method, [argument, …]]"};
  message->data = data_decode(message->vat, &delivered->methargs, &error);
  if (!message->data || !is_well_formed(message->data))
    vatd_message_throw(message, "this message cannot be read: %s", error.text);
  else if (!target->handler)
    vatd_message_throw(message, "%.*s is of a kind that this vat has not registered", BYTES_ARG(delivered->target));
  else
    target->handler(message->vat, target->self, message);
}

void message_arrive(struct vatd_vat *vat, const struct vat_message *delivered)
{
  struct vatd_ref *target = ref_touch(objects_exported(vat, delivered->target));
  struct vatd_message *message = message_new(vat, delivered->result);
  message->instance = target->vref.instance;
  handle(message, delivered, &target->target);
  if (!message->answered && !message->kept)
    vatd_message_return(message, NULL);
}
