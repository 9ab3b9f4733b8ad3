/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vatd/vatd.h - the vat kernel in your own process.
 *
 * A kernel lives on a database file. It runs vats (hardened JavaScript, or C: vatd/vat.h) in processes of their own, carries
 * messages between them, and keeps their storage: what it has answered survives any crash. This is a whole host:
 *
 *     static void print(void *context, const struct vatd_answer *answer)
 *     {
 *       if (answer->code == VATD_OK)
 *         json_dumpf(answer->value, stdout, JSON_ENCODE_ANY);
 *       else
 *         fprintf(stderr, "%s\n", answer->error);
 *       vatd_stop(context);
 *     }
 *
 *     struct vatd *kernel;
 *     struct vatd_error error;
 *     if (vatd_open(&(struct vatd_options){.database = "hub.sqlite"}, &kernel, &error) != VATD_OK)
 *       return complain(error.text);
 *     vatd_send(kernel, "counter", "increment", NULL, print, kernel);
 *     vatd_run(kernel);
 *     vatd_close(kernel);
 *
 * docs/embedding.md is a guide; examples/embed.c a program that launches a vat and offers it a service.
 *
 * Everything happens on the thread that calls these functions: no threads are made (but by libcurl, to look up names
 * for the fetch of vats), no signal handlers set, nothing is written to standard output or error (but by an IO channel
 * of type console), and no function exits. Memory that runs out aborts. Callbacks are called from vatd_poll(),
 * vatd_run() and vatd_close(), never from the function that was given them; they may call any function but those three.
 *
 * Values are jansson's json_t. What JSON cannot say is an object of one property: {"$ref": "ko7"} a reference to an
 * object (ko) or promise (kp), {"$bigint": "-12"} a bigint, {"#error": "message", "name": "TypeError"} an error,
 * {"#tag": …, "payload": …} tagged data. A property of data whose own name begins with '$', '#' or '!' has one more '!'
 * before it. JavaScript's undefined is null.
 *
 * References that the host is handed stay valid, also over a restart, until it lets go of them with vatd_release().
 */
#ifndef VATD_VATD_H
#define VATD_VATD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vatd/codes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vatd;

/* ---- life ---- */

#define VATD_ERROR_TEXT 1024

struct vatd_error {
  enum vatd_code code;
  char text[VATD_ERROR_TEXT]; /* what was wrong and where, for people */
};

/* A line of a vat's console, or of the kernel about a vat. It follows from what is stored: no crash undoes it. */
struct vatd_log_line {
  const char *vat;   /* its id, or NULL: the kernel itself */
  const char *name;  /* of the vat, or NULL */
  const char *level; /* "log", "info", "warn", "error", "debug"; "kernel" */
  const char *text;
};

struct vatd_options {
  const char *database; /* a path; the file is made when it is missing. One kernel at a time: others get VATD_BUSY */
  const char *programs; /* the directory of vat-worker and its companions. NULL: $VATD_PROGRAMS, else where they were installed */
  uint64_t deadline_ms; /* a vat that takes longer for one delivery is stopped. 0: 60 s */
  bool reset;           /* begin with an empty database: all that is in it is lost */
  /* "landlock,namespaces", or NULL: layers of the workers' sandbox that may be missing on this machine (docs/sandbox.md).
   * Without it vatd_open() fails with NOT_FOUND where one is. */
  const char *weak_sandbox;
  bool eager;           /* start the workers of all vats at once, not at their first delivery */
  size_t most_workers;  /* when more run, idle vats end theirs: those that may sleep ("idle": "sleep"), others by hibernating. 0: 200 */
  int64_t image_bytes;  /* what the heaps of hibernating vats may take in the database. 0: 4 GiB; negative: no vat hibernates */
  /* This thread does nothing but drive the kernel: it may be kept on one processor with the worker it waits for, as long as there
   * is only one, which saves both of them from being woken on another. */
  bool share_processor;
  /* [{"name": …, "config": …}], or NULL: subclusters that are launched when they are not there yet, stay over restarts, and
   * are terminated when they are not declared any more. Borrowed. */
  const json_t *system_subclusters;
  /* ["setTimeout", …], or NULL: the only globals that configurations may ask for (docs/globals.md); vats that were launched
   * with others keep them. Borrowed. */
  const json_t *allowed_globals;
  void *context; /* of the two functions */
  void (*log)(void *context, const struct vatd_log_line *line); /* may be NULL */
  /* The storage is in doubt (or another kernel has taken it over): this kernel does nothing more, vatd_poll() returns the
   * code, and only vatd_close() is of use; open again to find out what is true. May be NULL. */
  void (*broken)(void *context, const struct vatd_error *error);
};

/*
 * Opens the kernel on its database. The options are read during the call only. On failure *kernel is not touched, `error`
 * (may be NULL) says why, and the code is returned: BUSY, CORRUPT, VERSION, IO, NOT_FOUND (vat-worker, or a
 * layer of its sandbox), INVALID.
 */
enum vatd_code vatd_open(const struct vatd_options *options, struct vatd **kernel, struct vatd_error *error);

/*
 * For an orderly end: no delivery is begun any more, those that are under way end, and the heaps of all vats (but those in C) are stored, so that
 * the next kernel on the database goes on where this one was. Calls `rested` from the loop when that is done, or `limit_ms`
 * milliseconds have passed; it is for calling vatd_stop() or taking note. Then only vatd_close() is of use. To be called once. Whoever
 * closes without it ends the vats' incarnations, as a crash would (docs/cluster-config.md).
 */
void vatd_rest(struct vatd *kernel, uint64_t limit_ms, void (*rested)(void *context), void *context);

/* Commits what is done, ends the workers and frees everything. Requests that are not answered get VATD_CLOSED. NULL is fine. */
void vatd_close(struct vatd *kernel);

/* "0.1.0" */
const char *vatd_version(void);

/* ---- driving ---- */

/* Lets the kernel run until vatd_stop() (VATD_OK), or until it breaks (the code). */
enum vatd_code vatd_run(struct vatd *kernel);
void vatd_stop(struct vatd *kernel);

/*
 * In a poll loop of your own: wait until vatd_fd() is readable or vatd_timeout() milliseconds have passed (-1: no limit), then
 * call vatd_poll(), which does what can be done without waiting. After any other call of this header ask for the timeout anew.
 */
int vatd_fd(const struct vatd *kernel);
int vatd_timeout(const struct vatd *kernel);
enum vatd_code vatd_poll(struct vatd *kernel);

/* The kernel's libuv loop, for hosts that want their own handles on it; they close them before vatd_close(). */
struct uv_loop_s *vatd_loop(struct vatd *kernel);

/* ---- requests ---- */

/* Borrowed until the callback returns. */
struct vatd_answer {
  enum vatd_code code;
  const json_t *value;     /* VATD_OK: the result, decoded for vatd_send() */
  const char *error;       /* else: what went wrong, for people; of a rejection "TypeError: no such thing" */
  const json_t *rejection; /* VATD_REJECTED, when a vat said no: the reason as capdata {body, slots} */
};

/* Called once for each request, after the batch that the answer follows from is durable. */
typedef void vatd_answer_fn(void *context, const struct vatd_answer *answer);

/*
 * Launches the vats of a cluster configuration ({"bootstrap": …, "vats": {name: {"bundleSpec": "/path/x.bundle", …}}},
 * docs/cluster-config.md) and calls bootstrap. Answer: {subclusterId, rootKref, bootstrapResult: capdata, vats: [{id, name, root}]}.
 * Takes over `config`. `answer` may be NULL here and below.
 */
void vatd_launch(struct vatd *kernel, json_t *config, vatd_answer_fn *answer, void *context);

/*
 * Sends a message to an object ("ko7", or a vat's id or name, which means its root object) and gets the result. Takes over
 * `args`, an array, or NULL for none.
 */
void vatd_send(struct vatd *kernel, const char *target, const char *method, json_t *args, vatd_answer_fn *answer, void *context);

/* The host does not need the reference any more. */
void vatd_release(struct vatd *kernel, const char *kref);

/*
 * Any method of docs/rpc.md ("getStatus", "terminateVat", "executeDBQuery", …); its result is the answer's value. Takes over
 * `params`, an object, an array, or NULL.
 */
void vatd_request(struct vatd *kernel, const char *method, json_t *params, vatd_answer_fn *answer, void *context);

/* ---- looking a database over ---- */

/* Something wrong in a database. Borrowed until the callback returns. */
struct vatd_finding {
  const char *table; /* "file", "kv", "kv_vatstore", "bundle" */
  const char *key;   /* the row, or the page or part of the file; `key_size` bytes, any */
  size_t key_size;
  const char *what;  /* is wrong with it */
};

typedef void vatd_found_fn(void *context, const struct vatd_finding *finding);

/*
 * Checks a database that no kernel has open, and changes nothing: the sum of every page, SQLite's structures, and all that a
 * kernel's rows must agree on (docs/storage.md). OK: all was looked at, and *count findings were told. Errors: BUSY (a kernel
 * has it), NOT_FOUND, READ_ONLY, IO. One that a kernel has open is copied first, with the request "backup".
 */
enum vatd_code vatd_check(const char *database, vatd_found_fn *found, void *context, size_t *count, struct vatd_error *error);

/* ---- services ---- */

/* A call that a vat made; it is to be ended with one of the two functions below, at once or later. */
struct vatd_call;

typedef void vatd_service_fn(void *context, struct vatd_call *call);

enum vatd_service_flags {
  VATD_SERVICE_SYSTEM_ONLY = 1, /* only system subclusters may ask for it */
};

/*
 * Offers an object to vats: a configuration names it in `services`, bootstrap gets it, and E(service).method(…) calls the
 * function. A call is made at most once, after the batch that asked for it is durable. Calls that are not ended when the
 * kernel is closed (or dies) are rejected at its next start with [KERNEL:SERVICE_INTERRUPTED]. Register again after each
 * vatd_open(), before the first vatd_poll(): an object whose service is not there rejects what is sent to it.
 * Errors: EXISTS, INVALID.
 */
enum vatd_code vatd_register_service(struct vatd *kernel, const char *name, unsigned flags, vatd_service_fn *service,
                                     void *context, struct vatd_error *error);

/* Borrowed until the call is ended. */
const char *vatd_call_method(const struct vatd_call *call);
const json_t *vatd_call_args(const struct vatd_call *call); /* an array */

/* End the call, which is dead afterwards. `value` is taken over; NULL is undefined. A value that cannot be sent (a reference
 * that does not exist, too large) rejects the call and says so. */
void vatd_call_return(struct vatd_call *call, json_t *value);
void vatd_call_throw(struct vatd_call *call, const char *text);

#ifdef __cplusplus
}
#endif

#endif
