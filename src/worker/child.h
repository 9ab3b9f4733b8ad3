/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/child.h - a child process on a libuv loop, watched through its pidfd.
 *
 * uv_spawn() would do, but it takes over SIGCHLD for the whole process, and the kernel may live in a program that has its
 * own use for that signal. A pidfd becomes readable when its process ends; nobody else is disturbed. (pidfd_open(2).)
 */
#ifndef VATD_WORKER_CHILD_H
#define VATD_WORKER_CHILD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define CHILD_FDS 8
#define CHILD_NAMESPACES \
  (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct child;

/* The child has ended and been reaped: its exit status, or the signal that ended it. `child` is dead afterwards. */
typedef void child_ended_fn(void *context, int exit_status, int signal);

struct child_options {
  const char *file;
  char *const *argv;
  char *const *environment;
  int fds[CHILD_FDS]; /* fds[i] becomes descriptor i; -1: /dev/null. The child gets no others */
  size_t fd_count;
  const char *directory; /* NULL: ours */
  bool isolated; /* in namespaces of its own, in which it is root; for the rest of the sandbox see docs/sandbox.md */
};

/* The descriptors remain the caller's. Signals are as at the start of a program in the child. */
enum vatd_code child_spawn(uv_loop_t *loop, const struct child_options *options, child_ended_fn *ended, void *context,
                           struct child **child, struct error *error);
/* Whether this machine lets us start isolated children. */
bool child_can_be_isolated(void);
void child_kill(struct child *child);
int child_pid(const struct child *child);

#endif
