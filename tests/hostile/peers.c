/* SPDX-License-Identifier: Apache-2.0 */
/* tests/hostile/peers.c - attacks by how things are sent, and by not taking what is answered. */
#include "cases.h"
#include "wire.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
#define STATUS "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getStatus\"}\n"
#define FAT_QUERY                                                                                                          \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"executeDBQuery\",\"params\":[\"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "  \
  "SELECT i + 1 FROM n WHERE i < 9000) SELECT 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' FROM n\"]}\n"

enum { BUSY = -32000, MANY = 1000 };

static struct wire wires[2 * MANY];

static const char *open_many(const struct target *target, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (!wire_open(&wires[i], target->socket))
      return "turned away";
  }
  return NULL;
}

static void close_many(size_t count)
{
  for (size_t i = 0; i < count; i++)
    wire_close(&wires[i]);
}

static bool answers(struct wire *wire)
{
  return wire_send(wire, PING, strlen(PING)) && wire_code(wire_line(wire)) == 0;
}

static const char *one_byte_at_a_time(const struct target *target)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  for (const char *c = STATUS; *c; c++) {
    if (!wire_send(&wire, c, 1))
      return "dropped while sending";
  }
  int code = wire_code(wire_line(&wire));
  wire_close(&wire);
  return code == 0 ? NULL : "no answer";
}

static const char *comes_and_goes(const struct target *target)
{
  for (int i = 0; i < 2 * MANY; i++) {
    struct wire wire;
    if (!wire_open(&wire, target->socket))
      return "turned away";
    wire_close(&wire);
  }
  return NULL;
}

static const char *leaves_after(const struct target *target, const char *text, size_t size)
{
  for (int i = 0; i < MANY; i++) {
    struct wire wire;
    if (!wire_open(&wire, target->socket) || !wire_send(&wire, text, size))
      return "turned away";
    wire_close(&wire);
  }
  return NULL;
}

static const char *leaves_in_mid_line(const struct target *target)
{
  return leaves_after(target, STATUS, 20);
}

static const char *leaves_before_the_answer(const struct target *target)
{
  return leaves_after(target, STATUS, strlen(STATUS));
}

static const char *half_open(const struct target *target, const char *text, size_t size, int expected)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket) || !wire_send(&wire, text, size))
    return "turned away";
  shutdown(wire.fd, SHUT_WR);
  int code = wire_code(wire_line(&wire));
  bool ended = wire_ended(&wire);
  wire_close(&wire);
  return code != expected ? "another answer" : ended ? NULL : "it does not end";
}

static const char *half_open_after_a_request(const struct target *target)
{
  return half_open(target, STATUS, strlen(STATUS), 0);
}

static const char *half_open_in_mid_line(const struct target *target)
{
  return half_open(target, STATUS, 20, -32700);
}

static const char *deaf_from_the_start(const struct target *target)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  shutdown(wire.fd, SHUT_RD);
  wire_flood(&wire, PING, 1 << 20);
  wire_close(&wire);
  return NULL;
}

/* There may be 1,000: a further one takes the place of the one that was silent for longest. */
static const char *silent_connections(const struct target *target)
{
  const char *wrong = open_many(target, MANY + 100);
  if (!wrong && !answers(&wires[MANY + 99]))
    wrong = "the newest is not answered";
  if (!wrong && !wire_ended(&wires[0]))
    wrong = "the oldest is still there";
  if (!wrong && !answers(&wires[MANY + 98]))
    wrong = "the newest but one is gone";
  close_many(MANY + 100);
  return wrong;
}

static const char *busy_connections(const struct target *target)
{
  const char *wrong = open_many(target, 900);
  for (size_t i = 0; !wrong && i < 900; i++)
    wrong = wire_send(&wires[i], PING, strlen(PING)) ? NULL : "dropped";
  for (size_t i = 0; !wrong && i < 900; i++)
    wrong = wire_code(wire_line(&wires[i])) == 0 ? NULL : "one was not answered";
  close_many(900);
  return wrong;
}

static const char *half_lines(const struct target *target)
{
  const char *wrong = open_many(target, 900);
  for (size_t i = 0; !wrong && i < 900; i++)
    wire_flood(&wires[i], "[", 50000);
  close_many(900);
  return wrong;
}

/* 8 MiB are kept in all; the oldest line goes first. */
static const char *long_half_lines(const struct target *target)
{
  const char *wrong = open_many(target, 20);
  for (size_t i = 0; !wrong && i < 20; i++)
    wire_flood(&wires[i], " ", 3 << 20);
  if (!wrong && !wire_ended(&wires[0]))
    wrong = "the oldest half line is still kept";
  if (!wrong && !answers(&wires[19]))
    wrong = "the newest half line cannot be completed";
  close_many(20);
  return wrong;
}

/* Sends until nothing more is taken, or `most`; the bytes sent. */
static size_t stuff(struct wire *wire, const char *unit, size_t most)
{
  size_t size = strlen(unit);
  size_t sent = 0;
  struct pollfd room = {wire->fd, POLLOUT, 0};
  while (sent < most && poll(&room, 1, 200) > 0) {
    size_t part = wire_send_some(wire, unit + sent % size, size - sent % size);
    if (part == 0 && (room.revents & (POLLERR | POLLHUP)))
      break;
    sent += part;
  }
  return sent;
}

/* It is not read from while it does not take its answers, and gets all of them when it does. */
static const char *deaf(const struct target *target)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  size_t sent = stuff(&wire, PING, 32 << 20);
  size_t whole = sent / strlen(PING);
  const char *wrong = sent < (32 << 20) ? NULL : "32 MiB of requests were taken although no answer was read";
  for (size_t i = 0; !wrong && i < whole; i++)
    wrong = wire_code(wire_line(&wire)) == 0 ? NULL : "an answer is missing";
  wire_close(&wire);
  return wrong;
}

/* 120 answers of half a mebibyte that nobody takes. There is one query in a round of the loop: with the pings of the other
 * client all of them are made. */
static const char *deaf_to_much(const struct target *target)
{
  const char *wrong = open_many(target, 40);
  struct wire other;
  for (size_t i = 0; !wrong && i < 120; i++)
    wire_send_some(&wires[i % 40], FAT_QUERY, strlen(FAT_QUERY));
  if (!wrong && !wire_open(&other, target->socket))
    wrong = "another client is turned away";
  for (size_t i = 0; !wrong && i < 150; i++)
    wrong = answers(&other) ? NULL : "another client is not answered";
  if (!wrong)
    wire_close(&other);
  close_many(40);
  return wrong;
}

/* Many requests at once, all of them answered, in order. */
static const char *pipelined(const struct target *target)
{
  enum { LINES = 20000, AT_ONCE = 500 };
  struct wire wire;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  for (int i = 0; i < LINES; i += AT_ONCE) {
    for (int line = 0; line < AT_ONCE; line++)
      wire_send(&wire, PING, strlen(PING));
    for (int line = 0; line < AT_ONCE; line++) {
      if (wire_code(wire_line(&wire)) != 0)
        return "an answer is missing";
    }
  }
  wire_close(&wire);
  return NULL;
}

/* Calls that wait for ever: 2,000 of one connection are taken, then it is told so; and it may still look. */
static const char *calls_without_end(const struct target *target)
{
  struct wire wire;
  char call[200];
  int size = snprintf(call, sizeof call,
                      "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"queueMessage\",\"params\":[\"%s\",\"wait\",[]]}\n", target->vat);
  if (!wire_open(&wire, target->socket))
    return "turned away";
  for (int i = 0; i < 2010; i++) {
    if (!wire_send(&wire, call, (size_t)size))
      return "dropped";
  }
  const char *wrong = NULL;
  for (int i = 0; !wrong && i < 10; i++)
    wrong = wire_code(wire_line(&wire)) == BUSY ? NULL : "one call too many is not refused";
  wire_close(&wire);
  return wrong;
}

static size_t descriptors_of(pid_t pid)
{
  char path[64];
  size_t count = 0;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *directory = opendir(path);
  while (directory && readdir(directory))
    count++;
  if (directory)
    closedir(directory);
  return count;
}

/* Descriptors that are sent along are not taken. */
static const char *descriptors(const struct target *target)
{
  enum { SENT = 100 };
  struct wire wire;
  union {
    struct cmsghdr head;
    char data[CMSG_SPACE(SENT * sizeof(int))];
  } control = {.head = {.cmsg_len = CMSG_LEN(SENT * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  for (size_t i = 0; i < SENT; i++)
    memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &(int){STDERR_FILENO}, sizeof(int));
  if (!wire_open(&wire, target->socket) || !answers(&wire))
    return "turned away";
  size_t before = descriptors_of(target->pid);
  struct iovec line = {(char *)PING, strlen(PING)};
  struct msghdr message = {.msg_iov = &line, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.data};
  if (sendmsg(wire.fd, &message, MSG_NOSIGNAL) < 0 || wire_code(wire_line(&wire)) != 0)
    return "no answer";
  size_t after = descriptors_of(target->pid);
  wire_close(&wire);
  return before == after ? NULL : "the daemon has more descriptors than before";
}

const struct attack peer_attacks[] = {
    {"a client of one byte at a time is answered", one_byte_at_a_time},
    {"2,000 that connect and leave do no harm", comes_and_goes},
    {"1,000 that leave in the middle of a line do no harm", leaves_in_mid_line},
    {"1,000 that leave before their answer do no harm", leaves_before_the_answer},
    {"who sends no more is still answered", half_open_after_a_request},
    {"half a line that ends is a parse error", half_open_in_mid_line},
    {"who cannot hear does no harm", deaf_from_the_start},
    {"1,100 silent connections leave room for others", silent_connections},
    {"900 connections are all answered", busy_connections},
    {"900 half lines do no harm", half_lines},
    {"20 half lines of 3 MiB are not all kept", long_half_lines},
    {"who does not read is not read from, and loses nothing", deaf},
    {"120 large answers that nobody takes are not all kept", deaf_to_much},
    {"20,000 requests of one connection are answered", pipelined},
    {"calls without end are bounded", calls_without_end},
    {"descriptors that come along are not taken", descriptors},
};
const size_t peer_attack_count = COUNT_OF(peer_attacks);
