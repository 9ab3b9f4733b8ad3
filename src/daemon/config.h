/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/config.h - the daemon's configuration file: JSON, by default HOME/vatd.json, which need not be there.
 *
 *     {"systemSubclusters": [{"name": …, "config": …}],
 *      "allowedGlobalNames": ["setTimeout", …]}
 *
 * Unknown members are refused: a misspelt one must not go unnoticed.
 */
#ifndef VATD_DAEMON_CONFIG_H
#define VATD_DAEMON_CONFIG_H

#include "base/bytes.h"
#include "base/error.h"

#include <jansson.h>

struct config {
  json_t *file;
  const json_t *system_subclusters; /* or NULL */
  const json_t *allowed_globals;    /* or NULL */
};

/* What a file says; `path` is for complaints, which name line and column where it is not JSON. */
enum vatd_code config_parse(struct config *config, const char *path, struct bytes text, struct error *error);
/* Reads `named`, which must be there, or else `usual`, which may be missing but not unusable. */
enum vatd_code config_load(struct config *config, const char *named, const char *usual, struct error *error);
void config_fini(struct config *config);

#endif
