/* SPDX-License-Identifier: Apache-2.0 */
/* base/unix_socket.h - a Unix socket to listen on, for its owner only. */
#ifndef VATD_BASE_UNIX_SOCKET_H
#define VATD_BASE_UNIX_SOCKET_H

/* A bound, non-blocking stream socket that has mode 0600 from its first instant; -1 with errno. A socket file that is there
 * already is replaced, any other file is not. */
int unix_socket_bind(const char *path);

#endif
