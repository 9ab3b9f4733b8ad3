/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vatstore_cache_test.c - the worker's storage cache: what is read, and what a checkpoint says. */
#include "base/limits.h"
#include "base/memory.h"
#include "vat/vatstore_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
  struct vatstore_cache cache;
  struct arena arena;
  struct error error;
};

static int set_up(void **state)
{
  struct fixture *fixture = memory_zalloc(sizeof *fixture);
  vatstore_cache_init(&fixture->cache);
  arena_init(&fixture->arena);
  *state = fixture;
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *fixture = *state;
  vatstore_cache_fini(&fixture->cache);
  arena_fini(&fixture->arena);
  free(fixture);
  return 0;
}

static void set(struct fixture *fixture, const char *key, const char *value)
{
  assert_int_equal(vatstore_cache_set(&fixture->cache, bytes_of(key), bytes_of(value), &fixture->error), VATD_OK);
}

static void delete(struct fixture *fixture, const char *key)
{
  assert_int_equal(vatstore_cache_delete(&fixture->cache, bytes_of(key), &fixture->error), VATD_OK);
}

/* The checkpoint as "key=value,...;deleted,...". */
static const char *checkpoint(struct fixture *fixture)
{
  struct key_value_list sets;
  struct bytes_list deletes;
  struct bytes text = {"", 0};
  vatstore_cache_checkpoint(&fixture->cache, &fixture->arena, &sets, &deletes);
  for (size_t i = 0; i < sets.count; i++)
    text = arena_printf(&fixture->arena, "%.*s%s%.*s=%.*s", BYTES_ARG(text), i > 0 ? "," : "",
                        BYTES_ARG(sets.items[i].key), BYTES_ARG(sets.items[i].value));
  text = arena_printf(&fixture->arena, "%.*s;", BYTES_ARG(text));
  for (size_t i = 0; i < deletes.count; i++)
    text = arena_printf(&fixture->arena, "%.*s%s%.*s", BYTES_ARG(text), i > 0 ? "," : "",
                        BYTES_ARG(deletes.items[i]));
  return text.data;
}

static void what_was_loaded_is_read_and_is_in_no_checkpoint(void **state)
{
  struct fixture *fixture = *state;
  struct bytes value;
  vatstore_cache_load(&fixture->cache, bytes_of("a"), bytes_of("1"));
  assert_true(vatstore_cache_get(&fixture->cache, bytes_of("a"), &value));
  assert_true(bytes_is(value, "1"));
  assert_false(vatstore_cache_get(&fixture->cache, bytes_of("b"), &value));
  assert_string_equal(checkpoint(fixture), ";");
}

/* The sequence of the TypeScript kernel's own test of its VatKVStore. */
static void a_checkpoint_has_the_last_values_and_the_deletes(void **state)
{
  struct fixture *fixture = *state;
  vatstore_cache_load(&fixture->cache, bytes_of("key1"), bytes_of("value1"));
  vatstore_cache_load(&fixture->cache, bytes_of("key2"), bytes_of("value2"));
  vatstore_cache_load(&fixture->cache, bytes_of("key3"), bytes_of("value3"));
  set(fixture, "key2", "revisedValue2");
  set(fixture, "key4", "value4");
  delete(fixture, "key1");
  assert_string_equal(checkpoint(fixture), "key2=revisedValue2,key4=value4;key1");
  vatstore_cache_forget_changes(&fixture->cache);
  assert_string_equal(checkpoint(fixture), ";");
  assert_int_equal(fixture->cache.rows.count, 3);
}

static void a_key_set_then_deleted_is_reported_as_deleted_only(void **state)
{
  struct fixture *fixture = *state;
  set(fixture, "a", "1");
  delete(fixture, "a");
  assert_string_equal(checkpoint(fixture), ";a");
  assert_false(vatstore_cache_get(&fixture->cache, bytes_of("a"), NULL));
}

static void a_key_deleted_then_set_is_reported_as_set_only(void **state)
{
  struct fixture *fixture = *state;
  vatstore_cache_load(&fixture->cache, bytes_of("a"), bytes_of("1"));
  delete(fixture, "a");
  set(fixture, "a", "2");
  assert_string_equal(checkpoint(fixture), "a=2;");
}

static void deleting_a_key_that_was_never_there_is_reported(void **state)
{
  struct fixture *fixture = *state;
  delete(fixture, "ghost");
  delete(fixture, "ghost");
  assert_string_equal(checkpoint(fixture), ";ghost");
}

static void setting_a_key_again_keeps_its_place(void **state)
{
  struct fixture *fixture = *state;
  set(fixture, "a", "1");
  set(fixture, "b", "2");
  set(fixture, "a", "3");
  assert_string_equal(checkpoint(fixture), "a=3,b=2;");
}

static void a_key_deleted_in_between_goes_to_the_end(void **state)
{
  struct fixture *fixture = *state;
  set(fixture, "a", "1");
  set(fixture, "b", "2");
  delete(fixture, "a");
  set(fixture, "a", "3");
  delete(fixture, "x");
  delete(fixture, "y");
  set(fixture, "x", "4");
  delete(fixture, "x");
  assert_string_equal(checkpoint(fixture), "b=2,a=3;y,x");
}

static void an_empty_value_is_a_value(void **state)
{
  struct fixture *fixture = *state;
  struct bytes value;
  set(fixture, "a", "");
  assert_true(vatstore_cache_get(&fixture->cache, bytes_of("a"), &value));
  assert_int_equal(value.size, 0);
  assert_string_equal(checkpoint(fixture), "a=;");
}

static void the_next_key_is_strictly_greater(void **state)
{
  struct fixture *fixture = *state;
  struct bytes key;
  set(fixture, "a", "1");
  set(fixture, "b", "2");
  assert_true(vatstore_cache_next_key(&fixture->cache, bytes_of(""), &key));
  assert_true(bytes_is(key, "a"));
  assert_true(vatstore_cache_next_key(&fixture->cache, bytes_of("a"), &key));
  assert_true(bytes_is(key, "b"));
  assert_true(vatstore_cache_next_key(&fixture->cache, bytes_of("aa"), &key));
  assert_true(bytes_is(key, "b"));
  assert_false(vatstore_cache_next_key(&fixture->cache, bytes_of("b"), &key));
}

/* U+1F600 sorts before U+FFFF in UTF-16 and after it in UTF-8. */
static void keys_are_in_the_order_of_their_utf8_bytes(void **state)
{
  struct fixture *fixture = *state;
  struct bytes key;
  set(fixture, "\xF0\x9F\x98\x80", "1");
  set(fixture, "\xEF\xBF\xBF", "2");
  assert_true(vatstore_cache_next_key(&fixture->cache, bytes_of("a"), &key));
  assert_true(bytes_is(key, "\xEF\xBF\xBF"));
  assert_true(vatstore_cache_next_key(&fixture->cache, key, &key));
  assert_true(bytes_is(key, "\xF0\x9F\x98\x80"));
}

static void a_key_may_hold_nul(void **state)
{
  struct fixture *fixture = *state;
  struct bytes value;
  struct bytes key = {"a\0b", 3};
  assert_int_equal(vatstore_cache_set(&fixture->cache, key, bytes_of("1"), &fixture->error), VATD_OK);
  assert_true(vatstore_cache_get(&fixture->cache, key, &value));
  assert_false(vatstore_cache_get(&fixture->cache, bytes_of("a"), &value));
}

static void a_key_or_value_over_its_limit_changes_nothing(void **state)
{
  struct fixture *fixture = *state;
  char *large = memory_zalloc(LIMIT_VATSTORE_VALUE + 1);
  struct bytes key = {large, LIMIT_VATSTORE_KEY + 1};
  struct bytes value = {large, LIMIT_VATSTORE_VALUE + 1};
  set(fixture, "a", "1");
  assert_int_equal(vatstore_cache_set(&fixture->cache, key, bytes_of("2"), &fixture->error), VATD_LIMIT);
  assert_int_equal(vatstore_cache_delete(&fixture->cache, key, &fixture->error), VATD_LIMIT);
  assert_int_equal(vatstore_cache_set(&fixture->cache, bytes_of("a"), value, &fixture->error), VATD_LIMIT);
  assert_string_equal(checkpoint(fixture), "a=1;");
  free(large);
}

static void pending_bytes_are_those_of_the_checkpoint(void **state)
{
  struct fixture *fixture = *state;
  set(fixture, "a", "12345");
  set(fixture, "a", "1");
  assert_int_equal(fixture->cache.pending_bytes, 2);
  set(fixture, "bb", "22");
  assert_int_equal(fixture->cache.pending_bytes, 6);
  delete(fixture, "bb");
  assert_int_equal(fixture->cache.pending_bytes, 4);
  vatstore_cache_forget_changes(&fixture->cache);
  assert_int_equal(fixture->cache.pending_bytes, 0);
}

/* Against a model that knows no lists: the last change of each key decides. */
static void any_sequence_of_changes_ends_in_the_right_list(void **state)
{
  struct fixture *fixture = *state;
  enum { UNTOUCHED, SET, DELETED } model[8] = {UNTOUCHED};
  uint32_t random = 12345;
  for (int step = 0; step < 10000; step++) {
    random = random * 1664525 + 1013904223;
    unsigned index = random >> 20 & 7;
    char key[2] = {(char)('a' + index), 0};
    if (random >> 30) {
      set(fixture, key, "v");
      model[index] = SET;
    } else {
      delete(fixture, key);
      model[index] = DELETED;
    }
    size_t sets = 0, deletes = 0;
    for (int i = 0; i < 8; i++) {
      sets += model[i] == SET;
      deletes += model[i] == DELETED;
    }
    assert_int_equal(fixture->cache.sets.count, sets);
    assert_int_equal(fixture->cache.deletes.count, deletes);
    assert_int_equal(fixture->cache.rows.count, sets);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(what_was_loaded_is_read_and_is_in_no_checkpoint),
      TEST(a_checkpoint_has_the_last_values_and_the_deletes),
      TEST(a_key_set_then_deleted_is_reported_as_deleted_only),
      TEST(a_key_deleted_then_set_is_reported_as_set_only),
      TEST(deleting_a_key_that_was_never_there_is_reported),
      TEST(setting_a_key_again_keeps_its_place),
      TEST(a_key_deleted_in_between_goes_to_the_end),
      TEST(an_empty_value_is_a_value),
      TEST(the_next_key_is_strictly_greater),
      TEST(keys_are_in_the_order_of_their_utf8_bytes),
      TEST(a_key_may_hold_nul),
      TEST(a_key_or_value_over_its_limit_changes_nothing),
      TEST(pending_bytes_are_those_of_the_checkpoint),
      TEST(any_sequence_of_changes_ends_in_the_right_list),
  };
  return cmocka_run_group_tests_name("vatstore_cache", tests, NULL, NULL);
}
