/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/services.c - see services.h. Invariant: for every row service.call.<kp> the promise is unresolved and the kernel
 * decides it; the row holds one reference to the message's target, its result and each of its slots.
 */
#include "kernel/services.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/crank.h"
#include "kernel/endowments.h"
#include "kernel/gate.h"
#include "kernel/promises.h"
#include "kernel/refs.h"
#include "kernel/requests.h"
#include "kernel/restart.h"

#include <stdlib.h>

struct service {
  char *name;
  bool system_only;
};

struct service_call {
  uint64_t number;
  struct kref promise;
  uint64_t vat; /* whose endowment was called, or 0 */
};

/* ---- the table ---- */

void services_init(struct service_table *table)
{
  *table = (struct service_table){0};
  idmap_init(&table->calls);
}

void services_forget_calls(struct service_table *table)
{
  struct service_call *call;
  size_t position = 0;
  while ((call = idmap_next(&table->calls, &position)))
    free(call);
  idmap_fini(&table->calls);
  idmap_init(&table->calls);
  number_list_clear(&table->interrupted);
}

void services_fini(struct service_table *table)
{
  services_forget_calls(table);
  idmap_fini(&table->calls);
  number_list_fini(&table->interrupted);
  for (size_t i = 0; i < table->count; i++)
    free(table->services[i].name);
  free(table->services);
}

struct bytes kernel_service_of(struct bytes name)
{
  static const char *const shared[] = {SERVICE_OF_CHANNELS, SERVICE_OF_TIMERS, SERVICE_OF_FETCH};
  for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
    if (bytes_start_with(name, bytes_of(shared[i])))
      return bytes_of(shared[i]);
  }
  return name;
}

/* Such names are for the kernel to give to whom they belong. */
static bool is_shared(struct bytes name)
{
  return kernel_service_of(name).data != name.data;
}

static struct service *find_service(struct kernel *k, struct bytes name)
{
  name = kernel_service_of(name);
  for (size_t i = 0; i < k->services.count; i++) {
    if (bytes_is(name, k->services.services[i].name))
      return &k->services.services[i];
  }
  return NULL;
}

enum vatd_code kernel_register_service(struct kernel *k, const char *name, bool system_only, struct error *error)
{
  struct service_table *table = &k->services;
  size_t size = strlen(name);
  if (size == 0 || size > LIMIT_NAME_LENGTH || !bytes_are_utf8(bytes_of(name)))
    return error_set(error, VATD_INVALID, "a service's name has 1 to %d bytes of UTF-8", LIMIT_NAME_LENGTH);
  if (find_service(k, bytes_of(name)))
    return error_set(error, VATD_EXISTS, "a service named '%s' is registered already", name);
  table->services = grown(table->services, table->count, &table->capacity, sizeof *table->services);
  table->services[table->count++] = (struct service){memory_strdup(name), system_only};
  return VATD_OK;
}

void kernel_unregister_service(struct kernel *k, const char *name)
{
  struct service *service = find_service(k, bytes_of(name));
  if (!service)
    return;
  free(service->name);
  *service = k->services.services[--k->services.count];
}

/* ---- objects ---- */

static struct bytes name_key(struct kernel *k, struct bytes name)
{
  return arena_printf(&k->arena, "kernelService.%.*s", BYTES_ARG(name));
}

static struct bytes service_key(struct kernel *k, struct kref object)
{
  return record_key(k, "%s.service", kref_text(object).text);
}

struct kref service_object_if_there(struct kernel *k, struct bytes name)
{
  struct bytes text;
  struct kref object = KREF_NOTHING;
  if (record_get(k, name_key(k, name), &text))
    KERNEL_EXPECT(k, kref_parse(text, &object), "kernelService.%.*s is malformed", BYTES_ARG(name));
  return object;
}

bool service_name_of(struct kernel *k, struct kref object, struct bytes *name)
{
  return record_get(k, service_key(k, object), name);
}

bool service_may_be_asked_for(struct kernel *k, struct bytes name, bool system)
{
  const struct service *service = find_service(k, name);
  if (is_shared(name))
    return false; /* channels belong to their subcluster, endowments to their vat */
  if (service)
    return system || !service->system_only;
  struct kref object = service_object_if_there(k, name);
  return object.type == KREF_OBJECT && record_owner(k, object) != ENDPOINT_KERNEL;
}

static void name_object(struct kernel *k, struct bytes name, struct kref object)
{
  record_put(k, name_key(k, name), bytes_of(kref_text(object).text));
  ref_add(k, object);
}

struct kref service_object(struct kernel *k, struct bytes name)
{
  struct kref object = service_object_if_there(k, name);
  if (object.type != KREF_NONE)
    return object;
  object = object_new(k, ENDPOINT_KERNEL);
  record_put(k, service_key(k, object), name);
  name_object(k, name, object);
  return object;
}

void service_forget_object(struct kernel *k, struct bytes name)
{
  struct kref object = service_object_if_there(k, name);
  if (object.type == KREF_NONE)
    return;
  record_delete(k, name_key(k, name));
  ref_drop(k, object);
}

static enum vatd_code check_offer(struct kernel *k, struct bytes name, struct bytes text, struct kref *object, struct error *error)
{
  if (name.size == 0 || name.size > LIMIT_NAME_LENGTH || !bytes_are_utf8(name))
    return error_set(error, VATD_INVALID, "a service's name has 1 to %d bytes of UTF-8", LIMIT_NAME_LENGTH);
  if (find_service(k, name) || service_object_if_there(k, name).type != KREF_NONE)
    return error_set(error, VATD_EXISTS, "a service named '%.*s' is registered already", BYTES_ARG(name));
  return request_check_object(k, text, object, error);
}

void kernel_name_service(struct kernel *k, uint64_t request, struct bytes name, struct bytes object)
{
  struct error error = {0};
  struct kref kref;
  arena_clear(&k->arena);
  if (check_offer(k, name, object, &kref, &error) != VATD_OK) {
    gate_answer_error(k, request, error.code, "%s", error.text);
    return;
  }
  crank_begin(k);
  name_object(k, name, kref);
  crank_keep(k);
  gate_answer(k, request, json_null());
}

/* ---- calls ---- */

static struct bytes call_key(struct kernel *k, struct kref promise)
{
  return record_key(k, "service.call.%s", kref_text(promise).text);
}

static uint64_t note_call(struct kernel *k, struct kref promise, uint64_t vat)
{
  struct service_call *call = memory_zalloc(sizeof *call);
  *call = (struct service_call){.number = ++k->services.next_call, .promise = promise, .vat = vat};
  idmap_put(&k->services.calls, call->number, call);
  return call->number;
}

/* A message that no service takes is rejected like one to a dead object. */
static void refuse_call(struct kernel *k, uint64_t slot, const struct queue_item *item, const char *code, const char *detail)
{
  struct kernel_data reason = kernel_error_data(k, code, detail);
  crank_reject_message(k, 0, slot, item, &reason);
}

/* The incarnation that sent it has ended: only the message itself still refers to its result. */
static bool nobody_waits(struct kernel *k, const struct queue_item *item)
{
  return item->result.type == KREF_PROMISE && record_promise_refs(k, item->result) == 1;
}

/* The row takes over the references that the queued message held. */
static void begin_call(struct kernel *k, uint64_t slot, const struct queue_item *queued, struct bytes name)
{
  struct queue_item item = *queued;
  crank_begin(k);
  if (item.result.type == KREF_NONE) {
    item.result = promise_new(k, 0);
    ref_add(k, item.result);
  }
  record_set_decider(k, item.result, ENDPOINT_KERNEL);
  record_put_item(k, call_key(k, item.result), &item);
  request_hold_slots(k, &item.methargs);
  queue_remove(k, 0, slot, &item);
  crank_keep(k);
  gate_call_service(k, note_call(k, item.result, endowment_vat(name)), name, kernel_data_to_json(&item.methargs));
}

void service_begin_call(struct kernel *k, uint64_t slot, const struct queue_item *queued, struct kref target)
{
  struct bytes name = bytes_of("");
  service_name_of(k, target, &name);
  if (!find_service(k, name)) {
    struct bytes detail = arena_printf(&k->arena, "no registered kernel service '%.*s'", BYTES_ARG(name));
    refuse_call(k, slot, queued, "ENDPOINT_UNREACHABLE", detail.data);
    return;
  }
  if (idmap_count(&k->services.calls) >= LIMIT_SERVICE_CALLS) {
    refuse_call(k, slot, queued, "LIMIT_EXCEEDED", "too many calls of kernel services are under way");
    return;
  }
  if (endowment_vat(name) && nobody_waits(k, queued))
    refuse_call(k, slot, queued, "VAT_RESTARTED", "nobody waits for the answer");
  else
    begin_call(k, slot, queued, name);
}

/* Settles the result of the call and removes its row; inside a crank. */
static void end_call(struct kernel *k, struct kref promise, bool rejected, const struct kernel_data *value)
{
  struct queue_item item;
  bool found = record_item(k, call_key(k, promise), &item);
  KERNEL_EXPECT(k, found, "service.call.%s is missing", kref_text(promise).text);
  if (!found)
    return;
  promise_settle(k, promise, rejected, value, 0);
  record_delete(k, call_key(k, promise));
  queue_release(k, &item);
}

enum vatd_code kernel_service_return(struct kernel *k, uint64_t number, bool rejected, struct bytes body,
                                     const json_t *slots, struct error *error)
{
  struct service_call *call = idmap_get(&k->services.calls, number);
  struct kernel_data value = {.body = body};
  if (kernel_is_broken(k))
    return k->broken.code;
  if (!call)
    return error_set(error, VATD_NOT_FOUND, "the call was answered already, or the state was cleared");
  arena_clear(&k->arena);
  if (body.size > LIMIT_CAPDATA_BODY)
    return error_set(error, VATD_LIMIT, "the answer has %zu bytes, the limit is %zu", body.size, LIMIT_CAPDATA_BODY);
  if (request_read_slots(k, slots, &value, error) != VATD_OK)
    return error->code;
  crank_begin(k);
  end_call(k, call->promise, rejected, &value);
  crank_keep(k);
  idmap_remove(&k->services.calls, number);
  free(call);
  return VATD_OK;
}

/* The numbers of the vat's calls, in the arena. */
static size_t calls_of(struct kernel *k, uint64_t vat, uint64_t **numbers)
{
  struct service_call *call;
  size_t position = 0;
  size_t count = 0;
  *numbers = arena_alloc_array(&k->arena, idmap_count(&k->services.calls), sizeof **numbers);
  while ((call = idmap_next(&k->services.calls, &position))) {
    if (call->vat == vat)
      (*numbers)[count++] = call->number;
  }
  return count;
}

void services_end_calls_of(struct kernel *k, uint64_t vat)
{
  uint64_t *numbers;
  size_t count = calls_of(k, vat, &numbers);
  for (size_t i = 0; i < count; i++) {
    struct service_call *call = idmap_get(&k->services.calls, numbers[i]);
    struct kernel_data reason = kernel_error_data(k, "VAT_RESTARTED", vat_id_text(vat).text);
    end_call(k, call->promise, true, &reason);
    gate_cancel_call(k, call->number);
    idmap_remove(&k->services.calls, call->number);
    free(call);
  }
}

/* ---- after a restart of the kernel ---- */

void services_find_interrupted(struct kernel *k)
{
  struct bytes prefix = bytes_of("service.call.");
  struct bytes key = prefix;
  struct kref promise = KREF_NOTHING;
  while (record_next_key(k, key, prefix, &key)) {
    bool valid = kref_parse(bytes_after(key, prefix.size), &promise);
    KERNEL_EXPECT(k, valid, "%.*s is malformed", BYTES_ARG(key));
    if (!valid)
      return;
    number_list_add(&k->services.interrupted, promise.id);
  }
}

/*
 * A delay of a vat that goes on with the heap it had (hibernation.h) is nothing that may have happened or not: it runs again,
 * from its beginning. True: so does this call.
 */
static bool delays_again(struct kernel *k, struct kref promise)
{
  struct queue_item item;
  struct bytes name = bytes_of("");
  if (!record_item(k, call_key(k, promise), &item))
    return false;
  bool is_delay = service_name_of(k, item.target, &name) && bytes_is(kernel_service_of(name), SERVICE_OF_TIMERS) && find_service(k, name);
  if (!is_delay || !record_is_live(k, endowment_vat(name)))
    return false;
  gate_call_service(k, note_call(k, promise, endowment_vat(name)), name, kernel_data_to_json(&item.methargs));
  return true;
}

bool services_end_interrupted(struct kernel *k)
{
  if (k->services.interrupted.count == 0)
    return false;
  uint64_t id = number_list_first(&k->services.interrupted);
  number_list_remove(&k->services.interrupted, id);
  if (delays_again(k, kref_promise(id)))
    return true;
  struct kernel_data reason =
      kernel_error_data(k, "SERVICE_INTERRUPTED", "the kernel ended before the service answered; it may have acted or not");
  crank_begin(k);
  end_call(k, kref_promise(id), true, &reason);
  crank_keep(k);
  return true;
}
