/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/source_scan_test.c - what SES would refuse is always found; what it would not is mostly passed over. */
#include "vat-worker/source_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_ses_refuses_is_found(void **state)
{
  static const char *const sources[] = {
      "<!--", "a --> b", "import('x')", "x;import ('x')", "import\t\r\n//\n('x')", "import/* */('x')", "...import('x')",
      "eval('x')", "(0,eval) (eval ('x'))", "eval\n(1)", "important import import(", "evaluate(1); eval(2)",
      "import\xC2\xA0('x')", "eval\xE2\x80\xA8(1)", "import \xEF\xBB\xBF /*", "\xED\xA0\xBD import(1)",
  };
  (void)state;
  for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
    assert_true(source_may_be_refused(sources[i]));
}

static void ordinary_source_is_passed_over(void **state)
{
  static const char *const sources[] = {
      "", "import", "eval", "import   ", "eval\xC2\xA0", "x = y - -1", "<! --", "importing(x)", "evaluate(x)", "import.meta",
      "an import, and an eval; then (x)", "\"import\" (", "medieval.x(1)",
  };
  (void)state;
  for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
    assert_false(source_may_be_refused(sources[i]));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_ses_refuses_is_found),
      cmocka_unit_test(ordinary_source_is_passed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
