#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configurations that are wrong: each is refused with a complaint that says where, the daemon lives, and nothing is launched
# or allowed that would not have been.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

# ---- cluster configurations ----

vat start >/dev/null || exit 1
cp "$ROOT/examples/counter.js" "$WORK/a.js"

# cluster WHERE-OR-WHAT TEXT: refused with this complaint; a number is the line of the file, whose column is told too.
cluster() {
  printf '%b' "$2" >"$WORK/c.json"
  try vat run --config "$WORK/c.json"
  case $1 in [0-9]) expected="c.json:$1:" ;; *) expected=$1 ;; esac
  [ "$status" -eq 1 ] && [ -z "$out" ] && case $err in *"$expected"*) true ;; *) false ;; esac
  verdict $? "refused ($1): ${2:0:70}" "expected: $expected
got:      $err $out (exit status $status)"
}
A='"vats":{"a":{"sourceSpec":"a.js"}}'
cluster 1 ''
cluster 1 '{'
cluster 1 '}'
cluster 1 'bootstrap: a'
cluster 1 '\xff\xfe{\0}\0'
cluster 1 '\xef\xbb\xbf{}'
cluster 1 '\0\0\0\0'
cluster 1 '{"bootstrap":"a",,}'
cluster 3 '{\n"bootstrap":"a",\n}'
cluster 2 '{"bootstrap":"a",\n"bootstrap":"b"}'
cluster 4 '{"bootstrap":"a",\n"vats":{\n"a":{"sourceSpec":"a.js"},\n"a":{"sourceSpec":"b.js"}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"\xc3":{}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"\\ud800":{}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"\\u0000":{}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"a":{"parameters":1e999}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"a":{"parameters":99999999999999999999}}}'
cluster 2 '{"bootstrap":"a",\n"vats":{"a":{"parameters":"a tab	"}}}'
cluster 3 "{\"bootstrap\":\"a\",$A}\n\nextra"
cluster "maximum parsing depth" "$(printf '[%.0s' {1..5000})"
cluster "is a JSON object" '[]'
cluster 1 '"text"'
cluster "vats" '{}'
cluster "vats" '{"bootstrap":"a","vats":{}}'
cluster "vats" '{"bootstrap":"a","vats":[]}'
cluster "vats" '{"bootstrap":"a","vats":null}'
cluster "bootstrap" "{$A}"
cluster "bootstrap" "{\"bootstrap\":1,$A}"
cluster '"b" is not in `vats`' "{\"bootstrap\":\"b\",$A}"
cluster '"a" must be an object' '{"bootstrap":"a","vats":{"a":"a.js"}}'
cluster '"a"' '{"bootstrap":"a","vats":{"a":{}}}'
cluster 'sourceSpec must be a string' '{"bootstrap":"a","vats":{"a":{"sourceSpec":5}}}'
cluster '"a"' '{"bootstrap":"a","vats":{"a":{"sourceSpec":"file:///nowhere.js","bundleSpec":"file:///nowhere"}}}'
cluster "nowhere" '{"bootstrap":"a","vats":{"a":{"sourceSpec":"file:///nowhere.js"}}}'
cluster "vat name" '{"bootstrap":"","vats":{"":{"sourceSpec":"a.js"}}}'
cluster "vat name" '{"bootstrap":"a\\n","vats":{"a\\n":{"sourceSpec":"a.js"}}}'
cluster "services" "{\"bootstrap\":\"a\",\"services\":{},$A}"
cluster "services" "{\"bootstrap\":\"a\",\"services\":[1],$A}"
cluster "no registered kernel service 'missile'" "{\"bootstrap\":\"a\",\"services\":[\"missile\"],$A}"
cluster "globals must be an array" '{"bootstrap":"a","vats":{"a":{"sourceSpec":"a.js","globals":"fetch"}}}'
cluster 'unknown global "process"' '{"bootstrap":"a","vats":{"a":{"sourceSpec":"a.js","globals":["process"]}}}'
cluster "fetch needs network" '{"bootstrap":"a","vats":{"a":{"sourceSpec":"a.js","globals":["fetch"]}}}'
cluster "kernelObjects" '{"bootstrap":"a","vats":{"a":{"sourceSpec":"a.js","kernelObjects":{"x":"ko1"}}}}'
cluster "io" "{\"bootstrap\":\"a\",\"io\":[],$A}"
cluster 'c.json: invalid cluster config: unknown member "vat"; there are bootstrap, vats, services, io' "{\"bootstrap\":\"a\",\"vat\":{},$A}"
V='{"bootstrap":"a","vats":{"a":{"sourceSpec":"a.js",'
cluster 'c.json: invalid cluster config: vat "a": unknown member "idel"; there are sourceSpec' "$V"'"idel":"sleep"}}}'
cluster 'vat "a": idle must be "stay", "hibernate" or "sleep"' "$V"'"idle":"doze"}}}'
cluster 'vat "a": idle must be' "$V"'"idle":null}}}'
cluster 'vat "a": idle must be' "$V"'"idle":{"sleep":true}}}}'
cluster 'vat "a": unknown member "limit"; there are' "$V"'"limit":{"heapBytes":1}}}}'
cluster 'vat "a": limits: unknown member "heapbytes"; there are computrons, heapBytes' "$V"'"limits":{"heapbytes":99999999}}}}'
cluster 'vat "a": faults: unknown member "strike"; there are strikes, crashes, then' "$V"'"faults":{"strike":1}}}}'
cluster 'vat "a": faults.then must be "suspend" or "terminate"' "$V"'"faults":{"then":"kill"}}}}'
cluster 'vat "a": network: unknown member "allowedHost"; there are allowedHosts, timeoutMs, maxBytes' "$V"'"network":{"allowedHost":[]}}}}'
cluster 'io channel "c": unknown member "unti"; there are type' "{\"bootstrap\":\"a\",\"io\":{\"c\":{\"type\":\"console\",\"unti\":\"line\"}},$A}"
cluster "type must be" "{\"bootstrap\":\"a\",\"io\":{\"c\":{\"type\":\"gun\"}},$A}"
fails "a configuration that is not there" 3 "No such file" vat run --config "$WORK/none.json"
is "$(vat ls)" "" "none of these has launched anything"
printf '%s"creationOptions":{}}},"forceReset":true,"bundles":{}}' "$V" >"$WORK/c.json"
try vat run --config "$WORK/c.json"
is "$status" 0 "what the TypeScript kernel's configurations have besides is no mistake"

# ---- the daemon's configuration ----

new_home
mkdir -m 700 "$VATD_HOME"

# daemon WHERE-OR-WHAT TEXT: vatd does not start with it.
daemon() {
  printf '%b' "$2" >"$VATD_HOME/vatd.json"
  case $1 in [0-9]) expected="vatd.json:$1:" ;; *) expected=$1 ;; esac
  fails "vatd.json, refused ($1): ${2:0:60}" 1 "$expected" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
}
daemon 1 ''
daemon 1 'allowedGlobalNames = []'
daemon 1 '\0'
daemon 3 '{"allowedGlobalNames": []\n,\n}'
daemon 2 '{"allowedGlobalNames": [],\n"allowedGlobalNames": ["fetch"]}'
daemon 2 '{"allowedGlobalNames":\n["\xff"]}'
daemon 1 '{"allowedGlobalNames": []'
daemon "not a JSON object" '[]'
daemon 'unknown member "allowedGlobals"' '{"allowedGlobals": []}'
daemon '"allowedGlobalNames" must be an array' '{"allowedGlobalNames": null}'
daemon '"allowedGlobalNames" must be an array' '{"allowedGlobalNames": "fetch"}'
daemon 'there is no global "fetsh"' '{"allowedGlobalNames": ["fetsh"]}'
daemon 'there is no global "(not a text)"' '{"allowedGlobalNames": [["fetch"]]}'
daemon '"systemSubclusters" must be an array' '{"systemSubclusters": {}}'
daemon 'has no name' '{"systemSubclusters": [5]}'
daemon 'unknown member "conf"; there are name, config' '{"systemSubclusters": [{"name": "x", "conf": {}}]}'
daemon "system subcluster 'x'" '{"systemSubclusters": [{"name": "x"}]}'
daemon "more than 512 levels" "{\"systemSubclusters\": $(printf '[%.0s' {1..600})"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$VATD_HOME/vatd.json"
fails "vatd.json, refused: too long" 1 "more than 1048576 bytes" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
rm "$VATD_HOME/vatd.json"
ln -s "$WORK/nowhere" "$VATD_HOME/vatd.json"
fails "a link to nowhere is not the same as no configuration" 1 "vatd.json" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
rm "$VATD_HOME/vatd.json"
mkfifo "$VATD_HOME/vatd.json"
fails "nor is a pipe" 1 "not a file" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
rm "$VATD_HOME/vatd.json"
mkdir "$VATD_HOME/vatd.json"
fails "nor a directory" 1 "not a file" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
rmdir "$VATD_HOME/vatd.json"
fails "a file that is named has to be there" 1 "No such file" timeout 60 "$BUILD/vatd" --home "$VATD_HOME" --config "$WORK/none.json"
echo '{"allowedGlobalNames": []}' >"$VATD_HOME/vatd.json"
says "a good one is taken" "vatd is running (pid $(vat start >/dev/null; daemon_pid))" vat start
cp "$ROOT/examples/counter.js" "$WORK/b.js"
echo '{"bootstrap":"b","vats":{"b":{"sourceSpec":"b.js","globals":["setTimeout"]}}}' >"$WORK/b.json"
fails "and keeps what it says" 1 "setTimeout" vat run --config "$WORK/b.json"
finish
