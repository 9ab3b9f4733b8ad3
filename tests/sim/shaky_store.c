/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/shaky_store.c - see shaky_store.h. Every function of the interface first asks whether it is to fail, then passes
 * the call on. */
#include "shaky_store.h"

#include "store/store_engines.h"

static struct shaky_store *of(struct store *store)
{
  return (struct shaky_store *)store;
}

static enum vatd_code stumble(struct shaky_store *s, struct error *error)
{
  if (!s->failed && s->fail_in > 0)
    s->failed = --s->fail_in == 0;
  return s->failed ? error_set(error, VATD_IO, "the simulated disk has failed") : VATD_OK;
}

static enum vatd_code get(struct store *store, const char *vat, struct bytes key, struct buffer *value, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->get(of(store)->inner, vat, key, value, error);
}

static enum vatd_code next_key(struct store *store, const char *vat, struct bytes after, struct buffer *key,
                               struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->next_key(of(store)->inner, vat, after, key, error);
}

static enum vatd_code put(struct store *store, const char *vat, struct bytes key, struct bytes value, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  of(store)->written = true;
  return code ? code : of(store)->inner->ops->put(of(store)->inner, vat, key, value, error);
}

static enum vatd_code delete_key(struct store *store, const char *vat, struct bytes key, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  of(store)->written = true;
  return code ? code : of(store)->inner->ops->delete(of(store)->inner, vat, key, error);
}

static enum vatd_code scan(struct store *store, const char *vat, struct bytes prefix, store_row_fn *row, void *context,
                           struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->scan(of(store)->inner, vat, prefix, row, context, error);
}

static enum vatd_code scan_from(struct store *store, const char *vat, struct bytes from, store_row_fn *row, void *context,
                                struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->scan_from(of(store)->inner, vat, from, row, context, error);
}

static enum vatd_code delete_vat(struct store *store, const char *vat, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  of(store)->written = true;
  return code ? code : of(store)->inner->ops->delete_vat(of(store)->inner, vat, error);
}

static enum vatd_code bundle_get(struct store *store, const char *hash, struct buffer *value, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->bundle_get(of(store)->inner, hash, value, error);
}

static enum vatd_code bundle_put(struct store *store, const char *hash, struct bytes value, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->bundle_put(of(store)->inner, hash, value, error);
}

static enum vatd_code bundle_delete(struct store *store, const char *hash, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->bundle_delete(of(store)->inner, hash, error);
}

static enum vatd_code savepoint(struct store *store, const char *name, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->savepoint(of(store)->inner, name, error);
}

static enum vatd_code rollback_to(struct store *store, const char *name, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  of(store)->written = true;
  return code ? code : of(store)->inner->ops->rollback_to(of(store)->inner, name, error);
}

static enum vatd_code release(struct store *store, const char *name, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->release(of(store)->inner, name, error);
}

static enum vatd_code commit(struct store *store, uint64_t *batch, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->commit(of(store)->inner, batch, error);
}

static enum vatd_code rollback(struct store *store, struct error *error)
{
  of(store)->written = true;
  return of(store)->inner->ops->rollback(of(store)->inner, error);
}

static enum vatd_code query(struct store *store, struct bytes sql, store_query_row_fn *row, void *context,
                            struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  return code ? code : of(store)->inner->ops->query(of(store)->inner, sql, row, context, error);
}

static enum vatd_code clear(struct store *store, struct error *error)
{
  enum vatd_code code = stumble(of(store), error);
  of(store)->written = true;
  return code ? code : of(store)->inner->ops->clear(of(store)->inner, error);
}

static const struct store_ops shaky_ops = {
    .name = "shaky",
    .get = get,
    .next_key = next_key,
    .put = put,
    .delete = delete_key,
    .scan = scan,
    .scan_from = scan_from,
    .delete_vat = delete_vat,
    .bundle_get = bundle_get,
    .bundle_put = bundle_put,
    .bundle_delete = bundle_delete,
    .savepoint = savepoint,
    .rollback_to = rollback_to,
    .release = release,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .clear = clear,
};

static void tell(struct shaky_store *s, uint64_t batch, enum store_outcome outcome)
{
  if (s->store.on_outcome)
    s->store.on_outcome(s->store.outcome_context, batch, outcome);
}

static void inner_outcome(void *context, uint64_t batch, enum store_outcome outcome)
{
  struct shaky_store *s = context;
  if (outcome != STORE_DURABLE || !s->holding || s->held_count == SHAKY_OUTCOMES) {
    while (shaky_report(s)) /* outcomes are reported in order */
      ;
    tell(s, batch, outcome);
  } else {
    s->held[s->held_count++] = batch;
  }
}

bool shaky_report(struct shaky_store *s)
{
  if (s->held_count == 0)
    return false;
  uint64_t batch = s->held[0];
  s->held_count--;
  memmove(s->held, s->held + 1, s->held_count * sizeof *s->held);
  tell(s, batch, STORE_DURABLE);
  return true;
}

void shaky_open(struct shaky_store *s)
{
  *s = (struct shaky_store){.store = {.ops = &shaky_ops}, .inner = store_memory_open(), .written = true};
  s->store.epoch = s->inner->epoch;
  s->inner->on_outcome = inner_outcome;
  s->inner->outcome_context = s;
}

void shaky_close(struct shaky_store *s)
{
  s->inner->ops->close(s->inner);
}

void shaky_reopen(struct shaky_store *s)
{
  store_memory_reopen(s->inner);
  s->inner->on_outcome = inner_outcome;
  s->inner->outcome_context = s;
  s->store.epoch = s->inner->epoch;
  s->fail_in = 0;
  s->failed = false;
  s->held_count = 0;
  s->written = true;
}
