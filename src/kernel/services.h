/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel/services.h - objects that the kernel's host offers to vats: kernel services.
 *
 * A service is an object whose owner is `kernel`. A vat gets it from the `services` of its cluster configuration and calls it
 * like any other object; the call is made outside the kernel, by the host. It is an effect that cannot be undone, so it
 * waits for the batch that asked for it to be durable, and it is made at most once:
 *
 *     queued --crank--> row service.call.<kp>, EFFECT_CALL_SERVICE at the gate --durable--> the host makes the call
 *                         |                                                                   |
 *                         | the kernel ends                                                   | kernel_service_return
 *                         v                                                                   v
 *              next start: rejected SERVICE_INTERRUPTED                          row removed, result settled
 *
 * The row keeps the message's target, result and slots referenced. Rows:
 *
 *   kernelService.<name>  koN, referenced: the object of this name, a service or an object that a vat offered as one
 *   koN.service           <name>
 *   service.call.<kp>     the message, as in a queue
 *
 * Calls of a vat's own endowments (endowments.h: timers, fetch) also end with the vat's incarnation; the host is told so
 * (EFFECT_CANCEL_CALL).
 *
 * Which services the host offers is known at run time only (kernel_register_service); an object whose service is not
 * registered in this life of the kernel rejects what is sent to it. (Source: TypeScript kernel, KernelServiceManager.ts, which
 * loses the calls in flight when it ends.)
 */
#ifndef VATD_KERNEL_SERVICES_H
#define VATD_KERNEL_SERVICES_H

#include "kernel/internal.h"
#include "kernel/records.h"

void services_init(struct service_table *table);
/* Forgets the calls under way; what is registered stays. */
void services_forget_calls(struct service_table *table);
void services_fini(struct service_table *table);

/* Finds the calls that an earlier kernel's end has interrupted; at open. */
void services_find_interrupted(struct kernel *k);
/* Rejects one of them; false when there is none. */
bool services_end_interrupted(struct kernel *k);

/* Whether a cluster configuration may ask for this service; `system`: it is a system subcluster's. */
bool service_may_be_asked_for(struct kernel *k, struct bytes name, bool system);
/* The service's object, made when it is first asked for; inside a crank. */
struct kref service_object(struct kernel *k, struct bytes name);

/* The same, or KREF_NOTHING when it has not been made. */
struct kref service_object_if_there(struct kernel *k, struct bytes name);
/* The name that a service's object was made with; false for other objects. */
bool service_name_of(struct kernel *k, struct kref object, struct bytes *name);

/* The name stands for nothing any more; the object lives as long as somebody holds it, and rejects. Inside a crank. */
void service_forget_object(struct kernel *k, struct bytes name);

/* Takes the queued message `slot` to a service's object out of the run queue and has the call made; a crank of its own. */
void service_begin_call(struct kernel *k, uint64_t slot, const struct queue_item *item, struct kref target);

/* The incarnation that made calls of its vat's endowments (endowments.h) has ended: they end with it. Inside a crank that will
 * be kept. */
void services_end_calls_of(struct kernel *k, uint64_t vat);

#endif
