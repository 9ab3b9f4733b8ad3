/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/random_delivery.h - calls for the vat chance.js, at random. VATD_SEED=N repeats a run.
 */
#ifndef VATD_TESTS_RANDOM_DELIVERY_H
#define VATD_TESTS_RANDOM_DELIVERY_H

#include "base/buffer.h"

/* Takes VATD_SEED or the time, and prints which. */
void random_seed(void);
/* Less than `below`. */
unsigned chance(unsigned below);
/* Appends the smallcaps body of a method's arguments; slots[0] is an object, slots[1] a promise. */
void random_call(struct buffer *body);
/* Appends the smallcaps body of a value without depth; slots[0] is an object. */
void random_result(struct buffer *body);

#endif
