/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/error.h - how a function says what went wrong.
 *
 * A fallible function returns an `enum vatd_code` (0 is success) and, when it fails, has filled the `struct error`
 * its caller handed in: a code for programs and one sentence for people. Callers on the way up add what they know
 * with error_wrap(), so that the final text reads from the outside in:
 *
 *     cannot launch cluster: vat "bob": bundle file /x/bob.bundle: No such file or directory
 *
 * Libraries never log and never exit. Out-parameters are untouched on failure.
 */
#ifndef VATD_BASE_ERROR_H
#define VATD_BASE_ERROR_H

#include <stdarg.h>

/* X(name, number, meaning). Numbers are part of the public interface: append, never renumber. */
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
  X(REJECTED, 14, "a vat or a launch said no")

enum vatd_code {
#define X(name, number, meaning) VATD_##name = number,
  VATD_CODES(X)
#undef X
};

#define ERROR_TEXT_MAX 1024

struct error {
  enum vatd_code code;
  char text[ERROR_TEXT_MAX];
};

/* Sets code and text; longer texts are cut. Returns the code, so that `return error_set(...)` reads well. NULL is fine. */
enum vatd_code error_set(struct error *error, enum vatd_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text, keeps the code and returns it. */
enum vatd_code error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_set with ": <strerror(errnum)>" appended. */
enum vatd_code error_set_errno(struct error *error, enum vatd_code code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "INVALID", "NOT_FOUND", ... */
const char *vatd_code_name(enum vatd_code code);

#endif
