/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/control.c - see control.h.
 *
 * Connections are accepted a few at a time, and clients that have more to say take turns, once each for every round of the
 * loop. A call outlives its client: its answer is then dropped.
 */
#include "daemon/control.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/unix_socket.h"
#include "daemon/client.h"
#include "daemon/daemon.h"
#include "daemon/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

/* ---- calls ---- */

struct rpc_call *control_new_call(struct control *control, struct client *client, const json_t *id)
{
  struct rpc_call *call = memory_zalloc(sizeof *call);
  call->number = ++control->next_call;
  call->control = control;
  call->client = client;
  call->id = id ? json_deep_copy(id) : NULL;
  client->calls++;
  idmap_put(&control->calls, call->number, call);
  return call;
}

static void free_call(struct rpc_call *call)
{
  json_decref(call->id);
  free(call);
}

/* Ends a call with `member` ("result" or "error") set to `value`, which is taken over. */
static void end_call(struct rpc_call *call, const char *member, json_t *value)
{
  struct client *client = call->client;
  idmap_remove(&call->control->calls, call->number);
  if (client && call->id)
    client_send(client, json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", call->id, member, value));
  if (client && !client->closing)
    client_call_ended(client);
  json_decref(value);
  free_call(call);
}

void control_answer(struct rpc_call *call, const json_t *result)
{
  end_call(call, "result", json_incref((json_t *)result));
}

void control_answer_error(struct rpc_call *call, int code, const char *message, json_t *data)
{
  json_t *error = json_pack("{s:i, s:o}", "code", code, "message", rpc_text(message));
  if (data)
    json_object_set(error, "data", data);
  end_call(call, "error", error);
}

bool control_has_room_for_calls(const struct control *control)
{
  return idmap_count(&control->calls) < LIMIT_RPC_CALLS;
}

/* ---- log followers ---- */

void control_follow_log(struct client *client)
{
  client->follows_log = true;
}

void control_publish_line(struct control *control, json_t *line)
{
  struct client *next;
  for (struct client *client = control->clients; client; client = next) {
    next = client->next; /* a client that is closed meanwhile keeps its place until the loop comes round */
    if (client->follows_log)
      client_send(client, json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", "log", "params", line));
  }
}

/* ---- what all clients have together ---- */

static void take_out(struct control *control, struct client *client)
{
  struct client **at = &control->clients;
  while (*at != client)
    at = &(*at)->next;
  *at = client->next;
}

static void put_behind_all(struct control *control, struct client *client)
{
  struct client **at = &control->clients;
  while (*at)
    at = &(*at)->next;
  client->next = NULL;
  *at = client;
}

void control_take_in(struct control *control, struct client *client)
{
  put_behind_all(control, client);
  control->client_count++;
}

void control_forget_client(struct control *control, struct client *client)
{
  struct rpc_call *call;
  size_t position = 0;
  take_out(control, client);
  control->client_count--;
  while (client->calls && (call = idmap_next(&control->calls, &position))) {
    if (call->client == client)
      call->client = NULL;
  }
}

uint64_t control_next_line_number(struct control *control)
{
  return ++control->last_line_number;
}

void control_note_input(struct control *control, size_t before, size_t after)
{
  control->input_total += after - before;
}

void control_note_output(struct control *control, size_t before, size_t after)
{
  control->output_total += after - before;
}

static struct client *oldest_line(struct control *control)
{
  struct client *oldest = NULL;
  for (struct client *client = control->clients; client; client = client->next) {
    if (client->in.size > 0 && (!oldest || client->line_number < oldest->line_number))
      oldest = client;
  }
  return oldest;
}

void control_bound_input(struct control *control)
{
  struct client *client;
  while (control->input_total > LIMIT_RPC_INPUT_TOTAL && (client = oldest_line(control)))
    client_close(client);
}

/* What waits in all; `*largest` is the client for whom most waits of those that stand still, or NULL. */
static size_t look_at_output(struct control *control, struct client **largest)
{
  size_t total = 0;
  *largest = NULL;
  for (struct client *client = control->clients; client; client = client->next) {
    size_t unsent = client_unsent(client);
    total += unsent;
    bool still = client_stalled(client) >= LIMIT_RPC_STALL_MS;
    if (unsent && still && (!*largest || unsent > client_unsent(*largest)))
      *largest = client;
  }
  return total;
}

void control_bound_output(struct control *control, size_t size)
{
  struct client *largest;
  if (control->output_total + size <= LIMIT_RPC_UNSENT_TOTAL)
    return;
  while (look_at_output(control, &largest) + size > LIMIT_RPC_UNSENT_TOTAL && largest)
    client_close(largest);
}

/* ---- turns ---- */

static void on_turns(uv_idle_t *turns)
{
  struct control *control = turns->data;
  struct client *next;
  uv_idle_stop(turns);
  control->queried = false;
  for (struct client *client = control->clients; client; client = next) {
    next = client->next;
    if (client->ready && !client->closing)
      client_take_turn(client);
  }
}

void control_turns_wanted(struct control *control)
{
  uv_idle_start(&control->turns, on_turns);
}

bool control_may_query(struct control *control, struct client *client)
{
  struct client *largest;
  control_bound_output(control, 0);
  if (control->queried || (control->output_total > LIMIT_RPC_UNSENT_TOTAL &&
                           look_at_output(control, &largest) > LIMIT_RPC_UNSENT_TOTAL))
    return false;
  control->queried = true;
  take_out(control, client);
  put_behind_all(control, client);
  control_turns_wanted(control); /* the next round begins there */
  return true;
}

/* ---- connections ---- */

static bool peer_is_trusted(int fd)
{
#ifdef VATD_DEFECT_PEER
  return true;
#endif
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

/* Whether `a` is to make room rather than `b`: who has nothing under way before who has, then who was silent for longer. */
static bool goes_before(const struct client *a, const struct client *b)
{
  bool a_waits = a->calls > 0 || a->follows_log;
  bool b_waits = b->calls > 0 || b->follows_log;
  return a_waits != b_waits ? b_waits : a->last_heard < b->last_heard;
}

static void make_room(struct control *control)
{
  struct client *first = control->clients;
  for (struct client *client = first; client; client = client->next) {
    if (goes_before(client, first))
      first = client;
  }
  if (first)
    client_close(first);
}

static void welcome(struct control *control, int fd)
{
  if (!peer_is_trusted(fd)) {
    close(fd);
    return;
  }
  if (control->client_count >= control->client_limit)
    make_room(control);
  struct client *client = client_new(control, fd);
  if (client)
    control_take_in(control, client);
}

static void on_connections(uv_poll_t *listener, int status, int events)
{
  struct control *control = listener->data;
  (void)events;
  for (int i = 0; status == 0 && i < LIMIT_RPC_ACCEPTS; i++) {
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
      make_room(control);
    if (fd < 0)
      return;
    welcome(control, fd);
  }
}

/* Connections leave half of the descriptors to the workers and the database. */
static size_t connections_possible(void)
{
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return LIMIT_CLIENTS;
  return files.rlim_cur / 2 < LIMIT_CLIENTS ? files.rlim_cur / 2 : LIMIT_CLIENTS;
}

enum vatd_code control_open(struct control *control, struct daemon *daemon, const char *path, struct error *error)
{
  int fd = unix_socket_bind(path);
  if (fd < 0 && errno == EEXIST)
    return error_set(error, VATD_IO, "%s is there and is not a socket of ours: remove it", path);
  if (fd < 0)
    return error_set_errno(error, VATD_IO, errno, "cannot listen on %s", path);
  *control = (struct control){.daemon = daemon, .loop = vatd_loop(daemon->kernel), .fd = fd, .path = memory_strdup(path)};
  control->room = memory_alloc(CONTROL_ROOM);
  control->client_limit = connections_possible();
  idmap_init(&control->calls);
  uv_poll_init(control->loop, &control->listener, fd);
  uv_idle_init(control->loop, &control->turns);
  control->listener.data = control;
  control->turns.data = control;
  if (listen(fd, BACKLOG) != 0)
    return error_set_errno(error, VATD_IO, errno, "cannot listen on %s", path);
  int failure = uv_poll_start(&control->listener, UV_READABLE, on_connections);
  return failure ? error_set(error, VATD_IO, "cannot listen on %s: %s", path, uv_strerror(failure)) : VATD_OK;
}

bool control_is_drained(const struct control *control)
{
  for (const struct client *client = control->clients; client; client = client->next) {
    if (client_unsent(client) > 0)
      return false;
  }
  return true;
}

void control_stop_listening(struct control *control)
{
  if (!control->path)
    return;
  unlink(control->path);
  free(control->path);
  control->path = NULL;
  uv_close((uv_handle_t *)&control->listener, NULL);
  close(control->fd);
}

void control_close(struct control *control)
{
  control_stop_listening(control);
  while (control->clients)
    client_close(control->clients);
  uv_close((uv_handle_t *)&control->turns, NULL);
}

void control_fini(struct control *control)
{
  struct rpc_call *call;
  size_t position = 0;
  while ((call = idmap_next(&control->calls, &position)))
    free_call(call);
  idmap_fini(&control->calls);
  free(control->room);
  control->room = NULL;
}
