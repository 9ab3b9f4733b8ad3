/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/main.c - the worker program: one process, one vat, one channel.
 *
 *   vat-worker --snapshot-fd N                            starts from the snapshot in descriptor N (a sealed memfd)
 *   vat-worker --scripts BOOT.js SUPERVISOR.js            starts from the scripts
 *   vat-worker --program-fd N                             becomes the program in descriptor N: a vat that is no JavaScript
 *   vat-worker --write-snapshot FILE BOOT.js SUPERVISOR.js
 *                                                         runs the scripts and writes the snapshot (at build time)
 *
 * The channel to the kernel is descriptor 3. What a worker has to say about itself goes to stderr; what the vat says
 * goes into done frames. Exit statuses: vat/worker.h.
 */
#include "vat-worker/script_vat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_FD 3

static enum worker_exit usage(void)
{
  fprintf(stderr, "usage: vat-worker --snapshot-fd N\n"
                  "       vat-worker --scripts BOOT SUPERVISOR\n"
                  "       vat-worker --program-fd N\n"
                  "       vat-worker --write-snapshot FILE BOOT SUPERVISOR\n");
  return WORKER_EXIT_USAGE;
}

static enum worker_exit complain(const struct error *error)
{
  fprintf(stderr, "vat-worker: %s\n", error->text);
  return WORKER_EXIT_ENGINE;
}

static enum worker_exit write_snapshot(struct host *host, const char *file, const char *boot, const char *supervisor)
{
  struct engine engine;
  struct error error;
  if (engine_open_scripts(&engine, host, boot, supervisor, &error) != VATD_OK)
    return complain(&error);
  enum vatd_code code = engine_write_snapshot(&engine, file, &error);
  engine_close(&engine);
  return code == VATD_OK ? WORKER_EXIT_OK : complain(&error);
}

/* An open descriptor from its number as text, or -1. */
static int open_fd(const char *number)
{
  char *rest;
  errno = 0;
  long fd = strtol(number, &rest, 10);
  bool valid = errno == 0 && *number != 0 && *rest == 0 && fd >= 0 && fd <= 65535;
  return valid && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd : -1;
}

/* The descriptor is shared with other workers: it is mapped, so that nobody's file offset moves. */
static enum vatd_code open_snapshot_fd(struct engine *engine, struct host *host, const char *number,
                                       struct error *error)
{
  int fd = open_fd(number);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0)
    return error_set(error, VATD_INVALID, "no snapshot in descriptor %s", number);
  size_t size = (size_t)status.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return error_set_errno(error, VATD_IO, errno, "cannot map the snapshot");
  close(fd);
  enum vatd_code code = engine_open_snapshot(engine, host, bytes_from(data, size), error);
  munmap(data, size);
  return code;
}

/* A worker ends with its kernel: a vat in an endless loop does not see that the channel is closed. */
static void die_with_kernel(void)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Returns only when it failed. The program gets the channel and nothing else: its own file is closed when it begins. */
static enum worker_exit become_program(const char *number)
{
  char name[] = "vat";
  char *arguments[] = {name, NULL};
  char *no_environment[] = {NULL};
  struct error error;
  int fd = open_fd(number);
  if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    error_set(&error, VATD_INVALID, "no program in descriptor %s", number);
    return complain(&error);
  }
  die_with_kernel();

  /* SANDBOX: for programs it is entered here; it must leave them execve. */

  fexecve(fd, arguments, no_environment);
  error_set_errno(&error, VATD_INVALID, errno, "the vat's program cannot be run");
  return complain(&error);
}

static enum worker_exit serve(struct engine *engine, struct host *host)
{
  struct vatstore_cache cache;
  static struct crank crank; /* too large for a stack */
  struct worker_vat vat = script_vat(engine);
  struct worker worker;
  vatstore_cache_init(&cache);
  crank_init(&crank, &cache);
  worker_init(&worker, CHANNEL_FD, &vat, &crank);
  host->crank = &crank;

  die_with_kernel();

  /* SANDBOX: for JavaScript it is entered here and nowhere else. The engine is up, all files are read, not one byte of vat code is. */

  enum worker_exit status = worker_serve(&worker);
  if (status != WORKER_EXIT_OK)
    _exit(status); /* a machine that was aborted is in no state to be taken down */
  worker_fini(&worker);
  crank_fini(&crank);
  vatstore_cache_fini(&cache);
  return status;
}

int main(int argc, char **argv)
{
  struct host host;
  struct engine engine;
  struct error error;
  enum vatd_code code;
  host_init(&host, NULL);
  if (argc == 5 && strcmp(argv[1], "--write-snapshot") == 0)
    return (int)write_snapshot(&host, argv[2], argv[3], argv[4]);
  if (argc == 3 && strcmp(argv[1], "--program-fd") == 0)
    return (int)become_program(argv[2]);
  if (argc == 3 && strcmp(argv[1], "--snapshot-fd") == 0)
    code = open_snapshot_fd(&engine, &host, argv[2], &error);
  else if (argc == 4 && strcmp(argv[1], "--scripts") == 0)
    code = engine_open_scripts(&engine, &host, argv[2], argv[3], &error);
  else
    return (int)usage();
  if (code != VATD_OK)
    return (int)complain(&error);
  enum worker_exit status = serve(&engine, &host);
  engine_close(&engine);
  host_fini(&host);
  return (int)status;
}
