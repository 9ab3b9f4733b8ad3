/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/control.h - the control socket: JSON-RPC 2.0, one JSON text per line, many requests per connection, answers in the
 * order in which they become ready. rpc.h has the methods, client.h one connection.
 *
 * The socket is made with mode 0600 in a 0700 directory; a peer of another user (but root, who could do anything with the
 * daemon anyway) is turned away. What all clients together may have is bounded here: connections, bytes that wait in either
 * direction, calls under way.
 */
#ifndef VATD_DAEMON_CONTROL_H
#define VATD_DAEMON_CONTROL_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/idmap.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define CONTROL_ROOM (64 * 1024) /* read at a time */

struct daemon;
struct client;
struct rpc_call;

struct control {
  struct daemon *daemon;
  uv_loop_t *loop;
  int fd;
  uv_poll_t listener;
  uv_idle_t turns;        /* runs while a client is ready */
  char *path;
  char *room;             /* CONTROL_ROOM bytes into which all clients read */
  struct client *clients; /* linked list, in the order of turns */
  bool queried;           /* a query has been made in this round of the loop */
  size_t client_count;
  size_t client_limit;
  size_t input_total;     /* bytes read and not handled, of all clients */
  size_t output_total;    /* bytes given to streams whose write has not been seen to end: never less than what waits */
  uint64_t last_line_number;
  struct idmap calls;     /* call number -> struct rpc_call */
  uint64_t next_call;
};

/* Listens on `path`; a socket file that nobody listens on any more is replaced. (The caller holds the database, so no other
 * daemon of this home is alive.) */
enum vatd_code control_open(struct control *control, struct daemon *daemon, const char *path, struct error *error);
/* Turns new clients away and removes the socket file. */
void control_stop_listening(struct control *control);
/* Closes all connections. Handles are gone after the loop has run once more; calls that the kernel still answers get lost. */
void control_close(struct control *control);
/* After the kernel has been closed. */
void control_fini(struct control *control);

/* ---- a call of a client, until it is answered ---- */

struct rpc_call {
  uint64_t number;
  struct control *control;
  struct client *client; /* NULL when the connection has gone */
  json_t *id;            /* NULL: a notification, which gets no answer */
};


struct rpc_call *control_new_call(struct control *control, struct client *client, const json_t *id);
/* Sends the answer of a call and frees it. `result` and `data` are borrowed. */
void control_answer(struct rpc_call *call, const json_t *result);
void control_answer_error(struct rpc_call *call, int code, const char *message, json_t *data);
/* Whether a call that may wait for vats can be begun. */
bool control_has_room_for_calls(const struct control *control);
/* The client gets log lines from now on. */
void control_follow_log(struct client *client);
void control_publish_line(struct control *control, json_t *line);

/* ---- what all clients have together ---- */

/* A new client, behind all others. */
void control_take_in(struct control *control, struct client *client);
/* The client is no longer among them; its calls are still made, and their answers dropped. */
void control_forget_client(struct control *control, struct client *client);
uint64_t control_next_line_number(struct control *control);
void control_note_input(struct control *control, size_t before, size_t after);
void control_note_output(struct control *control, size_t before, size_t after);
/* Closes clients until what has been read is within bounds: first the one whose line has been growing for longest. */
void control_bound_input(struct control *control);
/* Before `size` more bytes are sent to somebody: closes clients that stand still if too much waits. */
void control_bound_output(struct control *control, size_t size);
/* Whether the client may make a query in this round of the loop. If so nobody else may, and it goes behind all others. None
 * may while too much waits to be taken. */
bool control_may_query(struct control *control, struct client *client);
/* Some client is ready: turns are taken when the loop comes round. */
void control_turns_wanted(struct control *control);
/* True when everything that was to be sent has been. */
bool control_is_drained(const struct control *control);

#endif
