#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `vat backup` while vats work, `vat restore` into another home. What a backup holds is a state that the kernel was in between the
# backup's begin and end, at a batch boundary: what was answered before is in it, nothing that was not sent yet is, and two vats that
# count the same agree. A copy of the database file alone is found out by the same check.
. "$(dirname "$0")/lib/scenario.bash"

sanitized && rounds=4 || rounds=6
burst=20

main=$VATD_HOME
other=$WORK/other

# note NAME NUMBER: in one go, for who reads it meanwhile.
note() {
  echo "$2" >"$WORK/$1.new" && mv "$WORK/$1.new" "$WORK/$1"
}

# Sends steps in bursts until it is told to end; says how many have been sent and how many were answered.
load() {
  local requests=() i
  for ((i = 0; i < burst; i++)); do
    requests+=("{\"jsonrpc\":\"2.0\",\"id\":$i,\"method\":\"queueMessage\",\"params\":[\"first\",\"step\",[]]}")
  done
  local count=$1
  while [ ! -e "$WORK/enough" ]; do
    note sent $((count + burst))
    [ "$(rpc "${requests[@]}" | grep -c '"result"')" -eq "$burst" ] || return 1
    count=$((count + burst))
    note answered "$count"
  done
}

# agrees HOME LEAST MOST: fsck has nothing to say of the home, its two vats agree, and their count is within. Prints what it found.
agrees() {
  local counts
  vat fsck --home "$1" || return 1
  counts=$(vat call --home "$1" first compare) || return 1
  vat stop --home "$1" >/dev/null
  echo "counts $counts, should be from $2 to $3"
  jq -e --argjson least "$2" --argjson most "$3" '.[0] == .[1] and .[0] >= $least and .[0] <= $most' <<<"$counts" >/dev/null
}

vat run --config "$VATS/chain.json" >/dev/null || exit 1
vat call first fill 3 >/dev/null || exit 1
vat call first wait >/dev/null

# ---- under load ----

note sent 0
note answered 0
begin load load 0
until [ "$(cat "$WORK/answered")" -ge "$burst" ]; do sleep 0.05; done # so that there is load
for ((round = 1; round <= rounds; round++)); do
  least=$(cat "$WORK/answered")
  try vat backup --force "$WORK/backup"
  most=$(cat "$WORK/sent")
  is "$status" 0 "backup $round is made while vats work"
  rm -rf "$other"
  try vat restore --home "$other" "$WORK/backup"
  is "$status" 0 "backup $round is restored"
  try agrees "$other" "$least" "$most"
  verdict $status "backup $round is of one moment: what was answered is in it, and the vats agree" "$out $err"
  [ "$round" -ne 1 ] || echo "# figure $(stat -c %s "$WORK/backup") bytes, count from $least to $most"
done
touch "$WORK/enough"
outcome load
is "$status" 0 "all steps under load were answered"
is "$(stat -c %a "$WORK/backup")" 600 "only its owner can read a backup"
is "$(find "$WORK" -name 'backup?*')" "" "nothing is left beside it"
answered=$(cat "$WORK/answered")
is "$(vat call first compare)" "[$answered, $answered]" "the vats that worked meanwhile have lost nothing"

# ---- the control: the database file without its log ----

found=0
for round in 1 2 3; do # at most one of them right after a checkpoint, which leaves nothing in the log
  vat call first step >/dev/null
  answered=$((answered + 1))
  rm -rf "$other"
  cp "$main/vatd.sqlite" "$WORK/plain"
  vat restore --home "$other" "$WORK/plain" >/dev/null 2>&1 && agrees "$other" "$answered" "$answered" >/dev/null 2>&1 || found=$((found + 1))
done
[ "$found" -ge 2 ]
verdict $? "copies of the file alone are found out" "$found of 3"

# ---- what is refused ----

sum=$(sha256sum "$WORK/backup")
fails "a file that is there is not replaced" 2 "say --force" vat backup "$WORK/backup"
is "$(sha256sum "$WORK/backup")" "$sum" "it is as it was"
fails "the database is no place for its backup" 2 "the database itself" vat backup --force "$main/vatd.sqlite"
fails "nor for what the daemon is asked" 1 "the database itself" \
  bash -c "printf '%s\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"backup\",\"params\":[\"$main/vatd.sqlite\",true]}' | '$BUILD/tests/rpc_line' '$main/vatd.sock' >&2; exit 1"
fails "nor is a directory that is not there" 3 "No such file" vat backup "$WORK/nowhere/backup"
fails "a daemon that runs is not restored under" 1 "stop it first" vat restore --force "$WORK/backup"
vat stop >/dev/null
fails "a database that is there is not replaced" 2 "say --force" vat restore "$WORK/backup"
cp "$WORK/backup" "$WORK/bad"
printf '\377' | dd of="$WORK/bad" bs=1 seek=14000 conv=notrunc status=none
fails "a damaged backup is not restored" 1 "page 4" vat restore --force "$WORK/bad"
fails "a database with its log beside it is no backup" 2 "has a log" bash -c "echo x >'$WORK/bad-wal'; '$BIN/vat' restore --force '$WORK/bad'"
says "the database is still there" "[$answered, $answered]" vat call first compare

# ---- an older state ----

kill_daemon # its log has what came last
says "an older state takes the place of a newer one, with --force" "restored; what was there is now $main/vatd.sqlite.before-restore" \
  vat restore --force "$WORK/backup"
try agrees "$main" "$least" "$most"
verdict $status "and is not taken for one that has lost commits" "$out $err"
fails "what is aside is not replaced by the next" 2 "is there already" vat restore --force "$WORK/backup"
mkdir -m 700 "$WORK/third"
for file in "$main"/vatd.sqlite.before-restore*; do
  mv "$file" "$WORK/third/vatd.sqlite${file#*.before-restore}"
done
# ---- a restore that died when the old database had got its second name ----

vat stop >/dev/null
ln "$main/vatd.sqlite" "$main/vatd.sqlite.before-restore"
fails "a restore that died half-way leaves a database that is refused" 1 "other names" vat ls
says "and is made whole by another one" "restored; what was there is now $main/vatd.sqlite.before-restore" vat restore --force "$WORK/backup"
try agrees "$main" "$least" "$most"
verdict $status "which gives what the backup has" "$out $err"
VATD_HOME=$WORK/third
says "what was put aside is whole, with its log" "[$answered, $answered]" vat call first compare
finish
