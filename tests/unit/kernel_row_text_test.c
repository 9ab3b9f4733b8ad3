/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of queue items and promise values (kernel/row_text.h) against jansson, at random: the seed is printed. */
#include "kernel_test.h"

#include "base/limits.h"
#include "kernel/row_text.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS 20000

static uint64_t chance_state;

static uint32_t chance(uint32_t below)
{
  chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(chance_state >> 33) % below;
}

/* What a text may be made of: plain, escaped with two bytes, with six, and more than one byte of UTF-8. */
static const char *const pieces[] = {"a", "#{\"x\":", "\"", "\\", "\n", "\t", "\b", "\f", "\r", "\x01", "\x1f", "\x7f", "/", "]", ",",
                                     "\xC3\xA9", "\xF0\x9F\x98\x80", "u0041", "{}", "\":\""};

static struct bytes random_text(struct arena *arena)
{
  struct buffer text;
  buffer_init(&text, KIB);
  for (uint32_t i = chance(12); i > 0; i--)
    buffer_append_text(&text, pieces[chance(COUNT_OF(pieces))]);
  if (chance(20) == 0)
    buffer_append(&text, "\0", 1);
  struct bytes copy = arena_copy(arena, buffer_bytes(&text));
  buffer_fini(&text);
  return copy;
}

static struct kref random_kref(void)
{
  return chance(2) ? kref_object(1 + chance(100000)) : kref_promise(1 + chance(100));
}

static struct kernel_data random_data(struct arena *arena)
{
  struct kernel_data data = {.body = random_text(arena), .slot_count = chance(4)};
  data.slots = arena_alloc_array(arena, data.slot_count, sizeof *data.slots);
  for (size_t i = 0; i < data.slot_count; i++)
    data.slots[i] = random_kref();
  return data;
}

static struct queue_item random_item(struct arena *arena)
{
  if (chance(3) == 0)
    return (struct queue_item){.type = ITEM_NOTIFY, .vat = 1 + chance(50), .promise = kref_promise(1 + chance(1000))};
  struct queue_item item = {.type = ITEM_SEND, .target = random_kref(), .methargs = random_data(arena), .sender = chance(3)};
  item.result = chance(2) ? kref_promise(1 + chance(1000)) : KREF_NOTHING;
  return item;
}

static json_t *json_of_item(const struct queue_item *item)
{
  if (item->type == ITEM_NOTIFY)
    return json_pack("{s:s, s:s, s:s}", "type", "notify", "endpointId", vat_id_text(item->vat).text, "kpid", kref_text(item->promise).text);
  json_t *message = json_pack("{s:o}", "methargs", kernel_data_to_json(&item->methargs));
  if (item->result.type != KREF_NONE)
    json_object_set_new(message, "result", json_string(kref_text(item->result).text));
  json_t *json = json_pack("{s:s, s:s, s:o}", "type", "send", "target", kref_text(item->target).text, "message", message);
  if (item->sender)
    json_object_set_new(json, "sender", json_string(vat_id_text(item->sender).text));
  return json;
}

static void assert_text_of(json_t *json, const struct buffer *text)
{
  char *expected = json_dumps(json, JSON_COMPACT);
  assert_string_equal(buffer_text(text), expected);
  free(expected);
  json_decref(json);
}

static void assert_same_data(const struct kernel_data *a, const struct kernel_data *b)
{
  assert_true(bytes_equal(a->body, b->body));
  assert_int_equal(a->slot_count, b->slot_count);
  for (size_t i = 0; i < a->slot_count; i++)
    assert_true(kref_equal(a->slots[i], b->slots[i]));
}

static void assert_same_item(const struct queue_item *a, const struct queue_item *b)
{
  assert_int_equal(a->type, b->type);
  assert_true(kref_equal(a->target, b->target) && kref_equal(a->result, b->result) && kref_equal(a->promise, b->promise));
  assert_int_equal(a->vat, b->vat);
  assert_int_equal(a->sender, b->sender);
  assert_same_data(&a->methargs, &b->methargs);
}

/* Six-byte escapes are left to jansson. */
static bool is_for_us(struct bytes body)
{
  for (size_t i = 0; i < body.size; i++) {
    unsigned char byte = (unsigned char)body.data[i];
    if (byte < 0x20 && (byte == 0 || !strchr("\b\t\n\f\r", byte)))
      return false;
  }
  return true;
}

static void texts_are_what_jansson_makes_and_are_read_again(void **state)
{
  struct harness *h = *state;
  struct buffer text;
  buffer_init(&text, 64 * KIB);
  for (int round = 0; round < ROUNDS; round++) {
    arena_clear(&h->arena);
    buffer_clear(&text);
    struct queue_item item = random_item(&h->arena);
    struct queue_item read;
    row_text_put_item(&text, &item);
    assert_text_of(json_of_item(&item), &text);
    bool ours = row_text_read_item(&h->arena, buffer_bytes(&text), &read);
    assert_int_equal(ours, item.type == ITEM_NOTIFY || is_for_us(item.methargs.body));
    if (ours)
      assert_same_item(&item, &read);
    buffer_clear(&text);
    struct kernel_data data = random_data(&h->arena);
    struct kernel_data read_data;
    row_text_put_data(&text, &data);
    assert_text_of(kernel_data_to_json(&data), &text);
    if (row_text_read_data(&h->arena, buffer_bytes(&text), &read_data))
      assert_same_data(&data, &read_data);
    else
      assert_false(is_for_us(data.body));
  }
  buffer_fini(&text);
}

static void damage(struct buffer *text)
{
  static const char bytes[] = "\"\\{}[],:ku09\x01\xFF\xC3";
  for (uint32_t i = 1 + chance(3); i > 0 && text->size > 0; i--) {
    size_t at = chance((uint32_t)text->size);
    if (chance(2))
      text->data[at] = bytes[chance(sizeof bytes - 1)];
    else if (chance(2))
      memmove(text->data + at, text->data + at + 1, text->size-- - at);
    else
      text->size = at;
  }
}

/* What is read of a damaged text must be what jansson reads of it. */
static void of_damaged_texts_nothing_else_is_read_than_jansson_would(void **state)
{
  struct harness *h = *state;
  struct buffer text;
  size_t read_all_the_same = 0;
  buffer_init(&text, 64 * KIB);
  for (int round = 0; round < ROUNDS; round++) {
    arena_clear(&h->arena);
    buffer_clear(&text);
    struct kernel_data data = random_data(&h->arena);
    struct kernel_data read;
    struct kernel_data expected = {0};
    row_text_put_data(&text, &data);
    damage(&text);
    if (!row_text_read_data(&h->arena, buffer_bytes(&text), &read))
      continue;
    read_all_the_same++;
    json_t *json = json_loadb(text.data, text.size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_true(kernel_data_from_json(h->kernel, json, &expected));
    assert_same_data(&expected, &read);
    json_decref(json);
  }
  assert_true(read_all_the_same > 100);
  buffer_fini(&text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      KERNEL_TEST(texts_are_what_jansson_makes_and_are_read_again),
      KERNEL_TEST(of_damaged_texts_nothing_else_is_read_than_jansson_would),
  };
  const char *seed = getenv("SEED");
  chance_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
  printf("# seed %llu\n", (unsigned long long)chance_state);
  return cmocka_run_group_tests_name("kernel: texts of rows", tests, NULL, NULL) != 0;
}
