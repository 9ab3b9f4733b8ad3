/* SPDX-License-Identifier: Apache-2.0 */
/* cli/launcher.h - starting other programs: the daemon, the bundler. */
#ifndef VATD_CLI_LAUNCHER_H
#define VATD_CLI_LAUNCHER_H

#include "base/buffer.h"
#include "base/error.h"

/* The directory of this program, without a slash at the end; NULL when the system does not say. The caller frees it. */
char *launcher_own_directory(void);

/*
 * Runs a program (without a slash: looked for in PATH) with these words and waits for its end. What it writes to
 * standard error is appended to `errors`; standard output is ours; standard input is empty. `variables` (may be NULL)
 * is added to our environment. The code tells whether it could be run at all; *status is its exit status, or 128 + the
 * signal that ended it.
 */
enum vatd_code launcher_run(const char *program, char *const words[], char *const variables[], struct buffer *errors,
                            int *status, struct error *error);

/* Has `vatd --check` look a database over: its lines are appended to `lines`. As launcher_run else. */
enum vatd_code launcher_check(const char *database, struct buffer *lines, struct buffer *errors, int *status,
                              struct error *error);

/* Starts the daemon of a home directory and waits until it answers or has given up. */
enum vatd_code launcher_start_daemon(const char *home, struct error *error);

#endif
