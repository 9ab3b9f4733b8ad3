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
#include "kernel/idmap.h"

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
  struct idmap calls;     /* request number -> struct rpc_call */
  uint64_t next_request;
};

/* Listens on `path`; a socket file that nobody listens on any more is replaced. (The caller holds the database, so no other
 * daemon of this home is alive.) */
enum vatd_code control_open(struct control *control, struct daemon *daemon, const char *path, struct error *error);
/* Turns new clients away and removes the socket file. */
void control_stop_listening(struct control *control);
/* Closes all connections. Handles are gone after the loop has run once more. */
void control_close(struct control *control);

/* ---- a call of a client, until it is answered ---- */

/* What is done with a result before it goes out; may be NULL. */
typedef void rpc_finish_fn(struct daemon *daemon, json_t *result);

struct rpc_call {
  uint64_t request;
  struct client *client; /* NULL when the connection has gone */
  json_t *id;            /* NULL: a notification, which gets no answer */
  rpc_finish_fn *finish;
};

/* Registers a call; the number it returns is the kernel's `request`. */
struct rpc_call *control_new_call(struct control *control, struct client *client, const json_t *id);
/* Sends the answer of a registered call and forgets it. `result` and `data` are borrowed. */
void control_answer(struct control *control, uint64_t request, json_t *result);
void control_answer_error(struct control *control, uint64_t request, int code, const char *message, json_t *data);
/* Sends an object as a line to a client. Takes over `message`. */
void control_send(struct client *client, json_t *message);
/* The client gets log lines from now on. */
void control_follow_log(struct client *client);
void control_publish_line(struct control *control, json_t *line);
/* True when everything that was to be sent has been. */
bool control_is_drained(const struct control *control);

#endif
