/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vatd/vat.h - vats in C.
 *
 * A vat is a program that runs in a process of its own under vatd. It talks with other vats by eventual sends, can name
 * only the objects that it was handed, and keeps what it writes into its storage through restarts, crashes and power cuts.
 * This is the whole of one, a counter:
 *
 *     static void counter(struct vatd_vat *vat, void *self, struct vatd_message *message)
 *     {
 *       const char *method = vatd_message_method(message);
 *       json_t *count = vatd_vat_get_json(vat, "count");
 *       if (strcmp(method, "increment") == 0) {
 *         vatd_vat_set_json(vat, "count", json_integer(json_integer_value(count) + 1));
 *         vatd_message_return(message, vatd_vat_get_json(vat, "count"));
 *       } else if (strcmp(method, "bootstrap") != 0) {
 *         vatd_message_unknown(message);
 *       }
 *       json_decref(count);
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *       static const struct vatd_program program = {.interface = "Counter", .root = counter};
 *       return vatd_vat_main(argc, argv, &program);
 *     }
 *
 *     cc counter.c -o counter $(pkg-config --cflags --libs vatd-vat) && vat run ./counter && vat call counter increment
 *
 * docs/vats-in-c.md is a guide; this file is the reference. The rules that hold everywhere:
 *
 * Cranks. The kernel delivers one message or one result at a time. The *crank* lasts until the handler has returned and
 * every callback that follows from it has run; then all that was done in it (storage, sends, answers) becomes durable
 * together, or none of it if the process dies before. So a program needs no error path that undoes things: it may abort().
 * Nothing can be done outside a crank.
 *
 * Values are jansson's json_t: null, booleans, numbers, strings, arrays and objects. What JSON cannot say is an object:
 *
 *     {"$ref": "o-5"}                            a reference to an object or promise: vatd_ref_json(), vatd_json_ref()
 *     {"$bigint": "-12"}                         a bigint
 *     {"#error": "message", "name": "TypeError"} an error: vatd_json_error()
 *     {"#tag": "copySet", "payload": ...}        tagged data
 *
 * A property whose own name begins with '$', '#' or '!' has one more '!' before it, in and out: what another vat sends as
 * plain data never looks like a reference. JavaScript's undefined is read as null; NULL is written as undefined. Whole
 * numbers go up to 2^53 - 1. A function that takes a `json_t *` takes it over, as jansson's _new functions do; what is
 * handed out as `const json_t *` is borrowed, until the end of the crank unless it says longer.
 *
 * References. A `struct vatd_ref` names an object or a promise, of this vat or another. Every function that hands one out
 * lends it until the end of the crank. Who needs it longer holds it (vatd_ref_hold), and releases it in the end: that is
 * what tells the rest of the world that this vat does not need the object any more. Holding ends with the process; an
 * object of another vat that shall be there after a restart is kept in the storage (vatd_ref_keep).
 *
 * Wrong. What another vat may do (odd data, unknown methods, rejections) always ends as a rejection or a return value and
 * never harms the program. A program that breaks a rule of this file (a NULL where none may be, a second answer, a reference
 * used after its time) is told on standard error, if it has one, and aborted; its message is delivered again, up to three times, then vatd
 * suspends the vat. Memory that runs out aborts too.
 *
 * Not thread-safe: everything happens on the thread that called vatd_vat_main().
 */
#ifndef VATD_VAT_H
#define VATD_VAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vatd_vat;     /* this vat; one per process */
struct vatd_ref;     /* names an object or a promise */
struct vatd_message; /* a message that one of this vat's objects has got */

/* ---- the program ---- */

/*
 * Gets the messages of an object. `self` is what the object was made with. Who returns without having answered the message
 * or kept it (vatd_message_keep) has answered undefined.
 */
typedef void vatd_handler(struct vatd_vat *vat, void *self, struct vatd_message *message);

struct vatd_program {
  /* What the root object is called in other vats' error messages, such as "Counter". NULL: "root". */
  const char *interface;
  /* The root object's handler. It gets `bootstrap(vats, services)` once in the vat's life, if it is the subcluster's
   * bootstrap vat, with the root objects of all its vats by name; it must know that method then. */
  vatd_handler *root;
  void *self;
  /*
   * Called at each start of the process, before anything is delivered; may be NULL. The place to register kinds, and to
   * read or prepare the storage. `parameters` are those of the cluster configuration, an object. Returns NULL, or why the
   * vat cannot start (a text that lives at least as long as `parameters`): then nothing has happened.
   */
  const char *(*start)(struct vatd_vat *vat, const json_t *parameters);
};

/*
 * Serves the vat until the kernel ends it; main() returns what this returns. The program is started by vatd, with the channel
 * to the kernel as descriptor 3, no environment and no arguments, behind a sandbox (docs/sandbox.md); started by hand it says so
 * and returns 64. There is no standard output, and a standard error only with vatd --allow-weak-sandbox=stderr; see vatd_vat_log().
 */
int vatd_vat_main(int argc, char **argv, const struct vatd_program *program);

/* The vat's id, "v3". */
const char *vatd_vat_id(const struct vatd_vat *vat);

/* A line of `vat log`. `level` is "debug", "log", "info", "warn" or "error"; at most 64 KiB, the rest is cut. */
void vatd_vat_log(struct vatd_vat *vat, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Ends the vat for good, when this crank ends. After a failure the crank's own effects are undone; otherwise they are its
 * last ones. The objects of the vat are gone for everybody.
 */
void vatd_vat_exit(struct vatd_vat *vat, bool failure, const char *reason);

/* ---- messages ---- */

/* The method's name; "" when the target was called like a function. Lives as long as the message. */
const char *vatd_message_method(const struct vatd_message *message);
/* The arguments, a JSON array. Lives as long as the message. */
const json_t *vatd_message_args(const struct vatd_message *message);
/* Which durable object got it (vatd_vat_durable); 0 for other objects. */
uint64_t vatd_message_instance(const struct vatd_message *message);

/*
 * The answer; there is one. If `value` is a promise (or a rejection's reason a promise's) the asker gets what becomes of it.
 * A value that cannot be sent (nested deeper than 512, over 32 MiB, a whole number over 2^53 - 1, a reference that this vat
 * does not hold) is a rejection that says so. NULL: undefined.
 */
void vatd_message_return(struct vatd_message *message, json_t *value);
/* Rejects with an Error of this message. */
void vatd_message_throw(struct vatd_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Rejects with any value. */
void vatd_message_reject(struct vatd_message *message, json_t *reason);
/* Rejects with the TypeError that JavaScript vats give for a method that an object does not have. */
void vatd_message_unknown(struct vatd_message *message);

/*
 * The handler will not answer now. The message stays, with the references in its arguments, until it is answered in some
 * later crank; then it is gone at that crank's end. When the process ends before that, the kernel rejects it.
 */
void vatd_message_keep(struct vatd_message *message);

/* ---- objects of this vat ---- */

/* The root object. */
struct vatd_ref *vatd_vat_root(struct vatd_vat *vat);

/*
 * A new object that lives as long as the process; in a restart others are told that it is gone. `interface` as in struct
 * vatd_program. It stays while this vat holds it or another vat can name it; when neither does, `gone` (or NULL) is called
 * with `self`, so that free() can be given. An object that nobody held or sent by the end of the crank is gone at once.
 */
struct vatd_ref *vatd_vat_export(struct vatd_vat *vat, const char *interface, vatd_handler *handler, void *self,
                                 void (*gone)(void *self));

/*
 * Durable objects answer after a restart too. Each is an instance of a kind: the program registers its kinds at each start
 * and keeps the state of the instances in the storage, under keys of its own choice.
 */
struct vatd_kind {
  const char *interface;
  vatd_handler *handler; /* vatd_message_instance() says for which instance */
  void *self;
  /* No other vat names the instance any more. If this vat's own storage does not name it either, its state can be deleted.
   * May be NULL. */
  void (*retired)(struct vatd_vat *vat, void *self, uint64_t instance);
};

/* Registers kind `number`, 1 or more: from `start` only, and the same numbers for ever. The texts in `kind` are copied. */
void vatd_vat_kind(struct vatd_vat *vat, uint64_t number, const struct vatd_kind *kind);

/* A number that no instance of the kind has had: 1, 2, … */
uint64_t vatd_vat_new_instance(struct vatd_vat *vat, uint64_t kind);

/* The instance, for sending it to others. It needs no holding: it can be asked for again at any time. */
struct vatd_ref *vatd_vat_durable(struct vatd_vat *vat, uint64_t kind, uint64_t instance);

/* ---- references ---- */

void vatd_ref_hold(struct vatd_ref *ref);
/* Undoes one vatd_ref_hold(). NULL is fine. */
void vatd_ref_release(struct vatd_ref *ref);

/* A promise may become an object or data; an object stays one. */
bool vatd_ref_is_promise(const struct vatd_ref *ref);

/* Its name for this vat: "o-5". The same object has the same name as long as it is held or kept. Lives as long as it. */
const char *vatd_ref_text(const struct vatd_ref *ref);
/* The reference with this name; NULL when this vat holds and keeps none of that name. */
struct vatd_ref *vatd_vat_ref(struct vatd_vat *vat, const char *text);

/* As a value: {"$ref": "o-5"}. */
json_t *vatd_ref_json(const struct vatd_ref *ref);
/* The reference that a value is; NULL when it is none, or one that this vat does not hold. */
struct vatd_ref *vatd_json_ref(struct vatd_vat *vat, const json_t *value);

/*
 * Keeps an object of another vat through restarts: it is usable, under the same name, until it has been unkept as many times
 * as kept. Its name is what the program writes into its storage, and gives to vatd_vat_ref() or finds in a stored
 * {"$ref": …}. The root and durable objects of this vat need no keeping (it does nothing); promises and heap objects cannot be kept.
 */
void vatd_ref_keep(struct vatd_ref *ref);
void vatd_ref_unkeep(struct vatd_ref *ref);

/* ---- sending ---- */

/*
 * Gets what became of a promise: `value`, or the reason when it was `rejected`. Called once, in a later turn of this crank or
 * in another crank; never called when the process ends first.
 */
typedef void vatd_result(struct vatd_vat *vat, void *context, bool rejected, const json_t *value);

/*
 * Sends a message. `target` may be a promise: the message goes to what it becomes, and need not wait for it here. `args` is a
 * JSON array (json_array() for none). `callback` gets the result; NULL: it is not wanted. Messages through one reference
 * arrive in the order of the sends. Arguments that cannot be sent reject the result (see vatd_message_return).
 */
void vatd_vat_send(struct vatd_vat *vat, struct vatd_ref *target, const char *method, json_t *args,
                   vatd_result *callback, void *context);

/* The same with a promise for the result: to be passed on, sent to, or waited for (vatd_vat_when). */
struct vatd_ref *vatd_vat_ask(struct vatd_vat *vat, struct vatd_ref *target, const char *method, json_t *args);

/* Calls `callback` when the promise has settled; with the object itself when `ref` is one. Any number of times. */
void vatd_vat_when(struct vatd_vat *vat, struct vatd_ref *ref, vatd_result *callback, void *context);

/* A new promise of this vat. Who wants to settle it in a later crank holds it. */
struct vatd_ref *vatd_vat_promise(struct vatd_vat *vat);
/* Settles a promise that vatd_vat_promise() made, once. As in vatd_message_return(), a promise as value is waited for. */
void vatd_vat_resolve(struct vatd_vat *vat, struct vatd_ref *promise, json_t *value);
void vatd_vat_reject(struct vatd_vat *vat, struct vatd_ref *promise, json_t *reason);

/* An error as a value; `name` is "Error", "TypeError", … */
json_t *vatd_json_error(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- storage ----
 *
 * Keys and values are UTF-8 texts; keys are in the order of their bytes. It is all in memory: reading costs no waiting. Keys
 * that begin with "vom.", "vc." or "vatd.", and "watchedPromiseTableID", belong to vatd. Limits: 64 KiB a key, 64 MiB a value,
 * one million changed keys a crank.
 */

/* The value, NUL-terminated, and its size (which may be NULL); NULL when there is none. A copy, until the end of the crank. */
const char *vatd_vat_get(struct vatd_vat *vat, const char *key, size_t *size);
/* False, and nothing has changed: over a limit, not UTF-8, or a key of vatd's. */
bool vatd_vat_set(struct vatd_vat *vat, const char *key, const char *value, size_t size);
bool vatd_vat_delete(struct vatd_vat *vat, const char *key);
/* The smallest key greater than `after`, which need not exist ("" for the first); NULL at the end. vatd's own are left out. */
const char *vatd_vat_next_key(struct vatd_vat *vat, const char *after);

/* The same as JSON text. NULL: there is none, or it is not JSON. The caller owns what is returned. */
json_t *vatd_vat_get_json(struct vatd_vat *vat, const char *key);
bool vatd_vat_set_json(struct vatd_vat *vat, const char *key, json_t *value);

#ifdef __cplusplus
}
#endif

#endif
