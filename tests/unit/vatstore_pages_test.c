/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vatstore_pages_test.c - the worker's storage cache when it has only a part: whatever is read, set, deleted, fetched and
 * given up, the vat sees the whole storage. A plain model says what that is. Built with VATD_DEFECT_KEEPS_RANGE the cache forgets
 * that it has given up rows, and the model must find it.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "vat/vatstore_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 300
#define STEPS 3000
#define SEEDS 400

/* One storage of few keys; a value of 0 is no row. */
struct storage {
  unsigned values[KEYS];
};

struct world {
  unsigned seed;
  char keys[KEYS][16]; /* in order; some are another and a NUL */
  size_t sizes[KEYS];
  struct storage stored; /* what the kernel has */
  struct storage seen;   /* what the vat sees: the same, with what the crank has changed */
  struct vatstore_cache cache;
  struct vatstore_source source;
  struct key_value rows[LIMIT_PAGE_ROWS];
  char texts[LIMIT_PAGE_ROWS][16];
  size_t pages;
  bool wrong;
};

static unsigned any(struct world *w, unsigned below)
{
  w->seed = w->seed * 1664525u + 1013904223u;
  return (w->seed >> 8) % below;
}

static struct bytes key_of(const struct world *w, size_t at)
{
  return bytes_from(w->keys[at], w->sizes[at]);
}

static struct bytes text_of(char text[16], unsigned value)
{
  int size = snprintf(text, 16, "%u", value);
  return bytes_from(text, (size_t)size);
}

/* Any part of what was asked for, but something. */
static void give_page(void *context, struct bytes from, uint64_t rows, uint64_t bytes, struct page_reply_frame *reply)
{
  struct world *w = context;
  size_t most = 1 + any(w, (unsigned)rows);
  assert_true(rows <= LIMIT_PAGE_ROWS && bytes <= LIMIT_PAGE_BYTES && rows > 0 && bytes > 0);
  *reply = (struct page_reply_frame){.rows = {w->rows, 0}};
  w->pages++;
  for (size_t i = 0; i < KEYS && !reply->more; i++) {
    size_t count = reply->rows.count;
    if (w->stored.values[i] == 0 || bytes_compare(key_of(w, i), from) < 0)
      continue;
    if (count == most) {
      reply->more = true;
    } else {
      w->rows[count] = (struct key_value){key_of(w, i), text_of(w->texts[count], w->stored.values[i])};
      reply->rows.count++;
    }
  }
}

static void make_keys(struct world *w)
{
  for (size_t i = 0; i < KEYS; i++) {
    int size = snprintf(w->keys[i], sizeof w->keys[i], "k%03zu%s", i / 3, i % 3 == 2 ? "m" : "");
    w->sizes[i] = (size_t)size + (i % 3 == 1); /* k001, k001 NUL, k001m */
  }
}

/* The cache begins with the first rows of the storage, or all. */
static void begin(struct world *w, unsigned seed)
{
  *w = (struct world){.seed = seed};
  make_keys(w);
  for (size_t i = 0; i < KEYS; i++)
    w->stored.values[i] = any(w, 3) ? 1 + any(w, 1000) : 0;
  w->seen = w->stored;
  vatstore_cache_init(&w->cache);
  size_t loaded = any(w, 4) ? any(w, KEYS) : KEYS;
  for (size_t i = 0; i < loaded; i++) {
    char text[16];
    if (w->stored.values[i])
      vatstore_cache_load(&w->cache, key_of(w, i), text_of(text, w->stored.values[i]));
  }
  w->source = (struct vatstore_source){w, give_page};
  vatstore_cache_attach(&w->cache, &w->source, 1000 + any(w, 30000), loaded == KEYS);
}

static void look_at(struct world *w, size_t at)
{
  char text[16];
  struct bytes value;
  bool found = vatstore_cache_get(&w->cache, key_of(w, at), &value);
  unsigned expected = w->seen.values[at];
  w->wrong = w->wrong || found != (expected != 0) || (found && !bytes_equal(value, text_of(text, expected)));
}

/* Returns where the next row is, or KEYS. */
static size_t look_behind(struct world *w, size_t at)
{
  struct bytes key;
  size_t next = at + 1;
  while (next < KEYS && w->seen.values[next] == 0)
    next++;
  bool found = vatstore_cache_next_key(&w->cache, key_of(w, at), &key);
  w->wrong = w->wrong || found != (next < KEYS) || (found && !bytes_equal(key, key_of(w, next)));
  return next;
}

static void change(struct world *w, size_t at, unsigned value)
{
  char text[16];
  struct error error;
  enum vatd_code code = value ? vatstore_cache_set(&w->cache, key_of(w, at), text_of(text, value), &error)
                              : vatstore_cache_delete(&w->cache, key_of(w, at), &error);
  assert_int_equal(code, VATD_OK);
  w->seen.values[at] = value;
}

static void end_crank(struct world *w)
{
  w->stored = w->seen;
  vatstore_cache_forget_changes(&w->cache);
}

static void step(struct world *w)
{
  size_t at = any(w, KEYS);
  switch (any(w, 16)) {
  case 0:
    end_crank(w);
    break;
  case 1:
    for (unsigned many = any(w, 60); at < KEYS && many > 0; many--, at++)
      change(w, at, 0);
    break;
  case 2:
  case 3:
    change(w, at, 0);
    break;
  case 4:
  case 5:
  case 6:
    change(w, at, 1 + any(w, 1000));
    break;
  case 7:
    for (unsigned many = any(w, 60); at < KEYS && many > 0; many--)
      at = look_behind(w, at);
    break;
  case 8:
  case 9:
  case 10:
    look_behind(w, at);
    break;
  default:
    look_at(w, at);
  }
}

/* Whether the vat saw nothing but its storage. */
static bool play(unsigned seed, size_t *pages)
{
  struct world *w = memory_zalloc(sizeof *w);
  begin(w, seed);
  for (int i = 0; i < STEPS && !w->wrong; i++)
    step(w);
  bool right = !w->wrong;
  *pages += w->pages;
  vatstore_cache_fini(&w->cache);
  free(w);
  return right;
}

static void a_part_looks_like_the_whole(void **state)
{
  (void)state;
  size_t pages = 0;
  unsigned wrong = 0;
  for (unsigned seed = 1; seed <= SEEDS; seed++) {
    if (play(seed, &pages))
      continue;
    wrong++;
#ifndef VATD_DEFECT_KEEPS_RANGE
    print_error("seed %u\n", seed);
#endif
  }
  assert_true(pages > SEEDS);
#ifdef VATD_DEFECT_KEEPS_RANGE
  assert_true(wrong > 0);
#else
  assert_int_equal(wrong, 0);
#endif
}

#ifndef VATD_DEFECT_KEEPS_RANGE

static void what_cannot_be_a_key_is_not_there_and_is_passed(void **state)
{
  (void)state;
  struct world *w = memory_zalloc(sizeof *w);
  struct bytes key;
  begin(w, 7);
  for (size_t i = 0; i < KEYS; i++)
    change(w, i, 1);
  end_crank(w);
  char *odd = memory_alloc(LIMIT_VATSTORE_KEY + 10);
  memset(odd, 'k', LIMIT_VATSTORE_KEY + 10);
  assert_false(vatstore_cache_get(&w->cache, bytes_from(odd, LIMIT_VATSTORE_KEY + 10), NULL));
  assert_false(vatstore_cache_next_key(&w->cache, bytes_from(odd, LIMIT_VATSTORE_KEY + 10), &key));
  assert_false(vatstore_cache_get(&w->cache, bytes_of("k\xff"), NULL));
  assert_true(vatstore_cache_next_key(&w->cache, bytes_of("k000\xff"), &key));
  assert_true(bytes_is(key, "k001"));
  free(odd);
  vatstore_cache_fini(&w->cache);
  free(w);
}

static void pages_that_follow_each_other_grow(void **state)
{
  (void)state;
  struct world *w = memory_zalloc(sizeof *w);
  begin(w, 3);
  for (size_t i = 0; i < KEYS; i++)
    w->stored.values[i] = w->seen.values[i] = 1;
  vatstore_cache_fini(&w->cache);
  vatstore_cache_init(&w->cache);
  vatstore_cache_attach(&w->cache, &w->source, 4 * KIB, false);
  for (size_t at = 0; at < KEYS; at++)
    look_behind(w, at);
  assert_false(w->wrong);
  assert_true(w->cache.page_rows > LEAST_PAGE_ROWS);
  assert_true(w->cache.rows.total + w->cache.rows.count * 80 < 2 * 4 * KIB + LIMIT_PAGE_ROWS * 100);
  vatstore_cache_fini(&w->cache);
  free(w);
}

#endif

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_part_looks_like_the_whole),
#ifndef VATD_DEFECT_KEEPS_RANGE
      cmocka_unit_test(what_cannot_be_a_key_is_not_there_and_is_passed),
      cmocka_unit_test(pages_that_follow_each_other_grow),
#endif
  };
  return cmocka_run_group_tests_name("vatstore_pages", tests, NULL, NULL);
}
