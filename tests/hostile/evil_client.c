/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evil_client SOCKET PID VAT [MIB]: attacks a daemon through its control socket and says TAP. VAT has a method `wait` that
 * never answers. After each attack a client that has done nothing must be answered. With MIB, the daemon's memory may not have
 * grown by more than that at any time.
 *
 * Beside all attacks another process asks `ping` all the time; how long its answers take is told, and they must come.
 */
#include "cases.h"
#include "wire.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"

static int number;
static int failures;

static void verdict(const char *name, const char *wrong)
{
  printf("%s %d - %s\n", wrong ? "not ok" : "ok", ++number, name);
  if (wrong)
    printf("#   %s\n", wrong);
  failures += wrong != NULL;
  fflush(stdout);
}

/* ---- the witness ---- */

enum { SAMPLES = 1 << 18 };

static double now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_times(const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Asks until `stop` is closed. */
static _Noreturn void witness(const char *socket, int stop)
{
  static double times[SAMPLES];
  size_t count = 0;
  struct wire wire;
  struct pollfd end = {stop, POLLIN, 0};
  bool good = wire_open(&wire, socket);
  while (good && count < SAMPLES && poll(&end, 1, 1) == 0) {
    double from = now_ms();
    good = wire_send(&wire, PING, strlen(PING)) && wire_code(wire_line(&wire)) == 0;
    times[count++] = now_ms() - from;
  }
  qsort(times, count, sizeof *times, compare_times);
  if (count > 0)
    printf("# figure another client meanwhile: %zu answers, median %.2f ms, p99 %.2f ms, longest %.2f ms\n", count,
           times[count / 2], times[count * 99 / 100], times[count - 1]);
  exit(good && count > 0 ? 0 : 1);
}

static pid_t start_witness(const char *socket, int *stop)
{
  int ends[2];
  if (pipe(ends) != 0)
    exit(2);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    witness(socket, ends[0]);
  }
  close(ends[0]);
  *stop = ends[1];
  return child;
}

/* ---- memory ---- */

static long kib_of(pid_t pid, const char *what)
{
  char path[64];
  char line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, what, strlen(what)) == 0)
      kib = atol(line + strlen(what));
  }
  if (file)
    fclose(file);
  return kib;
}

/* From now on VmHWM is the peak since now. */
static void forget_peak(pid_t pid)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
  FILE *file = fopen(path, "w");
  if (!file || fputs("5", file) < 0 || fclose(file) != 0)
    perror("evil_client: clear_refs");
}

/* ---- attacks ---- */

static const char *others_are_answered(const struct target *target)
{
  struct wire wire;
  bool good = wire_open(&wire, target->socket) && wire_send(&wire, PING, strlen(PING)) && wire_code(wire_line(&wire)) == 0;
  wire_close(&wire);
  return good ? NULL : "another client is not answered afterwards";
}

/* The most that memory has grown meanwhile, in KiB. */
static long make_attacks(const struct target *target, const struct attack *attacks, size_t count, long before)
{
  long worst = 0;
  for (size_t i = 0; i < count; i++) {
    forget_peak(target->pid);
    double from = now_ms();
    const char *wrong = attacks[i].run(target);
    verdict(attacks[i].name, wrong ? wrong : others_are_answered(target));
    long grown = kib_of(target->pid, "VmHWM:") - before;
    fprintf(stderr, "%-60s %6.0f ms, at most %6.1f MiB more\n", attacks[i].name, now_ms() - from, (double)grown / 1024);
    worst = grown > worst ? grown : worst;
  }
  return worst;
}

int main(int argc, char **argv)
{
  int stop;
  int status;
  if (argc < 4) {
    fprintf(stderr, "usage: evil_client SOCKET PID VAT [MIB]\n");
    return 2;
  }
  const char *seed = getenv("SEED");
  struct target target = {argv[1], (pid_t)atoi(argv[2]), argv[3], seed ? (unsigned)atoi(seed) : (unsigned)time(NULL)};
  printf("# seed %u\n", target.seed);
  pid_t child = start_witness(target.socket, &stop);
  long before = kib_of(target.pid, "VmRSS:");
  long lines = make_attacks(&target, line_attacks, line_attack_count, before);
  long peers = make_attacks(&target, peer_attacks, peer_attack_count, before);
  long worst = lines > peers ? lines : peers;
  close(stop);
  waitpid(child, &status, 0);
  verdict("a client beside all this was always answered", status == 0 ? NULL : "it was not");
  printf("# figure memory of the daemon: at most %.1f MiB more, %.1f MiB more afterwards\n", (double)worst / 1024,
         (double)(kib_of(target.pid, "VmRSS:") - before) / 1024);
  if (argc > 4)
    verdict("the daemon's memory stays within bounds", worst <= atol(argv[4]) * 1024 ? NULL : "it has grown by more");
  printf("1..%d\n", number);
  return failures != 0;
}
