/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/undo_log.h - changes to ordered maps that can be taken back.
 *
 * Every change first notes what it replaces. A savepoint is a length of the log; going back to it undoes the log from its
 * end. Maps that are changed through a log must not be changed otherwise while it holds anything of them.
 */
#ifndef VATD_STORE_UNDO_LOG_H
#define VATD_STORE_UNDO_LOG_H

#include "base/buffer.h"
#include "base/ordmap.h"

struct undo_change;

struct undo_log {
  struct undo_change *changes; /* oldest first */
  size_t count;
  size_t capacity;
  struct buffer content; /* the keys and values of what was replaced */
};

void undo_log_init(struct undo_log *log);
/* Undoes nothing. */
void undo_log_fini(struct undo_log *log);

/* As ordmap_put() and ordmap_remove(), noted. */
void undo_log_put(struct undo_log *log, struct ordmap *map, struct bytes key, struct bytes value);
void undo_log_remove(struct undo_log *log, struct ordmap *map, struct bytes key);

/* Undoes all but the `count` oldest changes. */
void undo_log_back_to(struct undo_log *log, size_t count);
/* Keeps all changes and forgets what they replaced. */
void undo_log_forget(struct undo_log *log);

#endif
