#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What stays and what goes when a vat's worker ends, for each way it can end. `keeper` is the vat it happens to; `friend`
# holds the other ends. When the daemon is killed it happens to both.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

worker_of() {
  vat show "$1" -o json | jq -r '.pid // "none"'
}

# The c-list's word on an object: "vref reachable", or nothing.
clist() {
  sql "SELECT vref, reachable FROM v_clist WHERE vat = '$1' AND kref = '$2'"
}

# promise VAT NAME: a promise that VAT decides, as a kref.
promise() {
  vat call "$1" make "$2" -o json | jq -r .promise
}

promise_says() {
  sql "SELECT state, value FROM v_promise WHERE kref = '$1'"
}

subscribed() {
  sql "SELECT subscribers FROM v_promise WHERE kref = '$1'"
}

is_subscribed() {
  [ "$(subscribed "$1")" = "$2" ]
}

decides() { # VAT COUNT
  sql "SELECT count(*) FROM v_promise WHERE decider = '$1'" | grep -qx "$2"
}

queued() {
  sql "SELECT count(*) FROM v_queue WHERE queue = 'run'" | grep -qx "$1"
}

put_aside() { # for a suspended vat
  sql "SELECT count(*) FROM v_queue WHERE queue GLOB 'v*'" | grep -qx "$1"
}

is_busy() { # with the first message of the queue
  [ "$(state_of "$1" 2>/dev/null)" = running ] && queued 1
}

all_run() {
  [ "$(vat ls -o json | jq -c '[.[] | .state] | unique')" = '["running"]' ]
}

in_state() {
  [ "$(state_of "$1")" = "$2" ]
}

# ---- the ends of a worker ----

end_daemon() {
  kill_daemon
}

end_kill() {
  vat kill keeper >/dev/null
}

end_restart() {
  vat restart keeper >/dev/null
}

end_signal() { # as the system would, when memory runs out
  local pid
  pid=$(worker_of keeper)
  kill -9 "$pid"
  wait_gone "$pid"
}

end_stack() {
  fails "$end: a message that overflows the stack is rejected" 1 "[KERNEL:LIMIT_EXCEEDED]" vat call keeper overflow
}

end_loop() {
  fails "$end: a message that never ends is rejected" 1 "[KERNEL:LIMIT_EXCEEDED]" vat call keeper loop
}

declare -A title=([daemon]="kill -9 of the daemon" [kill]="vat kill" [restart]="vat restart" [signal]="a worker killed by a signal"
  [stack]="a stack overflow" [loop]="an endless loop")

launch() {
  new_home
  if [ "$1" = loop ]; then
    timeout 120 "$BUILD/vatd" --detach --home "$VATD_HOME" --deadline 5000
  fi
  vat run --config "$VATS/keepers.json" >/dev/null || exit 1
}

# ---- what stays and what goes ----

what_stays() {
  local end=${title[$1]} before durable ephemeral own held kept heap weak kept_row
  launch "$1"
  vat call keeper count >/dev/null
  durable=$(vat call keeper makeDurable thing)
  vat call "$durable" set 5 >/dev/null
  ephemeral=$(vat call keeper makeEphemeral thing)
  vat call friend keep ephemeral "$durable" >/dev/null # somebody holds it
  own=$(promise keeper own)
  begin waiting vat call friend wait "$own"
  until_true is_subscribed "$own" '["v2"]'
  begin answer vat call keeper answerLater never
  until_true decides v1 2
  kept=$(vat call friend makeDurable kept)
  heap=$(vat call friend makeDurable heap)
  weak=$(vat call friend makeDurable weak)
  vat call keeper keep kept "$kept" >/dev/null
  vat call keeper keepInHeap "$heap" >/dev/null
  vat call keeper keepWeakly "$weak" >/dev/null
  kept_row=$(clist v1 "$kept")
  is "$(clist v1 "$heap" | cut -d' ' -f2) $(clist v1 "$weak" | cut -d' ' -f2)" "1 1" "$end: before it, all imports are reachable"
  held=$(vat show keeper -o json | jq -c '[.id, .name, .root, .subcluster, .bundle]')
  before=$(vat sql "SELECT key FROM kv_vatstore WHERE vatID = 'v1' AND key LIKE 'vom.%'")

  "end_$1"

  is "$(vat show keeper -o json | jq -c '[.id, .name, .root, .subcluster, .bundle]')" "$held" \
    "$end: the vat has the same id, name, root and bundle"
  is "$(vat call keeper count) $(vat call keeper starts) $(vat call keeper bootstraps)" "2 2 1" \
    "$end: the storage stays, buildRootObject runs again, bootstrap does not"
  is "$(vat sql "SELECT key FROM kv_vatstore WHERE vatID = 'v1' AND key LIKE 'vom.%'")" "$before" \
    "$end: its durable objects are the same rows as before"
  says "$end: a durable object answers with what it kept" 5 vat call "$durable" get
  fails "$end: an ephemeral object is gone" 1 "[KERNEL:OBJECT_DELETED]" vat call "$ephemeral" greet Ada
  outcome answer
  if [ "$1" = daemon ]; then
    has "$err" "may or may not have been done" "$end: a call that waited is told that it lost the daemon"
  else
    is "$status $err" "1 Error: [KERNEL:VAT_RESTARTED] v1" "$end: an answer that the vat owed is rejected"
  fi
  outcome waiting
  [ "$1" = daemon ] || has "$err" "[KERNEL:VAT_RESTARTED]" "$end: who waits for a promise of the vat is told"
  has "$(promise_says "$own")" "rejected" "$end: a promise that the vat had to decide is rejected"
  has "$(promise_says "$own")" "[KERNEL:VAT_RESTARTED]" "$end: and says why"
  is "$(clist v1 "$kept")" "$kept_row" "$end: an import in the storage has the same reference as before"
  says "$end: and can be used" '"kept greets Ada"' vat call keeper useKept kept Ada
  is "$(clist v1 "$heap")" "" "$end: an import that was in the heap only is dropped"
  is "$(clist v1 "$weak" | cut -d' ' -f2)" 0 "$end: the key of a weak collection is recognizable only"
  says "$end: and is recognized" true vat call keeper isWeaklyKept "$weak"
  is "$(sql "SELECT live FROM v_vat WHERE id = 'v1'")" 1 "$end: the new incarnation is on record"
}

# ---- watched promises ----

what_is_watched() {
  local end=${title[$1]} other own looked
  launch "$1"
  other=$(promise friend other)
  looked=$(promise friend looked)
  vat call keeper watch other "$other" >/dev/null
  vat call keeper look "$looked" >/dev/null
  vat call keeper watchOwn own >/dev/null
  vat call keeper watchAnswer answer ko2 answer >/dev/null
  is "$(subscribed "$other") $(subscribed "$looked")" '["v1"] ["v1"]' "$end: before it, the vat waits for both"

  "end_$1"

  if [ "$1" = daemon ]; then
    has "$(vat call keeper seen)" "other: rejected [KERNEL:VAT_RESTARTED] v2" \
      "$end: a watched promise of a vat that restarted too is reported as rejected"
    has "$(vat call keeper seen)" "answer: rejected [KERNEL:VAT_RESTARTED] v2" "$end: a watched answer too"
  else
    is "$(subscribed "$other")" '["v1"]' "$end: the vat still waits for what it watches"
    is "$(subscribed "$looked")" '[]' "$end: and no longer for what only its heap knew"
    vat call friend fulfil other '"came"' >/dev/null
    vat call friend fulfil looked '"came"' >/dev/null
    vat call friend fulfil answer '"answered"' >/dev/null
    has "$(vat call keeper seen)" 'other: came' "$end: a watched promise of another vat is reported when it settles"
    has "$(vat call keeper seen)" 'answer: answered' "$end: a watched answer of another vat is reported too"
    hasnt "$(vat call keeper seen)" 'looked' "$end: what was not watched is not reported"
  fi
  has "$(vat call keeper seen)" 'own: rejected [KERNEL:VAT_RESTARTED] v1' \
    "$end: a watched promise of the vat itself is reported as rejected"
  is "$(sql "SELECT count(*) FROM kv_vatstore WHERE vatID = 'v1' AND key LIKE 'vc.3.sp%'")" 0 \
    "$end: nothing is watched any more"
}

# ---- messages under way ----

# The worker is stopped, so that all of it surely happens while a message is with the worker and others wait.
what_was_queued() {
  local end=${title[$1]} pid answers="" id ephemeral
  launch "$1"
  vat call keeper count >/dev/null
  ephemeral=$(vat call keeper makeEphemeral thing)
  pid=$(worker_of keeper)
  kill -STOP "$pid"
  for id in 1 2 3 4; do
    begin "call$id" vat call keeper count --key "call$id"
    until_true queued "$id"
  done
  begin lost vat call "$ephemeral" greet Ada --key lost
  until_true queued 5

  "end_$1"
  kill -9 "$pid" 2>/dev/null

  for id in 1 2 3 4; do
    outcome "call$id"
    answers="$answers$out$err "
  done
  is "$answers" "2 3 4 5 " "$end: messages under way are delivered once each, in order"
  outcome lost
  has "$err" "[KERNEL:OBJECT_DELETED]" "$end: but a message under way to an ephemeral object finds nobody"
  queued 0
  verdict $? "$end: then the queue is empty" "$(vat sql 'SELECT * FROM v_queue')"
}

for way in daemon kill restart signal; do
  what_stays "$way"
  what_is_watched "$way"
  what_was_queued "$way"
done
what_stays stack
what_is_watched stack
what_stays loop # ends as a stack overflow does, and takes its time

# ---- limits: the message that went too far is gone, those behind it are not ----

launch stack
worker=$(worker_of keeper)
kill -STOP "$worker"
begin over vat call keeper overflow
until_true queued 1
begin after vat call keeper count
until_true queued 2
kill -CONT "$worker"
outcome over
has "$err" "[KERNEL:LIMIT_EXCEEDED]" "the message that exceeded a limit is rejected"
outcome after
is "$out" 1 "what it had changed is undone, and the message behind it is delivered"
for _ in 1 2 3; do
  vat call keeper overflow 2>/dev/null
done
is "$(state_of keeper)" suspended "a vat that exceeds a limit three times in a row is suspended"
has "$(vat ls)" "stack limit" "vat ls says why"
begin parked vat call keeper count
until_true put_aside 1
kill_daemon
is "$(state_of keeper)" suspended "it stays suspended when the daemon is killed"
vat restart keeper >/dev/null
is "$(state_of keeper)" running "vat restart lets it run again"
outcome parked
says "the message that waited for it was delivered" 3 vat call keeper count

# ---- a start that fails ----

new_home
vat run "$VATS/fragile.js" >/dev/null
vat call fragile break >/dev/null
vat kill fragile >/dev/null
begin waiting vat call fragile hello
until_true in_state fragile suspended
verdict $? "a vat that cannot start again is suspended" "$(vat ls)"
has "$(vat show fragile -o json | jq -r .cause)" "TypeError: broken since" "with the cause"
fails "vat ping says so" 1 "suspended: TypeError: broken since" vat ping fragile
is "$(vat log -o json | jq -r 'select(.name == "fragile" and .level == "kernel") | .text' | grep -c '^start failed')" 2 \
  "it was tried twice"
is "$(vat store fragile --prefix vc.1.stried)" "" "the starts that failed have changed nothing"
is "$(sql "SELECT method FROM v_queue")" hello "its messages wait"
fails "vat restart says that it does not start" 1 "broken since" vat restart fragile
kill_daemon
is "$(state_of fragile)" suspended "it stays suspended when the daemon is killed"
outcome waiting

# ---- laziness ----

launch lazy
is "$(sql "SELECT id, live FROM v_vat" | tr '\n' ' ')" "v1 1 v2 1 " "vats that run have an incarnation on record"
kill_daemon
is "$(vat ls -o json | jq -c '[.[] | .state, .pid]')" '["asleep",null,"asleep",null]' "after a start of the daemon no worker runs"
is "$(sql "SELECT id, live FROM v_vat" | tr '\n' ' ')" "v1 0 v2 0 " "and the incarnations that were cut off are recorded as over"
has "$(vat call friend starts)" 2 "the first call starts a worker"
is "$(vat ls -o json | jq -c '[.[] | .state]')" '["asleep","running"]' "but only that of the vat called"
isnt "$(worker_of friend)" none "which has a process"
has "$(tr '\0' ' ' <"/proc/$(worker_of friend)/cmdline")" vat-worker "which is a vat-worker"
vat kill friend >/dev/null
until_true in_state friend asleep
verdict $? "a killed vat is asleep" "$(vat ls)"
vat stop >/dev/null
says "after a stop in order nothing is lost either" 3 vat call friend starts
is "$(state_of keeper)" asleep "and who was not called sleeps"
kill_daemon
timeout 120 "$BUILD/vatd" --detach --eager --home "$VATD_HOME"
until_true all_run
is "$(vat call keeper starts) $(vat call friend starts)" "2 4" "vatd --eager starts them all"

# ---- workers and their daemon ----

timeout 120 "$BUILD/vat" stop >/dev/null
begin loop vat call keeper loop
until_true is_busy keeper
worker=$(worker_of keeper)
kill_daemon
wait_gone "$worker"
verdict 0 "a worker in an endless loop ends with its daemon"
outcome loop
timeout 120 "$BUILD/vatd" --detach --home "$VATD_HOME" --deadline 5000
says "the endless message is found again, given up, and the vat goes on" 1 vat call keeper count

# ---- the source ----

new_home
mkdir "$WORK/source"
cp "$VATS/keeper.js" "$WORK/source/gone.js"
ln -s "$ROOT/node_modules" "$WORK/source/node_modules"
vat run "$WORK/source/gone.js" >/dev/null
rm -r "$WORK/source"
kill_daemon
says "a vat's source may disappear after its launch" 2 vat call gone starts
finish
