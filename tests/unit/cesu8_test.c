/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/cesu8_test.c - texts between UTF-8 and the engine's encoding. */
#include "vat-worker/cesu8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_both_ways(struct bytes utf8, struct bytes cesu8)
{
  char out[64];
  bool lone = false;
  assert_int_equal(cesu8_size(utf8), cesu8.size);
  cesu8_encode(utf8, out);
  assert_memory_equal(out, cesu8.data, cesu8.size);
  assert_int_equal(cesu8_decode(cesu8, out, &lone), utf8.size);
  assert_memory_equal(out, utf8.data, utf8.size);
  assert_false(lone);
}

static void most_texts_are_the_same_in_both(void **state)
{
  (void)state;
  assert_both_ways(bytes_of("plain"), bytes_of("plain"));
  assert_both_ways(bytes_of("\xC3\xA9 \xE2\x82\xAC \xEF\xBF\xBF \xED\x9F\xBF"),
                   bytes_of("\xC3\xA9 \xE2\x82\xAC \xEF\xBF\xBF \xED\x9F\xBF"));
}

static void nul_takes_two_bytes(void **state)
{
  (void)state;
  assert_both_ways(bytes_from("a\0b", 3), bytes_of("a\xC0\x80" "b"));
}

static void characters_beyond_the_basic_plane_are_two_surrogates(void **state)
{
  (void)state;
  assert_both_ways(bytes_of("\xF0\x9F\x98\x80"), bytes_of("\xED\xA0\xBD\xED\xB8\x80"));
  assert_both_ways(bytes_of("\xF0\x90\x80\x80"), bytes_of("\xED\xA0\x80\xED\xB0\x80"));
  assert_both_ways(bytes_of("x\xF4\x8F\xBF\xBFy"), bytes_of("x\xED\xAF\xBF\xED\xBF\xBFy"));
}

static void assert_lone(const char *cesu8, const char *expected)
{
  char out[64];
  bool lone = false;
  size_t size = cesu8_decode(bytes_of(cesu8), out, &lone);
  assert_true(lone);
  assert_true(bytes_is(bytes_from(out, size), expected));
}

static void a_lone_surrogate_is_told_and_replaced(void **state)
{
  (void)state;
  assert_lone("\xED\xA0\xBD", "\xEF\xBF\xBD");
  assert_lone("\xED\xB8\x80", "\xEF\xBF\xBD");
  assert_lone("a\xED\xB8\x80\xED\xA0\xBD" "b", "a\xEF\xBF\xBD\xEF\xBF\xBD" "b");
  assert_lone("\xED\xA0\xBD\xED\xA0\xBD\xED\xB8\x80", "\xEF\xBF\xBD\xF0\x9F\x98\x80");
}

static void every_character_comes_back(void **state)
{
  (void)state;
  for (uint32_t point = 0x10000; point <= 0x10FFFF; point += 97) {
    char utf8[5] = {(char)(0xF0 | point >> 18), (char)(0x80 | (point >> 12 & 0x3F)), (char)(0x80 | (point >> 6 & 0x3F)),
                    (char)(0x80 | (point & 0x3F)), 0};
    char cesu8[6], out[6];
    bool lone = false;
    assert_int_equal(cesu8_size(bytes_of(utf8)), 6);
    cesu8_encode(bytes_of(utf8), cesu8);
    assert_int_equal(cesu8_decode(bytes_from(cesu8, 6), out, &lone), 4);
    assert_memory_equal(out, utf8, 4);
    assert_false(lone);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(most_texts_are_the_same_in_both),
      cmocka_unit_test(nul_takes_two_bytes),
      cmocka_unit_test(characters_beyond_the_basic_plane_are_two_surrogates),
      cmocka_unit_test(a_lone_surrogate_is_told_and_replaced),
      cmocka_unit_test(every_character_comes_back),
  };
  return cmocka_run_group_tests_name("cesu8", tests, NULL, NULL);
}
