/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_help.c - help and version. Everything is read from the table of verbs. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

#define NAME_WIDTH 11
#define OPTION_WIDTH 22

static void print_options(const struct option_spec *options)
{
  for (; options->name; options++) {
    char name[64];
    char letter[8] = "";
    if (options->letter)
      snprintf(letter, sizeof letter, "-%c, ", options->letter);
    snprintf(name, sizeof name, "%s--%s%s%s", letter, options->name, options->value ? " " : "",
             options->value ? options->value : "");
    printf("  %-*s  %s\n", OPTION_WIDTH, name, options->help);
  }
}

static void print_overview(void)
{
  printf("vat - run programs that trust neither each other nor the machine, and keep what they keep\n\n"
         "Usage: vat [OPTION...] VERB [WORD...]\n\nVerbs:\n");
  for (const struct verb *verb = verbs; verb->name; verb++)
    printf("  %-*s %s\n", NAME_WIDTH, verb->name, verb->summary);
  printf("\nOptions:\n");
  print_options(verbs_global_options);
  printf("\nExamples:\n"
         "  vat run examples/counter.js --name counter\n"
         "  vat call counter increment\n"
         "  vat kill counter; vat call counter increment\n"
         "  vat help call\n"
         "\nExit status: 0 done, 1 failed, 2 usage, 3 not found.\n");
}

static void print_verb(const struct verb *verb)
{
  printf("vat %s - %s\n\nUsage: vat %s%s%s\n", verb->name, verb->summary, verb->name, *verb->synopsis ? " " : "",
         verb->synopsis);
  if (*verb->details)
    printf("\n%s\n", verb->details);
  printf("\nOptions:\n");
  print_options(verb->options);
  print_options(verbs_global_options);
  printf("\nExamples:\n%s", verb->examples);
}

enum cli_exit cmd_help(struct cli *cli)
{
  const struct verb *verb = cli->verb;
  if (verb && verb->run == cmd_help)
    verb = cli->operand_count ? verbs_find(cli->operands[0]) : NULL;
  if (!verb && cli->operand_count)
    return cli_usage(cli, "unknown verb \"%s\"", cli->operands[0]);
  if (verb)
    print_verb(verb);
  else
    print_overview();
  return CLI_OK;
}

enum cli_exit cmd_version(struct cli *cli)
{
  if (cli->json) {
    json_t *version = json_pack("{s:s}", "version", VATD_RELEASE);
    output_json(stdout, version, cli->terminal_out);
    json_decref(version);
  } else {
    printf("vat %s\n", VATD_RELEASE);
  }
  return CLI_OK;
}
