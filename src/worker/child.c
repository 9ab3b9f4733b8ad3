/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/child.c - see child.h.
 *
 *     spawned --- pidfd readable ---> reaped, reported --- handle closed ---> freed
 *
 * posix_spawn() and not fork(): a large parent costs nothing. The descriptors are moved above all targets first, so that no
 * dup2() overwrites one that is still needed.
 */
#include "worker/child.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
  pid_t pid;
  int pidfd;
  uv_poll_t poll;
  child_ended_fn *ended;
  void *context;
};

static void on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void on_ended(uv_poll_t *poll, int status, int events)
{
  struct child *child = poll->data;
  siginfo_t info = {0};
  (void)status;
  (void)events;
  /* A host that waits for any child may have been first: then how it ended is not known. */
  bool known = waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) == 0;
  uv_close((uv_handle_t *)poll, on_closed); /* first: it still knows the descriptor by number */
  close(child->pidfd);
  bool exited = known && info.si_code == CLD_EXITED;
  child->ended(child->context, exited ? info.si_status : -1, known && !exited ? info.si_status : 0);
}

/* ---- spawn ---- */

/* Copies of the descriptors, out of the way of the targets; /dev/null where there is none. False with errno. */
static bool lift(const struct child_options *options, int lifted[CHILD_FDS])
{
  bool done = true;
  for (size_t i = 0; i < options->fd_count; i++) {
    int null = options->fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    lifted[i] = fcntl(options->fds[i] < 0 ? null : options->fds[i], F_DUPFD_CLOEXEC, CHILD_FDS);
    done = done && lifted[i] >= 0;
    if (null >= 0)
      close(null);
  }
  return done;
}

static void close_all(const int *fds, size_t count)
{
  int failure = errno;
  for (size_t i = 0; i < count; i++) {
    if (fds[i] >= 0)
      close(fds[i]);
  }
  errno = failure;
}

static int spawn(const struct child_options *options, const int *lifted, pid_t *pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  for (size_t i = 0; i < options->fd_count; i++)
    posix_spawn_file_actions_adddup2(&actions, lifted[i], (int)i);
  posix_spawn_file_actions_addclosefrom_np(&actions, (int)options->fd_count);
  if (options->directory)
    posix_spawn_file_actions_addchdir_np(&actions, options->directory);
  int failure = posix_spawn(pid, options->file, &actions, &attributes, options->argv, options->environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

static void kill_and_reap(pid_t pid)
{
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

enum vatd_code child_spawn(uv_loop_t *loop, const struct child_options *options, child_ended_fn *ended, void *context,
                           struct child **child, struct error *error)
{
  int lifted[CHILD_FDS];
  pid_t pid;
  int failure = lift(options, lifted) ? spawn(options, lifted, &pid) : errno;
  close_all(lifted, options->fd_count);
  if (failure != 0)
    return error_set_errno(error, VATD_IO, failure, "cannot start %s", options->file);
  int pidfd = pidfd_open(pid, 0);
  struct child *made = memory_zalloc(sizeof *made);
  *made = (struct child){.pid = pid, .pidfd = pidfd, .ended = ended, .context = context, .poll.data = made};
  if (pidfd < 0 || uv_poll_init(loop, &made->poll, pidfd) != 0) {
    failure = errno;
    kill_and_reap(pid);
    close_all(&pidfd, 1);
    free(made);
    return error_set_errno(error, VATD_IO, failure, "cannot watch %s", options->file);
  }
  uv_poll_start(&made->poll, UV_READABLE, on_ended);
  *child = made;
  return VATD_OK;
}

void child_kill(struct child *child)
{
  pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

int child_pid(const struct child *child)
{
  return child->pid;
}
