/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/internal.h - what the files of libvatd share: the kernel with its driver.
 *
 *   vatd.c      opening and closing, and the pump, where kernel and outside meet
 *   requests.c  what the host asked for, until it is answered
 *   methods.c   the methods by name
 *   full.c      a disk without room: what is refused, and how it goes on
 *   services.c  calls of vats to the host
 *   channels.c  IO channels
 *   timers.c    the vats' timers
 *   fetch.c     the vats' HTTP requests; hosts.c whom they may talk to, transfers.c libcurl on the loop
 *   facet.c     the service kernelFacet
 *   systems.c   system subclusters
 *   backup.c    copies of the database while it is in use
 *   check.c     looking over one that is not
 *   bundles.c   from a configuration to the code of its vats
 */
#ifndef VATD_LIBVATD_INTERNAL_H
#define VATD_LIBVATD_INTERNAL_H

#include "libvatd/placement.h"
#include "base/error.h"
#include "base/idmap.h"
#include "kernel/kernel.h"
#include "worker/code_images.h"

#include <uv.h>
#include <vatd/vatd.h>

struct alarm;
struct backup;
struct channel;
struct fetch;
struct transfers;
struct host_service;
struct request;

struct vatd {
  uv_loop_t loop;
  uv_check_t after_poll;  /* pumps when something was fed since */
  uv_idle_t awake;        /* keeps the loop from sleeping until then */
  uv_timer_t batch_timer; /* the open batch has become old */
  uv_timer_t room_timer;  /* while there is no room: it is looked for again */
  uv_timer_t reap_timer;  /* idle vats are to be asked for their garbage */
  uv_timer_t rest_timer;  /* the time that vats have to come to rest */
  struct alarm *alarms;   /* linked list: vats to wake */
  struct channel *channels; /* linked list */
  struct store *disk;  /* the engine; what it is told goes through the next one */
  struct store *store; /* owns it */
  struct kernel *kernel;
  struct worker_host host;
  struct code_images code_images;
  struct idmap workers;   /* worker id -> struct worker_process */
  struct placement placement;
  char *programs;
  char *database;
  struct backup *backup;  /* the one that is being made, or NULL */
  struct idmap requests;  /* request number -> struct request */
  uint64_t next_request;
  uint64_t committed_request; /* the last one that had been made at the last commit */
  struct host_service *services; /* linked list */
  struct idmap calls;     /* call number -> struct vatd_call */
  struct fetch *fetches;  /* linked list: HTTP requests of vats */
  struct transfers *transfers; /* made for the first of them */
  struct idmap timers;    /* vat id -> struct vat_timers */
  json_t *systems;        /* array of the system subclusters that are to be */
  uint64_t batch_since;   /* loop time of the open batch's first change */
  bool batch_is_open;
  size_t most_workers;
  bool pumping;
  bool full;              /* the disk is: nothing is done that writes */
  bool fed;               /* the kernel may have something to do */
  bool systems_due;       /* system subclusters are to be looked at when the kernel is at rest */
  bool broken_told;
  void (*rested)(void *context); /* whom to tell that nothing is under way any more, or NULL */
  void *rest_context;
  void *context;
  void (*log)(void *context, const struct vatd_log_line *line);
  void (*broken)(void *context, const struct vatd_error *error);
};

/* ---- vatd.c ---- */

/* Something was fed to the kernel: it is pumped when the loop comes round. */
void driver_feed(struct vatd *v);
/* Hands an error to the host (NULL: it does not want to know); returns its code. */
enum vatd_code driver_tell(struct vatd_error *error, const struct error *why);
void driver_log(struct vatd *v, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The process id of the vat's worker, 0 when it has none. */
int driver_worker_pid(const struct vatd *v, uint64_t vat);
/* Kills it as a crash would; false when there is none. */
bool driver_kill_worker(struct vatd *v, uint64_t vat);

/* Ends all workers; none is reported. */
void driver_stop_workers(struct vatd *v);
/* Carries out what the kernel hands out; false when there was nothing. */
bool driver_take_effects(struct vatd *v);

/* ---- rest.c ---- */

/* To be called when the kernel has done all it can do without waiting. */
void rest_look(struct vatd *v);

/* ---- full.c ---- */

/* The kernel has no room for its batch: makes it begin anew, and refuses whatever is under way. False: it is broken for good. */
bool full_begin(struct vatd *v);
/* Whether a request for this method cannot be served now; then it has been answered. */
bool full_refuses(struct vatd *v, const struct request *request, const char *method);
/* What the status says of it. */
void full_describe(struct vatd *v, json_t *status);

/* ---- requests.c ---- */

/* What is done with a result before it is handed out; may be NULL. */
typedef void request_finish_fn(struct vatd *v, json_t *result);

struct request {
  uint64_t number;
  vatd_answer_fn *answer; /* may be NULL */
  void *context;
  bool decode; /* the result is capdata, the answer plain JSON */
  request_finish_fn *finish;
};

struct request *request_new(struct vatd *v, vatd_answer_fn *answer, void *context);
/* Hands out the kernel's answer. */
void request_answer(struct vatd *v, const struct effect *effect);
/* Answers all that have been made with FULL. */
void requests_refuse(struct vatd *v);
/* All that are left get VATD_CLOSED. */
void requests_close(struct vatd *v);
/* Puts a plain value into capdata: the body is appended to `body`, the krefs are added to `slots`. */
enum vatd_code value_encode(const json_t *value, struct buffer *body, json_t *slots, struct error *error);
/* The plain value of {body, slots}; NULL when it is not well-formed. New reference. */
json_t *value_decode(const json_t *capdata);

/* ---- methods.c ---- */

void method_call(struct vatd *v, struct request *request, const char *name, const json_t *params);
/* Loads and launches; `system_name` may be NULL. */
void method_launch(struct vatd *v, struct request *request, json_t *config, const char *key, bool unique_names,
                   const char *system_name);

/* ---- backup.c ---- */

/* Answers when the copy is complete. */
void backup_request(struct vatd *v, uint64_t request, const char *path, bool force);
/* Between two batches: goes on with the backup that is being made. False: there is none (any more). */
bool backup_step(struct vatd *v);
void backup_close(struct vatd *v);

/* ---- services.c ---- */

/* As vatd_register_service(), for services of the library's own. */
enum vatd_code service_register(struct vatd *v, const char *name, unsigned flags, vatd_service_fn *function, void *context,
                                struct error *error);
void service_call(struct vatd *v, const struct effect *effect);
/* The name under which the service was called; channels share one. */
const char *call_service(const struct vatd_call *call);
struct vatd *call_kernel(const struct vatd_call *call);
/* Nobody waits for the answer any more: calls whoever works on it, and frees the call. */
void service_cancel(struct vatd *v, uint64_t number);
/* `cancelled` is called when the call ends without its answer; the call is not to be ended then. */
void call_on_cancel(struct vatd_call *call, void (*cancelled)(void *context), void *context);
/* The kernel has forgotten all calls; those that can be are cancelled. */
void services_forget(struct vatd *v);
void services_close(struct vatd *v);

/* ---- timers.c ---- */

enum vatd_code timers_register(struct vatd *v, struct error *error);
/* Stops all; handles are gone after the loop has run once more. */
void timers_close(struct vatd *v);

/* ---- fetch.c ---- */

enum vatd_code fetch_register(struct vatd *v, struct error *error);
/* Ends all requests. */
void fetches_close(struct vatd *v);

/* ---- facet.c, systems.c ---- */

enum vatd_code facet_register(struct vatd *v, struct error *error);
/* Checks the form of the declaration and takes note of it. */
enum vatd_code systems_declare(struct vatd *v, const json_t *declared, struct error *error);
/* Launches and terminates until what is declared and what is there agree. */
void systems_reconcile(struct vatd *v);

#endif
