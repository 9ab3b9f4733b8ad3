/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/peer.c - the vat of peer.js in C: it does with promises and references what it is told, from outside,
 * one call at a time. Beyond peer.js it keeps things in its storage, and it can crash.
 */
#include <vatd/vat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMED 64
#define KIND_THING 1

/* What goes by a name here: a reference that is held, or a message that is to be answered. */
struct named {
  char *name;
  struct vatd_ref *ref;
  struct vatd_message *message;
};

static struct named table[MAX_NAMED];

static const json_t *arg(const struct vatd_message *message, size_t index)
{
  return json_array_get(vatd_message_args(message), index);
}

static json_t *copy_of(const json_t *value)
{
  return json_incref((json_t *)value);
}

static const char *text_arg(const struct vatd_message *message, size_t index)
{
  const char *text = json_string_value(arg(message, index));
  return text ? text : "";
}

/* The arguments from `first` on. */
static json_t *rest_args(const struct vatd_message *message, size_t first)
{
  json_t *rest = json_array();
  for (size_t i = first; i < json_array_size(vatd_message_args(message)); i++)
    json_array_append_new(rest, copy_of(arg(message, i)));
  return rest;
}

static struct named *find(const char *name)
{
  struct named *free_one = NULL;
  for (size_t i = 0; i < MAX_NAMED; i++) {
    if (table[i].name && strcmp(table[i].name, name) == 0)
      return &table[i];
    if (!table[i].name && !free_one)
      free_one = &table[i];
  }
  if (!free_one)
    abort();
  free_one->name = strdup(name);
  return free_one;
}

static void hold(const char *name, struct vatd_ref *ref)
{
  struct named *named = find(name);
  vatd_ref_release(named->ref);
  vatd_ref_hold(ref);
  named->ref = ref;
}

/* ---- objects ---- */

static void greet(struct vatd_message *message, const char *name)
{
  if (strcmp(vatd_message_method(message), "greet") == 0)
    vatd_message_return(message, json_sprintf("%s greets %s", name, text_arg(message, 0)));
  else
    vatd_message_unknown(message);
}

static void heap_object(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)vat;
  greet(message, self);
}

static struct vatd_ref *make_object(struct vatd_vat *vat, const char *name)
{
  return vatd_vat_export(vat, "made by C", heap_object, strdup(name), free);
}

/* A durable thing has a name and counts its greetings. */
static const char *thing_key(char key[48], uint64_t instance, const char *what)
{
  snprintf(key, 48, "thing.%llu.%s", (unsigned long long)instance, what);
  return key;
}

static void thing(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  char key[48];
  uint64_t instance = vatd_message_instance(message);
  const char *name = vatd_vat_get(vat, thing_key(key, instance, "name"), NULL);
  json_t *greetings = vatd_vat_get_json(vat, thing_key(key, instance, "greetings"));
  json_int_t count = json_integer_value(greetings) + 1;
  (void)self;
  vatd_vat_set_json(vat, key, json_integer(count));
  vatd_message_return(message, json_sprintf("%s greets %s, %d", name, text_arg(message, 0), (int)count));
  json_decref(greetings);
}

static void thing_retired(struct vatd_vat *vat, void *self, uint64_t instance)
{
  char key[48];
  (void)self;
  vatd_vat_delete(vat, thing_key(key, instance, "name"));
  vatd_vat_delete(vat, thing_key(key, instance, "greetings"));
}

/* ---- methods ---- */

typedef void method_fn(struct vatd_vat *vat, struct vatd_message *message);

/* The roots of the others are kept in the storage, for after a restart. */
static void meet(struct vatd_vat *vat, struct vatd_message *message)
{
  const char *name;
  json_t *root;
  json_object_foreach((json_t *)arg(message, 0), name, root) vatd_ref_keep(vatd_json_ref(vat, root));
  vatd_vat_set_json(vat, "others", copy_of(arg(message, 0)));
}

static struct vatd_ref *other(struct vatd_vat *vat, const char *name)
{
  json_t *others = vatd_vat_get_json(vat, "others");
  struct vatd_ref *ref = vatd_json_ref(vat, json_object_get(others, name));
  json_decref(others);
  return ref;
}

static void count(struct vatd_vat *vat, struct vatd_message *message)
{
  json_t *stored = vatd_vat_get_json(vat, "count");
  json_int_t next = json_integer_value(stored) + 1;
  json_decref(stored);
  vatd_vat_set_json(vat, "count", json_integer(next));
  vatd_message_return(message, json_integer(next));
}

static void give(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_return(message, copy_of(arg(message, 0)));
}

static void say(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_log(vat, "log", "%s", text_arg(message, 0));
}

static void throw_back(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_reject(message, vatd_json_error("TypeError", "%s", text_arg(message, 0)));
}

static void make(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = vatd_vat_promise(vat);
  hold(text_arg(message, 0), promise);
  vatd_message_return(message, json_pack("{s:o}", "promise", vatd_ref_json(promise)));
}

/* The promise that was made under this name; the message is rejected when there is none. */
static struct vatd_ref *made(struct vatd_message *message)
{
  struct vatd_ref *promise = find(text_arg(message, 0))->ref;
  if (!promise)
    vatd_message_throw(message, "nothing is called %s", text_arg(message, 0));
  return promise;
}

static void fulfil(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = made(message);
  if (promise)
    vatd_vat_resolve(vat, promise, copy_of(arg(message, 1)));
}

static void fulfil_with_object(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = made(message);
  if (promise)
    vatd_vat_resolve(vat, promise, vatd_ref_json(make_object(vat, text_arg(message, 0))));
}

static struct vatd_ref *make_thing(struct vatd_vat *vat, const char *name)
{
  char key[48];
  uint64_t instance = vatd_vat_new_instance(vat, KIND_THING);
  vatd_vat_set(vat, thing_key(key, instance, "name"), name, strlen(name));
  return vatd_vat_durable(vat, KIND_THING, instance);
}

static void fulfil_with_durable(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = made(message);
  if (promise)
    vatd_vat_resolve(vat, promise, vatd_ref_json(make_thing(vat, text_arg(message, 0))));
}

static void reject(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *promise = made(message);
  if (promise)
    vatd_vat_reject(vat, promise, vatd_json_error("Error", "%s", text_arg(message, 1)));
}

static void make_heap_object(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_return(message, vatd_ref_json(make_object(vat, text_arg(message, 0))));
}

static void make_durable(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_return(message, vatd_ref_json(make_thing(vat, text_arg(message, 0))));
}

/* Asks another vat and answers with a promise for what it answers. */
static void tell(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *to = other(vat, text_arg(message, 0));
  vatd_message_return(message, vatd_ref_json(vatd_vat_ask(vat, to, text_arg(message, 1), rest_args(message, 2))));
}

/* What becomes of a promise, by way of a callback. */
static void got(struct vatd_vat *vat, void *context, bool rejected, const json_t *value)
{
  (void)vat;
  if (rejected)
    vatd_message_reject(context, copy_of(value));
  else
    vatd_message_return(context, json_pack("{s:O}", "got", value));
}

static void wait_for(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_keep(message);
  vatd_vat_when(vat, vatd_json_ref(vat, arg(message, 0)), got, message);
}

/* The same for a result: {got: it}. */
static void ask(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_keep(message);
  vatd_vat_send(vat, other(vat, text_arg(message, 0)), text_arg(message, 1), rest_args(message, 2), got, message);
}

/* Passes on the promise for one vat's answer as an argument to another. */
static void tell_about_answer(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *answer = vatd_vat_ask(vat, other(vat, text_arg(message, 2)), "give", rest_args(message, 3));
  struct vatd_ref *told = vatd_vat_ask(vat, other(vat, text_arg(message, 0)), text_arg(message, 1),
                                       json_pack("[o]", vatd_ref_json(answer)));
  vatd_message_return(message, vatd_ref_json(told));
}

static void greet_through(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *target = vatd_json_ref(vat, arg(message, 0));
  vatd_message_return(message, vatd_ref_json(vatd_vat_ask(vat, target, "greet", rest_args(message, 1))));
}

/* A call of the result of a call. */
static void pipeline(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *object =
      vatd_vat_ask(vat, other(vat, text_arg(message, 0)), "makeObject", json_pack("[O]", arg(message, 1)));
  vatd_message_return(message, vatd_ref_json(vatd_vat_ask(vat, object, "greet", rest_args(message, 2))));
}

static void answer_later(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)vat;
  vatd_message_keep(message);
  find(text_arg(message, 0))->message = message;
}

static void answer_now(struct vatd_vat *vat, struct vatd_message *message)
{
  struct named *named = find(text_arg(message, 0));
  (void)vat;
  if (!named->message) {
    vatd_message_throw(message, "nobody waits for %s", named->name);
    return;
  }
  vatd_message_return(named->message, copy_of(arg(message, 1)));
  named->message = NULL;
}

static void hold_it(struct vatd_vat *vat, struct vatd_message *message)
{
  hold(text_arg(message, 0), vatd_json_ref(vat, arg(message, 1)));
}

static void greet_held(struct vatd_vat *vat, struct vatd_message *message)
{
  struct vatd_ref *ref = find(text_arg(message, 0))->ref;
  if (ref)
    vatd_message_return(message, vatd_ref_json(vatd_vat_ask(vat, ref, "greet", rest_args(message, 1))));
  else
    vatd_message_throw(message, "nothing is held");
}

static void let_go(struct vatd_vat *vat, struct vatd_message *message)
{
  struct named *named = find(text_arg(message, 0));
  (void)vat;
  vatd_ref_release(named->ref);
  named->ref = NULL;
}

static void keep_it(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_ref_keep(vatd_json_ref(vat, arg(message, 0)));
  vatd_vat_set_json(vat, "kept", copy_of(arg(message, 0)));
}

static struct vatd_ref *kept(struct vatd_vat *vat)
{
  json_t *stored = vatd_vat_get_json(vat, "kept");
  struct vatd_ref *ref = vatd_json_ref(vat, stored);
  json_decref(stored);
  return ref;
}

static void greet_kept(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_message_return(message, vatd_ref_json(vatd_vat_ask(vat, kept(vat), "greet", rest_args(message, 0))));
}

static void unkeep_it(struct vatd_vat *vat, struct vatd_message *message)
{
  (void)message;
  vatd_ref_unkeep(kept(vat));
  vatd_vat_delete(vat, "kept");
}

static void crash(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_set_json(vat, "count", json_integer(1000)); /* must not be seen */
  vatd_message_return(message, NULL);
  abort();
}

static void leave(struct vatd_vat *vat, struct vatd_message *message)
{
  vatd_vat_exit(vat, json_is_true(arg(message, 0)), text_arg(message, 1));
}

static const struct {
  const char *name;
  method_fn *method;
} methods[] = {
    {"bootstrap", meet},
    {"meet", meet},
    {"count", count},
    {"give", give},
    {"say", say},
    {"throwBack", throw_back},
    {"make", make},
    {"fulfil", fulfil},
    {"fulfilWithObject", fulfil_with_object},
    {"fulfilWithDurable", fulfil_with_durable},
    {"reject", reject},
    {"makeObject", make_heap_object},
    {"makeDurable", make_durable},
    {"tell", tell},
    {"wait", wait_for},
    {"ask", ask},
    {"tellAboutAnswer", tell_about_answer},
    {"greetThrough", greet_through},
    {"pipeline", pipeline},
    {"answerLater", answer_later},
    {"answerNow", answer_now},
    {"hold", hold_it},
    {"greetHeld", greet_held},
    {"letGo", let_go},
    {"keep", keep_it},
    {"greetKept", greet_kept},
    {"unkeep", unkeep_it},
    {"crash", crash},
    {"leave", leave},
};

static void peer(struct vatd_vat *vat, void *self, struct vatd_message *message)
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
  static const struct vatd_kind kind = {"thing of C", thing, NULL, thing_retired};
  vatd_vat_kind(vat, KIND_THING, &kind);
  return json_string_value(json_object_get(parameters, "refuse"));
}

int main(int argc, char **argv)
{
  static const struct vatd_program program = {.interface = "C peer", .root = peer, .start = start};
  return vatd_vat_main(argc, argv, &program);
}
