/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/promises.c - promises, and messages that leave.
 *
 *     PENDING --resolve to data or an object--> FULFILLED
 *        |  \--reject--> REJECTED
 *        \--resolve to another promise--> follows it, settles as that one does
 *
 * Who settles a promise: this vat (`ours`: made here, or the result of a message that it got) or the kernel, by a notify.
 * The kernel's c-list entry of a promise ends when it settles, on whichever side; so it is not `known` any more then.
 */
#include "vat/internal.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

json_t *vatd_json_error(const char *name, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  json_t *message = json_vsprintf(format, arguments);
  va_end(arguments);
  if (!message)
    message = json_string("(a message that is not UTF-8)");
  return json_pack("{s:o, s:s}", "#error", message, "name", name);
}

/* ---- settling ---- */

/* The value as the kernel is told of it; one that cannot be sent becomes a rejection that says so. */
static void tell_kernel(struct vatd_ref *ref, bool *rejected, json_t **value)
{
  struct vatd_vat *vat = ref->vat;
  struct error error;
  struct resolution *resolution = arena_alloc(&vat->crank->arena, sizeof *resolution);
  resolution->vpid = arena_copy(&vat->crank->arena, bytes_of(ref->text));
  if (data_encode(vat, *value, &resolution->data, &error) != VATD_OK) {
    json_decref(*value);
    *value = vatd_json_error("Error", "%s", error.text);
    *rejected = true;
    data_encode(vat, *value, &resolution->data, &error);
  }
  resolution->rejected = *rejected;
  struct vat_syscall syscall = {.type = SYSCALL_RESOLVE, .resolutions = {resolution, 1}};
  vat_syscall(vat, &syscall, capdata_size(&resolution->data));
}

/* Takes over the value. The kernel hears of it while the promise still has its name, in which the value may lead back to it. */
static void settle(struct vatd_ref *ref, bool rejected, json_t *value)
{
  struct promise *promise = &ref->promise;
  struct listener *next;
  CHECK(promise->state == PROMISE_PENDING);
  bool told = ref->known && promise->ours;
  if (told)
    tell_kernel(ref, &rejected, &value);
  promise->state = rejected ? PROMISE_REJECTED : PROMISE_FULFILLED;
  promise->value = value;
  promise->follows = NULL;
  ref->known = false;
  if (told)
    data_flush(ref->vat);
  for (struct listener *listener = promise->first; listener; listener = next) {
    next = listener->next;
    vat_add_job(ref->vat, listener, rejected, json_incref(value));
  }
  promise->first = promise->last = NULL;
}

/* Takes over the listener. */
static void listen(struct vatd_ref *ref, struct listener *listener)
{
  struct promise *promise = &ref->promise;
  if (promise->state != PROMISE_PENDING) {
    vat_add_job(ref->vat, listener, promise->state == PROMISE_REJECTED, json_incref(promise->value));
    return;
  }
  if (promise->last)
    promise->last->next = listener;
  else
    promise->first = listener;
  promise->last = listener;
}

static struct listener *listener_new(vatd_result *callback, void *context, struct vatd_ref *follower)
{
  struct listener *listener = memory_alloc(sizeof *listener);
  *listener = (struct listener){.callback = callback, .context = context, .follower = follower};
  return listener;
}

/* The promise that the value is, or NULL. */
static struct vatd_ref *as_promise(struct vatd_vat *vat, const json_t *value)
{
  struct vatd_ref *ref = vatd_json_ref(vat, value);
  return ref && ref->vref.promise ? ref : NULL;
}

static struct vatd_ref *end_of_chain(struct vatd_ref *ref)
{
  while (ref->promise.follows)
    ref = ref->promise.follows;
  return ref;
}

struct vatd_ref *promise_stand_in(struct vatd_ref *ref)
{
  while (ref->promise.follows && !ref->promise.ours)
    ref = ref->promise.follows;
  return ref;
}

void promise_resolve(struct vatd_ref *ref, json_t *value)
{
  struct vatd_ref *other = as_promise(ref->vat, value);
  if (!other) {
    settle(ref, false, value);
    return;
  }
  json_decref(value);
  if (end_of_chain(other) == ref) {
    settle(ref, true, vatd_json_error("TypeError", "promise resolves itself"));
    return;
  }
  ref->promise.follows = other;
  listen(other, listener_new(NULL, NULL, ref));
}

void promise_reject(struct vatd_ref *ref, json_t *reason)
{
  settle(ref, true, reason);
}

/* ---- promises of others ---- */

void promise_subscribe(struct vatd_ref *ref)
{
  struct promise *promise = &ref->promise;
  if (!ref->vref.promise || promise->ours || promise->subscribed)
    return;
  promise->subscribed = true;
  struct vat_syscall syscall = {.type = SYSCALL_SUBSCRIBE};
  syscall.vpid = arena_copy(&ref->vat->crank->arena, bytes_of(ref->text));
  vat_syscall(ref->vat, &syscall, syscall.vpid.size);
}

/* A promise that the kernel has settled; one that is new here comes with what another of them became. */
static struct vatd_ref *notified(struct vatd_vat *vat, struct bytes vpid)
{
  struct vatd_ref *ref = refs_arrive(vat, vpid);
  VAT_TRUST(vat, ref->vref.promise && !ref->promise.ours, "a notify of %s", ref->text);
  ref->promise.subscribed = true;
  return ref;
}

/* First all promises are there, then their values, which may name each other; then they settle. */
void promises_notified(struct vatd_vat *vat, const struct resolution_list *list)
{
  struct arena *arena = &vat->crank->arena;
  struct vatd_ref **refs = arena_alloc_array(arena, list->count, sizeof(struct vatd_ref *));
  json_t **values = arena_alloc_array(arena, list->count, sizeof(json_t *));
  struct error error;
  for (size_t i = 0; i < list->count; i++)
    refs[i] = notified(vat, list->items[i].vpid);
  for (size_t i = 0; i < list->count; i++)
    values[i] = data_decode(vat, &list->items[i].data, &error);
  for (size_t i = 0; i < list->count; i++) {
    VAT_TRUST(vat, !refs[i]->promise.follows && refs[i]->promise.state == PROMISE_PENDING, "two notifies of %s",
              refs[i]->text);
    refs[i]->known = false;
    if (!values[i])
      promise_reject(refs[i], vatd_json_error("Error", "what the promise became cannot be read"));
    else if (list->items[i].rejected)
      promise_reject(refs[i], values[i]);
    else
      promise_resolve(refs[i], values[i]);
  }
}

/* ---- the program's promises ---- */

struct vatd_ref *vatd_vat_promise(struct vatd_vat *vat)
{
  struct vatd_ref *ref = refs_new_export(vat, 'p');
  ref->promise.ours = true;
  return ref;
}

static void expect_to_settle(struct vatd_vat *vat, const struct vatd_ref *ref)
{
  VAT_EXPECT(vat, ref_usable(ref), "%s is used after its time", ref->text);
  VAT_EXPECT(vat, ref->vref.promise && ref->vref.exported && ref->promise.ours, "%s is not a promise of this vat", ref->text);
  VAT_EXPECT(vat, ref->promise.state == PROMISE_PENDING && !ref->promise.follows, "%s is settled twice", ref->text);
}

void vatd_vat_resolve(struct vatd_vat *vat, struct vatd_ref *promise, json_t *value)
{
  expect_to_settle(vat, promise);
  promise_resolve(promise, value);
}

void vatd_vat_reject(struct vatd_vat *vat, struct vatd_ref *promise, json_t *reason)
{
  expect_to_settle(vat, promise);
  promise_reject(promise, reason);
}

void vatd_vat_when(struct vatd_vat *vat, struct vatd_ref *ref, vatd_result *callback, void *context)
{
  VAT_EXPECT(vat, callback, "vatd_vat_when() wants a callback");
  VAT_EXPECT(vat, ref_usable(ref), "%s is used after its time", ref->text);
  struct listener *listener = listener_new(callback, context, NULL);
  if (ref->vref.promise)
    listen(ref, listener);
  else
    vat_add_job(vat, listener, false, vatd_ref_json(ref));
}

/* ---- sending ---- */

/* Follows settled promises to what they have become. Another reference, or NULL with the reason: a rejection's, or that it
 * is data. */
static struct vatd_ref *destination(struct vatd_ref *ref, json_t **reason)
{
  for (ref = promise_stand_in(ref); ref->promise.state != PROMISE_PENDING; ref = promise_stand_in(ref)) {
    const json_t *value = ref->promise.value;
    if (ref->promise.state == PROMISE_REJECTED) {
      *reason = json_incref((json_t *)value);
      return NULL;
    }
    const char *text = data_reference(value);
    struct vatd_ref *next = text ? refs_find(ref->vat, bytes_of(text)) : NULL;
    if (!next) {
      *reason = vatd_json_error("TypeError", "the promise was fulfilled with data that is not an object");
      return NULL;
    }
    ref = ref_touch(next);
  }
  if (!object_is_gone(ref))
    return ref;
  *reason = vatd_json_error("Error", "[KERNEL:OBJECT_DELETED] %s", ref->text);
  return NULL;
}

/* Takes over the arguments. The result is NULL when it is not wanted. */
static bool emit_send(struct vatd_ref *target, const char *method, json_t *args, struct vatd_ref *result,
                      struct error *error)
{
  struct vatd_vat *vat = target->vat;
  struct vat_syscall syscall = {.type = SYSCALL_SEND};
  struct arena *arena = &vat->crank->arena;
  json_t *methargs = json_pack("[s, o]", method, args);
  VAT_EXPECT(vat, methargs, "a method's name is not UTF-8");
  bool encoded = data_encode(vat, methargs, &syscall.message.methargs, error) == VATD_OK;
  json_decref(methargs);
  if (!encoded)
    return false;
  target->known = true;
  target->reachable = true;
  syscall.message.target = arena_copy(arena, bytes_of(target->text));
  if (result) {
    result->known = true;
    syscall.message.result = arena_copy(arena, bytes_of(result->text));
  }
  vat_syscall(vat, &syscall, capdata_size(&syscall.message.methargs) + 64);
  data_flush(vat);
  return true;
}

/* A message that cannot leave: as if its result had been rejected. */
static void fail_to_send(struct vatd_vat *vat, struct vatd_ref *result, json_t *reason)
{
  if (result) {
    settle(result, true, reason);
    return;
  }
  const char *text = json_string_value(json_object_get(reason, "#error"));
  vatd_vat_log(vat, "warn", "a message could not be sent: %s", text ? text : "its target is a rejected promise");
  json_decref(reason);
}

static void send_message(struct vatd_vat *vat, struct vatd_ref *target, const char *method, json_t *args,
                         struct vatd_ref *result)
{
  struct error error;
  json_t *reason = NULL;
  VAT_EXPECT(vat, target && method && json_is_array(args), "a message wants a target, a method and an array of arguments");
  VAT_EXPECT(vat, ref_usable(target), "%s is used after its time", target->text);
  struct vatd_ref *to = destination(target, &reason);
  if (!to)
    json_decref(args);
  else if (!emit_send(to, method, args, result, &error))
    reason = vatd_json_error("Error", "%s", error.text);
  if (reason)
    fail_to_send(vat, result, reason);
  else if (result)
    promise_subscribe(result);
}

struct vatd_ref *vatd_vat_ask(struct vatd_vat *vat, struct vatd_ref *target, const char *method, json_t *args)
{
  struct vatd_ref *result = refs_new_export(vat, 'p');
  send_message(vat, target, method, args, result);
  return result;
}

void vatd_vat_send(struct vatd_vat *vat, struct vatd_ref *target, const char *method, json_t *args,
                   vatd_result *callback, void *context)
{
  if (callback)
    vatd_vat_when(vat, vatd_vat_ask(vat, target, method, args), callback, context);
  else
    send_message(vat, target, method, args, NULL);
}
