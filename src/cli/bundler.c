/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/bundler.c - see bundler.h. The work is done by esbuild, which comes with vatd's npm packages, in two runs:
 *
 *   source --bundle as an ES module, white space minified--> module + metafile (the names it exports)
 *   module --print as a function that gives __vatExports__--> code
 *
 * Minifying white space is esbuild's one way to drop all comments, which matter: the worker's compartment refuses any
 * program text with "import(" or an HTML comment in it, wherever it stands. The second run prints it in readable lines
 * again. `import()` becomes a promise for the module, or a rejection when it names none. What is left after that is
 * written with escapes.
 */
#include "cli/bundler.h"
#include "base/limits.h"
#include "base/memory.h"
#include "cli/launcher.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PLATFORM "linux-x64"
#elif defined(__aarch64__)
#define PLATFORM "linux-arm64"
#else
#error "which esbuild binary is this machine's?"
#endif

#define EXPORTS_NAME "__vatExports__"

struct work {
  char *modules;   /* vatd's node_modules */
  char *program;   /* esbuild */
  char *directory; /* for what lies between the runs */
  char *module;
  char *metafile;
  char *code;
  bool absolute; /* the source was named by an absolute path */
};

/* --- where the tools are --- */

/* $VATD_NODE_MODULES, else beside the installed program, else where it was built. The caller frees it. */
static char *find_modules(void)
{
  const char *given = getenv("VATD_NODE_MODULES");
  if (given && *given)
    return memory_strdup(given);
  char *own = launcher_own_directory();
  char *installed = own ? memory_printf("%s/../lib/vatd/node_modules", own) : NULL;
  free(own);
  if (installed && access(installed, X_OK) == 0)
    return installed;
  free(installed);
  return memory_strdup(VATD_NODE_MODULES);
}

static enum vatd_code work_open(struct work *work, struct error *error)
{
  const char *temporary = getenv("TMPDIR");
  *work = (struct work){.modules = find_modules()};
  work->program = memory_printf("%s/@esbuild/" PLATFORM "/bin/esbuild", work->modules);
  if (access(work->program, X_OK) != 0)
    return error_set_errno(error, VATD_NOT_FOUND, errno, "the bundling program is missing: %s", work->program);
  char *directory = memory_printf("%s/vat-bundle-XXXXXX", temporary && *temporary ? temporary : "/tmp");
  if (!mkdtemp(directory)) {
    enum vatd_code code = error_set_errno(error, VATD_IO, errno, "cannot make a directory %s", directory);
    free(directory);
    return code;
  }
  work->directory = directory;
  work->module = memory_printf("%s/module.mjs", directory);
  work->metafile = memory_printf("%s/meta.json", directory);
  work->code = memory_printf("%s/code.js", directory);
  return VATD_OK;
}

static void work_close(struct work *work)
{
  if (work->directory) {
    unlink(work->module);
    unlink(work->metafile);
    unlink(work->code);
    rmdir(work->directory);
  }
  free(work->modules);
  free(work->program);
  free(work->directory);
  free(work->module);
  free(work->metafile);
  free(work->code);
}

/* --- esbuild's complaints --- */

/* Takes the next line off `text`, without its line feed. */
static struct bytes next_line(struct bytes *text)
{
  const char *end = memchr(text->data, '\n', text->size);
  struct bytes line = bytes_from(text->data, end ? (size_t)(end - text->data) : text->size);
  *text = bytes_after(*text, end ? line.size + 1 : line.size);
  return line;
}

static struct bytes trimmed(struct bytes line)
{
  while (line.size && line.data[0] == ' ')
    line = bytes_after(line, 1);
  return line;
}

/* "FILE:LINE:COLUMN:". esbuild names files from the working directory, which means nothing to someone who has named an
 * absolute path. */
static void append_place(struct bytes place, bool absolute, struct buffer *out)
{
  char *text = memory_printf("%.*s", BYTES_ARG(place));
  char *colon = strchr(text, ':');
  char *resolved = NULL;
  if (absolute && colon) {
    *colon = '\0';
    resolved = realpath(text, NULL);
    *colon = ':';
  }
  buffer_printf(out, "%s%s", resolved ? resolved : "", resolved ? colon : text);
  free(resolved);
  free(text);
}

/*
 * An error is printed as
 *
 *     X [ERROR] MESSAGE
 *
 *         FILE:LINE:COLUMN:
 *           LINE | source
 *                ^
 *       advice
 *
 * with a cross for X and box characters. It becomes FILE:LINE:COLUMN: MESSAGE and the two lines of source. The advice
 * speaks of esbuild's own options, which nobody here can set.
 */
static void rewrite_messages(struct bytes text, bool absolute, struct buffer *out)
{
  static const char mark[] = "[ERROR] ";
  struct bytes message = {0};
  while (text.size) {
    struct bytes line = next_line(&text);
    const char *at = memmem(line.data, line.size, mark, sizeof mark - 1);
    struct bytes rest = trimmed(line);
    if (at) {
      message = bytes_after(line, (size_t)(at - line.data) + sizeof mark - 1);
      if (!memmem(text.data, text.size, ":\n", 2))
        buffer_printf(out, "%.*s\n", BYTES_ARG(message));
    } else if (message.size && rest.size > 1 && rest.data[rest.size - 1] == ':' && line.size - rest.size == 4) {
      append_place(rest, absolute, out);
      buffer_printf(out, " %.*s\n", BYTES_ARG(message));
      message = (struct bytes){0};
    } else if (line.size - rest.size >= 6 &&
               (memmem(line.data, line.size, "│", 3) || memmem(line.data, line.size, "╵", 3))) {
      buffer_printf(out, "%.*s\n", BYTES_ARG(bytes_after(line, 4)));
    }
  }
}

static enum vatd_code run_esbuild(struct work *work, char *const words[], struct buffer *messages, struct error *error)
{
  struct buffer said;
  int status;
  char *node_path = memory_printf("NODE_PATH=%s", work->modules);
  char *const variables[] = {node_path, NULL};
  buffer_init(&said, 64 * KIB);
  enum vatd_code code = launcher_run(work->program, words, variables, &said, &status, error);
  if (!code && status) {
    rewrite_messages(buffer_bytes(&said), work->absolute, messages);
    code = error_set(error, VATD_INVALID, "%s", messages->size ? "the source has errors" : buffer_text(&said));
  }
  buffer_fini(&said);
  free(node_path);
  return code;
}

/* --- the two runs --- */

/* esbuild takes a name without a slash for a package's. The caller frees it. */
static char *as_file(const char *path)
{
  return strchr(path, '/') == path || strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0
             ? memory_strdup(path)
             : memory_printf("./%s", path);
}

static enum vatd_code make_module(struct work *work, const char *path, struct buffer *messages, struct error *error)
{
  char *entry = as_file(path);
  char *outfile = memory_printf("--outfile=%s", work->module);
  char *metafile = memory_printf("--metafile=%s", work->metafile);
  char *words[] = {"esbuild",
                   entry,
                   "--bundle",
                   "--format=esm",
                   "--platform=neutral",
                   "--main-fields=module,main",
                   "--minify-whitespace",
                   "--legal-comments=none",
                   "--charset=utf8",
                   "--define:process.env.NODE_ENV=\"production\"",
                   "--supported:dynamic-import=false",
                   "--log-level=error",
                   "--color=false",
                   outfile,
                   metafile,
                   NULL};
  enum vatd_code code = run_esbuild(work, words, messages, error);
  free(entry);
  free(outfile);
  free(metafile);
  return code;
}

static enum vatd_code make_code(struct work *work, struct buffer *messages, struct error *error)
{
  char *outfile = memory_printf("--outfile=%s", work->code);
  char *words[] = {"esbuild",
                   work->module,
                   "--format=iife",
                   "--global-name=" EXPORTS_NAME,
                   "--charset=utf8",
                   "--log-level=error",
                   "--color=false",
                   outfile,
                   NULL};
  enum vatd_code code = run_esbuild(work, words, messages, error);
  free(outfile);
  return code;
}

/* --- what the compartment would refuse --- */

static bool is_word(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "import" as a word, not a property (but after "..."), then white space and a bracket or a comment. */
static bool is_import_call(struct bytes code, size_t at)
{
  size_t after = at + strlen("import");
  bool property = at > 0 && code.data[at - 1] == '.' && !(at > 2 && memcmp(code.data + at - 3, "...", 3) == 0);
  if (property || (at > 0 && is_word(code.data[at - 1])))
    return false;
  while (after < code.size && strchr(" \t\r\n\v\f", code.data[after]) && code.data[after])
    after++;
  struct bytes rest = bytes_after(code, after);
  return bytes_start_with(rest, bytes_of("(")) || bytes_start_with(rest, bytes_of("/*")) ||
         bytes_start_with(rest, bytes_of("//"));
}

/* Comments and `import()` are gone by now. What is left stands in a string, a template, a regular expression or the name of
 * a property, where a letter can be written as an escape that means the same (but to String.raw). */
static bool escape_code(struct bytes code, struct buffer *out)
{
  static const struct {
    const char *text;
    const char *instead;
  } refused[] = {{"<!--", "<!-\\u002d"}, {"-->", "--\\u003e"}, {"import", "impor\\u0074"}};
  const size_t count = sizeof refused / sizeof *refused;
  size_t at = 0;
  while (at < code.size) {
    struct bytes rest = bytes_after(code, at);
    size_t i = 0;
    while (i < count && !bytes_start_with(rest, bytes_of(refused[i].text)))
      i++;
    if (i < count && (rest.data[0] != 'i' || is_import_call(code, at))) {
      buffer_append_text(out, refused[i].instead);
      at += strlen(refused[i].text);
    } else {
      buffer_append(out, rest.data, 1);
      at++;
    }
  }
  return !out->overflowed;
}

/* --- putting the bundle together --- */

static enum vatd_code read_code(const struct work *work, struct buffer *code, struct error *error)
{
  FILE *file = fopen(work->code, "rb");
  if (!file)
    return error_set_errno(error, VATD_IO, errno, "%s", work->code);
  size_t count = 1;
  while (count && buffer_reserve(code, 64 * KIB)) {
    count = fread(code->data + code->size, 1, 64 * KIB, file);
    code->size += count;
  }
  bool failed = ferror(file);
  fclose(file);
  if (failed)
    return error_set(error, VATD_IO, "cannot read %s", work->code);
  if (code->overflowed)
    return error_set(error, VATD_LIMIT, "the bundle is larger than %zu bytes", LIMIT_BUNDLE);
  return buffer_append_text(code, "") ? VATD_OK : VATD_LIMIT;
}

/* The names that the entry exports; a new reference. */
static json_t *read_exports(const struct work *work)
{
  json_error_t said;
  json_t *meta = json_load_file(work->metafile, 0, &said);
  const char *name;
  json_t *output;
  json_t *exports = NULL;
  json_object_foreach(json_object_get(meta, "outputs"), name, output)
    exports = json_object_get(output, "exports");
  json_incref(exports);
  json_decref(meta);
  return exports ? exports : json_array();
}

static bool names_root(const json_t *exports)
{
  size_t index;
  json_t *name;
  json_array_foreach(exports, index, name) {
    if (strcmp(json_string_value(name), "buildRootObject") == 0)
      return true;
  }
  return false;
}

static int append_to_buffer(const char *data, size_t size, void *buffer)
{
  return buffer_append(buffer, data, size) ? 0 : -1;
}

static enum vatd_code assemble(struct work *work, struct bytes code, struct bundler_result *result, struct error *error)
{
  json_t *exports = read_exports(work);
  result->has_root = names_root(exports);
  json_t *bundle = json_pack("{s:s, s:s%, s:o, s:[]}", "moduleFormat", "iife", "code", code.data, code.size, "exports",
                             exports, "external");
  if (!bundle)
    return error_set(error, VATD_INVALID, "the code is not valid UTF-8");
  int failed = json_dump_callback(bundle, append_to_buffer, &result->text, JSON_COMPACT);
  json_decref(bundle);
  return failed ? error_set(error, VATD_LIMIT, "the bundle is larger than %zu bytes", LIMIT_BUNDLE) : VATD_OK;
}

static enum vatd_code make(struct work *work, const char *path, struct bundler_result *result, struct error *error)
{
  struct buffer code_text;
  struct buffer escaped;
  enum vatd_code code = work_open(work, error);
  work->absolute = path[0] == '/';
  if (!code)
    code = make_module(work, path, &result->messages, error);
  if (!code)
    code = make_code(work, &result->messages, error);
  if (code)
    return code;
  buffer_init(&code_text, LIMIT_BUNDLE);
  buffer_init(&escaped, LIMIT_BUNDLE);
  code = read_code(work, &code_text, error);
  if (!code && !escape_code(buffer_bytes(&code_text), &escaped))
    code = error_set(error, VATD_LIMIT, "the bundle is larger than %zu bytes", LIMIT_BUNDLE);
  if (!code)
    code = assemble(work, buffer_bytes(&escaped), result, error);
  buffer_fini(&code_text);
  buffer_fini(&escaped);
  return code;
}

enum vatd_code bundler_make(const char *path, struct bundler_result *result, struct error *error)
{
  struct work work = {0};
  *result = (struct bundler_result){0};
  buffer_init(&result->text, LIMIT_BUNDLE);
  buffer_init(&result->messages, 64 * KIB);
  if (access(path, R_OK) != 0)
    return error_set_errno(error, VATD_NOT_FOUND, errno, "%s", path);
  enum vatd_code code = make(&work, path, result, error);
  if (code)
    error_wrap(error, "%s", path);
  work_close(&work);
  return code;
}

void bundler_result_fini(struct bundler_result *result)
{
  buffer_fini(&result->text);
  buffer_fini(&result->messages);
}
