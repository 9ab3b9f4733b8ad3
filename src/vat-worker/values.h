/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/values.h - values between C and the engine.
 *
 * The functions that take `the` run inside a host frame, may collect garbage and may leave by a JavaScript exception: a
 * caller holds no memory that only it would free, and no pointer into the engine, across a call.
 */
#ifndef VATD_VAT_WORKER_VALUES_H
#define VATD_VAT_WORKER_VALUES_H

#include "base/arena.h"
#include "base/buffer.h"
#include "vat-worker/xs_platform.h"
#include "wire/frame.h"

/* Throws a new error of the class that the start realm knows as `name`. */
_Noreturn void values_throw(xsMachine *the, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Well-formed UTF-8 as a JavaScript string. */
xsSlot values_string(xsMachine *the, struct bytes utf8);

/*
 * The UTF-8 of a JavaScript string, in the arena. Throws a TypeError when the value is no string, or has a lone
 * surrogate and `what` is not NULL (it names the value in the message); with NULL a lone surrogate becomes U+FFFD.
 */
struct bytes values_text(xsMachine *the, const xsSlot *value, const char *what, struct arena *arena);

/* The same into a buffer that is reused from call to call (emptied first). */
struct bytes values_scratch_text(xsMachine *the, const xsSlot *value, const char *what, struct buffer *scratch);

/* The flat array of js/supervisor.js: unflattenDelivery(), into xsResult. */
void values_make_delivery(xsMachine *the, const struct delivery *delivery);

/* Reads a flat array of js/syscall.js from front to end. `array` stays where the engine can see it. */
struct values_reader {
  xsMachine *the;
  const xsSlot *array;
  struct arena *arena;
  size_t at;
  size_t bytes; /* of all texts read */
};

struct bytes values_read_text(struct values_reader *reader, const char *what);
bool values_read_flag(struct values_reader *reader);
size_t values_read_count(struct values_reader *reader, size_t limit, const char *what);
struct bytes values_read_vref(struct values_reader *reader);
struct capdata values_read_capdata(struct values_reader *reader);

#endif
