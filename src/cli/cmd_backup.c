/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cmd_backup.c - the database as a file: looking it over (`fsck`), copying it (`backup`), putting a copy back (`restore`).
 *
 * A backup gets its name when it has been checked, a restored database its when it has been checked and the one before has
 * another: at every instant one or the other is there.
 */
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/database_check.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cli_exit fail(const struct cli *cli, const char *what, const char *path)
{
  cli_complain(cli, "cannot %s %s: %s", what, path, strerror(errno));
  return CLI_FAILED;
}

static char *absolute(const char *path)
{
  char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
  char *whole = here ? memory_printf("%s/%s", here, path) : memory_strdup(path);
  free(here);
  return whole;
}

static bool is_there(const char *path)
{
  struct stat status;
  return lstat(path, &status) == 0;
}

/* Whether two names lead to one file. */
static bool is_same(const char *one, const char *other)
{
  struct stat a;
  struct stat b;
  return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static enum cli_exit sync_directory_of(const struct cli *cli, const char *path)
{
  char *copy = memory_strdup(path);
  int fd = open(dirname(copy), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  enum cli_exit result = fd >= 0 && fsync(fd) == 0 ? CLI_OK : fail(cli, "sync the directory of", path);
  if (fd >= 0)
    close(fd);
  free(copy);
  return result;
}

/* Gives a file its name. Without `replace` only when nobody has it. */
static enum cli_exit publish(const struct cli *cli, const char *made, const char *path, bool replace)
{
  if ((replace ? rename(made, path) : link(made, path)) != 0)
    return fail(cli, "make", path);
  return sync_directory_of(cli, path);
}

/* Asks the daemon for a copy. */
static enum cli_exit ask_for_copy(struct cli *cli, const char *path, json_t **answer)
{
  json_t *params = json_pack("{s:s}", "file", path);
  if (!params)
    return cli_usage(cli, "the path of the file must be valid UTF-8");
  cli_progress(cli, "copying the database to %s", path);
  return cli_call(cli, "backup", params, answer);
}

/* ---- fsck ---- */

static enum cli_exit tell_findings(struct cli *cli, const char *file, json_t *findings)
{
  size_t count = json_array_size(findings);
  if (cli->json) {
    json_t *answer = json_pack("{s:s?, s:b, s:O}", "file", file, "clean", count == 0, "findings", findings);
    output_json(stdout, answer, cli->terminal_out);
    json_decref(answer);
  } else {
    database_check_print(stdout, findings);
    output_write(stdout, bytes_of(file), OUTPUT_FIELD);
    if (count)
      printf(": %zu finding%s\n", count, count == 1 ? "" : "s");
    else
      puts(": nothing is wrong");
  }
  return count ? CLI_FAILED : CLI_OK;
}

/* Checks `file` and speaks of it as `name`. */
static enum cli_exit check(struct cli *cli, const char *file, const char *name)
{
  cli_progress(cli, "checking %s", file);
  json_t *findings = database_check(cli, file);
  if (!findings)
    return CLI_NOT_FOUND;
  enum cli_exit result = tell_findings(cli, name, findings);
  json_decref(findings);
  return result;
}

/* The daemon goes on meanwhile: what is looked at is a copy. */
static enum cli_exit check_running(struct cli *cli)
{
  json_t *answer;
  char *copy = memory_printf("%s.fsck-%d", cli->home.database, (int)getpid());
  cli_progress(cli, "vatd is running: a copy is checked");
  enum cli_exit result = ask_for_copy(cli, copy, &answer);
  if (!result) {
    json_decref(answer);
    result = check(cli, copy, cli->home.database);
    unlink(copy);
  }
  free(copy);
  return result;
}

enum cli_exit cmd_fsck(struct cli *cli)
{
  if (cli->operand_count)
    return check(cli, cli->operands[0], cli->operands[0]);
  enum cli_exit result = cli_connect(cli, false);
  if (result == CLI_NOT_FOUND)
    return check(cli, cli->home.database, cli->home.database);
  return result ? CLI_NOT_FOUND : check_running(cli);
}

/* ---- backup ---- */

/* The findings go to standard error: this is no result that was asked for. */
static enum cli_exit check_copy(struct cli *cli, const char *file)
{
  cli_progress(cli, "checking %s", file);
  json_t *findings = database_check(cli, file);
  size_t count = json_array_size(findings);
  if (count)
    database_check_print(stderr, findings);
  if (count)
    cli_complain(cli, "%s is damaged: %zu findings (see `vat help fsck`)", file, count);
  enum cli_exit result = findings && !count ? CLI_OK : CLI_FAILED;
  json_decref(findings);
  return result;
}

static enum cli_exit make_backup(struct cli *cli, const char *path, json_t **answer)
{
  char *made = memory_printf("%s.unchecked-%d", path, (int)getpid());
  enum cli_exit result = ask_for_copy(cli, made, answer);
  if (!result) {
    result = check_copy(cli, made);
    if (!result)
      result = publish(cli, made, path, cli->options[OPTION_FORCE]);
    unlink(made);
    if (result)
      json_decref(*answer);
  }
  free(made);
  return result;
}

static enum cli_exit print_backup(struct cli *cli, const char *path, json_t *answer)
{
  json_int_t pages = json_integer_value(json_object_get(answer, "pages"));
  if (cli->json) {
    json_object_set_new(answer, "file", json_string(path));
    output_json(stdout, answer, cli->terminal_out);
  } else {
    output_write(stdout, bytes_of(path), OUTPUT_FIELD);
    printf(": %lld pages, nothing is wrong\n", (long long)pages);
  }
  json_decref(answer);
  return CLI_OK;
}

enum cli_exit cmd_backup(struct cli *cli)
{
  json_t *answer;
  struct stat status;
  char *path = absolute(cli->operands[0]);
  enum cli_exit result = CLI_OK;
  if (!cli_find_home(cli))
    result = CLI_FAILED;
  else if (is_same(path, cli->home.database))
    result = cli_usage(cli, "%s is the database itself", path);
  else if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
    result = cli_usage(cli, "%s is not a regular file", path);
  else if (is_there(path) && !cli->options[OPTION_FORCE])
    result = cli_usage(cli, "%s is there already; to have it replaced, say --force", path);
  if (!result)
    result = make_backup(cli, path, &answer);
  if (!result)
    result = print_backup(cli, path, answer);
  free(path);
  return result;
}

/* ---- restore ---- */

static enum cli_exit copy_bytes(struct cli *cli, int from, int to, const char *path)
{
  static char chunk[1 << 16];
  ssize_t count;
  while ((count = read(from, chunk, sizeof chunk)) > 0) {
    for (ssize_t done = 0, wrote; done < count; done += wrote) {
      wrote = write(to, chunk + done, (size_t)(count - done));
      if (wrote < 0)
        return fail(cli, "write", path);
    }
  }
  return count < 0 ? fail(cli, "read", cli->operands[0]) : fsync(to) != 0 ? fail(cli, "sync", path) : CLI_OK;
}

static enum cli_exit copy_file(struct cli *cli, const char *from, const char *to)
{
  int in = open(from, O_RDONLY | O_CLOEXEC);
  if (in < 0)
    return fail(cli, "read", from);
  unlink(to); /* of a restore that was cut */
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  enum cli_exit result = out < 0 ? fail(cli, "make", to) : copy_bytes(cli, in, out, to);
  if (out >= 0)
    close(out);
  close(in);
  return result;
}

/* The lock that a daemon needs; held until the end of this process. With no database there is nothing to lock, and the
 * name decides. */
static enum cli_exit lock_database(struct cli *cli)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open(cli->home.database, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT ? CLI_OK : fail(cli, "open", cli->home.database);
  if (fcntl(fd, F_SETLK, &lock) == 0)
    return CLI_OK;
  cli_complain(cli, "%s is in use by a process that does not answer", cli->home.database);
  close(fd);
  return CLI_FAILED;
}

static enum cli_exit move_side_file(struct cli *cli, const char *suffix)
{
  char *from = memory_printf("%s%s", cli->home.database, suffix);
  char *to = memory_printf("%s.before-restore%s", cli->home.database, suffix);
  enum cli_exit result = is_there(from) && rename(from, to) != 0 ? fail(cli, "move", from) : CLI_OK;
  free(from);
  free(to);
  return result;
}

/* The database gets its second name first and loses the first one last, by the new one's taking it: in between the daemon
 * refuses it, for a file of a home has one name. So it is never used without its log. */
static enum cli_exit set_aside(struct cli *cli, const char *aside)
{
  if (link(cli->home.database, aside) != 0 && !(errno == EEXIST && is_same(aside, cli->home.database)))
    return fail(cli, "make", aside);
  enum cli_exit result = sync_directory_of(cli, aside);
  if (!result)
    result = move_side_file(cli, "-wal");
  if (!result)
    result = move_side_file(cli, "-journal");
  return result ? result : move_side_file(cli, "-sums");
}

static enum cli_exit check_restorable(struct cli *cli, const char *aside)
{
  struct stat log;
  char *log_path = memory_printf("%s-wal", cli->operands[0]);
  bool has_log = stat(log_path, &log) == 0 && log.st_size > 0;
  free(log_path);
  if (has_log)
    return cli_usage(cli, "%s has a log beside it: it is no backup that `vat backup` made", cli->operands[0]);
  if (is_same(cli->operands[0], cli->home.database))
    return cli_usage(cli, "%s is the database itself", cli->operands[0]);
  if (is_there(cli->home.database) && !cli->options[OPTION_FORCE])
    return cli_usage(cli, "%s has a database; to have it moved aside, say --force", cli->home.directory);
  if (is_there(cli->home.database) && is_there(aside) && !is_same(aside, cli->home.database))
    return cli_usage(cli, "%s is there already, from a restore before: move it or remove it first", aside);
  return CLI_OK;
}

/* The copy is what is checked, so that an error in copying is found too. */
static enum cli_exit put_in_place(struct cli *cli, bool replace, const char *aside)
{
  char *made = memory_printf("%s.restored", cli->home.database);
  enum cli_exit result = copy_file(cli, cli->operands[0], made);
  if (!result)
    result = check_copy(cli, made);
  if (!result)
    result = lock_database(cli);
  if (!result && replace)
    result = set_aside(cli, aside);
  if (!result)
    result = publish(cli, made, cli->home.database, replace);
  unlink(made);
  free(made);
  return result;
}

static enum cli_exit print_restored(struct cli *cli, bool moved, const char *aside)
{
  if (cli->json) {
    json_t *answer = json_pack("{s:b, s:s?, s:s?}", "restored", true, "database", cli->home.database, "before", moved ? aside : NULL);
    output_json(stdout, answer, cli->terminal_out);
    json_decref(answer);
    return CLI_OK;
  }
  printf("restored");
  if (moved)
    printf("; what was there is now %s", aside);
  putchar('\n');
  return CLI_OK;
}

enum cli_exit cmd_restore(struct cli *cli)
{
  enum cli_exit result = cli_connect(cli, false);
  if (result == CLI_OK)
    cli_complain(cli, "vatd is running in %s: stop it first (`vat stop`)", cli->home.directory);
  if (result != CLI_NOT_FOUND)
    return CLI_FAILED;
  char *aside = memory_printf("%s.before-restore", cli->home.database);
  if (mkdir(cli->home.directory, 0700) != 0 && errno != EEXIST)
    result = fail(cli, "make", cli->home.directory);
  else
    result = check_restorable(cli, aside);
  bool moved = !result && is_there(cli->home.database);
  if (!result)
    result = put_in_place(cli, moved, aside);
  if (!result)
    result = print_restored(cli, moved, aside);
  free(aside);
  return result;
}
