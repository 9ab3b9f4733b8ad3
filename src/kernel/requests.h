/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/requests.h - what clients asked for, as far as the rest of the kernel has to know.
 *
 * A request that waits for a promise is a run-time thing: it ends with its connection. A request with an idempotency key
 * also leaves a row, so that a client that lost its connection can ask again and gets the first one's answer, also from the
 * next kernel:
 *
 *   idempotency.key.<key> JSON: {"promise": kpN} or {"launch": sN} while it is under way (the promise is referenced),
 *                         {"result": …} or {"code": …, "error": …, "rejection"?: …} when it is done
 *   kpN.idempotency, sN.idempotency      the key that waits for this promise or launch
 *   idempotency.at.N, .head, .tail       the keys in order of arrival; beyond LIMIT_IDEMPOTENCY_KEYS the oldest go
 */
#ifndef VATD_KERNEL_REQUESTS_H
#define VATD_KERNEL_REQUESTS_H

#include "kernel/internal.h"

/* ---- called inside a crank ---- */

/* The promise was settled in this crank: a key that waits for it gets its answer. */
void request_promise_settled(struct kernel *k, struct kref promise);
/* At the end of a crank: answers the requests that wait for what it settled, and tells the launches. */
void requests_answer_settled(struct kernel *k);
/* The host is given these references: they stay until it lets go. */
void request_hold_slots(struct kernel *k, const struct kernel_data *data);
void request_note_launch(struct kernel *k, const char *key, uint64_t subcluster);
/* `result` is borrowed; with a code other than VATD_OK `text` says what failed. */
void request_launch_ended(struct kernel *k, uint64_t subcluster, enum vatd_code code, const json_t *result,
                          const char *text);

/* The object that a kref from outside names, if the host may use it; INVALID or NOT_FOUND. */
enum vatd_code request_check_object(struct kernel *k, struct bytes text, struct kref *object, struct error *error);
/* Slots from outside: krefs that the host may use, in the arena; `slots` may be NULL. */
enum vatd_code request_read_slots(struct kernel *k, const json_t *slots, struct kernel_data *data, struct error *error);

/* "TypeError: no such thing" for an Error, else the body; in the arena. */
const char *request_rejection_text(struct kernel *k, const struct kernel_data *reason);

/* The id of the vat that a request names; if there is none the request is answered and false returned. */
bool request_find_vat(struct kernel *k, uint64_t request, struct bytes vat, uint64_t *id);

/* All waiting requests are told that their promise is gone. */
void requests_abandon(struct kernel *k, const char *why);
/* Forgets who waits; nobody is told. */
void requests_forget(struct kernel *k);

#endif
