/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire_frames.c - see wire_frames.h. */
#include "wire_frames.h"

#include "base/arena.h"
#include "base/check.h"

#define TEXT(literal) {literal, sizeof(literal) - 1}
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct bytes slots[] = {TEXT("o-5"), TEXT("p+7"), TEXT("o+d12/3:1")};
static struct bytes deleted[] = {TEXT("vc.1.sold"), TEXT("")};
static struct bytes unhandled[] = {TEXT("Error: nobody cares")};

static struct resolution resolutions[] = {
    {TEXT("p-9"), false, {TEXT("#42"), {NULL, 0}}},
    {TEXT("p+12"), true, {TEXT("#{\"#error\":\"\xC3\xA9\",\"name\":\"Error\"}"), {slots, 1}}},
};

static struct key_value pairs[] = {
    {TEXT("idCounters"), TEXT("{\"exportID\":10}")},
    {TEXT("vc.1.sk\0y"), TEXT("a\0b")},
    {TEXT("vc.1.s\xF0\x9F\x98\x80"), TEXT("")},
};

static struct vat_syscall syscalls[] = {
    {.type = SYSCALL_SEND, .message = {TEXT("o-5"), {TEXT("#[\"go\",[\"$0\"]]"), {slots, 3}}, TEXT("p+6")}},
    {.type = SYSCALL_SEND, .message = {TEXT("p-3"), {TEXT("#[\"go\",[]]"), {NULL, 0}}, {NULL, 0}}},
    {.type = SYSCALL_SUBSCRIBE, .vpid = TEXT("p+6")},
    {.type = SYSCALL_RESOLVE, .resolutions = {resolutions, COUNT_OF(resolutions)}},
    {.type = SYSCALL_EXIT, .is_failure = true, .info = {TEXT("#\"bye\""), {NULL, 0}}},
    {.type = SYSCALL_DROP_IMPORTS, .vrefs = {slots, 1}},
    {.type = SYSCALL_RETIRE_IMPORTS, .vrefs = {slots, 2}},
    {.type = SYSCALL_RETIRE_EXPORTS, .vrefs = {slots, 3}},
    {.type = SYSCALL_ABANDON_EXPORTS, .vrefs = {NULL, 0}},
};

static struct log_line logs[] = {{TEXT("log"), TEXT("hello")}, {TEXT("error"), TEXT("")}};

static const struct init_frame inits[] = {
    {.id = 1, .vat = TEXT("v1"), .config = TEXT("{}"), .bundle = TEXT("{}"), .complete = true},
    {.id = UINT64_MAX,
     .vat = TEXT("v12"),
     .config = TEXT("{\"parameters\":{}}"),
     .bundle = TEXT("{\"moduleFormat\":\"iife\"}"),
     .state = {pairs, COUNT_OF(pairs)},
     .limits = {2000000000, 1u << 30}},
    {.id = 2, .vat = TEXT("v3"), .config = TEXT("{}"), .complete = true, .image = TEXT("\0\xFF\xFE no text")},
};

static const struct delivery deliveries[] = {
    {.type = DELIVERY_MESSAGE, .message = {TEXT("o+0"), {TEXT("#[\"go\",[\"$0\"]]"), {slots, 2}}, TEXT("p-6")}},
    {.type = DELIVERY_MESSAGE, .message = {TEXT("o+0"), {TEXT("#[\"go\",[]]"), {NULL, 0}}, {NULL, 0}}},
    {.type = DELIVERY_NOTIFY, .resolutions = {resolutions, COUNT_OF(resolutions)}},
    {.type = DELIVERY_DROP_EXPORTS, .vrefs = {slots, 1}},
    {.type = DELIVERY_RETIRE_EXPORTS, .vrefs = {slots, 2}},
    {.type = DELIVERY_RETIRE_IMPORTS, .vrefs = {slots, 3}},
    {.type = DELIVERY_BRING_OUT_YOUR_DEAD},
};

static const struct done_frame dones[] = {
    {.id = 3, .status = DONE_OK},
    {.id = 1u << 20, .status = DONE_INIT_FAILED, .status_text = TEXT("SyntaxError: no")},
    {.id = 300,
     .status = DONE_CRASHED,
     .status_text = TEXT("out of luck"),
     .sets = {pairs, COUNT_OF(pairs)},
     .deletes = {deleted, COUNT_OF(deleted)},
     .syscalls = syscalls,
     .syscall_count = COUNT_OF(syscalls),
     .usage = {1000000, 1u << 24, 70000},
     .logs = logs,
     .log_count = COUNT_OF(logs),
     .unhandled = {unhandled, COUNT_OF(unhandled)}},
};

static const struct page_frame pages[] = {
    {1, TEXT(""), 16, 4096},
    {UINT64_MAX, TEXT("vc.1.sk\0"), 512, 65536},
};

static const struct page_reply_frame page_replies[] = {
    {1, {NULL, 0}, false},
    {UINT64_MAX, {pairs, COUNT_OF(pairs)}, true},
};

static char long_image[300];

static const struct image_frame images[] = {
    {1, {NULL, 0}},
    {300, TEXT("\xC1\0")},
    {UINT64_MAX, {long_image, sizeof long_image}},
};

static const struct compile_frame compiles[] = {
    {1, TEXT("")},
    {UINT64_MAX, TEXT("{\"code\":\"\"}")},
};

/* Frames of an id and nothing else. */
static const enum frame_type bare[] = {FRAME_PING, FRAME_PONG, FRAME_HIBERNATE};

static void encode_bare(struct buffer *out, enum frame_type type, uint64_t id)
{
  bool encoded = type == FRAME_PING   ? frame_encode_ping(out, id)
                 : type == FRAME_PONG ? frame_encode_pong(out, id)
                                      : frame_encode_hibernate(out, id);
  CHECK(encoded);
}

size_t wire_frame_count(void)
{
  return COUNT_OF(inits) + COUNT_OF(deliveries) + COUNT_OF(dones) + COUNT_OF(pages) + COUNT_OF(page_replies) + COUNT_OF(images) +
         COUNT_OF(compiles) + COUNT_OF(bare);
}

enum frame_type wire_frame_encode(size_t n, struct buffer *out)
{
  if (n < COUNT_OF(inits)) {
    CHECK(frame_encode_init(out, &inits[n]));
    return FRAME_INIT;
  }
  n -= COUNT_OF(inits);
  if (n < COUNT_OF(deliveries)) {
    CHECK(frame_encode_deliver(out, 1000 + n, &deliveries[n]));
    return FRAME_DELIVER;
  }
  n -= COUNT_OF(deliveries);
  if (n < COUNT_OF(dones)) {
    CHECK(frame_encode_done(out, &dones[n]));
    return FRAME_DONE;
  }
  n -= COUNT_OF(dones);
  if (n < COUNT_OF(pages)) {
    CHECK(frame_encode_page(out, &pages[n]));
    return FRAME_PAGE;
  }
  n -= COUNT_OF(pages);
  if (n < COUNT_OF(page_replies)) {
    CHECK(frame_encode_page_reply(out, &page_replies[n]));
    return FRAME_PAGE_REPLY;
  }
  n -= COUNT_OF(page_replies);
  if (n < COUNT_OF(images)) {
    CHECK(frame_encode_image(out, &images[n]));
    return FRAME_IMAGE;
  }
  n -= COUNT_OF(images);
  if (n < COUNT_OF(compiles)) {
    CHECK(frame_encode_compile(out, &compiles[n]));
    return FRAME_COMPILE;
  }
  n -= COUNT_OF(compiles);
  encode_bare(out, bare[n], n ? 65536 : 128);
  return bare[n];
}

static enum vatd_code init_again(struct bytes payload, struct arena *arena, struct buffer *out, struct error *error)
{
  struct init_frame frame;
  enum vatd_code code = frame_decode_init(payload, arena, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_init(out, &frame));
  return code;
}

static enum vatd_code deliver_again(struct bytes payload, struct arena *arena, struct buffer *out, struct error *error)
{
  struct deliver_frame frame;
  enum vatd_code code = frame_decode_deliver(payload, arena, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_deliver(out, frame.id, &frame.delivery));
  return code;
}

static enum vatd_code done_again(struct bytes payload, struct arena *arena, struct buffer *out, struct error *error)
{
  struct done_frame frame;
  enum vatd_code code = frame_decode_done(payload, arena, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_done(out, &frame));
  return code;
}

static enum vatd_code page_again(struct bytes payload, struct buffer *out, struct error *error)
{
  struct page_frame frame;
  enum vatd_code code = frame_decode_page(payload, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_page(out, &frame));
  return code;
}

static enum vatd_code page_reply_again(struct bytes payload, struct arena *arena, struct buffer *out, struct error *error)
{
  struct page_reply_frame frame;
  enum vatd_code code = frame_decode_page_reply(payload, arena, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_page_reply(out, &frame));
  return code;
}

static enum vatd_code image_again(struct bytes payload, struct buffer *out, struct error *error)
{
  struct image_frame frame;
  enum vatd_code code = frame_decode_image(payload, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_image(out, &frame));
  return code;
}

static enum vatd_code compile_again(struct bytes payload, struct buffer *out, struct error *error)
{
  struct compile_frame frame;
  enum vatd_code code = frame_decode_compile(payload, &frame, error);
  if (code == VATD_OK)
    CHECK(frame_encode_compile(out, &frame));
  return code;
}

static enum vatd_code bare_again(enum frame_type expected, struct bytes payload, struct buffer *out,
                                 struct error *error)
{
  enum frame_type type;
  uint64_t id;
  enum vatd_code code = frame_peek(payload, &type, &id, error);
  if (code == VATD_OK && type != expected)
    code = error_set(error, VATD_INVALID, "another type");
  if (code == VATD_OK)
    encode_bare(out, type, id);
  return code;
}

enum vatd_code wire_frame_again(enum frame_type type, struct bytes payload, struct buffer *out, struct error *error)
{
  struct arena arena;
  enum vatd_code code;
  arena_init(&arena);
  if (type == FRAME_INIT)
    code = init_again(payload, &arena, out, error);
  else if (type == FRAME_DELIVER)
    code = deliver_again(payload, &arena, out, error);
  else if (type == FRAME_DONE)
    code = done_again(payload, &arena, out, error);
  else if (type == FRAME_PAGE)
    code = page_again(payload, out, error);
  else if (type == FRAME_PAGE_REPLY)
    code = page_reply_again(payload, &arena, out, error);
  else if (type == FRAME_IMAGE)
    code = image_again(payload, out, error);
  else if (type == FRAME_COMPILE)
    code = compile_again(payload, out, error);
  else
    code = bare_again(type, payload, out, error);
  arena_fini(&arena);
  return code;
}
