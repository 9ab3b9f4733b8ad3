/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/oracle_test.c - what of SES, Endo and liveslots was moved into C does what it did: a worker as it is and one
 * with the packages' own JavaScript get the same deliveries, at random, and must answer with the same done frames but for the
 * usage: the same checkpoint, the same syscalls, the same log. VATD_SEED=N repeats a run. Workers with a seeded defect
 * must be found.
 */
#include "random_delivery.h"
#include "worker_harness.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DELIVERIES 400
#define DELIVERIES_UNTIL_FOUND 20000 /* a defect shows after some 150 */
#define DELIVERIES_PER_REAP 50

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

static bool call_both_with(struct pair *pair, unsigned number, struct bytes body)
{
  char *result = memory_printf("p-%u", 1000 + number);
  char *promise = memory_printf("p-%u", 100000 + number);
  struct bytes slots[] = {bytes_of("o-5"), bytes_of(promise)};
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {body, {slots, 2}}, .result = bytes_of(result)},
  };
  bool same = both(pair, &delivery);
  if (!same)
    printf("# delivery %u differs: %.*s\n", number, BYTES_ARG(body));
  free(promise);
  free(result);
  return same;
}

static bool call_both(struct pair *pair, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  random_call(&body);
  bool same = call_both_with(pair, number, buffer_bytes(&body));
  buffer_fini(&body);
  return same;
}

/* Settles one of the promises that the vat has for what it sent: `p+5` and on. */
static bool notify_both(struct pair *pair, unsigned number)
{
  struct buffer body;
  buffer_init(&body, LIMIT_CAPDATA_BODY);
  random_result(&body);
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

/* In this graph a proxy's trap looks whether an object is frozen that is named by a symbol, beside the proxy with a name. */
static void harden_takes_names_before_symbols(void **context)
{
  (void)context;
  struct pair pair;
  open_pair(&pair, FROM_SNAPSHOT);
  assert_true(call_both_with(&pair, 1, bytes_of("#[\"odd\",[6,729440]]")));
  close_pair(&pair);
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

static void a_smallcaps_that_is_wrong_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_SMALLCAPS_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void a_facet_that_is_wrong_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_VREF_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void a_pattern_that_matches_too_much_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_MATCH_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void an_operation_that_waits_too_long_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_POSTPONED_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void a_cache_that_deletes_nothing_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_CACHE_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

static void an_assertion_that_always_holds_is_found(void **context)
{
  (void)context;
  assert_false(compare(FROM_WRONG_ERRORS_SCRIPTS, DELIVERIES_UNTIL_FOUND));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_worker_answers_like_one_without_c),
      cmocka_unit_test(harden_takes_names_before_symbols),
      cmocka_unit_test(a_harden_that_is_shallow_is_found),
      cmocka_unit_test(a_pass_style_that_is_wrong_is_found),
      cmocka_unit_test(a_smallcaps_that_is_wrong_is_found),
      cmocka_unit_test(a_facet_that_is_wrong_is_found),
      cmocka_unit_test(a_pattern_that_matches_too_much_is_found),
      cmocka_unit_test(an_operation_that_waits_too_long_is_found),
      cmocka_unit_test(a_cache_that_deletes_nothing_is_found),
      cmocka_unit_test(an_assertion_that_always_holds_is_found),
  };
  random_seed();
  return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
