/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_script.h - cranks between the host and two vats, for tests of what a bad disk leaves of them.
 *
 * Four cranks make a cycle: a call from the host, alice, bob, alice hears of bob's answer.
 */
#ifndef TESTS_KERNEL_SCRIPT_H
#define TESTS_KERNEL_SCRIPT_H

#include "kernel_harness.h"

enum { SCRIPT_ALICE = 1, SCRIPT_BOB = 2 };

/* Launches the two; nothing is committed from here on but by the test. */
void script_open(struct harness *h, struct store *store);
/* Crank number `crank`, counted from 0. */
void script_run_crank(struct harness *h, unsigned crank);
/* How many requests the first `cranks` have answered. */
unsigned script_answers_of(unsigned cranks);
/* A call from the host. */
void script_call(struct harness *h);

#endif
