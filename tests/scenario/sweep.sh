#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an incarnation made merely virtually goes with it, and with it the counts that it held.
. "$(dirname "$0")/lib/scenario.bash"

vat run --config "$VATS/hoarders.json" >/dev/null || exit 1
guest=$(root_of guest)

# The vat's rows but for the counters of ids, which only ever grow.
rows() {
  vat store hoarder | grep -vE '^(idCounters|vom.dkind.[0-9]+.nextID)'
}

for name in ant bee cat; do
  vat call hoarder keep "$name" "$guest" >/dev/null
done
# A durable thing of which only the last incarnation's heap and a swept count knew stays: a leak that sweep.h names.
vat restart hoarder >/dev/null 2>&1
before=$(rows)

exported=$(vat call hoarder hoard '["ant","bee","cat"]' "$guest" | tr -d '"')
hoarded=$(rows)
isnt "$hoarded" "$before" "virtual objects and collections are rows of the vat's storage"
has "$hoarded" vom.o+v "virtual objects among them"
kept=$(vat store hoarder --prefix vom.rc. | wc -l)
vat restart hoarder >/dev/null 2>&1

# The one durable thing that only a virtual object held has lost its count, and stays.
is "$(rows | grep -v 'held by a virtual object only')" "$before" "after a restart they are gone, and every count is what it was"
hasnt "$(rows)" "vom.rc.o+v" "no count of anything virtual is left"
is "$(vat store hoarder --prefix vom.rc. | wc -l)" "$(grep -c '^vom.rc.' <<<"$before")" "there were counts that had to go ($kept of them)"
fails "an exported virtual object is gone for others too" 1 '[KERNEL:OBJECT_DELETED]' vat call "$exported" get
says "what is durable is still there" '["ant", "bee", "cat"]' vat call hoarder names
says "and works" '"bee"' vat call hoarder thingName bee
is "$(sql "SELECT vref FROM v_clist WHERE kref = '$guest' AND vat = 'v1' AND reachable")" "o-1" \
  "an import that durable rows mention stays reachable"

kill_daemon
vat call hoarder hoard '["ant"]' "$guest" >/dev/null
kill_daemon
vat call hoarder names >/dev/null
is "$(rows | grep -v 'held by a virtual object only')" "$before" "the same after a kill -9 of the daemon"

finish
