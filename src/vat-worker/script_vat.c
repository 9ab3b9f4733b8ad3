/* SPDX-License-Identifier: Apache-2.0 */
/* vat-worker/script_vat.c - see script_vat.h. */
#include "vat-worker/script_vat.h"

/* The crank's status, and in *text the reason if it is not DONE_OK. An exception means a failed start in the start's
 * crank and a broken supervisor in any other: `thrown` is which. */
static enum done_status judge(const struct crank *crank, const struct engine_run *run, enum done_status thrown,
                              struct bytes *text)
{
  *text = bytes_of(run->failure);
  switch (run->end) {
  case ENGINE_COMPUTE:
    *text = bytes_of("the crank used up its computrons");
    return DONE_LIMIT_COMPUTE;
  case ENGINE_MEMORY:
    *text = bytes_of("the vat's heap, or the crank's effects, grew over their limit");
    return DONE_LIMIT_MEMORY;
  case ENGINE_STACK:
    *text = bytes_of("the stack overflowed");
    return DONE_LIMIT_STACK;
  case ENGINE_KEYS:
    *text = bytes_of("the engine's table of property names is full");
    return DONE_LIMIT_KEYS;
  case ENGINE_BROKEN:
    return DONE_CRASHED;
  case ENGINE_THROWN:
    return thrown;
  case ENGINE_QUIET:
    break;
  }
  *text = crank->finished ? crank->failure : bytes_of("the supervisor did not finish");
  if (crank->finished && crank->succeeded)
    return DONE_OK;
  return crank->finished ? thrown : DONE_CRASHED;
}

static void report(struct crank *crank, const struct engine_run *run, enum done_status thrown, struct outcome *outcome)
{
  struct bytes text;
  outcome->status = judge(crank, run, thrown, &text);
  outcome->text = arena_copy(&crank->arena, text); /* it may lie in the run */
  outcome->computrons = run->computrons;
  outcome->heap_bytes = run->heap_bytes;
}

/* What was wrong before anything of the vat ran. */
static void report_failure(struct crank *crank, enum done_status status, const struct error *error, struct outcome *outcome)
{
  *outcome = (struct outcome){.status = status, .text = arena_copy(&crank->arena, bytes_of(error->text))};
}

static void start(void *context, const struct init_frame *init, struct outcome *outcome)
{
  struct engine *engine = context;
  struct engine_run run;
  struct error error;
  if (!engine->machine && engine_open_snapshot(engine, &error) != VATD_OK) {
    report_failure(engine->host->crank, DONE_CRASHED, &error, outcome);
    return;
  }
  engine_set_limits(engine, &init->limits);
  engine_start(engine, init, &run);
  report(engine->host->crank, &run, DONE_INIT_FAILED, outcome);
}

static void wake(void *context, const struct init_frame *init, struct bytes image, struct outcome *outcome)
{
  struct engine *engine = context;
  struct error error;
  if (engine_open_image(engine, image, &error) != VATD_OK) {
    report_failure(engine->host->crank, DONE_INIT_FAILED, &error, outcome);
    return;
  }
  engine_set_limits(engine, &init->limits);
  *outcome = (struct outcome){.status = DONE_OK, .heap_bytes = engine_heap_bytes(engine)};
}

static bool write_image(void *context, struct buffer *out)
{
  struct error error; /* the kernel could do nothing about it */
  return engine_write_image(context, out, &error) == VATD_OK;
}

static void deliver(void *context, const struct delivery *delivery, struct outcome *outcome)
{
  struct engine *engine = context;
  struct engine_run run;
  engine_deliver(engine, delivery, &run);
  report(engine->host->crank, &run, DONE_CRASHED, outcome);
}

static bool compile(void *context, struct bytes bundle, struct buffer *out)
{
  struct error error; /* a start says it again */
  return engine_compile(context, bundle, out, &error) == VATD_OK;
}

struct worker_vat script_vat(struct engine *engine)
{
  return (struct worker_vat){.context = engine, .start = start, .deliver = deliver, .wake = wake, .write_image = write_image, .compile = compile};
}
