/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/hosts.h - whom a vat's fetch may talk to.
 *
 * A host is allowed when it stands in the vat's network.allowedHosts, letter for letter (case aside; an IPv6 address with or
 * without its brackets). And the address that a name leads to must be a public one: a name in somebody else's hands must not
 * lead into this machine or its network. Only who names an address itself, or localhost, gets there.
 */
#ifndef VATD_LIBVATD_HOSTS_H
#define VATD_LIBVATD_HOSTS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/socket.h>

bool host_is_allowed(const json_t *allowed_hosts, const char *host);
/* Whether a connection for `host`, which is allowed, may go to this address. */
bool host_may_be_at(const char *host, const struct sockaddr *address);

#endif
