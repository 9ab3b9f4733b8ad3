/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/checksum_vfs.h - the way of the store's pages to the disk and back: what comes back is what was written, or an
 * error.
 *
 * An SQLite VFS over the default one. On the way out every page gets its sum (page_seal.h), in the database file and in
 * the log, and the sum goes to a file beside the database too (page_sums.h). On the way in the sum must be right, and,
 * once the file is guarded, be the one that was last written there. SQLITE_IOERR_DATA says that it is not, and
 * checksum_vfs_complaint says where. Files stay such that any SQLite can read them, and carry a log into its database.
 *
 * Pages have STORE_PAGE_SIZE bytes, of which the last 8 are reserved. There is no shared memory: a connection must be
 * in exclusive locking mode before it uses the log.
 */
#ifndef VATD_STORE_CHECKSUM_VFS_H
#define VATD_STORE_CHECKSUM_VFS_H

#include "store/page_sums.h"

/* Its name, for sqlite3_open_v2. Registers it at the first call. */
const char *checksum_vfs_name(void);

/* Takes the exclusive lock of the connection's database, opens the file of sums, and checks every page against it from
 * now on. The connection must not have read anything yet. BUSY when someone else has the database. */
enum vatd_code checksum_vfs_guard(sqlite3 *db, struct error *error);
/* The sums of a guarded database, else NULL. */
struct page_sums *checksum_vfs_sums(sqlite3 *db);
/* Marks the database as in use under a new token; see page_sums_begin. */
int checksum_vfs_begin(sqlite3 *db, uint64_t token, uint64_t before);
/* Of a connection that looks a database over: its id, its file without us (NULL: not open), and whether its log, as far as
 * SQLite has read that, has a version of the page. */
uint64_t checksum_vfs_id(sqlite3 *db);
sqlite3_file *checksum_vfs_raw(sqlite3 *db);
bool checksum_vfs_log_has(sqlite3 *db, uint32_t page);
/* What was wrong with the last page that was not as it should be, or "". Borrowed until the connection closes. */
const char *checksum_vfs_complaint(sqlite3 *db);

#endif
