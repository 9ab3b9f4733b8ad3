/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat/internal.h - what the files of the library for vats in C share. include/vatd/vat.h is what programs see.
 *
 *     vat.c       life: start, deliveries, the jobs of a crank
 *     refs.c      the table of references
 *     collect.c   which of them are let go, and telling the kernel
 *     objects.c   what this vat exports
 *     data.c      JSON <-> capdata
 *     messages.c  messages that arrive, and their answers
 *     promises.c  promises, and messages that leave
 *     storage.c   the vat's storage
 */
#ifndef VATD_VAT_INTERNAL_H
#define VATD_VAT_INTERNAL_H

#include "base/limits.h"
#include "base/ordmap.h"
#include "vat/worker.h"
#include "vatd/vat.h"
#include "wire/vref.h"

#include <sys/queue.h>

/* ---- references ---- */

/* Who is told when a promise settles: a callback, or another promise that follows it. */
struct listener {
  struct listener *next;
  vatd_result *callback;
  void *context;
  struct vatd_ref *follower;
};

enum promise_state { PROMISE_PENDING, PROMISE_FULFILLED, PROMISE_REJECTED };

struct promise {
  enum promise_state state;
  bool ours;       /* this vat settles it */
  struct vatd_ref *follows; /* pending: the promise that it was resolved to, and will settle as; never in a circle */
  bool subscribed; /* the kernel will notify of it */
  json_t *value;   /* when settled; NULL: undefined */
  struct listener *first;
  struct listener *last;
  char again[24];  /* settled: the vpid under which the syscall being made names it, or "" */
};

/* What answers to an object of this vat. */
struct target {
  vatd_handler *handler; /* NULL: a durable object whose kind is not registered */
  void *self;
  void (*gone)(void *self);
  char *interface;
};

/*
 * Lives in the table until collect() takes it. It is usable while somebody holds or keeps it, or in the crank in which it was
 * handed out.
 */
struct vatd_ref {
  struct vatd_vat *vat;
  struct vref vref;
  char text[64];
  size_t holds;
  uint64_t kept;     /* as in its row vom.rc.<text> */
  uint64_t touched;  /* the last crank in which it was handed out */
  bool known;        /* it is in the kernel's c-list */
  bool reachable;    /* and, if it is an export, not dropped there */
  bool marked;       /* of collect() */
  struct vatd_ref *next_marked;
  struct target target;
  struct promise promise;
};

struct kind {
  struct kind *next;
  uint64_t number;
  struct vatd_kind as_given;
  char *interface;
};

struct vatd_message {
  LIST_ENTRY(vatd_message) entry;
  struct vatd_vat *vat;
  struct vatd_ref *result; /* NULL: nobody waits for the answer */
  uint64_t instance;
  json_t *data;            /* [method, args] */
  bool kept;
  bool answered;
};

LIST_HEAD(message_list, vatd_message);

/* A callback that is due in this crank. */
struct job {
  struct job *next;
  struct listener *listener;
  bool rejected;
  json_t *value;
};

struct vatd_vat {
  const struct vatd_program *program;
  char id[32];
  struct crank *crank;
  uint64_t crank_number;
  struct ordmap refs; /* vref -> struct vatd_ref * */
  uint64_t next_object;
  uint64_t next_promise;
  struct kind *kinds;
  struct job *jobs;
  struct job *last_job;
  struct message_list open;      /* still to be answered */
  struct message_list answered;  /* freed at the end of the crank */
  struct vatd_ref **again;       /* settled promises named by the syscall being made */
  size_t again_count;
  size_t again_capacity;
  struct vatd_ref *to_mark; /* of collect() */
  size_t garbage;  /* bytes of references and values since the last collect(), roughly */
  bool starting;
  bool exited;
  bool overflowed; /* the crank does more than fits its done frame */
};

/* The program broke a rule of vat.h: says so and aborts. */
_Noreturn void vat_misused(const struct vatd_vat *vat, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The kernel sent what it must not: says so and ends the process. */
_Noreturn void vat_distrusts(const struct vatd_vat *vat, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define VAT_EXPECT(vat, condition, ...) ((condition) ? (void)0 : vat_misused(vat, __VA_ARGS__))
#define VAT_TRUST(vat, condition, ...) ((condition) ? (void)0 : vat_distrusts(vat, __VA_ARGS__))

/* ---- vat.c ---- */

struct worker_vat program_vat(struct vatd_vat *vat);
void vat_init(struct vatd_vat *vat, const struct vatd_program *program, struct crank *crank);
void vat_fini(struct vatd_vat *vat);
/* Serves frames on a descriptor until it is closed: vatd_vat_main() with another channel. */
enum worker_exit vat_serve(const struct vatd_program *program, int fd);
/* Adds a syscall whose content lies in the crank's arena. */
void vat_syscall(struct vatd_vat *vat, const struct vat_syscall *syscall, size_t bytes);
/* Takes over listener and value. */
void vat_add_job(struct vatd_vat *vat, struct listener *listener, bool rejected, json_t *value);

/* ---- refs.c ---- */

/* The reference in the table, usable or not, or NULL. */
struct vatd_ref *refs_lookup(const struct vatd_vat *vat, struct bytes text);
/* As refs_lookup, but a durable object gets its reference when it is asked for. */
struct vatd_ref *refs_find(struct vatd_vat *vat, struct bytes text);
struct vatd_ref *refs_new(struct vatd_vat *vat, struct bytes text);
/* Names a new export: "o+3", "p+3". */
struct vatd_ref *refs_new_export(struct vatd_vat *vat, char letter);
/* A name that the kernel says in a delivery. A promise that is new here is one to subscribe to. */
struct vatd_ref *refs_arrive(struct vatd_vat *vat, struct bytes text);
bool ref_usable(const struct vatd_ref *ref);
/* Handed out in this crank. */
struct vatd_ref *ref_touch(struct vatd_ref *ref);
void ref_free(struct vatd_ref *ref);
/* The next one in the table, NULL at the end; begin with NULL. */
struct vatd_ref *refs_next(const struct vatd_vat *vat, const struct vatd_ref *after);

/* ---- collect.c ---- */

/* Lets go of what nobody holds, when it is time or `now`. The end of a crank. */
void collect(struct vatd_vat *vat, bool now);

/* ---- objects.c ---- */

struct kind *kind_find(const struct vatd_vat *vat, uint64_t number);
void kinds_free(struct vatd_vat *vat);
/* An object of this vat that the kernel names. */
struct vatd_ref *objects_exported(struct vatd_vat *vat, struct bytes text);
/* Nobody answers to this reference: it was an import, and its exporter is gone. */
bool object_is_gone(const struct vatd_ref *ref);
void objects_dropped(struct vatd_vat *vat, const struct bytes_list *vrefs);
void objects_retired(struct vatd_vat *vat, const struct bytes_list *vrefs);
void imports_retired(struct vatd_vat *vat, const struct bytes_list *vrefs);

/* ---- data.c ---- */

/* The name in {"$ref": name}, NULL when the value is something else. */
const char *data_reference(const json_t *value);
/* Calls `visit` for each reference of this vat in the value. */
void data_each_ref(struct vatd_vat *vat, const json_t *value, void (*visit)(struct vatd_ref *ref));
/* Into the crank's arena. What is named becomes known to the kernel; then data_flush() must follow the syscall. */
enum vatd_code data_encode(struct vatd_vat *vat, const json_t *value, struct capdata *data, struct error *error);
/* Tells the kernel what became of the settled promises that the last syscall named. */
void data_flush(struct vatd_vat *vat);
/* From a delivery; NULL with the reason when another vat made nonsense. Its references have arrived. */
json_t *data_decode(struct vatd_vat *vat, const struct capdata *data, struct error *error);
size_t capdata_size(const struct capdata *data);

/* ---- messages.c ---- */

void message_arrive(struct vatd_vat *vat, const struct vat_message *message);
void messages_free(struct message_list *messages);

/* ---- promises.c ---- */

/* Resolves as JavaScript does: a promise as value is followed. Takes over the value. */
void promise_resolve(struct vatd_ref *ref, json_t *value);
void promise_reject(struct vatd_ref *ref, json_t *reason);
void promises_notified(struct vatd_vat *vat, const struct resolution_list *resolutions);
void promise_subscribe(struct vatd_ref *ref);
/* The kernel has forgotten a promise of others that it settled to another promise: what stands for it. Else itself. */
struct vatd_ref *promise_stand_in(struct vatd_ref *ref);

/* ---- storage.c ---- */

/* The imports that the storage keeps are references from the start. */
void storage_load_kept(struct vatd_vat *vat);
/* A row of vatd's own. */
void storage_put_own(struct vatd_vat *vat, const char *key, uint64_t number);
uint64_t storage_own(struct vatd_vat *vat, const char *key);

#endif
