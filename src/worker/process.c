/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/process.c - see process.h.
 *
 * A worker_process owns three libuv handles: the child process, the channel and the deadline timer. It is freed when all of
 * them have been closed. `open_handles` counts them; `reaped` and `channel_closed` together make the end.
 */
#include "worker/process.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define SNAPSHOT_FD 4
#define READ_SIZE (64 * KIB)

struct worker_process {
  struct worker_host *host;
  uint64_t id;
  uv_process_t process;
  uv_pipe_t channel;
  uv_timer_t deadline;
  unsigned open_handles;
  bool reaped;
  bool channel_closed;
  bool stopped; /* its owner wants no report */
  enum worker_end end;
  int64_t exit_status;
  int signal;
  struct buffer in; /* bytes of a frame that is not whole yet */
};

struct send_request {
  uv_write_t request;
  struct buffer frame;
};

static void free_when_closed(uv_handle_t *handle)
{
  struct worker_process *worker = handle->data;
  if (--worker->open_handles > 0)
    return;
  buffer_fini(&worker->in);
  free(worker);
}

static void close_handle(uv_handle_t *handle)
{
  if (!uv_is_closing(handle))
    uv_close(handle, free_when_closed);
}

/* "exit status 3" or "signal 9 (Killed)" or, when the deadline did it, how long it was. */
static void describe_end(const struct worker_process *worker, char *text, size_t size)
{
  if (worker->end == WORKER_DEADLINE)
    snprintf(text, size, "no answer within %llu ms", (unsigned long long)worker->host->deadline_ms);
  else if (worker->signal)
    snprintf(text, size, "worker ended by signal %d (%s)", worker->signal, strsignal(worker->signal));
  else
    snprintf(text, size, "worker ended with exit status %lld", (long long)worker->exit_status);
}

static void end_if_over(struct worker_process *worker)
{
  if (!worker->reaped || !worker->channel_closed)
    return;
  close_handle((uv_handle_t *)&worker->deadline);
  close_handle((uv_handle_t *)&worker->process);
  close_handle((uv_handle_t *)&worker->channel);
  if (worker->stopped)
    return;
  char detail[128];
  describe_end(worker, detail, sizeof detail);
  worker->stopped = true;
  worker->host->on_end(worker->host->context, worker->id, worker->end, detail);
}

static void on_process_exit(uv_process_t *process, int64_t exit_status, int signal)
{
  struct worker_process *worker = process->data;
  worker->reaped = true;
  worker->exit_status = exit_status;
  worker->signal = signal;
  end_if_over(worker);
}

static void close_channel(struct worker_process *worker)
{
  worker->channel_closed = true;
  uv_read_stop((uv_stream_t *)&worker->channel);
  if (!worker->reaped)
    uv_process_kill(&worker->process, SIGKILL);
  end_if_over(worker);
}

/* Hands out the whole frames that have arrived. A frame that is announced too large ends the worker. */
static void take_frames(struct worker_process *worker)
{
  while (!worker->stopped && worker->in.size >= FRAME_HEADER_SIZE) {
    struct error error;
    size_t size;
    struct bytes nothing = {NULL, 0};
    if (frame_payload_size(worker->in.data, LIMIT_FRAME_FROM_WORKER, &size, &error) != VATD_OK) {
      worker->host->on_frame(worker->host->context, worker->id, nothing); /* refused there as malformed */
      return;
    }
    if (worker->in.size - FRAME_HEADER_SIZE < size)
      return;
    uv_timer_stop(&worker->deadline);
    worker->host->on_frame(worker->host->context, worker->id, bytes_from(worker->in.data + FRAME_HEADER_SIZE, size));
    buffer_consume(&worker->in, FRAME_HEADER_SIZE + size);
  }
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
  struct worker_process *worker = handle->data;
  (void)suggested;
  if (!buffer_reserve(&worker->in, READ_SIZE))
    *room = uv_buf_init(NULL, 0);
  else
    *room = uv_buf_init(worker->in.data + worker->in.size, (unsigned)(worker->in.capacity - worker->in.size - 1));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
  struct worker_process *worker = stream->data;
  (void)room;
  if (count < 0) {
    close_channel(worker);
    return;
  }
  worker->in.size += (size_t)count;
  take_frames(worker);
}

static void on_deadline(uv_timer_t *timer)
{
  worker_process_kill(timer->data, WORKER_DEADLINE);
}

static void on_sent(uv_write_t *request, int status)
{
  struct send_request *send = (struct send_request *)request;
  (void)status; /* a worker that cannot be written to has closed its channel: on_read reports it */
  buffer_fini(&send->frame);
  free(send);
}

void worker_process_send(struct worker_process *worker, struct buffer *frame, bool timed)
{
  struct send_request *send = memory_alloc(sizeof *send);
  send->frame = *frame;
  buffer_init(frame, frame->limit);
  uv_buf_t data = uv_buf_init(send->frame.data, (unsigned)send->frame.size);
  if (timed)
    uv_timer_start(&worker->deadline, on_deadline, worker->host->deadline_ms, 0);
  if (worker->channel_closed || uv_write(&send->request, (uv_stream_t *)&worker->channel, &data, 1, on_sent) != 0) {
    buffer_fini(&send->frame);
    free(send);
  }
}

void worker_process_kill(struct worker_process *worker, enum worker_end end)
{
  worker->end = end;
  if (!worker->reaped)
    uv_process_kill(&worker->process, SIGKILL);
}

void worker_process_stop(struct worker_process *worker)
{
  worker->stopped = true;
  worker_process_kill(worker, WORKER_KILLED);
  if (!worker->channel_closed)
    close_channel(worker);
}

int worker_process_pid(const struct worker_process *worker)
{
  return uv_process_get_pid(&worker->process);
}

/* ---- spawn ---- */

static void set_stdio(uv_stdio_container_t *stdio, int fd)
{
  stdio->flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD;
  stdio->data.fd = fd;
}

/* Starts the process itself; its diagnostics go to our standard error. */
static int spawn(struct worker_process *worker, int channel_fd)
{
  struct worker_host *host = worker->host;
  char snapshot_number[] = "4";
  char *from_snapshot[] = {host->program, "--snapshot-fd", snapshot_number, NULL};
  char *from_scripts[] = {host->program, "--scripts", host->boot, host->supervisor, NULL};
  char *no_environment[] = {NULL};
  uv_stdio_container_t stdio[SNAPSHOT_FD + 1];
  bool has_snapshot = host->snapshot_fd >= 0;
  set_stdio(&stdio[0], -1);
  set_stdio(&stdio[1], STDERR_FILENO);
  set_stdio(&stdio[2], STDERR_FILENO);
  set_stdio(&stdio[CHANNEL_FD], channel_fd);
  set_stdio(&stdio[SNAPSHOT_FD], host->snapshot_fd);
  uv_process_options_t options = {
      .file = host->program,
      .args = has_snapshot ? from_snapshot : from_scripts,
      .env = no_environment,
      .cwd = "/",
      .exit_cb = on_process_exit,
      .stdio = stdio,
      .stdio_count = has_snapshot ? SNAPSHOT_FD + 1 : CHANNEL_FD + 1,
  };
  return uv_spawn(host->loop, &worker->process, &options);
}

static struct worker_process *process_new(struct worker_host *host, uint64_t id)
{
  struct worker_process *worker = memory_zalloc(sizeof *worker);
  worker->host = host;
  worker->id = id;
  worker->end = WORKER_CRASHED;
  buffer_init(&worker->in, LIMIT_FRAME_FROM_WORKER + FRAME_HEADER_SIZE + READ_SIZE);
  uv_pipe_init(host->loop, &worker->channel, 0);
  uv_timer_init(host->loop, &worker->deadline);
  worker->process.data = worker;
  worker->channel.data = worker;
  worker->deadline.data = worker;
  worker->open_handles = 3;
  return worker;
}

enum vatd_code worker_process_spawn(struct worker_host *host, uint64_t id, struct worker_process **worker,
                                    struct error *error)
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return error_set_errno(error, VATD_IO, errno, "cannot make a worker's channel");
  struct worker_process *made = process_new(host, id);
  int failure = spawn(made, ends[1]);
  close(ends[1]);
  if (failure == 0)
    failure = uv_pipe_open(&made->channel, ends[0]);
  if (failure != 0) {
    made->stopped = true;
    made->channel_closed = true;
    made->reaped = true;
    close(ends[0]);
    end_if_over(made);
    return error_set(error, VATD_IO, "cannot start %s: %s", host->program, uv_strerror(failure));
  }
  uv_read_start((uv_stream_t *)&made->channel, offer_room, on_read);
  *worker = made;
  return VATD_OK;
}
