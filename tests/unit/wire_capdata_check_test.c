/* SPDX-License-Identifier: Apache-2.0 */
/* What a vat may send: data that its receiver can read. The slots of every example are an object and a promise. */
#include "base/limits.h"
#include "wire/capdata_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct bytes slots[] = {{"o-1", 3}, {"p+5", 3}};

static struct capdata data_of(const char *body)
{
  return (struct capdata){.body = bytes_of(body), .slots = {slots, COUNT_OF(slots)}};
}

static void accepts(const char *body)
{
  struct error error = {0};
  struct capdata data = data_of(body);
  if (capdata_check(&data, &error) != VATD_OK)
    fail_msg("%s is refused: %s", body, error.text);
}

static void refuses(const char *body, const char *why)
{
  struct error error = {0};
  struct capdata data = data_of(body);
  if (capdata_check(&data, &error) != VATD_INVALID)
    fail_msg("%s is accepted", body);
  if (!strstr(error.text, why))
    fail_msg("%s is refused for another reason: %s", body, error.text);
}

static void all_that_liveslots_sends_is_accepted(void **state)
{
  static const char *const bodies[] = {
      "#null", "#true", "#false", "#0", "#-1", "#1.5e-7", "#\"\"", "#\"plain\"", "#\"!#escaped\"", "#\"#undefined\"", "#\"#NaN\"",
      "#\"#Infinity\"", "#\"#-Infinity\"", "#\"%name\"", "#\"%@@asyncIterator\"", "#\"%@@@@odd\"", "#\"+12\"", "#\"-12\"", "#\"$0\"",
      "#\"$0.Alleged: thing\"", "#\"$0.Remotable\"", "#\"$0.DebugName: x\"", "#\"&1\"", "#[]", "#[[],{}]", "#{\"a\":1,\"!#b\":[\"$0\"]}",
      "#{\"#tag\":\"copySet\",\"payload\":[1]}", "#{\"#error\":\"no\",\"name\":\"TypeError\"}",
      "#{\"#error\":\"\",\"errorId\":\"error:liveSlots:v1#1\",\"name\":\"Error\"}", "#\"\\ud800 alone\"", "#{\"a\\u0000b\":1}", "#\"\\n\"",
      "#\"\\\\\"", "#[ 1 , 2 ]", "#\"caf\xc3\xa9\"", "#{\"payload\":1,\"name\":2,\"errorId\":3}"};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(bodies); i++)
    accepts(bodies[i]);
}

static void what_its_receiver_cannot_read_is_refused(void **state)
{
  static const struct {
    const char *body;
    const char *why;
  } bodies[] = {
      {"", "smallcaps form"}, {"1", "smallcaps form"}, {"#", "smallcaps form"}, {"{\"@qclass\":\"undefined\"}", "smallcaps form"},
      {"# ", "not JSON"}, {"#nil", "not JSON"}, {"#01", "not JSON"}, {"#1.", "not JSON"}, {"#-", "not JSON"}, {"#[1", "not JSON"},
      {"#[1,]", "not JSON"}, {"#{\"a\"}", "not JSON"}, {"#{a:1}", "not JSON"}, {"#\"open", "not JSON"}, {"#1 2", "behind its end"},
      {"#\"\\x\"", "unknown escape"}, {"#\"\\u12\"", "unknown escape"}, {"#\"\\", "unknown escape"}, {"#\"a\tb\"", "control character"},
      {"#\"$2\"", "does not have"}, {"#\"$\"", "does not have"}, {"#\"$0x\"", "does not have"}, {"#\"$99999999999999999999\"", "does not have"},
      {"#\"$1\"", "the other way round"}, {"#\"&0\"", "the other way round"}, {"#\"$0.thing\"", "name of an interface"},
      {"#\"#none\"", "unknown constant"}, {"#\"%@@no\"", "unknown symbol"}, {"#\"+\"", "malformed bigint"}, {"#\"-1x\"", "malformed bigint"},
      {"#\"(reserved\"", "reserved"}, {"#\"\\\"quoted\"", "in disguise"}, {"#\"\\u00240\"", "in disguise"},
      {"#{\"#odd\":1}", "reserved name"}, {"#{\"$0\":1}", "reserved name"}, {"#{\"\\u0023tag\":1}", "reserved name"},
      {"#{\"#tag\":\"x\"}", "tagged data"}, {"#{\"#tag\":1,\"payload\":1}", "tagged data"}, {"#{\"#tag\":\"x\",\"payload\":1,\"y\":1}", "tagged data"},
      {"#{\"#error\":\"x\"}", "malformed error"}, {"#{\"#error\":1,\"name\":\"E\"}", "malformed error"},
      {"#{\"#error\":\"x\",\"name\":\"E\",\"message\":\"y\"}", "malformed error"}, {"#{\"#error\":\"x\",\"name\":\"#undefined\"}", "malformed error"}};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(bodies); i++)
    refuses(bodies[i].body, bodies[i].why);
}

static void a_message_is_a_method_and_its_arguments(void **state)
{
  static const char *const good[] = {"#[\"go\",[]]", "#[\"%@@asyncIterator\",[1]]", "#[\"#undefined\",[\"$0\"]]", "#[\"!+1\",[[]]]"};
  static const char *const bad[] = {"#[]",          "#[\"go\"]",       "#[\"go\",{}]", "#[\"go\",[],1]", "#{\"go\":[]}",
                                    "#[1,[]]",      "#[\"$0\",[]]",    "#[null,[]]",   "#[\"+1\",[]]",   "#[\"go\",[]] 1",
                                    "#[[\"go\"],[]]"};
  struct error error;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
    const char *body = i < COUNT_OF(good) ? good[i] : bad[i - COUNT_OF(good)];
    struct capdata data = data_of(body);
    enum vatd_code expected = i < COUNT_OF(good) ? VATD_OK : VATD_INVALID;
    if (capdata_check_message(&data, &error) != expected)
      fail_msg("%s is %s", body, expected == VATD_OK ? "refused" : "accepted");
  }
}

/* '#', then `depth` arrays in each other. */
static char *nested(size_t depth)
{
  char *body = calloc(1, 2 * depth + 2);
  body[0] = '#';
  memset(body + 1, '[', depth);
  memset(body + 1 + depth, ']', depth);
  return body;
}

static void data_may_be_deep_but_not_bottomless(void **state)
{
  (void)state;
  char *deepest = nested(LIMIT_DATA_DEPTH + 1);
  char *too_deep = nested(LIMIT_DATA_DEPTH + 2);
  accepts(deepest);
  refuses(too_deep, "too many levels");
  free(deepest);
  free(too_deep);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_that_liveslots_sends_is_accepted),
      cmocka_unit_test(what_its_receiver_cannot_read_is_refused),
      cmocka_unit_test(a_message_is_a_method_and_its_arguments),
      cmocka_unit_test(data_may_be_deep_but_not_bottomless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
