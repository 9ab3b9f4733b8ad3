/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/wire_frame_test.c - the frames between kernel and worker: there and back, and everything that is no frame.
 *
 * The reader is our own, the writer is msgpack-c; here msgpack-c's reader judges ours. Whatever ours accepts, msgpack-c
 * must accept, and what ours makes of it, encoded again, must be the same to msgpack-c.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "wire_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <msgpack.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define BYTES(literal) {literal, sizeof(literal) - 1}

static const enum frame_type all_types[] = {FRAME_INIT, FRAME_DELIVER, FRAME_DONE, FRAME_PING, FRAME_PONG,
                                             FRAME_PAGE, FRAME_PAGE_REPLY};

static struct bytes payload_of(const struct buffer *frame)
{
  return bytes_after(buffer_bytes(frame), FRAME_HEADER_SIZE);
}

/* Decodes from memory that ends where the payload ends, so that a byte read too many is seen. */
static enum vatd_code again(enum frame_type type, struct bytes payload, struct buffer *out)
{
  struct error error = {0};
  char *exact = memory_alloc(payload.size ? payload.size : 1);
  memcpy(exact, payload.data ? payload.data : "", payload.size);
  enum vatd_code code = wire_frame_again(type, bytes_from(exact, payload.size), out, &error);
  if (code != VATD_OK && (code != VATD_INVALID || error.code != code || !error.text[0]))
    fail_msg("refused with %s and \"%s\"", vatd_code_name(code), error.text);
  free(exact);
  return code;
}

static bool is_refused(enum frame_type type, struct bytes payload)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_TO_WORKER);
  enum vatd_code code = again(type, payload, &out);
  buffer_fini(&out);
  return code != VATD_OK;
}

static void for_each_frame(void (*test)(enum frame_type type, const struct buffer *frame))
{
  for (size_t i = 0; i < wire_frame_count(); i++) {
    struct buffer frame;
    buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
    enum frame_type type = wire_frame_encode(i, &frame);
    test(type, &frame);
    buffer_fini(&frame);
  }
}

/* ---- there and back ---- */

static void test_round_trip(enum frame_type type, const struct buffer *frame)
{
  struct buffer out;
  struct error error;
  size_t size;
  enum frame_type found;
  uint64_t id;
  assert_int_equal(frame_payload_size(frame->data, LIMIT_FRAME_TO_WORKER, &size, &error), VATD_OK);
  assert_int_equal(size, frame->size - FRAME_HEADER_SIZE);
  assert_int_equal(frame_peek(payload_of(frame), &found, &id, &error), VATD_OK);
  assert_int_equal(found, type);
  buffer_init(&out, LIMIT_FRAME_TO_WORKER);
  assert_int_equal(again(type, payload_of(frame), &out), VATD_OK);
  assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(frame)));
  buffer_fini(&out);
}

static void every_frame_comes_back_as_it_was_sent(void **state)
{
  (void)state;
  for_each_frame(test_round_trip);
}

static void a_decoded_message_has_the_values_that_were_sent(void **state)
{
  (void)state;
  struct error error;
  struct deliver_frame frame;
  struct arena arena;
  struct bytes slot = BYTES("o-5");
  struct buffer out;
  const struct delivery sent = {
      .type = DELIVERY_MESSAGE,
      .message = {BYTES("o+0"), {BYTES("#[\"go\",[\"$0\"]]"), {&slot, 1}}, BYTES("p-6")}};
  buffer_init(&out, 1024);
  arena_init(&arena);
  assert_true(frame_encode_deliver(&out, 77, &sent));
  assert_int_equal(frame_decode_deliver(payload_of(&out), &arena, &frame, &error), VATD_OK);
  assert_int_equal(frame.id, 77);
  assert_int_equal(frame.delivery.type, DELIVERY_MESSAGE);
  assert_true(bytes_is(frame.delivery.message.target, "o+0"));
  assert_true(bytes_is(frame.delivery.message.methargs.body, "#[\"go\",[\"$0\"]]"));
  assert_int_equal(frame.delivery.message.methargs.slots.count, 1);
  assert_true(bytes_is(frame.delivery.message.methargs.slots.items[0], "o-5"));
  assert_true(bytes_is(frame.delivery.message.result, "p-6"));
  arena_fini(&arena);
  buffer_fini(&out);
}

static void a_frame_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
  (void)state;
  struct buffer frame;
  struct buffer out;
  buffer_init(&frame, 1024);
  wire_frame_encode(0, &frame);
  buffer_init(&out, 4 + frame.size - 1);
  buffer_append_text(&out, "kept");
  assert_false(frame_encode_init(&out, &(struct init_frame){.vat = BYTES("v1"),
                                                            .config = BYTES("{}"),
                                                            .bundle = BYTES("{ and much more }")}));
  assert_true(out.overflowed);
  assert_true(bytes_is(buffer_bytes(&out), "kept"));
  buffer_fini(&frame);
  buffer_fini(&out);
}

/* ---- what is no frame ---- */

static void test_truncated(enum frame_type type, const struct buffer *frame)
{
  struct bytes payload = payload_of(frame);
  for (size_t size = 0; size < payload.size; size++) {
    if (!is_refused(type, bytes_from(payload.data, size)))
      fail_msg("type %d cut to %zu of %zu bytes is accepted", type, size, payload.size);
  }
}

static void a_frame_cut_off_at_any_byte_is_refused(void **state)
{
  (void)state;
  for_each_frame(test_truncated);
}

static void test_trailing(enum frame_type type, const struct buffer *frame)
{
  struct buffer longer;
  buffer_init(&longer, LIMIT_FRAME_TO_WORKER);
  buffer_append_bytes(&longer, payload_of(frame));
  buffer_append(&longer, "\xC0", 1);
  assert_true(is_refused(type, buffer_bytes(&longer)));
  buffer_fini(&longer);
}

static void a_frame_with_something_behind_it_is_refused(void **state)
{
  (void)state;
  for_each_frame(test_trailing);
}

static void test_other_types(enum frame_type type, const struct buffer *frame)
{
  for (size_t i = 0; i < COUNT_OF(all_types); i++) {
    if (all_types[i] != type)
      assert_true(is_refused(all_types[i], payload_of(frame)));
  }
}

static void a_frame_of_another_type_is_refused(void **state)
{
  (void)state;
  for_each_frame(test_other_types);
}

static void an_announced_length_of_nothing_or_too_much_is_refused(void **state)
{
  (void)state;
  struct error error;
  size_t size = 7;
  assert_int_equal(frame_payload_size("\0\0\0\0", 100, &size, &error), VATD_INVALID);
  assert_int_equal(frame_payload_size("\x65\0\0\0", 100, &size, &error), VATD_INVALID);
  assert_int_equal(frame_payload_size("\xFF\xFF\xFF\xFF", LIMIT_FRAME_TO_WORKER, &size, &error), VATD_INVALID);
  assert_int_equal(size, 7);
  assert_int_equal(frame_payload_size("\x64\0\0\0", 100, &size, &error), VATD_OK);
  assert_int_equal(size, 100);
}

/* A deliver frame of ["bringOutYourDead"] with something wrong. */
#define DEAD "\xB0" "bringOutYourDead"

static const struct malformed {
  const char *why;
  struct bytes payload;
} malformed[] = {
    {"a number", BYTES("\x02")},
    {"nil", BYTES("\xC0")},
    {"a map", BYTES("\x83\x02\x01\x91" DEAD)},
    {"a text", BYTES("\xA3" "abc")},
    {"an empty array", BYTES("\x90")},
    {"an array without a delivery", BYTES("\x92\x02\x01")},
    {"an array with one element more", BYTES("\x94\x02\x01\x91" DEAD "\xC0")},
    {"an array that announces 2^32-1 elements", BYTES("\xDD\xFF\xFF\xFF\xFF\x02\x01")},
    {"an array that announces 65535 elements", BYTES("\xDC\xFF\xFF\x02\x01\x91" DEAD)},
    {"type 0", BYTES("\x93\x00\x01\x91" DEAD)},
    {"type 6", BYTES("\x93\x06\x01\x91" DEAD)},
    {"a negative type", BYTES("\x93\xFF\x01\x91" DEAD)},
    {"a type as text", BYTES("\x93\xA1\x32\x01\x91" DEAD)},
    {"a type as a float", BYTES("\x93\xCA\x40\x00\x00\x00\x01\x91" DEAD)},
    {"a type as a double", BYTES("\x93\xCB\x40\x00\x00\x00\x00\x00\x00\x00\x01\x91" DEAD)},
    {"a type as a boolean", BYTES("\x93\xC3\x01\x91" DEAD)},
    {"an id of nil", BYTES("\x93\x02\xC0\x91" DEAD)},
    {"a negative id", BYTES("\x93\x02\xD0\x80\x91" DEAD)},
    {"an id as a time (ext)", BYTES("\x93\x02\xD6\xFF\x00\x00\x00\x00\x91" DEAD)},
    {"a delivery that is a text", BYTES("\x93\x02\x01" DEAD)},
    {"a delivery that is a map", BYTES("\x93\x02\x01\x81" DEAD "\xC0")},
    {"a delivery that is an empty array", BYTES("\x93\x02\x01\x90")},
    {"a delivery with an element more", BYTES("\x93\x02\x01\x92" DEAD "\xC0")},
    {"a delivery in an array more", BYTES("\x93\x02\x01\x91\x91" DEAD)},
    {"a delivery of an unknown name", BYTES("\x93\x02\x01\x91\xA4" "dead")},
    {"a name as binary data", BYTES("\x93\x02\x01\x91\xC4\x10" "bringOutYourDead")},
    {"a name as ext", BYTES("\x93\x02\x01\x91\xC7\x10\x01" "bringOutYourDead")},
    {"a name as fixext", BYTES("\x93\x02\x01\x91\xD8\x01" "bringOutYourDead")},
    {"the byte that means nothing", BYTES("\x93\x02\x01\x91\xC1")},
    {"a text longer than what is there", BYTES("\x93\x02\x01\x91\xDB\xFF\xFF\xFF\xFF" "bringOutYourDead")},
    {"a target that is not UTF-8", BYTES("\x93\x02\x01\x94\xA7message\xA1\xFF\x92\xA1#\x90\xC0")},
    {"a target with a surrogate", BYTES("\x93\x02\x01\x94\xA7message\xA3\xED\xA0\x80\x92\xA1#\x90\xC0")},
    {"a body with an overlong NUL", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x92\xA2\xC0\x80\x90\xC0")},
    {"a target of nil", BYTES("\x93\x02\x01\x94\xA7message\xC0\x92\xA1#\x90\xC0")},
    {"a result that is a boolean", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x92\xA1#\x90\xC2")},
    {"capdata without slots", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x91\xA1#\xC0")},
    {"capdata with three parts", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x93\xA1#\x90\x90\xC0")},
    {"capdata that is a map", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x81\xA1#\x90\xC0")},
    {"a slot that is a number", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x92\xA1#\x91\x05\xC0")},
    {"a result that is empty", BYTES("\x93\x02\x01\x94\xA7message\xA3o+0\x92\xA1#\x90\xA0")},
    {"a message without a result", BYTES("\x93\x02\x01\x93\xA7message\xA3o+0\x92\xA1#\x90")},
    {"a resolution that rejects with 1", BYTES("\x93\x02\x01\x92\xA6notify\x91\x93\xA3p-1\x01\x92\xA1#\x90")},
    {"a resolution of two parts", BYTES("\x93\x02\x01\x92\xA6notify\x91\x92\xA3p-1\xC2")},
};

static void malformed_frames_are_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(malformed); i++) {
    for (size_t type = 0; type < COUNT_OF(all_types); type++) {
      if (!is_refused(all_types[type], malformed[i].payload))
        fail_msg("accepted as type %d: %s", all_types[type], malformed[i].why);
    }
  }
  assert_false(is_refused(FRAME_DELIVER, (struct bytes)BYTES("\x93\x02\x01\x91" DEAD)));
}

static void nesting_without_end_is_refused_without_recursion(void **state)
{
  (void)state;
  size_t size = 4 * MIB;
  char *deep = memory_alloc(size);
  memset(deep, 0x91, size);
  memcpy(deep, "\x93\x02\x01", 3);
  assert_true(is_refused(FRAME_DELIVER, bytes_from(deep, size)));
  memcpy(deep, "\x99\x03\x01", 3);
  assert_true(is_refused(FRAME_DONE, bytes_from(deep, size)));
  free(deep);
}

/* ---- limits ---- */

/* Whether a done frame is accepted after encoding. */
static bool done_passes(const struct done_frame *frame)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  assert_true(frame_encode_done(&out, frame));
  bool refused = is_refused(FRAME_DONE, payload_of(&out));
  buffer_fini(&out);
  return !refused;
}

static void exactly(size_t limit, bool (*passes)(size_t count))
{
  assert_true(passes(limit));
  assert_false(passes(limit + 1));
}

static struct bytes long_text(size_t size)
{
  static char text[LIMIT_LOG_LINE + 1];
  memset(text, 'x', sizeof text);
  return bytes_from(text, size);
}

static bool passes_with_vref_of(size_t size)
{
  struct vat_syscall call = {.type = SYSCALL_SUBSCRIBE, .vpid = long_text(size)};
  return done_passes(&(struct done_frame){.syscalls = &call, .syscall_count = 1});
}

static bool passes_with_slots(size_t count)
{
  struct bytes *items = memory_zalloc(count * sizeof *items);
  for (size_t i = 0; i < count; i++)
    items[i] = bytes_of("o-1");
  struct vat_syscall call = {.type = SYSCALL_EXIT, .info = {bytes_of("#0"), {items, count}}};
  bool passes = done_passes(&(struct done_frame){.syscalls = &call, .syscall_count = 1});
  free(items);
  return passes;
}

static bool passes_with_syscalls(size_t count)
{
  struct vat_syscall *calls = memory_zalloc(count * sizeof *calls);
  for (size_t i = 0; i < count; i++)
    calls[i] = (struct vat_syscall){.type = SYSCALL_SUBSCRIBE, .vpid = bytes_of("p-1")};
  bool passes = done_passes(&(struct done_frame){.syscalls = calls, .syscall_count = count});
  free(calls);
  return passes;
}

static bool passes_with_resolutions(size_t count)
{
  struct resolution *items = memory_zalloc(count * sizeof *items);
  struct vat_syscall call = {.type = SYSCALL_RESOLVE, .resolutions = {items, count}};
  bool passes = done_passes(&(struct done_frame){.syscalls = &call, .syscall_count = 1});
  free(items);
  return passes;
}

static bool passes_with_sets(size_t count)
{
  struct key_value *items = memory_zalloc(count * sizeof *items);
  bool passes = done_passes(&(struct done_frame){.sets = {items, count}});
  free(items);
  return passes;
}

static bool passes_with_deletes(size_t count)
{
  struct bytes *items = memory_zalloc(count * sizeof *items);
  bool passes = done_passes(&(struct done_frame){.deletes = {items, count}});
  free(items);
  return passes;
}

static bool passes_with_key_of(size_t size)
{
  return done_passes(&(struct done_frame){.sets = {&(struct key_value){long_text(size), bytes_of("")}, 1}});
}

static bool passes_with_log_line_of(size_t size)
{
  struct log_line line = {bytes_of("log"), long_text(size)};
  return done_passes(&(struct done_frame){.logs = &line, .log_count = 1});
}

static bool passes_with_status_text_of(size_t size)
{
  return done_passes(&(struct done_frame){.status_text = long_text(size)});
}

static bool passes_with_log_lines(size_t count)
{
  struct log_line *items = memory_zalloc(count * sizeof *items);
  bool passes = done_passes(&(struct done_frame){.logs = items, .log_count = count});
  free(items);
  return passes;
}

static void every_limit_holds_to_the_last_element(void **state)
{
  (void)state;
  exactly(LIMIT_VREF_LENGTH, passes_with_vref_of);
  exactly(LIMIT_SLOTS_PER_CAPDATA, passes_with_slots);
  exactly(LIMIT_SYSCALLS_PER_CRANK, passes_with_syscalls);
  exactly(LIMIT_RESOLUTIONS_PER_SYSCALL, passes_with_resolutions);
  exactly(LIMIT_SETS_PER_CRANK, passes_with_sets);
  exactly(LIMIT_SETS_PER_CRANK, passes_with_deletes);
  exactly(LIMIT_VATSTORE_KEY, passes_with_key_of);
  exactly(LIMIT_LOG_LINE, passes_with_log_line_of);
  exactly(LIMIT_LOG_LINE, passes_with_status_text_of);
  exactly(LIMIT_LOG_LINES_PER_CRANK + 1, passes_with_log_lines); /* one to say that lines were dropped */
}

/* ---- msgpack-c as the judge ---- */

static bool unpack_whole(struct bytes payload, msgpack_unpacked *into)
{
  size_t offset = 0;
  msgpack_unpacked_init(into);
  return msgpack_unpack_next(into, payload.data, payload.size, &offset) == MSGPACK_UNPACK_SUCCESS &&
         offset == payload.size;
}

/* Returns whether ours accepts. */
static bool judge(enum frame_type type, struct bytes payload)
{
  struct buffer out;
  msgpack_unpacked sent;
  msgpack_unpacked understood;
  buffer_init(&out, LIMIT_FRAME_TO_WORKER);
  bool accepted = again(type, payload, &out) == VATD_OK;
  if (accepted) {
    if (!unpack_whole(payload, &sent))
      fail_msg("a frame of type %d is accepted that is no MessagePack", type);
    if (!unpack_whole(payload_of(&out), &understood) || !msgpack_object_equal(sent.data, understood.data))
      fail_msg("a frame of type %d is understood as another", type);
    msgpack_unpacked_destroy(&sent);
    msgpack_unpacked_destroy(&understood);
  }
  buffer_fini(&out);
  return accepted;
}

static size_t judged;
static size_t accepted;

static void test_changed_byte(enum frame_type type, const struct buffer *frame)
{
  struct buffer changed;
  buffer_init(&changed, LIMIT_FRAME_TO_WORKER);
  buffer_append_bytes(&changed, payload_of(frame));
  for (size_t at = 0; at < changed.size; at++) {
    char kept = changed.data[at];
    for (int value = 0; value < 256; value++) {
      changed.data[at] = (char)value;
      accepted += judge(type, buffer_bytes(&changed));
      judged++;
    }
    changed.data[at] = kept;
  }
  buffer_fini(&changed);
}

static void with_any_byte_changed_msgpack_c_agrees_on_what_is_accepted(void **state)
{
  (void)state;
  judged = accepted = 0;
  for_each_frame(test_changed_byte);
  printf("# figure one_byte_changed=%zu accepted=%zu\n", judged, accepted);
  assert_true(accepted > 0 && accepted < judged);
}

static void change(struct buffer *frame, unsigned *seed)
{
  size_t at = (size_t)rand_r(seed) % frame->size;
  static const unsigned char marks[] = {0x80, 0x90, 0x91, 0xA0, 0xC0, 0xC1, 0xC2, 0xC4, 0xC7, 0xCA, 0xCC, 0xCD, 0xCE,
                                        0xCF, 0xD0, 0xD4, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFF};
  switch (rand_r(seed) % 4) {
  case 0:
    frame->data[at] = (char)rand_r(seed);
    break;
  case 1:
    frame->data[at] = (char)marks[(size_t)rand_r(seed) % sizeof marks];
    break;
  case 2: /* a byte less */
    memmove(frame->data + at, frame->data + at + 1, frame->size - at - 1);
    frame->size -= frame->size > 1;
    break;
  default: /* a byte more */
    buffer_append(frame, "", 1);
    memmove(frame->data + at + 1, frame->data + at, frame->size - at - 1);
    frame->data[at] = (char)marks[(size_t)rand_r(seed) % sizeof marks];
    break;
  }
}

static unsigned changes_seed;

static void test_changes(enum frame_type type, const struct buffer *frame)
{
  struct buffer changed;
  buffer_init(&changed, LIMIT_FRAME_TO_WORKER);
  for (int round = 0; round < 5000; round++) {
    buffer_clear(&changed);
    buffer_append_bytes(&changed, payload_of(frame));
    for (int i = rand_r(&changes_seed) % 4; i >= 0; i--)
      change(&changed, &changes_seed);
    accepted += judge(type, buffer_bytes(&changed));
    judged++;
  }
  buffer_fini(&changed);
}

static void with_random_changes_msgpack_c_agrees_on_what_is_accepted(void **state)
{
  (void)state;
  const char *given = getenv("SEED");
  changes_seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  printf("# seed %u\n", changes_seed);
  judged = accepted = 0;
  for_each_frame(test_changes);
  printf("# figure changed=%zu accepted=%zu\n", judged, accepted);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_frame_comes_back_as_it_was_sent),
      cmocka_unit_test(a_decoded_message_has_the_values_that_were_sent),
      cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_as_it_was),
      cmocka_unit_test(a_frame_cut_off_at_any_byte_is_refused),
      cmocka_unit_test(a_frame_with_something_behind_it_is_refused),
      cmocka_unit_test(a_frame_of_another_type_is_refused),
      cmocka_unit_test(an_announced_length_of_nothing_or_too_much_is_refused),
      cmocka_unit_test(malformed_frames_are_refused),
      cmocka_unit_test(nesting_without_end_is_refused_without_recursion),
      cmocka_unit_test(every_limit_holds_to_the_last_element),
      cmocka_unit_test(with_any_byte_changed_msgpack_c_agrees_on_what_is_accepted),
      cmocka_unit_test(with_random_changes_msgpack_c_agrees_on_what_is_accepted),
  };
  return cmocka_run_group_tests_name("wire: frames", tests, NULL, NULL);
}
