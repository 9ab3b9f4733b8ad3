/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/local_vat.c - see local_vat.h. */
#include "local_vat.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bytes local_vat_snapshot(void)
{
  struct buffer content;
  FILE *file = fopen(WORKER_BUILD_DIR "/vat-worker.snapshot", "re");
  assert_non_null(file);
  buffer_init(&content, 64 * MIB);
  size_t count = 0;
  do {
    content.size += count;
    assert_true(buffer_reserve(&content, 64 * KIB));
    count = fread(content.data + content.size, 1, 64 * KIB, file);
  } while (count > 0);
  fclose(file);
  size_t size = content.size;
  return bytes_from(buffer_detach(&content), size);
}

/* What belongs to a worker, and ends with it. */
static void open_worker(struct local_vat *vat)
{
  host_init(&vat->host, NULL);
  engine_init(&vat->engine, &vat->host, vat->snapshot);
  vatstore_cache_init(&vat->cache);
  crank_init(&vat->crank, &vat->cache);
  vat->vat = script_vat(&vat->engine);
  struct bytes key, value;
  bool more = ordmap_seek(&vat->state, (struct bytes){0}, &key, &value);
  for (; more; more = ordmap_next(&vat->state, key, &key, &value))
    vatstore_cache_load(&vat->cache, key, value);
}

static void close_worker(struct local_vat *vat)
{
  engine_close(&vat->engine);
  crank_fini(&vat->crank);
  vatstore_cache_fini(&vat->cache);
  host_fini(&vat->host);
}

void local_vat_open(struct local_vat *vat, struct bytes snapshot)
{
  *vat = (struct local_vat){.snapshot = snapshot,
                            .limits = {.computrons = DEFAULT_COMPUTRONS_PER_CRANK, .heap_bytes = DEFAULT_HEAP_BYTES}};
  ordmap_init(&vat->state);
  buffer_init(&vat->frame, LIMIT_FRAME_FROM_WORKER);
  arena_init(&vat->arena);
  open_worker(vat);
  struct error error;
  if (!snapshot.size && engine_open_scripts(&vat->engine, WORKER_BUILD_DIR "/vat-boot.js", WORKER_BUILD_DIR "/vat-supervisor.js", &error) != VATD_OK)
    fail_msg("%s", error.text);
  vat->host.crank = &vat->crank;
}

void local_vat_close(struct local_vat *vat)
{
  close_worker(vat);
  ordmap_fini(&vat->state);
  buffer_fini(&vat->frame);
  arena_fini(&vat->arena);
}

/* What the frame loop and the kernel do when a crank is over. */
static struct done_frame finish(struct local_vat *vat, const struct outcome *outcome)
{
  struct done_frame done;
  struct error error;
  struct usage none = {0};
  buffer_clear(&vat->frame);
  arena_clear(&vat->arena);
  assert_true(crank_encode_done(&vat->crank, 1, outcome->status, outcome->text, &none, &vat->frame));
  struct bytes payload = bytes_after(buffer_bytes(&vat->frame), FRAME_HEADER_SIZE);
  assert_int_equal(frame_decode_done(payload, &vat->arena, &done, &error), VATD_OK);
  for (size_t i = 0; i < done.sets.count; i++)
    ordmap_put(&vat->state, done.sets.items[i].key, done.sets.items[i].value);
  for (size_t i = 0; i < done.deletes.count; i++)
    ordmap_remove(&vat->state, done.deletes.items[i]);
  done.usage.computrons = outcome->computrons;
  done.usage.heap_bytes = outcome->heap_bytes;
  return done;
}

struct done_frame local_vat_start(struct local_vat *vat, const char *config, const char *bundle)
{
  struct outcome outcome;
  struct init_frame init = {.vat = bytes_of("v1"), .config = bytes_of(config), .bundle = bytes_of(bundle), .limits = vat->limits};
  crank_begin(&vat->crank);
  vat->vat.start(vat->vat.context, &init, &outcome);
  return finish(vat, &outcome);
}

struct done_frame local_vat_deliver(struct local_vat *vat, const struct delivery *delivery)
{
  struct outcome outcome;
  crank_begin(&vat->crank);
  vat->vat.deliver(vat->vat.context, delivery, &outcome);
  return finish(vat, &outcome);
}

struct done_frame local_vat_call(struct local_vat *vat, const char *method, const char *args, const char *slot)
{
  char *body = memory_printf("#[\"%s\",[%s]]", method, args);
  struct bytes slots = bytes_of(slot ? slot : "");
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {bytes_of(body), {&slots, slot ? 1 : 0}}, .result = bytes_of("p-100")},
  };
  struct done_frame done = local_vat_deliver(vat, &delivery);
  free(body);
  return done;
}

bool local_vat_write_image(struct local_vat *vat, struct buffer *image)
{
  return vat->vat.write_image(vat->vat.context, image);
}

struct done_frame local_vat_wake(struct local_vat *vat, struct bytes image)
{
  struct init_frame init = {.vat = bytes_of("v1"), .limits = vat->limits};
  struct outcome outcome;
  close_worker(vat);
  open_worker(vat);
  vat->host.crank = &vat->crank;
  crank_begin(&vat->crank);
  vat->vat.wake(vat->vat.context, &init, image, &outcome);
  return finish(vat, &outcome);
}

void local_vat_nap(struct local_vat *vat)
{
  struct buffer image;
  buffer_init(&image, LIMIT_HEAP_IMAGE);
  assert_true(local_vat_write_image(vat, &image));
  struct done_frame done = local_vat_wake(vat, buffer_bytes(&image));
  if (done.status != DONE_OK)
    fail_msg("wake: %.*s", BYTES_ARG(done.status_text));
  buffer_fini(&image);
}
