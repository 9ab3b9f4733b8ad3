#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 100,000 objects and promises go through three vats, and nothing of them is left: every key is one that was there before, with
# the value that it had. 10,000 in a build with sanitizers; with NIGHTLY=1 all of them there too.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

count=100000
[ -n "${NIGHTLY:-}" ] || ! sanitized || count=10000

# made: how many objects and promises there have been.
made() {
  sql "SELECT sum(value - 1) FROM kv WHERE key IN ('nextObjectId', 'nextPromiseId')"
}

# All keys of the kernel and of the vats, with their values but for those of id counters and queue positions, which only
# ever grow. (store.epoch and the like are the engine's, and the batch number counts.)
dump() {
  sql "SELECT key, CASE WHEN key LIKE 'next%' OR key LIKE 'e.next%' OR key LIKE 'queue.run.%' OR key LIKE 'store.%' THEN '' ELSE value END
    FROM kv ORDER BY key"
  sql "SELECT vatID, key, CASE WHEN key = 'idCounters' THEN '' ELSE value END FROM kv_vatstore ORDER BY vatID, key"
}

# All three vats at once make things for the next, which passes them on to the one after it.
grind() {
  local vat requests=()
  for vat in ann ben cat; do
    requests+=("{\"jsonrpc\": \"2.0\", \"id\": \"$vat\", \"method\": \"queueMessage\", \"params\": [\"$vat\", \"grind\", [4, 50, 5]]}")
  done
  rpc "${requests[@]}" | jq -r .result.body | tr '\n' ' '
}

vat run --config "$VATS/mill.json" >/dev/null || exit 1
grind >/dev/null
collect_garbage ann ben cat
before=$(dump)
first=$(made)
rows=$(wc -l <<<"$before")

start=$SECONDS
rounds=0
ground=0
most=0
while [ $(($(made) - first)) -lt "$count" ]; do
  rounds=$((rounds + 1))
  [ "$(grind)" = "#220 #220 #220 " ] && ground=$((ground + 1))
  now=$(sql "SELECT count(*) FROM kv")
  [ "$now" -gt "$most" ] && most=$now
  vat gc
done
is "$ground" "$rounds" "all things and promises arrive, in $rounds rounds"
[ "$most" -gt $((2 * rows)) ]
verdict $? "they have rows while they are used" "$most rows at most, $rows before"
is "$(sql "SELECT count(*) FROM v_queue")" 0 "then nothing is queued"
collect_garbage ann ben cat
echo "# figure $(($(made) - first)) objects and promises made and dropped in $((SECONDS - start)) s, at most $most kernel rows"
is "$(diff <(echo "$before") <(dump))" "" "after a last bringOutYourDead every key and value is what it was before"
for vat in ann ben cat; do
  vat call $vat rest >/dev/null
done
vat stop >/dev/null
is "$(diff <(echo "$before") <(dump) | grep -vE '^[0-9]|^[<>] (live|image|bundleRefs)')" "" "and after a stop and a start of the daemon"

finish
