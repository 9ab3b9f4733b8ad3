/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire_frames.h - one frame of each form that frame.h knows, for tests and as seeds of the fuzzers. */
#ifndef TESTS_WIRE_FRAMES_H
#define TESTS_WIRE_FRAMES_H

#include "wire/frame.h"

/* How many there are. */
size_t wire_frame_count(void);
/* Appends the n-th, header included, and gives its type. */
enum frame_type wire_frame_encode(size_t n, struct buffer *out);

/* Decodes a payload of this type and appends it encoded again, header included. */
enum vatd_code wire_frame_again(enum frame_type type, struct bytes payload, struct buffer *out, struct error *error);

#endif
