/* SPDX-License-Identifier: Apache-2.0 */
/* worker/memory_file.h - bytes as a file in memory that nobody can change any more. */
#ifndef VATD_WORKER_MEMORY_FILE_H
#define VATD_WORKER_MEMORY_FILE_H

#include "base/bytes.h"

/* A descriptor (close-on-exec) of a sealed memory file with this content, or -1 with errno. */
int memory_file(const char *name, struct bytes content);

#endif
