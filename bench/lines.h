/* SPDX-License-Identifier: Apache-2.0 */
/* bench/lines.h - commands from standard input, one JSON text per line; the kernel goes on while none is there. */
#ifndef VATD_BENCH_LINES_H
#define VATD_BENCH_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <vatd/vatd.h>

#define LINE_MAX_BYTES 1048576

struct lines {
  char data[LINE_MAX_BYTES];
  size_t size;
};

/* The next command, which the caller owns; NULL at the end of the input, or when it is no JSON. `kernel` may be NULL. */
json_t *lines_next(struct lines *lines, struct vatd *kernel);

/* Writes a reply, and takes it over. */
void lines_reply(json_t *reply);

#endif
