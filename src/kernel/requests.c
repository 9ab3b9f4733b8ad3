/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/requests.c - the requests that change something (kernel.h), and requests.h. Each is one crank: checked whole, then
 * applied. status.c has those that only look.
 */
#include "kernel/requests.h"
#include "base/check.h"
#include "base/memory.h"
#include "kernel/crank.h"
#include "kernel/gate.h"
#include "kernel/gc.h"
#include "kernel/launch.h"
#include "kernel/promises.h"
#include "kernel/records.h"
#include "kernel/refs.h"
#include "kernel/suspension.h"
#include "kernel/targets.h"
#include "kernel/vats.h"

#include <stdlib.h>

/* ---- waiting for a promise ---- */

static void wait_for(struct kernel *k, struct kref promise, uint64_t request)
{
  if (request == 0)
    return;
  struct waiter *waiter = memory_zalloc(sizeof *waiter);
  struct waiter *first = idmap_get(&k->waiters, promise.id);
  waiter->request = request;
  k->waiter_count++;
  if (!first) {
    idmap_put(&k->waiters, promise.id, waiter);
    return;
  }
  while (first->next)
    first = first->next;
  first->next = waiter;
}

const char *request_rejection_text(struct kernel *k, const struct kernel_data *reason)
{
  struct bytes body = reason->body;
  const char *text = arena_copy(&k->arena, body).data;
  if (body.size < 2 || body.data[0] != '#')
    return text;
  json_t *json = json_loadb(body.data + 1, body.size - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  const char *message = json_string_value(json_object_get(json, "#error"));
  const char *name = json_string_value(json_object_get(json, "name"));
  if (message)
    text = arena_printf(&k->arena, "%s: %s", name ? name : "Error", message).data;
  else if (json_is_string(json))
    text = arena_printf(&k->arena, "%s", json_string_value(json)).data;
  json_decref(json);
  return text;
}

static struct bytes hold_key(struct kernel *k, struct kref kref)
{
  return record_key(k, "host.%s", kref_text(kref).text);
}

void request_hold_slots(struct kernel *k, const struct kernel_data *data)
{
  for (size_t i = 0; i < data->slot_count; i++) {
    struct bytes key = hold_key(k, data->slots[i]);
    if (record_get(k, key, NULL))
      continue;
    record_put(k, key, bytes_of("1"));
    ref_add(k, data->slots[i]);
  }
}

static void answer_with_promise(struct kernel *k, uint64_t request, struct kref promise)
{
  enum promise_state state = record_promise_state(k, promise);
  struct kernel_data value = record_promise_value(k, promise);
  request_hold_slots(k, &value);
  if (state == PROMISE_FULFILLED)
    gate_answer(k, request, kernel_data_to_json(&value));
  else
    gate_answer_rejected(k, request, kernel_data_to_json(&value), request_rejection_text(k, &value));
}

static void answer_waiters(struct kernel *k, struct kref promise)
{
  struct waiter *waiter = idmap_get(&k->waiters, promise.id);
  idmap_remove(&k->waiters, promise.id);
  while (waiter) {
    struct waiter *next = waiter->next;
    answer_with_promise(k, waiter->request, promise);
    free(waiter);
    k->waiter_count--;
    waiter = next;
  }
}

void requests_answer_settled(struct kernel *k)
{
  for (size_t i = 0; i < k->staged.settled_count && !kernel_is_broken(k); i++) {
    answer_waiters(k, k->staged.settled[i]);
    launch_note_settled(k, k->staged.settled[i]);
  }
}

void requests_abandon(struct kernel *k, const char *why)
{
  struct waiter *waiter;
  size_t position = 0;
  while ((waiter = idmap_next(&k->waiters, &position))) {
    for (; waiter; waiter = waiter->next)
      gate_answer_error(k, waiter->request, VATD_REJECTED, "%s", why);
  }
  requests_forget(k);
}

void requests_forget(struct kernel *k)
{
  struct waiter *waiter;
  size_t position = 0;
  while ((waiter = idmap_next(&k->waiters, &position))) {
    while (waiter) {
      struct waiter *next = waiter->next;
      free(waiter);
      waiter = next;
    }
  }
  idmap_fini(&k->waiters);
  idmap_init(&k->waiters);
  k->waiter_count = 0;
}

/* ---- idempotency ---- */

static struct bytes idempotency_key(struct kernel *k, const char *key)
{
  return record_key(k, "idempotency.key.%s", key);
}

static struct bytes waiting_key(struct kernel *k, const char *id)
{
  return record_key(k, "%s.idempotency", id);
}

/* Answers from the row of a finished request. */
static void answer_from_row(struct kernel *k, uint64_t request, const json_t *row)
{
  json_t *result = json_object_get(row, "result");
  if (result) {
    gate_answer(k, request, json_incref(result));
    return;
  }
  const char *text = json_string_value(json_object_get(row, "error"));
  enum vatd_code code = (enum vatd_code)json_integer_value(json_object_get(row, "code"));
  json_t *rejection = json_object_get(row, "rejection");
  if (rejection)
    gate_answer_rejected(k, request, json_incref(rejection), text ? text : "");
  else
    gate_answer_error(k, request, code, "%s", text ? text : "");
}

/* The request with this key is still under way: this one waits for the same end. */
static void join_request(struct kernel *k, uint64_t request, const json_t *row)
{
  struct kref promise;
  uint64_t subcluster;
  const char *text = json_string_value(json_object_get(row, "promise"));
  if (text && kref_parse(bytes_of(text), &promise)) {
    wait_for(k, promise, request);
    return;
  }
  text = json_string_value(json_object_get(row, "launch"));
  for (struct launch *launch = k->launches; launch; launch = launch->next) {
    if (text && subcluster_id_parse(bytes_of(text), &subcluster) && launch->subcluster == subcluster) {
      gate_answer_error(k, launch->request, VATD_BUSY, "another request with the same idempotency key took over");
      launch->request = request;
      return;
    }
  }
  gate_answer_error(k, request, VATD_BUSY, "the launch with this idempotency key is being undone; ask again");
}

/* True when the request with this key was made before, and has been dealt with here. */
static bool made_before(struct kernel *k, uint64_t request, const char *key)
{
  if (!key)
    return false;
  if (key[0] == '\0' || strlen(key) > LIMIT_IDEMPOTENCY_KEY_LENGTH) {
    gate_answer_error(k, request, VATD_INVALID, "an idempotency key has 1 to %d bytes", LIMIT_IDEMPOTENCY_KEY_LENGTH);
    return true;
  }
  json_t *row = record_json(k, idempotency_key(k, key));
  if (!row)
    return false;
  if (json_object_get(row, "promise") || json_object_get(row, "launch"))
    join_request(k, request, row);
  else
    answer_from_row(k, request, row);
  json_decref(row);
  return true;
}

/* Forgets the oldest key when there are too many; one that is still under way stays known until its end. */
static void forget_oldest_key(struct kernel *k)
{
  uint64_t head = record_number(k, bytes_of("idempotency.head"), 1);
  uint64_t tail = record_number(k, bytes_of("idempotency.tail"), 1);
  if (head - tail < LIMIT_IDEMPOTENCY_KEYS)
    return;
  struct bytes at = record_key(k, "idempotency.at.%lu", (unsigned long)tail);
  struct bytes key;
  if (record_get(k, at, &key)) {
    json_t *row = record_json(k, idempotency_key(k, key.data));
    if (row && !json_object_get(row, "promise") && !json_object_get(row, "launch"))
      record_delete(k, idempotency_key(k, key.data));
    json_decref(row);
  }
  record_delete(k, at);
  record_put_number(k, bytes_of("idempotency.tail"), tail + 1);
}

/* Writes the first row of a new key. Takes over `row`. */
static void note_key(struct kernel *k, const char *key, json_t *row)
{
  forget_oldest_key(k);
  uint64_t head = record_number(k, bytes_of("idempotency.head"), 1);
  record_put(k, record_key(k, "idempotency.at.%lu", (unsigned long)head), bytes_of(key));
  record_put_number(k, bytes_of("idempotency.head"), head + 1);
  record_put_json(k, idempotency_key(k, key), row);
  json_decref(row);
}

/* Replaces the row of a key that waits for `id` (a promise or a launch). Takes over `row`. */
static bool end_key(struct kernel *k, const char *id, json_t *row)
{
  struct bytes waiting = waiting_key(k, id);
  struct bytes key;
  bool found = record_get(k, waiting, &key);
  if (found) {
    record_put_json(k, idempotency_key(k, key.data), row);
    record_delete(k, waiting);
  }
  json_decref(row);
  return found;
}

void request_promise_settled(struct kernel *k, struct kref promise)
{
  struct id_text id = kref_text(promise);
  if (!record_get(k, waiting_key(k, id.text), NULL))
    return;
  struct kernel_data value = record_promise_value(k, promise);
  request_hold_slots(k, &value);
  json_t *data = kernel_data_to_json(&value);
  if (record_promise_state(k, promise) == PROMISE_FULFILLED)
    end_key(k, id.text, json_pack("{s:o}", "result", data));
  else
    end_key(k, id.text,
            json_pack("{s:i, s:s, s:o}", "code", VATD_REJECTED, "error", request_rejection_text(k, &value), "rejection",
                      data));
  ref_drop(k, promise);
}

void request_note_launch(struct kernel *k, const char *key, uint64_t subcluster)
{
  if (!key)
    return;
  struct id_text id = subcluster_id_text(subcluster);
  note_key(k, key, json_pack("{s:s}", "launch", id.text));
  record_put(k, waiting_key(k, id.text), bytes_of(key));
}

void request_launch_ended(struct kernel *k, uint64_t subcluster, enum vatd_code code, const json_t *result,
                          const char *text)
{
  json_t *row = result ? json_pack("{s:O}", "result", result) : json_pack("{s:i, s:s}", "code", code, "error", text);
  end_key(k, subcluster_id_text(subcluster).text, row);
}

/* ---- messages ---- */

static enum vatd_code expect_reference(struct kernel *k, struct kref kref, struct error *error)
{
  struct object_counts counts;
  /* What nobody can reach cannot be reached by the host either: its owner may be forgetting it at this moment. */
  bool exists = kref.type == KREF_OBJECT ? record_object_counts(k, kref, &counts) && counts.reachable > 0
                                         : record_promise_state(k, kref) != PROMISE_MISSING;
  return exists ? VATD_OK : error_set(error, VATD_NOT_FOUND, "there is no %s", kref_text(kref).text);
}

/* A kref, or the root of the vat with this id or name. */
static enum vatd_code find_target(struct kernel *k, struct bytes text, struct kref *target, struct error *error)
{
  struct kref kref;
  if (kref_parse(text, &kref)) {
    if (expect_reference(k, kref, error) != VATD_OK)
      return VATD_NOT_FOUND;
    *target = kref;
    return VATD_OK;
  }
  return target_find_root(k, text, target, error);
}

enum vatd_code request_read_slots(struct kernel *k, const json_t *slots, struct kernel_data *data, struct error *error)
{
  size_t count = json_array_size(slots);
  if (count > LIMIT_SLOTS_PER_CAPDATA)
    return error_set(error, VATD_LIMIT, "%zu references, the limit is %d", count, LIMIT_SLOTS_PER_CAPDATA);
  data->slot_count = count;
  data->slots = arena_alloc_array(&k->arena, count, sizeof *data->slots);
  for (size_t i = 0; i < count; i++) {
    const char *text = json_string_value(json_array_get(slots, i));
    if (!text || !kref_parse(bytes_of(text), &data->slots[i]))
      return error_set(error, VATD_INVALID, "invalid reference context: slot %zu is not a kref", i);
    if (expect_reference(k, data->slots[i], error) != VATD_OK)
      return error->code;
  }
  return VATD_OK;
}

static void answer_error(struct kernel *k, uint64_t request, const struct error *error)
{
  gate_answer_error(k, request, error->code, "%s", error->text);
}

bool request_find_vat(struct kernel *k, uint64_t request, struct bytes vat, uint64_t *id)
{
  struct error error = {0};
  if (kernel_find_vat(k, vat, id, &error) == VATD_OK)
    return true;
  answer_error(k, request, &error);
  return false;
}

static void begin_input(struct kernel *k)
{
  arena_clear(&k->arena);
}

void kernel_queue_message(struct kernel *k, uint64_t request, const char *key, struct bytes target, struct bytes body,
                          const json_t *slots)
{
  struct error error = {0};
  struct queue_item item = {.methargs = {.body = body}};
  begin_input(k);
  if (made_before(k, request, key))
    return;
  if (body.size > LIMIT_CAPDATA_BODY) {
    gate_answer_error(k, request, VATD_LIMIT, "the message has %zu bytes, the limit is %zu", body.size, LIMIT_CAPDATA_BODY);
    return;
  }
  if (find_target(k, target, &item.target, &error) != VATD_OK || request_read_slots(k, slots, &item.methargs, &error) != VATD_OK) {
    answer_error(k, request, &error);
    return;
  }
  crank_begin(k);
  item.result = promise_new(k, 0);
  if (key) {
    note_key(k, key, json_pack("{s:s}", "promise", kref_text(item.result).text));
    record_put(k, waiting_key(k, kref_text(item.result).text), bytes_of(key));
    ref_add(k, item.result);
  }
  queue_message(k, &item, true);
  wait_for(k, item.result, request);
  crank_keep(k);
}

/* ---- launches and ends ---- */

/* A JavaScript bundle travels in a frame, as a text; a program does not. */
static bool is_good_code(const json_t *vat, struct bytes code)
{
  bool is_program = json_object_get(vat, "programSpec") != NULL;
  return code.size <= LIMIT_BUNDLE && (is_program ? code.size > 0 : bytes_are_utf8(code));
}

static enum vatd_code check_bundles(struct kernel *k, const struct launch_order *order, struct error *error)
{
  const struct launch_bundle *bundles = order->bundles;
  const char *name;
  json_t *vat;
  json_object_foreach(json_object_get(order->config, "vats"), name, vat) {
    uint64_t *others;
    size_t at = 0;
    while (at < order->bundle_count && strcmp(bundles[at].vat_name, name) != 0)
      at++;
    if (at == order->bundle_count)
      return error_set(error, VATD_INVALID, "vat \"%s\" has no bundle", name);
    if (!is_good_code(vat, bundles[at].code))
      return error_set(error, VATD_INVALID,
                       "vat \"%s\": its code is not a bundle (a UTF-8 text) or a program of at most %zu bytes", name,
                       LIMIT_BUNDLE);
    if (order->unique_names && vats_named(k, bytes_of(name), &others) > 0)
      return error_set(error, VATD_EXISTS, "a vat named \"%s\" exists (%s)", name, vat_id_text(others[0]).text);
  }
  return VATD_OK;
}

void kernel_launch(struct kernel *k, uint64_t request, const char *key, const struct launch_order *order)
{
  struct error error = {0};
  begin_input(k);
  if (made_before(k, request, key))
    return;
  if (kernel_check_config(order->config, &error) != VATD_OK || check_bundles(k, order, &error) != VATD_OK ||
      launch_check_services(k, order, &error) != VATD_OK)
    answer_error(k, request, &error);
  else
    launch_begin(k, request, key, order);
}

/* The answer null, remembered under the key; inside a crank. */
static void note_done(struct kernel *k, const char *key)
{
  if (key)
    note_key(k, key, json_pack("{s:n}", "result"));
}

void kernel_terminate_vat(struct kernel *k, uint64_t request, const char *key, struct bytes vat)
{
  uint64_t id;
  begin_input(k);
  if (made_before(k, request, key) || !request_find_vat(k, request, vat, &id))
    return;
  struct launch *launch = launch_of_vat(k, id);
  if (launch)
    launch_fail_by_vat(k, launch, id, "terminated");
  crank_begin(k);
  vat_terminate(k, id, "terminated");
  note_done(k, key);
  crank_keep(k);
  gate_answer(k, request, json_null());
}

/* Ends launches of the subcluster first: their answer says why. */
static void terminate_subcluster(struct kernel *k, uint64_t id)
{
  for (struct launch *launch = k->launches; launch; launch = launch->next) {
    if (launch->subcluster == id) {
      launch_fail_by_vat(k, launch, launch->vats[0], "terminated");
      return;
    }
  }
  crank_begin(k);
  subcluster_terminate(k, id, "terminated");
  crank_keep(k);
}

void kernel_terminate_subcluster(struct kernel *k, uint64_t request, const char *key, struct bytes id)
{
  uint64_t number;
  begin_input(k);
  if (made_before(k, request, key))
    return;
  json_t *row = subcluster_id_parse(id, &number) ? subcluster_json(k, number) : NULL;
  if (!row) {
    gate_answer_error(k, request, VATD_NOT_FOUND, "Subcluster does not exist: %.*s", BYTES_ARG(id));
    return;
  }
  json_decref(row);
  terminate_subcluster(k, number);
  crank_begin(k);
  note_done(k, key);
  crank_keep(k);
  gate_answer(k, request, json_null());
}

void kernel_terminate_all(struct kernel *k, uint64_t request, const char *key)
{
  uint64_t *ids;
  begin_input(k);
  if (made_before(k, request, key))
    return;
  size_t count = subclusters_all(k, &ids);
  for (size_t i = count; i > 0; i--)
    terminate_subcluster(k, ids[i - 1]);
  crank_begin(k);
  note_done(k, key);
  crank_keep(k);
  gate_answer(k, request, json_null());
}

void kernel_restart_vat(struct kernel *k, uint64_t request, struct bytes vat)
{
  uint64_t id;
  begin_input(k);
  if (!request_find_vat(k, request, vat, &id))
    return;
  struct vat *at_run_time = vat_of(k, id);
  if (launch_of_vat(k, id)) {
    gate_answer_error(k, request, VATD_BUSY, "vat %s is being launched", vat_id_text(id).text);
    return;
  }
  vat_stop_worker(k, at_run_time);
  crank_restart(k, at_run_time);
  suspension_end(k, at_run_time);
  number_list_add(&at_run_time->starts, request);
}

void kernel_resume_vat(struct kernel *k, uint64_t request, struct bytes vat)
{
  uint64_t id;
  begin_input(k);
  if (!request_find_vat(k, request, vat, &id))
    return;
  if (!vat_of(k, id)->suspended) {
    gate_answer_error(k, request, VATD_INVALID, "vat %s is not suspended", vat_id_text(id).text);
    return;
  }
  suspension_end(k, vat_of(k, id));
  gate_answer(k, request, json_null());
}

void kernel_ping_vat(struct kernel *k, uint64_t request, struct bytes vat)
{
  uint64_t id;
  begin_input(k);
  if (!request_find_vat(k, request, vat, &id))
    return;
  struct vat *at_run_time = vat_of(k, id);
  if (at_run_time->suspended) {
    struct bytes cause = bytes_of("");
    suspension_cause(k, id, &cause);
    gate_answer_error(k, request, VATD_REJECTED, "vat %s is suspended: %.*s", vat_id_text(id).text, BYTES_ARG(cause));
    return;
  }
  number_list_add(&at_run_time->pings, request);
  if (at_run_time->phase == VAT_IDLE || at_run_time->phase == VAT_BUSY) {
    struct buffer frame;
    buffer_init(&frame, LIMIT_FRAME_TO_WORKER);
    frame_encode_ping(&frame, request);
    effect_send(k, at_run_time, &frame, false);
  }
  vat_make_ready(k, at_run_time);
}

/* ---- garbage ---- */

void kernel_collect_garbage(struct kernel *k, uint64_t request)
{
  uint64_t *ids;
  begin_input(k);
  size_t count = vats_all(k, &ids);
  for (size_t i = 0; i < count; i++) {
    struct vat *vat = vat_if_known(k, ids[i]);
    bool awake = vat && vat->phase != VAT_ASLEEP;
    if (!awake && !gc_pending(k, ids[i]))
      continue;
    vat = vat_of(k, ids[i]);
    crank_begin(k);
    gc_set_reap(k, vat->id, true);
    crank_keep(k);
    vat->reap_due = true;
    vat->has_garbage = true;
    vat->wake = true;
    vat_make_ready(k, vat);
  }
  gate_answer(k, request, json_null());
}

/* ---- what the host holds ---- */

static bool read_reference(struct kernel *k, uint64_t request, struct bytes text, struct kref *kref)
{
  struct error error = {0};
  if (!kref_parse(text, kref))
    error_set(&error, VATD_INVALID, "'%.*s' is not a reference such as ko7 or kp3", BYTES_ARG(text));
  else if (expect_reference(k, *kref, &error) == VATD_OK)
    return true;
  answer_error(k, request, &error);
  return false;
}

void kernel_pin(struct kernel *k, uint64_t request, struct bytes text)
{
  struct kref kref;
  begin_input(k);
  if (!read_reference(k, request, text, &kref))
    return;
  crank_begin(k);
  request_hold_slots(k, &(struct kernel_data){.slots = &kref, .slot_count = 1});
  crank_keep(k);
  gate_answer(k, request, json_null());
}

void kernel_release(struct kernel *k, uint64_t request, struct bytes text)
{
  struct kref kref;
  begin_input(k);
  if (!read_reference(k, request, text, &kref))
    return;
  crank_begin(k);
  if (record_get(k, hold_key(k, kref), NULL)) {
    record_delete(k, hold_key(k, kref));
    ref_drop(k, kref);
  }
  crank_keep(k);
  gate_answer(k, request, json_null());
}

/* ---- revocation ---- */

enum vatd_code request_check_object(struct kernel *k, struct bytes text, struct kref *object, struct error *error)
{
  struct kref kref;
  if (!kref_parse(text, &kref) || kref.type != KREF_OBJECT)
    return error_set(error, VATD_INVALID, "'%.*s' is not an object reference such as ko7", BYTES_ARG(text));
  if (expect_reference(k, kref, error) != VATD_OK)
    return error->code;
  *object = kref;
  return VATD_OK;
}

static bool read_object(struct kernel *k, uint64_t request, struct bytes text, struct kref *object)
{
  struct error error = {0};
  if (request_check_object(k, text, object, &error) == VATD_OK)
    return true;
  answer_error(k, request, &error);
  return false;
}

void kernel_revoke(struct kernel *k, uint64_t request, struct bytes text)
{
  struct kref object;
  begin_input(k);
  if (!read_object(k, request, text, &object))
    return;
  crank_begin(k);
  record_set_revoked(k, object);
  crank_keep(k);
  gate_answer(k, request, json_null());
}

void kernel_is_revoked(struct kernel *k, uint64_t request, struct bytes text)
{
  struct kref object;
  begin_input(k);
  if (read_object(k, request, text, &object))
    gate_answer(k, request, json_boolean(record_revoked(k, object)));
}
