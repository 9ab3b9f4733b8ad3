/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/hostile/probe.h - what is said to a worker that does nothing but try system calls.
 *
 * It is started like any worker, enters the same sandbox, and then makes one system call for each command. Layers are left
 * out by linking it without them: vatd itself has no switch for that.
 */
#ifndef VATD_TESTS_PROBE_H
#define VATD_TESTS_PROBE_H

#include <stdint.h>

#define PROBE_DATA 128
#define PROBE_ARGUMENTS 6

enum probe_kind {
  PROBE_ENTER,     /* the first: into the sandbox of the audience in `number` */
  PROBE_CALL,      /* syscall(number, arguments...) */
  PROBE_INTERRUPT, /* the 32-bit way: int 0x80 */
};

/* An argument of this value stands for the address of `data`. */
#define PROBE_POINTER 0x5050505050505050ull

struct probe_command {
  int64_t kind;
  int64_t number;
  uint64_t arguments[PROBE_ARGUMENTS];
  char data[PROBE_DATA];
};

struct probe_answer {
  int64_t result; /* -errno when it failed */
};

#endif
