/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/replay.c - feeds the files of a corpus to a fuzz target, without a fuzzer. Says TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay(const char *directory, const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  uint8_t *data = malloc(1 << 20);
  size_t size = file && data ? fread(data, 1, 1 << 20, file) : 0;
  if (!file || !data)
    exit(2);
  fclose(file);
  uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees the first byte too many */
  if (!exact)
    exit(2);
  memcpy(exact, data, size);
  free(data);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  replayed++;
}

int main(int argc, char **argv)
{
  const char *directory = argc > 1 ? argv[1] : FUZZ_CORPUS;
  struct dirent **entries;
  int count = scandir(directory, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    if (entries[i]->d_name[0] != '.')
      replay(directory, entries[i]->d_name);
    free(entries[i]);
  }
  if (count >= 0)
    free(entries);
  printf("%s 1 - %zu inputs of %s are harmless\n1..1\n", replayed ? "ok" : "not ok", replayed, FUZZ_TARGET);
  return replayed == 0;
}
