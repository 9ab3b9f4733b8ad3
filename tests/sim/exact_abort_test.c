/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/exact_abort_test.c - random lists of legal syscalls, with a fault at each position in turn: after the abort the
 * database is as if the delivery had never been made, but for the rows that record the fault.
 *
 * A list is made up once, from a seed. For each position it is played on a stage of its own up to there, then comes a fault,
 * then the rest of the list. A fault is an illegal syscall, or an exit with failure. LISTS and SEED change the default sizes.
 */
#include "kernel_abort.h"
#include "rng.h"

#include <stdio.h>

enum { LIST_MAX = 3, NAMES = 16 };

struct list {
  struct rng rng;
  struct arena arena;
  struct vat_syscall calls[LIST_MAX + 1];
  size_t count;
  const char *objects[NAMES]; /* what alice may name */
  size_t object_count;
  const char *promises[NAMES];
  size_t promise_count;
  const char *decided[NAMES]; /* what she may settle */
  size_t decided_count;
  unsigned next;
  bool dropped; /* o-1 */
};

static const char *pick(struct list *list, const char *const *names, size_t count)
{
  return names[rng_below(&list->rng, (uint32_t)count)];
}

static const char *fresh(struct list *list, char kind)
{
  return arena_printf(&list->arena, "%c+%u", kind, 20 + list->next++).data;
}

/* A promise or an object, old or new. */
static const char *pick_name(struct list *list)
{
  switch (rng_below(&list->rng, 4)) {
  case 0:
    return list->objects[list->object_count++] = fresh(list, 'o');
  case 1:
    return pick(list, list->promises, list->promise_count);
  default:
    return pick(list, list->objects, list->object_count);
  }
}

static struct capdata pick_data(struct list *list)
{
  struct capdata data = {.body = bytes_of("#[\"m\",[1]]")}; /* good as a value and as a message */
  data.slots.count = rng_below(&list->rng, 3);
  data.slots.items = arena_alloc_array(&list->arena, 3, sizeof *data.slots.items);
  for (size_t i = 0; i < data.slots.count; i++)
    data.slots.items[i] = bytes_of(pick_name(list));
  return data;
}

static struct vat_syscall make_send(struct list *list)
{
  struct vat_syscall call = {.type = SYSCALL_SEND};
  call.message.target = bytes_of(pick_name(list));
  call.message.methargs = pick_data(list);
  if (rng_chance(&list->rng, 60)) {
    const char *result = fresh(list, 'p');
    call.message.result = bytes_of(result);
    list->promises[list->promise_count++] = result;
  }
  return call;
}

/* What is settled is forgotten by the kernel's c-list, and must not be named again. */
static struct vat_syscall make_resolve(struct list *list)
{
  struct resolution *resolution = arena_alloc(&list->arena, sizeof *resolution);
  struct vat_syscall call = {.type = SYSCALL_RESOLVE, .resolutions = {resolution, 1}};
  *resolution = (struct resolution){.rejected = rng_chance(&list->rng, 30), .data = pick_data(list)};
  resolution->vpid = bytes_of(list->decided_count ? list->decided[--list->decided_count] : fresh(list, 'p'));
  return call;
}

static struct vat_syscall make_garbage(struct list *list)
{
  struct vat_syscall call = {.type = SYSCALL_DROP_IMPORTS, .vrefs = {arena_alloc(&list->arena, sizeof(struct bytes)), 1}};
  call.vrefs.items[0] = bytes_of("o-1");
  if (list->dropped)
    call.type = SYSCALL_RETIRE_IMPORTS;
  list->dropped = true;
  list->object_count = 1; /* o+0; nothing is named o-1 from here on */
  list->objects[0] = "o+0";
  return call;
}

static struct vat_syscall make_call(struct list *list, bool may_drop)
{
  switch (rng_below(&list->rng, may_drop ? 5 : 4)) {
  case 0:
  case 1:
    return make_send(list);
  case 2:
    return call_subscribe(pick(list, list->promises, list->promise_count));
  case 3:
    return make_resolve(list);
  default:
    return make_garbage(list);
  }
}

static void make_list(struct list *list)
{
  arena_clear(&list->arena);
  list->next = 0;
  list->dropped = false;
  list->objects[0] = "o+0";
  list->objects[1] = "o-1";
  list->object_count = 2;
  list->promises[0] = "p-3";
  list->promise_count = 1;
  list->decided[0] = "p-4";
  list->decided_count = 1;
  list->count = 1 + rng_below(&list->rng, LIST_MAX);
  for (size_t i = 0; i < list->count; i++)
    list->calls[i] = make_call(list, !list->dropped);
}

/* A syscall that ends in an abort whatever came before. */
static struct vat_syscall make_fault(struct list *list)
{
  static struct bytes never_given[] = {{"o-99", 4}};
  static struct resolution not_hers[] = {{{"p-3", 3}, false, {{"#1", 2}, {NULL, 0}}}};
  switch (rng_below(&list->rng, 5)) {
  case 0:
    return call_subscribe("p-99");
  case 1:
    return (struct vat_syscall){.type = SYSCALL_DROP_IMPORTS, .vrefs = {never_given, 1}};
  case 2:
    return (struct vat_syscall){.type = SYSCALL_RESOLVE, .resolutions = {not_hers, 1}};
  case 3:
    return (struct vat_syscall){.type = SYSCALL_EXIT, .is_failure = true, .info = {.body = bytes_of("#\"oops\"")}};
  default:
    return (struct vat_syscall){.type = SYSCALL_SEND, .message = {.target = bytes_of("nonsense"), .methargs = {.body = bytes_of("#[]")}}};
  }
}

/* The list with a fault at this position is played, and the store compared. */
static void play(const struct list *list, size_t position, struct vat_syscall fault, const char *expected)
{
  struct harness h;
  struct vat_syscall calls[LIST_MAX + 1];
  struct key_value set = {bytes_of("key"), bytes_of("value")};
  char why[32] = "exited: oops";
  memcpy(calls, list->calls, position * sizeof *calls);
  calls[position] = fault;
  memcpy(calls + position + 1, list->calls + position, (list->count - position) * sizeof *calls);
  if (fault.type != SYSCALL_EXIT)
    snprintf(why, sizeof why, "syscall %zu, ", position + 1);
  harness_open(&h);
  h.unchecked = true;
  abort_set_stage(&h);
  harness_done(&h, ALICE,
               (struct done_frame){
                   .status = DONE_OK, .syscalls = calls, .syscall_count = list->count + 1, .sets = {&set, 1}});
  harness_pump(&h);
  assert_contains(harness_answer(&h, h.next_request - 1), why); /* what came before was legal */
  assert_string_equal(harness_dump(&h), expected);
  harness_close(&h);
}

static unsigned number_from(const char *variable, unsigned otherwise)
{
  const char *text = getenv(variable);
  return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void the_abort_of_random_syscall_lists_is_exact(void **state)
{
  (void)state;
  struct list list = {.count = 0};
  struct arena arena;
  unsigned lists = number_from("LISTS", 10000);
  unsigned seed = number_from("SEED", 4711);
  size_t aborts = 0;
  printf("# seed %u\n", seed);
  list.rng.state = seed;
  arena_init(&list.arena);
  arena_init(&arena);
  const char *expected = abort_dump_of_plain_end(&arena);
  for (unsigned i = 0; i < lists; i++) {
    make_list(&list);
    for (size_t position = 0; position <= list.count; position++, aborts++)
      play(&list, position, make_fault(&list), expected);
  }
  printf("# figure %u lists of syscalls, %zu exact aborts\n", lists, aborts);
  arena_fini(&list.arena);
  arena_fini(&arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_abort_of_random_syscall_lists_is_exact)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
