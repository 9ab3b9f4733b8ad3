/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idmap.h"
#include "kernel_test.h"

#include <stdio.h>

static void well_formed_krefs_are_parsed_and_printed_back(void **state)
{
  (void)state;
  const char *const good[] = {"ko1", "kp1", "ko0", "kp9223372036854775807"};
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    struct kref kref;
    assert_true(kref_parse(bytes_of(good[i]), &kref));
    assert_string_equal(kref_text(kref).text, good[i]);
  }
}

static void malformed_krefs_are_refused(void **state)
{
  (void)state;
  const char *const bad[] = {"", "k", "ko", "ko01", "ko-1", "ko+1", "ko 1", "kx1", "KO1", "ko1 ", "ko9223372036854775808",
                             "o+1", "ko1\n"};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    struct kref kref;
    if (kref_parse(bytes_of(bad[i]), &kref))
      fail_msg("'%s' was accepted", bad[i]);
  }
  struct kref kref;
  assert_false(kref_parse(bytes_from("ko1\0", 4), &kref));
}

static void all_forms_of_vrefs_are_told_apart(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    struct vref expected;
  } cases[] = {
      {"o+0", {.exported = true}},
      {"o-12", {.number = 12}},
      {"p+5", {.promise = true, .exported = true, .number = 5}},
      {"p-7", {.promise = true, .number = 7}},
      {"o+d6/1", {.exported = true, .durable = true, .number = 6, .instance = 1}},
      {"o+d10/1:0", {.exported = true, .durable = true, .faceted = true, .number = 10, .instance = 1}},
      {"o+v3/4", {.exported = true, .virtual = true, .number = 3, .instance = 4}},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const struct vref *expected = &cases[i].expected;
    struct vref vref;
    assert_true(vref_parse(bytes_of(cases[i].text), &vref));
    assert_int_equal(vref.promise, expected->promise);
    assert_int_equal(vref.exported, expected->exported);
    assert_int_equal(vref.durable, expected->durable);
    assert_int_equal(vref.virtual, expected->virtual);
    assert_int_equal(vref.faceted, expected->faceted);
    assert_int_equal(vref.number, expected->number);
    assert_int_equal(vref.instance, expected->instance);
  }
}

static void malformed_vrefs_are_refused(void **state)
{
  (void)state;
  const char *const bad[] = {"", "o", "o+", "o*1", "x+1", "o+01", "p+d1/2", "o-d1/2", "o+d1", "o+d1/", "o+d/1",
                             "o+d1/2:", "o+d1/2:x", "o+d1/2:1:1", "o+v1/2/3", "o+1 ", "o+-1", "d+1"};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    struct vref vref;
    if (vref_parse(bytes_of(bad[i]), &vref))
      fail_msg("'%s' was accepted", bad[i]);
  }
}

static void an_idmap_agrees_with_an_array_under_random_changes(void **state)
{
  (void)state;
  unsigned seed = 20261122;
  static char *model[257];
  static char targets[257];
  struct idmap map;
  printf("# seed %u\n", seed);
  idmap_init(&map);
  for (int i = 0; i < 200000; i++) {
    uint64_t id = 1 + (uint64_t)rand_r(&seed) % 256;
    if (rand_r(&seed) % 2) {
      model[id] = &targets[id];
      idmap_put(&map, id, model[id]);
    } else {
      model[id] = NULL;
      idmap_remove(&map, id);
    }
    uint64_t probe = 1 + (uint64_t)rand_r(&seed) % 256;
    assert_ptr_equal(idmap_get(&map, probe), model[probe]);
  }
  size_t expected = 0, position = 0, found = 0;
  for (size_t id = 1; id <= 256; id++)
    expected += model[id] != NULL;
  while (idmap_next(&map, &position))
    found++;
  assert_int_equal(found, expected);
  idmap_fini(&map);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(well_formed_krefs_are_parsed_and_printed_back),
      cmocka_unit_test(malformed_krefs_are_refused),
      cmocka_unit_test(all_forms_of_vrefs_are_told_apart),
      cmocka_unit_test(malformed_vrefs_are_refused),
      cmocka_unit_test(an_idmap_agrees_with_an_array_under_random_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
