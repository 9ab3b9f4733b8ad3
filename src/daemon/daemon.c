/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/daemon.c - see daemon.h.
 *
 *     opened --- run ---> stopping: vats come to rest (a second signal does not wait for them)
 *                            ---> a last request is answered, so all before it is durable and answered
 *                            --- clients have taken their answers, or had their time ---> closed
 *
 * A kernel whose storage is in doubt ends the process at once, with exit code 70.
 */
#include "daemon/daemon.h"
#include "base/limits.h"
#include "base/memory.h"
#include "daemon/config.h"
#include "daemon/rpc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REST_MS 30000   /* how long vats have to end what they are doing, and for their heaps to be stored */
#define GOODBYE_MS 1000 /* how long a stopping daemon waits for clients to take their last answers */

/* ---- what the kernel says ---- */

static void on_log(void *context, const struct vatd_log_line *line)
{
  struct daemon *daemon = context;
  journal_write(&daemon->journal, line->vat, line->name, line->level, line->text);
}

/* Nothing more goes out. */
static void on_broken(void *context, const struct vatd_error *why)
{
  struct daemon *daemon = context;
  journal_printf(&daemon->journal, "fatal", "storage: %s (%s); stopping, nothing more is sent; start again to go on",
                 why->text, vatd_code_name(why->code));
  fprintf(stderr, "vatd: storage: %s (%s)\n", why->text, vatd_code_name(why->code));
  _exit(EXIT_STORAGE_IN_DOUBT);
}

/* ---- stopping ---- */

static void on_goodbye(uv_timer_t *timer)
{
  struct daemon *daemon = timer->data;
  vatd_stop(daemon->kernel);
}

static void on_drained(uv_prepare_t *prepare)
{
  struct daemon *daemon = prepare->data;
  if (control_is_drained(&daemon->control))
    vatd_stop(daemon->kernel);
}

static void on_last_answer(void *context, const struct vatd_answer *answer)
{
  struct daemon *daemon = context;
  if (answer->code == VATD_CLOSED)
    return;
  uv_prepare_start(&daemon->drained, on_drained);
  uv_timer_start(&daemon->goodbye, on_goodbye, GOODBYE_MS, 0);
}

static void say_goodbye(void *context)
{
  struct daemon *daemon = context;
  if (daemon->rested)
    return;
  daemon->rested = true;
  vatd_request(daemon->kernel, "ping", NULL, on_last_answer, daemon);
}

void daemon_stop(struct daemon *daemon)
{
  if (daemon->stopping)
    return;
  daemon->stopping = true;
  control_stop_listening(&daemon->control);
  vatd_rest(daemon->kernel, REST_MS, say_goodbye, daemon);
}

static void on_signal(uv_signal_t *signal, int number)
{
  struct daemon *daemon = signal->data;
  journal_printf(&daemon->journal, "info", "stopping (%s)", strsignal(number));
  if (daemon->stopping)
    say_goodbye(daemon);
  else
    daemon_stop(daemon);
}

/* ---- open and close ---- */

static void on_journal_line(void *context, json_t *line)
{
  struct daemon *daemon = context;
  control_publish_line(&daemon->control, line);
}

static enum vatd_code open_kernel(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  struct vatd_error why = {0};
  struct config config;
  if (config_load(&config, options->config, daemon->home.config, error) != VATD_OK)
    return error->code;
  struct vatd_options kernel_options = {
      .database = daemon->home.database,
      .programs = options->programs,
      .deadline_ms = options->deadline_ms,
      .weak_sandbox = options->weak_sandbox,
      .reset = options->reset,
      .eager = options->eager,
      .most_workers = options->most_workers,
      .image_bytes = options->image_bytes,
      .share_processor = true,
      .system_subclusters = config.system_subclusters,
      .allowed_globals = config.allowed_globals,
      .context = daemon,
      .log = on_log,
      .broken = on_broken,
  };
  enum vatd_code code = vatd_open(&kernel_options, &daemon->kernel, &why);
  config_fini(&config);
  return code == VATD_OK ? VATD_OK : error_set(error, code, "%s", why.text);
}

static void open_handles(struct daemon *daemon)
{
  uv_loop_t *loop = vatd_loop(daemon->kernel);
  uv_timer_init(loop, &daemon->goodbye);
  uv_prepare_init(loop, &daemon->drained);
  uv_signal_init(loop, &daemon->terminate);
  uv_signal_init(loop, &daemon->interrupt);
  daemon->goodbye.data = daemon;
  daemon->drained.data = daemon;
  daemon->terminate.data = daemon;
  daemon->interrupt.data = daemon;
  uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
  uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
}

/* The database comes first: its lock is what makes this the only daemon of the home. The journal is opened before, for the
 * kernel has things to say while it opens. */
static enum vatd_code open_parts(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  if (home_open(&daemon->home, options->home, error) != VATD_OK)
    return error->code;
  journal_open(&daemon->journal, daemon->home.log);
  daemon->journal.context = daemon;
  if (open_kernel(daemon, options, error) != VATD_OK)
    return error->code;
  open_handles(daemon);
  if (home_write_pid(&daemon->home, error) != VATD_OK)
    return error->code;
  return control_open(&daemon->control, daemon, daemon->home.socket, error);
}

enum vatd_code daemon_open(struct daemon *daemon, const struct daemon_options *options, struct error *error)
{
  json_set_alloc_funcs(memory_alloc, free);
  *daemon = (struct daemon){.journal.fd = -1};
  if (open_parts(daemon, options, error) != VATD_OK) {
    daemon_close(daemon);
    return error->code;
  }
  daemon->journal.on_line = on_journal_line;
  journal_printf(&daemon->journal, "info", "vatd %s started on %s", vatd_version(), daemon->home.directory);
  return VATD_OK;
}

int daemon_run(struct daemon *daemon)
{
  return vatd_run(daemon->kernel) == VATD_OK ? 0 : EXIT_STORAGE_IN_DOUBT;
}

static void close_handles(struct daemon *daemon)
{
  uv_close((uv_handle_t *)&daemon->goodbye, NULL);
  uv_close((uv_handle_t *)&daemon->drained, NULL);
  uv_close((uv_handle_t *)&daemon->terminate, NULL);
  uv_close((uv_handle_t *)&daemon->interrupt, NULL);
}

void daemon_close(struct daemon *daemon)
{
  daemon->journal.on_line = NULL;
  if (daemon->kernel) {
    if (daemon->control.daemon)
      control_close(&daemon->control);
    close_handles(daemon);
    vatd_close(daemon->kernel);
    control_fini(&daemon->control);
    home_remove_pid(&daemon->home);
  }
  journal_close(&daemon->journal);
  home_close(&daemon->home);
}
