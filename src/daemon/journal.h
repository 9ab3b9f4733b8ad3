/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/journal.h - the log: lines of vats, of the kernel and of the daemon.
 *
 * The file (HOME/vatd.log) holds one JSON object per line: {"time", "vat"?, "name"?, "level", "text"}. The newest lines are
 * also kept in memory for `vat log`, filled from the file at start. When the file has grown large it becomes vatd.log.1.
 */
#ifndef VATD_DAEMON_JOURNAL_H
#define VATD_DAEMON_JOURNAL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct journal {
  char *path;
  int fd;
  size_t size;
  json_t *lines; /* array, oldest first */
  size_t kept_bytes; /* of their texts */
  void *context;
  void (*on_line)(void *context, json_t *line); /* followers; may be NULL */
};

/* Opens for appending; a file that cannot be opened leaves the journal in memory only. */
void journal_open(struct journal *journal, const char *path);
void journal_close(struct journal *journal);
/* vat and name may be NULL. Text that is not UTF-8 is replaced. */
void journal_write(struct journal *journal, const char *vat, const char *name, const char *level, const char *text);
void journal_printf(struct journal *journal, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The last `count` lines, oldest first; new reference. */
json_t *journal_last(const struct journal *journal, size_t count);

#endif
