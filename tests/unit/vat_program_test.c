/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vat_program_test.c - a vat in C as the kernel sees it: frames in, frames out. Life, messages, references, objects
 * and storage; promises are in vat_promises_test.c. The vat is vat_probe.c; what it did is read as a line (vat_harness.h).
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
  assert_int_equal(vatd_vat_main(2, arguments, &probe_program), 64);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, vat_test_begin, vat_test_end)

int main(int argc, char **argv)
{
  vat_serve_if_told(argc, argv, &probe_program);
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
