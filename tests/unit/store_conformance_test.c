/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_conformance_test.c - what kernel/store.h promises, asked of every engine.
 */
#include "store_fixture.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLEF "\xF0\x9D\x84\x9E" /* U+1D11E: four bytes of UTF-8, a surrogate pair in UTF-16 */
#define PRIVATE "\xEE\x80\x80"  /* U+E000: before U+1D11E in bytes and in code points, after it in UTF-16 units */

/* --- rows --- */

static void a_new_store_is_empty(void **state)
{
  struct fixture *f = *state;
  assert_scan(f, NULL, TEXT(""), "");
  assert_scan(f, "v1", TEXT(""), "");
  assert_absent(f, NULL, TEXT("nextVatId"));
}

static void a_written_value_is_read_back_before_and_after_the_commit(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("nextVatId"), TEXT("1")));
  assert_value(f, NULL, TEXT("nextVatId"), TEXT("1"));
  assert_done(commit(f));
  assert_value(f, NULL, TEXT("nextVatId"), TEXT("1"));
  fixture_reopen(f);
  assert_value(f, NULL, TEXT("nextVatId"), TEXT("1"));
}

static void a_second_put_replaces_the_value(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("k"), TEXT("long old value")));
  assert_done(put(f, "v1", TEXT("k"), TEXT("new")));
  assert_value(f, "v1", TEXT("k"), TEXT("new"));
  assert_scan(f, "v1", TEXT(""), "k");
}

static void an_empty_value_is_a_value(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("empty"), TEXT("")));
  assert_done(put(f, "v1", TEXT("empty"), (struct bytes){NULL, 0}));
  assert_done(commit(f));
  assert_value(f, NULL, TEXT("empty"), TEXT(""));
  assert_value(f, "v1", TEXT("empty"), TEXT(""));
}

static void an_empty_key_is_a_key(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", (struct bytes){NULL, 0}, TEXT("x")));
  assert_done(put(f, "v1", TEXT("a"), TEXT("y")));
  assert_value(f, "v1", TEXT(""), TEXT("x"));
  assert_scan(f, "v1", TEXT(""), "a"); /* before it the empty key, which joins as nothing */
  assert_done(drop(f, "v1", TEXT("")));
  assert_absent(f, "v1", TEXT(""));
}

static void deleting_a_key_that_is_not_there_is_no_error(void **state)
{
  struct fixture *f = *state;
  assert_done(drop(f, NULL, TEXT("never")));
  assert_done(drop(f, "v1", TEXT("never")));
  assert_done(commit(f));
}

static void keys_and_values_may_hold_nul(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("a\0b"), TEXT("x\0y")));
  assert_done(put(f, "v1", TEXT("a\0c"), TEXT("\0")));
  assert_done(put(f, "v1", TEXT("a"), TEXT("z")));
  assert_done(commit(f));
  assert_value(f, "v1", TEXT("a\0b"), TEXT("x\0y"));
  assert_value(f, "v1", TEXT("a\0c"), TEXT("\0"));
  assert_value(f, "v1", TEXT("a"), TEXT("z"));
  assert_done(drop(f, "v1", TEXT("a\0b")));
  assert_absent(f, "v1", TEXT("a\0b"));
  assert_value(f, "v1", TEXT("a\0c"), TEXT("\0"));
}

static void what_is_not_utf8_is_refused_and_changes_nothing(void **state)
{
  struct fixture *f = *state;
  assert_code(INVALID, put(f, NULL, TEXT("k\xFF"), TEXT("v")));
  assert_code(INVALID, put(f, "v1", TEXT("k"), TEXT("v\xED\xA0\x80")));
  assert_code(INVALID, put(f, "v1", TEXT("\xC0\x80"), TEXT("overlong NUL")));
  assert_code(INVALID, drop(f, "v1", TEXT("\x80")));
  assert_scan(f, NULL, TEXT(""), "");
  assert_scan(f, "v1", TEXT(""), "");
}

static void a_key_over_its_limit_is_refused(void **state)
{
  struct fixture *f = *state;
  char *key = memory_alloc(LIMIT_VATSTORE_KEY + 1);
  memset(key, 'k', LIMIT_VATSTORE_KEY + 1);
  assert_code(INVALID, put(f, "v1", bytes_from(key, LIMIT_VATSTORE_KEY + 1), TEXT("v")));
  assert_done(put(f, "v1", bytes_from(key, LIMIT_VATSTORE_KEY), TEXT("v")));
  assert_value(f, "v1", bytes_from(key, LIMIT_VATSTORE_KEY), TEXT("v"));
  free(key);
}

static void an_empty_vat_id_is_refused(void **state)
{
  struct fixture *f = *state;
  assert_code(INVALID, put(f, "", TEXT("k"), TEXT("v")));
  assert_code(INVALID, f->store->ops->delete_vat(f->store, "", &f->error));
}

static void a_buffer_too_small_for_the_value_is_misuse(void **state)
{
  struct fixture *f = *state;
  struct buffer small;
  buffer_init(&small, 2);
  assert_done(put(f, NULL, TEXT("k"), TEXT("abc")));
  assert_code(MISUSE, f->store->ops->get(f->store, NULL, TEXT("k"), &small, &f->error));
  assert_int_equal(small.size, 0);
  buffer_fini(&small);
}

/* --- order --- */

static void next_key_goes_in_byte_order(void **state)
{
  struct fixture *f = *state;
  static const char *const sorted[] = {"", "A", "B", "Z", "a", "a\x01", "aa", "b", "\xC3\xA9", PRIVATE, CLEF, CLEF "a"};
  size_t count = sizeof sorted / sizeof *sorted;
  for (size_t i = count; i-- > 0;)
    assert_done(put(f, "v1", bytes_of(sorted[i]), TEXT("v")));
  struct buffer key;
  buffer_init(&key, 100);
  for (size_t i = 1; i < count; i++) {
    buffer_clear(&key);
    assert_done(f->store->ops->next_key(f->store, "v1", bytes_of(sorted[i - 1]), &key, &f->error));
    assert_string_equal(buffer_text(&key), sorted[i]);
  }
  assert_code(NOT_FOUND, f->store->ops->next_key(f->store, "v1", bytes_of(sorted[count - 1]), &key, &f->error));
  buffer_fini(&key);
}

static void nul_sorts_before_everything_else(void **state)
{
  struct fixture *f = *state;
  struct buffer key;
  buffer_init(&key, 100);
  assert_done(put(f, NULL, TEXT("a\x01"), TEXT("")));
  assert_done(put(f, NULL, TEXT("a\0z"), TEXT("")));
  assert_done(put(f, NULL, TEXT("a\0"), TEXT("")));
  assert_done(f->store->ops->next_key(f->store, NULL, TEXT("a"), &key, &f->error));
  assert_true(bytes_equal(buffer_bytes(&key), TEXT("a\0")));
  buffer_clear(&key);
  assert_done(f->store->ops->next_key(f->store, NULL, TEXT("a\0"), &key, &f->error));
  assert_true(bytes_equal(buffer_bytes(&key), TEXT("a\0z")));
  buffer_clear(&key);
  assert_done(f->store->ops->next_key(f->store, NULL, TEXT("a\0z"), &key, &f->error));
  assert_true(bytes_equal(buffer_bytes(&key), TEXT("a\x01")));
  buffer_fini(&key);
}

static void next_key_stays_within_its_vat(void **state)
{
  struct fixture *f = *state;
  struct buffer key;
  buffer_init(&key, 100);
  assert_done(put(f, "v1", TEXT("a"), TEXT("")));
  assert_done(put(f, "v10", TEXT("b"), TEXT("")));
  assert_done(put(f, "v2", TEXT("c"), TEXT("")));
  assert_done(put(f, NULL, TEXT("d"), TEXT("")));
  assert_code(NOT_FOUND, f->store->ops->next_key(f->store, "v1", TEXT("a"), &key, &f->error));
  assert_done(f->store->ops->next_key(f->store, "v10", TEXT("a"), &key, &f->error));
  assert_string_equal(buffer_text(&key), "b");
  assert_code(NOT_FOUND, f->store->ops->next_key(f->store, "v3", TEXT(""), &key, &f->error));
  buffer_fini(&key);
}

static void a_scan_shows_the_prefix_and_nothing_else(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("ko1.owner"), TEXT("")));
  assert_done(put(f, NULL, TEXT("ko1.refCount"), TEXT("")));
  assert_done(put(f, NULL, TEXT("ko10.owner"), TEXT("")));
  assert_done(put(f, NULL, TEXT("ko2.owner"), TEXT("")));
  assert_done(put(f, "v1", TEXT("ko1.other"), TEXT("")));
  assert_scan(f, NULL, TEXT("ko1."), "ko1.owner ko1.refCount");
  assert_scan(f, NULL, TEXT("ko"), "ko1.owner ko1.refCount ko10.owner ko2.owner");
  assert_scan(f, NULL, TEXT("kp"), "");
  assert_scan(f, NULL, TEXT(CLEF), "");
  assert_scan(f, "v1", TEXT(""), "ko1.other");
}

static void a_scan_of_a_vat_stays_within_it(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("a"), TEXT("")));
  assert_done(put(f, "v10", TEXT("b"), TEXT("")));
  assert_done(put(f, "v2", TEXT("c"), TEXT("")));
  assert_scan(f, "v1", TEXT(""), "a");
  assert_scan(f, "v10", TEXT(""), "b");
  assert_scan(f, "v", TEXT(""), "");
}

static void a_scan_from_a_key_goes_on_to_the_end_of_the_vat(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("a"), TEXT("")));
  assert_done(put(f, "v1", TEXT("b"), TEXT("")));
  assert_done(put(f, "v1", TEXT("d"), TEXT("")));
  assert_done(put(f, "v10", TEXT("e"), TEXT("")));
  assert_done(put(f, "v2", TEXT("f"), TEXT("")));
  assert_done(commit(f));
  assert_done(put(f, "v1", TEXT("c"), TEXT("")));
  assert_done(put(f, "v1", TEXT("da"), TEXT("")));
  assert_done(drop(f, "v1", TEXT("b")));
  assert_scan_from(f, "v1", TEXT(""), "a c d da");
  assert_scan_from(f, "v1", TEXT("a"), "a c d da");
  assert_scan_from(f, "v1", TEXT("a\0"), "c d da");
  assert_scan_from(f, "v1", TEXT("b"), "c d da");
  assert_scan_from(f, "v1", TEXT("cz"), "d da");
  assert_scan_from(f, "v1", TEXT("e"), "");
  assert_scan_from(f, "v10", TEXT("a"), "e");
}

static bool stop_at_once(void *context, struct bytes key, struct bytes value)
{
  (void)key;
  (void)value;
  ++*(int *)context;
  return false;
}

static void a_scan_may_begin_just_behind_the_longest_key(void **state)
{
  struct fixture *f = *state;
  char *key = memory_zalloc(LIMIT_VATSTORE_KEY + 2);
  memset(key, 'k', LIMIT_VATSTORE_KEY);
  assert_done(put(f, "v1", bytes_from(key, LIMIT_VATSTORE_KEY), TEXT("")));
  assert_done(put(f, "v1", TEXT("z"), TEXT("")));
  assert_scan_from(f, "v1", bytes_from(key, LIMIT_VATSTORE_KEY + 1), "z");
  assert_code(INVALID, f->store->ops->scan_from(f->store, "v1", bytes_from(key, LIMIT_VATSTORE_KEY + 2), stop_at_once, NULL, &f->error));
  free(key);
}

static void a_scan_stops_when_told(void **state)
{
  struct fixture *f = *state;
  int rows = 0;
  assert_done(put(f, NULL, TEXT("a"), TEXT("")));
  assert_done(put(f, NULL, TEXT("b"), TEXT("")));
  assert_done(f->store->ops->scan(f->store, NULL, TEXT(""), stop_at_once, &rows, &f->error));
  assert_int_equal(rows, 1);
  assert_done(put(f, NULL, TEXT("c"), TEXT("")));
  assert_scan(f, NULL, TEXT(""), "a b c");
}

static bool read_and_try_to_write(void *context, struct bytes key, struct bytes value)
{
  struct fixture *f = context;
  (void)value;
  assert_value(f, NULL, key, TEXT("v"));
  assert_code(MISUSE, put(f, NULL, TEXT("x"), TEXT("")));
  assert_code(MISUSE, commit(f));
  assert_code(MISUSE, f->store->ops->scan(f->store, NULL, TEXT(""), stop_at_once, NULL, &f->error));
  return true;
}

static void inside_a_scan_one_may_get_but_not_write(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("a"), TEXT("v")));
  assert_done(put(f, NULL, TEXT("b"), TEXT("v")));
  assert_done(f->store->ops->scan(f->store, NULL, TEXT(""), read_and_try_to_write, f, &f->error));
  assert_scan(f, NULL, TEXT(""), "a b");
}

/* --- vats, bundles, clearing --- */

static void deleting_a_vat_leaves_the_others(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("a"), TEXT("1")));
  assert_done(put(f, "v1", TEXT("b\0c"), TEXT("1")));
  assert_done(put(f, "v11", TEXT("a"), TEXT("11")));
  assert_done(put(f, NULL, TEXT("v1"), TEXT("kernel")));
  assert_done(f->store->ops->delete_vat(f->store, "v1", &f->error));
  assert_scan(f, "v1", TEXT(""), "");
  assert_value(f, "v11", TEXT("a"), TEXT("11"));
  assert_value(f, NULL, TEXT("v1"), TEXT("kernel"));
  assert_done(rollback(f));
  assert_scan(f, "v11", TEXT(""), "");
}

static void a_bundle_is_kept_under_its_hash(void **state)
{
  struct fixture *f = *state;
  struct buffer code;
  buffer_init(&code, 100);
  assert_code(NOT_FOUND, f->store->ops->bundle_get(f->store, "abc", &code, &f->error));
  assert_done(f->store->ops->bundle_put(f->store, "abc", TEXT("{\"code\":\"\0\"}"), &f->error));
  assert_done(f->store->ops->bundle_put(f->store, "abc", TEXT("something else"), &f->error));
  assert_done(commit(f));
  assert_done(f->store->ops->bundle_get(f->store, "abc", &code, &f->error));
  assert_true(bytes_equal(buffer_bytes(&code), TEXT("{\"code\":\"\0\"}")));
  assert_done(f->store->ops->bundle_delete(f->store, "abc", &f->error));
  assert_done(f->store->ops->bundle_delete(f->store, "abc", &f->error));
  assert_code(NOT_FOUND, f->store->ops->bundle_get(f->store, "abc", &code, &f->error));
  assert_code(INVALID, f->store->ops->bundle_put(f->store, "", TEXT(""), &f->error));
  buffer_fini(&code);
}

static void clear_empties_all_tables_in_the_batch(void **state)
{
  struct fixture *f = *state;
  struct buffer code;
  buffer_init(&code, 100);
  assert_done(put(f, NULL, TEXT("a"), TEXT("1")));
  assert_done(put(f, "v1", TEXT("b"), TEXT("2")));
  assert_done(f->store->ops->bundle_put(f->store, "h", TEXT("x"), &f->error));
  assert_done(commit(f));
  assert_done(f->store->ops->clear(f->store, &f->error));
  assert_scan(f, NULL, TEXT(""), "");
  assert_scan(f, "v1", TEXT(""), "");
  assert_code(NOT_FOUND, f->store->ops->bundle_get(f->store, "h", &code, &f->error));
  assert_done(rollback(f));
  assert_scan(f, NULL, TEXT(""), "a");
  assert_scan(f, "v1", TEXT(""), "b");
  assert_done(f->store->ops->bundle_get(f->store, "h", &code, &f->error));
  buffer_fini(&code);
}

static void the_epoch_goes_on_counting_through_clear(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(f->store->epoch, 1);
  assert_done(put(f, NULL, TEXT("a"), TEXT("")));
  assert_done(f->store->ops->clear(f->store, &f->error));
  assert_done(commit(f));
  assert_value(f, NULL, TEXT("store.epoch"), TEXT("1"));
  fixture_reopen(f);
  assert_int_equal(f->store->epoch, 2);
  assert_value(f, NULL, TEXT("store.epoch"), TEXT("2"));
}

static void the_engines_own_rows_are_read_by_name_only(void **state)
{
  struct fixture *f = *state;
  struct buffer key;
  buffer_init(&key, 100);
  assert_done(put(f, NULL, TEXT("storage"), TEXT("")));
  assert_done(put(f, NULL, TEXT("store"), TEXT("")));
  assert_done(put(f, NULL, TEXT("store/"), TEXT("")));
  assert_done(put(f, "v1", TEXT("store.epoch"), TEXT("mine")));
  assert_code(INVALID, put(f, NULL, TEXT("store.epoch"), TEXT("9")));
  assert_code(INVALID, put(f, NULL, TEXT("store."), TEXT("9")));
  assert_code(INVALID, drop(f, NULL, TEXT("store.commit")));
  assert_scan(f, NULL, TEXT(""), "storage store store/");
  assert_scan(f, NULL, TEXT("store."), "");
  assert_scan(f, "v1", TEXT("store."), "store.epoch");
  assert_done(f->store->ops->next_key(f->store, NULL, TEXT("store"), &key, &f->error));
  assert_string_equal(buffer_text(&key), "store/");
  assert_value(f, NULL, TEXT("store.epoch"), TEXT("1"));
  assert_value(f, NULL, TEXT("store.commit"), TEXT("0 0"));
  buffer_fini(&key);
}

/* --- batches --- */

static void batches_count_from_one_and_report_their_outcome(void **state)
{
  struct fixture *f = *state;
  uint64_t batch = 0;
  assert_done(put(f, NULL, TEXT("a"), TEXT("")));
  assert_done(f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(batch, 1);
  assert_int_equal(f->last_batch, 1);
  assert_int_equal(f->last_outcome, STORE_DURABLE);
  assert_done(put(f, NULL, TEXT("a"), TEXT("2")));
  assert_done(f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(batch, 2);
  assert_int_equal(f->outcomes, 2);
  assert_value(f, NULL, TEXT("store.commit"), TEXT("1 2"));
  fixture_reopen(f);
  assert_value(f, NULL, TEXT("store.commit"), TEXT("1 2"));
  assert_done(put(f, NULL, TEXT("a"), TEXT("3")));
  assert_done(f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(batch, 1);
  assert_value(f, NULL, TEXT("store.commit"), TEXT("2 1"));
}

static void an_empty_batch_is_durable_too(void **state)
{
  struct fixture *f = *state;
  uint64_t batch = 0;
  assert_done(f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(batch, 1);
  assert_int_equal(f->last_outcome, STORE_DURABLE);
  assert_int_equal(f->last_batch, 1);
  assert_done(savepoint(f, "crank"));
  assert_done(release(f, "crank"));
  assert_done(f->store->ops->commit(f->store, &batch, &f->error));
  assert_int_equal(batch, 2);
  assert_value(f, NULL, TEXT("store.commit"), TEXT("0 0"));
}

static void what_was_not_committed_is_gone_after_reopening(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("a"), TEXT("kept")));
  assert_done(commit(f));
  assert_done(put(f, NULL, TEXT("a"), TEXT("lost")));
  assert_done(put(f, "v1", TEXT("b"), TEXT("lost")));
  fixture_reopen(f);
  assert_value(f, NULL, TEXT("a"), TEXT("kept"));
  assert_absent(f, "v1", TEXT("b"));
}

static void rollback_undoes_the_batch_and_its_savepoints(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("a"), TEXT("1")));
  assert_done(commit(f));
  assert_done(put(f, NULL, TEXT("a"), TEXT("2")));
  assert_done(savepoint(f, "crank"));
  assert_done(drop(f, NULL, TEXT("a")));
  assert_done(rollback(f));
  assert_value(f, NULL, TEXT("a"), TEXT("1"));
  assert_code(INVALID, release(f, "crank"));
  assert_done(rollback(f)); /* of nothing */
  assert_done(commit(f));
}

static void commit_inside_a_savepoint_is_misuse_and_changes_nothing(void **state)
{
  struct fixture *f = *state;
  assert_done(savepoint(f, "crank"));
  assert_done(put(f, NULL, TEXT("a"), TEXT("1")));
  assert_code(MISUSE, commit(f));
  assert_int_equal(f->outcomes, 0);
  assert_done(release(f, "crank"));
  assert_done(commit(f));
  assert_value(f, NULL, TEXT("a"), TEXT("1"));
}

/* --- savepoints --- */

static void rolling_back_to_a_savepoint_keeps_it(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("a"), TEXT("before")));
  assert_done(savepoint(f, "crank"));
  assert_done(put(f, NULL, TEXT("a"), TEXT("inside")));
  assert_done(put(f, NULL, TEXT("b"), TEXT("inside")));
  assert_done(rollback_to(f, "crank"));
  assert_value(f, NULL, TEXT("a"), TEXT("before"));
  assert_absent(f, NULL, TEXT("b"));
  assert_done(put(f, NULL, TEXT("c"), TEXT("again")));
  assert_done(rollback_to(f, "crank"));
  assert_absent(f, NULL, TEXT("c"));
  assert_done(release(f, "crank"));
  assert_code(INVALID, rollback_to(f, "crank"));
  assert_value(f, NULL, TEXT("a"), TEXT("before"));
}

static void releasing_a_savepoint_keeps_its_changes(void **state)
{
  struct fixture *f = *state;
  assert_done(savepoint(f, "outer"));
  assert_done(savepoint(f, "inner"));
  assert_done(put(f, NULL, TEXT("a"), TEXT("1")));
  assert_done(release(f, "inner"));
  assert_value(f, NULL, TEXT("a"), TEXT("1"));
  assert_done(rollback_to(f, "outer"));
  assert_absent(f, NULL, TEXT("a"));
}

static void an_outer_savepoint_ends_the_inner_ones(void **state)
{
  struct fixture *f = *state;
  assert_done(savepoint(f, "a"));
  assert_done(put(f, NULL, TEXT("k"), TEXT("1")));
  assert_done(savepoint(f, "b"));
  assert_done(put(f, NULL, TEXT("k"), TEXT("2")));
  assert_done(savepoint(f, "c"));
  assert_done(put(f, NULL, TEXT("k"), TEXT("3")));
  assert_done(rollback_to(f, "b"));
  assert_value(f, NULL, TEXT("k"), TEXT("1"));
  assert_code(INVALID, release(f, "c"));
  assert_string_equal(f->error.text, "No such savepoint: c");
  assert_done(release(f, "a"));
  assert_code(INVALID, release(f, "b"));
  assert_done(commit(f));
  assert_value(f, NULL, TEXT("k"), TEXT("1"));
}

static void of_two_savepoints_of_one_name_the_newest_is_meant(void **state)
{
  struct fixture *f = *state;
  assert_done(savepoint(f, "s"));
  assert_done(put(f, NULL, TEXT("k"), TEXT("1")));
  assert_done(savepoint(f, "s"));
  assert_done(put(f, NULL, TEXT("k"), TEXT("2")));
  assert_done(rollback_to(f, "s"));
  assert_value(f, NULL, TEXT("k"), TEXT("1"));
  assert_done(release(f, "s"));
  assert_done(rollback_to(f, "s"));
  assert_absent(f, NULL, TEXT("k"));
  assert_done(release(f, "s"));
  assert_code(INVALID, release(f, "s"));
}

static void savepoint_names_follow_the_rule(void **state)
{
  struct fixture *f = *state;
  char longest[66];
  memset(longest, 'x', sizeof longest);
  longest[64] = '\0';
  assert_done(savepoint(f, "_A9"));
  assert_done(savepoint(f, longest));
  assert_done(savepoint(f, "SELECT"));
  longest[64] = 'x';
  longest[65] = '\0';
  assert_code(INVALID, savepoint(f, longest));
  assert_code(INVALID, savepoint(f, ""));
  assert_code(INVALID, savepoint(f, "9a"));
  assert_code(INVALID, savepoint(f, "a b"));
  assert_code(INVALID, savepoint(f, "\xC3\xA9"));
  assert_code(INVALID, rollback_to(f, "a\"; DROP TABLE kv"));
  assert_string_equal(f->error.text, "Invalid identifier: a\"; DROP TABLE kv");
  assert_code(INVALID, release(f, "unknown"));
  assert_string_equal(f->error.text, "No such savepoint: unknown");
}

static void clear_and_delete_vat_are_undone_by_a_savepoint(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, NULL, TEXT("a"), TEXT("1")));
  assert_done(put(f, "v1", TEXT("b"), TEXT("2")));
  assert_done(savepoint(f, "s"));
  assert_done(f->store->ops->clear(f->store, &f->error));
  assert_done(put(f, "v1", TEXT("c"), TEXT("3")));
  assert_done(f->store->ops->delete_vat(f->store, "v1", &f->error));
  assert_done(rollback_to(f, "s"));
  assert_scan(f, NULL, TEXT(""), "a");
  assert_scan(f, "v1", TEXT(""), "b");
}

/* --- a random walk --- */

enum { WALK_KEYS = 12, WALK_DEPTH = 5, WALK_STEPS = 4000 };

/* values[k] is 0 for "not there", else the value's number. */
struct walk {
  uint64_t random;
  unsigned values[WALK_DEPTH + 2][WALK_KEYS]; /* [0]: committed, [1]: the batch, [2...]: as the savepoints found it */
  size_t depth;
  unsigned next;
};

static unsigned pick(struct walk *walk, unsigned below)
{
  walk->random ^= walk->random << 13;
  walk->random ^= walk->random >> 7;
  walk->random ^= walk->random << 17;
  return (unsigned)(walk->random >> 11) % below;
}

static struct bytes walk_key(unsigned k, char text[16])
{
  snprintf(text, 16, "%s%u", k % 3 ? "k" : CLEF, k);
  return bytes_of(text);
}

static const char *walk_vat(unsigned k)
{
  return k % 4 == 0 ? NULL : k % 4 == 1 ? "v1" : "v11";
}

static void walk_check(struct fixture *f, struct walk *walk)
{
  char key[16];
  char value[16];
  for (unsigned k = 0; k < WALK_KEYS; k++) {
    snprintf(value, sizeof value, "%u", walk->values[1][k]);
    if (walk->values[1][k])
      assert_value(f, walk_vat(k), walk_key(k, key), bytes_of(value));
    else
      assert_absent(f, walk_vat(k), walk_key(k, key));
  }
}

static void walk_write(struct fixture *f, struct walk *walk)
{
  char key[16];
  char value[16];
  unsigned k = pick(walk, WALK_KEYS);
  walk->values[1][k] = pick(walk, 3) ? ++walk->next : 0;
  snprintf(value, sizeof value, "%u", walk->values[1][k]);
  if (walk->values[1][k])
    assert_done(put(f, walk_vat(k), walk_key(k, key), bytes_of(value)));
  else
    assert_done(drop(f, walk_vat(k), walk_key(k, key)));
}

static void walk_savepoint(struct fixture *f, struct walk *walk)
{
  char name[32];
  if (walk->depth && pick(walk, 3)) {
    size_t place = pick(walk, (unsigned)walk->depth);
    snprintf(name, sizeof name, "s%zu", place);
    bool back = pick(walk, 2);
    assert_done(back ? rollback_to(f, name) : release(f, name));
    if (back)
      memcpy(walk->values[1], walk->values[2 + place], sizeof walk->values[1]);
    walk->depth = place + back;
  } else if (walk->depth < WALK_DEPTH) {
    snprintf(name, sizeof name, "s%zu", walk->depth);
    assert_done(savepoint(f, name));
    memcpy(walk->values[2 + walk->depth++], walk->values[1], sizeof walk->values[1]);
  }
}

static void walk_end_batch(struct fixture *f, struct walk *walk)
{
  bool back = pick(walk, 2);
  if (!back && walk->depth)
    assert_done(release(f, "s0"));
  assert_done(back ? rollback(f) : commit(f));
  if (back)
    memcpy(walk->values[1], walk->values[0], sizeof walk->values[0]);
  else
    memcpy(walk->values[0], walk->values[1], sizeof walk->values[0]);
  walk->depth = 0;
  if (pick(walk, 10) == 0)
    fixture_reopen(f);
}

static void a_random_walk_agrees_with_a_model(void **state)
{
  struct fixture *f = *state;
  const char *given = getenv("VATD_TEST_SEED");
  uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
  struct walk walk = {.random = seed};
  print_message("VATD_TEST_SEED=%llu\n", (unsigned long long)seed);
  for (int step = 0; step < WALK_STEPS; step++) {
    unsigned what = pick(&walk, 40);
    if (what == 0)
      walk_end_batch(f, &walk);
    else if (what < 12)
      walk_savepoint(f, &walk);
    else
      walk_write(f, &walk);
    if (step % 7 == 0)
      walk_check(f, &walk);
  }
}

#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

#define TESTS_OF_ONE_ENGINE(set_up) \
  TEST(a_new_store_is_empty, set_up), TEST(a_written_value_is_read_back_before_and_after_the_commit, set_up), \
      TEST(a_second_put_replaces_the_value, set_up), TEST(an_empty_value_is_a_value, set_up), \
      TEST(an_empty_key_is_a_key, set_up), TEST(deleting_a_key_that_is_not_there_is_no_error, set_up), \
      TEST(keys_and_values_may_hold_nul, set_up), TEST(what_is_not_utf8_is_refused_and_changes_nothing, set_up), \
      TEST(a_key_over_its_limit_is_refused, set_up), TEST(an_empty_vat_id_is_refused, set_up), \
      TEST(a_buffer_too_small_for_the_value_is_misuse, set_up), TEST(next_key_goes_in_byte_order, set_up), \
      TEST(nul_sorts_before_everything_else, set_up), TEST(next_key_stays_within_its_vat, set_up), \
      TEST(a_scan_shows_the_prefix_and_nothing_else, set_up), TEST(a_scan_of_a_vat_stays_within_it, set_up), \
      TEST(a_scan_from_a_key_goes_on_to_the_end_of_the_vat, set_up), \
      TEST(a_scan_may_begin_just_behind_the_longest_key, set_up), TEST(a_scan_stops_when_told, set_up), TEST(inside_a_scan_one_may_get_but_not_write, set_up), \
      TEST(deleting_a_vat_leaves_the_others, set_up), TEST(a_bundle_is_kept_under_its_hash, set_up), \
      TEST(clear_empties_all_tables_in_the_batch, set_up), TEST(the_epoch_goes_on_counting_through_clear, set_up), \
      TEST(the_engines_own_rows_are_read_by_name_only, set_up), \
      TEST(batches_count_from_one_and_report_their_outcome, set_up), TEST(an_empty_batch_is_durable_too, set_up), \
      TEST(what_was_not_committed_is_gone_after_reopening, set_up), \
      TEST(rollback_undoes_the_batch_and_its_savepoints, set_up), \
      TEST(commit_inside_a_savepoint_is_misuse_and_changes_nothing, set_up), \
      TEST(rolling_back_to_a_savepoint_keeps_it, set_up), TEST(releasing_a_savepoint_keeps_its_changes, set_up), \
      TEST(an_outer_savepoint_ends_the_inner_ones, set_up), \
      TEST(of_two_savepoints_of_one_name_the_newest_is_meant, set_up), TEST(savepoint_names_follow_the_rule, set_up), \
      TEST(clear_and_delete_vat_are_undone_by_a_savepoint, set_up), TEST(a_random_walk_agrees_with_a_model, set_up)

int main(void)
{
  const struct CMUnitTest memory[] = {TESTS_OF_ONE_ENGINE(fixture_set_up_memory)};
  const struct CMUnitTest sqlite[] = {TESTS_OF_ONE_ENGINE(fixture_set_up_sqlite)};
  const struct CMUnitTest batched[] = {TESTS_OF_ONE_ENGINE(fixture_set_up_batched)};
  int failed = cmocka_run_group_tests_name("store conformance: memory", memory, NULL, NULL);
  failed += cmocka_run_group_tests_name("store conformance: sqlite", sqlite, NULL, NULL);
  failed += cmocka_run_group_tests_name("store conformance: batched", batched, NULL, NULL);
  return failed != 0;
}
