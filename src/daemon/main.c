/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/main.c - the program vatd: options, detaching, and the way from start to exit code.
 *
 * Detaching: the parent waits until the child listens (or has failed) and exits with 0 (or 1), so that whoever started
 * `vatd --detach` can connect at once.
 */
#include "base/memory.h"
#include "daemon/check.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: vatd [--home DIR] [--config FILE] [--detach] [--eager] [--reset] [--deadline MS]\n"
    "            [--workers N] [--images BYTES] [--allow-weak-sandbox=LAYER]\n"
    "       vatd --check FILE\n"
    "\n"
    "The vat kernel's daemon. It keeps all its state in HOME/vatd.sqlite, listens on HOME/vatd.sock for `vat` and\n"
    "other clients, and writes HOME/vatd.log. HOME is --home, $VATD_HOME, $XDG_STATE_HOME/vatd or ~/.local/state/vatd.\n"
    "\n"
    "  --home DIR      the home directory\n"
    "  --config FILE   the configuration, JSON (default HOME/vatd.json, if there is one; see vatd(8))\n"
    "  --detach        go to the background once the socket listens\n"
    "  --eager         start the workers of all vats at once, not at their first delivery\n"
    "  --reset         begin with an empty database: ALL VATS AND THEIR STORAGE ARE LOST\n"
    "  --deadline MS   kill a worker that takes longer for one crank (default 60000)\n"
    "  --workers N     when more run, idle vats end theirs: they sleep if their configuration says so, or hibernate\n"
    "                  (default 200)\n"
    "  --images BYTES  what the heaps of hibernating vats may take in the database (default 4G; 0: no vat hibernates)\n"
    "  --allow-weak-sandbox=LAYER\n"
    "                  go on where this machine refuses a layer of the workers' sandbox (namespaces, landlock,\n"
    "                  seccomp), or leave workers their standard error (stderr); may be repeated. See vatd(8)\n"
    "  --check FILE    look a database over that no daemon has open: a line of JSON for all that is wrong (see `vat\n"
    "                  fsck`); exit status 0 nothing, 1 something, 3 it could not be looked at\n"
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  vatd                        in the foreground; stop it with Ctrl-C or `vat stop`\n"
    "  vatd --detach --home /srv/vats\n"
    "\n"
    "Exit status: 0 ended in order, 1 could not start, 2 usage, 70 storage in doubt (start again to go on) or damaged.\n";

#define DESCRIPTORS 65536
#define RETURNED_AT_ONCE (128 * 1024) /* what is larger goes back to the system when it is freed; fixed, or malloc would learn */

struct arguments {
  struct daemon_options options;
  bool detach;
};

enum { OPTION_HOME = 256, OPTION_CONFIG, OPTION_DETACH, OPTION_EAGER, OPTION_RESET, OPTION_DEADLINE, OPTION_WORKERS, OPTION_IMAGES, OPTION_WEAK, OPTION_CHECK, OPTION_HELP, OPTION_VERSION };

static _Noreturn void usage_error(const char *text, const char *argument)
{
  fprintf(stderr, "vatd: %s%s\nTry `vatd --help`.\n", text, argument);
  exit(2);
}

/* As strtoull(), without the blanks and signs that it takes; false when the text begins with no number that fits. */
static bool read_digits(const char *text, unsigned long long *value, char **rest)
{
  errno = 0;
  *value = strtoull(text, rest, 10);
  return errno == 0 && text[0] >= '0' && text[0] <= '9';
}

static uint64_t parse_number(const char *text, const char *complaint)
{
  char *rest;
  unsigned long long value;
  if (!read_digits(text, &value, &rest) || *rest != '\0' || value == 0)
    usage_error(complaint, text);
  return value;
}

/* "1500", "64K", "200M", "4G"; what the library takes for none is negative. */
static int64_t parse_size(const char *text)
{
  static const char units[] = "KMG";
  char *rest;
  unsigned long long value;
  bool is_number = read_digits(text, &value, &rest);
  const char *unit = *rest ? strchr(units, *rest) : NULL;
  unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
  if (!is_number || rest[unit ? 1 : 0] != '\0' || value > (unsigned long long)INT64_MAX >> shift)
    usage_error("--images needs a number of bytes (K, M and G may follow), not ", text);
  return value ? (int64_t)(value << shift) : -1;
}

/* The names are checked where they are used. */
static void allow_weak(struct arguments *arguments, const char *layers)
{
  char *before = arguments->options.weak_sandbox;
  arguments->options.weak_sandbox = memory_printf("%s%s%s", before ? before : "", before ? "," : "", layers);
  free(before);
}

static void parse_arguments(int argc, char **argv, struct arguments *arguments)
{
  static const struct option options[] = {
      {"home", required_argument, NULL, OPTION_HOME},         {"config", required_argument, NULL, OPTION_CONFIG},
      {"detach", no_argument, NULL, OPTION_DETACH},
      {"eager", no_argument, NULL, OPTION_EAGER},             {"reset", no_argument, NULL, OPTION_RESET},
      {"deadline", required_argument, NULL, OPTION_DEADLINE}, {"allow-weak-sandbox", required_argument, NULL, OPTION_WEAK},
      {"workers", required_argument, NULL, OPTION_WORKERS},   {"images", required_argument, NULL, OPTION_IMAGES},
      {"check", required_argument, NULL, OPTION_CHECK},
      {"help", no_argument, NULL, OPTION_HELP},
      {"version", no_argument, NULL, OPTION_VERSION},         {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case OPTION_HOME:
      arguments->options.home = optarg;
      break;
    case OPTION_CONFIG:
      arguments->options.config = optarg;
      break;
    case OPTION_DETACH:
      arguments->detach = true;
      break;
    case OPTION_EAGER:
      arguments->options.eager = true;
      break;
    case OPTION_RESET:
      arguments->options.reset = true;
      break;
    case OPTION_DEADLINE:
      arguments->options.deadline_ms = parse_number(optarg, "--deadline needs a number of milliseconds from 1, not ");
      break;
    case OPTION_WORKERS:
      arguments->options.most_workers = parse_number(optarg, "--workers needs a number from 1, not ");
      break;
    case OPTION_IMAGES:
      arguments->options.image_bytes = parse_size(optarg);
      break;
    case OPTION_WEAK:
      allow_weak(arguments, optarg);
      break;
    case OPTION_CHECK:
      umask(0077);
      exit(check_run(optarg));
    case OPTION_HELP:
      fputs(help, stdout);
      exit(0);
    case OPTION_VERSION:
      printf("vatd %s\n", VATD_RELEASE);
      exit(0);
    default:
      fprintf(stderr, "Try `vatd --help`.\n");
      exit(2);
    }
  }
  if (optind < argc)
    usage_error("unexpected argument ", argv[optind]);
}

/* The directory `relative` to that of this program, if the worker is in it; else NULL. */
static char *programs_in(const char *relative)
{
  char path[4096];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size <= 0)
    return NULL;
  path[size] = '\0';
  *strrchr(path, '/') = '\0';
  char *directory = memory_printf("%s%s", path, relative);
  char *worker = memory_printf("%s/vat-worker", directory);
  bool found = access(worker, X_OK) == 0;
  free(worker);
  if (found)
    return directory;
  free(directory);
  return NULL;
}

/* In a build tree the worker stands beside this program, in a prefix under libexec; else it is where the library says. */
static char *find_programs(void)
{
  char *beside = programs_in("");
  return beside ? beside : programs_in("/../libexec/vatd");
}

/* In the parent: waits for the child's word, repeats its complaint, and exits. */
static _Noreturn void wait_for_child(int fd)
{
  char text[2048];
  size_t size = 0;
  ssize_t count;
  while (size < sizeof text && (count = read(fd, text + size, sizeof text - size)) > 0)
    size += (size_t)count;
  bool ready = size == 1 && text[0] == '\n';
  if (size == 0)
    fprintf(stderr, "vatd: the daemon died while starting\n");
  else if (!ready)
    fprintf(stderr, "%.*s", (int)size, text);
  exit(ready ? 0 : 1);
}

/* Forks; returns in the child, with the descriptor that the parent listens to. */
static int detach(void)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("vatd: pipe");
    exit(1);
  }
  pid_t child = fork();
  if (child < 0) {
    perror("vatd: fork");
    exit(1);
  }
  if (child > 0) {
    close(ends[1]);
    wait_for_child(ends[0]);
  }
  close(ends[0]);
  setsid();
  return ends[1];
}

/* A detached daemon has no terminal; its workers' last words go to the log's side file. */
static void leave_terminal(const struct daemon *daemon)
{
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  char *path = memory_printf("%s/vatd.stderr", daemon->home.directory);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  free(path);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(file >= 0 ? file : null, STDERR_FILENO);
  if (file >= 0)
    close(file);
  close(null);
  if (chdir("/") != 0)
    perror("vatd: chdir /");
}

/* Every connection and every worker is a descriptor: as many as this user may have. */
static void take_descriptors(void)
{
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return;
  files.rlim_cur = files.rlim_max < DESCRIPTORS ? files.rlim_max : DESCRIPTORS;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0)
    perror("vatd: setrlimit");
}

static void say(int fd, const char *text)
{
  if (write(fd, text, strlen(text)) < 0)
    perror("vatd: write");
}

int main(int argc, char **argv)
{
  struct arguments arguments = {0};
  struct daemon daemon;
  struct error error = {0};
  parse_arguments(argc, argv, &arguments);
  umask(0077);
  signal(SIGPIPE, SIG_IGN);
  take_descriptors();
  mallopt(M_MMAP_THRESHOLD, RETURNED_AT_ONCE);
  char *programs = find_programs();
  arguments.options.programs = programs;
  int parent = arguments.detach ? detach() : -1;
  if (daemon_open(&daemon, &arguments.options, &error) != VATD_OK) {
    char *text = memory_printf("vatd: %s\n", error.text);
    say(parent >= 0 ? parent : STDERR_FILENO, text);
    free(text);
    free(programs);
    free(arguments.options.weak_sandbox);
    return error.code == VATD_CORRUPT ? EXIT_STORAGE_IN_DOUBT : 1;
  }
  if (parent >= 0) {
    leave_terminal(&daemon);
    say(parent, "\n");
    close(parent);
  } else {
    fprintf(stderr, "vatd %s: listening on %s\n", VATD_RELEASE, daemon.home.socket);
  }
  int code = daemon_run(&daemon);
  daemon_close(&daemon);
  free(programs);
  free(arguments.options.weak_sandbox);
  return code;
}
