/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.h - what the parts of the `vat` command share: one run of it, from its words to its exit code.
 *
 * Results go to standard output, everything else to standard error.
 */
#ifndef VATD_CLI_CLI_H
#define VATD_CLI_CLI_H

#include "base/bytes.h"
#include "base/error.h"
#include "cli/client.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NOT_FOUND = 3 };

enum option_id {
  OPTION_HOME,
  OPTION_OUTPUT,
  OPTION_HELP,
  OPTION_VERSION,
  OPTION_NAME,
  OPTION_CONFIG,
  OPTION_KEY,
  OPTION_RAW,
  OPTION_PREFIX,
  OPTION_FOLLOW,
  OPTION_LINES,
  OPTION_FORCE,
  OPTION_OUT,
  OPTION_COUNT
};

struct verb;

/* Where things are; `directory` is absolute. */
struct home_paths {
  char *directory;
  char *database;
  char *socket;
  char *pid_file;
  char *log;
};

struct cli {
  const struct verb *verb;           /* NULL: none was given */
  const char *options[OPTION_COUNT]; /* NULL: not given; "" for a flag */
  char **operands;
  size_t operand_count;
  bool json;         /* -o json */
  bool terminal_out; /* standard output is a terminal */
  bool terminal_err;
  const char *subject; /* the file that a failure concerns; NULL: none */
  struct home_paths home;
  struct client client;
};

/* ---- cli.c: asking the daemon ---- */

/* Works out where the home directory is, unless that is known; false (and said) when there is none. */
bool cli_find_home(struct cli *cli);
void cli_fini(struct cli *cli);

/* Connects unless connected; starts the daemon when none answers and `start` is set. CLI_NOT_FOUND, without a word,
 * when none answers and it is not. */
enum cli_exit cli_connect(struct cli *cli, bool start);

/* Asks and waits, starting the daemon if needed. Takes over `params`. When it fails it has said why. */
enum cli_exit cli_call(struct cli *cli, const char *method, json_t *params, json_t **result);

/* ---- saying things ---- */

/* "vat: TEXT" on standard error. */
void cli_complain(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A complaint and where to read more; gives CLI_USAGE. */
enum cli_exit cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What is going on, on standard error and only when that is a terminal. */
void cli_progress(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum cli_exit cli_exit_of(enum vatd_code code);

#endif
