/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_config.c - the check of cluster configurations: it says yes, or no with a reason that is UTF-8. And of any JSON
 * text, the look at its bounds counts what the parser makes of it, not one more or less.
 */
#include "base/check.h"
#include "base/json_bounds.h"
#include "kernel/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct extent {
  size_t values; /* as json_bounds_check counts: one for each element, two for a member, one for what is empty */
  size_t depth;
};

static void measure(const json_t *json, size_t level, struct extent *extent)
{
  size_t count = json_array_size(json) + 2 * json_object_size(json);
  size_t i;
  const char *name;
  json_t *value;
  if (!json_is_array(json) && !json_is_object(json))
    return;
  extent->depth = level > extent->depth ? level : extent->depth;
  extent->values += count ? count : 1;
  json_array_foreach(json, i, value)
    measure(value, level + 1, extent);
  json_object_foreach((json_t *)json, name, value)
    measure(value, level + 1, extent);
}

static void check_bounds(const json_t *json, struct bytes text)
{
  struct extent extent = {0};
  struct error error;
  measure(json, 1, &extent);
  CHECK(json_bounds_check(text, extent.depth, extent.values, &error) == VATD_OK);
  if (extent.depth > 0) {
    CHECK(json_bounds_check(text, extent.depth - 1, extent.values, &error) == VATD_LIMIT);
    CHECK(json_bounds_check(text, extent.depth, extent.values - 1, &error) == VATD_LIMIT);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error error = {0};
  json_t *config =
      json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  if (config && kernel_check_config(config, &error) != VATD_OK) {
    CHECK(error.code != VATD_OK && error.text[0]);
    CHECK(bytes_are_utf8(bytes_of(error.text)));
  }
  if (config)
    check_bounds(config, bytes_from(data, size));
  json_decref(config);
  return 0;
}
