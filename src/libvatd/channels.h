/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvatd/channels.h - IO channels: what `io` in a cluster configuration names, as objects with read() and write().
 *
 *   {"type": "socket", "path": "/run/x.sock"}    a Unix socket to listen on (mode 0600)
 *   {"type": "listen", "port": 7000, "host": "127.0.0.1"}     a TCP port to listen on; the host is optional
 *   {"type": "file", "path": "/var/log/x"}       a regular file: read from its beginning, written at its end
 *   {"type": "console"}                          standard input and output of the kernel's process
 *
 * `direction` is in, out or inout (the default); `unit` is line (the default: a text without its newline) or string (what
 * has arrived). A listening channel serves one client at a time, others wait. read() gives the next unit, null at the end of
 * a client or file; write(text) gives null when the text has been taken (of a line channel a newline is added), and fails
 * when nobody is connected. (Source: TypeScript kernel, IOManager.ts and io/socket-channel.ts.)
 *
 * A channel is opened when its subcluster begins, and again with each kernel; what cannot be opened says why when it is used.
 */
#ifndef VATD_LIBVATD_CHANNELS_H
#define VATD_LIBVATD_CHANNELS_H

#include "libvatd/internal.h"

enum vatd_code channels_register(struct vatd *v, struct error *error);
/* A subcluster begins with this configuration, or has ended (NULL). One that is open already stays as it is. */
void channels_of_subcluster(struct vatd *v, const char *subcluster, const json_t *config);
/* The kernel has forgotten all calls: nobody waits for input any more. */
void channels_forget_reads(struct vatd *v);
/* Closes all; handles are gone after the loop has run once more. */
void channels_close(struct vatd *v);

#endif
