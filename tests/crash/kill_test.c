/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/kill_test.c - the kill test: vatd is killed with SIGKILL again and again, at random moments, under load.
 *
 *     kill_daemon --vatd PROGRAM --vats DIRECTORY [--kills N] [--seed S] [--load MILLISECONDS] [--until-loss]
 *
 * The load is six streams of numbered messages, each with its numbers in increasing order:
 *
 *     host -> one, host -> two        counters
 *     host -> keyed                   a counter; each message has an idempotency key and is sent until it is answered
 *     host -> a -> b -> c             a chain: each link notes the number and passes it on
 *     host -> d -> c, host -> c       so that c has three senders
 *
 * A vat keeps of each of its senders how many numbers came, the last one, how many came out of order, and the gaps
 * between them (vats/ledger.js). Messages that the daemon has taken in are never lost, whether answered or not; so of
 * the numbers sent in one round (one life of the daemon) exactly a prefix must have been applied, each once, and
 * everything that was answered must be in it. A gap may therefore only end where a round began. The keyed stream has no
 * gaps at all. Along a chain all links must have noted exactly the same. When that has been found true the round's load
 * begins.
 *
 * Rounds differ: some kill the daemon while it starts, some put their load on vats that are just starting, some kill a
 * worker too. Most use only the counters or only the chains, for starting vats is what takes time. Answers that the
 * daemon has written before it died are read, and count.
 *
 * With --until-loss the test is a control: it passes when an acknowledged message was lost.
 */
#include "rig.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 2, WINDOW = 16, OPEN_CALLS = 1024, CHECK_DATABASE_EVERY = 100, PATIENCE = 60000000 };

/* ---- chance ---- */

static uint64_t chance_state;

/* splitmix64's step */
static uint64_t chance(void)
{
  uint64_t z = (chance_state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

static uint64_t chance_below(uint64_t bound)
{
  return chance() % bound;
}

/* ---- what is known of a stream ---- */

enum { ACKNOWLEDGED = 1, ROUND_BEGINS = 2 };
enum { COUNTERS = 1, CHAINS = 2, ALL = COUNTERS | CHAINS };

struct stream {
  const char *vat;
  const char *message; /* method and args up to the number that ends them */
  const char *query;   /* the same of what asks for the state, for the last number known */
  bool keyed;
  size_t connection;
  unsigned group;
  bool active;    /* in this round */
  uint64_t next;  /* the number to be sent next */
  uint64_t sent;  /* the greatest number ever sent */
  uint64_t known; /* the last number applied, when it was looked */
  uint64_t count; /* how many had been applied then */
  bool sent_in_round;
  uint8_t *marks; /* by number */
  size_t capacity;
};

#define COUNTER .message = "\"increment\",\"args\":[", .query = "\"state\",\"args\":[", .group = COUNTERS
#define CHAIN .message = "\"relay\",\"args\":[\"host\",", .query = "\"flush\",\"args\":[\"host\",", .group = CHAINS

static struct stream streams[] = {
    {.vat = "one", COUNTER, .connection = 0},
    {.vat = "two", COUNTER, .connection = 0},
    {.vat = "keyed", COUNTER, .connection = 1, .keyed = true},
    {.vat = "a", CHAIN, .connection = 1},
    {.vat = "d", CHAIN, .connection = 0},
    {.vat = "c", CHAIN, .connection = 1},
};

#define STREAMS (sizeof streams / sizeof *streams)

struct call {
  struct stream *stream;
  uint64_t number; /* 0: a query */
};

struct test {
  struct rig rig;
  struct connection connections[CONNECTIONS];
  size_t in_flight[CONNECTIONS];
  struct call calls[OPEN_CALLS]; /* by request, modulo */
  uint64_t last_request;
  json_t *states[STREAMS]; /* answers to queries */
  size_t states_missing;
  bool worker_was_killed; /* in this round */
  uint64_t load;          /* at most, in microseconds */
  /* figures */
  uint64_t kills;
  uint64_t workers_killed;
  uint64_t acknowledged;
  uint64_t applied;
  uint64_t lost;
  uint64_t partial;
  uint64_t reordered;
  uint64_t damaged;
};

static uint8_t *mark_of(struct stream *stream, uint64_t number)
{
  if (number >= stream->capacity) {
    size_t capacity = number * 2 + 1024;
    stream->marks = memory_realloc_array(stream->marks, capacity, 1);
    memset(stream->marks + stream->capacity, 0, capacity - stream->capacity);
    stream->capacity = capacity;
  }
  return &stream->marks[number];
}

static bool is_marked(struct stream *stream, uint64_t number, uint8_t mark)
{
  return *mark_of(stream, number) & mark;
}

/* ---- checking ---- */

static void complain(uint64_t *figure, uint64_t by, const struct stream *stream, const char *what, const json_t *state)
{
  char *text = json_dumps(state, JSON_COMPACT);
  printf("# %s: %s: %s (known %llu, count %llu, sent %llu)\n", stream->vat, what, text,
         (unsigned long long)stream->known, (unsigned long long)stream->count, (unsigned long long)stream->sent);
  free(text);
  *figure += by;
}

static uint64_t acknowledged_between(struct stream *stream, uint64_t first, uint64_t last)
{
  uint64_t count = 0;
  for (uint64_t number = first; number <= last; number++)
    count += is_marked(stream, number, ACKNOWLEDGED);
  return count;
}

static uint64_t number_of(const json_t *json)
{
  return (uint64_t)json_integer_value(json);
}

/* Looks at the gaps; returns how many numbers were not applied before the last one. */
static uint64_t check_gaps(struct test *t, struct stream *stream, const json_t *state)
{
  uint64_t missing = 0;
  size_t i;
  json_t *gap;
  json_array_foreach(json_object_get(state, "gaps"), i, gap) {
    uint64_t from = number_of(json_array_get(gap, 0));
    uint64_t to = number_of(json_array_get(gap, 1));
    if (stream->keyed || to > stream->sent || from < stream->known || !is_marked(stream, to, ROUND_BEGINS))
      complain(&t->partial, 1, stream, "numbers are missing in the middle of a round", state);
    uint64_t lost = to <= stream->sent ? acknowledged_between(stream, from + 1, to - 1) : 0;
    if (lost)
      complain(&t->lost, lost, stream, "acknowledged numbers are missing", state);
    missing += to - from - 1;
  }
  return missing;
}

static void check_state(struct test *t, struct stream *stream, const json_t *state)
{
  uint64_t last = number_of(json_object_get(state, "last"));
  uint64_t count = number_of(json_object_get(state, "count"));
  uint64_t violations = number_of(json_object_get(state, "violations"));
  uint64_t lost = acknowledged_between(stream, last + 1, stream->sent);
  if (!json_is_integer(json_object_get(state, "count")))
    bail_out("%s has no state", stream->vat);
  if (violations)
    complain(&t->reordered, violations, stream, "numbers came out of order or twice", state);
  if (lost)
    complain(&t->lost, lost, stream, "acknowledged numbers are missing at the end", state);
  if (last > stream->sent || last < stream->known)
    complain(&t->partial, 1, stream, "an impossible last number", state);
  if (count != stream->count + last - stream->known - check_gaps(t, stream, state))
    complain(&t->partial, 1, stream, "count and numbers do not agree", state);
  t->applied += count - stream->count;
  stream->known = last;
  stream->count = count;
}

/* A counter answers with its state, a link with the states from there to the end of its chain. */
static void check_answer(struct test *t, struct stream *stream, const json_t *answer)
{
  if (json_is_object(answer)) {
    check_state(t, stream, answer);
    return;
  }
  json_t *first = json_array_get(answer, 0);
  size_t i;
  json_t *state;
  json_array_foreach(answer, i, state) {
    if (!json_equal(state, first))
      complain(&t->partial, 1, stream, "the links of a chain differ", answer);
  }
  check_state(t, stream, first);
}

/* ---- answers ---- */

/* The value of capdata without slots. */
static json_t *plain_value(const json_t *capdata)
{
  const char *body = json_string_value(json_object_get(capdata, "body"));
  return body && body[0] == '#' ? json_loads(body + 1, JSON_DECODE_ANY, NULL) : NULL;
}

/* A call whose vat lost its worker in the meantime has been made, but its answer is gone. */
static bool is_expected_error(const struct test *t, const json_t *error)
{
  const char *text = json_string_value(json_object_get(error, "message"));
  return t->worker_was_killed && text && strstr(text, "VAT_RESTARTED");
}

static void take_answer(struct test *t, size_t connection, const json_t *message)
{
  struct call *call = &t->calls[number_of(json_object_get(message, "id")) % OPEN_CALLS];
  const json_t *error = json_object_get(message, "error");
  if (error && !is_expected_error(t, error)) {
    char *text = json_dumps(message, JSON_COMPACT);
    bail_out("%s answers %s", call->stream->vat, text);
  }
  if (call->number == 0) {
    t->states[call->stream - streams] = plain_value(json_object_get(message, "result"));
    t->states_missing--;
    return;
  }
  t->in_flight[connection]--;
  uint8_t *mark = mark_of(call->stream, call->number);
  if (!error && !(*mark & ACKNOWLEDGED)) {
    *mark |= ACKNOWLEDGED;
    t->acknowledged++;
  }
}

static void take_answers(struct test *t, size_t connection)
{
  json_t *message;
  while ((message = connection_take(&t->connections[connection]))) {
    take_answer(t, connection, message);
    json_decref(message);
  }
}

/* Waits for answers and takes them; false when the deadline has come. */
static bool wait_for_answers(struct test *t, uint64_t deadline)
{
  if (!connections_wait(t->connections, CONNECTIONS, deadline))
    return false;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    if (connections_wait(&t->connections[i], 1, now_microseconds() + 1)) {
      if (!connection_receive(&t->connections[i]))
        bail_out("the daemon has died by itself");
      take_answers(t, i);
    }
  }
  return true;
}

/* ---- requests ---- */

static bool send_call(struct test *t, struct stream *stream, uint64_t number, const char *method_and_args,
                      uint64_t argument)
{
  char what[128];
  char key[64] = "";
  char line[512];
  uint64_t request = ++t->last_request;
  t->calls[request % OPEN_CALLS] = (struct call){stream, number};
  snprintf(what, sizeof what, "%s%llu]", method_and_args, (unsigned long long)argument);
  if (stream->keyed && number)
    snprintf(key, sizeof key, ",\"idempotencyKey\":\"key %llu\"", (unsigned long long)number);
  snprintf(
      line, sizeof line,
      "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"queueMessage\",\"params\":{\"target\":\"%s\",\"method\":%s%s}}\n",
      (unsigned long long)request, stream->vat, what, key);
  return connection_send(&t->connections[stream->connection], line);
}

/* Sends the stream's next number; one with a key that is answered already is passed over. */
static void send_next(struct test *t, struct stream *stream)
{
  while (stream->next <= stream->sent && is_marked(stream, stream->next, ACKNOWLEDGED))
    stream->next++;
  uint64_t number = stream->next++;
  uint8_t *mark = mark_of(stream, number);
  if (!stream->sent_in_round && !stream->keyed)
    *mark |= ROUND_BEGINS;
  stream->sent_in_round = true;
  if (number > stream->sent)
    stream->sent = number;
  t->in_flight[stream->connection]++;
  if (!send_call(t, stream, number, stream->message, number))
    bail_out("the daemon has died by itself");
}

static void fill_window(struct test *t)
{
  for (size_t connection = 0; connection < CONNECTIONS; connection++) {
    while (t->in_flight[connection] < WINDOW) {
      struct stream *stream = &streams[chance_below(STREAMS)];
      if (stream->active && stream->connection == connection)
        send_next(t, stream);
    }
  }
}

/* ---- the parts of a round ---- */

static void begin_round(struct test *t, unsigned groups)
{
  for (size_t i = 0; i < CONNECTIONS; i++) {
    connection_open(&t->connections[i], &t->rig);
    t->in_flight[i] = 0;
  }
  t->worker_was_killed = false;
  for (size_t i = 0; i < STREAMS; i++) {
    streams[i].active = streams[i].group & groups;
    streams[i].sent_in_round = false;
    streams[i].next = streams[i].keyed ? streams[i].known + 1 : streams[i].sent + 1;
  }
}

/* Asks for the states of the active streams, waits for them, and checks them. */
static void verify(struct test *t)
{
  for (size_t i = 0; i < STREAMS; i++) {
    t->states[i] = NULL;
    if (!streams[i].active)
      continue;
    t->states_missing++;
    if (!send_call(t, &streams[i], 0, streams[i].query, streams[i].known))
      bail_out("the daemon has died by itself");
  }
  while (t->states_missing) {
    if (!wait_for_answers(t, now_microseconds() + PATIENCE))
      bail_out("no answer within a minute");
  }
  for (size_t i = 0; i < STREAMS; i++) {
    if (streams[i].active)
      check_answer(t, &streams[i], t->states[i]);
    json_decref(t->states[i]);
  }
}

/* Asks the daemon itself (no load is under way) for something. */
static json_t *ask(struct test *t, const char *method, json_t *params)
{
  json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 0, "method", method, "params", params);
  char *text = json_dumps(request, JSON_COMPACT);
  char *line = memory_printf("%s\n", text);
  json_t *message = NULL;
  struct connection *c = &t->connections[0];
  connection_send(c, line);
  while (!message) {
    if (!connections_wait(c, 1, now_microseconds() + PATIENCE) || !connection_receive(c))
      bail_out("no answer to %s", method);
    message = connection_take(c);
  }
  json_t *result = json_incref(json_object_get(message, "result"));
  if (!result)
    bail_out("%s: %s", method, json_dumps(message, JSON_COMPACT));
  json_decref(message);
  json_decref(request);
  free(text);
  free(line);
  return result;
}

/* The process of some vat's worker. */
static pid_t choose_worker(struct test *t)
{
  json_t *vats = ask(t, "listVats", json_array());
  json_t *vat = json_array_get(vats, chance_below(json_array_size(vats)));
  pid_t pid = (pid_t)json_integer_value(json_object_get(vat, "pid"));
  json_decref(vats);
  return pid;
}

static void put_load(struct test *t, uint64_t microseconds)
{
  uint64_t deadline = now_microseconds() + microseconds;
  do
    fill_window(t);
  while (wait_for_answers(t, deadline));
}

/* Kills the daemon, and takes the answers that it had written. */
static void kill_and_take_answers(struct test *t)
{
  rig_kill(&t->rig);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    while (connection_receive(&t->connections[i]))
      ;
    take_answers(t, i);
    connection_close(&t->connections[i]);
  }
}

/* ---- rounds ---- */

static unsigned choose_groups(void)
{
  uint64_t n = chance_below(10);
  return n == 0 ? ALL : n < 6 ? COUNTERS : CHAINS;
}

static void round_killed_at_start(struct test *t)
{
  rig_start(&t->rig);
  struct connection nobody = {.fd = -1};
  connections_wait(&nobody, 1, now_microseconds() + chance_below(20000));
  rig_kill(&t->rig);
}

static void round_with_load_at_start(struct test *t)
{
  rig_start(&t->rig);
  rig_wait_until_listening(&t->rig);
  begin_round(t, choose_groups());
  put_load(t, chance_below(2 * t->load));
  kill_and_take_answers(t);
}

static void round_with_load(struct test *t, bool kill_worker)
{
  rig_start(&t->rig);
  rig_wait_until_listening(&t->rig);
  begin_round(t, choose_groups());
  verify(t);
  pid_t worker = kill_worker ? choose_worker(t) : 0;
  uint64_t time = chance_below(t->load);
  if (worker) {
    put_load(t, time / 2);
    t->worker_was_killed = true;
    t->workers_killed++;
    kill(worker, SIGKILL);
    time /= 2;
  }
  put_load(t, time);
  kill_and_take_answers(t);
}

static void check_database(struct test *t)
{
  char *said = rig_check_database(&t->rig);
  if (strcmp(said, "ok") != 0) {
    printf("# integrity_check: %s\n", said);
    t->damaged++;
  }
  free(said);
}

static void run_round(struct test *t)
{
  uint64_t kind = chance_below(20);
  if (kind < 2)
    round_killed_at_start(t);
  else if (kind < 6)
    round_with_load_at_start(t);
  else
    round_with_load(t, kind == 6);
  rig_reap(false);
  if (++t->kills % CHECK_DATABASE_EVERY == 0)
    check_database(t);
}

static bool is_good(const struct test *t)
{
  return t->lost + t->partial + t->reordered + t->damaged == 0;
}

/* ---- before and after ---- */

static json_t *vat_config(const char *directory, const char *file, json_t *parameters)
{
  char *url = memory_printf("file://%s/%s", directory, file);
  json_t *vat = json_pack("{s:s, s:o}", "sourceSpec", url, "parameters", parameters);
  free(url);
  return vat;
}

static json_t *link_config(const char *directory, const char *name, json_t *senders)
{
  return vat_config(directory, "link.js", json_pack("{s:s, s:o}", "name", name, "senders", senders));
}

static void launch(struct test *t, const char *directory)
{
  static const char *const counters[] = {"one", "two", "keyed"};
  json_t *vats = json_pack("{s:o, s:o, s:o, s:o, s:o}", "starter", vat_config(directory, "starter.js", json_object()),
                           "a", link_config(directory, "a", json_pack("[s]", "host")), "b",
                           link_config(directory, "b", json_pack("[s]", "a")), "c",
                           link_config(directory, "c", json_pack("[s, s, s]", "b", "d", "host")), "d",
                           link_config(directory, "d", json_pack("[s]", "host")));
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
    json_object_set_new(vats, counters[i], vat_config(directory, "counter.js", json_object()));
  rig_start(&t->rig);
  rig_wait_until_listening(&t->rig);
  begin_round(t, ALL);
  json_decref(ask(t, "launchSubcluster", json_pack("{s:{s:s, s:o}}", "config", "bootstrap", "starter", "vats", vats)));
  kill_and_take_answers(t);
}

/* One more life, which ends in order. */
static void finish(struct test *t)
{
  rig_start(&t->rig);
  rig_wait_until_listening(&t->rig);
  begin_round(t, ALL);
  verify(t);
  int status = rig_stop(&t->rig);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    bail_out("the daemon ended with wait status %d", status);
  for (size_t i = 0; i < CONNECTIONS; i++)
    connection_close(&t->connections[i]);
  check_database(t);
}

static void report(const struct test *t, uint64_t kills, bool until_loss, double seconds)
{
  printf("# figure kills=%llu workers_killed=%llu applied=%llu acknowledged=%llu lost=%llu partial=%llu reordered=%llu "
         "damaged=%llu seconds=%.1f\n",
         (unsigned long long)t->kills, (unsigned long long)t->workers_killed, (unsigned long long)t->applied,
         (unsigned long long)t->acknowledged, (unsigned long long)t->lost, (unsigned long long)t->partial,
         (unsigned long long)t->reordered, (unsigned long long)t->damaged, seconds);
  if (until_loss)
    printf("%s - the control that answers before the commit loses an acknowledged message\n",
           t->lost ? "ok" : "not ok");
  else
    printf("%s - %llu kills lose, repeat, split and reorder nothing\n", is_good(t) ? "ok" : "not ok",
           (unsigned long long)kills);
}

struct options {
  const char *vatd;
  const char *vats;
  uint64_t kills;
  uint64_t seed;
  uint64_t load; /* milliseconds */
  bool until_loss;
};

static void parse_options(int argc, char **argv, struct options *options)
{
  static const struct option known[] = {{"vatd", required_argument, NULL, 'd'},
                                        {"vats", required_argument, NULL, 'v'},
                                        {"kills", required_argument, NULL, 'k'},
                                        {"seed", required_argument, NULL, 's'},
                                        {"load", required_argument, NULL, 'l'},
                                        {"until-loss", no_argument, NULL, 'u'},
                                        {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    if (option == 'd')
      options->vatd = optarg;
    else if (option == 'v')
      options->vats = optarg;
    else if (option == 'k')
      options->kills = strtoull(optarg, NULL, 10);
    else if (option == 's')
      options->seed = strtoull(optarg, NULL, 10);
    else if (option == 'l')
      options->load = strtoull(optarg, NULL, 10);
    else if (option == 'u')
      options->until_loss = true;
    else
      exit(2);
  }
  if (!options->vatd || !options->vats || options->vats[0] != '/') {
    fprintf(stderr, "usage: kill_daemon --vatd PROGRAM --vats /DIRECTORY [--kills N] [--seed S] [--until-loss]\n");
    exit(2);
  }
}

int main(int argc, char **argv)
{
  struct options options = {.kills = 2000, .seed = (uint64_t)time(NULL), .load = 30};
  parse_options(argc, argv, &options);
  setlinebuf(stdout);
  printf("# seed %llu\n", (unsigned long long)options.seed);
  chance_state = options.seed;
  struct test *t = memory_zalloc(sizeof *t);
  const char *directory = getenv("TMPDIR");
  t->rig =
      (struct rig){.vatd = options.vatd, .home = memory_printf("%s/vatd-kill-XXXXXX", directory ? directory : "/tmp")};
  if (!mkdtemp(t->rig.home))
    bail_out("%s: %s", t->rig.home, strerror(errno));
  t->load = options.load * 1000 + 1;
  rig_adopt_orphans();
  launch(t, options.vats);
  uint64_t start = now_microseconds();
  while (t->kills < options.kills && is_good(t))
    run_round(t);
  if (is_good(t))
    finish(t);
  rig_reap(true);
  report(t, options.kills, options.until_loss, (double)(now_microseconds() - start) / 1e6);
  return (options.until_loss ? t->lost > 0 : is_good(t)) ? 0 : 1;
}
