/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/bundler.h - from a source file to a bundle: {"moduleFormat": "iife", "code": ..., "exports": [...], "external":
 * []}, the format of the TypeScript kernel, which a worker evaluates and whose __vatExports__ it takes.
 */
#ifndef VATD_CLI_BUNDLER_H
#define VATD_CLI_BUNDLER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

struct bundler_result {
  struct buffer text;     /* of success: the bundle as JSON */
  bool has_root;          /* it exports buildRootObject */
  struct buffer messages; /* of failure: what is wrong where, "FILE:LINE:COLUMN: MESSAGE", one or more lines */
};

/* NOT_FOUND: no such file, or the bundling program is missing. INVALID: see the messages, or else the error. */
enum vatd_code bundler_make(const char *path, struct bundler_result *result, struct error *error);
void bundler_result_fini(struct bundler_result *result);

#endif
