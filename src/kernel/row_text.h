/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/row_text.h - the JSON texts that every message writes and reads: queue items, and the values of promises.
 *
 * They are made without a tree of values, byte for byte what jansson would make of one. Read are only texts in exactly
 * that form, which are nearly all; of any other the caller takes the long way, by jansson (records.c). So what a text means is jansson's to
 * say, and this is no second parser of JSON.
 *
 *   data     {"body":"…","slots":["ko7","kp9"]}
 *   send     {"type":"send","target":"ko7","message":{"methargs":DATA,"result":"kp9"},"sender":"v3"}       result and sender may be missing
 *   notify   {"type":"notify","endpointId":"v3","kpid":"kp9"}
 */
#ifndef VATD_KERNEL_ROW_TEXT_H
#define VATD_KERNEL_ROW_TEXT_H

#include "kernel/records.h"

void row_text_put_data(struct buffer *out, const struct kernel_data *data);
void row_text_put_item(struct buffer *out, const struct queue_item *item);

/* What they hand out lies in the arena. False: the text is not in this form; what `data` or `item` is then is of no use. */
bool row_text_read_data(struct arena *arena, struct bytes text, struct kernel_data *data);
bool row_text_read_item(struct arena *arena, struct bytes text, struct queue_item *item);

#endif
