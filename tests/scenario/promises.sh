#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Promises between vats: as arguments, as results, in chains and cycles, and messages sent to them before they settle.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

vat run --config "$VATS/peers.json" >/dev/null || exit 1

# promise VAT NAME: a promise that VAT decides, as a kref.
promise() {
  vat call "$1" make "$2" -o json | jq -r .promise
}

state_of_promise() {
  sql "SELECT state FROM v_promise WHERE kref = '$1'"
}

# subscribes VAT KREF: whether the vat waits for the promise.
subscribes() {
  sql "SELECT 1 FROM v_promise, json_each(subscribers) WHERE kref = '$2' AND json_each.value = '$1'" | grep -q 1
}

seen_by() {
  vat call "$1" seen -o json | jq -r '.[]'
}

# A promise is unresolved and has this many messages that wait for it.
waiting_for() {
  sql "SELECT count(*) FROM v_queue WHERE queue = '$1'" | grep -qx "$2"
}

# ---- arguments ----

p=$(promise alice before)
vat call alice fulfil before 5 >/dev/null
is "$(state_of_promise "$p")" fulfilled "a vat fulfils its promise"
says "a promise that was resolved before is passed as an argument" '{"got": 5}' vat call bob wait "$p"
says "its own vat can be passed it too" '{"got": 5}' vat call alice wait "$p"

p=$(promise alice after)
begin waiting vat call bob wait "$p"
until_true subscribes v2 "$p"
vat call alice fulfil after '"late"' >/dev/null
outcome waiting
is "$status $out" '0 {"got": "late"}' "a promise that is resolved after it was passed reaches who waits"

p=$(promise alice never)
vat call bob look never "$p" >/dev/null
says "a promise that is never resolved stops nobody" '"still here"' vat call bob give '"still here"'
is "$(state_of_promise "$p") $(seen_by bob)" "unresolved " "who looks at it sees nothing"

p=$(promise alice object)
vat call alice fulfilWithObject object >/dev/null
object=$(vat call bob wait "$p" -o json | jq -r .got)
says "a promise for an object gives the object" '"object greets Ada"' vat call "$object" greet Ada

a=$(promise alice two-a)
b=$(promise bob two-b)
begin both vat call alice waitBoth "$a" "$b"
until_true subscribes v1 "$b"
vat call bob fulfil two-b 2 >/dev/null
vat call alice fulfil two-a 1 >/dev/null
outcome both
is "$out" '[1, 2]' "one vat waits for a promise of its own and for another vat's"

# ---- results ----

says "a result goes on as an argument before it is there" '{"got": 7}' vat call alice tellAboutAnswer bob wait bob 7
says "a result of one vat goes on to another" '{"got": "mine"}' vat call alice tellAboutAnswer bob wait alice '"mine"'
p=$(vat call alice tell bob make inner -o json | jq -r .promise)
begin inner vat call alice wait "$p"
until_true subscribes v1 "$p"
vat call bob fulfil inner '"done"' >/dev/null
outcome inner
is "$out" '{"got": "done"}' "a promise within a result is a promise of the vat that made it"
begin later vat call alice answerLater awaited
until_true vat call alice fulfil awaited '"in the end"' >/dev/null 2>&1
outcome later
is "$out" '"in the end"' "a result that is a promise settles with it"

# ---- chains ----

says "a chain of promises within a vat ends at its value" '"end"' vat call alice chain 200 '"end"'
says "a chain of results through two vats ends at its value" '"ball"' vat call alice bounce 20 '"ball"' bob

previous=$(promise alice link0)
for i in 1 2 3 4 5 6; do
  [ $((i % 2)) = 0 ] && maker=alice || maker=bob
  next=$(promise "$maker" "link$i")
  vat call "$maker" fulfil "link$i" "$previous" >/dev/null
  previous=$next
done
begin end vat call bob wait "$previous"
until_true subscribes v2 "$previous"
vat call alice fulfil link0 '"pulled"' >/dev/null
outcome end
is "$out" '{"got": "pulled"}' "promises of two vats that were fulfilled with one another settle when the last does"

p=$(promise alice indirect)
q=$(promise bob direct)
vat call alice fulfil indirect "$q" >/dev/null
is "$(state_of_promise "$p")" unresolved "a promise fulfilled with an unresolved promise waits"
vat call bob fulfil direct '"there"' >/dev/null
says "and settles as that one does" '{"got": "there"}' vat call bob wait "$p"
p=$(promise alice indirect-no)
q=$(promise bob direct-no)
vat call alice fulfil indirect-no "$q" >/dev/null
vat call bob reject direct-no "no way" >/dev/null
fails "also when that one is rejected" 1 "Error: no way" vat call bob wait "$p"

# ---- cycles ----

p=$(vat call alice makeCycle -o json | jq -r .promise)
says "data that contains its own promise reaches another vat whole" '[1, 1, 1]' vat call bob followCycle "$p"
fails "a promise cannot resolve to itself" 1 "promise resolves itself" vat call alice followSelf

a=$(promise alice box-a)
b=$(promise alice box-b)
vat call alice fulfilWithBox box-a "$b" >/dev/null
begin boxes vat call bob followBoxes "$a" 9
until_true subscribes v2 "$b"
vat call alice fulfilWithBox box-b "$a" >/dev/null
outcome boxes
is "$out" '"opened 9 boxes"' "a cycle that is closed over several cranks can be followed"

a=$(promise alice cross-a)
b=$(promise bob cross-b)
vat call alice fulfilWithBox cross-a "$b" >/dev/null
vat call bob fulfilWithBox cross-b "$a" >/dev/null
says "a cycle across two vats can be followed by the one" '"opened 9 boxes"' vat call alice followBoxes "$a" 9
says "and by the other" '"opened 9 boxes"' vat call bob followBoxes "$a" 9

a=$(promise alice knot-a)
b=$(promise bob knot-b)
vat call alice fulfil knot-a "$b" >/dev/null
vat call bob fulfil knot-b "$a" >/dev/null
is "$(state_of_promise "$a") $(state_of_promise "$b")" "unresolved unresolved" \
  "two promises that wait for one another across vats stay unresolved"
says "and the vats go on" '"fine"' vat call alice tell bob give '"fine"'

# ---- rejections ----

fails "what a method throws is the answer" 1 "TypeError: thrown" vat call alice throwBack thrown
fails "what another vat throws passes through" 1 "TypeError: thrown" vat call alice tell bob throwBack thrown
p=$(promise alice rejected)
vat call alice reject rejected "sorry" >/dev/null
is "$(state_of_promise "$p")" rejected "a vat rejects its promise"
fails "a rejected promise rejects who waits for it" 1 "Error: sorry" vat call bob wait "$p"
p=$(promise alice rejected-late)
begin waiting vat call bob wait "$p"
until_true subscribes v2 "$p"
vat call alice reject rejected-late "sorry, late" >/dev/null
outcome waiting
is "$status $out$err" "1 Error: sorry, late" "so does one that is rejected later"
p=$(promise alice rejected-odd)
vat call alice rejectWith rejected-odd '{"code": 42}' >/dev/null
fails "a reason need not be an error" 1 '{"code": 42}' vat call bob wait "$p"

# ---- messages to promises ----

p=$(promise alice piped)
begin first vat call bob greetThrough "$p" Ada
until_true waiting_for "$p" 1
begin second vat call "$p" greet Bea
until_true waiting_for "$p" 2
vat call bob noteThrough "$p" one two three >/dev/null
is "$(sql "SELECT method FROM v_queue WHERE queue = '$p'" | tr '\n' ' ')" "greet greet note note note " \
  "messages to an unresolved promise wait at the promise"
vat call alice fulfilWithObject piped >/dev/null
outcome first
is "$out" '"piped greets Ada"' "a message to an unresolved promise is delivered when it is fulfilled"
outcome second
is "$out" '"piped greets Bea"' "so is one from outside"
is "$(seen_by alice | grep -xE 'one|two|three' | tr '\n' ' ')" "one two three " "messages through one promise keep their order"
says "a message to a promise that was fulfilled before goes on to the object" '"piped greets Cyd"' vat call "$p" greet Cyd

p=$(promise alice to-bob)
q=$(promise bob from-bob)
begin through vat call "$p" greet Dee
until_true waiting_for "$p" 1
vat call alice fulfil to-bob "$q" >/dev/null
vat call bob fulfilWithObject from-bob >/dev/null
outcome through
is "$out" '"from-bob greets Dee"' "a message follows a promise that was fulfilled with another vat's promise"

p=$(promise alice plain)
begin piped vat call bob greetThrough "$p" Ada
until_true waiting_for "$p" 1
vat call alice fulfil plain '{"just": "data"}' >/dev/null
outcome piped
is "$status" 1 "a message to a promise that becomes data fails"
has "$err" "[KERNEL:BAD_PROMISE_RESOLUTION]" "and says that the promise was fulfilled with data"
fails "so does a message to a promise that is data already" 1 "[KERNEL:BAD_PROMISE_RESOLUTION]" vat call "$p" greet Ada
for data in null 5 '"ko1"' '["x"]'; do
  p=$(promise alice "data $data")
  vat call alice fulfil "data $data" "[$data]" >/dev/null
  fails "data of the form [$data] takes no messages" 1 "[KERNEL:BAD_PROMISE_RESOLUTION]" vat call "$p" greet Ada
done
p=$(promise alice boxed-object)
vat call alice fulfilWithBox boxed-object ko1 >/dev/null
fails "a record that holds an object takes no messages" 1 "[KERNEL:BAD_PROMISE_RESOLUTION]" vat call "$p" greet Ada

p=$(promise alice broken)
begin piped vat call bob greetThrough "$p" Ada
until_true waiting_for "$p" 1
vat call alice reject broken "not today" >/dev/null
outcome piped
is "$status $err" "1 Error: not today" "a message to a promise that is rejected is rejected with its reason"
fails "so is a message to one that is rejected already" 1 "Error: not today" vat call "$p" greet Ada

begin piped vat call alice pipeline bob deep Eve
until_true vat call bob fulfilWithObject deep 2>/dev/null >/dev/null
outcome piped
is "$out" '"deep greets Eve"' "calls on results of calls need no waiting between them"

# ---- the end of who decides ----

p=$(promise bob orphaned)
begin waiting vat call alice wait "$p"
until_true subscribes v1 "$p"
begin piped vat call alice greetThrough "$p" Ada
until_true waiting_for "$p" 1
vat terminate bob >/dev/null
outcome waiting
has "$err" "[KERNEL:VAT_TERMINATED]" "promises of a terminated vat are rejected"
outcome piped
has "$err" "[KERNEL:VAT_TERMINATED]" "and what waited for them is rejected with them"
fails "messages to a terminated vat fail" 1 "[KERNEL:OBJECT_DELETED]" vat call alice tell bob give 1
is "$(sql "SELECT count(*) FROM v_queue")" 0 "nothing is left in any queue"
finish
