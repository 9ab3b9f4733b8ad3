/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/control.c - see control.h.
 *
 * A client has a buffer for the line that is not whole yet, and a count of writes under way. A client that sends a line
 * longer than LIMIT_RPC_REQUEST is told so and closed; one that does not read its answers is closed when LIMIT_RPC_ANSWER
 * bytes wait for it. A call outlives its client: its answer is then dropped.
 */
#include "daemon/control.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/unix_socket.h"
#include "daemon/daemon.h"
#include "daemon/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (64 * KIB)
#define BACKLOG 128

struct client {
  struct client *next;
  struct control *control;
  uv_pipe_t pipe;
  struct buffer in;
  size_t scanned; /* bytes of `in` known to hold no newline */
  bool follows_log;
  bool closing;
  bool input_ended;   /* the peer sends no more; it is closed when its calls are answered */
  size_t calls;       /* not answered yet */
};

struct line_write {
  uv_write_t request;
  char *text;
};

/* ---- connections ---- */

static void free_client(uv_handle_t *handle)
{
  struct client *client = handle->data;
  buffer_fini(&client->in);
  free(client);
}

/* Calls of a client that has gone are still made; their answers have nobody to go to. */
static void forget_client_of_calls(struct control *control, const struct client *client)
{
  struct rpc_call *call;
  size_t position = 0;
  while ((call = idmap_next(&control->calls, &position))) {
    if (call->client == client)
      call->client = NULL;
  }
}

static void close_client(struct client *client)
{
  if (client->closing)
    return;
  client->closing = true;
  struct client **at = &client->control->clients;
  while (*at != client)
    at = &(*at)->next;
  *at = client->next;
  client->control->client_count--;
  forget_client_of_calls(client->control, client);
  uv_close((uv_handle_t *)&client->pipe, free_client);
}

static void close_when_done(struct client *client)
{
  if (client->input_ended && client->calls == 0 && uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) == 0)
    close_client(client);
}

static void on_written(uv_write_t *request, int status)
{
  struct line_write *write = (struct line_write *)request;
  struct client *client = request->handle->data;
  free(write->text);
  free(write);
  if (client->closing)
    return;
  if (status != 0)
    close_client(client);
  else
    close_when_done(client);
}

void control_send(struct client *client, json_t *message)
{
  char *text = json_dumps(message, JSON_COMPACT);
  json_decref(message);
  if (client->closing || !text) {
    free(text);
    return;
  }
  if (uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) > LIMIT_RPC_ANSWER) {
    free(text);
    close_client(client);
    return;
  }
  size_t size = strlen(text);
  text[size] = '\n'; /* in place of the NUL: the length travels apart */
  struct line_write *write = memory_alloc(sizeof *write);
  write->text = text;
  uv_buf_t data = uv_buf_init(text, (unsigned)size + 1);
  if (uv_write(&write->request, (uv_stream_t *)&client->pipe, &data, 1, on_written) != 0) {
    free(text);
    free(write);
    close_client(client);
  }
}

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
  if (client) {
    client->calls--;
    if (call->id)
      control_send(client, json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", call->id, member, value));
    if (!client->closing)
      close_when_done(client);
  }
  json_decref(value);
  free_call(call);
}

void control_answer(struct rpc_call *call, const json_t *result)
{
  end_call(call, "result", json_incref((json_t *)result));
}

void control_answer_error(struct rpc_call *call, int code, const char *message, json_t *data)
{
  json_t *text = json_string(message);
  json_t *error = json_pack("{s:i, s:o}", "code", code, "message", text ? text : json_string("(not UTF-8)"));
  if (data)
    json_object_set(error, "data", data);
  end_call(call, "error", error);
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
    next = client->next;
    if (client->follows_log)
      control_send(client, json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", "log", "params", line));
  }
}

/* ---- reading ---- */

static void take_lines(struct client *client)
{
  while (!client->closing) {
    char *newline = client->in.size > client->scanned
                        ? memchr(client->in.data + client->scanned, '\n', client->in.size - client->scanned)
                        : NULL;
    if (!newline) {
      client->scanned = client->in.size;
      return;
    }
    size_t size = (size_t)(newline - client->in.data);
    rpc_handle_line(client->control->daemon, client, bytes_from(client->in.data, size));
    client->scanned = 0;
    buffer_consume(&client->in, size + 1);
  }
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
  struct client *client = handle->data;
  (void)suggested;
  if (!buffer_reserve(&client->in, READ_SIZE))
    *room = uv_buf_init(NULL, 0);
  else
    *room = uv_buf_init(client->in.data + client->in.size, READ_SIZE);
}

static void refuse_long_line(struct client *client)
{
  rpc_refuse(client, -32600, "the request is longer than the limit of 64 MiB");
  uv_read_stop((uv_stream_t *)&client->pipe);
  client->input_ended = true;
  close_when_done(client);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
  struct client *client = stream->data;
  (void)room;
  if (count == UV_ENOBUFS) {
    refuse_long_line(client);
    return;
  }
  if (count == UV_EOF) {
    if (client->in.size > 0)
      rpc_refuse(client, -32700, "Parse error: the request does not end with a newline");
    client->input_ended = true;
    if (client->follows_log)
      close_client(client);
    else
      close_when_done(client);
    return;
  }
  if (count < 0) {
    close_client(client);
    return;
  }
  client->in.size += (size_t)count;
  take_lines(client);
}

/* ---- listening ---- */

static bool peer_is_trusted(uv_pipe_t *pipe)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  uv_os_fd_t fd;
  if (uv_fileno((uv_handle_t *)pipe, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
  struct control *control = listener->data;
  if (status != 0)
    return;
  struct client *client = memory_zalloc(sizeof *client);
  client->control = control;
  buffer_init(&client->in, LIMIT_RPC_REQUEST);
  uv_pipe_init(listener->loop, &client->pipe, 0);
  client->pipe.data = client;
  client->next = control->clients;
  control->clients = client;
  control->client_count++;
  if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || !peer_is_trusted(&client->pipe) ||
      control->client_count > LIMIT_CLIENTS)
    close_client(client);
  else
    uv_read_start((uv_stream_t *)&client->pipe, offer_room, on_read);
}

enum vatd_code control_open(struct control *control, struct daemon *daemon, const char *path, struct error *error)
{
  int fd = unix_socket_bind(path);
  if (fd < 0)
    return error_set_errno(error, VATD_IO, errno, "cannot listen on %s", path);
  *control = (struct control){.daemon = daemon, .path = memory_strdup(path)};
  idmap_init(&control->calls);
  uv_pipe_init(vatd_loop(daemon->kernel), &control->listener, 0);
  control->listener.data = control;
  int failure = uv_pipe_open(&control->listener, fd);
  if (failure == 0)
    failure = uv_listen((uv_stream_t *)&control->listener, BACKLOG, on_connection);
  return failure ? error_set(error, VATD_IO, "cannot listen on %s: %s", path, uv_strerror(failure)) : VATD_OK;
}

bool control_is_drained(const struct control *control)
{
  for (const struct client *client = control->clients; client; client = client->next) {
    if (uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe) > 0)
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
}

void control_close(struct control *control)
{
  control_stop_listening(control);
  while (control->clients)
    close_client(control->clients);
}

void control_fini(struct control *control)
{
  struct rpc_call *call;
  size_t position = 0;
  while ((call = idmap_next(&control->calls, &position)))
    free_call(call);
  idmap_fini(&control->calls);
}
