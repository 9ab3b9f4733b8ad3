/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include "base/limits.h"

#include <stdint.h>

struct bytes fuzz_snapshot(void)
{
  static char bytes[4 * KIB];
  uint32_t number = 1;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)((number = number * 1103515245 + 12345) >> 16);
  return bytes_from(bytes, sizeof bytes);
}
