/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/main.c - the worker program: one process, one vat, one channel.
 *
 *   vat-worker --snapshot-fd N                            starts from the snapshot in descriptor N (a sealed memfd)
 *   vat-worker --scripts BOOT.js SUPERVISOR.js            starts from the scripts
 *   vat-worker --write-snapshot FILE BOOT.js SUPERVISOR.js
 *                                                         runs the scripts and writes the snapshot (at build time)
 *
 * The channel to the kernel is descriptor 3. What a worker has to say about itself goes to stderr; what the vat says
 * goes into done frames. Exit statuses: vat/worker.h.
 */
#include "vat-worker/script_vat.h"

#include <errno.h>
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

/* The descriptor is shared with other workers: it is mapped, so that nobody's file offset moves. */
static enum vatd_code open_snapshot_fd(struct engine *engine, struct host *host, const char *number,
                                       struct error *error)
{
  char *rest;
  errno = 0;
  long fd = strtol(number, &rest, 10);
  struct stat status;
  if (errno != 0 || *number == 0 || *rest != 0 || fd < 0 || fd > 65535 || fstat((int)fd, &status) != 0)
    return error_set(error, VATD_INVALID, "no snapshot in descriptor %s", number);
  size_t size = (size_t)status.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, (int)fd, 0);
  if (data == MAP_FAILED)
    return error_set_errno(error, VATD_IO, errno, "cannot map the snapshot");
  close((int)fd);
  enum vatd_code code = engine_open_snapshot(engine, host, bytes_from(data, size), error);
  munmap(data, size);
  return code;
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

  /* A vat in an endless loop does not see that the channel is closed: a worker ends with its kernel. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);

  /* SANDBOX: entered here and nowhere else. The engine is up, all files are read, not one byte of vat code is. */

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
