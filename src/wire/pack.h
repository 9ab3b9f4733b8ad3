/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/pack.h - the few MessagePack forms that frames are made of: nil, booleans, unsigned integers, texts, bytes and arrays.
 *
 * Writing goes through msgpack-c. Reading does not: its unpacker builds a tree of 24 bytes per element before anybody has
 * looked at the counts, so that a hostile frame of N bytes costs 24 N; this reader walks the bytes once, allocates nothing,
 * and refuses every form a frame cannot hold. The unit tests hold the two against each other.
 */
#ifndef VATD_WIRE_PACK_H
#define VATD_WIRE_PACK_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>

/* Appends to a buffer; after the last write look at buffer->overflowed. */
struct packer {
  msgpack_packer msgpack;
};

void packer_init(struct packer *packer, struct buffer *out);
void pack_nil(struct packer *packer);
void pack_bool(struct packer *packer, bool value);
void pack_uint(struct packer *packer, uint64_t value);
void pack_text(struct packer *packer, struct bytes text);
/* Any bytes; the reader takes none for nil. */
void pack_binary(struct packer *packer, struct bytes content);
void pack_array(struct packer *packer, size_t count);

/*
 * Reads from `rest` on. The first failure is kept in `error` and sticks: all later reads fail too, so a caller may read
 * several things and ask once. What a failed read hands out is zero or empty.
 */
struct unpacker {
  struct bytes rest;
  struct error *error;
  bool failed;
};

void unpacker_init(struct unpacker *unpacker, struct bytes payload, struct error *error);
bool unpack_fail(struct unpacker *unpacker, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool unpack_bool(struct unpacker *unpacker);
uint64_t unpack_uint(struct unpacker *unpacker);
/* Valid UTF-8 of at most `limit` bytes, borrowed from the payload; `what` names it in the error. */
struct bytes unpack_text(struct unpacker *unpacker, size_t limit, const char *what);
/* As unpack_text, but nil gives the empty text, and the empty text fails. */
struct bytes unpack_optional_text(struct unpacker *unpacker, size_t limit, const char *what);
/* Any bytes, borrowed from the payload; of nil none. */
struct bytes unpack_binary(struct unpacker *unpacker, size_t limit, const char *what);
/* The number of elements that follow, at most `limit` and never more than the bytes that remain. */
size_t unpack_array(struct unpacker *unpacker, size_t limit, const char *what);
/* Fails unless exactly `count` elements follow. */
bool unpack_array_of(struct unpacker *unpacker, size_t count, const char *what);
/* Fails unless nothing remains. */
bool unpack_end(struct unpacker *unpacker);

#endif
