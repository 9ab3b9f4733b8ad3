/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/transfers.h - libcurl on the kernel's loop.
 *
 *     transfers_add(easy) … the loop … done(context, result)      or transfers_remove(easy)
 */
#ifndef VATD_LIBVATD_TRANSFERS_H
#define VATD_LIBVATD_TRANSFERS_H

#include "libvatd/curl_library.h"

#include <stdbool.h>
#include <uv.h>

struct transfers;

/* The transfer is over and removed; `context` is the handle's CURLOPT_PRIVATE. It may add and remove transfers. */
typedef void transfer_done_fn(void *context, CURLcode result);

/* NULL when libcurl cannot be had. */
struct transfers *transfers_new(uv_loop_t *loop, transfer_done_fn *done);
/* False: it cannot begin, and is not added. */
bool transfers_add(struct transfers *transfers, CURL *easy);
void transfers_remove(struct transfers *transfers, CURL *easy);
/* All must have been removed. Memory goes when the loop has run once more. */
void transfers_free(struct transfers *transfers);

#endif
