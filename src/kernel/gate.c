/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/gate.c - see gate.h. Two queues: `out`, whose effects may be taken, and `gated`, ordered by batch; an effect of the
 * open batch has batch 0 and stands behind all numbered ones. A batch's number is only known when it is closed.
 */
#include "kernel/gate.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/vats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void append(struct effect_queue *queue, struct effect_node *node)
{
  node->next = NULL;
  if (queue->last)
    queue->last->next = node;
  else
    queue->first = node;
  queue->last = node;
}

static struct effect_node *take_first(struct effect_queue *queue)
{
  struct effect_node *node = queue->first;
  queue->first = node->next;
  if (!queue->first)
    queue->last = NULL;
  return node;
}

static struct effect *emit(struct effect_queue *queue, enum effect_type type)
{
  struct effect_node *node = memory_zalloc(sizeof *node);
  node->effect.type = type;
  append(queue, node);
  return &node->effect;
}

static struct effect *emit_gated(struct kernel *k, enum effect_type type)
{
#ifdef VATD_UNSAFE_ANSWER_BEFORE_COMMIT
  return emit(&k->out, type); /* the negative control of the kill test */
#else
  return emit(&k->gated, type);
#endif
}

void gate_answer(struct kernel *k, uint64_t request, json_t *result)
{
  if (request == 0) {
    json_decref(result);
    return;
  }
  struct effect *effect = emit_gated(k, EFFECT_ANSWER);
  effect->request = request;
  effect->result = result;
}

void gate_answer_rejected(struct kernel *k, uint64_t request, json_t *rejection, const char *text)
{
  if (request == 0) {
    json_decref(rejection);
    return;
  }
  struct effect *effect = emit_gated(k, EFFECT_ANSWER);
  effect->request = request;
  effect->code = VATD_REJECTED;
  effect->result = rejection;
  effect->text = memory_strdup(text);
}

void gate_answer_error(struct kernel *k, uint64_t request, enum vatd_code code, const char *format, ...)
{
  if (request == 0)
    return;
  char text[ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  struct effect *effect = emit_gated(k, EFFECT_ANSWER);
  effect->request = request;
  effect->code = code;
  effect->text = memory_strdup(text);
}

void gate_call_service(struct kernel *k, uint64_t call, struct bytes service, json_t *methargs)
{
  struct effect *effect = emit_gated(k, EFFECT_CALL_SERVICE);
  effect->request = call;
  effect->name = memory_printf("%.*s", BYTES_ARG(service));
  effect->result = methargs;
}

void gate_cancel_call(struct kernel *k, uint64_t call)
{
  emit_gated(k, EFFECT_CANCEL_CALL)->request = call;
}

void gate_subcluster(struct kernel *k, uint64_t subcluster, json_t *config)
{
  struct effect *effect = emit_gated(k, EFFECT_SUBCLUSTER);
  effect->name = memory_strdup(subcluster_id_text(subcluster).text);
  effect->result = config;
}

static struct bytes vat_name(struct kernel *k, uint64_t vat)
{
  struct vat_record record;
  return vat && vat_record_get(k, vat, &record) ? record.name : bytes_of("");
}

/* The name goes with the line, for the vat may be gone when the line comes out. */
void gate_log(struct kernel *k, uint64_t vat, struct bytes level, struct bytes text)
{
  struct effect *effect = emit_gated(k, EFFECT_LOG);
  effect->vat = vat;
  effect->name = memory_printf("%.*s", BYTES_ARG(vat_name(k, vat)));
  effect->level = memory_printf("%.*s", BYTES_ARG(level));
  effect->text = memory_printf("%.*s", BYTES_ARG(text));
}

void gate_log_kernel(struct kernel *k, uint64_t vat, const char *format, ...)
{
  char text[ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  gate_log(k, vat, bytes_of("kernel"), bytes_of(text));
}

static struct effect *emit_for_worker(struct kernel *k, enum effect_type type, uint64_t worker, uint64_t vat)
{
  struct effect *effect = emit(&k->out, type);
  effect->worker = worker;
  effect->vat = vat;
  return effect;
}

/* Takes over the buffer's content. */
static struct effect *emit_with_content(struct kernel *k, enum effect_type type, uint64_t worker, uint64_t vat,
                                        struct buffer *content)
{
  struct effect *effect = emit_for_worker(k, type, worker, vat);
  effect->frame = *content;
  buffer_init(content, content->limit);
  return effect;
}

void effect_start_worker(struct kernel *k, const struct vat *vat, struct buffer *code, struct bytes bundle)
{
  struct effect *effect = emit_with_content(k, EFFECT_START_WORKER, vat->worker, vat->id, code);
  effect->heap_bytes = vat->policy.heap_bytes;
  if (bundle.size)
    effect->name = memory_printf("%.*s", BYTES_ARG(bundle));
}

void effect_wake_later(struct kernel *k, uint64_t vat, uint64_t delay_ms)
{
  emit_for_worker(k, EFFECT_WAKE_LATER, 0, vat)->delay_ms = delay_ms;
}

void effect_send(struct kernel *k, const struct vat *vat, struct buffer *frame, bool timed)
{
  struct effect *effect = emit_with_content(k, EFFECT_SEND, vat->worker, vat->id, frame);
  effect->deadline_ms = vat->policy.deadline_ms;
  effect->timed = timed;
}

void effect_stop_worker(struct kernel *k, uint64_t worker, uint64_t vat)
{
  emit_for_worker(k, EFFECT_STOP_WORKER, worker, vat);
}

void gate_close_batch(struct kernel *k, uint64_t batch)
{
  for (struct effect_node *node = k->gated.first; node; node = node->next) {
    if (node->batch == 0)
      node->batch = batch;
  }
}

void gate_open(struct kernel *k, uint64_t batch)
{
  while (k->gated.first && k->gated.first->batch != 0 && k->gated.first->batch <= batch)
    append(&k->out, take_first(&k->gated));
}

bool kernel_take_effect(struct kernel *k, struct effect *effect)
{
  if (kernel_is_broken(k) || !k->out.first)
    return false;
  struct effect_node *node = take_first(&k->out);
  *effect = node->effect;
  free(node);
  return true;
}

void effect_fini(struct effect *effect)
{
  if (!effect)
    return;
  buffer_fini(&effect->frame);
  json_decref(effect->result);
  free(effect->text);
  free(effect->level);
  free(effect->name);
  *effect = (struct effect){0};
}

static void queue_fini(struct effect_queue *queue)
{
  while (queue->first) {
    struct effect_node *node = take_first(queue);
    effect_fini(&node->effect);
    free(node);
  }
}

/* Whether an effect is for somebody who will not be there, or of a batch that never was. */
static bool is_void(const struct effect_node *node, bool gated)
{
  switch (node->effect.type) {
  case EFFECT_ANSWER:
  case EFFECT_LOG:
  case EFFECT_SUBCLUSTER:
    return gated && node->batch == 0;
  default:
    return true;
  }
}

static void queue_forget(struct effect_queue *queue, bool gated)
{
  struct effect_queue kept = {0};
  while (queue->first) {
    struct effect_node *node = take_first(queue);
    if (!is_void(node, gated)) {
      append(&kept, node);
      continue;
    }
    effect_fini(&node->effect);
    free(node);
  }
  *queue = kept;
}

void gate_forget(struct kernel *k)
{
  queue_forget(&k->out, false);
  queue_forget(&k->gated, true);
}

void gate_fini(struct kernel *k)
{
  queue_fini(&k->out);
  queue_fini(&k->gated);
}
