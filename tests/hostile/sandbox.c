/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/hostile/sandbox.c - what a worker can do to the machine, tried out.
 *
 *   probe_sandbox DIRECTORY        the probes are in DIRECTORY; speaks TAP
 *
 * Each case starts a probe (probe.h) by the kernel's own way (worker/process.h), lets it enter the sandbox, and has it make one
 * system call. It dies of SIGSYS, or says what the call returned. `golden` is the documented list (docs/sandbox.md; the
 * scenario sandbox.sh compares the two), with arguments that are let through and such that are not.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "probe.h"
#include "vat-worker/seccomp.h"
#include "worker/process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HIGHEST_CALL 600
#define X32_BIT 0x40000000
#define FUZZED 10000

/* ---- one probe ---- */

enum fate { ANSWERED, VIOLATED, ENDED };

struct probe {
  struct worker_process *worker;
  bool entered;
  enum fate fate;
  long result;
  bool waiting;
  char detail[200];
};

static struct probe probe;
static uv_loop_t loop;
static struct worker_host host;
static int number;
static int failures;

static void verdict(bool good, const char *sentence, const char *detail)
{
  number++;
  failures += !good;
  printf("%s %d - %s\n", good ? "ok" : "not ok", number, sentence);
  if (!good && detail)
    printf("#   %s\n", detail);
}

static void skip(const char *sentence, const char *layer)
{
  printf("ok %d - %s # SKIP %s\n", ++number, sentence, layer);
}

static void on_frame(void *context, uint64_t worker, struct bytes payload)
{
  struct probe_answer answer = {0};
  (void)context, (void)worker;
  if (payload.size == sizeof answer)
    memcpy(&answer, payload.data, sizeof answer);
  probe.result = (long)answer.result;
  probe.fate = ANSWERED;
  probe.waiting = false;
}

static void on_end(void *context, uint64_t worker, enum worker_end end, const char *detail)
{
  (void)context, (void)worker;
  probe.worker = NULL;
  probe.fate = end == WORKER_VIOLATION ? VIOLATED : ENDED;
  snprintf(probe.detail, sizeof probe.detail, "%s", detail);
  probe.waiting = false;
}

static void wait_for_probe(void)
{
  while (probe.waiting)
    uv_run(&loop, UV_RUN_ONCE);
}

static void tell(const struct probe_command *command)
{
  struct buffer frame;
  uint32_t size = sizeof *command;
  buffer_init(&frame, sizeof size + sizeof *command);
  buffer_append(&frame, &size, sizeof size);
  buffer_append(&frame, command, sizeof *command);
  probe.waiting = true;
  worker_process_send(probe.worker, &frame, false, 0);
  wait_for_probe();
}

static void start(enum seccomp_audience audience)
{
  struct error error;
  struct worker_code code = {.fd = -1};
  if (worker_process_spawn(&host, 1, &code, GIB, &probe.worker, &error) != VATD_OK) {
    fprintf(stderr, "%s\n", error.text);
    exit(1);
  }
  tell(&(struct probe_command){.kind = PROBE_ENTER, .number = audience});
  if (probe.fate != ANSWERED) {
    fprintf(stderr, "the probe did not enter the sandbox: %s\n", probe.detail);
    exit(1);
  }
}

static void stop(void)
{
  if (probe.worker)
    worker_process_stop(probe.worker);
  probe.worker = NULL;
  uv_run(&loop, UV_RUN_NOWAIT);
}

/* What becomes of a probe that makes this call. */
static enum fate attempt(enum seccomp_audience audience, const struct probe_command *command)
{
  if (!probe.worker)
    start(audience);
  tell(command);
  return probe.fate;
}

static void use(const char *directory, const char *name, unsigned layers)
{
  stop();
  free(host.program);
  host.program = memory_printf("%s/%s", directory, name);
  host.sandbox = (struct sandbox_state){
      .active = layers, .weak = SANDBOX_ALL & ~layers & ~SANDBOX_STDERR, .landlock_abi = host.sandbox.landlock_abi};
}

/* ---- the list ---- */

#define P PROBE_POINTER
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define ENGINE SECCOMP_ENGINE
#define PROGRAM SECCOMP_PROGRAM
#define BOTH (ENGINE | PROGRAM)

struct golden {
  const char *name;
  long call;
  unsigned audiences;
  uint64_t passes[PROBE_ARGUMENTS];
  bool ends; /* the process, when it is let through */
};

static const struct golden golden[] = {
    {"read", SYS_read, BOTH, {3, 0, 0}},
    {"sendto", SYS_sendto, BOTH, {3, 0, 0, MSG_DONTWAIT, 0, 0}},
    {"brk", SYS_brk, BOTH, {0}},
    {"mmap", SYS_mmap, BOTH, {0, 4096, PROT_READ | PROT_WRITE, PRIVATE, ~0ull, 0}},
    {"mprotect", SYS_mprotect, BOTH, {0, 0, PROT_READ}},
    {"munmap", SYS_munmap, BOTH, {0}},
    {"mremap", SYS_mremap, BOTH, {0, 0, 0, MREMAP_MAYMOVE}},
    {"madvise", SYS_madvise, BOTH, {0, 0, MADV_DONTNEED}},
    {"clock_gettime", SYS_clock_gettime, BOTH, {CLOCK_MONOTONIC, P}},
    {"exit", SYS_exit, BOTH, {0}, true},
    {"exit_group", SYS_exit_group, BOTH, {0}, true},
    {"getpid", SYS_getpid, BOTH, {0}},
    {"gettid", SYS_gettid, BOTH, {0}},
    {"rt_sigprocmask", SYS_rt_sigprocmask, BOTH, {SIG_BLOCK, 0, 0, 8}},
    {"tgkill", SYS_tgkill, BOTH, {0, 0, SIGABRT}},
    {"execveat", SYS_execveat, PROGRAM, {~0ull, P, 0, 0, AT_EMPTY_PATH}},
    {"openat", SYS_openat, PROGRAM, {~0ull, P, O_RDONLY}},
    {"pread64", SYS_pread64, PROGRAM, {~0ull}},
    {"newfstatat", SYS_newfstatat, PROGRAM, {~0ull}},
    {"fstat", SYS_fstat, PROGRAM, {~0ull}},
    {"close", SYS_close, PROGRAM, {~0ull}},
    {"faccessat", SYS_faccessat, PROGRAM, {~0ull}},
    {"readlinkat", SYS_readlinkat, PROGRAM, {~0ull}},
#ifdef SYS_access
    {"access", SYS_access, PROGRAM, {0}},
    {"readlink", SYS_readlink, PROGRAM, {0}},
    {"arch_prctl", SYS_arch_prctl, PROGRAM, {0}},
#endif
    {"set_tid_address", SYS_set_tid_address, PROGRAM, {0}},
    {"set_robust_list", SYS_set_robust_list, PROGRAM, {0}},
    {"rseq", SYS_rseq, PROGRAM, {0}},
    {"prlimit64", SYS_prlimit64, PROGRAM, {0, 3, 0, 0}},
    {"getrandom", SYS_getrandom, BOTH, {0}},
    {"futex", SYS_futex, PROGRAM, {0, FUTEX_WAKE_PRIVATE}},
    {"rt_sigaction", SYS_rt_sigaction, PROGRAM, {SIGUSR1, 0, 0, 8}},
    {"rt_sigreturn", SYS_rt_sigreturn, PROGRAM, {0}, true},
    {"sigaltstack", SYS_sigaltstack, PROGRAM, {0}},
    {"write", SYS_write, PROGRAM, {~0ull}},
};

#define GOLDEN (sizeof golden / sizeof golden[0])

static const struct golden *golden_of(long call, enum seccomp_audience audience)
{
  for (size_t i = 0; i < GOLDEN; i++) {
    if (golden[i].call == call && golden[i].audiences & audience)
      return &golden[i];
  }
  return NULL;
}

static struct probe_command command_of(long call, const uint64_t *arguments)
{
  struct probe_command command = {.kind = PROBE_CALL, .number = call};
  if (arguments)
    memcpy(command.arguments, arguments, sizeof command.arguments);
  return command;
}

/* Newer Linux lets these two pass by every filter, for its own tracing. Who calls them himself gets SIGILL, or ENXIO. */
static bool is_trampoline(long call)
{
  return call == 335 || call == 336;
}

/* Every number once; numbers of the list with arguments that pass. Names the first that is not as it should be. */
static bool sweep_is_golden(enum seccomp_audience audience, long offset, char *wrong, size_t size)
{
  for (long call = 0; call <= HIGHEST_CALL; call++) {
    const struct golden *known = offset ? NULL : golden_of(call, audience);
    struct probe_command command = command_of(call + offset, known ? known->passes : NULL);
    enum fate fate = attempt(audience, &command);
    bool good = known ? fate == (known->ends ? ENDED : ANSWERED) : fate == VIOLATED || is_trampoline(call);
    if (!good) {
      snprintf(wrong, size, "system call %ld: fate %d, in the list: %s", call + offset, (int)fate, known ? "yes" : "no");
      return false;
    }
  }
  return true;
}

static void test_list(enum seccomp_audience audience, const char *whose)
{
  char wrong[200] = "";
  char sentence[200];
  snprintf(sentence, sizeof sentence, "%s can make exactly the documented system calls, of 0 to %d", whose, HIGHEST_CALL);
  verdict(sweep_is_golden(audience, 0, wrong, sizeof wrong), sentence, wrong);
#ifdef __x86_64__
  snprintf(sentence, sizeof sentence, "%s can make none of the x32 calls", whose);
  verdict(sweep_is_golden(audience, X32_BIT, wrong, sizeof wrong), sentence, wrong);
  enum fate fate = attempt(audience, &(struct probe_command){.kind = PROBE_INTERRUPT, .number = 20});
  snprintf(sentence, sizeof sentence, "%s cannot go through int 0x80", whose);
  verdict(fate != ANSWERED, sentence, "it was answered");
#endif
}

/* ---- attempts by name ---- */

struct deed {
  const char *name;
  long call;
  uint64_t arguments[PROBE_ARGUMENTS];
  const char *data;
};

static const struct deed forbidden[] = {
    {"open a file", SYS_openat, {(uint64_t)AT_FDCWD, P, O_RDWR}, "/etc/passwd"},
    {"openat2", 437, {(uint64_t)AT_FDCWD, P, P, 24}, "/etc/passwd"},
    {"make a file", SYS_openat, {(uint64_t)AT_FDCWD, P, O_CREAT | O_WRONLY, 0600}, "/file"},
    {"statx", SYS_statx, {(uint64_t)AT_FDCWD, P, 0, 0xfff, P}, "/"},
    {"a TCP socket", SYS_socket, {AF_INET, SOCK_STREAM}, ""},
    {"a Unix socket", SYS_socket, {AF_UNIX, SOCK_STREAM}, ""},
    {"a netlink socket", SYS_socket, {AF_NETLINK, SOCK_RAW}, ""},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, P}, ""},
    {"ptrace", SYS_ptrace, {PTRACE_ATTACH, 1}, ""},
    {"process_vm_readv", SYS_process_vm_readv, {1, P, 1, P, 1}, ""},
    {"kill", SYS_kill, {1, SIGKILL}, ""},
    {"another signal", SYS_tgkill, {1, 1, SIGKILL}, ""},
    {"clone", SYS_clone, {SIGCHLD}, ""},
    {"clone3", SYS_clone3, {P, 64}, ""},
    {"execve", SYS_execve, {P, P, P}, "/bin/sh"},
    {"execveat of a path", SYS_execveat, {(uint64_t)AT_FDCWD, P, P, P, 0}, "/bin/sh"},
    {"executable memory", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, PRIVATE, ~0ull}, ""},
    {"making memory executable", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, ""},
    {"shared memory", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, ~0ull}, ""},
    {"memfd_create", SYS_memfd_create, {P, 0}, "x"},
    {"io_uring_setup", SYS_io_uring_setup, {1, P}, ""},
    {"userfaultfd", SYS_userfaultfd, {0}, ""},
    {"bpf", SYS_bpf, {0, P, 48}, ""},
    {"keyctl", SYS_keyctl, {0}, ""},
    {"perf_event_open", SYS_perf_event_open, {P}, ""},
    {"mount", SYS_mount, {P, P, P}, "/"},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}, ""},
    {"setns", SYS_setns, {3, 0}, ""},
    {"pidfd_open", SYS_pidfd_open, {1, 0}, ""},
    {"prctl", SYS_prctl, {3}, ""},
    {"setrlimit", SYS_prlimit64, {0, 7, P, 0}, ""},
    {"ioctl", SYS_ioctl, {3, 0x5412, P}, ""},
    {"sending a descriptor", SYS_sendmsg, {3, P, 0}, ""},
    {"futex requeue", SYS_futex, {P, FUTEX_REQUEUE_PRIVATE, 1, 1, P}, ""},
};

#define FORBIDDEN (sizeof forbidden / sizeof forbidden[0])

static enum fate do_deed(enum seccomp_audience audience, const struct deed *deed)
{
  struct probe_command command = command_of(deed->call, deed->arguments);
  snprintf(command.data, sizeof command.data, "%s", deed->data);
  return attempt(audience, &command);
}

static void test_forbidden(enum seccomp_audience audience, const char *whose, const char *when)
{
  char sentence[200];
  for (size_t i = 0; i < FORBIDDEN; i++) {
    enum fate fate = do_deed(audience, &forbidden[i]);
    snprintf(sentence, sizeof sentence, "%s is killed for: %s%s", whose, forbidden[i].name, when);
    verdict(fate == VIOLATED, sentence, "it went on");
  }
}

/* ---- arguments ---- */

/* By the words of the documentation, not by the filter's own logic. */
static bool mapping_is_allowed(const uint64_t *arguments)
{
  uint64_t harmless = MAP_FIXED | MAP_NORESERVE | MAP_STACK | MAP_FIXED_NOREPLACE;
  return (arguments[2] & ~(uint64_t)(PROT_READ | PROT_WRITE)) == 0 && (arguments[3] & ~harmless) == PRIVATE;
}

static uint64_t random_bits(unsigned *seed, uint64_t base)
{
  uint64_t one = 1ull << (rand_r(seed) % 64);
  uint64_t two = 1ull << (rand_r(seed) % 64);
  switch (rand_r(seed) % 4) {
  case 0:
    return base;
  case 1:
    return base ^ one;
  case 2:
    return base ^ one ^ two;
  default:
    return (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11 ^ (uint64_t)rand_r(seed);
  }
}

static void test_arguments(void)
{
  const char *given = getenv("SEED");
  unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  int count = getenv("NIGHTLY") && *getenv("NIGHTLY") ? FUZZED : FUZZED / 10;
  int refused = 0;
  char wrong[200] = "";
  printf("# seed %u\n", seed);
  for (int i = 0; i < count && !*wrong; i++) {
    uint64_t protection = random_bits(&seed, PROT_READ | PROT_WRITE);
    uint64_t flags = random_bits(&seed, PRIVATE) & ~(uint64_t)MAP_FIXED;
    bool mapping = rand_r(&seed) % 2;
    uint64_t arguments[PROBE_ARGUMENTS] = {0, mapping ? 4096 : 0, protection, flags, ~0ull, 0};
    struct probe_command command = command_of(mapping ? SYS_mmap : SYS_mprotect, arguments);
    bool allowed = mapping ? mapping_is_allowed(arguments) : (protection & ~(uint64_t)(PROT_READ | PROT_WRITE)) == 0;
    enum fate fate = attempt(SECCOMP_ENGINE, &command);
    refused += fate == VIOLATED;
    if (fate != (allowed ? ANSWERED : VIOLATED))
      snprintf(wrong, sizeof wrong, "%s with protection %#llx and flags %#llx: fate %d", mapping ? "mmap" : "mprotect",
               (unsigned long long)protection, (unsigned long long)flags, (int)fate);
  }
  verdict(!*wrong && refused > 0 && refused < count, "mmap and mprotect look at every bit of protection and flags", wrong);
  printf("# figure %d random mappings tried, %d refused\n", count, refused);
}

/* ---- layers on their own ---- */

static bool call_fails_with(long call, const uint64_t *arguments, const char *data, long expected)
{
  struct probe_command command = command_of(call, arguments);
  snprintf(command.data, sizeof command.data, "%s", data);
  return attempt(SECCOMP_ENGINE, &command) == ANSWERED && probe.result == -expected;
}

#define FAILS(expected, data, call, ...) \
  call_fails_with(call, (uint64_t[PROBE_ARGUMENTS]){__VA_ARGS__}, data, expected)

static long socket_of_probe(void)
{
  struct probe_command command = command_of(SYS_socket, (uint64_t[PROBE_ARGUMENTS]){AF_INET, SOCK_STREAM});
  return attempt(SECCOMP_ENGINE, &command) == ANSWERED ? probe.result : -1;
}

/* A connection to a port of this machine on which somebody listens. */
static bool connecting_fails_with(long expected)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool listens = bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0 &&
                 getsockname(listener, (struct sockaddr *)&address, &size) == 0;
  long fd = socket_of_probe();
  if (fd < 0) { /* no descriptor to be had at all: as good */
    close(listener);
    return listens && (fd == -EMFILE || fd == -1);
  }
  struct probe_command command = command_of(SYS_connect, (uint64_t[PROBE_ARGUMENTS]){(uint64_t)fd, P, sizeof address});
  memcpy(command.data, &address, sizeof address);
  bool failed = attempt(SECCOMP_ENGINE, &command) == ANSWERED && probe.result == -expected;
  close(listener);
  return listens && failed;
}

static void test_namespaces_alone(const char *directory)
{
  uint64_t us = (uint64_t)getpid();
  use(directory, "probe_without_both", SANDBOX_NAMESPACES | SANDBOX_STDERR);
  verdict(FAILS(ENOENT, "/etc/passwd", SYS_access, P, R_OK), "without seccomp and Landlock there is no file", NULL);
  verdict(FAILS(ENOENT, "/proc/self/status", SYS_access, P, R_OK), "... no /proc", NULL);
  verdict(FAILS(EROFS, "/made", SYS_mkdirat, (uint64_t)AT_FDCWD, P, 0700), "... nothing can be made", NULL);
  verdict(FAILS(ESRCH, "", SYS_kill, us, 0), "... no other process is there", NULL);
  verdict(FAILS(ESRCH, "", SYS_ptrace, PTRACE_ATTACH, us), "... none to be traced", NULL);
  verdict(FAILS(EPERM, "/", SYS_mount, P, P, P), "... nothing can be mounted", NULL);
  verdict(connecting_fails_with(ENETUNREACH), "... no address can be reached", NULL);
  if (geteuid() != 0)
    verdict(FAILS(EAGAIN, "", SYS_clone, SIGCHLD), "... and no process can be made", NULL);
  else
    skip("... and no process can be made", "rlimits do not count root's processes");
  stop();
}

static void test_landlock_alone(const char *directory)
{
  use(directory, "probe_without_seccomp", SANDBOX_LANDLOCK | SANDBOX_STDERR);
  verdict(FAILS(EMFILE, "/etc/passwd", SYS_openat, (uint64_t)AT_FDCWD, P, O_RDONLY) ||
              FAILS(EACCES, "/etc/passwd", SYS_openat, (uint64_t)AT_FDCWD, P, O_RDONLY),
          "without seccomp and namespaces no file can be opened", NULL);
  verdict(FAILS(EACCES, "/tmp/vatd-made", SYS_mkdirat, (uint64_t)AT_FDCWD, P, 0700), "... nothing can be made", NULL);
  verdict(FAILS(EPERM, "", SYS_ptrace, PTRACE_ATTACH, (uint64_t)getpid()), "... nobody can be traced", NULL);
  if (host.sandbox.landlock_abi >= 6)
    verdict(FAILS(EPERM, "", SYS_kill, (uint64_t)getpid(), 0), "... nobody gets a signal", NULL);
  else
    skip("... nobody gets a signal", "landlock ABI 6");
  verdict(connecting_fails_with(EACCES), "... and no address can be reached", NULL);
}

/* ---- the start ---- */

static double milliseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static double median_start(int count)
{
  double *taken = memory_zalloc((size_t)count * sizeof *taken);
  for (int i = 0; i < count; i++) {
    double from = milliseconds();
    start(SECCOMP_ENGINE);
    taken[i] = milliseconds() - from;
    stop();
  }
  qsort(taken, (size_t)count, sizeof *taken, by_value);
  double median = taken[count / 2];
  free(taken);
  return median;
}

static void measure_start(const char *directory)
{
  int count = 100;
  use(directory, "probe_without_both", SANDBOX_STDERR);
  double bare = median_start(count);
  use(directory, "probe_all", SANDBOX_ALL);
  double whole = median_start(count);
  printf("# figure the sandbox adds %.2f ms to a start (median of %d: %.2f ms with it, %.2f ms without its layers)\n",
         whole - bare, count, whole, bare);
}

/* ---- many of them ---- */

static int entries_of(const char *directory)
{
  int count = 0;
  DIR *open = opendir(directory);
  for (struct dirent *entry = open ? readdir(open) : NULL; entry; entry = readdir(open))
    count += entry->d_name[0] != '.';
  if (open)
    closedir(open);
  return count;
}

/* Children, dead ones too, as the machine knows them. */
static int children(void)
{
  char path[64];
  int count = 0;
  int pid;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  while (file && fscanf(file, "%d", &pid) == 1)
    count++;
  if (file)
    fclose(file);
  return count;
}

/* Descriptors, threads and children of this process, which is as a kernel to its workers. */
struct possessions {
  int descriptors;
  int threads;
  int children;
};

static struct possessions possessions(void)
{
  return (struct possessions){entries_of("/proc/self/fd"), entries_of("/proc/self/task"), children()};
}

static bool same(struct possessions a, struct possessions b)
{
  return a.descriptors == b.descriptors && a.threads == b.threads && a.children == b.children;
}

static void come_and_go(int count)
{
  for (int i = 0; i < count; i++) {
    start(SECCOMP_ENGINE);
    stop();
  }
  while (uv_run(&loop, UV_RUN_ONCE)) /* until all are reaped and their handles closed */
    ;
}

static void test_many(const char *directory, unsigned layers)
{
  int count = getenv("NIGHTLY") && *getenv("NIGHTLY") ? 10000 : 300;
  use(directory, "probe_all", layers);
  come_and_go(10);
  struct possessions before = possessions();
  come_and_go(count);
  struct possessions after = possessions();
  verdict(same(before, after), "workers that come and go leave nothing behind", "descriptors, threads or children are left");
  int left = dup(STDERR_FILENO);
  verdict(!same(before, possessions()), "a descriptor that is left behind would be seen", NULL);
  close(left);
  printf("# figure %d workers came and went: %d descriptors, %d threads, %d children before and after\n", count,
         after.descriptors, after.threads, after.children);
}

static void print_list(void)
{
  for (size_t i = 0; i < GOLDEN; i++)
    printf("%s%s\n", golden[i].name, golden[i].audiences == PROGRAM ? " (program)" : "");
}

static void test_all(const char *directory, const struct sandbox_state *machine)
{
  bool namespaces = machine->active & SANDBOX_NAMESPACES;
  bool landlock = machine->active & SANDBOX_LANDLOCK;
#ifndef VATD_SANITIZED
  use(directory, "probe_all", machine->active);
  if (machine->active & SANDBOX_SECCOMP) {
    test_list(SECCOMP_ENGINE, "the engine");
    stop();
    test_list(SECCOMP_PROGRAM, "a program");
    stop();
    test_forbidden(SECCOMP_ENGINE, "a worker", "");
    test_arguments();
    use(directory, "probe_without_landlock", SANDBOX_SECCOMP | SANDBOX_STDERR);
    test_forbidden(SECCOMP_ENGINE, "a worker", ", also without namespaces and Landlock");
  } else {
    skip("the engine can make exactly the documented system calls", "seccomp");
  }
#else
  (void)test_list, (void)test_forbidden, (void)test_arguments; /* the sanitizers need more calls than the list has */
#endif
  if (namespaces)
    test_namespaces_alone(directory);
  else
    skip("namespaces on their own keep files, network and processes away", "namespaces");
  host.sandbox.landlock_abi = machine->landlock_abi;
  if (landlock)
    test_landlock_alone(directory);
  else
    skip("Landlock on its own keeps files and network away", "landlock");
  if (namespaces && landlock) {
    measure_start(directory);
    test_many(directory, machine->active);
  }
}

int main(int argc, char **argv)
{
  struct sandbox_state machine;
  struct error error;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    print_list();
    return 0;
  }
  if (argc != 2) {
    fprintf(stderr, "usage: probe_sandbox DIRECTORY | --list\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  uv_loop_init(&loop);
  host = (struct worker_host){
      .loop = &loop, .snapshot_fd = -1, .boot = "", .supervisor = "", .deadline_ms = 60000, .on_frame = on_frame, .on_end = on_end};
  sandbox_probe(SANDBOX_ALL, &machine, &error);
  machine.active |= SANDBOX_STDERR;
  test_all(argv[1], &machine);
  stop();
  free(host.program);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  printf("1..%d\n", number);
  return failures > 0;
}
