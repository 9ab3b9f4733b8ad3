/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/output.h - how results and complaints are written.
 *
 * Text may come from vats, who trust nobody and whom nobody trusts: what could move a terminal's cursor, change its
 * title or reverse its writing is escaped on its way to a terminal, and always where a line is a record.
 */
#ifndef VATD_CLI_OUTPUT_H
#define VATD_CLI_OUTPUT_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What happens to characters that control a terminal. */
enum output_escape {
  OUTPUT_RAW,   /* none are escaped */
  OUTPUT_LINES, /* all but line feed and tab: \x1b, \u{202e}; a byte that is not UTF-8: \xff */
  OUTPUT_FIELD, /* all, with \n, \t and \\ for line feed, tab and backslash */
  OUTPUT_JSON,  /* all that JSON leaves as they are, in JSON's form: \u007f */
};

void output_append(struct buffer *out, struct bytes text, enum output_escape escape);
void output_write(FILE *file, struct bytes text, enum output_escape escape);

/* One line of JSON; `to_terminal` escapes what JSON itself does not. */
void output_json(FILE *file, const json_t *value, bool to_terminal);

/* Columns aligned by spaces. */
struct output_table;

struct output_table *output_table_new(size_t columns);
void output_table_free(struct output_table *table);
/* The next cell, row by row; NULL is an empty one. */
void output_table_add(struct output_table *table, struct bytes text);
void output_table_add_text(struct output_table *table, const char *text);
/* Strings as they are, null and nothing as an empty cell, everything else as JSON. */
void output_table_add_json(struct output_table *table, const json_t *value);
void output_table_write(const struct output_table *table, FILE *file);

#endif
