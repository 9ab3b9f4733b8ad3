/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/rules.h - what every engine accepts and refuses, so that a key that one takes is taken by all.
 */
#ifndef VATD_STORE_RULES_H
#define VATD_STORE_RULES_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/* Kernel keys with this prefix belong to the engine: get answers for them, nothing else shows or changes them. */
#define RULES_ENGINE_PREFIX "store."
#define RULES_EPOCH_KEY "store.epoch"
#define RULES_COMMIT_KEY "store.commit"
#define RULES_TOKEN_KEY "store.token"

bool rules_is_engine_key(const char *vat, struct bytes key);

/* A vat id (NULL stands for the kernel's own rows) and a key or a prefix to read with. */
enum vatd_code rules_check_key(const char *vat, struct bytes key, struct error *error);
/* The same of a vat's id and what scan_from() begins with. */
enum vatd_code rules_check_from(const char *vat, struct bytes from, struct error *error);
/* As above, and the key may be written. */
enum vatd_code rules_check_writable_key(const char *vat, struct bytes key, struct error *error);
enum vatd_code rules_check_value(const char *vat, struct bytes value, struct error *error);
enum vatd_code rules_check_vat(const char *vat, struct error *error);
enum vatd_code rules_check_bundle(const char *hash, struct bytes code, struct error *error);

/* What was found, appended to the caller's buffer; MISUSE when it does not fit. */
enum vatd_code rules_hand_out(struct bytes found, struct buffer *out, struct error *error);

#endif
