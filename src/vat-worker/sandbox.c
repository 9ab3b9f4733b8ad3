/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/sandbox.c - see sandbox.h.
 *
 * The order matters: each step needs something that a later one takes away.
 *
 *     session    away from the terminal; dies with the kernel
 *     root       an empty file system, read-only; the old one is gone (needs to be root in the user namespace)
 *     powers     no capability, no_new_privs, not to be traced
 *     landlock   (needs a descriptor)
 *     fds        all closed but the channel, standard error too: so far it could be said what went wrong
 *     limits     no core, no file, no process, no further descriptor
 *     seccomp
 */
#include "vat-worker/sandbox.h"

#include "base/limits.h"
#include "vat-worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_ROOT "/proc" /* only a place to build on: every system has it, and nobody else sees what is mounted here */
#define LIMIT_ROOT_OPTIONS "size=4k,nr_inodes=16,mode=555"

static enum vatd_code failed(const char *what, struct error *error)
{
  return error_set_errno(error, VATD_IO, errno, "%s", what);
}

/* ---- the root ---- */

/* A directory of the old root, or the link that stands for it, in the new one. What the machine does not have is left out. */
static bool bring(const char *path)
{
  char target[64];
  char link[64];
  struct stat status;
  snprintf(target, sizeof target, NEW_ROOT "%s", path);
  if (lstat(path, &status) != 0)
    return errno == ENOENT;
  if (S_ISLNK(status.st_mode)) {
    ssize_t size = readlink(path, link, sizeof link - 1);
    link[size > 0 ? size : 0] = '\0';
    return size > 0 && symlink(link, target) == 0;
  }
  return mkdir(target, 0555) == 0 && mount(path, target, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool bring_libraries(void)
{
  return mkdir(NEW_ROOT "/usr", 0555) == 0 && bring("/usr/lib") && bring("/usr/lib64") && bring("/lib") && bring("/lib64");
}

static bool make_read_only(bool libraries)
{
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  attributes.attr_set |= libraries ? 0 : MOUNT_ATTR_NOEXEC;
  return syscall(SYS_mount_setattr, AT_FDCWD, ".", AT_RECURSIVE, &attributes, sizeof attributes) == 0;
}

/* Nothing of the old root can be reached afterwards: it is not mounted in this namespace any more. */
static enum vatd_code change_root(bool libraries, struct error *error)
{
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return failed("namespaces: cannot make the mounts private", error);
  if (mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, LIMIT_ROOT_OPTIONS) != 0)
    return failed("namespaces: cannot mount an empty root", error);
  if (libraries && !bring_libraries())
    return failed("namespaces: cannot bring the system's libraries into the root", error);
  if (chdir(NEW_ROOT) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    return failed("namespaces: cannot change the root", error);
  if (!make_read_only(libraries))
    return failed("namespaces: cannot make the root read-only", error);
  return VATD_OK;
}

/* vatd has started us in namespaces of our own, or was told to do without: the first process of a pid namespace is number 1. */
static enum vatd_code enter_root(const struct sandbox *sandbox, struct error *error)
{
  if (getpid() == 1)
    return change_root(sandbox->libraries, error);
  if (sandbox->weak & SANDBOX_NAMESPACES)
    return VATD_OK;
  return error_set(error, VATD_IO, "namespaces: the worker was not started in its own");
}

/* ---- descriptors, limits, powers ---- */

static bool stderr_stays(const struct sandbox *sandbox)
{
#ifdef VATD_SANITIZED
  return sandbox != NULL; /* where the sanitizers report */
#else
  return sandbox->weak & SANDBOX_STDERR;
#endif
}

/* Between the channel and what is kept, if anything, and after it. */
static enum vatd_code close_others(const struct sandbox *sandbox, struct error *error)
{
  unsigned kept = sandbox->keep_fd > CHANNEL_FD ? (unsigned)sandbox->keep_fd : CHANNEL_FD;
  bool closed = close_range(0, stderr_stays(sandbox) ? 1 : 2, 0) == 0 && close_range(kept + 1, ~0u, 0) == 0 &&
                (kept <= CHANNEL_FD + 1 || close_range(CHANNEL_FD + 1, kept - 1, 0) == 0);
  return closed ? VATD_OK : failed("cannot close descriptors", error);
}

static bool limit(int resource, rlim_t most)
{
  return setrlimit(resource, &(struct rlimit){most, most}) == 0;
}

/* How much memory a worker may have its parent says, who knows the vat (worker/process.c). */
static enum vatd_code enter_limits(const struct sandbox *sandbox, struct error *error)
{
  bool limited = limit(RLIMIT_CORE, 0) && (stderr_stays(sandbox) || limit(RLIMIT_FSIZE, 0)) && limit(RLIMIT_NPROC, 0) && limit(RLIMIT_MEMLOCK, 0) &&
                 limit(RLIMIT_MSGQUEUE, 0) && limit(RLIMIT_SIGPENDING, 0) && limit(RLIMIT_STACK, LIMIT_WORKER_STACK);
  rlim_t files = sandbox->keep_fd > CHANNEL_FD ? (rlim_t)sandbox->keep_fd + 1 : CHANNEL_FD + 1;
  return limited && limit(RLIMIT_NOFILE, files) ? VATD_OK : failed("cannot set resource limits", error);
}

static bool drop_capabilities(void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
    prctl(PR_CAPBSET_DROP, capability); /* refused where we have no power to begin with */
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &header, none) == 0;
}

/* The parent's death signal comes last: a change of powers would clear it. */
static enum vatd_code give_up_powers(struct error *error)
{
  if (!drop_capabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
      prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return failed("cannot give up powers", error);
  return VATD_OK;
}

enum vatd_code sandbox_enter(const struct sandbox *sandbox, struct error *error)
{
  setsid(); /* fails where it leads a group already: then it has no terminal either */
  enum vatd_code code = enter_root(sandbox, error);
  if (code == VATD_OK)
    code = give_up_powers(error);
  if (code == VATD_OK && landlock_enter(sandbox->libraries, error) != VATD_OK && !(sandbox->weak & SANDBOX_LANDLOCK))
    code = VATD_IO;
  if (code == VATD_OK)
    code = close_others(sandbox, error);
  if (code == VATD_OK)
    code = enter_limits(sandbox, error);
  if (code == VATD_OK && seccomp_enter(sandbox->audience, error) != VATD_OK && !(sandbox->weak & SANDBOX_SECCOMP))
    code = VATD_IO;
  return code;
}
