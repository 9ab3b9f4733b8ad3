/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/quota.c - see quota.h. */
#include "kernel/quota.h"
#include "kernel/records.h"
#include "kernel/vats.h"
#include "kernel/vatstore.h"

#include <inttypes.h>

/* What a bound is written too high by (keep_account()). */
#define ACCOUNT_ROOM_BYTES (64 * KIB)
#define ACCOUNT_ROOM_KEYS 1024

static enum vatd_code exceeded(const struct vat *vat, const char *name, uint64_t most, const char *what, uint64_t got,
                               struct error *error)
{
  return error_set(error, VATD_LIMIT, "limits.%s of %s is %llu, and %s %llu", name, vat_id_text(vat->id).text,
                   (unsigned long long)most, what, (unsigned long long)got);
}

/* ---- one crank ---- */

static uint64_t capdata_bytes(const struct capdata *data)
{
  uint64_t bytes = data->body.size;
  for (size_t i = 0; i < data->slots.count; i++)
    bytes += data->slots.items[i].size;
  return bytes;
}

static uint64_t list_bytes(const struct bytes_list *list)
{
  uint64_t bytes = 0;
  for (size_t i = 0; i < list->count; i++)
    bytes += list->items[i].size;
  return bytes;
}

static uint64_t syscall_bytes(const struct vat_syscall *call)
{
  uint64_t bytes = capdata_bytes(&call->message.methargs) + capdata_bytes(&call->info) + list_bytes(&call->vrefs);
  for (size_t i = 0; i < call->resolutions.count; i++)
    bytes += capdata_bytes(&call->resolutions.items[i].data);
  return bytes;
}

static uint64_t crank_bytes(const struct done_frame *done)
{
  uint64_t bytes = list_bytes(&done->deletes);
  for (size_t i = 0; i < done->sets.count; i++)
    bytes += done->sets.items[i].key.size + done->sets.items[i].value.size;
  for (size_t i = 0; i < done->syscall_count; i++)
    bytes += syscall_bytes(&done->syscalls[i]);
  return bytes;
}

enum vatd_code quota_check_crank(const struct vat *vat, const struct done_frame *done, struct error *error)
{
  const struct policy *policy = &vat->policy;
  if (done->syscall_count > policy->syscalls)
    return exceeded(vat, "syscalls", policy->syscalls, "this crank has", done->syscall_count, error);
  uint64_t bytes = crank_bytes(done);
  if (bytes > policy->crank_bytes)
    return exceeded(vat, "crankBytes", policy->crank_bytes, "this crank has", bytes, error);
  for (size_t i = 0; i < done->sets.count; i++) {
    if (done->sets.items[i].value.size > policy->value_bytes)
      return exceeded(vat, "valueBytes", policy->value_bytes, "a stored value has", done->sets.items[i].value.size, error);
  }
  return VATD_OK;
}

enum vatd_code quota_check_made(struct kernel *k, const struct vat *vat, const struct vat_syscall *call, struct error *error)
{
  const struct policy *policy = &vat->policy;
  const struct staged *made = &k->staged;
  if (made->objects > policy->crank_objects)
    return exceeded(vat, "crankObjects", policy->crank_objects, "this crank made", made->objects, error);
  if (made->promises > policy->crank_promises)
    return exceeded(vat, "crankPromises", policy->crank_promises, "this crank made", made->promises, error);
  if (call->type != SYSCALL_SEND)
    return VATD_OK;
  if (vat->queued + made->messages > policy->queued_messages)
    return exceeded(vat, "queuedMessages", policy->queued_messages, "of its messages would wait", vat->queued + made->messages, error);
  if (made->waiting > policy->queued_messages)
    return exceeded(vat, "queuedMessages", policy->queued_messages, "for one promise would wait", made->waiting, error);
  return VATD_OK;
}

/* ---- storage ---- */

static bool is_half_full(const struct vat *vat, const struct storage_account *account)
{
  return account->bytes > vat->policy.storage_bytes / 2 || account->keys > vat->policy.storage_keys / 2;
}

static bool count_row(void *context, struct bytes key, struct bytes value)
{
  struct storage_account *account = context;
  account->keys++;
  account->bytes += key.size + value.size;
  return true;
}

static void count_all(struct kernel *k, const struct vat *vat, struct storage_account *account)
{
  account->bytes = 0;
  account->keys = 0;
  account->exact = true;
  vatstore_each(k, vat->id, bytes_of(""), count_row, account);
}

/* ---- the row storage.vN ---- */

static struct bytes account_key(struct kernel *k, uint64_t vat)
{
  return record_key(k, "storage.%s", vat_id_text(vat).text);
}

static struct storage_account read_account(struct kernel *k, uint64_t vat)
{
  struct bytes text;
  struct storage_account account = {0};
  account.stored = record_get(k, account_key(k, vat), &text);
  bool valid = !account.stored || quota_parse_row(text, &account.stored_bytes, &account.stored_keys, &account.stored_exact);
  KERNEL_EXPECT(k, valid, "storage.%s is malformed", vat_id_text(vat).text);
  account.bytes = account.stored_bytes;
  account.keys = account.stored_keys;
  account.exact = account.stored_exact;
  return account;
}

bool quota_parse_row(struct bytes text, uint64_t *bytes, uint64_t *keys, bool *exact)
{
  static const char *const kinds[] = {",most", ",exact"};
  const char *comma = text.size ? memchr(text.data, ',', text.size) : NULL;
  if (!comma)
    return false;
  size_t first = (size_t)(comma - text.data);
  for (size_t i = 0; i < 2; i++) {
    struct bytes rest = bytes_after(text, first + 1);
    size_t tail = strlen(kinds[i]);
    if (rest.size <= tail || memcmp(rest.data + rest.size - tail, kinds[i], tail) != 0)
      continue;
    *exact = i == 1;
    return decimal_parse(bytes_from(text.data, first), bytes) && decimal_parse(bytes_from(rest.data, rest.size - tail), keys);
  }
  return false;
}

static void write_account(struct kernel *k, uint64_t vat, struct storage_account *account)
{
  account->stored = true;
  record_put(k, account_key(k, vat),
             record_key(k, "%" PRIu64 ",%" PRIu64 ",%s", account->stored_bytes, account->stored_keys,
                        account->stored_exact ? "exact" : "most"));
}

/*
 * Writes what the account has come to, if the row does not say so already. A bound is written with some room, so that this is not
 * done in every crank. A storage that fits an init frame needs no row: it is counted when it is sent.
 */
static void keep_account(struct kernel *k, uint64_t vat, struct storage_account *account)
{
  bool holds = account->stored && account->exact == account->stored_exact &&
               (account->exact ? account->bytes == account->stored_bytes && account->keys == account->stored_keys
                               : account->bytes <= account->stored_bytes && account->keys <= account->stored_keys);
  if (holds || (!account->stored && account->bytes <= LIMIT_INIT_STATE))
    return;
  account->stored_exact = account->exact;
  account->stored_bytes = account->bytes + (account->exact ? 0 : ACCOUNT_ROOM_BYTES);
  account->stored_keys = account->keys + (account->exact ? 0 : ACCOUNT_ROOM_KEYS);
  write_account(k, vat, account);
}

void quota_doubt_account(struct kernel *k, uint64_t vat)
{
  struct storage_account account = read_account(k, vat);
  if (!account.stored_exact)
    return;
  account.stored_exact = false;
  write_account(k, vat, &account);
}

void quota_open_account(struct kernel *k, struct vat *vat, const struct page_rows *part)
{
  struct storage_account account = read_account(k, vat->id);
  if (part->more && !account.stored) {
    count_all(k, vat, &account); /* it is from before there were such rows */
  } else if (!part->more) {
    account.bytes = 0;
    account.keys = 0;
    for (size_t i = 0; i < part->rows.count; i++)
      count_row(&account, part->rows.items[i].key, part->rows.items[i].value);
    account.exact = true;
  }
  account.exact = account.exact && is_half_full(vat, &account);
  vat->storage = account;
}

/* ---- checkpoints ---- */

/* From an upper bound that may be too high to the truth, before a checkpoint is applied; or back, when there is room again. */
static void choose_counting(struct kernel *k, const struct vat *vat, const struct done_frame *done,
                            struct storage_account *account)
{
  struct storage_account after = *account;
  for (size_t i = 0; i < done->sets.count; i++)
    count_row(&after, done->sets.items[i].key, done->sets.items[i].value);
  if (!is_half_full(vat, &after)) {
    account->exact = false;
  } else if (!account->exact) {
    count_all(k, vat, account);
  }
}

/* What is stored under the key so far is no more. */
static void take_off(struct kernel *k, const struct vat *vat, struct bytes key, struct storage_account *account)
{
  size_t size;
  if (!account->exact || !vatstore_value_size(k, vat->id, key, &size))
    return;
  account->bytes -= key.size + size;
  account->keys--;
}

enum vatd_code quota_apply_checkpoint(struct kernel *k, const struct vat *vat, const struct done_frame *done,
                                      struct storage_account *account, struct error *error)
{
  const struct policy *policy = &vat->policy;
  choose_counting(k, vat, done, account);
  for (size_t i = 0; i < done->sets.count; i++) {
    const struct key_value *row = &done->sets.items[i];
    take_off(k, vat, row->key, account);
    vatstore_put(k, vat->id, row->key, row->value);
    count_row(account, row->key, row->value);
  }
  for (size_t i = 0; i < done->deletes.count; i++) {
    take_off(k, vat, done->deletes.items[i], account);
    vatstore_delete(k, vat->id, done->deletes.items[i]);
  }
  keep_account(k, vat->id, account);
  if (account->bytes > policy->storage_bytes)
    return exceeded(vat, "storageBytes", policy->storage_bytes, "it would keep", account->bytes, error);
  if (account->keys > policy->storage_keys)
    return exceeded(vat, "storageKeys", policy->storage_keys, "it would keep", account->keys, error);
  return VATD_OK;
}

/* ---- messages ---- */

void quota_count_queued(struct kernel *k, uint64_t sender, bool came)
{
  if (!sender)
    return;
  struct vat *vat = came && vat_exists(k, sender) ? vat_of(k, sender) : vat_if_known(k, sender);
  if (vat && came)
    vat->queued++;
  else if (vat && vat->queued)
    vat->queued--;
}
