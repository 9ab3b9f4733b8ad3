#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Negative controls: each seeded defect of the kernel is found by the simulator within the seeds of tests/sim/seeds.sh.
#   BUILD=DIR tests/sim/defects.sh
set -u
cd "$(dirname "$0")/../.."
programs=${BUILD:-build/dev}/tests
number=0

control() { # control NAME WHAT: the simulator with this defect fails, and with a report of its own
  local found
  number=$((number + 1))
  found=$("$programs/simulate_$1" --seeds 1-200 2>&1 | grep -m1 '^seed [0-9]*, step')
  if [ -n "$found" ]; then
    echo "ok $number - $2 is found"
    echo "# figure $1: ${found%%:*}"
  else
    echo "not ok $number - $2 is found"
  fi
}

control skipped_ref "a reference that is not counted"
control forgotten_notify "a subscriber that is not notified"
control stale_cache "an index in memory that a rollback does not clear"
control stale_action "a garbage collection action that is not looked at again"
control lost_message "a message lost in the queue of a promise"
control kept_image "a stored heap that outlives its use"
control ahead "a delivery sent ahead of what it depends on"
echo "1..$number"
