/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_words.c - the command line of `vat`: words, separated by NUL. They make sense, or are a usage error. */
#include "base/check.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Complaints are written for nobody. */
static void be_quiet(void)
{
  static FILE *nowhere;
  if (!nowhere && (nowhere = fopen("/dev/null", "w")))
    stderr = nowhere;
}

static int split(char *text, size_t size, char **words)
{
  int count = 0;
  words[count++] = (char *)"vat";
  for (size_t at = 0; at < size && count < MOST_WORDS; at += strlen(text + at) + 1)
    words[count++] = text + at;
  words[count] = NULL;
  return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *words[MOST_WORDS + 1];
  char *text = memory_alloc(size + 1);
  struct cli cli = {0};
  be_quiet();
  memcpy(text, data, size);
  text[size] = '\0';
  int count = split(text, size, words);
  enum cli_exit result = arguments_parse(&cli, count, words);
  CHECK(result == CLI_OK || result == CLI_USAGE);
  if (result == CLI_OK && cli.verb) {
    result = arguments_check(&cli);
    CHECK(result == CLI_OK || result == CLI_USAGE);
    CHECK(result == CLI_USAGE || (int)cli.operand_count >= cli.verb->least);
  }
  free(text);
  return 0;
}
