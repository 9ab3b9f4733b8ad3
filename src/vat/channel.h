/* SPDX-License-Identifier: Apache-2.0 */
/* vat/channel.h - whole frames over the socket to the kernel. Blocking: a worker has nothing else to do. */
#ifndef VATD_VAT_CHANNEL_H
#define VATD_VAT_CHANNEL_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/*
 * Reads one payload (without its header) into `payload`, replacing its content. `*end` is true, and nothing else is
 * said, when the kernel has closed the channel between two frames.
 */
enum vatd_code channel_read(int fd, struct buffer *payload, bool *end, struct error *error);
enum vatd_code channel_write(int fd, struct bytes bytes, struct error *error);

#endif
