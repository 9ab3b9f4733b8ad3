/* SPDX-License-Identifier: Apache-2.0 */
/* cli/database_check.c - see database_check.h. The looking is the daemon program's: this one knows nothing of databases. */
#include "base/limits.h"
#include "cli/database_check.h"
#include "cli/launcher.h"
#include "cli/output.h"

#include <string.h>

enum { CHECK_CLEAN = 0, CHECK_DAMAGED = 1 }; /* the status of `vatd --check` */

/* All lines but the last, which says that it is the last. NULL: it is not there. */
static json_t *parse_lines(const char *text)
{
  json_t *findings = json_array();
  for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
    json_t *line = json_loadb(text, (size_t)(end - text), 0, NULL);
    if (json_object_get(line, "findings")) {
      json_decref(line);
      return findings;
    }
    json_array_append_new(findings, line);
  }
  json_decref(findings);
  return NULL;
}

static void tell(struct cli *cli, const struct buffer *errors, int status)
{
  size_t size = errors->size;
  while (size && errors->data[size - 1] == '\n')
    size--;
  if (size)
    cli_complain(cli, "%.*s", (int)size, errors->data);
  else
    cli_complain(cli, "the check ended with status %d, without a word", status);
}

json_t *database_check(struct cli *cli, const char *file)
{
  struct buffer lines;
  struct buffer errors;
  struct error error = {0};
  json_t *findings = NULL;
  int status = 0;
  buffer_init(&lines, 256 * MIB);
  buffer_init(&errors, 64 * KIB);
  if (launcher_check(file, &lines, &errors, &status, &error))
    cli_complain(cli, "%s", error.text);
  else if (status == CHECK_CLEAN || status == CHECK_DAMAGED)
    findings = parse_lines(buffer_text(&lines));
  if (!findings && !error.code)
    tell(cli, &errors, status);
  buffer_fini(&lines);
  buffer_fini(&errors);
  return findings;
}

static void print_text(FILE *file, const json_t *finding, const char *member)
{
  const json_t *text = json_object_get(finding, member);
  output_write(file, bytes_from(json_string_value(text), json_string_length(text)), OUTPUT_FIELD);
}

void database_check_print(FILE *file, const json_t *findings)
{
  size_t i;
  json_t *finding;
  json_array_foreach((json_t *)findings, i, finding) {
    print_text(file, finding, "table");
    putc('\t', file);
    print_text(file, finding, "key");
    putc('\t', file);
    print_text(file, finding, "what");
    putc('\n', file);
  }
}
