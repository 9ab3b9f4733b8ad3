/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/store_check.h - looking a database file over without being the one that uses it, and copying one that is in use.
 */
#ifndef VATD_STORE_CHECK_H
#define VATD_STORE_CHECK_H

#include "kernel/fsck.h"

/*
 * Looks at the file as a file: its header, the sum of every page and, where there are a log and a file of sums beside it,
 * whether they belong together; SQLite's integrity check; the schema; the engine's own rows. Every wrong page, tree and row
 * is told as a finding of the table "file".
 *
 * The database is locked and not changed. Where it can be read as a store, *store is that store, for reading only, and
 * *lists what it holds; the caller closes one and frees the other. Otherwise *store is NULL, and a finding says why.
 * Errors: BUSY (another process has it), NOT_FOUND, IO, READ_ONLY: nothing is known.
 */
enum vatd_code store_sqlite_inspect(const char *path, fsck_found_fn *found, void *context, struct store **store,
                                    struct fsck_lists *lists, struct error *error);
void store_lists_free(struct fsck_lists *lists);

/*
 * A copy of the open store that ends up as the store is when the copy is complete: what is committed meanwhile is copied too.
 * One at a time. The copy is a whole database by itself, with sums in its pages and an id of its own; it is not synced.
 */
struct store_backup;

/* `path` is an empty file, or one to be overwritten. */
enum vatd_code store_backup_begin(struct store *store, const char *path, struct store_backup **backup, struct error *error);
/* Copies up to `pages` pages; *left is how many there are still, 0: complete. BUSY: a batch is open, try after its commit. */
enum vatd_code store_backup_step(struct store_backup *backup, int pages, int *left, int *total, struct error *error);
/* Closes the copy, also one that is not complete. NULL is fine. The store must still be open. */
enum vatd_code store_backup_end(struct store_backup *backup, struct error *error);

#endif
