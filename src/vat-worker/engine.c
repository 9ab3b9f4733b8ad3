/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/engine.c - see engine.h.
 *
 * A run is one call of the supervisor followed by, in this order and until nothing is left:
 *
 *     promise jobs and finalizers -> note unhandled rejections -> one callback of js/quiescence.js -> ...
 *
 * and then vatSupervisor.finish(). When the promise jobs are done the vat has lost agency, so that is where a rejection
 * counts as unhandled; formatting it may call into the vat, which is why more jobs are looked for afterwards.
 *
 * Every run is metered from the first byte code to the last. xsBeginMetering sets the outermost jump, to which an abort
 * unwinds: no JavaScript runs outside of it. Code between setjmp and longjmp keeps its state in memory that outlives
 * both (struct task), never in locals.
 */
#include "vat-worker/engine.h"

#include "base/limits.h"
#include "base/memory.h"
#include "vat-worker/cesu8.h"
#include "vat-worker/code_image.h"
#include "vat-worker/image.h"
#include "vat-worker/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A snapshot names host functions by their index in host_callbacks(): another table, another signature. */
#define SNAPSHOT_SIGNATURE "vatd worker 5"
#define MACHINE_NAME "vat"

#define METER_INTERVAL 10000             /* computrons between two looks at the limit */
#define COMPUTRONS_CEILING 3000000000ull /* the engine counts in 32 bits and may jump by up to 2^30 at once */

static const xsCreation creation = {
    .initialChunkSize = XS_PLATFORM_CHUNK_STEP,
    .incrementalChunkSize = XS_PLATFORM_CHUNK_STEP,
    .initialHeapCount = XS_PLATFORM_SLOT_STEP,
    .incrementalHeapCount = XS_PLATFORM_SLOT_STEP,
    .stackCount = 64 * 1024,
    .initialKeyCount = 8 * 1024,
    .incrementalKeyCount = 8 * 1024,
    .nameModulo = 1993,
    .symbolModulo = 127,
    .parserBufferSize = 64 * 1024,
    .parserTableModulo = 1993,
};

/* One thing to do inside the machine. */
struct task {
  struct engine *engine;
  void (*enter)(xsMachine *the, const void *argument);
  const void *argument;
  struct engine_run *run;
  bool called; /* the last call of the supervisor returned true */
};

static xsBooleanValue within_limit(xsMachine *machine, xsUnsignedValue meter)
{
  struct engine *engine = xsGetContext(machine);
  return meter <= engine->computrons;
}

static enum engine_end end_of_abort(int status)
{
  switch (status) {
  case xsTooMuchComputationExit:
    return ENGINE_COMPUTE;
  case xsNotEnoughMemoryExit:
    return ENGINE_MEMORY;
  case xsStackOverflowExit:
    return ENGINE_STACK;
  case xsNoMoreKeysExit:
    return ENGINE_KEYS;
  default:
    return ENGINE_BROKEN;
  }
}

static void fail(struct engine_run *run, xsMachine *the)
{
  struct bytes text = bytes_of(xsToString(xsException));
  if (text.size >= sizeof run->failure) {
    text.size = sizeof run->failure - 1;
    while (text.size > 0 && ((unsigned char)text.data[text.size] & 0xC0) == 0x80)
      text.size--;
  }
  run->failure[cesu8_decode(text, run->failure, NULL)] = 0;
  run->end = ENGINE_THROWN;
}

/* Calls task->enter inside a host frame of its own. */
static void enter(struct task *task)
{
  xsBeginHost(task->engine->machine);
  {
    xsVars(3);
    xsTry
    {
      task->enter(the, task->argument);
      task->called = xsToBoolean(xsResult) != 0;
    }
    xsCatch
    {
      task->called = false;
      fail(task->run, the);
    }
  }
  xsEndHost(task->engine->machine);
}

static void call_supervisor(xsMachine *the, const void *method)
{
  xsVar(0) = xsGet(xsGlobal, xsID("vatSupervisor"));
  xsResult = xsCall0(xsVar(0), xsID((const char *)method));
}

/* True when the method returned true. */
static bool ask_supervisor(struct task *task, const char *method)
{
  task->enter = call_supervisor;
  task->argument = method;
  enter(task);
  return task->called;
}

static void run_until_quiet(struct task *task)
{
  xsMachine *machine = task->engine->machine;
  do {
    do {
      xs_platform_run_jobs(machine);
      xs_platform_collect_rejections(machine);
      ask_supervisor(task, "noteRejections");
    } while (xs_platform_has_jobs(machine));
  } while (ask_supervisor(task, "runImmediate"));
}

static void run_metered(struct task *task, bool supervised)
{
  xsMachine *machine = task->engine->machine;
  xsBeginMetering(machine, within_limit, METER_INTERVAL);
  {
    enter(task);
    if (supervised && task->run->end == ENGINE_QUIET) {
      run_until_quiet(task);
      ask_supervisor(task, "finish");
    } else {
      xs_platform_run_jobs(machine);
    }
    task->run->computrons = xs_platform_meter(machine);
  }
  xsEndMetering(machine);
}

static void run(struct engine *engine, void (*enter_with)(xsMachine *, const void *), const void *argument,
                bool supervised, struct engine_run *result)
{
  *result = (struct engine_run){.end = ENGINE_QUIET};
  if (engine->broken) {
    result->end = ENGINE_BROKEN;
    snprintf(result->failure, sizeof result->failure, "the engine broke down before");
    return;
  }
  struct task task = {.engine = engine, .enter = enter_with, .argument = argument, .run = result};
  engine->machine->abortStatus = 0;
  run_metered(&task, supervised);
  if (engine->machine->abortStatus != 0) {
    result->end = end_of_abort(engine->machine->abortStatus);
    result->computrons = xs_platform_meter(engine->machine);
    snprintf(result->failure, sizeof result->failure, "the engine stopped with status %d",
             engine->machine->abortStatus);
  }
  result->heap_bytes = xs_platform_heap_bytes(engine->machine);
}

/* Opening */

struct script {
  const char *name;
  const char *source;
};

static void enter_script(xsMachine *the, const void *argument)
{
  const struct script *script = argument;
  xs_platform_run_program(the, script->name, script->source);
}

static void enter_install(xsMachine *the, const void *argument)
{
  (void)argument;
  host_install(the);
}

static enum vatd_code run_task(struct engine *engine, void (*enter_with)(xsMachine *, const void *),
                               const void *argument, struct error *error)
{
  struct engine_run result;
  run(engine, enter_with, argument, false, &result);
  return result.end == ENGINE_QUIET ? VATD_OK : error_set(error, VATD_INVALID, "%s", result.failure);
}

/* The whole file, NUL-terminated; the caller frees it. */
static enum vatd_code read_file(const char *path, char **content, struct error *error)
{
  FILE *file = fopen(path, "re");
  if (!file)
    return error_set_errno(error, VATD_IO, errno, "%s", path);
  struct buffer buffer;
  buffer_init(&buffer, LIMIT_BUNDLE);
  size_t count = 0;
  do {
    buffer.size += count;
    if (!buffer_reserve(&buffer, 64 * KIB))
      break;
    count = fread(buffer.data + buffer.size, 1, 64 * KIB, file);
  } while (count > 0);
  enum vatd_code code = VATD_OK;
  if (ferror(file))
    code = error_set_errno(error, VATD_IO, errno, "%s", path);
  else if (buffer.overflowed)
    code = error_set(error, VATD_LIMIT, "%s is too large", path);
  fclose(file);
  if (code == VATD_OK) {
    buffer_append(&buffer, "", 1);
    *content = buffer_detach(&buffer);
  }
  buffer_fini(&buffer);
  return code;
}

static enum vatd_code run_script(struct engine *engine, const char *path, struct error *error)
{
  struct script script = {.name = path};
  char *source = NULL;
  enum vatd_code code = read_file(path, &source, error);
  if (code != VATD_OK)
    return code;
  script.source = source;
  code = run_task(engine, enter_script, &script, error);
  free(source);
  return code == VATD_OK ? VATD_OK : error_wrap(error, "%s", path);
}

void engine_init(struct engine *engine, struct host *host, struct bytes snapshot)
{
  xs_platform_init();
  *engine = (struct engine){.host = host, .snapshot = snapshot, .computrons = COMPUTRONS_CEILING};
}

enum vatd_code engine_open_scripts(struct engine *engine, const char *boot, const char *supervisor, struct error *error)
{
  xsCreation own = creation;
  engine->machine = xsCreateMachine(&own, MACHINE_NAME, engine);
  if (!engine->machine)
    return error_set(error, VATD_IO, "cannot make a JavaScript machine");
  enum vatd_code code = run_task(engine, enter_install, NULL, error);
  if (code == VATD_OK)
    code = run_script(engine, boot, error);
  if (code == VATD_OK)
    code = run_script(engine, supervisor, error);
  if (code != VATD_OK)
    engine_close(engine);
  return code;
}

void engine_close(struct engine *engine)
{
  if (!engine || !engine->machine)
    return;
  xsDeleteMachine(engine->machine);
  engine->machine = NULL;
}

/* Snapshots */

static int read_snapshot(void *stream, void *address, size_t size)
{
  struct bytes *rest = stream;
  if (size > rest->size)
    return EINVAL;
  memcpy(address, rest->data, size);
  *rest = bytes_after(*rest, size);
  return 0;
}

static int write_to_file(void *stream, void *address, size_t size)
{
  return fwrite(address, 1, size, stream) == size ? 0 : EIO;
}

static int write_to_buffer(void *stream, void *address, size_t size)
{
  return buffer_append(stream, address, size) ? 0 : EFBIG;
}

static xsSnapshot snapshot_of(void *stream, int (*write)(void *stream, void *address, size_t size))
{
  xsSnapshot snapshot = {
      .signature = (char *)SNAPSHOT_SIGNATURE,
      .signatureLength = sizeof SNAPSHOT_SIGNATURE - 1,
      .read = read_snapshot,
      .write = write,
      .stream = stream,
  };
  snapshot.callbacks = host_callbacks(&snapshot.callbacksLength);
  return snapshot;
}

/* An abort while a heap is read, for want of memory, leaves no error behind. */
static enum vatd_code read_heap(struct engine *engine, struct bytes heap, const char *what, struct error *error)
{
  xsSnapshot snapshot = snapshot_of(&heap, NULL);
  engine->machine = xsReadSnapshot(&snapshot, (char *)MACHINE_NAME, engine);
  if (engine->machine)
    return VATD_OK;
  return error_set_errno(error, VATD_INVALID, snapshot.error ? snapshot.error : ENOMEM, "cannot read the %s", what);
}

/* Its pages are wanted again only for an image. */
static void release_snapshot(const struct engine *engine)
{
  if (engine->mapped)
    madvise((void *)engine->snapshot.data, engine->snapshot.size, MADV_DONTNEED);
  if (engine->mapped && engine->code.size)
    madvise((void *)engine->code.data, engine->code.size, MADV_DONTNEED);
}

/* The machine that is made next lies at the engine's place, if there is one and it is large enough. */
static bool use_place(struct engine *engine, size_t slots_size, struct bytes pages)
{
  bool usable = heap_place_lay_out(&engine->place, slots_size, pages);
  if (usable)
    xs_platform_place_next(&engine->place);
  return usable;
}

static enum vatd_code read_code(struct engine *engine, struct error *error)
{
  struct code_image image;
  enum vatd_code code = code_image_read(&image, engine->code, error);
  if (code != VATD_OK)
    return code;
  use_place(engine, image.slots.size, bytes_from(image.slots.data, image.slots.size + image.chunks.size));
  return read_heap(engine, image.heap, "code image", error);
}

enum vatd_code engine_open_snapshot(struct engine *engine, struct error *error)
{
  engine->compiled = engine->code.size && read_code(engine, error) == VATD_OK;
  enum vatd_code code = engine->compiled ? VATD_OK : read_heap(engine, engine->snapshot, "snapshot", error);
  release_snapshot(engine);
  return code;
}

enum vatd_code engine_write_snapshot(struct engine *engine, const char *path, struct error *error)
{
  FILE *file = fopen(path, "we");
  if (!file)
    return error_set_errno(error, VATD_IO, errno, "%s", path);
  xsSnapshot snapshot = snapshot_of(file, write_to_file);
  xs_platform_shrink(engine->machine);
  xs_platform_write_snapshot(engine->machine, &snapshot);
  int failure = snapshot.error;
  if (fclose(file) != 0 && failure == 0)
    failure = errno;
  if (failure == 0)
    return VATD_OK;
  unlink(path);
  return error_set_errno(error, VATD_IO, failure, "%s", path);
}

/* Images */

static enum vatd_code write_heap(struct engine *engine, struct buffer *heap, struct error *error)
{
  xsSnapshot snapshot = snapshot_of(heap, write_to_buffer);
  engine->machine->abortStatus = 0;
  xs_platform_write_snapshot(engine->machine, &snapshot);
  if (engine->machine->abortStatus != 0) {
    engine->broken = true;
    return error_set(error, VATD_INVALID, "the engine stopped with status %d", engine->machine->abortStatus);
  }
  if (heap->overflowed)
    return error_set(error, VATD_LIMIT, "the heap is too large for an image");
  return snapshot.error ? error_set_errno(error, VATD_INVALID, snapshot.error, "the heap cannot be written") : VATD_OK;
}

static void enter_compile(xsMachine *the, const void *bundle)
{
  xsVar(0) = values_string(the, *(const struct bytes *)bundle);
  xsResult = xsGet(xsGlobal, xsID("vatSupervisor"));
  xsResult = xsCall1(xsResult, xsID("compile"), xsVar(0));
}

/* What a machine that reads `heap` has in memory, in the place of the one there is. */
static enum vatd_code lay_out_pages(struct engine *engine, struct code_image *image, struct error *error)
{
  size_t slots_size = xs_platform_slots_size(engine->machine);
  if (!use_place(engine, slots_size, (struct bytes){0}))
    return VATD_OK;
  engine_close(engine);
  enum vatd_code code = read_heap(engine, image->heap, "heap", error);
  if (code != VATD_OK)
    return code;
  image->slots = xs_platform_slot_pages(engine->machine);
  image->chunks = xs_platform_chunk_pages(engine->machine);
  return VATD_OK;
}

static enum vatd_code write_code(struct engine *engine, struct buffer *out, struct error *error)
{
  struct buffer heap;
  buffer_init(&heap, LIMIT_CODE_IMAGE);
  enum vatd_code code = write_heap(engine, &heap, error);
  struct code_image image = {.heap = buffer_bytes(&heap)};
  if (code == VATD_OK)
    code = lay_out_pages(engine, &image, error);
  if (code == VATD_OK && !code_image_write(out, &image))
    code = error_set(error, VATD_LIMIT, "the heap is too large for an image");
  buffer_fini(&heap);
  return code;
}

enum vatd_code engine_compile(struct engine *engine, struct bytes bundle, struct buffer *out, struct error *error)
{
  enum vatd_code code = engine->machine ? VATD_OK : engine_open_snapshot(engine, error);
  if (code == VATD_OK)
    code = run_task(engine, enter_compile, &bundle, error);
  if (code != VATD_OK)
    return code;
  xs_platform_shrink(engine->machine);
  return write_code(engine, out, error);
}

enum vatd_code engine_write_image(struct engine *engine, struct buffer *out, struct error *error)
{
  struct buffer heap;
  buffer_init(&heap, LIMIT_HEAP_IMAGE);
  buffer_reserve(&heap, xs_platform_heap_bytes(engine->machine));
  heap.overflowed = false; /* it may become smaller */
  enum vatd_code code = write_heap(engine, &heap, error);
  if (code == VATD_OK)
    code = image_pack(out, buffer_bytes(&heap), engine->snapshot, error);
  buffer_fini(&heap);
  release_snapshot(engine);
  return code;
}

enum vatd_code engine_open_image(struct engine *engine, struct bytes image, struct error *error)
{
  struct buffer heap;
  buffer_init(&heap, LIMIT_HEAP_IMAGE);
  enum vatd_code code = image_unpack(&heap, image, engine->snapshot, error);
  if (code == VATD_OK) {
    engine_close(engine);
    code = read_heap(engine, buffer_bytes(&heap), "image", error);
  }
  buffer_fini(&heap);
  release_snapshot(engine);
  if (code == VATD_OK)
    xs_platform_settle(engine->machine);
  return code;
}

/* Cranks */

void engine_set_limits(struct engine *engine, const struct vat_limits *limits)
{
  engine->computrons = limits->computrons < COMPUTRONS_CEILING ? limits->computrons : COMPUTRONS_CEILING;
  xs_platform_limit_heap(engine->machine, limits->heap_bytes);
}

uint64_t engine_heap_bytes(const struct engine *engine)
{
  return xs_platform_heap_bytes(engine->machine);
}

static void enter_start(xsMachine *the, const void *argument)
{
  const struct init_frame *init = argument;
  xsVar(0) = values_string(the, init->vat);
  xsVar(1) = values_string(the, init->config);
  if (!((const struct engine *)xsGetContext(the))->compiled)
    xsVar(2) = values_string(the, init->bundle);
  xsResult = xsGet(xsGlobal, xsID("vatSupervisor"));
  xsResult = xsCall3(xsResult, xsID("start"), xsVar(0), xsVar(1), xsVar(2));
}

/* The machine of a run that was aborted is not touched any more. */
static bool can_collect(const struct engine_run *result)
{
  return result->end == ENGINE_QUIET || result->end == ENGINE_THROWN;
}

void engine_start(struct engine *engine, const struct init_frame *init, struct engine_run *result)
{
  run(engine, enter_start, init, true, result);
  if (can_collect(result))
    xs_platform_shrink(engine->machine);
}

static void enter_deliver(xsMachine *the, const void *argument)
{
  values_make_delivery(the, argument);
  xsVar(0) = xsGet(xsGlobal, xsID("vatSupervisor"));
  xsResult = xsCall1(xsVar(0), xsID("deliver"), xsResult);
}

void engine_deliver(struct engine *engine, const struct delivery *delivery, struct engine_run *result)
{
  run(engine, enter_deliver, delivery, true, result);
  if (!can_collect(result))
    return;
  if (delivery->type == DELIVERY_BRING_OUT_YOUR_DEAD)
    xs_platform_shrink(engine->machine);
  else
    xs_platform_collect_between_cranks(engine->machine);
}
