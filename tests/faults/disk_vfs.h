/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/disk_vfs.h - an SQLite VFS that knows what a disk may hold after a power cut.
 *
 * It stands on the default VFS and becomes the default itself. Files are real, but nothing is ever synced: instead
 * every write, truncation, sync, creation and removal is recorded, and the disk as it may be after a cut is made from
 * the record. What was synced is there. Of what was written to a file since its last sync, each sector of 512 bytes is
 * there or not, in no order; so with truncations. A file that was never synced may not be there; one that was removed
 * may still be.
 *
 * Files are known by the last part of their names: use one directory.
 */
#ifndef VATD_TESTS_DISK_VFS_H
#define VATD_TESTS_DISK_VFS_H

#include "sim/rng.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* What has happened to the files of a directory. */
struct disk_log;

void disk_vfs_install(void);
void disk_vfs_uninstall(void);
/* Takes the files of the directory as they are for synced, and records from now on. None of them may be open. */
struct disk_log *disk_record(const char *directory);
/* Ends recording; disk_resume goes on with a log. Files must be closed and opened anew in between. */
void disk_stop(void);
void disk_resume(struct disk_log *log);
/* How many events have been recorded. */
size_t disk_position(const struct disk_log *log);
/* Replaces the files of the directory by what a cut after the first `position` events may have left. */
void disk_cut(const struct disk_log *log, const char *directory, size_t position, struct rng *rng);
/* NULL is fine. */
void disk_log_free(struct disk_log *log);

#endif
