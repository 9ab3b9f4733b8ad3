/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verbs.h - the table of everything `vat` can do. Parsing, help and suggestions are all read from it.
 */
#ifndef VATD_CLI_VERBS_H
#define VATD_CLI_VERBS_H

#include "cli/cli.h"

struct option_spec {
  enum option_id id;
  const char *name;  /* without the dashes; NULL ends a list */
  char letter;       /* 0: none */
  const char *value; /* what its value is called; NULL: it has none */
  const char *help;
};

#define VERB_MAX_OPTIONS 3

struct verb {
  const char *name;
  const char *synopsis; /* operands and options */
  const char *summary;
  const char *details;  /* a paragraph or more, or "" */
  const char *examples; /* lines */
  int least;            /* operands */
  int most;             /* -1: any number */
  enum cli_exit (*run)(struct cli *cli);
  struct option_spec options[VERB_MAX_OPTIONS + 1];
};

/* Both end with a NULL name. */
extern const struct verb verbs[];
extern const struct option_spec verbs_global_options[];

const struct verb *verbs_find(const char *name);
/* The verb whose name is most like `name`, or NULL when none is near. */
const struct verb *verbs_nearest(const char *name);

#endif
