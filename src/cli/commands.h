/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.h - what the verbs do; cmd_*.c. The table in verbs.c says how each is called. */
#ifndef VATD_CLI_COMMANDS_H
#define VATD_CLI_COMMANDS_H

#include "cli/cli.h"

enum cli_exit cmd_run(struct cli *cli);
enum cli_exit cmd_call(struct cli *cli);

enum cli_exit cmd_ls(struct cli *cli);
enum cli_exit cmd_show(struct cli *cli);
enum cli_exit cmd_ping(struct cli *cli);
enum cli_exit cmd_gc(struct cli *cli);
enum cli_exit cmd_kill(struct cli *cli);
enum cli_exit cmd_restart(struct cli *cli);
enum cli_exit cmd_resume(struct cli *cli);
enum cli_exit cmd_pin(struct cli *cli);
enum cli_exit cmd_release(struct cli *cli);
enum cli_exit cmd_revoke(struct cli *cli);
enum cli_exit cmd_terminate(struct cli *cli);

enum cli_exit cmd_store(struct cli *cli);
enum cli_exit cmd_sql(struct cli *cli);
enum cli_exit cmd_log(struct cli *cli);

enum cli_exit cmd_status(struct cli *cli);
enum cli_exit cmd_start(struct cli *cli);
enum cli_exit cmd_stop(struct cli *cli);
enum cli_exit cmd_reset(struct cli *cli);
enum cli_exit cmd_where(struct cli *cli);

enum cli_exit cmd_fsck(struct cli *cli);
enum cli_exit cmd_backup(struct cli *cli);
enum cli_exit cmd_restore(struct cli *cli);

enum cli_exit cmd_bundle(struct cli *cli);

enum cli_exit cmd_help(struct cli *cli);
enum cli_exit cmd_version(struct cli *cli);

#endif
