#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vats go on where they were: one at a time, in another kernel on the same database, with those that they work with, and with
# messages that are found in the stored queue.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

states() {
  vat ls -o json | jq -r '[.[] | .state] | join(" ")'
}

jq -n --arg file "$VATS/keeper.js" '{bootstrap: "ann", vats: {ann: {sourceSpec: $file}, ben: {sourceSpec: $file}, cat: {sourceSpec: $file}}}' \
  >"$WORK/three.json"

# ---- three vats, one at a time ----

vat run --config "$WORK/three.json" >/dev/null || exit 1
for vat in ann ben cat; do
  vat call $vat count >/dev/null
done
for vat in ann ben cat; do
  vat stop >/dev/null
  is "$(states)" "hibernated hibernated hibernated" "after a stop all three hibernate, $vat is to be resumed"
  says "$vat counts on" 2 vat call $vat count
  is "$(states | tr ' ' '\n' | grep -c running)" 1 "and nobody else has woken"
  is "$(vat call $vat bootstraps)" "$([ $vat = ann ] && echo 1 || echo 0)" "$vat was not bootstrapped again"
done
is "$(vat call ann count) $(vat call ben count) $(vat call cat count)" "3 3 3" "in the end all three have gone on"

# ---- a coordinator and its two workers ----

vat call ann keep one ko2 >/dev/null
vat call ann keep two ko3 >/dev/null
says "a coordinator reaches its two workers" "[4, 4]" vat call ann countKept '["one","two"]'
kill_daemon
says "and after a kill -9 of the daemon, through its storage" "[5, 5]" vat call ann countKept '["one","two"]'
is "$(states)" "running running running" "which has woken all three"
vat restart ben >/dev/null
says "when one worker was restarted" "[6, 6]" vat call ann countKept '["one","two"]'
vat restart ann >/dev/null
says "and when the coordinator was" "[7, 7]" vat call ann countKept '["one","two"]'
vat terminate cat >/dev/null
fails "when one worker is gone it is told" 1 "[KERNEL:OBJECT_DELETED]" vat call ann countKept '["one","two"]'
says "and the other one works on" "[9]" vat call ann countKept '["one"]'

# ---- an object that its provider has forgotten ----

object=$(vat call ben makeEphemeral thing)
vat call ann keep gone "$object" >/dev/null
says "an object of the heap can be kept by another vat" '"thing greets Ada"' vat call ann useKept gone Ada
vat restart ben >/dev/null
fails "when its provider was restarted it is gone" 1 "[KERNEL:OBJECT_DELETED]" vat call ann useKept gone Ada
kill_daemon
fails "and after a kill -9 of the daemon too" 1 "[KERNEL:OBJECT_DELETED]" vat call ann useKept gone Ada
is "$(sql "SELECT count(*) FROM v_clist WHERE kref = '$object' AND vat = 'v1'")" 1 "who keeps it still has the reference"
vat call ann letGo gone >/dev/null
rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"releaseObject\", \"params\": [\"$object\"]}" >/dev/null # the host was given it too
is_forgotten() {
  [ "$(sql "SELECT count(*) FROM kv WHERE key LIKE '$object.%' OR key LIKE 'v%.c.$object'")" = 0 ]
}
vat gc
until_true is_forgotten
verdict $? "and when that is let go and collected, nothing of it is left" "$(vat sql "SELECT * FROM v_clist WHERE kref = '$object'")"

# ---- another kernel on the same database ----

krefs=$(vat ls -o json | jq -c 'map([.id, .name, .root])')
vat stop >/dev/null
first=$VATD_HOME
new_home
mkdir -m 700 "$VATD_HOME"
cp "$first/vatd.sqlite" "$VATD_HOME/"
says "a kernel on a copy of the database has the same vats" "$krefs" bash -c '"$0" ls -o json | jq -c "map([.id, .name, .root])"' "$BIN/vat"
says "which go on from there" "[10]" vat call ann countKept '["one"]'
kill_daemon
copy=$VATD_HOME
export VATD_HOME=$first
says "and the first kernel's are where they were" "[10]" vat call ann countKept '["one"]'
kill_daemon
mv "$copy" "$copy-moved"
export VATD_HOME=$copy-moved
says "a home that was moved after a kill -9 goes on too" "[11]" vat call ann countKept '["one"]'

# ---- a message in the stored queue ----

if command -v sqlite3 >/dev/null; then
  new_home
  vat run --config "$WORK/three.json" >/dev/null || exit 1
  vat call ben count >/dev/null
  vat stop >/dev/null
  # Version 1 says that what another program wrote is to be trusted. As src/kernel/records.h has it: the item, the next slot to write, and the item's own reference to the target.
  sqlite3 "$VATD_HOME/vatd.sqlite" "
    PRAGMA user_version = 1;
    INSERT INTO kv SELECT 'queue.run.' || value, '{\"type\":\"send\",\"target\":\"ko2\",\"message\":{\"methargs\":{\"body\":\"#[\\\"count\\\",[]]\",\"slots\":[]}}}'
      FROM kv WHERE key = 'queue.run.head';
    UPDATE kv SET value = value + 1 WHERE key = 'queue.run.head';
    UPDATE kv SET value = (substr(value, 1, instr(value, ',') - 1) + 1) || ',' || (substr(value, instr(value, ',') + 1) + 1) WHERE key = 'ko2.refCount'"
  counts=$(sqlite3 "$VATD_HOME/vatd.sqlite" "SELECT value FROM kv WHERE key = 'ko2.refCount'")
  says "a message that is found in the stored queue has been delivered before the next one" 3 vat call ben count
  is "$(sql "SELECT count(*) FROM v_queue")" 0 "and is in the queue no more"
  isnt "$(sql "SELECT value FROM kv WHERE key = 'ko2.refCount'")" "$counts" "nor counted"
  says "and once" 4 vat call ben count
else
  echo "ok $((++number)) - a message that is found in the stored queue # SKIP sqlite3 is not installed"
fi
finish
