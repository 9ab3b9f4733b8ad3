/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sqlite_schema.h - what a database of vatd looks like inside (version STORE_SCHEMA_VERSION).
 */
#ifndef VATD_STORE_SQLITE_SCHEMA_H
#define VATD_STORE_SQLITE_SCHEMA_H

#include <stdbool.h>

/* "vatd" in ASCII; in the header of every database file of ours. */
#define SQLITE_SCHEMA_APPLICATION_ID 0x76617464

/* A table or view and the statement that makes it, which SQLite keeps word for word. */
struct sqlite_schema_entry {
  const char *name;
  const char *sql;
};

/* All of them, in the order in which they are made; ends with a NULL name. */
extern const struct sqlite_schema_entry sqlite_schema_entries[];
/* Writes the engine's own rows of a new database. */
extern const char sqlite_schema_first_rows[];

/* What people may read through a query: our tables and views, the schema itself, and JSON as a table. */
bool sqlite_schema_is_readable(const char *table);
/* The names of SQLite's own virtual tables, which show the engine's inside. */
bool sqlite_schema_is_internal(const char *table);

#endif
