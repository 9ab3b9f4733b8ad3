/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/memory.h - allocation that does not fail.
 *
 * Sizes of everything that comes from outside are bounded before anything is allocated (base/limits.h), so running out
 * of memory is the machine's fault, not an input's. Then the process aborts: the open transaction vanishes with it and
 * the next start continues from the last commit. This is the same clean stop as a crash, which is tested all the time,
 * where an error path per allocation would be tested never.
 */
#ifndef VATD_BASE_MEMORY_H
#define VATD_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* Called before the process aborts, which it may end in its own way; it must not allocate. One per process. */
void memory_on_exhaustion(void (*handler)(void));

void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks `pointer` (NULL: allocates) to count * size bytes; aborts when the product overflows. */
void *memory_realloc_array(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));
char *memory_strdup(const char *text) __attribute__((malloc, returns_nonnull));
/* A printf into fresh memory; `size`, which may be NULL, gets its length. */
char *memory_vprintf(size_t *size, const char *format, va_list args) __attribute__((malloc, returns_nonnull, format(printf, 2, 0)));
char *memory_printf(const char *format, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#endif
