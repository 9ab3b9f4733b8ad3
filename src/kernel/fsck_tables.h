/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/fsck_tables.h - the kernel's rows as tables, for fsck.c (the whole), fsck_rows.c (from rows to tables) and
 * fsck_checks.c (what must be true of them).
 *
 * A thing is in its table once any row names it; its `counted` or `state` says whether it has a row of its own. Everything
 * lies in the arena.
 */
#ifndef VATD_KERNEL_FSCK_TABLES_H
#define VATD_KERNEL_FSCK_TABLES_H

#include "base/arena.h"
#include "base/idmap.h"
#include "kernel/fsck.h"
#include "kernel/ids.h"

struct fsck_object {
  uint64_t id;
  bool counted; /* it has counts: it exists */
  bool has_rows;
  bool has_service;
  uint64_t owner;
  uint64_t reachable;
  uint64_t recognizable;
  uint64_t held_reachable; /* recounted */
  uint64_t held_recognizable;
};

enum fsck_state { FSCK_MISSING, FSCK_UNRESOLVED, FSCK_FULFILLED, FSCK_REJECTED };

struct fsck_promise {
  uint64_t id;
  enum fsck_state state;
  bool has_rows;
  bool has_value;
  bool has_subscribers;
  bool is_result; /* of a queued message */
  uint64_t decider;
  uint64_t refs;
  uint64_t held; /* recounted */
};

enum fsck_action { FSCK_DROP_EXPORT = 1, FSCK_RETIRE_EXPORT = 2, FSCK_RETIRE_IMPORT = 4 };

struct fsck_entry {
  struct fsck_entry *next; /* of all */
  struct fsck_vat *vat;
  struct kref kref;
  struct bytes text; /* of the vref */
  struct vref vref;
  bool reachable;
  bool paired;      /* the row from vref to kref is there */
  bool indexed;     /* the importer's row is there */
  unsigned actions; /* pending, enum fsck_action */
};

struct fsck_bundle {
  struct fsck_bundle *next;
  const char *hash;
  uint64_t refs;
  uint64_t held; /* recounted */
  bool stored;
};

struct fsck_vat {
  uint64_t id;
  bool configured;
  bool recorded; /* vat.vN is there */
  bool named;    /* vatName.<name>/vN is */
  bool ending;
  bool suspended;
  bool live;
  bool has_image;
  bool has_state;   /* rows that only a living vat has */
  bool has_garbage; /* rows that an ending vat may still have */
  bool has_account; /* of its storage; how much it says: */
  bool account_exact;
  uint64_t account_bytes;
  uint64_t account_keys;
  struct bytes name;
  uint64_t subcluster;
  struct kref root;
  uint64_t next_object; /* import counters, 0: not there */
  uint64_t next_promise;
  struct idmap objects; /* c-list: kref id -> entry */
  struct idmap promises;
};

/* A row that names two things, looked at when all are known: a subscription, an importer, an action. */
struct fsck_link {
  struct fsck_link *next;
  struct bytes key;
  uint64_t vat;
  struct kref kref;
  enum fsck_action action;
};

struct fsck_queue {
  struct fsck_queue *next;
  struct bytes name; /* "run", "kp3", "v2" */
  struct kref kref;  /* KREF_NONE with an id: a vat's */
  uint64_t head;
  uint64_t tail;
  uint64_t first; /* slots in use; 0: none */
  uint64_t last;
};

struct fsck_notify {
  struct fsck_notify *next;
  struct bytes key;
  uint64_t vat;
  struct kref promise;
};

struct fsck {
  struct arena arena;
  fsck_found_fn *found;
  void *context;
  size_t count;
  struct idmap objects;
  struct idmap promises;
  struct idmap vats;
  uint64_t image_bytes; /* as stored, and recounted: */
  uint64_t image_bytes_found;
  struct idmap subclusters; /* those with a row that runs */
  struct idmap launching;   /* those with a row that does not yet */
  struct fsck_entry *entries;
  struct fsck_bundle *bundles;
  struct fsck_link *importers;
  struct fsck_link *subscriptions;
  struct fsck_link *actions;
  struct fsck_link *names; /* of vats: kref unused */
  struct fsck_queue *queues; /* the one whose rows are being read first */
  struct fsck_notify *notifies;
  uint64_t next_object;
  uint64_t next_promise;
  uint64_t next_vat;
  uint64_t next_subcluster;
};

/* ---- fsck.c ---- */

void fsck_say(struct fsck *f, const char *table, struct bytes key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Of the row of this name in kv; the name is formatted with what it names. */
#define FSCK_KEY(f, ...) arena_printf(&(f)->arena, __VA_ARGS__)
struct fsck_object *fsck_object(struct fsck *f, uint64_t id);
struct fsck_promise *fsck_promise(struct fsck *f, uint64_t id);
struct fsck_vat *fsck_vat(struct fsck *f, uint64_t id);
struct fsck_bundle *fsck_bundle(struct fsck *f, struct bytes hash);
/* The c-list entry of a vat; NULL when there is none. Nothing is added to a table. */
struct fsck_entry *fsck_entry_of(struct fsck *f, uint64_t vat, struct kref kref);

/* ---- fsck_rows.c, fsck_checks.c ---- */

/* One row of kv, for a scan; `context` is the struct fsck. */
bool fsck_read_row(void *context, struct bytes key, struct bytes value);
void fsck_check(struct fsck *f, const struct fsck_lists *lists);

#endif
