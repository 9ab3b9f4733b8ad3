/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/hostile/refuse_layer.c - runs a command on a machine that lacks one layer of the sandbox.
 *
 *   refuse_layer namespaces|landlock|seccomp COMMAND...
 *
 * The machine's kernel refuses it in earnest, by a filter that the command and its children inherit.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define REFUSE(number) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter no_namespaces[] = {
    LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    LOAD(args[0]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1), REFUSE(EPERM), ALLOW,
};
static struct sock_filter no_landlock[] = {
    LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1), REFUSE(ENOSYS), ALLOW,
};
static struct sock_filter no_seccomp[] = {
    LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1), REFUSE(EINVAL), ALLOW,
};

static int refuse(struct sock_filter *filter, size_t size)
{
  struct sock_fprog program = {(unsigned short)size, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

int main(int argc, char **argv)
{
  const char *layer = argc > 2 ? argv[1] : "";
  int done = 0;
  if (strcmp(layer, "namespaces") == 0)
    done = refuse(no_namespaces, COUNT(no_namespaces));
  else if (strcmp(layer, "landlock") == 0)
    done = refuse(no_landlock, COUNT(no_landlock));
  else if (strcmp(layer, "seccomp") == 0)
    done = refuse(no_seccomp, COUNT(no_seccomp));
  if (done)
    execvp(argv[2], argv + 2);
  fprintf(stderr, "usage: refuse_layer namespaces|landlock|seccomp COMMAND...\n");
  return 2;
}
