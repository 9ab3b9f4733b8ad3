/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/liveslots_test.c - what the kernel relies on in the pinned liveslots (docs/liveslots.md), asked of a real
 * worker.
 */
#include "worker_harness.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char *durable;

static int set_up(void **state)
{
  struct worker_process *worker = memory_zalloc(sizeof *worker);
  worker_spawn(worker, FROM_SNAPSHOT);
  *state = worker;
  return 0;
}

static int tear_down(void **state)
{
  struct worker_process *worker = *state;
  if (worker->pid != 0)
    worker_hang_up(worker);
  worker_dispose(worker);
  free(worker);
  return 0;
}

static void assert_text(struct bytes actual, const char *expected)
{
  char *text = memory_printf("%.*s", BYTES_ARG(actual));
  assert_string_equal(text, expected);
  free(text);
}

static struct done_frame start(struct worker_process *worker)
{
  struct done_frame done = worker_init_vat(worker, "{}", durable);
  if (done.status != DONE_OK)
    fail_msg("init: %.*s", BYTES_ARG(done.status_text));
  return done;
}

static struct done_frame restart(struct worker_process *worker)
{
  assert_int_equal(worker_hang_up(worker), 0);
  worker_respawn(worker, FROM_SNAPSHOT);
  return start(worker);
}

/* The stored value, or NULL; borrowed until the worker's next answer. */
static const char *stored(struct worker_process *worker, const char *key)
{
  struct bytes value;
  return ordmap_get(&worker->state, bytes_of(key), &value) ? arena_copy(&worker->arena, value).data : NULL;
}

static struct done_frame call(struct worker_process *worker, const char *method, const char *args, const char *slot)
{
  struct done_frame done = worker_call(worker, method, args, (const char *[]){slot, NULL});
  assert_int_equal(done.status, DONE_OK);
  return done;
}

static struct done_frame notify(struct worker_process *worker, const char *vpid, bool rejected, const char *body)
{
  struct resolution resolution = {bytes_of(vpid), rejected, {.body = bytes_of(body)}};
  struct delivery delivery = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  return worker_deliver(worker, &delivery);
}

static bool has_syscall(const struct done_frame *done, enum syscall_type type)
{
  for (size_t i = 0; i < done->syscall_count; i++) {
    if (done->syscalls[i].type == type)
      return true;
  }
  return false;
}

static void an_import_held_in_storage_has_a_count(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  call(worker, "hold", "\"friend\",\"$0\"", "o-7");
  assert_string_equal(stored(worker, "vom.rc.o-7"), "1");
  call(worker, "hold", "\"again\",\"$0\"", "o-7");
  assert_string_equal(stored(worker, "vom.rc.o-7"), "2");
  call(worker, "letGo", "\"again\"", NULL);
  call(worker, "letGo", "\"friend\"", NULL);
  assert_null(stored(worker, "vom.rc.o-7"));
}

static void an_import_that_is_a_weak_key_has_a_recognizer(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  call(worker, "recognize", "\"$0\"", "o-8");
  assert_null(stored(worker, "vom.rc.o-8"));
  struct bytes key;
  assert_true(ordmap_next(&worker->state, bytes_of("vom.ir.o-8|"), &key, NULL));
  assert_true(bytes_start_with(key, bytes_of("vom.ir.o-8|")));
}

static void an_import_let_go_after_a_restart_is_dropped(void **state)
{
  struct worker_process *worker = *state;
  struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  start(worker);
  call(worker, "hold", "\"friend\",\"$0\"", "o-7");
  restart(worker);
  call(worker, "letGo", "\"friend\"", NULL);
  struct done_frame done = worker_deliver(worker, &reap);
  assert_int_equal(done.syscalls[0].type, SYSCALL_DROP_IMPORTS);
  assert_text(done.syscalls[0].vrefs.items[0], "o-7");
}

static void a_watched_import_is_a_row_and_is_not_subscribed_again(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  assert_string_equal(stored(worker, "watchedPromiseTableID"), "o+d6/3");
  struct done_frame done = call(worker, "watch", "\"&0\",\"theirs\"", "p-9");
  assert_int_equal(done.syscalls[0].type, SYSCALL_SUBSCRIBE);
  assert_text(done.syscalls[0].vpid, "p-9");
  assert_non_null(stored(worker, "vc.3.sp-9"));
  done = restart(worker);
  assert_int_equal(done.syscall_count, 0);
  done = notify(worker, "p-9", false, "#\"news\"");
  assert_int_equal(done.log_count, 1);
  assert_text(done.logs[0].text, "fulfilled theirs news");
  assert_null(stored(worker, "vc.3.sp-9"));
}

static void a_watched_promise_of_the_vat_itself_is_exported_and_subscribed(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  struct done_frame done = call(worker, "watchLocal", "\"mine\"", NULL);
  assert_true(has_syscall(&done, SYSCALL_SUBSCRIBE));
  assert_non_null(stored(worker, "vc.3.sp+5"));
  done = restart(worker);
  assert_int_equal(done.syscall_count, 0);
  done = notify(worker, "p+5", true, "#\"[KERNEL:VAT_RESTARTED]\"");
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.log_count, 1);
  assert_text(done.logs[0].text, "rejected mine [KERNEL:VAT_RESTARTED]");
  assert_null(stored(worker, "vc.3.sp+5"));
}

static void a_notify_nobody_waits_for_is_ignored(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  struct done_frame done = notify(worker, "p-55", true, "#\"stale\"");
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.sets.count + done.deletes.count + done.syscall_count + done.unhandled.count, 0);
}

static void an_exported_durable_object_has_an_export_status(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  struct done_frame done = call(worker, "exportDurable", "", NULL);
  char *vref = memory_printf("%.*s", BYTES_ARG(done.syscalls[0].resolutions.items[0].data.slots.items[0]));
  char *key = memory_printf("vom.es.%s", vref);
  struct bytes exported = bytes_of(vref);
  assert_string_equal(stored(worker, key), "r");
  worker_deliver(worker, &(struct delivery){.type = DELIVERY_DROP_EXPORTS, .vrefs = {&exported, 1}});
  assert_string_equal(stored(worker, key), "s");
  worker_deliver(worker, &(struct delivery){.type = DELIVERY_RETIRE_EXPORTS, .vrefs = {&exported, 1}});
  assert_null(stored(worker, key));
  free(key);
  free(vref);
}

static void merely_virtual_things_leave_rows_behind(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  call(worker, "makeVirtual", "\"$0\"", "o-7");
  call(worker, "makeVirtualStore", "\"$0\"", "o-7");
  assert_string_equal(stored(worker, "vom.rc.o-7"), "2");
  struct done_frame done = restart(worker);
  assert_int_equal(done.syscall_count, 0);
  assert_string_equal(stored(worker, "vom.rc.o-7"), "2");
  struct bytes key;
  assert_true(ordmap_next(&worker->state, bytes_of("vom.o+v"), &key, NULL));
  assert_true(bytes_start_with(key, bytes_of("vom.o+v")));
}

static void a_collector_delivery_for_a_virtual_kind_of_the_past_is_a_crash(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  struct done_frame done = call(worker, "makeVirtual", "\"x\"", NULL);
  char *vref = memory_printf("%.*s", BYTES_ARG(done.syscalls[0].resolutions.items[0].data.slots.items[0]));
  struct bytes exported = bytes_of(vref);
  restart(worker);
  done = worker_deliver(worker, &(struct delivery){.type = DELIVERY_DROP_EXPORTS, .vrefs = {&exported, 1}});
  assert_int_equal(done.status, DONE_CRASHED);
  worker_wait(worker);
  free(vref);
}

static void a_restart_writes_the_kind_table_and_the_counters(void **state)
{
  struct worker_process *worker = *state;
  start(worker);
  struct done_frame done = restart(worker);
  assert_int_equal(done.deletes.count, 0);
  assert_text(done.sets.items[0].key, "storeKindIDTable");
  assert_text(done.sets.items[done.sets.count - 1].key, "idCounters");
}

/*
 * The storage scenario of the TypeScript kernel: six checkpoints of alice, here with the kernel's part played by
 * hand.
 */

static const char *const after_bootstrap[][2] = {
    {"vc.1.sthing", "{\"body\":\"#1\",\"slots\":[]}"},
    {"vc.1.|entryCount", "2"},
    {"vc.1.sgoAway", "{\"body\":\"#\\\"now you see me\\\"\",\"slots\":[]}"},
    {"idCounters", "{\"exportID\":10,\"collectionID\":4,\"promiseID\":7}"},
};

static void assert_bumped(const struct done_frame *done, const char *value)
{
  assert_int_equal(done->sets.count, 1);
  assert_int_equal(done->deletes.count, 0);
  assert_text(done->sets.items[0].key, "vc.1.sthing");
  assert_text(done->sets.items[0].value, value);
}

static void the_storage_scenario_has_its_six_checkpoints(void **state)
{
  struct worker_process *worker = *state;
  char *bundle = bundle_of_vat("storage");
  struct done_frame done = worker_init_vat(worker, "{\"parameters\":{\"name\":\"Alice\"}}", bundle);
  free(bundle);
  assert_int_equal(done.sets.count, 18);
  assert_int_equal(done.deletes.count, 0);
  done = worker_call(worker, "bootstrap", "{\"alice\":\"$0\",\"bob\":\"$1\",\"carol\":\"$2\"}",
                     (const char *[]){"o+0", "o-1", "o-2", NULL});
  assert_int_equal(done.sets.count, 4);
  assert_int_equal(done.deletes.count, 0);
  for (size_t i = 0; i < 4; i++) {
    assert_text(done.sets.items[i].key, after_bootstrap[i][0]);
    assert_text(done.sets.items[i].value, after_bootstrap[i][1]);
  }
  done = worker_call(worker, "bump", "\"Bob\"", NULL);
  assert_bumped(&done, "{\"body\":\"#2\",\"slots\":[]}");
  done = notify(worker, "p+5", false, "#\"Bob saw Alice\"");
  assert_int_equal(done.sets.count + done.deletes.count, 0);
  done = worker_call(worker, "bump", "\"Carol\"", NULL);
  assert_bumped(&done, "{\"body\":\"#3\",\"slots\":[]}");
  done = notify(worker, "p+6", false, "#\"Carol saw Alice\"");
  assert_int_equal(done.sets.count, 1);
  assert_int_equal(done.deletes.count, 1);
  assert_text(done.sets.items[0].key, "vc.1.|entryCount");
  assert_text(done.sets.items[0].value, "1");
  assert_text(done.deletes.items[0], "vc.1.sgoAway");
  assert_string_equal(stored(worker, "idCounters"), after_bootstrap[3][1]);
  assert_string_equal(stored(worker, "vc.1.sthing"), "{\"body\":\"#3\",\"slots\":[]}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(an_import_held_in_storage_has_a_count),
      TEST(an_import_that_is_a_weak_key_has_a_recognizer),
      TEST(an_import_let_go_after_a_restart_is_dropped),
      TEST(a_watched_import_is_a_row_and_is_not_subscribed_again),
      TEST(a_watched_promise_of_the_vat_itself_is_exported_and_subscribed),
      TEST(a_notify_nobody_waits_for_is_ignored),
      TEST(an_exported_durable_object_has_an_export_status),
      TEST(merely_virtual_things_leave_rows_behind),
      TEST(a_collector_delivery_for_a_virtual_kind_of_the_past_is_a_crash),
      TEST(a_restart_writes_the_kind_table_and_the_counters),
      TEST(the_storage_scenario_has_its_six_checkpoints),
  };
  durable = bundle_of_vat("durable");
  int failed = cmocka_run_group_tests_name("liveslots", tests, NULL, NULL);
  free(durable);
  return failed;
}
