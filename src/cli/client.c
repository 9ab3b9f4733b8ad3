/* SPDX-License-Identifier: Apache-2.0 */
/* cli/client.c - see client.h. Blocking; an answer is waited for as long as it takes. */
#include "cli/client.h"
#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE (64 * KIB)

void client_init(struct client *client)
{
  *client = (struct client){.fd = -1};
  buffer_init(&client->input, LIMIT_RPC_ANSWER);
}

void client_fini(struct client *client)
{
  if (client->fd >= 0)
    close(client->fd);
  client->fd = -1;
  buffer_fini(&client->input);
}

static enum vatd_code connect_error(int errnum, const char *path, struct error *error)
{
  bool nobody = errnum == ENOENT || errnum == ECONNREFUSED || errnum == ENOTDIR;
  return error_set_errno(error, nobody ? VATD_NOT_FOUND : VATD_IO, errnum, "cannot connect to %s", path);
}

/* Requests are for a daemon of our own user, or of root; root may talk to anybody's. */
static bool is_trusted(int fd)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  return geteuid() == 0 || peer.uid == geteuid() || peer.uid == 0;
}

enum vatd_code client_connect(struct client *client, const char *path, struct error *error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t size = strlen(path);
  if (size >= sizeof address.sun_path)
    return error_set(error, VATD_LIMIT,
                     "the path of the socket is too long: %s has %zu bytes, at most %zu are possible", path, size,
                     sizeof address.sun_path - 1);
  memcpy(address.sun_path, path, size + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return error_set_errno(error, VATD_IO, errno, "cannot make a socket");
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    int errnum = errno;
    close(fd);
    return connect_error(errnum, path, error);
  }
  if (!is_trusted(fd)) {
    close(fd);
    return error_set(error, VATD_INVALID, "%s is another user's: nothing is sent there", path);
  }
  client->fd = fd;
  return VATD_OK;
}

pid_t client_peer(const struct client *client)
{
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  return getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

/* --- sending --- */

static enum vatd_code send_all(struct client *client, struct bytes data, struct error *error)
{
  while (data.size) {
    ssize_t sent = send(client->fd, data.data, data.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR)
      return error_set_errno(error, VATD_IO, errno, "cannot ask the daemon");
    data = bytes_after(data, sent > 0 ? (size_t)sent : 0);
  }
  return VATD_OK;
}

static enum vatd_code send_request(struct client *client, const char *method, json_t *params, struct error *error)
{
  json_t *request =
      json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", ++client->last_id, "method", method, "params", params);
  char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
  json_decref(request);
  if (!text)
    return error_set(error, VATD_INVALID, "the request cannot be written as JSON");
  size_t size = strlen(text);
  enum vatd_code code = size < LIMIT_RPC_REQUEST
                            ? VATD_OK
                            : error_set(error, VATD_LIMIT, "the request is larger than %zu bytes", LIMIT_RPC_REQUEST);
  text[size] = '\n'; /* in place of the NUL */
  if (!code)
    code = send_all(client, bytes_from(text, size + 1), error);
  free(text);
  return code;
}

/* --- receiving --- */

static enum vatd_code receive_more(struct client *client, struct error *error)
{
  if (!buffer_reserve(&client->input, READ_SIZE))
    return error_set(error, VATD_LIMIT, "the daemon's answer is larger than %zu bytes", LIMIT_RPC_ANSWER);
  ssize_t count;
  do
    count = recv(client->fd, client->input.data + client->input.size, READ_SIZE, 0);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return error_set_errno(error, VATD_IO, errno, "cannot read the daemon's answer");
  if (count == 0)
    return error_set(error, VATD_NOT_FOUND, "the daemon closed the connection");
  client->input.size += (size_t)count;
  return VATD_OK;
}

enum vatd_code client_read(struct client *client, json_t **message, struct error *error)
{
  json_error_t said;
  size_t searched = 0;
  const char *end;
  while (
      !(end = client->input.size ? memchr(client->input.data + searched, '\n', client->input.size - searched) : NULL)) {
    searched = client->input.size;
    enum vatd_code code = receive_more(client, error);
    if (code)
      return code;
  }
  size_t size = (size_t)(end - client->input.data);
  json_t *parsed = json_loadb(client->input.data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &said);
  buffer_consume(&client->input, size + 1);
  if (!json_is_object(parsed)) {
    json_decref(parsed);
    return error_set(error, VATD_INVALID, "the daemon's answer is not JSON-RPC: %s", said.text);
  }
  *message = parsed;
  return VATD_OK;
}

enum vatd_code client_ask(struct client *client, const char *method, json_t *params, json_t **answer,
                          struct error *error)
{
  enum vatd_code code = send_request(client, method, params, error);
  while (!code) {
    json_t *message;
    code = client_read(client, &message, error);
    if (code == VATD_NOT_FOUND)
      code = error_set(error, VATD_IO, "the daemon closed the connection before it answered");
    if (code)
      return code;
    const json_t *id = json_object_get(message, "id");
    bool refused = json_is_null(id) && json_object_get(message, "error"); /* it could not even read the id */
    if (refused || (json_is_integer(id) && json_integer_value(id) == client->last_id)) {
      *answer = message;
      return VATD_OK;
    }
    json_decref(message);
  }
  return code;
}
