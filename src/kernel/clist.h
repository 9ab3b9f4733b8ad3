/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/clist.h - a vat's c-list: the table that says which objects and promises it may name, and how it names them.
 *
 * The c-list is what makes vrefs unforgeable: a vat can name only what has an entry, and entries come about in two ways
 * only: the kernel imports what a delivery hands to the vat, and the vat exports what it makes. (Source: SwingSet,
 * vatKeeper.js and vatTranslator.js.)
 */
#ifndef VATD_KERNEL_CLIST_H
#define VATD_KERNEL_CLIST_H

#include "kernel/internal.h"
#include "kernel/records.h"

/* ---- from the vat: syscalls ---- */

/* Whether the vat may use this name now: it has an entry that is reachable, or it is a fresh export. */
bool clist_may_name(struct kernel *k, uint64_t vat, struct bytes vref, struct error *why);
bool clist_may_name_all(struct kernel *k, uint64_t vat, const struct bytes_list *vrefs, struct error *why);

/* The kref of a name that clist_may_name() allowed; a fresh export gets its object or promise here (a promise that this vat
 * decides). */
struct kref clist_export(struct kernel *k, uint64_t vat, struct bytes vref);
struct kernel_data clist_export_data(struct kernel *k, uint64_t vat, const struct capdata *data);

/* ---- to the vat: deliveries ---- */

/* The name under which the delivery in `flight` will show `kref` to the vat, when what is in flight to it already has
 * arrived. Reads the store but does not change it: a new entry is noted in the flight. The result lies in its arena. */
struct bytes clist_import(struct kernel *k, const struct vat *vat, struct flight *flight, struct kref kref);
struct capdata clist_import_data(struct kernel *k, const struct vat *vat, struct flight *flight, const struct kernel_data *data);

/* Makes the entries that the flight noted, with their counts. */
void clist_apply_flight(struct kernel *k, uint64_t vat, const struct flight *flight);

/* An entry for an object that no delivery hands over; inside a crank. Nothing changes if there is one that is reachable. */
void clist_provide(struct kernel *k, uint64_t vat, struct kref object);

/* ---- removal ---- */

/* Removes an entry and what it counted. */
void clist_remove(struct kernel *k, uint64_t vat, const struct clist_row *row);
/* Removes the entry of a promise if there is one. */
void clist_remove_promise(struct kernel *k, uint64_t vat, struct kref promise);

#endif
