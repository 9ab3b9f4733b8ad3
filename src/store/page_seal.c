/* SPDX-License-Identifier: Apache-2.0 */
/* store/page_seal.c - see page_seal.h. */
#include "store/page_seal.h"

#include <endian.h>
#include <string.h>
#include <xxhash.h>

#define CONTENT_SIZE (STORE_PAGE_SIZE - STORE_SUM_SIZE)

uint64_t page_seal_sum(const unsigned char *page, uint32_t number, uint64_t id)
{
  return XXH3_64bits_withSeed(page, CONTENT_SIZE, number) ^ id;
}

uint64_t page_seal_stored(const unsigned char raw[STORE_SUM_SIZE])
{
  uint64_t sum;
  memcpy(&sum, raw, sizeof sum);
  return le64toh(sum);
}

uint64_t page_seal_of(const unsigned char *page) { return page_seal_stored(page + CONTENT_SIZE); }

uint64_t page_seal_put(unsigned char *page, uint32_t number, uint64_t id)
{
  uint64_t sum = page_seal_sum(page, number, id);
  uint64_t raw = htole64(sum);
  memcpy(page + CONTENT_SIZE, &raw, sizeof raw);
  return sum;
}

uint64_t page_seal_id(const unsigned char *page, uint32_t number)
{
  return page_seal_sum(page, number, 0) ^ page_seal_of(page);
}
