/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/hostile/evil_worker.c - a vat that speaks the worker's protocol wrongly, in as many ways as we could think of.
 *
 * It is a vat in C without the library, so that it runs where any worker runs: behind the sandbox, at the end of the real
 * channel. `vat call EVIL misbehave CASE` makes it answer that delivery with CASE; a configuration with the parameter
 * {"case": CASE} makes it answer its init so. `evil_worker --list` prints each case and what the kernel is to do:
 *
 *     ends     the vat broke the rules and is terminated
 *     late     likewise, after a good answer that stands
 *     crashes  the worker is gone, for whatever reason: delivered again, then suspended
 *     silent   nothing comes: the deadline ends it
 *     limit    it says itself that it went over a limit
 *     violates it did what the sandbox forbids: suspended at once
 *     works    odd, but allowed
 */
#include "base/limits.h"
#include "vat/channel.h"
#include "wire/frame.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_FD 3

static struct buffer in;
static struct buffer out;
static struct arena arena;

/* ---- MessagePack, by hand: what the codec would never write is wanted too ---- */

static void byte(unsigned value)
{
  char c = (char)value;
  buffer_append(&out, &c, 1);
}

static void big_endian(uint64_t value, int bytes)
{
  for (int i = bytes - 1; i >= 0; i--)
    byte((unsigned)(value >> 8 * i) & 0xff);
}

static void array(uint32_t count)
{
  byte(0xdd);
  big_endian(count, 4);
}

static void number(uint64_t value)
{
  byte(0xcf);
  big_endian(value, 8);
}

static void text_of(const void *data, size_t size)
{
  byte(0xdb);
  big_endian(size, 4);
  buffer_append(&out, data, size);
}

static void text(const char *value)
{
  text_of(value, strlen(value));
}

static void nested(unsigned depth)
{
  for (unsigned i = 0; i < depth; i++)
    byte(0x91);
  byte(0xc0);
}

static void repeated(const char *value, size_t count)
{
  array((uint32_t)count);
  for (size_t i = 0; i < count; i++)
    text(value);
}

/* ---- frames ---- */

static size_t begin(void)
{
  size_t at = out.size;
  buffer_append(&out, "\0\0\0\0", 4);
  return at;
}

static void end(size_t at)
{
  uint32_t size = (uint32_t)(out.size - at - 4);
  for (int i = 0; i < 4; i++)
    out.data[at + (size_t)i] = (char)(size >> 8 * i & 0xff);
}

static void send_out(void)
{
  struct error error;
  if (channel_write(CHANNEL_FD, buffer_bytes(&out), &error) != VATD_OK)
    _exit(0);
  buffer_clear(&out);
}

/* A part of a done frame that is not as usual. */
enum part { NO_PART, TYPE, ID, STATUS, SETS, DELETES, SYSCALLS, USAGE, LOGS, UNHANDLED, MORE };

static struct bytes result; /* the vpid of the delivery's result, if it has one */

static void empty(void)
{
  array(0);
}

/* What an honest vat does: it resolves the result. */
static void good_syscalls(void)
{
  if (!result.size) {
    empty();
    return;
  }
  array(1);
  array(2);
  text("resolve");
  array(1);
  array(3);
  text_of(result.data, result.size);
  byte(0xc2);
  array(2);
  text("#\"done\"");
  array(0);
}

static void part_of(enum part part, enum part odd, void (*how)(void), void (*usual)(void))
{
  (part == odd ? how : usual)();
}

static uint64_t current_id;

static void usual_id(void)
{
  number(current_id);
}

static void usual_type(void)
{
  number(FRAME_DONE);
}

static void usual_status(void)
{
  array(2);
  text("ok");
  text("");
}

static void usual_usage(void)
{
  array(3);
  number(0);
  number(0);
  number(0);
}

static void done(enum part odd, void (*how)(void))
{
  size_t at = begin();
  array(odd == MORE ? 10 : 9);
  part_of(TYPE, odd, how, usual_type);
  part_of(ID, odd, how, usual_id);
  part_of(STATUS, odd, how, usual_status);
  part_of(SETS, odd, how, empty);
  part_of(DELETES, odd, how, empty);
  part_of(SYSCALLS, odd, how, good_syscalls);
  part_of(USAGE, odd, how, usual_usage);
  part_of(LOGS, odd, how, empty);
  part_of(UNHANDLED, odd, how, empty);
  if (odd == MORE)
    how();
  end(at);
}

/* ---- odd parts ---- */

static void is_nil(void) { byte(0xc0); }
static void is_true(void) { byte(0xc3); }
static void is_float(void) { byte(0xcb); big_endian(0x3ff8000000000000, 8); }
static void is_negative(void) { byte(0xff); }
static void is_map(void) { byte(0x81); text("a"); number(1); }
static void is_extension(void) { byte(0xd4); byte(5); byte(0); }
static void is_binary(void) { byte(0xc4); byte(1); byte(0); }
static void is_reserved(void) { byte(0xc1); }
static void is_deep(void) { nested(10000); }
static void is_huge_array(void) { array(0xffffffff); }
static void is_huge_text(void) { byte(0xdb); big_endian(0xffffffff, 4); }
static void type_init(void) { number(FRAME_INIT); }
static void type_99(void) { number(99); }
static void other_id(void) { number(current_id + 1); }
static void greatest_id(void) { number(UINT64_MAX); }
static void odd_status(void) { array(2); text("splendid"); text(""); }
static void status_alone(void) { array(1); text("ok"); }
static void not_utf8_status(void) { array(2); text("ok"); text_of("\xff\xfe", 2); }
static void status_with_limit(void) { array(2); text("compute"); text("so it says"); }
static void status_crashed(void) { array(2); text("crashed"); text("so it says"); }
static void status_keys(void) { array(2); text("keys"); text("so it says"); }
static void odd_pairs(void) { array(1); text("k"); }
static void not_utf8_key(void) { array(2); text_of("\xc0\x80", 2); text("v"); }
static void surrogate_value(void) { array(2); text("k"); text_of("\xed\xa0\x80", 3); }
static void empty_value(void) { array(2); text("k"); text(""); }
static void nul_key(void) { array(2); text_of("a\0b", 3); text("v"); }
static void number_as_key(void) { array(2); number(1); text("v"); }
static void same_key_twice(void) { array(4); text("k"); text("1"); text("k"); text("2"); }
static void delete_of_nothing(void) { array(1); text("never was"); }
static void usage_of_two(void) { array(2); number(0); number(0); }
static void odd_logs(void) { array(3); text("log"); text("a"); text("log"); }
static void many_logs(void) { repeated("log", 4000); }
static void log_unknown_level(void) { array(2); text("shout"); text("a"); }
static void one_unhandled_number(void) { array(1); number(7); }

static void large_key(void)
{
  char *key = malloc(LIMIT_VATSTORE_KEY + 1);
  memset(key, 'k', LIMIT_VATSTORE_KEY + 1);
  array(2);
  text_of(key, LIMIT_VATSTORE_KEY + 1);
  text("v");
  free(key);
}

static void large_unhandled(void)
{
  char *line = malloc(LIMIT_LOG_LINE + 1);
  memset(line, 'x', LIMIT_LOG_LINE + 1);
  array(1);
  text_of(line, LIMIT_LOG_LINE + 1);
  free(line);
}

static void many_syscalls(void) { array(LIMIT_SYSCALLS_PER_CRANK + 1); }
static void unknown_syscall(void) { array(1); array(2); text("reboot"); text("now"); }
static void short_syscall(void) { array(1); array(1); text("send"); }
static void syscall_is_text(void) { repeated("send", 1); }

static void one_send(const char *target, const char *body, const char *slot, const char *promise)
{
  array(1);
  array(4);
  text("send");
  text(target);
  array(2);
  text(body);
  repeated(slot, *slot ? 1 : 0);
  if (*promise)
    text(promise);
  else
    byte(0xc0);
}

static void to_forged(void) { one_send("o-999", "#[\"x\",[]]", "", ""); }
static void to_nonsense(void) { one_send("what", "#[\"x\",[]]", "", ""); }
static void to_huge_number(void) { one_send("o+99999999999999999999999999", "#[\"x\",[]]", "", ""); }
static void to_kref(void) { one_send("ko1", "#[\"x\",[]]", "", ""); }
static void slot_forged(void) { one_send("o+7", "#[\"x\",[\"$0\"]]", "o-998", ""); }
static void slot_missing(void) { one_send("o+7", "#[\"x\",[\"$3\"]]", "", ""); }
static void body_no_json(void) { one_send("o+7", "#[\"x\",", "", ""); }
static void body_unmarked(void) { one_send("o+7", "[\"x\",[]]", "", ""); }
static void body_no_message(void) { one_send("o+7", "#{\"a\":1}", "", ""); }
static void result_forged(void) { one_send("o+7", "#[\"x\",[]]", "", "p-997"); }

static void body_deep(void)
{
  char body[4 * LIMIT_DATA_DEPTH + 64];
  size_t depth = 2 * LIMIT_DATA_DEPTH;
  size_t size = (size_t)sprintf(body, "#[\"x\",[");
  memset(body + size, '[', depth - 8);
  memset(body + size + depth - 8, ']', depth - 8);
  strcpy(body + size + 2 * (depth - 8), "]]");
  one_send("o+7", body, "", "");
}

static void one_resolve(const char *promise, size_t times)
{
  array(1);
  array(2);
  text("resolve");
  array((uint32_t)times);
  for (size_t i = 0; i < times; i++) {
    array(3);
    text(promise);
    byte(0xc2);
    array(2);
    text("#1");
    array(0);
  }
}

static void resolves_forged(void) { one_resolve("p-996", 1); }
static void resolves_object(void) { one_resolve("o+0", 1); }
static void resolves_twice(void) { one_resolve("p+5", 2); }
static void subscribes_object(void) { array(1); array(2); text("subscribe"); text("o+0"); }
static void drops_forged(void) { array(1); array(2); text("dropImports"); repeated("o-995", 1); }
static void drops_export(void) { array(1); array(2); text("dropImports"); repeated("o+0", 1); }
static void retires_many(void) { array(1); array(2); text("retireExports"); repeated("o+0", 200000); }

/* ---- odd frames, and none ---- */

static void raw(const void *data, size_t size)
{
  size_t at = begin();
  buffer_append(&out, data, size);
  end(at);
}

static void length_zero(void) { buffer_append(&out, "\0\0\0\0", 4); }
static void length_most(void) { buffer_append(&out, "\xff\xff\xff\xff", 4); }
static void length_over(void) { buffer_append(&out, "\1\0\0\x10", 4); } /* 256 MiB and a byte */
static void payload_empty_array(void) { raw("\x90", 1); }
static void payload_nil(void) { raw("\xc0", 1); }
static void payload_text(void) { raw("\xa5hello", 6); }
static void payload_http(void) { buffer_append_text(&out, "GET / HTTP/1.0\r\n\r\n"); }
static void payload_trailing(void) { size_t at = begin(); array(2); number(FRAME_PONG); number(1); byte(0); end(at); }
static void pong_unasked(void) { size_t at = begin(); array(2); number(FRAME_PONG); number(12345); end(at); }
static void ping_kernel(void) { size_t at = begin(); array(2); number(FRAME_PING); number(1); end(at); }
static void done_twice(void) { done(NO_PART, NULL); done(NO_PART, NULL); }
static void done_and_rubbish(void) { done(NO_PART, NULL); buffer_append(&out, "\xff\xff\xff\xff", 4); }

static void payload_random(void)
{
  char bytes[4096];
  srand(7);
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)rand();
  raw(bytes, sizeof bytes);
}

static void half_and_exit(void)
{
  done(NO_PART, NULL);
  out.size /= 2;
  send_out();
  _exit(0);
}

static void half_and_wait(void)
{
  done(NO_PART, NULL);
  out.size /= 2;
}

static void byte_by_byte(void)
{
  struct error error;
  done(NO_PART, NULL);
  for (size_t i = 0; i < out.size; i++)
    channel_write(CHANNEL_FD, bytes_from(out.data + i, 1), &error);
  buffer_clear(&out);
}

/* As much as is taken, in a frame that is announced as large as may be. */
static void endless_frame(void)
{
  static char zeros[MIB];
  struct error error;
  buffer_append(&out, "\0\0\0\x10", 4);
  send_out();
  for (int i = 0; i < 300 && channel_write(CHANNEL_FD, bytes_from(zeros, sizeof zeros), &error) == VATD_OK; i++)
    ;
}

static void nothing(void) {}
static void exit_0(void) { _exit(0); }
static void exit_11(void) { _exit(11); }
static void exit_77(void) { _exit(77); }
static void segv(void) { *(volatile char *)(uintptr_t)getpid() = 1; }
static void abortion(void) { abort(); }
static void forbidden_call(void) { socket(AF_INET, SOCK_STREAM, 0); }
static void executable_memory(void) { mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void hang_up(void) { close(CHANNEL_FD); for (;;); }
static void spin(void) { for (;;); }

static void all_memory(void)
{
  for (;;) {
    char *more = malloc(MIB);
    if (!more)
      abort();
    memset(more, 1, MIB);
  }
}

/* ---- pages ---- */

static void page(const void *from, size_t size, uint64_t rows, uint64_t bytes)
{
  size_t at = begin();
  array(5);
  number(FRAME_PAGE);
  number(1);
  text_of(from, size);
  number(rows);
  number(bytes);
  end(at);
}

static void page_after_done(void) { done(NO_PART, NULL); page("", 0, 1, 1); }
static void page_of_no_rows(void) { page("", 0, 0, 1); }
static void page_of_no_bytes(void) { page("", 0, 1, 0); }
static void page_of_all_rows(void) { page("", 0, UINT64_MAX, 1); }
static void page_of_all_bytes(void) { page("", 0, 1, UINT64_MAX); }
static void page_not_utf8(void) { page("\xff", 1, 1, 1); }
static void page_reply(void) { size_t at = begin(); array(4); number(FRAME_PAGE_REPLY); number(1); array(0); byte(0xc2); end(at); }

static void page_short(void)
{
  size_t at = begin();
  array(4);
  number(FRAME_PAGE);
  number(1);
  text("k");
  number(1);
  end(at);
}

static void page_large_key(void)
{
  static char key[LIMIT_VATSTORE_KEY + 2];
  memset(key, 'k', sizeof key);
  page(key, sizeof key, 1, 1);
}

/* It would be the kernel that keeps all the answers. */
static void pages_unread(void)
{
  for (int i = 0; i < 20000; i++)
    page("", 0, 1, 1);
}

/* Whatever is asked for, only rows of its own come: here none. */
static void page_of_others(void)
{
  static const char *const keys[] = {"", "v1", "v1\0k", "../v1", "kv", "vatConfig.v1", "'; --", "\xf4\x8f\xbf\xbf"};
  struct page_reply_frame reply;
  struct error error;
  bool closed;
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    page(keys[i], i == 2 ? 4 : strlen(keys[i]), LIMIT_PAGE_ROWS, LIMIT_PAGE_BYTES);
    send_out();
    if (channel_read(CHANNEL_FD, &in, &closed, &error) != VATD_OK || closed ||
        frame_decode_page_reply(buffer_bytes(&in), &arena, &reply, &error) != VATD_OK || reply.rows.count || reply.more)
      abort();
  }
  done(NO_PART, NULL);
}

struct misdeed {
  const char *name;
  const char *outcome;
  enum part part;
  void (*how)(void); /* writes the part, or, for NO_PART, does it all */
};

#define WHOLE(name, outcome) {#name, outcome, NO_PART, name}
#define ODD(part, name, outcome) {#part "_" #name, outcome, part, name}

static const struct misdeed misdeeds[] = {
    WHOLE(length_zero, "ends"), WHOLE(length_most, "ends"), WHOLE(length_over, "ends"), WHOLE(payload_empty_array, "ends"),
    WHOLE(payload_nil, "ends"), WHOLE(payload_text, "ends"), WHOLE(payload_http, "ends"), WHOLE(payload_trailing, "ends"),
    WHOLE(payload_random, "ends"), WHOLE(pong_unasked, "ends"), WHOLE(ping_kernel, "ends"), WHOLE(done_twice, "late"),
    WHOLE(done_and_rubbish, "late"), WHOLE(half_and_exit, "crashes"), WHOLE(half_and_wait, "silent"),
    WHOLE(byte_by_byte, "works"), WHOLE(endless_frame, "ends"), WHOLE(nothing, "silent"), WHOLE(exit_0, "crashes"),
    WHOLE(exit_11, "limit"), WHOLE(exit_77, "crashes"), WHOLE(segv, "crashes"), WHOLE(abortion, "crashes"),
    WHOLE(forbidden_call, "violates"), WHOLE(executable_memory, "violates"), WHOLE(hang_up, "crashes"), WHOLE(spin, "silent"),
    WHOLE(all_memory, "crashes"), WHOLE(page_after_done, "late"), WHOLE(page_of_no_rows, "ends"),
    WHOLE(page_of_no_bytes, "ends"), WHOLE(page_of_all_rows, "ends"), WHOLE(page_of_all_bytes, "ends"),
    WHOLE(page_not_utf8, "ends"), WHOLE(page_reply, "ends"), WHOLE(page_short, "ends"), WHOLE(page_large_key, "ends"),
    WHOLE(pages_unread, "ends"), WHOLE(page_of_others, "works"),
    ODD(TYPE, type_init, "ends"), ODD(TYPE, type_99, "ends"), ODD(TYPE, is_nil, "ends"), ODD(TYPE, is_float, "ends"),
    ODD(TYPE, is_negative, "ends"), ODD(TYPE, is_deep, "ends"), ODD(ID, other_id, "ends"), ODD(ID, greatest_id, "ends"),
    ODD(ID, is_true, "ends"), ODD(STATUS, odd_status, "ends"), ODD(STATUS, status_alone, "ends"),
    ODD(STATUS, not_utf8_status, "ends"), ODD(STATUS, status_with_limit, "limit"), ODD(STATUS, status_keys, "limit"),
    ODD(STATUS, status_crashed, "crashes"), ODD(STATUS, is_map, "ends"), ODD(SETS, odd_pairs, "ends"),
    ODD(SETS, not_utf8_key, "ends"), ODD(SETS, surrogate_value, "ends"), ODD(SETS, empty_value, "works"),
    ODD(SETS, nul_key, "works"), ODD(SETS, number_as_key, "ends"), ODD(SETS, same_key_twice, "works"),
    ODD(SETS, large_key, "ends"), ODD(SETS, is_huge_array, "ends"), ODD(SETS, is_deep, "ends"), ODD(SETS, is_extension, "ends"),
    ODD(SETS, is_binary, "ends"), ODD(SETS, is_reserved, "ends"), ODD(DELETES, delete_of_nothing, "works"),
    ODD(DELETES, is_huge_text, "ends"), ODD(DELETES, is_huge_array, "ends"), ODD(SYSCALLS, many_syscalls, "ends"),
    ODD(SYSCALLS, unknown_syscall, "ends"), ODD(SYSCALLS, short_syscall, "ends"), ODD(SYSCALLS, syscall_is_text, "ends"),
    ODD(SYSCALLS, to_forged, "ends"), ODD(SYSCALLS, to_nonsense, "ends"), ODD(SYSCALLS, to_huge_number, "ends"),
    ODD(SYSCALLS, to_kref, "ends"), ODD(SYSCALLS, slot_forged, "ends"), ODD(SYSCALLS, slot_missing, "ends"),
    ODD(SYSCALLS, body_no_json, "ends"), ODD(SYSCALLS, body_unmarked, "ends"), ODD(SYSCALLS, body_no_message, "ends"),
    ODD(SYSCALLS, body_deep, "ends"), ODD(SYSCALLS, result_forged, "ends"),
    ODD(SYSCALLS, resolves_forged, "ends"), ODD(SYSCALLS, resolves_object, "ends"), ODD(SYSCALLS, resolves_twice, "ends"),
    ODD(SYSCALLS, subscribes_object, "ends"), ODD(SYSCALLS, drops_forged, "ends"), ODD(SYSCALLS, drops_export, "ends"),
    ODD(SYSCALLS, retires_many, "ends"), ODD(USAGE, usage_of_two, "ends"), ODD(USAGE, is_nil, "ends"), ODD(LOGS, odd_logs, "ends"),
    ODD(LOGS, many_logs, "ends"), ODD(LOGS, log_unknown_level, "works"), ODD(UNHANDLED, one_unhandled_number, "ends"),
    ODD(UNHANDLED, large_unhandled, "ends"), ODD(MORE, is_nil, "ends"),
};

#define MISDEEDS (sizeof misdeeds / sizeof misdeeds[0])

static const struct misdeed *misdeed_named(struct bytes name)
{
  for (size_t i = 0; i < MISDEEDS; i++) {
    if (bytes_equal(name, bytes_of(misdeeds[i].name)))
      return &misdeeds[i];
  }
  return NULL;
}

static void commit_misdeed(const struct misdeed *misdeed)
{
  if (!misdeed)
    done(NO_PART, NULL);
  else if (misdeed->part == NO_PART)
    misdeed->how();
  else
    done(misdeed->part, misdeed->how);
  send_out();
}

/* ---- who it is to be this time ---- */

/* The text up to the next quote after `before`. */
static struct bytes quoted_after(struct bytes whole, const char *before)
{
  char *at = memmem(whole.data, whole.size, before, strlen(before));
  if (!at)
    return bytes_of("");
  at += strlen(before);
  char *close = memchr(at, '"', (size_t)(whole.data + whole.size - at));
  return close ? bytes_from(at, (size_t)(close - at)) : bytes_of("");
}

static bool serve(void)
{
  struct error error;
  enum frame_type type;
  struct init_frame init;
  struct deliver_frame deliver;
  if (frame_peek(buffer_bytes(&in), &type, &current_id, &error) != VATD_OK)
    return false;
  arena_clear(&arena);
  result = bytes_of("");
  if (type == FRAME_INIT && frame_decode_init(buffer_bytes(&in), &arena, &init, &error) == VATD_OK) {
    commit_misdeed(misdeed_named(quoted_after(init.config, "\"case\":\"")));
  } else if (type == FRAME_DELIVER && frame_decode_deliver(buffer_bytes(&in), &arena, &deliver, &error) == VATD_OK) {
    struct vat_message *message = &deliver.delivery.message;
    bool is_message = deliver.delivery.type == DELIVERY_MESSAGE;
    result = is_message ? message->result : result;
    commit_misdeed(is_message ? misdeed_named(quoted_after(message->methargs.body, "[\"misbehave\",[\"")) : NULL);
  }
  return true;
}

int main(int argc, char **argv)
{
  struct error error;
  bool closed = false;
  for (size_t i = 0; argc > 1 && strcmp(argv[1], "--list") == 0 && i < MISDEEDS; i++)
    printf("%s %s\n", misdeeds[i].name, misdeeds[i].outcome);
  if (argc > 1)
    return 0;
  buffer_init(&in, LIMIT_FRAME_TO_WORKER);
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER + MIB);
  arena_init(&arena);
  while (channel_read(CHANNEL_FD, &in, &closed, &error) == VATD_OK && !closed) {
    if (!serve())
      return 1;
  }
  return 0;
}
