/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/pages.c - see pages.h. */
#include "kernel/pages.h"
#include "base/check.h"
#include "kernel/gate.h"
#include "kernel/vats.h"
#include "kernel/vatstore.h"

#include <stdlib.h>

/* A page being read. It is full when a row comes that does not fit. */
struct page_reader {
  struct kernel *k;
  struct page_rows page;
  struct key_value *items;
  size_t capacity;
  uint64_t count;
  uint64_t bytes; /* what is left */
};

static bool take_row(void *context, struct bytes key, struct bytes value)
{
  struct page_reader *reader = context;
  size_t taken = reader->page.rows.count;
  size_t size = key.size + value.size;
  if (taken > 0 && (taken == reader->count || size > reader->bytes)) {
    reader->page.more = true;
    return false;
  }
  reader->bytes -= size < reader->bytes ? size : reader->bytes;
  reader->items = grown(reader->items, taken, &reader->capacity, sizeof *reader->items);
  reader->items[taken] = (struct key_value){arena_copy(&reader->k->arena, key), arena_copy(&reader->k->arena, value)};
  reader->page.rows.count++;
  return true;
}

struct page_rows pages_read(struct kernel *k, uint64_t vat, struct bytes from, uint64_t count, uint64_t bytes)
{
  struct page_reader reader = {.k = k, .count = count, .bytes = bytes};
  struct key_value_list *rows = &reader.page.rows;
  vatstore_each(k, vat, from, take_row, &reader);
  rows->items = arena_alloc_array(&k->arena, rows->count, sizeof *rows->items);
  if (rows->count)
    memcpy(rows->items, reader.items, rows->count * sizeof *rows->items);
  free(reader.items);
  return reader.page;
}

enum vatd_code pages_answer(struct kernel *k, struct vat *vat, struct bytes payload, struct error *error)
{
  struct page_frame asked;
  struct buffer frame;
  if (vat->phase != VAT_STARTING && vat->phase != VAT_BUSY)
    return error_set(error, VATD_INVALID, "a frame out of turn");
  enum vatd_code code = frame_decode_page(payload, &asked, error);
  if (code != VATD_OK)
    return code;
  if (vat->pages >= LIMIT_PAGES_PER_CRANK)
    return error_set(error, VATD_LIMIT, "more than %d pages of storage asked for in one crank", LIMIT_PAGES_PER_CRANK);
  vat->pages++;
  struct page_rows page = pages_read(k, vat->id, asked.from, asked.count, asked.bytes);
  if (kernel_is_broken(k))
    return VATD_OK;
  buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
  bool encoded = frame_encode_page_reply(&frame, &(struct page_reply_frame){asked.id, page.rows, page.more});
  CHECK(encoded); /* a page and one row more are far below what a frame can hold */
  effect_send(k, vat, &frame, false);
  return VATD_OK;
}
