/* SPDX-License-Identifier: Apache-2.0 */
/* tests/crash/rig.c - see rig.h. */
#include "rig.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 8

_Noreturn void bail_out(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  printf("not ok - Bail out! ");
  vprintf(format, args);
  printf("\n");
  va_end(args);
  fflush(stdout);
  exit(1);
}

uint64_t now_microseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- processes ---- */

void rig_adopt_orphans(void)
{
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    bail_out("prctl: %s", strerror(errno));
}

unsigned rig_reap(bool all)
{
  unsigned count = 0;
  while (waitpid(-1, NULL, all ? 0 : WNOHANG) > 0)
    count++;
  return count;
}

static _Noreturn void run_daemon(const struct rig *rig, int words)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that bails out */
  dup2(words, STDERR_FILENO);
  execl(rig->vatd, rig->vatd, "--home", rig->home, (char *)NULL);
  fprintf(stderr, "%s: %s\n", rig->vatd, strerror(errno));
  _exit(127);
}

void rig_start(struct rig *rig)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    bail_out("pipe: %s", strerror(errno));
  rig->pid = fork();
  if (rig->pid < 0)
    bail_out("fork: %s", strerror(errno));
  if (rig->pid == 0)
    run_daemon(rig, ends[1]);
  close(ends[1]);
  rig->words = ends[0];
}

void rig_wait_until_listening(struct rig *rig)
{
  char text[4096];
  size_t size = 0;
  ssize_t count = 1;
  text[0] = '\0';
  while (count > 0 && size < sizeof text - 1 && !strstr(text, "listening on")) {
    count = read(rig->words, text + size, sizeof text - 1 - size);
    size += count > 0 ? (size_t)count : 0;
    text[size] = '\0';
  }
  if (!strstr(text, "listening on"))
    bail_out("the daemon does not start: %s", text);
}

static int end_daemon(struct rig *rig, int signal)
{
  int status = 0;
  kill(rig->pid, signal);
  if (waitpid(rig->pid, &status, 0) != rig->pid)
    bail_out("waitpid: %s", strerror(errno));
  close(rig->words);
  rig->pid = 0;
  return status;
}

void rig_kill(struct rig *rig)
{
  end_daemon(rig, SIGKILL);
}

int rig_stop(struct rig *rig)
{
  return end_daemon(rig, SIGTERM);
}

/* ---- the database ---- */

static void copy_file(const char *from, const char *to)
{
  int in = open(from, O_RDONLY | O_CLOEXEC);
  if (in < 0)
    return; /* there need not be a log */
  int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t count;
  while ((count = sendfile(out, in, NULL, 1 * MIB)) > 0)
    ;
  if (out < 0 || count < 0)
    bail_out("cannot copy %s: %s", from, strerror(errno));
  close(in);
  close(out);
}

static char *integrity_of(const char *path)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;
  char *text;
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
      sqlite3_step(stmt) == SQLITE_ROW)
    text = memory_strdup((const char *)sqlite3_column_text(stmt, 0));
  else
    text = memory_strdup(sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  return text;
}

char *rig_check_database(const struct rig *rig)
{
  static const char *const parts[] = {"", "-wal"};
  char *copies[2];
  for (int i = 0; i < 2; i++) {
    char *from = memory_printf("%s/vatd.sqlite%s", rig->home, parts[i]);
    copies[i] = memory_printf("%s/copy.sqlite%s", rig->home, parts[i]);
    unlink(copies[i]);
    copy_file(from, copies[i]);
    free(from);
  }
  char *text = integrity_of(copies[0]);
  for (int i = 0; i < 2; i++) {
    unlink(copies[i]);
    free(copies[i]);
  }
  return text;
}

/* ---- connections ---- */

void connection_open(struct connection *c, const struct rig *rig)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/vatd.sock", rig->home);
  c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
    bail_out("cannot connect to %s: %s", address.sun_path, strerror(errno));
  buffer_init(&c->input, LIMIT_RPC_ANSWER);
}

void connection_close(struct connection *c)
{
  close(c->fd);
  c->fd = -1;
  buffer_fini(&c->input);
}

bool connection_send(struct connection *c, const char *line)
{
  size_t size = strlen(line);
  while (size > 0) {
    ssize_t count = send(c->fd, line, size, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR)
      return false;
    line += count > 0 ? count : 0;
    size -= count > 0 ? (size_t)count : 0;
  }
  return true;
}

bool connection_receive(struct connection *c)
{
  if (!buffer_reserve(&c->input, 64 * KIB))
    bail_out("the daemon's answer is too long");
  ssize_t count;
  do
    count = recv(c->fd, c->input.data + c->input.size, 64 * KIB, 0);
  while (count < 0 && errno == EINTR);
  c->input.size += count > 0 ? (size_t)count : 0;
  return count > 0;
}

json_t *connection_take(struct connection *c)
{
  json_error_t said;
  char *end = c->input.size ? memchr(c->input.data, '\n', c->input.size) : NULL;
  if (!end)
    return NULL;
  size_t size = (size_t)(end - c->input.data);
  json_t *message = json_loadb(c->input.data, size, JSON_REJECT_DUPLICATES, &said);
  if (!json_is_object(message))
    bail_out("the daemon's answer is not JSON-RPC: %.*s", (int)size, c->input.data);
  buffer_consume(&c->input, size + 1);
  return message;
}

bool connections_wait(const struct connection *connections, size_t count, uint64_t deadline)
{
  struct pollfd polls[MAX_CONNECTIONS];
  uint64_t now = now_microseconds();
  if (now >= deadline)
    return false;
  struct timespec left = {(time_t)((deadline - now) / 1000000), (long)((deadline - now) % 1000000) * 1000};
  for (size_t i = 0; i < count; i++)
    polls[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
  return ppoll(polls, count, &left, NULL) > 0;
}
