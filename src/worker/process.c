/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/process.c - see process.h.
 *
 * A worker_process owns a child (child.h), the channel's socket with its uv_poll_t, and the deadline timer. `reaped` and
 * `channel_closed` together make the end; it is freed when both handles have been closed.
 *
 * The socket is read and written here rather than by a uv_stream_t: frames are received right into the buffer they are
 * decoded from, and MSG_NOSIGNAL keeps SIGPIPE away from a host that has not ignored it.
 */
#include "worker/process.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "worker/child.h"
#include "worker/memory_file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define CODE_FD 4 /* the snapshot, or the vat's own program */
#define IMAGE_FD 5 /* the code image, beside the snapshot */
#define EXIT_SANDBOX 77 /* WORKER_EXIT_SANDBOX of vat/worker.h */
#define EXIT_MEMORY 11  /* WORKER_EXIT_MEMORY there */
#define READ_SIZE (64 * KIB)
#define READS_PER_WAKE 64 /* then the loop looks at others */

struct outgoing {
  struct outgoing *next;
  struct buffer frame;
  size_t sent;
};

struct worker_process {
  struct worker_host *host;
  uint64_t id;
  struct child *child; /* until it is reaped */
  int socket;
  uv_poll_t channel;
  uv_timer_t deadline;
  bool placed;
  cpu_set_t processors; /* when placed: where it may run */
  uint64_t deadline_ms; /* of the frames that are timed */
  size_t awaited; /* frames that are timed and not answered yet: the time of each begins when the one before is answered */
  unsigned open_handles;
  bool reaped;
  bool channel_closed;
  bool stopped; /* its owner wants no report */
  enum worker_end end;
  int exit_status;
  int signal;
  struct buffer in; /* bytes of a frame that is not whole yet */
  struct outgoing *first; /* frames that are not sent yet */
  struct outgoing *last;
};

static void outgoing_free(struct outgoing *outgoing)
{
  buffer_fini(&outgoing->frame);
  free(outgoing);
}

/* ---- the end ---- */

static void free_when_closed(uv_handle_t *handle)
{
  struct worker_process *worker = handle->data;
  if (--worker->open_handles > 0)
    return;
  while (worker->first) {
    struct outgoing *next = worker->first->next;
    outgoing_free(worker->first);
    worker->first = next;
  }
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
    snprintf(text, size, "no answer within %llu ms", (unsigned long long)worker->deadline_ms);
  else if (worker->end == WORKER_VIOLATION)
    snprintf(text, size, "sandbox violation: the worker made a forbidden system call");
  else if (worker->signal)
    snprintf(text, size, "worker ended by signal %d (%s)", worker->signal, strsignal(worker->signal));
  else if (worker->end == WORKER_OUT_OF_MEMORY)
    snprintf(text, size, "the worker ran out of memory (exit status %d)", EXIT_MEMORY);
  else if (worker->exit_status == EXIT_SANDBOX)
    snprintf(text, size, "the worker could not enter its sandbox (exit status %d)", EXIT_SANDBOX);
  else
    snprintf(text, size, "worker ended with exit status %d", worker->exit_status);
}

static void end_if_over(struct worker_process *worker)
{
  if (!worker->reaped || !worker->channel_closed)
    return;
  close_handle((uv_handle_t *)&worker->deadline);
  if (worker->stopped)
    return;
  char detail[128];
  if (worker->end == WORKER_CRASHED && worker->signal == SIGSYS)
    worker->end = WORKER_VIOLATION;
  if (worker->end == WORKER_CRASHED && !worker->signal && worker->exit_status == EXIT_MEMORY)
    worker->end = WORKER_OUT_OF_MEMORY;
  describe_end(worker, detail, sizeof detail);
  worker->stopped = true;
  worker->host->on_end(worker->host->context, worker->id, worker->end, detail);
}

static void on_child_ended(void *context, int exit_status, int signal)
{
  struct worker_process *worker = context;
  worker->child = NULL;
  worker->reaped = true;
  worker->exit_status = exit_status;
  worker->signal = signal;
  end_if_over(worker);
}

static void kill_child(struct worker_process *worker)
{
  if (worker->child)
    child_kill(worker->child);
}

static void close_channel(struct worker_process *worker)
{
  if (worker->channel_closed)
    return;
  worker->channel_closed = true;
  close_handle((uv_handle_t *)&worker->channel); /* first: it still knows the descriptor by number */
  close(worker->socket);
  kill_child(worker);
  end_if_over(worker);
}

/* ---- reading ---- */

static bool is_of_type(struct bytes payload, enum frame_type wanted)
{
  struct error error;
  enum frame_type type;
  uint64_t id;
  return frame_peek(payload, &type, &id, &error) == VATD_OK && type == wanted;
}

/*
 * A worker that asks for a page has read the one before. One that asks and does not read would have us keep page upon page for it.
 */
static bool asks_too_early(const struct worker_process *worker, struct bytes payload)
{
  if (!worker->first || !is_of_type(payload, FRAME_PAGE))
    return false;
  for (const struct outgoing *out = worker->first; out; out = out->next) {
    if (is_of_type(bytes_after(buffer_bytes(&out->frame), FRAME_HEADER_SIZE), FRAME_PAGE_REPLY))
      return true;
  }
  return false;
}

/* Stops the clock, or starts it for the next frame that has been sent already. What else may come leaves it alone. */
static void note_answer(struct worker_process *worker, struct bytes payload)
{
  if (worker->awaited == 0 || (!is_of_type(payload, FRAME_DONE) && !is_of_type(payload, FRAME_IMAGE)))
    return;
  worker->awaited--;
  if (worker->awaited)
    uv_timer_again(&worker->deadline);
  else
    uv_timer_stop(&worker->deadline);
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
    struct bytes payload = bytes_from(worker->in.data + FRAME_HEADER_SIZE, size);
    note_answer(worker, payload);
    worker->host->on_frame(worker->host->context, worker->id, asks_too_early(worker, payload) ? nothing : payload);
    buffer_consume(&worker->in, FRAME_HEADER_SIZE + size);
  }
}

/* Receives what there is. False: nothing more for now; a closed channel is closed here. */
static bool receive(struct worker_process *worker)
{
  if (!buffer_reserve(&worker->in, READ_SIZE)) {
    close_channel(worker);
    return false;
  }
  size_t room = worker->in.capacity - worker->in.size - 1;
  ssize_t count = recv(worker->socket, worker->in.data + worker->in.size, room, MSG_DONTWAIT);
  if (count > 0) {
    worker->in.size += (size_t)count;
    return (size_t)count == room;
  }
  if (count == 0 || (errno != EAGAIN && errno != EINTR))
    close_channel(worker);
  return false;
}

static void read_frames(struct worker_process *worker)
{
  bool more = true;
  for (int i = 0; i < READS_PER_WAKE && more && !worker->channel_closed; i++) {
    size_t before = worker->in.size;
    more = receive(worker);
    if (worker->in.size > before)
      take_frames(worker);
  }
}

/* ---- writing ---- */

/* Sends what the socket takes; true when all is out (or never will be). */
static bool write_frames(struct worker_process *worker)
{
  while (worker->first && !worker->channel_closed) {
    struct outgoing *out = worker->first;
    ssize_t count = send(worker->socket, out->frame.data + out->sent, out->frame.size - out->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0)
      return errno != EAGAIN && errno != EINTR; /* a broken channel shows when it is read */
    out->sent += (size_t)count;
    if (out->sent < out->frame.size)
      continue;
    worker->first = out->next;
    outgoing_free(out);
  }
  return true;
}

static void on_channel(uv_poll_t *poll, int status, int events);

static void watch_channel(struct worker_process *worker, bool writable_too)
{
  if (!worker->channel_closed)
    uv_poll_start(&worker->channel, writable_too ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_channel);
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
  struct worker_process *worker = poll->data;
  if (status < 0) { /* it ended with frames from us unread; what it said before is still to be read */
    while (!worker->channel_closed && !worker->stopped)
      read_frames(worker);
    return;
  }
  if (events & UV_WRITABLE && write_frames(worker))
    watch_channel(worker, false);
  if (events & UV_READABLE)
    read_frames(worker);
}

static void on_deadline(uv_timer_t *timer)
{
  worker_process_kill(timer->data, WORKER_DEADLINE);
}

void worker_process_send(struct worker_process *worker, struct buffer *frame, bool timed, uint64_t deadline_ms)
{
  struct outgoing *out = memory_zalloc(sizeof *out);
  out->frame = *frame;
  buffer_init(frame, frame->limit);
  bool idle = worker->first == NULL;
  if (idle)
    worker->first = out;
  else
    worker->last->next = out;
  worker->last = out;
  if (timed && worker->awaited++ == 0) {
    worker->deadline_ms = deadline_ms ? deadline_ms : worker->host->deadline_ms;
    uv_timer_start(&worker->deadline, on_deadline, worker->deadline_ms, worker->deadline_ms);
  }
  if (idle && !write_frames(worker))
    watch_channel(worker, true);
}

void worker_process_place(struct worker_process *worker, const cpu_set_t *processors)
{
  if (!worker->child || (worker->placed && CPU_EQUAL(&worker->processors, processors)))
    return;
  worker->placed = true;
  worker->processors = *processors;
  sched_setaffinity(child_pid(worker->child), sizeof *processors, processors);
}

void worker_process_kill(struct worker_process *worker, enum worker_end end)
{
  worker->end = end;
  kill_child(worker);
}

void worker_process_stop(struct worker_process *worker)
{
  worker->stopped = true;
  worker_process_kill(worker, WORKER_KILLED);
  close_channel(worker);
}

int worker_process_pid(const struct worker_process *worker)
{
  return worker->child ? child_pid(worker->child) : 0;
}

/* ---- spawn ---- */

#define MOST_ARGUMENTS 10

/* The worker's command line: what of the sandbox may be missing, and what it is to become. */
static void make_arguments(struct worker_host *host, bool has_program, bool has_image, char *weak, char *place,
                           char *arguments[MOST_ARGUMENTS])
{
  size_t count = 0;
  arguments[count++] = host->program;
  if (*weak) {
    arguments[count++] = "--allow-weak";
    arguments[count++] = weak;
  }
  if (*place && !has_program && host->snapshot_fd >= 0) {
    arguments[count++] = "--place";
    arguments[count++] = place;
  }
  arguments[count++] = has_program ? "--program-fd" : host->snapshot_fd >= 0 ? "--snapshot-fd" : "--scripts";
  if (has_program || host->snapshot_fd >= 0) {
    arguments[count++] = "4";
  } else {
    arguments[count++] = host->boot;
    arguments[count++] = host->supervisor;
  }
  if (has_image) {
    arguments[count++] = "--code-fd";
    arguments[count++] = "5";
  }
  arguments[count] = NULL;
}

/* Starts the process itself; until it has entered its sandbox, its diagnostics go to our standard error. */
static enum vatd_code spawn(struct worker_process *worker, int channel, int program, const struct worker_code *wanted,
                            struct error *error)
{
  struct worker_host *host = worker->host;
  char *arguments[MOST_ARGUMENTS];
  char *no_environment[] = {NULL};
  bool has_program = program >= 0;
  bool has_image = !has_program && host->snapshot_fd >= 0 && wanted->fd >= 0;
  char place[32] = "";
  struct buffer weak;
  buffer_init(&weak, KIB);
  sandbox_layers_print(&weak, host->sandbox.weak);
  if (wanted->place)
    snprintf(place, sizeof place, "%llx", (unsigned long long)wanted->place);
  make_arguments(host, has_program, has_image, (char *)buffer_text(&weak), place, arguments);
  struct child_options options = {
      .file = host->program,
      .argv = arguments,
      .environment = no_environment,
      .fds = {-1, STDERR_FILENO, STDERR_FILENO, channel, has_program ? program : host->snapshot_fd, wanted->fd},
      .fd_count = has_image ? IMAGE_FD + 1 : has_program || host->snapshot_fd >= 0 ? CODE_FD + 1 : CHANNEL_FD + 1,
      .directory = "/",
      .isolated = host->sandbox.active & SANDBOX_NAMESPACES,
  };
  enum vatd_code code = child_spawn(host->loop, &options, on_child_ended, worker, &worker->child, error);
  buffer_fini(&weak);
  return code;
}

/* The worker takes over `socket`. */
static struct worker_process *process_new(struct worker_host *host, uint64_t id, int socket)
{
  struct worker_process *worker = memory_zalloc(sizeof *worker);
  worker->host = host;
  worker->id = id;
  worker->end = WORKER_CRASHED;
  worker->socket = socket;
  buffer_init(&worker->in, LIMIT_FRAME_FROM_WORKER + FRAME_HEADER_SIZE + READ_SIZE);
  int failure = uv_poll_init(host->loop, &worker->channel, socket);
  CHECK(failure == 0); /* a fresh socket can be polled */
  uv_timer_init(host->loop, &worker->deadline);
  worker->channel.data = worker;
  worker->deadline.data = worker;
  worker->open_handles = 2;
  return worker;
}

/*
 * The worker may use so much memory of its own. Set from here, for only we know the vat; it has nothing of the vat yet, so that it
 * does not matter when it happens.
 */
static void limit_memory(struct worker_process *worker, bool has_program, uint64_t heap_bytes)
{
#ifndef VATD_SANITIZED /* a sanitizer's shadow is terabytes */
  rlim_t most = heap_bytes + (has_program ? WORKER_BYTES_OF_PROGRAM : WORKER_BYTES_OF_ENGINE);
  prlimit(child_pid(worker->child), RLIMIT_DATA, &(struct rlimit){most, most}, NULL);
#else
  (void)worker, (void)has_program, (void)heap_bytes;
#endif
}

enum vatd_code worker_process_spawn(struct worker_host *host, uint64_t id, const struct worker_code *code, uint64_t heap_bytes,
                                    struct worker_process **worker, struct error *error)
{
  int ends[2];
  bool has_program = code->program.size > 0;
  int file = has_program ? memory_file("vat-program", code->program) : -1;
  if (has_program && file < 0)
    return error_set_errno(error, VATD_IO, errno, "no memory file for the vat's program");
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    enum vatd_code failed = error_set_errno(error, VATD_IO, errno, "cannot make a worker's channel");
    if (file >= 0)
      close(file);
    return failed;
  }
  struct worker_process *made = process_new(host, id, ends[0]);
  enum vatd_code spawned = spawn(made, ends[1], file, code, error);
  close(ends[1]);
  if (file >= 0)
    close(file);
  if (spawned != VATD_OK) {
    made->stopped = true;
    made->reaped = true;
    close_channel(made);
    return spawned;
  }
  limit_memory(made, has_program, heap_bytes);
  watch_channel(made, false);
  *worker = made;
  return VATD_OK;
}
