/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/savepoints.h - the stack of names of open savepoints.
 *
 * An engine asks here first, so that all engines answer alike: which names are allowed, which savepoint a name means
 * (the newest), which ones end with it. `mark` is the engine's own note of where the savepoint was made.
 */
#ifndef VATD_STORE_SAVEPOINTS_H
#define VATD_STORE_SAVEPOINTS_H

#include "base/error.h"
#include "store/undo_log.h"

#include <stddef.h>

#define SAVEPOINT_NAME_MAX 64

struct savepoint {
  char name[SAVEPOINT_NAME_MAX + 1];
  size_t mark;
};

struct savepoints {
  struct savepoint *items; /* oldest first */
  size_t count;
  size_t capacity;
};

void savepoints_init(struct savepoints *savepoints);
void savepoints_fini(struct savepoints *savepoints);
/* INVALID `Invalid identifier: NAME` for a name that no savepoint may have. */
enum vatd_code savepoints_check_name(const char *name, struct error *error);
/* The name has been checked. */
void savepoints_push(struct savepoints *savepoints, const char *name, size_t mark);
/* The place of the newest savepoint of that name; INVALID as above or `No such savepoint: NAME`. */
enum vatd_code savepoints_find(const struct savepoints *savepoints, const char *name, size_t *place,
                               struct error *error);
/* For engines whose marks are lengths of an undo log: undoes what was done since, and ends the savepoints made after it. */
enum vatd_code savepoints_go_back(struct savepoints *savepoints, const char *name, struct undo_log *undo, struct error *error);
/* Keeps the `count` oldest. */
void savepoints_cut(struct savepoints *savepoints, size_t count);

#endif
