/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corrupt_store DATABASE: damages copies of a database row by row and has each looked over.
 * corrupt_store --change DATABASE CHANGES: damages the database itself.
 *
 * A line of standard input is one case: CHANGES TAB TABLE TAB KEY TAB TEXT. CHANGES, separated by ';', are KEY=VALUE (put),
 * !KEY (delete) and @VAT:KEY=VALUE (put into a vat's storage), #HASH=CODE (a bundle) and !#HASH; "none" changes nothing. A finding
 * of TABLE and KEY whose text contains TEXT must be among those told, or with TABLE "-" there must be none. Prints "yes" or "no", a
 * tab, and the findings, for each line.
 *
 * The rows are written through the store, so that the pages are whole: what is wrong is only what they say.
 */
#include "base/error.h"
#include "store/store_engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vatd/vatd.h>

#define TEXT_MAX 4096

struct wanted {
  const char *table;
  const char *key;
  const char *text;
  bool found;
  size_t count;
  char told[TEXT_MAX];
};

static void stop(const char *what, const char *why)
{
  fprintf(stderr, "corrupt_store: %s: %s\n", what, why);
  exit(1);
}

static void copy_file(const char *from, const char *to)
{
  char data[65536];
  size_t count;
  FILE *in = fopen(from, "rb");
  FILE *out = fopen(to, "wb");
  if (!in || !out)
    stop(to, "cannot copy");
  while ((count = fread(data, 1, sizeof data, in)) > 0)
    fwrite(data, 1, count, out);
  fclose(in);
  if (fclose(out) != 0)
    stop(to, "cannot copy");
}

static enum vatd_code change(struct store *store, char *text, struct error *error)
{
  const struct store_ops *ops = store->ops;
  if (strncmp(text, "!#", 2) == 0)
    return ops->bundle_delete(store, text + 2, error);
  if (text[0] == '!')
    return ops->delete(store, NULL, bytes_of(text + 1), error);
  char *value = strchr(text, '=');
  if (!value)
    stop(text, "no change");
  *value++ = '\0';
  if (text[0] == '#')
    return ops->bundle_put(store, text + 1, bytes_of(value), error);
  if (text[0] != '@')
    return ops->put(store, NULL, bytes_of(text), bytes_of(value), error);
  char *key = strchr(text, ':');
  *key++ = '\0';
  return ops->put(store, text + 1, bytes_of(key), bytes_of(value), error);
}

static void damage(const char *path, char *changes)
{
  struct store *store;
  struct error error;
  uint64_t batch;
  char *rest;
  if (store_sqlite_open(path, &store, &error) != VATD_OK)
    stop("open", error.text);
  for (char *one = strtok_r(changes, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
    if (strcmp(one, "none") != 0 && change(store, one, &error) != VATD_OK)
      stop(one, error.text);
  }
  if (store->ops->commit(store, &batch, &error) != VATD_OK)
    stop("commit", error.text);
  store->ops->close(store);
}

static void take_finding(void *context, const struct vatd_finding *finding)
{
  struct wanted *wanted = context;
  size_t used = strlen(wanted->told);
  struct bytes key = {finding->key, finding->key_size};
  snprintf(wanted->told + used, sizeof wanted->told - used, "%s %.*s %s; ", finding->table, BYTES_ARG(key), finding->what);
  wanted->count++;
  if (strcmp(finding->table, wanted->table) == 0 && bytes_is(key, wanted->key) && strstr(finding->what, wanted->text))
    wanted->found = true;
}

static void try_case(const char *database, const char *copy, char *line)
{
  char *rest;
  char *changes = strtok_r(line, "\t", &rest);
  const char *table = strtok_r(NULL, "\t", &rest);
  const char *key = strtok_r(NULL, "\t", &rest);
  const char *text = strtok_r(NULL, "\t\n", &rest);
  struct wanted wanted = {.table = table, .key = key ? key : "", .text = text ? text : ""};
  struct vatd_error error;
  size_t count = 0;
  copy_file(database, copy);
  damage(copy, changes);
  if (vatd_check(copy, take_finding, &wanted, &count, &error) != VATD_OK)
    stop("check", error.text);
  bool good = strcmp(table, "-") == 0 ? count == 0 : wanted.found;
  printf("%s\t%s\n", good && count == wanted.count ? "yes" : "no", wanted.told);
}

int main(int argc, char **argv)
{
  char line[TEXT_MAX];
  char copy[TEXT_MAX];
  char sums[TEXT_MAX + 8];
  if (argc == 4 && strcmp(argv[1], "--change") == 0) {
    damage(argv[2], argv[3]);
    return 0;
  }
  if (argc != 2)
    return 2;
  snprintf(copy, sizeof copy, "%s.damaged", argv[1]);
  snprintf(sums, sizeof sums, "%s-sums", copy);
  while (fgets(line, sizeof line, stdin)) {
    unlink(sums);
    try_case(argv[1], copy, line);
  }
  unlink(copy);
  unlink(sums);
  return 0;
}
