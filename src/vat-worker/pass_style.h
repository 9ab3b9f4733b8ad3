/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/pass_style.h - passStyleOf() of @endo/pass-style in C, for what is plainly passable (js/pass-style.js).
 */
#ifndef VATD_VAT_WORKER_PASS_STYLE_H
#define VATD_VAT_WORKER_PASS_STYLE_H

#include "vat-worker/xs_platform.h"

/* passStyle(value) -> the style; undefined where only the original can say, or has to complain. A host function. */
void pass_style(xsMachine *the);

/* notePassStyle(value, style) -> style: that of an object, as the original found it. A host function. */
void pass_style_note(xsMachine *the);

/* For C that includes the engine's own header: slots are borrowed, nothing is allocated. */
struct sxSlot;

/* What an object is that pass_style knows to be passable. */
enum pass_kind { PASS_UNKNOWN, PASS_ARRAY, PASS_RECORD, PASS_TAGGED, PASS_PROMISE, PASS_REMOTABLE };

enum pass_kind pass_style_of_object(xsMachine *the, struct sxSlot *instance);

/* True: tagged data. The tag is a string. */
bool pass_style_tagged(xsMachine *the, struct sxSlot *instance, const struct sxSlot **tag, const struct sxSlot **payload);

/* The object, all of it hardened, was made of passable things. */
void pass_style_mark(struct sxSlot *instance);

/* The properties of a record begin here or at the next: skips what the engine notes down among them. */
struct sxSlot *pass_style_property(struct sxSlot *property);

#endif
