/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/check.h - assertions for our own bugs, on in every build.
 *
 * Four kinds of wrong are kept apart (ARCHITECTURE.md, "Errors"): untrusted input and misuse return codes; storage in
 * doubt stops the daemon with exit 70; only a broken belief of our own comes here and aborts at once, before a wrong
 * state can be committed. Since nothing is visible before its commit, an abort loses nothing that was acknowledged.
 */
#ifndef VATD_BASE_CHECK_H
#define VATD_BASE_CHECK_H

_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#define UNREACHABLE(why) check_failed("unreachable: " why, __FILE__, __LINE__)

#endif
