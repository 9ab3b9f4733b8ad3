#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Workers start from a heap snapshot that the daemon has checked; without a good one they start from scripts.
. "$(dirname "$0")/lib/scenario.bash"

# How the vat's worker was started.
started_with() {
  local pid
  pid=$(vat show counter -o json | jq -r .pid)
  tr '\0' ' ' <"/proc/$pid/cmdline"
}

vat run "$ROOT/examples/counter.js" >/dev/null || exit 1
has "$(started_with)" "--snapshot-fd" "a worker starts from the snapshot"
hasnt "$(vat log)" "snapshot" "nothing is said about it"
new_home

BIN=$WORK/programs
mkdir "$BIN"
cp "$BUILD"/vat "$BUILD"/vatd "$BUILD"/vat-worker "$BUILD"/vat-boot.js "$BUILD"/vat-supervisor.js "$BUILD"/vat-worker.snapshot "$BIN"
# One byte in the middle is another: a heap image that would be loaded and do who knows what.
printf '\377\376' | dd of="$BIN/vat-worker.snapshot" bs=1 seek=500000 conv=notrunc status=none
vat run "$ROOT/examples/counter.js" >/dev/null || exit 1
says "a vat runs although the snapshot was changed" 1 vat call counter increment
has "$(started_with)" "--scripts" "its worker started from the scripts"
has "$(vat log)" "is not the one this vatd was built with" "the log says so"
kill_daemon

rm "$BIN/vat-worker.snapshot"
says "and although the snapshot is missing" 2 vat call counter increment
kill_daemon

rm "$BIN/vat-worker"
fails "without the worker program the daemon does not start, and says why" 1 "vat-worker" vat call counter increment

finish
