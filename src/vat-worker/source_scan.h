/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/source_scan.h - a look at source text before SES looks at it with regular expressions, which cost far more.
 *
 * SES refuses source in which something looks like an HTML comment, an import expression or a direct eval
 * (js/quick-refusals.js). Here it is only said whether it could.
 */
#ifndef VATD_VAT_WORKER_SOURCE_SCAN_H
#define VATD_VAT_WORKER_SOURCE_SCAN_H

#include <stdbool.h>

/*
 * False: none of SES's three patterns is anywhere in `source` (NUL-terminated, in the engine's encoding). True: one may be. Its
 * time is linear in the source's length.
 */
bool source_may_be_refused(const char *source);

#endif
