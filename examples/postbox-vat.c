/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes that letters are put into and taken from: the example of docs/vats-in-c.md. A box is a durable object; who takes from
 * an empty one waits; a listener, an object of any vat, is told of each letter.
 *
 *   cc postbox-vat.c -o postbox $(pkg-config --cflags --libs vatd-vat)
 *   vat run ./postbox
 *   vat call postbox open home
 */
#include <vatd/vat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- storage: a box is a JSON object under its own key ---- */

#define KIND_BOX 1

static const char *box_key(char key[32], uint64_t box)
{
  snprintf(key, 32, "box.%llu", (unsigned long long)box);
  return key;
}

/* {"name": …, "letters": [text, …], "listener": {"$ref": …} or absent} */
static json_t *load_box(struct vatd_vat *vat, uint64_t box)
{
  char key[32];
  return vatd_vat_get_json(vat, box_key(key, box));
}

static void store_box(struct vatd_vat *vat, uint64_t box, json_t *state)
{
  char key[32];
  if (!vatd_vat_set_json(vat, box_key(key, box), state))
    abort();
}

/* ---- who waits at an empty box: lives as long as the process ---- */

struct waiting {
  struct waiting *next;
  uint64_t box;
  struct vatd_message *message;
};

static struct waiting *all_waiting;

/* The one who has waited longest at the box, or NULL. */
static struct vatd_message *next_waiting(uint64_t box)
{
  struct waiting **at = &all_waiting;
  while (*at && (*at)->box != box)
    at = &(*at)->next;
  if (!*at)
    return NULL;
  struct waiting *found = *at;
  struct vatd_message *message = found->message;
  *at = found->next;
  free(found);
  return message;
}

static void wait_at(uint64_t box, struct vatd_message *message)
{
  struct waiting **end = &all_waiting;
  while (*end)
    end = &(*end)->next;
  *end = malloc(sizeof **end);
  if (!*end)
    abort();
  **end = (struct waiting){.box = box, .message = message};
  vatd_message_keep(message);
}

/* ---- the methods of a box ---- */

/* A listener that cannot be reached any more is forgotten. */
static void told(struct vatd_vat *vat, void *context, bool rejected, const json_t *value)
{
  uint64_t box = (uintptr_t)context;
  json_t *state = load_box(vat, box);
  struct vatd_ref *listener = vatd_json_ref(vat, json_object_get(state, "listener"));
  if (rejected && listener) {
    vatd_vat_log(vat, "info", "a listener is gone: %s", json_string_value(json_object_get(value, "#error")));
    vatd_ref_unkeep(listener);
    json_object_del(state, "listener");
    store_box(vat, box, json_incref(state));
  }
  json_decref(state);
}

static void put(struct vatd_vat *vat, uint64_t box, json_t *state, struct vatd_message *message)
{
  json_t *letter = json_array_get(vatd_message_args(message), 0);
  if (!json_is_string(letter)) {
    vatd_message_throw(message, "a letter is a text");
    return;
  }
  struct vatd_message *waiting = next_waiting(box);
  if (waiting)
    vatd_message_return(waiting, json_incref(letter));
  else
    json_array_append(json_object_get(state, "letters"), letter);
  struct vatd_ref *listener = vatd_json_ref(vat, json_object_get(state, "listener"));
  if (listener)
    vatd_vat_send(vat, listener, "arrived", json_pack("[O, O]", json_object_get(state, "name"), letter), told,
                  (void *)(uintptr_t)box);
  store_box(vat, box, json_incref(state));
}

static void take(struct vatd_vat *vat, uint64_t box, json_t *state, struct vatd_message *message)
{
  json_t *letters = json_object_get(state, "letters");
  if (json_array_size(letters) == 0) {
    wait_at(box, message);
    return;
  }
  vatd_message_return(message, json_incref(json_array_get(letters, 0)));
  json_array_remove(letters, 0);
  store_box(vat, box, json_incref(state));
}

static void listen(struct vatd_vat *vat, uint64_t box, json_t *state, struct vatd_message *message)
{
  json_t *value = json_array_get(vatd_message_args(message), 0);
  struct vatd_ref *listener = vatd_json_ref(vat, value);
  struct vatd_ref *before = vatd_json_ref(vat, json_object_get(state, "listener"));
  if (!listener || vatd_ref_is_promise(listener)) {
    vatd_message_throw(message, "a listener is an object");
    return;
  }
  vatd_ref_keep(listener);
  if (before)
    vatd_ref_unkeep(before);
  json_object_set(state, "listener", value);
  store_box(vat, box, json_incref(state));
}

static void box_got(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  const char *method = vatd_message_method(message);
  uint64_t box = vatd_message_instance(message);
  json_t *state = load_box(vat, box);
  (void)self;
  if (strcmp(method, "put") == 0)
    put(vat, box, state, message);
  else if (strcmp(method, "take") == 0)
    take(vat, box, state, message);
  else if (strcmp(method, "listen") == 0)
    listen(vat, box, state, message);
  else
    vatd_message_unknown(message);
  json_decref(state);
}

/* Nobody can name the box any more. */
static void box_retired(struct vatd_vat *vat, void *self, uint64_t box)
{
  char key[32];
  json_t *state = load_box(vat, box);
  struct vatd_ref *listener = vatd_json_ref(vat, json_object_get(state, "listener"));
  (void)self;
  if (listener)
    vatd_ref_unkeep(listener);
  vatd_vat_delete(vat, box_key(key, box));
  json_decref(state);
}

/* ---- the root ---- */

static void open_box(struct vatd_vat *vat, struct vatd_message *message)
{
  json_t *name = json_array_get(vatd_message_args(message), 0);
  if (!json_is_string(name)) {
    vatd_message_throw(message, "a box wants a name");
    return;
  }
  uint64_t box = vatd_vat_new_instance(vat, KIND_BOX);
  store_box(vat, box, json_pack("{s:O, s:[]}", "name", name, "letters"));
  vatd_message_return(message, vatd_ref_json(vatd_vat_durable(vat, KIND_BOX, box)));
}

/* relay(from, to): asks for a letter and sends the promise for it on. What comes back says how that went. */
static void relay(struct vatd_vat *vat, struct vatd_message *message)
{
  const json_t *args = vatd_message_args(message);
  struct vatd_ref *from = vatd_json_ref(vat, json_array_get(args, 0));
  struct vatd_ref *to = vatd_json_ref(vat, json_array_get(args, 1));
  if (!from || !to) {
    vatd_message_throw(message, "relay(from, to)");
    return;
  }
  struct vatd_ref *letter = vatd_vat_ask(vat, from, "take", json_array());
  struct vatd_ref *done = vatd_vat_ask(vat, to, "give", json_pack("[o]", vatd_ref_json(letter)));
  vatd_message_return(message, vatd_ref_json(done));
}

static void root(struct vatd_vat *vat, void *self, struct vatd_message *message)
{
  const char *method = vatd_message_method(message);
  (void)self;
  if (strcmp(method, "open") == 0)
    open_box(vat, message);
  else if (strcmp(method, "relay") == 0)
    relay(vat, message);
  else if (strcmp(method, "give") == 0)
    vatd_message_return(message, json_incref(json_array_get(vatd_message_args(message), 0)));
  else if (strcmp(method, "bootstrap") != 0)
    vatd_message_unknown(message);
}

static const char *start(struct vatd_vat *vat, const json_t *parameters)
{
  static const struct vatd_kind box = {.interface = "Box", .handler = box_got, .retired = box_retired};
  (void)parameters;
  vatd_vat_kind(vat, KIND_BOX, &box);
  return NULL;
}

int main(int argc, char **argv)
{
  static const struct vatd_program program = {.interface = "Postbox", .root = root, .start = start};
  return vatd_vat_main(argc, argv, &program);
}
