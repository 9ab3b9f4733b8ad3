/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_seeds.c - writes what the fuzzers begin with, one file per seed:
 *
 *     fuzz_seeds DIRECTORY      makes DIRECTORY/frames, DIRECTORY/smallcaps, DIRECTORY/config
 */
#include "base/limits.h"
#include "base/memory.h"
#include "wire_frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const smallcaps[] = {
    "#[\"go\",[1,-2.5,true,null,\"text\"]]",
    "#{\"a\":\"!escaped\",\"b\":\"+12\",\"c\":\"-12\",\"d\":\"#undefined\"}",
    "#[\"#NaN\",\"#Infinity\",\"#-Infinity\",\"%name\",\"%@@iterator\",\"$0.Alleged: thing\",\"&1\",\"$2\"]",
    "#{\"#error\":\"no\",\"name\":\"TypeError\",\"errorId\":\"error:1\"}",
    "#{\"#tag\":\"copySet\",\"payload\":[1]}",
    "#{\"!#tag\":1,\"\\u0000\":\"\\ud83d\\ude00\"}",
    "{\"target\":{\"$ref\":\"ko7\"},\"n\":{\"$bigint\":\"-120\"},\"list\":[[[{}]]]}",
    "[\"!\",\"$0\",\"&0\",{\"#tag\":1},{\"$ref\":\"kp3\"}]",
};

static const char *const configs[] = {
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"file:///a.bundle\"}}}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"sourceSpec\":\"a.js\",\"parameters\":{\"name\":\"a\"}}}}",
    "{\"bootstrap\":\"b\",\"vats\":{\"b\":{\"bundleName\":\"b\"}},\"bundles\":{\"b\":{\"bundleSpec\":\"b\"}}}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\",\"globals\":[\"Date\"]}},\"forceReset\":true}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\"}},\"services\":[\"clock\"]}",
    "{\"bootstrap\":\"b\",\"vats\":{\"b\":{\"bundleSpec\":\"x\",\"platformConfig\":{\"fetch\":{}}}},\"io\":{\"c\":{}}}",
    "{\"vats\":{}}",
    "[]",
};

static void write_seed(const char *directory, const char *kind, size_t n, struct bytes head, struct bytes rest)
{
  char *path = memory_printf("%s/%s/%zu", directory, kind, n);
  FILE *file = fopen(path, "w");
  if (!file || fwrite(head.data, 1, head.size, file) != head.size ||
      fwrite(rest.data, 1, rest.size, file) != rest.size || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
  free(path);
}

static void make_directory(const char *directory, const char *kind)
{
  char *path = memory_printf("%s/%s", directory, kind);
  if (mkdir(path, 0777) != 0 && errno != EEXIST) {
    perror(path);
    exit(1);
  }
  free(path);
}

static void write_texts(const char *directory, const char *kind, const char *const *texts, size_t count)
{
  make_directory(directory, kind);
  for (size_t i = 0; i < count; i++)
    write_seed(directory, kind, i, bytes_of(""), bytes_of(texts[i]));
}

static void write_frames(const char *directory)
{
  make_directory(directory, "frames");
  for (size_t i = 0; i < wire_frame_count(); i++) {
    struct buffer frame;
    buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
    char type = (char)(wire_frame_encode(i, &frame) - FRAME_INIT);
    write_seed(directory, "frames", i, bytes_from(&type, 1), bytes_after(buffer_bytes(&frame), FRAME_HEADER_SIZE));
    buffer_fini(&frame);
  }
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 2;
  }
  write_frames(argv[1]);
  write_texts(argv[1], "smallcaps", smallcaps, sizeof smallcaps / sizeof *smallcaps);
  write_texts(argv[1], "config", configs, sizeof configs / sizeof *configs);
  return 0;
}
