/* SPDX-License-Identifier: Apache-2.0 */
/* cli/launcher.c - see launcher.h. No shell is involved anywhere. */
#include "cli/launcher.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

char *launcher_own_directory(void)
{
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size <= 0)
    return NULL;
  path[size] = '\0';
  char *slash = strrchr(path, '/');
  if (!slash)
    return NULL;
  *slash = '\0';
  return memory_strdup(path);
}

/* Our environment and `variables`, which come first and so win. The caller frees the array. */
static char **environment_with(char *const variables[])
{
  size_t ours = 0;
  size_t theirs = 0;
  while (environ[ours])
    ours++;
  while (variables && variables[theirs])
    theirs++;
  char **all = memory_zalloc((ours + theirs + 1) * sizeof *all);
  for (size_t i = 0; i < theirs; i++)
    all[i] = variables[i];
  memcpy(all + theirs, environ, ours * sizeof *all);
  return all;
}

/* In files in memory, not pipes: nobody has to read while the program runs, nor can a grandchild keep them open. Without
 * `output_fd` (-1) standard output is ours. */
static enum vatd_code spawn(const char *program, char *const words[], char *const variables[], int output_fd, int errors_fd,
                            pid_t *pid, struct error *error)
{
  posix_spawn_file_actions_t actions;
  char **environment = environment_with(variables);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, errors_fd, STDERR_FILENO);
  if (output_fd >= 0)
    posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
  int errnum = posix_spawnp(pid, program, &actions, NULL, words, environment);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  return errnum ? error_set_errno(error, errnum == ENOENT ? VATD_NOT_FOUND : VATD_IO, errnum, "cannot run %s", program)
                : VATD_OK;
}

static int wait_for(pid_t pid)
{
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void read_all(int fd, struct buffer *text)
{
  char chunk[4096];
  off_t offset = 0;
  ssize_t count;
  while ((count = pread(fd, chunk, sizeof chunk, offset)) > 0 && buffer_append(text, chunk, (size_t)count))
    offset += count;
}

enum vatd_code launcher_run(const char *program, char *const words[], char *const variables[], struct buffer *errors,
                            int *status, struct error *error)
{
  pid_t pid;
  int fd = memfd_create("stderr", MFD_CLOEXEC);
  if (fd < 0)
    return error_set_errno(error, VATD_IO, errno, "cannot run %s", program);
  enum vatd_code code = spawn(program, words, variables, -1, fd, &pid, error);
  if (!code) {
    *status = wait_for(pid);
    read_all(fd, errors);
  }
  close(fd);
  return code;
}

/* Beside this program, else wherever PATH has it. The caller frees it. */
static char *daemon_program(void)
{
  char *directory = launcher_own_directory();
  char *beside = directory ? memory_printf("%s/vatd", directory) : NULL;
  free(directory);
  if (beside && access(beside, X_OK) == 0)
    return beside;
  free(beside);
  return memory_strdup("vatd");
}

enum vatd_code launcher_check(const char *database, struct buffer *lines, struct buffer *errors, int *status,
                              struct error *error)
{
  pid_t pid;
  char *program = daemon_program();
  char *words[] = {"vatd", "--check", (char *)database, NULL};
  int output_fd = memfd_create("stdout", MFD_CLOEXEC);
  int errors_fd = memfd_create("stderr", MFD_CLOEXEC);
  enum vatd_code code = spawn(program, words, NULL, output_fd, errors_fd, &pid, error);
  if (!code) {
    *status = wait_for(pid);
    read_all(output_fd, lines);
    read_all(errors_fd, errors);
  }
  close(output_fd);
  close(errors_fd);
  free(program);
  return code;
}

static void strip_line_feeds(struct buffer *text)
{
  while (text->size && text->data[text->size - 1] == '\n')
    text->data[--text->size] = '\0';
}

enum vatd_code launcher_start_daemon(const char *home, struct error *error)
{
  struct buffer errors;
  int status;
  char *program = daemon_program();
  char *words[] = {"vatd", "--detach", "--home", (char *)home, NULL};
  buffer_init(&errors, 64 * KIB);
  enum vatd_code code = launcher_run(program, words, NULL, &errors, &status, error);
  strip_line_feeds(&errors);
  if (code)
    error_wrap(error, "cannot start the daemon");
  else if (status)
    code = error_set(error, VATD_IO, "cannot start the daemon: %s",
                     errors.size ? buffer_text(&errors) : "it ended without a word");
  free(program);
  buffer_fini(&errors);
  return code;
}
