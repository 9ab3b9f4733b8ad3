/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli.c - see cli.h: the home directory, asking the daemon, complaints. */
#include "cli/cli.h"
#include "base/home_path.h"
#include "base/limits.h"
#include "base/memory.h"
#include "cli/holder.h"
#include "cli/launcher.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "wire/smallcaps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define START_TRIES 60
#define TRIES_PER_START 20
#define ASK_TRIES 5

/* --- saying things --- */

static void __attribute__((format(printf, 3, 0)))
say(const struct cli *cli, const char *prefix, const char *format, va_list args)
{
  char *text;
  if (vasprintf(&text, format, args) < 0)
    return;
  fputs(prefix, stderr);
  output_write(stderr, bytes_of(text), cli->terminal_err ? OUTPUT_LINES : OUTPUT_RAW);
  putc('\n', stderr);
  free(text);
}

void cli_complain(const struct cli *cli, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  say(cli, "vat: ", format, args);
  va_end(args);
}

enum cli_exit cli_usage(const struct cli *cli, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  say(cli, "vat: ", format, args);
  va_end(args);
  fprintf(stderr, "Try: vat %s%s--help\n", cli->verb ? cli->verb->name : "", cli->verb ? " " : "");
  return CLI_USAGE;
}

void cli_progress(const struct cli *cli, const char *format, ...)
{
  va_list args;
  if (!cli->terminal_err)
    return;
  va_start(args, format);
  say(cli, "", format, args);
  va_end(args);
}

enum cli_exit cli_exit_of(enum vatd_code code)
{
  return code == VATD_OK ? CLI_OK : code == VATD_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

/* --- the home directory --- */

/* Absolute also when it does not exist yet. Takes over `path`. */
static char *make_absolute(char *path)
{
  char *resolved = realpath(path, NULL);
  char *here = !resolved && path[0] != '/' ? getcwd(NULL, 0) : NULL;
  char *absolute = resolved ? memory_strdup(resolved) : here ? memory_printf("%s/%s", here, path) : memory_strdup(path);
  free(resolved);
  free(here);
  free(path);
  return absolute;
}

bool cli_find_home(struct cli *cli)
{
  if (cli->home.directory)
    return true;
  char *directory = home_path(cli->options[OPTION_HOME]);
  if (!directory) {
    cli_complain(cli, "no home directory: say --home DIR or set $VATD_HOME");
    return false;
  }
  directory = make_absolute(directory);
  cli->home = (struct home_paths){
      .directory = directory,
      .database = memory_printf("%s/vatd.sqlite", directory),
      .socket = memory_printf("%s/vatd.sock", directory),
      .pid_file = memory_printf("%s/vatd.pid", directory),
      .log = memory_printf("%s/vatd.log", directory),
  };
  return true;
}

void cli_fini(struct cli *cli)
{
  client_fini(&cli->client);
  free(cli->home.directory);
  free(cli->home.database);
  free(cli->home.socket);
  free(cli->home.pid_file);
  free(cli->home.log);
}

/* --- connecting --- */

static void pause_shortly(void)
{
  const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
  nanosleep(&pause, NULL);
}

static void disconnect(struct cli *cli)
{
  client_fini(&cli->client);
  client_init(&cli->client);
}

/* Connects and hears a pong. A daemon that has just been killed may still take a connection, but answers nobody;
 * whoever asked it something at once could not tell whether that had been done. NOT_FOUND: there is no living daemon.
 */
static enum vatd_code connect_to_living(struct cli *cli, struct error *error)
{
  json_t *pong;
  enum vatd_code code = client_connect(&cli->client, cli->home.socket, error);
  if (code)
    return code;
  code = client_ask(&cli->client, "ping", json_array(), &pong, error);
  if (!code) {
    json_decref(pong);
    return VATD_OK;
  }
  disconnect(cli);
  return code == VATD_IO ? VATD_NOT_FOUND : code;
}

/* The process number that a daemon writes into its home; 0: there is none. */
static pid_t noted_daemon(const struct cli *cli)
{
  long pid = 0;
  FILE *file = fopen(cli->home.pid_file, "re");
  if (!file)
    return 0;
  if (fscanf(file, "%ld", &pid) != 1)
    pid = 0;
  fclose(file);
  return (pid_t)pid;
}

/* A daemon that is being stopped takes no connections and has the database for as long as its vats take to come to rest. */
static void await_stopping_daemon(struct cli *cli)
{
  pid_t holder = holder_of(cli->home.database);
  if (holder == 0 || holder != noted_daemon(cli) || access(cli->home.socket, F_OK) == 0)
    return;
  int pid_fd = holder_open(holder);
  if (pid_fd < 0)
    return;
  cli_progress(cli, "waiting for vatd (pid %d), which is being stopped", (int)holder);
  holder_await_end(pid_fd, HOLDER_END_MS);
  close(pid_fd);
}

/* Two commands at once may both start a daemon: one of the two daemons loses and ends, and both commands go on with the
 * other. So a failure counts only when nobody answers for a while. */
static enum vatd_code start_and_connect(struct cli *cli, struct error *error)
{
  struct error ignored;
  enum vatd_code started = VATD_OK;
  for (int i = 0; i < START_TRIES; i++) {
    if (i % TRIES_PER_START == 0)
      started = launcher_start_daemon(cli->home.directory, error);
    enum vatd_code code = connect_to_living(cli, started ? &ignored : error);
    if (code != VATD_NOT_FOUND)
      return code;
    pause_shortly();
  }
  return started ? started : error->code;
}

enum cli_exit cli_connect(struct cli *cli, bool start)
{
  struct error error;
  if (cli->client.fd >= 0)
    return CLI_OK;
  if (!cli_find_home(cli))
    return CLI_FAILED;
  enum vatd_code code = connect_to_living(cli, &error);
  if (code == VATD_NOT_FOUND && !start)
    return CLI_NOT_FOUND;
  if (code == VATD_NOT_FOUND) {
    await_stopping_daemon(cli);
    cli_progress(cli, "starting vatd in %s", cli->home.directory);
    code = start_and_connect(cli, &error);
  }
  if (!code)
    return CLI_OK;
  cli_complain(cli, "%s", error.text);
  return CLI_FAILED;
}

/* --- asking --- */

static enum vatd_code code_of_name(const char *name)
{
  static const struct {
    const char *name;
    enum vatd_code code;
  } codes[] = {
#define X(code_name, number, meaning) {#code_name, VATD_##code_name},
      VATD_CODES(X)
#undef X
  };
  for (size_t i = 0; name && i < sizeof codes / sizeof *codes; i++) {
    if (strcmp(codes[i].name, name) == 0)
      return codes[i].code;
  }
  return VATD_IO;
}

/* "TypeError: no" for an error, else the value as JSON. The caller frees it. */
static char *describe_rejection(const json_t *rejection)
{
  struct error error;
  json_t *value = NULL;
  const json_t *body = json_object_get(rejection, "body");
  if (!json_is_string(body) || smallcaps_decode(bytes_from(json_string_value(body), json_string_length(body)),
                                                json_object_get(rejection, "slots"), &value, &error))
    return json_dumps(rejection, JSON_ENCODE_ANY);
  const char *message = json_string_value(json_object_get(value, "#error"));
  const char *name = json_string_value(json_object_get(value, "name"));
  char *text = message ? memory_printf("%s: %s", name ? name : "Error", message) : json_dumps(value, JSON_ENCODE_ANY);
  json_decref(value);
  return text;
}

static enum cli_exit tell_failure(struct cli *cli, const json_t *failure)
{
  const json_t *data = json_object_get(failure, "data");
  const json_t *rejection = json_object_get(data, "rejection");
  const char *message = json_string_value(json_object_get(failure, "message"));
  if (rejection) {
    char *text = describe_rejection(rejection);
    output_write(stderr, bytes_of(text), cli->terminal_err ? OUTPUT_LINES : OUTPUT_RAW);
    putc('\n', stderr);
    free(text);
    return CLI_FAILED;
  }
  cli_complain(cli, "%s%s%s", cli->subject ? cli->subject : "", cli->subject ? ": " : "",
               message ? message : "the daemon reports an error without saying which");
  return cli_exit_of(code_of_name(json_string_value(json_object_get(data, "code"))));
}

/* With a key the daemon knows a request again, so that one may ask anew after it has died. Borrows `params`. */
static enum cli_exit ask(struct cli *cli, const char *method, json_t *params, json_t **answer)
{
  struct error error;
  struct error said;
  bool again = json_object_get(params, "idempotencyKey") != NULL;
  for (int tries = again ? ASK_TRIES : 1; tries > 0; tries--) {
    enum cli_exit connected = cli_connect(cli, true);
    if (connected)
      return connected;
    enum vatd_code code = client_ask(&cli->client, method, json_incref(params), answer, &error);
    if (!code)
      return CLI_OK;
    disconnect(cli);
    if (code != VATD_IO)
      break;
    error_set(&said, code, "%s; what was asked for may or may not have been done", error.text);
    error = said;
  }
  cli_complain(cli, "%s", error.text);
  return CLI_FAILED;
}

enum cli_exit cli_call(struct cli *cli, const char *method, json_t *params, json_t **result)
{
  json_t *answer;
  enum cli_exit outcome = ask(cli, method, params, &answer);
  json_decref(params);
  if (outcome)
    return outcome;
  json_t *value = json_object_get(answer, "result");
  const json_t *failure = json_object_get(answer, "error");
  if (failure && !json_is_null(failure))
    outcome = tell_failure(cli, failure);
  else
    *result = value ? json_incref(value) : json_null();
  json_decref(answer);
  return outcome;
}
