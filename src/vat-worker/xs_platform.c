/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/xs_platform.c - the platform layer XS asks its host for: memory, jobs, aborts. Single-threaded, no clock,
 * no files, no debugger, no modules.
 *
 * Memory. Chunks (strings, buffers, code) live in one reserved range that grows in place, because XS compacts within a
 * block; slots live in mappings. Both count against the machine's allocationLimit while they are reserved, so the limit bounds
 * the peak.
 *
 * Collections. XS collects whenever what it has is used up, and grows by fixed steps. Here the heap grows instead while less
 * was made since the last collection than that one kept, and at least so much that its price is small; a collection that leaves
 * little room is followed by growth, and steps grow with the heap: or the time to fill it would be quadratic. At the
 * limit there is a collection before each growth. Where a slot is asked for chunks may not move, so such a collection takes no
 * chunks; one between cranks takes both at once, and is therefore looked for earlier. After the start and after the vat was asked
 * for its garbage, what is empty goes back to the system.
 *
 * Aborts. fxAbort() leaves the machine through the outermost jump (the one of xsBeginMetering) with abortStatus saying
 * why; JavaScript cannot catch it, and the machine must not be used again. One status is not an abort: a promise that
 * ended rejected and unhandled is reported through fxAbort too, from places where no JavaScript may run; its reason is
 * put into an array, which the supervisor reads later.
 */
#include "xsAll.h"
#include "xsScript.h"

#include "vat-worker/xs_platform.h"

#include <malloc.h>
#include <pthread.h>

#define CHUNK_RANGE_SIZE HEAP_PLACE_CHUNKS
#define HEAP_LIMIT_AT_BIRTH ((size_t)1024 * 1024 * 1024)
#define GROWTH_SHARE 4 /* the heap grows by a quarter, or takes a quarter of what is left */
#define STACK_MARGIN (128 * 1024) /* what C may still use when JavaScript may not go deeper, as in XS itself */
#define ROOM_SHARE 8   /* it grows when a collection has left less than an eighth free */
#define LEAST_MADE_SLOTS (64 * 1024) /* two mebibytes: what is made, at least, until there is a collection between cranks */
#define LEAST_MADE_CHUNK_BYTES ((size_t)4 * 1024 * 1024)
#define WITHIN_CRANK 2 /* within one it may be so many times that */

#define SNAPSHOT_SPARE_SLOTS 1024
#define SNAPSHOT_SPARE_CHUNK_BYTES (64 * 1024)

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

void xs_platform_init(void)
{
  static bool once;
  fxCStackLimit();
  if (!once)
    fxInitializeSharedCluster();
  once = true;
}

/* Memory */

/* For the machine that is made next. */
static struct heap_place *next_place;

void xs_platform_place_next(struct heap_place *place)
{
  next_place = place;
}

void fxCreateMachinePlatform(txMachine *the)
{
  the->place = next_place;
  next_place = NULL;
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

static char *reserve_chunks(const txMachine *the)
{
  if (the->place)
    return the->place->chunks;
  return mmap(NULL, CHUNK_RANGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
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
    base = reserve_chunks(the);
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

/* The stack comes first, then the heap; what there is more of it lies elsewhere. */
static void *map_slots(const txMachine *the, size_t size)
{
  if (the->place && the->stackBottom && !the->firstHeap && size <= the->place->slots_size)
    return the->place->slots;
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

txSlot *fxAllocateSlots(txMachine *the, txSize count)
{
  charge(the, (size_t)count * sizeof(txSlot));
  adapt_steps(the, (size_t)the->maximumChunksSize, (size_t)the->maximumHeapCount + (size_t)count);
  size_t size = ((size_t)count + 1) * sizeof(txSlot);
  txSlot *slots = map_slots(the, size);
  if (slots == MAP_FAILED)
    return NULL;
  memcpy(slots, &size, sizeof size); /* one slot ahead, since XS does not say how many it gives back */
  return slots + 1;
}

void fxFreeSlots(txMachine *the, void *slots)
{
  txSlot *first = (txSlot *)slots - 1;
  if (the->place && (char *)first == the->place->slots)
    the->place->slots = NULL;
  size_t size;
  memcpy(&size, first, sizeof size);
  munmap(first, size);
}

/* The parser's memory: pieces of large blocks, which go when the last piece is given back. xsScript.c calls these for malloc() and free()
 * (cmake/Xs.cmake). */
#define PARSER_BLOCK ((size_t)256 * 1024)

struct parser_block {
  struct parser_block *next;
};

static struct {
  struct parser_block *first;
  char *at; /* what is left of the first block */
  char *end;
  size_t pieces;
} parser_memory;

void *xs_platform_parser_malloc(size_t size);
void xs_platform_parser_free(void *piece);

static bool add_parser_block(size_t least)
{
  size_t size = least > PARSER_BLOCK ? least : PARSER_BLOCK;
  struct parser_block *block = malloc(sizeof(max_align_t) + size);
  if (!block)
    return false;
  block->next = parser_memory.first;
  parser_memory.first = block;
  parser_memory.at = (char *)block + sizeof(max_align_t);
  parser_memory.end = parser_memory.at + size;
  return true;
}

void *xs_platform_parser_malloc(size_t size)
{
  size_t align = _Alignof(max_align_t);
  if (size > SIZE_MAX / 2)
    return NULL;
  size = (size + align - 1) / align * align;
  if (size > (size_t)(parser_memory.end - parser_memory.at) && !add_parser_block(size))
    return NULL;
  void *piece = parser_memory.at;
  parser_memory.at += size;
  parser_memory.pieces++;
  return piece;
}

void xs_platform_parser_free(void *piece)
{
  if (!piece || --parser_memory.pieces > 0)
    return;
  while (parser_memory.first) {
    struct parser_block *next = parser_memory.first->next;
    free(parser_memory.first);
    parser_memory.first = next;
  }
  parser_memory.at = parser_memory.end = NULL;
}

/* Collections. XS's own functions, renamed by cmake/Xs.cmake. */
txSlot *fxNewSlotOfXS(txMachine *the);
void *fxNewChunkOfXS(txMachine *the, txSize size);
void *fxNewGrowableChunkOfXS(txMachine *the, txSize size, txSize capacity);
void fxCollectOfXS(txMachine *the, txFlag flag);
void fxGrowSlots(txMachine *the, txSize count);

static bool may_reserve(const txMachine *the, size_t size)
{
  return (the->collectFlag & XS_COLLECTING_FLAG) && the->allocatedSpace <= the->allocationLimit &&
         size <= the->allocationLimit - the->allocatedSpace;
}

/* Whether so much was made since the last collection that another one is worth its price, which what is kept decides. */
static bool is_due(size_t used, size_t kept, size_t least)
{
  size_t made = used > kept ? used - kept : 0;
  return made >= least && made >= kept;
}

/* Only one that compacts takes chunks, too; where a slot is asked for it may not, since chunks would move. */
void fxCollect(txMachine *the, txFlag flag)
{
  fxCollectOfXS(the, flag);
  the->keptSlots = (size_t)the->currentHeapCount;
  if (flag & XS_COMPACT_FLAG)
    the->keptChunkBytes = (size_t)the->currentChunksSize;
}

static bool slots_are_due(const txMachine *the, size_t least)
{
  return is_due((size_t)the->currentHeapCount, the->keptSlots, least);
}

static bool chunks_are_due(const txMachine *the, size_t least)
{
  return is_due((size_t)the->currentChunksSize, the->keptChunkBytes, least);
}

void xs_platform_collect_between_cranks(xsMachine *the)
{
  if (slots_are_due(the, LEAST_MADE_SLOTS) || chunks_are_due(the, LEAST_MADE_CHUNK_BYTES))
    fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
}

static void find_slots(txMachine *the)
{
  if (slots_are_due(the, WITHIN_CRANK * LEAST_MADE_SLOTS) || !may_reserve(the, (size_t)the->minimumHeapCount * sizeof(txSlot)))
    fxCollect(the, XS_ORGANIC_FLAG);
  size_t free = (size_t)(the->maximumHeapCount - the->currentHeapCount);
  bool little = free < (size_t)the->maximumHeapCount / ROOM_SHARE;
  if (little && may_reserve(the, (size_t)the->minimumHeapCount * sizeof(txSlot)))
    fxGrowSlots(the, the->minimumHeapCount);
}

txSlot *fxNewSlot(txMachine *the)
{
  if (!the->freeHeap)
    find_slots(the);
  return fxNewSlotOfXS(the);
}

/* The chunks are one block (fxAllocateChunks), so that more is had by moving its limit. */
static void find_room(txMachine *the, size_t size)
{
  txBlock *block = the->firstBlock;
  size_t step = (size_t)the->minimumChunksSize;
  if (chunks_are_due(the, WITHIN_CRANK * LEAST_MADE_CHUNK_BYTES) || !may_reserve(the, size + step))
    fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
  size_t held = (size_t)(block->limit - (txByte *)block);
  size_t room = (size_t)(block->limit - block->current);
  size_t more = (size + step - 1) / step * step;
  bool little = room < size || room < held / ROOM_SHARE;
  if (little && more < CHUNK_RANGE_SIZE && may_reserve(the, more) && fxAllocateChunks(the, (txSize)more)) {
    block->limit += more;
    the->maximumChunksSize += (txSize)more;
  }
}

static void make_room(txMachine *the, txSize size)
{
  size_t needed = (size_t)size + sizeof(txChunk) + sizeof(size_t);
  if (needed > (size_t)(the->firstBlock->limit - the->firstBlock->current))
    find_room(the, needed);
}

void *fxNewChunk(txMachine *the, txSize size)
{
  make_room(the, size);
  return fxNewChunkOfXS(the, size);
}

void *fxNewGrowableChunk(txMachine *the, txSize size, txSize capacity)
{
  make_room(the, capacity);
  return fxNewGrowableChunkOfXS(the, size, capacity);
}

/* Giving back what a collection has left empty */

/* Free slots are told from others by the list that they are in only; for a while they wear the mark that live ones wear
 * during a collection. */
static void mark_free_slots(const txMachine *the)
{
  for (txSlot *slot = the->freeHeap; slot; slot = slot->next)
    slot->flag = XS_MARK_FLAG;
}

static void drop_empty_heaps(txMachine *the)
{
  txSlot **link = &the->firstHeap;
  txSlot *heap;
  while ((heap = *link)) {
    txSlot *limit = heap->value.reference;
    txSlot *slot = heap + 1;
    while (slot < limit && (slot->flag & XS_MARK_FLAG))
      slot++;
    if (slot < limit) {
      link = &heap->next;
      continue;
    }
    *link = heap->next;
    the->maximumHeapCount -= (txSize)(limit - heap - 1);
    the->allocatedSpace -= (size_t)((char *)limit - (char *)heap);
    fxFreeSlots(the, heap);
  }
}

/* A page of the file that is given back is what it was, not empty. */
static bool is_of_file(const txMachine *the, const txSlot *heap)
{
  return the->place && (const char *)(heap - 1) == the->place->slots;
}

/* How many slots from `slot` on fill a page of free ones: 0 or a page's. */
static size_t free_page(const txSlot *slot, const txSlot *limit, size_t page)
{
  size_t count = page / sizeof *slot;
  if ((uintptr_t)slot % page != 0 || (size_t)(limit - slot) < count)
    return 0;
  for (size_t i = 0; i < count; i++) {
    if (!(slot[i].flag & XS_MARK_FLAG))
      return 0;
  }
  return count;
}

/* Gives back the pages of free slots that begin at `slot`, as one range; returns the first slot behind them. */
static txSlot *give_back_slots(txSlot *slot, const txSlot *limit, size_t page)
{
  txSlot *end = slot;
  size_t count;
  while ((count = free_page(end, limit, page)) > 0)
    end += count;
  return end > slot && madvise(slot, (size_t)((char *)end - (char *)slot), MADV_DONTNEED) == 0 ? end : slot;
}

/*
 * The free slots in order of their addresses, so that new ones lie together. Whole pages of them are left out and given back:
 * they read as slots that nobody refers to, and the next collection finds them again.
 */
static void link_free_slots(txMachine *the)
{
  size_t page = (size_t)getpagesize();
  txSlot **link = &the->freeHeap;
  for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
    txSlot *limit = heap->value.reference;
    for (txSlot *slot = heap + 1, *rest; slot < limit; slot = rest) {
      rest = is_of_file(the, heap) ? slot : give_back_slots(slot, limit, page);
      if (rest > slot)
        continue;
      rest++;
      if (slot->flag & XS_MARK_FLAG) {
        slot->flag = XS_NO_FLAG;
        *link = slot;
        link = &slot->next;
      }
    }
  }
  *link = NULL;
}

static void give_back_chunks(txMachine *the)
{
  txBlock *block = the->firstBlock;
  size_t held = (size_t)(block->limit - (txByte *)block);
  size_t kept = whole_pages((size_t)(block->current - (txByte *)block));
  if (kept >= held || madvise((char *)block + kept, held - kept, MADV_DONTNEED) != 0)
    return;
  block->limit = (txByte *)block + kept;
  the->maximumChunksSize -= (txSize)(held - kept);
  the->allocatedSpace -= held - kept;
}

/* Below its top, the stack holds nothing. */
static void give_back_stack(txMachine *the)
{
  size_t page = (size_t)getpagesize();
  uintptr_t from = ((uintptr_t)the->stackBottom + page - 1) / page * page;
  uintptr_t to = (uintptr_t)the->stack / page * page;
  if (to > from)
    madvise((void *)from, to - from, MADV_DONTNEED);
}

void xs_platform_shrink(xsMachine *the)
{
  fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
  mark_free_slots(the);
  drop_empty_heaps(the);
  link_free_slots(the);
  give_back_chunks(the);
  give_back_stack(the);
  malloc_trim(0); /* the parser's trees, above all */
  if (the->place)
    heap_place_share(the->place);
}

/* xsSnapshot.c calls this for fxCollectGarbage() (cmake/Xs.cmake), and writes down the maxima that it finds afterwards. */
void fxCollectForSnapshot(txMachine *the);

void fxCollectForSnapshot(txMachine *the)
{
  fxCollectGarbage(the);
  the->maximumHeapCount = the->currentHeapCount + SNAPSHOT_SPARE_SLOTS;
  the->maximumChunksSize = the->currentChunksSize + SNAPSHOT_SPARE_CHUNK_BYTES;
}

void xs_platform_write_snapshot(xsMachine *the, xsSnapshot *snapshot)
{
  txSize slots = the->maximumHeapCount;
  txSize chunk_bytes = the->maximumChunksSize;
  fxWriteSnapshot(the, snapshot);
  the->maximumHeapCount = slots;
  the->maximumChunksSize = chunk_bytes;
}

size_t xs_platform_slots_size(const xsMachine *the)
{
  size_t slots = (size_t)the->currentHeapCount + SNAPSHOT_SPARE_SLOTS + 1; /* XS adds one … */
  return whole_pages((slots + 1) * sizeof(txSlot));                         /* … and fxAllocateSlots() another */
}

struct bytes xs_platform_slot_pages(const xsMachine *the)
{
  return bytes_from(the->place->slots, the->place->slots_size);
}

struct bytes xs_platform_chunk_pages(const xsMachine *the)
{
  const char *block = (const char *)the->firstBlock;
  return bytes_from(block, whole_pages((size_t)((char *)the->firstBlock->current - block)));
}

void xs_platform_settle(xsMachine *the)
{
  the->keptSlots = (size_t)the->currentHeapCount;
  the->keptChunkBytes = (size_t)the->currentChunksSize;
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

/* The list holds two slots for each promise; this one is handled now. */
static void forget_rejection(txMachine *the, const txSlot *promise)
{
  txSlot **link = &mxUnhandledPromises.value.reference->next;
  while (*link && (*link)->value.weakRef.target != promise)
    link = &(*link)->next->next;
  if (*link)
    *link = (*link)->next->next;
}

/*
 * Takes the place of XS's own (xs_weak.h), which looks for the end of the list for each job. The list is only appended
 * to, here, and taken as a whole, so that its last slot is known whenever there is one. A job is what a call has on the
 * stack: six slots and the arguments.
 */
void fxQueueJob(txMachine *the, txInteger count, txSlot *promise)
{
  txSlot *pending = mxPendingJobs.value.reference;
  if (promise)
    forget_rejection(the, promise);
  if (!pending->next) {
    fxQueuePromiseJobs(the);
    the->lastJobEntry = pending;
  }
  txSlot *first = the->stack;
  txSlot *end = first + count + 6;
  txSlot *job = fxNewInstance(the);
  txSlot *copy = job;
  for (txSlot *item = end - 1; item >= first; item--) {
    copy = copy->next = fxNewSlot(the);
    copy->kind = item->kind;
    copy->value = item->value;
  }
  txSlot *entry = fxNewSlot(the);
  entry->kind = XS_REFERENCE_KIND;
  entry->value.reference = job;
  ((txSlot *)the->lastJobEntry)->next = entry;
  the->lastJobEntry = entry;
  the->stack = end;
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

/* What fxParseScript() does, without the line of each statement: the scripts are ours, and they are run for each delivery. */
static txScript *parse_program(txMachine *the, const char *source)
{
  txStringCStream stream = {.buffer = (txString)source, .offset = 0, .size = (txSize)strlen(source)};
  txParser parser;
  txParserJump jump;
  txScript *volatile script = NULL; /* set between setjmp and longjmp */
  fxInitializeParser(&parser, the, the->parserBufferSize, the->parserTableModulo);
  parser.firstJump = &jump;
  if (c_setjmp(jump.jmp_buf) == 0) {
    fxParserTree(&parser, &stream, fxStringCGetter, mxProgramFlag, NULL);
    fxParserHoist(&parser);
    fxParserBind(&parser);
    script = fxParserCode(&parser);
  }
  fxTerminateParser(&parser);
  return script;
}

void xs_platform_run_program(xsMachine *the, const char *name, const char *source)
{
  txSlot *module = mxProgram.value.reference;
  txSlot *realm = mxModuleInstanceInternal(module)->value.module.realm;
  txScript *script = parse_program(the, source);
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
