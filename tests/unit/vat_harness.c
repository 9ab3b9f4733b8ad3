/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vat_harness.c - see vat_harness.h. */
#include "vat_harness.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

static char *config;

void vat_serve_if_told(int argc, char **argv, const struct vatd_program *program)
{
  if (argc == 2 && strcmp(argv[1], "--serve") == 0)
    exit((int)vat_serve(program, 3));
}

/* ---- a done frame as a line ---- */

static void add_list(struct buffer *line, const struct bytes_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    buffer_printf(line, "%s%.*s", i ? "," : "", BYTES_ARG(list->items[i]));
}

static void add_data(struct buffer *line, const struct capdata *data)
{
  buffer_append_bytes(line, bytes_after(data->body, 1)); /* without the '#' */
  buffer_append_text(line, "[");
  add_list(line, &data->slots);
  buffer_append_text(line, "]");
}

static void add_resolution(struct vat_test *test, const struct resolution *item)
{
  struct bytes vpid = bytes_is(item->vpid, test->result) ? bytes_of("p-100") : item->vpid;
  buffer_printf(&test->line, "%.*s%s", BYTES_ARG(vpid), item->rejected ? "!" : "=");
  add_data(&test->line, &item->data);
}

static void add_syscall(struct vat_test *test, const struct vat_syscall *call)
{
  struct buffer *line = &test->line;
  buffer_printf(line, "%s%s ", line->size ? " | " : "", syscall_type_name(call->type));
  switch (call->type) {
  case SYSCALL_SEND:
    buffer_printf(line, "%.*s ", BYTES_ARG(call->message.target));
    add_data(line, &call->message.methargs);
    buffer_printf(line, " %.*s", BYTES_ARG(call->message.result));
    break;
  case SYSCALL_SUBSCRIBE:
    buffer_append_bytes(line, call->vpid);
    break;
  case SYSCALL_RESOLVE:
    for (size_t i = 0; i < call->resolutions.count; i++) {
      buffer_append_text(line, i ? ", " : "");
      add_resolution(test, &call->resolutions.items[i]);
    }
    break;
  case SYSCALL_EXIT:
    buffer_append_text(line, call->is_failure ? "failure " : "");
    add_data(line, &call->info);
    break;
  default:
    add_list(line, &call->vrefs);
  }
}

static const char *take_answer(struct vat_test *test)
{
  struct buffer *line = &test->line;
  struct done_frame done = worker_answer(&test->worker);
  buffer_clear(line);
  if (done.status != DONE_OK)
    buffer_printf(line, "%s: %.*s", done_status_name(done.status), BYTES_ARG(done.status_text));
  for (size_t i = 0; i < done.syscall_count; i++)
    add_syscall(test, &done.syscalls[i]);
  for (size_t i = 0; i < done.sets.count; i++)
    buffer_printf(line, "%sset %.*s=%.*s", line->size ? " | " : "", BYTES_ARG(done.sets.items[i].key),
                  BYTES_ARG(done.sets.items[i].value));
  for (size_t i = 0; i < done.deletes.count; i++)
    buffer_printf(line, "%sdelete %.*s", line->size ? " | " : "", BYTES_ARG(done.deletes.items[i]));
  for (size_t i = 0; i < done.log_count; i++)
    buffer_printf(line, "%slog %.*s %.*s", line->size ? " | " : "", BYTES_ARG(done.logs[i].level),
                  BYTES_ARG(done.logs[i].text));
  return buffer_text(line);
}

/* ---- life ---- */

void vat_start(struct vat_test *test, const char *parameters)
{
  *test = (struct vat_test){.calls = 100};
  free(config);
  config = memory_printf("{\"programSpec\":\"x\",\"parameters\":%s}", parameters);
  buffer_init(&test->line, 64 * MIB);
  worker_spawn(&test->worker, FROM_TEST);
  worker_send_init(&test->worker, config, "");
  take_answer(test);
}

void vat_restart(struct vat_test *test)
{
  assert_int_equal(worker_hang_up(&test->worker), 0);
  worker_respawn(&test->worker, FROM_TEST);
  worker_send_init(&test->worker, config, "");
  take_answer(test);
}

int vat_ended(struct vat_test *test)
{
  int status = worker_wait(&test->worker);
  worker_dispose(&test->worker);
  buffer_fini(&test->line);
  free(config);
  config = NULL;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void vat_end(struct vat_test *test)
{
  shutdown(test->worker.fd, SHUT_WR);
  assert_int_equal(vat_ended(test), 0);
}

int vat_test_begin(void **state)
{
  static struct vat_test test;
  vat_start(&test, "{}");
  *state = &test;
  return 0;
}

int vat_test_end(void **state)
{
  vat_end(*state);
  return 0;
}

/* ---- deliveries ---- */

static struct bytes_list words(struct arena *arena, const char *text)
{
  struct bytes_list list = {arena_alloc_array(arena, strlen(text) / 2 + 1, sizeof *list.items), 0};
  while (*text) {
    size_t size = strcspn(text, " ");
    list.items[list.count++] = bytes_from(text, size);
    text += size + (text[size] == ' ');
  }
  return list;
}

static const char *deliver(struct vat_test *test, const struct delivery *delivery)
{
  worker_send(&test->worker, delivery);
  return take_answer(test);
}

void vat_send_only(struct vat_test *test, const char *target, const char *body, const char *slots, const char *result)
{
  struct delivery delivery = {.type = DELIVERY_MESSAGE};
  delivery.message.target = bytes_of(target);
  delivery.message.methargs = (struct capdata){bytes_of(body), words(&test->worker.arena, slots)};
  delivery.message.result = bytes_of(result ? result : "");
  worker_send(&test->worker, &delivery);
}

const char *vat_message(struct vat_test *test, const char *target, const char *body, const char *slots, const char *result)
{
  vat_send_only(test, target, body, slots, result);
  return take_answer(test);
}

const char *vat_call(struct vat_test *test, const char *method, const char *args, const char *slots)
{
  char *body = memory_printf("#[\"%s\",[%s]]", method, args);
  snprintf(test->result, sizeof test->result, "p-%u", test->calls++);
  const char *line = vat_message(test, "o+0", body, slots, test->result);
  free(body);
  return line;
}

const char *vat_notify_all(struct vat_test *test, const struct resolution *items, size_t count)
{
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {(struct resolution *)items, count}};
  return deliver(test, &delivery);
}

const char *vat_notify(struct vat_test *test, const char *vpid, bool rejected, const char *body, const char *slots)
{
  struct resolution item = {bytes_of(vpid), rejected, {bytes_of(body), words(&test->worker.arena, slots)}};
  return vat_notify_all(test, &item, 1);
}

const char *vat_garbage(struct vat_test *test, enum delivery_type type, const char *vrefs)
{
  struct delivery delivery = {.type = type, .vrefs = words(&test->worker.arena, vrefs)};
  return deliver(test, &delivery);
}
