/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/control.h - the control socket: JSON-RPC 2.0, one JSON text per line, many requests per connection, answers in the
 * order in which they become ready. rpc.h has the methods.
 *
 * The socket is made with mode 0600 in a 0700 directory; a peer of another user (but root) is turned away.
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

struct daemon;
struct client;
struct rpc_call;

struct control {
  struct daemon *daemon;
  uv_pipe_t listener;
  char *path;
  struct client *clients; /* linked list */
  size_t client_count;
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
/* Sends an object as a line to a client. Takes over `message`. */
void control_send(struct client *client, json_t *message);
/* The client gets log lines from now on. */
void control_follow_log(struct client *client);
void control_publish_line(struct control *control, json_t *line);
/* True when everything that was to be sent has been. */
bool control_is_drained(const struct control *control);

#endif
