/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/home.c - see home.h. */
#include "daemon/home.h"
#include "base/home_path.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where it is when nobody says; NULL without a home directory. */
/* Makes the directory and the missing ones above it. */
static int make_directories(char *path)
{
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int failed = mkdir(path, 0700);
    *slash = '/';
    if (failed && errno != EEXIST)
      return -1;
  }
  return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

static bool is_empty(const char *path)
{
  DIR *directory = opendir(path);
  size_t others = 0;
  for (const struct dirent *entry; directory && (entry = readdir(directory));)
    others += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  if (directory)
    closedir(directory);
  return directory && others == 0;
}

/* Closes the directory to others. One into which others could write is taken only if they have not: closed first, looked
 * at then. */
static enum vatd_code make_private(const char *path, mode_t mode, struct error *error)
{
  if (chmod(path, 0700) != 0)
    return error_set_errno(error, VATD_IO, errno, "cannot make %s private", path);
  if (!(mode & 022) || is_empty(path))
    return VATD_OK;
  if (chmod(path, mode & 07777) != 0)
    return error_set_errno(error, VATD_IO, errno, "cannot leave %s as it was", path);
  return error_set(error, VATD_INVALID,
                   "%s is not empty and others may write to it: see what is in it, then chmod 700 it", path);
}

static enum vatd_code check_directory(const char *path, struct error *error)
{
  struct stat status;
  if (stat(path, &status) != 0)
    return error_set_errno(error, VATD_IO, errno, "%s", path);
  if (!S_ISDIR(status.st_mode))
    return error_set(error, VATD_INVALID, "%s is not a directory", path);
  if (status.st_uid != geteuid())
    return error_set(error, VATD_INVALID, "%s belongs to another user", path);
  return status.st_mode & 077 ? make_private(path, status.st_mode, error) : VATD_OK;
}

/* A file of the home under another name too could be changed, or be changed for us, behind our back. */
static enum vatd_code check_file(const char *path, struct error *error)
{
  struct stat status;
  if (lstat(path, &status) != 0)
    return errno == ENOENT ? VATD_OK : error_set_errno(error, VATD_IO, errno, "%s", path);
  if (S_ISLNK(status.st_mode))
    return error_set(error, VATD_INVALID, "%s is a symbolic link", path);
  if (!S_ISREG(status.st_mode))
    return error_set(error, VATD_INVALID, "%s is not a file", path);
  if (status.st_uid != geteuid())
    return error_set(error, VATD_INVALID, "%s belongs to another user", path);
  if (status.st_nlink != 1)
    return error_set(error, VATD_INVALID, "%s has other names (hard links)", path);
  return VATD_OK;
}

static enum vatd_code check_files(const struct home *home, struct error *error)
{
  static const char *const names[] = {"vatd.sqlite", "vatd.sqlite-wal", "vatd.sqlite-journal", "vatd.pid",
                                      "vatd.pid.new", "vatd.log",       "vatd.log.1",          "vatd.stderr"};
  enum vatd_code code = VATD_OK;
  for (size_t i = 0; code == VATD_OK && i < sizeof names / sizeof *names; i++) {
    char *path = memory_printf("%s/%s", home->directory, names[i]);
    code = check_file(path, error);
    free(path);
  }
  return code;
}

enum vatd_code home_open(struct home *home, const char *directory, struct error *error)
{
  char *path = home_path(directory);
  if (!path)
    return error_set(error, VATD_INVALID, "no home directory: set --home or VATD_HOME");
  if (make_directories(path) != 0) {
    enum vatd_code code = error_set_errno(error, VATD_IO, errno, "cannot make %s", path);
    free(path);
    return code;
  }
  char *absolute = realpath(path, NULL);
  enum vatd_code code = absolute ? check_directory(absolute, error) : error_set_errno(error, VATD_IO, errno, "%s", path);
  free(path);
  if (code != VATD_OK) {
    free(absolute);
    return code;
  }
  *home = (struct home){
      .directory = absolute,
      .database = memory_printf("%s/vatd.sqlite", absolute),
      .socket = memory_printf("%s/vatd.sock", absolute),
      .pid_file = memory_printf("%s/vatd.pid", absolute),
      .log = memory_printf("%s/vatd.log", absolute),
      .config = memory_printf("%s/vatd.json", absolute),
  };
  return check_files(home, error);
}

void home_close(struct home *home)
{
  if (!home)
    return;
  free(home->directory);
  free(home->database);
  free(home->socket);
  free(home->pid_file);
  free(home->log);
  free(home->config);
  *home = (struct home){0};
}

/* Written aside and renamed, so that a reader never sees half a number. */
enum vatd_code home_write_pid(const struct home *home, struct error *error)
{
  char *aside = memory_printf("%s.new", home->pid_file);
  int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool written = fd >= 0 && dprintf(fd, "%d\n", (int)getpid()) > 0;
  if (fd >= 0)
    close(fd);
  enum vatd_code code = VATD_OK;
  if (!written || rename(aside, home->pid_file) != 0)
    code = error_set_errno(error, VATD_IO, errno, "cannot write %s", home->pid_file);
  free(aside);
  return code;
}

void home_remove_pid(const struct home *home)
{
  unlink(home->pid_file);
}
