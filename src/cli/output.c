/* SPDX-License-Identifier: Apache-2.0 */
/* cli/output.c - see output.h. */
#include "cli/output.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

#define COLUMN_GAP 2

/* --- characters --- */

/* The character at the start of `text` (size >= 1) and its length; a byte that is not UTF-8 gives length 0. */
static uint32_t decode_character(struct bytes text, size_t *length)
{
  const unsigned char *p = (const unsigned char *)text.data;
  size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  *length = 0;
  if (size > text.size || !bytes_are_utf8(bytes_from(text.data, size)))
    return p[0];
  *length = size;
  uint32_t value = size == 1 ? p[0] : p[0] & (0x7Fu >> size);
  for (size_t i = 1; i < size; i++)
    value = value << 6 | (p[i] & 0x3F);
  return value;
}

/* C0 and C1 controls, and what changes the direction of writing. */
static bool controls_terminal(uint32_t c)
{
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F || c == 0x2028 ||
         c == 0x2029 || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static void append_escape(struct buffer *out, uint32_t c, bool is_byte, enum output_escape escape)
{
  if (escape == OUTPUT_FIELD && (c == '\n' || c == '\t') && !is_byte)
    buffer_append_text(out, c == '\n' ? "\\n" : "\\t");
  else if (escape == OUTPUT_JSON)
    buffer_printf(out, "\\u%04x", (unsigned)c);
  else
    buffer_printf(out, c <= 0xFF ? "\\x%02x" : "\\u{%x}", (unsigned)c);
}

static bool must_escape(uint32_t c, enum output_escape escape)
{
  if (escape == OUTPUT_LINES && (c == '\n' || c == '\t'))
    return false;
  return controls_terminal(c);
}

void output_append(struct buffer *out, struct bytes text, enum output_escape escape)
{
  if (escape == OUTPUT_RAW) {
    buffer_append_bytes(out, text);
    return;
  }
  while (text.size) {
    size_t length;
    uint32_t c = decode_character(text, &length);
    if (c == '\\' && escape == OUTPUT_FIELD)
      buffer_append_text(out, "\\\\");
    else if (length == 0 || must_escape(c, escape))
      append_escape(out, c, length == 0, escape);
    else
      buffer_append(out, text.data, length);
    text = bytes_after(text, length ? length : 1);
  }
}

void output_write(FILE *file, struct bytes text, enum output_escape escape)
{
  struct buffer out;
  buffer_init(&out, SIZE_MAX / 2);
  output_append(&out, text, escape);
  fwrite(buffer_text(&out), 1, out.size, file);
  buffer_fini(&out);
}

/* --- JSON --- */

static void append_json(struct buffer *out, const json_t *value);

/* The shortest digits that stand for this number and no other: 0.1, where jansson writes 0.10000000000000001. */
static void append_real(struct buffer *out, double value)
{
  char text[40];
  int precision = 15;
  do
    snprintf(text, sizeof text, "%.*g", precision, value);
  while (strtod(text, NULL) != value && ++precision <= 17);
  buffer_append_text(out, text);
}

static void append_string(struct buffer *out, const char *data, size_t size)
{
  json_t *string = json_stringn(data, size);
  char *text = json_dumps(string, JSON_ENCODE_ANY);
  CHECK(text != NULL);
  buffer_append_text(out, text);
  free(text);
  json_decref(string);
}

static void append_array(struct buffer *out, const json_t *array)
{
  size_t index;
  json_t *item;
  buffer_append_text(out, "[");
  json_array_foreach(array, index, item) {
    buffer_append_text(out, index ? ", " : "");
    append_json(out, item);
  }
  buffer_append_text(out, "]");
}

static void append_object(struct buffer *out, const json_t *object)
{
  const char *separator = "";
  const char *name;
  json_t *value;
  buffer_append_text(out, "{");
  json_object_foreach((json_t *)object, name, value) {
    buffer_append_text(out, separator);
    append_string(out, name, strlen(name));
    buffer_append_text(out, ": ");
    append_json(out, value);
    separator = ", ";
  }
  buffer_append_text(out, "}");
}

/* As deep as jansson lets a text be when it is parsed. */
static void append_json(struct buffer *out, const json_t *value)
{
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    append_object(out, value);
    break;
  case JSON_ARRAY:
    append_array(out, value);
    break;
  case JSON_STRING:
    append_string(out, json_string_value(value), json_string_length(value));
    break;
  case JSON_INTEGER:
    buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    break;
  case JSON_REAL:
    append_real(out, json_real_value(value));
    break;
  default:
    buffer_append_text(out, json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false");
  }
}

void output_json(FILE *file, const json_t *value, bool to_terminal)
{
  struct buffer text;
  buffer_init(&text, SIZE_MAX / 2);
  append_json(&text, value);
  output_write(file, buffer_bytes(&text), to_terminal ? OUTPUT_JSON : OUTPUT_RAW);
  putc('\n', file);
  buffer_fini(&text);
}

/* --- tables --- */

struct output_table {
  size_t columns;
  char **cells;
  size_t count;
  size_t capacity;
};

struct output_table *output_table_new(size_t columns)
{
  struct output_table *table = memory_zalloc(sizeof *table);
  table->columns = columns;
  return table;
}

void output_table_free(struct output_table *table)
{
  if (!table)
    return;
  for (size_t i = 0; i < table->count; i++)
    free(table->cells[i]);
  free(table->cells);
  free(table);
}

void output_table_add(struct output_table *table, struct bytes text)
{
  struct buffer cell;
  buffer_init(&cell, SIZE_MAX / 2);
  output_append(&cell, text, OUTPUT_FIELD);
  if (table->count == table->capacity) {
    table->capacity = table->capacity ? table->capacity * 2 : 64;
    table->cells = memory_realloc_array(table->cells, table->capacity, sizeof *table->cells);
  }
  table->cells[table->count++] = buffer_detach(&cell);
}

void output_table_add_text(struct output_table *table, const char *text)
{
  output_table_add(table, bytes_of(text ? text : ""));
}

void output_table_add_json(struct output_table *table, const json_t *value)
{
  if (!value || json_is_null(value)) {
    output_table_add_text(table, "");
  } else if (json_is_string(value)) {
    output_table_add(table, bytes_from(json_string_value(value), json_string_length(value)));
  } else {
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    output_table_add_text(table, text);
    free(text);
  }
}

/* In characters, as nearly as can be said without a table of their widths. */
static size_t width_of(const char *text)
{
  size_t width = 0;
  for (; *text; text++)
    width += (*text & 0xC0) != 0x80;
  return width;
}

static size_t column_width(const struct output_table *table, size_t column)
{
  size_t width = 0;
  for (size_t i = column; i < table->count; i += table->columns) {
    size_t cell = width_of(table->cells[i]);
    width = cell > width ? cell : width;
  }
  return width;
}

/* The last cells of a row that are empty leave no spaces behind. */
static bool rest_is_empty(const struct output_table *table, size_t index)
{
  for (size_t i = index + 1; i < table->count && i % table->columns != 0; i++) {
    if (*table->cells[i])
      return false;
  }
  return true;
}

void output_table_write(const struct output_table *table, FILE *file)
{
  size_t *widths = memory_zalloc(table->columns * sizeof *widths);
  for (size_t i = 0; i < table->columns; i++)
    widths[i] = column_width(table, i);
  for (size_t i = 0; i < table->count; i++) {
    size_t column = i % table->columns;
    bool last = column + 1 == table->columns || rest_is_empty(table, i);
    fputs(table->cells[i], file);
    if (last) {
      putc('\n', file);
      i += table->columns - column - 1;
    } else {
      fprintf(file, "%*s", (int)(widths[column] - width_of(table->cells[i]) + COLUMN_GAP), "");
    }
  }
  free(widths);
}
