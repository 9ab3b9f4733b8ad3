/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_config.c - the check of cluster configurations: it says yes, or no with a reason that is UTF-8. */
#include "base/check.h"
#include "kernel/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error error = {0};
  json_t *config =
      json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  if (config && kernel_check_config(config, &error) != VATD_OK) {
    CHECK(error.code != VATD_OK && error.text[0]);
    CHECK(bytes_are_utf8(bytes_of(error.text)));
  }
  json_decref(config);
  return 0;
}
