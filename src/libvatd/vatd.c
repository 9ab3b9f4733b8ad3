/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/vatd.c - see vatd/vatd.h.
 *
 * pump() is the one place where kernel and outside meet:
 *
 *     steps (for a bounded time) -> commit if due -> effects, which may feed the kernel again -> …
 *
 * until the kernel has nothing more to do without waiting. Whatever feeds the kernel (a request, a worker's frame, a
 * service's answer) only calls driver_feed(); the pump runs after the loop has looked at its descriptors, so that what came
 * in together is worked on together. If the time is up the loop comes back at once; if a batch is open that
 * need not be committed yet, a timer does.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "libvatd/channels.h"
#include "libvatd/internal.h"
#include "store/store_engines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUMP_NS 5000000     /* the longest the kernel works before the loop looks at its descriptors again; and one step more */
#define REAP_IDLE_MS 10000  /* a vat without deliveries for this long, but at most twice as long, is asked for its garbage */

static void pump(struct vatd *v);

static enum vatd_code outcome(const struct vatd *v)
{
  const struct error *why = kernel_broken(v->kernel);
  return why ? why->code : VATD_OK;
}

const char *vatd_version(void)
{
  return VATD_RELEASE;
}

/* ---- log ---- */

enum vatd_code driver_tell(struct vatd_error *error, const struct error *why)
{
  if (error) {
    error->code = why->code;
    snprintf(error->text, sizeof error->text, "%s", why->text);
  }
  return why->code;
}

static void log_line(struct vatd *v, const char *vat, const char *name, const char *level, const char *text)
{
  struct vatd_log_line line = {vat, name && *name ? name : NULL, level, text};
  if (v->log)
    v->log(v->context, &line);
}

void driver_log(struct vatd *v, const char *level, const char *format, ...)
{
  char text[2 * ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  log_line(v, NULL, NULL, level, text);
}

/* ---- effects ---- */

static void on_worker_frame(void *context, uint64_t worker, struct bytes payload)
{
  struct vatd *v = context;
  kernel_worker_frame(v->kernel, worker, payload);
  driver_feed(v);
}

static void on_worker_end(void *context, uint64_t worker, enum worker_end end, const char *detail)
{
  struct vatd *v = context;
  idmap_remove(&v->workers, worker);
  kernel_worker_ended(v->kernel, worker, end, detail);
  driver_feed(v);
}

static void start_worker(struct vatd *v, const struct effect *effect)
{
  struct error error = {0};
  struct worker_process *worker;
  struct worker_code code = {.fd = -1};
  if (effect->name)
    code = code_images_find(&v->code_images, effect->name);
  else
    code.program = buffer_bytes(&effect->frame);
  if (effect->name && code.fd < 0)
    code_images_want(&v->code_images, effect->name, buffer_bytes(&effect->frame));
  if (worker_process_spawn(&v->host, effect->worker, &code, effect->heap_bytes, &worker, &error) == VATD_OK)
    idmap_put(&v->workers, effect->worker, worker);
  else
    kernel_worker_ended(v->kernel, effect->worker, WORKER_UNSTARTABLE, error.text);
}

/* When there are too many workers, idle vats that may sleep make room. True: some did. */
static bool make_room(struct vatd *v)
{
  size_t count = idmap_count(&v->workers);
  return count > v->most_workers && !v->full && kernel_let_sleep(v->kernel, count - v->most_workers) > 0;
}

static void stop_worker(struct vatd *v, uint64_t id)
{
  struct worker_process *worker = idmap_get(&v->workers, id);
  if (!worker)
    return;
  idmap_remove(&v->workers, id);
  worker_process_stop(worker);
}

/* ---- time, which the kernel does not have ---- */

struct alarm {
  struct alarm *next;
  uv_timer_t timer;
  struct vatd *v;
  uint64_t vat;
};

static void on_alarm_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void on_alarm(uv_timer_t *timer)
{
  struct alarm *alarm = timer->data;
  struct alarm **at = &alarm->v->alarms;
  while (*at != alarm)
    at = &(*at)->next;
  *at = alarm->next;
  kernel_wake_vat(alarm->v->kernel, alarm->vat);
  driver_feed(alarm->v);
  uv_close((uv_handle_t *)timer, on_alarm_closed);
}

static void wake_later(struct vatd *v, const struct effect *effect)
{
  struct alarm *alarm = memory_zalloc(sizeof *alarm);
  *alarm = (struct alarm){.next = v->alarms, .v = v, .vat = effect->vat};
  v->alarms = alarm;
  uv_timer_init(&v->loop, &alarm->timer);
  alarm->timer.data = alarm;
  uv_timer_start(&alarm->timer, on_alarm, effect->delay_ms, 0);
}

/* Runs as long as some vat has had deliveries and has not been asked for its garbage since. */
static void on_reap_timer(uv_timer_t *timer)
{
  struct vatd *v = timer->data;
  if (!kernel_reap_idle(v->kernel))
    uv_timer_stop(timer);
  driver_feed(v);
}

static void carry_out(struct vatd *v, struct effect *effect)
{
  struct worker_process *worker;
  switch (effect->type) {
  case EFFECT_START_WORKER:
    start_worker(v, effect);
    break;
  case EFFECT_SEND:
    worker = idmap_get(&v->workers, effect->worker);
    if (worker)
      worker_process_send(worker, &effect->frame, effect->timed, effect->deadline_ms);
    break;
  case EFFECT_STOP_WORKER:
    stop_worker(v, effect->worker);
    break;
  case EFFECT_ANSWER:
    request_answer(v, effect);
    break;
  case EFFECT_LOG:
    log_line(v, effect->vat ? vat_id_text(effect->vat).text : NULL, effect->name, effect->level, effect->text);
    break;
  case EFFECT_WAKE_LATER:
    wake_later(v, effect);
    break;
  case EFFECT_SUBCLUSTER:
    channels_of_subcluster(v, effect->name, effect->result);
    break;
  case EFFECT_CANCEL_CALL:
    service_cancel(v, effect->request);
    break;
  case EFFECT_CALL_SERVICE:
    service_call(v, effect);
    break;
  }
}

/* ---- the pump ---- */

/* The end of a kernel whose storage is in doubt: nothing more goes out. */
static void tell_broken(struct vatd *v)
{
  const struct error *why = kernel_broken(v->kernel);
  struct vatd_error error;
  if (v->broken_told)
    return;
  v->broken_told = true;
  driver_tell(&error, why);
  uv_stop(&v->loop);
  if (v->broken)
    v->broken(v->context, &error);
}

static uint64_t batch_age(struct vatd *v)
{
  if (!kernel_batch_open(v->kernel)) {
    v->batch_is_open = false;
    return 0;
  }
  uv_update_time(&v->loop);
  uint64_t now = uv_now(&v->loop);
  if (!v->batch_is_open) {
    v->batch_is_open = true;
    v->batch_since = now;
  }
  return now - v->batch_since;
}

static void commit(struct vatd *v)
{
  kernel_commit(v->kernel);
  v->batch_is_open = false;
  if (!kernel_broken(v->kernel))
    v->committed_request = v->next_request;
  backup_step(v);
}

static void commit_if_due(struct vatd *v)
{
  uint64_t age = batch_age(v);
  if (v->full ? kernel_batch_open(v->kernel) : kernel_commit_due(v->kernel, age))
    commit(v);
}

bool driver_take_effects(struct vatd *v)
{
  struct effect effect;
  bool any = false;
  while (kernel_take_effect(v->kernel, &effect)) {
    any = true;
    carry_out(v, &effect);
    effect_fini(&effect);
  }
  return any;
}

static void on_awake(uv_idle_t *idle)
{
  (void)idle; /* that it is active is enough: the loop does not sleep */
}

static void on_batch_timer(uv_timer_t *timer)
{
  driver_feed(timer->data);
}

static void on_after_poll(uv_check_t *check)
{
  struct vatd *v = check->data;
  if (v->fed)
    pump(v);
}

void driver_feed(struct vatd *v)
{
  v->fed = true;
  if (!v->pumping)
    uv_idle_start(&v->awake, on_awake);
}

/* What brings us back: more work at once, or the open batch's age later. */
static void arrange_return(struct vatd *v, bool more)
{
  v->fed = more;
  placement_follow(&v->placement, v->kernel, &v->workers);
  if (more)
    uv_idle_start(&v->awake, on_awake);
  else
    uv_idle_stop(&v->awake);
  if (!uv_is_active((uv_handle_t *)&v->reap_timer) && idmap_count(&v->workers) > 0)
    uv_timer_start(&v->reap_timer, on_reap_timer, REAP_IDLE_MS, REAP_IDLE_MS);
  if (v->batch_is_open && !uv_is_active((uv_handle_t *)&v->batch_timer))
    uv_timer_start(&v->batch_timer, on_batch_timer, LIMIT_BATCH_MS, 0);
  else if (!v->batch_is_open)
    uv_timer_stop(&v->batch_timer);
}

/* Lets the kernel work. True: the time was up first, it may have more to do. */
static bool step_until(struct vatd *v, uint64_t until)
{
  while (!v->full && kernel_step(v->kernel)) {
    commit_if_due(v);
    if (uv_hrtime() >= until)
      return true;
  }
  return false;
}

/* When nobody waits for anything: the launch that showed that an image would be of use does not wait for it. */
static void make_images(struct vatd *v)
{
  uint64_t worker;
  if (kernel_load(v->kernel, &worker) == KERNEL_AT_REST && !kernel_batch_open(v->kernel) && !v->rested)
    code_images_make(&v->code_images);
}

static void pump(struct vatd *v)
{
  if (v->pumping)
    return;
  v->pumping = true;
  uint64_t until = uv_hrtime() + PUMP_NS;
  bool more = true;
  while (more && uv_hrtime() < until) {
    more = step_until(v, until);
    commit_if_due(v);
    more = driver_take_effects(v) || more;
    more = more || make_room(v);
    if (kernel_broken(v->kernel) && !full_begin(v)) {
      tell_broken(v);
      more = false;
    }
  }
  if (!more && v->backup && !kernel_batch_open(v->kernel))
    more = backup_step(v) || kernel_batch_open(v->kernel);
  if (!more && v->systems_due && !v->full && outcome(v) == VATD_OK) {
    systems_reconcile(v);
    more = true;
  }
  v->pumping = false;
  v->fed = false;
  if (!more) {
    make_images(v);
    rest_look(v);
  } /* which may feed it again */
  arrange_return(v, more || v->fed);
}

/* ---- driving ---- */

enum vatd_code vatd_run(struct vatd *v)
{
  if (outcome(v) == VATD_OK)
    uv_run(&v->loop, UV_RUN_DEFAULT);
  return outcome(v);
}

void vatd_stop(struct vatd *v)
{
  uv_stop(&v->loop);
}

int vatd_fd(const struct vatd *v)
{
  return uv_backend_fd(&v->loop);
}

int vatd_timeout(const struct vatd *v)
{
  return uv_backend_timeout(&v->loop);
}

enum vatd_code vatd_poll(struct vatd *v)
{
  if (outcome(v) == VATD_OK)
    uv_run(&v->loop, UV_RUN_NOWAIT);
  return outcome(v);
}

struct uv_loop_s *vatd_loop(struct vatd *v)
{
  return &v->loop;
}

/* ---- workers, as methods ask for them ---- */

bool driver_kill_worker(struct vatd *v, uint64_t vat)
{
  struct worker_process *worker = idmap_get(&v->workers, kernel_worker_of(v->kernel, vat));
  if (worker)
    worker_process_kill(worker, WORKER_KILLED);
  return worker != NULL;
}

int driver_worker_pid(const struct vatd *v, uint64_t vat)
{
  struct worker_process *worker = idmap_get(&v->workers, kernel_worker_of(v->kernel, vat));
  return worker ? worker_process_pid(worker) : 0;
}

/* ---- open and close ---- */

static enum vatd_code open_store(struct vatd *v, const struct vatd_options *options, struct error *error)
{
  if (!options->database)
    return error_set(error, VATD_MISUSE, "no database was named");
  if (store_sqlite_open(options->database, &v->disk, error) != VATD_OK)
    return error->code;
  v->store = store_batched_open(v->disk);
  v->database = memory_strdup(options->database);
  if (!options->reset)
    return VATD_OK;
  uint64_t batch;
  enum vatd_code code = v->store->ops->clear(v->store, error);
  return code == VATD_OK ? v->store->ops->commit(v->store, &batch, error) : code;
}

static char *find_programs(const char *named)
{
  const char *environment = getenv("VATD_PROGRAMS");
  return memory_strdup(named ? named : environment && *environment ? environment : VATD_PROGRAMS_DIR);
}

static enum vatd_code open_workers(struct vatd *v, const struct vatd_options *options, struct error *error)
{
  struct buffer warning;
  unsigned weak;
  if (sandbox_layers_parse(options->weak_sandbox, &weak, error) != VATD_OK)
    return error->code;
  v->programs = find_programs(options->programs);
  v->host = (struct worker_host){
      .loop = &v->loop,
      .snapshot_fd = -1,
      .deadline_ms = options->deadline_ms,
      .sandbox.weak = weak,
      .context = v,
      .on_frame = on_worker_frame,
      .on_end = on_worker_end,
  };
  buffer_init(&warning, 4 * KIB);
  enum vatd_code code = worker_host_open(&v->host, v->programs, &warning, error);
  if (warning.size)
    log_line(v, NULL, NULL, "warn", buffer_text(&warning));
  buffer_fini(&warning);
  if (code == VATD_OK)
    code_images_open(&v->code_images, &v->host);
  if (code == VATD_OK && weak)
    driver_log(v, "warn", "the sandbox of workers may be weaker than it should be: --allow-weak-sandbox=%s", options->weak_sandbox);
  return code;
}

/* {layers: ["namespaces", …], landlockAbi, weak: […]} for getStatus. */
static json_t *sandbox_json(const struct sandbox_state *state)
{
  json_t *layers = json_array();
  json_t *weak = json_array();
  for (unsigned layer = 1; layer & SANDBOX_ALL; layer <<= 1) {
    if (state->active & layer)
      json_array_append_new(layers, json_string(sandbox_layer_name(layer)));
    if (state->weak & layer)
      json_array_append_new(weak, json_string(sandbox_layer_name(layer)));
  }
  return json_pack("{s:o, s:i, s:o}", "layers", layers, "landlockAbi", state->landlock_abi, "weak", weak);
}

static void open_handles(struct vatd *v)
{
  uv_loop_init(&v->loop);
  uv_check_init(&v->loop, &v->after_poll);
  uv_idle_init(&v->loop, &v->awake);
  uv_timer_init(&v->loop, &v->batch_timer);
  uv_timer_init(&v->loop, &v->reap_timer);
  uv_timer_init(&v->loop, &v->room_timer);
  uv_timer_init(&v->loop, &v->rest_timer);
  v->after_poll.data = v;
  v->awake.data = v;
  v->batch_timer.data = v;
  v->reap_timer.data = v;
  v->room_timer.data = v;
  v->rest_timer.data = v;
  uv_check_start(&v->after_poll, on_after_poll);
}

/* The database comes first: its lock is what makes this the only kernel on it. */
static enum vatd_code open_parts(struct vatd *v, const struct vatd_options *options, struct error *error)
{
  if (open_store(v, options, error) != VATD_OK || open_workers(v, options, error) != VATD_OK ||
      kernel_open(v->store, &v->kernel, error) != VATD_OK || facet_register(v, error) != VATD_OK ||
      channels_register(v, error) != VATD_OK || timers_register(v, error) != VATD_OK || fetch_register(v, error) != VATD_OK ||
      kernel_restrict_globals(v->kernel, options->allowed_globals, error) != VATD_OK)
    return error->code;
  kernel_deliver_ahead(v->kernel, LIMIT_DELIVERIES_AHEAD);
  if (options->image_bytes)
    kernel_limit_images(v->kernel, options->image_bytes < 0 ? 0 : (uint64_t)options->image_bytes);
  kernel_describe_sandbox(v->kernel, sandbox_json(&v->host.sandbox));
  return systems_declare(v, options->system_subclusters, error);
}

enum vatd_code vatd_open(const struct vatd_options *options, struct vatd **kernel, struct vatd_error *error)
{
  struct error why = {0};
  json_set_alloc_funcs(memory_alloc, free); /* a value that misses a part for want of memory must not be stored */
  struct vatd *v = memory_zalloc(sizeof *v);
  v->context = options->context;
  v->log = options->log;
  v->broken = options->broken;
  v->most_workers = options->most_workers ? options->most_workers : DEFAULT_MOST_WORKERS;
  v->host.snapshot_fd = -1;
  idmap_init(&v->workers);
  idmap_init(&v->requests);
  idmap_init(&v->calls);
  idmap_init(&v->timers);
  open_handles(v);
  placement_init(&v->placement, options->share_processor);
  enum vatd_code code = open_parts(v, options, &why);
  if (code != VATD_OK) {
    vatd_close(v);
    return driver_tell(error, &why);
  }
  if (options->eager)
    kernel_start_all(v->kernel);
  driver_feed(v);
  *kernel = v;
  return VATD_OK;
}

void driver_stop_workers(struct vatd *v)
{
  struct worker_process *worker;
  size_t position = 0;
  placement_spread(&v->placement, &v->workers);
  while ((worker = idmap_next(&v->workers, &position)))
    worker_process_stop(worker);
  idmap_fini(&v->workers);
  idmap_init(&v->workers);
}

/* What is done is committed, and what follows from it handed out. */
static void finish_batch(struct vatd *v)
{
  if (!v->kernel || kernel_broken(v->kernel))
    return;
  commit(v);
  v->pumping = true;
  driver_take_effects(v);
  v->pumping = false;
}

static void close_alarms(struct vatd *v)
{
  for (struct alarm *alarm = v->alarms; alarm; alarm = alarm->next)
    uv_close((uv_handle_t *)&alarm->timer, on_alarm_closed);
  v->alarms = NULL;
}

void vatd_close(struct vatd *v)
{
  if (!v)
    return;
  backup_close(v);
  finish_batch(v);
  requests_close(v);
  driver_stop_workers(v);
  code_images_close(&v->code_images);
  idmap_fini(&v->workers);
  timers_close(v);
  fetches_close(v);
  services_close(v);
  v->fed = false;
  uv_close((uv_handle_t *)&v->after_poll, NULL);
  uv_close((uv_handle_t *)&v->awake, NULL);
  uv_close((uv_handle_t *)&v->batch_timer, NULL);
  uv_close((uv_handle_t *)&v->reap_timer, NULL);
  uv_close((uv_handle_t *)&v->room_timer, NULL);
  uv_close((uv_handle_t *)&v->rest_timer, NULL);
  close_alarms(v);
  channels_close(v);
  uv_run(&v->loop, UV_RUN_DEFAULT); /* lets workers be reaped and handles close */
  uv_loop_close(&v->loop);
  kernel_free(v->kernel);
  if (v->store)
    v->store->ops->close(v->store);
  worker_host_close(&v->host);
  json_decref(v->systems);
  free(v->programs);
  free(v->database);
  free(v);
}
