/* SPDX-License-Identifier: Apache-2.0 */
/* cli/arguments.c - see arguments.h. */
#include "cli/arguments.h"
#include "cli/verbs.h"

#include <string.h>

/* The words not yet looked at. */
struct words {
  char **at;
  char **end;
};

static const struct option_spec *search(const struct option_spec *list, const char *name, size_t size, char letter)
{
  for (; list && list->name; list++) {
    if (letter ? list->letter == letter : strlen(list->name) == size && memcmp(list->name, name, size) == 0)
      return list;
  }
  return NULL;
}

static const struct option_spec *find_option(const struct cli *cli, const char *name, size_t size, char letter)
{
  const struct option_spec *spec = cli->verb ? search(cli->verb->options, name, size, letter) : NULL;
  return spec ? spec : search(verbs_global_options, name, size, letter);
}

static enum cli_exit store_value(struct cli *cli, const struct option_spec *spec, const char *attached,
                                 struct words *words)
{
  if (!spec->value && attached)
    return cli_usage(cli, "--%s takes no value", spec->name);
  if (spec->value && !attached && words->at == words->end)
    return cli_usage(cli, "--%s needs a value: %s", spec->name, spec->value);
  cli->options[spec->id] = !spec->value ? "" : attached ? attached : *words->at++;
  return CLI_OK;
}

/* "--name", "--name=value". */
static enum cli_exit parse_long(struct cli *cli, const char *word, struct words *words)
{
  const char *equals = strchr(word, '=');
  size_t size = equals ? (size_t)(equals - word) : strlen(word);
  const struct option_spec *spec = find_option(cli, word, size, 0);
  if (!spec)
    return cli_usage(cli, "unknown option --%.*s", (int)size, word);
  return store_value(cli, spec, equals ? equals + 1 : NULL, words);
}

/* "-f", "-fn5", "-n5", "-n 5". */
static enum cli_exit parse_letters(struct cli *cli, const char *letters, struct words *words)
{
  enum cli_exit result = CLI_OK;
  while (!result && *letters) {
    const struct option_spec *spec = find_option(cli, NULL, 0, *letters);
    if (!spec)
      return cli_usage(cli, "unknown option -%c", *letters);
    letters++;
    bool takes_rest = spec->value && *letters;
    result = store_value(cli, spec, takes_rest ? letters : NULL, words);
    if (takes_rest)
      break;
  }
  return result;
}

static enum cli_exit take_operand(struct cli *cli, char *word)
{
  if (cli->verb) {
    cli->operands[cli->operand_count++] = word;
    return CLI_OK;
  }
  cli->verb = verbs_find(word);
  if (cli->verb)
    return CLI_OK;
  const struct verb *nearest = verbs_nearest(word);
  return nearest ? cli_usage(cli, "unknown verb \"%s\"; did you mean \"%s\"?", word, nearest->name)
                 : cli_usage(cli, "unknown verb \"%s\"", word);
}

static bool is_option(const char *word)
{
  return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

enum cli_exit arguments_parse(struct cli *cli, int argc, char **argv)
{
  struct words words = {argv + (argc > 0), argv + argc};
  enum cli_exit result = CLI_OK;
  bool options_end = false;
  cli->operands = argv; /* operands move to the front: never past the word that is looked at */
  while (!result && words.at < words.end) {
    char *word = *words.at++;
    if (options_end || !is_option(word))
      result = take_operand(cli, word);
    else if (strcmp(word, "--") == 0)
      options_end = true;
    else
      result = word[1] == '-' ? parse_long(cli, word + 2, &words) : parse_letters(cli, word + 1, &words);
  }
  return result;
}

enum cli_exit arguments_check(struct cli *cli)
{
  const char *output = cli->options[OPTION_OUTPUT];
  if (output && strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
    return cli_usage(cli, "--output is text or json, not \"%s\"", output);
  cli->json = output && strcmp(output, "json") == 0;
  if ((int)cli->operand_count < cli->verb->least)
    return cli_usage(cli, "too few words; it is: vat %s %s", cli->verb->name, cli->verb->synopsis);
  if (cli->verb->most >= 0 && (int)cli->operand_count > cli->verb->most)
    return cli_usage(cli, "\"%s\" is one word too many; it is: vat %s %s", cli->operands[cli->verb->most],
                     cli->verb->name, cli->verb->synopsis);
  return CLI_OK;
}
