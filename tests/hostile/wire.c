/* SPDX-License-Identifier: Apache-2.0 */
/* tests/hostile/wire.c - see wire.h. */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds without a byte, after which the daemon has failed: a net, not a measure */

bool wire_open(struct wire *wire, const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval patience = {.tv_sec = PATIENCE};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  wire->size = 0;
  wire->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (wire->fd < 0 || setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) {
    perror("evil_client: socket");
    exit(2);
  }
  if (connect(wire->fd, (struct sockaddr *)&address, sizeof address) == 0)
    return true;
  wire_close(wire);
  return false;
}

void wire_close(struct wire *wire)
{
  if (wire->fd >= 0)
    close(wire->fd);
  wire->fd = -1;
}

bool wire_send(struct wire *wire, const char *data, size_t size)
{
  while (size > 0) {
    ssize_t sent = send(wire->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0)
      return false;
    data += sent;
    size -= (size_t)sent;
  }
  return true;
}

size_t wire_send_some(struct wire *wire, const char *data, size_t size)
{
  ssize_t sent = send(wire->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : (size_t)sent;
}

bool wire_flood(struct wire *wire, const char *unit, size_t total)
{
  char piece[1 << 16];
  size_t unit_size = strlen(unit);
  size_t size = 0;
  while (size + unit_size <= sizeof piece) {
    memcpy(piece + size, unit, unit_size);
    size += unit_size;
  }
  for (size_t sent = 0; sent < total;) {
    size_t next = total - sent < size ? total - sent : size;
    if (!wire_send(wire, piece, next))
      return false;
    sent += next;
  }
  return true;
}

/* More bytes; 0 at the end. */
static size_t receive(struct wire *wire)
{
  if (wire->size == sizeof wire->in)
    wire->size = sizeof wire->in / 2; /* the rest of a long line does not matter */
  ssize_t count = recv(wire->fd, wire->in + wire->size, sizeof wire->in - wire->size, 0);
  if (count < 0 && errno == EAGAIN) {
    fprintf(stderr, "evil_client: the daemon has said nothing for %d s\n", PATIENCE);
    exit(1);
  }
  wire->size += count > 0 ? (size_t)count : 0;
  return count > 0 ? (size_t)count : 0;
}

const char *wire_line(struct wire *wire)
{
  static char line[LINE_MAX_SIZE];
  char *end;
  while (!(end = memchr(wire->in, '\n', wire->size))) {
    if (receive(wire) == 0)
      return NULL;
  }
  size_t size = (size_t)(end - wire->in);
  memcpy(line, wire->in, size);
  line[size] = '\0';
  wire->size -= size + 1;
  memmove(wire->in, end + 1, wire->size);
  return line;
}

bool wire_ended(struct wire *wire)
{
  return wire->size == 0 && receive(wire) == 0;
}

int wire_code(const char *line)
{
  const char *error = line ? strstr(line, "\"error\":{\"code\":") : NULL;
  if (error)
    return atoi(error + strlen("\"error\":{\"code\":"));
  return line && strstr(line, "\"result\":") ? 0 : 1;
}
