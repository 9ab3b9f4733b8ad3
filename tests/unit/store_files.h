/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_files.h - the files of a database, taken into memory, changed there, and put back.
 */
#ifndef VATD_TESTS_STORE_FILES_H
#define VATD_TESTS_STORE_FILES_H

#include <stddef.h>

enum part { BASE, SUMS, LOG, PARTS };

struct files {
  char *data[PARTS]; /* NULL: no such file */
  size_t size[PARTS];
};

/* Of the database at `path`. What cannot be read is not there. */
void files_take(const char *path, struct files *files);
/* Whatever is there is replaced. */
void files_put(const char *path, const struct files *files);
struct files files_copy(const struct files *files);
void files_replace_part(struct files *files, enum part part, const struct files *other);
void files_free(struct files *files);

#endif
