/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/ids.h - the names of things: krefs, vat and subcluster ids, and vrefs, which are wire/vref.h's.
 *
 * A kref names an object (`ko7`) or promise (`kp3`) for the kernel and its host; a vref names it for one vat. (Source:
 * SwingSet, parseKernelSlots.js.)
 */
#ifndef VATD_KERNEL_IDS_H
#define VATD_KERNEL_IDS_H

#include "wire/vref.h"

#include <stdbool.h>
#include <stdint.h>

enum kref_type { KREF_NONE, KREF_OBJECT, KREF_PROMISE };

struct kref {
  enum kref_type type;
  uint64_t id;
};

/* Stands where a vat's id could: the kernel itself owns the object, or decides the promise. */
#define ENDPOINT_KERNEL UINT64_MAX

#define KREF_NOTHING ((struct kref){KREF_NONE, 0})

/* A name as text; made by value so that `kref_text(k).text` lives as long as the full expression. */
struct id_text {
  char text[32];
};

static inline bool kref_equal(struct kref a, struct kref b)
{
  return a.type == b.type && a.id == b.id;
}

static inline struct kref kref_object(uint64_t id)
{
  return (struct kref){KREF_OBJECT, id};
}

static inline struct kref kref_promise(uint64_t id)
{
  return (struct kref){KREF_PROMISE, id};
}

bool kref_parse(struct bytes text, struct kref *kref);
struct id_text kref_text(struct kref kref);

/* "v7" <-> 7, "s2" <-> 2. Ids start at 1; 0 means none. */
bool vat_id_parse(struct bytes text, uint64_t *id);
struct id_text vat_id_text(uint64_t id);
bool subcluster_id_parse(struct bytes text, uint64_t *id);
struct id_text subcluster_id_text(uint64_t id);

#endif
