/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/smallcaps.h - between plain JSON and capdata, the form in which vats exchange data (Endo marshal's "smallcaps").
 *
 * A capdata is {body, slots}. The body is '#' and a JSON text in which a string that starts with one of the characters
 * '!' to '-' is special: "!..." an escaped string, "+12" "-12" bigints, "#undefined" "#NaN" "#Infinity" "#-Infinity",
 * "%name" a symbol, "$0" or "$0.Alleged: Counter" a remotable and "&0" a promise, by index into slots. {"#error":
 * message, "name": name} is an error, {"#tag": tag, "payload": data} tagged data. Names of properties are escaped like
 * strings.
 *
 * As plain JSON, what JSON cannot say goes in as an object of one property, and comes out as a string or an object:
 *
 *             goes in               comes out
 *   reference {"$ref": "ko7"}       "ko7"
 *   bigint    {"$bigint": "-12"}    "-12n"
 *   others    -                     undefined: null; "NaN", "Infinity", "-Infinity"; "Symbol.for(name)",
 *                                   "Symbol.iterator"; errors and tagged data as in the body
 *
 * That is for people, who read. A vat, and a program that embeds the kernel, acts on what it reads: what comes out for
 * it must go in again as the same thing, and no data may look like a reference. So for a vat or a host references and
 * bigints come out as they go in, with vrefs for a vat, errors and tagged data go in as they come out, and a property
 * whose own name begins with '$', '#' or '!' has one more '!' before it, both ways. A reference that goes in may name
 * the interface of its object: {"$ref": "o+3", "interface": "Alleged: Counter"}.
 */
#ifndef VATD_WIRE_SMALLCAPS_H
#define VATD_WIRE_SMALLCAPS_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* True for "ko" or "kp" and a decimal number without leading zeros. */
bool smallcaps_is_kref(struct bytes text);

/* {"$ref": kref}, a new reference. */
json_t *smallcaps_reference(const char *kref);

/*
 * Appends the body of `value` to `body` and adds the krefs in it to the array `slots`, each once. INVALID: too deep, an
 * integer that a JavaScript number cannot hold, a malformed reference or bigint. LIMIT: over the limit of `body`. After
 * a failure body and slots hold a part of it.
 */
enum vatd_code smallcaps_encode(const json_t *value, struct buffer *body, json_t *slots, struct error *error);

/* The value of a capdata as plain JSON, a new reference in *value. INVALID: not a well-formed capdata. */
enum vatd_code smallcaps_decode(struct bytes body, const json_t *slots, json_t **value, struct error *error);

/* The same for a vat: slots and references are vrefs. */
enum vatd_code smallcaps_encode_for_vat(const json_t *value, struct buffer *body, json_t *slots, struct error *error);
enum vatd_code smallcaps_decode_for_vat(struct bytes body, const json_t *slots, json_t **value, struct error *error);

/* The same for a program that embeds the kernel: slots and references are krefs. */
enum vatd_code smallcaps_encode_for_host(const json_t *value, struct buffer *body, json_t *slots, struct error *error);
enum vatd_code smallcaps_decode_for_host(struct bytes body, const json_t *slots, json_t **value, struct error *error);

/* Whether the body is undefined, which smallcaps_decode cannot tell from null. */
bool smallcaps_is_undefined(struct bytes body);

#endif
