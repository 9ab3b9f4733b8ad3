/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/base64.h - bytes as base64 text (RFC 4648, with padding) and back. */
#ifndef VATD_LIBVATD_BASE64_H
#define VATD_LIBVATD_BASE64_H

#include "base/buffer.h"

#include <jansson.h>

/* The text as a JSON string; new reference. */
json_t *base64_encode(struct bytes bytes);
/* Appends the bytes that `text` stands for; false when it is malformed, or they do not fit. */
bool base64_decode(struct bytes text, struct buffer *bytes);

#endif
