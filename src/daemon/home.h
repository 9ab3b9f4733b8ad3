/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/home.h - the home directory of a daemon: vatd.sqlite, vatd.sock, vatd.pid, vatd.log, vatd.json, all for its owner only.
 */
#ifndef VATD_DAEMON_HOME_H
#define VATD_DAEMON_HOME_H

#include "base/error.h"

struct home {
  char *directory; /* absolute */
  char *database;
  char *socket;
  char *pid_file;
  char *log;
  char *config;
};

/* `directory` or, when NULL, $VATD_HOME, $XDG_STATE_HOME/vatd, ~/.local/state/vatd. Makes it (mode 0700) if it is missing;
 * refuses one that belongs to somebody else, and files in it that are links, have other names or belong to others. */
enum vatd_code home_open(struct home *home, const char *directory, struct error *error);
void home_close(struct home *home);

enum vatd_code home_write_pid(const struct home *home, struct error *error);
void home_remove_pid(const struct home *home);

#endif
