/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/hostile/wire.h - one end of a control socket, for the evil client: bytes in, lines out, nothing hidden.
 *
 * Whatever cannot be done for a reason of the test's own machine ends the program; what the daemon does is returned.
 */
#ifndef VATD_TESTS_HOSTILE_WIRE_H
#define VATD_TESTS_HOSTILE_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX_SIZE (1 << 16)

struct wire {
  int fd; /* -1: closed */
  char in[LINE_MAX_SIZE];
  size_t size;
};

/* False: turned away. */
bool wire_open(struct wire *wire, const char *path);
void wire_close(struct wire *wire);
/* False when the other side has gone before all was sent. */
bool wire_send(struct wire *wire, const char *data, size_t size);
/* Sends what fits at once; the number of bytes. */
size_t wire_send_some(struct wire *wire, const char *data, size_t size);
/* `unit` again and again until `total` bytes are sent. */
bool wire_flood(struct wire *wire, const char *unit, size_t total);
/* The next line, NUL-terminated, valid until the next call; NULL when the other side has ended. What does not fit is cut. */
const char *wire_line(struct wire *wire);
/* True when the next thing to be read is the end. */
bool wire_ended(struct wire *wire);
/* The code of an error's line, 0 for a result, 1 for anything else or NULL. */
int wire_code(const char *line);

#endif
