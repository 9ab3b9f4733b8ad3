/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter of counter.js in C. What is in the vat's storage is there again after a restart, a crash or a power cut; the
 * rest of the program starts anew. `bootstrap` is called once in the vat's life.
 *
 *   cc examples/counter-vat.c -o counter-vat $(pkg-config --cflags --libs vatd-vat)
 *   vat run ./counter-vat --name counter
 *   vat call counter increment
 */
#include <vatd/vat.h>

#include <string.h>

static json_int_t stored_count(struct vatd_vat *vat)
{
  json_t *stored = vatd_vat_get_json(vat, "count");
  json_int_t count = json_integer_value(stored); /* 0 when nothing is stored */
  json_decref(stored);
  return count;
}

static void counter(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  (void)self;
  const char *method = vatd_message_method(message);
  if (strcmp(method, "increment") == 0) {
    json_int_t count = stored_count(vat) + 1;
    vatd_vat_set_json(vat, "count", json_integer(count));
    vatd_message_return(message, json_integer(count));
  } else if (strcmp(method, "read") == 0) {
    vatd_message_return(message, json_integer(stored_count(vat)));
  } else if (strcmp(method, "bootstrap") != 0) {
    vatd_message_unknown(message);
  }
}

int main(int argc, char **argv)
{
  static const struct vatd_program program = {.interface = "counter", .root = counter};
  return vatd_vat_main(argc, argv, &program);
}
