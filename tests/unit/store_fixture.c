/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store_fixture.c - see store_fixture.h. */
#include "store_fixture.h"
#include "base/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note_outcome(void *context, uint64_t batch, enum store_outcome outcome)
{
  struct fixture *f = context;
  f->outcomes++;
  f->last_batch = batch;
  f->last_outcome = outcome;
}

static void listen(struct fixture *f)
{
  f->store->on_outcome = note_outcome;
  f->store->outcome_context = f;
}

int fixture_set_up_memory(void **state)
{
  struct fixture *f = memory_zalloc(sizeof *f);
  f->store = store_memory_open();
  listen(f);
  *state = f;
  return 0;
}

int fixture_set_up_directory(void **state)
{
  struct fixture *f = memory_zalloc(sizeof *f);
  const char *base = getenv("TMPDIR");
  snprintf(f->directory, sizeof f->directory, "%.32s/vatd-store-XXXXXX", base ? base : "/tmp");
  *state = f;
  if (!mkdtemp(f->directory))
    return -1;
  snprintf(f->path, sizeof f->path, "%s/vatd.sqlite", f->directory);
  return 0;
}

int fixture_set_up_sqlite(void **state)
{
  if (fixture_set_up_directory(state))
    return -1;
  fixture_open(*state);
  return 0;
}

int fixture_set_up_batched(void **state)
{
  if (fixture_set_up_directory(state))
    return -1;
  ((struct fixture *)*state)->batched = true;
  fixture_open(*state);
  return 0;
}

void fixture_open(struct fixture *f)
{
  assert_done(store_sqlite_open(f->path, &f->store, &f->error));
  if (f->batched)
    f->store = store_batched_open(f->store);
  listen(f);
}

void fixture_close(struct fixture *f)
{
  if (f->store)
    f->store->ops->close(f->store);
  f->store = NULL;
}

void fixture_reopen(struct fixture *f)
{
  if (f->directory[0]) {
    fixture_close(f);
    fixture_open(f);
  } else {
    store_memory_reopen(f->store);
    listen(f);
  }
}

static void remove_directory(const char *path)
{
  DIR *directory = opendir(path);
  struct dirent *entry;
  while (directory && (entry = readdir(directory))) {
    char name[512];
    snprintf(name, sizeof name, "%.128s/%.255s", path, entry->d_name);
    unlink(name);
  }
  if (directory)
    closedir(directory);
  rmdir(path);
}

int fixture_tear_down(void **state)
{
  struct fixture *f = *state;
  fixture_close(f);
  if (f->directory[0])
    remove_directory(f->directory);
  free(f);
  return 0;
}

void fixture_assert_code(struct fixture *f, enum vatd_code expected, enum vatd_code actual, const char *call,
                         const char *file, int line)
{
  if (actual != expected)
    print_error("%s gives %s, not %s: %s\n", call, vatd_code_name(actual), vatd_code_name(expected), f->error.text);
  _assert_int_equal(actual, expected, file, line);
}

enum vatd_code put(struct fixture *f, const char *vat, struct bytes key, struct bytes value)
{
  return f->store->ops->put(f->store, vat, key, value, &f->error);
}

enum vatd_code drop(struct fixture *f, const char *vat, struct bytes key)
{
  return f->store->ops->delete (f->store, vat, key, &f->error);
}

enum vatd_code savepoint(struct fixture *f, const char *name)
{
  return f->store->ops->savepoint(f->store, name, &f->error);
}

enum vatd_code rollback_to(struct fixture *f, const char *name)
{
  return f->store->ops->rollback_to(f->store, name, &f->error);
}

enum vatd_code release(struct fixture *f, const char *name)
{
  return f->store->ops->release(f->store, name, &f->error);
}

enum vatd_code commit(struct fixture *f)
{
  uint64_t batch;
  return f->store->ops->commit(f->store, &batch, &f->error);
}

enum vatd_code rollback(struct fixture *f)
{
  return f->store->ops->rollback(f->store, &f->error);
}

void assert_value(struct fixture *f, const char *vat, struct bytes key, struct bytes value)
{
  struct buffer found;
  buffer_init(&found, 1 << 20);
  assert_done(f->store->ops->get(f->store, vat, key, &found, &f->error));
  assert_int_equal(found.size, value.size);
  if (value.size)
    assert_memory_equal(found.data, value.data, value.size);
  buffer_fini(&found);
}

void assert_absent(struct fixture *f, const char *vat, struct bytes key)
{
  struct buffer found;
  buffer_init(&found, 1 << 20);
  assert_code(NOT_FOUND, f->store->ops->get(f->store, vat, key, &found, &f->error));
  assert_int_equal(found.size, 0);
  buffer_fini(&found);
}

static bool join_key(void *context, struct bytes key, struct bytes value)
{
  struct buffer *keys = context;
  (void)value;
  if (keys->size)
    buffer_append_text(keys, " ");
  return buffer_append_bytes(keys, key);
}

void assert_scan(struct fixture *f, const char *vat, struct bytes prefix, const char *keys)
{
  struct buffer found;
  buffer_init(&found, 1 << 20);
  assert_done(f->store->ops->scan(f->store, vat, prefix, join_key, &found, &f->error));
  assert_string_equal(buffer_text(&found), keys);
  buffer_fini(&found);
}

void assert_scan_from(struct fixture *f, const char *vat, struct bytes from, const char *keys)
{
  struct buffer found;
  buffer_init(&found, 1 << 20);
  assert_done(f->store->ops->scan_from(f->store, vat, from, join_key, &found, &f->error));
  assert_string_equal(buffer_text(&found), keys);
  buffer_fini(&found);
}
