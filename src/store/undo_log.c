/* SPDX-License-Identifier: Apache-2.0 */
/* store/undo_log.c - see undo_log.h. */
#include "store/undo_log.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>

#define KEPT_CONTENT (MIB) /* of memory, from one batch for the next */

struct undo_change {
  struct ordmap *map;
  size_t at; /* in the content: key, then value */
  size_t key_size;
  size_t value_size;
  bool had; /* else there was no such key */
};

void undo_log_init(struct undo_log *log)
{
  *log = (struct undo_log){0};
  buffer_init(&log->content, LIMIT_UNDO_BYTES);
}

static void note(struct undo_log *log, struct ordmap *map, struct bytes key)
{
  if (log->count == log->capacity) {
    log->capacity = log->capacity ? log->capacity * 2 : 64;
    log->changes = memory_realloc_array(log->changes, log->capacity, sizeof *log->changes);
  }
  struct bytes value = {0};
  struct undo_change change = {.map = map, .at = log->content.size, .had = ordmap_get(map, key, &value)};
  change.key_size = key.size;
  change.value_size = value.size;
  buffer_append_bytes(&log->content, key);
  buffer_append_bytes(&log->content, value);
  CHECK(!log->content.overflowed); /* what a crank may write is bounded far below */
  log->changes[log->count++] = change;
}

void undo_log_put(struct undo_log *log, struct ordmap *map, struct bytes key, struct bytes value)
{
  note(log, map, key);
  ordmap_put(map, key, value);
}

void undo_log_remove(struct undo_log *log, struct ordmap *map, struct bytes key)
{
  if (!ordmap_get(map, key, NULL))
    return;
  note(log, map, key);
  ordmap_remove(map, key);
}

void undo_log_back_to(struct undo_log *log, size_t count)
{
  while (log->count > count) {
    const struct undo_change *change = &log->changes[--log->count];
    const char *content = log->content.data + change->at;
    struct bytes key = bytes_from(content, change->key_size);
    if (change->had)
      ordmap_put(change->map, key, bytes_from(content + change->key_size, change->value_size));
    else
      ordmap_remove(change->map, key);
    log->content.size = change->at;
  }
}

void undo_log_forget(struct undo_log *log)
{
  log->count = 0;
  if (log->content.capacity > KEPT_CONTENT)
    buffer_fini(&log->content);
  else
    buffer_clear(&log->content);
}

void undo_log_fini(struct undo_log *log)
{
  free(log->changes);
  buffer_fini(&log->content);
}
