/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/backup.c - the method `backup`: a copy of the database while the kernel runs.
 *
 * The copy is made in a file of its own beside the named one, some pages between two batches (store_check.h), so that vats go
 * on; then it is synced and gets its name. A file of that name is the whole copy at every instant, or what it was before. One
 * backup at a time; a kernel that ends gives it up.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/internal.h"
#include "store/store_check.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct backup {
  uint64_t request;
  char *path;
  char *made; /* the file that becomes it */
  int fd;     /* of `made` */
  bool force;
  struct store_backup *copy;
};

static enum vatd_code failed(struct error *error, const char *what, const char *path)
{
  int errnum = errno;
  enum vatd_code code = errnum == EEXIST                       ? VATD_EXISTS
                        : errnum == ENOSPC || errnum == EDQUOT ? VATD_FULL
                        : errnum == ENOENT                     ? VATD_NOT_FOUND
                                                               : VATD_IO;
  return error_set_errno(error, code, errnum, "%s %s", what, path);
}

static void backup_free(struct backup *backup)
{
  store_backup_end(backup->copy, NULL);
  if (backup->fd >= 0)
    close(backup->fd);
  if (backup->made)
    unlink(backup->made);
  free(backup->path);
  free(backup->made);
  free(backup);
}

/* ---- the beginning ---- */

/* The database itself must never be what is replaced. */
static enum vatd_code check_target(const struct vatd *v, const char *path, bool force, struct error *error)
{
  struct stat target;
  struct stat own;
  if (path[0] != '/')
    return error_set(error, VATD_INVALID, "`file` must be an absolute path");
  if (lstat(path, &target) != 0)
    return errno == ENOENT ? VATD_OK : failed(error, "cannot write", path);
  if (!S_ISREG(target.st_mode))
    return error_set(error, VATD_INVALID, "%s is not a regular file", path);
  if (stat(v->database, &own) == 0 && own.st_dev == target.st_dev && own.st_ino == target.st_ino)
    return error_set(error, VATD_INVALID, "%s is the database itself", path);
  return force ? VATD_OK : error_set(error, VATD_EXISTS, "%s is there already", path);
}

static enum vatd_code backup_begin(struct vatd *v, struct backup *backup, struct error *error)
{
  enum vatd_code code = check_target(v, backup->path, backup->force, error);
  if (code)
    return code;
  backup->made = memory_printf("%s.part-XXXXXX", backup->path);
  backup->fd = mkostemp(backup->made, O_CLOEXEC); /* mode 0600 */
  if (backup->fd < 0) {
    code = failed(error, "cannot make", backup->made);
    free(backup->made);
    backup->made = NULL;
    return code;
  }
  return store_backup_begin(v->disk, backup->made, &backup->copy, error);
}

void backup_request(struct vatd *v, uint64_t request, const char *path, bool force)
{
  struct error error = {0};
  if (v->backup) {
    kernel_answer_error(v->kernel, request, VATD_BUSY, "another backup is being made");
    return;
  }
  struct backup *backup = memory_zalloc(sizeof *backup);
  *backup = (struct backup){.request = request, .path = memory_strdup(path), .fd = -1, .force = force};
  enum vatd_code code = backup_begin(v, backup, &error);
  if (code) {
    kernel_answer_error(v->kernel, request, code, error.text);
    backup_free(backup);
    return;
  }
  v->backup = backup;
  driver_feed(v);
}

/* ---- the end ---- */

static enum vatd_code sync_directory_of(const char *path, struct error *error)
{
  char *copy = memory_strdup(path);
  int fd = open(dirname(copy), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  free(copy);
  enum vatd_code code = fd >= 0 && fsync(fd) == 0 ? VATD_OK : failed(error, "cannot sync the directory of", path);
  if (fd >= 0)
    close(fd);
  return code;
}

/* Without force by link, which fails where there is something. */
static enum vatd_code publish(struct backup *backup, struct error *error)
{
  if (fsync(backup->fd) != 0)
    return failed(error, "cannot sync", backup->made);
  if ((backup->force ? rename(backup->made, backup->path) : link(backup->made, backup->path)) != 0)
    return failed(error, "cannot make", backup->path);
  return sync_directory_of(backup->path, error);
}

static enum vatd_code complete(struct backup *backup, struct error *error)
{
  enum vatd_code code = store_backup_end(backup->copy, error);
  backup->copy = NULL;
  return code ? code : publish(backup, error);
}

static void finish(struct vatd *v, enum vatd_code code, int pages, const struct error *error)
{
  struct backup *backup = v->backup;
  v->backup = NULL;
  if (code) {
    driver_log(v, "warn", "no backup was made: %s", error->text);
    kernel_answer_error(v->kernel, backup->request, code, error->text);
  } else {
    kernel_answer(v->kernel, backup->request, json_pack("{s:s, s:i}", "file", backup->path, "pages", pages));
  }
  backup_free(backup);
  driver_feed(v);
}

bool backup_step(struct vatd *v)
{
  struct error error = {0};
  int left = 0;
  int total = 0;
  if (!v->backup)
    return false;
  enum vatd_code code = store_backup_step(v->backup->copy, LIMIT_BACKUP_PAGES, &left, &total, &error);
  if (code == VATD_BUSY)
    return true;
  /* Begins to write out what there is, so that the sync at the end, which others wait for, has little to do. */
  sync_file_range(v->backup->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  if (code == VATD_OK && left > 0)
    return true;
  if (code == VATD_OK)
    code = complete(v->backup, &error);
  finish(v, code, total, &error);
  return false;
}

void backup_close(struct vatd *v)
{
  if (v->backup)
    backup_free(v->backup);
  v->backup = NULL;
}
