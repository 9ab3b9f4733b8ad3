/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/faults/fault_preload.c - LD_PRELOAD shim: makes the n-th system call of one kind on some files fail, in a real
 * process that knows nothing of it.
 *
 *   VATD_FAULT_CALL   fsync (also fdatasync), pwrite or ftruncate
 *   VATD_FAULT_NTH    which one, counted from 1
 *   VATD_FAULT_ERROR  errno as a number (default 5, EIO)
 *   VATD_FAULT_FILE   part of the file's path (default "vatd.sqlite")
 *   VATD_FAULT_ALWAYS set: all from the n-th on
 *   VATD_FAULT_MARK   a file that is created when the fault strikes
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long count;

static bool is_watched(int fd)
{
  char link[64];
  char path[4096];
  const char *part = getenv("VATD_FAULT_FILE");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0)
    return false;
  path[size] = '\0';
  return strstr(path, part ? part : "vatd.sqlite") != NULL;
}

static void mark(void)
{
  const char *path = getenv("VATD_FAULT_MARK");
  int fd = path ? open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
  if (fd >= 0)
    close(fd);
}

/* Sets errno when it says true. */
static bool strikes(const char *call, int fd)
{
  const char *wanted = getenv("VATD_FAULT_CALL");
  const char *nth_text = getenv("VATD_FAULT_NTH");
  if (!wanted || !nth_text || strcmp(wanted, call) != 0 || !is_watched(fd))
    return false;
  pthread_mutex_lock(&mutex);
  unsigned long now = ++count;
  pthread_mutex_unlock(&mutex);
  unsigned long nth = strtoul(nth_text, NULL, 10);
  if (now != nth && !(now > nth && getenv("VATD_FAULT_ALWAYS")))
    return false;
  mark();
  const char *error = getenv("VATD_FAULT_ERROR");
  errno = error ? atoi(error) : EIO;
  return true;
}

int fsync(int fd)
{
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return strikes("fsync", fd) ? -1 : next(fd);
}

int fdatasync(int fd)
{
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return strikes("fsync", fd) ? -1 : next(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
  ssize_t (*next)(int, const void *, size_t, off64_t) =
      (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  return strikes("pwrite", fd) ? -1 : next(fd, data, size, offset);
}

int ftruncate64(int fd, off64_t size)
{
  int (*next)(int, off64_t) = (int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64");
  return strikes("ftruncate", fd) ? -1 : next(fd, size);
}
