/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/check.h - `vatd --check FILE`: looks over a database that no daemon has open. */
#ifndef VATD_DAEMON_CHECK_H
#define VATD_DAEMON_CHECK_H

/* Writes a line of JSON for each finding, {table, key, what}, and at the end {findings}. The exit status: 0 nothing is wrong,
 * 1 something is, 3 it could not be looked at (and why, on standard error). */
int check_run(const char *database);

#endif
