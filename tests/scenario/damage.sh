#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A database that is not as vatd left it: noticed, named, and not gone on with; and what helps.
. "$(dirname "$0")/lib/scenario.bash"

file() { echo "$VATD_HOME/vatd.sqlite"; }

# Changes one byte at the place where the vat's storage says TEXT.
damage() {
  local at
  at=$(grep -abo "$1" "$(file)" | head -1 | cut -d: -f1)
  printf '\377' | dd of="$(file)" bs=1 seek="$at" conv=notrunc status=none
}

# refused TEXT NAME: a daemon does not start on the home, ends with 70 and says TEXT.
refused() {
  fails "$2" 70 "$1" timeout 120 "$BUILD/vatd" --home "$VATD_HOME"
}

vat run "$ROOT/examples/counter.js" --name counter >/dev/null || exit 1
says "the counter counts" 1 vat call counter increment
vat stop >/dev/null
cp "$(file)" "$WORK/at-one"

# ---- a changed byte ----

cp "$(file)" "$(file)-sums" "$WORK/"
damage vc.1.scount
exec 9< <(timeout 120 "$BUILD/vatd" --home "$VATD_HOME" 2>&1; echo "status $?")
read -r said <&9
has "$said" "listening on" "a daemon starts though a page that it does not need yet is damaged"
try vat call counter increment
isnt "$status" 0 "what needs the page is not answered"
said=$(tr '\n' ' ' <&9)
has "$said" "vatd.sqlite: page " "vatd names file and page"
has "$said" "is not as it was written" "and what is wrong"
has "$said" "status 70 " "and ends with status 70"
rm "$(file)-wal"
cp "$WORK"/vatd.sqlite* "$VATD_HOME/"

# ---- commits that are gone ----

for wanted in 2 3; do
  says "it counts on" "$wanted" vat call counter increment
done
kill_daemon
cp "$(file)-wal" "$WORK/log"
rm "$(file)-wal"
refused "lost committed batches" "a database without its log is refused"
cp "$WORK/log" "$(file)-wal"
says "with its log it goes on" 4 vat call counter increment
vat stop >/dev/null
cp "$WORK/at-one" "$(file)"
refused "not the one that was written last" "an older copy is refused"
has "$err" "if a copy was put back on purpose, remove" "and it is said how to have it taken"
rm "$(file)-sums"
says "without the sums of the newer one it is taken" 2 vat call counter increment
vat stop >/dev/null

# ---- others ----

rm "$(file)"
refused "vatd.sqlite-sums is there" "a database that was removed is not begun anew beside its sums"
cp "$WORK/at-one" "$(file)"
rm "$(file)-sums"
says "a copy alone is complete" 2 vat call counter increment
kill_daemon
if command -v sqlite3 >/dev/null; then
  is "$(sqlite3 "$(file)" "PRAGMA integrity_check; SELECT value FROM kv_vatstore WHERE key = 'vc.1.scount'" | tr '\n' ' ')" \
    'ok {"body":"#2","slots":[]} ' "sqlite3 can read it after a kill"
  says "and the daemon goes on after that" 3 vat call counter increment
  vat stop >/dev/null
  sqlite3 "$(file)" "UPDATE kv_vatstore SET value = replace(value, '#3', '#30') WHERE key = 'vc.1.scount'"
  try vat call counter increment
  isnt "$status" 0 "what another program has written is not believed"
  vat stop >/dev/null 2>&1
  sqlite3 "$(file)" "PRAGMA user_version = 1"
  says "until it is said that it is to be trusted" 31 vat call counter increment
else
  echo "ok $((++number)) - sqlite3 can read it after a kill # SKIP sqlite3 is not installed"
fi
finish
