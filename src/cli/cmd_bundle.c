/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_bundle.c - `vat bundle`: which files are bundled, and where the bundles go. */
#include "base/memory.h"
#include "cli/bundler.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
  size_t size = strlen(text);
  size_t end_size = strlen(end);
  return size > end_size && strcmp(text + size - end_size, end) == 0;
}

/* X.js, X.ts, X.mjs -> X.bundle. The caller frees it. */
static char *sibling_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(path, '.');
  bool has_suffix = dot && dot > (slash ? slash + 1 : path);
  return memory_printf("%.*s.bundle", has_suffix ? (int)(dot - path) : (int)strlen(path), path);
}

/* Under another name first, so that a reader finds a whole bundle or none. */
static enum vatd_code write_file(const char *path, struct bytes text, struct error *error)
{
  char *temporary = memory_printf("%s.%d.new", path, (int)getpid());
  FILE *file = fopen(temporary, "wbe");
  bool good = file && fwrite(text.data, 1, text.size, file) == text.size;
  good = file && fclose(file) == 0 && good;
  good = good && rename(temporary, path) == 0;
  enum vatd_code code = good ? VATD_OK : error_set_errno(error, VATD_IO, errno, "cannot write %s", path);
  if (!good)
    unlink(temporary);
  free(temporary);
  return code;
}

static enum cli_exit write_bundle(struct cli *cli, const char *out, struct bytes text)
{
  struct error error;
  if (strcmp(out, "-") == 0) {
    fwrite(text.data, 1, text.size, stdout);
    return CLI_OK;
  }
  if (write_file(out, text, &error)) {
    cli_complain(cli, "%s", error.text);
    return CLI_FAILED;
  }
  fputs("Wrote ", stderr);
  output_write(stderr, bytes_of(out), OUTPUT_FIELD);
  fprintf(stderr, ": %zu bytes\n", text.size);
  return CLI_OK;
}

static void tell(struct cli *cli, const struct bundler_result *result, const struct error *error)
{
  if (result->messages.size)
    output_write(stderr, buffer_bytes(&result->messages), cli->terminal_err ? OUTPUT_LINES : OUTPUT_RAW);
  else
    cli_complain(cli, "%s", error->text);
}

static enum cli_exit bundle_file(struct cli *cli, const char *path)
{
  struct bundler_result result;
  struct error error;
  enum vatd_code code = bundler_make(path, &result, &error);
  enum cli_exit outcome = cli_exit_of(code);
  if (code) {
    tell(cli, &result, &error);
  } else {
    char *out = cli->options[OPTION_OUT] ? memory_strdup(cli->options[OPTION_OUT]) : sibling_of(path);
    if (!result.has_root)
      cli_complain(cli, "%s: warning: it exports no buildRootObject, so it is no vat", path);
    outcome = write_bundle(cli, out, buffer_bytes(&result.text));
    free(out);
  }
  bundler_result_fini(&result);
  return outcome;
}

/* --- directories --- */

static int is_source(const struct dirent *entry)
{
  const char *name = entry->d_name;
  return name[0] != '.' && (ends_with(name, ".js") || ends_with(name, ".ts")) && !ends_with(name, ".d.ts");
}

/* All of them, also after one has failed; the first failure is the result. */
static enum cli_exit bundle_directory(struct cli *cli, const char *directory)
{
  struct dirent **entries;
  enum cli_exit result = CLI_OK;
  int count = scandir(directory, &entries, is_source, alphasort);
  if (count < 0) {
    cli_complain(cli, "%s: %s", directory, strerror(errno));
    return CLI_FAILED;
  }
  for (int i = 0; i < count; i++) {
    char *path = memory_printf("%s/%s", directory, entries[i]->d_name);
    enum cli_exit one = bundle_file(cli, path);
    result = result ? result : one;
    free(path);
    free(entries[i]);
  }
  free(entries);
  if (count == 0)
    cli_complain(cli, "%s: no *.js or *.ts in it", directory);
  return result;
}

enum cli_exit cmd_bundle(struct cli *cli)
{
  enum cli_exit result = CLI_OK;
  for (size_t i = 0; i < cli->operand_count; i++) {
    struct stat status;
    const char *path = cli->operands[i];
    bool is_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (cli->options[OPTION_OUT] && (cli->operand_count > 1 || is_directory))
      return cli_usage(cli, "--out goes with one FILE");
    enum cli_exit one = is_directory ? bundle_directory(cli, path) : bundle_file(cli, path);
    result = result ? result : one;
  }
  return result;
}
