/* SPDX-License-Identifier: Apache-2.0 */
/* vat/crank.c - see crank.h. Texts live in the crank's arena until the next crank begins. */
#include "vat/crank.h"

#include "base/memory.h"

#include <stdlib.h>

#define FRAME_ITEM_OVERHEAD 64 /* MessagePack headers of one syscall, change or vref, generously */

void crank_init(struct crank *crank, struct vatstore_cache *cache)
{
  *crank = (struct crank){.cache = cache};
  arena_init(&crank->arena);
}

void crank_fini(struct crank *crank)
{
  if (!crank)
    return;
  arena_fini(&crank->arena);
  free(crank->syscalls);
  crank->syscalls = NULL;
}

void crank_begin(struct crank *crank)
{
  arena_clear(&crank->arena);
  vatstore_cache_forget_changes(crank->cache);
  crank->syscall_count = 0;
  crank->syscall_bytes = 0;
  crank->log_count = 0;
  crank->logs_dropped = 0;
  crank->unhandled_count = 0;
  crank->unhandled_dropped = 0;
  crank->finished = false;
  crank->succeeded = false;
  crank->failure = (struct bytes){0};
}

bool crank_add_syscall(struct crank *crank, const struct vat_syscall *syscall, size_t bytes)
{
  if (crank->syscall_count == LIMIT_SYSCALLS_PER_CRANK)
    return false;
  if (crank->syscall_count == crank->syscall_capacity) {
    crank->syscall_capacity = crank->syscall_capacity ? 2 * crank->syscall_capacity : 16;
    crank->syscalls = memory_realloc_array(crank->syscalls, crank->syscall_capacity, sizeof *crank->syscalls);
  }
  crank->syscalls[crank->syscall_count++] = *syscall;
  crank->syscall_bytes += bytes + FRAME_ITEM_OVERHEAD;
  return true;
}

bool crank_effects_fit(const struct crank *crank)
{
  size_t stored = crank->cache->pending_bytes + crank->cache->changes.count * FRAME_ITEM_OVERHEAD;
  return stored <= LIMIT_EFFECT_BYTES && crank->syscall_bytes <= LIMIT_EFFECT_BYTES - stored;
}

/* At most `limit` bytes of a valid UTF-8 text, ending at a character's end. */
static struct bytes cut_text(struct bytes text, size_t limit)
{
  if (text.size <= limit)
    return text;
  while (limit > 0 && ((unsigned char)text.data[limit] & 0xC0) == 0x80)
    limit--;
  return bytes_from(text.data, limit);
}

void crank_log(struct crank *crank, const char *level, struct bytes text)
{
  if (crank->log_count == LIMIT_LOG_LINES_PER_CRANK) {
    crank->logs_dropped++;
    return;
  }
  struct bytes copy = arena_copy(&crank->arena, cut_text(text, LIMIT_LOG_LINE));
  crank->logs[crank->log_count++] = (struct log_line){bytes_of(level), copy};
}

void crank_add_unhandled(struct crank *crank, struct bytes text)
{
  if (crank->unhandled_count == LIMIT_UNHANDLED_PER_CRANK) {
    crank->unhandled_dropped++;
    return;
  }
  crank->unhandled[crank->unhandled_count++] = arena_copy(&crank->arena, cut_text(text, LIMIT_LOG_LINE));
}

static void tell_dropped(struct crank *crank)
{
  if (crank->logs_dropped > 0) {
    struct bytes text = arena_printf(&crank->arena, "(%zu more lines of this crank were dropped)", crank->logs_dropped);
    crank->logs[crank->log_count++] = (struct log_line){bytes_of("warn"), text};
    crank->logs_dropped = 0;
  }
  if (crank->unhandled_dropped > 0) {
    crank->unhandled[crank->unhandled_count++] =
        arena_printf(&crank->arena, "(%zu more unhandled rejections of this crank)", crank->unhandled_dropped);
    crank->unhandled_dropped = 0;
  }
}

bool crank_encode_done(struct crank *crank, uint64_t id, enum done_status status, struct bytes text,
                       const struct usage *usage, struct buffer *out)
{
  tell_dropped(crank);
  struct done_frame done = {
      .id = id,
      .status = status,
      .status_text = cut_text(text, LIMIT_LOG_LINE),
      .usage = *usage,
      .logs = crank->logs,
      .log_count = crank->log_count,
      .unhandled = {crank->unhandled, crank->unhandled_count},
  };
  if (status == DONE_OK) {
    vatstore_cache_checkpoint(crank->cache, &crank->arena, &done.sets, &done.deletes);
    done.syscalls = crank->syscalls;
    done.syscall_count = crank->syscall_count;
  }
  return frame_encode_done(out, &done);
}
