/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_query.c - SQL from people: one statement that only reads, bounded in time, rows and memory.
 *
 * Five fences, for each alone has holes: the authorizer allows only SELECT, named tables, named functions and recursion
 * (sqlite3_stmt_readonly calls ATTACH, BEGIN and some PRAGMAs read-only); sqlite3_stmt_readonly; query_only while a query
 * runs; a progress handler that interrupts (an interrupted SELECT leaves the open transaction alone; any other error might end
 * it, so no heap limit); and DEFENSIVE, set when the store was opened. The authorizer stays installed, for installing one
 * expires all prepared statements; it judges only while `querying` is set.
 *
 * The progress handler is asked between steps, and a function is one step. So no function is allowed whose time is the
 * product of two lengths (replace, trim with two arguments); instr, which the views need, is our own and linear, and the
 * patterns of LIKE and GLOB are short.
 *
 * A value is shown as its text. A value that is no text a C string can show (NUL inside, not UTF-8) is shown as the SQL
 * literal X'...'.
 */
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define PROGRESS_STEPS 1000    /* virtual machine steps between two looks at the clock */
#define QUERY_HEAP (32 * MIB)  /* what a query may make SQLite allocate (sorting, grouping) */
#define QUERY_VALUE (4 * MIB)  /* the longest value that a query may read or build */
#define QUERY_SQL (64 * KIB)
#define QUERY_CELL 64          /* what a value in a row costs beside its bytes */

/* SQLite's own limits, while a query runs. */
static const struct {
  int id;
  int value;
} query_limits[] = {
    {SQLITE_LIMIT_LENGTH, (int)QUERY_VALUE},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 128},
    {SQLITE_LIMIT_COLUMN, 200},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},
    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
    {SQLITE_LIMIT_VDBE_OP, 100000},
};
#define QUERY_LIMIT_COUNT (sizeof query_limits / sizeof *query_limits)

/* Pure functions of SQLite that people use to look at data. What allocates at will (zeroblob, printf), loads code or
 * speaks of the engine's inside is not here. */
static const char *const functions[] = {
    "abs",
    "avg",
    "char",
    "coalesce",
    "count",
    "cume_dist",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_object",
    "json_quote",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "lower",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "quote",
    "rank",
    "round",
    "row_number",
    "sign",
    "strftime",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
    "->",
    "->>",
};

/* What a query has used of what it may. */
struct deadline {
  struct timespec end;
  size_t bytes;
  sqlite3_int64 heap_end;
  bool too_late;
  bool too_much;
};

static bool is_function(const char *name)
{
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcasecmp(functions[i], name) == 0)
      return true;
  }
  return false;
}

/* Where a statement names a table but none of its columns, as in count(*), SQLite asks with an empty column name, and
 * asks so for common table expressions too: those may have any name but one of SQLite's own. */
static bool may_read(const char *table, const char *column)
{
  if (!table)
    return false;
  return sqlite_schema_is_readable(table) || (column && !*column && !sqlite_schema_is_internal(table));
}

static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *view)
{
  const struct sqlite_store *s = context;
  (void)database;
  (void)view;
  if (!s->querying)
    return SQLITE_OK;
  bool allowed = false;
  if (action == SQLITE_SELECT || action == SQLITE_RECURSIVE)
    allowed = true;
  else if (action == SQLITE_READ)
    allowed = may_read(first, second);
  else if (action == SQLITE_FUNCTION)
    allowed = second && is_function(second);
  return allowed ? SQLITE_OK : SQLITE_DENY;
}

/* The place of `part` in `whole` by characters, as SQLite counts them: 1 is the first, 0 is nowhere. */
static size_t place_of(struct bytes whole, struct bytes part, bool by_bytes)
{
  const char *found = part.size ? memmem(whole.data, whole.size, part.data, part.size) : whole.data;
  size_t place = 1;
  if (part.size && !found)
    return 0;
  for (const char *at = whole.data; at < found; at++)
    place += by_bytes || (*at & 0xC0) != 0x80;
  return place;
}

/* SQLite's takes the product of both lengths. */
static void linear_instr(sqlite3_context *context, int count, sqlite3_value **values)
{
  (void)count;
  bool blobs = sqlite3_value_type(values[0]) == SQLITE_BLOB && sqlite3_value_type(values[1]) == SQLITE_BLOB;
  if (sqlite3_value_type(values[0]) == SQLITE_NULL || sqlite3_value_type(values[1]) == SQLITE_NULL)
    return;
  const void *whole = blobs ? sqlite3_value_blob(values[0]) : sqlite3_value_text(values[0]);
  const void *part = blobs ? sqlite3_value_blob(values[1]) : sqlite3_value_text(values[1]);
  size_t place = place_of(bytes_from(whole, (size_t)sqlite3_value_bytes(values[0])),
                          bytes_from(part, (size_t)sqlite3_value_bytes(values[1])), blobs);
  sqlite3_result_int64(context, (sqlite3_int64)place);
}

enum vatd_code sqlite_query_set_up(struct sqlite_store *s, struct error *error)
{
  /* The JSON tables declare themselves at their first use with a CREATE TABLE, which the authorizer would refuse. */
  int rc = sqlite3_exec(s->db, "SELECT 1 FROM json_each('1'), json_tree('1')", NULL, NULL, NULL);
  if (!rc)
    rc = sqlite3_create_function(s->db, "instr", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                 linear_instr, NULL, NULL);
  if (!rc)
    rc = sqlite3_set_authorizer(s->db, authorize, s);
  return rc ? sqlite_store_error(s, rc, "cannot prepare for queries", error) : VATD_OK;
}

static int progress(void *context)
{
  struct deadline *deadline = context;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  deadline->too_late =
      now.tv_sec > deadline->end.tv_sec || (now.tv_sec == deadline->end.tv_sec && now.tv_nsec >= deadline->end.tv_nsec);
  deadline->too_much = sqlite3_memory_used() > deadline->heap_end;
  return deadline->too_late || deadline->too_much;
}

static struct deadline deadline_from_now(void)
{
  struct deadline deadline = {.heap_end = sqlite3_memory_used() + (sqlite3_int64)QUERY_HEAP};
  clock_gettime(CLOCK_MONOTONIC, &deadline.end);
  deadline.end.tv_sec += LIMIT_QUERY_MS / 1000;
  deadline.end.tv_nsec += LIMIT_QUERY_MS % 1000 * 1000000L;
  if (deadline.end.tv_nsec >= 1000000000L) {
    deadline.end.tv_sec++;
    deadline.end.tv_nsec -= 1000000000L;
  }
  return deadline;
}

/* --- preparing --- */

/* What follows the first statement may only be white space and comments, which prepare to nothing. */
static enum vatd_code check_tail(struct sqlite_store *s, const char *tail, size_t size, struct error *error)
{
  sqlite3_stmt *second = NULL;
  int rc = sqlite3_prepare_v2(s->db, tail, (int)size, &second, NULL);
  bool nothing = rc == SQLITE_OK && !second;
  sqlite3_finalize(second);
  return nothing ? VATD_OK : error_set(error, VATD_INVALID, "a query is one statement, without another after it");
}

static enum vatd_code check_statement(struct sqlite_store *s, sqlite3_stmt *stmt, struct error *error)
{
  (void)s;
  if (!stmt)
    return error_set(error, VATD_INVALID, "the query is empty");
  if (!sqlite3_stmt_readonly(stmt))
    return error_set(error, VATD_INVALID, "a query may only read");
  if (sqlite3_bind_parameter_count(stmt))
    return error_set(error, VATD_INVALID, "a query has no parameters");
  return VATD_OK;
}

static enum vatd_code prepare(struct sqlite_store *s, struct bytes sql, sqlite3_stmt **out, struct error *error)
{
  sqlite3_stmt *stmt = NULL;
  const char *tail = NULL;
  if (sqlite3_prepare_v2(s->db, sql.data, (int)sql.size, &stmt, &tail)) {
    bool denied = (sqlite3_errcode(s->db) & 0xff) == SQLITE_AUTH;
    return error_set(error, VATD_INVALID, "%s%s", denied ? "a query may only read: " : "", sqlite3_errmsg(s->db));
  }
  enum vatd_code code = check_statement(s, stmt, error);
  if (!code)
    code = check_tail(s, tail, sql.size - (size_t)(tail - sql.data), error);
  if (code)
    sqlite3_finalize(stmt);
  else
    *out = stmt;
  return code;
}

/* --- rows --- */

struct row {
  size_t columns;
  const char **names;
  const char **texts;
  char **made; /* texts of our own making, else NULL */
};

static void row_init(struct row *row, sqlite3_stmt *stmt)
{
  row->columns = (size_t)sqlite3_column_count(stmt);
  row->names = memory_zalloc(row->columns * sizeof *row->names);
  row->texts = memory_zalloc(row->columns * sizeof *row->texts);
  row->made = memory_zalloc(row->columns * sizeof *row->made);
  for (size_t i = 0; i < row->columns; i++)
    row->names[i] = sqlite3_column_name(stmt, (int)i);
}

static void row_clear(struct row *row)
{
  for (size_t i = 0; i < row->columns; i++) {
    free(row->made[i]);
    row->made[i] = NULL;
  }
}

static void row_fini(struct row *row)
{
  row_clear(row);
  free(row->names);
  free(row->texts);
  free(row->made);
}

static char *literal_of(struct bytes bytes)
{
  static const char digits[] = "0123456789ABCDEF";
  char *text = memory_alloc(bytes.size * 2 + 4);
  char *at = text;
  *at++ = 'X';
  *at++ = '\'';
  for (size_t i = 0; i < bytes.size; i++) {
    *at++ = digits[(unsigned char)bytes.data[i] >> 4];
    *at++ = digits[(unsigned char)bytes.data[i] & 15];
  }
  *at++ = '\'';
  *at = '\0';
  return text;
}

/* What the row costs. */
static size_t row_read(struct row *row, sqlite3_stmt *stmt)
{
  size_t cost = 0;
  row_clear(row);
  for (size_t i = 0; i < row->columns; i++) {
    const char *data = (const char *)sqlite3_column_text(stmt, (int)i);
    struct bytes text = bytes_from(data, (size_t)sqlite3_column_bytes(stmt, (int)i));
    if (data && (memchr(data, '\0', text.size) || !bytes_are_utf8(text)))
      data = row->made[i] = literal_of(text);
    row->texts[i] = data;
    cost += QUERY_CELL + text.size + strlen(row->names[i]);
  }
  return cost;
}

/* SQLITE_DONE at the end or when the callback has had enough; SQLITE_ROW when there is more than is allowed. */
static int show_rows(sqlite3_stmt *stmt, struct deadline *deadline, store_query_row_fn *show, void *context)
{
  struct row row;
  int rc;
  row_init(&row, stmt);
  for (size_t count = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW && count < LIMIT_QUERY_ROWS; count++) {
    deadline->bytes += row_read(&row, stmt);
    if (deadline->bytes > LIMIT_QUERY_BYTES)
      break;
    if (!show(context, row.columns, row.names, row.texts)) {
      rc = SQLITE_DONE;
      break;
    }
  }
  row_fini(&row);
  return rc;
}

/* --- running --- */

static enum vatd_code tell(struct sqlite_store *s, int rc, const struct deadline *deadline, struct error *error)
{
  switch (rc & 0xff) {
  case SQLITE_DONE:
    return VATD_OK;
  case SQLITE_ROW:
    if (deadline->bytes > LIMIT_QUERY_BYTES)
      return error_set(error, VATD_LIMIT, "the query was cut short: its rows are more than %zu bytes", LIMIT_QUERY_BYTES);
    return error_set(error, VATD_LIMIT, "the query was cut short after %d rows", LIMIT_QUERY_ROWS);
  case SQLITE_INTERRUPT:
    if (deadline->too_much)
      return error_set(error, VATD_LIMIT, "the query was cut short: it needs more than %zu bytes of memory",
                       QUERY_HEAP);
    return error_set(error, VATD_LIMIT, "the query was cut short after %d ms", LIMIT_QUERY_MS);
  case SQLITE_TOOBIG:
    return error_set(error, VATD_LIMIT, "the query met or made a value of more than %zu bytes", QUERY_VALUE);
  case SQLITE_AUTH:
  case SQLITE_ERROR:
  case SQLITE_MISMATCH:
  case SQLITE_RANGE:
    return error_set(error, VATD_INVALID, "%s", sqlite3_errmsg(s->db));
  default:
    return sqlite_store_fail(s, rc, "cannot run a query", error);
  }
}

/* Runs with the authorizer awake. */
static enum vatd_code run(struct sqlite_store *s, struct bytes sql, store_query_row_fn *show, void *context,
                          struct error *error)
{
  struct deadline deadline = deadline_from_now();
  sqlite3_stmt *stmt = NULL;
  sqlite3_progress_handler(s->db, PROGRESS_STEPS, progress, &deadline);
  enum vatd_code code = prepare(s, sql, &stmt, error);
  if (!code) {
    code = tell(s, show_rows(stmt, &deadline, show, context), &deadline, error);
    sqlite3_finalize(stmt);
  }
  sqlite3_progress_handler(s->db, 0, NULL, NULL);
  return code;
}

static enum vatd_code check_sql(struct bytes sql, struct error *error)
{
  if (sql.size > QUERY_SQL)
    return error_set(error, VATD_INVALID, "a query of %zu bytes: at most %zu are allowed", sql.size, QUERY_SQL);
  if (sql.size == 0)
    return error_set(error, VATD_INVALID, "the query is empty");
  if (memchr(sql.data, '\0', sql.size) || !bytes_are_utf8(sql))
    return error_set(error, VATD_INVALID, "a query is UTF-8 without NUL");
  return VATD_OK;
}

/* Expires the prepared statements; they are prepared anew when they are next used. */
static enum vatd_code query_only(struct sqlite_store *s, const char *pragma, struct error *error)
{
  int rc = sqlite3_exec(s->db, pragma, NULL, NULL, NULL);
  return rc ? sqlite_store_fail(s, rc, "cannot turn writing off and on for a query", error) : VATD_OK;
}

enum vatd_code sqlite_query_run(struct store *store, struct bytes sql, store_query_row_fn *row, void *context,
                                struct error *error)
{
  struct sqlite_store *s = (struct sqlite_store *)store;
  enum vatd_code code = sqlite_store_check(s, error);
  if (!code && s->readers)
    code = error_set(error, VATD_MISUSE, "a query was begun inside a scan or a query");
  if (!code)
    code = check_sql(sql, error);
  if (code)
    return code;
  int usual[QUERY_LIMIT_COUNT];
  code = query_only(s, "PRAGMA query_only = 1", error);
  if (code)
    return code;
  for (size_t i = 0; i < QUERY_LIMIT_COUNT; i++)
    usual[i] = sqlite3_limit(s->db, query_limits[i].id, query_limits[i].value);
  s->readers++;
  s->querying = true;
  code = run(s, sql, row, context, error);
  s->querying = false;
  s->readers--;
  for (size_t i = 0; i < QUERY_LIMIT_COUNT; i++)
    sqlite3_limit(s->db, query_limits[i].id, usual[i]);
  enum vatd_code after = query_only(s, "PRAGMA query_only = 0", code ? NULL : error);
  return after ? after : code;
}
