/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/holder.h - the process that has a database open. A daemon locks its database from its first moment to its last, also while it
 * does not take connections any more.
 */
#ifndef VATD_CLI_HOLDER_H
#define VATD_CLI_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#define HOLDER_END_MS 60000 /* how long a daemon may take to stop: longer than it takes itself */

/* The process that has locked the file; 0: none. */
pid_t holder_of(const char *database);
/* A descriptor by which the process is watched, so that another one with its number is never mistaken for it; -1: it is gone. */
int holder_open(pid_t pid);
/* Waits for its end, at most `ms` milliseconds; false: it still runs. */
bool holder_await_end(int pid_fd, int ms);

#endif
