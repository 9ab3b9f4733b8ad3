/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: idempotency keys, names, pings, looking, and bad input. */
#include "kernel_test.h"

#include "base/limits.h"

#include <stdio.h>

enum { ALICE = 1, BOB = 2 };

static uint64_t keyed_call(struct harness *h, const char *key, const char *method)
{
  uint64_t request = h->next_request++;
  struct bytes body = arena_printf(&h->arena, "#[\"%s\",[]]", method);
  kernel_queue_message(h->kernel, request, key, bytes_of("alice"), body, NULL);
  harness_pump(h);
  return request;
}

static void a_request_with_a_known_key_is_not_made_again(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t first = keyed_call(h, "k1", "increment");
  harness_return(h, ALICE, "#1", NULL);
  uint64_t again = keyed_call(h, "k1", "increment");
  assert_false(harness_has_delivery(h, ALICE));
  assert_string_equal(harness_answer(h, again), harness_answer(h, first));
  keyed_call(h, "k2", "increment");
  assert_true(harness_has_delivery(h, ALICE));
}

static void a_request_with_the_key_of_one_under_way_waits_for_its_answer(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  uint64_t first = keyed_call(h, "k1", "increment");
  uint64_t again = keyed_call(h, "k1", "increment");
  harness_return(h, ALICE, "#1", NULL);
  assert_false(harness_has_delivery(h, ALICE));
  assert_string_equal(harness_answer(h, again), "{\"body\":\"#1\",\"slots\":[]}");
  assert_string_equal(harness_answer(h, first), "{\"body\":\"#1\",\"slots\":[]}");
}

static void a_key_finds_its_answer_after_a_crash(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  keyed_call(h, "done", "increment");
  harness_return(h, ALICE, "#\"$0\"", "o+d10/1");
  keyed_call(h, "queued", "increment");
  harness_crash(h);
  uint64_t done = keyed_call(h, "done", "increment");
  assert_contains(harness_answer(h, done), "[\"ko2\"]");
  uint64_t queued = keyed_call(h, "queued", "increment");
  harness_return(h, ALICE, "#2", NULL);
  assert_string_equal(harness_answer(h, queued), "{\"body\":\"#2\",\"slots\":[]}");
}

static void a_rejection_is_kept_under_its_key_too(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  keyed_call(h, "k1", "fail");
  harness_throw(h, ALICE, "#{\"#error\":\"no\",\"name\":\"RangeError\"}");
  uint64_t again = keyed_call(h, "k1", "fail");
  assert_int_equal(harness_answer_code(h, again), VATD_REJECTED);
  assert_string_equal(h->answers[again].text, "RangeError: no");
}

static void launches_and_ends_take_keys(void **state)
{
  struct harness *h = *state;
  json_t *config = json_loads("{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}", 0, NULL);
  struct launch_bundle bundle = {"alice", bytes_of("{}")};
  for (uint64_t request = 1; request <= 2; request++) {
    h->next_request++;
    kernel_launch(h->kernel, request, "launch", &(struct launch_order){config, &bundle, 1, true, NULL});
    harness_pump(h);
    if (request == 1)
      harness_return(h, ALICE, "#0", NULL);
  }
  json_decref(config);
  assert_string_equal(harness_answer(h, 2), harness_answer(h, 1));
  assert_int_equal(harness_count(h, "subcluster."), 1);
  for (uint64_t request = 3; request <= 4; request++) {
    h->next_request++;
    kernel_terminate_vat(h->kernel, request, "end", bytes_of("alice"));
    harness_pump(h);
    assert_string_equal(harness_answer(h, request), "null");
  }
}

static void launch_with_key(struct harness *h, uint64_t request)
{
  json_t *config = json_loads("{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}", 0, NULL);
  struct launch_bundle bundle = {"alice", bytes_of("{}")};
  h->next_request++;
  kernel_launch(h->kernel, request, "launch", &(struct launch_order){config, &bundle, 1, true, NULL});
  harness_pump(h);
  json_decref(config);
}

/* A crash before the bootstrap has settled undoes the launch; whoever asks again with the key is told so, and nothing is left. */
static void a_launch_that_a_crash_cut_is_undone_and_its_key_says_so(void **state)
{
  struct harness *h = *state;
  uint64_t first = h->next_request;
  launch_with_key(h, first);
  assert_true(harness_has_delivery(h, ALICE));
  harness_crash(h);
  uint64_t again = h->next_request;
  launch_with_key(h, again);
  assert_int_equal(harness_answer_code(h, again), VATD_BUSY);
  assert_int_equal(harness_count(h, "subcluster."), 0);
  uint64_t third = h->next_request;
  launch_with_key(h, third);
  uint64_t fourth = h->next_request;
  launch_with_key(h, fourth);
  assert_contains(h->answers[third].text, "the launch was interrupted by a restart of the kernel");
  assert_string_equal(harness_answer(h, fourth), harness_answer(h, third));
  assert_int_equal(harness_answer_code(h, fourth), harness_answer_code(h, third));
  assert_int_equal(harness_count(h, "subcluster."), 0);
  assert_int_equal(harness_count(h, "vat.v"), 0);
}

static void an_end_is_there_or_not_after_a_crash_and_its_key_ends_it_once(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_launch(h, "bob", NULL);
  kernel_terminate_vat(h->kernel, h->next_request++, "end", bytes_of("alice"));
  harness_crash(h); /* nothing of it was committed, or all */
  uint64_t again = h->next_request++;
  kernel_terminate_vat(h->kernel, again, "end", bytes_of("alice"));
  harness_pump(h);
  assert_string_equal(harness_answer(h, again), "null");
  harness_crash(h);
  uint64_t third = h->next_request++;
  kernel_terminate_vat(h->kernel, third, "end", bytes_of("alice"));
  harness_pump(h);
  assert_string_equal(harness_answer(h, third), "null");
  assert_int_equal(harness_count(h, "subcluster."), 1);
}

static void the_oldest_keys_are_forgotten(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  kernel_terminate_vat(h->kernel, 0, "the first", bytes_of("alice"));
  harness_pump(h);
  for (int i = 0; i < LIMIT_IDEMPOTENCY_KEYS; i++) {
    char key[32];
    snprintf(key, sizeof key, "key %d", i);
    kernel_terminate_all(h->kernel, 0, key);
    if (i % 1000 == 0)
      kernel_commit(h->kernel);
  }
  harness_pump(h);
  assert_false(harness_has_row(h, "idempotency.key.the first"));
  assert_int_equal(harness_count(h, "idempotency.key."), LIMIT_IDEMPOTENCY_KEYS);
  assert_int_equal(harness_count(h, "idempotency.at."), LIMIT_IDEMPOTENCY_KEYS);
}

static void vats_are_found_by_id_and_by_name(void **state)
{
  struct harness *h = *state;
  struct error error = {0};
  uint64_t id = 0;
  harness_launch(h, "alice", "v1", NULL);
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of("alice"), &id, &error), VATD_OK);
  assert_int_equal(id, ALICE);
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of("v1"), &id, &error), VATD_OK);
  assert_int_equal(id, ALICE); /* ids win */
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of("ali"), &id, &error), VATD_NOT_FOUND);
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of("alice/v1"), &id, &error), VATD_NOT_FOUND);
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of(""), &id, &error), VATD_NOT_FOUND);
  harness_launch(h, "alice", NULL);
  assert_int_equal(kernel_find_vat(h->kernel, bytes_of("alice"), &id, &error), VATD_INVALID);
  assert_contains(error.text, "2 vats are named 'alice'");
}

/* Calls the vat, which must be the one that gets the message. */
static void call_arrives(struct harness *h, const char *target, uint64_t vat)
{
  uint64_t request = harness_call(h, target, "x");
  harness_pump(h);
  assert_true(harness_has_delivery(h, vat));
  harness_return(h, vat, "#1", NULL);
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
}

static void a_name_that_was_used_stands_for_what_it_would_stand_for_anew(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  call_arrives(h, "alice", ALICE);
  call_arrives(h, "alice", ALICE);
  harness_launch(h, "alice", NULL);
  uint64_t shared = harness_call(h, "alice", "x");
  assert_int_equal(harness_answer_code(h, shared), VATD_INVALID);
  call_arrives(h, "v2", 2);
  kernel_terminate_vat(h->kernel, 0, "end", bytes_of("v2"));
  harness_pump(h);
  call_arrives(h, "alice", ALICE);
  uint64_t ended = harness_call(h, "v2", "x");
  assert_int_equal(harness_answer_code(h, ended), VATD_NOT_FOUND);
  harness_crash(h);
  call_arrives(h, "alice", ALICE);
}

static void a_name_means_nothing_once_the_state_is_cleared(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  call_arrives(h, "alice", ALICE);
  kernel_clear_state(h->kernel, h->next_request++);
  harness_pump(h);
  uint64_t request = harness_call(h, "alice", "x");
  assert_int_equal(harness_answer_code(h, request), VATD_NOT_FOUND);
}

static void names_may_be_required_to_be_unique(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  json_t *config = json_loads("{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"}}}", 0, NULL);
  struct launch_bundle bundle = {"alice", bytes_of("{}")};
  uint64_t request = h->next_request++;
  kernel_launch(h->kernel, request, NULL, &(struct launch_order){config, &bundle, 1, true, NULL});
  json_decref(config);
  harness_pump(h);
  assert_int_equal(harness_answer_code(h, request), VATD_EXISTS);
}

static void bad_targets_and_references_are_refused_without_a_trace(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  const char *before = harness_dump(h);
  static const struct {
    const char *target;
    const char *slot;
    enum vatd_code code;
  } cases[] = {{"nobody", NULL, VATD_NOT_FOUND}, {"ko99", NULL, VATD_NOT_FOUND},    {"kp99", NULL, VATD_NOT_FOUND},
               {"v9", NULL, VATD_NOT_FOUND},     {"alice", "ko99", VATD_NOT_FOUND}, {"alice", "o-1", VATD_INVALID}};
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    uint64_t request = harness_call_with(h, cases[i].target, "#[\"x\",[]]", cases[i].slot);
    assert_int_equal(harness_answer_code(h, request), cases[i].code);
  }
  assert_string_equal(harness_dump(h), before);
}

static void looking_shows_what_is_there(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", "bob", NULL);
  uint64_t list = h->next_request++;
  uint64_t show = h->next_request++;
  uint64_t rows = h->next_request++;
  uint64_t status = h->next_request++;
  kernel_list_vats(h->kernel, list);
  kernel_show_vat(h->kernel, show, bytes_of("bob"));
  kernel_read_vatstore(h->kernel, rows, bytes_of("bob"), bytes_of(""), bytes_of(""), 10);
  kernel_get_status(h->kernel, status);
  harness_pump(h);
  assert_contains(harness_answer(h, list), "\"id\":\"v2\",\"name\":\"bob\",\"subcluster\":\"s1\",\"root\":\"ko2\"");
  assert_contains(harness_answer(h, show), "\"state\":\"running\"");
  assert_string_equal(harness_answer(h, rows), "{\"rows\":[],\"more\":false}");
  assert_contains(harness_answer(h, status), "\"subclusterId\":\"s1\"");
}

static void a_ping_starts_the_worker_and_is_answered_by_its_pong(void **state)
{
  struct harness *h = *state;
  harness_launch(h, "alice", NULL);
  harness_worker_dies(h, ALICE, WORKER_KILLED);
  uint64_t request = h->next_request++;
  kernel_ping_vat(h->kernel, request, bytes_of("alice"));
  harness_pump(h);
  assert_int_equal(h->vats[ALICE].starts, 2);
  struct buffer frame;
  buffer_init(&frame, 64);
  frame_encode_pong(&frame, request);
  kernel_worker_frame(h->kernel, h->vats[ALICE].worker, bytes_after(buffer_bytes(&frame), FRAME_HEADER_SIZE));
  buffer_fini(&frame);
  harness_pump(h);
  assert_string_equal(harness_answer(h, request), "\"pong\"");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_request_with_a_known_key_is_not_made_again),
      KERNEL_TEST(a_request_with_the_key_of_one_under_way_waits_for_its_answer),
      KERNEL_TEST(a_key_finds_its_answer_after_a_crash),
      KERNEL_TEST(a_rejection_is_kept_under_its_key_too),
      KERNEL_TEST(launches_and_ends_take_keys),
      KERNEL_TEST(a_launch_that_a_crash_cut_is_undone_and_its_key_says_so),
      KERNEL_TEST(an_end_is_there_or_not_after_a_crash_and_its_key_ends_it_once),
      KERNEL_TEST(the_oldest_keys_are_forgotten),
      KERNEL_TEST(vats_are_found_by_id_and_by_name),
      KERNEL_TEST(a_name_that_was_used_stands_for_what_it_would_stand_for_anew),
      KERNEL_TEST(a_name_means_nothing_once_the_state_is_cleared),
      KERNEL_TEST(names_may_be_required_to_be_unique),
      KERNEL_TEST(bad_targets_and_references_are_refused_without_a_trace),
      KERNEL_TEST(looking_shows_what_is_there),
      KERNEL_TEST(a_ping_starts_the_worker_and_is_answered_by_its_pong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
