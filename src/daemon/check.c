/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/check.c - see check.h. Keys may be any bytes: what is not UTF-8 becomes U+FFFD. */
#include "daemon/check.h"
#include "base/buffer.h"
#include "base/limits.h"

#include <stdio.h>
#include <vatd/vatd.h>

enum { CHECK_CLEAN = 0, CHECK_DAMAGED = 1, CHECK_FAILED = 3 };

/* Byte by byte only where the text as a whole is not UTF-8. */
static json_t *text_json(struct bytes text)
{
  if (bytes_are_utf8(text))
    return json_stringn(text.data ? text.data : "", text.size);
  struct buffer mended;
  buffer_init(&mended, 3 * text.size + 1);
  for (size_t i = 0; i < text.size; i++) {
    if ((unsigned char)text.data[i] < 0x80)
      buffer_append(&mended, text.data + i, 1);
    else
      buffer_append_text(&mended, "\xef\xbf\xbd");
  }
  json_t *json = json_stringn(buffer_text(&mended), mended.size);
  buffer_fini(&mended);
  return json;
}

static void print(json_t *line)
{
  json_dumpf(line, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(line);
}

static void print_finding(void *context, const struct vatd_finding *finding)
{
  (void)context;
  print(json_pack("{s:s, s:o, s:o}", "table", finding->table, "key", text_json(bytes_from(finding->key, finding->key_size)),
                  "what", text_json(bytes_of(finding->what))));
}

int check_run(const char *database)
{
  struct vatd_error error;
  size_t count = 0;
  if (vatd_check(database, print_finding, NULL, &count, &error) != VATD_OK) {
    fprintf(stderr, "%s\n", error.text);
    return CHECK_FAILED;
  }
  print(json_pack("{s:I}", "findings", (json_int_t)count));
  if (fflush(stdout) != 0) {
    perror("vatd: standard output");
    return CHECK_FAILED;
  }
  return count ? CHECK_DAMAGED : CHECK_CLEAN;
}
