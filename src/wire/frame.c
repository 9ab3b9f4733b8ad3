/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/frame.c - encoding and decoding of the frames of frame.h.
 *
 * Decoding reads a payload once from front to back; every count is bounded before its array is allocated in the arena, and a
 * frame is handed out only when its last byte has been read. The forms of frame.h are matched exactly: an array with one
 * element more or less is malformed.
 */
#include "wire/frame.h"
#include "base/limits.h"
#include "wire/pack.h"

#include <endian.h>

static const char *const delivery_names[] = {
#define X(name, text) [name] = text,
    DELIVERY_TYPES(X)
#undef X
};

static const char *const syscall_names[] = {
#define X(name, text) [name] = text,
    SYSCALL_TYPES(X)
#undef X
};

static const char *const status_names[] = {
#define X(name, text) [name] = text,
    DONE_STATUSES(X)
#undef X
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const char *delivery_type_name(enum delivery_type type)
{
  return delivery_names[type];
}

const char *syscall_type_name(enum syscall_type type)
{
  return syscall_names[type];
}

const char *done_status_name(enum done_status status)
{
  return status_names[status];
}

/* ---- encoding ---- */

/* A frame being appended to `out`: where it began, so that it can be taken back or given its length. */
struct frame_writer {
  struct buffer *out;
  size_t start;
  struct packer packer;
};

static void writer_begin(struct frame_writer *writer, struct buffer *out, enum frame_type type, uint64_t id, size_t count)
{
  writer->out = out;
  writer->start = out->size;
  buffer_append(out, "\0\0\0\0", FRAME_HEADER_SIZE);
  packer_init(&writer->packer, out);
  pack_array(&writer->packer, count);
  pack_uint(&writer->packer, type);
  pack_uint(&writer->packer, id);
}

static bool writer_end(struct frame_writer *writer)
{
  struct buffer *out = writer->out;
  if (out->overflowed) {
    out->size = writer->start;
    return false;
  }
  uint32_t length = htole32((uint32_t)(out->size - writer->start - FRAME_HEADER_SIZE));
  memcpy(out->data + writer->start, &length, sizeof length);
  return true;
}

static void pack_texts(struct packer *packer, const struct bytes_list *list)
{
  pack_array(packer, list->count);
  for (size_t i = 0; i < list->count; i++)
    pack_text(packer, list->items[i]);
}

static void pack_capdata(struct packer *packer, const struct capdata *data)
{
  pack_array(packer, 2);
  pack_text(packer, data->body);
  pack_texts(packer, &data->slots);
}

static void pack_pairs(struct packer *packer, const struct key_value_list *list)
{
  pack_array(packer, list->count * 2);
  for (size_t i = 0; i < list->count; i++) {
    pack_text(packer, list->items[i].key);
    pack_text(packer, list->items[i].value);
  }
}

static void pack_resolutions(struct packer *packer, const struct resolution_list *list)
{
  pack_array(packer, list->count);
  for (size_t i = 0; i < list->count; i++) {
    pack_array(packer, 3);
    pack_text(packer, list->items[i].vpid);
    pack_bool(packer, list->items[i].rejected);
    pack_capdata(packer, &list->items[i].data);
  }
}

static void pack_message(struct packer *packer, const struct vat_message *message)
{
  pack_text(packer, message->target);
  pack_capdata(packer, &message->methargs);
  if (message->result.size)
    pack_text(packer, message->result);
  else
    pack_nil(packer);
}

static void pack_tuple(struct packer *packer, size_t count, const char *name)
{
  pack_array(packer, count);
  pack_text(packer, bytes_of(name));
}

static void pack_delivery(struct packer *packer, const struct delivery *delivery)
{
  const char *name = delivery_type_name(delivery->type);
  switch (delivery->type) {
  case DELIVERY_MESSAGE:
    pack_tuple(packer, 4, name);
    pack_message(packer, &delivery->message);
    break;
  case DELIVERY_NOTIFY:
    pack_tuple(packer, 2, name);
    pack_resolutions(packer, &delivery->resolutions);
    break;
  case DELIVERY_DROP_EXPORTS:
  case DELIVERY_RETIRE_EXPORTS:
  case DELIVERY_RETIRE_IMPORTS:
    pack_tuple(packer, 2, name);
    pack_texts(packer, &delivery->vrefs);
    break;
  case DELIVERY_BRING_OUT_YOUR_DEAD:
    pack_tuple(packer, 1, name);
    break;
  }
}

static void pack_syscall(struct packer *packer, const struct vat_syscall *call)
{
  const char *name = syscall_type_name(call->type);
  switch (call->type) {
  case SYSCALL_SEND:
    pack_tuple(packer, 4, name);
    pack_message(packer, &call->message);
    break;
  case SYSCALL_SUBSCRIBE:
    pack_tuple(packer, 2, name);
    pack_text(packer, call->vpid);
    break;
  case SYSCALL_RESOLVE:
    pack_tuple(packer, 2, name);
    pack_resolutions(packer, &call->resolutions);
    break;
  case SYSCALL_EXIT:
    pack_tuple(packer, 3, name);
    pack_bool(packer, call->is_failure);
    pack_capdata(packer, &call->info);
    break;
  case SYSCALL_DROP_IMPORTS:
  case SYSCALL_RETIRE_IMPORTS:
  case SYSCALL_RETIRE_EXPORTS:
  case SYSCALL_ABANDON_EXPORTS:
    pack_tuple(packer, 2, name);
    pack_texts(packer, &call->vrefs);
    break;
  }
}

bool frame_encode_init(struct buffer *out, const struct init_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_INIT, frame->id, 9);
  struct packer *packer = &writer.packer;
  pack_text(packer, frame->vat);
  pack_text(packer, frame->config);
  pack_text(packer, frame->bundle);
  pack_pairs(packer, &frame->state);
  pack_bool(packer, frame->complete);
  pack_array(packer, 2);
  pack_uint(packer, frame->limits.computrons);
  pack_uint(packer, frame->limits.heap_bytes);
  pack_binary(packer, frame->image);
  return writer_end(&writer);
}

bool frame_encode_deliver(struct buffer *out, uint64_t id, const struct delivery *delivery)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_DELIVER, id, 3);
  pack_delivery(&writer.packer, delivery);
  return writer_end(&writer);
}

bool frame_encode_done(struct buffer *out, const struct done_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_DONE, frame->id, 9);
  struct packer *packer = &writer.packer;
  pack_array(packer, 2);
  pack_text(packer, bytes_of(done_status_name(frame->status)));
  pack_text(packer, frame->status_text);
  pack_pairs(packer, &frame->sets);
  pack_texts(packer, &frame->deletes);
  pack_array(packer, frame->syscall_count);
  for (size_t i = 0; i < frame->syscall_count; i++)
    pack_syscall(packer, &frame->syscalls[i]);
  pack_array(packer, 3);
  pack_uint(packer, frame->usage.computrons);
  pack_uint(packer, frame->usage.heap_bytes);
  pack_uint(packer, frame->usage.microseconds);
  pack_array(packer, frame->log_count * 2);
  for (size_t i = 0; i < frame->log_count; i++) {
    pack_text(packer, frame->logs[i].level);
    pack_text(packer, frame->logs[i].text);
  }
  pack_texts(packer, &frame->unhandled);
  return writer_end(&writer);
}

static bool encode_bare(struct buffer *out, enum frame_type type, uint64_t id)
{
  struct frame_writer writer;
  writer_begin(&writer, out, type, id, 2);
  return writer_end(&writer);
}

bool frame_encode_ping(struct buffer *out, uint64_t id)
{
  return encode_bare(out, FRAME_PING, id);
}

bool frame_encode_pong(struct buffer *out, uint64_t id)
{
  return encode_bare(out, FRAME_PONG, id);
}

bool frame_encode_hibernate(struct buffer *out, uint64_t id)
{
  return encode_bare(out, FRAME_HIBERNATE, id);
}

bool frame_encode_compile(struct buffer *out, const struct compile_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_COMPILE, frame->id, 3);
  pack_text(&writer.packer, frame->bundle);
  return writer_end(&writer);
}

bool frame_encode_image(struct buffer *out, const struct image_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_IMAGE, frame->id, 3);
  pack_binary(&writer.packer, frame->image);
  return writer_end(&writer);
}

bool frame_encode_page(struct buffer *out, const struct page_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_PAGE, frame->id, 5);
  pack_text(&writer.packer, frame->from);
  pack_uint(&writer.packer, frame->count);
  pack_uint(&writer.packer, frame->bytes);
  return writer_end(&writer);
}

bool frame_encode_page_reply(struct buffer *out, const struct page_reply_frame *frame)
{
  struct frame_writer writer;
  writer_begin(&writer, out, FRAME_PAGE_REPLY, frame->id, 4);
  pack_pairs(&writer.packer, &frame->rows);
  pack_bool(&writer.packer, frame->more);
  return writer_end(&writer);
}

/* ---- decoding ---- */

enum vatd_code frame_payload_size(const void *header, size_t limit, size_t *size, struct error *error)
{
  uint32_t length;
  memcpy(&length, header, sizeof length);
  length = le32toh(length);
  if (length == 0)
    return error_set(error, VATD_INVALID, "malformed frame: its length is 0");
  if (length > limit)
    return error_set(error, VATD_INVALID, "malformed frame: %u bytes announced, the limit is %zu", length, limit);
  *size = length;
  return VATD_OK;
}

/* What a decoder works with. */
struct frame_reader {
  struct unpacker in;
  struct arena *arena;
};

static struct bytes_list read_texts(struct frame_reader *reader, size_t limit, size_t text_limit, const char *what)
{
  struct bytes_list list = {NULL, 0};
  list.count = unpack_array(&reader->in, limit, what);
  list.items = arena_alloc_array(reader->arena, list.count, sizeof *list.items);
  for (size_t i = 0; i < list.count; i++)
    list.items[i] = unpack_text(&reader->in, text_limit, what);
  return list;
}

static struct bytes_list read_vrefs(struct frame_reader *reader)
{
  return read_texts(reader, LIMIT_SLOTS_PER_CAPDATA, LIMIT_VREF_LENGTH, "a list of references");
}

static struct capdata read_capdata(struct frame_reader *reader)
{
  struct capdata data = {0};
  if (!unpack_array_of(&reader->in, 2, "capdata"))
    return data;
  data.body = unpack_text(&reader->in, LIMIT_CAPDATA_BODY, "capdata body");
  data.slots = read_vrefs(reader);
  return data;
}

static struct key_value_list read_pairs(struct frame_reader *reader, size_t limit, const char *what)
{
  struct key_value_list list = {NULL, 0};
  size_t count = unpack_array(&reader->in, limit, what);
  if (count % 2 != 0)
    unpack_fail(&reader->in, "%s: a key without a value", what);
  list.count = reader->in.failed ? 0 : count / 2;
  list.items = arena_alloc_array(reader->arena, list.count, sizeof *list.items);
  for (size_t i = 0; i < list.count; i++) {
    list.items[i].key = unpack_text(&reader->in, LIMIT_VATSTORE_KEY, "a vatstore key");
    list.items[i].value = unpack_text(&reader->in, LIMIT_VATSTORE_VALUE, "a vatstore value");
  }
  return list;
}

static struct resolution_list read_resolutions(struct frame_reader *reader)
{
  struct resolution_list list = {NULL, 0};
  list.count = unpack_array(&reader->in, LIMIT_RESOLUTIONS_PER_SYSCALL, "resolutions");
  list.items = arena_alloc_array(reader->arena, list.count, sizeof *list.items);
  for (size_t i = 0; i < list.count; i++) {
    if (!unpack_array_of(&reader->in, 3, "a resolution"))
      break;
    list.items[i].vpid = unpack_text(&reader->in, LIMIT_VREF_LENGTH, "a promise reference");
    list.items[i].rejected = unpack_bool(&reader->in);
    list.items[i].data = read_capdata(reader);
  }
  return list;
}

static struct vat_message read_message(struct frame_reader *reader)
{
  struct vat_message message = {0};
  message.target = unpack_text(&reader->in, LIMIT_VREF_LENGTH, "a message target");
  message.methargs = read_capdata(reader);
  message.result = unpack_optional_text(&reader->in, LIMIT_VREF_LENGTH, "a result reference");
  return message;
}

/* The index of the next text in `names`; fails when it is none of them. */
static size_t read_name(struct frame_reader *reader, const char *const *names, size_t count, const char *what)
{
  struct bytes name = unpack_text(&reader->in, LIMIT_VREF_LENGTH, what);
  for (size_t i = 0; i < count; i++) {
    if (bytes_is(name, names[i]))
      return i;
  }
  unpack_fail(&reader->in, "unknown %s '%.*s'", what, BYTES_ARG(name));
  return 0;
}

/* Fails unless a tuple of the given name has the length it must have. */
static void expect_length(struct frame_reader *reader, size_t found, size_t expected, const char *name)
{
  if (!reader->in.failed && found != expected)
    unpack_fail(&reader->in, "%s: %zu elements, not %zu", name, found, expected);
}

static void read_delivery(struct frame_reader *reader, struct delivery *delivery)
{
  static const size_t lengths[] = {[DELIVERY_MESSAGE] = 4,        [DELIVERY_NOTIFY] = 2,
                                   [DELIVERY_DROP_EXPORTS] = 2,   [DELIVERY_RETIRE_EXPORTS] = 2,
                                   [DELIVERY_RETIRE_IMPORTS] = 2, [DELIVERY_BRING_OUT_YOUR_DEAD] = 1};
  size_t length = unpack_array(&reader->in, 4, "a delivery");
  delivery->type = (enum delivery_type)read_name(reader, delivery_names, COUNT_OF(delivery_names), "delivery");
  expect_length(reader, length, lengths[delivery->type], delivery_type_name(delivery->type));
  switch (delivery->type) {
  case DELIVERY_MESSAGE:
    delivery->message = read_message(reader);
    break;
  case DELIVERY_NOTIFY:
    delivery->resolutions = read_resolutions(reader);
    break;
  case DELIVERY_DROP_EXPORTS:
  case DELIVERY_RETIRE_EXPORTS:
  case DELIVERY_RETIRE_IMPORTS:
    delivery->vrefs = read_vrefs(reader);
    break;
  case DELIVERY_BRING_OUT_YOUR_DEAD:
    break;
  }
}

static void read_syscall(struct frame_reader *reader, struct vat_syscall *call)
{
  static const size_t lengths[] = {[SYSCALL_SEND] = 4,           [SYSCALL_SUBSCRIBE] = 2,
                                   [SYSCALL_RESOLVE] = 2,        [SYSCALL_EXIT] = 3,
                                   [SYSCALL_DROP_IMPORTS] = 2,   [SYSCALL_RETIRE_IMPORTS] = 2,
                                   [SYSCALL_RETIRE_EXPORTS] = 2, [SYSCALL_ABANDON_EXPORTS] = 2};
  size_t length = unpack_array(&reader->in, 4, "a syscall");
  call->type = (enum syscall_type)read_name(reader, syscall_names, COUNT_OF(syscall_names), "syscall");
  expect_length(reader, length, lengths[call->type], syscall_type_name(call->type));
  switch (call->type) {
  case SYSCALL_SEND:
    call->message = read_message(reader);
    break;
  case SYSCALL_SUBSCRIBE:
    call->vpid = unpack_text(&reader->in, LIMIT_VREF_LENGTH, "a promise reference");
    break;
  case SYSCALL_RESOLVE:
    call->resolutions = read_resolutions(reader);
    break;
  case SYSCALL_EXIT:
    call->is_failure = unpack_bool(&reader->in);
    call->info = read_capdata(reader);
    break;
  case SYSCALL_DROP_IMPORTS:
  case SYSCALL_RETIRE_IMPORTS:
  case SYSCALL_RETIRE_EXPORTS:
  case SYSCALL_ABANDON_EXPORTS:
    call->vrefs = read_vrefs(reader);
    break;
  }
}

static void read_logs(struct frame_reader *reader, struct done_frame *frame)
{
  size_t count = unpack_array(&reader->in, 2 * (LIMIT_LOG_LINES_PER_CRANK + 1), "log lines");
  if (count % 2 != 0)
    unpack_fail(&reader->in, "log lines: a level without a text");
  frame->log_count = reader->in.failed ? 0 : count / 2;
  frame->logs = arena_alloc_array(reader->arena, frame->log_count, sizeof *frame->logs);
  for (size_t i = 0; i < frame->log_count; i++) {
    frame->logs[i].level = unpack_text(&reader->in, LIMIT_VREF_LENGTH, "a log level");
    frame->logs[i].text = unpack_text(&reader->in, LIMIT_LOG_LINE, "a log line");
  }
}

/* Reads `[type, id` of an array of `count` elements. */
static uint64_t read_head(struct frame_reader *reader, enum frame_type type, size_t count)
{
  unpack_array_of(&reader->in, count, "frame");
  uint64_t found = unpack_uint(&reader->in);
  if (!reader->in.failed && found != type)
    unpack_fail(&reader->in, "type %llu, not %d", (unsigned long long)found, type);
  return unpack_uint(&reader->in);
}

static enum vatd_code read_end(struct frame_reader *reader)
{
  return unpack_end(&reader->in) ? VATD_OK : VATD_INVALID;
}

static void reader_init(struct frame_reader *reader, struct bytes payload, struct arena *arena, struct error *error)
{
  unpacker_init(&reader->in, payload, error);
  reader->arena = arena;
}

enum vatd_code frame_peek(struct bytes payload, enum frame_type *type, uint64_t *id, struct error *error)
{
  struct unpacker in;
  unpacker_init(&in, payload, error);
  size_t count = unpack_array(&in, 9, "frame");
  uint64_t found = unpack_uint(&in);
  uint64_t found_id = unpack_uint(&in);
  if (!in.failed && (found < FRAME_INIT || found > FRAME_LAST))
    unpack_fail(&in, "unknown type %llu", (unsigned long long)found);
  bool bare = found == FRAME_PING || found == FRAME_PONG || found == FRAME_HIBERNATE;
  if (!in.failed && bare && (count != 2 || in.rest.size != 0))
    unpack_fail(&in, "a ping, pong or hibernate holds nothing but its id");
  if (in.failed)
    return VATD_INVALID;
  *type = (enum frame_type)found;
  *id = found_id;
  return VATD_OK;
}

enum vatd_code frame_decode_init(struct bytes payload, struct arena *arena, struct init_frame *frame, struct error *error)
{
  struct frame_reader reader;
  struct init_frame read = {0};
  reader_init(&reader, payload, arena, error);
  read.id = read_head(&reader, FRAME_INIT, 9);
  read.vat = unpack_text(&reader.in, LIMIT_VREF_LENGTH, "the vat id");
  read.config = unpack_text(&reader.in, LIMIT_BUNDLE, "the vat configuration");
  read.bundle = unpack_text(&reader.in, LIMIT_BUNDLE, "the bundle");
  read.state = read_pairs(&reader, SIZE_MAX, "the vat's state");
  read.complete = unpack_bool(&reader.in);
  unpack_array_of(&reader.in, 2, "limits");
  read.limits.computrons = unpack_uint(&reader.in);
  read.limits.heap_bytes = unpack_uint(&reader.in);
  read.image = unpack_binary(&reader.in, LIMIT_IMAGE, "the image of a heap");
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

enum vatd_code frame_decode_deliver(struct bytes payload, struct arena *arena, struct deliver_frame *frame,
                                    struct error *error)
{
  struct frame_reader reader;
  struct deliver_frame read = {0};
  reader_init(&reader, payload, arena, error);
  read.id = read_head(&reader, FRAME_DELIVER, 3);
  read_delivery(&reader, &read.delivery);
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

enum vatd_code frame_decode_done(struct bytes payload, struct arena *arena, struct done_frame *frame, struct error *error)
{
  struct frame_reader reader;
  struct done_frame read = {0};
  reader_init(&reader, payload, arena, error);
  read.id = read_head(&reader, FRAME_DONE, 9);
  unpack_array_of(&reader.in, 2, "status");
  read.status = (enum done_status)read_name(&reader, status_names, COUNT_OF(status_names), "status");
  read.status_text = unpack_text(&reader.in, LIMIT_LOG_LINE, "status text");
  read.sets = read_pairs(&reader, 2 * (size_t)LIMIT_SETS_PER_CRANK, "sets");
  read.deletes = read_texts(&reader, LIMIT_SETS_PER_CRANK, LIMIT_VATSTORE_KEY, "deletes");
  read.syscall_count = unpack_array(&reader.in, LIMIT_SYSCALLS_PER_CRANK, "syscalls");
  read.syscalls = arena_alloc_array(arena, read.syscall_count, sizeof *read.syscalls);
  for (size_t i = 0; i < read.syscall_count && !reader.in.failed; i++)
    read_syscall(&reader, &read.syscalls[i]);
  unpack_array_of(&reader.in, 3, "usage");
  read.usage.computrons = unpack_uint(&reader.in);
  read.usage.heap_bytes = unpack_uint(&reader.in);
  read.usage.microseconds = unpack_uint(&reader.in);
  read_logs(&reader, &read);
  read.unhandled = read_texts(&reader, LIMIT_LOG_LINES_PER_CRANK, LIMIT_LOG_LINE, "unhandled rejections");
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

enum vatd_code frame_decode_compile(struct bytes payload, struct compile_frame *frame, struct error *error)
{
  struct frame_reader reader;
  struct compile_frame read = {0};
  reader_init(&reader, payload, NULL, error);
  read.id = read_head(&reader, FRAME_COMPILE, 3);
  read.bundle = unpack_text(&reader.in, LIMIT_BUNDLE, "the bundle");
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

enum vatd_code frame_decode_image(struct bytes payload, struct image_frame *frame, struct error *error)
{
  struct frame_reader reader;
  struct image_frame read = {0};
  reader_init(&reader, payload, NULL, error);
  read.id = read_head(&reader, FRAME_IMAGE, 3);
  read.image = unpack_binary(&reader.in, LIMIT_IMAGE, "the image of a heap");
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

/* A number from 1 to `limit`. */
static uint64_t read_wish(struct frame_reader *reader, uint64_t limit, const char *what)
{
  uint64_t wish = unpack_uint(&reader->in);
  if (!reader->in.failed && (wish == 0 || wish > limit))
    unpack_fail(&reader->in, "a page of %llu %s", (unsigned long long)wish, what);
  return wish;
}

enum vatd_code frame_decode_page(struct bytes payload, struct page_frame *frame, struct error *error)
{
  struct frame_reader reader;
  struct page_frame read = {0};
  reader_init(&reader, payload, NULL, error);
  read.id = read_head(&reader, FRAME_PAGE, 5);
  read.from = unpack_text(&reader.in, LIMIT_VATSTORE_KEY + 1, "the first key of a page");
  read.count = read_wish(&reader, LIMIT_PAGE_ROWS, "rows");
  read.bytes = read_wish(&reader, LIMIT_PAGE_BYTES, "bytes");
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}

enum vatd_code frame_decode_page_reply(struct bytes payload, struct arena *arena, struct page_reply_frame *frame,
                                       struct error *error)
{
  struct frame_reader reader;
  struct page_reply_frame read = {0};
  reader_init(&reader, payload, arena, error);
  read.id = read_head(&reader, FRAME_PAGE_REPLY, 4);
  read.rows = read_pairs(&reader, 2 * LIMIT_PAGE_ROWS, "the rows of a page");
  read.more = unpack_bool(&reader.in);
  if (read_end(&reader) != VATD_OK)
    return VATD_INVALID;
  *frame = read;
  return VATD_OK;
}
