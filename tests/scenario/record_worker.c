/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_worker - stands in for vat-worker and writes down every checkpoint.
 *
 *     vatd --fd 3--> record_worker --socketpair--> vat-worker.real (beside it, with the same arguments)
 *
 * Frames pass unchanged in both directions. What a done frame says about the vat's storage is appended, before the kernel
 * sees the frame, to the file checkpoints.vN beside this program (a worker has no environment and no directory to tell it
 * another place):
 *
 *     checkpoint
 *     set KEY<tab>VALUE
 *     delete KEY
 */
#include "base/buffer.h"
#include "base/limits.h"
#include "vat/channel.h"
#include "wire/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3

struct recorder {
  char directory[PATH_MAX];
  char vat[32];
  int worker; /* our end of the channel to the real one */
  struct buffer payload;
};

static _Noreturn void die(const char *what)
{
  perror(what);
  _exit(1);
}

static void find_directory(struct recorder *recorder)
{
  ssize_t size = readlink("/proc/self/exe", recorder->directory, sizeof recorder->directory - 1);
  if (size <= 0)
    die("record_worker: /proc/self/exe");
  recorder->directory[size] = '\0';
  *strrchr(recorder->directory, '/') = '\0';
}

#define MOST_ARGUMENTS 8

/* The recorder is the first process of its namespaces, so that the real worker cannot be: it does without. */
static void make_arguments(char *path, char **argv, char *arguments[MOST_ARGUMENTS + 3])
{
  size_t count = 0;
  arguments[count++] = path;
  arguments[count++] = "--allow-weak";
  arguments[count++] = "namespaces";
  for (size_t i = 1; argv[i] && count < MOST_ARGUMENTS + 2; i++)
    arguments[count++] = argv[i];
  arguments[count] = NULL;
}

/* Descriptor 4, the snapshot, passes on by itself. */
static pid_t start_real_worker(struct recorder *recorder, char **argv)
{
  char path[PATH_MAX + 32];
  char *arguments[MOST_ARGUMENTS + 3];
  int ends[2];
  snprintf(path, sizeof path, "%s/vat-worker.real", recorder->directory);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    die("record_worker: socketpair");
  pid_t pid = fork();
  if (pid < 0)
    die("record_worker: fork");
  if (pid == 0) {
    dup2(ends[1], CHANNEL_FD);
    make_arguments(path, argv, arguments);
    execv(path, arguments);
    die(path);
  }
  close(ends[1]);
  recorder->worker = ends[0];
  return pid;
}

/* ---- recording ---- */

static void note_vat(struct recorder *recorder, struct bytes payload)
{
  struct init_frame init;
  struct error error;
  struct arena arena;
  arena_init(&arena);
  if (frame_decode_init(payload, &arena, &init, &error) == VATD_OK)
    snprintf(recorder->vat, sizeof recorder->vat, "%.*s", BYTES_ARG(init.vat));
  arena_fini(&arena);
}

static void print_checkpoint(FILE *file, const struct done_frame *done)
{
  fprintf(file, "checkpoint\n");
  for (size_t i = 0; i < done->sets.count; i++)
    fprintf(file, "set %.*s\t%.*s\n", BYTES_ARG(done->sets.items[i].key), BYTES_ARG(done->sets.items[i].value));
  for (size_t i = 0; i < done->deletes.count; i++)
    fprintf(file, "delete %.*s\n", BYTES_ARG(done->deletes.items[i]));
}

static void record(struct recorder *recorder, struct bytes payload)
{
  struct done_frame done;
  struct error error;
  struct arena arena;
  char path[PATH_MAX + 64];
  arena_init(&arena);
  if (frame_decode_done(payload, &arena, &done, &error) == VATD_OK) {
    snprintf(path, sizeof path, "%s/checkpoints.%s", recorder->directory, recorder->vat);
    FILE *file = fopen(path, "a");
    if (!file)
      die(path);
    print_checkpoint(file, &done);
    if (fclose(file) != 0)
      die(path);
  }
  arena_fini(&arena);
}

static void look_at(struct recorder *recorder, struct bytes payload)
{
  enum frame_type type;
  uint64_t id;
  struct error error;
  if (frame_peek(payload, &type, &id, &error) != VATD_OK)
    return;
  if (type == FRAME_INIT)
    note_vat(recorder, payload);
  else if (type == FRAME_DONE)
    record(recorder, payload);
}

/* ---- passing on ---- */

/* One frame from one side to the other; false when a side has ended. */
static bool pass_frame(struct recorder *recorder, int from, int to)
{
  bool end;
  struct error error;
  if (channel_read(from, &recorder->payload, &end, &error) != VATD_OK || end)
    return false;
  struct bytes payload = buffer_bytes(&recorder->payload);
  unsigned char header[FRAME_HEADER_SIZE];
  for (int i = 0; i < FRAME_HEADER_SIZE; i++)
    header[i] = (unsigned char)(payload.size >> 8 * i);
  look_at(recorder, payload);
  return channel_write(to, bytes_from((const char *)header, sizeof header), &error) == VATD_OK &&
         channel_write(to, payload, &error) == VATD_OK;
}

static void pass_frames(struct recorder *recorder)
{
  struct pollfd sides[] = {{.fd = CHANNEL_FD, .events = POLLIN}, {.fd = recorder->worker, .events = POLLIN}};
  bool open = true;
  while (open) {
    if (poll(sides, 2, -1) < 0 && errno != EINTR)
      die("record_worker: poll");
    if (sides[1].revents)
      open = pass_frame(recorder, recorder->worker, CHANNEL_FD);
    else if (sides[0].revents)
      open = pass_frame(recorder, CHANNEL_FD, recorder->worker);
  }
}

/* Ends as the real worker has ended. */
static int end_with(pid_t pid)
{
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFSIGNALED(status)) {
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
  }
  return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
  static struct recorder recorder;
  (void)argc;
  find_directory(&recorder);
  buffer_init(&recorder.payload, LIMIT_FRAME_TO_WORKER);
  pid_t pid = start_real_worker(&recorder, argv);
  pass_frames(&recorder);
  close(recorder.worker);
  buffer_fini(&recorder.payload);
  return end_with(pid);
}
