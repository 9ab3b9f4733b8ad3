/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/random_delivery.c - see random_delivery.h. */
#include "random_delivery.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_DEPTH 4
/* Always by the same name: whether the object is still known by an earlier one depends on collections. */
#define FRIEND "\"$0.Alleged: friend\""

static uint64_t state;

void random_seed(void)
{
  const char *seed = getenv("VATD_SEED");
  state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
  printf("# seed %" PRIu64 "\n", state);
}

unsigned chance(unsigned below)
{
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)((state >> 33) % below);
}

static void add(struct buffer *out, const char *text)
{
  buffer_append_text(out, text);
}

static void add_key(struct buffer *out)
{
  static const char *const keys[] = {"\"a\"",    "\"key\"", "\"\xC3\xA4\xF0\x9F\x90\xB1\"", "1",      "-7",      "1.5",      "\"+12\"",
                                     "\"-340282366920938463463374607431768211456\"", "true", "\"\"",  "\"!#x\"", FRIEND, "\"%sym\"",
                                     "\"#undefined\"", "null",   "\"#-Infinity\"", "\"#NaN\"", "-0", "1e400", "5e-324", "\"-0\"",
                                     "\"line\\n\\t\\\"\\\\\\u0000\\u0001\\u007f\"", "\"\\ud83d\\ude00\\ud83d\"", "\"\\ude00x\"",
                                     "\"+\xC2\xA0\"", "\"~\"", "\"'\"", "\"#unknown\"", "\"+\"", "\"$7\"", "\"$01.Alleged: friend\"", "\"&0.Alleged: friend\"",
                                     "\"+123456789012345678901234567890\""};
  add(out, keys[chance(sizeof keys / sizeof keys[0])]);
}

static void add_value(struct buffer *out, unsigned depth);

static void add_record(struct buffer *out, unsigned depth)
{
  static const char *const names[] = {"a", "b", "7", "then", "__proto__x", "constructor", "!#tag", "zz", "\xC3\xA4", "toJSON", "\\ud800", ""};
  static const char *const odd_names[] = {"#odd", "__proto__", "#tag", "#error", "$0", "payload"};
  unsigned count = chance(4), first = chance(4);
  add(out, "{");
  for (unsigned i = 0; i < count; i++) {
    add(out, i ? ",\"" : "\"");
    add(out, chance(40) == 0 ? odd_names[chance(6)] : names[(first + 3 * i + chance(3)) % 12]);
    add(out, "\":");
    add_value(out, depth);
  }
  add(out, "}");
}

static void add_list(struct buffer *out, unsigned depth)
{
  unsigned count = chance(4);
  add(out, "[");
  for (unsigned i = 0; i < count; i++) {
    add(out, i ? "," : "");
    add_value(out, depth);
  }
  add(out, "]");
}

static void add_value(struct buffer *out, unsigned depth)
{
  switch (depth >= MAX_DEPTH ? 9 : chance(13)) {
  case 0:
  case 1:
    add_record(out, depth + 1);
    break;
  case 2:
  case 3:
    add_list(out, depth + 1);
    break;
  case 4:
    add(out, "{\"#tag\":\"copySet\",\"payload\":[\"b\",\"a\"]}");
    break;
  case 10:
    add(out, chance(2) ? "{\"payload\":" : "{\"#tag\":\"any\",\"payload\":");
    add_value(out, depth + 1);
    add(out, chance(2) ? "}" : ",\"#tag\":\"other\"}");
    break;
  case 11:
    add(out, FRIEND);
    break;
  case 5:
    add(out, "{\"#error\":\"broken\",\"name\":\"RangeError\"}");
    break;
  case 6:
    add(out, "\"&1\"");
    break;
  default:
    add_key(out);
  }
}

static void add_arguments(struct buffer *out, const char *method)
{
  bool keyed = strcmp(method, "put") == 0 || strcmp(method, "take") == 0 || strcmp(method, "drop") == 0;
  if (strncmp(method, "send", 4) == 0) {
    add(out, FRIEND ",");
  } else if (strcmp(method, "odd") == 0) {
    char *numbers = memory_printf("%u,%u", 1 + chance(12), chance(1000000));
    add(out, numbers);
    free(numbers);
    return;
  } else if (keyed || strcmp(method, "list") == 0 || strcmp(method, "add") == 0 || strcmp(method, "unpassable") == 0) {
    char *number = memory_printf("%u%s", chance(6), keyed ? "," : "");
    add(out, number);
    free(number);
    if (!keyed)
      return;
  }
  if (keyed || strcmp(method, "collect") == 0)
    add_key(out);
  else
    add_value(out, 0);
  if (strcmp(method, "put") == 0) {
    add(out, ",");
    add_value(out, 0);
  }
}

static const char *any_method(void)
{
  static const char *const methods[] = {"put",  "put",  "put",      "take",   "drop",       "list", "collect", "collected", "make",
                                        "add",  "keep", "kept",     "forget", "echo",       "echo", "echo",    "tag",       "fail",
                                        "send", "send", "sendOnly", "thaw",   "unpassable", "odd",  "odd",     "odd",       "complain",
                                        "hardener", "none", "local", "local", "masked", "facets", "facets", "label"};
  return methods[chance(sizeof methods / sizeof methods[0])];
}

void random_call(struct buffer *body)
{
  const char *method = any_method();
  add(body, chance(200) == 0 ? "[\"" : "#[\""); /* without the sign of smallcaps it is the older encoding */
  add(body, method);
  add(body, "\",[");
  add_arguments(body, method);
  add(body, "]]");
}

void random_result(struct buffer *body)
{
  add(body, "#");
  add_value(body, MAX_DEPTH);
}
