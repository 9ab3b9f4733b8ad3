/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_log.c - `vat log`: lines {time, vat?, name?, level, text}, old ones and, with -f, new ones as they come. */
#include "cli/commands.h"
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LINES 100

static void append_member(struct buffer *out, const json_t *line, const char *member, const char *after)
{
  const json_t *value = json_object_get(line, member);
  if (!json_is_string(value))
    return;
  output_append(out, bytes_from(json_string_value(value), json_string_length(value)), OUTPUT_FIELD);
  buffer_append_text(out, after);
}

/* A text of several lines stays so on a terminal; elsewhere a line is a record. */
static void append_text(const struct cli *cli, struct buffer *out, const json_t *line)
{
  const json_t *text = json_object_get(line, "text");
  struct bytes bytes = bytes_from(json_string_value(text), json_string_length(text));
  output_append(out, bytes, cli->terminal_out ? OUTPUT_LINES : OUTPUT_FIELD);
}

/* 2026-01-31T12:00:00.000Z counter log: text */
static void print_line(const struct cli *cli, const json_t *line)
{
  struct buffer out;
  if (cli->json) {
    output_json(stdout, line, cli->terminal_out);
    return;
  }
  buffer_init(&out, SIZE_MAX / 2);
  append_member(&out, line, "time", " ");
  append_member(&out, line, json_object_get(line, "name") ? "name" : "vat", " ");
  append_member(&out, line, "level", ": ");
  append_text(cli, &out, line);
  puts(buffer_text(&out));
  buffer_fini(&out);
}

static enum cli_exit follow(struct cli *cli)
{
  struct error error;
  json_t *message;
  enum vatd_code code;
  while ((fflush(stdout) == 0) && !(code = client_read(&cli->client, &message, &error))) {
    const char *method = json_string_value(json_object_get(message, "method"));
    if (method && strcmp(method, "log") == 0)
      print_line(cli, json_object_get(message, "params"));
    json_decref(message);
  }
  if (ferror(stdout))
    return CLI_FAILED;
  cli_complain(cli, "%s", error.text);
  return code == VATD_NOT_FOUND ? CLI_OK : CLI_FAILED;
}

/* False, and said, when --lines is no number. */
static bool parse_lines(const struct cli *cli, json_int_t *lines)
{
  const char *text = cli->options[OPTION_LINES];
  char *end;
  if (!text)
    return true;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < 0) {
    cli_usage(cli, "--lines is a number, not \"%s\"", text);
    return false;
  }
  *lines = value;
  return true;
}

enum cli_exit cmd_log(struct cli *cli)
{
  bool follows = cli->options[OPTION_FOLLOW] != NULL;
  json_int_t count = DEFAULT_LINES;
  size_t index;
  json_t *line;
  json_t *answer;
  if (!parse_lines(cli, &count))
    return CLI_USAGE;
  enum cli_exit result =
      cli_call(cli, "followLog", json_pack("{s:I, s:b}", "lines", count, "follow", follows), &answer);
  if (result)
    return result;
  json_array_foreach(json_object_get(answer, "lines"), index, line)
    print_line(cli, line);
  json_decref(answer);
  return follows ? follow(cli) : CLI_OK;
}
