#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A vat whose storage its worker has only in part: 20,000 entries of 100 bytes (12,000 in a build with sanitizers), in a worker that may
# keep 2 MiB of them. Whatever it reads, writes, walks and deletes, across restarts and kill -9, is compared with what there should be. With
# NIGHTLY=1 there are 1,000,000, in a worker limited to 64 MB.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

keys=20000 heap=16777216 portion=5000 nightly=''
sanitized && keys=12000 portion=3000
[ -n "${NIGHTLY:-}" ] && ! sanitized && keys=1000000 heap=67108864 portion=10000 nightly=1
part=$((keys / 10)) # what a walk passes in one crank is bounded by limits.computrons
[ -z "$nightly" ] || part=10000
reach=$((10 * part))

# sum FROM END: of the numbers from FROM to before END.
sum() {
  echo $((($2 * ($2 - 1) - $1 * ($1 - 1)) / 2))
}

memory() { # kB at most so far
  local pid
  pid=$(vat show archive -o json | jq .pid)
  awk '/VmHWM/ { print $2 }' "/proc/$pid/status"
}

# first_call: how long it takes until the first answer of a vat whose worker must be started, in ms.
first_call() {
  local from=${EPOCHREALTIME/[.,]/}
  vat call archive ping >/dev/null || return
  echo $(((${EPOCHREALTIME/[.,]/} - from) / 1000))
}

says() { # METHOD ARGUMENTS... EXPECTED TEXT
  local expected=${*: -2:1} text=${*: -1}
  is "$(vat call archive "${@:1:$#-2}" -o json)" "$expected" "$text"
}

jq -n --arg source "$VATS/archive.js" --argjson heap "$heap" \
  '{bootstrap: "archive", vats: {archive: {sourceSpec: $source, limits: {heapBytes: $heap, deadlineMs: 600000}}}}' >"$WORK/archive.json"
vat run --config "$WORK/archive.json" >/dev/null || exit 1
for ((first = 0; first < keys; first += portion)); do
  vat call archive fill $first $portion >/dev/null || exit 1
done
echo "# figure worker that wrote $keys keys: at most $(memory) kB"
kill_daemon
vat start >/dev/null
echo "# figure first answer after kill -9 with $keys keys: $(first_call) ms, worker $(memory) kB"

# ---- reading ----

says has $((keys / 2)) true "an entry in the middle is there"
says has "$keys" false "one behind the last is not"
says get $((keys - 1)) "\"$((keys - 1)).0.\"" "the last has its value"
says walk 0 "$reach" 0 "\"$reach $(sum 0 "$reach") true\"" "a walk finds all entries, once, in order"
says sample 0 "$keys" $((keys / 2000 + 1)) true "entries far from each other are what they should be"
says sample 1 "$keys" $((keys / 2000 + 1)) true "so are their neighbours"
echo "# figure worker that looked all over $keys keys: at most $(memory) kB"
[ "$(memory)" -le 65536 ] || sanitized
verdict $? "the worker stays within 64 MB" "$(memory) kB"

# ---- writing, in cranks that see what they wrote ----

says rewrite 0 "$part" 1 1 true "a part is written anew, and read back in the same crank"
says walk 0 "$part" 1 "\"$part $(sum 0 "$part") true\"" "it is as it was written"
says removeRange $((2 * part)) $((3 * part)) "\"0 $((keys - part))\"" "another part is deleted, and is gone in the same crank"
says has $((2 * part)) false "its first entry is gone"
says has $((3 * part - 1)) false "so is its last"
says has $((3 * part)) true "what is behind it is not"
says walk $((3 * part)) "$reach" 0 "\"$((reach - 3 * part)) $(sum $((3 * part)) "$reach") true\"" "a walk passes the gap"

# ---- across ends of the worker ----

kill_daemon
vat start >/dev/null
says walk 0 "$part" 1 "\"$part $(sum 0 "$part") true\"" "after kill -9 what was written is there"
says walk 0 "$reach" 9 "\"$((reach - part)) $(($(sum 0 "$reach") - $(sum $((2 * part)) $((3 * part))))) false\"" "what was deleted is not"
vat restart archive >/dev/null
says has $((3 * part - 1)) false "after a restart of the vat too"
says fill $((2 * part)) 10 null "deleted entries can come again"
says walk $((2 * part)) $((2 * part + 10)) 0 "\"10 $(sum $((2 * part)) $((2 * part + 10))) true\"" "with their values"

# ---- with deliveries under way behind the one that asks ----

for at in 1 2 3 4 5 6 7 8; do
  begin "call$at" vat call archive rewrite $((4 * part)) $((5 * part)) 7 "$at"
done
wrong=0
for at in 1 2 3 4 5 6 7 8; do
  outcome "call$at"
  [ "$out" = true ] || wrong=$((wrong + 1))
done
is "$wrong" 0 "deliveries sent ahead while another asks for pages are all right"

# ---- the end ----

is "$(vat sql "select count(*) n from kv where key like 'storage.v%'" -o json | jq -r '.[0].n')" 1 "the account of its storage is a row"
[ -n "$nightly" ] || {
  says clear 0 "all entries are deleted in one crank"
  says walk 0 "$keys" 0 '"0 0 true"' "none is left"
}
vat stop >/dev/null
try vat fsck
is "$status" 0 "the database is whole"
vat start >/dev/null
vat terminate archive >/dev/null
until [ "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'ending.%'")" = 0 ]; do :; done
is "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'storage.%'")" 0 "the account goes with the vat"
finish
