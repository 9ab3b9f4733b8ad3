/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/main.c - the worker program: one process, one vat, one channel.
 *
 *   vat-worker --snapshot-fd N                            starts from the snapshot in descriptor N (a sealed memfd), once it is
 *                                                         in its sandbox
 *   vat-worker --snapshot-fd N --code-fd N                starts from the code image in the second one, the same way
 *   vat-worker --scripts BOOT.js SUPERVISOR.js            starts from the scripts
 *   vat-worker --program-fd N                             becomes the program in descriptor N: a vat that is no JavaScript
 *   vat-worker --write-snapshot FILE BOOT.js SUPERVISOR.js
 *                                                         runs the scripts and writes the snapshot (at build time)
 *
 * Before each of the first four may stand --allow-weak LAYER,...: parts of the sandbox that may be missing. Before the first two, behind that,
 * --place ADDRESS: where the heap is to lie that is read from a code image, or becomes one (heap_place.h).
 *
 * The channel to the kernel is descriptor 3. What a worker has to say about itself goes to stderr; what the vat says
 * goes into done frames. Exit statuses: vat/worker.h.
 */
#include "vat-worker/sandbox.h"
#include "vat-worker/script_vat.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum worker_exit usage(void)
{
  fprintf(stderr, "usage: vat-worker [--allow-weak LAYERS] [--place ADDRESS] --snapshot-fd N [--code-fd N]\n"
                  "       vat-worker [--allow-weak LAYERS] --scripts BOOT SUPERVISOR\n"
                  "       vat-worker [--allow-weak LAYERS] --program-fd N\n"
                  "       vat-worker --write-snapshot FILE BOOT SUPERVISOR\n");
  return WORKER_EXIT_USAGE;
}

static enum worker_exit complain(const struct error *error)
{
  fprintf(stderr, "vat-worker: %s\n", error->text);
  return WORKER_EXIT_ENGINE;
}

static enum worker_exit write_snapshot(struct host *host, const char *file, const char *boot, const char *supervisor)
{
  struct engine engine;
  struct error error;
  engine_init(&engine, host, (struct bytes){0});
  if (engine_open_scripts(&engine, boot, supervisor, &error) != VATD_OK)
    return complain(&error);
  enum vatd_code code = engine_write_snapshot(&engine, file, &error);
  engine_close(&engine);
  return code == VATD_OK ? WORKER_EXIT_OK : complain(&error);
}

/* An open descriptor from its number as text, or -1. */
static int open_fd(const char *number)
{
  char *rest;
  errno = 0;
  long fd = strtol(number, &rest, 10);
  bool valid = errno == 0 && *number != 0 && *rest == 0 && fd >= 0 && fd <= 65535;
  return valid && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd : -1;
}

/* The descriptor is shared with other workers: it is mapped, so that nobody's file offset moves. */
static enum vatd_code map_fd(const char *number, struct bytes *content, struct error *error)
{
  int fd = open_fd(number);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0)
    return error_set(error, VATD_INVALID, "no snapshot in descriptor %s", number);
  size_t size = (size_t)status.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return error_set_errno(error, VATD_IO, errno, "cannot map the snapshot");
  close(fd);
  *content = bytes_from(data, size);
  return VATD_OK;
}

/* Without a place it does as well: the worker only shares nothing. */
static void map_place(struct heap_place *place, const char *address, const char *code)
{
  struct error error;
  char *rest;
  uint64_t number = address ? strtoull(address, &rest, 16) : 0;
  int fd = code ? open_fd(code) : -1;
  *place = (struct heap_place){0};
  if (number && *rest == 0 && (!code || fd >= 0))
    heap_place_open(place, (uintptr_t)number, fd, &error);
}

/* `code` and `place` may be NULL. */
static enum vatd_code map_snapshots(struct engine *engine, struct host *host, const char *snapshot, const char *code,
                                    const char *place, struct error *error)
{
  struct heap_place mapped;
  struct bytes first;
  struct bytes second = {NULL, 0};
  map_place(&mapped, place, code);
  enum vatd_code result = map_fd(snapshot, &first, error);
  if (result == VATD_OK && code)
    result = map_fd(code, &second, error);
  if (result != VATD_OK)
    return result;
  engine_init(engine, host, first);
  engine->code = second;
  engine->place = mapped;
  engine->mapped = true;
  return VATD_OK;
}

static enum vatd_code open_scripts(struct engine *engine, struct host *host, const char *boot, const char *supervisor,
                                   struct error *error)
{
  engine_init(engine, host, (struct bytes){0});
  return engine_open_scripts(engine, boot, supervisor, error);
}

/* Whether a program has to be loaded by the system's loader, with libraries: it names that loader in a header of its own. */
static bool needs_libraries(int fd)
{
  Elf64_Ehdr file;
  Elf64_Phdr part;
  if (pread(fd, &file, sizeof file, 0) != sizeof file || memcmp(file.e_ident, ELFMAG, SELFMAG) != 0)
    return false;
  for (unsigned i = 0; i < file.e_phnum; i++) {
    off_t at = (off_t)(file.e_phoff + i * sizeof part);
    if (pread(fd, &part, sizeof part, at) == sizeof part && part.p_type == PT_INTERP)
      return true;
  }
  return false;
}

/* Returns only when it failed. The program gets the channel and nothing else: its own file is closed when it begins. */
static enum worker_exit become_program(const char *number, unsigned weak)
{
  char name[] = "vat";
  char *arguments[] = {name, NULL};
  char *no_environment[] = {NULL};
  struct error error;
  int fd = open_fd(number);
  if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    error_set(&error, VATD_INVALID, "no program in descriptor %s", number);
    return complain(&error);
  }
  struct sandbox sandbox = {.audience = SECCOMP_PROGRAM, .weak = weak, .libraries = needs_libraries(fd), .keep_fd = fd};
  if (sandbox_enter(&sandbox, &error) != VATD_OK) {
    complain(&error);
    return WORKER_EXIT_SANDBOX;
  }
  fexecve(fd, arguments, no_environment);
  return WORKER_EXIT_ENGINE; /* standard error is closed: vatd says what this status means */
}

static enum worker_exit serve(struct engine *engine, struct host *host, unsigned weak)
{
  struct sandbox sandbox = {.audience = SECCOMP_ENGINE, .weak = weak, .keep_fd = -1};
  struct error error;
  struct vatstore_cache cache;
  static struct crank crank; /* too large for a stack */
  struct worker_vat vat = script_vat(engine);
  struct worker worker;
  vatstore_cache_init(&cache);
  crank_init(&crank, &cache);
  worker_init(&worker, CHANNEL_FD, &vat, &crank);
  host->crank = &crank;

  /* All files are read or mapped, and not one byte of a vat is. */
  if (sandbox_enter(&sandbox, &error) != VATD_OK) {
    complain(&error);
    _exit(WORKER_EXIT_SANDBOX);
  }
  worker_be_silent(); /* writing is forbidden now: the exit status would be lost */
  enum worker_exit status = worker_serve(&worker);
  if (status != WORKER_EXIT_OK)
    _exit(status); /* a machine that was aborted is in no state to be taken down */
  worker_fini(&worker);
  crank_fini(&crank);
  vatstore_cache_fini(&cache);
  return status;
}

/* Takes `--allow-weak LAYERS` off the front. False: there is no such layer. */
static bool take_weak(int *argc, char ***argv, unsigned *weak)
{
  struct error error;
  *weak = 0;
  if (*argc < 3 || strcmp((*argv)[1], "--allow-weak") != 0)
    return true;
  if (sandbox_layers_parse((*argv)[2], weak, &error) != VATD_OK)
    return false;
  *argc -= 2;
  *argv += 2;
  return true;
}

/* Takes `--place ADDRESS` off the front. */
static const char *take_place(int *argc, char ***argv)
{
  if (*argc < 3 || strcmp((*argv)[1], "--place") != 0)
    return NULL;
  *argc -= 2;
  *argv += 2;
  return (*argv)[0];
}

/* Vats live in UTC: the machine's zone says where it stands, and it could not be read once the sandbox is entered. */
static void use_utc(void)
{
  setenv("TZ", "UTC0", 1);
  tzset();
}

int main(int argc, char **argv)
{
  struct host host;
  struct engine engine;
  struct error error;
  enum vatd_code code;
  unsigned weak;
  host_init(&host, NULL);
  use_utc();
  if (!take_weak(&argc, &argv, &weak))
    return (int)usage();
  const char *place = take_place(&argc, &argv);
  if (argc == 5 && strcmp(argv[1], "--write-snapshot") == 0)
    return (int)write_snapshot(&host, argv[2], argv[3], argv[4]);
  if (argc == 3 && strcmp(argv[1], "--program-fd") == 0)
    return (int)become_program(argv[2], weak);
  if (argc == 3 && strcmp(argv[1], "--snapshot-fd") == 0)
    code = map_snapshots(&engine, &host, argv[2], NULL, place, &error);
  else if (argc == 5 && strcmp(argv[1], "--snapshot-fd") == 0 && strcmp(argv[3], "--code-fd") == 0)
    code = map_snapshots(&engine, &host, argv[2], argv[4], place, &error);
  else if (argc == 4 && strcmp(argv[1], "--scripts") == 0)
    code = open_scripts(&engine, &host, argv[2], argv[3], &error);
  else
    return (int)usage();
  if (code != VATD_OK)
    return (int)complain(&error);
  enum worker_exit status = serve(&engine, &host, weak);
  engine_close(&engine);
  host_fini(&host);
  _exit((int)status); /* what runs at exit may need system calls that are gone */
}
