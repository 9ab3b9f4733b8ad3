/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/client.h - one connection of the control socket: lines in, lines out, and what it may have of the daemon.
 *
 * A client is never trusted with memory or time. What it has sent and what it has not taken is bounded, each for it alone
 * and for all together (control.h); its requests are begun in turns, so that one that floods does not starve the others.
 * While it does not take its answers, nothing more is read from it. A line that is too long is refused when its length is
 * known to be too much, the rest of it is skipped, and the connection goes on.
 */
#ifndef VATD_DAEMON_CLIENT_H
#define VATD_DAEMON_CLIENT_H

#include "base/buffer.h"

#include <jansson.h>
#include <uv.h>

struct control;

struct client {
  struct client *next;
  struct control *control;
  uv_pipe_t pipe;
  struct buffer in;      /* read and not handled yet */
  size_t scanned;        /* bytes of `in` known to hold no newline */
  uint64_t line_number;  /* among all lines that are not whole yet: which began first */
  uint64_t last_heard;   /* loop time */
  size_t calls;          /* not answered yet */
  size_t given;          /* bytes handed to the stream so far */
  size_t seen_taken;     /* of these, when that was last looked at … */
  uint64_t moved_at;     /* … and the loop time at which it was last seen to have grown */
  bool follows_log;
  bool closing;
  bool input_ended;      /* the peer sends no more; it is closed when its calls are answered */
  bool skipping;         /* the rest of a line that was refused */
  bool ready;            /* has more to handle, and waits for its turn */
  bool paused;           /* not read from until it takes its answers */
};

/* Takes over the connected descriptor. */
struct client *client_new(struct control *control, int fd);
/* The memory goes when the loop has come round; until then the client is `closing`. */
void client_close(struct client *client);
/* Sends an object as a line. Takes over `message`. */
void client_send(struct client *client, json_t *message);
/* One call less is under way. */
void client_call_ended(struct client *client);
/* Handles what is there, but no more than is fair to the others. */
void client_take_turn(struct client *client);
/* Bytes that the peer has not taken. */
size_t client_unsent(const struct client *client);
/* Loop milliseconds since the peer was last seen to take something; 0 when nothing waits for it. */
uint64_t client_stalled(struct client *client);

#endif
