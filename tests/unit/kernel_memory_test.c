/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_memory_test.c - the kernel in a process whose memory runs out.
 *
 * A child plays the script (kernel_script.h), committed two cranks at a time, and its k-th allocation gets nothing: whether it is
 * the kernel's, the store's, jansson's or SQLite's. By default every 7th k is tried, with NIGHTLY set every one. Then
 *
 *   - the child has aborted and said that it is out of memory; or SQLite said so, and the kernel is broken or got along, and nothing
 *     has leaked. It has never died in another way;
 *   - what is stored is what was stored after the last good commit or after the next one.
 *
 * The control, in which whoever gets nothing goes on to use it, must be found out. Allocations are counted by the linker's --wrap.
 */
#include "kernel_script.h"
#include "kernel_test.h"

#include "base/memory.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CRANKS = 4, BATCH = 2, COMMITS = CRANKS / BATCH, BROKEN = 3 };

/* ---- allocations ---- */

static uint64_t allocations; /* so far */
static uint64_t without;     /* the number of the one that gets nothing, or 0 */

static bool gets_nothing(void)
{
  return ++allocations == without;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_vasprintf(char **text, const char *format, va_list args);
int __wrap_vasprintf(char **text, const char *format, va_list args);

void *__wrap_malloc(size_t size)
{
  return gets_nothing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
  return gets_nothing() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
  return gets_nothing() ? NULL : __real_realloc(pointer, size);
}

char *__wrap_strdup(const char *text)
{
  return gets_nothing() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **text, const char *format, va_list args)
{
  return gets_nothing() ? -1 : __real_vasprintf(text, format, args);
}

static sqlite3_mem_methods of_sqlite;

static void *sqlite_malloc(int size)
{
  return gets_nothing() ? NULL : of_sqlite.xMalloc(size);
}

static void *sqlite_realloc(void *pointer, int size)
{
  return gets_nothing() ? NULL : of_sqlite.xRealloc(pointer, size);
}

/* SQLite and jansson are libraries of their own, which --wrap does not reach. */
static void count_libraries(void)
{
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &of_sqlite);
  sqlite3_mem_methods counted = of_sqlite;
  counted.xMalloc = sqlite_malloc;
  counted.xRealloc = sqlite_realloc;
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &counted), SQLITE_OK);
  json_set_alloc_funcs(memory_alloc, free);
}

/* ---- one run ---- */

struct script {
  bool sqlite;
  char *contents[COMMITS + 2]; /* after each commit; the last one twice */
  uint64_t allocations;
};

/* What the child has reached, seen by its parent. */
static unsigned *commits;

static struct store *open_store(const struct script *script, struct fixture *f)
{
  struct store *store = NULL;
  if (script->sqlite)
    assert_done(store_sqlite_open(f->path, &store, &f->error));
  return script->sqlite ? store_batched_open(store) : store_memory_open();
}

/* `note`: keep what is stored after each commit. True: the kernel is broken. */
static bool play(struct script *script, struct fixture *f, uint64_t nth, bool note)
{
  struct harness h;
  script_open(&h, open_store(script, f));
  h.store_fails = true;
  if (note)
    script->contents[0] = memory_strdup(harness_dump(&h));
  *commits = 0;
  allocations = 0;
  without = nth;
  for (unsigned crank = 0; crank < CRANKS && !kernel_broken(h.kernel); crank++) {
    script_run_crank(&h, crank);
    harness_pump(&h);
    if ((crank + 1) % BATCH)
      continue;
    kernel_commit(h.kernel);
    harness_pump(&h);
    *commits += !kernel_broken(h.kernel);
    if (note)
      script->contents[*commits] = memory_strdup(harness_dump(&h));
  }
  script->allocations = note ? allocations : script->allocations;
  without = 0;
  bool broken = kernel_broken(h.kernel) != NULL;
  harness_close(&h);
  return broken;
}

static void say_to(const struct fixture *f)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/said", f->directory);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  dup2(fd, STDERR_FILENO);
  close(fd);
}

/* The beginning of what the child said. */
static const char *said(const struct fixture *f)
{
  static char text[1024];
  char path[4096];
  snprintf(path, sizeof path, "%s/said", f->directory);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  text[size > 0 ? size : 0] = '\0';
  return text;
}

static void use_nothing(void)
{
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}

/* How the child ended: as waitpid() says it. */
static int run_child(struct script *script, struct fixture *f, uint64_t nth, bool control)
{
  int status = -1;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    say_to(f);
    if (control)
      memory_on_exhaustion(use_nothing);
    exit(play(script, f, nth, false) ? BROKEN : 0); /* looks for leaks on its way */
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static bool ended_well(const struct fixture *f, int status)
{
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGABRT && strstr(said(f), "out of memory") != NULL;
  return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == BROKEN);
}

/* Whole batches are there, and no commit that was reported is missing. */
static bool found_well(const struct script *script, struct fixture *f)
{
  struct harness h;
  if (!script->sqlite)
    return true; /* it went with the child */
  harness_open_on(&h, open_store(script, f));
  harness_check_counts(&h);
  const char *content = harness_dump(&h);
  bool good = strcmp(content, script->contents[*commits]) == 0 || strcmp(content, script->contents[*commits + 1]) == 0;
  harness_close(&h);
  return good;
}

/* ---- many runs ---- */

/* How many runs ended otherwise than they may. */
static unsigned sweep(struct script *script, unsigned stride, bool control)
{
  unsigned bad = 0;
  unsigned aborted = 0;
  unsigned runs = 0;
  for (uint64_t nth = 1; nth <= script->allocations; nth += stride, runs++) {
    void *state;
    assert_int_equal(fixture_set_up_directory(&state), 0);
    int status = run_child(script, state, nth, control);
    bool good = ended_well(state, status) && found_well(script, state);
    aborted += WIFSIGNALED(status);
    bad += !good;
    if (!good && !control)
      print_message("without allocation %llu: status %#x after %u commits: %s\n", (unsigned long long)nth, (unsigned)status, *commits,
                    said(state));
    fixture_tear_down(&state);
  }
  printf("# figure store=%s control=%d allocations=%llu runs=%u aborted=%u bad=%u\n", script->sqlite ? "sqlite" : "memory", control,
         (unsigned long long)script->allocations, runs, aborted, bad);
  return bad;
}

static void sweep_store(bool sqlite)
{
  struct script script = {.sqlite = sqlite};
  void *state;
  assert_int_equal(fixture_set_up_directory(&state), 0);
  assert_false(play(&script, state, 0, true));
  assert_int_equal(*commits, COMMITS);
  script.contents[COMMITS + 1] = memory_strdup(script.contents[COMMITS]);
  fixture_tear_down(&state);
  bool nightly = getenv("NIGHTLY") && *getenv("NIGHTLY");
  unsigned bad = sweep(&script, nightly ? 1 : 7, false);
  bool found_out = sweep(&script, (unsigned)(script.allocations / 5), true) > 0;
  for (unsigned i = 0; i <= COMMITS + 1; i++)
    free(script.contents[i]);
  assert_int_equal(bad, 0);
  assert_true(found_out);
}

static void memory_that_runs_out_over_the_memory_store_aborts(void **state)
{
  (void)state;
  sweep_store(false);
}

static void memory_that_runs_out_leaves_whole_batches(void **state)
{
  (void)state;
  sweep_store(true);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_that_runs_out_over_the_memory_store_aborts),
      cmocka_unit_test(memory_that_runs_out_leaves_whole_batches),
  };
  if (access("/dev/shm", W_OK) == 0)
    setenv("TMPDIR", "/dev/shm", 1);
  count_libraries();
  commits = mmap(NULL, sizeof *commits, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return cmocka_run_group_tests_name("kernel: out of memory", tests, NULL, NULL);
}
