/* SPDX-License-Identifier: Apache-2.0 */
/* vat/channel.c - see channel.h. */
#include "vat/channel.h"

#include "base/limits.h"
#include "wire/frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer than `size` bytes in *count: the channel was closed. */
static enum vatd_code read_all(int fd, char *data, size_t size, size_t *count, struct error *error)
{
  *count = 0;
  while (*count < size) {
    ssize_t got = read(fd, data + *count, size - *count);
    if (got == 0)
      return VATD_OK;
    if (got < 0 && errno != EINTR)
      return error_set_errno(error, VATD_IO, errno, "cannot read from the kernel");
    if (got > 0)
      *count += (size_t)got;
  }
  return VATD_OK;
}

enum vatd_code channel_read(int fd, struct buffer *payload, bool *end, struct error *error)
{
  char header[FRAME_HEADER_SIZE];
  size_t size, count;
  *end = false;
  enum vatd_code code = read_all(fd, header, sizeof header, &count, error);
  if (code != VATD_OK)
    return code;
  if (count == 0) {
    *end = true;
    return VATD_OK;
  }
  if (count < sizeof header)
    return error_set(error, VATD_INVALID, "the channel was closed within a frame");
  code = frame_payload_size(header, LIMIT_FRAME_TO_WORKER, &size, error);
  if (code != VATD_OK)
    return code;
  buffer_clear(payload);
  if (!buffer_reserve(payload, size))
    return error_set(error, VATD_LIMIT, "a frame of %zu bytes", size);
  code = read_all(fd, payload->data, size, &count, error);
  if (code != VATD_OK)
    return code;
  if (count < size)
    return error_set(error, VATD_INVALID, "the channel was closed within a frame");
  payload->size = size;
  return VATD_OK;
}

enum vatd_code channel_write(int fd, struct bytes bytes, struct error *error)
{
  while (bytes.size > 0) {
    ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR)
      return error_set_errno(error, VATD_IO, errno, "cannot write to the kernel");
    if (sent > 0)
      bytes = bytes_after(bytes, (size_t)sent);
  }
  return VATD_OK;
}
