/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_sqlite_test.c - the database as a file: how it is made, locked, refused, and found after a crash.
 *
 * Whoever tests a refusal takes a picture of the directory before and compares it after: names, sizes and content.
 */
#include "store_fixture.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* --- tools --- */

static struct buffer read_file(const char *path)
{
  struct buffer content;
  char chunk[4096];
  buffer_init(&content, 1 << 24);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size;
  while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
    assert_true(buffer_append(&content, chunk, size));
  fclose(file);
  return content;
}

static void write_file(const char *path, const void *data, size_t size)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

/* Names and content of all files in the directory. */
static struct buffer picture(struct fixture *f)
{
  struct buffer all;
  struct dirent **entries;
  buffer_init(&all, 1 << 25);
  int count = scandir(f->directory, &entries, no_dots, by_name);
  assert_true(count >= 0);
  for (int i = 0; i < count; i++) {
    char *path = memory_printf("%s/%s", f->directory, entries[i]->d_name);
    struct buffer content = read_file(path);
    buffer_printf(&all, "[%s %zu]", entries[i]->d_name, content.size);
    buffer_append_bytes(&all, buffer_bytes(&content));
    buffer_fini(&content);
    free(path);
    free(entries[i]);
  }
  free(entries);
  return all;
}

static void assert_files(struct fixture *f, const char *names)
{
  struct buffer found;
  struct dirent **entries;
  buffer_init(&found, 4096);
  int count = scandir(f->directory, &entries, no_dots, by_name);
  for (int i = 0; i < count; i++) {
    buffer_printf(&found, "%s%s", i ? " " : "", entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  assert_string_equal(buffer_text(&found), names);
  buffer_fini(&found);
}

static enum vatd_code try_open(struct fixture *f)
{
  struct store *store = NULL;
  enum vatd_code code = store_sqlite_open(f->path, &store, &f->error);
  if (!code)
    store->ops->close(store);
  else
    assert_null(store);
  return code;
}

#define assert_refused(code) \
  do { \
    struct buffer before = picture(f); \
    assert_code(code, try_open(f)); \
    assert_non_null(strstr(f->error.text, f->path)); \
    struct buffer after = picture(f); \
    assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after))); \
    buffer_fini(&before); \
    buffer_fini(&after); \
  } while (0)

static void patch_file(const char *path, long offset, const void *data, size_t size)
{
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, offset, SEEK_SET), 0);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* Runs `body` in a process of its own, which exits with the code it returns. */
static int in_child(struct fixture *f, int (*body)(struct fixture *))
{
  int status;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    _exit(body(f));
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int child_opens(struct fixture *f)
{
  f->store = NULL;
  return (int)store_sqlite_open(f->path, &f->store, &f->error);
}

static void remove_sums(struct fixture *f)
{
  char *name = memory_printf("%s-sums", f->path);
  assert_int_equal(unlink(name), 0);
  free(name);
}

static void make_foreign(struct fixture *f, const char *sql)
{
  sqlite3 *db;
  assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_pragma(struct fixture *f, const char *sql, const char *expected)
{
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(((struct sqlite_store *)f->store)->db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), expected);
  sqlite3_finalize(stmt);
}

/* --- a new database --- */

static void a_new_database_is_for_its_owner_only(void **state)
{
  struct fixture *f = *state;
  struct stat st;
  mode_t mask = umask(0);
  fixture_open(f);
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_done(commit(f));
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  char *log = memory_printf("%s-wal", f->path);
  assert_int_equal(stat(log, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  free(log);
  umask(mask);
}

static void its_header_carries_reserved_bytes_owner_and_version(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fixture_close(f);
  struct buffer content = read_file(f->path);
  const unsigned char *header = (const unsigned char *)content.data;
  assert_int_equal(header[18], 2); /* WAL */
  assert_int_equal(header[20], 8);
  assert_int_equal(header[56 + 3], 1); /* UTF-8 */
  assert_int_equal(header[60 + 3], STORE_SCHEMA_VERSION);
  assert_memory_equal(header + 68, "vatd", 4);
  buffer_fini(&content);
}

static void pragmas_are_as_durability_needs_them(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  assert_pragma(f, "PRAGMA journal_mode", "wal");
  assert_pragma(f, "PRAGMA synchronous", "2");
  assert_pragma(f, "PRAGMA locking_mode", "exclusive");
  assert_pragma(f, "PRAGMA temp_store", "2");
  assert_pragma(f, "PRAGMA integrity_check", "ok");
}

static void there_is_no_shared_memory_and_no_log_after_closing(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_done(commit(f));
  assert_files(f, "vatd.sqlite vatd.sqlite-reserve vatd.sqlite-sums vatd.sqlite-wal");
  fixture_close(f);
  assert_files(f, "vatd.sqlite vatd.sqlite-sums");
}

static void a_path_is_never_taken_for_a_uri(void **state)
{
  struct fixture *f = *state;
  char *old = getcwd(NULL, 0);
  assert_int_equal(chdir(f->directory), 0);
  assert_done(store_sqlite_open("file:odd?mode=ro", &f->store, &f->error));
  fixture_close(f);
  assert_done(store_sqlite_open(":memory:", &f->store, &f->error));
  fixture_close(f);
  assert_files(f, ":memory: :memory:-sums file:odd?mode=ro file:odd?mode=ro-sums");
  assert_int_equal(chdir(old), 0);
  free(old);
}

static int child_opens_or_is_busy(struct fixture *f)
{
  enum vatd_code code = (enum vatd_code)child_opens(f);
  if (code == VATD_OK || code == VATD_BUSY)
    return 0;
  fprintf(stderr, "# a child: %s\n", f->error.text);
  return (int)code;
}

static void processes_that_create_it_at_once_agree(void **state)
{
  struct fixture *f = *state;
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 4; i++) {
      pid_t pid = fork();
      assert_true(pid >= 0);
      if (pid == 0)
        _exit(child_opens_or_is_busy(f));
    }
    int status;
    while (wait(&status) > 0)
      assert_int_equal(status, 0);
    fixture_open(f);
    fixture_close(f);
    assert_files(f, "vatd.sqlite vatd.sqlite-sums");
    assert_int_equal(unlink(f->path), 0);
    remove_sums(f);
  }
}

static void a_directory_that_is_not_there_is_an_error_of_the_system(void **state)
{
  struct fixture *f = *state;
  assert_code(IO, store_sqlite_open("/nowhere/at/all/vatd.sqlite", &f->store, &f->error));
  assert_non_null(strstr(f->error.text, "No such file or directory"));
}

/* --- who may open it --- */

static void a_second_process_is_told_that_it_is_busy(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  struct store *ours = f->store;
  assert_int_equal(in_child(f, child_opens), VATD_BUSY);
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_done(commit(f));
  assert_int_equal(in_child(f, child_opens), VATD_BUSY);
  assert_ptr_equal(f->store, ours);
  fixture_close(f);
  assert_int_equal(in_child(f, child_opens), VATD_OK);
}

static void a_second_opening_in_one_process_is_busy_and_keeps_the_lock(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  assert_code(BUSY, try_open(f));
  assert_non_null(strstr(f->error.text, "is in use by another process"));
  assert_int_equal(in_child(f, child_opens), VATD_BUSY);
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_done(commit(f));
}

static void become_nobody(void)
{
  if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
    _exit(99);
}

static int nobody_opens(struct fixture *f)
{
  become_nobody();
  return child_opens(f);
}

static void give_to_nobody(struct fixture *f)
{
  if (geteuid() != 0)
    return;
  assert_int_equal(chown(f->directory, NOBODY, NOBODY), 0);
  if (access(f->path, F_OK) == 0)
    assert_int_equal(chown(f->path, NOBODY, NOBODY), 0);
}

static void a_file_that_cannot_be_written_is_read_only(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fixture_close(f);
  give_to_nobody(f);
  assert_int_equal(chmod(f->path, 0400), 0);
  struct buffer before = picture(f);
  assert_int_equal(in_child(f, nobody_opens), VATD_READ_ONLY);
  struct buffer after = picture(f);
  assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
  buffer_fini(&before);
  buffer_fini(&after);
}

static void a_directory_that_cannot_be_written_is_read_only(void **state)
{
  struct fixture *f = *state;
  give_to_nobody(f);
  assert_int_equal(chmod(f->directory, 0500), 0);
  assert_int_equal(in_child(f, nobody_opens), VATD_READ_ONLY);
  assert_int_equal(chmod(f->directory, 0700), 0);
  fixture_open(f);
  fixture_close(f);
  give_to_nobody(f);
  assert_int_equal(chmod(f->directory, 0500), 0);
  assert_int_equal(in_child(f, nobody_opens), VATD_READ_ONLY);
  assert_int_equal(chmod(f->directory, 0700), 0);
  assert_files(f, "vatd.sqlite vatd.sqlite-sums");
}

/* --- what is refused, and stays as it was --- */

static void a_foreign_database_is_refused(void **state)
{
  struct fixture *f = *state;
  make_foreign(f, "CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT); INSERT INTO kv VALUES ('a', 'b')");
  assert_refused(VERSION);
  make_foreign(f, "PRAGMA user_version=1");
  assert_refused(VERSION);
  make_foreign(f, "PRAGMA journal_mode=WAL");
  assert_refused(VERSION);
}

static void a_later_version_is_refused(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fixture_close(f);
  make_foreign(f, "PRAGMA user_version=3");
  assert_refused(VERSION);
  assert_non_null(strstr(f->error.text, "schema version 3"));
}

static void what_is_no_database_is_refused(void **state)
{
  struct fixture *f = *state;
  static const char text[] =
      "This is a letter, not a database, though it is longer than the header of a database would be,"
      " which has a hundred bytes.";
  write_file(f->path, text, sizeof text);
  assert_refused(CORRUPT);
  write_file(f->path, "x", 1);
  assert_refused(CORRUPT);
  write_file(f->path, "", 0);
  assert_refused(CORRUPT);
}

static void a_directory_is_no_database(void **state)
{
  struct fixture *f = *state;
  assert_code(CORRUPT, store_sqlite_open(f->directory, &f->store, &f->error));
}

static void a_truncated_database_is_refused(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  for (int i = 0; i < 200; i++) {
    char key[16];
    snprintf(key, sizeof key, "key%d", i);
    assert_done(put(f, "v1", bytes_of(key), TEXT("some value that fills up pages, some value that fills up pages")));
  }
  assert_done(commit(f));
  fixture_close(f);
  struct buffer whole = read_file(f->path);
  static const size_t cuts[] = {1, 50, 99, 100, 512, 4095, 4096, 8192};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    write_file(f->path, whole.data, cuts[i]);
    assert_refused(CORRUPT);
  }
  write_file(f->path, whole.data, whole.size - 1);
  assert_refused(CORRUPT);
  write_file(f->path, whole.data, whole.size);
  assert_done(try_open(f));
  buffer_fini(&whole);
}

static void other_reserved_bytes_are_refused(void **state)
{
  struct fixture *f = *state;
  char sql[128];
  snprintf(sql, sizeof sql, "CREATE TABLE kv (key, value); PRAGMA user_version=1; PRAGMA application_id=%d",
           SQLITE_SCHEMA_APPLICATION_ID);
  make_foreign(f, sql);
  assert_refused(CORRUPT);
}

static void a_log_without_its_database_is_refused(void **state)
{
  struct fixture *f = *state;
  char *log = memory_printf("%s-wal", f->path);
  write_file(log, "left over", 9);
  assert_refused(CORRUPT);
  free(log);
  assert_files(f, "vatd.sqlite-wal");
}

static void a_changed_schema_is_refused(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fixture_close(f);
  make_foreign(f, "CREATE TABLE notes_of_a_user (text); PRAGMA user_version=1");
  assert_done(try_open(f));
  make_foreign(f, "DROP VIEW v_vat; CREATE VIEW v_vat AS SELECT load_extension('x') AS id; PRAGMA user_version=1");
  assert_refused(CORRUPT);
  assert_non_null(strstr(f->error.text, "v_vat is not as vatd makes it"));
  make_foreign(f, "DROP VIEW v_vat");
  assert_refused(CORRUPT);
}

/* --- after a crash --- */

static int child_commits_and_dies(struct fixture *f)
{
  uint64_t batch;
  struct error *error = &f->error;
  if (child_opens(f))
    return 1;
  const struct store_ops *ops = f->store->ops;
  if (ops->put(f->store, NULL, TEXT("a"), TEXT("kept"), error) || ops->commit(f->store, &batch, error) ||
      ops->put(f->store, NULL, TEXT("a"), TEXT("lost"), error))
    return 2;
  raise(SIGKILL);
  return 3;
}

static void what_was_committed_is_there_after_a_kill(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(in_child(f, child_commits_and_dies), 1000 + SIGKILL);
  assert_files(f, "vatd.sqlite vatd.sqlite-reserve vatd.sqlite-sums vatd.sqlite-wal");
  fixture_open(f);
  assert_int_equal(f->store->epoch, 2);
  assert_value(f, NULL, TEXT("a"), TEXT("kept"));
  assert_value(f, NULL, TEXT("store.commit"), TEXT("1 1"));
}

/* --- while it is open --- */

static bool take_row(void *context, struct bytes key, struct bytes value)
{
  (void)context;
  (void)key;
  (void)value;
  return true;
}

static void execute(struct fixture *f, const char *sql)
{
  assert_int_equal(sqlite3_exec(((struct sqlite_store *)f->store)->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Rows that fill some pages, of which SQLite remembers next to none. */
static void fill_and_forget(struct fixture *f)
{
  char value[1500];
  memset(value, 'x', sizeof value);
  execute(f, "PRAGMA cache_size=1");
  for (int i = 0; i < 50; i++) {
    char key[16];
    snprintf(key, sizeof key, "row%d", i);
    assert_done(put(f, "v1", bytes_of(key), bytes_from(value, sizeof value)));
  }
  assert_done(commit(f));
}

static void assert_noticed(struct fixture *f, const char *what)
{
  assert_done(f->store->ops->scan(f->store, "v2", TEXT(""), take_row, NULL, &f->error));
  assert_code(CORRUPT, f->store->ops->scan(f->store, "v1", TEXT(""), take_row, NULL, &f->error));
  assert_non_null(strstr(f->error.text, f->path));
  assert_non_null(strstr(f->error.text, what));
  assert_non_null(strstr(f->error.text, "is not as it was written"));
  assert_code(CORRUPT, put(f, "v1", TEXT("a"), TEXT("b")));
}

static void a_log_that_changes_while_it_is_in_use_is_noticed(void **state)
{
  struct fixture *f = *state;
  char *log = memory_printf("%s-wal", f->path);
  fixture_open(f);
  fill_and_forget(f);
  struct buffer content = read_file(log);
  const char *row = memmem(content.data, content.size, "v1row30x", 8);
  assert_non_null(row);
  patch_file(log, row - content.data + 20, "y", 1);
  assert_noticed(f, " of the log) ");
  buffer_fini(&content);
  free(log);
}

static void a_database_file_that_changes_while_it_is_in_use_is_noticed(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fill_and_forget(f);
  execute(f, "PRAGMA wal_checkpoint(TRUNCATE)");
  struct buffer content = read_file(f->path);
  const char *row = memmem(content.data, content.size, "v1row30x", 8);
  assert_non_null(row);
  patch_file(f->path, row - content.data + 20, "y", 1);
  assert_noticed(f, " of the database file ");
  buffer_fini(&content);
}

/* --- after a crash, and a cache that is too small --- */

static enum vatd_code put_rows(struct fixture *f, unsigned *chance, unsigned count)
{
  char value[900];
  enum vatd_code code = VATD_OK;
  while (!code && count--) {
    char key[16];
    *chance = *chance * 1103515245 + 12345;
    memset(value, 'a' + (int)(*chance >> 16) % 26, sizeof value);
    snprintf(key, sizeof key, "row%u", (*chance >> 20) % 60);
    code = put(f, "v1", bytes_of(key), bytes_from(value, sizeof value));
  }
  return code;
}

/* With a cache that is too small SQLite writes to the log before the commit, and again after the savepoint is undone:
 * SQLite 3.40.1 alone leaves a log whose last commits nobody can read. */
static int child_undoes_a_savepoint_and_dies(struct fixture *f)
{
  enum vatd_code code = (enum vatd_code)child_opens(f);
  if (!code && sqlite3_exec(((struct sqlite_store *)f->store)->db, "PRAGMA cache_size=5", NULL, NULL, NULL))
    return 1;
  unsigned chance = 1;
  for (unsigned batch = 1; !code && batch <= 30; batch++) {
    char text[16];
    snprintf(text, sizeof text, "%u", batch);
    code = savepoint(f, "crank");
    if (!code)
      code = put_rows(f, &chance, 40);
    if (!code)
      code = rollback_to(f, "crank");
    if (!code)
      code = put_rows(f, &chance, batch);
    if (!code)
      code = put(f, NULL, TEXT("last"), bytes_of(text));
    if (!code)
      code = release(f, "crank");
    if (!code)
      code = commit(f);
  }
  if (!code)
    raise(SIGKILL);
  return 2;
}

static void a_commit_after_an_undone_savepoint_is_there_after_a_kill(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(in_child(f, child_undoes_a_savepoint_and_dies), 1000 + SIGKILL);
  fixture_open(f);
  assert_value(f, NULL, TEXT("last"), TEXT("30"));
}

static void a_refused_database_keeps_its_log(void **state)
{
  struct fixture *f = *state;
  assert_int_equal(in_child(f, child_commits_and_dies), 1000 + SIGKILL);
  patch_file(f->path, 60 + 3, "\x07", 1);
  assert_refused(VERSION);
  patch_file(f->path, 60 + 3, "\x02", 1);
  fixture_open(f);
  assert_value(f, NULL, TEXT("a"), TEXT("kept"));
}

static void damage_behind_the_header_is_found_before_anything_is_written(void **state)
{
  struct fixture *f = *state;
  fixture_open(f);
  fixture_close(f);
  patch_file(f->path, 100, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8); /* the root page of the schema */
  assert_refused(CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_directory, fixture_tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_new_database_is_for_its_owner_only),
      TEST(its_header_carries_reserved_bytes_owner_and_version),
      TEST(pragmas_are_as_durability_needs_them),
      TEST(there_is_no_shared_memory_and_no_log_after_closing),
      TEST(a_path_is_never_taken_for_a_uri),
      TEST(processes_that_create_it_at_once_agree),
      TEST(a_directory_that_is_not_there_is_an_error_of_the_system),
      TEST(a_second_process_is_told_that_it_is_busy),
      TEST(a_second_opening_in_one_process_is_busy_and_keeps_the_lock),
      TEST(a_file_that_cannot_be_written_is_read_only),
      TEST(a_directory_that_cannot_be_written_is_read_only),
      TEST(a_foreign_database_is_refused),
      TEST(a_later_version_is_refused),
      TEST(what_is_no_database_is_refused),
      TEST(a_directory_is_no_database),
      TEST(a_truncated_database_is_refused),
      TEST(other_reserved_bytes_are_refused),
      TEST(a_log_without_its_database_is_refused),
      TEST(a_changed_schema_is_refused),
      TEST(what_was_committed_is_there_after_a_kill),
      TEST(a_log_that_changes_while_it_is_in_use_is_noticed),
      TEST(a_database_file_that_changes_while_it_is_in_use_is_noticed),
      TEST(a_commit_after_an_undone_savepoint_is_there_after_a_kill),
      TEST(a_refused_database_keeps_its_log),
      TEST(damage_behind_the_header_is_found_before_anything_is_written),
  };
  return cmocka_run_group_tests_name("store: the SQLite file", tests, NULL, NULL);
}
