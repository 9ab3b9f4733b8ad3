#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The storage scenario of the TypeScript kernel (examples/vatstore): what the bootstrap vat's liveslots writes, checkpoint by
# checkpoint, byte for byte, through the real daemon. A recorder in the place of vat-worker sees the frames pass.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

expected=$ROOT/tests/scenario/vatstore-0.10.3-u21.0.1.expected
pinned=$(jq -r .version "$ROOT/node_modules/@agoric/swingset-liveslots/package.json")
is "$pinned" "$(sed -n 's/^# liveslots //p' "$expected")" "the expected values belong to the liveslots that is installed"

# The daemon takes its companions from its own directory.
BIN=$WORK/bin
mkdir "$BIN"
cp "$BUILD"/vat "$BUILD"/vatd "$BUILD"/vat-worker.snapshot "$BUILD"/vat-*.js "$BIN"
cp "$BUILD"/vat-worker "$BIN/vat-worker.real"
cp "$BUILD"/tests/record_worker "$BIN/vat-worker"

# part NAME: a part of the expectation.
part() {
  sed -n "/^\[$1\]\$/,/^\[/p" "$expected" | grep -v '^[#[]' | grep .
}

try vat run --config "$ROOT/examples/vatstore/cluster.json" -o json
is "$status $(jq -r .bootstrapResult.body <<<"$out")" '0 #"Alice"' "the three vats launch and bootstrap answers"
is "$(grep -c '^checkpoint$' "$BIN/checkpoints.v1")" 6 "the bootstrap vat has made exactly six checkpoints"
is "$(cat "$BIN/checkpoints.v1")" "$(part checkpoints)" "its six checkpoints are the known ones, in order and byte for byte"
is "$(vat sql "SELECT key, value FROM kv_vatStore WHERE vatID = 'v1'" -o json | jq -r '.[] | "\(.key)\t\(.value)"')" \
  "$(part table)" "the table of the bootstrap vat is the known one"
is "$(vat store alice -o json | jq -r '.[] | "\(.[0])\t\(.[1])"')" "$(part table)" "vat store shows the same"
is "$(vat store bob -o json)" "$(vat store carol -o json)" "bob and carol have stored the same as each other"
is "$(vat log | grep -c 'start from scripts')" 0 "the workers came from the snapshot"

kill_daemon
is "$(vat store alice -o json | jq -r '.[] | "\(.[0])\t\(.[1])"')" "$(part table)" "after kill -9 of the daemon the table is the same"
try vat call alice bump Dave
is "$status" 0 "the vat goes on after kill -9"
is "$(grep -c '^checkpoint$' "$BIN/checkpoints.v1")" 8 "its restart and its next crank are one checkpoint each"
is "$(tail -n 2 "$BIN/checkpoints.v1")" $'checkpoint\nset vc.1.sthing\t{"body":"#4","slots":[]}' \
  "the next crank counts on from what was stored"
finish
