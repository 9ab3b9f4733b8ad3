/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/disk_vfs.c - see disk_vfs.h.
 *
 * A cut is taken in one of five ways, of which the first three are what real disks do most: nothing unsynced is there;
 * all of it; all up to some event before, which is torn; each sector by a coin; each sector by a die that is loaded
 * anew for each cut.
 */
#include "disk_vfs.h"

#include "base/check.h"
#include "base/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512, FILES = 8, NAME_SIZE = 64 };

enum event_kind { CREATED, WRITTEN, TRUNCATED, SYNCED, REMOVED };

struct event {
  enum event_kind kind;
  int file;
  sqlite3_int64 offset; /* or the size it was cut to */
  size_t size;
  unsigned char *data;
};

struct content {
  bool exists;
  size_t size;
  size_t room;
  unsigned char *data;
};

struct disk_file {
  sqlite3_file base;
  sqlite3_file *below;
  int number;
};

struct disk_log {
  char names[FILES][NAME_SIZE];
  int files;
  struct content synced[FILES]; /* when recording began */
  struct event *events;
  size_t count;
  size_t room;
};

static struct {
  sqlite3_vfs vfs;
  sqlite3_vfs *below;
  struct disk_log *log; /* NULL: nothing is recorded */
} disk;

/* --- the record --- */

static int number_of(struct disk_log *log, const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  for (int i = 0; i < log->files; i++) {
    if (strcmp(log->names[i], name) == 0)
      return i;
  }
  CHECK(log->files < FILES && strlen(name) < NAME_SIZE);
  strcpy(log->names[log->files], name);
  return log->files++;
}

static void record(struct event event, const void *data)
{
  struct disk_log *log = disk.log;
  if (!log)
    return;
  if (log->count == log->room) {
    log->room = log->room ? log->room * 2 : 1024;
    log->events = memory_realloc_array(log->events, log->room, sizeof *log->events);
  }
  if (data) {
    event.data = memory_alloc(event.size);
    memcpy(event.data, data, event.size);
  }
  log->events[log->count++] = event;
}

size_t disk_position(const struct disk_log *log) { return log->count; }

void disk_log_free(struct disk_log *log)
{
  if (!log)
    return;
  for (size_t i = 0; i < log->count; i++)
    free(log->events[i].data);
  for (int i = 0; i < FILES; i++)
    free(log->synced[i].data);
  free(log->events);
  free(log);
}

static void load_file(struct disk_log *log, const char *directory, const char *name)
{
  char *path = memory_printf("%s/%s", directory, name);
  struct content *content = &log->synced[number_of(log, name)];
  FILE *file = fopen(path, "rb");
  CHECK(file && fseek(file, 0, SEEK_END) == 0);
  content->exists = true;
  content->size = (size_t)ftell(file);
  content->data = memory_alloc(content->size + 1);
  rewind(file);
  CHECK(fread(content->data, 1, content->size, file) == content->size);
  fclose(file);
  free(path);
}

struct disk_log *disk_record(const char *directory)
{
  struct disk_log *log = memory_zalloc(sizeof *log);
  DIR *entries = opendir(directory);
  CHECK(entries);
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (entry->d_name[0] != '.')
      load_file(log, directory, entry->d_name);
  }
  closedir(entries);
  disk.log = log;
  return log;
}

void disk_stop(void) { disk.log = NULL; }

void disk_resume(struct disk_log *log) { disk.log = log; }

/* --- the cut --- */

struct cut {
  struct rng *rng;
  unsigned percent; /* of unsynced sectors that are there */
  size_t kept;      /* all events before this one are there; the one at this place is torn */
};

static void resize(struct content *content, size_t size)
{
  if (size >= content->room) {
    content->room = size + size / 2 + SECTOR;
    content->data = memory_realloc_array(content->data, content->room, 1);
  }
  if (size > content->size)
    memset(content->data + content->size, 0, size - content->size);
  content->size = size;
}

static void apply_bytes(struct content *content, const struct event *event, size_t from, size_t to)
{
  size_t at = (size_t)event->offset + from;
  if (content->size < (size_t)event->offset + to)
    resize(content, (size_t)event->offset + to);
  memcpy(content->data + at, event->data + from, to - from);
}

static void apply_sectors(struct content *content, const struct event *event, struct rng *rng, unsigned percent)
{
  for (size_t from = 0, to; from < event->size; from = to) {
    size_t rest = SECTOR - ((size_t)event->offset + from) % SECTOR;
    to = from + rest < event->size ? from + rest : event->size;
    if (rng_chance(rng, percent))
      apply_bytes(content, event, from, to);
  }
}

/* An event that the disk may or may not have seen. */
static void apply_perhaps(struct content *content, const struct event *event, size_t place, const struct cut *cut)
{
  unsigned percent = place < cut->kept ? 100 : place == cut->kept ? 50 : cut->percent;
  switch (event->kind) {
  case WRITTEN:
    apply_sectors(content, event, cut->rng, percent);
    break;
  case TRUNCATED:
    if (rng_chance(cut->rng, percent) && (size_t)event->offset < content->size)
      resize(content, (size_t)event->offset);
    break;
  case REMOVED:
    if (rng_chance(cut->rng, percent))
      content->exists = false;
    break;
  default:
    break;
  }
}

static const struct cut whole = {.percent = 100, .kept = SIZE_MAX};

/* The content of one file after a cut at `position`; everything before its last sync is there. */
static struct content content_after(const struct disk_log *log, int file, size_t position, const struct cut *cut)
{
  struct content content = {.exists = log->synced[file].exists};
  size_t synced = 0;
  resize(&content, log->synced[file].size);
  if (content.size)
    memcpy(content.data, log->synced[file].data, content.size);
  for (size_t i = 0; i < position; i++) {
    if (log->events[i].file == file && (log->events[i].kind == SYNCED || log->events[i].kind == CREATED))
      synced = i;
  }
  for (size_t i = 0; i < position; i++) {
    const struct event *event = &log->events[i];
    if (event->file != file)
      continue;
    if (event->kind == CREATED) {
      resize(&content, 0);
      content.exists = i < synced || rng_chance(cut->rng, 50);
    } else if (i <= synced && event->kind == SYNCED) {
      content.exists = true;
    } else {
      apply_perhaps(&content, event, i, i < synced ? &(struct cut){cut->rng, whole.percent, whole.kept} : cut);
    }
  }
  return content;
}

static void store_file(const char *directory, const char *name, const struct content *content)
{
  char *path = memory_printf("%s/%s", directory, name);
  unlink(path);
  if (content->exists) {
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(content->data, 1, content->size, file) == content->size);
    CHECK(fclose(file) == 0);
  }
  free(path);
}

void disk_cut(const struct disk_log *log, const char *directory, size_t position, struct rng *rng)
{
  struct cut cut = {.rng = rng};
  switch (rng_below(rng, 5)) {
  case 0:
    break;
  case 1:
    cut.kept = position;
    break;
  case 2:
    cut.kept = rng_below(rng, (uint32_t)position + 1);
    break;
  case 3:
    cut.percent = 50;
    break;
  default:
    cut.percent = rng_below(rng, 100);
  }
  for (int i = 0; i < log->files; i++) {
    struct content content = content_after(log, i, position, &cut);
    store_file(directory, log->names[i], &content);
    free(content.data);
  }
}

/* --- the VFS --- */

static sqlite3_file *below(sqlite3_file *file) { return ((struct disk_file *)file)->below; }

static struct event event_of(sqlite3_file *file, enum event_kind kind)
{
  return (struct event){.kind = kind, .file = ((struct disk_file *)file)->number};
}

static int file_close(sqlite3_file *file) { return below(file)->pMethods->xClose(below(file)); }

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
  return below(file)->pMethods->xRead(below(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
  struct event event = event_of(file, WRITTEN);
  event.offset = offset;
  event.size = (size_t)size;
  record(event, data);
  return below(file)->pMethods->xWrite(below(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  struct event event = event_of(file, TRUNCATED);
  event.offset = size;
  record(event, NULL);
  return below(file)->pMethods->xTruncate(below(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
  (void)flags;
  record(event_of(file, SYNCED), NULL);
  return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
  return below(file)->pMethods->xFileSize(below(file), size);
}

static int file_lock(sqlite3_file *file, int lock) { return below(file)->pMethods->xLock(below(file), lock); }

static int file_unlock(sqlite3_file *file, int lock) { return below(file)->pMethods->xUnlock(below(file), lock); }

static int file_check_reserved(sqlite3_file *file, int *result)
{
  return below(file)->pMethods->xCheckReservedLock(below(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
  return below(file)->pMethods->xFileControl(below(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file) { return below(file)->pMethods->xSectorSize(below(file)); }

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
  struct disk_file *ours = (struct disk_file *)file;
  (void)vfs;
  *ours = (struct disk_file){.below = (sqlite3_file *)(ours + 1)};
  bool known = name && access(name, F_OK) == 0;
  int rc = disk.below->xOpen(disk.below, name, ours->below, flags, out_flags);
  if (ours->below->pMethods)
    ours->base.pMethods = &methods;
  if (disk.log && name)
    ours->number = number_of(disk.log, name);
  if (!rc && !known)
    record(event_of(file, CREATED), NULL);
  return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
  (void)vfs;
  if (disk.log)
    record((struct event){.kind = REMOVED, .file = number_of(disk.log, name)}, NULL);
  return disk.below->xDelete(disk.below, name, sync_directory);
}

void disk_vfs_install(void)
{
  disk.below = sqlite3_vfs_find(NULL);
  disk.vfs = *disk.below;
  disk.vfs.zName = "disk";
  disk.vfs.pNext = NULL;
  disk.vfs.szOsFile = (int)sizeof(struct disk_file) + disk.below->szOsFile;
  disk.vfs.xOpen = vfs_open;
  disk.vfs.xDelete = vfs_delete;
  sqlite3_vfs_register(&disk.vfs, 1);
}

void disk_vfs_uninstall(void) { sqlite3_vfs_unregister(&disk.vfs); }
