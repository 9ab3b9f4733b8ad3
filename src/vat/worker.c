/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/worker.c - see worker.h.
 *
 *     NEW --init--> (crank) --DONE_OK--> STARTED --deliver--> (crank) --DONE_OK--> STARTED ...
 *                      \--anything else--> exit             \--anything else--> exit
 *
 * A crank may ask for pages of the vat's storage, one at a time: it stands still until the pageReply has come. Deliveries that
 * the kernel had sent before are kept, with their order, until the crank is over.
 *
 * An init frame with an image of a heap makes the worker go on with that heap instead of starting; hibernate, once it has started,
 * is answered with such an image, and changes nothing.
 *
 * compile comes to a worker that will have no vat: its image of the bundle's code is for the workers of others, and it is the last thing
 * that is asked of it.
 *
 * ping is answered in both states. Anything else that arrives is out of turn and ends the worker: the kernel would not
 * send it. Each init and deliver is answered by exactly one done frame.
 */
#include "vat/worker.h"
#include "base/check.h"
#include "base/memory.h"

#include <endian.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "vat/channel.h"

#define GO_ON (-1) /* beside the values of enum worker_exit */

static bool silent; /* of the process, as its standard error is */

void worker_be_silent(void)
{
  silent = true;
}

/* The kernel knows by the status that it was the vat's limit, or the machine's, and no crash. */
static void end_without_memory(void)
{
  static const char text[] = "vat-worker: out of memory\n";
  ssize_t said = silent ? 0 : write(STDERR_FILENO, text, sizeof text - 1);
  (void)said;
  _exit(WORKER_EXIT_MEMORY);
}

static int report(enum vatd_code code, const struct error *error)
{
  if (!silent)
    fprintf(stderr, "vat-worker: %s\n", error->text);
  return code == VATD_IO ? WORKER_EXIT_IO : WORKER_EXIT_PROTOCOL;
}

/* ---- pages ---- */

/* Keeps a frame that is not the page which is awaited. */
static enum vatd_code keep_waiting(struct worker *worker, enum frame_type type, struct error *error)
{
  uint32_t length = htole32((uint32_t)worker->page.size);
  if (type != FRAME_DELIVER && type != FRAME_PING)
    return error_set(error, VATD_INVALID, "a frame out of turn while a page was awaited");
  if (!buffer_append(&worker->waiting, &length, sizeof length) ||
      !buffer_append_bytes(&worker->waiting, buffer_bytes(&worker->page)))
    return error_set(error, VATD_LIMIT, "too many frames while a page was awaited");
  return VATD_OK;
}

/* The page is what was asked for: in order, and not from before `from`. */
static enum vatd_code check_page(const struct page_reply_frame *reply, struct bytes from, struct error *error)
{
  if (reply->more && reply->rows.count == 0)
    return error_set(error, VATD_INVALID, "an empty page that is not the last");
  for (size_t i = 0; i < reply->rows.count; i++) {
    struct bytes before = i == 0 ? from : reply->rows.items[i - 1].key;
    int order = bytes_compare(before, reply->rows.items[i].key);
    if (order > 0 || (order == 0 && i > 0))
      return error_set(error, VATD_INVALID, "a page out of order");
  }
  return VATD_OK;
}

/* The pageReply into `page`; *end: the channel was closed. */
static enum vatd_code await_page(struct worker *worker, bool *end, struct error *error)
{
  for (;;) {
    enum frame_type type;
    uint64_t id;
    enum vatd_code code = channel_read(worker->fd, &worker->page, end, error);
    if (code == VATD_OK && !*end)
      code = frame_peek(buffer_bytes(&worker->page), &type, &id, error);
    if (code != VATD_OK || *end || (type == FRAME_PAGE_REPLY && id == worker->page_id))
      return code;
    code = keep_waiting(worker, type, error);
    if (code != VATD_OK)
      return code;
  }
}

/* Without the page the crank cannot go on, nor can it end: the process does. */
static void get_page(void *context, struct bytes from, uint64_t rows, uint64_t bytes, struct page_reply_frame *reply)
{
  struct worker *worker = context;
  struct error error;
  struct page_frame frame = {++worker->page_id, from, rows, bytes};
  bool end = false;
  buffer_clear(&worker->out);
  arena_clear(&worker->page_arena);
  frame_encode_page(&worker->out, &frame);
  enum vatd_code code = channel_write(worker->fd, buffer_bytes(&worker->out), &error);
  if (code == VATD_OK)
    code = await_page(worker, &end, &error);
  if (code == VATD_OK && !end)
    code = frame_decode_page_reply(buffer_bytes(&worker->page), &worker->page_arena, reply, &error);
  if (code == VATD_OK && !end)
    code = check_page(reply, from, &error);
  if (end)
    _exit(WORKER_EXIT_OK);
  if (code != VATD_OK)
    _exit(report(code, &error));
}

void worker_init(struct worker *worker, int fd, const struct worker_vat *vat, struct crank *crank)
{
  memory_on_exhaustion(end_without_memory);
  *worker = (struct worker){.fd = fd, .vat = vat, .crank = crank};
  buffer_init(&worker->in, LIMIT_FRAME_TO_WORKER);
  buffer_init(&worker->out, LIMIT_FRAME_FROM_WORKER + FRAME_HEADER_SIZE);
  buffer_init(&worker->page, LIMIT_FRAME_TO_WORKER);
  buffer_init(&worker->waiting, LIMIT_FRAME_TO_WORKER);
  arena_init(&worker->page_arena);
  worker->source = (struct vatstore_source){worker, get_page};
}

void worker_fini(struct worker *worker)
{
  if (!worker)
    return;
  buffer_fini(&worker->in);
  buffer_fini(&worker->out);
  buffer_fini(&worker->page);
  buffer_fini(&worker->waiting);
  arena_fini(&worker->page_arena);
}

static uint64_t microseconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int exit_after(enum done_status status)
{
  switch (status) {
  case DONE_OK:
    return GO_ON;
  case DONE_INIT_FAILED:
    return WORKER_EXIT_INIT_FAILED;
  case DONE_LIMIT_COMPUTE:
    return WORKER_EXIT_COMPUTE;
  case DONE_LIMIT_MEMORY:
    return WORKER_EXIT_MEMORY;
  case DONE_LIMIT_STACK:
    return WORKER_EXIT_STACK;
  case DONE_LIMIT_KEYS:
    return WORKER_EXIT_KEYS;
  case DONE_CRASHED:
    break;
  }
  return WORKER_EXIT_CRASHED;
}

static int send_out(struct worker *worker)
{
  struct error error;
  enum vatd_code code = channel_write(worker->fd, buffer_bytes(&worker->out), &error);
  return code == VATD_OK ? GO_ON : report(code, &error);
}

static int answer(struct worker *worker, uint64_t id, const struct outcome *outcome, uint64_t started_at)
{
  enum done_status status = outcome->status;
  struct usage usage = {outcome->computrons, outcome->heap_bytes, microseconds_now() - started_at};
  buffer_clear(&worker->out);
  if (!crank_encode_done(worker->crank, id, status, outcome->text, &usage, &worker->out)) {
    status = DONE_LIMIT_MEMORY;
    buffer_clear(&worker->out);
    crank_encode_done(worker->crank, id, status, bytes_of("the crank's effects are too large"), &usage, &worker->out);
  }
  int next = send_out(worker);
  return next == GO_ON ? exit_after(status) : next;
}

static size_t cache_budget(const struct vat_limits *limits)
{
  uint64_t eighth = limits->heap_bytes / 8;
  return eighth < LIMIT_CACHE_BYTES ? (size_t)eighth : LIMIT_CACHE_BYTES;
}

static void load_state(struct worker *worker, const struct init_frame *init)
{
  struct vatstore_cache *cache = worker->crank->cache;
  for (size_t i = 0; i < init->state.count; i++)
    vatstore_cache_load(cache, init->state.items[i].key, init->state.items[i].value);
  vatstore_cache_attach(cache, &worker->source, cache_budget(&init->limits), init->complete);
}

static int serve_init(struct worker *worker)
{
  struct init_frame init;
  struct outcome outcome;
  struct error error;
  uint64_t started_at = microseconds_now();
  crank_begin(worker->crank);
  enum vatd_code code = frame_decode_init(buffer_bytes(&worker->in), &worker->crank->arena, &init, &error);
  if (code == VATD_OK && worker->started)
    code = error_set(&error, VATD_INVALID, "a second init frame");
  if (code != VATD_OK)
    return report(code, &error);
  load_state(worker, &init);
  if (init.image.size && worker->vat->wake)
    worker->vat->wake(worker->vat->context, &init, init.image, &outcome);
  else
    worker->vat->start(worker->vat->context, &init, &outcome);
  int next = answer(worker, init.id, &outcome, started_at);
  worker->started = true;
  buffer_fini(&worker->in); /* it held the bundle, or the image */
  return next;
}

static int serve_deliver(struct worker *worker)
{
  struct deliver_frame deliver;
  struct outcome outcome;
  struct error error;
  uint64_t started_at = microseconds_now();
  crank_begin(worker->crank);
  enum vatd_code code = frame_decode_deliver(buffer_bytes(&worker->in), &worker->crank->arena, &deliver, &error);
  if (code == VATD_OK && !worker->started)
    code = error_set(&error, VATD_INVALID, "a deliver frame before init");
  if (code != VATD_OK)
    return report(code, &error);
  worker->vat->deliver(worker->vat->context, &deliver.delivery, &outcome);
  return answer(worker, deliver.id, &outcome, started_at);
}

static int serve_hibernate(struct worker *worker, uint64_t id)
{
  struct error error;
  struct buffer image;
  if (!worker->started)
    return report(error_set(&error, VATD_INVALID, "a hibernate frame before init"), &error);
  buffer_init(&image, LIMIT_IMAGE);
  if (!worker->vat->write_image || !worker->vat->write_image(worker->vat->context, &image))
    buffer_clear(&image);
  buffer_clear(&worker->out);
  frame_encode_image(&worker->out, &(struct image_frame){id, buffer_bytes(&image)});
  buffer_fini(&image);
  return send_out(worker);
}

static int serve_compile(struct worker *worker)
{
  struct error error;
  struct compile_frame frame;
  struct buffer image;
  enum vatd_code code = frame_decode_compile(buffer_bytes(&worker->in), &frame, &error);
  if (code == VATD_OK && worker->started)
    code = error_set(&error, VATD_INVALID, "a compile frame after another");
  if (code != VATD_OK)
    return report(code, &error);
  worker->started = true;
  crank_begin(worker->crank);
  buffer_init(&image, LIMIT_CODE_IMAGE);
  if (!worker->vat->compile || !worker->vat->compile(worker->vat->context, frame.bundle, &image))
    buffer_clear(&image);
  buffer_clear(&worker->out);
  frame_encode_image(&worker->out, &(struct image_frame){frame.id, buffer_bytes(&image)});
  buffer_fini(&image);
  return send_out(worker);
}

static int serve_ping(struct worker *worker, uint64_t id)
{
  buffer_clear(&worker->out);
  frame_encode_pong(&worker->out, id);
  return send_out(worker);
}

static int serve_frame(struct worker *worker)
{
  enum frame_type type;
  uint64_t id;
  struct error error;
  enum vatd_code code = frame_peek(buffer_bytes(&worker->in), &type, &id, &error);
  if (code != VATD_OK)
    return report(code, &error);
  switch (type) {
  case FRAME_INIT:
    return serve_init(worker);
  case FRAME_DELIVER:
    return serve_deliver(worker);
  case FRAME_PING:
    return serve_ping(worker, id);
  case FRAME_HIBERNATE:
    return serve_hibernate(worker, id);
  case FRAME_COMPILE:
    return serve_compile(worker);
  case FRAME_DONE:
  case FRAME_PONG:
  case FRAME_PAGE:
  case FRAME_PAGE_REPLY:
  case FRAME_IMAGE:
    break;
  }
  return report(error_set(&error, VATD_INVALID, "a frame out of turn"), &error);
}

/* The next frame into `in`: one that has waited, or a new one. */
static enum vatd_code next_frame(struct worker *worker, bool *end, struct error *error)
{
  size_t size;
  if (worker->waiting.size == 0)
    return channel_read(worker->fd, &worker->in, end, error);
  enum vatd_code code = frame_payload_size(worker->waiting.data, LIMIT_FRAME_TO_WORKER, &size, error);
  CHECK(code == VATD_OK); /* we wrote it there */
  buffer_clear(&worker->in);
  bool fits = buffer_append(&worker->in, worker->waiting.data + FRAME_HEADER_SIZE, size);
  CHECK(fits);
  buffer_consume(&worker->waiting, FRAME_HEADER_SIZE + size);
  *end = false;
  return VATD_OK;
}

enum worker_exit worker_serve(struct worker *worker)
{
  int next = GO_ON;
  while (next == GO_ON) {
    struct error error;
    bool end;
    enum vatd_code code = next_frame(worker, &end, &error);
    if (code != VATD_OK)
      next = report(code, &error);
    else
      next = end ? WORKER_EXIT_OK : serve_frame(worker);
  }
  return (enum worker_exit)next;
}
