/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_registers.h - included ahead of XS's xsRun.c: lets the interpreter's loop keep its state in registers.
 *
 * A variable that is needed after a setjmp() cannot be in a register in all of the function that calls it. The loop
 * (fxRunID) calls setjmp() for each `try`, and so had its stack, scope, frame, code and machine in memory: each byte code
 * waited for the one before it to be stored. Here they are kept elsewhere during the call, so that none is needed across it. When
 * the call returns for the second time, the loop itself sets them from the jump; but for the machine, and that is the one that
 * was kept last: a process has one at a time.
 */
#ifndef VATD_VAT_WORKER_XS_REGISTERS_H
#define VATD_VAT_WORKER_XS_REGISTERS_H

#include "xsAll.h"

static struct {
  txMachine *the;
  txSlot *stack, *scope, *frame;
  txByte *code;
} kept;

/* The loop's variables by their names elsewhere in that file, where `jump` is none: never used, and nowhere defined. */
extern txSlot *stack, *scope, *frame, *environment;
extern txByte *code;
extern txU1 byte;
extern txMachine *the;
extern int jump;

#undef c_setjmp
#define c_setjmp(buffer) \
  _Generic(jump, txJump *: ({ \
    kept.the = the, kept.stack = stack, kept.scope = scope, kept.frame = frame, kept.code = code; \
    int value = setjmp(buffer); \
    the = kept.the, stack = kept.stack, scope = kept.scope, frame = kept.frame, code = kept.code; \
    environment = frame ? mxFrameToEnvironment(frame) : NULL; \
    byte = *(txU1 *)code; \
    value; \
  }), default: setjmp(buffer))

#endif
