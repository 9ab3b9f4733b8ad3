/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with the vat kernel in its own process: it keeps a counter, and serves it with a C function.
 *   cc embed.c -o embed $(pkg-config --cflags --libs vatd) && vat bundle embed-counter.js
 *   ./embed hub.sqlite $PWD/embed-counter.bundle       prints the next number, each time one more
 */
#include <stdio.h>
#include <vatd/vatd.h>

static const char *bundle;
static int status = 1;

static void on_count(void *kernel, const struct vatd_answer *answer)
{
  status = answer->code != VATD_OK;
  if (answer->code == VATD_OK)
    printf("%lld\n", (long long)json_integer_value(answer->value));
  else
    fprintf(stderr, "embed: %s\n", answer->error);
  vatd_stop(kernel);
}

static void on_launched(void *kernel, const struct vatd_answer *answer)
{
  if (answer->code == VATD_OK)
    vatd_send(kernel, "counter", "increment", NULL, on_count, kernel);
  else
    on_count(kernel, answer);
}

static void on_first_try(void *kernel, const struct vatd_answer *answer)
{
  if (answer->code == VATD_NOT_FOUND) /* there is no counter yet */
    vatd_launch(kernel, json_pack("{s:s, s:[s], s:{s:{s:s}}}", "bootstrap", "counter", "services", "notary", "vats",
                                  "counter", "bundleSpec", bundle), on_launched, kernel);
  else
    on_count(kernel, answer);
}

static void notary(void *context, struct vatd_call *call) /* the service: E(notary).stamp(number) */
{
  fprintf(stderr, "%s: %lld\n", (const char *)context, (long long)json_integer_value(json_array_get(vatd_call_args(call), 0)));
  vatd_call_return(call, json_true());
}

int main(int argc, char **argv)
{
  struct vatd *kernel;
  struct vatd_error error;
  if (argc != 3 || !(bundle = argv[2]))
    return fprintf(stderr, "usage: embed DATABASE BUNDLE\n"), 2;
  if (vatd_open(&(struct vatd_options){.database = argv[1]}, &kernel, &error) != VATD_OK ||
      vatd_register_service(kernel, "notary", 0, notary, "stamped", &error) != VATD_OK)
    return fprintf(stderr, "embed: %s\n", error.text), 1;
  vatd_send(kernel, "counter", "increment", NULL, on_first_try, kernel);
  vatd_run(kernel);
  vatd_close(kernel);
  return status;
}
