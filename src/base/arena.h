/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena.h - allocate freely, free once.
 *
 * What a crank needs for its own duration (decoded frames, translated slots, rows read) comes from one arena that is
 * cleared when the crank ends (the request pool of H2O, the pools of nginx). Nothing in it has a destructor.
 */
#ifndef VATD_BASE_ARENA_H
#define VATD_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
  struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);
/* Frees all but one block, so that a busy arena does not go back to malloc for every crank. */
void arena_clear(struct arena *arena);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_alloc_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* A NUL-terminated copy. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
struct bytes arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
