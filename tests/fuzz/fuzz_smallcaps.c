/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_smallcaps.c - capdata in both directions. The input is decoded as a body, as vats send them; and if
 * it is JSON it is encoded, as clients send it, and the body that is made must be decodable. The same for a vat, where what
 * was decoded must be encodable too.
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

/* What a vat has read it can say. Only the body may have become too large. */
static void encode_for_vat(const json_t *plain, bool must_be_data)
{
  struct error error;
  struct buffer body;
  json_t *value = NULL;
  json_t *slots = json_array();
  buffer_init(&body, 1 * MIB);
  enum vatd_code code = smallcaps_encode_for_vat(plain, &body, slots, &error);
  CHECK(code != VATD_INVALID || !must_be_data);
  if (code == VATD_OK) {
    CHECK(smallcaps_decode_for_vat(buffer_bytes(&body), slots, &value, &error) == VATD_OK);
    json_decref(value);
  }
  buffer_fini(&body);
  json_decref(slots);
}

static void decode_for_vat(struct bytes body)
{
  struct error error;
  json_t *value = NULL;
  json_t *slots = json_pack("[s, s, s]", "o-1", "p-2", "o+d3/4");
  if (smallcaps_decode_for_vat(body, slots, &value, &error) == VATD_OK) {
    encode_for_vat(value, true);
    json_decref(value);
  }
  json_decref(slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  decode_for_vat(bytes_from(data, size));
  decode(bytes_from(data, size));
  json_t *plain = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  if (plain) {
    encode(plain);
    encode_for_vat(plain, false);
  }
  json_decref(plain);
  return 0;
}
