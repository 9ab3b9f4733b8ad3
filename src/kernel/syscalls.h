/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/syscalls.h - what a vat asked for during a crank: each syscall is validated completely against the state that its
 * predecessors left, then applied (seL4's decode and invoke).
 */
#ifndef VATD_KERNEL_SYSCALLS_H
#define VATD_KERNEL_SYSCALLS_H

#include "kernel/internal.h"

/* A vat's wish to end, made with vatPowers.exitVat or exitVatWithFailure; the first one of a crank counts. */
struct exit_wish {
  bool wanted;
  bool is_failure;
  struct bytes reason; /* the body of the capdata it gave */
};

/*
 * Applies all syscalls of a crank in order. INVALID with the reason when one breaks a rule: then the crank must be rolled
 * back, for its predecessors have been applied.
 */
enum vatd_code syscalls_apply(struct kernel *k, const struct vat *vat, const struct vat_syscall *calls, size_t count,
                              struct exit_wish *wish, struct error *error);

#endif
