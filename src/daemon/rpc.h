/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/rpc.h - the methods of the control socket. docs/rpc.md describes them for clients; the kernel has most of
 * them (vatd/vatd.h).
 *
 * A query may take the one thread for LIMIT_QUERY_MS: there is one in a round, so that however many clients make queries, all
 * others are heard between two of them.
 *
 * A line is looked at before it is parsed: what it would cost is bounded (base/json_bounds.h).
 *
 * Error codes: -32700 not JSON, -32600 not a request, -32601 unknown method, -32602 bad parameters, -32000 anything else;
 * `data.code` is then a name of vatd/codes.h, and `data.rejection` the capdata of a rejected call.
 */
#ifndef VATD_DAEMON_RPC_H
#define VATD_DAEMON_RPC_H

#include "base/bytes.h"

#include <jansson.h>

struct daemon;
struct client;

/* Handles one line of a client. False: not now, for a query has been made in this round of the loop; ask again in the next. */
bool rpc_handle_line(struct daemon *daemon, struct client *client, struct bytes line);
/* Answers a line that cannot be read, with id null. */
void rpc_refuse(struct client *client, int code, const char *message);

/* A text for people as JSON: one that was cut within a character loses the rest of it. New reference. */
json_t *rpc_text(const char *text);

#endif
