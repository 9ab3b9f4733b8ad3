#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kinds of objects a vat can make, what is in its world and what is not, and how it leaves it.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

jq -n --arg file "$VATS/workshop.js" '{bootstrap: "workshop", vats: {
  workshop: {sourceSpec: $file, parameters: {deep: {a: [1, "x", null]}}}, annex: {sourceSpec: $file}}}' >"$WORK/config.json"
vat run --config "$WORK/config.json" >/dev/null || exit 1

# ---- objects ----

point=$(vat call workshop makePoint 1 2)
says "a method may answer with its own object" "$point" vat call "$point" move 2 3
says "an exo keeps its state" "[3, 5]" vat call "$point" where
fails "an exo's guard refuses wrong arguments" 1 'Error: In "move" method of (Point): arg 0: string "x" - Must be a number' \
  vat call "$point" move '"x"' 3
isnt "$(vat call workshop makePoint 1 2)" "$point" "each exo is an object of its own"
purse=$(vat call workshop makePurse 10)
says "a durable kit's owner pays" 6 vat call "$purse" pay 4
fails "but not more than it has" 1 "RangeError: only 6 left" vat call "$purse" pay 40
viewer=$(vat call "$purse" facets -o json | jq -r .viewer)
says "the kit's other facet sees the same state" 6 vat call "$viewer" balance
fails "and can do nothing else" 1 'no method "pay"' vat call "$viewer" pay 1
vat kill workshop >/dev/null
says "a durable kit outlives its worker" 5 vat call "$purse" pay 1
says "both facets do" 5 vat call "$viewer" balance
fails "an exo of the heap does not" 1 "[KERNEL:OBJECT_DELETED]" vat call "$point" where

# ---- collections ----

for word in "ada 3" "ada 4" "bob 1"; do
  # shellcheck disable=SC2086
  vat call workshop score $word >/dev/null
done
vat kill workshop >/dev/null
says "a durable map keeps its entries" '[["ada", 7], ["bob", 1]]' vat call workshop scores
vat call workshop forget ada >/dev/null
says "what was deleted is gone" '[["bob", 1]]' vat call workshop scores
fails "what is not there cannot be deleted" 1 'key "ada" not found in collection "scores"' vat call workshop forget ada
vat call workshop join "$purse" >/dev/null
vat call workshop join ko2 >/dev/null
vat kill workshop >/dev/null
is "$(vat call workshop isMember "$purse") $(vat call workshop isMember ko2) $(vat call workshop memberCount)" "true true 2" \
  "a durable set knows its objects again, its own and another vat's"
vat call workshop leave "$purse" >/dev/null
says "and forgets them" false vat call workshop isMember "$purse"

reader=$(vat call workshop makeReader 10)
says "another vat can read from an asynchronous generator" 55 vat call annex sum "$reader"

# ---- its world ----

says "a vat gets its parameters" '{"deep": {"a": [1, "x", null]}}' vat call workshop parameters
says "or an empty record" '{}' vat call annex parameters
says "a vat's powers" '["D", "VatData", "WeakMap", "WeakSet", "exitVat", "exitVatWithFailure"]' vat call workshop powers
says "what is in its world" '["harden", "console", "assert", "VatData", "HandledPromise", "Compartment", "globalThis"]' \
  vat call workshop globals '["harden", "console", "assert", "VatData", "HandledPromise", "Compartment", "globalThis"]'
says "what is not" '[]' vat call workshop globals \
  '["fetch", "setTimeout", "setImmediate", "process", "require", "print", "vatHost", "vatSupervisor", "XMLHttpRequest", "Worker", "SharedArrayBuffer", "Atomics"]'
says "the language's own objects are frozen" true vat call workshop frozen
fails "there is no clock" 1 "TypeError: secure mode" vat call workshop now
fails "and no chance" 1 "TypeError: secure mode" vat call workshop random
fails "code made at run time cannot import" 1 "SES_IMPORT_REJECTED" vat call workshop dynamicImport
vat call workshop speakUp >/dev/null
is "$(vat log -n 5 -o json | jq -r '"\(.level) \(.text)"')" "debug at debug
log at log
info at info
warn at warn
error at error" "each level of the console is told from the others"

# ---- source that a compartment would refuse ----

mkdir "$WORK/source"
ln -s "$ROOT/node_modules" "$WORK/source/node_modules"
cat >"$WORK/source/texts.js" <<'END'
// import('in a comment') <!-- and this -->
import { Far } from '@endo/far';
const text = 'use import("x") <!-- here --> and --->';
const pattern = /^import\(|-->$/;
class Loader {
  import() {
    return 'method';
  }
}
let down = 3;
let steps = 0;
while (down-->0) steps += 1;
export const buildRootObject = () =>
  Far('texts', {
    bootstrap() {},
    texts: () => harden([text, `import(${steps})`, pattern.test('import('), pattern.test('to-->'), new Loader().import(), steps]),
    load: name => import(name),
  });
END
try vat run "$WORK/source/texts.js"
is "$status $err" "0 " "import( and HTML comments within texts are no obstacle"
says "and mean what they meant" \
  '["use import(\"x\") <!-- here --> and --->", "import(3)", true, true, "method", 3]' vat call texts texts
try vat call texts load fs
is "$status" 1 "but import() finds nothing"

# ---- leaving ----

try vat call annex exitWithFailure oh
is "$status $err" "1 Error: [KERNEL:VAT_TERMINATED] exited: Error: oh" "a vat may end itself with a failure"
fails "then it is gone" 3 "there is no vat 'annex'" vat call annex scores
says "a vat may end itself well, and its last answer counts" '"last words"' vat call workshop exit '"bye"'
fails "then it is gone too" 3 "there is no vat 'workshop'" vat call workshop scores
has "$(vat log)" "exited: bye" "the log has its reason"
is "$(sql "SELECT count(*) FROM kv_vatstore WHERE vatID IN ('v1', 'v2')")" 0 "and nothing of theirs is stored"
finish
