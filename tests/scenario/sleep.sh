#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many vats that say "idle": "sleep" share a few workers: each is woken by what is sent to it, with all it keeps.
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

VATS_IN_ALL=12
"$BUILD/vatd" --home "$VATD_HOME" --workers 3 --detach || exit 1

{
  echo '{"bootstrap": "vat1", "vats": {'
  for i in $(seq $VATS_IN_ALL); do
    echo "\"vat$i\": {\"sourceSpec\": \"$ROOT/examples/counter.js\", \"idle\": \"sleep\"}$([ "$i" -lt $VATS_IN_ALL ] && echo ,)"
  done
  echo '}}'
} >"$WORK/many.json"
vat run --config "$WORK/many.json" >/dev/null

# Vats whose worker runs.
awake() {
  vat ls -o json | jq '[.[] | select(.pid)] | length'
}

few=yes
for round in 1 2 3; do
  for i in $(seq $VATS_IN_ALL); do
    is "$(vat call "vat$i" increment)" $round "vat $i counts on, round $round"
    [ "$(awake)" -le 4 ] || few="$(awake) are awake" # one more than may be: it is woken first, then another sleeps
  done
done
is "$few" yes "never more than the few workers that may be ran at once"
fails "a number of workers that is none is refused" 2 "--workers needs a number" timeout 120 "$BUILD/vatd" --workers none
fails "nor is a negative one behind a blank" 2 "--workers needs a number" timeout 120 "$BUILD/vatd" --workers " -5"
finish
