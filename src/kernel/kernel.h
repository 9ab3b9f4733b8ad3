/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/kernel.h - the state machine that is the kernel, as its driver sees it.
 *
 * The kernel holds no descriptor, clock, thread or process. Its driver (the daemon, or a test) feeds it inputs: requests
 * of clients, frames of workers, ends of workers. The kernel changes its store and hands out *effects*: start or stop this
 * worker, send it this frame, answer that request. Effects a client could see wait at the gate until the batch of store
 * changes that they follow from is durable; effects towards workers do not wait, for nobody outside sees a worker.
 *
 * The driver's loop:
 *
 *     feed an input; then
 *     while (kernel_step(k)) ;                     everything that can be done without waiting for a worker
 *     if (kernel_commit_due(k, batch age)) kernel_commit(k);
 *     while (kernel_take_effect(k, &effect)) carry it out;
 *
 * A store that fails makes the kernel *broken*: from then on it does nothing, hands out no effects, and kernel_broken()
 * says why. The driver then ends the process with exit code 70; the next start finds the last durable batch. Only a lack
 * of room can be lived through: kernel_reopen().
 */
#ifndef VATD_KERNEL_KERNEL_H
#define VATD_KERNEL_KERNEL_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "kernel/ids.h"
#include "kernel/store.h"
#include "wire/frame.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct kernel;

/* ---- life ---- */

/*
 * Reads what the store holds and makes ready to go on from there. Keeps `store` (not owned) until kernel_free; nothing is
 * written yet. Errors: CORRUPT or the store's own.
 */
enum vatd_code kernel_open(struct store *store, struct kernel **kernel, struct error *error);
void kernel_free(struct kernel *kernel);

/* NULL while all is well, else why the kernel has stopped for good. */
const struct error *kernel_broken(const struct kernel *kernel);

/* Whether it is broken for want of room, before anything was committed that must be asked for. */
bool kernel_is_full(const struct kernel *kernel);
/*
 * Undoes the open batch of a full kernel and begins anew with what the store holds, like after a crash: workers, requests
 * and calls under way are forgotten (the driver ends them); effects of durable batches can still be taken; what was
 * registered and restricted stays. Errors: the store's, and the kernel stays broken.
 */
enum vatd_code kernel_reopen(struct kernel *kernel, struct error *error);
/* Whether it is worth trying to write again. */
bool kernel_has_room(struct kernel *kernel);

/* Ends the workers of `count` vats that are idle, as far as there are such; those that have done nothing for the longest time first:
 * vats that may sleep ("idle": "sleep" in their configuration) end their incarnation, others hibernate if they have had nothing to do since
 * the last kernel_reap_idle(). Workers that are being ended already count. Returns how many vats were told so. */
size_t kernel_let_sleep(struct kernel *kernel, size_t count);

/*
 * Before an orderly end: from now on no delivery is begun, and every vat that has done what it was sent writes its heap down
 * (kernel/hibernation.h), so that the next kernel on this database goes on where this one was. kernel_rests() once nothing is
 * under way any more; what has been committed by then is all of it. Requests are still taken; what needs a vat waits for the next
 * kernel.
 */
void kernel_begin_rest(struct kernel *kernel);
bool kernel_rests(const struct kernel *kernel);

/* How many bytes the images of heaps in this database may take, 0: none is made. LIMIT_IMAGES unless told. */
void kernel_limit_images(struct kernel *kernel, uint64_t bytes);

/* How many deliveries a vat may be sent before it is done with the first of them (kernel/ahead.h); 1 unless told. */
void kernel_deliver_ahead(struct kernel *kernel, size_t most);

/* What the kernel waits for: no worker, one with one delivery (`*worker`), or more. */
enum kernel_load { KERNEL_AT_REST, KERNEL_AWAITS_ONE, KERNEL_AWAITS_SEVERAL };
enum kernel_load kernel_load(const struct kernel *kernel, uint64_t *worker);

/* Starts the workers of all vats that are not suspended, instead of each at its first delivery. */
void kernel_start_all(struct kernel *kernel);

/* ---- progress ---- */

/* Does one piece of work that needs no waiting; false when there is none (or the kernel is broken). */
bool kernel_step(struct kernel *kernel);

/* Whether the open batch is to be committed now, `age_ms` milliseconds after its first change: always when nothing is under
 * way, else when it has become large or old enough. */
bool kernel_commit_due(const struct kernel *kernel, uint64_t age_ms);

/* Whether there is anything to commit: store changes, or effects that wait at the gate. */
bool kernel_batch_open(const struct kernel *kernel);

/* Closes the batch. Its gated effects come out once the store says that it is durable. */
void kernel_commit(struct kernel *kernel);

/* ---- effects ---- */

enum effect_type {
  EFFECT_START_WORKER, /* make a process for `worker` that will serve `vat`: of the program in `frame`, if there is one; when there is
                          a `name`, that is the SHA-256 of the JavaScript bundle in `frame`, which the vat will be started with */
  EFFECT_SEND,         /* send `frame` to `worker`; when `timed`, arm its deadline until its next frame arrives */
  EFFECT_STOP_WORKER,  /* kill `worker`; the kernel has forgotten it and wants to hear no more of it */
  EFFECT_ANSWER,       /* gated: answer `request` with `result`, or with `code` and `text` */
  EFFECT_LOG,          /* gated: a line of `vat` */
  EFFECT_WAKE_LATER,   /* call kernel_wake_vat for `vat` after `delay_ms` */
  EFFECT_SUBCLUSTER,   /* gated: the subcluster `name` begins, with `result` as its configuration, or has ended (NULL) */
  EFFECT_CANCEL_CALL,  /* gated: nobody waits any more for the answer of the call `request` */
  EFFECT_CALL_SERVICE, /* gated: call the service `name` with `result` = capdata of [method, args]; its answer is to come by
                          kernel_service_return with `request` as the call */
};

struct effect {
  enum effect_type type;
  uint64_t worker;
  uint64_t vat;
  struct buffer frame;
  bool timed;
  uint64_t deadline_ms; /* of a timed frame; 0: the driver's own */
  uint64_t heap_bytes;  /* of a worker to be started */
  uint64_t delay_ms;
  uint64_t request;
  enum vatd_code code; /* VATD_OK: `result` counts */
  json_t *result;      /* for VATD_REJECTED: the rejection as capdata, or NULL */
  char *text;          /* what went wrong, or the log line */
  char *name;          /* of the vat whose log line it is, or "" */
  char *level;         /* of a log line: "log", "warn", …; "kernel" for the kernel's own */
};

/* The next effect in order; the caller frees it with effect_fini. False when there is none. */
bool kernel_take_effect(struct kernel *kernel, struct effect *effect);
void effect_fini(struct effect *effect);

/* ---- inputs from workers ---- */

enum worker_end {
  WORKER_KILLED,   /* somebody asked for it (vat kill) */
  WORKER_CRASHED,  /* it exited or died from a signal */
  WORKER_DEADLINE, /* the driver killed it: a crank took too long */
  WORKER_VIOLATION, /* it tried what its sandbox forbids: no vat's code can by itself, so its engine is in others' hands */
  WORKER_OUT_OF_MEMORY, /* it could not get what it needed, and said so by its exit status */
  WORKER_UNSTARTABLE,
};

/* A frame's payload. A malformed or unexpected one ends worker and vat. Unknown workers are ignored. */
void kernel_worker_frame(struct kernel *kernel, uint64_t worker, struct bytes payload);
/* The time that EFFECT_WAKE_LATER asked for has passed; for unknown vats nothing happens. */
void kernel_wake_vat(struct kernel *kernel, uint64_t vat);
/* To be called now and then: vats that had deliveries, but none since the last call, are asked to collect their garbage, or put to
 * sleep, or hibernate, if their configuration says so. False: no vat has had a delivery since it was last asked, and none is awake
 * that is to leave. */
bool kernel_reap_idle(struct kernel *kernel);
/* The worker is gone; `detail` says how ("exit status 3", "signal 9 (Killed)"). Unknown workers are ignored. */
void kernel_worker_ended(struct kernel *kernel, uint64_t worker, enum worker_end end, const char *detail);

/* ---- requests ----
 *
 * `request` is the driver's number for the answer; 0 wants none. Each request is applied as a whole or not at all. `key` is
 * an idempotency key or NULL: a request whose key was seen before is not made again, it gets the first one's answer.
 */

/* Checks the form of a cluster configuration (the TypeScript kernel's ClusterConfig); INVALID or LIMIT with the reason. */
enum vatd_code kernel_check_config(const json_t *config, struct error *error);

/* A vat of a cluster configuration, with the code its spec led to. */
struct launch_bundle {
  const char *vat_name;
  struct bytes code;
};

/* What is to be launched; only read during the call. */
struct launch_order {
  const json_t *config;
  const struct launch_bundle *bundles; /* the code of each vat, by name */
  size_t bundle_count;
  bool unique_names;       /* a vat name that a living vat has is refused with EXISTS */
  const char *system_name; /* of a system subcluster, which is found by it after a restart and gets system services; or NULL */
};

/*
 * Launches the vats of a configuration in order and then sends `bootstrap` once. The answer comes when bootstrap has settled:
 * {subclusterId, rootKref, bootstrapResult, vats}.
 */
void kernel_launch(struct kernel *kernel, uint64_t request, const char *key, const struct launch_order *order);
/* The living system subclusters: {name: id}; a new reference. */
json_t *kernel_system_subclusters(struct kernel *kernel);

/*
 * Sends `methargs` (capdata of [method, args], slots are kref texts) to `target`: a kref, vat id or vat name. The answer is
 * the result as {body, slots}, or REJECTED with the reason's capdata.
 */
void kernel_queue_message(struct kernel *kernel, uint64_t request, const char *key, struct bytes target,
                          struct bytes body, const json_t *slots);

void kernel_terminate_vat(struct kernel *kernel, uint64_t request, const char *key, struct bytes vat);
void kernel_terminate_subcluster(struct kernel *kernel, uint64_t request, const char *key, struct bytes id);
void kernel_terminate_all(struct kernel *kernel, uint64_t request, const char *key);
/* Lets a suspended vat go on, with all that waits for it. */
void kernel_resume_vat(struct kernel *kernel, uint64_t request, struct bytes vat);
/* Ends the vat's incarnation; a suspended vat runs again. The worker starts with the next delivery. */
void kernel_restart_vat(struct kernel *kernel, uint64_t request, struct bytes vat);
/* Starts the vat's worker if needed, and answers "pong" when it has answered a ping. */
void kernel_ping_vat(struct kernel *kernel, uint64_t request, struct bytes vat);
/* Asks all vats that are awake, and those that have garbage collection to do, to collect their garbage; answers at once. */
void kernel_collect_garbage(struct kernel *kernel, uint64_t request);
void kernel_revoke(struct kernel *kernel, uint64_t request, struct bytes kref);
void kernel_is_revoked(struct kernel *kernel, uint64_t request, struct bytes kref);
/* The host holds the reference until it releases it, like one that it was given in an answer; a second time changes nothing. */
void kernel_pin(struct kernel *kernel, uint64_t request, struct bytes kref);
void kernel_release(struct kernel *kernel, uint64_t request, struct bytes kref);
/* What workers are shut in by, as the driver says it; `description` is taken over and becomes the member "sandbox" of the status. */
void kernel_describe_sandbox(struct kernel *kernel, json_t *description);
/* Ends every worker and empties the store. */
void kernel_clear_state(struct kernel *kernel, uint64_t request);
void kernel_get_status(struct kernel *kernel, uint64_t request);
void kernel_list_vats(struct kernel *kernel, uint64_t request);
void kernel_show_vat(struct kernel *kernel, uint64_t request, struct bytes vat);
/* Up to `limit` rows of a vat's storage whose key starts with `prefix` and is greater than `after`. */
void kernel_read_vatstore(struct kernel *kernel, uint64_t request, struct bytes vat, struct bytes prefix,
                          struct bytes after, size_t limit);
void kernel_query(struct kernel *kernel, uint64_t request, struct bytes sql);
/* An answer of the driver's own, sent through the gate like all others. Takes over `result`. */
void kernel_answer(struct kernel *kernel, uint64_t request, json_t *result);
void kernel_answer_error(struct kernel *kernel, uint64_t request, enum vatd_code code, const char *text);

/* ---- services (services.h) ----
 *
 * Objects of the driver's own that vats may call. A call is an effect, made after the batch that asked for it is durable and
 * at most once; what the kernel's end interrupts is rejected at the next start.
 */

/* The service of this name gets the calls of all IO channels, whose names are "io:<subcluster>:<channel>". */
#define SERVICE_OF_CHANNELS "io:"
/* Likewise of each vat's timer and fetch object (endowments.h), whose names end with the vat's id: "vatd:timer:v3". */
#define SERVICE_OF_TIMERS "vatd:timer:"
#define SERVICE_OF_FETCH "vatd:fetch:"

/* The registered service that an object's name belongs to: "io:" for "io:s1:log", and most names themselves. */
struct bytes kernel_service_of(struct bytes name);

/* `system_only`: only system subclusters get it. Errors: EXISTS, INVALID. */
enum vatd_code kernel_register_service(struct kernel *kernel, const char *name, bool system_only, struct error *error);
/* What is sent to its object from now on is rejected; calls under way may still return. */
void kernel_unregister_service(struct kernel *kernel, const char *name);
/* The end of a call. The slots are krefs that the host may name. Errors: NOT_FOUND (it has ended before), INVALID, LIMIT. */
enum vatd_code kernel_service_return(struct kernel *kernel, uint64_t call, bool rejected, struct bytes body,
                                     const json_t *slots, struct error *error);
/* Makes a vat's object known as a service, for configurations to ask for; it stays referenced. */
void kernel_name_service(struct kernel *kernel, uint64_t request, struct bytes name, struct bytes object);

/* From now on only these globals are granted to new vats; NULL: all. INVALID when a name is unknown. */
enum vatd_code kernel_restrict_globals(struct kernel *kernel, const json_t *names, struct error *error);

/* ---- what the driver may ask ---- */

/* The configuration of a vat, NULL when there is no such vat; a new reference. */
json_t *kernel_vat_config(struct kernel *kernel, uint64_t vat);

/* The vat's id for an id or a name; NOT_FOUND, or INVALID when several vats have that name. */
enum vatd_code kernel_find_vat(struct kernel *kernel, struct bytes vat, uint64_t *id, struct error *error);
/* The worker that runs the vat, or 0. */
uint64_t kernel_worker_of(const struct kernel *kernel, uint64_t vat);

#endif
