/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/store_engines.h - how to open each engine. Close with store->ops->close(store).
 */
#ifndef VATD_STORE_ENGINES_H
#define VATD_STORE_ENGINES_H

#include "kernel/store.h"

/*
 * SQLite: WAL, synchronous=FULL, exclusive locking, one connection; pragmas read back and checked. Creates the file
 * (mode 0600) when it is not there. Errors: BUSY (another process has it), READ_ONLY, VERSION (made by another vatd),
 * CORRUPT (not a database, truncated, empty), IO, FULL. Nothing is changed in a file that is refused.
 */
enum vatd_code store_sqlite_open(const char *path, struct store **store, struct error *error);

/*
 * Keeps the open batch in memory and hands it to `engine` when it is committed (or a query wants to see it), so that what
 * comes and goes within a batch never reaches it; rows of the kernel that are used again and again are kept in memory too.
 * Owns the engine from now on. A batch must fit into memory: LIMIT_BATCH_BYTES and one crank bound it.
 */
struct store *store_batched_open(struct store *engine);

/* In memory, for tests and simulation; a commit is durable at once. */
struct store *store_memory_open(void);
/* Goes on as after a crash: the open batch and the callback are gone, the epoch is one more, batches count from 1
 * again. */
void store_memory_reopen(struct store *store);
/* How the next commit of a batch with changes ends. Other than DURABLE it ends the store until it is reopened; `stored`
 * says what is then found. */
void store_memory_end_next_commit(struct store *store, enum store_outcome outcome, bool stored);

#endif
