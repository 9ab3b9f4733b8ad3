/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/store_files.c - see store_files.h. */
#include "store_files.h"
#include "base/check.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const suffixes[PARTS] = {"", "-sums", "-wal"};

static void take_part(const char *path, enum part part, struct files *files)
{
  char *name = memory_printf("%s%s", path, suffixes[part]);
  FILE *file = fopen(name, "rb");
  if (file) {
    CHECK(fseek(file, 0, SEEK_END) == 0);
    files->size[part] = (size_t)ftell(file);
    files->data[part] = memory_alloc(files->size[part] + 1);
    rewind(file);
    CHECK(fread(files->data[part], 1, files->size[part], file) == files->size[part]);
    fclose(file);
  }
  free(name);
}

void files_take(const char *path, struct files *files)
{
  *files = (struct files){0};
  for (int i = 0; i < PARTS; i++)
    take_part(path, (enum part)i, files);
}

static void put_part(const char *path, enum part part, const struct files *files)
{
  char *name = memory_printf("%s%s", path, suffixes[part]);
  unlink(name);
  if (files->data[part]) {
    FILE *file = fopen(name, "wb");
    CHECK(file && fwrite(files->data[part], 1, files->size[part], file) == files->size[part]);
    CHECK(fclose(file) == 0);
  }
  free(name);
}

void files_put(const char *path, const struct files *files)
{
  for (int i = 0; i < PARTS; i++)
    put_part(path, (enum part)i, files);
}

struct files files_copy(const struct files *files)
{
  struct files copy = *files;
  for (int i = 0; i < PARTS; i++) {
    if (files->data[i]) {
      copy.data[i] = memory_alloc(files->size[i] + 1);
      memcpy(copy.data[i], files->data[i], files->size[i]);
    }
  }
  return copy;
}

void files_replace_part(struct files *files, enum part part, const struct files *other)
{
  struct files copy = files_copy(other);
  free(files->data[part]);
  files->data[part] = copy.data[part];
  files->size[part] = copy.size[part];
  copy.data[part] = NULL;
  files_free(&copy);
}

void files_free(struct files *files)
{
  for (int i = 0; i < PARTS; i++)
    free(files->data[i]);
}
