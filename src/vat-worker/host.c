/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/host.c - see host.h.
 *
 * Each function decodes and bounds its arguments before it changes anything; what it cannot accept it throws, in the
 * vat's own turn. When a crank's effects no longer fit a done frame there is nothing a vat could sensibly do about it:
 * that ends the crank as a memory limit does.
 */
#include "vat-worker/host.h"

#include "vat-worker/engine.h"
#include "vat-worker/harden.h"
#include "vat-worker/match.h"
#include "vat-worker/pass_style.h"
#include "vat-worker/smallcaps.h"
#include "vat-worker/source_scan.h"
#include "vat-worker/values.h"
#include "vat-worker/vref.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

void host_init(struct host *host, struct crank *crank)
{
  host->crank = crank;
  buffer_init(&host->key, 2 * LIMIT_VATSTORE_KEY); /* in the engine's encoding a text may be longer than in ours */
  buffer_init(&host->value, 2 * LIMIT_VATSTORE_VALUE);
}

void host_fini(struct host *host)
{
  if (!host)
    return;
  buffer_fini(&host->key);
  buffer_fini(&host->value);
}

static struct host *host_of(xsMachine *the)
{
  struct engine *engine = xsGetContext(the);
  return engine->host;
}

static struct crank *crank_of(xsMachine *the)
{
  struct crank *crank = host_of(the)->crank;
  if (!crank)
    values_throw(the, "TypeError", "no crank is running");
  return crank;
}

static struct bytes key_argument(xsMachine *the)
{
  xsSlot key = xsArg(0);
  return values_scratch_text(the, &key, "a storage key", &host_of(the)->key);
}

static void check_effects(xsMachine *the, const struct crank *crank)
{
  if (!crank_effects_fit(crank))
    fxAbort(the, xsNotEnoughMemoryExit);
}

/* get(key) -> value | undefined */
static void host_get(xsMachine *the)
{
  struct bytes value;
  if (vatstore_cache_get(crank_of(the)->cache, key_argument(the), &value))
    xsResult = values_string(the, value);
}

/* nextKey(key) -> the next key | undefined */
static void host_next_key(xsMachine *the)
{
  struct bytes next;
  if (vatstore_cache_next_key(crank_of(the)->cache, key_argument(the), &next))
    xsResult = values_string(the, next);
}

static void throw_limit(xsMachine *the, enum vatd_code code, const struct error *error)
{
  if (code != VATD_OK)
    values_throw(the, "RangeError", "%s", error->text);
}

/* set(key, value) */
static void host_set(xsMachine *the)
{
  struct crank *crank = crank_of(the);
  struct error error;
  struct bytes key = key_argument(the);
  xsSlot value = xsArg(1);
  struct bytes text = values_scratch_text(the, &value, "a stored value", &host_of(the)->value);
  enum vatd_code code = vatstore_cache_set(crank->cache, key, text, &error);
  throw_limit(the, code, &error);
  check_effects(the, crank);
}

/* delete(key) */
static void host_delete(xsMachine *the)
{
  struct crank *crank = crank_of(the);
  struct error error;
  enum vatd_code code = vatstore_cache_delete(crank->cache, key_argument(the), &error);
  throw_limit(the, code, &error);
  check_effects(the, crank);
}

static void add_syscall(xsMachine *the, const struct vat_syscall *syscall, size_t bytes)
{
  struct crank *crank = crank_of(the);
  if (!crank_add_syscall(crank, syscall, bytes))
    fxAbort(the, xsNotEnoughMemoryExit);
  check_effects(the, crank);
}

/* A reader of the flat array in argument `index`. */
static struct values_reader read_argument(xsMachine *the, int index)
{
  xsVars(1);
  return (struct values_reader){.the = the, .array = &xsArg(index), .arena = &crank_of(the)->arena};
}

static struct bytes vref_argument(xsMachine *the, int index)
{
  xsSlot vref = xsArg(index);
  struct bytes text = values_text(the, &vref, "a reference", &crank_of(the)->arena);
  if (text.size == 0 || text.size > LIMIT_VREF_LENGTH)
    values_throw(the, "RangeError", "a reference of %zu bytes", text.size);
  return text;
}

/* send(target, result | undefined, capdata) */
static void host_send(xsMachine *the)
{
  struct vat_syscall syscall = {.type = SYSCALL_SEND};
  syscall.message.target = vref_argument(the, 0);
  if (xsTypeOf(xsArg(1)) != xsUndefinedType)
    syscall.message.result = vref_argument(the, 1);
  struct values_reader reader = read_argument(the, 2);
  syscall.message.methargs = values_read_capdata(&reader);
  add_syscall(the, &syscall, reader.bytes + syscall.message.methargs.slots.count * 4);
}

/* subscribe(vpid) */
static void host_subscribe(xsMachine *the)
{
  struct vat_syscall syscall = {.type = SYSCALL_SUBSCRIBE, .vpid = vref_argument(the, 0)};
  add_syscall(the, &syscall, syscall.vpid.size);
}

/* resolve(count, resolutions) */
static void host_resolve(xsMachine *the)
{
  struct vat_syscall syscall = {.type = SYSCALL_RESOLVE};
  struct values_reader reader = read_argument(the, 1);
  xsIntegerValue count = xsToInteger(xsArg(0));
  if (count < 0 || count > LIMIT_RESOLUTIONS_PER_SYSCALL)
    values_throw(the, "RangeError", "more than %d resolutions in one syscall",
                   LIMIT_RESOLUTIONS_PER_SYSCALL);
  struct resolution_list *list = &syscall.resolutions;
  list->items = arena_alloc_array(reader.arena, (size_t)count, sizeof *list->items);
  size_t slots = 0;
  while (list->count < (size_t)count) {
    struct resolution *resolution = &list->items[list->count++];
    resolution->vpid = values_read_vref(&reader);
    resolution->rejected = values_read_flag(&reader);
    resolution->data = values_read_capdata(&reader);
    slots += resolution->data.slots.count;
  }
  add_syscall(the, &syscall, reader.bytes + slots * 4 + list->count * 32);
}

/* exit(isFailure, capdata) */
static void host_exit(xsMachine *the)
{
  struct vat_syscall syscall = {.type = SYSCALL_EXIT, .is_failure = xsToBoolean(xsArg(0)) != 0};
  struct values_reader reader = read_argument(the, 1);
  syscall.info = values_read_capdata(&reader);
  add_syscall(the, &syscall, reader.bytes + syscall.info.slots.count * 4);
}

static bool gc_syscall_type(struct bytes name, enum syscall_type *type)
{
  static const enum syscall_type types[] = {SYSCALL_DROP_IMPORTS, SYSCALL_RETIRE_IMPORTS, SYSCALL_RETIRE_EXPORTS,
                                            SYSCALL_ABANDON_EXPORTS};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (bytes_is(name, syscall_type_name(types[i]))) {
      *type = types[i];
      return true;
    }
  }
  return false;
}

/* gc(name, vrefs) */
static void host_gc(xsMachine *the)
{
  struct vat_syscall syscall = {0};
  if (!gc_syscall_type(vref_argument(the, 0), &syscall.type))
    values_throw(the, "TypeError", "no such syscall");
  struct values_reader reader = read_argument(the, 1);
  xsVar(0) = xsGet(xsArg(1), xsID("length"));
  xsIntegerValue count = xsToInteger(xsVar(0));
  if (count < 0 || count > LIMIT_SLOTS_PER_CAPDATA)
    values_throw(the, "RangeError", "more than %d references in one syscall", LIMIT_SLOTS_PER_CAPDATA);
  syscall.vrefs.items = arena_alloc_array(reader.arena, (size_t)count, sizeof *syscall.vrefs.items);
  while (syscall.vrefs.count < (size_t)count)
    syscall.vrefs.items[syscall.vrefs.count++] = values_read_vref(&reader);
  add_syscall(the, &syscall, reader.bytes + syscall.vrefs.count * 4);
}

static const char *known_level(struct bytes name)
{
  static const char *const levels[] = {"debug", "log", "info", "warn", "error"};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    if (bytes_is(name, levels[i]))
      return levels[i];
  }
  return "log";
}

/* log(level, text): before there is a crank, what the scripts have to say goes to stderr. */
static void host_log(xsMachine *the)
{
  struct host *host = host_of(the);
  xsSlot level = xsArg(0);
  xsSlot line = xsArg(1);
  const char *name = known_level(values_scratch_text(the, &level, NULL, &host->key));
  struct bytes text = values_scratch_text(the, &line, NULL, &host->value);
  if (host->crank)
    crank_log(host->crank, name, text);
  else
    fprintf(stderr, "vat-worker: %s: %.*s\n", name, BYTES_ARG(text));
}

/* unhandled(text) */
static void host_unhandled(xsMachine *the)
{
  xsSlot text = xsArg(0);
  crank_add_unhandled(crank_of(the), values_scratch_text(the, &text, NULL, &host_of(the)->value));
}

/* finished(succeeded, why not) */
static void host_finished(xsMachine *the)
{
  struct crank *crank = crank_of(the);
  xsSlot text = xsArg(1);
  crank->failure = values_text(the, &text, NULL, &crank->arena);
  crank->succeeded = xsToBoolean(xsArg(0)) != 0;
  crank->finished = true;
}

static void random_fill(xsMachine *the, unsigned char *bytes, size_t size)
{
  size_t filled = 0;
  while (filled < size) {
    ssize_t count = getrandom(bytes + filled, size - filled, 0);
    if (count < 0 && errno != EINTR)
      values_throw(the, "Error", "the system has no random numbers");
    filled += count > 0 ? (size_t)count : 0;
  }
}

/* collectGarbage() */
static void host_collect_garbage(xsMachine *the)
{
  fxCollectGarbage(the);
}

/* random(count) -> an ArrayBuffer of so many random bytes */
static void host_random(xsMachine *the)
{
  unsigned char bytes[4 * KIB];
  xsIntegerValue count = xsToInteger(xsArg(0));
  if (count <= 0 || (size_t)count > LIMIT_RANDOM_BYTES)
    values_throw(the, "RangeError", "%d random bytes", (int)count);
  xsResult = xsArrayBuffer(NULL, count);
  for (xsIntegerValue at = 0; at < count; at += (xsIntegerValue)sizeof bytes) {
    size_t size = (size_t)(count - at) < sizeof bytes ? (size_t)(count - at) : sizeof bytes;
    random_fill(the, bytes, size);
    xsSetArrayBufferData(xsResult, at, bytes, (xsIntegerValue)size);
  }
}

/* mayBeRefused(source) -> see source_scan.h */
static void host_may_be_refused(xsMachine *the)
{
  xsResult = xsBoolean(source_may_be_refused(xsToString(xsArg(0))));
}

/* X(name in vatHost, function, arguments) */
#define HOST_FUNCTIONS(X) \
  X("get", host_get, 1) \
  X("nextKey", host_next_key, 1) \
  X("set", host_set, 2) \
  X("delete", host_delete, 1) \
  X("send", host_send, 3) \
  X("subscribe", host_subscribe, 1) \
  X("resolve", host_resolve, 2) \
  X("exit", host_exit, 2) \
  X("gc", host_gc, 2) \
  X("log", host_log, 2) \
  X("unhandled", host_unhandled, 1) \
  X("finished", host_finished, 2) \
  X("collectGarbage", host_collect_garbage, 0) \
  X("random", host_random, 1) \
  X("harden", harden, 1) /* SES takes it as a global */ \
  X("passStyle", pass_style, 1) \
  X("mayBeRefused", host_may_be_refused, 1) \
  X("notePassStyle", pass_style_note, 2) \
  X("smallcapsEncode", smallcaps_encode, 2) \
  X("smallcapsDecode", smallcaps_decode, 4) \
  X("parseVref", vref_parse, 2) \
  X("matchesSurely", match_surely, 2)

static xsCallback callbacks[] = {
#define X(name, function, arguments) function,
    HOST_FUNCTIONS(X)
#undef X
};

static const struct {
  const char *name;
  xsCallback callback;
  int arguments;
} properties[] = {
#define X(name, function, arguments) {name, function, arguments},
    HOST_FUNCTIONS(X)
#undef X
};

xsCallback *host_callbacks(int *count)
{
  *count = (int)(sizeof callbacks / sizeof callbacks[0]);
  return callbacks;
}

void host_install(xsMachine *the)
{
  xsVar(0) = xsNewObject();
  for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
    xsVar(1) = xsNewHostFunction(properties[i].callback, properties[i].arguments);
    xsSet(xsVar(0), xsID(properties[i].name), xsVar(1));
  }
  xsSet(xsGlobal, xsID("vatHost"), xsVar(0));
  xsVar(1) = xsGet(xsVar(0), xsID("harden"));
  xsDefine(xsVar(1), xsID("name"), xsString("harden"), xsDontEnum | xsDontSet);
  xsSet(xsGlobal, xsID("harden"), xsVar(1));
}
