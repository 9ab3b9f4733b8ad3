/* SPDX-License-Identifier: Apache-2.0 */
/* worker/sandbox_probe.c - see sandbox_probe.h. */
#include "worker/sandbox_probe.h"

#include "base/buffer.h"
#include "worker/child.h"

#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LANDLOCK_VERSION 1u

static int landlock_abi(void)
{
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
  return abi > 0 ? (int)abi : 0;
}

static bool has_seccomp(void)
{
  uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

enum vatd_code sandbox_probe(unsigned weak, struct sandbox_state *state, struct error *error)
{
  unsigned missing = 0;
  struct buffer names;
  *state = (struct sandbox_state){.weak = weak, .landlock_abi = landlock_abi()};
  missing |= child_can_be_isolated() ? 0 : SANDBOX_NAMESPACES;
  missing |= state->landlock_abi ? 0 : SANDBOX_LANDLOCK;
  missing |= has_seccomp() ? 0 : SANDBOX_SECCOMP;
  state->active = SANDBOX_ALL & ~missing & ~(weak & SANDBOX_STDERR);
  missing &= ~weak;
  if (!missing)
    return VATD_OK;
  buffer_init(&names, 256);
  sandbox_layers_print(&names, missing);
  error_set(error, VATD_NOT_FOUND,
            "this machine refuses a part of the sandbox: %s. No vat is started without it, unless "
            "--allow-weak-sandbox=%s says so (see vatd(8))",
            buffer_text(&names), buffer_text(&names));
  buffer_fini(&names);
  return VATD_NOT_FOUND;
}
