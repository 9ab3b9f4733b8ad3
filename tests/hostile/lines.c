/* SPDX-License-Identifier: Apache-2.0 */
/* tests/hostile/lines.c - attacks by what is sent: each line gets the error code that it deserves, and the connection goes on. */
#include "cases.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"

enum { PARSE = -32700, REQUEST = -32600, METHOD = -32601, PARAMS = -32602, FAILED = -32000, MEBI = 1 << 20 };

/* The connection is as good as before. */
static const char *goes_on(struct wire *wire)
{
  bool good = wire_send(wire, PING, strlen(PING)) && wire_code(wire_line(wire)) == 0;
  wire_close(wire);
  return good ? NULL : "the connection does not go on";
}

/* What has been sent is one line, which gets `code`. */
static const char *gets(struct wire *wire, int code)
{
  static char text[128];
  int got = wire_code(wire_line(wire));
  if (got == code)
    return goes_on(wire);
  snprintf(text, sizeof text, "expected %d, got %d", code, got);
  wire_close(wire);
  return text;
}

static const char *line_gets(const struct target *target, const char *line, size_t size, int code)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket) || !wire_send(&wire, line, size) || !wire_send(&wire, "\n", 1))
    return "turned away";
  return gets(&wire, code);
}

/* `head`, so many bytes of `unit`s, `tail`: one line. */
static const char *long_line_gets(const struct target *target, const char *head, const char *unit, size_t total,
                                  const char *tail, int code)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket) || !wire_send(&wire, head, strlen(head)) || !wire_flood(&wire, unit, total) ||
      !wire_send(&wire, tail, strlen(tail)) || !wire_send(&wire, "\n", 1))
    return "turned away while sending";
  return gets(&wire, code);
}

static const char *empty_lines(const struct target *target)
{
  struct wire wire;
  if (!wire_open(&wire, target->socket) || !wire_flood(&wire, "\r\n", MEBI))
    return "turned away";
  return goes_on(&wire);
}

static const char *one_byte_too_long(const struct target *target)
{
  return long_line_gets(target, "", "x", 4 * MEBI + 1, "", REQUEST);
}

static const char *longest_line(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[\"", "x", 4 * MEBI - 100, "\"]}", 0);
}

static const char *stream_of_100_mb(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":\"", "x", 100 * 1000 * 1000, "", REQUEST);
}

static const char *a_million_keys(const struct target *target)
{
  return long_line_gets(target, "{", "\"k\":1,", 6 * 1000 * 1000, "\"k\":1}", REQUEST);
}

static const char *brackets(const struct target *target)
{
  return long_line_gets(target, "[", "[],", 3 * MEBI, "[]]", REQUEST);
}

static const char *records(const struct target *target)
{
  return long_line_gets(target, "[", "{},", 49000 * 3, "{}]", REQUEST);
}

static const char *braces_in_a_string(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[\"", "[{\\\",", 3 * MEBI / 5 * 5, "\"]}", 0);
}

static const char *depth_of_10000(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":", "[", 10000, "", REQUEST);
}

static const char *batch_of_100000(const struct target *target)
{
  return long_line_gets(target, "[", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},", 4300000 / 43 * 43, "{}]", REQUEST);
}

static const char *name_of_a_mebibyte(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"", "\xC3\xA9", MEBI, "\"}", METHOD);
}

static const char *sql_of_2_mebibytes(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"executeDBQuery\",\"params\":[\"SELECT ", "1+", 2 * MEBI,
                        "1\"]}", FAILED);
}

static const char *sql_that_nests(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"executeDBQuery\",\"params\":[\"SELECT ", "(", 100000,
                        "1\"]}", FAILED);
}

static const char *arguments_of_a_call_as_text(const struct target *target)
{
  return long_line_gets(target,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"queueMessage\",\"params\":{\"target\":\"v1\",\"method\":\"x\","
                        "\"args\":{\"slots\":[],\"body\":\"#[",
                        "[],", 3 * MEBI, "[]]\"}}}", PARAMS);
}

static const char *short_lines(const struct target *target)
{
  static const struct {
    const char *line;
    int code;
  } lines[] = {
      {"5", REQUEST},
      {"null", REQUEST},
      {"\"ping\"", REQUEST},
      {"[]", REQUEST},
      {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", REQUEST},
      {"{}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":1}", REQUEST},
      {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", REQUEST},
      {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\\u0000\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":\"x\"}", REQUEST},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", METHOD},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s%n%s\"}", METHOD},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":1e999,\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999999,\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":NaN,\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":\"\xFF\",\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":\"\xED\xA0\x80\",\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":\"\xC0\x80\",\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"ping\"}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} {}", PARSE},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"", PARSE},
      {"{'jsonrpc':'2.0'}", PARSE},
      {"GET / HTTP/1.1\r", PARSE},
      {"\x16\x03\x01\x02", PARSE},
      {"\xEF\xBB\xBF{}", PARSE},
  };
  static char text[256];
  for (size_t i = 0; i < COUNT_OF(lines); i++) {
    const char *wrong = line_gets(target, lines[i].line, strlen(lines[i].line), lines[i].code);
    if (wrong) {
      snprintf(text, sizeof text, "%s: %s", lines[i].line, wrong);
      return text;
    }
  }
  return NULL;
}

static const char *nul_bytes(const struct target *target)
{
  static const char line[] = "{\"jsonrpc\":\"2.0\",\0\"id\":1,\"method\":\"ping\"}";
  static const char zeros[1000];
  const char *wrong = line_gets(target, line, sizeof line - 1, PARSE);
  return wrong ? wrong : line_gets(target, zeros, sizeof zeros, PARSE);
}

static const char *long_id(const struct target *target)
{
  return long_line_gets(target, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":\"", "i", 2000, "\"}", REQUEST);
}

/* Lines of random bytes: errors all, and never silence. */
static const char *random_bytes(const struct target *target)
{
  struct wire wire;
  unsigned state = target->seed;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  for (int i = 0; i < 1000; i++) {
    char line[100];
    size_t size = 1 + (size_t)rand_r(&state) % 98;
    for (size_t at = 0; at < size; at++) {
      line[at] = (char)rand_r(&state);
      line[at] = line[at] == '\n' || (size == 1 && line[at] == '\r') ? 'n' : line[at];
    }
    line[size] = '\n';
    int code = wire_send(&wire, line, size + 1) ? wire_code(wire_line(&wire)) : 1;
    if (code != PARSE && code != REQUEST)
      return "a line of random bytes is neither a parse error nor an invalid request";
  }
  return goes_on(&wire);
}

static const char *strange_parameters(const struct target *target)
{
  static const char *const methods[] = {
      "executeDBQuery", "followLog",  "getStatus",    "isRevoked",      "killVat",      "launchSubcluster",      "listVats",
      "pingVat",        "pinObject",  "queueMessage", "readVatStore",   "registerServiceObject", "releaseObject", "restartVat",
      "resumeVat",      "revoke",     "showVat",      "terminateSubcluster", "terminateVat"};
  static const char *const params[] = {"[]", "{}", "[null]", "[[]]", "[{}]", "[-1,-1,-1,-1]", "[1e308,true]", "[\"\"]",
                                       "[\"\\u0000\"]", "[\"v999999999999999999999\",\"x\",[]]", "[\"ko-1\",\"ko0\"]",
                                       "{\"idempotencyKey\":5}", "{\"idempotencyKey\":\"\\u0000\"}",
                                       "{\"vat\":{},\"limit\":\"x\",\"config\":[],\"id\":null,\"target\":1}"};
  struct wire wire;
  if (!wire_open(&wire, target->socket))
    return "turned away";
  for (size_t i = 0; i < COUNT_OF(methods) * COUNT_OF(params); i++) {
    char line[300];
    int size = snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"%s\",\"params\":%s}\n", i,
                        methods[i / COUNT_OF(params)], params[i % COUNT_OF(params)]);
    int code = wire_send(&wire, line, (size_t)size) ? wire_code(wire_line(&wire)) : 1;
    if (code > 0)
      return "a request with strange parameters gets neither result nor error";
  }
  return goes_on(&wire);
}

const struct attack line_attacks[] = {
    {"a mebibyte of empty lines is nothing", empty_lines},
    {"the longest line is handled", longest_line},
    {"a line of one byte more is an invalid request", one_byte_too_long},
    {"a stream of 100 MB is one invalid request", stream_of_100_mb},
    {"a million keys are an invalid request", a_million_keys},
    {"a million arrays are an invalid request", brackets},
    {"as many records as are allowed are looked at", records},
    {"brackets in a string do not count", braces_in_a_string},
    {"10,000 levels are an invalid request", depth_of_10000},
    {"a batch of 100,000 requests is an invalid request", batch_of_100000},
    {"a method with a name of a mebibyte is not found", name_of_a_mebibyte},
    {"SQL of 2 MiB fails", sql_of_2_mebibytes},
    {"SQL of 100,000 levels fails", sql_that_nests},
    {"a million arrays in capdata are bad parameters", arguments_of_a_call_as_text},
    {"short lines get the code that they deserve", short_lines},
    {"NUL bytes are parse errors", nul_bytes},
    {"an id of 2,000 bytes is an invalid request", long_id},
    {"random bytes are errors", random_bytes},
    {"strange parameters are answered", strange_parameters},
};
const size_t line_attack_count = COUNT_OF(line_attacks);
