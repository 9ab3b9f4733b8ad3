/* SPDX-License-Identifier: Apache-2.0 */
/* base/unix_socket.h - a Unix socket to listen on, for its owner only. */
#ifndef VATD_BASE_UNIX_SOCKET_H
#define VATD_BASE_UNIX_SOCKET_H

/* A bound, non-blocking stream socket that has mode 0600 from its first instant; -1 with errno. A socket of our own that
 * is there already is replaced; anything else (a symbolic link, a file, a socket with other names or of another user) is not:
 * EEXIST. */
int unix_socket_bind(const char *path);

#endif
