/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/fault_vfs.h - an SQLite VFS that fails on demand.
 *
 * It stands on the default VFS and becomes the default itself. Calls are counted per kind over all files; the n-th one,
 * or all from the n-th on, fails with the code given. A sweep: run a script once and read the counts, then run it again
 * for every k up to the count.
 */
#ifndef VATD_TESTS_FAULT_VFS_H
#define VATD_TESTS_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_KINDS };

struct fault {
  enum fault_kind kind;
  uint64_t nth; /* counted from 1 after fault_vfs_plan */
  bool forever; /* all calls from there on */
  bool half;    /* a write that fails has written the first half of its bytes; a sync that fails has synced */
  bool die;     /* the process is killed instead */
  int code;     /* SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, ... */
};

/* Call once, before the first database is opened. */
void fault_vfs_install(void);
void fault_vfs_uninstall(void);
/* Sets all counts to 0 and plans one fault; NULL plans none. */
void fault_vfs_plan(const struct fault *fault);
uint64_t fault_vfs_count(enum fault_kind kind);
/* How many calls have failed since the plan. */
uint64_t fault_vfs_failures(void);

#endif
