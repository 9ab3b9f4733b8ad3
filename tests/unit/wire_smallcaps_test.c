/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/wire_smallcaps_test.c - plain JSON to capdata and back. The bodies are those that @endo/marshal makes and
 * takes (serializeBodyFormat 'smallcaps').
 */
#include "base/limits.h"
#include "wire/smallcaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
  json_error_t error;
  json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  if (!value)
    fail_msg("%s: %s", text, error.text);
  return value;
}

static void assert_encodes(const char *plain, const char *body, const char *slots)
{
  struct error error;
  struct buffer made;
  json_t *value = parse(plain);
  json_t *made_slots = json_array();
  buffer_init(&made, 1 << 20);
  assert_int_equal(smallcaps_encode(value, &made, made_slots, &error), VATD_OK);
  assert_string_equal(buffer_text(&made), body);
  char *text = json_dumps(made_slots, JSON_COMPACT);
  assert_string_equal(text, slots);
  free(text);
  buffer_fini(&made);
  json_decref(made_slots);
  json_decref(value);
}

static void assert_encode_fails(const char *plain, const char *part)
{
  struct error error;
  struct buffer made;
  json_t *value = parse(plain);
  json_t *slots = json_array();
  buffer_init(&made, 1 << 20);
  assert_int_equal(smallcaps_encode(value, &made, slots, &error), VATD_INVALID);
  assert_non_null(strstr(error.text, part));
  buffer_fini(&made);
  json_decref(slots);
  json_decref(value);
}

static void assert_decodes(const char *body, const char *slots, const char *plain)
{
  struct error error = {0};
  json_t *slot_array = parse(slots);
  json_t *value = NULL;
  if (smallcaps_decode(bytes_of(body), slot_array, &value, &error))
    fail_msg("%s: %s", body, error.text);
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  assert_string_equal(text, plain);
  free(text);
  json_decref(value);
  json_decref(slot_array);
}

static void assert_decode_fails(const char *body, const char *slots)
{
  struct error error;
  json_t *slot_array = parse(slots);
  json_t *value = NULL;
  if (smallcaps_decode(bytes_of(body), slot_array, &value, &error) != VATD_INVALID)
    fail_msg("%s was taken", body);
  assert_null(value);
  json_decref(slot_array);
}

static void plain_data_is_itself(void **state)
{
  (void)state;
  assert_encodes("null", "#null", "[]");
  assert_encodes("true", "#true", "[]");
  assert_encodes("-7", "#-7", "[]");
  assert_encodes("1.5", "#1.5", "[]");
  assert_encodes("\"text\"", "#\"text\"", "[]");
  assert_encodes("\"\"", "#\"\"", "[]");
  assert_encodes("[1,[],{}]", "#[1,[],{}]", "[]");
  assert_decodes("#null", "[]", "null");
  assert_decodes("#[1,\"x\",{\"a\":false}]", "[]", "[1,\"x\",{\"a\":false}]");
}

static void minus_zero_becomes_zero(void **state)
{
  (void)state;
  assert_encodes("-0.0", "#0", "[]");
}

static void special_strings_are_escaped_and_restored(void **state)
{
  (void)state;
  static const char specials[] = "!\"#$%&'()*+,-";
  for (size_t i = 0; i < sizeof specials - 1; i++) {
    json_t *plain = json_sprintf("%cx", specials[i]);
    json_t *escaped = json_sprintf("!%cx", specials[i]);
    char *plain_text = json_dumps(plain, JSON_ENCODE_ANY);
    char *escaped_text = json_dumps(escaped, JSON_ENCODE_ANY);
    char body[32] = "#";
    strncat(body, escaped_text, sizeof body - 2);
    assert_encodes(plain_text, body, "[]");
    assert_decodes(body, "[]", plain_text);
    free(plain_text);
    free(escaped_text);
    json_decref(plain);
    json_decref(escaped);
  }
  assert_encodes("\" x\"", "#\" x\"", "[]");
  assert_encodes("\".x\"", "#\".x\"", "[]");
  assert_encodes("\"!\"", "#\"!!\"", "[]");
}

static void nul_in_a_string_survives(void **state)
{
  (void)state;
  assert_encodes("\"#a\\u0000b\"", "#\"!#a\\u0000b\"", "[]");
  assert_decodes("#\"!#a\\u0000b\"", "[]", "\"#a\\u0000b\"");
  assert_decodes("#\"%a\\u0000b\"", "[]", "\"Symbol.for(a\\u0000b)\"");
}

static void property_names_are_sorted_and_escaped(void **state)
{
  (void)state;
  assert_encodes("{\"b\":1,\"a\":2}", "#{\"a\":2,\"b\":1}", "[]");
  assert_encodes("{\"#tag\":1}", "#{\"!#tag\":1}", "[]");
  assert_encodes("{\"$ref\":\"ko1\",\"x\":1}", "#{\"!$ref\":\"ko1\",\"x\":1}", "[]");
  assert_decodes("#{\"!#tag\":1,\"x\":2}", "[]", "{\"#tag\":1,\"x\":2}");
}

static void references_become_slots_each_once(void **state)
{
  (void)state;
  assert_encodes("{\"$ref\":\"ko7\"}", "#\"$0\"", "[\"ko7\"]");
  assert_encodes("[{\"$ref\":\"ko7\"},{\"$ref\":\"kp12\"},{\"$ref\":\"ko7\"}]", "#[\"$0\",\"&1\",\"$0\"]",
                 "[\"ko7\",\"kp12\"]");
  assert_encodes("\"ko7\"", "#\"ko7\"", "[]");
  assert_decodes("#[\"$0.Alleged: Counter\",\"&1\",\"$0\"]", "[\"ko7\",\"kp12\"]", "[\"ko7\",\"kp12\",\"ko7\"]");
  json_t *reference = smallcaps_reference("ko7");
  char *text = json_dumps(reference, JSON_COMPACT);
  assert_string_equal(text, "{\"$ref\":\"ko7\"}");
  free(text);
  json_decref(reference);
}

static void malformed_references_are_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {"\"ko\"",   "\"ko0\"", "\"ko01\"", "\"kx1\"",       "\"v1\"",
                                    "\"ko1x\"", "\"\"",    "7",        "\"ko1\\u0000\""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char plain[64];
    snprintf(plain, sizeof plain, "{\"$ref\":%s}", bad[i]);
    assert_encode_fails(plain, "$ref");
  }
  assert_true(smallcaps_is_kref(bytes_of("ko1")));
  assert_true(smallcaps_is_kref(bytes_of("kp90")));
  assert_false(smallcaps_is_kref(bytes_of("ko123456789012345678901234567890")));
}

static void bigints_go_both_ways(void **state)
{
  (void)state;
  assert_encodes("{\"$bigint\":\"12\"}", "#\"+12\"", "[]");
  assert_encodes("{\"$bigint\":\"-123456789012345678901234567890\"}", "#\"-123456789012345678901234567890\"", "[]");
  assert_encode_fails("{\"$bigint\":\"1x\"}", "$bigint");
  assert_encode_fails("{\"$bigint\":\"-\"}", "$bigint");
  assert_encode_fails("{\"$bigint\":12}", "$bigint");
  assert_decodes("#\"+12\"", "[]", "\"12n\"");
  assert_decodes("#\"-12\"", "[]", "\"-12n\"");
  assert_decode_fails("#\"+\"", "[]");
  assert_decode_fails("#\"-x\"", "[]");
}

static void integers_that_javascript_cannot_hold_are_refused(void **state)
{
  (void)state;
  assert_encodes("9007199254740991", "#9007199254740991", "[]");
  assert_encode_fails("9007199254740992", "$bigint");
  assert_encode_fails("-9007199254740993", "$bigint");
}

static void large_numbers_of_javascript_are_read(void **state)
{
  (void)state;
  assert_decodes("#[100000000000000000000,7,1.5]", "[]", "[1e20,7,1.5]");
}

static void what_json_cannot_say_is_shown(void **state)
{
  (void)state;
  assert_decodes("#\"#undefined\"", "[]", "null");
  assert_decodes("#[\"#NaN\",\"#Infinity\",\"#-Infinity\"]", "[]", "[\"NaN\",\"Infinity\",\"-Infinity\"]");
  assert_decodes("#\"%@@asyncIterator\"", "[]", "\"Symbol.asyncIterator\"");
  assert_decodes("#\"%name\"", "[]", "\"Symbol.for(name)\"");
  assert_decodes("#\"%@@@@x\"", "[]", "\"Symbol.for(@@x)\"");
  assert_decodes("#{\"#error\":\"no\",\"errorId\":\"error:v1#7\",\"name\":\"TypeError\"}", "[]",
                 "{\"#error\":\"no\",\"errorId\":\"error:v1#7\",\"name\":\"TypeError\"}");
  assert_decodes("#{\"#error\":\"!#odd\",\"name\":\"Error\"}", "[]", "{\"#error\":\"#odd\",\"name\":\"Error\"}");
  assert_decodes("#{\"#tag\":\"copySet\",\"payload\":[\"+1\"]}", "[]", "{\"#tag\":\"copySet\",\"payload\":[\"1n\"]}");
  assert_true(smallcaps_is_undefined(bytes_of("#\"#undefined\"")));
  assert_false(smallcaps_is_undefined(bytes_of("#null")));
}

static void malformed_bodies_are_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "#",
      "null",
      "#nul",
      "#1 2",
      "#\"#unknown\"",
      "#\"(reserved\"",
      "#\"'reserved\"",
      "#\"$\"",
      "#\"$x\"",
      "#\"$1\"",
      "#\"$0x\"",
      "#\"&99999999999999999999\"",
      "#{\"#error\":7}",
      "#{\"#error\":\"$0\"}",
      "#{\"#tag\":[]}",
      "#{\"#other\":1}",
      "#{\"+1\":1}",
      "#{\"$0\":1}",
      "#{\"a\":1,\"a\":2}",
      "#{\"a\":1,\"!a\":2}",
      "#\"\\ud800\"",
      "#\"\xff\"",
      "{\"@qclass\":\"undefined\"}",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_decode_fails(bad[i], "[\"ko1\"]");
  }
  assert_decode_fails("#\"$0\"", "[]");
  assert_decode_fails("#\"$0\"", "[7]");
}

static void depth_is_bounded_both_ways(void **state)
{
  (void)state;
  enum { DEEP = LIMIT_JSON_DEPTH + 1 };
  char body[2 * DEEP + 2] = "#";
  memset(body + 1, '[', DEEP);
  memset(body + 1 + DEEP, ']', DEEP);
  assert_decode_fails(body, "[]");
  assert_encode_fails(body + 1, "too deeply");
  body[DEEP + 1 + DEEP - 1] = '\0'; /* one level less */
  memmove(body + 1, body + 2, strlen(body + 2) + 1);
  struct error error;
  json_t *slots = json_array();
  json_t *value = NULL;
  assert_int_equal(smallcaps_decode(bytes_of(body), slots, &value, &error), VATD_OK);
  json_decref(value);
  json_decref(slots);
}

static void a_body_over_the_limit_of_its_buffer_is_refused(void **state)
{
  (void)state;
  struct error error;
  struct buffer body;
  json_t *value = parse("\"0123456789\"");
  json_t *slots = json_array();
  buffer_init(&body, 8);
  assert_int_equal(smallcaps_encode(value, &body, slots, &error), VATD_LIMIT);
  buffer_fini(&body);
  json_decref(slots);
  json_decref(value);
}

/* ---- for a vat ---- */

/* What a vat reads goes out again as the same body. */
static void assert_passes(const char *body, const char *slots, const char *plain)
{
  struct error error = {0};
  struct buffer again;
  json_t *slot_array = parse(slots);
  json_t *again_slots = json_array();
  json_t *value = NULL;
  buffer_init(&again, 1 << 20);
  if (smallcaps_decode_for_vat(bytes_of(body), slot_array, &value, &error))
    fail_msg("%s: %s", body, error.text);
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  assert_string_equal(text, plain);
  assert_int_equal(smallcaps_encode_for_vat(value, &again, again_slots, &error), VATD_OK);
  assert_string_equal(buffer_text(&again), body);
  assert_true(json_equal(again_slots, slot_array));
  free(text);
  buffer_fini(&again);
  json_decref(value);
  json_decref(slot_array);
  json_decref(again_slots);
}

static void assert_refused_of_vat(const char *plain, const char *part)
{
  struct error error = {0};
  struct buffer made;
  json_t *value = parse(plain);
  json_t *slots = json_array();
  buffer_init(&made, 1 << 20);
  assert_int_equal(smallcaps_encode_for_vat(value, &made, slots, &error), VATD_INVALID);
  assert_non_null(strstr(error.text, part));
  buffer_fini(&made);
  json_decref(slots);
  json_decref(value);
}

static void what_a_vat_reads_goes_out_as_the_same(void **state)
{
  (void)state;
  assert_passes("#[\"$0\",\"&1\",\"text\",1.5]", "[\"o-5\",\"p-7\"]", "[{\"$ref\":\"o-5\"},{\"$ref\":\"p-7\"},\"text\",1.5]");
  assert_passes("#\"$0\"", "[\"o+d10/3\"]", "{\"$ref\":\"o+d10/3\"}");
  assert_passes("#[\"+12\",\"-12\"]", "[]", "[{\"$bigint\":\"12\"},{\"$bigint\":\"-12\"}]");
  assert_passes("#{\"#error\":\"!-no\",\"name\":\"TypeError\"}", "[]", "{\"#error\":\"-no\",\"name\":\"TypeError\"}");
  assert_passes("#{\"#tag\":\"copySet\",\"payload\":[\"$0\"]}", "[\"o-1\"]",
                "{\"#tag\":\"copySet\",\"payload\":[{\"$ref\":\"o-1\"}]}");
}

static void data_of_another_vat_never_looks_like_a_reference(void **state)
{
  (void)state;
  assert_passes("#{\"!$ref\":\"o-1\"}", "[]", "{\"!$ref\":\"o-1\"}");
  assert_passes("#{\"!!$ref\":\"o-1\"}", "[]", "{\"!!$ref\":\"o-1\"}");
  assert_passes("#{\"!#error\":\"x\",\"!$bigint\":\"1\"}", "[]", "{\"!#error\":\"x\",\"!$bigint\":\"1\"}");
  assert_passes("#{\"!-x\":1}", "[]", "{\"-x\":1}");
}

static void an_object_may_name_its_interface(void **state)
{
  (void)state;
  struct error error;
  struct buffer made;
  json_t *value = json_pack("{s:s, s:s}", "$ref", "o+3", "interface", "Alleged: Counter");
  json_t *slots = json_array();
  buffer_init(&made, 100);
  assert_int_equal(smallcaps_encode_for_vat(value, &made, slots, &error), VATD_OK);
  assert_string_equal(buffer_text(&made), "#\"$0.Alleged: Counter\"");
  buffer_fini(&made);
  json_decref(value);
  json_decref(slots);
}

static void a_vat_cannot_say_what_is_no_data(void **state)
{
  (void)state;
  assert_refused_of_vat("{\"$ref\":\"ko1\"}", "\"$ref\" wants");
  assert_refused_of_vat("{\"$ref\":5}", "\"$ref\" wants");
  assert_refused_of_vat("{\"$ref\":\"o-1\",\"other\":1}", "needs '!'");
  assert_refused_of_vat("{\"$other\":1}", "needs '!'");
  assert_refused_of_vat("{\"#error\":1}", "needs '!'");
}

static void a_vat_is_not_told_that_a_promise_is_an_object(void **state)
{
  (void)state;
  static const char *const bodies[] = {"#\"$0\"", "#\"&1\"", "#\"$2\""};
  json_t *slots = parse("[\"p-1\",\"o-1\"]");
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    struct error error;
    json_t *value = NULL;
    assert_int_equal(smallcaps_decode_for_vat(bytes_of(bodies[i]), slots, &value, &error), VATD_INVALID);
  }
  json_decref(slots);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_data_is_itself),
      cmocka_unit_test(minus_zero_becomes_zero),
      cmocka_unit_test(special_strings_are_escaped_and_restored),
      cmocka_unit_test(nul_in_a_string_survives),
      cmocka_unit_test(property_names_are_sorted_and_escaped),
      cmocka_unit_test(references_become_slots_each_once),
      cmocka_unit_test(malformed_references_are_refused),
      cmocka_unit_test(bigints_go_both_ways),
      cmocka_unit_test(integers_that_javascript_cannot_hold_are_refused),
      cmocka_unit_test(large_numbers_of_javascript_are_read),
      cmocka_unit_test(what_json_cannot_say_is_shown),
      cmocka_unit_test(malformed_bodies_are_refused),
      cmocka_unit_test(depth_is_bounded_both_ways),
      cmocka_unit_test(a_body_over_the_limit_of_its_buffer_is_refused),
      cmocka_unit_test(what_a_vat_reads_goes_out_as_the_same),
      cmocka_unit_test(data_of_another_vat_never_looks_like_a_reference),
      cmocka_unit_test(an_object_may_name_its_interface),
      cmocka_unit_test(a_vat_cannot_say_what_is_no_data),
      cmocka_unit_test(a_vat_is_not_told_that_a_promise_is_an_object),
  };
  return cmocka_run_group_tests_name("smallcaps", tests, NULL, NULL);
}
