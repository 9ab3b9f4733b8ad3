/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/sim/model.h - what the simulator believes about the world: every object and promise with an identity of its own (a
 * *thing*), every message and every value that was ever sent, and each vat's knowledge and storage.
 *
 * Messages and values carry their number in their body, which the kernel passes on unread: `#["m12",[]]`, `#["v7"]`,
 * `#"$0.v7"`. So whoever receives a body knows what the sender meant by each slot, without believing the kernel. Identities
 * and krefs are bound to each other when they are first seen together, one to one and for ever.
 *
 * The model has no pointers: it is copied when a batch is committed, and copied back when a crash loses what came after.
 * Index 0 of every table means none.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "base/bytes.h"
#include "kernel/ids.h"

enum {
  MODEL_THINGS = 3000,
  MODEL_MESSAGES = 1500,
  MODEL_VALUES = 2500,
  MODEL_VATS = 32,
  MODEL_SUBCLUSTERS = 16,
  MODEL_SUBCLUSTER_VATS = 4,
  MODEL_ENTRIES = 120,
  MODEL_ROWS = 40,
  MODEL_SLOTS = 4,
  MODEL_KEYS = 32,
  VREF_SIZE = 14,
};

enum promise_end { PENDING, FULFILLED, REJECTED };

struct thing {
  bool promise;
  bool revoked;
  uint16_t owner;   /* object: a vat, 0 for an orphan */
  uint16_t decider; /* promise: a vat, 0 when it is the result of a queued message */
  uint8_t end;      /* enum promise_end */
  uint32_t number;  /* of its kref; 0: not seen yet */
  uint32_t value;   /* when settled; 0: settled and gone before anybody saw the value */
  uint32_t message; /* whose result it is at the moment */
  uint32_t heard_by; /* vats that have ever subscribed to it */
};

enum message_state { MESSAGE_QUEUED, MESSAGE_DELIVERED, MESSAGE_REFUSED };

struct message {
  uint8_t state; /* enum message_state */
  uint8_t slot_count;
  uint16_t sender; /* a vat, 0: the host */
  uint32_t target;
  uint32_t result;
  uint32_t slots[MODEL_SLOTS];
};

/* A value is the vat's (body `v<number>`), or the kernel's: an error, known by its code and the hash of its body. */
struct value {
  bool is_reference; /* exactly one slot, and nothing else */
  uint8_t slot_count;
  uint8_t code;      /* enum kernel_code; 0: not the kernel's */
  uint32_t promise;  /* that was given it */
  uint32_t slots[MODEL_SLOTS];
  uint64_t hash;
};

/* X(enumerator, code) of errors that the kernel makes. */
#define KERNEL_CODES(X) \
  X(CODE_RESTARTED, "VAT_RESTARTED") \
  X(CODE_TERMINATED, "VAT_TERMINATED") \
  X(CODE_DELETED, "OBJECT_DELETED") \
  X(CODE_REVOKED, "OBJECT_REVOKED") \
  X(CODE_BAD_RESOLUTION, "BAD_PROMISE_RESOLUTION") \
  X(CODE_LIMIT, "LIMIT_EXCEEDED")

enum kernel_code {
  CODE_NONE,
#define X(name, text) name,
  KERNEL_CODES(X)
#undef X
};

/* A c-list entry as the vat knows it. */
struct entry {
  char vref[VREF_SIZE];
  bool reachable;
  bool subscribed;
  uint32_t thing;
};

struct row {
  char key[26];
  char value[14];
};

struct vat_model {
  bool exists;
  bool live;
  bool restart_due; /* its incarnation has ended, and the kernel is to record that */
  bool doomed;      /* it is to be terminated */
  bool ending;      /* it has been; its c-list and storage are still to go */
  bool suspended;
  uint32_t heap;    /* the number of the heap that is stored for it, or 0 */
  uint8_t subcluster;
  uint32_t root;
  uint32_t next_export; /* of o+N, p+N, o+d5/N */
  uint16_t entry_count;
  uint16_t row_count;
  struct entry entries[MODEL_ENTRIES];
  struct row rows[MODEL_ROWS]; /* in key order */
};

struct subcluster_model {
  bool exists;
  bool launching;
  uint8_t vat_count;
  uint16_t vats[MODEL_SUBCLUSTER_VATS];
  uint8_t bootstrap; /* index of the vat that gets the message */
  uint32_t message;  /* bootstrap, once it has been sent */
};

struct model {
  uint32_t thing_count; /* next free index */
  uint32_t message_count;
  uint32_t value_count;
  uint16_t vat_count;
  uint8_t subcluster_count;
  uint32_t keys[MODEL_KEYS]; /* the message sent under each idempotency key */
  uint32_t objects[MODEL_THINGS]; /* thing by number of kref */
  uint32_t promises[MODEL_THINGS];
  struct thing things[MODEL_THINGS];
  struct message messages[MODEL_MESSAGES];
  struct value values[MODEL_VALUES];
  struct subcluster_model subclusters[MODEL_SUBCLUSTERS];
  struct vat_model vats[MODEL_VATS];
};

void model_init(struct model *model);
/* Copies what is in use. */
void model_copy(struct model *to, const struct model *from);
/* There is room for another crank. */
bool model_has_room(const struct model *model);

uint32_t model_object(struct model *model, uint64_t owner);
uint32_t model_promise(struct model *model, uint64_t decider);
uint32_t model_message(struct model *model, struct message message);
uint32_t model_value(struct model *model, struct value value);

/* The kref belongs to the thing from now on; a failure when either belongs to another one. `where` is for the report. */
void model_bind(struct model *model, uint32_t thing, struct kref kref, const char *where);
struct kref model_kref(const struct model *model, uint32_t thing);
/* The thing with this kref, or 0. */
uint32_t model_thing(const struct model *model, struct kref kref);

void model_settle(struct model *model, uint32_t promise, enum promise_end end, uint32_t value);
/* A message waits for its result no more. */
void model_message_ends(struct model *model, uint32_t message, enum message_state state);

/* ---- where a message to a thing leads as things stand now ---- */

struct model_route {
  uint64_t vat;          /* delivered there, or 0 */
  uint32_t object;       /* the target in the end */
  uint32_t waits_for;    /* an unresolved promise, or 0 */
  enum kernel_code code; /* refused by the kernel */
  uint32_t rejection;    /* refused with this value */
};

struct model_route model_route(const struct model *model, uint32_t target);

/* ---- bodies ---- */

/* "m12" or "v7" in a body -> 12, 7; 0 when there is none. */
uint32_t body_number(struct bytes body, char letter);
/* The code of an error that the kernel has made; CODE_NONE for all else. */
enum kernel_code body_code(struct bytes body);
/* The value that this stored body is: the vat's by its number, the kernel's by its hash (made if it is new). */
uint32_t model_value_of_body(struct model *model, struct bytes body);

/* ---- vats ---- */

struct entry *vat_entry(struct vat_model *vat, const char *vref);
struct entry *vat_entry_of(struct vat_model *vat, uint32_t thing);
struct entry *vat_add_entry(struct vat_model *vat, const char *vref, uint32_t thing);
void vat_remove_entry(struct vat_model *vat, struct entry *entry);
static inline bool entry_is_export(const struct entry *entry)
{
  return entry->vref[1] == '+';
}

const struct row *vat_row(const struct vat_model *vat, const char *key);
void vat_put_row(struct vat_model *vat, const char *key, const char *value);
void vat_delete_row(struct vat_model *vat, const char *key);

/* Whether liveslots of a new incarnation would still be waiting for the promise. */
bool vat_watches(const struct vat_model *vat, const char *vpid);

/* The vat's subcluster is being launched. */
bool vat_is_launching(const struct model *model, uint64_t vat);
/* The vat is to be terminated, and with it its subcluster if that is being launched. */
void model_doom(struct model *model, uint64_t vat);
/* What docs/liveslots.md says of the end of an incarnation. */
void model_restart(struct model *model, uint64_t vat);
/* The vat is gone for everybody else; later what it has left is removed. */
void model_terminate(struct model *model, uint64_t vat);
void model_clean_up(struct model *model, uint64_t vat);

#endif
