/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for embed.sh, driven by its own poll loop. Each line of its standard input is one thing to do; it is done when its
 * line of output stands there.
 *
 *   open DATABASE             launch CONFIG-JSON          send TARGET METHOD ARGS-JSON      request METHOD PARAMS-JSON
 *   later                     the next calls of the service `door` are kept
 *   answer JSON | throw TEXT  ends the oldest kept call, and waits for what the vat makes of it
 *   release KREF | close      close answers what is still asked
 *   rest | idle               the end in order; whether the kernel lets its host sleep
 *
 * The service `door` answers `take(object)` with the object, `fail()` with an exception, `kept()` with the number of calls it
 * keeps, and everything else with [method, args].
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vatd/vatd.h>

#define KEPT_MAX 8

static struct vatd *kernel;
static struct vatd_call *kept[KEPT_MAX];
static int kept_count;
static bool keep;
static bool waiting;

static void print_json(const json_t *value)
{
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
  printf("%s\n", text);
  free(text);
}

static void on_answer(void *context, const struct vatd_answer *answer)
{
  (void)context;
  waiting = false;
  if (answer->code == VATD_OK)
    print_json(answer->value);
  else
    printf("%s: %s\n", vatd_code_name(answer->code), answer->error);
}

static void door(void *context, struct vatd_call *call)
{
  const char *method = vatd_call_method(call);
  const json_t *args = vatd_call_args(call);
  (void)context;
  if (keep && kept_count < KEPT_MAX) {
    kept[kept_count++] = call;
    waiting = false; /* the test goes on while the vat waits */
    printf("kept %s\n", method);
  } else if (strcmp(method, "take") == 0) {
    vatd_call_return(call, json_incref(json_array_get(args, 0)));
  } else if (strcmp(method, "fail") == 0) {
    vatd_call_throw(call, "the door is locked");
  } else if (strcmp(method, "bad") == 0) {
    vatd_call_return(call, json_pack("{s:s}", "$ref", "ko99999"));
  } else {
    vatd_call_return(call, json_pack("[s, O]", method, args));
  }
}

static struct vatd_call *oldest_kept(void)
{
  struct vatd_call *call = kept[0];
  kept_count--;
  memmove(kept, kept + 1, (size_t)kept_count * sizeof *kept);
  return call;
}

static void open_kernel(const char *path)
{
  struct vatd_error error;
  struct vatd *made;
  if (vatd_open(&(struct vatd_options){.database = path}, &made, &error) != VATD_OK) {
    printf("%s: %s\n", vatd_code_name(error.code), error.text);
    return;
  }
  kernel = made;
  vatd_register_service(kernel, "door", 0, door, NULL, &error);
  printf("open\n");
}

static json_t *json_of(const char *text)
{
  return json_loads(text, JSON_DECODE_ANY, NULL);
}

static void drive(void)
{
  while (waiting) {
    struct pollfd fd = {.fd = vatd_fd(kernel), .events = POLLIN};
    poll(&fd, 1, vatd_timeout(kernel));
    if (vatd_poll(kernel) != VATD_OK)
      exit(70);
  }
}

static void on_rested(void *context)
{
  (void)context;
  waiting = false;
  printf("rested\n");
}

/* A kernel that has nothing to do lets its host sleep. */
static void say_whether_idle(void)
{
  for (int i = 0; i < 1000 && vatd_timeout(kernel) == 0; i++)
    vatd_poll(kernel);
  printf("%s\n", vatd_timeout(kernel) == 0 ? "busy" : "idle");
}

/* Does what the line says; true when there is an answer to wait for. */
static bool obey(char *verb, char *rest)
{
  char *target = rest;
  char *method = strcmp(verb, "send") == 0 ? strchr(rest, ' ') : NULL;
  char *args = method ? strchr(method + 1, ' ') : strchr(rest, ' ');
  if (method)
    *method++ = '\0';
  if (args)
    *args++ = '\0';
  if (strcmp(verb, "send") == 0)
    vatd_send(kernel, target, method, json_of(args), on_answer, NULL);
  else if (strcmp(verb, "request") == 0)
    vatd_request(kernel, target, args ? json_of(args) : NULL, on_answer, NULL);
  else if (strcmp(verb, "launch") == 0)
    vatd_launch(kernel, json_of(rest), on_answer, NULL);
  else if (strcmp(verb, "rest") == 0)
    vatd_rest(kernel, 60000, on_rested, NULL);
  else
    return false;
  return true;
}

int main(void)
{
  char line[65536];
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    char *rest = line + strcspn(line, " ");
    if (*rest)
      *rest++ = '\0';
    if (strcmp(line, "open") == 0)
      open_kernel(rest);
    else if (strcmp(line, "later") == 0)
      keep = true;
    else if (strcmp(line, "answer") == 0)
      vatd_call_return(oldest_kept(), json_of(rest));
    else if (strcmp(line, "throw") == 0)
      vatd_call_throw(oldest_kept(), rest);
    else if (strcmp(line, "release") == 0)
      vatd_release(kernel, rest);
    else if (strcmp(line, "idle") == 0)
      say_whether_idle();
    else if (strcmp(line, "close") == 0)
      vatd_close(kernel), kernel = NULL, keep = false, kept_count = 0;
    waiting = strcmp(line, "answer") == 0 || strcmp(line, "throw") == 0 || obey(line, rest);
    drive();
  }
  vatd_close(kernel);
  return 0;
}
