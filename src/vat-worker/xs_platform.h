/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_platform.h - what the worker needs of XS beyond its embedding API.
 *
 * The only other file that knows the engine's inside is xs_platform.c.
 */
#ifndef VATD_VAT_WORKER_XS_PLATFORM_H
#define VATD_VAT_WORKER_XS_PLATFORM_H

#include "vat-worker/heap_place.h"
#include "xsnap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The least by which the heap grows. */
#define XS_PLATFORM_CHUNK_STEP (256 * 1024)
#define XS_PLATFORM_SLOT_STEP (8 * 1024)

/* Asks the system for what it will not tell in a sandbox. Before the first machine. */
void xs_platform_init(void);

/* Runs `source` (NUL-terminated UTF-8) as a program of the start realm. Inside a host frame; throws what it throws. */
void xs_platform_run_program(xsMachine *the, const char *name, const char *source);

/* Promise jobs and finalizers until none is left. Outside a host frame. */
void xs_platform_run_jobs(xsMachine *the);
bool xs_platform_has_jobs(const xsMachine *the);

/*
 * Appends the reason of every promise that is rejected and unhandled to vatSupervisor.rejections. Outside a host
 * frame.
 */
void xs_platform_collect_rejections(xsMachine *the);

/* Heap in use: slots and chunks. */
uint64_t xs_platform_heap_bytes(const xsMachine *the);

/* Collects, when it is worth while, what cranks have left. Outside a run. */
void xs_platform_collect_between_cranks(xsMachine *the);

/* Collects, and gives empty memory back to the system. Outside a run. */
void xs_platform_shrink(xsMachine *the);

/* Collects, and writes a snapshot: whoever reads it reserves little more than its content. Outside a run. `snapshot` says how it
 * ended, and abortStatus, if it was an abort: then the machine must not be used again. */
void xs_platform_write_snapshot(xsMachine *the, xsSnapshot *snapshot);

/* The heap of the machine that is made next lies there: it has been laid out, with room for a heap of the size that is read. */
void xs_platform_place_next(struct heap_place *place);
/* Of the slots of a machine that reads what was just written, in whole pages. */
size_t xs_platform_slots_size(const xsMachine *the);
/* The memory of a machine that lies at a place. */
struct bytes xs_platform_slot_pages(const xsMachine *the);
struct bytes xs_platform_chunk_pages(const xsMachine *the);

/* What is in the heap counts as what a collection has left: for one that was just read. */
void xs_platform_settle(xsMachine *the);

/* Computrons since metering began. */
uint32_t xs_platform_meter(const xsMachine *the);

/* Slots and chunks reserved may not pass this; what would is an abort with xsNotEnoughMemoryExit. */
void xs_platform_limit_heap(xsMachine *the, uint64_t bytes);

#endif
