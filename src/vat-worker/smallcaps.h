/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/smallcaps.h - smallcaps bodies from and to passable values in C, as @endo/marshal makes and reads them
 * (js/marshal.js). Host functions.
 */
#ifndef VATD_VAT_WORKER_SMALLCAPS_H
#define VATD_VAT_WORKER_SMALLCAPS_H

#include "vat-worker/xs_platform.h"

/*
 * smallcapsEncode(value, texts | undefined) -> the body; or, without texts, an array of the remotables and promises in
 * the value, in the order in which they are encoded: `texts` is what they are encoded as. undefined: not for us.
 */
void smallcaps_encode(xsMachine *the);

/*
 * smallcapsDecode(holder, caps | undefined, passStyleSymbol, "tagged") -> true: holder[0], which came from JSON.parse(), became
 * the hardened value. Without caps, an array of the texts in it that stand for remotables and promises, in the order in
 * which they are decoded, if there are any: `caps` is what they became. undefined: not for us, and nothing was changed.
 */
void smallcaps_decode(xsMachine *the);

#endif
