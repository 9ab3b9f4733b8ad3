/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_store.c - looking into the database: a vat's rows (`store`), SQL (`sql`). */
#include "cli/commands.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#define PAGE_ROWS 1000

static struct bytes text_at(const json_t *row, size_t index)
{
  const json_t *text = json_array_get(row, index);
  return bytes_from(json_string_value(text), json_string_length(text));
}

static void print_row(const json_t *row)
{
  output_write(stdout, text_at(row, 0), OUTPUT_FIELD);
  putchar('\t');
  output_write(stdout, text_at(row, 1), OUTPUT_FIELD);
  putchar('\n');
}

/* Prints a page; with -o json keeps it in `all`. The last row's key goes to *after. */
static void take_page(struct cli *cli, const json_t *page, json_t *all, json_t **after)
{
  json_t *rows = json_object_get(page, "rows");
  size_t index;
  json_t *row;
  json_array_foreach(rows, index, row) {
    if (!cli->json)
      print_row(row);
  }
  if (cli->json)
    json_array_extend(all, rows);
  json_t *last = json_array_get(json_array_get(rows, json_array_size(rows) - 1), 0);
  json_decref(*after);
  *after = json_incref(last);
}

enum cli_exit cmd_store(struct cli *cli)
{
  const char *prefix = cli->options[OPTION_PREFIX] ? cli->options[OPTION_PREFIX] : "";
  json_t *all = json_array();
  json_t *after = NULL;
  enum cli_exit result = CLI_OK;
  bool more = true;
  while (!result && more) {
    json_t *page;
    json_t *params = json_pack("{s:s, s:s, s:i}", "vat", cli->operands[0], "prefix", prefix, "limit", PAGE_ROWS);
    if (params && after)
      json_object_set(params, "after", after);
    result = params ? cli_call(cli, "readVatStore", params, &page) : cli_usage(cli, "names must be valid UTF-8");
    if (result)
      break;
    more = json_is_true(json_object_get(page, "more")) && json_array_size(json_object_get(page, "rows"));
    take_page(cli, page, all, &after);
    json_decref(page);
  }
  if (!result && cli->json)
    output_json(stdout, all, cli->terminal_out);
  json_decref(after);
  json_decref(all);
  return result;
}

/* --- SQL --- */

/* The first row says which columns there are. */
static void print_table(const json_t *rows)
{
  const json_t *first = json_array_get(rows, 0);
  if (!json_object_size(first))
    return;
  struct output_table *table = output_table_new(json_object_size(first));
  size_t index;
  json_t *row;
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)first, name, value)
    output_table_add_text(table, name);
  json_array_foreach(rows, index, row) {
    json_object_foreach((json_t *)first, name, value)
      output_table_add_json(table, json_object_get(row, name));
  }
  output_table_write(table, stdout);
  output_table_free(table);
}

enum cli_exit cmd_sql(struct cli *cli)
{
  json_t *rows;
  json_t *params = json_pack("{s:s}", "sql", cli->operands[0]);
  if (!params)
    return cli_usage(cli, "the query must be valid UTF-8");
  enum cli_exit result = cli_call(cli, "executeDBQuery", params, &rows);
  if (result)
    return result;
  if (cli->json)
    output_json(stdout, rows, cli->terminal_out);
  else
    print_table(rows);
  json_decref(rows);
  return CLI_OK;
}
