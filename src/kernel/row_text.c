/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/row_text.c - see row_text.h.
 *
 * A reader holds what is left of the text; each step takes a part off its front, or fails for good.
 */
#include "kernel/row_text.h"

#include <string.h>

/* ---- writing ---- */

static void put_escaped(struct buffer *out, unsigned char byte)
{
  static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
  if (byte < sizeof shorts && shorts[byte])
    buffer_append(out, (char[]){'\\', shorts[byte]}, 2);
  else
    buffer_printf(out, "\\u%04X", byte);
}

static bool is_plain(unsigned char byte)
{
  return byte >= 0x20 && byte != '"' && byte != '\\';
}

static void put_string(struct buffer *out, struct bytes text)
{
  size_t start = 0;
  buffer_append(out, "\"", 1);
  for (size_t i = 0; i < text.size; i++) {
    if (is_plain((unsigned char)text.data[i]))
      continue;
    buffer_append(out, text.data + start, i - start);
    put_escaped(out, (unsigned char)text.data[i]);
    start = i + 1;
  }
  buffer_append(out, text.data + start, text.size - start);
  buffer_append(out, "\"", 1);
}

void row_text_put_data(struct buffer *out, const struct kernel_data *data)
{
  buffer_append_text(out, "{\"body\":");
  put_string(out, data->body);
  buffer_append_text(out, ",\"slots\":[");
  for (size_t i = 0; i < data->slot_count; i++) {
    buffer_append_text(out, i ? ",\"" : "\"");
    buffer_append_text(out, kref_text(data->slots[i]).text);
    buffer_append_text(out, "\"");
  }
  buffer_append_text(out, "]}");
}

static void put_member(struct buffer *out, const char *before, struct id_text id)
{
  buffer_append_text(out, before);
  buffer_append_text(out, id.text);
  buffer_append_text(out, "\"");
}

void row_text_put_item(struct buffer *out, const struct queue_item *item)
{
  if (item->type == ITEM_NOTIFY) {
    put_member(out, "{\"type\":\"notify\",\"endpointId\":\"", vat_id_text(item->vat));
    put_member(out, ",\"kpid\":\"", kref_text(item->promise));
    buffer_append_text(out, "}");
    return;
  }
  put_member(out, "{\"type\":\"send\",\"target\":\"", kref_text(item->target));
  buffer_append_text(out, ",\"message\":{\"methargs\":");
  row_text_put_data(out, &item->methargs);
  if (item->result.type != KREF_NONE)
    put_member(out, ",\"result\":\"", kref_text(item->result));
  buffer_append_text(out, "}");
  if (item->sender)
    put_member(out, ",\"sender\":\"", vat_id_text(item->sender));
  buffer_append_text(out, "}");
}

/* ---- reading ---- */

struct reader {
  struct arena *arena;
  struct bytes rest;
  bool failed;
};

static bool take(struct reader *reader, const char *expected)
{
  struct bytes text = bytes_of(expected);
  bool there = !reader->failed && bytes_start_with(reader->rest, text);
  if (there)
    reader->rest = bytes_after(reader->rest, text.size);
  return there;
}

static void expect(struct reader *reader, const char *expected)
{
  if (!take(reader, expected))
    reader->failed = true;
}

/* The text up to the next quotation mark, which is taken too. Names have nothing that is escaped; what has is no name. */
static struct bytes take_name(struct reader *reader)
{
  const char *end = reader->failed ? NULL : memchr(reader->rest.data, '"', reader->rest.size);
  struct bytes name = bytes_from(reader->rest.data, end ? (size_t)(end - reader->rest.data) : 0);
  if (end)
    reader->rest = bytes_after(reader->rest, name.size + 1);
  else
    reader->failed = true;
  return name;
}

static struct kref take_kref(struct reader *reader)
{
  struct kref kref = KREF_NOTHING;
  if (!kref_parse(take_name(reader), &kref))
    reader->failed = true;
  return kref;
}

static uint64_t take_vat(struct reader *reader)
{
  uint64_t vat = 0;
  if (!vat_id_parse(take_name(reader), &vat))
    reader->failed = true;
  return vat;
}

/* Where the string that `text` begins in ends: at its quotation mark, or at the end when there is none. */
static size_t end_of_string(struct bytes text)
{
  size_t i = 0;
  while (i < text.size && text.data[i] != '"')
    i += text.data[i] == '\\' ? 2 : 1;
  return i < text.size ? i : text.size;
}

/* The byte that is escaped there with two bytes; 0: something else. */
static char unescape_short(char letter)
{
  static const char letters[] = "\"\\bfnrt";
  static const char bytes[] = "\"\\\b\f\n\r\t";
  const char *at = letter ? strchr(letters, letter) : NULL;
  return at ? bytes[at - letters] : '\0';
}

/* Unescapes in place what the writer escapes with two bytes. False: there is something else. */
static bool unescape(char *text, size_t *size)
{
  size_t to = 0;
  for (size_t from = 0; from < *size; to++) {
    if ((unsigned char)text[from] < 0x20)
      return false;
    if (text[from] != '\\') {
      text[to] = text[from++];
      continue;
    }
    text[to] = from + 1 < *size ? unescape_short(text[from + 1]) : '\0';
    if (!text[to])
      return false;
    from += 2;
  }
  text[to] = '\0';
  *size = to;
  return true;
}

static struct bytes take_string(struct reader *reader)
{
  size_t size = end_of_string(reader->rest);
  struct bytes string = arena_copy(reader->arena, bytes_from(reader->rest.data, size));
  if (reader->failed || size == reader->rest.size || !unescape((char *)string.data, &string.size) || !bytes_are_utf8(string)) {
    reader->failed = true;
    return bytes_of("");
  }
  reader->rest = bytes_after(reader->rest, size + 1);
  return string;
}

/* At most as many as there are quotation marks left, by two. */
static void take_slots(struct reader *reader, struct kernel_data *data)
{
  size_t most = 0;
  for (size_t i = 0; i < reader->rest.size && reader->rest.data[i] != ']'; i++)
    most += reader->rest.data[i] == ',';
  if (take(reader, "]"))
    return;
  data->slots = arena_alloc_array(reader->arena, most + 1, sizeof *data->slots);
  expect(reader, "\"");
  do
    data->slots[data->slot_count++] = take_kref(reader);
  while (data->slot_count <= most && take(reader, ",\""));
  expect(reader, "]");
}

static struct kernel_data take_data(struct reader *reader)
{
  struct kernel_data data = {0};
  expect(reader, "{\"body\":\"");
  data.body = take_string(reader);
  expect(reader, ",\"slots\":[");
  take_slots(reader, &data);
  expect(reader, "}");
  return data;
}

static bool is_read(const struct reader *reader)
{
  return !reader->failed && reader->rest.size == 0;
}

bool row_text_read_data(struct arena *arena, struct bytes text, struct kernel_data *data)
{
  struct reader reader = {arena, text, false};
  *data = take_data(&reader);
  return is_read(&reader);
}

bool row_text_read_item(struct arena *arena, struct bytes text, struct queue_item *item)
{
  struct reader reader = {arena, text, false};
  *item = (struct queue_item){0};
  if (take(&reader, "{\"type\":\"notify\",\"endpointId\":\"")) {
    item->type = ITEM_NOTIFY;
    item->vat = take_vat(&reader);
    expect(&reader, ",\"kpid\":\"");
    item->promise = take_kref(&reader);
  } else {
    expect(&reader, "{\"type\":\"send\",\"target\":\"");
    item->type = ITEM_SEND;
    item->target = take_kref(&reader);
    expect(&reader, ",\"message\":{\"methargs\":");
    item->methargs = take_data(&reader);
    if (take(&reader, ",\"result\":\""))
      item->result = take_kref(&reader);
    expect(&reader, "}");
    if (take(&reader, ",\"sender\":\""))
      item->sender = take_vat(&reader);
  }
  expect(&reader, "}");
  return is_read(&reader);
}
