/* SPDX-License-Identifier: Apache-2.0 */
/* cli/database_check.h - having a database looked over, for `fsck`, `backup` and `restore`. */
#ifndef VATD_CLI_DATABASE_CHECK_H
#define VATD_CLI_DATABASE_CHECK_H

#include "cli/cli.h"

/* The findings, [{table, key, what}], a new reference. NULL: it could not be looked at, and why has been said. */
json_t *database_check(struct cli *cli, const char *file);
/* One line each. */
void database_check_print(FILE *file, const json_t *findings);

#endif
