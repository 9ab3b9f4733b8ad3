/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_vatdjson.c - the daemon's configuration: taken, or refused with a reason. What it allows is what it says.
 */
#include "base/check.h"
#include "daemon/config.h"
#include "kernel/kernel.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error error = {0};
  struct config config;
  size_t i;
  const json_t *system;
  if (config_parse(&config, "vatd.json", bytes_from(data, size), &error) != VATD_OK) {
    CHECK(bytes_start_with(bytes_of(error.text), bytes_of("vatd.json")));
    CHECK(!config.file && !config.system_subclusters && !config.allowed_globals);
    return 0;
  }
  CHECK(json_is_object(config.file) && (!config.allowed_globals || json_is_array(config.allowed_globals)));
  json_array_foreach(config.system_subclusters, i, system)
    kernel_check_config(json_object_get(system, "config"), &error);
  config_fini(&config);
  return 0;
}
