/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/scenario/vats/forger.c - a vat in C that does not use the library: it speaks frames itself, and sends a message to
 * whatever name it is told, which it may not know. Its root's first message is bootstrap, which it answers.
 */
#include "base/limits.h"
#include "vat/channel.h"
#include "wire/frame.h"

#include <string.h>

#define CHANNEL_FD 3

static struct buffer in;
static struct buffer out;
static struct arena arena;

static bool answer(struct done_frame *done)
{
  struct error error;
  buffer_clear(&out);
  return frame_encode_done(&out, done) && channel_write(CHANNEL_FD, buffer_bytes(&out), &error) == VATD_OK;
}

/* forge(NAME): the text between the fourth quotes of ["forge",["NAME"]]. */
static struct bytes name_in(struct bytes body)
{
  struct bytes prefix = bytes_of("#[\"forge\",[\"");
  if (!bytes_start_with(body, prefix))
    return bytes_of("");
  struct bytes rest = bytes_after(body, prefix.size);
  const char *end = memchr(rest.data, '"', rest.size);
  return end ? bytes_from(rest.data, (size_t)(end - rest.data)) : bytes_of("");
}

static bool serve_message(uint64_t id, const struct vat_message *message)
{
  static struct bytes undefined = {"#\"#undefined\"", 13};
  struct resolution resolution = {message->result, false, {undefined, {NULL, 0}}};
  struct vat_syscall calls[] = {
      {.type = SYSCALL_RESOLVE, .resolutions = {&resolution, 1}},
      {.type = SYSCALL_SEND, .message = {.target = name_in(message->methargs.body), .methargs = {bytes_of("#[\"x\",[]]"), {NULL, 0}}}},
  };
  struct done_frame done = {.id = id, .syscalls = calls};
  done.syscall_count = calls[1].message.target.size ? 2 : 1;
  return answer(&done);
}

static bool serve(void)
{
  struct error error;
  enum frame_type type;
  uint64_t id;
  struct deliver_frame deliver;
  if (frame_peek(buffer_bytes(&in), &type, &id, &error) != VATD_OK)
    return false;
  struct done_frame done = {.id = id};
  if (type != FRAME_DELIVER)
    return answer(&done);
  arena_clear(&arena);
  if (frame_decode_deliver(buffer_bytes(&in), &arena, &deliver, &error) != VATD_OK)
    return false;
  return deliver.delivery.type == DELIVERY_MESSAGE ? serve_message(id, &deliver.delivery.message) : answer(&done);
}

int main(void)
{
  struct error error;
  bool end = false;
  buffer_init(&in, LIMIT_FRAME_TO_WORKER);
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER + FRAME_HEADER_SIZE);
  arena_init(&arena);
  while (channel_read(CHANNEL_FD, &in, &end, &error) == VATD_OK && !end) {
    if (!serve())
      return 1;
  }
  return 0;
}
