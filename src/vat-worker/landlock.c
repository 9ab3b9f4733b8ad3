/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/landlock.c - see landlock.h.
 *
 * Debian's headers know ABI 1 and 2 only, so the structure and the rights are spelled out here: file rights are the bits 0 to
 * 12 (ABI 1), 13 refer (2), 14 truncate (3), 15 ioctl (5); ports bind and connect (4); abstract Unix sockets and signals (6).
 */
#include "vat-worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define EXECUTE (1ull << 0)
#define READ_FILE (1ull << 2)
#define READ_DIR (1ull << 3)

struct ruleset {
  uint64_t files;
  uint64_t ports;
  uint64_t scopes;
};

struct path_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

static struct ruleset all_rights(long abi)
{
  struct ruleset all = {.files = (1ull << 13) - 1};
  if (abi >= 2)
    all.files |= 1ull << 13;
  if (abi >= 3)
    all.files |= 1ull << 14;
  if (abi >= 4)
    all.ports = 3;
  if (abi >= 5)
    all.files |= 1ull << 15;
  if (abi >= 6)
    all.scopes = 3;
  return all;
}

/* An older kernel takes a shorter structure. */
static size_t ruleset_size(long abi)
{
  return sizeof(uint64_t) * (abi >= 6 ? 3 : abi >= 4 ? 2 : 1);
}

static long allow_root(int ruleset)
{
  int root = open("/", O_PATH | O_CLOEXEC);
  if (root < 0)
    return -1;
  struct path_beneath rule = {.allowed = EXECUTE | READ_FILE | READ_DIR, .parent = root};
  long failure = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
  close(root);
  return failure;
}

enum vatd_code landlock_enter(bool libraries, struct error *error)
{
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
  if (abi < 1)
    return error_set_errno(error, VATD_IO, errno, "landlock: the machine has none");
  struct ruleset all = all_rights(abi);
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, ruleset_size(abi), 0);
  if (ruleset < 0)
    return error_set_errno(error, VATD_IO, errno, "landlock: no rules");
  bool entered = (!libraries || allow_root(ruleset) == 0) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  int failure = errno;
  close(ruleset);
  return entered ? VATD_OK : error_set_errno(error, VATD_IO, failure, "landlock: the rules are refused");
}
