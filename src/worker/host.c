/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/host.c - what all workers share: the program, and the snapshot they start from.
 *
 * A snapshot is a heap image: whoever can change it controls every vat, and a damaged one crashes the engine. So its SHA-256
 * is compiled in; it is read once, checked, and kept in a memory file that is sealed against change; workers get that file,
 * never the one on disk.
 */
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "worker/memory_file.h"
#include "worker/process.h"
#include "worker_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LIMIT_SNAPSHOT (64 * MIB)

static enum vatd_code read_file(const char *path, struct buffer *content, struct error *error)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return error_set_errno(error, VATD_IO, errno, "%s", path);
  ssize_t count = 1;
  while (count > 0 && buffer_reserve(content, 64 * KIB)) {
    count = read(fd, content->data + content->size, 64 * KIB);
    content->size += count > 0 ? (size_t)count : 0;
  }
  int failure = errno;
  close(fd);
  if (count < 0)
    return error_set_errno(error, VATD_IO, failure, "%s", path);
  return content->overflowed ? error_set(error, VATD_LIMIT, "%s is too large", path) : VATD_OK;
}

static int open_snapshot(const char *path, struct buffer *warning)
{
  struct buffer content;
  struct error error = {0};
  char hex[SHA256_HEX_SIZE];
  int fd = -1;
  buffer_init(&content, LIMIT_SNAPSHOT);
  if (read_file(path, &content, &error) != VATD_OK) {
    buffer_printf(warning, "%s; workers start from scripts, which is slower", error.text);
  } else {
    sha256_hex(buffer_bytes(&content), hex);
    if (strcmp(hex, WORKER_SNAPSHOT_SHA256) != 0)
      buffer_printf(warning, "%s is not the one this vatd was built with; workers start from scripts, which is slower",
                    path);
    else if ((fd = memory_file("vat-worker.snapshot", buffer_bytes(&content))) < 0)
      buffer_printf(warning, "no memory file for the snapshot; workers start from scripts, which is slower");
  }
  buffer_fini(&content);
  return fd;
}

enum vatd_code worker_host_open(struct worker_host *host, const char *directory, struct buffer *warning,
                                struct error *error)
{
  host->program = memory_printf("%s/vat-worker", directory);
  host->boot = memory_printf("%s/vat-boot.js", directory);
  host->supervisor = memory_printf("%s/vat-supervisor.js", directory);
  host->snapshot_fd = -1;
  if (access(host->program, X_OK) != 0) {
    error_set_errno(error, VATD_NOT_FOUND, errno, "%s", host->program);
    worker_host_close(host);
    return VATD_NOT_FOUND;
  }
  if (sandbox_probe(host->sandbox.weak, &host->sandbox, error) != VATD_OK) {
    worker_host_close(host);
    return VATD_NOT_FOUND;
  }
  char *snapshot = memory_printf("%s/vat-worker.snapshot", directory);
  host->snapshot_fd = open_snapshot(snapshot, warning);
  free(snapshot);
  if (host->deadline_ms == 0)
    host->deadline_ms = DEFAULT_DEADLINE_MS;
  return VATD_OK;
}

void worker_host_close(struct worker_host *host)
{
  if (!host)
    return;
  free(host->program);
  free(host->boot);
  free(host->supervisor);
  if (host->snapshot_fd >= 0)
    close(host->snapshot_fd);
  host->program = host->boot = host->supervisor = NULL;
  host->snapshot_fd = -1;
}
