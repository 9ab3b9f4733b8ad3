/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/internal.h - what the files of the kernel share: the kernel's own structure, and the rule of staging.
 *
 * The store is the truth. What is kept in memory is either *runtime* (which worker runs what) or an *index* of stored rows
 * (which queue slots wait for which vat). Whatever a crank would change in memory is first staged (struct staged); it takes
 * effect when the crank's savepoint is released, and is forgotten when it is rolled back. So memory never shows a state
 * that the store does not hold.
 */
#ifndef VATD_KERNEL_INTERNAL_H
#define VATD_KERNEL_INTERNAL_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/idmap.h"
#include "base/ordmap.h"
#include "kernel/ids.h"
#include "kernel/kernel.h"

/* Data with references as the kernel keeps it: capdata whose slots are krefs. */
struct kernel_data {
  struct bytes body;
  struct kref *slots;
  size_t slot_count;
};

/* A queue of numbers in which elements of the middle may be removed: queue slots, vats, requests. */
struct number_list {
  uint64_t *items; /* the elements are items[start] … items[start + count - 1] */
  size_t start;
  size_t count;
  size_t capacity;
};

void number_list_add(struct number_list *list, uint64_t number);
/* The first element (count > 0). */
uint64_t number_list_first(const struct number_list *list);
uint64_t number_list_at(const struct number_list *list, size_t index);
/* Removes the first element equal to `number`, keeping the order; false when there is none. Fast for the first one. */
bool number_list_remove(struct number_list *list, uint64_t number);
void number_list_clear(struct number_list *list);
void number_list_fini(struct number_list *list);

/* ---- vats at run time ---- */

enum vat_phase {
  VAT_ASLEEP,   /* no worker */
  VAT_STARTING, /* worker told to init, its done awaited */
  VAT_IDLE,     /* worker started, nothing in flight */
  VAT_BUSY,     /* deliveries in flight */
  VAT_HIBERNATING, /* worker told to write its heap down, the image awaited */
};

/* A c-list entry that a delivery needs: made real when the delivery completes. */
struct clist_addition {
  struct kref kref;
  struct bytes vref;
  bool revived; /* the entry exists, unreachable; it becomes reachable again */
};

struct queue_item;

/* A delivery that a worker has been sent, exactly as it was dispatched. */
struct flight {
  struct flight *next;  /* sent after it; each was dispatched as if those before it were done */
  uint64_t frame_id;
  size_t frame_size;
  struct arena arena;   /* holds all that follows */
  uint64_t slot;        /* of the item in the stored run queue */
  struct queue_item *item; /* the item without its body; NULL when of_garbage */
  struct clist_addition *additions;
  size_t addition_count;
  size_t addition_capacity;
  uint64_t next_object; /* the vat's import counters after the additions */
  uint64_t next_promise;
  struct kref *retired; /* notify: promises whose c-list entries end */
  size_t retired_count;
  struct kref result;   /* message: the promise that the vat will decide */
  bool of_garbage;      /* a garbage collection delivery: slot is 0, the next three say what for */
  int gc_action;        /* enum gc_action */
  struct kref *garbage;
  size_t garbage_count;
  bool reap;            /* bringOutYourDead: slot is 0 */
  bool bootstrap_of_launch;
};

/* What a vat may use, and what becomes of it when it uses more (policy.h). */
struct policy {
  uint64_t computrons;    /* per crank */
  uint64_t heap_bytes;
  uint64_t deadline_ms;   /* per crank; 0: the driver's own */
  uint64_t syscalls;      /* per crank */
  uint64_t crank_bytes;   /* of sets, deletes and syscalls, per crank */
  uint64_t crank_objects; /* exported for the first time, per crank */
  uint64_t crank_promises; /* likewise */
  uint64_t queued_messages; /* sent and not delivered */
  uint64_t storage_bytes;
  uint64_t storage_keys;
  uint64_t value_bytes;
  uint64_t reap_interval; /* deliveries */
  uint64_t strikes;       /* limit faults in a row, the last of which counts */
  uint64_t crashes;       /* redeliveries in a row */
  bool terminate;         /* instead of being suspended */
  bool sleeps;            /* when it is idle (sleep.h) */
  bool hibernates;        /* likewise (hibernation.h) */
};

/* How much a vat keeps (quota.h). */
struct storage_account {
  uint64_t bytes; /* of keys and values */
  uint64_t keys;
  bool exact; /* else they are upper bounds */
  /* What the row storage.vN says of it, if there is one. */
  bool stored;
  bool stored_exact;
  uint64_t stored_bytes;
  uint64_t stored_keys;
};

struct vat {
  uint64_t id;
  enum vat_phase phase;
  uint64_t worker;     /* 0 when asleep */
  uint64_t frame_id;   /* when starting or hibernating: of the frame whose answer is awaited */
  struct flight *flight; /* when busy: the one whose done comes next */
  size_t flight_count;   /* of it and those after it (ahead.h) */
  struct number_list pending; /* run queue slots that wait for this vat, in order; those in flight are the first of them */
  struct number_list pings;   /* requests that wait for a pong */
  struct number_list starts;  /* requests that wait for the worker to have started */
  bool launching;      /* its start belongs to a launch */
  bool restart_due;    /* an earlier incarnation's end has not been recorded yet */
  bool waking;         /* its start goes on with a heap that was stored */
  bool no_image;       /* its worker could not write its heap down, or there was no room for it */
  bool suspended;
  bool resting;        /* between a crash and the redelivery */
  struct policy policy;
  bool is_program;     /* a vat in C */
  bool ready;          /* is in the kernel's ready list */
  unsigned failed_starts; /* in a row */
  bool has_garbage;    /* there may be gcAction rows for it */
  bool reap_due;       /* there is a row reap.vN */
  bool wake;           /* somebody wants its garbage collected although it is asleep */
  uint64_t deliveries; /* since the last reap, or the start */
  uint64_t deliveries_seen; /* by the last kernel_reap_idle() */
  uint64_t last_used;  /* of k->uses */
  uint64_t strikes;    /* limit faults in a row; as stored */
  uint64_t crashes;    /* environment faults in a row; as stored */
  uint64_t queued;     /* messages it has sent that are in the run queue */
  struct storage_account storage; /* once its worker has been started */
  uint64_t pages;      /* that its worker has asked for in this crank */
};

/* ---- a launch under way ---- */

struct launch {
  struct launch *next;
  uint64_t subcluster;
  uint64_t request;
  uint64_t *vats; /* in launch order */
  size_t vat_count;
  size_t started; /* how many have started */
  struct kref bootstrap_result; /* once the bootstrap message is queued; holds a reference */
  bool settled;                 /* the bootstrap result is; the launch can be finished */
};

/* ---- what a crank will change in memory when it is kept ---- */

struct staged_item {
  uint64_t vat; /* 0: needs no worker */
  uint64_t slot;
  uint64_t sender; /* of a message; 0: no vat */
};

/* A request that waits for a promise. */
struct waiter {
  struct waiter *next; /* waits for the same one */
  uint64_t request;
};

struct staged_list {
  struct staged_item *items;
  size_t count;
  size_t capacity;
};

struct staged {
  uint64_t objects;            /* made by the vat whose crank it is; so are the next two */
  uint64_t promises;
  uint64_t messages;           /* sent */
  uint64_t waiting;            /* for the promise that the last of them was sent to */
  struct staged_list queued;   /* run queue slots to index */
  struct staged_list dequeued; /* run queue slots that are gone */
  struct kref *settled;        /* promises that were settled: their waiters are to be told */
  size_t settled_count;
  size_t settled_capacity;
  struct number_list ended;    /* vats that were terminated */
  struct number_list with_garbage; /* vats that got garbage collection actions */
};

/* ---- the gate ---- */

struct effect_node {
  struct effect_node *next;
  uint64_t batch; /* gated effects: the batch they wait for, 0 while it is open */
  struct effect effect;
};

struct effect_queue {
  struct effect_node *first;
  struct effect_node *last;
};

struct service;

/* What the host offers to vats (services.h). */
struct service_table {
  struct service *services;
  size_t count;
  size_t capacity;
  struct idmap calls; /* call number -> struct service_call */
  uint64_t next_call;
  struct number_list interrupted; /* promises whose call an earlier kernel did not see the end of */
};

struct kernel {
  struct store *store;
  struct error broken; /* sticky; code is VATD_OK while all is well */
  struct arena arena;  /* of the current step */
  struct buffer scratch; /* of records.c */

  struct idmap vats;    /* vat id -> struct vat */
  struct idmap workers; /* worker id -> struct vat */
  uint64_t next_worker;
  uint64_t next_frame;
  struct number_list ready;        /* vats that may have something to dispatch */
  struct number_list restarts_due; /* vats whose restart crank is to come */
  struct number_list ending;       /* terminated vats that have something left */
  struct number_list interrupted;  /* subclusters whose launch an earlier kernel's end has interrupted */
  struct number_list loose;        /* queue slots that need no worker */
  struct launch *launches;
  struct ordmap roots; /* of vats, as requests name them; targets.h */
  uint64_t steps;   /* taken so far */
  uint64_t uses;    /* starts and deliveries done so far */
  size_t most_flights; /* deliveries to one vat that may be under way at once */
  size_t under_way; /* vats that are starting or busy */
  size_t hibernating; /* vats whose image is awaited */
  uint64_t image_bytes_limit; /* of all images */
  uint64_t uses_seen; /* of k->uses, by the last kernel_reap_idle() */
  bool closing;       /* kernel_begin_rest() was called */
  uint64_t last_under_way; /* the vat that was the last to become so */

  struct staged staged;
  struct kref *maybe_free; /* whose counts went down in this crank */
  size_t maybe_free_count;
  size_t maybe_free_capacity;
  bool in_crank;

  struct service_table services;
  json_t *sandbox;           /* see kernel_describe_sandbox(); or NULL */
  json_t *allowed_globals;   /* array of names, or NULL: all */
  struct idmap waiters; /* number of a promise -> struct waiter, the first of those who wait for it */
  size_t waiter_count;

  struct effect_queue out;   /* may leave now */
  struct effect_queue gated; /* wait for their batch */
  bool committing;           /* the store's commit() has been called and has not returned */
  bool changed;              /* the open batch has changes */
  size_t batch_cranks;
  size_t batch_bytes;
};

static inline bool kernel_is_broken(const struct kernel *k)
{
  return k->broken.code != VATD_OK;
}

/* Whether the store has room for so many bytes, and some to spare. */
bool kernel_has_room_for(struct kernel *k, uint64_t bytes);

/* Makes the kernel broken (keeps the first reason). */
void kernel_break(struct kernel *k, enum vatd_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A belief about stored data. When it is wrong the data is corrupt, and the kernel stops; a broken kernel, whose reads all
 * come back empty, believes nothing. */
#define KERNEL_EXPECT(k, condition, ...)                    \
  do {                                                      \
    if (!(condition) && !kernel_is_broken(k))               \
      kernel_break(k, VATD_CORRUPT, __VA_ARGS__);           \
  } while (0)

/* ---- growing arrays ---- */

/* Makes room for one more element of `size` bytes. */
void *grown(void *items, size_t count, size_t *capacity, size_t size);

#endif
