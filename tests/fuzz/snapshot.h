/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/snapshot.h - what stands for the start snapshot, against which images are compressed. */
#ifndef TESTS_FUZZ_SNAPSHOT_H
#define TESTS_FUZZ_SNAPSHOT_H

#include "base/bytes.h"

/* Always the same bytes; they do not compress. */
struct bytes fuzz_snapshot(void);

#endif
