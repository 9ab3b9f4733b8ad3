/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/capdata_check.h - whether another vat can read a capdata.
 *
 * What one vat sends, another has to take apart; liveslots has no way to refuse a delivery it cannot read, and its vat
 * would be blamed for it. So data that no honest sender makes is refused when it is sent. A body is well-formed if
 * @endo/marshal's fromCapData accepts it (source: its encodeToSmallcaps.js, makeDecodeFromSmallcaps, and marshal.js):
 *
 *   - '#' and one JSON text, at most LIMIT_DATA_DEPTH deep. (The older form without '#' is refused.)
 *   - a string that begins with a character from '!' to '-' is one of "!…", "#undefined" "#NaN" "#Infinity" "#-Infinity", "%name",
 *     "+1" "-1", "$N" "$N.iface" naming an object among the slots, "&N" naming a promise
 *   - the name of a property is plain or "!…"; a record with "#tag" has it and "payload" only, one with "#error" has "name"
 *     and perhaps "errorId", all texts
 *
 * It is checked as text, without making anything of it: that is fast, and takes what a JSON library might refuse and
 * JavaScript does not (lone surrogates as escapes, NUL in names).
 */
#ifndef VATD_WIRE_CAPDATA_CHECK_H
#define VATD_WIRE_CAPDATA_CHECK_H

#include "base/error.h"
#include "wire/frame.h"

/* The slots are vrefs. INVALID with the reason. */
enum vatd_code capdata_check(const struct capdata *data, struct error *error);
/* Also: the value is [method, [argument…]], the method a text, a symbol or undefined. */
enum vatd_code capdata_check_message(const struct capdata *methargs, struct error *error);

#endif
