/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/fault_vfs.c - see fault_vfs.h. A file of ours is a header followed by the file of the VFS below; every
 * method but the five that can fail is passed on. Shared memory and mapping are not offered (version 1 methods): the
 * store uses neither.
 */
#include "fault_vfs.h"

#include <signal.h>
#include <string.h>

struct fault_file {
  sqlite3_file base;
  sqlite3_file *below; /* in the same allocation, after this struct */
};

static struct {
  sqlite3_vfs vfs;
  sqlite3_vfs *below;
  bool planned;
  struct fault fault;
  uint64_t counts[FAULT_KINDS];
  uint64_t failures;
} state;

static bool fails(enum fault_kind kind)
{
  uint64_t count = ++state.counts[kind];
  if (!state.planned || state.fault.kind != kind)
    return false;
  bool now = count == state.fault.nth || (state.fault.forever && count > state.fault.nth);
  state.failures += now;
  if (now && state.fault.die)
    raise(SIGKILL);
  return now;
}

static sqlite3_file *below(sqlite3_file *file)
{
  return ((struct fault_file *)file)->below;
}

static int file_close(sqlite3_file *file)
{
  return below(file)->pMethods->xClose(below(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
  return fails(FAULT_READ) ? state.fault.code : below(file)->pMethods->xRead(below(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
  if (!fails(FAULT_WRITE))
    return below(file)->pMethods->xWrite(below(file), data, size, offset);
  if (state.fault.half)
    below(file)->pMethods->xWrite(below(file), data, size / 2, offset);
  return state.fault.code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  return fails(FAULT_TRUNCATE) ? state.fault.code : below(file)->pMethods->xTruncate(below(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
  if (!fails(FAULT_SYNC))
    return below(file)->pMethods->xSync(below(file), flags);
  if (state.fault.half)
    below(file)->pMethods->xSync(below(file), flags);
  return state.fault.code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  return below(file)->pMethods->xFileSize(below(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
  return below(file)->pMethods->xLock(below(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
  return below(file)->pMethods->xUnlock(below(file), lock);
}

static int file_check_reserved(sqlite3_file *file, int *result)
{
  return below(file)->pMethods->xCheckReservedLock(below(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
  return below(file)->pMethods->xFileControl(below(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
  return below(file)->pMethods->xSectorSize(below(file));
}

static int file_characteristics(sqlite3_file *file)
{
  return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
  struct fault_file *ours = (struct fault_file *)file;
  (void)vfs;
  ours->base.pMethods = NULL;
  ours->below = (sqlite3_file *)(ours + 1);
  if (fails(FAULT_OPEN))
    return state.fault.code;
  int rc = state.below->xOpen(state.below, name, ours->below, flags, out_flags);
  if (ours->below->pMethods)
    ours->base.pMethods = &methods;
  return rc;
}

void fault_vfs_install(void)
{
  state.below = sqlite3_vfs_find(NULL);
  /* Everything but opening files is the lower VFS's own, called with ours as argument: it uses that for its name only.
   */
  state.vfs = *state.below;
  state.vfs.zName = "fault";
  state.vfs.pNext = NULL;
  state.vfs.szOsFile = (int)sizeof(struct fault_file) + state.below->szOsFile;
  state.vfs.xOpen = vfs_open;
  sqlite3_vfs_register(&state.vfs, 1);
  fault_vfs_plan(NULL);
}

void fault_vfs_uninstall(void)
{
  sqlite3_vfs_unregister(&state.vfs);
}

void fault_vfs_plan(const struct fault *fault)
{
  memset(state.counts, 0, sizeof state.counts);
  state.failures = 0;
  state.planned = fault != NULL;
  if (fault)
    state.fault = *fault;
}

uint64_t fault_vfs_count(enum fault_kind kind)
{
  return state.counts[kind];
}

uint64_t fault_vfs_failures(void)
{
  return state.failures;
}
