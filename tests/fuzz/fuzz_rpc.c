/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_rpc.c - what clients send: the real daemon, its kernel on a real database, and a connection that says the input
 * and no more. Everything that comes back is JSON-RPC, and the connection ends.
 *
 * Of what a client may ask for, one thing is left out: a query may take a second (the store's own test has those), so inputs
 * that name one are passed over. There are no programs to start.
 */
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/client.h"
#include "daemon/daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_ROUNDS 2000
#define LONGEST_LIFE 20000 /* inputs of one daemon: what they leave in its database adds up */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct daemon one;
static char home[] = "/dev/shm/vatd-fuzz-XXXXXX";
static size_t inputs;

static void remove_home(void)
{
  static const char *const names[] = {"vatd.sqlite", "vatd.sqlite-wal", "vatd.log", "vatd.log.1", "vatd.pid", "vat-worker"};
  if (inputs > 0)
    daemon_close(&one);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = memory_printf("%s/%s", home, names[i]);
    unlink(path);
    free(path);
  }
  rmdir(home);
}

/* A program that is there and cannot be run. */
static void make_home(void)
{
  CHECK(mkdtemp(home));
  char *path = memory_printf("%s/vat-worker", home);
  close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
  free(path);
  atexit(remove_home);
}

static void need_daemon(void)
{
  struct error error = {0};
  struct daemon_options options = {.home = home, .programs = home, .reset = true};
  if (inputs == 0)
    make_home();
  if (inputs > 0 && !one.stopping && inputs % LONGEST_LIFE)
    return;
  if (inputs > 0)
    daemon_close(&one);
  CHECK(daemon_open(&one, &options, &error) == VATD_OK);
  one.journal.on_line = NULL;
}

/* Reads what there is; false at the end. */
static bool take(int fd, struct buffer *answers)
{
  char piece[4096];
  ssize_t count;
  while ((count = recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
    buffer_append(answers, piece, (size_t)count);
  return count < 0;
}

static void check_answers(struct bytes rest)
{
  while (rest.size > 0) {
    const char *end = memchr(rest.data, '\n', rest.size);
    CHECK(end);
    json_t *answer = json_loadb(rest.data, (size_t)(end - rest.data), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    CHECK(json_is_object(answer) && json_object_get(answer, "jsonrpc"));
    CHECK(!json_object_get(answer, "result") != !json_object_get(answer, "error") || json_object_get(answer, "method"));
    json_decref(answer);
    rest = bytes_after(rest, (size_t)(end - rest.data) + 1);
  }
}

/* The other end of a new connection. */
static int connect_client(void)
{
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  struct client *client = client_new(&one.control, ends[0]);
  CHECK(client);
  control_take_in(&one.control, client);
  return ends[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct buffer answers;
  if (memmem(data, size, "DBQ", 3) || memmem(data, size, "\\u", 2))
    return 0;
  need_daemon();
  inputs++;
  buffer_init(&answers, 64 * MIB);
  int fd = connect_client();
  if (send(fd, data, size, MSG_NOSIGNAL) < 0)
    size = 0;
  shutdown(fd, SHUT_WR);
  int rounds = 0;
  while (take(fd, &answers) && ++rounds < MOST_ROUNDS)
    uv_run(vatd_loop(one.kernel), UV_RUN_NOWAIT);
  close(fd);
  check_answers(bytes_from(answers.data, answers.data && rounds < MOST_ROUNDS ? answers.size : 0));
  buffer_fini(&answers);
  return 0;
}
