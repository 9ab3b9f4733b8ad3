/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/channels.c - see channels.h.
 *
 *     listening --- a client, and there is none --> connected --- its end, and a read was told so --> listening
 *     file, console: connected from the start; after the end every read gives null
 *
 * A channel that nobody ever reads does not wait for the end to be told: what its clients send is dropped.
 *
 * Bytes wait in `in` until read() asks for them; when a line's worth waits, the source is not read any further. Reads that
 * wait for input are answered in order. Input that was read but not yet answered is lost with the process.
 */
#include "libvatd/channels.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/unix_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (64 * KIB)
#define BACKLOG 16

union stream {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_pipe_t pipe;
  uv_tcp_t tcp;
};

struct channel {
  struct channel *next;
  struct vatd *v;
  char *name;          /* "io:s1:log" */
  bool reads;
  bool writes;
  bool by_line;
  bool tcp;            /* else Unix sockets */
  bool listens;
  bool client_waits;   /* to be accepted */
  bool reads_file;     /* input comes from `input`, else from the client's stream */
  bool was_read;       /* by the vat, at some time */
  char *trouble;       /* why it cannot be used, or NULL */
  union stream listener;
  union stream *client; /* or NULL */
  int input;           /* a regular file, or -1 */
  int output;          /* a file or standard output, or -1: the client's stream */
  struct buffer in;
  bool ended;          /* the source is at its end, and no read has been told */
  struct vatd_call **waiting;
  size_t waiting_count;
  size_t waiting_capacity;
  unsigned open_handles; /* the listener and clients that are closing */
  bool closing;
  bool calls_gone;     /* with the kernel */
};

/* ---- end ---- */

static void free_if_over(struct channel *channel)
{
  if (!channel->closing || channel->open_handles > 0)
    return;
  if (channel->input >= 0)
    close(channel->input);
  if (channel->output >= 0)
    close(channel->output);
  buffer_fini(&channel->in);
  free(channel->waiting);
  free(channel->trouble);
  free(channel->name);
  free(channel);
}

static void on_listener_closed(uv_handle_t *handle)
{
  struct channel *channel = handle->data;
  channel->open_handles--;
  free_if_over(channel);
}

static void on_client_closed(uv_handle_t *handle)
{
  struct channel *channel = handle->data;
  free(handle);
  channel->open_handles--;
  free_if_over(channel);
}

static void close_client(struct channel *channel)
{
  if (!channel->client)
    return;
  uv_close(&channel->client->handle, on_client_closed);
  channel->client = NULL;
}

static void close_channel(struct channel *channel)
{
  channel->closing = true;
  close_client(channel);
  if (channel->listens)
    uv_close(&channel->listener.handle, on_listener_closed);
  free_if_over(channel);
}

/* ---- reading ---- */

/* The next unit as a text, or NULL when there is none yet. A line that does not end is one when the source ends. */
static json_t *next_unit(struct channel *channel)
{
  char *newline = channel->in.size ? memchr(channel->in.data, '\n', channel->in.size) : NULL;
  size_t size = channel->by_line && newline ? (size_t)(newline - channel->in.data) : channel->in.size;
  if (channel->in.size == 0 || (channel->by_line && !newline && !channel->ended))
    return NULL;
  json_t *unit = json_stringn(channel->in.data, size);
  buffer_consume(&channel->in, channel->by_line && newline ? size + 1 : size);
  return unit ? unit : json_string("(not UTF-8)");
}

static void read_on(struct channel *channel);
static void accept_waiting(struct channel *channel);

/* Answers the reads that can be answered. */
static void serve_reads(struct channel *channel)
{
  while (channel->waiting_count > 0) {
    json_t *unit = next_unit(channel);
    if (!unit && channel->ended) {
      unit = json_null();
      channel->ended = !channel->listens; /* a file stays at its end, a client's end is told once */
    }
    if (!unit)
      break;
    struct vatd_call *call = channel->waiting[0];
    channel->waiting_count--;
    memmove(channel->waiting, channel->waiting + 1, channel->waiting_count * sizeof *channel->waiting);
    vatd_call_return(call, unit);
  }
  if (!channel->ended && !channel->client && channel->client_waits)
    accept_waiting(channel);
  read_on(channel);
}

static void source_ended(struct channel *channel)
{
  channel->ended = channel->was_read || !channel->listens;
  if (!channel->ended)
    buffer_clear(&channel->in);
  close_client(channel);
  serve_reads(channel);
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
  struct channel *channel = handle->data;
  (void)suggested;
  if (buffer_reserve(&channel->in, READ_SIZE))
    *room = uv_buf_init(channel->in.data + channel->in.size, READ_SIZE);
  else
    *room = uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
  struct channel *channel = stream->data;
  (void)room;
  if (count < 0) {
    source_ended(channel);
    return;
  }
  channel->in.size += channel->reads ? (size_t)count : 0;
  serve_reads(channel);
}

static bool has_unit(const struct channel *channel)
{
  return channel->in.size > 0 && (!channel->by_line || memchr(channel->in.data, '\n', channel->in.size));
}

/* Reads on until there is a unit, or the end. A line that is too long is the end. */
static void read_file(struct channel *channel)
{
  while (!channel->ended && !has_unit(channel)) {
    ssize_t count = -1;
    if (buffer_reserve(&channel->in, READ_SIZE))
      count = read(channel->input, channel->in.data + channel->in.size, READ_SIZE);
    channel->in.size += count > 0 ? (size_t)count : 0;
    channel->ended = count <= 0;
  }
}

/* Reads the stream while a read waits, or little is there. */
static void read_on(struct channel *channel)
{
  if (!channel->client)
    return;
  if (!channel->was_read || channel->waiting_count > 0 || channel->in.size < READ_SIZE)
    uv_read_start(&channel->client->stream, offer_room, on_read);
  else
    uv_read_stop(&channel->client->stream);
}

static void begin_read(struct channel *channel, struct vatd_call *call)
{
  if (channel->waiting_count >= LIMIT_CHANNEL_READS) {
    vatd_call_throw(call, "too many reads wait");
    return;
  }
  if (channel->waiting_count == channel->waiting_capacity) {
    channel->waiting_capacity = channel->waiting_capacity ? 2 * channel->waiting_capacity : 8;
    channel->waiting = memory_realloc_array(channel->waiting, channel->waiting_capacity, sizeof *channel->waiting);
  }
  channel->waiting[channel->waiting_count++] = call;
  channel->was_read = true;
  if (channel->reads_file)
    read_file(channel);
  serve_reads(channel);
}

/* ---- writing ---- */

struct output {
  uv_write_t request;
  struct vatd_call *call;
  char *text;
};

static void on_written(uv_write_t *request, int status)
{
  struct output *output = (struct output *)request;
  struct channel *channel = request->handle->data;
  if (!channel->calls_gone && status == 0)
    vatd_call_return(output->call, json_null());
  else if (!channel->calls_gone)
    vatd_call_throw(output->call, uv_strerror(status));
  free(output->text);
  free(output);
}

static void write_stream(struct channel *channel, struct vatd_call *call, char *text, size_t size)
{
  if (!channel->client || uv_stream_get_write_queue_size(&channel->client->stream) > LIMIT_CHANNEL_OUTPUT) {
    vatd_call_throw(call, channel->client ? "the other side does not read" : "no client is connected");
    free(text);
    return;
  }
  struct output *output = memory_zalloc(sizeof *output);
  output->call = call;
  output->text = text;
  uv_buf_t data = uv_buf_init(text, (unsigned)size);
  int failure = uv_write(&output->request, &channel->client->stream, &data, 1, on_written);
  if (failure == 0)
    return;
  vatd_call_throw(call, uv_strerror(failure));
  free(text);
  free(output);
}

static void write_file(struct channel *channel, struct vatd_call *call, char *text, size_t size)
{
  size_t written = 0;
  ssize_t count = 1;
  while (written < size && count > 0) {
    count = write(channel->output, text + written, size - written);
    written += count > 0 ? (size_t)count : 0;
  }
  if (written == size)
    vatd_call_return(call, json_null());
  else
    vatd_call_throw(call, strerror(errno));
  free(text);
}

static void begin_write(struct channel *channel, struct vatd_call *call)
{
  const json_t *text = json_array_get(vatd_call_args(call), 0);
  size_t size = json_string_length(text);
  if (!json_is_string(text)) {
    vatd_call_throw(call, "write() takes a text");
    return;
  }
  char *copy = memory_alloc(size + 1);
  memcpy(copy, json_string_value(text), size);
  copy[size] = '\n';
  size += channel->by_line;
  if (channel->output >= 0)
    write_file(channel, call, copy, size);
  else
    write_stream(channel, call, copy, size);
}

/* ---- clients ---- */

static void init_stream(struct channel *channel, union stream *stream)
{
  if (channel->tcp)
    uv_tcp_init(&channel->v->loop, &stream->tcp);
  else
    uv_pipe_init(&channel->v->loop, &stream->pipe, 0);
  stream->handle.data = channel;
  channel->open_handles++;
}

/* Takes the client that waits. */
static void accept_waiting(struct channel *channel)
{
  channel->client_waits = false;
  union stream *client = memory_zalloc(sizeof *client);
  init_stream(channel, client);
  channel->client = client;
  if (uv_accept(&channel->listener.stream, &client->stream) != 0)
    close_client(channel);
}

static void on_connection(uv_stream_t *listener, int status)
{
  struct channel *channel = listener->data;
  if (status != 0)
    return;
  channel->client_waits = true; /* until the one before has gone, and a read has been told so */
  if (channel->client || channel->ended)
    return;
  accept_waiting(channel);
  read_on(channel);
}

/* ---- opening ---- */

static char *trouble(const char *what, int failure)
{
  return memory_printf("%s: %s", what, failure > 0 ? strerror(failure) : uv_strerror(failure));
}

static char *listen_on(struct channel *channel, const char *what)
{
  int failure = uv_listen(&channel->listener.stream, BACKLOG, on_connection);
  return failure ? trouble(what, failure) : NULL;
}

static char *open_socket(struct channel *channel, const json_t *config)
{
  const char *path = json_string_value(json_object_get(config, "path"));
  if (!path || path[0] != '/')
    return memory_strdup("a socket needs an absolute path");
  int fd = unix_socket_bind(path);
  if (fd < 0)
    return trouble(path, errno);
  channel->listens = true;
  init_stream(channel, &channel->listener);
  uv_pipe_open(&channel->listener.pipe, fd);
  return listen_on(channel, path);
}

static char *open_port(struct channel *channel, const json_t *config)
{
  const char *host = json_string_value(json_object_get(config, "host"));
  json_int_t port = json_integer_value(json_object_get(config, "port"));
  struct sockaddr_in address4;
  struct sockaddr_in6 address6;
  const char *text = host ? host : "127.0.0.1";
  if (port < 1 || port > 65535)
    return memory_strdup("a port to listen on is from 1 to 65535");
  bool is4 = uv_ip4_addr(text, (int)port, &address4) == 0;
  if (!is4 && uv_ip6_addr(text, (int)port, &address6) != 0)
    return memory_strdup("the host to listen on must be an address");
  channel->listens = true;
  channel->tcp = true;
  init_stream(channel, &channel->listener);
  int failure = uv_tcp_bind(&channel->listener.tcp, is4 ? (struct sockaddr *)&address4 : (struct sockaddr *)&address6, 0);
  return failure ? trouble(text, failure) : listen_on(channel, text);
}

static char *open_file(struct channel *channel, const json_t *config)
{
  const char *path = json_string_value(json_object_get(config, "path"));
  struct stat status;
  int how = channel->writes ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY;
  if (!path || path[0] != '/')
    return memory_strdup("a file needs an absolute path");
  channel->reads_file = true;
  channel->input = open(path, how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (channel->input < 0)
    return trouble(path, errno);
  if (fstat(channel->input, &status) != 0 || !S_ISREG(status.st_mode))
    return memory_printf("%s is not a regular file", path);
  channel->output = fcntl(channel->input, F_DUPFD_CLOEXEC, 0);
  return NULL;
}

/* A pipe must not be waited for; anything else (a terminal, a file, nothing) is read when a read asks for it. */
static char *open_console(struct channel *channel)
{
  uv_handle_type type = uv_guess_handle(STDIN_FILENO);
  int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  channel->output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  if (type != UV_NAMED_PIPE) {
    channel->reads_file = true;
    channel->input = input;
    return channel->output < 0 || input < 0 ? trouble("console", errno) : NULL;
  }
  channel->client = memory_zalloc(sizeof *channel->client);
  init_stream(channel, channel->client);
  int failure = uv_pipe_open(&channel->client->pipe, input);
  return failure ? trouble("console", failure) : NULL;
}

static char *open_channel(struct channel *channel, const json_t *config)
{
  const char *type = json_string_value(json_object_get(config, "type"));
  if (strcmp(type, "socket") == 0)
    return open_socket(channel, config);
  if (strcmp(type, "listen") == 0)
    return open_port(channel, config);
  return strcmp(type, "file") == 0 ? open_file(channel, config) : open_console(channel);
}

static struct channel *channel_new(struct vatd *v, char *name, const json_t *config)
{
  struct channel *channel = memory_zalloc(sizeof *channel);
  const char *direction = json_string_value(json_object_get(config, "direction"));
  const char *unit = json_string_value(json_object_get(config, "unit"));
  *channel = (struct channel){.v = v, .name = name, .input = -1, .output = -1};
  channel->reads = !direction || strcmp(direction, "out") != 0;
  channel->writes = !direction || strcmp(direction, "in") != 0;
  channel->by_line = !unit || strcmp(unit, "line") == 0;
  buffer_init(&channel->in, LIMIT_CHANNEL_LINE + READ_SIZE);
  channel->trouble = open_channel(channel, config);
  if (channel->trouble)
    driver_log(v, "error", "%s cannot be opened: %s", name, channel->trouble);
  return channel;
}

/* ---- as a service ---- */

static struct channel **find_channel(struct vatd *v, const char *name)
{
  struct channel **at = &v->channels;
  while (*at && strcmp((*at)->name, name) != 0)
    at = &(*at)->next;
  return at;
}

static void throw_about(struct vatd_call *call, const char *name, const char *what)
{
  char *text = memory_printf("%s %s", name, what);
  vatd_call_throw(call, text);
  free(text);
}

static void serve(void *context, struct vatd_call *call)
{
  struct channel *channel = *find_channel(context, call_service(call));
  const char *method = vatd_call_method(call);
  bool read = strcmp(method, "read") == 0;
  bool write = strcmp(method, "write") == 0;
  if (!channel || channel->trouble)
    throw_about(call, call_service(call), channel ? channel->trouble : "is closed");
  else if (!read && !write)
    throw_about(call, channel->name, "has read() and write() only");
  else if (read && !channel->reads)
    throw_about(call, channel->name, "is write-only");
  else if (write && !channel->writes)
    throw_about(call, channel->name, "is read-only");
  else if (read)
    begin_read(channel, call);
  else
    begin_write(channel, call);
}

enum vatd_code channels_register(struct vatd *v, struct error *error)
{
  return service_register(v, SERVICE_OF_CHANNELS, 0, serve, v, error);
}

static void close_of_subcluster(struct vatd *v, const char *subcluster)
{
  char *prefix = memory_printf(SERVICE_OF_CHANNELS "%s:", subcluster);
  struct channel **at = &v->channels;
  while (*at) {
    struct channel *channel = *at;
    if (strncmp(channel->name, prefix, strlen(prefix)) != 0) {
      at = &channel->next;
      continue;
    }
    *at = channel->next;
    while (channel->waiting_count > 0)
      throw_about(channel->waiting[--channel->waiting_count], channel->name, "is closed");
    close_channel(channel);
  }
  free(prefix);
}

void channels_of_subcluster(struct vatd *v, const char *subcluster, const json_t *config)
{
  const char *name;
  json_t *value;
  if (!config) {
    close_of_subcluster(v, subcluster);
    return;
  }
  json_object_foreach(json_object_get(config, "io"), name, value) {
    char *full_name = memory_printf(SERVICE_OF_CHANNELS "%s:%s", subcluster, name);
    if (*find_channel(v, full_name)) { /* the kernel has begun anew, and tells all that it knows */
      free(full_name);
      continue;
    }
    struct channel *channel = channel_new(v, full_name, value);
    channel->next = v->channels;
    v->channels = channel;
  }
}

void channels_forget_reads(struct vatd *v)
{
  for (struct channel *channel = v->channels; channel; channel = channel->next) {
    while (channel->waiting_count > 0)
      vatd_call_throw(channel->waiting[--channel->waiting_count], "the kernel has begun anew");
  }
}

void channels_close(struct vatd *v)
{
  while (v->channels) {
    struct channel *next = v->channels->next;
    v->channels->calls_gone = true;
    close_channel(v->channels);
    v->channels = next;
  }
}
