/* SPDX-License-Identifier: Apache-2.0 */
/* Storage that goes to the worker in parts, and the account that a start does not count (kernel/pages.h, quota.h). */
#include "kernel_test.h"

#include "base/limits.h"
#include "kernel/fsck.h"

#include <stdio.h>

enum { ALICE = 1 };

#define BIG_VALUE 1000
#define MANY_KEYS (2 * LIMIT_INIT_STATE / BIG_VALUE)

static void answer_crank(struct harness *h, struct done_frame frame)
{
  harness_done(h, ALICE, frame);
  harness_pump(h);
}

static struct key_value big_row(struct harness *h, size_t number)
{
  char *value = arena_alloc(&h->arena, BIG_VALUE);
  memset(value, 'x', BIG_VALUE);
  return (struct key_value){arena_printf(&h->arena, "k%05zu", number), bytes_from(value, BIG_VALUE)};
}

/* alice, who has stored more than an init frame carries. */
static void launch_large(struct harness *h)
{
  struct key_value *rows = arena_alloc_array(&h->arena, MANY_KEYS, sizeof *rows);
  for (size_t i = 0; i < MANY_KEYS; i++)
    rows[i] = big_row(h, i);
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "fill");
  harness_pump(h);
  answer_crank(h, (struct done_frame){.status = DONE_OK, .sets = {rows, MANY_KEYS}});
}

static void restart(struct harness *h)
{
  harness_crash(h);
  harness_call(h, "alice", "wake");
  harness_pump(h);
}

static struct page_frame wish(const char *from, uint64_t count, uint64_t bytes)
{
  return (struct page_frame){.id = 7, .from = bytes_of(from), .count = count, .bytes = bytes};
}

/* The keys of the last page as one text. */
static const char *page_keys(struct harness *h)
{
  const struct page_reply_frame *page = &h->vats[ALICE].page;
  struct bytes text = bytes_of("");
  assert_int_equal(page->id, 7);
  for (size_t i = 0; i < page->rows.count; i++)
    text = arena_printf(&h->arena, "%.*s%.*s ", BYTES_ARG(text), BYTES_ARG(page->rows.items[i].key));
  return arena_printf(&h->arena, "%.*s%s", BYTES_ARG(text), page->more ? "..." : "end").data;
}

static void a_small_storage_goes_with_init_as_a_whole(void **state)
{
  struct harness *h = *state;
  struct key_value row = big_row(h, 1);
  harness_launch(h, "alice", NULL);
  harness_call(h, "alice", "fill");
  harness_pump(h);
  answer_crank(h, (struct done_frame){.status = DONE_OK, .sets = {&row, 1}});
  restart(h);
  assert_true(h->vats[ALICE].complete);
  assert_int_equal(h->vats[ALICE].state.count, 1);
  assert_false(harness_has_row(h, "storage.v1"));
}

static void a_large_storage_goes_in_parts(void **state)
{
  struct harness *h = *state;
  launch_large(h);
  restart(h);
  const struct played_worker *alice = &h->vats[ALICE];
  assert_false(alice->complete);
  assert_true(alice->state.count > 0 && alice->state.count < MANY_KEYS);
  assert_true(bytes_is(alice->state.items[0].key, "k00000"));
  harness_page(h, ALICE, wish("k00500", 3, LIMIT_PAGE_BYTES));
  assert_string_equal(page_keys(h), "k00500 k00501 k00502 ...");
  harness_page(h, ALICE, wish("k00500x", 2, LIMIT_PAGE_BYTES));
  assert_string_equal(page_keys(h), "k00501 k00502 ...");
  harness_page(h, ALICE, wish("k00100", LIMIT_PAGE_ROWS, 2100));
  assert_string_equal(page_keys(h), "k00100 k00101 ...");
  harness_page(h, ALICE, wish("k00100", LIMIT_PAGE_ROWS, 1));
  assert_string_equal(page_keys(h), "k00100 ..."); /* one comes however large it is */
  harness_page(h, ALICE, wish("l", 5, 5));
  assert_string_equal(page_keys(h), "end");
  assert_int_equal(alice->page.rows.count, 0);
  harness_return(h, ALICE, "#1", NULL);
}

static void a_page_begins_just_behind_a_key(void **state)
{
  struct harness *h = *state;
  launch_large(h);
  harness_call(h, "alice", "look");
  harness_pump(h);
  harness_page(h, ALICE, (struct page_frame){7, bytes_from("k00007", 7), 1, 1});
  assert_string_equal(page_keys(h), "k00008 ...");
  harness_return(h, ALICE, "#1", NULL);
}

static void a_page_shows_what_earlier_cranks_did_and_nothing_of_this_one(void **state)
{
  struct harness *h = *state;
  struct key_value row = {bytes_of("k00001a"), bytes_of("new")};
  struct bytes gone = bytes_of("k00002");
  launch_large(h);
  kernel_deliver_ahead(h->kernel, 4);
  harness_call(h, "alice", "one");
  harness_call(h, "alice", "two");
  harness_pump(h);
  harness_page(h, ALICE, wish("k00001", 3, LIMIT_PAGE_BYTES));
  assert_string_equal(page_keys(h), "k00001 k00002 k00003 ...");
  harness_done(h, ALICE, (struct done_frame){.status = DONE_OK, .sets = {&row, 1}, .deletes = {&gone, 1}});
  harness_page(h, ALICE, wish("k00001", 3, LIMIT_PAGE_BYTES)); /* within the second, before any commit */
  assert_string_equal(page_keys(h), "k00001 k00001a k00003 ...");
  harness_return(h, ALICE, "#2", NULL);
}

static void a_page_out_of_turn_ends_the_vat(void **state)
{
  struct harness *h = *state;
  launch_large(h);
  harness_page(h, ALICE, wish("k", 1, 1));
  assert_int_equal(h->vats[ALICE].page.id, 0);
  assert_false(harness_has_row(h, "vatConfig.v1"));
  assert_false(harness_has_row(h, "storage.v1"));
}

static void assert_malformed(struct harness *h, struct page_frame frame)
{
  uint64_t call = harness_call(h, "alice", "look");
  harness_pump(h);
  harness_page(h, ALICE, frame);
  assert_int_equal(h->vats[ALICE].page.id, 0);
  assert_contains(harness_answer(h, call), "[KERNEL:VAT_TERMINATED]");
}

static void a_page_without_rows_is_malformed(void **state)
{
  launch_large(*state);
  assert_malformed(*state, wish("k", 0, 1));
}

static void a_page_of_too_many_rows_is_malformed(void **state)
{
  launch_large(*state);
  assert_malformed(*state, wish("k", LIMIT_PAGE_ROWS + 1, 1));
}

static void a_page_of_too_many_bytes_is_malformed(void **state)
{
  launch_large(*state);
  assert_malformed(*state, wish("k", 1, LIMIT_PAGE_BYTES + 1));
}

static void too_many_pages_in_one_crank_are_a_limit(void **state)
{
  struct harness *h = *state;
  h->unchecked = true; /* the counts of so many steps */
  launch_large(h);
  uint64_t call = harness_call(h, "alice", "look");
  harness_pump(h);
  for (int i = 0; i < LIMIT_PAGES_PER_CRANK; i++)
    harness_page(h, ALICE, wish("l", 1, 1));
  assert_false(harness_is_answered(h, call));
  harness_page(h, ALICE, wish("l", 1, 1));
  assert_contains(harness_answer(h, call), "[KERNEL:LIMIT_EXCEEDED]");
  assert_string_equal(harness_row(h, "strikes.v1"), "1");
}

static void the_pages_of_each_crank_are_counted_for_themselves(void **state)
{
  struct harness *h = *state;
  h->unchecked = true;
  launch_large(h);
  for (int crank = 0; crank < 2; crank++) {
    uint64_t call = harness_call(h, "alice", "look");
    harness_pump(h);
    for (int i = 0; i < LIMIT_PAGES_PER_CRANK; i += 2)
      harness_page(h, ALICE, wish("l", 1, 1));
    harness_return(h, ALICE, "#1", NULL);
    assert_int_equal(harness_answer_code(h, call), VATD_OK);
  }
}

static void the_account_of_a_large_storage_is_a_row_and_goes_with_the_vat(void **state)
{
  struct harness *h = *state;
  launch_large(h);
  assert_contains(harness_row(h, "storage.v1"), ",most");
  const char *before = harness_row(h, "storage.v1");
  struct key_value row = {bytes_of("one"), bytes_of("more")};
  harness_call(h, "alice", "set");
  harness_pump(h);
  answer_crank(h, (struct done_frame){.status = DONE_OK, .sets = {&row, 1}});
  assert_string_equal(harness_row(h, "storage.v1"), before); /* it was written with some room */
  restart(h);
  harness_return(h, ALICE, "#1", NULL);
  assert_string_equal(harness_row(h, "storage.v1"), before);
}

static void a_crank_that_is_undone_leaves_the_account_alone(void **state)
{
  struct harness *h = *state;
  launch_large(h);
  const char *before = harness_row(h, "storage.v1");
  struct key_value *rows = arena_alloc_array(&h->arena, 200, sizeof *rows);
  for (size_t i = 0; i < 200; i++)
    rows[i] = big_row(h, 70000 + i);
  struct vat_syscall forged = call_send(h, "o-999", "#[\"m\",[]]", NULL, NULL);
  harness_call(h, "alice", "set");
  harness_pump(h);
  harness_done(h, ALICE, (struct done_frame){.status = DONE_LIMIT_MEMORY, .sets = {rows, 200}, .syscalls = &forged, .syscall_count = 1});
  harness_pump(h);
  assert_string_equal(harness_row(h, "storage.v1"), before);
}

static void a_database_without_accounts_is_counted_once(void **state)
{
  struct harness *h = *state;
  struct error error;
  launch_large(h);
  assert_int_equal(h->store->ops->delete(h->store, NULL, bytes_of("storage.v1"), &error), VATD_OK);
  kernel_commit(h->kernel);
  restart(h);
  harness_return(h, ALICE, "#1", NULL);
  assert_contains(harness_row(h, "storage.v1"), ",most");
}

static void a_quota_that_is_nearly_used_up_is_kept_exactly_across_a_restart(void **state)
{
  struct harness *h = *state;
  char expected[64];
  harness_begin_launch(h, "{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\",\"limits\":{\"storageBytes\":600000}}}}");
  harness_return(h, ALICE, "#1", NULL);
  struct key_value *rows = arena_alloc_array(&h->arena, MANY_KEYS, sizeof *rows);
  for (size_t i = 0; i < MANY_KEYS; i++)
    rows[i] = big_row(h, i);
  harness_call(h, "alice", "fill");
  harness_pump(h);
  answer_crank(h, (struct done_frame){.status = DONE_OK, .sets = {rows, MANY_KEYS}});
  size_t bytes = MANY_KEYS * (BIG_VALUE + strlen("k00000"));
  snprintf(expected, sizeof expected, "%zu,%zu,exact", bytes, (size_t)MANY_KEYS);
  assert_string_equal(harness_row(h, "storage.v1"), expected);
  restart(h);
  struct bytes gone = rows[5].key;
  answer_crank(h, (struct done_frame){.status = DONE_OK, .sets = {rows, 1}, .deletes = {&gone, 1}});
  snprintf(expected, sizeof expected, "%zu,%zu,exact", bytes - BIG_VALUE - strlen("k00000"), (size_t)MANY_KEYS - 1);
  assert_string_equal(harness_row(h, "storage.v1"), expected);
}

static void count_finding(void *context, const struct fsck_finding *finding)
{
  if (bytes_is(finding->key, "storage.v1"))
    ++*(size_t *)context;
}

/* How often the check complains of alice's account when its row is this. */
static size_t complaints_of(struct harness *h, const char *row)
{
  struct error error;
  size_t count = 0;
  assert_int_equal(h->store->ops->put(h->store, NULL, bytes_of("storage.v1"), bytes_of(row), &error), VATD_OK);
  fsck_store(h->store, NULL, count_finding, &count);
  return count;
}

static void the_check_finds_an_account_that_is_wrong(void **state)
{
  struct harness *h = *state;
  h->unchecked = true;
  launch_large(h);
  assert_int_equal(complaints_of(h, "100000000,100000,most"), 0);
  assert_int_equal(complaints_of(h, "100000000,3,most"), 1);
  assert_int_equal(complaints_of(h, "1000,100000,most"), 1);
  assert_int_equal(complaints_of(h, "100000000,100000,exact"), 1);
  assert_int_equal(complaints_of(h, "much"), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(a_small_storage_goes_with_init_as_a_whole),
      KERNEL_TEST(a_large_storage_goes_in_parts),
      KERNEL_TEST(a_page_begins_just_behind_a_key),
      KERNEL_TEST(a_page_shows_what_earlier_cranks_did_and_nothing_of_this_one),
      KERNEL_TEST(a_page_out_of_turn_ends_the_vat),
      KERNEL_TEST(a_page_without_rows_is_malformed),
      KERNEL_TEST(a_page_of_too_many_rows_is_malformed),
      KERNEL_TEST(a_page_of_too_many_bytes_is_malformed),
      KERNEL_TEST(too_many_pages_in_one_crank_are_a_limit),
      KERNEL_TEST(the_pages_of_each_crank_are_counted_for_themselves),
      KERNEL_TEST(the_account_of_a_large_storage_is_a_row_and_goes_with_the_vat),
      KERNEL_TEST(a_crank_that_is_undone_leaves_the_account_alone),
      KERNEL_TEST(a_database_without_accounts_is_counted_once),
      KERNEL_TEST(the_check_finds_an_account_that_is_wrong),
      KERNEL_TEST(a_quota_that_is_nearly_used_up_is_kept_exactly_across_a_restart),
  };
  return cmocka_run_group_tests_name("kernel_pages", tests, NULL, NULL);
}
