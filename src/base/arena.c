/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena.c - see arena.h. A singly linked list of blocks; allocation bumps an offset in the newest one. A request
 * larger than a block gets a block of its own.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE (16 * 1024)

struct arena_block {
  struct arena_block *next;
  size_t used;
  size_t size;
  alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
  arena->blocks = NULL;
}

void arena_fini(struct arena *arena)
{
  while (arena->blocks) {
    struct arena_block *next = arena->blocks->next;
    free(arena->blocks);
    arena->blocks = next;
  }
}

void arena_clear(struct arena *arena)
{
  struct arena_block *kept = NULL;
  while (arena->blocks) {
    struct arena_block *block = arena->blocks;
    arena->blocks = block->next;
    if (!kept && block->size == BLOCK_SIZE)
      kept = block;
    else
      free(block);
  }
  if (kept) {
    kept->next = NULL;
    kept->used = 0;
  }
  arena->blocks = kept;
}

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
  struct arena_block *block = arena->blocks;
  if (block && size <= block->size - block->used)
    return block;
  size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
  block = memory_alloc(sizeof *block + block_size);
  block->used = 0;
  block->size = block_size;
  block->next = arena->blocks;
  arena->blocks = block;
  return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
  CHECK(size <= SIZE_MAX / 2);
  size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  struct arena_block *block = block_with_room(arena, rounded);
  void *result = block->data + block->used;
  block->used += rounded;
  memset(result, 0, rounded);
  return result;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
  CHECK(size > 0 && count <= SIZE_MAX / 2 / size);
  return arena_alloc(arena, count * size);
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
  char *copy = arena_alloc(arena, bytes.size + 1);
  if (bytes.size)
    memcpy(copy, bytes.data, bytes.size);
  return bytes_from(copy, bytes.size);
}

struct bytes arena_printf(struct arena *arena, const char *format, ...)
{
  size_t size;
  va_list args;
  va_start(args, format);
  char *text = memory_vprintf(&size, format, args);
  va_end(args);
  struct bytes copy = arena_copy(arena, bytes_from(text, size));
  free(text);
  return copy;
}
