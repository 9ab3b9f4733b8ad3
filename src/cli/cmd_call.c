/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_call.c - `vat call`: words to capdata, and the answer back to words. */
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "wire/smallcaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- arguments --- */

/* Whether a text that jansson refuses is simply not JSON; else it is JSON that cannot be taken as it is. */
static bool is_no_json(const json_error_t *said)
{
  switch (json_error_code(said)) {
  case json_error_invalid_syntax:
  case json_error_premature_end_of_input:
  case json_error_end_of_input_expected:
    return true;
  default:
    return false;
  }
}

/* A new reference; NULL when the word can be nothing, and then that has been said. */
static json_t *parse_argument(struct cli *cli, const char *word)
{
  json_error_t said;
  struct bytes text = bytes_of(word);
  if (!bytes_are_utf8(text)) {
    cli_usage(cli, "an argument is not valid UTF-8");
    return NULL;
  }
  if (smallcaps_is_kref(text))
    return smallcaps_reference(word);
  json_t *value = json_loadb(word, text.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &said);
  if (value || is_no_json(&said))
    return value ? value : json_string(word);
  if (json_error_code(&said) == json_error_numeric_overflow)
    cli_usage(cli, "a number in %s is too large; write integers of any size as {\"$bigint\": \"12\"}", word);
  else
    cli_usage(cli, "%s: %s", word, said.text);
  return NULL;
}

static json_t *parse_arguments(struct cli *cli)
{
  json_t *arguments = json_array();
  for (size_t i = 2; i < cli->operand_count; i++) {
    json_t *argument = parse_argument(cli, cli->operands[i]);
    if (!argument) {
      json_decref(arguments);
      return NULL;
    }
    json_array_append_new(arguments, argument);
  }
  return arguments;
}

/* {body, slots} of the arguments; NULL when that has failed and been said. */
static json_t *encode_arguments(struct cli *cli)
{
  struct error error;
  struct buffer body;
  json_t *capdata = NULL;
  json_t *arguments = parse_arguments(cli);
  if (!arguments)
    return NULL;
  json_t *slots = json_array();
  buffer_init(&body, LIMIT_RPC_REQUEST);
  if (smallcaps_encode(arguments, &body, slots, &error))
    cli_usage(cli, "%s", error.text);
  else
    capdata = json_pack("{s:s%, s:O}", "body", buffer_text(&body), body.size, "slots", slots);
  json_decref(slots);
  json_decref(arguments);
  buffer_fini(&body);
  return capdata;
}

/* --- the answer --- */

/* A reference alone is printed bare, so that it can be the word of a later call; likewise undefined. */
static bool print_word(struct bytes body, const json_t *value)
{
  bool is_reference = bytes_start_with(body, bytes_of("#\"$")) || bytes_start_with(body, bytes_of("#\"&"));
  if (is_reference && json_is_string(value))
    puts(json_string_value(value));
  else if (smallcaps_is_undefined(body))
    puts("undefined");
  else
    return false;
  return true;
}

static enum cli_exit print_answer(struct cli *cli, const json_t *capdata)
{
  struct error error;
  json_t *value = NULL;
  const json_t *text = json_object_get(capdata, "body");
  struct bytes body = bytes_from(json_string_value(text), json_string_length(text));
  enum vatd_code code = smallcaps_decode(body, json_object_get(capdata, "slots"), &value, &error);
  if (code)
    cli_complain(cli, "the answer is shown as it came: %s", error.text);
  if (code || cli->options[OPTION_RAW])
    output_json(stdout, capdata, cli->terminal_out);
  else if (cli->json || !print_word(body, value))
    output_json(stdout, value, cli->terminal_out);
  json_decref(value);
  return CLI_OK;
}

enum cli_exit cmd_call(struct cli *cli)
{
  json_t *capdata = encode_arguments(cli);
  if (!capdata)
    return CLI_USAGE;
  json_t *params =
      json_pack("{s:s, s:s, s:o}", "target", cli->operands[0], "method", cli->operands[1], "args", capdata);
  if (!params)
    return cli_usage(cli, "target and method must be valid UTF-8");
  if (cli->options[OPTION_KEY])
    json_object_set_new(params, "idempotencyKey", json_string(cli->options[OPTION_KEY]));
  json_t *answer;
  enum cli_exit result = cli_call(cli, "queueMessage", params, &answer);
  if (result)
    return result;
  result = print_answer(cli, answer);
  json_decref(answer);
  return result;
}
