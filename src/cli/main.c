/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/main.c - `vat`, the command that people meet first: words in, one verb run, an exit code out.
 */
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <unistd.h>

static enum cli_exit run_verb(struct cli *cli)
{
  enum cli_exit result = arguments_check(cli);
  return result ? result : cli->verb->run(cli);
}

static enum cli_exit dispatch(struct cli *cli)
{
  if (cli->options[OPTION_VERSION])
    return cmd_version(cli);
  if (cli->options[OPTION_HELP])
    return cmd_help(cli);
  if (cli->verb)
    return run_verb(cli);
  return cli_usage(cli, "what shall it do?");
}

/* A result that did not reach its reader is a failure. */
static enum cli_exit finish_output(struct cli *cli, enum cli_exit result)
{
  if (fflush(stdout) == 0 && !ferror(stdout))
    return result;
  cli_complain(cli, "cannot write to standard output");
  return result ? result : CLI_FAILED;
}

int main(int argc, char **argv)
{
  struct cli cli = {.terminal_out = isatty(STDOUT_FILENO), .terminal_err = isatty(STDERR_FILENO)};
  client_init(&cli.client);
  enum cli_exit result = arguments_parse(&cli, argc, argv);
  if (!result)
    result = dispatch(&cli);
  result = finish_output(&cli, result);
  cli_fini(&cli);
  return (int)result;
}
