/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/sleep.c - see sleep.h. */
#include "kernel/sleep.h"
#include "kernel/crank.h"
#include "kernel/hibernation.h"
#include "kernel/launch.h"
#include "kernel/restart.h"
#include "kernel/vats.h"

#define MOST_LOOKED_AT 32 /* vats, at once: most of those that may sleep are idle in fact */

static bool has_nothing_to_do(struct kernel *k, const struct vat *vat)
{
  return vat->phase == VAT_IDLE && vat->pending.count == 0 && vat->pings.count == 0 && vat->starts.count == 0 &&
         !vat->has_garbage && !vat->reap_due && !launch_of_vat(k, vat->id);
}

bool sleep_if_idle(struct kernel *k, struct vat *vat)
{
  arena_clear(&k->arena);
  if (!vat->policy.sleeps || !has_nothing_to_do(k, vat) || restart_would_lose_promises(k, vat) || kernel_is_broken(k))
    return false;
  vat_stop_worker(k, vat);
  crank_restart(k, vat);
  return true;
}

/* A vat that is used now and then costs more by being written down each time than by its memory. */
static bool is_unused_for_a_while(const struct kernel *k, const struct vat *vat)
{
  return vat->last_used <= k->uses_seen;
}

bool hibernate_if_idle(struct kernel *k, struct vat *vat)
{
  return vat->policy.hibernates && vat->deliveries == 0 && is_unused_for_a_while(k, vat) && has_nothing_to_do(k, vat) &&
         hibernation_begin(k, vat);
}

static bool may_leave(const struct kernel *k, const struct vat *vat)
{
  return vat->policy.sleeps || (!vat->no_image && !vat->is_program && is_unused_for_a_while(k, vat));
}

/* The vat that has done nothing for the longest time, of those that may leave and were used after `after`. */
static struct vat *longest_idle(struct kernel *k, uint64_t after)
{
  struct vat *found = NULL;
  struct vat *vat;
  size_t position = 0;
  while ((vat = idmap_next(&k->vats, &position))) {
    if (vat->last_used > after && may_leave(k, vat) && (!found || vat->last_used < found->last_used) && has_nothing_to_do(k, vat))
      found = vat;
  }
  return found;
}

size_t kernel_let_sleep(struct kernel *k, size_t count)
{
  uint64_t after = 0;
  size_t leave = 0;
  struct vat *vat;
  count -= count < k->hibernating ? count : k->hibernating;
  for (size_t looked = 0; leave < count && looked < MOST_LOOKED_AT && (vat = longest_idle(k, after)); looked++) {
    after = vat->last_used;
    leave += sleep_if_idle(k, vat) || (is_unused_for_a_while(k, vat) && hibernation_begin(k, vat));
  }
  return leave;
}
