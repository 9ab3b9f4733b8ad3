/* SPDX-License-Identifier: Apache-2.0 */
/* libvatd/check.c - vatd_check(): first the file (store_check.h), then what is in it (kernel/fsck.h). */
#include "libvatd/internal.h"
#include "store/store_check.h"

struct check {
  vatd_found_fn *found;
  void *context;
  size_t count;
};

static void tell_finding(void *context, const struct fsck_finding *finding)
{
  struct check *check = context;
  struct vatd_finding told = {finding->table, finding->key.data ? finding->key.data : "", finding->key.size, finding->what};
  check->count++;
  check->found(check->context, &told);
}

enum vatd_code vatd_check(const char *database, vatd_found_fn *found, void *context, size_t *count, struct vatd_error *error)
{
  struct check check = {found, context, 0};
  struct error why = {0};
  struct store *store;
  struct fsck_lists lists;
  enum vatd_code code = store_sqlite_inspect(database, tell_finding, &check, &store, &lists, &why);
  if (code != VATD_OK)
    return driver_tell(error, &why);
  if (store) {
    fsck_store(store, &lists, tell_finding, &check);
    store->ops->close(store);
  }
  store_lists_free(&lists);
  *count = check.count;
  return VATD_OK;
}
