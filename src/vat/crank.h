/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/crank.h - what one crank of the vat does, gathered for its done frame.
 *
 * The host's functions add to it while JavaScript runs; nothing of it leaves the worker before the crank is over.
 */
#ifndef VATD_VAT_CRANK_H
#define VATD_VAT_CRANK_H

#include "base/limits.h"
#include "vat/vatstore_cache.h"
#include "wire/frame.h"

#define LIMIT_UNHANDLED_PER_CRANK 100 /* unhandled rejections told one by one */

/* What sets, deletes and syscalls of one crank may take, so that they fit the done frame beside a full log. */
#define LIMIT_EFFECT_BYTES \
  (LIMIT_FRAME_FROM_WORKER - (LIMIT_LOG_LINES_PER_CRANK + LIMIT_UNHANDLED_PER_CRANK + 2) * LIMIT_LOG_LINE - 32 * MIB)

struct crank {
  struct vatstore_cache *cache;
  struct arena arena;
  struct vat_syscall *syscalls;
  size_t syscall_count;
  size_t syscall_capacity;
  size_t syscall_bytes;
  struct log_line logs[LIMIT_LOG_LINES_PER_CRANK + 1]; /* the last is for saying how many were dropped */
  size_t log_count;
  size_t logs_dropped;
  struct bytes unhandled[LIMIT_UNHANDLED_PER_CRANK + 1];
  size_t unhandled_count;
  size_t unhandled_dropped;
  bool finished; /* the supervisor said how dispatch ended: */
  bool succeeded;
  struct bytes failure; /* why not */
};

void crank_init(struct crank *crank, struct vatstore_cache *cache);
void crank_fini(struct crank *crank);
/* Forgets everything, the cache's changes included: a new crank begins. */
void crank_begin(struct crank *crank);

/* Takes over a syscall whose content lies in the crank's arena. `bytes` is the size of its content. False: too many. */
bool crank_add_syscall(struct crank *crank, const struct vat_syscall *syscall, size_t bytes);

/* True when what the crank has done so far still fits a done frame. */
bool crank_effects_fit(const struct crank *crank);

/* Both copy and cut. `level` must be a literal. */
void crank_log(struct crank *crank, const char *level, struct bytes text);
void crank_add_unhandled(struct crank *crank, struct bytes text);

/*
 * Appends the done frame. For any status but DONE_OK there is no checkpoint and no syscall in it, only the logs.
 * False: it does not fit (nothing was appended).
 */
bool crank_encode_done(struct crank *crank, uint64_t id, enum done_status status, struct bytes text,
                       const struct usage *usage, struct buffer *out);

#endif
