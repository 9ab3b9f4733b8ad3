#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vats that count in their storage and in their heap, and a daemon that is stopped and killed, at random. The storage never loses a
# count; a heap goes on after a stop, and after a kill too if its vat had not woken since; else it begins anew.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

seed=${SEED:-$(($(date +%s) % 32768))}
RANDOM=$seed
echo "# seed $seed (SEED=$seed repeats it)"
COUNTERS=6
rounds=25
sanitized && rounds=8
[ -n "${NIGHTLY:-}" ] && rounds=400

jq -n --arg file "$VATS/twice.js" --argjson count $COUNTERS '{bootstrap: "v1", vats: (
  [range(1; $count + 1) | {key: "v\(.)", value: {sourceSpec: $file}}] | from_entries)}' >"$WORK/counters.json"
"$BUILD/vatd" --home "$VATD_HOME" --detach
vat run --config "$WORK/counters.json" >/dev/null || exit 1

declare -A stored heap awake
wrong='' stops=0 kills=0 kept=0
for ((i = 1; i <= COUNTERS; i++)); do stored[$i]=0 heap[$i]=0 awake[$i]=yes; done

for ((round = 1; round <= rounds; round++)); do
  for ((calls = RANDOM % 8; calls > 0; calls--)); do
    i=$((RANDOM % COUNTERS + 1))
    awake[$i]=yes stored[$i]=$((stored[$i] + 1)) heap[$i]=$((heap[$i] + 1))
    got=$(vat call "v$i" count)
    [ "$got" = "\"${stored[$i]} ${heap[$i]}\"" ] || wrong="$wrong round $round: v$i says $got, not ${stored[$i]} ${heap[$i]};"
  done
  if ((RANDOM % 3)); then
    stops=$((stops + 1))
    vat stop >/dev/null
    for ((i = 1; i <= COUNTERS; i++)); do awake[$i]=''; done
  else
    kills=$((kills + 1))
    kill_daemon 2>/dev/null
    for ((i = 1; i <= COUNTERS; i++)); do
      [ -z "${awake[$i]}" ] && [ "${heap[$i]}" -gt 0 ] && kept=$((kept + 1))
      [ -z "${awake[$i]}" ] || heap[$i]=0
      awake[$i]=''
    done
  fi
done
is "$wrong" "" "after $stops stops and $kills kills every count is what it should be"
[ "$kept" -gt 0 ]
verdict $? "and heaps have outlived kills" "$kept"
"$BIN/vat" stop >/dev/null
says "nothing is wrong with the database" 0 sh -c "timeout 60 '$BIN/vat' fsck >/dev/null; echo \$?"
finish
