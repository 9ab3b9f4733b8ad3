/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_vats.c - looking at vats and ending them: ls, show, ping, gc, kill, restart, resume, terminate;
 * and what is done to objects: pin, release, revoke. */
#include "cli/commands.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

static void add_row(struct output_table *table, const json_t *vat)
{
  static const char *const members[] = {"name", "id", "root", "state", "subcluster", "pid", "cause"};
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    output_table_add_json(table, json_object_get(vat, members[i]));
}

static void print_list(const json_t *vats)
{
  static const char *const titles[] = {"NAME", "ID", "ROOT", "STATE", "SUBCLUSTER", "PID", "CAUSE"};
  struct output_table *table = output_table_new(sizeof titles / sizeof *titles);
  size_t index;
  json_t *vat;
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    output_table_add_text(table, titles[i]);
  json_array_foreach(vats, index, vat)
    add_row(table, vat);
  output_table_write(table, stdout);
  output_table_free(table);
}

enum cli_exit cmd_ls(struct cli *cli)
{
  json_t *vats;
  enum cli_exit result = cli_call(cli, "listVats", json_array(), &vats);
  if (result)
    return result;
  if (cli->json)
    output_json(stdout, vats, cli->terminal_out);
  else if (json_array_size(vats))
    print_list(vats);
  else
    cli_progress(cli, "no vats yet; start one with: vat run FILE");
  json_decref(vats);
  return CLI_OK;
}

static void print_members(const json_t *object)
{
  struct output_table *table = output_table_new(2);
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    output_table_add_text(table, name);
    output_table_add_json(table, value);
  }
  output_table_write(table, stdout);
  output_table_free(table);
}

enum cli_exit cmd_show(struct cli *cli)
{
  json_t *vat;
  enum cli_exit result = cli_call(cli, "showVat", json_pack("{s:s}", "vat", cli->operands[0]), &vat);
  if (result)
    return result;
  if (cli->json)
    output_json(stdout, vat, cli->terminal_out);
  else
    print_members(vat);
  json_decref(vat);
  return CLI_OK;
}

/* Asks for something to be done to the vat that the operand names, and says in one word that it has been. */
static enum cli_exit act(struct cli *cli, const char *method, const char *param, const char *done)
{
  const char *name = cli->operands[0];
  json_t *answer;
  enum cli_exit result = cli_call(cli, method, json_pack("{s:s}", param, name), &answer);
  if (result)
    return result;
  if (cli->json) {
    output_json(stdout, answer, cli->terminal_out);
  } else {
    printf("%s ", done);
    output_write(stdout, bytes_of(name), OUTPUT_FIELD);
    putchar('\n');
  }
  json_decref(answer);
  return CLI_OK;
}

enum cli_exit cmd_ping(struct cli *cli)
{
  return act(cli, "pingVat", "id", "pong from");
}

enum cli_exit cmd_gc(struct cli *cli)
{
  json_t *answer;
  enum cli_exit result = cli_call(cli, "collectGarbage", json_array(), &answer);
  if (result)
    return result;
  if (cli->json)
    output_json(stdout, answer, cli->terminal_out);
  json_decref(answer);
  return CLI_OK;
}

enum cli_exit cmd_pin(struct cli *cli)
{
  return act(cli, "pinObject", "kref", "pinned");
}

enum cli_exit cmd_release(struct cli *cli)
{
  return act(cli, "releaseObject", "kref", "released");
}

enum cli_exit cmd_revoke(struct cli *cli)
{
  return act(cli, "revoke", "kref", "revoked");
}

enum cli_exit cmd_kill(struct cli *cli)
{
  return act(cli, "killVat", "vat", "killed");
}

enum cli_exit cmd_resume(struct cli *cli)
{
  return act(cli, "resumeVat", "id", "resumed");
}

enum cli_exit cmd_restart(struct cli *cli)
{
  return act(cli, "restartVat", "id", "restarted");
}

static bool is_subcluster_id(const char *name)
{
  return name[0] == 's' && name[1] && strspn(name + 1, "0123456789") == strlen(name + 1);
}

enum cli_exit cmd_terminate(struct cli *cli)
{
  return act(cli, is_subcluster_id(cli->operands[0]) ? "terminateSubcluster" : "terminateVat", "id", "terminated");
}
