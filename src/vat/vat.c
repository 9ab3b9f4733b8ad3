/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/vat.c - the life of a vat in C: its start, its deliveries, and the turns of a crank.
 *
 *     delivery -> handler or settled promises -> jobs (callbacks), until none is left -> collect() -> done
 *
 * A callback never runs inside the call that caused it: it becomes a job. So a program that sends, resolves or answers is
 * never called back before that call has returned.
 */
#include "vat/internal.h"

#include "base/check.h"
#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_FD 3

/* ---- wrong ---- */

__attribute__((format(printf, 3, 0))) static void complain(const struct vatd_vat *vat, const char *what,
                                                            const char *format, va_list arguments)
{
  fprintf(stderr, "vat %s: %s", vat->id, what);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
}

void vat_misused(const struct vatd_vat *vat, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  complain(vat, "the program broke a rule of vatd/vat.h: ", format, arguments);
  va_end(arguments);
  abort();
}

void vat_distrusts(const struct vatd_vat *vat, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  complain(vat, "the kernel sent what it must not: ", format, arguments);
  va_end(arguments);
  fflush(stderr);
  _exit(WORKER_EXIT_PROTOCOL);
}

/* ---- what a crank does ---- */

void vat_syscall(struct vatd_vat *vat, const struct vat_syscall *syscall, size_t bytes)
{
  if (!vat->overflowed)
    vat->overflowed = !crank_add_syscall(vat->crank, syscall, bytes) || !crank_effects_fit(vat->crank);
}

void vatd_vat_log(struct vatd_vat *vat, const char *level, const char *format, ...)
{
  static const char *const levels[] = {"debug", "info", "warn", "error"};
  const char *known = "log";
  va_list arguments;
  char *text;
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
    if (strcmp(level, levels[i]) == 0)
      known = levels[i];
  }
  va_start(arguments, format);
  int size = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (size < 0)
    return;
  struct bytes line = bytes_from(text, (size_t)size);
  crank_log(vat->crank, known, bytes_are_utf8(line) ? line : bytes_of("(a line that is not UTF-8)"));
  free(text);
}

void vatd_vat_exit(struct vatd_vat *vat, bool failure, const char *reason)
{
  struct error error;
  struct vat_syscall syscall = {.type = SYSCALL_EXIT, .is_failure = failure};
  VAT_EXPECT(vat, reason, "vatd_vat_exit() wants a reason");
  if (vat->exited)
    return;
  vat->exited = true;
  json_t *info = failure ? vatd_json_error("Error", "%s", reason) : json_string(reason);
  if (!info || data_encode(vat, info, &syscall.info, &error) != VATD_OK)
    syscall.info.body = bytes_of("#\"(the reason is not UTF-8)\"");
  json_decref(info);
  vat_syscall(vat, &syscall, capdata_size(&syscall.info));
}

const char *vatd_vat_id(const struct vatd_vat *vat)
{
  return vat->id;
}

/* ---- jobs ---- */

void vat_add_job(struct vatd_vat *vat, struct listener *listener, bool rejected, json_t *value)
{
  struct job *job = memory_alloc(sizeof *job);
  *job = (struct job){.listener = listener, .rejected = rejected, .value = value};
  if (vat->last_job)
    vat->last_job->next = job;
  else
    vat->jobs = job;
  vat->last_job = job;
}

static void touch(struct vatd_ref *ref)
{
  ref_touch(ref);
}

static void run_job(struct vatd_vat *vat, const struct job *job)
{
  struct listener *listener = job->listener;
  data_each_ref(vat, job->value, touch);
  if (listener->callback)
    listener->callback(vat, listener->context, job->rejected, job->value ? job->value : json_null());
  else if (job->rejected)
    promise_reject(listener->follower, json_incref(job->value));
  else
    promise_resolve(listener->follower, json_incref(job->value));
}

static void run_jobs(struct vatd_vat *vat)
{
  while (vat->jobs) {
    struct job *job = vat->jobs;
    vat->jobs = job->next;
    if (!vat->jobs)
      vat->last_job = NULL;
    run_job(vat, job);
    json_decref(job->value);
    free(job->listener);
    free(job);
  }
}

/* ---- cranks ---- */

static void begin(struct vatd_vat *vat)
{
  vat->crank_number++;
  vat->overflowed = false;
}

static void end(struct vatd_vat *vat, bool collect_now, struct outcome *outcome)
{
  run_jobs(vat);
  collect(vat, collect_now);
  messages_free(&vat->answered);
  *outcome = (struct outcome){.status = DONE_OK, .heap_bytes = mallinfo2().uordblks};
  if (vat->overflowed || !crank_effects_fit(vat->crank)) {
    outcome->status = DONE_LIMIT_MEMORY;
    outcome->text = bytes_of("the crank's effects grew over their limit");
  }
}

/* The object under "parameters" in the vat's configuration. */
static json_t *parameters_of(const struct vatd_vat *vat, struct bytes config)
{
  json_t *parsed = json_loadb(config.data, config.size, JSON_ALLOW_NUL, NULL);
  VAT_TRUST(vat, json_is_object(parsed), "a configuration that is not a JSON object");
  json_t *parameters = json_incref(json_object_get(parsed, "parameters"));
  json_decref(parsed);
  return parameters ? parameters : json_object();
}

static void start(void *context, const struct init_frame *init, struct outcome *outcome)
{
  struct vatd_vat *vat = context;
  VAT_TRUST(vat, init->vat.size < sizeof vat->id, "a vat id of %zu bytes", init->vat.size);
  snprintf(vat->id, sizeof vat->id, "%.*s", BYTES_ARG(init->vat));
  begin(vat);
  storage_load_kept(vat);
  json_t *parameters = parameters_of(vat, init->config);
  vat->starting = true;
  const char *failure = vat->program->start ? vat->program->start(vat, parameters) : NULL;
  vat->starting = false;
  struct bytes reason = arena_copy(&vat->crank->arena, bytes_of(failure ? failure : ""));
  end(vat, false, outcome);
  json_decref(parameters); /* the reason may have been in it */
  if (!failure)
    return;
  outcome->status = DONE_INIT_FAILED;
  outcome->text = bytes_are_utf8(reason) ? reason : bytes_of("(the reason is not UTF-8)");
}

static void deliver(void *context, const struct delivery *delivery, struct outcome *outcome)
{
  struct vatd_vat *vat = context;
  begin(vat);
  switch (delivery->type) {
  case DELIVERY_MESSAGE:
    message_arrive(vat, &delivery->message);
    break;
  case DELIVERY_NOTIFY:
    promises_notified(vat, &delivery->resolutions);
    break;
  case DELIVERY_DROP_EXPORTS:
    objects_dropped(vat, &delivery->vrefs);
    break;
  case DELIVERY_RETIRE_EXPORTS:
    objects_retired(vat, &delivery->vrefs);
    break;
  case DELIVERY_RETIRE_IMPORTS:
    imports_retired(vat, &delivery->vrefs);
    break;
  case DELIVERY_BRING_OUT_YOUR_DEAD:
    break;
  }
  end(vat, delivery->type == DELIVERY_BRING_OUT_YOUR_DEAD, outcome);
}

struct worker_vat program_vat(struct vatd_vat *vat)
{
  return (struct worker_vat){.context = vat, .start = start, .deliver = deliver};
}

/* ---- life ---- */

void vat_init(struct vatd_vat *vat, const struct vatd_program *program, struct crank *crank)
{
  *vat = (struct vatd_vat){.id = "(not started)", .program = program, .crank = crank, .next_object = 1, .next_promise = 1};
  ordmap_init(&vat->refs);
  VAT_EXPECT(vat, program && program->root, "a program needs a root object");
  struct vatd_ref *root = refs_new(vat, bytes_of("o+0"));
  root->target.handler = program->root;
  root->target.self = program->self;
  root->target.interface = memory_printf("Alleged: %s", program->interface ? program->interface : "root");
  root->known = true;
}

void vat_fini(struct vatd_vat *vat)
{
  struct vatd_ref *next;
  messages_free(&vat->open);
  for (struct vatd_ref *ref = refs_next(vat, NULL); ref; ref = next) {
    next = refs_next(vat, ref);
    ref_free(ref);
  }
  kinds_free(vat);
  free(vat->again);
  ordmap_fini(&vat->refs);
}

enum worker_exit vat_serve(const struct vatd_program *program, int fd)
{
  struct vatstore_cache cache;
  struct crank *crank = memory_zalloc(sizeof *crank);
  struct vatd_vat vat;
  struct worker worker;
  vatstore_cache_init(&cache);
  crank_init(crank, &cache);
  vat_init(&vat, program, crank);
  struct worker_vat served = program_vat(&vat);
  json_set_alloc_funcs(memory_alloc, free); /* without memory the worker ends; it sends no half value */
  worker_init(&worker, fd, &served, crank);
  enum worker_exit status = worker_serve(&worker);
  worker_fini(&worker);
  vat_fini(&vat);
  crank_fini(crank);
  free(crank);
  vatstore_cache_fini(&cache);
  return status;
}

int vatd_vat_main(int argc, char **argv, const struct vatd_program *program)
{
  struct stat channel;
  if (argc > 1 || fstat(CHANNEL_FD, &channel) != 0 || !S_ISSOCK(channel.st_mode)) {
    fprintf(stderr, "%s: this program is a vat; run it with: vat run FILE\n", argc > 0 ? argv[0] : "vat");
    return WORKER_EXIT_USAGE;
  }
  return (int)vat_serve(program, CHANNEL_FD);
}
