#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark runs with this version of the interfaces, at the smallest sizes; and a kernel that does nothing does not pass.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

bench() {
  node "$ROOT/bench/run.mjs" --build "$BUILD" --out "$WORK/results" --quick --peers vatd,vatd-socket --size w1.keys=20 \
    --size w1.awaited=10 --size w1.windowed=40 --size w1.queued=10 --size w2.single=2 --size w2.windowed=32 --size w2.queued=4 \
    --size limits.milliseconds=5 --size limits.messages=5 "$@"
}

try cmake --build "$BUILD" --target bench_programs
is "$status" 0 "the benchmark's programs are built"

try bench --only W1,W2
is "$status" 0 "W1 and W2 run on vatd"
has "$out" "32 in flight" "there is a table"
has "$out" "raw XS deliveries" "with what the engine allows"
has "$out" ">= 0.35x" "and what is to be reached"
result=$(find "$WORK/results" -name '*.json')
is "$(jq '.results.W1["vatd-socket"].rounds[0].awaited > 0' "$result")" true "the daemon was asked, too"
is "$(find "$WORK/results" -name '*-throughput.svg' | wc -l)" 1 "the throughput is drawn"

try bench --only W5h
is "$status" 0 "W5h runs on vatd: heaps go on"
result=$(find "$WORK/results" -name '*.json' | sort | tail -1)
is "$(jq '.results.W5h.vatd.rounds[0] | .wakeP50 > 0 and .rest > 0 and .databaseBytes > 10000' "$result")" true "with the heaps in the database"

try bench --only W1,W1p,W2,W3,W4,W5,W5h,W6,W7 --peers idle
is "$status" 1 "a kernel that does nothing fails"
is "$(grep -c ' idle: .* instead of ' <<<"$err")" 9 "in every workload"

try bench --only W9
is "$status $err" "2 bench: no such workload or peer: W9
Try: node bench/run.mjs --help" "an unknown workload is refused, in a line"
for nonsense in --bogus --rounds=0 --limit=soon --size=w1.key=3 --size=w1 --size=w1.keys=x; do
  try bench "$nonsense"
  is "$status" 2 "so is $nonsense"
done
finish
