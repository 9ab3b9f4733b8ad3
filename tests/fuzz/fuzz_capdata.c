/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_capdata.c - the check of what vats send, and the names in it. What is said to be readable is read by the
 * decoder for vats in C too, unless it holds what only JavaScript knows; a name that is parsed is written the same.
 */
#include "base/check.h"
#include "kernel/ids.h"
#include "wire/capdata_check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void names(struct bytes text)
{
  struct kref kref;
  struct vref vref;
  uint64_t id;
  if (kref_parse(text, &kref))
    CHECK(bytes_is(text, kref_text(kref).text));
  if (vat_id_parse(text, &id))
    CHECK(bytes_is(text, vat_id_text(id).text));
  if (subcluster_id_parse(text, &id))
    CHECK(bytes_is(text, subcluster_id_text(id).text));
  vref_parse(text, &vref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct error error = {0};
  struct bytes slots[] = {bytes_of("o-1"), bytes_of("p-2"), bytes_of("o+d3/4")};
  struct capdata capdata = {.body = bytes_from(data, size), .slots = {slots, size % 4}};
  if (capdata_check(&capdata, &error) != VATD_OK)
    CHECK(error.text[0] && capdata_check_message(&capdata, &error) != VATD_OK);
  else
    capdata_check_message(&capdata, &error);
  names(capdata.body);
  return 0;
}
