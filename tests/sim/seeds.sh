#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The simulator over many seeds (docs/simulator.md), in parts, two at a time. NIGHTLY=1: many more, other ones each day.
#   BUILD=DIR tests/sim/seeds.sh
set -u
cd "$(dirname "$0")/../.."
simulate=${BUILD:-build/dev}/tests/simulate
first=1 part=50 parts=4
if [ -n "${NIGHTLY:-}" ]; then
  first=$(($(date +%s) / 86400 * 10000)) part=500 parts=10
fi
echo "# seed $first"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

run_part() { # run_part NUMBER: one TAP line
  local from=$((first + ($1 - 1) * part))
  local to=$((from + part - 1))
  if "$simulate" --seeds "$from-$to" >"$results/$1" 2>&1; then
    echo "ok $1 - the simulator finds nothing wrong, $(tail -1 "$results/$1")"
  else
    echo "not ok $1 - the simulator, seeds $from to $to"
    sed 's/^/# /' "$results/$1"
  fi
}

began=$(date +%s)
for ((i = 1; i <= parts; i++)); do
  run_part "$i" >"$results/tap$i" &
  ((i % 2)) || wait
done
wait
for ((i = 1; i <= parts; i++)); do cat "$results/tap$i"; done
echo "# figure simulator: $((part * parts)) seeds in $(($(date +%s) - began)) s"
echo "1..$parts"
! grep -q '^not ok' "$results"/tap*
