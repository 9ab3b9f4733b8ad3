/* SPDX-License-Identifier: Apache-2.0 */
/* worker/memory_file.c - see memory_file.h. */
#include "worker/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_all(int fd, struct bytes content)
{
  size_t written = 0;
  while (written < content.size) {
    ssize_t count = write(fd, content.data + written, content.size - written);
    if (count <= 0)
      return false;
    written += (size_t)count;
  }
  return true;
}

int memory_file(const char *name, struct bytes content)
{
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -1;
  if (write_all(fd, content) && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
    return fd;
  int failure = errno;
  close(fd);
  errno = failure;
  return -1;
}
