/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/cesu8.h - the engine's strings are not quite UTF-8.
 *
 * XS keeps a string as NUL-terminated CESU-8: a character beyond U+FFFF is two surrogates of three bytes each, NUL is
 * C0 80, and a lone surrogate, which JavaScript allows and UTF-8 does not, is three bytes of its own.
 */
#ifndef VATD_VAT_WORKER_CESU8_H
#define VATD_VAT_WORKER_CESU8_H

#include "base/bytes.h"

/*
 * The size of well-formed UTF-8 as CESU-8, without the terminator. Equal to utf8.size when the two are the same
 * bytes.
 */
size_t cesu8_size(struct bytes utf8);

/* Writes cesu8_size(utf8) bytes. */
void cesu8_encode(struct bytes utf8, char *out);

/*
 * To UTF-8, never longer than the input; returns the size. A lone surrogate becomes U+FFFD and `*lone` true (`lone` is
 * not touched otherwise, and may be NULL).
 */
size_t cesu8_decode(struct bytes cesu8, char *out, bool *lone);

#endif
