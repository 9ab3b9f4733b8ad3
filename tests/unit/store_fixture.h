/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_fixture.h - an open store of either engine in a directory of its own, and short words to use it
 * with.
 */
#ifndef VATD_TESTS_STORE_FIXTURE_H
#define VATD_TESTS_STORE_FIXTURE_H

#include "store/store_engines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
  struct store *store;
  struct error error;
  char directory[64]; /* SQLite only */
  char path[96];
  bool batched;
  unsigned outcomes; /* told by on_outcome */
  uint64_t last_batch;
  enum store_outcome last_outcome;
};

/* For cmocka_unit_test_setup_teardown. The teardown removes the directory. */
int fixture_set_up_memory(void **state);
int fixture_set_up_sqlite(void **state);
/* SQLite, with the open batch in memory before it. */
int fixture_set_up_batched(void **state);
/* A directory but no store yet. */
int fixture_set_up_directory(void **state);
int fixture_tear_down(void **state);

/* Closes, then opens again (the memory store: as after a crash). */
void fixture_reopen(struct fixture *f);
void fixture_close(struct fixture *f);
/* Fails the test when the path cannot be opened. */
void fixture_open(struct fixture *f);

/* A literal, NUL included. */
#define TEXT(literal) bytes_from(literal, sizeof(literal) - 1)

#define assert_code(expected, call) \
  fixture_assert_code(f, VATD_##expected, (f->error = (struct error){0}, call), #call, __FILE__, __LINE__)
#define assert_done(call) assert_code(OK, call)

void fixture_assert_code(struct fixture *f, enum vatd_code expected, enum vatd_code actual, const char *call,
                         const char *file, int line);

enum vatd_code put(struct fixture *f, const char *vat, struct bytes key, struct bytes value);
enum vatd_code drop(struct fixture *f, const char *vat, struct bytes key);
enum vatd_code savepoint(struct fixture *f, const char *name);
enum vatd_code rollback_to(struct fixture *f, const char *name);
enum vatd_code release(struct fixture *f, const char *name);
enum vatd_code commit(struct fixture *f);
enum vatd_code rollback(struct fixture *f);

void assert_value(struct fixture *f, const char *vat, struct bytes key, struct bytes value);
void assert_absent(struct fixture *f, const char *vat, struct bytes key);
/* The keys that a scan of `prefix` shows, joined by spaces. */
void assert_scan(struct fixture *f, const char *vat, struct bytes prefix, const char *keys);
void assert_scan_from(struct fixture *f, const char *vat, struct bytes from, const char *keys);

#endif
