/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/worker_harness.c - see worker_harness.h. */
#include "worker_harness.h"

#include "base/memory.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RESULT_VPID "p-100"

/* Descriptors far away from 3, so that dup2 in the child cannot hit one of them. */
static int moved_up(int fd)
{
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 20);
  assert_true(high >= 0);
  close(fd);
  return high;
}

static const struct {
  const char *boot;
  const char *supervisor;
} scripts[] = {
    [FROM_SCRIPTS] = {"vat-boot.js", "vat-supervisor.js"},
    [FROM_PLAIN_SCRIPTS] = {"tests/plain-boot.js", "tests/plain-supervisor.js"},
    [FROM_SHALLOW_SCRIPTS] = {"tests/shallow-boot.js", "vat-supervisor.js"},
    [FROM_WRONG_STYLE_SCRIPTS] = {"vat-boot.js", "tests/wrong-style-supervisor.js"},
    [FROM_WRONG_SMALLCAPS_SCRIPTS] = {"vat-boot.js", "tests/wrong-smallcaps-supervisor.js"},
    [FROM_WRONG_VREF_SCRIPTS] = {"vat-boot.js", "tests/wrong-vref-supervisor.js"},
    [FROM_WRONG_MATCH_SCRIPTS] = {"vat-boot.js", "tests/wrong-match-supervisor.js"},
    [FROM_WRONG_POSTPONED_SCRIPTS] = {"tests/wrong-postponed-boot.js", "vat-supervisor.js"},
    [FROM_WRONG_CACHE_SCRIPTS] = {"vat-boot.js", "tests/wrong-cache-supervisor.js"},
    [FROM_WRONG_ERRORS_SCRIPTS] = {"vat-boot.js", "tests/wrong-errors-supervisor.js"},
};

static _Noreturn void run_worker(int channel, enum start_way way)
{
  if (dup2(channel, 3) != 3)
    _exit(127);
  if (way == FROM_SNAPSHOT) {
    int snapshot = open(WORKER_BUILD_DIR "/vat-worker.snapshot", O_RDONLY | O_CLOEXEC);
    if (snapshot < 0 || dup2(snapshot, 10) != 10)
      _exit(127);
    execl(WORKER_BUILD_DIR "/vat-worker", "vat-worker", "--allow-weak", "namespaces", "--snapshot-fd", "10", NULL);
  } else if (way == FROM_TEST) {
    execl("/proc/self/exe", "vat", "--serve", NULL);
  } else {
    char *boot = memory_printf("%s/%s", WORKER_BUILD_DIR, scripts[way].boot);
    char *supervisor = memory_printf("%s/%s", WORKER_BUILD_DIR, scripts[way].supervisor);
    execl(WORKER_BUILD_DIR "/vat-worker", "vat-worker", "--allow-weak", "namespaces", "--scripts", boot, supervisor, NULL);
  }
  _exit(127);
}

void worker_spawn(struct worker_process *worker, enum start_way way)
{
  *worker = (struct worker_process){
      .next_id = 1, .limits = {.computrons = DEFAULT_COMPUTRONS_PER_CRANK, .heap_bytes = DEFAULT_HEAP_BYTES}};
  ordmap_init(&worker->state);
  buffer_init(&worker->frame, LIMIT_FRAME_FROM_WORKER);
  arena_init(&worker->arena);
  worker_respawn(worker, way);
}

void worker_respawn(struct worker_process *worker, enum start_way way)
{
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  worker->fd = moved_up(pair[0]);
  int theirs = moved_up(pair[1]);
  worker->pid = fork();
  assert_true(worker->pid >= 0);
  if (worker->pid == 0)
    run_worker(theirs, way);
  close(theirs);
}

int worker_wait(struct worker_process *worker)
{
  int status;
  assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
  worker->pid = 0;
  close(worker->fd);
  return status;
}

int worker_hang_up(struct worker_process *worker)
{
  shutdown(worker->fd, SHUT_WR);
  return worker_wait(worker);
}

void worker_dispose(struct worker_process *worker)
{
  ordmap_fini(&worker->state);
  buffer_fini(&worker->frame);
  arena_fini(&worker->arena);
}

void worker_send_bytes(struct worker_process *worker, struct bytes bytes)
{
  while (bytes.size > 0) {
    ssize_t sent = send(worker->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (sent <= 0)
      return; /* the worker is gone: its exit status tells */
    bytes = bytes_after(bytes, (size_t)sent);
  }
}

static void read_exactly(struct worker_process *worker, char *data, size_t size)
{
  while (size > 0) {
    ssize_t got = read(worker->fd, data, size);
    assert_true(got > 0);
    data += got;
    size -= (size_t)got;
  }
}

static enum frame_type read_frame(struct worker_process *worker, uint64_t *id)
{
  char header[FRAME_HEADER_SIZE];
  struct error error;
  size_t size;
  enum frame_type type;
  read_exactly(worker, header, sizeof header);
  assert_int_equal(frame_payload_size(header, LIMIT_FRAME_FROM_WORKER, &size, &error), VATD_OK);
  buffer_clear(&worker->frame);
  assert_true(buffer_reserve(&worker->frame, size));
  read_exactly(worker, worker->frame.data, size);
  worker->frame.size = size;
  assert_int_equal(frame_peek(buffer_bytes(&worker->frame), &type, id, &error), VATD_OK);
  return type;
}

static struct key_value_list state_pairs(struct worker_process *worker)
{
  struct key_value_list pairs = {arena_alloc_array(&worker->arena, worker->state.count, sizeof *pairs.items), 0};
  struct bytes key, value;
  bool more = ordmap_seek(&worker->state, (struct bytes){0}, &key, &value);
  while (more) {
    pairs.items[pairs.count++] = (struct key_value){key, value};
    more = ordmap_next(&worker->state, key, &key, &value);
  }
  return pairs;
}

void worker_send_init(struct worker_process *worker, const char *config, const char *bundle)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_TO_WORKER);
  struct init_frame init = {
      .id = worker->next_id++,
      .vat = bytes_of("v1"),
      .config = bytes_of(config),
      .bundle = bytes_of(bundle),
      .state = state_pairs(worker),
      .complete = true,
      .limits = worker->limits,
  };
  assert_true(frame_encode_init(&out, &init));
  worker_send_bytes(worker, buffer_bytes(&out));
  buffer_fini(&out);
}

void worker_send(struct worker_process *worker, const struct delivery *delivery)
{
  struct buffer out;
  buffer_init(&out, LIMIT_FRAME_TO_WORKER);
  assert_true(frame_encode_deliver(&out, worker->next_id++, delivery));
  worker_send_bytes(worker, buffer_bytes(&out));
  buffer_fini(&out);
}

struct done_frame worker_answer(struct worker_process *worker)
{
  struct done_frame done;
  struct error error;
  uint64_t id;
  assert_int_equal(read_frame(worker, &id), FRAME_DONE);
  assert_int_equal(id, worker->next_id - 1);
  arena_clear(&worker->arena);
  if (frame_decode_done(buffer_bytes(&worker->frame), &worker->arena, &done, &error) != VATD_OK)
    fail_msg("%s", error.text);
  for (size_t i = 0; i < done.sets.count; i++)
    ordmap_put(&worker->state, done.sets.items[i].key, done.sets.items[i].value);
  for (size_t i = 0; i < done.deletes.count; i++)
    ordmap_remove(&worker->state, done.deletes.items[i]);
  return done;
}

bool worker_ping(struct worker_process *worker)
{
  struct buffer out;
  uint64_t id;
  buffer_init(&out, 1024);
  frame_encode_ping(&out, 4711);
  worker_send_bytes(worker, buffer_bytes(&out));
  buffer_fini(&out);
  return read_frame(worker, &id) == FRAME_PONG && id == 4711;
}

struct done_frame worker_init_vat(struct worker_process *worker, const char *config, const char *bundle)
{
  worker_send_init(worker, config, bundle);
  return worker_answer(worker);
}

struct done_frame worker_deliver(struct worker_process *worker, const struct delivery *delivery)
{
  worker_send(worker, delivery);
  return worker_answer(worker);
}

struct done_frame worker_call(struct worker_process *worker, const char *method, const char *args, const char **slots)
{
  struct bytes items[16];
  struct bytes_list list = {items, 0};
  for (; slots && slots[list.count]; list.count++)
    items[list.count] = bytes_of(slots[list.count]);
  char *body = memory_printf("#[\"%s\",[%s]]", method, args);
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+0"), .methargs = {bytes_of(body), list}, .result = bytes_of(RESULT_VPID)},
  };
  struct done_frame done = worker_deliver(worker, &delivery);
  free(body);
  return done;
}

char *bundle_of_code(const char *code)
{
  json_t *bundle = json_pack("{s:s, s:s, s:[s], s:[]}", "moduleFormat", "iife", "code", code, "exports",
                             "buildRootObject", "external");
  char *text = json_dumps(bundle, 0);
  json_decref(bundle);
  assert_non_null(text);
  return text;
}

char *bundle_of_vat(const char *name)
{
  char *path = memory_printf("%s/%s.code.js", VAT_CODE_DIR, name);
  FILE *file = fopen(path, "re");
  free(path);
  assert_non_null(file);
  struct buffer code;
  buffer_init(&code, LIMIT_BUNDLE);
  for (;;) {
    assert_true(buffer_reserve(&code, 64 * KIB));
    size_t count = fread(code.data + code.size, 1, 64 * KIB, file);
    if (count == 0)
      break;
    code.size += count;
  }
  fclose(file);
  buffer_append(&code, "", 1);
  char *bundle = bundle_of_code(code.data);
  buffer_fini(&code);
  return bundle;
}

void print_frame(struct bytes frame)
{
  printf("# ");
  for (size_t i = 0; i < frame.size && i < 3000; i++)
    putchar(frame.data[i] >= ' ' && frame.data[i] < 127 ? frame.data[i] : '.');
  printf("\n");
}

const char *done_set(struct worker_process *worker, const struct done_frame *done, const char *key)
{
  for (size_t i = 0; i < done->sets.count; i++) {
    if (bytes_is(done->sets.items[i].key, key))
      return arena_copy(&worker->arena, done->sets.items[i].value).data;
  }
  return NULL;
}

const char *done_result(struct worker_process *worker, const struct done_frame *done)
{
  for (size_t i = 0; i < done->syscall_count; i++) {
    const struct vat_syscall *syscall = &done->syscalls[i];
    if (syscall->type == SYSCALL_RESOLVE && bytes_is(syscall->resolutions.items[0].vpid, RESULT_VPID))
      return arena_copy(&worker->arena, syscall->resolutions.items[0].data.body).data;
  }
  fail_msg("the result was not resolved: status %s: %.*s", done_status_name(done->status),
           BYTES_ARG(done->status_text));
  return NULL;
}
