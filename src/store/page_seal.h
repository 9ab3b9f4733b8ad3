/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/page_seal.h - the sum that every page of a database carries in its last 8 bytes.
 *
 * It is the XXH3 hash of the other bytes, seeded with the page's number, XOR the database's id: a random number by
 * which a page of another database is told from one of this. The id is nowhere else in the database; whoever knows a
 * good page knows the id.
 */
#ifndef VATD_STORE_PAGE_SEAL_H
#define VATD_STORE_PAGE_SEAL_H

#include <stdint.h>

#define STORE_PAGE_SIZE 4096
#define STORE_SUM_SIZE 8

/* What the page must carry, by its content. */
uint64_t page_seal_sum(const unsigned char *page, uint32_t number, uint64_t id);
/* What the last 8 bytes of a page say. */
uint64_t page_seal_stored(const unsigned char raw[STORE_SUM_SIZE]);
uint64_t page_seal_of(const unsigned char *page);
/* Puts the sum into the page and returns it. */
uint64_t page_seal_put(unsigned char *page, uint32_t number, uint64_t id);
/* The id of the database that this page, if it is undamaged, is from. */
uint64_t page_seal_id(const unsigned char *page, uint32_t number);

#endif
