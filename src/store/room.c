/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/room.c - see room.h.
 *
 * Blocks behind the log's end are allotted without changing its size, so that SQLite does not see them. The log's
 * descriptor is our own: SQLite holds no lock on that file that closing it could drop. Where the log has no name on the
 * disk (a test's file system in memory) nothing is done.
 */
#include "store/room.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_AT_ONCE (4 * ROOM_OF_COMMIT) /* allotted behind the log, when there is so much, so that it is seldom done */

void room_open(struct room *room, const char *database)
{
  *room = (struct room){
      .reserve = memory_printf("%s-reserve", database),
      .log = memory_printf("%s-wal", database),
      .log_fd = -1,
  };
  unlink(room->reserve);
}

void room_close(struct room *room)
{
  if (!room->reserve)
    return;
  unlink(room->reserve);
  if (room->log_fd >= 0)
    close(room->log_fd);
  free(room->reserve);
  free(room->log);
  *room = (struct room){.log_fd = -1};
}

static bool is_lack(int errnum)
{
  return errnum == ENOSPC || errnum == EDQUOT;
}

/* Whether so many bytes are free; also when nobody can say. */
static bool is_free(int fd, uint64_t bytes)
{
  struct statvfs fs;
  return fstatvfs(fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

/* Allots blocks at an offset; where that cannot be done, counts. */
static bool allot(int fd, int mode, int64_t offset, int64_t bytes)
{
  int result;
  do {
    result = fallocate(fd, mode, offset, bytes);
  } while (result != 0 && errno == EINTR);
  if (result == 0)
    return true;
  return !is_lack(errno) && is_free(fd, (uint64_t)bytes);
}

bool room_reserve(struct room *room)
{
  if (room->reserved || !room->reserve)
    return true;
  int fd = open(room->reserve, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return !is_lack(errno); /* what else is wrong is not a matter of room */
  room->reserved = allot(fd, 0, 0, ROOM_RESERVE);
  close(fd);
  if (!room->reserved)
    unlink(room->reserve);
  return room->reserved;
}

/*
 * The size of the log, or -1. Not by fstat(): since Linux 6.13 a file whose times somebody has looked at gets a new time at its next
 * write, and the sync after that write has one more block to write, the inode.
 */
static int64_t size_of_log(struct room *room)
{
  if (room->log_fd < 0 && room->log)
    room->log_fd = open(room->log, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  return room->log_fd < 0 ? -1 : (int64_t)lseek(room->log_fd, 0, SEEK_END);
}

bool room_take(struct room *room)
{
  int64_t size = size_of_log(room);
  if (size < 0)
    return true;
  if (size < room->log_size)
    room->taken = 0; /* it was cut, and what was behind it is gone */
  room->log_size = size;
  if (room->taken >= size + ROOM_OF_COMMIT)
    return true;
  int64_t bytes = ROOM_AT_ONCE;
  if (!allot(room->log_fd, FALLOC_FL_KEEP_SIZE, size, bytes)) {
    bytes = ROOM_OF_COMMIT;
    if (!allot(room->log_fd, FALLOC_FL_KEEP_SIZE, size, bytes))
      return false;
  }
  room->taken = size + bytes;
  return true;
}

bool room_has(const struct room *room, uint64_t bytes)
{
  return bytes == 0 || room->log_fd < 0 || is_free(room->log_fd, bytes);
}
