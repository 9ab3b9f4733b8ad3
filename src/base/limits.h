/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/limits.h - every bound of vatd, in one place.
 *
 * Whoever reads input from outside compares with a constant of this file before it allocates, recurses or queues. Sizes
 * are bytes unless the name says otherwise.
 */
#ifndef VATD_BASE_LIMITS_H
#define VATD_BASE_LIMITS_H

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Frames between kernel and worker (wire/frame.h). */
#define LIMIT_FRAME_TO_WORKER (1 * GIB)
#define LIMIT_FRAME_FROM_WORKER (256 * MIB) /* a done frame carries one crank's effects */
#define LIMIT_LOG_LINE (64 * KIB)           /* one console line; the worker cuts longer ones */
#define LIMIT_LOG_LINES_PER_CRANK 1000      /* the worker drops what comes after, and says so */

/* What one crank may do (checked when its done frame is decoded). */
#define LIMIT_SYSCALLS_PER_CRANK 100000
#define LIMIT_SETS_PER_CRANK 1000000
#define LIMIT_SLOTS_PER_CAPDATA 10000
#define LIMIT_CAPDATA_BODY (32 * MIB) /* as JSON in a kernel row it may grow sixfold: still under LIMIT_KERNEL_VALUE */
#define LIMIT_DATA_DEPTH 800 /* levels of arrays and records in what a vat sends; liveslots can take apart about 1,000 */
#define LIMIT_RESOLUTIONS_PER_SYSCALL 10000
#define LIMIT_VREF_LENGTH 256

/* Vat storage. */
#define LIMIT_VATSTORE_KEY (64 * KIB)
#define LIMIT_VATSTORE_VALUE (64 * MIB)
#define LIMIT_KERNEL_VALUE (256 * MIB)

/* Defaults of a vat's limits, sent to its worker with init. */
#define DEFAULT_COMPUTRONS_PER_CRANK 2000000000ull /* about 20 s of interpreted code */
#define DEFAULT_HEAP_BYTES (1 * GIB)
#define DEFAULT_DEADLINE_MS 60000 /* wall clock per crank: kills what the meter cannot see */

/* Defaults of what the kernel counts of a vat (docs/limits.md). */
#define DEFAULT_CRANK_BYTES LIMIT_FRAME_FROM_WORKER /* sets, deletes and syscalls of one crank */
#define DEFAULT_CRANK_OBJECTS 100000  /* exported for the first time in one crank */
#define DEFAULT_CRANK_PROMISES 100000 /* likewise */
#define DEFAULT_QUEUED_MESSAGES 100000 /* sent by the vat, not delivered yet; also, waiting for one promise */
#define DEFAULT_STORAGE_BYTES (512 * MIB) /* keys and values of a vat's storage */
#define LIMIT_STORAGE_BYTES (960 * MIB)
#define DEFAULT_STORAGE_KEYS 4000000

/* Storage that is not in the worker yet (kernel/pages.h, vat/vatstore_cache.h). */
#define LIMIT_INIT_STATE (256 * KIB)  /* keys and values in an init frame; of a larger state it carries the first part */
#define LIMIT_PAGE_ROWS 512
#define LIMIT_PAGE_BYTES (64 * KIB)   /* keys and values; a single row may be larger */
#define LIMIT_PAGES_PER_CRANK 100000
#define LEAST_PAGE_ROWS 16            /* of a page that follows no other; each that does is twice as large … */
#define LEAST_PAGE_BYTES (4 * KIB)    /* … up to the limits */
#define LIMIT_CACHE_BYTES (16 * MIB)  /* what a worker keeps of its vat's storage, beside what the crank changes;
                                       * or an eighth of limits.heapBytes, if that is less */

/* A worker process. */
#define LIMIT_WORKER_STACK (8 * MIB)
#define WORKER_BYTES_OF_PROGRAM (16 * MIB) /* memory of a vat in C beside its limit: libraries, frames */
#define LIMIT_HEAP_IMAGE (256 * MIB) /* a vat's heap as an image, before it is compressed; a larger one is not kept */
#define LIMIT_CODE_IMAGE (32 * MIB)       /* what workers of a bundle start from (worker/code_images.h), the heap twice; of a larger one none is kept */
#define LIMIT_CODE_IMAGES 64              /* of the bundles that were started last */
#define LIMIT_CODE_IMAGE_BYTES (128 * MIB) /* of all of them */
#define WORKER_BYTES_OF_ENGINE (4 * GIB)   /* beside the heap: the storage cache, an init frame, what a crank did */

/* A bundle's JSON text, and a cluster configuration. */
#define LIMIT_BUNDLE (64 * MIB)
#define LIMIT_IMAGE LIMIT_BUNDLE /* of a vat's heap, as it is stored (kernel/hibernation.h) */
#define LIMIT_IMAGES (4 * GIB)   /* of all vats in one database; a vat that finds no room stays awake */
#define LIMIT_VATS_PER_SUBCLUSTER 1000
#define LIMIT_NAME_LENGTH 256

/* IO channels. */
#define LIMIT_CHANNEL_LINE (1 * MIB)     /* a longer line ends its client, or the file */
#define LIMIT_CHANNEL_OUTPUT (16 * MIB)  /* written and not taken by the other side; further writes are rejected */
#define LIMIT_CHANNEL_READS 1000         /* read() calls that wait */

/* Global endowments. */
#define LEAST_DELAY_MS 10            /* of a vat's timer; a shorter delay is this long */
#define LIMIT_DELAY_MS 2147483647    /* the longest, 24.8 days; a longer one is refused */
#define LIMIT_TIMERS_PER_VAT 1000    /* that run; setTimeout beyond is refused */
#define LIMIT_ALLOWED_HOSTS 100      /* of one vat's network */
#define LIMIT_FETCHES_PER_VAT 20     /* HTTP requests under way */
#define LIMIT_FETCH_BODY (16 * MIB)  /* of a request, and of an answer unless network.maxBytes says less */
#define LIMIT_FETCH_HEAD (256 * KIB) /* status line and headers of an answer */
#define LIMIT_FETCH_REDIRECTS 20
#define DEFAULT_FETCH_MS 60000       /* with all redirects, unless network.timeoutMs says otherwise */
#define LIMIT_FETCH_MS 600000
#define LIMIT_RANDOM_BYTES (64 * KIB) /* of one call of crypto.getRandomValues */

/* The control socket (docs/rpc.md, "Limits"). What a client may have of the one thread and of the memory. */
#define LIMIT_RPC_REQUEST (4 * MIB)        /* one line */
#define LIMIT_RPC_VALUES 50000             /* in one request: members, elements, arrays and objects */
#define LIMIT_RPC_ID (1 * KIB)             /* a request's id, when it is a string */
#define LIMIT_RPC_CALLS 20000              /* under way for all; beyond it nothing is begun that may wait for vats */
#define LIMIT_RPC_CALLS_PER_CLIENT 2000    /* under way for one connection */
#define LIMIT_RPC_TURN_LINES 64            /* requests of one connection that are begun before others have their turn … */
#define LIMIT_RPC_TURN_MS 2                /* … and for how long */
#define LIMIT_RPC_ACCEPTS 32               /* new connections at a time */
#define LIMIT_RPC_INPUT_TOTAL (8 * MIB)    /* lines that are not whole yet, of all; beyond it the oldest goes */
#define LIMIT_RPC_PAUSE (256 * KIB)        /* with so much not taken, no further request of that connection is read */
#define LIMIT_RPC_UNSENT (2 * MIB)         /* with so much not taken, a further line ends the connection */
#define LIMIT_RPC_UNSENT_TOTAL (4 * MIB)   /* not taken, of all; beyond it the largest that stands still goes */
#define LIMIT_RPC_STALL_MS 100             /* without taking a byte: it stands still */
#define LIMIT_RPC_ANSWER (256 * MIB)       /* what a client of ours accepts as an answer */
#define LIMIT_JSON_DEPTH 512
#define LIMIT_CLIENTS 1000                 /* a further one takes the place of the one that was silent for longest */
#define LIMIT_CONFIG_FILE (1 * MIB)        /* the daemon's configuration */
#define LIMIT_LOG_MEMORY (4 * MIB)         /* the newest lines of the log, for `vat log` */

/* Queries and other reading. */
#define LIMIT_QUERY_ROWS 10000
#define LIMIT_QUERY_MS 1000
#define LIMIT_QUERY_BYTES (8 * MIB)        /* in the rows of one answer */

/* Batches (DESIGN: the output gate). A batch is committed at the latest when one of these is reached. */
#define LIMIT_BATCH_CRANKS 256
#define LIMIT_BATCH_BYTES (16 * MIB)
#define LIMIT_BATCH_MS 5
#define MANY_WAITING 64       /* requests: then nobody waits for a single answer, and */
#define LIMIT_BUSY_BATCH_MS 20 /* a batch may take so long, for a commit costs the same */
#define DEFAULT_MOST_WORKERS 200 /* beyond, idle vats that may sleep are put to sleep */
#define LIMIT_DELIVERIES_AHEAD 64 /* under way to one vat at once */
#define LIMIT_AHEAD_BYTES MIB     /* of frames under way to one vat, beyond which no more are sent */
#define LIMIT_UNDO_BYTES (4096ull * MIB) /* what one crank may replace; several times what it may write */
#define LIMIT_BATCHED_DELETES 200 /* kept in memory between two cranks of a batch */
#define LIMIT_CACHED_ROWS 131072 /* of the kernel's table, kept in memory beyond their batch */
#define LIMIT_REMEMBERED_ROOTS 16384 /* of vats that requests have named */
#define LIMIT_CACHED_ROW (4 * KIB) /* key and value of one of them */
#define LIMIT_BACKUP_PAGES 64 /* of a backup, between two batches */

/* The kernel's own bounds. */
#define LIMIT_GC_BATCH 1000          /* garbage collection actions in one delivery */
#define DEFAULT_REAP_INTERVAL 1000   /* deliveries to a vat after which it is asked to collect its garbage */
#define LIMIT_NOTIFY_PROMISES 1000        /* promises told in one notify; the vat hears of the others when it subscribes */
#define LIMIT_NOTIFY_SLOTS 20000          /* references in one notify, likewise */
#define LIMIT_NOTIFY_BYTES (256 * MIB)    /* bodies in one notify, likewise */
#define LIMIT_PROMISE_CHAIN 1000 /* promises fulfilled to promises that a message follows */
#define LIMIT_SERVICES_PER_SUBCLUSTER 100
#define LIMIT_CHANNELS_PER_SUBCLUSTER 100
#define LIMIT_SERVICE_CALLS 100000 /* calls of kernel services that wait for their answer */
#define LIMIT_IDEMPOTENCY_KEYS 10000 /* answers kept for clients that lost their connection; the oldest go first */
#define LIMIT_IDEMPOTENCY_KEY_LENGTH 200

/* Faults (ARCHITECTURE.md, "Faults"). */
#define DEFAULT_STRIKES 3      /* limit faults in a row, the last of which suspends the vat */
#define DEFAULT_REDELIVERIES 3 /* environment faults in a row, before a vat is suspended */
#define BACK_OFF_MS 100        /* before the first redelivery … */
#define BACK_OFF_FACTOR 4      /* … and so many times longer before each further one … */
#define LIMIT_BACK_OFF_MS 60000 /* … up to this */
#define LIMIT_SUSPENDED_QUEUE 1000 /* messages that wait for a suspended vat; further ones are rejected */
#define LIMIT_CLEANUP_ROWS 200     /* of a terminated vat, removed in one crank */

#endif
