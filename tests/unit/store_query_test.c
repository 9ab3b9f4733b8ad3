/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_query_test.c - SQL from people: what it shows (the views) and what it may not do.
 */
#include "store_fixture.h"
#include "store/sqlite_store.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool join_row(void *context, size_t columns, const char *const *names, const char *const *texts)
{
  struct buffer *rows = context;
  (void)names;
  for (size_t i = 0; i < columns; i++)
    buffer_printf(rows, "%s%s", i ? "|" : "", texts[i] ? texts[i] : "NULL");
  return buffer_append_text(rows, "\n");
}

static enum vatd_code query(struct fixture *f, const char *sql, struct buffer *rows)
{
  return f->store->ops->query(f->store, bytes_of(sql), join_row, rows, &f->error);
}

/* Each row's columns joined by '|', each row ended by a line feed. */
static void assert_rows(struct fixture *f, const char *sql, const char *expected)
{
  struct buffer rows;
  buffer_init(&rows, 1 << 20);
  assert_done(query(f, sql, &rows));
  assert_string_equal(buffer_text(&rows), expected);
  buffer_fini(&rows);
}

static void assert_query_code(struct fixture *f, enum vatd_code expected, const char *sql)
{
  struct buffer rows;
  buffer_init(&rows, 1 << 24);
  fixture_assert_code(f, expected, query(f, sql, &rows), sql, __FILE__, __LINE__);
  buffer_fini(&rows);
}

/* A kernel's rows: two vats, of which v10 is suspended; an object between them; a promise; two queues. */
static int set_up_kernel(void **state)
{
  static const char *const rows[][2] = {
      {"vat.v2", "{\"name\":\"bob\",\"subcluster\":\"s1\",\"bundle\":\"beef\",\"root\":\"ko2\"}"},
      {"vat.v10", "{\"name\":\"alice\",\"subcluster\":\"s2\",\"bundle\":\"cafe\",\"root\":\"ko1\"}"},
      {"vatConfig.v2", "{}"},
      {"vats.terminated", "[]"},
      {"live.v2", "1"},
      {"suspended.v10", "{\"cause\":\"out of memory\"}"},
      {"ko1.owner", "v10"},
      {"ko1.refCount", "2,3"},
      {"ko2.refCount", "0,1"},
      {"ko2.revoked", "true"},
      {"ko10.owner", "v2"},
      {"ko10.refCount", "1,1"},
      {"kp3.state", "unresolved"},
      {"kp3.refCount", "2"},
      {"kp3.decider", "v2"},
      {"kp3.subscribers", "[\"v10\"]"},
      {"kp12.state", "fulfilled"},
      {"kp12.refCount", "1"},
      {"kp12.value", "{\"body\":\"#1\",\"slots\":[]}"},
      {"v2.c.ko1", "R o-50"},
      {"v2.c.o-50", "ko1"},
      {"v2.c.kp3", "R p-60"},
      {"v2.c.p-60", "kp3"},
      {"v10.c.ko1", "_ o+0"},
      {"v10.c.o+0", "ko1"},
      {"queue.run.head", "11"},
      {"queue.run.tail", "9"},
      {"queue.run.10", "{\"type\":\"notify\",\"endpointId\":\"v10\",\"kpid\":\"kp12\"}"},
      {"queue.run.9",
       "{\"type\":\"send\",\"target\":\"ko1\",\"message\":{\"methargs\":{\"body\":\"#[\\\"inc\\\",[1]]\","
       "\"slots\":[]},\"result\":\"kp3\"}}"},
      {"queue.kp3.head", "2"},
      {"queue.kp3.tail", "1"},
      {"queue.kp3.1",
       "{\"type\":\"send\",\"target\":\"kp3\",\"message\":{\"methargs\":{\"body\":\"#[\\\"#undefined\\\",[]]\","
       "\"slots\":[]}}}"},
  };
  if (fixture_set_up_sqlite(state))
    return -1;
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_done(put(f, NULL, bytes_of(rows[i][0]), bytes_of(rows[i][1])));
  return 0;
}

/* --- what it shows --- */

static void a_query_sees_the_open_batch(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("thing"), TEXT("1")));
  assert_rows(f, "SELECT key, value FROM kv_vatStore WHERE vatID = 'v1'", "thing|1\n");
  assert_done(rollback(f));
  assert_rows(f, "SELECT key, value FROM kv_vatStore WHERE vatID = 'v1';  -- none\n", "");
}

static void column_names_and_nulls_are_told(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT NULL AS a, 1.5, -7, '', 'x'", "NULL|1.5|-7||x\n");
}

static void what_is_no_plain_text_comes_as_a_literal(void **state)
{
  struct fixture *f = *state;
  assert_done(put(f, "v1", TEXT("a\0b"), TEXT("\0")));
  assert_rows(f, "SELECT key, value FROM kv_vatstore", "X'610062'|X'00'\n");
  assert_rows(f, "SELECT x'ff00', x'6162', x''", "X'FF00'|ab|\n");
}

static void a_query_may_count_group_and_recurse(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT substr(key, 1, 2) AS k, count(*) FROM kv WHERE key GLOB 'ko*' GROUP BY k", "ko|6\n");
  assert_rows(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 4) SELECT sum(i) FROM n",
              "10\n");
  assert_rows(f, "SELECT value FROM json_each('[1,2]')", "1\n2\n");
  assert_rows(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'view'", "5\n");
  assert_rows(f, "SELECT '{\"a\":3}' ->> 'a'", "3\n");
}

static void v_vat_shows_vats_in_order_of_number(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT * FROM v_vat", "v2|bob|s1|ko2|beef|1|NULL\nv10|alice|s2|ko1|cafe|0|out of memory\n");
}

static void v_object_shows_owner_and_counts(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT * FROM v_object", "ko1|v10|2|3|0\nko2|NULL|0|1|1\nko10|v2|1|1|0\n");
}

static void v_promise_shows_state_and_value(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT * FROM v_promise",
              "kp3|unresolved|v2|2|[\"v10\"]|NULL\nkp12|fulfilled|NULL|1|NULL|{\"body\":\"#1\",\"slots\":[]}\n");
}

static void v_clist_shows_each_entry_once(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT * FROM v_clist", "v2|ko1|o-50|1\nv2|kp3|p-60|1\nv10|ko1|o+0|0\n");
}

static void v_queue_shows_items_in_order_of_position(void **state)
{
  struct fixture *f = *state;
  assert_rows(f, "SELECT queue, position, type, target, method, result FROM v_queue",
              "kp3|1|send|kp3|#undefined|NULL\nrun|9|send|ko1|inc|kp3\nrun|10|notify|v10|NULL|kp12\n");
}

/* --- what it may not do --- */

/* All rows of all tables, and the schema. */
static char *everything(struct fixture *f)
{
  struct buffer rows;
  buffer_init(&rows, 1 << 20);
  assert_done(query(f, "SELECT key, value FROM kv UNION ALL SELECT vatID || key, value FROM kv_vatstore UNION ALL "
                       "SELECT hash, hex(code) FROM bundle UNION ALL SELECT name, sql FROM sqlite_schema", &rows));
  return buffer_detach(&rows);
}

static void attacks_are_refused_and_change_nothing(void **state)
{
  struct fixture *f = *state;
  static const char *const attacks[] = {
      "",
      "   -- nothing",
      ";",
      "SELECT 1; SELECT 2",
      "SELECT 1; DELETE FROM kv",
      "SELEKT 1",
      "SELECT nothing",
      "SELECT \"double quotes are no text\"",
      "SELECT ?",
      "INSERT INTO kv VALUES ('a', 'b')",
      "UPDATE kv SET value = 'x'",
      "DELETE FROM kv",
      "REPLACE INTO kv VALUES ('a', 'b')",
      "INSERT INTO kv SELECT 'a', 'b' RETURNING value",
      "WITH x AS (SELECT 1) DELETE FROM kv",
      "CREATE TABLE t (a)",
      "CREATE TEMP TABLE t (a)",
      "CREATE VIRTUAL TABLE t USING fts5(a)",
      "CREATE TEMP VIEW w AS SELECT 1",
      "CREATE TRIGGER t AFTER INSERT ON kv BEGIN SELECT 1; END",
      "CREATE INDEX i ON kv (value)",
      "DROP TABLE kv",
      "DROP VIEW v_vat",
      "ALTER TABLE kv RENAME TO kw",
      "ATTACH ':memory:' AS other",
      "DETACH main",
      "VACUUM",
      "VACUUM INTO '/tmp/vatd-copy'",
      "REINDEX",
      "ANALYZE",
      "BEGIN",
      "COMMIT",
      "ROLLBACK",
      "SAVEPOINT s",
      "RELEASE s",
      "PRAGMA user_version",
      "PRAGMA user_version = 9",
      "PRAGMA query_only = 0",
      "PRAGMA writable_schema = ON",
      "PRAGMA wal_checkpoint",
      "PRAGMA journal_mode = DELETE",
      "SELECT * FROM pragma_user_version",
      "SELECT * FROM pragma_table_info('kv')",
      "SELECT count(*) FROM pragma_database_list",
      "SELECT count(*) FROM dbstat",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM sqlite_stmt",
      "SELECT * FROM dbstat",
      "SELECT * FROM sqlite_dbpage",
      "SELECT * FROM sqlite_temp_schema",
      "SELECT * FROM fts3tokenize('simple', 'a')",
      "SELECT load_extension('x')",
      "SELECT readfile('/etc/passwd')",
      "SELECT writefile('/tmp/x', 'y')",
      "SELECT fts3_tokenizer('simple')",
      "SELECT zeroblob(1000000000)",
      "SELECT randomblob(1000000000)",
      "SELECT printf('%1000000000d', 1)",
      "SELECT format('%1000000000d', 1)",
      "SELECT sqlite_compileoption_get(1)",
      "SELECT sqlite_offset(key) FROM kv",
      "SELECT changes()",
      "EXPLAIN DELETE FROM kv",
      "EXPLAIN QUERY PLAN DELETE FROM kv",
      "VALUES (load_extension('x'))",
      "SELECT (SELECT load_extension('x'))",
      "WITH t AS (SELECT load_extension('x')) SELECT * FROM t",
      "SELECT key FROM kv ORDER BY load_extension('x')",
      "SELECT count(*) FILTER (WHERE load_extension('x')) FROM kv",
      "SELECT 1 FROM kv WHERE readfile('/etc/passwd') = key",
      "SELECT value FROM json_each(readfile('/etc/passwd'))",
      "SELECT edit('x')",
      "SELECT value FROM generate_series(1, 10)",
      "SELECT sqlite_log(1, 'x')",
      "SELECT sqlite_rename_table(1, 2, 3, 4, 5, 6, 7)",
      "SELECT fts5(1)",
      "SELECT * FROM fts5vocab",
      "CREATE TABLE t AS SELECT * FROM kv",
      "CREATE TEMP TRIGGER t AFTER DELETE ON main.kv BEGIN DELETE FROM kv; END",
      "INSERT INTO sqlite_schema VALUES (1, 2, 3, 4, 5)",
      "UPDATE sqlite_schema SET sql = 'x'",
      "UPDATE kv SET value = 'x' RETURNING value",
      "ATTACH 'file:/etc/passwd?mode=ro' AS p",
      "VACUUM main INTO '/tmp/vatd-copy'",
      "END",
      "BEGIN EXCLUSIVE",
      "ROLLBACK TO s",
      "PRAGMA synchronous = OFF",
      "PRAGMA locking_mode = NORMAL",
      "PRAGMA trusted_schema = 0",
      "PRAGMA temp_store_directory = '/tmp'",
      "PRAGMA main.wal_checkpoint(TRUNCATE)",
      "PRAGMA foreign_keys = 1",
      "PRAGMA optimize",
      "PRAGMA table_list",
      "SELECT/**/1;/**/DROP/**/TABLE/**/kv",
      "SELECT 1;;DROP TABLE kv",
      "SELECT 1 --\n; DROP TABLE kv",
      "SELECT replace(value, 'a', 'b') FROM kv",
      "SELECT trim(value, 'a') FROM kv",
      ("SELECT 'a' LIKE "
       "'%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"),
  };
  char *before = everything(f);
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
    assert_query_code(f, VATD_INVALID, attacks[i]);
  assert_code(INVALID, f->store->ops->query(f->store, TEXT("SELECT 1\0; DELETE FROM kv"), join_row, NULL, &f->error));
  assert_code(INVALID, f->store->ops->query(f->store, TEXT("SELECT '\xFF'"), join_row, NULL, &f->error));
  assert_rows(f, "SELECT count(*) FROM kv WHERE key NOT GLOB 'store.*'", "32\n");
  char *after = everything(f);
  assert_string_equal(after, before);
  free(before);
  free(after);
  assert_int_not_equal(access("/tmp/vatd-copy", F_OK), 0);
  assert_done(commit(f));
}

static void an_endless_query_is_cut_short_and_leaves_the_batch_alone(void **state)
{
  struct fixture *f = *state;
  assert_done(savepoint(f, "s"));
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_query_code(f, VATD_LIMIT,
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n");
  assert_value(f, NULL, TEXT("a"), TEXT("b"));
  assert_done(rollback_to(f, "s"));
  assert_done(release(f, "s"));
  assert_absent(f, NULL, TEXT("a"));
  assert_done(commit(f));
}

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#define NUMBERS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000) "
#define DOUBLED "WITH RECURSIVE n(s) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT s || s FROM n) "

static void greedy_queries_are_cut_short_and_leave_the_batch_alone(void **state)
{
  struct fixture *f = *state;
  static const char *const greedy[] = {
      DOUBLED "SELECT max(length(s)) FROM n",
      DOUBLED "SELECT s FROM n",
      DOUBLED "SELECT hex(hex(hex(s))) FROM n",
      DOUBLED "SELECT quote(s) || quote(s) FROM n",
      DOUBLED "SELECT json_quote(s), json_array(s, s, s) FROM n",
      DOUBLED "SELECT group_concat(s) FROM n",
      DOUBLED "SELECT json_group_array(s) FROM n",
      DOUBLED "SELECT s LIKE '%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%' FROM n",
      NUMBERS "SELECT count(*) FROM n a, n b",
      NUMBERS "SELECT a.i FROM n a, n b ORDER BY a.i * b.i % 7919 LIMIT 1",
      NUMBERS "SELECT DISTINCT a.i || ',' || b.i FROM n a, n b",
      NUMBERS "SELECT group_concat(a.i || b.i) FROM n a, n b",
      NUMBERS "SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM n",
      NUMBERS "SELECT max(i) OVER (ORDER BY i ROWS BETWEEN 50000 PRECEDING AND 50000 FOLLOWING EXCLUDE CURRENT ROW) FROM n",
      NUMBERS "SELECT (SELECT count(*) FROM n b WHERE b.i < a.i) FROM n a ORDER BY 1",
      ("WITH RECURSIVE n(i, s) AS (SELECT 1, hex(quote('0123456789012345678901234567890123456789'))"
       " UNION ALL SELECT i+1, s || i FROM n WHERE i < 3000000) SELECT s FROM n ORDER BY s DESC LIMIT 1"),
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i+1 FROM n) SELECT i FROM n WHERE i < 0",
      "SELECT count(*) FROM kv a, kv b, kv c, kv d, kv e, kv f, kv g",
  };
  assert_done(put(f, "v1", TEXT("of this batch"), TEXT("1")));
  char *before = everything(f);
  double longest = 0;
  for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
    double from = seconds();
    assert_query_code(f, VATD_LIMIT, greedy[i]);
    longest = seconds() - from > longest ? seconds() - from : longest;
  }
  printf("# figure the longest of %zu greedy queries was cut after %.2f s\n", sizeof greedy / sizeof *greedy, longest);
  char *after = everything(f);
  assert_string_equal(after, before);
  free(before);
  free(after);
  assert_done(commit(f));
}

/* One step of SQLite's virtual machine, in which nobody is asked whether the time is over. With SQLite's own instr this takes
 * minutes. */
static void long_texts_are_searched_in_linear_time(void **state)
{
  struct fixture *f = *state;
  assert_rows(f,
              "WITH RECURSIVE n(s) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT s || s FROM n WHERE length(s) < 2000000) "
              "SELECT instr(s, substr(s, 1, 1000000) || 'b') FROM n WHERE length(s) > 2000000",
              "0\n");
  assert_rows(f, "SELECT instr('a\xC3\xA9z', 'z'), instr(x'61C3A97A', x'7A'), instr('abc', ''), instr('abc', 'd'), "
                 "instr(NULL, 'a'), instr('', ''), instr(121, 2)", "3|4|1|0|NULL|1|2\n");
}

static void many_bytes_are_cut_short(void **state)
{
  struct fixture *f = *state;
  char *value = memory_alloc(1 << 20);
  memset(value, 'x', 1 << 20);
  for (int i = 0; i < 20; i++)
    assert_done(put(f, "v1", bytes_from(&"abcdefghijklmnopqrst"[i], 1), bytes_from(value, 1 << 20)));
  free(value);
  assert_query_code(f, VATD_LIMIT, "SELECT value FROM kv_vatstore");
  assert_query_code(f, VATD_OK, "SELECT value FROM kv_vatstore LIMIT 7");
  assert_query_code(f, VATD_LIMIT, NUMBERS "SELECT i AS a, i AS b, i AS c, i AS d, i AS e, i AS f, i AS g, i AS h, i AS i, i AS j, "
                                           "i AS k, i AS l, i AS m, i AS n, i AS o FROM n LIMIT 10000");
}

static void too_many_rows_are_cut_short(void **state)
{
  struct fixture *f = *state;
  struct buffer rows;
  buffer_init(&rows, 1 << 20);
  assert_code(LIMIT,
              query(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT 'x' FROM n", &rows));
  assert_int_equal(rows.size, 2 * LIMIT_QUERY_ROWS);
  buffer_clear(&rows);
  char sql[200];
  snprintf(sql, sizeof sql,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT 'x' FROM n",
           LIMIT_QUERY_ROWS);
  assert_done(query(f, sql, &rows));
  assert_int_equal(rows.size, 2 * LIMIT_QUERY_ROWS);
  buffer_fini(&rows);
}

static bool stop_at_once(void *context, size_t columns, const char *const *names, const char *const *texts)
{
  struct fixture *f = context;
  assert_int_equal(columns, 2);
  assert_string_equal(names[0], "key");
  assert_string_equal(names[1], "what");
  assert_non_null(texts[0]);
  assert_code(MISUSE, put(f, NULL, TEXT("a"), TEXT("b")));
  return false;
}

static void a_query_stops_when_told(void **state)
{
  struct fixture *f = *state;
  assert_done(f->store->ops->query(f->store, TEXT("SELECT key, value AS what FROM kv"), stop_at_once, f, &f->error));
  assert_done(put(f, NULL, TEXT("a"), TEXT("b")));
  assert_done(commit(f));
}

static void the_kernels_own_statements_are_not_judged(void **state)
{
  struct fixture *f = *state;
  assert_query_code(f, VATD_INVALID, "DELETE FROM kv");
  assert_done(drop(f, NULL, TEXT("vat.v2")));
  assert_rows(f, "SELECT id FROM v_vat", "v10\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_kernel, fixture_tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_query_sees_the_open_batch),
      TEST(column_names_and_nulls_are_told),
      TEST(what_is_no_plain_text_comes_as_a_literal),
      TEST(a_query_may_count_group_and_recurse),
      TEST(v_vat_shows_vats_in_order_of_number),
      TEST(v_object_shows_owner_and_counts),
      TEST(v_promise_shows_state_and_value),
      TEST(v_clist_shows_each_entry_once),
      TEST(v_queue_shows_items_in_order_of_position),
      TEST(attacks_are_refused_and_change_nothing),
      TEST(an_endless_query_is_cut_short_and_leaves_the_batch_alone),
      TEST(greedy_queries_are_cut_short_and_leave_the_batch_alone),
      TEST(long_texts_are_searched_in_linear_time),
      TEST(many_bytes_are_cut_short),
      TEST(too_many_rows_are_cut_short),
      TEST(a_query_stops_when_told),
      TEST(the_kernels_own_statements_are_not_judged),
  };
  return cmocka_run_group_tests_name("store: queries and views", tests, NULL, NULL);
}
