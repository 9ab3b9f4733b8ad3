/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/log_frames.h - what the checksum VFS must know of SQLite's log (the -wal file).
 *
 * The log is a header of 32 bytes and frames; a frame is a header of 24 bytes and a page:
 *
 *   log     0 magic (its last bit: numbers are summed big-endian)   16 salt (8 bytes)   24 chain (8 bytes): sum of the
 *           24 bytes before
 *   frame   0 page number   8 salt of the log   16 chain: goes on from the frame before, over bytes 0-7 of this header
 *           and the page
 *
 * All numbers are big-endian. SQLite believes a log up to the first frame whose salt or chain is wrong. It computes the
 * chain before it writes, so whoever changes a page on its way must compute it anew; and it never looks at the chain
 * again when it reads a page from the log.
 *
 * SQLite leaves salt and chain of frames empty where it means to write them later, after a page was written for the
 * second time in one transaction. Version 3.40.1 forgets some of them when a savepoint is rolled back in between: then
 * the log ends there for whoever reads it after a crash, and the commit is lost. Frames that are written by way of
 * log_frames_append have both at any time.
 *
 * Here is the chain, and a table of the frames that are in the log: which page each
 * has and with which sum, for reading.
 *
 * Frames count from 0.
 */
#ifndef VATD_STORE_LOG_FRAMES_H
#define VATD_STORE_LOG_FRAMES_H

#include "store/page_seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_HEADER_SIZE 32
#define LOG_FRAME_HEADER_SIZE 24
#define LOG_FRAME_SIZE (LOG_FRAME_HEADER_SIZE + STORE_PAGE_SIZE)

struct log_chain {
  uint32_t a;
  uint32_t b;
};

struct log_frame {
  uint32_t page;
  struct log_chain chain;
  uint64_t sum;
};

struct log_frames {
  struct log_frame *items;
  size_t count;
  size_t room;
  struct log_chain start; /* of the log's header */
  unsigned char salt[8];
  bool big_endian;
};

void log_frames_fini(struct log_frames *f);
/* A log's header was read or written: what was known of frames is void. */
void log_frames_start(struct log_frames *f, const unsigned char header[LOG_HEADER_SIZE]);
/* A whole frame was read as it is. Out of order it is not taken. */
void log_frames_learn(struct log_frames *f, size_t number, const unsigned char frame[LOG_FRAME_SIZE]);
/* Notes a frame's header that was written as it is; false when there is no such frame. */
bool log_frames_put_header(struct log_frames *f, size_t number, const unsigned char header[LOG_FRAME_HEADER_SIZE]);
/* Completes a frame that is to be written at `number`, the end or before: its page gets its sum, its header salt and
 * chain; frames after it are void. False when `number` is beyond the end. */
bool log_frames_append(struct log_frames *f, size_t number, unsigned char frame[LOG_FRAME_SIZE], uint64_t id);

/* Whether an offset in the file is that of a frame's header, or of its page. */
bool log_frames_is_header(int64_t offset, size_t *number);
bool log_frames_is_page(int64_t offset, size_t *number);

#endif
