#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Power cuts and corruption at full size: 2,000 cuts and 2,000 mutations, 200,000 and 10,000 with --nightly. What the
# sanitizers run is smaller. SEED, CUTS and MUTATIONS may be set.
set -u
cd "$(dirname "$0")/../.."
tests=${BUILD:-$PWD/build/release}/tests
export CMOCKA_MESSAGE_OUTPUT=TAP
status=0
for program in store_power_test kernel_power_test store_corruption_test store_unverified_test; do
  "$tests/$program" || status=1
done
exit "$status"
