/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vat_probe.c - the vat in C that unit tests play with: its root object does what it is told. */
#include "vat_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vatd_ref *held[4]; /* what it holds, by number */
static struct vatd_message *kept_message;

static const json_t *arg(struct vatd_message *message, size_t index)
{
  return json_array_get(vatd_message_args(message), index);
}

static struct vatd_ref *ref_arg(struct vatd_vat *vat, struct vatd_message *message, size_t index)
{
  return vatd_json_ref(vat, arg(message, index));
}

static const char *text_arg(struct vatd_message *message, size_t index)
{
  const char *text = json_string_value(arg(message, index));
  return text ? text : "";
}

/* Notes a result in the log. */
static void note(struct vatd_vat *vat, void *context, bool rejected, const json_t *value)
{
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  vatd_vat_log(vat, "info", "%s %s %s", (const char *)context, rejected ? "rejected" : "is", text);
  free(text);
}

static void gone(void *self)
{
  fprintf(stderr, "# gone: %s\n", (const char *)self);
  *(char *)self = 'G';
}

static void thing(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, json_sprintf("%s got %s", (const char *)self, vatd_message_method(message)));
}

static void durable(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, json_sprintf("%s %d", (const char *)self, (int)vatd_message_instance(message)));
}

static void retired(struct vatd_vat *vat, void *self, uint64_t instance)
{
  vatd_vat_log(vat, "info", "%s %d is retired", (const char *)self, (int)instance);
}

typedef void method_fn(struct vatd_vat *vat, struct vatd_message *message);

static void do_echo(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, json_incref((json_t *)arg(message, 0)));
}

static void do_nothing(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  (void)message;
}

static void do_throw(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_throw(message, "no %d", 42);
}

static void do_reject(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_reject(message, json_incref((json_t *)arg(message, 0)));
}

static void do_keep_message(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_keep(message);
  kept_message = message;
}

static void do_answer_kept(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  (void)message;
  vatd_message_return(kept_message, json_incref((json_t *)vatd_message_args(kept_message)));
}

static void do_hold(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *ref = ref_arg(vat, message, 1);
  vatd_ref_hold(ref);
  held[json_integer_value(arg(message, 0))] = ref;
}

static void do_release(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_ref_release(held[json_integer_value(arg(message, 0))]);
}

static void do_give_held(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, vatd_ref_json(held[json_integer_value(arg(message, 0))]));
}

static void do_give_named(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, json_pack("{s:s}", "$ref", text_arg(message, 0)));
}

static void do_keep(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_ref_keep(ref_arg(vat, message, 0));
}

static void do_unkeep(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_ref_unkeep(vatd_vat_ref(vat, text_arg(message, 0)));
}

static void do_export(struct vatd_vat *vat, struct vatd_message *message)
{
  static char self[] = "thing";
  struct vatd_ref *ref = vatd_vat_export(vat, "Thing", thing, self, gone);
  vatd_message_return(message, vatd_ref_json(ref));
}

static void do_export_and_hold(struct vatd_vat *vat, struct vatd_message *message)
{
  static char self[] = "held thing";
  held[0] = vatd_vat_export(vat, "Thing", thing, self, gone);
  vatd_ref_hold(held[0]);
  vatd_message_return(message, vatd_ref_json(held[0]));
}

static void do_export_for_nobody(struct vatd_vat *vat, struct vatd_message *message)
{
  static char self[] = "lost thing";
  (void)message;
  vatd_vat_export(vat, "Thing", thing, self, gone);
}

static void do_durable(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_return(message, vatd_ref_json(vatd_vat_durable(vat, 1, vatd_vat_new_instance(vat, 1))));
}

static void do_send(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_send(vat, ref_arg(vat, message, 0), text_arg(message, 1), json_pack("[O]", arg(message, 2)), note, "result");
}

static void do_tell(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_send(vat, ref_arg(vat, message, 0), "tell", json_array(), NULL, NULL);
}

static void do_pipeline(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *first = vatd_vat_ask(vat, ref_arg(vat, message, 0), "first", json_array());
  struct vatd_ref *second = vatd_vat_ask(vat, first, "second", json_pack("[o]", vatd_ref_json(first)));
  vatd_message_return(message, vatd_ref_json(second));
}

static void do_promise(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = vatd_vat_promise(vat);
  vatd_ref_hold(promise);
  held[json_integer_value(arg(message, 0))] = promise;
  if (json_is_true(arg(message, 1)))
    vatd_message_return(message, json_pack("[o]", vatd_ref_json(promise)));
}

static void do_resolve(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_resolve(vat, held[json_integer_value(arg(message, 0))], json_incref((json_t *)arg(message, 1)));
}

static void do_resolve_to_itself(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = held[json_integer_value(arg(message, 0))];
  vatd_vat_resolve(vat, promise, json_pack("{s:o}", "self", vatd_ref_json(promise)));
}

static void do_resolve_to_held(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_resolve(vat, held[json_integer_value(arg(message, 0))], vatd_ref_json(held[json_integer_value(arg(message, 1))]));
}

static void do_when(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_when(vat, held[json_integer_value(arg(message, 0))], note, "when");
}

static void do_await(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_when(vat, ref_arg(vat, message, 0), note, "awaited");
}

static void do_send_to_held(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_send(vat, held[json_integer_value(arg(message, 0))], "hello", json_array(), note, "result");
}

static void do_set(struct vatd_vat *vat, struct vatd_message *message)
{
  const char *value = text_arg(message, 1);
  vatd_message_return(message, json_boolean(vatd_vat_set(vat, text_arg(message, 0), value, strlen(value))));
}

static void do_keys(struct vatd_vat *vat, struct vatd_message *message)
{
  json_t *keys = json_array();
  for (const char *key = vatd_vat_next_key(vat, ""); key; key = vatd_vat_next_key(vat, key))
    json_array_append_new(keys, json_pack("[s, s]", key, vatd_vat_get(vat, key, NULL)));
  vatd_message_return(message, keys);
}

static void do_log(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_log(vat, text_arg(message, 0), "%s", text_arg(message, 1));
}

static void do_exit(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_exit(vat, json_is_true(arg(message, 0)), text_arg(message, 1));
}

static void do_flood(struct vatd_vat *vat, struct vatd_message *message)
{
  for (int i = 0; i <= LIMIT_SYSCALLS_PER_CRANK; i++)
    vatd_vat_send(vat, ref_arg(vat, message, 0), "x", json_array(), NULL, NULL);
}

static void do_answer_twice(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, NULL);
  vatd_message_return(message, NULL);
}

static void do_big_integer(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, json_integer(INT64_MAX));
}

static const struct {
  const char *name;
  method_fn *method;
} methods[] = {
    {"echo", do_echo}, {"nothing", do_nothing}, {"throw", do_throw}, {"reject", do_reject},
    {"keepMessage", do_keep_message}, {"answerKept", do_answer_kept}, {"hold", do_hold}, {"release", do_release},
    {"giveHeld", do_give_held}, {"giveNamed", do_give_named}, {"keep", do_keep}, {"unkeep", do_unkeep},
    {"export", do_export}, {"exportAndHold", do_export_and_hold}, {"exportForNobody", do_export_for_nobody},
    {"durable", do_durable}, {"send", do_send}, {"tell", do_tell}, {"pipeline", do_pipeline}, {"promise", do_promise},
    {"resolve", do_resolve}, {"resolveToItself", do_resolve_to_itself}, {"resolveToHeld", do_resolve_to_held},
    {"when", do_when}, {"await", do_await}, {"sendToHeld", do_send_to_held}, {"set", do_set}, {"keys", do_keys},
    {"log", do_log}, {"exit", do_exit}, {"flood", do_flood}, {"answerTwice", do_answer_twice},
    {"bigInteger", do_big_integer},
};

static void root(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)self;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (strcmp(methods[i].name, vatd_message_method(message)) == 0) {
      methods[i].method(vat, message);
      return;
    }
  }
  vatd_message_unknown(message);
}

static const char *start(struct vatd_vat *vat, const json_t *parameters)
{
  static const struct vatd_kind kind = {"Durable", durable, "durable", retired};
  const char *failure = json_string_value(json_object_get(parameters, "fail"));
  vatd_vat_kind(vat, 1, &kind);
  vatd_vat_log(vat, "log", "%s starts", vatd_vat_id(vat));
  return failure;
}

const struct vatd_program probe_program = {.interface = "Test", .root = root, .start = start};
