#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real vatd whose disk fails at one call (tests/faults/fault_preload.c): it ends with status 70 and says why, the call
# that was under way is not answered, and the next start has every increment that was, and at most one more. Only a lack of
# room that shows before the commit is lived through.
. "$(dirname "$0")/../scenario/lib/scenario.bash"

BIN=$WORK/bin # copies, so that a build meanwhile does no harm
mkdir "$BIN"
cp "$BUILD"/{vat,vatd,vat-worker,vat-worker.snapshot,vat-boot.js,vat-supervisor.js} "$BIN"
LIMIT=200 # of increments until the fault must have struck

# Starts a daemon whose CALL fails the NTH time with ERRNO; what it says, and its end, come from descriptor 9.
start_failing() {
  rm -f "$WORK/mark"
  exec 9< <(
    export VATD_FAULT_CALL=$1 VATD_FAULT_NTH=$2 VATD_FAULT_ERROR=$3 VATD_FAULT_MARK=$WORK/mark
    LD_PRELOAD=$BUILD/tests/fault_preload.so "$BIN/vatd" --home "$VATD_HOME" 2>&1
    echo "status $?"
  )
  read -r said <&9
}

# Increments until one fails; leaves the last answer in $acknowledged, and in $late whether one came after the fault.
increment_until_it_fails() {
  late=no
  for ((i = 0; i < LIMIT; i++)); do
    try vat call counter increment
    [ "$status" -eq 0 ] || return
    acknowledged=$out
    [ ! -e "$WORK/mark" ] || late=yes
  done
}

# check CALL NTH ERRNO
check() {
  local name="$1 $2 failing with error $3"
  start_failing "$@"
  increment_until_it_fails
  said="$said $(tr '\n' ' ' <&9)"
  is "$late $([ -e "$WORK/mark" ] && echo struck)" "no struck" "$name: nothing is answered after it"
  case $said in
    *"listening on"*"storage: "*"(IN_DOUBT)"*"status 70 "*) found=70 ;;
    *) found=$said ;;
  esac
  is "$found" 70 "$name: vatd says that its storage is in doubt and ends with status 70"
  count=$(vat call counter read)
  is "$((count == acknowledged || count == acknowledged + 1))" 1 \
    "$name: afterwards there are $count increments, $acknowledged were acknowledged"
  acknowledged=$count
  vat stop >/dev/null 2>&1
}

# check_room NTH: one write finds no room. Before its COMMIT the call is refused and the daemon goes on; which write is
# the COMMIT's own hangs on how the calls fell into batches, and in that one everything is in doubt, as with any error.
went_on=0
check_room() {
  local before name="write $1 finding no room"
  before=$acknowledged
  start_failing pwrite "$1" 28
  increment_until_it_fails
  is "$late $([ -e "$WORK/mark" ] && echo struck)" "no struck" "$name: nothing is answered after it"
  case $err in *"no room on the disk"*) went_on=$((went_on + 1)) ;; esac
  refused=$err
  count=$(vat call counter read)
  is "$((acknowledged >= before && (count == acknowledged || count == acknowledged + 1)))" 1 \
    "$name: afterwards there are $count increments, $acknowledged were acknowledged"
  acknowledged=$count
  vat stop >/dev/null 2>&1
  said=$(tr '
' ' ' <&9)
  case $refused--$said in
    *"no room on the disk"*--*"status 0 "*) found=right ;;
    *--*"(IN_DOUBT)"*"status 70 "*) found=right ;;
    *) found="$refused $said" ;;
  esac
  is "$found" right "$name: it is refused and the daemon goes on, or it is in doubt"
}

try vat run "$ROOT/examples/counter.js" --name counter
is "$status" 0 "the counter is launched"
acknowledged=0
vat stop >/dev/null 2>&1
for nth in 5 6 7 10 21; do
  check fsync "$nth" 5
done
for nth in 12 13 14 15 16 40; do
  check pwrite "$nth" 5
done
for nth in 26 27 28 29 30 31; do
  check_room "$nth"
done
is "$((went_on > 0))" 1 "$went_on of them went on"
finish
