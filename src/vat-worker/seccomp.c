/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/seccomp.c - see seccomp.h.
 *
 * The filter is straight-line code: the architecture must be ours and the call no x32 one; then the rules, one after the other.
 * A rule that does not match falls through to the next; at the end the process is killed. Arguments have 64 bits and the filter
 * sees 32 at a time: both halves are compared, and the upper one must be 0 wherever an argument is looked at.
 */
#include "vat-worker/seccomp.h"

#include "base/check.h"

#include <asm/mman.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the sandbox is written for x86-64 and aarch64"
#endif

#define BOTH (SECCOMP_ENGINE | SECCOMP_PROGRAM)
#define MOST_CONDITIONS 2

/* The argument, of which only the bits of `mask` count, is `value`. */
struct condition {
  bool used;
  unsigned argument;
  uint32_t mask;
  uint32_t value;
};

struct rule {
  int call;
  unsigned audiences;
  struct condition conditions[MOST_CONDITIONS]; /* all of them; a call with several rules needs one of them */
};

#define IS(argument, value) {true, argument, ~0u, (uint32_t)(value)}
#define HAS_ONLY(argument, bits) {true, argument, ~(uint32_t)(bits), 0}
#define HAS_BESIDE(argument, bits, value) {true, argument, ~(uint32_t)(bits), (uint32_t)(value)}

/* Flags of a mapping that change nothing of what it is. */
#define HARMLESS_FLAGS (MAP_FIXED | MAP_NORESERVE | MAP_STACK | MAP_FIXED_NOREPLACE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define DATA (PROT_READ | PROT_WRITE)

static const struct rule rules[] = {
    /* The channel. */
    {SYS_read, BOTH, {IS(0, CHANNEL_FD)}},
    {SYS_sendto, BOTH, {IS(0, CHANNEL_FD), IS(4, 0)}},
    /* Memory: private, from nowhere, never executable. */
    {SYS_brk, BOTH, {{0}}},
    {SYS_mmap, BOTH, {HAS_ONLY(2, DATA), HAS_BESIDE(3, HARMLESS_FLAGS, ANONYMOUS)}},
    {SYS_mprotect, BOTH, {HAS_ONLY(2, DATA)}},
    {SYS_munmap, BOTH, {{0}}},
    {SYS_mremap, BOTH, {HAS_ONLY(3, MREMAP_MAYMOVE)}},
    {SYS_madvise, BOTH, {IS(2, MADV_DONTNEED)}},
    {SYS_madvise, BOTH, {IS(2, MADV_FREE)}},
    /* Time, where the machine has no vDSO for it. */
    {SYS_clock_gettime, BOTH, {{0}}},
    /* Random bytes, for vats that were given `crypto`. */
    {SYS_getrandom, BOTH, {{0}}},
    /* The end: exit(), abort(). */
    {SYS_exit, BOTH, {{0}}},
    {SYS_exit_group, BOTH, {{0}}},
    {SYS_getpid, BOTH, {{0}}},
    {SYS_gettid, BOTH, {{0}}},
    {SYS_rt_sigprocmask, BOTH, {{0}}},
    {SYS_tgkill, BOTH, {IS(2, SIGABRT)}},
    /* A program: how it is loaded (read-only files of its own root, which has the system's libraries or nothing) ... */
    {SYS_execveat, SECCOMP_PROGRAM, {IS(4, AT_EMPTY_PATH)}},
    {SYS_openat, SECCOMP_PROGRAM, {HAS_ONLY(2, O_CLOEXEC)}},
    {SYS_read, SECCOMP_PROGRAM, {{0}}},
    {SYS_pread64, SECCOMP_PROGRAM, {{0}}},
    {SYS_newfstatat, SECCOMP_PROGRAM, {{0}}},
    {SYS_fstat, SECCOMP_PROGRAM, {{0}}},
    {SYS_close, SECCOMP_PROGRAM, {{0}}},
    {SYS_faccessat, SECCOMP_PROGRAM, {{0}}},
    {SYS_readlinkat, SECCOMP_PROGRAM, {{0}}},
#ifdef SYS_access
    {SYS_access, SECCOMP_PROGRAM, {{0}}},
    {SYS_readlink, SECCOMP_PROGRAM, {{0}}},
    {SYS_arch_prctl, SECCOMP_PROGRAM, {{0}}},
#endif
    {SYS_mmap, SECCOMP_PROGRAM, {HAS_ONLY(2, DATA), HAS_BESIDE(3, HARMLESS_FLAGS | MAP_DENYWRITE, MAP_PRIVATE)}},
    {SYS_mmap, SECCOMP_PROGRAM, {HAS_ONLY(2, PROT_READ | PROT_EXEC), HAS_BESIDE(3, HARMLESS_FLAGS | MAP_DENYWRITE, MAP_PRIVATE)}},
    {SYS_set_tid_address, SECCOMP_PROGRAM, {{0}}},
    {SYS_set_robust_list, SECCOMP_PROGRAM, {{0}}},
    {SYS_rseq, SECCOMP_PROGRAM, {{0}}},
    {SYS_prlimit64, SECCOMP_PROGRAM, {IS(0, 0), IS(2, 0)}},
    /* ... and what its C library does for it. */
    {SYS_futex, SECCOMP_PROGRAM, {IS(1, FUTEX_WAIT_PRIVATE)}},
    {SYS_futex, SECCOMP_PROGRAM, {IS(1, FUTEX_WAKE_PRIVATE)}},
    {SYS_rt_sigaction, SECCOMP_PROGRAM, {{0}}},
    {SYS_rt_sigreturn, SECCOMP_PROGRAM, {{0}}},
    {SYS_sigaltstack, SECCOMP_PROGRAM, {{0}}},
    {SYS_write, SECCOMP_PROGRAM, {{0}}}, /* to standard error, if --allow-weak-sandbox=stderr left it open */
#ifdef VATD_SANITIZED
    /* What the sanitizers do, in builds that nobody runs but us. */
    {SYS_write, BOTH, {{0}}},
    {SYS_mmap, BOTH, {HAS_ONLY(2, DATA), {0}}},
    {SYS_sigaltstack, BOTH, {{0}}},
    {SYS_rt_sigaction, BOTH, {{0}}},
    {SYS_futex, BOTH, {{0}}},
    {SYS_sched_yield, BOTH, {{0}}},
    {SYS_getrlimit, BOTH, {{0}}},
    {SYS_prlimit64, BOTH, {{0}}},
    {SYS_openat, BOTH, {{0}}},
    {SYS_open, BOTH, {{0}}},
    {SYS_close, BOTH, {{0}}},
    {SYS_readlink, BOTH, {{0}}},
    {SYS_madvise, BOTH, {{0}}},
    {SYS_sched_getaffinity, BOTH, {{0}}},
    {SYS_personality, BOTH, {{0}}},
    {SYS_ioctl, BOTH, {{0}}},
    {SYS_prctl, BOTH, {{0}}},
    {SYS_sysinfo, BOTH, {{0}}},
    {SYS_uname, BOTH, {{0}}},
#endif
};

struct program {
  struct sock_filter *code;
  size_t size;
};

static void add(struct program *program, struct sock_filter instruction)
{
  CHECK(program->size < LIMIT_FILTER);
  program->code[program->size++] = instruction;
}

static void load(struct program *program, size_t offset)
{
  add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void end_with(struct program *program, uint32_t verdict)
{
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* Goes on if the loaded word is `value`, else past the rule; `past` is how many instructions of the rule are left after it. */
static void expect(struct program *program, uint32_t value, size_t past)
{
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)past));
}

#define CONDITION_SIZE 5

static void add_condition(struct program *program, const struct condition *condition, size_t after)
{
  size_t argument = offsetof(struct seccomp_data, args) + condition->argument * sizeof(uint64_t); /* little-endian halves */
  load(program, argument + sizeof(uint32_t));
  expect(program, 0, after + 3);
  load(program, argument);
  add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition->mask));
  expect(program, condition->value, after);
}

static void add_rule(struct program *program, const struct rule *rule)
{
  size_t left = 1; /* the verdict */
  for (size_t i = 0; i < MOST_CONDITIONS; i++)
    left += rule->conditions[i].used ? CONDITION_SIZE : 0;
  load(program, offsetof(struct seccomp_data, nr));
  expect(program, (uint32_t)rule->call, left);
  for (size_t i = 0; i < MOST_CONDITIONS; i++) {
    if (!rule->conditions[i].used)
      continue;
    left -= CONDITION_SIZE;
    add_condition(program, &rule->conditions[i], left);
  }
  end_with(program, SECCOMP_RET_ALLOW);
}

size_t seccomp_filter(enum seccomp_audience audience, struct sock_filter filter[LIMIT_FILTER])
{
  struct program program = {filter, 0};
  load(&program, offsetof(struct seccomp_data, arch));
  add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
  end_with(&program, SECCOMP_RET_KILL_PROCESS);
#ifdef X32_BIT
  load(&program, offsetof(struct seccomp_data, nr));
  add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  end_with(&program, SECCOMP_RET_KILL_PROCESS);
#endif
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (rules[i].audiences & audience)
      add_rule(&program, &rules[i]);
  }
  end_with(&program, SECCOMP_RET_KILL_PROCESS);
  return program.size;
}

enum vatd_code seccomp_enter(enum seccomp_audience audience, struct error *error)
{
  struct sock_filter filter[LIMIT_FILTER];
  struct sock_fprog program = {.filter = filter};
  program.len = (unsigned short)seccomp_filter(audience, filter);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
    return VATD_OK;
  return error_set_errno(error, VATD_IO, errno, "seccomp: the filter is refused");
}
