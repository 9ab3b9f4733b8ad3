/* SPDX-License-Identifier: Apache-2.0 */
/* vatd/codes.h - how an operation of vatd can end. */
#ifndef VATD_CODES_H
#define VATD_CODES_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, meaning). Numbers are part of the interface: they are never changed, new ones are appended. */
#define VATD_CODES(X) \
  X(OK, 0, "success") \
  X(INVALID, 1, "the input is malformed or breaks a rule") \
  X(NOT_FOUND, 2, "what was named does not exist") \
  X(EXISTS, 3, "what was to be made exists already") \
  X(LIMIT, 4, "a named limit was exceeded") \
  X(MISUSE, 5, "the caller broke this function's contract") \
  X(BUSY, 6, "another process or activity holds it") \
  X(READ_ONLY, 7, "it cannot be written") \
  X(VERSION, 8, "made by another version of vatd") \
  X(CORRUPT, 9, "stored data contradicts itself") \
  X(IO, 10, "the operating system or the disk refused") \
  X(FULL, 11, "no room on the disk") \
  X(IN_DOUBT, 12, "a commit ended without saying whether it is stored") \
  X(FENCED, 13, "another kernel has taken this database over") \
  X(REJECTED, 14, "a vat or a launch said no") \
  X(CLOSED, 15, "the kernel was closed first") \
  X(BAD_PARAMS, 16, "the parameters are not what the method takes") \
  X(NO_METHOD, 17, "there is no such method")

enum vatd_code {
#define X(name, number, meaning) VATD_##name = number,
  VATD_CODES(X)
#undef X
};

/* "INVALID", "NOT_FOUND", ... */
const char *vatd_code_name(enum vatd_code code);

#ifdef __cplusplus
}
#endif

#endif
