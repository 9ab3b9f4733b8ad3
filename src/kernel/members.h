/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/members.h - which members an object of a configuration may have. A misspelt one is an error, since what it was meant to
 * say would silently not hold.
 */
#ifndef VATD_KERNEL_MEMBERS_H
#define VATD_KERNEL_MEMBERS_H

#include "base/error.h"

#include <jansson.h>

/* INVALID, with the member and those that there are, when `object` has a member that is none of `known` (ends with NULL). What is
 * no object has no members. The text says nothing of where the object is: error_wrap() it. */
enum vatd_code members_check(const json_t *object, const char *const *known, struct error *error);

#endif
