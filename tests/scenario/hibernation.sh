#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vats hibernate: what is only in their heap outlives a planned end of vatd, and the end of their workers when there are too many.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

jq -n --arg file "$VATS/dreamer.js" '{bootstrap: "ann", vats: {
  ann: {sourceSpec: $file, globals: ["setTimeout"]}, ben: {sourceSpec: $file}}}' >"$WORK/dreamers.json"

states() {
  vat ls -o json | jq -r '[.[] | .state] | join(" ")'
}

# answers VAT METHOD ANSWER
answers() {
  [ "$(vat call "$1" "$2")" = "$3" ]
}

is_running() {
  [ "$(state_of "$1")" = running ]
}

one_hibernates() {
  [ "$(states | tr ' ' '\n' | grep -c hibernated)" = 1 ]
}

launch() {
  vat run --config "$WORK/dreamers.json" >/dev/null || exit 1
}

# The daemon, told to end in order by a signal.
end_in_order() {
  local pid
  pid=$(daemon_pid)
  kill -TERM "$pid"
  wait_gone "$pid"
}

# ---- a planned end loses nothing ----

launch
vat call ann increment >/dev/null
vat call ann step >/dev/null
cell=$(vat call ann makeCell '"mine"')
vat call ann alarm 1 >/dev/null
vat call ann keepAsking "$(root_of ben)" question >/dev/null # ben has not answered yet
is "$(vat call ann heard)" '"nothing"' "ann waits for an answer of ben's"
says "vatd stops" "vatd has stopped" vat stop
is "$(states)" "hibernated hibernated" "after a stop all vats hibernate"
[ "$(vat show ann -o json | jq .imageBytes)" -gt 10000 ]
verdict $? "vat show says what a stored heap takes" "$(vat show ann -o json)"
says "a counter in the heap goes on" 2 vat call ann increment
is "$(states)" "running hibernated" "and only the vat that was called has woken"
is "$(vat status | grep ^vats)" "vats      2 (1 running, 1 hibernated)" "vat status counts both"
is "$(vat show ann -o json | jq .imageBytes)" 0 "whose heap is not stored any more"
says "so does a generator" 2 vat call ann step
says "an object of the heap is still there" '"mine"' vat call "$cell" read
vat call ben give question '"forty-two"' >/dev/null
until_true answers ann heard '"forty-two"'
is "$(vat call ann heard)" '"forty-two"' "an answer that a vat waited for reaches an async function that stood still"
until_true answers ann rings 1
is "$(vat call ann rings)" 1 "a timer that ran rings"
end_in_order
says "a signal ends vatd in order too" 3 vat call ann increment
is "$(log_of ann)" "" "and no vat has anything to complain of"
says "nothing is wrong with the database" "" sh -c "'$BIN/vat' stop >/dev/null && timeout 60 '$BIN/vat' fsck >/dev/null"

# ---- an image is the last state, or gone ----

kill_daemon 2>/dev/null
says "a vat that hibernates outlives kill -9" 4 vat call ann increment
vat stop >/dev/null
vat ls >/dev/null # a daemon that has woken nobody
kill_daemon
says "also of a daemon that has not woken it" 5 vat call ann increment
kill_daemon
says "one that is awake begins a new incarnation" 1 vat call ann increment
vat stop >/dev/null
vat restart ann >/dev/null
says "as it does when it is restarted" 1 vat call ann increment
is "$(sql "SELECT count(*) FROM kv WHERE key = 'image.v1'")" 0 "its image is gone"
is "$(sql "SELECT count(*) FROM kv WHERE key = 'image.v2'")" 1 "that of the other vat is not"
vat terminate ben >/dev/null
is "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'image%'")" 0 "it goes with the vat"
is "$(sql "SELECT count(*) FROM bundle")" 1 "and what it took in the database too"

# ---- images that are of no use ----

vat call ann increment >/dev/null
vat stop >/dev/null
hash=$(vat sql "SELECT json_extract(value, '\$.hash') AS hash FROM kv WHERE key = 'image.v1'" -o json | jq -r '.[0].hash')
vat stop >/dev/null
timeout 60 "$BUILD/tests/corrupt_store" --change "$VATD_HOME/vatd.sqlite" "!#$hash;#$hash=no image at all"
says "an image that is not what was stored is not used" 1 vat call ann increment
has "$(vat log -n 50)" "restarted: its heap could not be restored: the database does not hold it as it was stored" "and the log says so"

# ---- vats that are busy when vatd is to stop ----

begin long vat call ann count 3000000
until_true is_running ann
end_in_order
outcome long
says "a delivery that is under way is finished first" true vat call ann counted
begin endless vat call ann spin
until_true is_running ann
pid=$(daemon_pid)
kill -TERM "$pid"
until_true test ! -S "$VATD_HOME/vatd.sock"
kill -TERM "$pid"
wait_gone "$pid"
outcome endless
isnt "$status" 0 "a second signal does not wait for a vat that does not end"

# ---- in a program of one's own ----

vat bundle "$VATS/dreamer.js" -o "$WORK/dreamer.bundle" >/dev/null 2>&1
host() {
  printf '%s\n' "$@" | VATD_PROGRAMS=$BUILD timeout 120 "$BUILD/tests/scenario_host" | tail -n +2
}
launch_line="launch $(jq -nc --arg file "$WORK/dreamer.bundle" '{bootstrap: "ann", vats: {ann: {bundleSpec: $file}}}')"
host "open $WORK/own.sqlite" "$launch_line" >/dev/null
is "$(host "open $WORK/own.sqlite" 'send ann increment []' 'send ann increment []' idle rest | tail -2)" $'idle\nrested' \
  "a kernel with nothing to do lets its host sleep, and comes to rest"
is "$(host "open $WORK/own.sqlite" 'send ann increment []' 'send ann increment []')" $'3\n4' "the next one goes on with the heap"
is "$(host "open $WORK/own.sqlite" 'send ann increment []')" 1 "which a host that only closes ends"

# ---- how much they may take ----

new_home
"$BUILD/vatd" --home "$VATD_HOME" --images 0 --detach
launch
vat call ann increment >/dev/null
vat stop >/dev/null
says "with --images 0 no vat hibernates" 1 vat call ann increment
fails "a size that is none is refused" 2 "--images needs a number of bytes" timeout 20 "$BUILD/vatd" --images lots
fails "nor is half of one" 2 "--images needs a number of bytes" timeout 20 "$BUILD/vatd" --images 5Q

# ---- too many workers ----

new_home
"$BUILD/vatd" --home "$VATD_HOME" --workers 1 --detach
launch
vat call ann increment >/dev/null
vat call ben increment >/dev/null
until_true one_hibernates
is "$(states | tr ' ' '\n' | grep -c hibernated)" 1 "when there are too many workers a vat that is not used hibernates"
is "$(vat call ann increment) $(vat call ben increment)" "2 2" "and both go on where they were"
finish
