/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/kernel_test.h - what every kernel test begins with: a fresh kernel over a fresh memory store. */
#ifndef TESTS_KERNEL_TEST_H
#define TESTS_KERNEL_TEST_H

#include "kernel_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static inline int open_harness(void **state)
{
  struct harness *h = calloc(1, sizeof *h);
  harness_open(h);
  *state = h;
  return 0;
}

static inline int close_harness(void **state)
{
  harness_close(*state);
  free(*state);
  return 0;
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, open_harness, close_harness)

#define assert_contains(text, part)                                      \
  do {                                                                   \
    if (!strstr(text, part))                                             \
      fail_msg("\"%s\" does not contain \"%s\"", text, part);            \
  } while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
