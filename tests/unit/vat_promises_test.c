/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vat_promises_test.c - messages that a vat in C sends, and promises in both directions; see vat_program_test.c. */
#include "vat_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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

#define TEST(function) cmocka_unit_test_setup_teardown(function, vat_test_begin, vat_test_end)

int main(int argc, char **argv)
{
  vat_serve_if_told(argc, argv, &probe_program);
  const struct CMUnitTest tests[] = {
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
  };
  return cmocka_run_group_tests_name("vat_promises", tests, NULL, NULL);
}
