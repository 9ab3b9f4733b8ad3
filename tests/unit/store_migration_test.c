/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_migration_test.c - databases of older schema versions: brought to the present one, completely or not
 * at all.
 *
 * tests/fixtures/schema-N.sqlite was made by a vatd whose schema version was N: it launched examples/counter.js, called
 * `increment` five times and stopped in order. Fixtures are never changed; a new version gets a new one.
 *
 * Built a second time with VATD_UNSAFE_PUBLISH_FIRST, with the new file in place before it is filled, the test of kills
 * must find databases that are neither: the control.
 */
#include "store_fixture.h"
#include "store_load.h"
#include "disk_vfs.h"
#include "fault_vfs.h"
#include "store/sqlite_store.h"
#include "base/limits.h"
#include "base/memory.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIXTURE FIXTURES "/schema-1.sqlite"
#ifdef VATD_UNSAFE_PUBLISH_FIRST
#define STEP 5 /* the control takes some of the calls */
#else
#define STEP 1
#endif
#define COUNTER_BUNDLE "99e1c58635e17b323b92f41c6da0dc4f7886ecba80dfb1294c565517f1234488"

static const int kind_codes[FAULT_KINDS] = {SQLITE_CANTOPEN, SQLITE_IOERR_READ, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC,
                                            SQLITE_IOERR_TRUNCATE};

/* --- tools --- */

static void copy_file(const char *from, const char *to)
{
  char block[65536];
  FILE *in = fopen(from, "rb");
  FILE *out = fopen(to, "wb");
  assert_non_null(in);
  assert_non_null(out);
  for (size_t size; (size = fread(block, 1, sizeof block, in)) > 0;)
    assert_int_equal(fwrite(block, 1, size, out), size);
  fclose(in);
  assert_int_equal(fclose(out), 0);
}

static bool is_same_file(const char *a, const char *b)
{
  char blocks[2][65536];
  FILE *files[2] = {fopen(a, "rb"), fopen(b, "rb")};
  bool same = files[0] && files[1];
  for (size_t size = 1; same && size;) {
    size = fread(blocks[0], 1, sizeof *blocks, files[0]);
    same = fread(blocks[1], 1, sizeof *blocks, files[1]) == size && memcmp(blocks[0], blocks[1], size) == 0;
  }
  for (int i = 0; i < 2; i++) {
    if (files[i])
      fclose(files[i]);
  }
  return same;
}

/* Past the store and its faults. */
static sqlite3 *open_plain(const char *path)
{
  sqlite3 *db;
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
  return db;
}

static void run_sql(const char *path, const char *sql)
{
  sqlite3 *db = open_plain(path);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int keep_number(void *context, int columns, char **texts, char **names)
{
  (void)columns;
  (void)names;
  *(int *)context = texts[0] ? atoi(texts[0]) : -1;
  return 0;
}

static int number_of(const char *path, const char *sql)
{
  sqlite3 *db = open_plain(path);
  int number = -1;
  assert_int_equal(sqlite3_exec(db, sql, keep_number, &number, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return number;
}

/* Nothing but the database and its sums is left. */
static void assert_tidy(struct fixture *f)
{
  DIR *directory = opendir(f->directory);
  assert_non_null(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_name[0] != '.' && strcmp(entry->d_name, "vatd.sqlite") != 0 &&
        strcmp(entry->d_name, "vatd.sqlite-sums") != 0)
      fail_msg("%s is left", entry->d_name);
  }
  closedir(directory);
}

static uint64_t hash_of(struct fixture *f)
{
  uint64_t hash;
  assert_done(load_hash(f->store, &hash, &f->error));
  return hash;
}

/* The counter's state, as liveslots and the kernel have stored it, and its code. */
static void assert_counter(struct fixture *f, const char *count)
{
  struct buffer code;
  assert_value(f, "v1", TEXT("vc.1.scount"), bytes_of(count));
  assert_value(f, NULL, TEXT("v1.c.ko1"), TEXT("R o+0"));
  assert_value(f, NULL, TEXT("nextVatId"), TEXT("2"));
  buffer_init(&code, LIMIT_BUNDLE);
  assert_done(f->store->ops->bundle_get(f->store, COUNTER_BUNDLE, &code, &f->error));
  assert_true(code.size > 60000);
  buffer_fini(&code);
}

/* --- what it is for --- */

static void a_database_of_version_1_goes_on(void **state)
{
  struct fixture *f = *state;
  copy_file(FIXTURE, f->path);
  fixture_open(f);
  assert_counter(f, "{\"body\":\"#5\",\"slots\":[]}");
  assert_int_equal(f->store->epoch, 2);
  assert_done(put(f, "v1", TEXT("vc.1.scount"), TEXT("{\"body\":\"#6\",\"slots\":[]}")));
  assert_done(commit(f));
  fixture_reopen(f);
  assert_counter(f, "{\"body\":\"#6\",\"slots\":[]}");
  fixture_close(f);
  assert_tidy(f);
  assert_int_equal(number_of(f->path, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
}

static void every_row_is_taken_over(void **state)
{
  struct fixture *f = *state;
  copy_file(FIXTURE, f->path);
  fixture_open(f);
  fixture_close(f);
  static const char *const tables[] = {"kv", "kv_vatstore", "bundle"};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    char sql[400];
    const char *own = i ? "" : "WHERE key NOT LIKE 'store.%'";
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS old; SELECT (SELECT count(*) FROM (SELECT * FROM main.%s %s EXCEPT SELECT * FROM old.%s))"
             " + (SELECT count(*) FROM (SELECT * FROM old.%s %s EXCEPT SELECT * FROM main.%s))",
             FIXTURE, tables[i], own, tables[i], tables[i], own, tables[i]);
    assert_int_equal(number_of(f->path, sql), 0);
  }
}

/* As after a kill: SQLite carries the log over. */
static void the_log_of_an_older_database_is_taken_over(void **state)
{
  struct fixture *f = *state;
  char *other = memory_printf("%s/running", f->directory);
  char *other_log = memory_printf("%s-wal", other);
  char *log = memory_printf("%s-wal", f->path);
  copy_file(FIXTURE, other);
  sqlite3 *db = open_plain(other);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                                "UPDATE kv_vatstore SET value = 'in the log' WHERE key = 'vc.1.scount'",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  copy_file(other, f->path);
  copy_file(other_log, log);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  assert_int_equal(unlink(other), 0);
  fixture_open(f);
  assert_counter(f, "in the log");
  fixture_close(f);
  assert_tidy(f);
  free(other);
  free(other_log);
  free(log);
}

static void sums_beside_an_older_database_are_not_believed(void **state)
{
  struct fixture *f = *state;
  char *sums = memory_printf("%s-sums", f->path);
  fixture_open(f);
  fixture_close(f);
  copy_file(FIXTURE, f->path);
  fixture_open(f);
  assert_counter(f, "{\"body\":\"#5\",\"slots\":[]}");
  free(sums);
}

/* What another program has changed is refused, until somebody says that it is to be trusted. */
static void a_changed_database_is_taken_when_it_is_said_to_be_of_version_1(void **state)
{
  struct fixture *f = *state;
  struct buffer value;
  buffer_init(&value, KIB);
  copy_file(FIXTURE, f->path);
  fixture_open(f);
  fixture_close(f);
  run_sql(f->path, "UPDATE kv_vatstore SET value = 'changed' WHERE key = 'vc.1.scount'");
  enum vatd_code code = store_sqlite_open(f->path, &f->store, &f->error);
  if (!code)
    code = f->store->ops->get(f->store, "v1", TEXT("vc.1.scount"), &value, &f->error);
  assert_int_equal(code, VATD_CORRUPT);
  assert_non_null(strstr(f->error.text, "is not as it was written"));
  buffer_fini(&value);
  fixture_close(f);
  run_sql(f->path, "PRAGMA user_version=1");
  fixture_open(f);
  assert_counter(f, "changed");
}

/* --- what is refused --- */

static void assert_refused(struct fixture *f, enum vatd_code expected)
{
  char *before = memory_printf("%s/before", f->directory);
  copy_file(f->path, before);
  assert_int_equal(store_sqlite_open(f->path, &f->store, &f->error), expected);
  assert_true(is_same_file(before, f->path));
  assert_int_equal(unlink(before), 0);
  assert_tidy(f);
  free(before);
}

static void a_newer_version_is_refused_unchanged(void **state)
{
  struct fixture *f = *state;
  char sql[64];
  copy_file(FIXTURE, f->path);
  snprintf(sql, sizeof sql, "PRAGMA user_version=%d", STORE_SCHEMA_VERSION + 1);
  run_sql(f->path, sql);
  assert_refused(f, VATD_VERSION);
  assert_non_null(strstr(f->error.text, "schema version 3; this vatd knows versions 1 to 2"));
  run_sql(f->path, "PRAGMA user_version=0");
  assert_refused(f, VATD_VERSION);
}

static void a_damaged_older_database_is_refused_unchanged(void **state)
{
  struct fixture *f = *state;
  copy_file(FIXTURE, f->path);
  FILE *file = fopen(f->path, "r+b");
  assert_int_equal(fseek(file, 4096 + 3, SEEK_SET), 0); /* how many rows the page has */
  assert_int_equal(fwrite("\x7f\x7f", 1, 2, file), 2);
  fclose(file);
  assert_refused(f, VATD_CORRUPT);
}

/* --- what fails on the way --- */

/* What is found opens without help and has every row. */
static bool is_old_or_new(struct fixture *f, uint64_t hash)
{
  fault_vfs_plan(NULL);
  if (store_sqlite_open(f->path, &f->store, &f->error)) {
    f->store = NULL;
    return false;
  }
  bool same = hash_of(f) == hash;
  if (same)
    assert_counter(f, "{\"body\":\"#5\",\"slots\":[]}");
  fixture_close(f);
  if (same)
    assert_tidy(f);
  return same;
}

static void assert_broken(unsigned count)
{
#ifdef VATD_UNSAFE_PUBLISH_FIRST
  assert_true(count > 0);
#else
  assert_int_equal(count, 0);
#endif
}

static void count_calls(struct fixture *f, uint64_t counts[FAULT_KINDS], uint64_t *hash)
{
  copy_file(FIXTURE, f->path);
  fault_vfs_plan(NULL);
  fixture_open(f);
  for (int i = 0; i < FAULT_KINDS; i++)
    counts[i] = fault_vfs_count((enum fault_kind)i);
  *hash = hash_of(f);
  fixture_close(f);
}

static void start_over(struct fixture *f)
{
  char *sums = memory_printf("%s-sums", f->path);
  unlink(sums);
  free(sums);
  copy_file(FIXTURE, f->path);
}

static void any_failing_call_leaves_the_old_or_the_new(void **state)
{
  struct fixture *f = *state;
  uint64_t counts[FAULT_KINDS];
  uint64_t hash;
  unsigned runs = 0;
  unsigned broken = 0;
  count_calls(f, counts, &hash);
  for (int kind = 0; kind < FAULT_KINDS; kind++) {
    for (uint64_t nth = 1; nth <= counts[kind] * 2; nth += STEP, runs++) {
      start_over(f);
      fault_vfs_plan(&(struct fault){.kind = (enum fault_kind)kind,
                                     .nth = (nth + 1) / 2,
                                     .forever = nth % 2,
                                     .half = nth % 4 < 2,
                                     .code = kind_codes[kind]});
      if (store_sqlite_open(f->path, &f->store, &f->error) == VATD_OK)
        fixture_close(f);
      f->store = NULL;
      broken += !is_old_or_new(f, hash);
    }
  }
  printf("# figure migration: %u runs with a failing call, %u times neither old nor new was left\n", runs, broken);
  assert_broken(broken);
}

/* As its header says. */
static int version_of(const char *path)
{
  unsigned char header[100] = {0};
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size = fread(header, 1, sizeof header, file);
  fclose(file);
  return size == sizeof header ? header[63] : 0;
}

/* The status of a process that opens the database and is killed at a call. */
static int killed_at(struct fixture *f, enum fault_kind kind, uint64_t nth)
{
  int status;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    fault_vfs_plan(&(struct fault){.kind = kind, .nth = nth, .die = true});
    _exit((int)store_sqlite_open(f->path, &f->store, &f->error));
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void a_kill_at_any_call_leaves_the_old_or_the_new(void **state)
{
  struct fixture *f = *state;
  uint64_t counts[FAULT_KINDS];
  uint64_t hash;
  unsigned runs = 0;
  unsigned killed = 0;
  unsigned old = 0;
  unsigned broken = 0;
  count_calls(f, counts, &hash);
  for (int kind = 0; kind < FAULT_KINDS; kind++) {
    for (uint64_t nth = 1; nth <= counts[kind]; nth += STEP, runs++) {
      start_over(f);
      int status = killed_at(f, (enum fault_kind)kind, nth);
      killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      old += version_of(f->path) == 1;
      broken += !is_old_or_new(f, hash);
    }
  }
  printf("# figure migration: killed %u times, %u times the old version was left, %u times neither\n", killed, old,
         broken);
  assert_broken(broken);
  assert_true(killed > 0 && old > 0 && old < runs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_directory, fixture_tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_database_of_version_1_goes_on),
      TEST(every_row_is_taken_over),
      TEST(the_log_of_an_older_database_is_taken_over),
      TEST(sums_beside_an_older_database_are_not_believed),
      TEST(a_changed_database_is_taken_when_it_is_said_to_be_of_version_1),
      TEST(a_newer_version_is_refused_unchanged),
      TEST(a_damaged_older_database_is_refused_unchanged),
      TEST(any_failing_call_leaves_the_old_or_the_new),
      TEST(a_kill_at_any_call_leaves_the_old_or_the_new),
  };
  disk_vfs_install(); /* without syncs: only calls are counted here */
  fault_vfs_install();
  int failed = cmocka_run_group_tests_name("store: migration", tests, NULL, NULL);
  fault_vfs_uninstall();
  disk_vfs_uninstall();
  return failed;
}
