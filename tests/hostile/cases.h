/* SPDX-License-Identifier: Apache-2.0 */
/* tests/hostile/cases.h - what the evil client does, one attack each. */
#ifndef VATD_TESTS_HOSTILE_CASES_H
#define VATD_TESTS_HOSTILE_CASES_H

#include <stddef.h>
#include <sys/types.h>

struct target {
  const char *socket;
  pid_t pid;        /* of the daemon */
  const char *vat;  /* has the method `wait`, which never answers */
  unsigned seed;
};

struct attack {
  const char *name; /* what is so although it is done */
  /* NULL when the daemon did what it ought to; else what it did. */
  const char *(*run)(const struct target *target);
};

extern const struct attack line_attacks[]; /* what is sent */
extern const size_t line_attack_count;
extern const struct attack peer_attacks[]; /* how it is sent, and how answers are taken */
extern const size_t peer_attack_count;

#endif
