/* SPDX-License-Identifier: Apache-2.0 */
/* bench/lines.c - see lines.h. */
#include "lines.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Waits until standard input can be read, and lets the kernel do what it has to do meanwhile. */
static void wait_for_input(struct vatd *kernel)
{
  struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = kernel ? vatd_fd(kernel) : -1, .events = POLLIN}};
  while (fds[0].revents == 0) {
    poll(fds, 2, kernel ? vatd_timeout(kernel) : -1);
    if (kernel)
      vatd_poll(kernel);
  }
}

static json_t *take_line(struct lines *lines, char *end)
{
  size_t size = (size_t)(end - lines->data);
  json_t *command = json_loadb(lines->data, size, 0, NULL);
  lines->size -= size + 1;
  memmove(lines->data, end + 1, lines->size);
  return command;
}

json_t *lines_next(struct lines *lines, struct vatd *kernel)
{
  for (;;) {
    char *end = memchr(lines->data, '\n', lines->size);
    if (end)
      return take_line(lines, end);
    wait_for_input(kernel);
    ssize_t got = read(STDIN_FILENO, lines->data + lines->size, sizeof lines->data - lines->size);
    if (got <= 0)
      return NULL;
    lines->size += (size_t)got;
  }
}

void lines_reply(json_t *reply)
{
  json_dumpf(reply, stdout, JSON_COMPACT);
  putchar('\n');
  fflush(stdout);
  json_decref(reply);
}
