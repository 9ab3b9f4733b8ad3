/* SPDX-License-Identifier: Apache-2.0 */
/* base/sha256.h - SHA-256 (FIPS 180-4), with the processor's own instructions where it has them. */
#ifndef VATD_BASE_SHA256_H
#define VATD_BASE_SHA256_H

#include "base/bytes.h"

#define SHA256_HEX_SIZE 65 /* 64 lower-case digits and a NUL */

void sha256_hex(struct bytes content, char hex[SHA256_HEX_SIZE]);

#endif
