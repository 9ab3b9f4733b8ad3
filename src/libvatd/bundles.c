/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/bundles.c - see bundles.h.
 *
 *     next vat --bundleSpec--> read the file ------------------------------+
 *        |     --programSpec--> read the file: an executable -------------+
 *        ^     --sourceSpec--> run `vat bundle FILE -o -` --> its output --+--> next vat … done
 *        |                                                                 |
 *        +-----------------------------------------------------------------+
 *
 * The vats are taken one after another. A bundler's standard output is the bundle, its standard error is what to tell the
 * client when it fails.
 */
#include "libvatd/bundles.h"
#include "base/limits.h"
#include "base/memory.h"
#include "worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (64 * KIB)
#define LIMIT_BUNDLER_ERRORS (8 * KIB)

struct loading {
  uv_loop_t *loop;
  char *bundler;
  json_t *config;
  void *at; /* jansson iterator of config.vats */
  struct launch_bundle *bundles;
  size_t count;
  bundles_done_fn *done;
  void *context;
  /* the bundler under way */
  struct child *child;
  uv_pipe_t out;
  uv_pipe_t err;
  unsigned open_parts; /* the process and its two pipes */
  struct buffer code;
  struct buffer errors;
  int exit_status;
};

static void load_next(struct loading *loading);

static void finish(struct loading *loading, enum vatd_code code, const struct error *error)
{
  loading->done(loading->context, code, loading->bundles, loading->count, error);
  for (size_t i = 0; i < loading->count; i++)
    free((char *)loading->bundles[i].code.data);
  buffer_fini(&loading->code);
  buffer_fini(&loading->errors);
  free(loading->bundles);
  free(loading->bundler);
  json_decref(loading->config);
  free(loading);
}

static void fail(struct loading *loading, struct error *error)
{
  error_wrap(error, "vat \"%s\"", json_object_iter_key(loading->at));
  finish(loading, error->code, error);
}

/* Keeps the code of the current vat (taken over) and goes on. */
static void keep_and_go_on(struct loading *loading, struct buffer *code)
{
  size_t size = code->size;
  struct launch_bundle *bundle = &loading->bundles[loading->count++];
  bundle->vat_name = json_object_iter_key(loading->at);
  bundle->code = bytes_from(buffer_detach(code), size);
  loading->at = json_object_iter_next(json_object_get(loading->config, "vats"), loading->at);
  load_next(loading);
}

/* ---- a path from a spec ---- */

static int hex_digit(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %XX in place. */
static void percent_decode(char *text)
{
  char *to = text;
  for (char *from = text; *from; from++) {
    int high = from[0] == '%' ? hex_digit(from[1]) : -1;
    int low = high >= 0 ? hex_digit(from[2]) : -1;
    if (low >= 0 && (high || low)) {
      *to++ = (char)(high * 16 + low);
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
}

/* The absolute path of a path or file: URL; NULL with the reason. The caller frees it. */
static char *spec_path(const char *spec, struct error *error)
{
  if (strncmp(spec, "file://", 7) == 0) {
    const char *rest = spec + 7;
    if (strncmp(rest, "localhost/", 10) == 0)
      rest += 9;
    char *path = memory_strdup(rest);
    percent_decode(path);
    if (path[0] == '/')
      return path;
    free(path);
  } else if (spec[0] == '/') {
    return memory_strdup(spec);
  }
  error_set(error, VATD_INVALID, "'%s' is neither an absolute path nor a file:///… URL", spec);
  return NULL;
}

/* ---- bundleSpec, programSpec ---- */

static enum vatd_code read_file(const char *path, struct buffer *code, struct error *error)
{
  struct stat status;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return error_set_errno(error, VATD_NOT_FOUND, errno, "%s", path);
  ssize_t count = 1;
  bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  while (regular && count > 0 && buffer_reserve(code, READ_SIZE)) {
    count = read(fd, code->data + code->size, READ_SIZE);
    code->size += count > 0 ? (size_t)count : 0;
  }
  int failure = errno;
  close(fd);
  if (!regular)
    return error_set(error, VATD_INVALID, "%s is not a regular file", path);
  if (code->overflowed)
    return error_set(error, VATD_LIMIT, "%s is larger than %zu bytes", path, LIMIT_BUNDLE);
  return count < 0 ? error_set_errno(error, VATD_IO, failure, "%s", path) : VATD_OK;
}

/* Said now rather than by a worker that cannot start. */
static enum vatd_code check_program(const char *path, const struct buffer *code, struct error *error)
{
  if (bytes_start_with(buffer_bytes(code), bytes_of("\177ELF")))
    return VATD_OK;
  return error_set(error, VATD_INVALID, "%s is not an executable (ELF)", path);
}

static void load_file(struct loading *loading, const char *path, bool is_program)
{
  struct error error = {0};
  struct buffer code;
  buffer_init(&code, LIMIT_BUNDLE + READ_SIZE);
  enum vatd_code result = read_file(path, &code, &error);
  if (result == VATD_OK && is_program)
    result = check_program(path, &code, &error);
  if (result == VATD_OK) {
    keep_and_go_on(loading, &code);
    return;
  }
  buffer_fini(&code);
  error_wrap(&error, is_program ? "program" : "bundle");
  fail(loading, &error);
}

/* ---- sourceSpec ---- */

/* The bundler has ended and its output is complete. */
static void bundler_ended(struct loading *loading)
{
  struct error error = {0};
  if (loading->exit_status == 0 && !loading->code.overflowed) {
    keep_and_go_on(loading, &loading->code);
    return;
  }
  while (loading->errors.size && loading->errors.data[loading->errors.size - 1] == '\n')
    loading->errors.data[--loading->errors.size] = '\0';
  if (loading->code.overflowed)
    error_set(&error, VATD_LIMIT, "its bundle is larger than %zu bytes", LIMIT_BUNDLE);
  else
    error_set(&error, VATD_INVALID, "cannot bundle: %s", buffer_text(&loading->errors));
  fail(loading, &error);
}

static void part_ended(struct loading *loading)
{
  if (--loading->open_parts == 0)
    bundler_ended(loading);
}

static void on_closed(uv_handle_t *handle)
{
  part_ended(handle->data);
}

static void on_child_ended(void *context, int exit_status, int signal)
{
  struct loading *loading = context;
  loading->exit_status = signal ? -1 : exit_status;
  part_ended(loading);
}

static void offer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
  static char data[READ_SIZE]; /* libuv hands it to on_read before it asks for the next */
  (void)handle;
  (void)suggested;
  *room = uv_buf_init(data, sizeof data);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
  struct loading *loading = stream->data;
  if (count < 0)
    uv_close((uv_handle_t *)stream, on_closed);
  else if (stream == (uv_stream_t *)&loading->out)
    buffer_append(&loading->code, room->base, (size_t)count);
  else
    buffer_append(&loading->errors, room->base, (size_t)count);
}

/* Our end becomes a uv_pipe_t; returns the bundler's end, which the caller closes. */
static int open_pipe(struct loading *loading, uv_pipe_t *pipe)
{
  int ends[2] = {-1, -1};
  int failed = pipe2(ends, O_CLOEXEC);
  uv_pipe_init(loading->loop, pipe, 0);
  pipe->data = loading;
  loading->open_parts++;
  if (failed || uv_pipe_open(pipe, ends[0]) != 0 || uv_read_start((uv_stream_t *)pipe, offer_room, on_read) != 0)
    uv_close((uv_handle_t *)pipe, on_closed);
  return ends[1];
}

static void bundle_source(struct loading *loading, char *path)
{
  char *args[] = {loading->bundler, "bundle", "-o", "-", path, NULL}; /* absolute: never taken for an option */
  struct error error = {0};
  buffer_init(&loading->code, LIMIT_BUNDLE);
  buffer_init(&loading->errors, LIMIT_BUNDLER_ERRORS);
  loading->exit_status = -1;
  loading->open_parts = 1; /* this function */
  int out = open_pipe(loading, &loading->out);
  int err = open_pipe(loading, &loading->err);
  struct child_options options = {
      .file = loading->bundler, .argv = args, .environment = environ, .fds = {-1, out, err}, .fd_count = 3};
  if (child_spawn(loading->loop, &options, on_child_ended, loading, &loading->child, &error) == VATD_OK)
    loading->open_parts++;
  else
    buffer_printf(&loading->errors, "%s", error.text);
  close(out); /* what nobody writes to any more ends, and closes itself */
  close(err);
  part_ended(loading);
}

/* ---- one vat after another ---- */

static void load_next(struct loading *loading)
{
  struct error error = {0};
  if (!loading->at) {
    finish(loading, VATD_OK, NULL);
    return;
  }
  json_t *vat = json_object_iter_value(loading->at);
  const char *bundle = json_string_value(json_object_get(vat, "bundleSpec"));
  const char *program = json_string_value(json_object_get(vat, "programSpec"));
  const char *source = json_string_value(json_object_get(vat, "sourceSpec"));
  const char *spec = bundle ? bundle : program ? program : source;
  char *path = spec ? spec_path(spec, &error) : NULL;
  if (!spec)
    error_set(&error, VATD_INVALID, "bundleName is not offered; use bundleSpec, sourceSpec or programSpec");
  if (!path)
    fail(loading, &error);
  else if (source)
    bundle_source(loading, path);
  else
    load_file(loading, path, program != NULL);
  free(path);
}

void bundles_load(uv_loop_t *loop, const char *bundler, json_t *config, bundles_done_fn *done, void *context)
{
  json_t *vats = json_object_get(config, "vats");
  struct loading *loading = memory_zalloc(sizeof *loading);
  loading->loop = loop;
  loading->bundler = memory_strdup(bundler);
  loading->config = json_incref(config);
  loading->at = json_object_iter(vats);
  loading->bundles = memory_zalloc(json_object_size(vats) * sizeof *loading->bundles);
  loading->done = done;
  loading->context = context;
  load_next(loading);
}
