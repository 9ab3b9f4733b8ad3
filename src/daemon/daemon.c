/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/daemon.c - see daemon.h.
 *
 * daemon_pump() is the one place where kernel and outside meet:
 *
 *     steps (a bounded number) -> commit if due -> effects, which may feed the kernel again -> …
 *
 * until the kernel has nothing more to do without waiting. If the bound was reached an idle handle brings us back after the
 * loop has looked at the sockets; if a batch is open that need not be committed yet, a timer does.
 */
#include "daemon/daemon.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/rpc.h"
#include "store/store_engines.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_PUMP 256
#define GOODBYE_MS 1000 /* how long a stopping daemon waits for clients to take their last answers */

/* ---- effects ---- */

static void on_worker_frame(void *context, uint64_t worker, struct bytes payload)
{
  struct daemon *daemon = context;
  kernel_worker_frame(daemon->kernel, worker, payload);
  daemon_pump(daemon);
}

static void on_worker_end(void *context, uint64_t worker, enum worker_end end, const char *detail)
{
  struct daemon *daemon = context;
  idmap_remove(&daemon->workers, worker);
  kernel_worker_ended(daemon->kernel, worker, end, detail);
  daemon_pump(daemon);
}

static void start_worker(struct daemon *daemon, uint64_t id)
{
  struct error error = {0};
  struct worker_process *worker;
  if (worker_process_spawn(&daemon->host, id, bytes_of(""), &worker, &error) == VATD_OK)
    idmap_put(&daemon->workers, id, worker);
  else
    kernel_worker_ended(daemon->kernel, id, WORKER_UNSTARTABLE, error.text);
}

static void stop_worker(struct daemon *daemon, uint64_t id)
{
  struct worker_process *worker = idmap_get(&daemon->workers, id);
  if (!worker)
    return;
  idmap_remove(&daemon->workers, id);
  worker_process_stop(worker);
}

static void write_log(struct daemon *daemon, const struct effect *effect)
{
  struct id_text vat = vat_id_text(effect->vat);
  journal_write(&daemon->journal, effect->vat ? vat.text : NULL, effect->name, effect->level, effect->text);
}

static void carry_out(struct daemon *daemon, struct effect *effect)
{
  struct worker_process *worker;
  switch (effect->type) {
  case EFFECT_START_WORKER:
    start_worker(daemon, effect->worker);
    break;
  case EFFECT_SEND:
    worker = idmap_get(&daemon->workers, effect->worker);
    if (worker)
      worker_process_send(worker, &effect->frame, effect->timed);
    break;
  case EFFECT_STOP_WORKER:
    stop_worker(daemon, effect->worker);
    break;
  case EFFECT_ANSWER:
    rpc_answer(daemon, effect);
    break;
  case EFFECT_SUBCLUSTER:
  case EFFECT_CALL_SERVICE: /* the daemon registers none yet */
    break;
  case EFFECT_LOG:
    write_log(daemon, effect);
    break;
  }
}

/* ---- the pump ---- */

/* The end for a kernel whose storage is in doubt: nothing more goes out. */
static _Noreturn void stop_at_once(struct daemon *daemon)
{
  const struct error *why = kernel_broken(daemon->kernel);
  journal_printf(&daemon->journal, "fatal", "storage: %s (%s); stopping, nothing more is sent; start again to go on",
                 why->text, vatd_code_name(why->code));
  fprintf(stderr, "vatd: storage: %s (%s)\n", why->text, vatd_code_name(why->code));
  _exit(EXIT_STORAGE_IN_DOUBT);
}

static uint64_t batch_age(struct daemon *daemon)
{
  if (!kernel_batch_open(daemon->kernel)) {
    daemon->batch_is_open = false;
    return 0;
  }
  uv_update_time(&daemon->loop);
  uint64_t now = uv_now(&daemon->loop);
  if (!daemon->batch_is_open) {
    daemon->batch_is_open = true;
    daemon->batch_since = now;
  }
  return now - daemon->batch_since;
}

static void commit_if_due(struct daemon *daemon)
{
  uint64_t age = batch_age(daemon);
  if (kernel_commit_due(daemon->kernel, age)) {
    kernel_commit(daemon->kernel);
    daemon->batch_is_open = false;
  }
}

static bool take_effects(struct daemon *daemon)
{
  struct effect effect;
  bool any = false;
  while (kernel_take_effect(daemon->kernel, &effect)) {
    any = true;
    carry_out(daemon, &effect);
    effect_fini(&effect);
  }
  return any;
}

static void on_idle(uv_idle_t *idle)
{
  daemon_pump(idle->data);
}

static void on_batch_timer(uv_timer_t *timer)
{
  daemon_pump(timer->data);
}

/* What brings us back: more work at once, or the open batch's age later. */
static void arrange_return(struct daemon *daemon, bool more)
{
  if (more)
    uv_idle_start(&daemon->more_work, on_idle);
  else
    uv_idle_stop(&daemon->more_work);
  if (daemon->batch_is_open && !uv_is_active((uv_handle_t *)&daemon->batch_timer))
    uv_timer_start(&daemon->batch_timer, on_batch_timer, LIMIT_BATCH_MS, 0);
  else if (!daemon->batch_is_open)
    uv_timer_stop(&daemon->batch_timer);
}

static void end_if_stopping(struct daemon *daemon);

void daemon_pump(struct daemon *daemon)
{
  if (daemon->pumping)
    return;
  daemon->pumping = true;
  size_t steps = 0;
  bool more = true;
  while (more && steps < STEPS_PER_PUMP) {
    while (steps < STEPS_PER_PUMP && kernel_step(daemon->kernel)) {
      steps++;
      commit_if_due(daemon);
    }
    commit_if_due(daemon);
    more = take_effects(daemon);
    if (kernel_broken(daemon->kernel))
      stop_at_once(daemon);
  }
  arrange_return(daemon, more);
  daemon->pumping = false;
  end_if_stopping(daemon);
}

/* ---- stopping ---- */

static void on_goodbye(uv_timer_t *timer)
{
  uv_stop(timer->loop);
}

/* Ends the loop once nobody has an answer on its way. */
static void end_if_stopping(struct daemon *daemon)
{
  if (!daemon->stopping)
    return;
  if (control_is_drained(&daemon->control))
    uv_stop(&daemon->loop);
  else if (!uv_is_active((uv_handle_t *)&daemon->goodbye))
    uv_timer_start(&daemon->goodbye, on_goodbye, GOODBYE_MS, 0);
}

void daemon_stop(struct daemon *daemon)
{
  if (daemon->stopping)
    return;
  daemon->stopping = true;
  kernel_commit(daemon->kernel);
  daemon->batch_is_open = false;
  daemon_pump(daemon);
  end_if_stopping(daemon);
}

static void on_signal(uv_signal_t *signal, int number)
{
  struct daemon *daemon = signal->data;
  journal_printf(&daemon->journal, "info", "stopping (%s)", strsignal(number));
  daemon_stop(daemon);
}

/* ---- questions and orders of rpc.c ---- */

bool daemon_kill_worker(struct daemon *daemon, uint64_t vat)
{
  struct worker_process *worker = idmap_get(&daemon->workers, kernel_worker_of(daemon->kernel, vat));
  if (worker)
    worker_process_kill(worker, WORKER_KILLED);
  return worker != NULL;
}

int daemon_worker_pid(const struct daemon *daemon, uint64_t vat)
{
  struct worker_process *worker = idmap_get(&daemon->workers, kernel_worker_of(daemon->kernel, vat));
  return worker ? worker_process_pid(worker) : 0;
}

/* ---- open and close ---- */

static void on_journal_line(void *context, json_t *line)
{
  struct daemon *daemon = context;
  control_publish_line(&daemon->control, line);
}

static enum vatd_code open_store(struct daemon *daemon, bool reset, struct error *error)
{
  if (store_sqlite_open(daemon->home.database, &daemon->store, error) != VATD_OK)
    return error->code;
  if (!reset)
    return VATD_OK;
  uint64_t batch;
  enum vatd_code code = daemon->store->ops->clear(daemon->store, error);
  return code == VATD_OK ? daemon->store->ops->commit(daemon->store, &batch, error) : code;
}

static enum vatd_code open_workers(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  struct buffer warning;
  daemon->host = (struct worker_host){
      .loop = &daemon->loop,
      .deadline_ms = options->deadline_ms,
      .context = daemon,
      .on_frame = on_worker_frame,
      .on_end = on_worker_end,
  };
  buffer_init(&warning, 4 * KIB);
  enum vatd_code code = worker_host_open(&daemon->host, options->programs, &warning, error);
  if (warning.size)
    journal_write(&daemon->journal, NULL, NULL, "warn", buffer_text(&warning));
  buffer_fini(&warning);
  return code;
}

static void open_handles(struct daemon *daemon)
{
  uv_idle_init(&daemon->loop, &daemon->more_work);
  uv_timer_init(&daemon->loop, &daemon->batch_timer);
  uv_timer_init(&daemon->loop, &daemon->goodbye);
  uv_signal_init(&daemon->loop, &daemon->terminate);
  uv_signal_init(&daemon->loop, &daemon->interrupt);
  daemon->more_work.data = daemon;
  daemon->batch_timer.data = daemon;
  daemon->goodbye.data = daemon;
  daemon->terminate.data = daemon;
  daemon->interrupt.data = daemon;
  uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
  uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
}

/* The database comes first: its lock is what makes this the only daemon of the home. */
static enum vatd_code open_parts(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  if (home_open(&daemon->home, options->home, error) != VATD_OK || open_store(daemon, options->reset, error) != VATD_OK)
    return error->code;
  journal_open(&daemon->journal, daemon->home.log);
  daemon->journal.context = daemon;
  if (open_workers(daemon, options, error) != VATD_OK || kernel_open(daemon->store, &daemon->kernel, error) != VATD_OK ||
      home_write_pid(&daemon->home, error) != VATD_OK)
    return error->code;
  return control_open(&daemon->control, daemon, daemon->home.socket, error);
}

enum vatd_code daemon_open(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  *daemon = (struct daemon){.programs = memory_strdup(options->programs), .host.snapshot_fd = -1, .journal.fd = -1};
  uv_loop_init(&daemon->loop);
  open_handles(daemon);
  idmap_init(&daemon->workers);
  if (open_parts(daemon, options, error) != VATD_OK) {
    daemon_close(daemon);
    return error->code;
  }
  daemon->journal.on_line = on_journal_line;
  journal_printf(&daemon->journal, "info", "vatd %s started on %s", VATD_RELEASE, daemon->home.directory);
  if (options->eager)
    kernel_start_all(daemon->kernel);
  return VATD_OK;
}

int daemon_run(struct daemon *daemon)
{
  daemon_pump(daemon);
  uv_run(&daemon->loop, UV_RUN_DEFAULT);
  return daemon->exit_code;
}

static void close_handle(uv_handle_t *handle, void *context)
{
  (void)context;
  if (!uv_is_closing(handle) && (handle->type == UV_IDLE || handle->type == UV_SIGNAL))
    uv_close(handle, NULL);
}

static void stop_all_workers(struct daemon *daemon)
{
  struct worker_process *worker;
  size_t position = 0;
  while ((worker = idmap_next(&daemon->workers, &position)))
    worker_process_stop(worker);
  idmap_fini(&daemon->workers);
}

void daemon_close(struct daemon *daemon)
{
  daemon->journal.on_line = NULL;
  stop_all_workers(daemon);
  if (daemon->control.daemon)
    control_close(&daemon->control);
  uv_walk(&daemon->loop, close_handle, NULL);
  uv_close((uv_handle_t *)&daemon->batch_timer, NULL);
  uv_close((uv_handle_t *)&daemon->goodbye, NULL);
  uv_run(&daemon->loop, UV_RUN_DEFAULT); /* lets workers be reaped and handles close */
  uv_loop_close(&daemon->loop);
  kernel_free(daemon->kernel);
  if (daemon->store)
    daemon->store->ops->close(daemon->store);
  worker_host_close(&daemon->host);
  if (daemon->kernel)
    home_remove_pid(&daemon->home);
  journal_close(&daemon->journal);
  home_close(&daemon->home);
  free(daemon->programs);
}
