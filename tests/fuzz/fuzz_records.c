/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_records.c - rows of a damaged database. The input is `key NUL value NUL` again and again: each row replaces
 * what a real kernel has stored (the value "\x7f": it is removed). The next kernel refuses to open, breaks with a reason, or
 * works; it never aborts.
 */
#include "stage.h"

#include "base/check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the next NUL, which is taken too. */
static struct bytes next_text(struct bytes *rest)
{
  const char *end = rest->size ? memchr(rest->data, '\0', rest->size) : NULL;
  struct bytes text = bytes_from(rest->data, end ? (size_t)(end - rest->data) : rest->size);
  *rest = bytes_after(*rest, end ? text.size + 1 : text.size);
  return text;
}

/* What the store itself refuses (no UTF-8, too long) cannot be there. */
static void damage(struct store *store, struct bytes input)
{
  struct error error;
  while (input.size > 0) {
    struct bytes key = next_text(&input);
    struct bytes value = next_text(&input);
    if (bytes_is(value, "\x7f"))
      store->ops->delete(store, NULL, key, &error);
    else
      store->ops->put(store, NULL, key, value, &error);
  }
  store->ops->commit(store, &(uint64_t){0}, &error);
}

static void use(struct stage *stage)
{
  stage_pump(stage);
  stage_call(stage, 4, "alice", "ko2");
  stage_call(stage, 5, "ko2", "ko1");
  kernel_get_status(stage->kernel, 6);
  kernel_list_vats(stage->kernel, 7);
  kernel_show_vat(stage->kernel, 8, bytes_of("v1"));
  kernel_revoke(stage->kernel, 9, bytes_of("ko1"));
  kernel_restart_vat(stage->kernel, 10, bytes_of("v2"));
  kernel_collect_garbage(stage->kernel, 11);
  stage_pump(stage);
  kernel_terminate_subcluster(stage->kernel, 12, NULL, bytes_of("s1"));
  stage_pump(stage);
  kernel_terminate_all(stage->kernel, 13, NULL);
  stage_pump(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct stage stage;
  struct error error = {0};
  stage_open(&stage);
  stage_rest(&stage);
  kernel_free(stage.kernel);
  stage.kernel = NULL;
  damage(stage.store, bytes_from(data, size));
  if (stage_reopen(&stage, &error))
    use(&stage);
  else
    CHECK(error.code != VATD_OK && error.text[0]);
  stage_close(&stage);
  return 0;
}
