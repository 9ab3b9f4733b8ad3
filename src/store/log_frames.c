/* SPDX-License-Identifier: Apache-2.0 */
/* store/log_frames.c - see log_frames.h. Invariant: the chain of every frame in the table is the one in the file. */
#include "store/log_frames.h"
#include "base/memory.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static uint32_t big_endian_at(const unsigned char *bytes)
{
  uint32_t raw;
  memcpy(&raw, bytes, sizeof raw);
  return be32toh(raw);
}

static struct log_chain chain_at(const unsigned char *bytes)
{
  return (struct log_chain){big_endian_at(bytes), big_endian_at(bytes + 4)};
}

static void put_chain(unsigned char *bytes, struct log_chain chain)
{
  uint32_t raw[] = {htobe32(chain.a), htobe32(chain.b)};
  memcpy(bytes, raw, sizeof raw);
}

/* SQLite's sum over a multiple of 8 bytes. */
static struct log_chain chain_over(struct log_chain chain, bool big_endian, const unsigned char *bytes, size_t size)
{
  for (size_t i = 0; i < size; i += 8) {
    uint32_t raw[2];
    memcpy(raw, bytes + i, sizeof raw);
    chain.a += (big_endian ? be32toh(raw[0]) : le32toh(raw[0])) + chain.b;
    chain.b += (big_endian ? be32toh(raw[1]) : le32toh(raw[1])) + chain.a;
  }
  return chain;
}

void log_frames_fini(struct log_frames *f)
{
  free(f->items);
  *f = (struct log_frames){0};
}

void log_frames_start(struct log_frames *f, const unsigned char header[LOG_HEADER_SIZE])
{
  f->count = 0;
  f->big_endian = header[3] & 1;
  f->start = chain_at(header + 24);
  memcpy(f->salt, header + 16, sizeof f->salt);
}

/* Frame `number` <= count becomes `frame`. */
static void set(struct log_frames *f, size_t number, struct log_frame frame)
{
  if (number == f->room) {
    f->room = f->room ? f->room * 2 : 64;
    f->items = memory_realloc_array(f->items, f->room, sizeof *f->items);
  }
  f->items[number] = frame;
  if (number == f->count)
    f->count++;
}

void log_frames_learn(struct log_frames *f, size_t number, const unsigned char frame[LOG_FRAME_SIZE])
{
  if (number > f->count)
    return;
  set(f, number,
      (struct log_frame){.page = big_endian_at(frame),
                         .chain = chain_at(frame + 16),
                         .sum = page_seal_of(frame + LOG_FRAME_HEADER_SIZE)});
}

bool log_frames_put_header(struct log_frames *f, size_t number, const unsigned char header[LOG_FRAME_HEADER_SIZE])
{
  if (number >= f->count)
    return false;
  f->items[number].page = big_endian_at(header);
  f->items[number].chain = chain_at(header + 16);
  return true;
}

bool log_frames_append(struct log_frames *f, size_t number, unsigned char frame[LOG_FRAME_SIZE], uint64_t id)
{
  if (number > f->count)
    return false;
  unsigned char *page = frame + LOG_FRAME_HEADER_SIZE;
  struct log_frame item = {.page = big_endian_at(frame)};
  item.sum = page_seal_put(page, item.page, id);
  struct log_chain chain = number ? f->items[number - 1].chain : f->start;
  chain = chain_over(chain, f->big_endian, frame, 8);
  item.chain = chain_over(chain, f->big_endian, page, STORE_PAGE_SIZE);
  memcpy(frame + 8, f->salt, sizeof f->salt);
  put_chain(frame + 16, item.chain);
  f->count = number;
  set(f, number, item);
  return true;
}

static bool is_at(int64_t offset, size_t *number)
{
  *number = offset < 0 ? 0 : (size_t)offset / LOG_FRAME_SIZE;
  return offset >= 0 && offset % LOG_FRAME_SIZE == 0;
}

bool log_frames_is_header(int64_t offset, size_t *number) { return is_at(offset - LOG_HEADER_SIZE, number); }

bool log_frames_is_page(int64_t offset, size_t *number)
{
  return is_at(offset - LOG_HEADER_SIZE - LOG_FRAME_HEADER_SIZE, number);
}
