/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/room.h - room on the disk, looked for before it is needed.
 *
 * A COMMIT that fails is in doubt, and ends the process. So that it does not fail for want of room, its room is taken
 * before it begins: all pages of a batch are written to the log ahead of the COMMIT (sqlite.c), where a full disk only
 * undoes the batch; and for the little that the COMMIT itself writes, room_take() has blocks allotted behind the log's
 * end, which no other program can take then.
 *
 * And there is a reserve, the file DATABASE-reserve: room that nobody uses until the database is closed, when it is
 * given back, so that a full disk does not keep the log from being written back. It is also what must fit again before
 * a disk counts as no longer full, so that a kernel does not stumble on from byte to byte.
 *
 * A file system that cannot allot blocks has its free ones counted instead; others may be faster then.
 */
#ifndef VATD_STORE_ROOM_H
#define VATD_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#define ROOM_RESERVE 1048576  /* bytes of the reserve */
#define ROOM_OF_COMMIT 65536 /* more than a COMMIT writes after its pages have been written */

struct room {
  char *reserve; /* path; NULL: not opened, or already closed */
  char *log;     /* path */
  int log_fd;    /* or -1 */
  bool reserved;
  int64_t log_size; /* when it was last looked at */
  int64_t taken;    /* blocks are there up to this offset of the log */
};

/* For a database whose exclusive lock the caller holds: gives back what an opening that did not end in order has reserved. */
void room_open(struct room *room, const char *database);
/* Gives the reserve back. A room that was not opened is fine. */
void room_close(struct room *room);

/* Makes the reserve if it is not there; false when there is no room for it. */
bool room_reserve(struct room *room);
/* Whether so many bytes are free besides; also when nobody can say. */
bool room_has(const struct room *room, uint64_t bytes);
/* Makes sure that a COMMIT finds room; false when there is none. */
bool room_take(struct room *room);

#endif
