/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/child.c - see child.h.
 *
 *     spawned --- pidfd readable ---> reaped, reported --- handle closed ---> freed
 *
 * The descriptors are moved above all targets first, so that no dup2() overwrites one that is still needed.
 */
#include "worker/child.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_STACK (32 * KIB)

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

/* What parent and child share until the program runs: the child has our memory, and we wait (CLONE_VFORK). */
struct launch {
  const struct child_options *options;
  const int *lifted;
  uid_t uid;
  gid_t gid;
  int failure; /* errno of what the child could not do */
};

static bool write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t size = (ssize_t)strlen(text);
  bool written = write(fd, text, (size_t)size) == size;
  close(fd);
  return written;
}

/* In its user namespace the child is root, with no power outside; the worker gives that up when it enters the sandbox. */
static bool map_ids(uid_t uid, gid_t gid)
{
  char users[32];
  char groups[32];
  snprintf(users, sizeof users, "0 %u 1", (unsigned)uid);
  snprintf(groups, sizeof groups, "0 %u 1", (unsigned)gid);
  return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
         write_file("/proc/self/gid_map", groups);
}

static void default_signals(void)
{
  sigset_t none;
  for (int signal = 1; signal < NSIG; signal++)
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* two of them refuse */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool place_fds(const struct child_options *options, const int *lifted)
{
  for (size_t i = 0; i < options->fd_count; i++) {
    if (dup2(lifted[i], (int)i) < 0)
      return false;
  }
  return close_range((unsigned)options->fd_count, ~0u, 0) == 0;
}

/* Runs in the child, on the parent's memory: nothing here allocates, or changes what the parent has. */
static int become(void *context)
{
  struct launch *launch = context;
  const struct child_options *options = launch->options;
  if ((!options->isolated || map_ids(launch->uid, launch->gid)) && place_fds(options, launch->lifted) &&
      (!options->directory || chdir(options->directory) == 0)) {
    default_signals();
    execve(options->file, options->argv, options->environment);
  }
  launch->failure = errno;
  _exit(127);
}

/*
 * Like vfork(): a large parent costs nothing, and the child is in its namespaces from its first moment (unshare() would leave
 * it outside the new pid namespace). All signals wait meanwhile: none of the parent's handlers may run in the child.
 */
static int spawn(const struct child_options *options, const int *lifted, pid_t *pid, int *pidfd)
{
  _Alignas(16) char stack[CHILD_STACK];
  struct launch launch = {.options = options, .lifted = lifted, .uid = geteuid(), .gid = getegid()};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (options->isolated ? CHILD_NAMESPACES : 0);
  *pid = clone(become, stack + sizeof stack, flags, &launch, pidfd);
  int failure = *pid < 0 ? errno : launch.failure;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (*pid > 0 && failure != 0) {
    waitpid(*pid, NULL, 0);
    close(*pidfd);
  }
  return failure;
}

/* Only shows that the namespaces are there. */
static int try_namespaces(void *context)
{
  struct launch *launch = context;
  _exit(map_ids(launch->uid, launch->gid) ? 0 : 1);
}

bool child_can_be_isolated(void)
{
  _Alignas(16) char stack[CHILD_STACK];
  struct launch launch = {.uid = geteuid(), .gid = getegid()};
  int status = -1;
  pid_t pid = clone(try_namespaces, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CHILD_NAMESPACES, &launch);
  return pid > 0 && waitpid(pid, &status, __WCLONE) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
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
  int pidfd = -1;
  int failure = lift(options, lifted) ? spawn(options, lifted, &pid, &pidfd) : errno;
  close_all(lifted, options->fd_count);
  if (failure != 0)
    return error_set_errno(error, VATD_IO, failure, "cannot start %s", options->file);
  struct child *made = memory_zalloc(sizeof *made);
  *made = (struct child){.pid = pid, .pidfd = pidfd, .ended = ended, .context = context, .poll.data = made};
  if (uv_poll_init(loop, &made->poll, pidfd) != 0) {
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
