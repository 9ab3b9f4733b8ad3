/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/frame.h - the frames between the kernel and a worker.
 *
 * On the socket a frame is a 4-byte little-endian length followed by that many bytes: one MessagePack array
 * `[type, id, ...]`. `id` is chosen by the asker (the kernel; for `page` the worker) and repeated in the answer. Texts are
 * MessagePack str and always valid UTF-8. docs/protocol-worker.md is the full description; in short:
 *
 *   init    [1, id, vatID, configJSON, bundleJSON, [k, v, k, v, ...], complete, [computrons, heapBytes], image|nil]
 *   deliver [2, id, delivery]
 *   done    [3, id, [status, text], [k, v, ...] sets, [k, ...] deletes, [syscall, ...], [computrons, heapBytes, micros],
 *            [level, text, level, text, ...] logs, [text, ...] unhandled rejections]
 *   ping    [4, id]          pong [5, id]
 *   page      [6, id, from, count, bytes]          pageReply [7, id, [k, v, k, v, ...], more]
 *   hibernate [8, id]                              image     [9, id, image|nil]
 *   compile   [10, id, bundleJSON]                 (answered by image, too)
 *
 *   delivery: ["message", target, [body, [slot...]] methargs, result|nil]
 *             ["notify", [[vpid, rejected, [body, [slot...]]], ...]]
 *             ["dropExports"|"retireExports"|"retireImports", [vref...]]
 *             ["bringOutYourDead"]
 *   syscall:  ["send", target, [body, [slot...]], result|nil]
 *             ["subscribe", vpid]
 *             ["resolve", [[vpid, rejected, [body, [slot...]]], ...]]
 *             ["exit", isFailure, [body, [slot...]]]
 *             ["dropImports"|"retireImports"|"retireExports"|"abandonExports", [vref...]]
 *
 * These are the delivery and syscall tuples of the TypeScript kernel (packages/ocap-kernel/src/types.ts) and of SwingSet,
 * but for the vatstore syscalls, which never leave the worker.
 *
 * A decoder looks at the whole frame and bounds it before it allocates; everything it hands out lies in the arena or
 * borrows from the frame's bytes, which must outlive it.
 */
#ifndef VATD_WIRE_FRAME_H
#define VATD_WIRE_FRAME_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum frame_type {
  FRAME_INIT = 1,
  FRAME_DELIVER = 2,
  FRAME_DONE = 3,
  FRAME_PING = 4,
  FRAME_PONG = 5,
  FRAME_PAGE = 6,
  FRAME_PAGE_REPLY = 7,
  FRAME_HIBERNATE = 8,
  FRAME_IMAGE = 9,
  FRAME_COMPILE = 10,
};

#define FRAME_LAST FRAME_COMPILE

#define FRAME_HEADER_SIZE 4

struct bytes_list {
  struct bytes *items;
  size_t count;
};

/* Data with references: `body` is a smallcaps text whose `$0`, `&1` name slots[0], slots[1] (Endo marshal). */
struct capdata {
  struct bytes body;
  struct bytes_list slots;
};

struct resolution {
  struct bytes vpid;
  bool rejected;
  struct capdata data;
};

struct resolution_list {
  struct resolution *items;
  size_t count;
};

struct key_value {
  struct bytes key;
  struct bytes value;
};

struct key_value_list {
  struct key_value *items;
  size_t count;
};

struct vat_message {
  struct bytes target;
  struct capdata methargs;
  struct bytes result; /* size 0: the sender wants no result */
};

/* X(enumerator, name on the wire) */
#define DELIVERY_TYPES(X) \
  X(DELIVERY_MESSAGE, "message") \
  X(DELIVERY_NOTIFY, "notify") \
  X(DELIVERY_DROP_EXPORTS, "dropExports") \
  X(DELIVERY_RETIRE_EXPORTS, "retireExports") \
  X(DELIVERY_RETIRE_IMPORTS, "retireImports") \
  X(DELIVERY_BRING_OUT_YOUR_DEAD, "bringOutYourDead")

#define SYSCALL_TYPES(X) \
  X(SYSCALL_SEND, "send") \
  X(SYSCALL_SUBSCRIBE, "subscribe") \
  X(SYSCALL_RESOLVE, "resolve") \
  X(SYSCALL_EXIT, "exit") \
  X(SYSCALL_DROP_IMPORTS, "dropImports") \
  X(SYSCALL_RETIRE_IMPORTS, "retireImports") \
  X(SYSCALL_RETIRE_EXPORTS, "retireExports") \
  X(SYSCALL_ABANDON_EXPORTS, "abandonExports")

enum delivery_type {
#define X(name, text) name,
  DELIVERY_TYPES(X)
#undef X
};

enum syscall_type {
#define X(name, text) name,
  SYSCALL_TYPES(X)
#undef X
};

struct delivery {
  enum delivery_type type;
  struct vat_message message;         /* DELIVERY_MESSAGE */
  struct resolution_list resolutions; /* DELIVERY_NOTIFY */
  struct bytes_list vrefs;            /* the three GC deliveries */
};

struct vat_syscall {
  enum syscall_type type;
  struct vat_message message;         /* SYSCALL_SEND */
  struct bytes vpid;                  /* SYSCALL_SUBSCRIBE */
  struct resolution_list resolutions; /* SYSCALL_RESOLVE */
  bool is_failure;                    /* SYSCALL_EXIT */
  struct capdata info;                /* SYSCALL_EXIT */
  struct bytes_list vrefs;            /* the four GC syscalls */
};

const char *delivery_type_name(enum delivery_type type);
const char *syscall_type_name(enum syscall_type type);

struct vat_limits {
  uint64_t computrons; /* per crank */
  uint64_t heap_bytes;
};

struct init_frame {
  uint64_t id;
  struct bytes vat;    /* "v3" */
  struct bytes config; /* the VatConfig as JSON text */
  struct bytes bundle; /* the bundle's JSON text */
  struct key_value_list state; /* in key order, from the first key on */
  bool complete;       /* whether `state` is all there is */
  struct vat_limits limits;
  struct bytes image;  /* of the heap that the vat goes on with; empty: it starts, with the bundle */
};

struct deliver_frame {
  uint64_t id;
  struct delivery delivery;
};

/* How a crank ended, as the worker saw it. After anything but DONE_OK the worker exits by itself. X(enumerator, name) */
#define DONE_STATUSES(X) \
  X(DONE_OK, "ok")                 /* quiescent; for init: the vat is started */ \
  X(DONE_INIT_FAILED, "init-failed") /* bad bundle, or the vat's code threw; text says what (init only) */ \
  X(DONE_LIMIT_COMPUTE, "compute") \
  X(DONE_LIMIT_MEMORY, "memory") \
  X(DONE_LIMIT_STACK, "stack") \
  X(DONE_LIMIT_KEYS, "keys")       /* the engine's table of property names is full */ \
  X(DONE_CRASHED, "crashed")       /* the engine or liveslots broke down; text says how */

enum done_status {
#define X(name, text) name,
  DONE_STATUSES(X)
#undef X
};

const char *done_status_name(enum done_status status);

struct usage {
  uint64_t computrons;
  uint64_t heap_bytes;
  uint64_t microseconds;
};

struct log_line {
  struct bytes level; /* "debug", "log", "info", "warn", "error" */
  struct bytes text;
};

struct done_frame {
  uint64_t id;
  enum done_status status;
  struct bytes status_text;
  struct key_value_list sets; /* in the order in which keys were first set (a deleted key starts anew) */
  struct bytes_list deletes;  /* in the order of the deletes */
  struct vat_syscall *syscalls;
  size_t syscall_count;
  struct usage usage;
  struct log_line *logs;
  size_t log_count;
  struct bytes_list unhandled; /* reasons of rejections nobody handled, as texts */
};

/* Asks for rows of the vat's storage, in the middle of a crank. */
struct page_frame {
  uint64_t id;
  struct bytes from; /* the first key wanted, or a key and a NUL: what is behind that key */
  uint64_t count;    /* at most so many rows */
  uint64_t bytes;    /* of keys and values, likewise; but one row comes, whatever its size */
};

struct page_reply_frame {
  uint64_t id;
  struct key_value_list rows; /* all there are from the key asked for to the last of these, in key order */
  bool more;                  /* whether there are rows behind them */
};

/* Asks a worker that has no vat for an image of the bundle's code. */
struct compile_frame {
  uint64_t id;
  struct bytes bundle;
};

/* What a worker answers to `hibernate`: its heap, for the next worker of the same vat; empty: it could not write it down. To `compile`:
 * a heap that has the bundle's code, of which nothing has run, for workers of that bundle's vats; empty: there is none. */
struct image_frame {
  uint64_t id;
  struct bytes image;
};

/*
 * Encoders append one whole frame, length included, to `out`. False: it does not fit the buffer's limit (then the buffer's
 * content is as before and `overflowed` is set).
 */
bool frame_encode_init(struct buffer *out, const struct init_frame *frame);
bool frame_encode_deliver(struct buffer *out, uint64_t id, const struct delivery *delivery);
bool frame_encode_done(struct buffer *out, const struct done_frame *frame);
bool frame_encode_ping(struct buffer *out, uint64_t id);
bool frame_encode_pong(struct buffer *out, uint64_t id);
bool frame_encode_hibernate(struct buffer *out, uint64_t id);
bool frame_encode_compile(struct buffer *out, const struct compile_frame *frame);
bool frame_encode_image(struct buffer *out, const struct image_frame *frame);
bool frame_encode_page(struct buffer *out, const struct page_frame *frame);
bool frame_encode_page_reply(struct buffer *out, const struct page_reply_frame *frame);

/*
 * The size of the payload announced by the 4 header bytes, or INVALID when it is 0 or over `limit`.
 */
enum vatd_code frame_payload_size(const void *header, size_t limit, size_t *size, struct error *error);

/* Type and id of a payload, after checking the whole payload's structure (depth, counts, sizes, nothing after the end). */
enum vatd_code frame_peek(struct bytes payload, enum frame_type *type, uint64_t *id, struct error *error);

/* Decoders of a payload (without the 4 header bytes). */
enum vatd_code frame_decode_init(struct bytes payload, struct arena *arena, struct init_frame *frame, struct error *error);
enum vatd_code frame_decode_deliver(struct bytes payload, struct arena *arena, struct deliver_frame *frame,
                                    struct error *error);
enum vatd_code frame_decode_done(struct bytes payload, struct arena *arena, struct done_frame *frame, struct error *error);
enum vatd_code frame_decode_compile(struct bytes payload, struct compile_frame *frame, struct error *error);
enum vatd_code frame_decode_image(struct bytes payload, struct image_frame *frame, struct error *error);
/* What it asks for is within the limits. */
enum vatd_code frame_decode_page(struct bytes payload, struct page_frame *frame, struct error *error);
enum vatd_code frame_decode_page_reply(struct bytes payload, struct arena *arena, struct page_reply_frame *frame,
                                       struct error *error);

#endif
