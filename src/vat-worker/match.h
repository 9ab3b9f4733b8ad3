/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/match.h - matches() of @endo/patterns in C, for the keys that most collections take (js/patterns.js).
 */
#ifndef VATD_VAT_WORKER_MATCH_H
#define VATD_VAT_WORKER_MATCH_H

#include "vat-worker/xs_platform.h"

/* matchesSurely(specimen, pattern) -> true; false where only the original can say. A host function. */
void match_surely(xsMachine *the);

#endif
