/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_platform.c - the platform layer XS asks its host for: memory, jobs, aborts. Single-threaded, no clock,
 * no files, no debugger, no modules.
 *
 * Memory. Chunks (strings, buffers, code) live in one reserved range that grows in place, because XS compacts within a
 * block; slots come from malloc. Both count against the machine's allocationLimit when they are reserved and are given
 * back only with the machine, so the limit bounds the peak. XS grows by fixed steps, with a collection before each: the
 * steps are made to grow with the heap, or the time to fill it would be quadratic. For the same reason the heap grows too when
 * a collection has left little room: XS itself goes on with whatever it left, and may collect again for each few objects.
 *
 * Aborts. fxAbort() leaves the machine through the outermost jump (the one of xsBeginMetering) with abortStatus saying
 * why; JavaScript cannot catch it, and the machine must not be used again. One status is not an abort: a promise that
 * ended rejected and unhandled is reported through fxAbort too, from places where no JavaScript may run; its reason is
 * put into an array, which the supervisor reads later.
 */
#include "xsAll.h"
#include "xsScript.h"

#include "vat-worker/xs_platform.h"

#include <pthread.h>

#define CHUNK_RANGE_SIZE ((size_t)2047 * 1024 * 1024) /* XS counts chunk bytes in 31 bits */
#define HEAP_LIMIT_AT_BIRTH ((size_t)1024 * 1024 * 1024)
#define GROWTH_SHARE 4 /* the heap grows by a quarter, or takes a quarter of what is left */
#define STACK_MARGIN (128 * 1024) /* what C may still use when JavaScript may not go deeper, as in XS itself */
#define ROOM_SHARE 8   /* it grows when a collection has left less than an eighth free */

/* The stack */

#ifndef mxASANStackMargin
#define mxASANStackMargin 0
#endif

/* Asked for once, while /proc can still be read: a sandbox comes over the worker later. */
char *fxCStackLimit(void); /* XS declares it where it is used */

char *fxCStackLimit(void)
{
  static char *limit;
  pthread_attr_t attributes;
  void *lowest;
  size_t size;
  if (!limit && pthread_getattr_np(pthread_self(), &attributes) == 0) {
    if (pthread_attr_getstack(&attributes, &lowest, &size) == 0)
      limit = (char *)lowest + STACK_MARGIN + mxASANStackMargin;
    pthread_attr_destroy(&attributes);
  }
  return limit;
}

/* Memory */

void fxCreateMachinePlatform(txMachine *the)
{
  the->connection = mxNoSocket;
  the->allocationLimit = HEAP_LIMIT_AT_BIRTH;
}

void fxDeleteMachinePlatform(txMachine *the)
{
  (void)the;
}

void xs_platform_limit_heap(xsMachine *the, uint64_t bytes)
{
  the->allocationLimit = bytes;
}

uint64_t xs_platform_heap_bytes(const xsMachine *the)
{
  return (uint64_t)the->currentChunksSize + (uint64_t)the->currentHeapCount * sizeof(txSlot);
}

uint32_t xs_platform_meter(const xsMachine *the)
{
  return the->meterIndex;
}

static void charge(txMachine *the, size_t size)
{
  if (the->allocatedSpace > the->allocationLimit || size > the->allocationLimit - the->allocatedSpace)
    fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
  the->allocatedSpace += size;
}

static size_t whole_pages(size_t size)
{
  size_t page = (size_t)getpagesize();
  return (size + page - 1) / page * page;
}

static size_t step(size_t held, size_t room, size_t least)
{
  size_t share = (held < room ? held : room) / GROWTH_SHARE;
  return share > least ? share : least;
}

/* Called with what there will be. Near the limit the steps become small again, so that all of it can be used. */
static void adapt_steps(txMachine *the, size_t chunk_bytes, size_t slots)
{
  size_t room = the->allocationLimit - the->allocatedSpace;
  the->minimumChunksSize = (txSize)whole_pages(step(chunk_bytes, room, XS_PLATFORM_CHUNK_STEP));
  the->minimumHeapCount = (txSize)step(slots, room / sizeof(txSlot), XS_PLATFORM_SLOT_STEP);
}

/* XS asks either for its first block or for more right after the end of the one it has. */
void *fxAllocateChunks(txMachine *the, txSize size)
{
  charge(the, (size_t)size);
  char *base = (char *)the->firstBlock;
  size_t used = base ? (size_t)((char *)the->firstBlock->limit - base) : 0;
  if ((size_t)size > CHUNK_RANGE_SIZE - used)
    return NULL;
  if (!base) {
    base = mmap(NULL, CHUNK_RANGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
      return NULL;
  }
  size_t from = whole_pages(used);
  size_t to = whole_pages(used + (size_t)size);
  if (to > from && mprotect(base + from, to - from, PROT_READ | PROT_WRITE) != 0)
    return NULL;
  adapt_steps(the, to, (size_t)the->maximumHeapCount);
  return base + used;
}

void fxFreeChunks(txMachine *the, void *chunks)
{
  (void)the;
  munmap(chunks, CHUNK_RANGE_SIZE);
}

txSlot *fxAllocateSlots(txMachine *the, txSize count)
{
  charge(the, (size_t)count * sizeof(txSlot));
  adapt_steps(the, (size_t)the->maximumChunksSize, (size_t)the->maximumHeapCount + (size_t)count);
  return malloc((size_t)count * sizeof(txSlot));
}

void fxFreeSlots(txMachine *the, void *slots)
{
  (void)the;
  free(slots);
}

/* XS's own, renamed by cmake/Xs.cmake. */
txSlot *fxNewSlotOfXS(txMachine *the);
void *fxNewChunkOfXS(txMachine *the, txSize size);
void fxGrowSlots(txMachine *the, txSize count);

static bool may_reserve(const txMachine *the, size_t size)
{
  return (the->collectFlag & XS_COLLECTING_FLAG) && the->allocatedSpace <= the->allocationLimit &&
         size <= the->allocationLimit - the->allocatedSpace;
}

txSlot *fxNewSlot(txMachine *the)
{
  if (the->freeHeap)
    return fxNewSlotOfXS(the);
  txSlot *slot = fxNewSlotOfXS(the);
  size_t held = (size_t)the->maximumHeapCount;
  size_t used = (size_t)the->currentHeapCount;
  if (held - used < held / ROOM_SHARE && may_reserve(the, (size_t)the->minimumHeapCount * sizeof(txSlot)))
    fxGrowSlots(the, the->minimumHeapCount);
  return slot;
}

/* The chunks are one block (fxAllocateChunks), so that more is had by moving its limit. */
void *fxNewChunk(txMachine *the, txSize size)
{
  txBlock *block = the->firstBlock;
  size_t room = (size_t)(block->limit - block->current);
  void *data = fxNewChunkOfXS(the, size);
  size_t word = sizeof(size_t);
  if (((size_t)size + word - 1) / word * word + sizeof(txChunk) <= room) /* it was there without a collection */
    return data;
  size_t held = (size_t)(block->limit - (txByte *)block);
  room = (size_t)(block->limit - block->current);
  size_t more = (size_t)the->minimumChunksSize;
  if (room < held / ROOM_SHARE && may_reserve(the, more) && fxAllocateChunks(the, (txSize)more)) {
    block->limit += more;
    the->maximumChunksSize += (txSize)more;
  }
  return data;
}

/* Aborts and rejections */

static void keep_rejection(txMachine *the)
{
  mxOverflow(-8);
  mxPush(mxException);
  mxException = mxUndefined;
  mxTry(the)
  {
    mxPush(mxGlobal);
    mxGetID(fxID(the, "vatSupervisor"));
    mxGetID(fxID(the, "rejections"));
    mxDub();
    mxGetID(mxID(_length));
    txIndex count = (txIndex)fxToInteger(the, the->stack);
    mxPop();
    txSlot *array = the->stack;
    mxPushSlot(array + 1);
    mxPushSlot(array);
    mxSetIndex(count);
    mxPop();
    mxPop();
  }
  mxCatch(the)
  {
    mxException = mxUndefined; /* before the supervisor exists nobody wants to know */
  }
  mxPop();
}

void fxAbort(txMachine *the, int status)
{
  if (status == XS_UNHANDLED_REJECTION_EXIT) {
    keep_rejection(the);
    return;
  }
  the->abortStatus = status;
  fxExitToHost(the);
}

void xs_platform_collect_rejections(xsMachine *the)
{
  fxCheckUnhandledRejections(the, 1);
}

/* Jobs */

void fxQueuePromiseJobs(txMachine *the)
{
  the->promiseJobs = 1;
}

bool xs_platform_has_jobs(const xsMachine *the)
{
  return the->promiseJobs != 0;
}

void xs_platform_run_jobs(xsMachine *the)
{
  do {
    while (the->promiseJobs) {
      the->promiseJobs = 0;
      fxRunPromiseJobs(the);
    }
    fxEndJob(the); /* runs finalizers, which may queue jobs */
  } while (the->promiseJobs);
}

/* Programs */

void xs_platform_run_program(xsMachine *the, const char *name, const char *source)
{
  txStringCStream stream = {.buffer = (txString)source, .offset = 0, .size = (txSize)strlen(source)};
  txSlot *module = mxProgram.value.reference;
  txSlot *realm = mxModuleInstanceInternal(module)->value.module.realm;
  txScript *script = fxParseScript(the, &stream, fxStringCGetter, mxProgramFlag | mxDebugFlag);
  mxModuleInstanceInternal(module)->value.module.id = fxID(the, (txString)name);
  fxRunScript(the, script, mxRealmGlobal(realm), NULL, mxRealmClosures(realm)->value.reference, NULL, module);
  mxPullSlot(mxResult);
}

/* There are no modules to find: an import fails. */
txID fxFindModule(txMachine *the, txSlot *realm, txID module_id, txSlot *slot)
{
  (void)the, (void)realm, (void)module_id, (void)slot;
  return XS_NO_ID;
}

void fxLoadModule(txMachine *the, txSlot *module, txID module_id)
{
  (void)the, (void)module, (void)module_id;
}

/* There is no debugger to talk to, whatever the environment says. */
void fxConnect(txMachine *the)
{
  (void)the;
}

void fxDisconnect(txMachine *the)
{
  (void)the;
}

txBoolean fxIsConnected(txMachine *the)
{
  (void)the;
  return 0;
}

txBoolean fxIsReadable(txMachine *the)
{
  (void)the;
  return 0;
}

void fxReceive(txMachine *the)
{
  (void)the;
}

void fxSend(txMachine *the, txBoolean more)
{
  (void)the, (void)more;
}
