/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/rig.h - a real vatd as a child of a test: started, talked to, killed.
 *
 * Whatever cannot be gone on from (no process, no answer within a minute) ends the test program with "Bail out!".
 */
#ifndef TESTS_CRASH_RIG_H
#define TESTS_CRASH_RIG_H

#include "base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rig {
  const char *vatd; /* the program */
  char *home;
  pid_t pid; /* 0: not running */
  int words; /* what it says on its standard error */
};

struct connection {
  int fd;
  struct buffer input;
};

_Noreturn void bail_out(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_microseconds(void);

/* The process adopts workers whose daemon has died, so that rig_reap can see them go. */
void rig_adopt_orphans(void);
/* Reaps children that have ended; when `all`, waits until none is left. Returns how many were reaped. */
unsigned rig_reap(bool all);

/* Starts the daemon; it may not listen yet. */
void rig_start(struct rig *rig);
void rig_wait_until_listening(struct rig *rig);
/* SIGKILL, and waits for its end. */
void rig_kill(struct rig *rig);
/* SIGTERM; returns the wait status. */
int rig_stop(struct rig *rig);
/* What SQLite's integrity_check says of a copy of the database; the caller frees it. "ok" is good. */
char *rig_check_database(const struct rig *rig);

void connection_open(struct connection *c, const struct rig *rig);
void connection_close(struct connection *c);
/* False when the daemon has gone. */
bool connection_send(struct connection *c, const char *line);
/* Reads what there is, at least something; false at the end. */
bool connection_receive(struct connection *c);
/* The next whole line that has been received, parsed; NULL when there is none. The caller drops it. */
json_t *connection_take(struct connection *c);
/* Waits until there is something to read, at most until `deadline` (now_microseconds); false when that has come. */
bool connections_wait(const struct connection *connections, size_t count, uint64_t deadline);

#endif
