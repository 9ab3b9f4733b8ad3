#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Objects and promises that nobody uses any more leave the kernel, however they were passed around.
. "$(dirname "$0")/lib/scenario.bash"

# The kernel's rows but for id counters and queue positions, which only ever grow.
rows() {
  vat sql "SELECT key, value FROM kv WHERE key NOT LIKE 'next%' AND key NOT LIKE 'e.next%' AND key NOT LIKE 'queue.run.%'
    AND key NOT LIKE 'store.%' ORDER BY key"
}

vat run --config "$VATS/litter.json" >/dev/null || exit 1
vat call ann litter 3 >/dev/null
collect_garbage ann ben cat
before=$(rows)

for vat in ann ben cat; do
  says "$vat passes 200 things and promises around" 200 vat call "$vat" litter 200
done
isnt "$(rows)" "$before" "they have rows while they are not collected"
collect_garbage ann ben cat
is "$(rows)" "$before" "after the collection exactly the rows are left that were there before"

vat call ann give >/dev/null
collect_garbage ann ben cat
given=$(sql "SELECT kref FROM v_object WHERE owner = 'v1' AND kref <> '$(root_of ann)'")
is "$(sql "SELECT vref FROM v_clist WHERE kref = '$given' AND vat = 'v2'" | cut -c1-2)" "o-" "a thing that is held is kept"
vat call ben forget >/dev/null
collect_garbage ann ben cat
is "$(rows)" "$before" "and goes when it is let go"

# No message is needed to make it go on: not between the vats that have to be told one after the other either.
vat call ann give >/dev/null
vat call ben forget >/dev/null
is_as_before() {
  [ "$(rows)" = "$before" ]
}
vat gc
until_true is_as_before
verdict $? "a collection goes on by itself" "$(diff <(echo "$before") <(rows))"

vat call ann give >/dev/null
vat kill ben >/dev/null
collect_garbage ann ben cat
is "$(rows)" "$before" "and goes with the incarnation that held it"

vat call ann give >/dev/null
kill_daemon
vat call ann rest >/dev/null
vat call ben rest >/dev/null
vat call cat rest >/dev/null
collect_garbage ann ben cat
is "$(rows | grep -v '^live')" "$(grep -v '^live' <<<"$before")" "the same after a kill -9 of the daemon"

# The engine's heap grows only when a collection leaves little room. (Sanitizers keep memory of their own.)
if ! sanitized; then
  memory() {
    awk '/^RssAnon/ { print $2 }' "/proc/$(vat show ann -o json | jq .pid)/status"
  }
  rests=$(for _ in {1..250}; do echo '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": ["ann", "rest", []]}'; done)
  rpc "$rests" >/dev/null
  small=$(memory)
  for _ in {1..8}; do
    rpc "$rests" >/dev/null
  done
  [ "$(memory)" -lt $((small + 3000)) ]
  verdict $? "a worker that makes nothing that stays does not grow" "$small KiB after 250 calls, $(memory) KiB after 2,000 more"
fi

finish
