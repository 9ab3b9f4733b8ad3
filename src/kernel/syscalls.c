/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/syscalls.c - see syscalls.h. For each syscall there is a check_…, which changes nothing and may refuse, and an
 * apply_…, which cannot fail for what was checked.
 *
 * Data that is handed on (capdata) must be such that its receiver can read it: wire/capdata_check.h.
 *
 *   send         the target may be named, the result is a fresh promise of the vat or one it decides; the vat gives up
 *                deciding it
 *   subscribe    the promise may be named; a fresh one becomes a promise of the vat (liveslots subscribes to its own watched
 *                promises, so that it hears when the kernel rejects them)
 *   resolve      each promise is fresh or unresolved and decided by the vat, none twice; afterwards the vat's c-list entries
 *                of all of them end, as liveslots forgets them too
 *   exit         noted; the crank's end acts on it
 *   dropImports, retireImports, retireExports, abandonExports
 *                the c-list side of garbage collection: flags, entries and counts of this vat
 */
#include "kernel/syscalls.h"
#include "kernel/clist.h"
#include "kernel/promises.h"
#include "kernel/quota.h"
#include "kernel/refs.h"
#include "wire/capdata_check.h"

static bool refuse(struct error *why, const char *rule, struct bytes vref)
{
  error_set(why, VATD_INVALID, "%.*s %s", BYTES_ARG(vref), rule);
  return false;
}

/* The vat may settle this promise, or hand it out as a result: it decides it, or it is fresh. */
static bool may_decide(struct kernel *k, uint64_t vat, struct bytes vpid, struct error *why)
{
  struct vref parsed;
  struct clist_row row;
  if (!vref_parse(vpid, &parsed) || !parsed.promise)
    return refuse(why, "is not a promise", vpid);
  if (!record_clist_by_vref(k, vat, vpid, &row))
    return parsed.exported || refuse(why, "is not in the c-list", vpid);
  if (record_promise_state(k, row.kref) != PROMISE_UNRESOLVED)
    return refuse(why, "is settled already", vpid);
  if (record_decider(k, row.kref) != vat)
    return refuse(why, "is not this vat's to decide", vpid);
  return true;
}

static bool check_send(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct error *why)
{
  const struct vat_message *message = &call->message;
  return clist_may_name(k, vat, message->target, why) &&
         clist_may_name_all(k, vat, &message->methargs.slots, why) &&
         (message->result.size == 0 || may_decide(k, vat, message->result, why)) &&
         capdata_check_message(&message->methargs, why) == VATD_OK;
}

static void apply_send(struct kernel *k, uint64_t vat, const struct vat_syscall *call)
{
  const struct vat_message *message = &call->message;
  struct queue_item item = {.target = clist_export(k, vat, message->target), .sender = vat};
  item.methargs = clist_export_data(k, vat, &message->methargs);
  uint64_t known = k->staged.promises;
  if (message->result.size) {
    item.result = clist_export(k, vat, message->result);
    record_set_decider(k, item.result, 0);
  }
  k->staged.messages++;
  queue_message(k, &item, k->staged.promises > known);
}

static bool check_subscribe(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct error *why)
{
  struct vref parsed;
  if (!vref_parse(call->vpid, &parsed) || !parsed.promise)
    return refuse(why, "is not a promise", call->vpid);
  return clist_may_name(k, vat, call->vpid, why);
}

static void apply_subscribe(struct kernel *k, uint64_t vat, const struct vat_syscall *call)
{
  promise_subscribe(k, clist_export(k, vat, call->vpid), vat);
}

static bool named_earlier(const struct resolution_list *list, size_t index)
{
  for (size_t i = 0; i < index; i++) {
    if (bytes_equal(list->items[i].vpid, list->items[index].vpid))
      return true;
  }
  return false;
}

static bool check_resolve(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct error *why)
{
  const struct resolution_list *list = &call->resolutions;
  for (size_t i = 0; i < list->count; i++) {
    const struct resolution *resolution = &list->items[i];
    if (!may_decide(k, vat, resolution->vpid, why) || !clist_may_name_all(k, vat, &resolution->data.slots, why) ||
        capdata_check(&resolution->data, why) != VATD_OK)
      return false;
    if (named_earlier(list, i))
      return refuse(why, "is resolved twice", resolution->vpid);
  }
  return true;
}

/* First all names become krefs (a value may name a promise that is resolved further on), then all promises settle. */
static void apply_resolve(struct kernel *k, uint64_t vat, const struct vat_syscall *call)
{
  const struct resolution_list *list = &call->resolutions;
  struct kref *promises = arena_alloc_array(&k->arena, list->count, sizeof *promises);
  struct kernel_data *values = arena_alloc_array(&k->arena, list->count, sizeof *values);
  for (size_t i = 0; i < list->count; i++) {
    promises[i] = clist_export(k, vat, list->items[i].vpid);
    values[i] = clist_export_data(k, vat, &list->items[i].data);
  }
  for (size_t i = 0; i < list->count; i++)
    promise_settle(k, promises[i], list->items[i].rejected, &values[i], vat);
  for (size_t i = 0; i < list->count; i++)
    clist_remove_promise(k, vat, promises[i]);
}

/* What a GC syscall asks of each entry it names. */
struct gc_rule {
  bool of_exports; /* o+…, else o-… */
  bool reachable;  /* the flag that the entry must have */
  bool keeps_entry;
};

static const struct gc_rule gc_rules[] = {
    [SYSCALL_DROP_IMPORTS] = {.of_exports = false, .reachable = true, .keeps_entry = true},
    [SYSCALL_RETIRE_IMPORTS] = {.of_exports = false, .reachable = false},
    [SYSCALL_RETIRE_EXPORTS] = {.of_exports = true, .reachable = false},
    [SYSCALL_ABANDON_EXPORTS] = {.of_exports = true, .reachable = true},
};

static bool check_gc_entry(struct kernel *k, uint64_t vat, enum syscall_type type, struct bytes vref, struct error *why)
{
  const struct gc_rule *rule = &gc_rules[type];
  struct vref parsed;
  struct clist_row row;
  if (!vref_parse(vref, &parsed) || parsed.promise || parsed.exported != rule->of_exports)
    return refuse(why, rule->of_exports ? "is not an export" : "is not an import", vref);
  if (!record_clist_by_vref(k, vat, vref, &row))
    return refuse(why, "is not in the c-list", vref);
  if (type != SYSCALL_ABANDON_EXPORTS && row.reachable != rule->reachable)
    return refuse(why, rule->reachable ? "was dropped already" : "is still reachable", vref);
  return true;
}

static bool check_gc(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct error *why)
{
  for (size_t i = 0; i < call->vrefs.count; i++) {
    if (!check_gc_entry(k, vat, call->type, call->vrefs.items[i], why))
      return false;
    for (size_t earlier = 0; earlier < i; earlier++) {
      if (bytes_equal(call->vrefs.items[earlier], call->vrefs.items[i]))
        return refuse(why, "is named twice", call->vrefs.items[i]);
    }
  }
  return true;
}

static void apply_gc(struct kernel *k, uint64_t vat, const struct vat_syscall *call)
{
  const struct gc_rule *rule = &gc_rules[call->type];
  for (size_t i = 0; i < call->vrefs.count; i++) {
    struct clist_row row;
    if (!record_clist_by_vref(k, vat, call->vrefs.items[i], &row))
      return; /* the store failed */
    if (rule->keeps_entry) {
      row.reachable = false;
      record_clist_put(k, vat, &row);
      ref_weaken(k, row.kref);
    } else {
      clist_remove(k, vat, &row);
    }
    if (rule->of_exports) {
      record_set_owner(k, row.kref, 0);
      ref_check(k, row.kref);
    }
  }
}

static void note_exit(const struct vat_syscall *call, struct exit_wish *wish)
{
  if (!wish->wanted)
    *wish = (struct exit_wish){.wanted = true, .is_failure = call->is_failure, .reason = call->info.body};
}

static bool check(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct error *why)
{
  switch (call->type) {
  case SYSCALL_SEND:
    return check_send(k, vat, call, why);
  case SYSCALL_SUBSCRIBE:
    return check_subscribe(k, vat, call, why);
  case SYSCALL_RESOLVE:
    return check_resolve(k, vat, call, why);
  case SYSCALL_EXIT:
    return clist_may_name_all(k, vat, &call->info.slots, why) && capdata_check(&call->info, why) == VATD_OK;
  case SYSCALL_DROP_IMPORTS:
  case SYSCALL_RETIRE_IMPORTS:
  case SYSCALL_RETIRE_EXPORTS:
  case SYSCALL_ABANDON_EXPORTS:
    return check_gc(k, vat, call, why);
  }
  return false;
}

static void apply(struct kernel *k, uint64_t vat, const struct vat_syscall *call, struct exit_wish *wish)
{
  switch (call->type) {
  case SYSCALL_SEND:
    apply_send(k, vat, call);
    break;
  case SYSCALL_SUBSCRIBE:
    apply_subscribe(k, vat, call);
    break;
  case SYSCALL_RESOLVE:
    apply_resolve(k, vat, call);
    break;
  case SYSCALL_EXIT:
    note_exit(call, wish);
    break;
  case SYSCALL_DROP_IMPORTS:
  case SYSCALL_RETIRE_IMPORTS:
  case SYSCALL_RETIRE_EXPORTS:
  case SYSCALL_ABANDON_EXPORTS:
    apply_gc(k, vat, call);
    break;
  }
}

enum vatd_code syscalls_apply(struct kernel *k, const struct vat *vat, const struct vat_syscall *calls, size_t count,
                              struct exit_wish *wish, struct error *error)
{
  for (size_t i = 0; i < count; i++) {
    if (!check(k, vat->id, &calls[i], error))
      return error_wrap(error, "syscall %zu, %s", i + 1, syscall_type_name(calls[i].type));
    apply(k, vat->id, &calls[i], wish);
    if (quota_check_made(k, vat, &calls[i], error) != VATD_OK)
      return VATD_LIMIT;
  }
  return VATD_OK;
}
