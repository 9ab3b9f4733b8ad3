#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real vatd on a disk that becomes full, at 32 sizes: a tmpfs that is made smaller under it, and larger again. It
# refuses what it cannot write and says so, loses nothing that it has acknowledged, answers what only reads, and goes on
# by itself when there is room. Controls: a daemon that answers before the commit, and one that does not look for room.
case ${1:-} in
  '')
    for map in "" --map-root-user; do
      # shellcheck disable=SC2086
      unshare $map --mount true 2>/dev/null && exec unshare $map --mount "$0" inside
    done
    echo "ok 1 - a full disk # SKIP mount namespace"
    exit 0 ;;
esac
. "$(dirname "$0")/../scenario/lib/scenario.bash"

AMPLE=400m
SIZES=${SIZES:-32}
ROUND_LIMIT=40 # increments until the disk must be full

# programs NAME VATD: a directory of copies with that daemon; a build meanwhile does no harm.
programs() {
  mkdir "$WORK/$1"
  cp "$BUILD"/{vat,vat-worker,vat-worker.snapshot,vat-boot.js,vat-supervisor.js} "$WORK/$1"
  cp "$2" "$WORK/$1/vatd"
  BIN=$WORK/$1
}

# A fresh disk with a home on it, and the vat.
new_disk() {
  mkdir -p "$WORK/disk$1"
  mount -t tmpfs -o "size=$AMPLE" tmpfs "$WORK/disk$1" || exit 1
  DISK=$WORK/disk$1
  export VATD_HOME=$DISK/home
  acknowledged=0
  try vat run "$ROOT/tests/crash/vats/hoard.js" --name hoard
  is "$status" 0 "$1: the vat is launched"
}

resize() {
  mount -o "remount,size=$1" "$DISK"
}

used() {
  echo $(($(stat -f -c '(%b - %f) * %S' "$DISK")))
}

# increment_until_refused SIZE: of the text that each one keeps. The log is used again and again, so that what goes into
# it takes no room: large texts follow, which the database has to grow for.
increment_until_refused() {
  local i
  for ((i = 0; i < ROUND_LIMIT; i++)); do
    try vat call hoard increment $((i < 8 ? $1 : 400000))
    [ "$status" -eq 0 ] || return
    acknowledged=$out
  done
}

# fill BYTES: leaves the daemon full, having had so many bytes of room; $refused is what it said.
fill() {
  resize $(($(used) + $1))
  increment_until_refused $(($1 / 8))
  refused=$err
}

# What is stored must be what was acknowledged; one more only if the refusal did not say that nothing was done.
stored_as_acknowledged() {
  count=$(vat call hoard read)
  [ "$count" = "$acknowledged" ] ||
    { [ "$count" = $((acknowledged + 1)) ] && case $refused in *"was begun"*) true ;; *) false ;; esac; }
}

round() {
  local bytes=$1 pid
  pid=$(daemon_pid)
  fill "$bytes"
  has "$refused" "no room on the disk" "$bytes bytes of room: increment $((acknowledged + 1)) is refused"
  try vat status
  has "$out" "disk      full" "$bytes: the status is answered and says it"
  has "$(sql "SELECT count(*) FROM v_vat")" 1 "$bytes: what only reads is answered"
  fails "$bytes: what writes is refused" 1 "no room on the disk" vat call hoard read
  resize "$AMPLE"
  stored_as_acknowledged
  verdict $? "$bytes: with room again, what was acknowledged is there, and no more" "stored $count, acknowledged $acknowledged, $refused"
  acknowledged=$count
  says "$bytes: it goes on" $((acknowledged + 1)) vat call hoard increment 1
  acknowledged=$((acknowledged + 1))
  is "$(daemon_pid)" "$pid" "$bytes: the daemon is the same"
}

# The sizes grow from 64 KiB to 8 MiB by equal factors.
size_of() {
  awk -v i="$1" -v n="$SIZES" 'BEGIN { printf "%d", 65536 * 128 ^ (i / (n - 1)) }'
}

try_all_sizes() {
  for ((i = 0; i < SIZES; i++)); do
    round "$(size_of "$i")"
  done
  is "$(grep -c 'disk full' "$VATD_HOME/vatd.log")" "$SIZES" "the log says it once for each time"
}

# It ends in order while the disk is full, or is killed; either way it starts again and has what it had.
end_while_full() {
  fill 300000
  "$@"
  try vat status
  resize "$AMPLE"
  stored_as_acknowledged
  verdict $? "after the end ($*) on a full disk everything is there" "stored $count, acknowledged $acknowledged, $refused"
  acknowledged=$count
}

# find_out NAME VATD: this daemon must lose what it acknowledged, or die of the full disk.
find_out() {
  programs "$1" "$2"
  new_disk "$1"
  for ((i = 0; i < 8; i++)); do
    fill "$(size_of "$i")" 2>/dev/null
    found=died
    daemon_pid >/dev/null || break
    resize "$AMPLE"
    found=lost
    stored_as_acknowledged || break
    found=nothing
    acknowledged=$count
  done
  kill_daemon 2>/dev/null
  is "$found" "$3" "the control, $1, is found out"
}

programs good "$BUILD/vatd"
new_disk good
try_all_sizes
end_while_full vat stop
end_while_full kill_daemon
vat call hoard read >/dev/null
full=$(grep -c 'disk full' "$VATD_HOME/vatd.log")
resize $(($(used) + 400000))
vat stop >/dev/null
has "$(cat "$VATD_HOME/vatd.log")" "does not hibernate: there is not enough room on the disk" "a heap is not what fills a disk"
is "$(grep -c 'disk full' "$VATD_HOME/vatd.log")" "$full" "and did not"
resize "$AMPLE"
is "$(ls "$VATD_HOME" | grep -c -e -reserve -e -wal)" 0 "after an end in order there is neither a log nor a reserve"
find_out "an answer before the commit" "$BUILD/tests/vatd_unsafe" lost
find_out "no look for room" "$BUILD/tests/vatd_careless" died
umount -l "$WORK"/disk* 2>/dev/null
finish
