/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/page_sums.h - what is known of a database outside it: the file DATABASE-sums.
 *
 * A page that was replaced by an older version of itself, and a database whose last commits are gone, are whole in
 * themselves; only somebody who was there can tell. So this file keeps, for every page of the database file, the sum of
 * what was last written there; the number of the last commit; and a random *token* of the opening that made it, which
 * the database holds too.
 *
 * It is a witness, not a part of the database: SQLite never reads it, and a database alone (a copy) is complete. When
 * it is missing it is made from the sums inside the pages, and then knows nothing older.
 *
 * Why this holds across a power cut: a page and its sum here are written together, by a checkpoint. Until both files
 * are synced (before SQLite may reuse its log) the page is read from the log and neither is looked at. The number of
 * the last commit is written without a sync and may be behind; it cannot be ahead.
 *
 * Functions that return int return a result of SQLite.
 */
#ifndef VATD_STORE_PAGE_SUMS_H
#define VATD_STORE_PAGE_SUMS_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct page_sums;

/* Opens or makes the file beside `database`; the caller holds the database's exclusive lock. CORRUPT when it is
 * damaged. */
enum vatd_code page_sums_open(sqlite3_vfs *vfs, const char *database, struct page_sums **sums, struct error *error);
/* NULL is fine. */
void page_sums_close(struct page_sums *sums);

/* Nothing is in it yet. */
bool page_sums_is_new(const struct page_sums *sums);
/* The last opening did not end in order. */
bool page_sums_was_in_use(const struct page_sums *sums);
/* The database's id; 0 while it is new. */
uint64_t page_sums_id(const struct page_sums *sums);
/* Takes the sums of all pages over from the pages themselves. */
int page_sums_rebuild(struct page_sums *sums, sqlite3_file *database);

/* What the database says of itself must not be older than, or foreign to, what is known here: else CORRUPT. */
enum vatd_code page_sums_judge(const struct page_sums *sums, uint64_t token, uint64_t epoch, uint64_t batch,
                               struct error *error);
/* Says, synced, that the database is in use from now on, and that its token will be `token` instead of `before`. */
int page_sums_begin(struct page_sums *sums, uint64_t id, uint64_t token, uint64_t before);
/* Notes the last durable commit. */
int page_sums_note(struct page_sums *sums, uint64_t epoch, uint64_t batch);
/* Says, synced, that the database was closed in order: its log is written back and gone. */
int page_sums_end(struct page_sums *sums);

/* Pages count from 1. */
int page_sums_get(struct page_sums *sums, uint32_t page, uint64_t *sum);
int page_sums_put(struct page_sums *sums, uint32_t page, uint64_t sum);
/* Forgets all pages after the first `pages`. */
int page_sums_truncate(struct page_sums *sums, uint32_t pages);
int page_sums_sync(struct page_sums *sums);

#endif
