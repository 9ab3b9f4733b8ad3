/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vat_harness.h - a vat in C, which is the test program itself in another process, seen from the kernel's side: deliveries in, and what the vat
 * did as one line of text.
 *
 *     send TARGET BODY[SLOT,…] RESULT | subscribe P | resolve P=BODY[SLOT,…] or P!BODY[SLOT,…] | exit … |
 *     dropImports V,… | set K=V | delete K | log LEVEL TEXT
 */
#ifndef VATD_TESTS_VAT_HARNESS_H
#define VATD_TESTS_VAT_HARNESS_H

#include "vat/internal.h"
#include "worker_harness.h"

struct vat_test {
  struct worker_process worker;
  struct buffer line;
  unsigned calls;
  char result[32]; /* the promise for the result of the last vat_call(), "p-100" in `line` */
};

/* What main() of the test does first: serves the program and ends when this process is the vat. */
void vat_serve_if_told(int argc, char **argv, const struct vatd_program *program);


/* Starts the program of the test; what its start did is in `line`. */
void vat_start(struct vat_test *test, const char *parameters);
/* Ends the process, which must be well, and starts another on the same storage. */
void vat_restart(struct vat_test *test);
/* Ends it; its exit status must be 0. */
void vat_end(struct vat_test *test);
/* Ends what has ended by itself. */
int vat_ended(struct vat_test *test);

/* What a message did. `slots` are separated by spaces, "" for none; `result` may be NULL. */
const char *vat_message(struct vat_test *test, const char *target, const char *body, const char *slots, const char *result);
/* METHOD(ARGS) to o+0 with a new promise for the result; ARGS is the inside of a smallcaps array. */
const char *vat_call(struct vat_test *test, const char *method, const char *args, const char *slots);
const char *vat_notify(struct vat_test *test, const char *vpid, bool rejected, const char *body, const char *slots);
const char *vat_notify_all(struct vat_test *test, const struct resolution *items, size_t count);
const char *vat_garbage(struct vat_test *test, enum delivery_type type, const char *vrefs);
/* Sends a message without waiting. */
void vat_send_only(struct vat_test *test, const char *target, const char *body, const char *slots, const char *result);

/* ---- the vat of the tests ---- */

extern const struct vatd_program probe_program;

/* Before and after each test: the probe runs, and must be well in the end. */
int vat_test_begin(void **state);
int vat_test_end(void **state);

/* How a vat_call() ends that returns a value, or nothing. */
#define RESOLVED(value) "resolve p-100=" value
#define DONE RESOLVED("\"#undefined\"[]")

#endif
