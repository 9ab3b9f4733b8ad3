/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vat-worker/source_scan.c - see source_scan.h.
 *
 * SES looks for the two ends of an HTML comment, for `import` before a parenthesis or a comment, and for `eval` before a parenthesis,
 * with white space between. What may stand before a word is not looked at, any slash counts as a comment, and every character beyond
 * ASCII as white space: that says "may be" too often, never too seldom.
 */
#include "vat-worker/source_scan.h"

#include <string.h>

static bool may_be_space(char character)
{
  unsigned char byte = (unsigned char)character;
  return byte != 0 && (byte <= ' ' || byte >= 0x80);
}

/* Whether the word stands somewhere before a parenthesis or a slash. */
static bool has_before_parenthesis(const char *source, const char *word)
{
  size_t size = strlen(word);
  const char *at = source;
  while ((at = strstr(at, word))) {
    at += size;
    while (may_be_space(*at))
      at++;
    if (*at == '(' || *at == '/')
      return true;
  }
  return false;
}

bool source_may_be_refused(const char *source)
{
  return strstr(source, "<!--") || strstr(source, "-->") || has_before_parenthesis(source, "import") || has_before_parenthesis(source, "eval");
}
