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
#include <vatd/codes.h>

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

#endif
