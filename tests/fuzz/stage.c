/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/stage.c - see stage.h. Answers and log lines of the kernel are thrown away. */
#include "stage.h"

#include "base/check.h"
#include "base/limits.h"

static void answer(struct stage *stage, uint64_t worker, struct done_frame *frame, uint64_t id)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  frame->id = id;
  if (frame_encode_done(&out, frame))
    kernel_worker_frame(stage->kernel, worker, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

/* The next payload of the script; false at its end. */
static bool next_payload(struct stage *stage, struct bytes *payload)
{
  if (stage->script.size < 2)
    return false;
  size_t size = (size_t)(unsigned char)stage->script.data[0] << 8 | (unsigned char)stage->script.data[1];
  struct bytes rest = bytes_after(stage->script, 2);
  size = size < rest.size ? size : rest.size;
  *payload = bytes_from(rest.data, size);
  stage->script = bytes_after(rest, size);
  return true;
}

/* A payload that is a done frame gets the right id, or the kernel would not look further. */
static void play(struct stage *stage, uint64_t worker, uint64_t id)
{
  struct bytes payload;
  struct error error;
  struct arena arena;
  struct done_frame frame = {.status = DONE_OK};
  arena_init(&arena);
  if (!next_payload(stage, &payload) || frame_decode_done(payload, &arena, &frame, &error) == VATD_OK)
    answer(stage, worker, &frame, id);
  else
    kernel_worker_frame(stage->kernel, worker, payload);
  arena_fini(&arena);
}

/* What a worker that is asked for its heap answers: as the script says, in the end with one of bob's, and none of others'. A payload
 * that is an image frame gets the right id. */
static void hibernate(struct stage *stage, uint64_t worker, uint64_t id)
{
  struct bytes payload;
  struct error error;
  struct buffer out;
  struct image_frame frame = {.image = bytes_of(worker == stage->workers[STAGE_BOB] ? "a heap" : "")};
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  bool is_image = !next_payload(stage, &payload) || frame_decode_image(payload, &frame, &error) == VATD_OK;
  frame.id = id;
  if (!is_image)
    kernel_worker_frame(stage->kernel, worker, payload);
  else if (frame_encode_image(&out, &frame))
    kernel_worker_frame(stage->kernel, worker, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

static void take_frame(struct stage *stage, const struct effect *effect)
{
  struct error error;
  enum frame_type type;
  uint64_t id;
  struct bytes payload = bytes_after(buffer_bytes(&effect->frame), FRAME_HEADER_SIZE);
  CHECK(frame_peek(payload, &type, &id, &error) == VATD_OK);
  if (type == FRAME_INIT)
    answer(stage, effect->worker, &(struct done_frame){.status = DONE_OK}, id);
  else if (type == FRAME_DELIVER)
    play(stage, effect->worker, id);
  else if (type == FRAME_HIBERNATE)
    hibernate(stage, effect->worker, id);
}

static void carry_out(struct stage *stage, struct effect *effect)
{
  if (effect->type == EFFECT_START_WORKER && effect->vat < STAGE_VATS)
    stage->workers[effect->vat] = effect->worker;
  else if (effect->type == EFFECT_SEND)
    take_frame(stage, effect);
  else if (effect->type == EFFECT_WAKE_LATER)
    kernel_wake_vat(stage->kernel, effect->vat);
}

void stage_pump(struct stage *stage)
{
  struct effect effect;
  bool any = true;
  while (any && stage->steps > 0 && !kernel_broken(stage->kernel)) {
    any = false;
    while (stage->steps > 0 && kernel_step(stage->kernel))
      stage->steps--;
    if (kernel_batch_open(stage->kernel))
      kernel_commit(stage->kernel);
    while (stage->steps > 0 && kernel_take_effect(stage->kernel, &effect)) {
      any = true;
      stage->steps--;
      carry_out(stage, &effect);
      effect_fini(&effect);
    }
  }
}

static void launch(struct stage *stage)
{
  json_t *config = json_loads("{\"bootstrap\":\"alice\",\"vats\":{\"alice\":{\"bundleSpec\":\"x\"},\"bob\":{\"bundleSpec\":\"x\"}}}",
                              0, NULL);
  struct launch_bundle bundles[] = {{"alice", bytes_of("{}")}, {"bob", bytes_of("{}")}};
  struct launch_order order = {.config = config, .bundles = bundles, .bundle_count = 2};
  kernel_launch(stage->kernel, 1, NULL, &order);
  stage_pump(stage);
  json_decref(config);
}

void stage_call(struct stage *stage, uint64_t request, const char *target, const char *slot)
{
  json_t *slots = slot ? json_pack("[s]", slot) : json_array();
  /* With the key of a request that was made before nothing is delivered. */
  const char *key = request % 2 ? NULL : "key";
  struct bytes body = bytes_of(slot ? "#[\"go\",[\"$0\"]]" : "#[\"go\",[]]");
  kernel_queue_message(stage->kernel, request, key, bytes_of(target), body, slots);
  json_decref(slots);
  stage_pump(stage);
}

void stage_rest(struct stage *stage)
{
  kernel_begin_rest(stage->kernel);
  stage_pump(stage);
}

bool stage_reopen(struct stage *stage, struct error *error)
{
  if (stage->kernel)
    kernel_free(stage->kernel);
  stage->kernel = NULL;
  store_memory_reopen(stage->store);
  for (size_t i = 0; i < STAGE_VATS; i++)
    stage->workers[i] = 0;
  stage->steps = 2000;
  return kernel_open(stage->store, &stage->kernel, error) == VATD_OK;
}

void stage_open(struct stage *stage)
{
  struct error error;
  *stage = (struct stage){.store = store_memory_open()};
  CHECK(stage_reopen(stage, &error));
  launch(stage);
  stage_call(stage, 2, "alice", "ko2");
  stage_call(stage, 3, "ko2", "ko1");
  CHECK(!kernel_broken(stage->kernel));
}

void stage_close(struct stage *stage)
{
  if (stage->kernel)
    kernel_free(stage->kernel);
  stage->store->ops->close(stage->store);
}
