/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/client.h - one connection to the daemon's control socket: JSON-RPC 2.0, one JSON text per line.
 */
#ifndef VATD_CLI_CLIENT_H
#define VATD_CLI_CLIENT_H

#include "base/buffer.h"
#include "base/error.h"

#include <jansson.h>
#include <sys/types.h>

struct client {
  int fd; /* -1: not connected */
  struct buffer input;
  json_int_t last_id;
};

void client_init(struct client *client);
void client_fini(struct client *client);

/* NOT_FOUND: nobody listens on `path`; INVALID: another user does. */
enum vatd_code client_connect(struct client *client, const char *path, struct error *error);

/* The process that listens at the other end, 0 when the system does not say. */
pid_t client_peer(const struct client *client);

/* Sends a request and waits for its answer: an object with "result" or "error". Takes over `params`. */
enum vatd_code client_ask(struct client *client, const char *method, json_t *params, json_t **answer,
                          struct error *error);

/* The next object from the daemon, a new reference; NOT_FOUND at the end. */
enum vatd_code client_read(struct client *client, json_t **message, struct error *error);

#endif
