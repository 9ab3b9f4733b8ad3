/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vanish SOCKET COUNTER BUNDLE: a client that is gone after each byte of its request, and asks again with the same key. COUNTER
 * is a vat whose `increment` says how often it has been called, BUNDLE the URL of one. Says TAP.
 *
 * Whatever became of the first request, the second finds it done once: never twice, never by half.
 */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int number;
static int failures;

static void verdict(bool good, const char *name, size_t at)
{
  printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, name);
  if (!good)
    printf("#   at byte %zu\n", at);
  failures += !good;
  fflush(stdout);
}

static struct wire connect_to(const char *socket)
{
  struct wire wire;
  if (!wire_open(&wire, socket)) {
    perror(socket);
    exit(2);
  }
  return wire;
}

/* Sends so many bytes and is gone. */
static void vanish(const char *socket, const char *request, size_t size)
{
  struct wire wire = connect_to(socket);
  wire_send(&wire, request, size);
  wire_close(&wire);
}

/* The whole answer, valid until the next. */
static const char *ask(const char *socket, const char *request)
{
  static char answer[LINE_MAX_SIZE];
  struct wire wire = connect_to(socket);
  wire_send(&wire, request, strlen(request));
  const char *line = wire_line(&wire);
  snprintf(answer, sizeof answer, "%s", line ? line : "");
  wire_close(&wire);
  return answer;
}

/* The number in {"body": "#N", …}; -1 for anything else. */
static long number_of(const char *answer)
{
  const char *body = strstr(answer, "\"body\":\"#");
  return body ? atol(body + strlen("\"body\":\"#")) : -1;
}

static void write_call(char *line, size_t size, const char *counter, size_t key)
{
  snprintf(line, size,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"queueMessage\",\"params\":{\"target\":\"%s\",\"method\":\"increment\","
           "\"args\":[],\"idempotencyKey\":\"call %s %zu\"}}\n",
           counter, counter, key);
}

static void calls(const char *socket, const char *counter)
{
  char line[400];
  char again[400];
  bool good = true;
  size_t cut = 0;
  write_call(line, sizeof line, counter, 100000);
  long before = number_of(ask(socket, line));
  size_t size = strlen(line);
  for (cut = 0; good && cut <= size; cut++) {
    write_call(line, sizeof line, counter, 100001 + cut);
    vanish(socket, line, cut);
    long first = number_of(ask(socket, line));
    snprintf(again, sizeof again, "%s", ask(socket, line));
    good = before >= 0 && first == before + 1 && number_of(again) == first;
    before = first;
  }
  verdict(good, "a call that is asked again is made once, wherever the first client went", cut - 1);
}

static size_t count_of(const char *text, const char *part)
{
  size_t count = 0;
  for (const char *at = text; (at = strstr(at, part)); at++)
    count++;
  return count;
}

/* How many vats have this name. */
static size_t vats_named(const char *socket, const char *name)
{
  char line[300];
  snprintf(line, sizeof line,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"executeDBQuery\",\"params\":"
           "[\"SELECT key FROM kv WHERE key GLOB 'vatName.%s/*'\"]}\n",
           name);
  return count_of(ask(socket, line), "vatName.");
}

/* Of two requests with one key the later in the kernel takes over; who is told so asks again. */
static const char *ask_on(const char *socket, const char *request)
{
  const char *answer = ask(socket, request);
  while (strstr(answer, "took over"))
    answer = ask(socket, request);
  return answer;
}

static bool launch_and_end(const char *socket, const char *bundle, size_t cut, bool from_end)
{
  char line[1000];
  char vat[64];
  snprintf(line, sizeof line,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"launchSubcluster\",\"params\":{\"config\":{\"bootstrap\":\"c%zu%d\",\"vats\":"
           "{\"c%zu%d\":{\"sourceSpec\":\"%s\"}}},\"uniqueNames\":true,\"idempotencyKey\":\"launch %zu%d\"}}\n",
           cut, from_end, cut, from_end, bundle, cut, from_end);
  snprintf(vat, sizeof vat, "c%zu%d", cut, from_end);
  vanish(socket, line, from_end ? strlen(line) - cut : cut);
  const char *answer = ask_on(socket, line);
  if (wire_code(answer) != 0)
    printf("# %s\n", answer);
  bool good = wire_code(answer) == 0 && vats_named(socket, vat) == 1;
  snprintf(line, sizeof line,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"terminateVat\",\"params\":{\"id\":\"%s\",\"idempotencyKey\":\"end %s\"}}\n", vat,
           vat);
  vanish(socket, line, from_end ? strlen(line) - cut : cut);
  return good && wire_code(ask(socket, line)) == 0 && wire_code(ask(socket, line)) == 0;
}

static void launches(const char *socket, const char *bundle)
{
  static const size_t cuts[] = {0, 1, 50}; /* bytes sent, and bytes not sent */
  bool good = true;
  size_t at = 0;
  for (size_t i = 0; good && i < 2 * sizeof cuts / sizeof *cuts; i++) {
    at = cuts[i / 2];
    good = launch_and_end(socket, bundle, at, i % 2);
  }
  verdict(good, "so is a launch, and an end", at);
}

int main(int argc, char **argv)
{
  if (argc != 4) {
    fprintf(stderr, "usage: vanish SOCKET COUNTER BUNDLE\n");
    return 2;
  }
  calls(argv[1], argv[2]);
  launches(argv[1], argv[3]);
  printf("1..%d\n", number);
  return failures != 0;
}
