#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vats in C: alice is peer.js, bob is peer.c, and they do with each other what two JavaScript vats do.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

jq -n --arg js "$VATS/peer.js" --arg c "$BUILD/tests/peer_vat" \
  '{bootstrap: "alice", vats: {alice: {sourceSpec: $js}, bob: {programSpec: $c}}}' >"$WORK/peers.json"

launch() {
  new_home
  vat run --config "$WORK/peers.json" >/dev/null || exit 1
  vat call bob meet '{"alice": {"$ref": "ko1"}, "bob": {"$ref": "ko2"}}' >/dev/null
}

# promise VAT NAME: a promise that VAT decides, as a kref.
promise() {
  vat call "$1" make "$2" -o json | jq -r .promise
}

subscribes() {
  sql "SELECT 1 FROM v_promise, json_each(subscribers) WHERE kref = '$2' AND json_each.value = '$1'" | grep -q 1
}

waiting_for() {
  sql "SELECT count(*) FROM v_queue WHERE queue = '$1'" | grep -qx "$2"
}

worker_of() {
  vat show "$1" -o json | jq -r '.pid // "none"'
}

in_state() {
  [ "$(state_of "$1")" = "$2" ]
}

# Collects until nothing more can be; a call comes behind the collection that was asked for before it.
collect() {
  for _ in 1 2 3; do
    vat gc
    vat call alice give 1 >/dev/null
    vat call bob give 1 >/dev/null
  done
}

# ---- both ways ----

launch
for pair in "alice bob" "bob alice"; do
  read -r one two <<<"$pair"
  says "$one calls $two and passes on the result" '{"a": [1, "x", null]}' vat call "$one" tell "$two" give '{"a": [1, "x", null]}'
  fails "$one passes on what $two throws" 1 "TypeError: thrown" vat call "$one" tell "$two" throwBack thrown
  fails "$one passes on that $two has no such method" 1 "TypeError" vat call "$one" tell "$two" missing
  object=$(vat call "$two" makeObject "of $two")
  says "$one calls an object of $two" "\"of $two greets Ada\"" vat call "$one" greetThrough "$object" Ada
  object=$(vat call "$one" tell "$two" makeObject "passed by $one")
  says "a reference of $two that $one passed on is the object" "\"passed by $one greets Bea\"" vat call "$object" greet Bea
  says "$one gives a reference to $two and gets the same back" "$object" vat call "$one" tell "$two" give "$object"
  says "a promise for an answer goes on as an argument, from $one to $two" '{"got": 7}' \
    vat call "$one" tellAboutAnswer "$two" wait "$two" 7
  p=$(promise "$two" "early $one")
  vat call "$two" fulfil "early $one" 5 >/dev/null
  says "$one waits for a promise that $two resolved before" '{"got": 5}' vat call "$one" wait "$p"
  p=$(promise "$two" "late $one")
  begin waiting vat call "$one" wait "$p"
  until_true subscribes "$([ "$one" = alice ] && echo v1 || echo v2)" "$p"
  vat call "$two" fulfil "late $one" '"late"' >/dev/null
  outcome waiting
  is "$out" '{"got": "late"}' "$one waits for a promise that $two resolves later"
  p=$(promise "$two" "no $one")
  begin waiting vat call "$one" wait "$p"
  until_true subscribes "$([ "$one" = alice ] && echo v1 || echo v2)" "$p"
  vat call "$two" reject "no $one" "sorry" >/dev/null
  outcome waiting
  is "$err" "Error: sorry" "$one is told that $two rejected its promise"
  p=$(promise "$two" "piped $one")
  begin first vat call "$one" greetThrough "$p" Ada
  until_true waiting_for "$p" 1
  vat call "$two" fulfilWithObject "piped $one" >/dev/null
  outcome first
  is "$out" "\"piped $one greets Ada\"" "a message of $one to a promise of $two waits for its object"
  p=$(promise "$two" "broken $one")
  begin first vat call "$one" greetThrough "$p" Ada
  until_true waiting_for "$p" 1
  vat call "$two" reject "broken $one" "not today" >/dev/null
  outcome first
  is "$err" "Error: not today" "and is rejected when that promise of $two is"
done

says "a C vat waits for a result with a callback" '{"got": "asked"}' vat call bob ask alice give '"asked"'
fails "a callback gets a rejection" 1 "TypeError: told off" vat call bob ask alice throwBack "told off"
says "a C vat calls the result of a call that is not there yet" '"in a pipe greets Ada"' vat call bob pipeline alice "in a pipe" Ada
says "a C vat calls itself through the kernel" '"own greets Ada"' vat call bob pipeline bob own Ada
begin later vat call alice tell bob answerLater x
until_true vat call bob answerNow x '"in the end"' >/dev/null 2>&1
outcome later
is "$out" '"in the end"' "a C vat answers a message in a later crank"
p=$(promise alice chained)
q=$(promise bob link)
vat call bob fulfil link "$p" >/dev/null
vat call alice fulfil chained '"through"' >/dev/null
says "a promise of C that was resolved to one of JavaScript settles as that does" '{"got": "through"}' vat call alice wait "$q"
p=$(promise bob chained2)
q=$(promise alice link2)
vat call alice fulfil link2 "$p" >/dev/null
vat call bob fulfil chained2 '"through too"' >/dev/null
says "and the other way round" '{"got": "through too"}' vat call bob wait "$q"
vat call alice makeCycle -o json >"$WORK/cycle"
p=$(jq -r .promise "$WORK/cycle")
has "$(vat call bob wait "$p" -o json)" '"depth"' "data that leads back to its own promise goes through a C vat"
answer=$(rpc "$(jq -nc '{jsonrpc: "2.0", id: 1, method: "queueMessage",
  params: {target: "bob", method: "give", args: {body: "#[{\"!$ref\":\"o-1\"}]", slots: []}}}')")
is "$(jq -c '.result | [.body, .slots]' <<<"$answer")" '["#{\"!$ref\":\"o-1\"}",[]]' "data that looks like a reference stays data"
vat call bob say "hello from C" >/dev/null
is "$(log_of bob)" "hello from C" "its log lines are in the log"

# ---- restarts ----

owes() { # bob owes so many answers
  sql "SELECT count(*) FROM v_promise WHERE decider = 'v2'" | grep -qx "$1"
}

end_daemon() { kill_daemon; }
end_restart() { vat restart bob >/dev/null; }
end_signal() {
  local pid
  pid=$(worker_of bob)
  kill -9 "$pid"
  wait_gone "$pid"
}

for way in daemon restart signal; do
  launch
  vat call bob count >/dev/null
  durable=$(vat call bob makeDurable thing)
  vat call "$durable" greet Ada >/dev/null
  heap=$(vat call bob makeObject heap)
  kept=$([ $way = daemon ] && echo ko1 || vat call alice makeObject kept)
  vat call bob keep "$kept" >/dev/null
  begin answer vat call bob answerLater never
  until_true owes 1
  before=$(sql "SELECT vref FROM v_clist WHERE vat = 'v2' AND kref = '$kept'")
  "end_$way"
  says "$way: the count goes on" 2 vat call bob count
  says "$way: a durable object of C answers with its state" '"thing greets Bea, 2"' vat call "$durable" greet Bea
  fails "$way: an object of its heap is gone" 1 "[KERNEL:OBJECT_DELETED]" vat call "$heap" greet Ada
  is "$(sql "SELECT vref FROM v_clist WHERE vat = 'v2' AND kref = '$kept'")" "$before" "$way: what it kept has the same name"
  if [ $way != daemon ]; then
    says "$way: and answers" '"kept greets Cyd"' vat call bob greetKept Cyd
    outcome answer
    is "$err" "Error: [KERNEL:VAT_RESTARTED] v2" "$way: an answer that it owed is rejected"
  else
    says "$way: and answers" '"back"' vat call bob tell alice give '"back"'
    outcome answer
  fi
  second=$(vat call bob makeDurable another)
  isnt "$second" "$durable" "$way: a new durable object is another one"
done

# ---- garbage ----

launch
collect
held_by_bob() {
  sql "SELECT count(*) FROM v_clist WHERE vat = 'v2' AND vref LIKE 'o-%'"
}
before=$(held_by_bob)
vat call bob ask alice makeObject short >/dev/null
vat call alice makeObject long >"$WORK/long"
vat call bob hold one "$(cat "$WORK/long")" >/dev/null
collect
is "$(held_by_bob)" $((before + 1)) "a C vat that holds a reference keeps the object, and one it only saw is let go"
says "what is held answers" '"long greets Ada"' vat call bob greetHeld one Ada
vat call bob letGo one >/dev/null
collect
is "$(held_by_bob)" "$before" "what it releases is let go"
kept=$(vat call alice makeObject kept)
vat call bob keep "$kept" >/dev/null
vat call bob unkeep >/dev/null
collect
is "$(held_by_bob)" "$before" "and what it kept in its storage and keeps no more"
launch
collect
before=$(sql "SELECT count(*) FROM v_object")
begin piped vat call alice pipeline bob short Ada
until_true vat call bob fulfilWithObject short >/dev/null 2>&1
outcome piped
is "$out" '"short greets Ada"' "a vat uses an object of C that was made for it"
says "a C vat uses one of its own" '"mine greets Ada"' vat call bob pipeline bob mine Ada
begin piped vat call alice pipeline bob lasting Ada
until_true vat call bob fulfilWithDurable lasting >/dev/null 2>&1
outcome piped
is "$out" '"lasting greets Ada, 1"' "a vat uses a durable object of C"
is "$(vat store bob | grep -c '^thing.1')" 2 "which has rows"
collect
is "$(sql "SELECT count(*) FROM v_object")" "$before" "objects of C that nobody names any more are retired"
is "$(vat store bob | grep -c '^thing.1')" 0 "and the durable one's rows go with it"

# ---- faults ----

launch
vat call bob count >/dev/null
begin crashing vat call bob crash
until_true in_state bob suspended
verdict $? "a C vat that crashes is delivered the message again, then suspended" "$(vat ls)"
has "$(vat show bob -o json | jq -r .cause)" "worker ended" "with the cause"
is "$(sql "SELECT value FROM kv_vatstore WHERE vatID = 'v2' AND key = 'count'")" 1 "what it did before it crashed is undone"
says "its neighbour goes on" '"well"' vat call alice give '"well"'
vat terminate bob >/dev/null
outcome crashing
has "$err" "[KERNEL:OBJECT_DELETED]" "the caller hears when it is terminated"

launch
vat call bob leave false "my work is done" >/dev/null 2>&1
has "$(vat log -n 100)" "exited: my work is done" "a C vat ends itself, with a reason"
is "$(vat ls -o json | jq -c '[.[].name]')" '["alice"]' "and is gone"

new_home
jq -n --arg c "$BUILD/tests/forger_vat" \
  '{bootstrap: "mallory", vats: {mallory: {programSpec: $c}}}' >"$WORK/forger.json"
for name in o-1 o-77 p-5 k1 o+v1/1:0:0 nonsense; do
  vat run --config "$WORK/forger.json" >/dev/null
  vat call mallory forge "$name" >/dev/null 2>&1
  is "$(vat ls -o json | jq length)" 0 "a program that names $name, which it does not have, is terminated"
done
has "$(vat log -n 100)" "o-77 is not in the c-list" "the log says why"

new_home
fails "a program that does not start is not launched" 1 "not in the mood" vat run --config <(
  jq -n --arg c "$BUILD/tests/peer_vat" \
    '{bootstrap: "bob", vats: {bob: {programSpec: $c, parameters: {refuse: "not in the mood"}}}}')
fails "what is no executable is not launched" 1 "is not an executable (ELF)" vat run --config <(
  jq -n --arg c "$VATS/peer.js" '{bootstrap: "bob", vats: {bob: {programSpec: $c}}}')
cp /bin/true "$WORK/true"
fails "an executable that is no vat is not launched" 1 "worker ended with exit status 0" vat run "$WORK/true"

# ---- the file is not needed any more ----

new_home
cp "$BUILD/counter-vat" "$WORK/counter-vat"
says "vat run takes an executable" "c  v1  ko1" bash -c "'$BUILD/vat' run '$WORK/counter-vat' --name c | tr -s ' ' | sed 's/ /  /g'"
vat call c increment >/dev/null
rm "$WORK/counter-vat"
kill_daemon
says "after a kill -9, without the program's file, the counter goes on" 2 vat call c increment
says "and reads what was counted" 2 vat call c read

finish
