/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_seeds.c - writes what the fuzzers begin with, one file per seed:
 *
 *     fuzz_seeds DIRECTORY      makes DIRECTORY/frames and so on, one directory for each target
 */
#include "base/limits.h"
#include "base/memory.h"
#include "snapshot.h"
#include "vat-worker/image.h"
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
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\",\"globals\":[\"fetch\",\"setTimeout\"],"
    "\"network\":{\"allowedHosts\":[\"example.org\"],\"timeoutMs\":5,\"maxBytes\":9}}}}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\",\"limits\":{\"computrons\":1000000,\"heapBytes\":99999999,"
    "\"deadlineMs\":10,\"reapInterval\":1},\"faults\":{\"strikes\":1,\"crashes\":0,\"then\":\"terminate\"}}}}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\"}},\"io\":{\"c\":{\"type\":\"listen\",\"direction\":\"inout\","
    "\"unit\":\"line\"},\"d\":{\"type\":\"file\"}},\"services\":[\"a\",\"b\"]}",
    "{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"programSpec\":\"x\",\"globals\":[\"Date\"]},\"b\":{\"kernelObjects\":{}}}}",
    "{\"vats\":{}}",
    "[]",
};

static const char *const daemon_configs[] = {
    "{\"allowedGlobalNames\":[\"setTimeout\",\"fetch\"]}",
    "{\"systemSubclusters\":[{\"name\":\"s\",\"config\":{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"bundleSpec\":\"x\"}}}}]}",
    "{}",
    "{\n\"unknown\":[]}",
};

#define CALL(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}\n"

static const char *const requests[] = {
    CALL("ping", "[]") CALL("getStatus", "{}") CALL("listVats", "[]") "\n\r\n",
    CALL("launchSubcluster", "{\"config\":{\"bootstrap\":\"a\",\"vats\":{\"a\":{\"sourceSpec\":\"file:///a.js\"}}},"
                             "\"idempotencyKey\":\"k\",\"uniqueNames\":true}"),
    CALL("queueMessage", "[\"v1\",\"go\",[1,{\"$ref\":\"ko1\"},{\"$bigint\":\"12\"}]]"),
    CALL("queueMessage", "{\"target\":\"ko1\",\"method\":\"go\",\"args\":{\"body\":\"#[1,2]\",\"slots\":[\"ko1\"]}}"),
    CALL("terminateVat", "[\"v1\"]") CALL("terminateSubcluster", "[\"s1\"]") CALL("terminateAllVats", "{\"idempotencyKey\":\"k\"}"),
    CALL("pingVat", "[\"v1\"]") CALL("restartVat", "[\"v1\"]") CALL("resumeVat", "[\"v1\"]") CALL("killVat", "[\"v1\"]"),
    CALL("showVat", "[\"v1\"]") CALL("readVatStore", "{\"vat\":\"v1\",\"prefix\":\"a\",\"after\":\"b\",\"limit\":5}"),
    CALL("revoke", "[\"ko1\"]") CALL("isRevoked", "[\"ko1\"]") CALL("pinObject", "[\"ko1\"]") CALL("releaseObject", "[\"ko1\"]"),
    CALL("registerServiceObject", "[\"clock\",\"ko1\"]") CALL("collectGarbage", "[]") CALL("clearState", "[]"),
    CALL("followLog", "{\"lines\":3,\"follow\":true}") CALL("shutdown", "[]"),
    "[" CALL("ping", "[]") "]\n5\nnull\n{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n",
};

/* Words, each ended by '|', which stands for NUL. */
static const char *const words[] = {
    "run|a.js|--name|a|",  "run|--config=c.json|--key|k|", "call|v1|go|-3|--|--raw|", "-h|", "log|-fn5|", "log|-n|5|-f|",
    "--home|/x|ls|-ojson|", "store|v1|--prefix|p|",         "reset|--force|",          "sql|SELECT 1|-o|text|",
    "help|call|",           "cal|",                         "-|-1|--version|",         "bundle|a.js|--out|b|"};

/* key|value|…, where '|' stands for NUL. */
static const char *const rows[] = {
    "ko1.owner|v9|ko1.refCount|1,1|",
    "ko2.refCount|18446744073709551615,0|",
    "ko1.revoked|true|ko2.owner|kernel|",
    "kp1.state|fulfilled|kp1.value|{\"body\":\"#1\",\"slots\":[\"ko1\"]}|",
    "kp2.decider|v2|kp2.subscribers|[\"v1\",\"v2\"]|kp2.refCount|3|",
    "queue.run.head|1|queue.run.tail|9|",
    "queue.run.head|2|queue.run.tail|1|queue.run.1|{\"type\":\"send\",\"target\":\"ko1\",\"message\":{\"methargs\":{\"body\":\"#[\\\"x\\\",[]]\",\"slots\":[]},\"result\":\"kp1\"}}|",
    "queue.run.1|{\"type\":\"notify\",\"endpointId\":\"v1\",\"kpid\":\"kp1\"}|queue.run.head|2|queue.run.tail|1|",
    "queue.kp1.1|{}|queue.kp1.head|2|queue.kp1.tail|1|",
    "v1.c.ko1|R o+0|v1.c.o+0|ko2|",
    "v1.c.ko2|_ o-7|v1.c.o-7|ko2|v2.c.kp1|R p-3|v2.c.p-3|kp1|",
    "e.nextObjectId.v1|0|e.nextPromiseId.v1|x|",
    "vat.v1|{\"name\":\"alice\",\"subcluster\":\"s1\",\"bundle\":\"00\",\"root\":\"ko1\"}|vatConfig.v1|{\"bundleSpec\":\"x\"}|",
    "vat.v2|\177|live.v2|1|",
    "subcluster.s1|{\"id\":\"s1\",\"config\":{},\"vats\":{\"alice\":\"v1\"},\"state\":\"launching\",\"bootstrapResult\":\"kp1\"}|",
    "gcAction.v1.dropExport.ko1|1|gcAction.v2.retireImport.ko2|1|reap.v1|1|",
    "suspended.v1|{\"cause\":\"x\"}|queue.v1.head|2|queue.v1.tail|1|queue.v1.1|[]|",
    "ending.v2|{\"detail\":\"x\"}|strikes.v1|2|crashes.v1|99999999999999999999|",
    "storage.v1|10,1,most|storage.v2|0,0,exact|storage.v3|1,exact|",
    "host.ko1|1|host.kp1|1|kernelService.clock|ko1|ko1.service|clock|service.call.kp1|{}|",
    "idempotency.key.key|{\"promise\":\"kp1\"}|idempotency.at.1|key|idempotency.head|1|idempotency.tail|0|kp1.idempotency|key|",
    "nextVatId|0|nextObjectId|18446744073709551615|nextPromiseId|-1|nextSubclusterId|1|",
    "image.v2|\177|imageBytes|\177|",
    "image.v2|{\"hash\":\"00\",\"bytes\":5}|imageBytes|5|",
    "image.v1|{\"hash\":\"3b9b876408d803b5330bf9c29381d308cf268fccd4df217e1e6997dc667b1c8e\",\"bytes\":-1}|imageBytes|18446744073709551615|",
    "bundleRefs.00|0|vatName.alice/v1|1|ko1.importer.v2|1|",
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

/* Texts in which '|' stands for NUL. */
static void write_lists(const char *directory, const char *kind, const char *const *texts, size_t count)
{
  make_directory(directory, kind);
  for (size_t i = 0; i < count; i++) {
    char *text = memory_strdup(texts[i]);
    size_t size = strlen(text);
    for (char *c = text; c < text + size; c++)
      *c = *c == '|' ? '\0' : *c;
    write_seed(directory, kind, i, bytes_of(""), bytes_from(text, size));
    free(text);
  }
}

static void write_script(const char *directory, const char *kind, size_t n, const struct buffer *frame)
{
  struct bytes payload = bytes_after(buffer_bytes(frame), FRAME_HEADER_SIZE);
  char size[2] = {(char)(payload.size >> 8), (char)payload.size};
  write_seed(directory, kind, n, bytes_from(size, 2), payload);
}

#define BYTES(literal) {literal, sizeof(literal) - 1}

/* Legal things that a vat may do in answer to a message: alice has o+0 and o-1, the result is p-1. */
static void write_syscalls(const char *directory)
{
  static struct bytes slots[] = {BYTES("o+0"), BYTES("o-1"), BYTES("p+5")};
  static struct resolution resolutions[] = {
      {.vpid = BYTES("p-1"), .data = {BYTES("#[\"$0\",\"$1\"]"), {slots, 2}}},
      {.vpid = BYTES("p+5"), .rejected = true, .data = {BYTES("#\"no\""), {NULL, 0}}},
  };
  static struct vat_syscall calls[] = {
      {.type = SYSCALL_SEND, .message = {BYTES("o-1"), {BYTES("#[\"go\",[\"$0\",\"$1\"]]"), {slots, 2}}, BYTES("p+5")}},
      {.type = SYSCALL_SEND, .message = {BYTES("p+5"), {BYTES("#[\"go\",[]]"), {NULL, 0}}, {NULL, 0}}},
      {.type = SYSCALL_SUBSCRIBE, .vpid = BYTES("p+5")},
      {.type = SYSCALL_RESOLVE, .resolutions = {resolutions, 1}},
      {.type = SYSCALL_RESOLVE, .resolutions = {resolutions, 2}},
      {.type = SYSCALL_DROP_IMPORTS, .vrefs = {slots + 1, 1}},
      {.type = SYSCALL_RETIRE_IMPORTS, .vrefs = {slots + 1, 1}},
      {.type = SYSCALL_RETIRE_EXPORTS, .vrefs = {slots, 1}},
      {.type = SYSCALL_ABANDON_EXPORTS, .vrefs = {slots, 1}},
      {.type = SYSCALL_SUBSCRIBE, .vpid = BYTES("p-1")},
      {.type = SYSCALL_EXIT, .info = {BYTES("#\"bye\""), {NULL, 0}}},
  };
  enum { COUNT = sizeof calls / sizeof *calls };
  for (size_t first = 0; first < COUNT; first++) {
    for (size_t count = 1; count <= 3 && first + count <= COUNT; count++) {
      struct done_frame done = {.id = 1, .status = DONE_OK, .syscalls = calls + first, .syscall_count = count};
      struct buffer frame;
      buffer_init(&frame, LIMIT_FRAME_FROM_WORKER);
      if (frame_encode_done(&frame, &done))
        write_script(directory, "done", 100 + 3 * first + count, &frame);
      buffer_fini(&frame);
    }
  }
}

/* The done frames, each behind its size, as what a vat answers with. */
static void write_scripts(const char *directory)
{
  make_directory(directory, "done");
  for (size_t i = 0; i < wire_frame_count(); i++) {
    struct buffer frame;
    buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
    if (wire_frame_encode(i, &frame) == FRAME_DONE)
      write_script(directory, "done", i, &frame);
    buffer_fini(&frame);
  }
  write_syscalls(directory);
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

/* Heaps that are mostly the snapshot, mostly not, and long; each as it stands and without what fuzz_image puts before it. */
static void write_images(const char *directory)
{
  static char heap[64 * KIB];
  static const size_t sizes[] = {1, 3 * KIB, 5 * KIB, sizeof heap};
  struct bytes snapshot = fuzz_snapshot();
  make_directory(directory, "image");
  memcpy(heap + 7, snapshot.data, snapshot.size);
  for (size_t n = 0; n < 2 * sizeof sizes / sizeof *sizes; n++) {
    struct error error;
    struct buffer image;
    char how[] = {(char)(n % 2), (char)(n % 2 + 2)};
    buffer_init(&image, MIB);
    if (image_pack(&image, bytes_from(heap, sizes[n / 2]), n % 2 ? snapshot : (struct bytes){0}, &error) == VATD_OK) {
      write_seed(directory, "image", 2 * n, bytes_from(how, 1), buffer_bytes(&image));
      write_seed(directory, "image", 2 * n + 1, bytes_from(how + 1, 1), bytes_after(buffer_bytes(&image), 16));
    }
    buffer_fini(&image);
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
  write_scripts(argv[1]);
  write_images(argv[1]);
  write_texts(argv[1], "capdata", smallcaps, sizeof smallcaps / sizeof *smallcaps);
  write_texts(argv[1], "config", configs, sizeof configs / sizeof *configs);
  write_texts(argv[1], "vatdjson", daemon_configs, sizeof daemon_configs / sizeof *daemon_configs);
  write_texts(argv[1], "rpc", requests, sizeof requests / sizeof *requests);
  write_lists(argv[1], "words", words, sizeof words / sizeof *words);
  write_lists(argv[1], "records", rows, sizeof rows / sizeof *rows);
  return 0;
}
