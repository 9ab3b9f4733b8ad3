#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The globals that a vat's configuration may ask for: each does what it says, exists only where it was granted, and what is not
# offered is refused by name. Timers are the kernel's: they end with the incarnation, and are each vat's own.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

try vat bundle "$VATS/clock.js" -o clock.bundle
is "$status" 0 "the vat is bundled"

# cluster NAME GLOBALS [MEMBERS]: writes NAME.json, a cluster of one vat of this name
cluster() {
  local more=${3-}
  jq -n --arg name "$1" --argjson globals "$2" --argjson more "${more:-null}" --arg bundle "$WORK/clock.bundle" \
    '{bootstrap: $name, vats: {($name): ({bundleSpec: $bundle, globals: $globals} + $more)}}' >"$1.json"
}
launch() {
  cluster "$@"
  try vat run --config "$1.json"
  is "$status" 0 "$1 is launched"
}
refused() { # refused SENTENCE PART GLOBALS [MEMBERS]
  cluster refused "${@:3}"
  fails "$1" 1 "$2" vat run --config refused.json
}
calls_under_way() {
  sql "SELECT count(*) FROM kv WHERE key LIKE 'service.call.%'"
}
calls_are() { [ "$(calls_under_way)" = "$1" ]; }

# ---- asking ----

refused "an unknown global is refused" 'vat "refused" requested unknown global "process"' '["Date","process"]'
refused "what is no name too" 'vat "refused" requested unknown global "(not a text)"' '[1]'
refused "globals are an array" 'globals must be an array' '"Date"'
refused "what vatd does not offer is refused by name" 'requested global "SubtleCrypto", which vatd does not offer' '["SubtleCrypto"]'
refused "fetch needs its hosts" 'fetch needs network: {allowedHosts' '["fetch"]'
refused "hosts are names" 'network.allowedHosts[0] is not a host name' '["fetch"]' '{"network":{"allowedHosts":["http://x"]}}'
refused "the names of kernel objects are not for the configuration" 'unknown member "kernelObjects"' '[]' \
  '{"kernelObjects":{"timer":"o-9"}}'

launch plain '[]'
for name in setTimeout setInterval clearTimeout clearInterval crypto fetch Request Headers Response TextEncoder TextDecoder URL \
  URLSearchParams atob btoa AbortController AbortSignal; do
  says "without being granted there is no $name" '"undefined"' vat call plain typeOf $name
done
fails "Date does not tell the time" 1 "secure mode" vat call plain now
says "plain has no kernel object" 0 sql "SELECT count(*) FROM kv WHERE key LIKE 'kernelService.vatd:%'"

# ---- timers ----

timers='["setTimeout","clearTimeout","setInterval","clearInterval"]'
launch clock "$timers" '{"parameters":{"a":[1,{"b":"c"}]}}'
says "the vat's parameters are its own" '{"a":[1,{"b":"c"}]}' jq -c . <<<"$(vat call clock parameters)"
says "what was not asked for is not there" '"undefined"' vat call clock typeOf crypto
says "a timer of the module's top level runs" '"early"' vat call clock early
says "callbacks run in the order of their times" '["first","second","third"]' jq -c . <<<"$(vat call clock order)"
says "what was cleared does not run" '["kept"]' jq -c . <<<"$(vat call clock cleared)"
says "an interval repeats, with its arguments, until it is cleared" '"3 a b"' vat call clock interval
says "a callback that throws harms nobody" '"alive"' vat call clock thrower
has "$(log_of clock)" "a timer's callback failed: Error: in a callback" "and is told of"
fails "a callback is a function" 1 "setTimeout needs a function" vat call clock noFunction
is "$(calls_under_way)" 0 "timers that are over or cleared leave nothing in the database"
says "the functions are hardened" true vat call clock frozen setTimeout

launch other "$timers"
says "another vat counts its own" '["first","second","third"]' jq -c . <<<"$(vat call other order)"
vat call clock later 3600000 >/dev/null
vat call other later 3600000 >/dev/null
until_true calls_are 2
is "$(calls_under_way)" 2 "two vats wait"
vat restart clock >/dev/null
until_true calls_are 1
is "$(calls_under_way)" 1 "a restart ends the timers of the vat, and no others"
says "the vat has timers after it" '"again"' vat call clock soon '"again"'
says "a timer ends with its incarnation" 0 vat call clock fired
vat kill other >/dev/null
until_true calls_are 0
is "$(calls_under_way)" 0 "so does a kill"
says "and the vat goes on" '"on"' vat call other soon '"on"'

vat call other later 3600000 >/dev/null
until_true calls_are 1
kill_daemon
vat start >/dev/null
says "timers work after the daemon was killed" '"back"' vat call other soon '"back"'
is "$(calls_under_way)" 0 "what waited then is gone"
says "and never ran" 0 vat call other fired
says "its timer has the same name as ever" 1 sql "SELECT count(*) FROM kv WHERE key LIKE 'v3.c.o-%'"

vat call other later 3600000 >/dev/null
until_true calls_are 1
vat terminate other >/dev/null
until_true calls_are 0
is "$(calls_under_way)" 0 "termination ends timers"
no_names() { [ "$(sql "SELECT count(*) FROM kv WHERE key = 'kernelService.vatd:timer:v3' OR key LIKE 'v3.c.%'")" = 0 ]; }
until_true no_names
verdict $? "and leaves no object behind" "$(sql "SELECT key FROM kv WHERE key LIKE '%v3%'")"

vat call clock many 1001 >/dev/null
told() { log_of clock | grep -q "more than 1000 timers"; }
until_true told
verdict $? "one timer too many is refused, and told of" "$(log_of clock | tail -3)"
until_true calls_are 1000
is "$(calls_under_way)" 1000 "the others wait"
vat restart clock >/dev/null
until_true calls_are 0
says "and end with the incarnation" '"fine"' vat call clock soon '"fine"'

# ---- time and chance ----

launch dater '["Date","Math","crypto"]'
says "Date tells the time" true jq -n --argjson told "$(vat call dater now)" '$told > 1700000000000 and $told <= (now + 1) * 1000'
says "and does what dates do" '[true,true,"1970-01-01T00:00:00.000Z",true,"string",0,1000]' jq -c . <<<"$(vat call dater dates)"
says "Math.random is random" '[true,1000,2,true]' jq -c . <<<"$(vat call dater random)"
says "crypto gives random values" '[true,true]' jq -c '[.[0], .[2]]' <<<"$(vat call dater crypto)"
has "$(vat call dater crypto | jq -r '.[1] | test("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")')" true "and UUIDs"
says "up to 65536 bytes" 65536 vat call dater tooRandom 65536
fails "and no more" 1 "QuotaExceededError" vat call dater tooRandom 65537
fails "floating point is no random value" 1 "TypeMismatchError" vat call dater floatRandom
says "without timers there are none" '"undefined"' vat call dater typeOf setTimeout
for name in Date Math crypto; do says "$name is frozen" true vat call dater frozen $name; done

# ---- fewer for all ----

vat stop >/dev/null
echo '{"allowedGlobalNames": ["Date"]}' >"$VATD_HOME/vatd.json"
vat start >/dev/null
refused "what the daemon does not allow is unknown" 'vat "refused" requested unknown global "Math"' '["Date","Math"]'
launch allowed '["Date"]'
says "who had it keeps it" true vat call dater frozen Math
vat stop >/dev/null
echo '{"allowedGlobalNames": ["Data"]}' >"$VATD_HOME/vatd.json"
fails "a misspelt name is refused" 1 'there is no global "Data" to allow' vat start
finish
