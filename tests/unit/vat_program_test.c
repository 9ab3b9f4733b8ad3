/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vat_program_test.c - a vat in C as the kernel sees it: frames in, frames out. The program under test does what
 * its root object is told; what it did is read as a line (vat_harness.h).
 */
#include "vat_harness.h"

#include "base/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the program ---- */

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

static const struct vatd_program program = {.interface = "Test", .root = root, .start = start};

static int set_up(void **state)
{
  static struct vat_test test;
  vat_start(&test, "{}");
  *state = &test;
  return 0;
}

/* The process must be well at the end of each test. */
static int tear_down(void **state)
{
  vat_end(*state);
  return 0;
}

#define RESOLVED(value) "resolve p-100=" value
#define DONE RESOLVED("\"#undefined\"[]")

/* ---- life ---- */

static void the_start_runs_before_everything(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(buffer_text(&test->line), "log log v1 starts");
}

static void a_ping_is_answered(void **state)
{
  struct vat_test *test = *state;
  assert_true(worker_ping(&test->worker));
}

static void a_log_line_has_a_level(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "log", "\"warn\",\"careful\"", ""), DONE " | log warn careful");
  assert_string_equal(vat_call(test, "log", "\"other\",\"x\"", ""), DONE " | log log x");
}

static void a_vat_can_end_itself(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "exit", "false,\"enough\"", ""), "exit \"enough\"[] | " DONE);
  assert_string_equal(vat_call(test, "echo", "1", ""), RESOLVED("1[]"));
}

/* ---- messages ---- */

static void what_a_method_returns_is_the_result(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "echo", "{\"a\":[1,\"x\",null]}", ""), RESOLVED("{\"a\":[1,\"x\",null]}[]"));
  assert_string_equal(vat_call(test, "echo", "\"!$0\"", ""), RESOLVED("\"!$0\"[]"));
  assert_string_equal(vat_call(test, "echo", "{\"#error\":\"x\",\"name\":\"E\"}", ""),
                      RESOLVED("{\"#error\":\"x\",\"name\":\"E\"}[]"));
}

static void a_method_that_says_nothing_returns_undefined(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "nothing", "", ""), DONE);
}

static void a_rejection_is_an_error_or_any_value(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "throw", "", ""), "resolve p-100!{\"#error\":\"no 42\",\"name\":\"Error\"}[]");
  assert_string_equal(vat_call(test, "reject", "{\"code\":5}", ""), "resolve p-100!{\"code\":5}[]");
  assert_string_equal(vat_call(test, "missing", "", ""),
                      "resolve p-100!{\"#error\":\"target has no method \\\"missing\\\"\",\"name\":\"TypeError\"}[]");
}

static void a_message_without_result_is_handled_and_not_answered(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_message(test, "o+0", "#[\"echo\",[1]]", "", NULL), "");
  assert_string_equal(vat_message(test, "o+0", "#[\"throw\",[]]", "", NULL), "");
}

static void nonsense_of_another_vat_is_rejected(void **state)
{
  struct vat_test *test = *state;
  static const char *const bodies[] = {"", "x", "#", "#[", "#[\"echo\"]", "#[\"echo\",5]", "#[5,[]]", "#{}", "#[\"echo\",[\"$0\"]]",
                                       "#[\"echo\\u0000x\",[]]", "#[\"echo\",[\"#what\"]]", "#[\"echo\",[],1]"};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    char result[16];
    snprintf(result, sizeof result, "p-%zu", i + 1);
    const char *line = vat_message(test, "o+0", bodies[i], "", result);
    if (!strstr(line, "!{\"#error\":\"this message cannot be read"))
      fail_msg("%s: %s", bodies[i], line);
  }
}

static void a_value_that_cannot_be_sent_rejects_the_result(void **state)
{
  struct vat_test *test = *state;
  const char *line = vat_call(test, "bigInteger", "", "");
  assert_non_null(strstr(line, "resolve p-100!{\"#error\":\"9223372036854775807 is more than"));
}

static void a_kept_message_is_answered_in_a_later_crank_with_its_references(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_message(test, "o+0", "#[\"keepMessage\",[\"$0\"]]", "o-5", "p-7"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_call(test, "answerKept", "", ""), "resolve p-7=[\"$0\"][o-5] | " DONE);
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "dropImports o-5 | retireImports o-5");
}

/* ---- references ---- */

static void an_import_that_is_not_held_is_dropped_when_the_kernel_asks(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "nothing", "\"$0\",\"$1\"", "o-1 o-2"), DONE);
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "dropImports o-1,o-2 | retireImports o-1,o-2");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
}

static void an_import_that_is_held_stays_until_it_is_released(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "hold", "1,\"$0\"", "o-1"), DONE);
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_call(test, "giveHeld", "1", ""), RESOLVED("\"$0\"[o-1]"));
  assert_string_equal(vat_call(test, "release", "1", ""), DONE);
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "dropImports o-1 | retireImports o-1");
}

static void a_name_that_is_not_held_cannot_be_sent(void **state)
{
  struct vat_test *test = *state;
  const char *const refused = "resolve p-100!{\"#error\":\"o-9 is no reference that this vat holds\",\"name\":\"Error\"}[]";
  assert_string_equal(vat_call(test, "giveNamed", "\"o-9\"", ""), refused);
  vat_call(test, "nothing", "\"$0\"", "o-9");
  assert_string_equal(vat_call(test, "giveNamed", "\"o-9\"", ""), refused);
  vat_call(test, "hold", "1,\"$0\"", "o-9");
  assert_string_equal(vat_call(test, "giveNamed", "\"o-9\"", ""), RESOLVED("\"$0\"[o-9]"));
}

static void data_that_looks_like_a_reference_stays_data(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "hold", "1,\"$0\"", "o-1");
  assert_string_equal(vat_call(test, "echo", "{\"!$ref\":\"o-1\"}", ""), RESOLVED("{\"!$ref\":\"o-1\"}[]"));
}

static void what_is_kept_is_there_after_a_restart(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "keep", "\"$0\"", "o-1"), DONE " | set vom.rc.o-1=1");
  assert_string_equal(vat_call(test, "keep", "\"$0\"", "o-1"), DONE " | set vom.rc.o-1=2");
  vat_restart(test);
  assert_string_equal(vat_call(test, "giveNamed", "\"o-1\"", ""), RESOLVED("\"$0\"[o-1]"));
  assert_string_equal(vat_call(test, "unkeep", "\"o-1\"", ""), DONE " | set vom.rc.o-1=1");
  assert_string_equal(vat_call(test, "unkeep", "\"o-1\"", ""), DONE " | delete vom.rc.o-1");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "dropImports o-1 | retireImports o-1");
}

static void an_import_that_lost_its_object_fails_and_harms_nobody(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "hold", "1,\"$0\"", "o-1");
  assert_string_equal(vat_garbage(test, DELIVERY_RETIRE_IMPORTS, "o-1"), "");
  assert_string_equal(vat_call(test, "sendToHeld", "1", ""),
                      DONE " | log info result rejected {\"#error\":\"[KERNEL:OBJECT_DELETED] o-1\",\"name\":\"Error\"}");
  vat_call(test, "release", "1", "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
}

/* ---- objects ---- */

static void an_object_that_was_sent_answers(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "export", "", ""), RESOLVED("\"$0.Alleged: Thing\"[o+1]"));
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_message(test, "o+1", "#[\"hi\",[]]", "", "p-1"), "resolve p-1=\"thing got hi\"[]");
}

static void an_object_is_gone_when_nobody_can_name_it(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "export", "", "");
  assert_string_equal(vat_garbage(test, DELIVERY_DROP_EXPORTS, "o+1"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_RETIRE_EXPORTS, "o+1"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_call(test, "export", "", ""), RESOLVED("\"$0.Alleged: Thing\"[o+2]"));
}

static void a_dropped_object_that_is_not_held_is_retired(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "export", "", "");
  assert_string_equal(vat_garbage(test, DELIVERY_DROP_EXPORTS, "o+1"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "retireExports o+1");
}

static void a_dropped_object_that_is_held_can_be_sent_again(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "exportAndHold", "", "");
  assert_string_equal(vat_garbage(test, DELIVERY_DROP_EXPORTS, "o+1"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_call(test, "giveHeld", "0", ""), RESOLVED("\"$0.Alleged: Thing\"[o+1]"));
  vat_call(test, "release", "0", "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
  assert_string_equal(vat_message(test, "o+1", "#[\"hi\",[]]", "", "p-1"), "resolve p-1=\"held thing got hi\"[]");
}

static void an_object_for_nobody_is_gone_at_once(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "exportForNobody", "", ""), DONE);
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
}

static void durable_objects_answer_after_a_restart(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "durable", "", ""),
                      RESOLVED("\"$0.Alleged: Durable\"[o+d1/1]") " | set vatd.instances.1=1");
  vat_restart(test);
  assert_string_equal(vat_message(test, "o+d1/1", "#[\"who\",[]]", "", "p-1"), "resolve p-1=\"durable 1\"[]");
  assert_string_equal(vat_call(test, "durable", "", ""),
                      RESOLVED("\"$0.Alleged: Durable\"[o+d1/2]") " | set vatd.instances.1=2");
  assert_string_equal(vat_garbage(test, DELIVERY_DROP_EXPORTS, "o+d1/1"), "");
  assert_string_equal(vat_garbage(test, DELIVERY_RETIRE_EXPORTS, "o+d1/1"), "log info durable 1 is retired");
}

static void an_object_of_a_kind_that_is_not_registered_rejects(void **state)
{
  struct vat_test *test = *state;
  assert_non_null(strstr(vat_message(test, "o+d7/1", "#[\"who\",[]]", "", "p-1"), "resolve p-1!{\"#error\":\"o+d7/1 is of a kind"));
}

/* ---- promises ---- */

static void a_send_asks_for_its_result_and_gets_it(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "send", "\"$0\",\"greet\",5", "o-1"),
                      "send o-1 [\"greet\",[5]][] p+1 | subscribe p+1 | " DONE);
  assert_string_equal(vat_notify(test, "p+1", false, "#\"hello\"", ""), "log info result is \"hello\"");
}

static void a_rejected_result_reaches_the_callback(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "send", "\"$0\",\"greet\",5", "o-1");
  assert_string_equal(vat_notify(test, "p+1", true, "#{\"#error\":\"no\",\"name\":\"Error\"}", ""),
                      "log info result rejected {\"#error\":\"no\",\"name\":\"Error\"}");
}

static void a_result_that_is_not_wanted_is_not_asked_for(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "tell", "\"$0\"", "o-1"), "send o-1 [\"tell\",[]][]  | " DONE);
}

static void a_message_to_a_result_need_not_wait(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "pipeline", "\"$0\"", "o-1"),
                      "send o-1 [\"first\",[]][] p+1 | subscribe p+1 | "
                      "send p+1 [\"second\",[\"&0\"]][p+1] p+2 | subscribe p+2");
  assert_string_equal(vat_notify(test, "p+2", false, "#7", ""), RESOLVED("7[]"));
}

static void a_promise_as_argument_is_subscribed_to(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "await", "\"&0\"", "p-3"), "subscribe p-3 | " DONE);
  assert_string_equal(vat_call(test, "nothing", "\"&0\"", "p-3"), DONE);
  assert_string_equal(vat_notify(test, "p-3", false, "#[\"$0\"]", "o-4"), "log info awaited is [{\"$ref\":\"o-4\"}]");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "dropImports o-4 | retireImports o-4");
}

static void a_promise_of_the_vat_is_passed_and_then_resolved(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "promise", "1,true", ""), RESOLVED("[\"&0\"][p+1]"));
  assert_string_equal(vat_call(test, "when", "1", ""), DONE);
  assert_string_equal(vat_call(test, "resolve", "1,{\"x\":1}", ""),
                      "resolve p+1={\"x\":1}[] | " DONE " | log info when is {\"x\":1}");
}

static void a_promise_that_nobody_else_knows_is_settled_without_the_kernel(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,false", "");
  vat_call(test, "when", "1", "");
  assert_string_equal(vat_call(test, "resolve", "1,5", ""), DONE " | log info when is 5");
  assert_string_equal(vat_call(test, "when", "1", ""), DONE " | log info when is 5");
}

static void a_settled_promise_that_is_sent_goes_out_as_a_new_one(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,false", "");
  vat_call(test, "resolve", "1,[\"$0\"]", "o-1");
  vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, "");
  assert_string_equal(vat_call(test, "send", "\"$0\",\"take\",1", "o-2"), "send o-2 [\"take\",[1]][] p+2 | subscribe p+2 | " DONE);
  vat_call(test, "keepMessage", "", "");
  assert_string_equal(vat_message(test, "o+0", "#[\"giveHeld\",[1]]", "", "p-101"), "resolve p-101=[\"$0\"][o-1]");
}

static void data_that_leads_back_to_its_promise_goes_out_whole(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,true", "");
  assert_string_equal(vat_call(test, "resolveToItself", "1", ""), "resolve p+1={\"self\":\"&0\"}[p+1] | " DONE);
  vat_call(test, "promise", "2,false", "");
  vat_call(test, "resolveToItself", "2", "");
  assert_string_equal(vat_call(test, "promise", "3,true", ""), RESOLVED("[\"&0\"][p+3]"));
  assert_string_equal(vat_call(test, "giveHeld", "2", ""),
                      "resolve p-100={\"self\":\"&0\"}[p+4] | resolve p+4={\"self\":\"&0\"}[p+4]");
  vat_call(test, "release", "1", "");
  vat_call(test, "release", "2", "");
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
}

static void a_promise_resolved_to_another_settles_as_that_one_does(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,true", "");
  vat_call(test, "promise", "2,false", "");
  assert_string_equal(vat_call(test, "resolveToHeld", "1,2", ""), DONE);
  assert_string_equal(vat_call(test, "resolve", "2,5", ""), DONE " | resolve p+1=5[]");
}

static void promises_that_wait_for_one_another_are_rejected(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,false", "");
  vat_call(test, "promise", "2,true", "");
  vat_call(test, "resolveToHeld", "1,2", "");
  const char *line = vat_call(test, "resolveToHeld", "2,1", "");
  assert_non_null(strstr(line, "resolve p+2!{\"#error\":\"promise resolves itself\",\"name\":\"TypeError\"}"));
}

static void a_notify_of_several_promises_may_be_a_circle(void **state)
{
  struct vat_test *test = *state;
  struct bytes p4 = bytes_of("p-4"), p3 = bytes_of("p-3");
  vat_call(test, "await", "\"&0\"", "p-3");
  const struct resolution circle[] = {
      {p3, false, {bytes_of("#[\"&0\"]"), {&p4, 1}}},
      {p4, false, {bytes_of("#[\"&0\"]"), {&p3, 1}}},
  };
  assert_string_equal(vat_notify_all(test, circle, 2), "log info awaited is [{\"$ref\":\"p-4\"}]");
  vat_call(test, "await", "\"&0\"", "p-5");
  struct bytes p6 = bytes_of("p-6"), p5 = bytes_of("p-5");
  const struct resolution knot[] = {
      {p5, false, {bytes_of("#\"&0\""), {&p6, 1}}},
      {p6, false, {bytes_of("#\"&0\""), {&p5, 1}}},
  };
  assert_non_null(strstr(vat_notify_all(test, knot, 2), "awaited rejected {\"#error\":\"promise resolves itself\""));
  assert_string_equal(vat_garbage(test, DELIVERY_BRING_OUT_YOUR_DEAD, ""), "");
}

static void a_promise_that_became_another_promise_is_named_by_that_one(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "hold", "1,\"&0\"", "p-3");
  assert_string_equal(vat_notify(test, "p-3", false, "#\"&0\"", "p-4"), "subscribe p-4");
  assert_string_equal(vat_call(test, "sendToHeld", "1", ""), "send p-4 [\"hello\",[]][] p+1 | subscribe p+1 | " DONE);
  vat_call(test, "keepMessage", "\"&0\"", "p-4");
  assert_string_equal(vat_notify(test, "p-4", false, "#\"$0\"", "o-9"), "");
  assert_string_equal(vat_call(test, "sendToHeld", "1", ""), "send o-9 [\"hello\",[]][] p+2 | subscribe p+2 | " DONE);
}

static void a_notify_that_cannot_be_read_is_a_rejection(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "await", "\"&0\"", "p-3");
  assert_string_equal(
      vat_notify(test, "p-3", false, "nonsense", ""),
      "log info awaited rejected {\"#error\":\"what the promise became cannot be read\",\"name\":\"Error\"}");
}

static void a_message_to_oneself_is_answered_by_oneself(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "send", "\"$0\",\"echo\",5", "o+0"),
                      "send o+0 [\"echo\",[5]][] p+1 | subscribe p+1 | " DONE);
  assert_string_equal(vat_message(test, "o+0", "#[\"echo\",[5]]", "", "p+1"), "resolve p+1=5[] | log info result is 5");
}

static void a_message_to_a_promise_that_became_data_fails(void **state)
{
  struct vat_test *test = *state;
  vat_call(test, "promise", "1,false", "");
  vat_call(test, "resolve", "1,5", "");
  assert_string_equal(vat_call(test, "sendToHeld", "1", ""),
                      DONE " | log info result rejected {\"#error\":\"the promise was fulfilled with data that is not an "
                           "object\",\"name\":\"TypeError\"}");
}

static void what_is_held_by_nobody_does_not_pile_up(void **state)
{
  struct vat_test *test = *state;
  bool collected = false;
  char slot[32];
  for (int i = 1; i < 8000 && !collected; i++) {
    snprintf(slot, sizeof slot, "o-%d", i);
    collected = strstr(vat_call(test, "nothing", "\"$0\"", slot), "retireImports") != NULL;
  }
  assert_true(collected);
}

/* ---- storage ---- */

static void storage_is_read_and_written(void **state)
{
  struct vat_test *test = *state;
  assert_string_equal(vat_call(test, "set", "\"b\",\"2\"", ""), RESOLVED("true[]") " | set b=2");
  vat_call(test, "set", "\"a\",\"\"", "");
  vat_call(test, "keep", "\"$0\"", "o-1");
  assert_string_equal(vat_call(test, "keys", "", ""), RESOLVED("[[\"a\",\"\"],[\"b\",\"2\"]][]"));
  vat_restart(test);
  assert_string_equal(vat_call(test, "keys", "", ""), RESOLVED("[[\"a\",\"\"],[\"b\",\"2\"]][]"));
}

static void rows_of_vatd_are_out_of_reach(void **state)
{
  struct vat_test *test = *state;
  static const char *const keys[] = {"vom.rc.o-1", "vc.1.x", "vatd.x", "watchedPromiseTableID"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char *args = memory_printf("\"%s\",\"1\"", keys[i]);
    assert_string_equal(vat_call(test, "set", args, ""), RESOLVED("false[]"));
    free(args);
  }
}

/* ---- wrong ---- */

static void a_start_that_fails_says_why(void **state)
{
  (void)state;
  struct vat_test test;
  vat_start(&test, "{\"fail\":\"no parameters\"}");
  assert_string_equal(buffer_text(&test.line), "init-failed: no parameters | log log v1 starts");
  assert_int_equal(vat_ended(&test), WORKER_EXIT_INIT_FAILED);
}

static void a_crank_that_does_too_much_ends_the_process(void **state)
{
  (void)state;
  struct vat_test test;
  vat_start(&test, "{}");
  assert_string_equal(vat_call(&test, "flood", "\"$0\"", "o-1"), "memory: the crank's effects grew over their limit");
  assert_int_equal(vat_ended(&test), WORKER_EXIT_MEMORY);
}

static void a_program_that_breaks_a_rule_is_aborted(void **state)
{
  (void)state;
  static const char *const bodies[] = {"#[\"answerTwice\",[\"&0\"]]", "#[\"keep\",[\"&0\"]]"};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    struct vat_test test;
    vat_start(&test, "{}");
    vat_send_only(&test, "o+0", bodies[i], "p-1", "p-100");
    assert_int_equal(vat_ended(&test), -SIGABRT);
  }
}

/* The program ends as after any malformed frame. */
static void assert_distrusted(const struct delivery *delivery)
{
  struct vat_test test;
  vat_start(&test, "{}");
  worker_send(&test.worker, delivery);
  assert_int_equal(vat_ended(&test), WORKER_EXIT_PROTOCOL);
}

static void what_the_kernel_must_not_send_ends_the_process(void **state)
{
  (void)state;
  static const char *const targets[] = {"o+7", "o-1", "p+1", "p-1", "x", "o+d1/1:0", "o+v1/1"};
  static struct bytes bad_names[] = {{"o+8", 3}, {"p+8", 3}, {"ko1", 3}};
  const struct capdata good = {bytes_of("#[\"nothing\",[]]"), {NULL, 0}};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    assert_distrusted(&(struct delivery){.type = DELIVERY_MESSAGE, .message = {bytes_of(targets[i]), good, {NULL, 0}}});
  for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
    struct bytes_list slots = {&bad_names[i], 1};
    assert_distrusted(&(struct delivery){.type = DELIVERY_MESSAGE, .message = {bytes_of("o+0"), {good.body, slots}, {NULL, 0}}});
    assert_distrusted(&(struct delivery){.type = DELIVERY_DROP_EXPORTS, .vrefs = slots});
    assert_distrusted(&(struct delivery){.type = DELIVERY_RETIRE_EXPORTS, .vrefs = slots});
    assert_distrusted(&(struct delivery){.type = DELIVERY_RETIRE_IMPORTS, .vrefs = slots});
  }
  assert_distrusted(&(struct delivery){.type = DELIVERY_MESSAGE, .message = {bytes_of("o+0"), good, bytes_of("o-5")}});
  struct resolution notify = {bytes_of("p+5"), false, {bytes_of("#1"), {NULL, 0}}};
  assert_distrusted(&(struct delivery){.type = DELIVERY_NOTIFY, .resolutions = {&notify, 1}});
  notify.vpid = bytes_of("o-5");
  assert_distrusted(&(struct delivery){.type = DELIVERY_NOTIFY, .resolutions = {&notify, 1}});
  struct resolution twice[] = {{bytes_of("p-5"), false, {bytes_of("#1"), {NULL, 0}}}, {bytes_of("p-5"), false, {bytes_of("#1"), {NULL, 0}}}};
  assert_distrusted(&(struct delivery){.type = DELIVERY_NOTIFY, .resolutions = {twice, 2}});
}

static void a_malformed_frame_ends_the_process(void **state)
{
  (void)state;
  struct vat_test test;
  vat_start(&test, "{}");
  worker_send_bytes(&test.worker, bytes_from("\4\0\0\0abcd", 8));
  assert_int_equal(vat_ended(&test), WORKER_EXIT_PROTOCOL);
}

static void a_program_started_by_hand_says_what_it_is(void **state)
{
  (void)state;
  char name[] = "vat";
  char option[] = "--help";
  char *arguments[] = {name, option, NULL};
  assert_int_equal(vatd_vat_main(2, arguments, &program), 64);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
  vat_serve_if_told(argc, argv, &program);
  const struct CMUnitTest tests[] = {
      TEST(the_start_runs_before_everything),
      TEST(a_ping_is_answered),
      TEST(a_log_line_has_a_level),
      TEST(a_vat_can_end_itself),
      TEST(what_a_method_returns_is_the_result),
      TEST(a_method_that_says_nothing_returns_undefined),
      TEST(a_rejection_is_an_error_or_any_value),
      TEST(a_message_without_result_is_handled_and_not_answered),
      TEST(nonsense_of_another_vat_is_rejected),
      TEST(a_value_that_cannot_be_sent_rejects_the_result),
      TEST(a_kept_message_is_answered_in_a_later_crank_with_its_references),
      TEST(an_import_that_is_not_held_is_dropped_when_the_kernel_asks),
      TEST(an_import_that_is_held_stays_until_it_is_released),
      TEST(a_name_that_is_not_held_cannot_be_sent),
      TEST(data_that_looks_like_a_reference_stays_data),
      TEST(what_is_kept_is_there_after_a_restart),
      TEST(an_import_that_lost_its_object_fails_and_harms_nobody),
      TEST(an_object_that_was_sent_answers),
      TEST(an_object_is_gone_when_nobody_can_name_it),
      TEST(a_dropped_object_that_is_not_held_is_retired),
      TEST(a_dropped_object_that_is_held_can_be_sent_again),
      TEST(an_object_for_nobody_is_gone_at_once),
      TEST(durable_objects_answer_after_a_restart),
      TEST(an_object_of_a_kind_that_is_not_registered_rejects),
      TEST(a_send_asks_for_its_result_and_gets_it),
      TEST(a_rejected_result_reaches_the_callback),
      TEST(a_result_that_is_not_wanted_is_not_asked_for),
      TEST(a_message_to_a_result_need_not_wait),
      TEST(a_promise_as_argument_is_subscribed_to),
      TEST(a_promise_of_the_vat_is_passed_and_then_resolved),
      TEST(a_promise_that_nobody_else_knows_is_settled_without_the_kernel),
      TEST(a_settled_promise_that_is_sent_goes_out_as_a_new_one),
      TEST(data_that_leads_back_to_its_promise_goes_out_whole),
      TEST(a_promise_resolved_to_another_settles_as_that_one_does),
      TEST(promises_that_wait_for_one_another_are_rejected),
      TEST(a_notify_of_several_promises_may_be_a_circle),
      TEST(a_promise_that_became_another_promise_is_named_by_that_one),
      TEST(a_notify_that_cannot_be_read_is_a_rejection),
      TEST(a_message_to_oneself_is_answered_by_oneself),
      TEST(a_message_to_a_promise_that_became_data_fails),
      TEST(what_is_held_by_nobody_does_not_pile_up),
      TEST(storage_is_read_and_written),
      TEST(rows_of_vatd_are_out_of_reach),
      cmocka_unit_test(a_start_that_fails_says_why),
      cmocka_unit_test(a_crank_that_does_too_much_ends_the_process),
      cmocka_unit_test(a_program_that_breaks_a_rule_is_aborted),
      cmocka_unit_test(what_the_kernel_must_not_send_ends_the_process),
      cmocka_unit_test(a_malformed_frame_ends_the_process),
      cmocka_unit_test(a_program_started_by_hand_says_what_it_is),
  };
  return cmocka_run_group_tests_name("vat_program", tests, NULL, NULL);
}
