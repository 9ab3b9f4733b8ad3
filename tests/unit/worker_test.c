/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/worker_test.c - the real vat-worker over its channel, as the kernel sees it: one init, deliveries, done
 * frames.
 *
 * Each test runs twice, with a worker from the snapshot and with one from the scripts.
 */
#include "worker_harness.h"

#include "base/memory.h"
#include "worker_snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

/* The engine's JSON writer grows its buffer in small steps, which a sanitizer's allocator turns into as many copies. */
#ifdef __SANITIZE_ADDRESS__
#define LARGE_VALUE "500000"
#else
#define LARGE_VALUE "9900000"
#endif

static enum start_way way;
static char *probe;

static int set_up(void **state)
{
  struct worker_process *worker = memory_zalloc(sizeof *worker);
  worker_spawn(worker, way);
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

static void assert_contains(struct bytes actual, const char *part)
{
  char *text = memory_printf("%.*s", BYTES_ARG(actual));
  if (!strstr(text, part))
    fail_msg("\"%s\" is not in \"%s\"", part, text);
  free(text);
}

static struct worker_process *with_probe(void **state)
{
  struct worker_process *worker = *state;
  struct done_frame done = worker_init_vat(worker, "{}", probe);
  if (done.status != DONE_OK)
    fail_msg("init: %s: %.*s", done_status_name(done.status), BYTES_ARG(done.status_text));
  return worker;
}

static struct done_frame init_code(struct worker_process *worker, const char *code)
{
  char *bundle = bundle_of_code(code);
  struct done_frame done = worker_init_vat(worker, "{}", bundle);
  free(bundle);
  return done;
}

static void assert_exit(struct worker_process *worker, int expected)
{
  int status = worker_wait(worker);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), expected);
}

static void assert_no_effects(const struct done_frame *done)
{
  assert_int_equal(done->sets.count, 0);
  assert_int_equal(done->deletes.count, 0);
  assert_int_equal(done->syscall_count, 0);
}

/* Starting */

static void a_fresh_vat_starts_with_the_tables_of_liveslots(void **state)
{
  struct worker_process *worker = *state;
  struct done_frame done = worker_init_vat(worker, "{}", probe);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.deletes.count, 0);
  assert_int_equal(done.syscall_count, 0);
  assert_int_equal(done.unhandled.count, 0);
  assert_int_equal(done.log_count, 0);
  assert_int_equal(done.sets.count, 18);
  static const char *const keys[] = {
      "kindIDID", "storeKindIDTable", "vc.1.|nextOrdinal", "vc.1.|entryCount", "baggageID", "vom.rc.o+d6/1",
      "vc.2.|nextOrdinal", "vc.2.|entryCount", "watcherTableID", "vom.rc.o+d6/2", "vc.3.|nextOrdinal",
      "vc.3.|entryCount", "watchedPromiseTableID", "vom.rc.o+d6/3", "idCounters", "vc.1.|schemata", "vc.2.|schemata",
      "vc.3.|schemata"};
  for (size_t i = 0; i < 18; i++)
    assert_text(done.sets.items[i].key, keys[i]);
  assert_string_equal(done_set(worker, &done, "idCounters"), "{\"exportID\":10,\"collectionID\":4,\"promiseID\":5}");
  assert_string_equal(done_set(worker, &done, "watchedPromiseTableID"), "o+d6/3");
  assert_true(done.usage.computrons > 0 && done.usage.heap_bytes > 0);
}

static void parameters_come_from_the_configuration(void **state)
{
  struct worker_process *worker = *state;
  worker_init_vat(worker, "{\"bundleSpec\":\"x\",\"parameters\":{\"name\":\"bob\",\"n\":[1,null]}}", probe);
  struct done_frame done = worker_call(worker, "parameters", "", NULL);
  assert_string_equal(done_result(worker, &done), "#{\"n\":[1,null],\"name\":\"bob\"}");
}

static void without_parameters_there_is_an_empty_record(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "parameters", "", NULL);
  assert_string_equal(done_result(worker, &done), "#{}");
}

static void vat_powers_are_those_of_liveslots(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "powers", "", NULL);
  assert_string_equal(done_result(worker, &done), "#\"D VatData WeakMap WeakSet exitVat exitVatWithFailure\"");
}

static void an_unknown_global_is_warned_of(void **state)
{
  struct worker_process *worker = *state;
  struct done_frame done = worker_init_vat(worker, "{\"globals\":[\"teleport\"]}", probe);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.log_count, 1);
  assert_text(done.logs[0].text, "Vat \"v1\" requested unknown global \"teleport\"");
}

static void a_vat_continues_from_its_stored_state_in_another_worker(void **state)
{
  struct worker_process *worker = with_probe(state);
  worker_call(worker, "bump", "", NULL);
  worker_call(worker, "bump", "", NULL);
  assert_int_equal(worker_hang_up(worker), 0);
  worker_respawn(worker, way);
  struct done_frame done = worker_init_vat(worker, "{}", probe);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.sets.count, 2);
  assert_text(done.sets.items[0].key, "storeKindIDTable");
  assert_text(done.sets.items[1].key, "idCounters");
  done = worker_call(worker, "bump", "", NULL);
  assert_string_equal(done_result(worker, &done), "#3");
  assert_string_equal(done_set(worker, &done, "vc.1.scount"), "{\"body\":\"#3\",\"slots\":[]}");
}

/* Failing to start */

static void assert_init_fails(void **state, const char *code, const char *text)
{
  struct worker_process *worker = *state;
  struct done_frame done = init_code(worker, code);
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_contains(done.status_text, text);
  assert_no_effects(&done);
  assert_int_equal(done.unhandled.count, 0);
  assert_exit(worker, 1);
}

static void a_throw_at_global_scope_fails_the_start(void **state)
{
  assert_init_fails(state, "throw RangeError('at the top'); var __vatExports__ = {};", "RangeError: at the top");
}

static void a_throw_in_build_root_object_fails_the_start(void **state)
{
  assert_init_fails(state,
                    "var __vatExports__ = { buildRootObject: function build() { console.log('soon'); throw "
                    "TypeError('while building'); } };",
                    "TypeError: while building\n  at build (vat:1");
}

static void a_rejected_root_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = { buildRootObject: async () => { throw Error('later'); } };",
                    "Error: later");
}

static void a_root_that_never_comes_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = { buildRootObject: () => new Promise(() => {}) };",
                    "buildRootObject unresolved");
}

static void a_root_that_is_no_remotable_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = { buildRootObject: () => harden({ a: 1 }) };", "is not Far");
}

static void a_bundle_without_build_root_object_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = {};", "vat source bundle lacks buildRootObject() function");
}

static void a_syntax_error_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = {{;", "SyntaxError");
}

/* SES searches for these, the host looks first (js/quick-refusals.js). */
static void an_import_expression_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = { buildRootObject: () => import('x') };", "SES_IMPORT_REJECTED");
}

static void an_html_comment_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = {}; // <!-- no", "SES_HTML_COMMENT_REJECTED");
}

static void a_direct_eval_fails_the_start(void **state)
{
  assert_init_fails(state, "var __vatExports__ = { buildRootObject: () => eval ('1') };", "SES_EVAL_REJECTED");
}

static void a_vat_searches_strings_with_the_engines_own_method(void **state)
{
  assert_init_fails(state, "throw Error('native: ' + String(String.prototype.search).includes('native code'));", "Error: native: true");
}

static void assert_bundle_fails(void **state, const char *bundle, const char *text)
{
  struct worker_process *worker = *state;
  struct done_frame done = worker_init_vat(worker, "{}", bundle);
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_contains(done.status_text, text);
  assert_exit(worker, 1);
}

static void a_bundle_that_is_no_object_is_refused(void **state)
{
  assert_bundle_fails(state, "null", "Error: Invalid bundle: must be an object");
}

static void a_bundle_of_an_unknown_format_is_refused(void **state)
{
  assert_bundle_fails(state, "{\"moduleFormat\":\"endoZipBase64\"}", "Error: Unknown bundle format: endoZipBase64");
}

static void a_bundle_without_code_is_refused(void **state)
{
  assert_bundle_fails(state, "{\"moduleFormat\":\"iife\"}", "Error: Invalid bundle: missing code");
}

static void a_bundle_whose_code_is_no_string_is_refused(void **state)
{
  assert_bundle_fails(state, "{\"moduleFormat\":\"iife\",\"code\":1}", "Error: Invalid bundle: code must be a string");
}

static void a_bundle_that_is_no_json_is_refused(void **state)
{
  assert_bundle_fails(state, "{oops", "SyntaxError");
}

static void an_unhandled_rejection_in_init_is_told(void **state)
{
  struct worker_process *worker = *state;
  char *code = memory_printf("var __vatExports__ = { buildRootObject: () => { throw Error('x'); } };"
                             "Promise.reject(TypeError('forgotten'));");
  struct done_frame done = init_code(worker, code);
  free(code);
  assert_int_equal(done.status, DONE_INIT_FAILED);
  assert_int_equal(done.unhandled.count, 1);
  assert_contains(done.unhandled.items[0], "TypeError: forgotten");
  assert_exit(worker, 1);
}

/* Deliveries */

static void a_method_that_throws_rejects_its_result(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "fail", "\"why\"", NULL);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.syscall_count, 1);
  assert_true(done.syscalls[0].resolutions.items[0].rejected);
  assert_string_equal(done_result(worker, &done),
                      "#{\"#error\":\"why\",\"errorId\":\"error:liveSlots:v1#70001\",\"name\":\"TypeError\"}");
  assert_int_equal(done.unhandled.count, 0);
}

static void a_method_that_does_not_exist_rejects_its_result(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "nothing", "", NULL);
  assert_int_equal(done.status, DONE_OK);
  assert_true(done.syscalls[0].resolutions.items[0].rejected);
}

static void a_send_and_its_notify_go_through_the_syscalls(void **state)
{
  struct worker_process *worker = with_probe(state);
  worker_call(worker, "keep", "\"$0.Alleged: friend\"", (const char *[]){"o-7", NULL});
  struct done_frame done = worker_call(worker, "send", "\"hi\"", NULL);
  assert_int_equal(done.syscall_count, 3);
  assert_int_equal(done.syscalls[0].type, SYSCALL_SEND);
  assert_text(done.syscalls[0].message.target, "o-7");
  assert_text(done.syscalls[0].message.methargs.body, "#[\"hello\",[\"hi\"]]");
  assert_text(done.syscalls[0].message.result, "p+5");
  assert_int_equal(done.syscalls[1].type, SYSCALL_SUBSCRIBE);
  assert_text(done.syscalls[1].vpid, "p+5");
  assert_int_equal(done.syscalls[2].type, SYSCALL_RESOLVE);
  assert_string_equal(done_set(worker, &done, "idCounters"), "{\"exportID\":10,\"collectionID\":4,\"promiseID\":6}");
  struct resolution resolution = {bytes_of("p+5"), true, {.body = bytes_of("#{\"#error\":\"no\",\"name\":\"Error\"}")}};
  struct delivery notify = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  done = worker_deliver(worker, &notify);
  assert_int_equal(done.status, DONE_OK);
  assert_no_effects(&done);
  assert_int_equal(done.unhandled.count, 1);
  assert_contains(done.unhandled.items[0], "Error: no");
}

static void a_notify_resolves_a_promise_of_the_vat(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "follow", "\"&0\"", (const char *[]){"p-9", NULL});
  assert_int_equal(done.syscalls[0].type, SYSCALL_SUBSCRIBE);
  assert_text(done.syscalls[0].vpid, "p-9");
  struct resolution resolution = {bytes_of("p-9"), false, {.body = bytes_of("#\"news\"")}};
  struct delivery notify = {.type = DELIVERY_NOTIFY, .resolutions = {&resolution, 1}};
  done = worker_deliver(worker, &notify);
  assert_string_equal(done_set(worker, &done, "vc.1.sfollowed"), "{\"body\":\"#\\\"news\\\"\",\"slots\":[]}");
}

static void bring_out_your_dead_drops_what_the_vat_let_go(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  worker_call(worker, "keep", "\"$0.Alleged: friend\"", (const char *[]){"o-7", NULL});
  struct done_frame done = worker_deliver(worker, &reap);
  assert_int_equal(done.syscall_count, 0);
  worker_call(worker, "drop", "", NULL);
  done = worker_deliver(worker, &reap);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.syscall_count, 2);
  assert_int_equal(done.syscalls[0].type, SYSCALL_DROP_IMPORTS);
  assert_text(done.syscalls[0].vrefs.items[0], "o-7");
  assert_int_equal(done.syscalls[1].type, SYSCALL_RETIRE_IMPORTS);
}

static void collector_deliveries_are_accepted(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct bytes exported = bytes_of("o+0");
  struct bytes imported = bytes_of("o-7");
  struct delivery deliveries[] = {
      {.type = DELIVERY_DROP_EXPORTS, .vrefs = {&exported, 1}},
      {.type = DELIVERY_RETIRE_EXPORTS, .vrefs = {&exported, 1}},
      {.type = DELIVERY_RETIRE_IMPORTS, .vrefs = {&imported, 1}},
  };
  for (size_t i = 0; i < 3; i++) {
    struct done_frame done = worker_deliver(worker, &deliveries[i]);
    assert_int_equal(done.status, DONE_OK);
    assert_no_effects(&done);
  }
}

static void a_vat_may_exit(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "exit", "", NULL);
  assert_int_equal(done.syscalls[0].type, SYSCALL_EXIT);
  assert_false(done.syscalls[0].is_failure);
  assert_text(done.syscalls[0].info.body, "#\"bye\"");
  done = worker_call(worker, "exitWithFailure", "", NULL);
  assert_true(done.syscalls[0].is_failure);
}

static void a_message_to_an_object_the_vat_never_had_is_a_crash(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct delivery delivery = {
      .type = DELIVERY_MESSAGE,
      .message = {.target = bytes_of("o+77"), .methargs = {.body = bytes_of("#[\"bump\",[]]")}},
  };
  struct done_frame done = worker_deliver(worker, &delivery);
  assert_int_equal(done.status, DONE_CRASHED);
  assert_contains(done.status_text, "I don't remember allocating");
  assert_no_effects(&done);
  assert_exit(worker, 70);
}

static void ping_is_answered_before_and_after_init(void **state)
{
  struct worker_process *worker = *state;
  assert_true(worker_ping(worker));
  with_probe(state);
  assert_true(worker_ping(worker));
}

/* Storage */

static void a_key_deleted_and_set_again_is_in_the_sets(void **state)
{
  struct worker_process *worker = with_probe(state);
  worker_call(worker, "bump", "", NULL);
  struct done_frame done = worker_call(worker, "replace", "\"count\"", NULL);
  assert_int_equal(done.deletes.count, 0);
  assert_string_equal(done_set(worker, &done, "vc.1.scount"), "{\"body\":\"#\\\"again\\\"\",\"slots\":[]}");
  done = worker_call(worker, "remove", "\"count\"", NULL);
  assert_int_equal(done.deletes.count, 1);
  assert_text(done.deletes.items[0], "vc.1.scount");
}

static void odd_characters_in_keys_and_values_survive_a_restart(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "writeOdd", "", NULL);
  assert_int_equal(done.status, DONE_OK);
  assert_true(bytes_equal(done.sets.items[0].key, bytes_from("vc.1.sa\0b", 9)));
  worker_hang_up(worker);
  worker_respawn(worker, way);
  with_probe(state);
  done = worker_call(worker, "readOdd", "", NULL);
  assert_string_equal(done_result(worker, &done),
                      "#[[\"a\\u0000b\",\"v\\u0000w\"],[\"empty\",\"\"],"
                      "[\"k\xF0\x9F\x98\x80\",\"v\xF0\x9F\x98\x80\"],"
                      "[\"\xEF\xBF\xBF\",\"after the surrogates in UTF-8\"]]");
}

static void a_large_value_survives_a_restart(void **state)
{
  struct worker_process *worker = with_probe(state);
  assert_int_equal(worker_call(worker, "writeLarge", LARGE_VALUE, NULL).status, DONE_OK);
  worker_hang_up(worker);
  worker_respawn(worker, way);
  with_probe(state);
  struct done_frame done = worker_call(worker, "readLarge", "", NULL);
  char *expected = memory_printf("#[%d,true]", atoi(LARGE_VALUE) + 2);
  assert_string_equal(done_result(worker, &done), expected);
  free(expected);
}

static void a_lone_surrogate_in_a_key_is_refused_and_nothing_is_written(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "writeLone", "", NULL);
  assert_string_equal(done_result(worker, &done),
                      "#\"TypeError: a storage key has a lone surrogate, which cannot be stored or sent\"");
  assert_int_equal(done.sets.count, 0);
  assert_int_equal(done.deletes.count, 0);
}

/* Console and rejections */

static void console_lines_travel_with_the_crank(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "log", "[1,\"two\"]", NULL);
  assert_int_equal(done.log_count, 5);
  assert_text(done.logs[0].level, "log");
  assert_text(done.logs[0].text, "text 1 -0 2n null undefined [ [ 1, 'two' ] ]");
  assert_text(done.logs[1].level, "error");
  assert_text(done.logs[1].text, "RangeError: out of it");
  assert_text(done.logs[2].level, "info");
  assert_text(done.logs[2].text, "{ a: 1, b: { c: [Object] } } [ 1, 'two' ] Map(1) { 'k' => 'v' } Symbol(s)");
  assert_text(done.logs[3].level, "warn");
  assert_text(done.logs[3].text, "x is 5% rest");
  assert_text(done.logs[4].level, "debug");
  assert_true(bytes_start_with(done.logs[4].text, bytes_of("Object [Alleged: probe] { bump: [Function: bump], ")));
  const char end[] = "[Function (anonymous)] lone \xEF\xBF\xBD astral \xF0\x9F\x98\x80 nul \0";
  size_t end_size = sizeof end - 1;
  assert_memory_equal(done.logs[4].text.data + done.logs[4].text.size - end_size, end, end_size);
}

static void hostile_values_can_be_logged(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "hostile", "", NULL);
  assert_int_equal(done.log_count, 2);
  assert_text(done.logs[0].text, "[unreadable]");
  assert_text(done.logs[1].text, "{ secret: [Getter] }");
}

static void too_many_lines_are_counted_and_dropped(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "flood", "1003", NULL);
  assert_int_equal(done.log_count, LIMIT_LOG_LINES_PER_CRANK + 1);
  assert_text(done.logs[999].text, "line 999");
  assert_text(done.logs[1000].text, "(3 more lines of this crank were dropped)");
}

static void a_long_line_is_cut_at_the_end_of_a_character(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "longLine", "100000", NULL);
  assert_int_equal(done.logs[0].text.size, LIMIT_LOG_LINE);
  assert_true(bytes_are_utf8(done.logs[0].text));
}

static void an_unhandled_rejection_is_told(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "rejectQuietly", "", NULL);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.unhandled.count, 1);
  assert_contains(done.unhandled.items[0], "RangeError: nobody cares\n  at rejectQuietly (vat:");
  done = worker_call(worker, "bump", "", NULL);
  assert_int_equal(done.unhandled.count, 0);
}

static void a_rejection_handled_later_in_the_crank_is_not_told(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "rejectAndHandle", "", NULL);
  assert_int_equal(done.unhandled.count, 0);
}

static void what_a_hostile_reason_does_while_it_is_formatted_is_part_of_the_crank(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "rejectHostile", "", NULL);
  assert_int_equal(done.status, DONE_OK);
  assert_int_equal(done.unhandled.count, 1);
  assert_true(done.log_count > 0);
  assert_text(done.logs[0].text, "vat ran while formatting");
}

/* Limits */

static void assert_limit(void **state, const char *method, const char *args, enum done_status status, int exit_status)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, method, args, NULL);
  assert_string_equal(done_status_name(done.status), done_status_name(status));
  assert_no_effects(&done);
  assert_exit(worker, exit_status);
}

static void an_endless_loop_ends_at_the_compute_limit(void **state)
{
  ((struct worker_process *)*state)->limits.computrons = 20000000;
  assert_limit(state, "spin", "", DONE_LIMIT_COMPUTE, 17);
}

static void an_endless_promise_chain_ends_at_the_compute_limit(void **state)
{
  ((struct worker_process *)*state)->limits.computrons = 20000000;
  assert_limit(state, "chain", "", DONE_LIMIT_COMPUTE, 17);
}

static void a_hog_ends_at_the_memory_limit(void **state)
{
  ((struct worker_process *)*state)->limits.heap_bytes = 64 * MIB;
  assert_limit(state, "hog", "", DONE_LIMIT_MEMORY, 11);
}

static void endless_recursion_ends_at_the_stack_limit(void **state)
{
  assert_limit(state, "recurse", "1000000", DONE_LIMIT_STACK, 12);
}

static void moderate_recursion_is_fine(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "recurse", "3000", NULL);
  assert_string_equal(done_result(worker, &done), "#3000");
}

static void an_endless_loop_in_init_ends_at_the_compute_limit(void **state)
{
  struct worker_process *worker = *state;
  worker->limits.computrons = 20000000;
  struct done_frame done = init_code(worker, "for (;;) {} var __vatExports__ = {};");
  assert_int_equal(done.status, DONE_LIMIT_COMPUTE);
  assert_exit(worker, 17);
}

static void the_meter_starts_anew_for_each_delivery(void **state)
{
  struct worker_process *worker = *state;
  worker->limits.computrons = 4000000;
  with_probe(state);
  for (int i = 0; i < 100; i++)
    assert_int_equal(worker_call(worker, "bump", "", NULL).status, DONE_OK);
}

static void logs_of_a_limited_crank_are_kept(void **state)
{
  struct worker_process *worker = *state;
  worker->limits.computrons = 20000000;
  struct done_frame done = init_code(worker, "console.log('so far'); for (;;) {} var __vatExports__ = {};");
  assert_int_equal(done.status, DONE_LIMIT_COMPUTE);
  assert_int_equal(done.log_count, 1);
  assert_text(done.logs[0].text, "so far");
  assert_exit(worker, 17);
}

/* Confinement */

static void a_vat_reaches_neither_the_host_nor_the_start_realm(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "reach", "", NULL);
  assert_string_equal(done_result(worker, &done),
                      "#\"undefined undefined undefined undefined undefined undefined undefined undefined true true "
                      "true TypeError: secure mode Calling %SharedDate%.now() throws TypeError: secure mode "
                      "%SharedMath%.random() throws\"");
}

static void a_vat_has_the_globals_of_the_typescript_kernel(void **state)
{
  struct worker_process *worker = with_probe(state);
  struct done_frame done = worker_call(worker, "globals", "", NULL);
  const char *globals = done_result(worker, &done);
  static const char *const wanted[] = {" VatData ", " WeakMap ", " WeakSet ", " assert ", " console ", " harden ",
                                       " globalThis ", " global ", " exports "};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
    assert_non_null(strstr(globals, wanted[i]));
  static const char *const unwanted[] = {"WeakRef", "FinalizationRegistry", "setImmediate", "vatHost", "TextEncoder"};
  for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
    assert_null(strstr(globals, unwanted[i]));
}

/* The channel */

static void a_delivery_before_init_is_out_of_turn(void **state)
{
  struct worker_process *worker = *state;
  struct delivery reap = {.type = DELIVERY_BRING_OUT_YOUR_DEAD};
  worker_send(worker, &reap);
  assert_exit(worker, 65);
}

static void a_second_init_is_out_of_turn(void **state)
{
  struct worker_process *worker = with_probe(state);
  worker_send_init(worker, "{}", probe);
  assert_exit(worker, 65);
}

static void a_malformed_frame_ends_the_worker(void **state)
{
  struct worker_process *worker = *state;
  worker_send_bytes(worker, bytes_from("\x03\0\0\0\xC1\xC1\xC1", 7));
  assert_exit(worker, 65);
}

static void a_frame_cut_short_ends_the_worker(void **state)
{
  struct worker_process *worker = *state;
  worker_send_bytes(worker, bytes_from("\x10\0\0\0\x92", 5));
  int status = worker_hang_up(worker);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 65);
}

static void a_closed_channel_ends_the_worker_well(void **state)
{
  struct worker_process *worker = with_probe(state);
  worker_call(worker, "bump", "", NULL);
  assert_int_equal(worker_hang_up(worker), 0);
}

static void the_header_names_a_sha256(void **state)
{
  (void)state;
  assert_int_equal(strlen(WORKER_SNAPSHOT_SHA256), 64);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_fresh_vat_starts_with_the_tables_of_liveslots),
      TEST(parameters_come_from_the_configuration),
      TEST(without_parameters_there_is_an_empty_record),
      TEST(vat_powers_are_those_of_liveslots),
      TEST(an_unknown_global_is_warned_of),
      TEST(a_vat_continues_from_its_stored_state_in_another_worker),
      TEST(a_throw_at_global_scope_fails_the_start),
      TEST(a_throw_in_build_root_object_fails_the_start),
      TEST(a_rejected_root_fails_the_start),
      TEST(a_root_that_never_comes_fails_the_start),
      TEST(a_root_that_is_no_remotable_fails_the_start),
      TEST(a_bundle_without_build_root_object_fails_the_start),
      TEST(a_syntax_error_fails_the_start),
      TEST(an_import_expression_fails_the_start),
      TEST(an_html_comment_fails_the_start),
      TEST(a_direct_eval_fails_the_start),
      TEST(a_vat_searches_strings_with_the_engines_own_method),
      TEST(a_bundle_that_is_no_object_is_refused),
      TEST(a_bundle_of_an_unknown_format_is_refused),
      TEST(a_bundle_without_code_is_refused),
      TEST(a_bundle_whose_code_is_no_string_is_refused),
      TEST(a_bundle_that_is_no_json_is_refused),
      TEST(an_unhandled_rejection_in_init_is_told),
      TEST(a_method_that_throws_rejects_its_result),
      TEST(a_method_that_does_not_exist_rejects_its_result),
      TEST(a_send_and_its_notify_go_through_the_syscalls),
      TEST(a_notify_resolves_a_promise_of_the_vat),
      TEST(bring_out_your_dead_drops_what_the_vat_let_go),
      TEST(collector_deliveries_are_accepted),
      TEST(a_vat_may_exit),
      TEST(a_message_to_an_object_the_vat_never_had_is_a_crash),
      TEST(ping_is_answered_before_and_after_init),
      TEST(a_key_deleted_and_set_again_is_in_the_sets),
      TEST(odd_characters_in_keys_and_values_survive_a_restart),
      TEST(a_large_value_survives_a_restart),
      TEST(a_lone_surrogate_in_a_key_is_refused_and_nothing_is_written),
      TEST(console_lines_travel_with_the_crank),
      TEST(hostile_values_can_be_logged),
      TEST(too_many_lines_are_counted_and_dropped),
      TEST(a_long_line_is_cut_at_the_end_of_a_character),
      TEST(an_unhandled_rejection_is_told),
      TEST(a_rejection_handled_later_in_the_crank_is_not_told),
      TEST(what_a_hostile_reason_does_while_it_is_formatted_is_part_of_the_crank),
      TEST(an_endless_loop_ends_at_the_compute_limit),
      TEST(an_endless_promise_chain_ends_at_the_compute_limit),
      TEST(a_hog_ends_at_the_memory_limit),
      TEST(endless_recursion_ends_at_the_stack_limit),
      TEST(moderate_recursion_is_fine),
      TEST(an_endless_loop_in_init_ends_at_the_compute_limit),
      TEST(the_meter_starts_anew_for_each_delivery),
      TEST(logs_of_a_limited_crank_are_kept),
      TEST(a_vat_reaches_neither_the_host_nor_the_start_realm),
      TEST(a_vat_has_the_globals_of_the_typescript_kernel),
      TEST(a_delivery_before_init_is_out_of_turn),
      TEST(a_second_init_is_out_of_turn),
      TEST(a_malformed_frame_ends_the_worker),
      TEST(a_frame_cut_short_ends_the_worker),
      TEST(a_closed_channel_ends_the_worker_well),
      TEST(the_header_names_a_sha256),
  };
  probe = bundle_of_vat("probe");
  way = FROM_SNAPSHOT;
  int failed = cmocka_run_group_tests_name("worker from its snapshot", tests, NULL, NULL);
  way = FROM_SCRIPTS;
  failed += cmocka_run_group_tests_name("worker from its scripts", tests, NULL, NULL);
  free(probe);
  return failed;
}
