/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/base_test.c - the base layer: buffers and their ceilings, arenas, the ordered map against a model, UTF-8,
 * errors.
 */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/json_bounds.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/ordmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define TEXT(literal) bytes_from(literal, sizeof(literal) - 1)

static uint64_t seeded(void)
{
  const char *given = getenv("VATD_TEST_SEED");
  uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
  print_message("VATD_TEST_SEED=%llu\n", (unsigned long long)seed);
  return seed;
}

static unsigned pick(uint64_t *random, unsigned below)
{
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  return (unsigned)(*random >> 11) % below;
}

/* --- bytes --- */

static void bytes_are_ordered_by_memcmp_and_prefixes_come_first(void **state)
{
  (void)state;
  assert_true(bytes_compare(TEXT("a"), TEXT("b")) < 0);
  assert_true(bytes_compare(TEXT("a"), TEXT("a\0")) < 0);
  assert_true(bytes_compare(TEXT("a\0"), TEXT("a\x01")) < 0);
  assert_true(bytes_compare(TEXT("\x7f"), TEXT("\xff")) < 0);
  assert_int_equal(bytes_compare(TEXT("same"), TEXT("same")), 0);
  assert_int_equal(bytes_compare((struct bytes){NULL, 0}, TEXT("")), 0);
  assert_true(bytes_start_with(TEXT("abc"), TEXT("")));
  assert_true(bytes_start_with(TEXT("abc"), TEXT("abc")));
  assert_false(bytes_start_with(TEXT("ab"), TEXT("abc")));
}

static void well_formed_utf8_is_what_unicode_says(void **state)
{
  (void)state;
  static const struct {
    const char *data;
    size_t size;
    bool good;
  } cases[] = {
      {"", 0, true},
      {"plain", 5, true},
      {"\0", 1, true},
      {"\x7F", 1, true},
      {"\x80", 1, false},
      {"\xC2\x80", 2, true},
      {"\xC2", 1, false},
      {"\xC0\x80", 2, false},
      {"\xC1\xBF", 2, false},
      {"\xC2\x20", 2, false},
      {"\xDF\xBF", 2, true},
      {"\xE0\xA0\x80", 3, true},
      {"\xE0\x9F\xBF", 3, false},
      {"\xE1\x80", 2, false},
      {"\xED\x9F\xBF", 3, true},
      {"\xED\xA0\x80", 3, false},
      {"\xED\xBF\xBF", 3, false},
      {"\xEE\x80\x80", 3, true},
      {"\xEF\xBF\xBF", 3, true},
      {"\xF0\x90\x80\x80", 4, true},
      {"\xF0\x8F\xBF\xBF", 4, false},
      {"\xF0\x90\x80", 3, false},
      {"\xF4\x8F\xBF\xBF", 4, true},
      {"\xF4\x90\x80\x80", 4, false},
      {"\xF5\x80\x80\x80", 4, false},
      {"\xFE", 1, false},
      {"\xFF", 1, false},
      {"ok\xF0\x9D\x84\x9E", 6, true},
      {"ok\xF0\x9D\x84", 5, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    /* A copy of exactly that size: the sanitizer sees a read beyond. */
    char *copy = memory_alloc(cases[i].size);
    memcpy(copy, cases[i].data, cases[i].size);
    if (bytes_are_utf8(bytes_from(copy, cases[i].size)) != cases[i].good)
      fail_msg("case %zu", i);
    free(copy);
  }
}

/* --- buffer --- */

static void a_buffer_holds_up_to_its_limit_and_no_more(void **state)
{
  (void)state;
  struct buffer buffer;
  buffer_init(&buffer, 5);
  assert_true(buffer_append_text(&buffer, "abc"));
  assert_true(buffer_append_text(&buffer, "de"));
  assert_true(buffer_append_text(&buffer, ""));
  assert_false(buffer_append_text(&buffer, "f"));
  assert_true(buffer.overflowed);
  assert_string_equal(buffer_text(&buffer), "abcde");
  assert_false(buffer_append_text(&buffer, "")); /* sticks */
  buffer_clear(&buffer);
  assert_false(buffer.overflowed);
  assert_true(buffer_append_text(&buffer, "again"));
  buffer_fini(&buffer);
}

static void an_append_that_does_not_fit_leaves_the_content(void **state)
{
  (void)state;
  struct buffer buffer;
  buffer_init(&buffer, 10);
  assert_true(buffer_append_text(&buffer, "abc"));
  assert_false(buffer_printf(&buffer, "%d", 123456789));
  assert_string_equal(buffer_text(&buffer), "abc");
  assert_false(buffer_reserve(&buffer, SIZE_MAX));
  assert_int_equal(buffer.size, 3);
  buffer_fini(&buffer);
}

static void an_empty_buffer_is_the_empty_text(void **state)
{
  (void)state;
  struct buffer buffer;
  buffer_init(&buffer, 0);
  assert_string_equal(buffer_text(&buffer), "");
  assert_true(buffer_append(&buffer, NULL, 0));
  assert_false(buffer_append(&buffer, "x", 1));
  buffer_fini(&buffer);
  char *text = buffer_detach(&buffer);
  assert_string_equal(text, "");
  free(text);
  buffer_fini(NULL);
}

static void a_buffer_grows_keeps_nul_and_is_consumed_from_the_front(void **state)
{
  (void)state;
  struct buffer buffer;
  buffer_init(&buffer, 1 << 20);
  for (int i = 0; i < 1000; i++)
    assert_true(buffer_append(&buffer, "a\0b", 3));
  assert_int_equal(buffer.size, 3000);
  assert_int_equal(buffer.data[3000], 0);
  buffer_consume(&buffer, 2998);
  assert_int_equal(buffer.size, 2);
  assert_memory_equal(buffer.data, "\0b", 3);
  buffer_consume(&buffer, 0);
  char *text = buffer_detach(&buffer);
  assert_memory_equal(text, "\0b", 3);
  assert_int_equal(buffer.size, 0);
  assert_true(buffer_append_text(&buffer, "usable again"));
  free(text);
  buffer_fini(&buffer);
}

/* --- arena --- */

static void an_arena_gives_zeroed_aligned_memory(void **state)
{
  (void)state;
  struct arena arena;
  arena_init(&arena);
  for (size_t size = 0; size < 3000; size += 7) {
    unsigned char *memory = arena_alloc(&arena, size);
    assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(memory[i], 0);
    memset(memory, 0xAA, size);
  }
  arena_clear(&arena);
  unsigned char *again = arena_alloc(&arena, 64);
  for (size_t i = 0; i < 64; i++)
    assert_int_equal(again[i], 0);
  arena_fini(&arena);
}

static void an_arena_takes_requests_larger_than_a_block(void **state)
{
  (void)state;
  struct arena arena;
  arena_init(&arena);
  char *small = arena_alloc(&arena, 10);
  memcpy(small, "stays", 6);
  memset(arena_alloc(&arena, 1 << 20), 1, 1 << 20);
  memset(arena_alloc_array(&arena, 1000, 100), 2, 100000);
  assert_string_equal(small, "stays");
  arena_fini(&arena);
  arena_fini(&arena);
}

static void an_arena_copies_and_prints(void **state)
{
  (void)state;
  struct arena arena;
  arena_init(&arena);
  struct bytes copy = arena_copy(&arena, TEXT("a\0b"));
  assert_int_equal(copy.size, 3);
  assert_memory_equal(copy.data, "a\0b", 4);
  assert_int_equal(arena_copy(&arena, (struct bytes){NULL, 0}).size, 0);
  assert_true(bytes_is(arena_printf(&arena, "%s%d", "ko", 7), "ko7"));
  arena_fini(&arena);
}

/* --- ordmap --- */

enum { MODEL_KEYS = 200, MODEL_STEPS = 20000 };

struct model {
  uint64_t random;
  unsigned values[MODEL_KEYS]; /* 0: not there; keys are in order of their index */
};

/* Two bytes, high and low, of which 0 and 255 occur: in memcmp order of the index. */
static struct bytes model_key(unsigned index, char key[2])
{
  key[0] = (char)(index / 8 * 10);
  key[1] = (char)(index % 8 * 36);
  return bytes_from(key, 2);
}

static void model_write(struct model *model, struct ordmap *map)
{
  char key[2];
  unsigned index = pick(&model->random, MODEL_KEYS);
  if (pick(&model->random, 3) == 0) {
    assert_int_equal(ordmap_remove(map, model_key(index, key)), model->values[index] != 0);
    model->values[index] = 0;
  } else {
    unsigned value = model->values[index] = pick(&model->random, 1u << 30) + 1;
    ordmap_put(map, model_key(index, key), bytes_from(&value, sizeof value));
  }
}

static void model_compare(const struct model *model, const struct ordmap *map)
{
  struct bytes key = {0};
  struct bytes value;
  size_t count = 0;
  bool more = ordmap_seek(map, key, &key, &value);
  for (unsigned i = 0; i < MODEL_KEYS; i++) {
    char expected[2];
    assert_int_equal(ordmap_get(map, model_key(i, expected), NULL), model->values[i] != 0);
    if (!model->values[i])
      continue;
    assert_true(more);
    assert_true(bytes_equal(key, model_key(i, expected)));
    assert_true(bytes_equal(value, bytes_from(&model->values[i], sizeof(unsigned))));
    count++;
    more = ordmap_next(map, key, &key, &value);
  }
  assert_false(more);
  assert_int_equal(map->count, count);
  assert_int_equal(map->total, count * (2 + sizeof(unsigned)));
}

static void an_ordered_map_agrees_with_a_sorted_model(void **state)
{
  (void)state;
  struct model model = {.random = seeded()};
  struct ordmap map;
  ordmap_init(&map);
  for (int step = 0; step < MODEL_STEPS; step++) {
    model_write(&model, &map);
    if (step % 50 == 0)
      model_compare(&model, &map);
    if (step % 5000 == 4999) {
      ordmap_clear(&map);
      memset(model.values, 0, sizeof model.values);
    }
  }
  model_compare(&model, &map);
  ordmap_clear(&map);
  assert_int_equal(map.count, 0);
  assert_int_equal(map.total, 0);
  ordmap_fini(&map);
  ordmap_fini(NULL);
}

/* The next number from `from` whose hash ends in as many zeros as no map of the test has chains for. */
static uint32_t of_one_chain(uint32_t from)
{
  while (XXH3_64bits(&from, sizeof from) & 0xfff)
    from++;
  return from;
}

static void keys_chosen_to_share_a_hash_are_found_too(void **state)
{
  (void)state;
  enum { KEYS = 300 };
  uint32_t keys[KEYS];
  struct ordmap map;
  struct bytes value;
  ordmap_init(&map);
  for (uint32_t i = 0; i < KEYS; i++) {
    keys[i] = of_one_chain(i ? keys[i - 1] + 1 : 1);
    ordmap_put(&map, bytes_from(&keys[i], sizeof keys[i]), bytes_from(&i, sizeof i));
  }
  for (uint32_t i = 0; i < KEYS; i += 3)
    assert_true(ordmap_remove(&map, bytes_from(&keys[i], sizeof keys[i])));
  for (uint32_t i = 0; i < KEYS; i++) {
    assert_int_equal(ordmap_get(&map, bytes_from(&keys[i], sizeof keys[i]), &value), i % 3 != 0);
    assert_true(i % 3 == 0 || bytes_equal(value, bytes_from(&i, sizeof i)));
  }
  ordmap_fini(&map);
}

static void seek_and_next_differ_on_a_key_that_is_there(void **state)
{
  (void)state;
  struct ordmap map;
  struct bytes key;
  struct bytes value;
  ordmap_init(&map);
  ordmap_put(&map, TEXT(""), TEXT("empty key"));
  ordmap_put(&map, TEXT("b"), TEXT(""));
  assert_true(ordmap_seek(&map, TEXT(""), &key, &value));
  assert_true(bytes_is(value, "empty key"));
  assert_true(ordmap_next(&map, TEXT(""), &key, &value));
  assert_true(bytes_is(key, "b"));
  assert_true(bytes_is(value, ""));
  assert_true(ordmap_seek(&map, TEXT("b"), &key, NULL));
  assert_false(ordmap_next(&map, TEXT("b"), &key, NULL));
  assert_false(ordmap_seek(&map, TEXT("c"), &key, NULL));
  assert_true(bytes_is(key, "b")); /* untouched */
  ordmap_fini(&map);
}

static void a_value_may_be_put_from_the_map_itself(void **state)
{
  (void)state;
  struct ordmap map;
  struct bytes value;
  ordmap_init(&map);
  ordmap_put(&map, TEXT("k"), TEXT("abcdef"));
  assert_true(ordmap_get(&map, TEXT("k"), &value));
  ordmap_put(&map, TEXT("k"), bytes_after(value, 3));
  assert_true(ordmap_get(&map, TEXT("k"), &value));
  assert_true(bytes_is(value, "def"));
  assert_false(ordmap_get(&map, TEXT("K"), NULL));
  ordmap_fini(&map);
}

/* --- error --- */

static void an_error_reads_from_the_outside_in(void **state)
{
  (void)state;
  struct error error;
  assert_int_equal(error_set_errno(&error, VATD_IO, ENOENT, "bundle file %s", "/x"), VATD_IO);
  assert_int_equal(error_wrap(&error, "vat \"%s\"", "bob"), VATD_IO);
  assert_int_equal(error_wrap(&error, "cannot launch"), VATD_IO);
  assert_string_equal(error.text, "cannot launch: vat \"bob\": bundle file /x: No such file or directory");
  assert_int_equal(error.code, VATD_IO);
}

static void a_text_that_does_not_fit_is_cut(void **state)
{
  (void)state;
  struct error error;
  char text[2 * ERROR_TEXT_MAX];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  error_set(&error, VATD_INVALID, "%s", text);
  assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
  error_wrap(&error, "prefix");
  assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
  assert_memory_equal(error.text, "prefix: xxx", 11);
  error_wrap(&error, "%s", text);
  assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
  assert_int_equal(error.code, VATD_INVALID);
}

static void an_error_may_go_nowhere(void **state)
{
  (void)state;
  assert_int_equal(error_set(NULL, VATD_LIMIT, "x"), VATD_LIMIT);
  assert_int_equal(error_set_errno(NULL, VATD_IO, EIO, "x"), VATD_IO);
}

static void codes_have_names(void **state)
{
  (void)state;
  assert_string_equal(vatd_code_name(VATD_OK), "OK");
  assert_string_equal(vatd_code_name(VATD_NOT_FOUND), "NOT_FOUND");
  assert_string_equal(vatd_code_name(VATD_REJECTED), "REJECTED");
  assert_string_equal(vatd_code_name((enum vatd_code)1000), "UNKNOWN");
}

static void json_is_bounded_before_it_is_parsed(void **state)
{
  static const struct {
    const char *text;
    size_t depth;
    size_t values;
  } cases[] = {{"", 0, 0},          {"5", 0, 0},       {"[]", 1, 1},           {"[1,2,3]", 1, 3}, {"{\"a\":1}", 1, 2}, {"[[[]]]", 3, 3},
               {"\"[[[{,:\"", 0, 0}, {"\"\\\"[\"", 0, 0}, {"[\"a\\\\\",[]]", 2, 3}, {"]]][", 1, 1},     {"\"[[[", 0, 0},     {"\"\\", 0, 0}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error error = {0};
    struct bytes text = bytes_of(cases[i].text);
    assert_int_equal(json_bounds_check(text, cases[i].depth, cases[i].values, &error), VATD_OK);
    if (cases[i].depth) {
      assert_int_equal(json_bounds_check(text, cases[i].depth - 1, 100, &error), VATD_LIMIT);
      assert_int_equal(json_bounds_check(text, 100, cases[i].values - 1, &error), VATD_LIMIT);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_is_bounded_before_it_is_parsed),
      cmocka_unit_test(bytes_are_ordered_by_memcmp_and_prefixes_come_first),
      cmocka_unit_test(well_formed_utf8_is_what_unicode_says),
      cmocka_unit_test(a_buffer_holds_up_to_its_limit_and_no_more),
      cmocka_unit_test(an_append_that_does_not_fit_leaves_the_content),
      cmocka_unit_test(an_empty_buffer_is_the_empty_text),
      cmocka_unit_test(a_buffer_grows_keeps_nul_and_is_consumed_from_the_front),
      cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
      cmocka_unit_test(an_arena_takes_requests_larger_than_a_block),
      cmocka_unit_test(an_arena_copies_and_prints),
      cmocka_unit_test(an_ordered_map_agrees_with_a_sorted_model),
      cmocka_unit_test(keys_chosen_to_share_a_hash_are_found_too),
      cmocka_unit_test(seek_and_next_differ_on_a_key_that_is_there),
      cmocka_unit_test(a_value_may_be_put_from_the_map_itself),
      cmocka_unit_test(an_error_reads_from_the_outside_in),
      cmocka_unit_test(a_text_that_does_not_fit_is_cut),
      cmocka_unit_test(an_error_may_go_nowhere),
      cmocka_unit_test(codes_have_names),
  };
  return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
