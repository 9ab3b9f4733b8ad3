#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several subclusters in one kernel: who belongs to which, what ends with one and what does not, and ids that do not exist.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

# launch FIRST SECOND: a subcluster of two keepers with these names.
launch() {
  jq -n --arg file "$VATS/keeper.js" --arg a "$1" --arg b "$2" \
    '{bootstrap: $a, vats: {($a): {sourceSpec: $file}, ($b): {sourceSpec: $file}}}' >"$WORK/config.json"
  vat run --config "$WORK/config.json"
}

members() {
  vat status -o json | jq -r '[.subclusters[] | "\(.id): \([.vats[]] | join(" "))"] | join(", ")'
}

# ask METHOD PARAMS: one request; its result, or its error's message.
ask() {
  rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$1\", \"params\": $2}" | jq -c 'if has("result") then .result else .error.message end'
}

is_empty() {
  [ "$(sql "SELECT count(*) FROM kv WHERE key NOT LIKE 'next%' AND key NOT LIKE 'queue.run.%' AND key NOT LIKE 'store.%'")" = 0 ]
}

for name in one two three; do
  launch "$name-a" "$name-b" >/dev/null || exit 1
done

# ---- membership ----

is "$(members)" "s1: v1 v2, s2: v3 v4, s3: v5 v6" "each subcluster has its own vats"
is "$(vat status -o json | jq -r '[.vats[] | "\(.id) \(.subclusterId)"] | join(", ")')" "v1 s1, v2 s1, v3 s2, v4 s2, v5 s3, v6 s3" \
  "and each vat is in one"
is "$(vat show two-b -o json | jq -r .subcluster)" s2 "a vat knows its subcluster"
is "$(vat ls -o json | jq -r '[.[] | .root] | unique | length')" 6 "all roots are different"
vat call one-a keep other ko4 >/dev/null
says "a vat that was handed a root of another subcluster can use it" "[1]" vat call one-a countKept '["other"]'

# ---- the log ----

for vat in one-a two-a three-a; do
  vat call $vat say "from $vat" >/dev/null
done
is "$(vat log -o json | jq -r 'select(.level == "log") | "\(.vat) \(.name) \(.text)"')" "v1 one-a from one-a
v3 two-a from two-a
v5 three-a from three-a" "what vats log is tagged with their ids and names"

# ---- the end of one, in the reverse order of their launch ----

vat call two-a keepInHeap ko5 >/dev/null
says "the last subcluster is terminated first" null ask terminateSubcluster '["s3"]'
is "$(members)" "s1: v1 v2, s2: v3 v4" "the others stay"
fails "its vats are gone" 3 "there is no vat 'three-a'" vat call three-a count
fails "their roots too" 1 "[KERNEL:OBJECT_DELETED]" vat call ko5 count
is "$(vat call one-a count) $(vat call two-a count)" "1 1" "the others work"
kill_daemon
vat start >/dev/null
is "$(members)" "s1: v1 v2, s2: v3 v4" "it stays so after a kill -9 of the daemon"
says "the second one goes next" "terminated s2" vat terminate s2
fails "who held one of its objects is told" 1 "[KERNEL:OBJECT_DELETED]" vat call one-a countKept '["other"]'
is "$(members)" "s1: v1 v2" "the first is left"

# ---- one vat of a subcluster ----

says "a single vat is terminated" null ask terminateVat '["v2"]'
is "$(members)" "s1: v1" "its subcluster is the rest"
says "which works" 2 vat call one-a count
says "another subcluster may have the names of one that has ended" "two-a  v7  ko7
two-b  v8  ko8" launch two-a two-b
is "$(members)" "s1: v1, s4: v7 v8" "ids are not used again"

# ---- what does not exist ----

for id in s2 s99 s s0 s01 v1 ''; do
  says "there is no subcluster '$id' to terminate" "\"Subcluster does not exist: $id\"" ask terminateSubcluster "[\"$id\"]"
done
for method in terminateVat restartVat pingVat killVat showVat; do
  for id in v3 v99 v v01 s1 ko1; do
    says "$method finds no vat '$id'" "\"there is no vat '$id'\"" ask $method "[\"$id\"]"
  done
done
for kref in kx1 ko01 ko-1 KO1 ko 'ko1 ' ko99999999999999999999999 ''; do
  says "'$kref' is nothing to send a message to" "\"there is no vat '$kref'\"" ask queueMessage "[\"$kref\", \"count\", []]"
  has "$(ask revoke "[\"$kref\"]")" "is not an object reference such as ko7" "nor to revoke"
  has "$(ask pinObject "[\"$kref\"]")" "is not a reference such as ko7 or kp3" "nor to pin"
  has "$(ask queueMessage "[\"one-a\", \"keep\", {\"body\": \"#[\\\"x\\\",\\\"\$0\\\"]\", \"slots\": [\"$kref\"]}]")" "slot 0 is not a kref" \
    "nor to pass as an argument"
done
for kref in ko0 ko999 ko4294967296 kp999; do
  says "$kref is well formed, and not there" "\"there is no $kref\"" ask queueMessage "[\"$kref\", \"count\", []]"
done
says "after all this the vats work" 3 vat call one-a count

# ---- the end ----

says "all vats are terminated" null ask terminateAllVats '[]'
is "$(members)" "" "no subcluster is left"
until_true is_empty
verdict $? "and nothing is stored but counters" "$(vat sql 'SELECT * FROM kv')"
finish
