/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_line SOCKET: sends standard input to a Unix socket as it is, ends its side of the connection, and prints what comes
 * back until the other side has ended too.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Copies until the end of `from`. */
static int copy(int from, int to)
{
  char data[65536];
  ssize_t count;
  while ((count = read(from, data, sizeof data)) > 0) {
    for (ssize_t done = 0; done < count;) {
      ssize_t written = write(to, data + done, (size_t)(count - done));
      if (written < 0)
        return -1;
      done += written;
    }
  }
  return (int)count;
}

static int fail(const char *what)
{
  perror(what);
  return 1;
}

int main(int argc, char **argv)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
    fprintf(stderr, "usage: rpc_line SOCKET\n");
    return 2;
  }
  strcpy(address.sun_path, argv[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return fail(argv[1]);
  if (copy(STDIN_FILENO, fd) != 0 || shutdown(fd, SHUT_WR) != 0)
    return fail("rpc_line: sending");
  if (copy(fd, STDOUT_FILENO) != 0)
    return fail("rpc_line: receiving");
  return 0;
}
