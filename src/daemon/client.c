/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/client.c - see client.h.
 *
 *     reading --- lines left over, or the kernel has more --> ready --- its turn comes --> reading
 *        \--- LIMIT_RPC_PAUSE bytes not taken --> paused --- they are taken --> ready
 *
 * A paused client is being written to, so its hangup is noticed as a failed write; in all other states it is noticed by
 * reading. Bytes of `in` are handled only in a turn, and `in` is moved only at the end of one.
 */
#include "daemon/client.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/control.h"
#include "daemon/rpc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line_write {
  uv_write_t request;
  char *text;
  size_t size;
};

static uv_stream_t *stream_of(struct client *client)
{
  return (uv_stream_t *)&client->pipe;
}

/* ---- the connection ---- */

static void free_client(uv_handle_t *handle)
{
  free(handle->data);
}

void client_close(struct client *client)
{
  if (client->closing)
    return;
  client->closing = true;
  control_forget_client(client->control, client);
  control_note_input(client->control, client->in.size, 0);
  buffer_fini(&client->in);
  uv_close((uv_handle_t *)&client->pipe, free_client);
}

size_t client_unsent(const struct client *client)
{
  return uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}

uint64_t client_stalled(struct client *client)
{
  size_t unsent = client_unsent(client);
  size_t taken = client->given - unsent;
  uint64_t now = uv_now(client->pipe.loop);
  if (unsent == 0 || taken != client->seen_taken)
    client->moved_at = now;
  client->seen_taken = taken;
  return now - client->moved_at;
}

static void close_when_done(struct client *client)
{
  if (!client->closing && client->input_ended && !client->ready && client->calls == 0 && client_unsent(client) == 0)
    client_close(client);
}

void client_call_ended(struct client *client)
{
  client->calls--;
  close_when_done(client);
}

/* ---- writing ---- */

static void become_ready(struct client *client)
{
  client->ready = true;
  client->paused = false;
  control_turns_wanted(client->control);
}

static void on_written(uv_write_t *request, int status)
{
  struct line_write *write = (struct line_write *)request;
  struct client *client = request->handle->data;
  control_note_output(client->control, write->size, 0);
  free(write->text);
  free(write);
  if (client->closing)
    return;
  if (status != 0)
    client_close(client);
  else if (client->paused && client_unsent(client) <= LIMIT_RPC_PAUSE)
    become_ready(client);
  else
    close_when_done(client);
}

static void write_line(struct client *client, char *text)
{
  size_t size = strlen(text);
  text[size] = '\n'; /* in place of the NUL: the length travels apart */
  struct line_write *write = memory_alloc(sizeof *write);
  *write = (struct line_write){.text = text, .size = size + 1};
  client->given += write->size;
  control_note_output(client->control, 0, write->size);
  uv_buf_t data = uv_buf_init(text, (unsigned)write->size);
  if (uv_write(&write->request, stream_of(client), &data, 1, on_written) != 0) {
    control_note_output(client->control, write->size, 0);
    free(text);
    free(write);
    client_close(client);
  }
}

void client_send(struct client *client, json_t *message)
{
  char *text = client->closing ? NULL : json_dumps(message, JSON_COMPACT);
  json_decref(message);
  if (text && client_unsent(client) > LIMIT_RPC_UNSENT)
    client_close(client);
  if (text && !client->closing)
    control_bound_output(client->control, strlen(text));
  if (text && !client->closing)
    write_line(client, text);
  else
    free(text);
}

/* ---- turns ---- */

/* The next whole line behind `from`, and the place behind it. */
static bool next_line(struct client *client, size_t *from, struct bytes *line)
{
  size_t begin = client->scanned > *from ? client->scanned : *from;
  const char *newline =
      client->in.size > begin ? memchr(client->in.data + begin, '\n', client->in.size - begin) : NULL;
  if (!newline) {
    client->scanned = client->in.size;
    return false;
  }
  *line = bytes_from(client->in.data + *from, (size_t)(newline - client->in.data) - *from);
  *from += line->size + 1;
  return true;
}

static void refuse_long_line(struct client *client)
{
  rpc_refuse(client, -32600, "Invalid Request: longer than 4 MiB");
}

/* False: it has to be handled in the next round. */
static bool handle_line(struct client *client, struct bytes line)
{
  bool handled = true;
  if (!client->skipping && line.size > LIMIT_RPC_REQUEST)
    refuse_long_line(client);
  else if (!client->skipping)
    handled = rpc_handle_line(client->control->daemon, client, line);
  client->skipping = false;
  return handled;
}

/* Forgets what was handled; an idle client keeps no memory. */
static void drop_handled(struct client *client, size_t handled)
{
  size_t before = client->in.size;
  client->scanned -= client->scanned < handled ? client->scanned : handled;
  buffer_consume(&client->in, handled);
  if (client->in.size == 0)
    buffer_fini(&client->in);
  if (handled)
    client->line_number = control_next_line_number(client->control);
  control_note_input(client->control, before, client->in.size);
}

/* What is left is the beginning of a line, or its end that never comes. */
static void look_at_rest(struct client *client)
{
  bool too_long = client->in.size > LIMIT_RPC_REQUEST;
  if (too_long && !client->skipping)
    refuse_long_line(client);
  client->skipping |= too_long;
  if (client->closing)
    return;
  if (client->input_ended && client->in.size > 0 && !client->skipping)
    rpc_refuse(client, -32700, "Parse error: the request does not end with a newline");
  if (client->skipping || client->input_ended)
    drop_handled(client, client->in.size);
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room);

/* What comes after a turn: more turns, a pause, reading, or the end. */
static void go_on(struct client *client, bool more)
{
  if (client->closing)
    return;
  client->paused = client_unsent(client) > LIMIT_RPC_PAUSE;
  if (more || client->paused)
    uv_read_stop(stream_of(client));
  if (more && !client->paused)
    become_ready(client);
  if (!more && !client->paused && !client->input_ended)
    uv_read_start(stream_of(client), offer_room, on_read);
  if (!more)
    close_when_done(client);
}

/* Handles lines until there is none (false) or others are to have their turn; `*handled` is the place behind the last. */
static bool handle_lines(struct client *client, size_t *handled)
{
  uint64_t end = uv_hrtime() + LIMIT_RPC_TURN_MS * 1000000ull;
  for (size_t lines = 0; !client->closing && lines < LIMIT_RPC_TURN_LINES; lines++) {
    struct bytes line;
    size_t behind = *handled;
    if ((lines && uv_hrtime() >= end) || client_unsent(client) > LIMIT_RPC_PAUSE)
      break;
    if (!next_line(client, &behind, &line))
      return false;
    if (!handle_line(client, line))
      break;
    *handled = behind;
  }
  return true;
}

void client_take_turn(struct client *client)
{
  size_t handled = 0;
  client->ready = false;
  bool more = handle_lines(client, &handled);
  if (client->closing)
    return;
  drop_handled(client, handled);
  if (!more)
    look_at_rest(client);
  go_on(client, more);
}

/* ---- reading ---- */

/* All clients read into the same room: it is taken from there at once. */
static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
  struct client *client = handle->data;
  (void)suggested;
  *room = uv_buf_init(client->control->room, CONTROL_ROOM);
}

static void on_end(struct client *client)
{
  client->input_ended = true;
  uv_read_stop(stream_of(client));
  if (client->follows_log)
    client_close(client);
  else
    client_take_turn(client);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
  struct client *client = stream->data;
  if (count == 0)
    return;
  if (count == UV_EOF) {
    on_end(client);
    return;
  }
  if (count < 0) {
    client_close(client);
    return;
  }
  client->last_heard = uv_now(stream->loop);
  if (client->in.size == 0)
    client->line_number = control_next_line_number(client->control);
  buffer_append(&client->in, room->base, (size_t)count);
  control_note_input(client->control, client->in.size - (size_t)count, client->in.size);
  control_bound_input(client->control);
  if (client->closing)
    return;
  if ((size_t)count < CONTROL_ROOM) {
    client_take_turn(client);
    return;
  }
  uv_read_stop(stream); /* there may be no end of it: others first */
  become_ready(client);
}

struct client *client_new(struct control *control, int fd)
{
  struct client *client = memory_zalloc(sizeof *client);
  client->control = control;
  buffer_init(&client->in, LIMIT_RPC_REQUEST + 2 * CONTROL_ROOM);
  uv_pipe_init(control->loop, &client->pipe, 0);
  client->pipe.data = client;
  client->last_heard = uv_now(control->loop);
  client->moved_at = client->last_heard;
  int failure = uv_pipe_open(&client->pipe, fd);
  if (failure) {
    close(fd);
    uv_close((uv_handle_t *)&client->pipe, free_client);
    return NULL;
  }
  uv_read_start(stream_of(client), offer_room, on_read);
  return client;
}
