# SPDX-License-Identifier: Apache-2.0
# What the scenarios share. A scenario sources this file, runs the real `vat` of $BUILD (default build/release) against
# daemons of its own, says "ok" or "not ok" for each sentence, and ends with `finish`.
#
# Nothing here waits for a time to pass: a call answers when its effects are durable, and whatever else has to be waited
# for is asked for until it is so. The time limit around each command is a net, not a measure.
set -u

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build/release}" && pwd) || exit 1
VATS=$ROOT/tests/scenario/vats
WORK=$(mktemp -d "${TMPDIR:-/tmp}/vatd-scenario.XXXXXX")
export VATD_HOME=$WORK/home1
BIN=$BUILD # where vat and vatd are run from
homes=1
number=0
failures=0
out='' err='' status=0 # of the last try

# ---- daemons ----

# Waits for the end of a process that is not ours to wait for; a zombie has ended.
wait_gone() {
  while [ -e "/proc/$1" ] && ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null; do
    sleep 0.01
  done
}

# The pid of a home's daemon, as long as it runs: a pid file may be older than its process.
daemon_pid() {
  local home=${1:-$VATD_HOME} pid
  pid=$(cat "$home/vatd.pid" 2>/dev/null) || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$home" || return 1
  echo "$pid"
}

# kill -9 of the daemon, and back when it is gone.
kill_daemon() {
  local pid
  pid=$(daemon_pid "$@") || { echo "# there is no daemon to kill" >&2; return 1; }
  kill -9 "$pid"
  wait_gone "$pid"
}

# A fresh home; the daemon of the old one ends.
new_home() {
  kill_daemon 2>/dev/null
  homes=$((homes + 1))
  export VATD_HOME=$WORK/home$homes
}

leave() {
  local home
  for home in "$WORK"/*/; do
    kill_daemon "${home%/}" 2>/dev/null
  done
  if [ "$failures" -eq 0 ]; then
    rm -rf "$WORK"
  else
    echo "# left for inspection: $WORK" >&2
  fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- running ----

vat() {
  timeout 120 "$BIN/vat" "$@"
}

# try COMMAND...: leaves what it wrote in $out and $err and how it ended in $status.
try() {
  out=$("$@" 2>"$WORK/err")
  status=$?
  err=$(cat "$WORK/err")
}

# begin NAME COMMAND...: in the background, for calls whose answer has to wait. outcome NAME takes what try takes.
declare -A begun=()
begin() {
  local name=$1
  shift
  : >"$WORK/$name.out"
  "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" &
  begun[$name]=$!
}

outcome() {
  wait "${begun[$1]}"
  status=$?
  out=$(cat "$WORK/$1.out")
  err=$(cat "$WORK/$1.err")
}

# rpc REQUEST...: sends lines as they are to the daemon's socket and prints the answers' lines.
rpc() {
  printf '%s\n' "$@" | timeout 120 "$BUILD/tests/rpc_line" "$VATD_HOME/vatd.sock"
}

# One text from the database.
sql() {
  vat sql "$1" -o json | jq -r 'map([.[]] | map(tostring) | join(" ")) | .[]'
}

# state_of VAT: asleep, running, …
state_of() {
  vat show "$1" -o json | jq -r .state
}

root_of() {
  vat show "$1" -o json | jq -r .root
}

# log_of VAT: the texts that the vat has logged itself. Lines are durable when the call that made them has been answered.
log_of() {
  vat log -n 1000 -o json | jq -r --arg vat "$1" 'select(.name == $vat and .level != "kernel") | .text'
}

# Whether the programs were built with sanitizers, which makes them slow: loads are smaller then.
sanitized() {
  grep -q '^VATD_SANITIZE:BOOL=ON' "$BUILD/CMakeCache.txt"
}

# collect_garbage VAT...: until nothing more can be collected: what one vat lets go of may be what held something of the
# next. A call comes behind the collection that was asked for before it. The vats have a method `rest`.
collect_garbage() {
  local vat
  for _ in 1 2 3; do
    vat gc
    for vat in "$@"; do
      vat call "$vat" rest >/dev/null
    done
  done
}

# ---- saying ----

# verdict STATUS SENTENCE DIAGNOSTICS
verdict() {
  number=$((number + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $number - $2"
  else
    failures=$((failures + 1))
    echo "not ok $number - $2"
    printf '%s\n' "$3" | head -c 3000 | sed 's/^/#   /'
  fi
}

# is GOT EXPECTED SENTENCE
is() {
  [ "$1" = "$2" ]
  verdict $? "$3" "expected: $2
got:      $1"
}

isnt() {
  [ "$1" != "$2" ]
  verdict $? "$3" "not expected: $2"
}

# has TEXT PART SENTENCE
has() {
  case $1 in *"$2"*) true ;; *) false ;; esac
  verdict $? "$3" "expected in it: $2
got:            $1"
}

hasnt() {
  case $1 in *"$2"*) false ;; *) true ;; esac
  verdict $? "$3" "not expected in it: $2
got:                $1"
}

# says SENTENCE EXPECTED COMMAND...: it succeeds with exactly this output and no complaint.
says() {
  local sentence=$1 expected=$2
  shift 2
  try "$@"
  [ "$status" -eq 0 ] && [ "$out" = "$expected" ] && [ -z "$err" ]
  verdict $? "$sentence" "command:  $*
expected: $expected
got:      $out
complaint: $err (exit status $status)"
}

# fails SENTENCE STATUS PART COMMAND...: it ends with this exit status, complains with this part, and prints nothing.
fails() {
  local sentence=$1 expected=$2 part=$3
  shift 3
  try "$@"
  [ "$status" -eq "$expected" ] && [ -z "$out" ] && case $err in *"$part"*) true ;; *) false ;; esac
  verdict $? "$sentence" "command:  $*
expected: exit status $expected, $part
got:      exit status $status, $err
output:   $out"
}

# until_true COMMAND...: asks until it is so, for what no answer announces.
until_true() {
  local tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 1500 ]; then
      verdict 1 "what was waited for came: $*" "it did not"
      return 1
    fi
    sleep 0.01
  done
}

finish() {
  echo "1..$number"
  [ "$failures" -eq 0 ]
  exit
}
