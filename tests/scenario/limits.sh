#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A vat that loops, hoards and floods (vats/villain.js) is stopped each time, the error says by which limit, and its neighbour
# answers meanwhile. How long the neighbour's answers take is printed, not judged.
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

LOOPS="statement recursion promises async getter proxy generator regexp sort bigint repeat json"
GLUTTONS="array strings buffers map closures depth promises symbols objects bytes"
deadline=1000
if sanitized; then
  LOOPS="statement promises repeat"
  GLUTTONS="array depth"
  deadline=4000
fi

cat >"$WORK/town.json" <<JSON
{
  "bootstrap": "neighbour",
  "vats": {
    "neighbour": { "sourceSpec": "$VATS/neighbour.js" },
    "villain": {
      "sourceSpec": "$VATS/villain.js",
      "limits": { "computrons": 60000000, "heapBytes": 67108864, "deadlineMs": $deadline, "syscalls": 150, "crankBytes": 8388608,
                  "crankObjects": 200, "crankPromises": 100, "queuedMessages": 200, "storageBytes": 200000, "storageKeys": 900,
                  "valueBytes": 20000 },
      "faults": { "strikes": 1000 }
    },
    "sloth": { "sourceSpec": "$VATS/villain.js", "limits": { "deadlineMs": $((5 * deadline)) } }
  }
}
JSON
vat run --config "$WORK/town.json" >/dev/null
neighbour=$(root_of neighbour)
daemon=$(daemon_pid)

memory_of() {
  sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

# The neighbour is called again and again until told to stop; each line is how long an answer took, in microseconds.
watch_neighbour() {
  : >"$WORK/times"
  while [ ! -e "$WORK/enough" ]; do
    local from=${EPOCHREALTIME/./}
    [ "$(vat call neighbour ping -o json 2>&1)" = '"pong"' ] || echo "no answer" >>"$WORK/missed"
    echo $((${EPOCHREALTIME/./} - from)) >>"$WORK/times"
  done
}

begin_watch() {
  rm -f "$WORK/enough" "$WORK/missed"
  watch_neighbour &
  watcher=$!
}

# end_watch WHAT: no call of the neighbour was missed meanwhile.
end_watch() {
  : >"$WORK/enough"
  wait "$watcher"
  sort -n "$WORK/times" >"$WORK/sorted"
  local count
  count=$(wc -l <"$WORK/sorted")
  [ ! -e "$WORK/missed" ] && [ "$count" -gt 0 ]
  verdict $? "the neighbour answered all the time: $1" "$(cat "$WORK/missed" 2>&1)"
  echo "# figure neighbour, $1: $count calls, median $(sed -n "$((count / 2 + 1))p" "$WORK/sorted") us, p99 $(sed -n "$((count * 99 / 100 + 1))p" "$WORK/sorted") us"
}

# stopped KIND PATTERN COMMAND...: the call fails by a limit whose error names it and the vat.
stopped() {
  local sentence=$1 pattern=$2
  shift 2
  try "$@"
  [ "$status" -ne 0 ] && [[ $err =~ LIMIT_EXCEEDED ]] && [[ $err =~ $pattern ]] && [[ $err =~ v[0-9] ]]
  verdict $? "$sentence" "expected: $pattern
got:      exit status $status: $out $err"
}

begin_watch
until [ -s "$WORK/times" ] && [ "$(wc -l <"$WORK/times")" -ge 100 ]; do sleep 0.05; done
end_watch "alone"
before=$(memory_of "$daemon")

begin_watch
for kind in $LOOPS; do
  stopped "an endless loop is stopped: $kind" 'limits\.computrons|limits\.deadlineMs|limits\.heapBytes|stack limit' vat call villain loop "$kind"
done
end_watch "while a vat loops"

begin_watch
for kind in $GLUTTONS; do
  stopped "a glutton is stopped: $kind" 'memory limit|stack limit|keys limit|limits\.computrons|limits\.deadlineMs' vat call villain eat "$kind"
done
end_watch "while a vat hoards memory"
echo "# figure the daemon's memory grew by $(($(memory_of "$daemon") - before)) KiB through $(echo $LOOPS $GLUTTONS | wc -w) misdeeds"

begin_watch
stopped "sends without end are stopped" 'limits\.|memory limit' vat call villain send "$neighbour"
stopped "megabytes without end are stopped" 'limits\.|memory limit' vat call villain sendBytes "$neighbour"
stopped "too many system calls are refused" 'limits\.syscalls of v2 is 150, and this crank has [0-9]+' vat call villain sendSome "$neighbour" 120
stopped "too many new objects are refused" 'limits\.crankObjects of v2 is 200, and this crank made [0-9]+' vat call villain give "$neighbour" 300
stopped "too many new promises are refused" 'limits\.crankPromises of v2 is 100, and this crank made 10[0-9]' vat call villain promise "$neighbour" 60
stopped "too large a value is refused" 'limits\.valueBytes of v2 is 20000, and a stored value has [0-9]+' vat call villain keep large 30000
stopped "too many keys are refused" 'limits\.storageKeys of v2 is 900, and it would keep [0-9]+' vat call villain keepMany 950 1
end_watch "while a vat floods"

bulk=0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do vat call villain keep "bulk$((bulk += 1))" 19000 >/dev/null 2>"$WORK/bulk" || break; done
has "$(cat "$WORK/bulk")" "limits.storageBytes of v2 is 200000, and it would keep" "a vat that fills its storage is refused more"
says "it can still store what fits" undefined vat call villain keep small 10

# A flood over many cranks to a vat that is busy: what waits is bounded, and room comes back.
begin_watch
sloth=$(root_of sloth)
begin busy vat call sloth loop statement
until [ "$(vat show sloth -o json | jq -r .pid)" != null ]; do sleep 0.01; done
refused=0
for _ in 1 2 3 4 5 6; do
  try vat call villain sendSome "$sloth" 60
  case $err in *"limits.queuedMessages of v2 is 200, and of its messages would wait 201"*) refused=$((refused + 1)) ;; esac
done
is "$refused" 3 "a vat that floods another over many cranks is refused more than may wait"
outcome busy
# What waited is delivered once the loop has been stopped; this call stands behind it in the queue.
says "the other has worked off what waited" '"pong"' vat call sloth ping -o json
says "when the other goes on there is room again" undefined vat call villain sendSome "$sloth" 60
end_watch "while a vat floods over many cranks"
says "the villain itself still answers" '"pong"' vat call villain ping -o json
is "$(state_of neighbour)" running "the neighbour has noticed nothing"

documented=$(sed -n 's/^| `\([A-Za-z]*\)` | .*/\1/p' "$ROOT/docs/limits.md" | sort)
known=$(sed -n 's/^ *SETTING("limits", "\([A-Za-z]*\)".*/\1/p' "$ROOT/src/kernel/policy.c" | sort)
is "$documented" "$known" "docs/limits.md lists the limits that there are"

finish
