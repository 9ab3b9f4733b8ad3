/* SPDX-License-Identifier: Apache-2.0 */
/* base/unix_socket.c - see unix_socket.h. */
#include "base/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Removes what an earlier process of ours left. */
static bool make_way(const char *path)
{
  struct stat status;
  if (lstat(path, &status) != 0)
    return true;
  if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid() || status.st_nlink != 1)
    return false;
  unlink(path);
  return true;
}

int unix_socket_bind(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  if (!make_way(path)) {
    errno = EEXIST;
    return -1;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  mode_t mask = umask(0177); /* before bind: a mode that is set afterwards comes too late */
  int failed = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0;
  umask(mask);
  if (failed && fd >= 0) {
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
  }
  return fd;
}
