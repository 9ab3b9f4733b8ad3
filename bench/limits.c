/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/limits.c - what the machine allows: `limits DIRECTORY MILLISECONDS` prints one JSON object, each figure per second, after so long for
 * each. No kernel can
 * commit more often than the disk syncs, nor ask a worker more often than the scheduler switches.
 */
#include "stopwatch.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_EVERY 16 /* operations between two looks at the clock */
#define SYNC_BYTES 4096
#define MESSAGE_BYTES 200

static double seconds_each;

static _Noreturn void give_up(const char *what)
{
  fprintf(stderr, "limits: %s\n", what);
  exit(1);
}

/* How often `operation` succeeds in a second. */
static double rate(bool (*operation)(void *), void *context, const char *what)
{
  double began = stopwatch_now(), now;
  size_t count = 0;
  do {
    for (int i = 0; i < CHECK_EVERY; i++, count++) {
      if (!operation(context))
        give_up(what);
    }
    now = stopwatch_now();
  } while (now - began < seconds_each);
  return (double)count / (now - began);
}

static bool put_row(void *statement)
{
  static char value[100];
  static int number;
  memset(value, 'x', sizeof value);
  number = (number + 7919) % 10000;
  sqlite3_bind_int(statement, 1, number);
  sqlite3_bind_text(statement, 2, value, sizeof value, SQLITE_STATIC);
  bool done = sqlite3_step(statement) == SQLITE_DONE;
  return sqlite3_reset(statement) == SQLITE_OK && done;
}

/* Transactions of one row each, as `pragmas` say. */
static double transactions(const char *directory, const char *pragmas)
{
  char file[PATH_MAX];
  sqlite3 *database;
  sqlite3_stmt *statement;
  snprintf(file, sizeof file, "%s/limits.sqlite", directory);
  if (sqlite3_open(file, &database) != SQLITE_OK || sqlite3_exec(database, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
      sqlite3_exec(database, "CREATE TABLE kv (key INTEGER PRIMARY KEY, value TEXT)", NULL, NULL, NULL) != SQLITE_OK ||
      sqlite3_prepare_v2(database, "INSERT OR REPLACE INTO kv VALUES (?, ?)", -1, &statement, NULL) != SQLITE_OK)
    give_up("SQLite does not work");
  double result = rate(put_row, statement, "a transaction failed");
  sqlite3_finalize(statement);
  sqlite3_close(database); /* takes the log with it */
  unlink(file);
  return result;
}

static bool append_and_sync(void *fd)
{
  static const char data[SYNC_BYTES];
  return write(*(int *)fd, data, sizeof data) == sizeof data && fdatasync(*(int *)fd) == 0;
}

static bool append_and_sync_all(void *fd)
{
  static const char data[SYNC_BYTES];
  return write(*(int *)fd, data, sizeof data) == sizeof data && fsync(*(int *)fd) == 0;
}

static double syncs(const char *directory, bool (*operation)(void *))
{
  char file[PATH_MAX];
  snprintf(file, sizeof file, "%s/limits.data", directory);
  int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    give_up("cannot make a file");
  double result = rate(operation, &fd, "a sync failed");
  close(fd);
  unlink(file);
  return result;
}

static bool ask(void *fd)
{
  char message[MESSAGE_BYTES] = {0};
  return write(*(int *)fd, message, sizeof message) == sizeof message &&
         read(*(int *)fd, message, sizeof message) == sizeof message;
}

/* The other side of ask(), until the channel is closed. */
static void echo(int fd)
{
  char message[MESSAGE_BYTES];
  ssize_t got;
  while ((got = read(fd, message, sizeof message)) > 0 && write(fd, message, (size_t)got) == got)
    ;
}

static void pin(int core)
{
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

/* Round trips to another process that is bound to `core`, this one being bound to core 0. */
static double round_trips(int core)
{
  int fds[2];
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
    give_up("no socketpair");
  pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    pin(core);
    echo(fds[1]);
    _exit(0);
  }
  close(fds[1]);
  pin(0);
  double result = rate(ask, &fds[0], "the channel broke");
  close(fds[0]);
  waitpid(child, NULL, 0);
  sched_setaffinity(0, sizeof all, &all);
  return result;
}

int main(int argc, char **argv)
{
  if (argc != 3)
    return fprintf(stderr, "usage: limits DIRECTORY MILLISECONDS\n"), 2;
  seconds_each = strtod(argv[2], NULL) / 1000;
  printf("{\"walFull\":%.0f,", transactions(argv[1], "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
  printf("\"walNormal\":%.0f,", transactions(argv[1], "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"));
  printf("\"rollbackFull\":%.0f,", transactions(argv[1], "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL"));
  printf("\"fsync\":%.0f,\"fdatasync\":%.0f,", syncs(argv[1], append_and_sync_all), syncs(argv[1], append_and_sync));
  printf("\"sameCore\":%.0f", round_trips(0));
  if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
    printf(",\"acrossCores\":%.0f", round_trips(1));
  printf("}\n");
  return 0;
}
