/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_daemon.c - the daemon as such: status, start, stop, reset, where. */
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/holder.h"
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOON_MS 500

static void print_json(struct cli *cli, json_t *value)
{
  output_json(stdout, value, cli->terminal_out);
  json_decref(value);
}

static void print_path(const char *name, const char *path)
{
  printf("%-9s ", name);
  output_write(stdout, bytes_of(path), OUTPUT_FIELD);
  putchar('\n');
}

/* --- status --- */

static size_t count_state(const json_t *vats, const char *state)
{
  size_t count = 0;
  size_t index;
  json_t *vat;
  json_array_foreach(vats, index, vat) {
    const char *is = json_string_value(json_object_get(vat, "state"));
    count += is && strcmp(is, state) == 0;
  }
  return count;
}

/* "sandbox   namespaces, landlock (ABI 7), seccomp, stderr"; what was allowed to be missing comes behind. */
static void print_sandbox(const json_t *sandbox)
{
  const char *separator = " ";
  size_t index;
  json_t *layer;
  printf("%-9s", "sandbox");
  json_array_foreach(json_object_get(sandbox, "layers"), index, layer) {
    printf("%s%s", separator, json_string_value(layer));
    if (strcmp(json_string_value(layer), "landlock") == 0)
      printf(" (ABI %d)", (int)json_integer_value(json_object_get(sandbox, "landlockAbi")));
    separator = ", ";
  }
  separator = "; allowed to be missing: ";
  json_array_foreach(json_object_get(sandbox, "weak"), index, layer) {
    printf("%s%s", separator, json_string_value(layer));
    separator = ", ";
  }
  putchar('\n');
}

static void print_status(struct cli *cli, const json_t *status, const json_t *vats)
{
  static const char *const states[] = {"running", "starting", "hibernated", "asleep", "suspended"};
  const char *separator = " (";
  printf("vatd is running (pid %d)\n", (int)client_peer(&cli->client));
  print_path("home", cli->home.directory);
  printf("%-9s %zu", "vats", json_array_size(vats));
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    size_t count = count_state(vats, states[i]);
    if (count) {
      printf("%s%zu %s", separator, count, states[i]);
      separator = ", ";
    }
  }
  puts(separator[0] == ',' ? ")" : "");
  printf("%-9s %zu\n", "clusters", json_array_size(json_object_get(status, "subclusters")));
  print_sandbox(json_object_get(status, "sandbox"));
  if (json_object_get(status, "disk"))
    printf("%-9s %s: what would be written is refused until there is room\n", "disk", json_string_value(json_object_get(status, "disk")));
}

static enum cli_exit status_of_none(struct cli *cli)
{
  if (cli->json)
    print_json(cli, json_pack("{s:b, s:s}", "running", false, "home", cli->home.directory));
  else
    printf("vatd is not running (home %s)\n", cli->home.directory);
  return CLI_NOT_FOUND;
}

enum cli_exit cmd_status(struct cli *cli)
{
  json_t *status;
  json_t *vats;
  enum cli_exit result = cli_connect(cli, false);
  if (result)
    return result == CLI_NOT_FOUND ? status_of_none(cli) : result;
  result = cli_call(cli, "getStatus", json_array(), &status);
  if (result)
    return result;
  result = cli_call(cli, "listVats", json_array(), &vats);
  if (!result && cli->json) {
    json_object_set_new(status, "running", json_true());
    json_object_set_new(status, "pid", json_integer(client_peer(&cli->client)));
    json_object_set_new(status, "home", json_string(cli->home.directory));
    output_json(stdout, status, cli->terminal_out);
  } else if (!result) {
    print_status(cli, status, vats);
  }
  if (!result)
    json_decref(vats);
  json_decref(status);
  return result;
}

/* --- start and stop --- */

enum cli_exit cmd_start(struct cli *cli)
{
  enum cli_exit result = cli_connect(cli, true);
  if (result)
    return result;
  int pid = (int)client_peer(&cli->client);
  if (cli->json)
    print_json(cli, json_pack("{s:b, s:i}", "running", true, "pid", pid));
  else
    printf("vatd is running (pid %d)\n", pid);
  return CLI_OK;
}

/* What takes long is the vats' coming to rest: what they are doing is ended, their heaps are stored. */
static enum cli_exit wait_for_end(struct cli *cli, int pid_fd)
{
  if (holder_await_end(pid_fd, SOON_MS))
    return CLI_OK;
  cli_progress(cli, "waiting for vats to come to rest");
  if (holder_await_end(pid_fd, HOLDER_END_MS))
    return CLI_OK;
  cli_complain(cli, "vatd has been asked to stop but still runs");
  return CLI_FAILED;
}

static enum cli_exit stop_daemon(struct cli *cli)
{
  json_t *answer;
  int pid_fd = holder_open(client_peer(&cli->client));
  enum cli_exit result = cli_call(cli, "shutdown", json_array(), &answer);
  if (!result) {
    json_decref(answer);
    if (pid_fd >= 0)
      result = wait_for_end(cli, pid_fd);
  }
  if (pid_fd >= 0)
    close(pid_fd);
  return result;
}

enum cli_exit cmd_stop(struct cli *cli)
{
  enum cli_exit result = cli_connect(cli, false);
  bool was_running = result != CLI_NOT_FOUND;
  if (result && was_running)
    return result;
  result = was_running ? stop_daemon(cli) : CLI_OK;
  if (result)
    return result;
  if (cli->json)
    print_json(cli, json_pack("{s:b}", "running", false));
  else
    puts(was_running ? "vatd has stopped" : "vatd was not running");
  return CLI_OK;
}

/* --- reset --- */

static enum cli_exit remove_database(struct cli *cli)
{
  static const char *const suffixes[] = {"-sums", "", "-wal", "-journal"};
  if (holder_of(cli->home.database)) {
    cli_complain(cli, "%s is in use by a process that does not answer", cli->home.database);
    return CLI_FAILED;
  }
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    char *path = memory_printf("%s%s", cli->home.database, suffixes[i]);
    int failed = unlink(path) != 0 && errno != ENOENT ? errno : 0;
    if (failed)
      cli_complain(cli, "cannot remove %s: %s", path, strerror(failed));
    free(path);
    if (failed)
      return CLI_FAILED;
  }
  return CLI_OK;
}

static enum cli_exit clear_state(struct cli *cli)
{
  json_t *answer;
  enum cli_exit result = cli_call(cli, "clearState", json_array(), &answer);
  if (!result)
    json_decref(answer);
  return result;
}

enum cli_exit cmd_reset(struct cli *cli)
{
  if (!cli_find_home(cli))
    return CLI_FAILED;
  if (!cli->options[OPTION_FORCE])
    return cli_usage(cli, "this deletes all vats and everything they keep in %s; if so, say --force",
                     cli->home.directory);
  enum cli_exit result = cli_connect(cli, false);
  if (result == CLI_NOT_FOUND)
    result = remove_database(cli);
  else if (!result)
    result = clear_state(cli);
  if (result)
    return result;
  if (cli->json)
    print_json(cli, json_pack("{s:b}", "reset", true));
  else
    puts("all vats are gone");
  return CLI_OK;
}

/* --- where --- */

enum cli_exit cmd_where(struct cli *cli)
{
  const struct home_paths *home = &cli->home;
  if (!cli_find_home(cli))
    return CLI_FAILED;
  if (cli->json) {
    json_t *paths = json_pack("{s:s, s:s, s:s, s:s, s:s}", "home", home->directory, "database", home->database,
                              "socket", home->socket, "pid", home->pid_file, "log", home->log);
    if (!paths) {
      cli_complain(cli, "the path of the home directory is not valid UTF-8");
      return CLI_FAILED;
    }
    print_json(cli, paths);
    return CLI_OK;
  }
  print_path("home", home->directory);
  print_path("database", home->database);
  print_path("socket", home->socket);
  print_path("pid", home->pid_file);
  print_path("log", home->log);
  return CLI_OK;
}
