#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Launches that fail: the message names vat and cause, and nothing is left. Launches that succeed, and their end.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
mkdir "$WORK/vats"
ln -s "$ROOT/node_modules" "$WORK/node_modules"
cd "$WORK/vats" || exit 1

# Everything stored, but for what a number's use leaves: counters, the place in the run queue, the books of the store.
stored() {
  sql "SELECT key, value FROM kv WHERE key NOT GLOB 'next*Id' AND key NOT GLOB 'queue.run.*' AND key NOT GLOB 'store.*'
       UNION ALL SELECT vatID || ' ' || key, value FROM kv_vatstore UNION ALL SELECT 'bundle', hash FROM bundle"
}

vat run "$ROOT/examples/counter.js" >/dev/null || exit 1
vat call counter increment >/dev/null
before=$(stored)

nothing_left() {
  local after
  after=$(stored)
  [ "$after" = "$before" ] && [ "$(vat ls -o json | jq -r '.[].name')" = counter ]
  verdict $? "$1: nothing of it is left" "$(diff <(echo "$before") <(echo "$after"))
$(vat ls)"
}

# refused SENTENCE PART CODE: a vat of this code is not launched; the message has its name and the part.
refused() {
  printf '%s\n' "$3" >bad.js
  fails "$1" 1 "$2" vat run bad.js
  has "$err" "(bad)" "$1: the vat is named"
  nothing_left "$1"
}

# ---- code that fails ----

far="import { E, Far } from '@endo/far'; export const buildRootObject = (powers, parameters, baggage) =>"
refused "a throw at global scope" "RangeError: global" "throw RangeError('global');"
refused "a throw in buildRootObject" "TypeError: built" "$far { baggage.init('x', 1); throw TypeError('built'); };"
refused "a rejection of buildRootObject" "Error: later" "$far Promise.reject(Error('later'));"
refused "a root that never comes" "unresolved" "$far new Promise(() => {});"
refused "a root that is no object" "which is not Far" "$far 7;"
refused "a module without buildRootObject" "buildRootObject" "export const other = 1;"
refused "a throw in bootstrap" "Error: at bootstrap" \
  "$far Far('r', { bootstrap: () => { baggage.init('x', 1); throw Error('at bootstrap'); } });"
refused "a rejected promise from bootstrap" "Error: slowly" "$far Far('r', { bootstrap: async () => { await null; throw Error('slowly'); } });"
refused "a bootstrap that is rejected with no error" "Failed to launch" "$far Far('r', { bootstrap: () => Promise.reject(harden({ code: 7 })) });"
refused "a bootstrap that answers with an error" "Error: as a value" "$far Far('r', { bootstrap: () => Error('as a value') });"
refused "a root without bootstrap" 'no method "bootstrap"' "$far Far('r', { other: () => {} });"
refused "an uncaught rejection at global scope" "unhandled rejection: Error: nobody" \
  "Promise.reject(Error('nobody')); $far Far('r', { bootstrap: () => {} });"
refused "an uncaught rejection in buildRootObject" "unhandled rejection: Error: nobody" \
  "$far { Promise.reject(Error('nobody')); return Far('r', { bootstrap: () => {} }); };"
refused "an uncaught rejection in bootstrap" "unhandled rejection: Error: nobody" \
  "$far Far('r', { bootstrap: () => { Promise.reject(Error('nobody')); } });"
refused "a stack overflow at global scope" "stack" "const f = n => f(n + 1) + 1; f(0);"
refused "a stack overflow in bootstrap" "stack" "$far { const f = n => f(n + 1) + 1; return Far('r', { bootstrap: () => f(0) }); };"

printf '%s\n' "$far Far('r', { bootstrap: () => { Promise.reject(Error('handled')).catch(() => {}); }, hello: () => 'hello' });" >good.js
try vat run good.js
is "$status" 0 "a rejection that is caught is no failure"
vat terminate good >/dev/null
nothing_left "a vat that was terminated"

printf '%s\n' "$far Far('r', { bootstrap: () => { console.log('so far'); throw Error('no further'); } });" >told.js
vat run told.js 2>/dev/null
has "$(vat log)" "told log: so far" "what a vat said before its launch failed is in the log, under its name"

# ---- files that fail ----

printf 'const fine = 1;\nconst broken = ;\n' >syntax.js
fails "a syntax error" 1 'syntax.js:2:15' vat run syntax.js
has "$err" '"syntax"' "a syntax error: the vat is named"
nothing_left "a syntax error"
printf "import { nothing } from './nowhere.js';\n%s Far('r', {});\n" "$far" >import.js
fails "an import that is not found" 1 './nowhere.js' vat run import.js
nothing_left "an import that is not found"
fails "a missing file" 3 "missing.js: No such file or directory" vat run missing.js
fails "a file of no known kind" 2 "notes.txt: a vat is a .js" vat run notes.txt
fails "a missing configuration" 3 "none.json: No such file or directory" vat run --config none.json
echo '{"moduleFormat": "endoZipBase64", "endoZipBase64": "UEsDBA=="}' >zip.bundle
fails "a bundle of another format" 1 "Unknown bundle format: endoZipBase64" vat run zip.bundle
nothing_left "a bundle of another format"
echo '{"moduleFormat": "iife"}' >empty.bundle
fails "a bundle without code" 1 "Invalid bundle: missing code" vat run empty.bundle
echo 'no json' >odd.bundle
fails "a bundle that is not JSON" 1 "Failed to launch vat" vat run odd.bundle
nothing_left "a bundle that is not JSON"

# ---- configurations that fail ----

echo '{"bootstrap": ' >config.json
fails "a configuration that is not JSON" 1 "config.json:2:" vat run --config config.json
echo '[]' >config.json
fails "a configuration that is no object" 1 "a cluster configuration is a JSON object" vat run --config config.json
echo '{"bootstrap": "nobody", "vats": {"good": {"sourceSpec": "good.js"}}}' >config.json
fails "a configuration that names a missing bootstrap vat" 1 'invalid bootstrap vat name: "nobody"' vat run --config config.json
echo '{"vats": {"good": {"sourceSpec": "good.js"}}}' >config.json
fails "a configuration without bootstrap" 1 'invalid cluster config' vat run --config config.json
echo '{"bootstrap": "good", "vats": {}}' >config.json
fails "a configuration without vats" 1 'invalid cluster config' vat run --config config.json
echo '{"bootstrap": "good", "vats": {"good": {}}}' >config.json
fails "a vat without a spec" 1 'vat "good" needs exactly one of' vat run --config config.json
echo '{"bootstrap": "good", "vats": {"good": {"sourceSpec": "good.js"}, "lost": {"sourceSpec": "lost.js"}}}' >config.json
fails "a configuration that names a missing file" 3 "lost.js" vat run --config config.json
echo '{"bootstrap": "good", "vats": {"good": {"sourceSpec": "good.js", "globals": ["process"]}}}' >config.json
fails "a vat that asks for a global there is not" 1 'vat "good" requested unknown global "process"' vat run --config config.json
echo '{"bootstrap": "good", "services": ["clock"], "vats": {"good": {"sourceSpec": "good.js"}}}' >config.json
fails "a configuration that asks for a service there is not" 1 "no registered kernel service 'clock'" vat run --config config.json
nothing_left "a configuration that is refused"

echo "throw Error('the second');" >second.js
echo '{"bootstrap": "good", "vats": {"good": {"sourceSpec": "good.js"}, "second": {"sourceSpec": "second.js"}}}' >config.json
fails "a second vat that fails" 1 "Error: the second" vat run --config config.json
has "$err" "(second)" "a second vat that fails: it is named"
nothing_left "a second vat that fails"
printf '%s\n' "$far Far('r', { bootstrap: async vats => E(vats.other).fail() });" >first.js
printf '%s\n' "$far Far('r', { fail: () => { baggage.init('x', 1); throw Error('by the other'); } });" >other.js
echo '{"bootstrap": "first", "vats": {"first": {"sourceSpec": "first.js"}, "other": {"sourceSpec": "other.js"}}}' >config.json
fails "a bootstrap that fails in another vat" 1 "Error: by the other" vat run --config config.json
nothing_left "a bootstrap that fails in another vat"

# A launch that the end of the daemon interrupts.
printf '%s\n' "$far Far('r', { bootstrap: () => new Promise(() => {}) });" >endless.js
is_launching() {
  sql "SELECT value FROM kv WHERE key GLOB 'subcluster.s*'" | grep -q bootstrapResult
}
begin launching vat run endless.js
until_true is_launching
kill_daemon
outcome launching
is "$status" 1 "a launch that was cut off by kill -9 fails"
vat ping counter >/dev/null # its worker runs again, as before
nothing_left "a launch that was cut off by kill -9"
has "$(vat log)" "its launch was interrupted by a restart; removed" "and the log says so"

# ---- launches that succeed ----

try vat run good.js "$VATS/peer.js"
is "$(awk '{ print $1 }' <<<"$out" | tr '\n' ' ')" "good peer " "several files can be launched at once"
is "$(vat ls -o json | jq -r '[.[] | select(.name == "good" or .name == "peer") | .subcluster] | unique | length')" 1 \
  "they have the same subcluster"
fails "a name that is in use is refused" 1 'a vat named "good" exists' vat run good.js
echo '{"bootstrap": "fine", "vats": {"fine": {"sourceSpec": "good.js"}, "good": {"sourceSpec": "good.js"}}}' >config.json
fails "also as one of several" 1 'a vat named "good" exists' vat run --config config.json
try vat run good.js --name better
is "$status" 0 "another name is not"
fails "two files of one name are refused" 2 'two vats would be called "good"' vat run good.js ./good.js

good=$(vat call peer give "$(root_of good)") # somebody has a reference to its root
says "vat terminate ends a vat" "terminated good" vat terminate good
fails "then it is not found" 3 "there is no vat 'good'" vat call good hello
fails "its root is gone" 1 "[KERNEL:OBJECT_DELETED]" vat call "$good" hello
says "the other vat of its subcluster lives" "true" vat call peer give true
cluster=$(vat show peer -o json | jq -r .subcluster)
answer=$(rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"terminateSubcluster\", \"params\": {\"id\": \"$cluster\"}}")
is "$(jq -cS . <<<"$answer")" '{"id":1,"jsonrpc":"2.0","result":null}' "terminateSubcluster ends a subcluster"
fails "its vats are gone" 3 "there is no vat 'peer'" vat call peer give true
answer=$(rpc "{\"jsonrpc\": \"2.0\", \"id\": 2, \"method\": \"terminateSubcluster\", \"params\": {\"id\": \"$cluster\"}}")
has "$answer" "Subcluster does not exist: $cluster" "a second time there is none"
vat terminate better >/dev/null

vat run --config "$VATS/peers.json" >/dev/null
cluster=$(vat show bob -o json | jq -r .subcluster)
says "vat terminate takes a subcluster's id too" "terminated $cluster" vat terminate "$cluster"
is "$(vat ls -o json | jq -r '[.[].name] | join(" ")')" counter "then both vats are gone"

# ---- bundles ----

# The form of upstream's `ocap bundle`: one object of JSON, in whose code a function makes the exports.
cat >upstream.js <<'END'
var __vatExports__ = (function(exports) {
Object.defineProperty(exports, Symbol.toStringTag, { value: "Module" });
//#region the form that vite gives a library
const { defineDurableKind, makeKindHandle } = VatData;
function buildRootObject(vatPowers, parameters, baggage) {
	if (!baggage.has("kind")) baggage.init("kind", makeKindHandle("hello"));
	defineDurableKind(baggage.get("kind"), () => ({}), { hello: () => `hello, ${parameters.name}` });
	const remotable = Object.create(Object.create(Object.prototype, {
		[Symbol.for("passStyle")]: { value: "remotable" },
		[Symbol.toStringTag]: { value: "Alleged: root" }
	}), {
		bootstrap: { value: () => "up", enumerable: true },
		hello: { value: () => `hello, ${parameters.name}`, enumerable: true }
	});
	return harden(remotable);
}
//#endregion
exports.buildRootObject = buildRootObject;
return exports;
})({});
END
jq -n --rawfile code upstream.js \
  '{moduleFormat: "iife", code: $code, exports: ["buildRootObject"], external: []}' >upstream.bundle
echo '{"bootstrap": "up", "vats": {"up": {"bundleSpec": "upstream.bundle", "parameters": {"name": "vatd"}}}}' >config.json
try vat run --config config.json -o json
is "$(jq -r .bootstrapResult.body <<<"$out")" '#"up"' "a bundle made by upstream's tools loads"
says "and its vat answers" '"hello, vatd"' vat call up hello
rm upstream.bundle
vat kill up >/dev/null
says "also after a restart without the file" '"hello, vatd"' vat call up hello
finish
