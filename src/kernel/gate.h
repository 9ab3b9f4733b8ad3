/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/gate.h - effects on their way out, and the gate that holds some of them back.
 *
 * What a client can see (answers, log lines) must not leave before the batch that it follows from is durable; otherwise a
 * crash could undo what somebody has already been told. So such an effect waits for the batch that was open when it came
 * about, and comes out when the store reports that batch durable. (Source: the output gate of Cloudflare's workerd,
 * io-gate.h.) Effects towards workers pass at once: a worker is inside, it ends with the kernel.
 */
#ifndef VATD_KERNEL_GATE_H
#define VATD_KERNEL_GATE_H

#include "kernel/internal.h"

/* Answers a request, gated; does nothing for request 0. Takes over `result`. */
void gate_answer(struct kernel *k, uint64_t request, json_t *result);
void gate_answer_error(struct kernel *k, uint64_t request, enum vatd_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A call that was rejected: `rejection` is its capdata, `text` the same for people. Takes over `rejection`. */
void gate_answer_rejected(struct kernel *k, uint64_t request, json_t *rejection, const char *text);
/* A call that the host is to make, gated. Takes over `methargs` ({body, slots}). */
void gate_call_service(struct kernel *k, uint64_t call, struct bytes service, json_t *methargs);
/* The call has ended without the host's answer; gated. */
void gate_cancel_call(struct kernel *k, uint64_t call);
/* A subcluster begins (takes over `config`), or has ended (NULL); gated. */
void gate_subcluster(struct kernel *k, uint64_t subcluster, json_t *config);
/* A log line of a vat, gated. */
void gate_log(struct kernel *k, uint64_t vat, struct bytes level, struct bytes text);
void gate_log_kernel(struct kernel *k, uint64_t vat, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Towards the vat's worker. What `program` and `frame` hold is taken over. An empty program: the worker gets its code by init. */
void effect_start_worker(struct kernel *k, const struct vat *vat, struct buffer *code, struct bytes bundle);
void effect_send(struct kernel *k, const struct vat *vat, struct buffer *frame, bool timed);
void effect_wake_later(struct kernel *k, uint64_t vat, uint64_t delay_ms);
void effect_stop_worker(struct kernel *k, uint64_t worker, uint64_t vat);

/* The open batch got a number: what waits for it waits for that number now. */
void gate_close_batch(struct kernel *k, uint64_t batch);
/* All batches up to `batch` are durable. */
void gate_open(struct kernel *k, uint64_t batch);

/* The open batch has been given up, and all workers and calls with it: what came of them is forgotten. What earlier batches
 * have to say stays. */
void gate_forget(struct kernel *k);

void gate_fini(struct kernel *k);

#endif
