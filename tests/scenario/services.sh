#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kernel services: those of a host that embeds the kernel and drives it from its own poll loop (host.c), and kernelFacet, by
# which a system subcluster of the daemon controls the kernel.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

try vat bundle "$VATS/desk.js" -o desk.bundle
is "$status" 0 "the vat is bundled"

# ---- an embedding host ----

export VATD_PROGRAMS=$BUILD
coproc HOST { exec "$BUILD/tests/scenario_host" 2>host.err; }
host() { # host LINE: has it done and prints the answer
  printf '%s\n' "$1" >&"${HOST[1]}"
  local answer
  read -r -t 120 answer <&"${HOST[0]}" || answer="no answer: $(tail -3 host.err)"
  printf '%s\n' "$answer"
}
quietly() { printf '%s\n' "$1" >&"${HOST[1]}"; } # for what has no answer
config='{"bootstrap":"desk","services":["door"],"vats":{"desk":{"bundleSpec":"'$WORK'/desk.bundle"}}}'

is "$(host "open hub.sqlite")" open "a database is opened"
has "$(host "launch ${config//door/window}")" "INVALID: no registered kernel service 'window'" "an unknown service is refused"
has "$(host "launch $config")" '"body":"#\"door\""' "bootstrap gets the services that the configuration names"
is "$(host 'send desk ask ["door","knock",1,{"a":[true,null]}]')" '["knock",[1,{"a":[true,null]}]]' "plain data goes both ways"
is "$(host 'send desk measure ["door","take",{"$ref":"ko1"}]')" \
  "REJECTED: TypeError: target has no method \"weigh\", has [\"__getMethodNames__\",\"ask\",\"bootstrap\",\"echo\",\"measure\",\"offer\",\"relay\",\"tell\"]" \
  "a reference comes back as the object it was"
is "$(host 'send desk relay ["door","take",{"$ref":"ko1"}]')" '"hello"' "and can be called"
has "$(host 'send desk offer ["door"]')" '{"$ref":"ko' "a reference that a vat made goes through the service to the host"
is "$(host 'send desk ask ["door","fail"]')" "REJECTED: Error: the door is locked" "a service may throw"
has "$(host 'send desk ask ["door","bad"]')" "REJECTED: Error: there is no ko99999" "an answer that cannot be sent rejects the call"
is "$(host 'send desk echo [{"!$ref":"ko1","!!x":2}]')" '{"!!x":2,"!$ref":"ko1"}' "data that looks like a reference is none"
is "$(host 'send nobody echo [1]')" "NOT_FOUND: there is no vat 'nobody'" "a target that does not exist is an answer"
is "$(host 'request noSuchMethod')" "NO_METHOD: Method not found: noSuchMethod" "a method that does not exist too"
is "$(host 'request ping')" '"pong"' "methods go by name"

quietly later
is "$(host 'send desk ask ["door","slow"]')" "kept slow" "a call may be kept"
is "$(host 'request ping')" '"pong"' "the kernel goes on meanwhile"
calls='request executeDBQuery ["SELECT count(*) AS n FROM kv WHERE key LIKE '"'service.call.%'"'"]'
is "$(host "$calls")" '[{"n":"1"}]' "its row is there"
is "$(host 'answer "at last"')" '"at last"' "it is answered later"
is "$(host "$calls")" '[{"n":"0"}]' "which leaves no row"
is "$(host 'send desk ask ["door","slow"]')" "kept slow" "another call is kept"
is "$(host 'throw too late')" "REJECTED: Error: too late" "and ends with an exception"

is "$(host 'send desk ask ["door","never"]')" "kept never" "a call is kept once more"
quietly close
read -r -t 120 closed <&"${HOST[0]}"
is "$closed" "CLOSED: the kernel was closed first" "closing answers what was asked"
is "$(host "open hub.sqlite")" open "the database is opened again"
is "$(host 'send desk ask ["door","knock"]')" '["knock",[]]' "the vat's reference to the service is still good"
is "$(host "$calls")" '[{"n":"0"}]' "the call that was interrupted was ended"
has "$(host 'open hub.sqlite')" "BUSY: " "a second kernel on the same database is refused"
exec {HOST[1]}>&-
wait "$HOST_PID" 2>/dev/null
is "$?" 0 "the host ends well"
is "$(cat host.err)" "" "without a complaint"
unset VATD_PROGRAMS

# ---- system subclusters and kernelFacet ----

system='{"bootstrap":"desk","services":["kernelFacet"],"vats":{"desk":{"bundleSpec":"'$WORK'/desk.bundle"}}}'
mkdir -m 700 -p "$VATD_HOME"
declare_system() { # declare_system NAME...
  printf '%s\n' "$@" | jq -Rn --argjson config "$system" '{systemSubclusters: [inputs | {name: ., config: $config}]}' \
    >"$VATD_HOME/vatd.json"
}
declare_system desk
vat start >/dev/null
until_true vat call desk echo 1 >/dev/null 2>&1
says "a system subcluster is launched with the daemon" '"pong"' vat call desk ask kernelFacet ping
says "it sees the subclusters" '"s1"' jq '.[0].id' <<<"$(vat call desk ask kernelFacet getSubclusters)"
plain='{"bootstrap":"plain","vats":{"plain":{"bundleSpec":"'$WORK'/desk.bundle"}}}'
fails "it may not launch a program" 1 "a vat may not launch programs" \
  vat call desk ask kernelFacet launchSubcluster "{\"bootstrap\": \"c\", \"vats\": {\"c\": {\"programSpec\": \"$BUILD/counter-vat\"}}}"
says "it launches a subcluster" '"s2"' jq .subclusterId <<<"$(vat call desk ask kernelFacet launchSubcluster "$plain")"
says "and gets a root to call" '"hello"' vat call desk relay kernelFacet getPresence "$(root_of plain)"
says "it sends messages" '[1]' jq -c . <<<"$(vat call desk ask kernelFacet queueMessage "$(root_of plain)" echo '[[1]]')"
says "it finds the root of a system subcluster" '"hello"' vat call desk relay kernelFacet getSystemSubclusterRoot desk
says "it pings a vat" '"pong"' vat call desk ask kernelFacet pingVat v2
says "it asks for one subcluster" '"s2"' jq .id <<<"$(vat call desk ask kernelFacet getSubcluster s2)"
fails "one that does not exist is an error" 1 "Subcluster does not exist" vat call desk ask kernelFacet getSubcluster s9
fails "an unknown method is an error" 1 "kernelFacet has no method 'dance'" vat call desk ask kernelFacet dance
says "it names an object as a service" null vat call desk ask kernelFacet registerKernelServiceObject plain "$(root_of plain)"
jq '.services = ["plain"] | .vats = {user: .vats.plain} | .bootstrap = "user"' <<<"$plain" >user.json
try vat run --config user.json
is "$status" 0 "which others may then ask for"
says "and call" '"hi"' vat call user ask plain echo hi
says "it terminates a subcluster" null vat call desk ask kernelFacet terminateSubcluster s2
fails "whose vats are gone" 3 "no vat 'plain'" vat call plain echo 1
jq '.services = ["kernelFacet"] | .vats = {thief: .vats.user} | .bootstrap = "thief"' user.json >thief.json
fails "an ordinary subcluster does not get it" 1 "no registered kernel service 'kernelFacet'" vat run --config thief.json

kill_daemon
vat start >/dev/null
says "after a restart the system subcluster is the same" '"s1"' jq '.[0].id' <<<"$(vat call desk ask kernelFacet getSubclusters)"
vat stop >/dev/null
declare_system clerk
vat start >/dev/null
no_desk() { [ "$(sql "SELECT count(*) FROM kv WHERE key = 'systemSubcluster.desk'")" = 0 ]; }
until_true no_desk
is "$(sql "SELECT count(*) FROM kv WHERE key = 'systemSubcluster.desk'")" 0 "one that is not declared any more is terminated"
until_true vat ping desk >/dev/null 2>&1
is "$(sql "SELECT count(*) FROM kv WHERE key = 'systemSubcluster.clerk'")" 1 "and a new one launched"

vat stop >/dev/null
declare_system twin twin
fails "two of a name are refused" 1 "two system subclusters are named 'twin'" vat start
echo '{"systemSubcluster": []}' >"$VATD_HOME/vatd.json"
fails "a misspelt member is refused" 1 'unknown member "systemSubcluster"' vat start
echo '{' >"$VATD_HOME/vatd.json"
fails "a file that is not JSON is refused, with the place" 1 "vatd.json:" vat start
finish
