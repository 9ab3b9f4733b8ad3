/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/kernel_harness.c - see kernel_harness.h. */
#include "kernel_harness.h"

#include "kernel_image.h"

#include "base/limits.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- effects ---- */

static struct played_worker *player(struct harness *h, uint64_t vat)
{
  assert_true(vat > 0 && vat < HARNESS_VATS);
  return &h->vats[vat];
}

static void begin_delivery(struct played_worker *vat, const struct deliver_frame *frame)
{
  vat->delivery = frame->delivery;
  vat->frame_id = frame->id;
  vat->has_delivery = true;
}

/* The delivery is answered. */
static void end_delivery(struct played_worker *vat)
{
  vat->has_delivery = false;
  if (vat->behind_count == 0)
    return;
  begin_delivery(vat, &vat->behind[0]);
  memmove(vat->behind, vat->behind + 1, --vat->behind_count * sizeof vat->behind[0]);
}

static void forget_deliveries(struct played_worker *vat)
{
  vat->has_delivery = false;
  vat->behind_count = 0;
  vat->image_asked = 0;
}

static void keep_delivery(struct harness *h, struct played_worker *vat, struct bytes payload)
{
  struct error error;
  struct deliver_frame frame;
  struct bytes copy = arena_copy(&h->arena, payload);
  assert_int_equal(frame_decode_deliver(copy, &h->arena, &frame, &error), VATD_OK);
  assert_true(vat->behind_count < HARNESS_BEHIND);
  if (vat->has_delivery)
    vat->behind[vat->behind_count++] = frame;
  else
    begin_delivery(vat, &frame);
}

static void answer_init(struct harness *h, struct played_worker *vat, struct bytes payload)
{
  struct error error;
  struct init_frame frame;
  struct bytes copy = arena_copy(&h->arena, payload);
  assert_int_equal(frame_decode_init(copy, &h->arena, &frame, &error), VATD_OK);
  vat->frame_id = frame.id;
  vat->state = frame.state;
  vat->complete = frame.complete;
  vat->bundle = frame.bundle;
  vat->limits = frame.limits;
  vat->image = frame.image;
  if (!h->hold_inits)
    harness_done(h, vat->vat, (struct done_frame){.status = DONE_OK});
}

static void take_send(struct harness *h, const struct effect *effect)
{
  struct error error;
  enum frame_type type;
  uint64_t id;
  struct bytes payload = bytes_after(buffer_bytes(&effect->frame), FRAME_HEADER_SIZE);
  struct played_worker *vat = player(h, effect->vat);
  assert_int_equal(vat->worker, effect->worker);
  assert_int_equal(frame_peek(payload, &type, &id, &error), VATD_OK);
  if (effect->timed)
    vat->deadline_ms = effect->deadline_ms;
  if (type == FRAME_INIT)
    answer_init(h, vat, payload);
  else if (type == FRAME_DELIVER)
    keep_delivery(h, vat, payload);
  else if (type == FRAME_PING)
    vat->pinged = id;
  else if (type == FRAME_HIBERNATE)
    vat->image_asked = id;
  else if (type == FRAME_PAGE_REPLY)
    assert_int_equal(frame_decode_page_reply(arena_copy(&h->arena, payload), &h->arena, &vat->page, &error), VATD_OK);
}

static void carry_out(struct harness *h, struct effect *effect)
{
  struct played_worker *vat;
  switch (effect->type) {
  case EFFECT_START_WORKER:
    vat = player(h, effect->vat);
    vat->worker = effect->worker;
    vat->vat = effect->vat;
    forget_deliveries(vat);
    vat->program = effect->name ? (struct bytes){NULL, 0} : arena_copy(&h->arena, buffer_bytes(&effect->frame));
    vat->starts++;
    break;
  case EFFECT_SEND:
    take_send(h, effect);
    break;
  case EFFECT_STOP_WORKER:
    vat = player(h, effect->vat);
    if (vat->worker == effect->worker)
      vat->worker = 0;
    forget_deliveries(vat);
    break;
  case EFFECT_ANSWER:
    assert_true(effect->request < HARNESS_ANSWERS);
    assert_false(h->answered[effect->request]);
    h->answered[effect->request] = true;
    h->answers[effect->request] = *effect;
    *effect = (struct effect){0};
    break;
  case EFFECT_LOG:
    h->log_lines++;
    break;
  case EFFECT_CALL_SERVICE:
    assert_true(h->call_count < HARNESS_CALLS);
    h->calls[h->call_count++] = *effect;
    *effect = (struct effect){0};
    break;
  case EFFECT_CANCEL_CALL:
    h->cancelled_calls++;
    break;
  case EFFECT_SUBCLUSTER:
    break;
  case EFFECT_WAKE_LATER:
    h->rests++;
    h->last_rest_ms = effect->delay_ms;
    kernel_wake_vat(h->kernel, effect->vat);
    break;
  }
}

void harness_pump(struct harness *h)
{
  struct effect effect;
  bool any = true;
  while (any) {
    any = false;
    while (kernel_step(h->kernel))
      ;
    if (!h->hold_commits && kernel_batch_open(h->kernel))
      kernel_commit(h->kernel);
    while (kernel_take_effect(h->kernel, &effect)) {
      any = true;
      carry_out(h, &effect);
      effect_fini(&effect);
    }
  }
  if (h->store_fails)
    return;
  if (kernel_broken(h->kernel))
    fail_msg("the kernel is broken: %s", kernel_broken(h->kernel)->text);
  if (!h->unchecked)
    harness_check_counts(h);
}

/* ---- life ---- */

static void open_kernel(struct harness *h)
{
  struct error error = {0};
  if (kernel_open(h->store, &h->kernel, &error) != VATD_OK)
    fail_msg("%s", error.text);
}

void harness_open_on(struct harness *h, struct store *store)
{
  *h = (struct harness){.store = store, .next_request = 1};
  arena_init(&h->arena);
  open_kernel(h);
}

void harness_open(struct harness *h)
{
  harness_open_on(h, store_memory_open());
}

static void forget_answers(struct harness *h)
{
  for (size_t i = 0; i < h->call_count; i++)
    effect_fini(&h->calls[i]);
  for (size_t i = 0; i < HARNESS_ANSWERS; i++) {
    effect_fini(&h->answers[i]);
    h->answered[i] = false;
  }
}

void harness_close(struct harness *h)
{
  forget_answers(h);
  kernel_free(h->kernel);
  h->store->ops->close(h->store);
  arena_fini(&h->arena);
}

void harness_crash(struct harness *h)
{
  struct error error = {0};
  kernel_free(h->kernel);
  assert_int_equal(h->store->ops->rollback(h->store, &error), VATD_OK);
  for (size_t i = 0; i < HARNESS_VATS; i++) {
    h->vats[i].worker = 0;
    forget_deliveries(&h->vats[i]);
  }
  open_kernel(h);
}

/* ---- requests ---- */

static uint64_t new_request(struct harness *h)
{
  assert_true(h->next_request < HARNESS_ANSWERS);
  return h->next_request++;
}

uint64_t harness_begin_launch(struct harness *h, const char *config)
{
  json_t *json = json_loads(config, 0, NULL);
  struct launch_bundle bundles[HARNESS_VATS];
  size_t count = 0;
  const char *name;
  json_t *vat;
  uint64_t request = new_request(h);
  json_object_foreach(json_object_get(json, "vats"), name, vat) {
    bool is_program = json_object_get(vat, "programSpec") != NULL;
    bundles[count++] = (struct launch_bundle){name, bytes_of(is_program ? HARNESS_PROGRAM : HARNESS_BUNDLE)};
  }
  json_t *system = json_incref(json_object_get(json, "system")); /* ours, and no member of a configuration */
  json_object_del(json, "system");
  struct launch_order order = {
      .config = json, .bundles = bundles, .bundle_count = count, .system_name = json_string_value(system)};
  kernel_launch(h->kernel, request, NULL, &order);
  json_decref(system);
  json_decref(json);
  harness_pump(h);
  return request;
}

void harness_register(struct harness *h, const char *name, bool system_only)
{
  struct error error = {0};
  if (kernel_register_service(h->kernel, name, system_only, &error) != VATD_OK)
    fail_msg("%s", error.text);
}

void harness_service_returns(struct harness *h, size_t call, bool rejected, const char *body, const char *slot)
{
  struct error error = {0};
  json_t *slots = slot ? json_pack("[s]", slot) : json_array();
  enum vatd_code code =
      kernel_service_return(h->kernel, h->calls[call].request, rejected, bytes_of(body), slots, &error);
  json_decref(slots);
  if (code != VATD_OK)
    fail_msg("the service's answer was refused: %s", error.text);
  harness_pump(h);
}

uint64_t harness_launch(struct harness *h, const char *first, ...)
{
  struct buffer config;
  va_list names;
  buffer_init(&config, 64 * KIB);
  buffer_printf(&config, "{\"bootstrap\":\"%s\",\"vats\":{\"%s\":{\"bundleSpec\":\"x\"}", first, first);
  va_start(names, first);
  for (const char *name = va_arg(names, const char *); name; name = va_arg(names, const char *))
    buffer_printf(&config, ",\"%s\":{\"bundleSpec\":\"x\"}", name);
  va_end(names);
  buffer_append_text(&config, "}}");
  uint64_t request = harness_begin_launch(h, buffer_text(&config));
  buffer_fini(&config);
  for (uint64_t vat = 1; vat < HARNESS_VATS; vat++) {
    if (h->vats[vat].has_delivery && strstr(arena_copy(&h->arena, h->vats[vat].delivery.message.methargs.body).data,
                                            "#[\"bootstrap\""))
      harness_return(h, vat, "#\"#undefined\"", NULL);
  }
  assert_int_equal(harness_answer_code(h, request), VATD_OK);
  json_t *vats = json_object_get(h->answers[request].result, "vats");
  uint64_t id = 0;
  vat_id_parse(bytes_of(json_string_value(json_object_get(json_array_get(vats, 0), "id"))), &id);
  return id;
}

uint64_t harness_call_with(struct harness *h, const char *target, const char *body, const char *slot)
{
  json_t *slots = slot ? json_pack("[s]", slot) : json_array();
  uint64_t request = new_request(h);
  kernel_queue_message(h->kernel, request, NULL, bytes_of(target), bytes_of(body), slots);
  json_decref(slots);
  harness_pump(h);
  return request;
}

uint64_t harness_call(struct harness *h, const char *target, const char *method)
{
  struct bytes body = arena_printf(&h->arena, "#[\"%s\",[]]", method);
  return harness_call_with(h, target, body.data, NULL);
}

/* ---- playing a vat ---- */

bool harness_has_delivery(const struct harness *h, uint64_t vat)
{
  return h->vats[vat].has_delivery;
}

size_t harness_deliveries_behind(const struct harness *h, uint64_t vat)
{
  return h->vats[vat].behind_count;
}

const struct delivery *harness_delivery(struct harness *h, uint64_t vat)
{
  if (!player(h, vat)->has_delivery)
    fail_msg("vat v%d has no delivery", (int)vat);
  return &h->vats[vat].delivery;
}

void harness_done(struct harness *h, uint64_t vat, struct done_frame frame)
{
  struct played_worker *played = player(h, vat);
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  frame.id = played->frame_id;
  end_delivery(played);
  assert_true(frame_encode_done(&out, &frame));
  kernel_worker_frame(h->kernel, played->worker, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
}

void harness_page(struct harness *h, uint64_t vat, struct page_frame frame)
{
  struct played_worker *played = player(h, vat);
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  played->page = (struct page_reply_frame){0};
  assert_true(frame_encode_page(&out, &frame));
  kernel_worker_frame(h->kernel, played->worker, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
  harness_pump(h);
}

void harness_hibernates(struct harness *h, uint64_t vat, const char *image)
{
  struct played_worker *played = player(h, vat);
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_FROM_WORKER);
  assert_true(frame_encode_image(&out, &(struct image_frame){played->image_asked, bytes_of(image)}));
  played->image_asked = 0;
  kernel_worker_frame(h->kernel, played->worker, bytes_after(buffer_bytes(&out), FRAME_HEADER_SIZE));
  buffer_fini(&out);
  harness_pump(h);
}

void harness_done_with(struct harness *h, uint64_t vat, const struct vat_syscall *calls, size_t count)
{
  harness_done(h, vat,
               (struct done_frame){.status = DONE_OK, .syscalls = (struct vat_syscall *)calls, .syscall_count = count});
  harness_pump(h);
}

void harness_skip_reap(struct harness *h, uint64_t vat)
{
  if (harness_has_delivery(h, vat) && harness_delivery(h, vat)->type == DELIVERY_BRING_OUT_YOUR_DEAD)
    harness_done_with(h, vat, NULL, 0);
}

static struct capdata capdata_of(struct harness *h, const char *body, const char *slot)
{
  struct capdata data = {.body = bytes_of(body)};
  if (slot) {
    data.slots.items = arena_alloc(&h->arena, sizeof *data.slots.items);
    data.slots.items[0] = bytes_of(slot);
    data.slots.count = 1;
  }
  return data;
}

struct vat_syscall call_send(struct harness *h, const char *target, const char *body, const char *slot, const char *result)
{
  return (struct vat_syscall){.type = SYSCALL_SEND,
                              .message = {.target = bytes_of(target),
                                          .methargs = capdata_of(h, body, slot),
                                          .result = result ? bytes_of(result) : (struct bytes){NULL, 0}}};
}

struct vat_syscall call_subscribe(const char *vpid)
{
  return (struct vat_syscall){.type = SYSCALL_SUBSCRIBE, .vpid = bytes_of(vpid)};
}

struct vat_syscall call_resolve(struct harness *h, const char *vpid, bool rejected, const char *body, const char *slot)
{
  struct resolution *resolution = arena_alloc(&h->arena, sizeof *resolution);
  *resolution = (struct resolution){bytes_of(vpid), rejected, capdata_of(h, body, slot)};
  return (struct vat_syscall){.type = SYSCALL_RESOLVE, .resolutions = {resolution, 1}};
}

static void settle_result(struct harness *h, uint64_t vat, bool rejected, const char *body, const char *slot)
{
  const char *result = arena_copy(&h->arena, harness_delivery(h, vat)->message.result).data;
  struct vat_syscall call = call_resolve(h, result, rejected, body, slot);
  harness_done_with(h, vat, &call, 1);
}

void harness_return(struct harness *h, uint64_t vat, const char *body, const char *slot)
{
  settle_result(h, vat, false, body, slot);
}

void harness_throw(struct harness *h, uint64_t vat, const char *body)
{
  settle_result(h, vat, true, body, NULL);
}

void harness_worker_dies(struct harness *h, uint64_t vat, enum worker_end end)
{
  struct played_worker *played = player(h, vat);
  uint64_t worker = played->worker;
  forget_deliveries(played);
  played->worker = 0;
  kernel_worker_ended(h->kernel, worker, end, "it died in a test");
  harness_pump(h);
}

/* ---- looking ---- */

bool harness_is_answered(const struct harness *h, uint64_t request)
{
  return h->answered[request];
}

static void need_answer(struct harness *h, uint64_t request)
{
  if (!h->answered[request])
    fail_msg("request %d has no answer", (int)request);
}

const char *harness_answer(struct harness *h, uint64_t request)
{
  need_answer(h, request);
  const struct effect *effect = &h->answers[request];
  char *text = effect->result ? json_dumps(effect->result, JSON_COMPACT | JSON_ENCODE_ANY) : strdup(effect->text);
  struct bytes copy = arena_copy(&h->arena, bytes_of(text));
  free(text);
  return copy.data;
}

enum vatd_code harness_answer_code(struct harness *h, uint64_t request)
{
  need_answer(h, request);
  return h->answers[request].code;
}

const char *harness_vat_row(struct harness *h, const char *vat, const char *key)
{
  struct error error;
  struct buffer value;
  buffer_init(&value, LIMIT_KERNEL_VALUE);
  h->store->ops->get(h->store, vat, bytes_of(key), &value, &error);
  const char *copy = arena_copy(&h->arena, buffer_bytes(&value)).data;
  buffer_fini(&value);
  return copy;
}

const char *harness_row(struct harness *h, const char *key)
{
  return harness_vat_row(h, NULL, key);
}

bool harness_has_row(struct harness *h, const char *key)
{
  struct error error;
  struct buffer value;
  buffer_init(&value, LIMIT_KERNEL_VALUE);
  enum vatd_code code = h->store->ops->get(h->store, NULL, bytes_of(key), &value, &error);
  buffer_fini(&value);
  return code == VATD_OK;
}

static bool dump_row(void *context, struct bytes key, struct bytes value)
{
  struct buffer *dump = context;
  buffer_append_bytes(dump, key);
  buffer_append_text(dump, " = ");
  buffer_append_bytes(dump, value);
  buffer_append_text(dump, "\n");
  return true;
}

const char *harness_dump(struct harness *h)
{
  struct error error;
  struct buffer dump;
  buffer_init(&dump, LIMIT_KERNEL_VALUE);
  h->store->ops->scan(h->store, NULL, bytes_of(""), dump_row, &dump, &error);
  for (uint64_t vat = 1; vat < HARNESS_VATS; vat++)
    h->store->ops->scan(h->store, vat_id_text(vat).text, bytes_of(""), dump_row, &dump, &error);
  const char *copy = arena_copy(&h->arena, buffer_bytes(&dump)).data;
  buffer_fini(&dump);
  return copy;
}

static bool count_row(void *context, struct bytes key, struct bytes value)
{
  (void)key;
  (void)value;
  ++*(size_t *)context;
  return true;
}

size_t harness_count(struct harness *h, const char *prefix)
{
  struct error error;
  size_t count = 0;
  h->store->ops->scan(h->store, NULL, bytes_of(prefix), count_row, &count, &error);
  return count;
}

/* ---- the oracle ---- */

void harness_check_counts(struct harness *h)
{
  struct image image;
  struct arena arena;
  arena_init(&arena);
  bool good = image_read(&image, h->store, &arena);
  image_fini(&image);
  arena_fini(&arena);
  if (!good)
    fail_msg("%s\n%s", image.wrong, harness_dump(h));
}
