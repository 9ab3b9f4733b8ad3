/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/oracle_test.c - what of SES, Endo and liveslots was moved into C does what it did: a worker as it is and one
 * with the packages' own JavaScript get the same deliveries, at random, and must answer with the same done frames but for the
 * usage: the same checkpoint, the same syscalls, the same log. VATD_SEED=N repeats a run. Two workers with a seeded defect
 * must be found.
 */
#include "worker_harness.h"

#include "base/memory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define DELIVERIES 400
#define DELIVERIES_UNTIL_FOUND 20000 /* a defect shows after some 150 */
#define DELIVERIES_PER_REAP 50
#define MAX_DEPTH 4

static uint64_t state;

static unsigned chance(unsigned below)
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
                                     "\"-340282366920938463463374607431768211456\"", "true", "\"\"",  "\"!#x\"", "\"$0\"", "\"%sym\"",
                                     "\"#undefined\"", "null",   "\"#-Infinity\"", "\"#NaN\""};
  add(out, keys[chance(sizeof keys / sizeof keys[0])]);
}

static void add_value(struct buffer *out, unsigned depth);

static void add_record(struct buffer *out, unsigned depth)
{
  static const char *const names[] = {"a", "b", "7", "then", "__proto__x", "constructor", "!#tag"};
  unsigned count = chance(4);
  add(out, "{");
  for (unsigned i = 0; i < count; i++) {
    add(out, i ? ",\"" : "\"");
    add(out, names[chance(2) + 2 * i > 6 ? 6 : chance(2) + 2 * i]);
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
  switch (depth >= MAX_DEPTH ? 9 : chance(10)) {
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
    add(out, "\"$0\",");
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
                                        "hardener", "none"};
  return methods[chance(sizeof methods / sizeof methods[0])];
}

struct pair {
  struct worker_process workers[2];
  struct buffer said[2];
  bool ended; /* the last crank was one over a limit */
};

/* The done frame again, without the usage. */
static void note(struct buffer *out, struct done_frame done)
{
  done.usage = (struct usage){0};
  buffer_clear(out);
  assert_true(frame_encode_done(out, &done));
}

/* MessagePack with its texts legible. */
static void print_frame(struct bytes frame)
{
  printf("# ");
  for (size_t i = 0; i < frame.size && i < 3000; i++)
    putchar(frame.data[i] >= ' ' && frame.data[i] < 127 ? frame.data[i] : '.');
  printf("\n");
}

/* False: the two answered differently. */
static bool both(struct pair *pair, const struct delivery *delivery)
{
  for (size_t i = 0; i < 2; i++) {
    struct done_frame done = worker_deliver(&pair->workers[i], delivery);
    pair->ended = done.status != DONE_OK;
    note(&pair->said[i], done);
  }
  bool same = bytes_equal(buffer_bytes(&pair->said[0]), buffer_bytes(&pair->said[1]));
  for (size_t i = 0; i < 2 && !same; i++)
    print_frame(buffer_bytes(&pair->said[i]));
  return same;
}

static bool call_both(struct pair *pair, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  const char *method = any_method();
  add(&body, "#[\"");
  add(&body, method);
  add(&body, "\",[");
  add_arguments(&body, method);
  add(&body, "]]");
  char *result = memory_printf("p-%u", 1000 + number);
  char *promise = memory_printf("p-%u", 100000 + number);
  struct bytes slots[] = {bytes_of("o-5"), bytes_of(promise)};
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {buffer_bytes(&body), {slots, 2}}, .result = bytes_of(result)},
  };
  bool same = both(pair, &delivery);
  if (!same)
    printf("# delivery %u differs: %.*s\n", number, BYTES_ARG(buffer_bytes(&body)));
  free(promise);
  free(result);
  buffer_fini(&body);
  return same;
}

/* Settles one of the promises that the vat has for what it sent: `p+5` and on. */
static bool notify_both(struct pair *pair, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  add(&body, "#");
  add_value(&body, MAX_DEPTH);
  char *vpid = memory_printf("p+%u", 5 + number);
  struct bytes slots[] = {bytes_of("o-5")};
  struct resolution resolution = {bytes_of(vpid), chance(3) == 0, {buffer_bytes(&body), {slots, 1}}};
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  bool same = both(pair, &delivery);
  free(vpid);
  buffer_fini(&body);
  return same;
}

static void open_pair(struct pair *pair, enum start_way way)
{
  const enum start_way ways[] = {FROM_PLAIN_SCRIPTS, way};
  char *bundle = bundle_of_vat("chance");
  pair->ended = false;
  for (size_t i = 0; i < 2; i++) {
    worker_spawn(&pair->workers[i], ways[i]);
    buffer_init(&pair->said[i], LIMIT_FRAME_FROM_WORKER);
    struct done_frame done = worker_init_vat(&pair->workers[i], "{}", bundle);
    if (done.status != DONE_OK)
      fail_msg("init: %.*s", BYTES_ARG(done.status_text));
    note(&pair->said[i], done);
  }
  free(bundle);
}

static void close_pair(struct pair *pair)
{
  for (size_t i = 0; i < 2; i++) {
    worker_hang_up(&pair->workers[i]);
    worker_dispose(&pair->workers[i]);
    buffer_fini(&pair->said[i]);
  }
}

/* Whether all deliveries were answered alike. */
static bool compare(enum start_way way, unsigned deliveries)
{
  const struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  struct pair pair;
  open_pair(&pair, way);
  bool same = bytes_equal(buffer_bytes(&pair.said[0]), buffer_bytes(&pair.said[1]));
  for (unsigned i = 0; i < deliveries && same; i++) {
    same = call_both(&pair, i);
    if (same && !pair.ended && chance(4) == 0)
      same = notify_both(&pair, i / 8);
    if (same && !pair.ended && i % DELIVERIES_PER_REAP == DELIVERIES_PER_REAP - 1)
      same = both(&pair, &reap);
    if (pair.ended) {
      close_pair(&pair);
      open_pair(&pair, way);
    }
  }
  close_pair(&pair);
  return same;
}

static void the_worker_answers_like_one_without_c(void **context)
{
  (void)context;
  assert_true(compare(FROM_SNAPSHOT, DELIVERIES));
}

static void a_harden_that_is_shallow_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_SHALLOW_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void a_pass_style_that_is_wrong_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_STYLE_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_worker_answers_like_one_without_c),
      cmocka_unit_test(a_harden_that_is_shallow_is_found),
      cmocka_unit_test(a_pass_style_that_is_wrong_is_found),
  };
  const char *seed = getenv("VATD_SEED");
  state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
  printf("# seed %" PRIu64 "\n", state);
  return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
