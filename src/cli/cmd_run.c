/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cmd_run.c - `vat run`: from files, or from a cluster configuration, to running vats.
 *
 * The daemon may run in another directory, so every file is named to it as an absolute file: URL. It bundles source
 * itself.
 */
#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- files --- */

/* The caller frees it. */
static char *file_url(const char *path)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  struct buffer url;
  buffer_init(&url, 64 * KIB);
  buffer_append_text(&url, "file://");
  for (const char *c = path; *c; c++)
    buffer_printf(&url, strchr(plain, *c) ? "%c" : "%%%02X", (unsigned char)*c);
  return buffer_detach(&url);
}

/* The URL of an existing file; NULL, and said, when there is none. The caller frees it. */
static char *url_of_file(struct cli *cli, const char *path)
{
  char *resolved = realpath(path, NULL);
  if (!resolved || access(resolved, R_OK) != 0) {
    cli_complain(cli, "%s: %s", path, strerror(errno));
    free(resolved);
    return NULL;
  }
  char *url = file_url(resolved);
  free(resolved);
  return url;
}

static bool ends_with(const char *text, const char *end)
{
  size_t size = strlen(text);
  size_t end_size = strlen(end);
  return size > end_size && strcmp(text + size - end_size, end) == 0;
}

/* Whether the file is an executable: a vat in C. */
static bool is_program(const char *path)
{
  char head[4] = {0};
  FILE *file = fopen(path, "re");
  size_t count = file ? fread(head, 1, sizeof head, file) : 0;
  if (file)
    fclose(file);
  return count == sizeof head && memcmp(head, "\177ELF", sizeof head) == 0;
}

/* "sourceSpec" or "bundleSpec" by the file's name, "programSpec" by its content, NULL when it is none. */
static const char *kind_of(const char *path)
{
  static const char *const sources[] = {".js", ".ts", ".mjs", ".mts"};
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    if (ends_with(path, sources[i]))
      return "sourceSpec";
  }
  if (ends_with(path, ".bundle"))
    return "bundleSpec";
  return is_program(path) ? "programSpec" : NULL;
}

/* The file's name without directory and last suffix. The caller frees it. */
static char *base_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *name = memory_strdup(slash ? slash + 1 : path);
  char *dot = strrchr(name, '.');
  if (dot && dot != name)
    *dot = '\0';
  return name;
}

/* --- a configuration from files --- */

static enum cli_exit add_vat(struct cli *cli, json_t *vats, const char *path, const char *name)
{
  const char *kind = kind_of(path);
  if (!kind)
    return cli_usage(cli, "%s: a vat is a .js, .ts, .mjs, .mts or .bundle file, or an executable", path);
  if (json_object_get(vats, name))
    return cli_usage(cli, "two vats would be called \"%s\"", name);
  char *url = url_of_file(cli, path);
  if (!url)
    return CLI_NOT_FOUND;
  bool good = json_object_set_new(vats, name, json_pack("{s:s}", kind, url)) == 0;
  free(url);
  return good ? CLI_OK : cli_usage(cli, "%s: the name must be valid UTF-8", path);
}

static enum cli_exit config_from_files(struct cli *cli, json_t **config)
{
  json_t *vats = json_object();
  char *first = NULL;
  enum cli_exit result = CLI_OK;
  for (size_t i = 0; !result && i < cli->operand_count; i++) {
    const char *given = cli->options[OPTION_NAME];
    char *name = given ? memory_strdup(given) : base_name(cli->operands[i]);
    result = add_vat(cli, vats, cli->operands[i], name);
    if (first)
      free(name);
    else
      first = name;
  }
  if (!result)
    *config = json_pack("{s:s, s:O}", "bootstrap", first, "vats", vats);
  json_decref(vats);
  free(first);
  return result;
}

/* --- a configuration from a file --- */

/* Turns a relative file name into a URL; URLs stay as they are. */
static enum cli_exit resolve_spec(struct cli *cli, json_t *vat, const char *kind, const char *directory)
{
  const char *spec = json_string_value(json_object_get(vat, kind));
  if (!spec || strstr(spec, "://"))
    return CLI_OK;
  char *path = spec[0] == '/' ? memory_strdup(spec) : memory_printf("%s/%s", directory, spec);
  char *url = url_of_file(cli, path);
  free(path);
  if (!url)
    return CLI_NOT_FOUND;
  json_object_set_new(vat, kind, json_string(url));
  free(url);
  return CLI_OK;
}

static enum cli_exit resolve_specs(struct cli *cli, json_t *config, const char *directory)
{
  static const char *const specs[] = {"sourceSpec", "bundleSpec", "programSpec"};
  enum cli_exit result = CLI_OK;
  const char *name;
  json_t *vat;
  json_object_foreach(json_object_get(config, "vats"), name, vat) {
    for (size_t i = 0; !result && i < sizeof specs / sizeof *specs; i++)
      result = resolve_spec(cli, vat, specs[i], directory);
  }
  return result;
}

static enum cli_exit config_from_config(struct cli *cli, json_t **config)
{
  json_error_t said;
  const char *path = cli->options[OPTION_CONFIG];
  if (access(path, R_OK) != 0) {
    cli_complain(cli, "%s: %s", path, strerror(errno));
    return CLI_NOT_FOUND;
  }
  json_t *loaded = json_load_file(path, JSON_REJECT_DUPLICATES, &said);
  if (!json_is_object(loaded)) {
    if (loaded)
      cli_complain(cli, "%s: a cluster configuration is a JSON object", path);
    else
      cli_complain(cli, "%s:%d:%d: %s", path, said.line, said.column, said.text);
    json_decref(loaded);
    return CLI_FAILED;
  }
  char *copy = memory_strdup(path);
  enum cli_exit result = resolve_specs(cli, loaded, dirname(copy));
  free(copy);
  if (result)
    json_decref(loaded);
  else
    *config = loaded;
  return result;
}

/* --- what came of it --- */

/* The vats of a subcluster; a new reference. */
static enum cli_exit list_launched(struct cli *cli, const json_t *launched, json_t **vats)
{
  const char *subcluster = json_string_value(json_object_get(launched, "subclusterId"));
  size_t index;
  json_t *vat;
  json_t *all;
  enum cli_exit result = cli_call(cli, "listVats", json_array(), &all);
  if (result)
    return result;
  *vats = json_array();
  json_array_foreach(all, index, vat) {
    const char *of = json_string_value(json_object_get(vat, "subcluster"));
    if (of && subcluster && strcmp(of, subcluster) == 0)
      json_array_append(*vats, vat);
  }
  json_decref(all);
  return CLI_OK;
}

static void print_vats(const json_t *vats)
{
  struct output_table *table = output_table_new(3);
  size_t index;
  json_t *vat;
  json_array_foreach(vats, index, vat) {
    output_table_add_json(table, json_object_get(vat, "name"));
    output_table_add_json(table, json_object_get(vat, "id"));
    output_table_add_json(table, json_object_get(vat, "root"));
  }
  output_table_write(table, stdout);
  output_table_free(table);
}

static enum cli_exit print_launched(struct cli *cli, json_t *launched)
{
  json_t *vats;
  enum cli_exit result = list_launched(cli, launched, &vats);
  if (result)
    return result;
  if (cli->json) {
    json_object_set(launched, "vats", vats);
    output_json(stdout, launched, cli->terminal_out);
  } else {
    print_vats(vats);
  }
  json_decref(vats);
  return CLI_OK;
}

static enum cli_exit make_config(struct cli *cli, json_t **config)
{
  bool has_config = cli->options[OPTION_CONFIG] != NULL;
  if (has_config && cli->operand_count)
    return cli_usage(cli, "either FILEs or --config");
  if (!has_config && !cli->operand_count)
    return cli_usage(cli, "which FILE shall run?");
  if (cli->options[OPTION_NAME] && (has_config || cli->operand_count > 1))
    return cli_usage(cli, "--name goes with one FILE");
  return has_config ? config_from_config(cli, config) : config_from_files(cli, config);
}

enum cli_exit cmd_run(struct cli *cli)
{
  json_t *config = NULL;
  json_t *launched;
  enum cli_exit result = make_config(cli, &config);
  if (result)
    return result;
  cli_progress(cli, "launching %zu vat%s", json_object_size(json_object_get(config, "vats")),
               json_object_size(json_object_get(config, "vats")) == 1 ? "" : "s");
  json_t *params = json_pack("{s:o, s:b}", "config", config, "uniqueNames", true);
  if (cli->options[OPTION_KEY])
    json_object_set_new(params, "idempotencyKey", json_string(cli->options[OPTION_KEY]));
  cli->subject = cli->options[OPTION_CONFIG];
  result = cli_call(cli, "launchSubcluster", params, &launched);
  if (result)
    return result;
  result = print_launched(cli, launched);
  json_decref(launched);
  return result;
}
