/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json_bounds.h - what a JSON text would cost, before a parser allocates for it.
 *
 * A parser makes up to 300 bytes of every two bytes "{}": the size of a text bounds nothing. This looks at the text once
 * and allocates nothing. Whether it is JSON is the parser's to say.
 */
#ifndef VATD_BASE_JSON_BOUNDS_H
#define VATD_BASE_JSON_BOUNDS_H

#include "base/bytes.h"
#include "base/error.h"

/* LIMIT when the text nests deeper than `depth` or holds more than `values` members, elements, arrays and objects. */
enum vatd_code json_bounds_check(struct bytes text, size_t depth, size_t values, struct error *error);

#endif
