/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/code_image.c - see code_image.h. */
#include "vat-worker/code_image.h"

#include <string.h>
#include <unistd.h>

#define MAGIC "vatcode1"

struct header {
  char magic[sizeof MAGIC - 1];
  uint64_t page;
  uint64_t slots;
  uint64_t chunks;
};

static bool append_header(struct buffer *out, const struct header *header)
{
  static const char nothing[256];
  bool fits = buffer_append(out, header, sizeof *header);
  while (fits && out->size < header->page) {
    size_t missing = header->page - out->size;
    fits = buffer_append(out, nothing, missing < sizeof nothing ? missing : sizeof nothing);
  }
  return fits;
}

bool code_image_write(struct buffer *out, const struct code_image *image)
{
  struct header header = {.page = (uint64_t)getpagesize(), .slots = image->slots.size, .chunks = image->chunks.size};
  memcpy(header.magic, MAGIC, sizeof header.magic);
  return append_header(out, &header) && buffer_append_bytes(out, image->slots) && buffer_append_bytes(out, image->chunks) &&
         buffer_append_bytes(out, image->heap);
}

/* Each size is checked against what is left of the file behind the part before it. */
static bool is_whole(const struct header *header, size_t size)
{
  if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0 || header->page != (uint64_t)getpagesize() || size < header->page)
    return false;
  size_t rest = size - header->page;
  if (header->slots > rest || header->chunks > rest - header->slots)
    return false;
  return header->slots % header->page == 0 && header->chunks % header->page == 0;
}

enum vatd_code code_image_read(struct code_image *image, struct bytes file, struct error *error)
{
  struct header header = {.page = 0};
  if (file.size >= sizeof header)
    memcpy(&header, file.data, sizeof header);
  if (!is_whole(&header, file.size))
    return error_set(error, VATD_INVALID, "this is no code image");
  struct bytes rest = bytes_after(file, header.page);
  image->slots = bytes_from(rest.data, header.slots);
  rest = bytes_after(rest, header.slots);
  image->chunks = bytes_from(rest.data, header.chunks);
  image->heap = bytes_after(rest, header.chunks);
  return VATD_OK;
}
