/* SPDX-License-Identifier: Apache-2.0 */
/* tests/hostile/probe.c - see probe.h. Frames as a worker's: four bytes of length, then a struct of probe.h. */
#include "probe.h"

#include "vat-worker/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHANNEL 3

/* The raw instruction: errno and the C library's own checks stay out of it. */
static long call(long number, const uint64_t *arguments)
{
#ifdef __x86_64__
  long result;
  register uint64_t r10 __asm__("r10") = arguments[3];
  register uint64_t r8 __asm__("r8") = arguments[4];
  register uint64_t r9 __asm__("r9") = arguments[5];
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  long result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
  return result < 0 ? -errno : result;
#endif
}

static long interrupt(long number)
{
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory");
  return result;
#else
  return call(SYS_reboot, (uint64_t[PROBE_ARGUMENTS]){(uint64_t)number}); /* there is no second way in */
#endif
}

static int receive(struct probe_command *command)
{
  uint32_t size;
  if (recv(CHANNEL, &size, sizeof size, MSG_WAITALL) != sizeof size)
    return 0;
  return size == sizeof *command && recv(CHANNEL, command, sizeof *command, MSG_WAITALL) == sizeof *command;
}

/* read(2) is what the sandbox leaves of the ways to receive. */
static int receive_inside(struct probe_command *command)
{
  char bytes[sizeof(uint32_t) + sizeof *command];
  size_t have = 0;
  while (have < sizeof bytes) {
    ssize_t count = read(CHANNEL, bytes + have, sizeof bytes - have);
    if (count <= 0)
      return 0;
    have += (size_t)count;
  }
  memcpy(command, bytes + sizeof(uint32_t), sizeof *command);
  return 1;
}

static void reply(long result)
{
  char bytes[sizeof(uint32_t) + sizeof(struct probe_answer)];
  uint32_t size = sizeof(struct probe_answer);
  struct probe_answer answer = {result};
  memcpy(bytes, &size, sizeof size);
  memcpy(bytes + sizeof size, &answer, sizeof answer);
  send(CHANNEL, bytes, sizeof bytes, 0);
}

static long obey(struct probe_command *command)
{
  for (int i = 0; i < PROBE_ARGUMENTS; i++) {
    if (command->arguments[i] == PROBE_POINTER)
      command->arguments[i] = (uint64_t)(uintptr_t)command->data;
  }
  if (command->kind == PROBE_INTERRUPT)
    return interrupt((long)command->number);
  return call((long)command->number, command->arguments);
}

int main(int argc, char **argv)
{
  struct probe_command command;
  struct error error;
  unsigned weak = 0;
  if (argc > 2 && strcmp(argv[1], "--allow-weak") == 0)
    sandbox_layers_parse(argv[2], &weak, &error);
  if (!receive(&command))
    return 1;
  struct sandbox sandbox = {.audience = (enum seccomp_audience)command.number, .weak = weak, .keep_fd = -1};
  sandbox.libraries = sandbox.audience == SECCOMP_PROGRAM;
  if (sandbox_enter(&sandbox, &error) != VATD_OK) {
    fprintf(stderr, "%s\n", error.text);
    return 77;
  }
  reply(getpid());
  while (receive_inside(&command))
    reply(obey(&command));
  _exit(0);
}
