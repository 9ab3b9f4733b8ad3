/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/kernel_script.c - see kernel_script.h. */
#include "kernel_script.h"
#include "kernel_test.h"

#include "base/memory.h"

void script_open(struct harness *h, struct store *store)
{
  harness_open_on(h, store);
  harness_launch(h, "alice", "bob", NULL);
  h->hold_commits = true;
}

/* So much filling that SQLite's log is full once in 200 cranks, and is checkpointed. */
enum { ALICE = SCRIPT_ALICE, BOB = SCRIPT_BOB, FILLING = 6000 };

static void store_and_do(struct harness *h, uint64_t vat, unsigned crank, const struct vat_syscall *calls, size_t count)
{
  char *filling = memory_alloc(FILLING);
  memset(filling, 'a' + (int)(crank % 26), FILLING);
  struct key_value sets[] = {
      {bytes_of("number"), arena_printf(&h->arena, "%u", crank)},
      {arena_printf(&h->arena, "filling.%u", crank % 11), bytes_from(filling, FILLING)},
  };
  struct bytes gone = arena_printf(&h->arena, "filling.%u", (crank + 5) % 11);
  harness_done(h, vat,
               (struct done_frame){.status = DONE_OK,
                                   .syscalls = (struct vat_syscall *)calls,
                                   .syscall_count = count,
                                   .sets = {sets, COUNT_OF(sets)},
                                   .deletes = {&gone, 1}});
  free(filling);
}

static struct vat_syscall resolve_own_result(struct harness *h, uint64_t vat)
{
  return call_resolve(h, arena_copy(&h->arena, harness_delivery(h, vat)->message.result).data, false, "#7", NULL);
}

/* alice passes the call on to bob, wants to know the result, and answers the host. */
static void alice_is_called(struct harness *h, unsigned crank)
{
  const struct vat_message *message = &harness_delivery(h, ALICE)->message;
  const char *bob = arena_copy(&h->arena, message->methargs.slots.items[0]).data;
  const char *promise = arena_printf(&h->arena, "p+%u", 5 + crank).data;
  const struct vat_syscall calls[] = {
      call_send(h, bob, "#[\"work\",[]]", NULL, promise),
      call_subscribe(promise),
      resolve_own_result(h, ALICE),
  };
  store_and_do(h, ALICE, crank, calls, COUNT_OF(calls));
}

void script_call(struct harness *h)
{
  json_t *slots = json_pack("[s]", "ko2");
  kernel_queue_message(h->kernel, h->next_request++, NULL, bytes_of("alice"), bytes_of("#[\"call\",[\"$0\"]]"), slots);
  json_decref(slots);
}

void script_run_crank(struct harness *h, unsigned crank)
{
  struct vat_syscall answer;
  switch (crank % 4) {
  case 0:
    script_call(h);
    break;
  case 1:
    alice_is_called(h, crank);
    break;
  case 2:
    answer = resolve_own_result(h, BOB);
    store_and_do(h, BOB, crank, &answer, 1);
    break;
  default:
    assert_int_equal(harness_delivery(h, ALICE)->type, DELIVERY_NOTIFY);
    store_and_do(h, ALICE, crank, NULL, 0);
    break;
  }
}

unsigned script_answers_of(unsigned cranks) { return (cranks + 2) / 4; }
