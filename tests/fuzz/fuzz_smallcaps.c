/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_smallcaps.c - capdata in both directions. The input is decoded as a body, as vats send them; and if
 * it is JSON it is encoded, as clients send it, and the body that is made must be decodable.
 */
#include "base/check.h"
#include "base/limits.h"
#include "wire/smallcaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct bytes body)
{
  struct error error;
  json_t *value = NULL;
  json_t *slots = json_pack("[s, s, s]", "ko1", "kp2", "ko30");
  if (smallcaps_decode(body, slots, &value, &error) == VATD_OK)
    json_decref(value);
  smallcaps_is_undefined(body);
  json_decref(slots);
}

static void encode(const json_t *plain)
{
  struct error error;
  struct buffer body;
  json_t *value = NULL;
  json_t *slots = json_array();
  buffer_init(&body, 1 * MIB);
  if (smallcaps_encode(plain, &body, slots, &error) == VATD_OK) {
    CHECK(smallcaps_decode(buffer_bytes(&body), slots, &value, &error) == VATD_OK);
    json_decref(value);
  }
  buffer_fini(&body);
  json_decref(slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  decode(bytes_from(data, size));
  json_t *plain = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  if (plain)
    encode(plain);
  json_decref(plain);
  return 0;
}
