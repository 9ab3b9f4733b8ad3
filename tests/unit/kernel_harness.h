/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_harness.h - the real kernel over a store, with vats that a test plays by hand.
 *
 * The harness is the kernel's driver: it lets the kernel work, commits, and keeps the effects. A started worker gets a
 * successful init by itself (unless told otherwise); each delivery waits until the test takes it and answers it with
 * syscalls. After every pump the counts of all objects and promises are recomputed from what refs.h says is counted, and
 * compared with the stored ones.
 */
#ifndef TESTS_KERNEL_HARNESS_H
#define TESTS_KERNEL_HARNESS_H

#include "base/arena.h"
#include "kernel/kernel.h"
#include "store/store_engines.h"
#include "wire/frame.h"

#include <jansson.h>

#define HARNESS_VATS 16
#define HARNESS_ANSWERS 256
#define HARNESS_CALLS 16
#define HARNESS_BEHIND 16

struct played_worker {
  uint64_t worker; /* 0: none */
  uint64_t vat;
  uint64_t frame_id;
  bool has_delivery;
  struct delivery delivery;
  struct deliver_frame behind[HARNESS_BEHIND]; /* have been sent behind it */
  size_t behind_count;
  size_t starts;   /* how often a worker was started for this vat */
  struct key_value_list state; /* what the last init carried */
  struct bytes bundle;         /* likewise */
  struct bytes program;        /* what the last worker was started with: HARNESS_PROGRAM for a programSpec */
  struct vat_limits limits;
  bool complete;               /* likewise: whether that was all */
  struct page_reply_frame page; /* the last one it got */
  uint64_t deadline_ms;        /* of the last timed frame */
  struct bytes image;          /* what the last init carried */
  uint64_t pinged;             /* id of the last ping it got */
  uint64_t image_asked;        /* id of the hibernate frame that is not answered, or 0 */
};

#define HARNESS_PROGRAM "\177ELF\377\376" /* no UTF-8 */
#define HARNESS_BUNDLE "{\"moduleFormat\":\"iife\"}"

struct harness {
  struct store *store;
  struct kernel *kernel;
  struct arena arena; /* what tests are handed lives until harness_close */
  struct played_worker vats[HARNESS_VATS]; /* by vat id */
  struct effect answers[HARNESS_ANSWERS];  /* by request */
  bool answered[HARNESS_ANSWERS];
  uint64_t next_request;
  struct effect calls[HARNESS_CALLS]; /* of services, as the host got them */
  size_t call_count;
  size_t cancelled_calls;
  bool hold_inits;  /* do not answer init frames */
  bool hold_commits;
  bool store_fails; /* a kernel that breaks is what the test waits for; counts are not compared */
  bool unchecked;   /* counts are not compared: the test compares the whole store */
  size_t log_lines;
  size_t rests; /* how often a vat was to rest; it is woken at once */
  uint64_t last_rest_ms;
};

void harness_open(struct harness *h);
/* With a store of the caller's, which harness_close will close. */
void harness_open_on(struct harness *h, struct store *store);
void harness_close(struct harness *h);
/* As if the process had died: the open batch is lost, a new kernel opens the store. */
void harness_crash(struct harness *h);

void harness_pump(struct harness *h);

/* Launches a subcluster of the named vats (NULL ends the list); plays bootstrap; returns the first vat's id. */
uint64_t harness_launch(struct harness *h, const char *first, ...);
/* Registers a service with the kernel of the moment. */
void harness_register(struct harness *h, const char *name, bool system_only);
/* The host answers the call of a service; `slot` may be NULL. */
void harness_service_returns(struct harness *h, size_t call, bool rejected, const char *body, const char *slot);

/* The request of a launch that the test plays itself. */
uint64_t harness_begin_launch(struct harness *h, const char *config);

/* Sends a message from the host; returns the request. */
uint64_t harness_call(struct harness *h, const char *target, const char *method);
uint64_t harness_call_with(struct harness *h, const char *target, const char *body, const char *slot);

/* The delivery that waits at the vat; fails the test when there is none. */
const struct delivery *harness_delivery(struct harness *h, uint64_t vat);
bool harness_has_delivery(const struct harness *h, uint64_t vat);
/* How many have been sent behind it; none unless kernel_deliver_ahead() was called. */
size_t harness_deliveries_behind(const struct harness *h, uint64_t vat);

/* Answers the vat's delivery. The frame's id is filled in. */
void harness_done(struct harness *h, uint64_t vat, struct done_frame frame);
void harness_done_with(struct harness *h, uint64_t vat, const struct vat_syscall *calls, size_t count);
/* Answers it with a resolution of its result. */
void harness_return(struct harness *h, uint64_t vat, const char *body, const char *slot);
void harness_throw(struct harness *h, uint64_t vat, const char *body);
/* The vat's worker asks for a page in the middle of its crank; what it gets is in vats[vat].page, whose id stays 0 when it gets none. */
void harness_page(struct harness *h, uint64_t vat, struct page_frame frame);
/* Answers a bringOutYourDead if that is what waits. */
void harness_skip_reap(struct harness *h, uint64_t vat);
/* The worker dies. */
void harness_worker_dies(struct harness *h, uint64_t vat, enum worker_end end);

/* Syscalls; slot may be NULL. Good until harness_close. */
struct vat_syscall call_send(struct harness *h, const char *target, const char *body, const char *slot, const char *result);
struct vat_syscall call_subscribe(const char *vpid);
struct vat_syscall call_resolve(struct harness *h, const char *vpid, bool rejected, const char *body, const char *slot);

/* The answer to a request as JSON text (result, or error object); fails when there is none yet. */
const char *harness_answer(struct harness *h, uint64_t request);
enum vatd_code harness_answer_code(struct harness *h, uint64_t request);
bool harness_is_answered(const struct harness *h, uint64_t request);

/* A kernel row's value, "" when there is none. */
const char *harness_row(struct harness *h, const char *key);
const char *harness_vat_row(struct harness *h, const char *vat, const char *key);
bool harness_has_row(struct harness *h, const char *key);
/* All rows of kv and kv_vatstore as one text, in order. */
const char *harness_dump(struct harness *h);
/* How many kv keys start with the prefix. */
size_t harness_count(struct harness *h, const char *prefix);

/* The worker answers the hibernate frame; an empty text: it can write nothing. */
void harness_hibernates(struct harness *h, uint64_t vat, const char *image);

/* Recomputes all counts; fails the test where they differ. Called by harness_pump. */
void harness_check_counts(struct harness *h);

#endif
