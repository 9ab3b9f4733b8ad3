/* SPDX-License-Identifier: Apache-2.0 */
/* base/home_path.h - where a daemon keeps everything: the daemon and who looks for it must find the same. */
#ifndef VATD_BASE_HOME_PATH_H
#define VATD_BASE_HOME_PATH_H

/* `given`, or if that is NULL what the environment says: $VATD_HOME, $XDG_STATE_HOME/vatd, ~/.local/state/vatd; a variable that is empty
 * says nothing. NULL when nothing does, and for an empty `given`. The caller frees it. */
char *home_path(const char *given);

#endif
