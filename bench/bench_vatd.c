/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_vatd.c - the kernel in a process of its own, driven through vatd/vatd.h by commands on standard input: the
 * driver of vatd in the benchmark. bench/README.md has the protocol, which the drivers of the other kernels speak as well.
 *
 *     open {database}         launch {vats: {name: bundle}}         call {target, method, args}
 *     burst {…} (burst.h)     rest     close
 */
#include "burst.h"
#include "lines.h"
#include "stopwatch.h"

#include <stdio.h>
#include <string.h>

#define REST_LIMIT_MS 60000

struct driver {
  struct vatd *kernel; /* NULL: not open */
  json_t *reply;       /* to the request under way */
  struct lines lines;
};

static json_t *failure(const char *text)
{
  return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static const char *text_of(const json_t *command, const char *name)
{
  const char *text = json_string_value(json_object_get(command, name));
  return text ? text : "";
}

static json_t *open_kernel(struct driver *driver, const json_t *command)
{
  struct vatd_error error;
  double began = stopwatch_now();
  struct vatd_options options = {.database = text_of(command, "database"), .share_processor = true};
  if (driver->kernel)
    return failure("it is open");
  if (vatd_open(&options, &driver->kernel, &error) != VATD_OK)
    return failure(error.text);
  return json_pack("{s:b, s:f}", "ok", 1, "seconds", stopwatch_now() - began);
}

static json_t *close_kernel(struct driver *driver)
{
  double began = stopwatch_now();
  vatd_close(driver->kernel);
  driver->kernel = NULL;
  return json_pack("{s:b, s:f}", "ok", 1, "seconds", stopwatch_now() - began);
}

static void on_rested(void *context)
{
  struct driver *driver = context;
  driver->reply = json_pack("{s:b}", "ok", 1);
  vatd_stop(driver->kernel);
}

static void on_called(void *context, const struct vatd_answer *answer)
{
  struct driver *driver = context;
  driver->reply = answer->code == VATD_OK ? json_pack("{s:b, s:o}", "ok", 1, "value", json_deep_copy(answer->value))
                                          : failure(answer->error);
  vatd_stop(driver->kernel);
}

/* Lets the kernel run until the request under way is answered. */
static json_t *await(struct driver *driver, double began)
{
  driver->reply = NULL;
  if (vatd_run(driver->kernel) != VATD_OK && !driver->reply)
    return failure("the kernel broke");
  json_object_set_new(driver->reply, "seconds", json_real(stopwatch_now() - began));
  return driver->reply;
}

/* After that there is only `close`. */
static json_t *rest(struct driver *driver)
{
  double began = stopwatch_now();
  vatd_rest(driver->kernel, REST_LIMIT_MS, on_rested, driver);
  return await(driver, began);
}

static json_t *call(struct driver *driver, const json_t *command)
{
  double began = stopwatch_now();
  vatd_send(driver->kernel, text_of(command, "target"), text_of(command, "method"),
            json_deep_copy(json_object_get(command, "args")), on_called, driver);
  return await(driver, began);
}

static json_t *configuration(json_t *bundles)
{
  json_t *vats = json_object(), *bundle;
  const char *name, *first = json_object_iter_key(json_object_iter(bundles));
  json_object_foreach(bundles, name, bundle)
    json_object_set_new(vats, name, json_pack("{s:O}", "bundleSpec", bundle));
  return json_pack("{s:s, s:o}", "bootstrap", first, "vats", vats);
}

static json_t *launch(struct driver *driver, const json_t *command)
{
  double began = stopwatch_now();
  size_t i;
  json_t *vat, *roots;
  vatd_launch(driver->kernel, configuration(json_object_get(command, "vats")), on_called, driver);
  json_t *reply = await(driver, began);
  if (!json_is_true(json_object_get(reply, "ok")))
    return reply;
  roots = json_object();
  json_array_foreach(json_object_get(json_object_get(reply, "value"), "vats"), i, vat)
    json_object_set(roots, text_of(vat, "name"), json_object_get(vat, "root"));
  json_object_set_new(reply, "roots", roots);
  json_object_del(reply, "value");
  return reply;
}

static json_t *carry_out(struct driver *driver, const json_t *command)
{
  const char *op = text_of(command, "op");
  if (strcmp(op, "open") == 0)
    return open_kernel(driver, command);
  if (!driver->kernel)
    return failure("it is not open");
  if (strcmp(op, "launch") == 0)
    return launch(driver, command);
  if (strcmp(op, "call") == 0)
    return call(driver, command);
  if (strcmp(op, "burst") == 0)
    return burst_run(driver->kernel, command);
  if (strcmp(op, "rest") == 0)
    return rest(driver);
  if (strcmp(op, "close") == 0)
    return close_kernel(driver);
  return failure("no such command");
}

int main(void)
{
  static struct driver driver; /* too large for a stack */
  json_t *command;
  lines_reply(json_pack("{s:b}", "ok", 1)); /* it has started */
  while ((command = lines_next(&driver.lines, driver.kernel))) {
    lines_reply(carry_out(&driver, command));
    json_decref(command);
  }
  vatd_close(driver.kernel);
  return 0;
}
