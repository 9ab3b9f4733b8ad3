/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/arguments.h - from the words of the command line to a verb, options and operands.
 *
 * Options may stand anywhere; "--" ends them. A word that starts with '-' and a digit is an operand (a negative
 * number), and so is a lone "-". Options of the verb hide global ones of the same letter.
 */
#ifndef VATD_CLI_ARGUMENTS_H
#define VATD_CLI_ARGUMENTS_H

#include "cli/cli.h"

/* Fills the verb, options and operands, which borrow from argv (reordered in place). When the words make no sense it
 * has said so. Whether the number of operands fits the verb is arguments_check's to say, after --help has had its turn.
 */
enum cli_exit arguments_parse(struct cli *cli, int argc, char **argv);
enum cli_exit arguments_check(struct cli *cli);

#endif
