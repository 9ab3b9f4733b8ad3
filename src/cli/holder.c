/* SPDX-License-Identifier: Apache-2.0 */
/* cli/holder.c - see holder.h. */
#include "cli/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t holder_of(const char *database)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open(database, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return 0;
  bool locked = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return locked ? lock.l_pid : 0;
}

int holder_open(pid_t pid)
{
  return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool holder_await_end(int pid_fd, int ms)
{
  struct pollfd watched = {.fd = pid_fd, .events = POLLIN};
  int ready;
  do
    ready = poll(&watched, 1, ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}
