/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/kernel_image.h - what the store holds of the kernel's state, as typed tables, and what must be true of it after
 * every crank.
 *
 * The image is read row by row from the store, without the kernel's own reader: it knows only the rows' forms. What is
 * stored redundantly is checked by kernel/fsck.h.
 */
#ifndef TESTS_KERNEL_IMAGE_H
#define TESTS_KERNEL_IMAGE_H

#include "base/arena.h"
#include "kernel/ids.h"
#include "kernel/store.h"

#define IMAGE_VATS 64 /* vat ids are smaller: sets of vats are bits of one word */
#define IMAGE_KERNEL 1000 /* owns and decides where no vat does: services */

struct image_data {
  struct bytes body;
  struct kref *slots;
  size_t slot_count;
};

struct image_object {
  bool exists; /* it has counts */
  uint64_t owner;
  uint64_t reachable;
  uint64_t recognizable;
  bool revoked;
  uint64_t importers; /* by the index */
};

enum image_state { IMAGE_MISSING, IMAGE_UNRESOLVED, IMAGE_FULFILLED, IMAGE_REJECTED };

struct image_promise {
  enum image_state state;
  uint64_t decider;
  uint64_t subscribers;
  uint64_t refs;
  struct image_data value;
};

struct image_entry {
  uint64_t vat;
  struct kref kref;
  const char *vref;
  bool reachable;
  bool paired; /* the row of the other direction is there */
};

struct image_item {
  struct kref queue; /* KREF_NOTHING: the run queue; no type and an id: of a suspended vat */
  uint64_t slot;
  bool is_notify;
  uint64_t vat;        /* notify */
  struct kref promise; /* notify */
  struct kref target;
  struct kref result;
  struct image_data methargs;
};

struct image_vat {
  bool exists;
  bool live;
  bool suspended;
  bool hibernates;  /* its heap is stored */
  bool ending;      /* it is gone, its c-list and storage are being removed */
  bool has_garbage; /* rows gcAction.vN */
  struct kref root;
  uint64_t next_object; /* import counters */
  uint64_t next_promise;
  size_t first_entry;
  size_t entry_count;
};

enum image_launch { IMAGE_NO_SUBCLUSTER, IMAGE_LAUNCHING, IMAGE_RUNNING };

enum image_action { IMAGE_DROP_EXPORT = 1, IMAGE_RETIRE_EXPORT = 2, IMAGE_RETIRE_IMPORT = 4 };

struct image_action_row {
  uint64_t vat;
  enum image_action action;
  struct kref kref;
};

struct image {
  struct arena *arena;
  struct image_object *objects; /* by id */
  size_t object_count;
  struct image_promise *promises;
  size_t promise_count;
  struct image_entry *entries; /* of one vat together */
  size_t entry_count;
  size_t entry_capacity;
  struct image_item *items; /* of one queue together, by slot */
  size_t item_count;
  size_t item_capacity;
  struct image_action_row *actions;
  size_t action_count;
  size_t action_capacity;
  struct kref *pins; /* what roots, launches, idempotency keys and the host hold */
  size_t pin_count;
  size_t pin_capacity;
  struct image_vat vats[IMAGE_VATS];
  enum image_launch subclusters[IMAGE_VATS];
  char wrong[512]; /* the first thing that is wrong, or "" */
};

/* Reads and checks; everything lies in the arena. False: `wrong` says why. */
bool image_read(struct image *image, struct store *store, struct arena *arena);
/* Notes what is wrong, if it is the first thing. */
void image_wrong(struct image *image, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Of the whole store: see kernel_image_checks.c. */
void image_check(struct image *image, struct store *store);
/* Frees what the arena does not hold. */
void image_fini(struct image *image);

struct image_object *image_object(const struct image *image, struct kref kref);
struct image_promise *image_promise(const struct image *image, struct kref kref);
const struct image_entry *image_entry_of(const struct image *image, uint64_t vat, struct kref kref);
static inline bool image_in_run_queue(const struct image_item *item)
{
  return kref_equal(item->queue, KREF_NOTHING);
}

bool image_has_notify(const struct image *image, uint64_t vat, struct kref promise);

#endif
