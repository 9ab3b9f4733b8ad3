/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/pass_style.h - passStyleOf() of @endo/pass-style in C, for what is plainly passable (js/pass-style.js).
 */
#ifndef VATD_VAT_WORKER_PASS_STYLE_H
#define VATD_VAT_WORKER_PASS_STYLE_H

#include "vat-worker/xs_platform.h"

/* passStyle(value) -> the style; undefined where only the original can say, or has to complain. A host function. */
void pass_style(xsMachine *the);

#endif
