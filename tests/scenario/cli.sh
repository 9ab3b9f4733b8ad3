#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line and the socket behind it, as people and programs meet them.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

# ---- without a daemon ----

fails "an unknown verb is a usage error" 2 'unknown verb "frobnicate"' vat frobnicate
fails "a verb that is nearly right is suggested" 2 'did you mean "call"?' vat cal counter increment
fails "a missing word is a usage error" 2 "too few words; it is: vat call TARGET METHOD" vat call counter
fails "a word too many is a usage error" 2 '"two" is one word too many' vat ping one two
fails "an unknown option is a usage error" 2 "unknown option --loud" vat ls --loud
fails "an option without its value is a usage error" 2 "--home needs a value" vat ls --home
fails "another form of output is a usage error" 2 '--output is text or json, not "xml"' vat ls -o xml
fails "vat reset wants --force" 2 "this deletes all vats" vat reset
try vat --help
is "$status" 0 "vat --help succeeds"
has "$out" "vat run" "and explains on standard output"
try vat help call
has "$out" "TARGET METHOD" "vat help explains a verb"
says "vat --version and vat version are the same" "$(vat version)" vat --version
try vat status
is "$status $out" "3 vatd is not running (home $VATD_HOME)" "and ends with 3"
is "$(vat status -o json | jq -r .running)" false "vat status -o json says it to programs"
says "vat stop without a daemon has nothing to do" "vatd was not running" vat stop
[ ! -e "$VATD_HOME" ]
verdict $? "none of this has made anything" "$(ls -la "$VATD_HOME" 2>&1)"

# ---- where ----

is "$(vat where -o json | jq -r '[.home, .database, .socket, .pid, .log] | join(" ")')" \
  "$VATD_HOME $VATD_HOME/vatd.sqlite $VATD_HOME/vatd.sock $VATD_HOME/vatd.pid $VATD_HOME/vatd.log" "vat where knows its files"
is "$(vat where --home "$WORK/elsewhere" -o json | jq -r .home)" "$WORK/elsewhere" "--home goes before \$VATD_HOME"
is "$(env -u VATD_HOME XDG_STATE_HOME=/x "$BIN/vat" where -o json | jq -r .home)" /x/vatd "then comes \$XDG_STATE_HOME"
is "$(env -u VATD_HOME -u XDG_STATE_HOME HOME=/h "$BIN/vat" where -o json | jq -r .home)" /h/.local/state/vatd "then ~/.local/state"

# ---- the daemon and its home ----

for i in 1 2 3 4 5; do
  begin "start$i" vat start
done
pids=
for i in 1 2 3 4 5; do
  outcome "start$i"
  pids="$pids$out $status
"
done
is "$(sort -u <<<"$pids" | grep .)" "vatd is running (pid $(daemon_pid)) 0" "five commands that start the daemon at once get the same one"
is "$(stat -c '%a' "$VATD_HOME" "$VATD_HOME/vatd.sock" "$VATD_HOME/vatd.sqlite" "$VATD_HOME/vatd.log" "$VATD_HOME/vatd.pid" | tr '\n' ' ')" \
  "700 600 600 600 600 " "home and files are for their owner only"
fails "a second daemon on the same home is refused" 1 "vatd" timeout 120 "$BUILD/vatd" --home "$VATD_HOME"
has "$err" "$VATD_HOME" "and told where"
says "the first one still answers" "vatd is running (pid $(daemon_pid))" vat start
mkdir -m 755 "$WORK/open"
vat --home "$WORK/open" start >/dev/null
is "$(stat -c '%a' "$WORK/open")" 700 "a home that others could enter is closed"
vat --home "$WORK/open" stop >/dev/null
[ ! -e "$WORK/open/vatd.sock" ] && [ ! -e "$WORK/open/vatd.pid" ]
verdict $? "a stop in order leaves neither socket nor pid" "$(ls "$WORK/open")"
fails "the daemon refuses options it does not know" 2 "vatd --help" timeout 120 "$BUILD/vatd" --loud
fails "an empty name of a home is no home, for the daemon" 1 "no home directory" timeout 120 "$BUILD/vatd" --home ""
fails "nor for vat" 1 "no home directory" vat --home "" ls

# ---- calls ----

try vat ls
is "$status $out" "0 " "vat ls of no vats prints nothing"
vat run --config "$VATS/peers.json" >/dev/null || exit 1
fails "an unknown target is not found" 3 "there is no vat 'nobody'" vat call nobody give 1
fails "an unknown reference is not found" 3 "there is no ko999" vat call ko999 give 1
fails "an unknown reference as an argument is not found" 3 "there is no ko999" vat call alice give ko999
fails "an unknown method fails" 1 'TypeError: target has no method "frobnicate"' vat call alice frobnicate
says "a number is a number" 1.5 vat call alice give 1.5
says "a negative number is no option" -3 vat call alice give -3
says "a JSON text is JSON" '{"a": [1, null, true, "b"]}' vat call alice give '{"a":[1,null,true,"b"]}'
says "a word that is not JSON is a string" '"hello world"' vat call alice give 'hello world'
says "a JSON string is a string" '"5"' vat call alice give '"5"'
says "broken JSON is a string" '"{\"a\": "' vat call alice give '{"a": '
says "true and null are themselves" '[true, null]' vat call alice waitBoth true null
says "a reference is a reference" ko2 vat call alice give ko2
says "a quoted reference is a string" '"ko2"' vat call alice give '"ko2"'
says "a reference within JSON" '{"to": "ko2"}' vat call alice give '{"to": {"$ref": "ko2"}}'
says "a bigint within JSON" '"12345678901234567890n"' vat call alice give '{"$bigint": "12345678901234567890"}'
says "strings that look like codes stay strings" '["#undefined", "!x", "$0", "&1", "%s", "+7", "-7"]' \
  vat call alice give '["#undefined", "!x", "$0", "&1", "%s", "+7", "-7"]'
says "characters beyond ASCII stay as they are" '"žluťoučký 🐎"' vat call alice give 'žluťoučký 🐎'
fails "a number that no double holds is refused" 2 "" vat call alice give 123456789012345678901234567890
fails "words that are not UTF-8 are refused" 2 "UTF-8" vat call alice give $'\xff'
says "undefined prints as undefined" undefined vat call alice say hello
fails "a rejection prints name and message" 1 "TypeError: no" vat call alice throwBack no
is "$err" "TypeError: no" "and nothing else"
object=$(vat call alice makeObject q)
says "an object that an answer names can be called" '"q greets Ada"' vat call "$object" greet Ada
says "or handed to another vat" '"q greets Bea"' vat call bob greetThrough "$object" Bea
is "$(vat call alice give ko2 --raw | jq -c '[.slots, (.body | startswith("#\"$0"))]')" '[["ko2"],true]' "--raw prints capdata"
says "options may stand anywhere behind the verb" '{"body": "#5", "slots": []}' vat call --raw alice give 5
says "after -- nothing is an option" '"--raw"' vat call alice give -- --raw
says "-o json prints a reference as a string" '"ko2"' vat call alice give ko2 -o json

# ---- looking ----

is "$(vat ls -o json | jq -c '[.[] | [.id, .name, .root, .state, .subcluster, (.pid | type)]]')" \
  '[["v1","alice","ko1","running","s1","number"],["v2","bob","ko2","running","s1","number"]]' "vat ls -o json"
is "$(vat ls | awk '{ print $1, $2, $3, $4 }')" "NAME ID ROOT STATE
alice v1 ko1 running
bob v2 ko2 running" "vat ls"
is "$(vat show bob -o json | jq -c '[.id, .name, .root, .state, .subcluster, (.config | type), (.bundle | length), (.keys > 10)]')" \
  '["v2","bob","ko2","running","s1","object",64,true]' "vat show -o json"
is "$(vat show v2 -o json | jq -r .name)" bob "a vat goes by its id too"
fails "vat show of nobody" 3 "there is no vat 'nobody'" vat show nobody
is "$(vat store alice --prefix baggage)" $'baggageID\to+d6/1' "vat store --prefix"
is "$(vat store alice --prefix baggage -o json)" '[["baggageID", "o+d6/1"]]' "vat store --prefix -o json"
is "$(vat store alice -o json | jq -c 'map(.[0]) | . == sort')" true "vat store is in key order"
says "vat store of a prefix nobody has" "" vat store alice --prefix zzz
fails "vat store of nobody" 3 "there is no vat" vat store nobody
is "$(vat sql 'SELECT id, name FROM v_vat' -o json)" '[{"id": "v1", "name": "alice"}, {"id": "v2", "name": "bob"}]' "vat sql -o json"
is "$(vat sql 'SELECT id, name FROM v_vat')" "id  name
v1  alice
v2  bob" "vat sql"
fails "vat sql only reads" 1 "may only read" vat sql "DELETE FROM kv"
fails "vat sql reports what SQL does not understand" 1 "syntax error" vat sql "SELEC 1"
is "$(vat sql 'SELECT count(*) AS n FROM kv_vatstore' -o json | jq -r '.[0].n')" "$((2 * $(vat show bob -o json | jq .keys)))" \
  "after it nothing has changed"
is "$(vat status -o json | jq -c '[.running, (.vats | length), (.subclusters | length), .pid, .remoteComms.state]')" \
  "[true,2,1,$(daemon_pid),\"disconnected\"]" "vat status -o json"

# ---- log ----

vat call alice say 'one line' 2 '{"three": 3}' >/dev/null
vat call bob warn careful >/dev/null
is "$(vat log -n 2 | cut -d' ' -f2-)" "alice log: one line 2 $(log_of alice | tail -1 | cut -d' ' -f4-)
bob warn: careful" "vat log shows what vats say"
is "$(vat log -n 1 -o json | jq -c '[.vat, .name, .level, .text, (.time | length)]')" '["v2","bob","warn","careful",24]' \
  "vat log -o json"
says "vat log -n 0 shows nothing" "" vat log -n 0
fails "vat log -n wants a number" 2 "is a number" vat log -n many
begin follow vat log -f -n 1 -o json
until_true grep -q careful "$WORK/follow.out"
vat call alice say 'while you wait' >/dev/null
until_true grep -q 'while you wait' "$WORK/follow.out"
verdict $? "vat log -f shows lines as they come" "$(cat "$WORK/follow.out")"
vat call alice say $'\e[31mred\e[0m' >/dev/null
hasnt "$(vat log -n 1)" $'\e' "control characters of a vat do not reach the terminal"
vat stop >/dev/null
outcome follow
is "$status" 0 "vat log -f ends with the daemon"
is "$(vat log -n 100 -o json | jq -r 'select(.name == "bob") | .text')" careful "the log outlives the daemon"

# ---- kill, ping, restart ----

fails "a vat that is asleep has nothing to kill" 1 "no worker" vat kill alice
says "vat ping starts it" "pong from alice" vat ping alice
says "vat kill kills it" "killed alice" vat kill alice
says "the next call starts it again" 1 vat call alice give 1
says "vat restart" "restarted alice" vat restart alice
fails "vat ping of nobody" 3 "there is no vat" vat ping nobody
fails "vat kill of nobody" 3 "there is no vat" vat kill nobody
fails "vat restart of nobody" 3 "there is no vat" vat restart nobody
fails "vat terminate of nobody" 3 "there is no vat" vat terminate nobody
fails "vat terminate of no subcluster" 3 "Subcluster does not exist: s99" vat terminate s99

# ---- one vat does not disturb another ----

vat run "$VATS/keeper.js" >/dev/null
is_busy() {
  sql "SELECT count(*) FROM v_queue WHERE queue = 'run' AND method = 'loop'" | grep -qx 1
}
begin loop vat call keeper loop
until_true is_busy
says "while one vat loops, another answers" '"here"' vat call alice give here
says "also through a third" '"there"' vat call alice give there
is "$(vat show keeper -o json | jq -r .state)" running "the one that loops can be looked at"
says "and ended" "terminated keeper" vat terminate keeper
outcome loop
has "$err" "[KERNEL:VAT_TERMINATED]" "then its caller is told"

# ---- the socket ----

code_of() {
  jq -r '.error.code // "none"'
}
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "ping"}' | jq -cS .)" '{"id":1,"jsonrpc":"2.0","result":"pong"}' "a request gets its answer"
is "$(rpc '{"jsonrpc": "2.0", "id": "a", "method": "ping"}' '{"jsonrpc": "2.0", "id": 2, "method": "ping"}' | jq -c .id | tr '\n' ' ')" \
  '"a" 2 ' "a connection takes several, each with its id"
is "$(rpc '{"jsonrpc": "2.0", "method": "ping"}')" "" "without an id there is no answer"
is "$(rpc '' '' | wc -c)" 0 "empty lines are nothing"
is "$(rpc 'no json' | code_of)" -32700 "what is not JSON is a parse error"
is "$(rpc 'no json' | jq -c .id)" null "whose id is null"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}' | code_of)" -32700 "a member twice is a parse error"
is "$(rpc $'{"jsonrpc": "2.0", "id": "\xff", "method": "ping"}' | code_of)" -32700 "what is not UTF-8 is a parse error"
is "$(rpc "$(printf '[%.0s' {1..5000})" | code_of)" -32600 "too deep nesting is no request"
for request in '[]' '5' '"ping"' 'null' '{}' '{"jsonrpc": "2.0", "id": 1}' '{"jsonrpc": "1.0", "id": 1, "method": "ping"}' \
  '{"jsonrpc": "2.0", "id": {}, "method": "ping"}' '{"jsonrpc": "2.0", "id": 1, "method": 5}' \
  '{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": 5}' '[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]'; do
  is "$(rpc "$request" | code_of)" -32600 "$request is no request"
done
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "frobnicate"}' | code_of)" -32601 "an unknown method"
for request in '"method": "queueMessage"' '"method": "queueMessage", "params": []' \
  '"method": "queueMessage", "params": ["alice", 5, []]' '"method": "queueMessage", "params": ["alice", "give", 5]' \
  '"method": "terminateVat", "params": {}' '"method": "executeDBQuery", "params": {"sql": null}' \
  '"method": "readVatStore", "params": {"vat": "alice", "limit": -1}'; do
  is "$(rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, $request}" | code_of)" -32602 "{$request} has wrong parameters"
done
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "launchSubcluster", "params": {"config": {}}}' | jq -r .error.message)" \
  'invalid cluster config: `vats` must be an object with at least one vat' "launchSubcluster checks the configuration"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "launchSubcluster"}' | jq -r '.error.message')" 'invalid cluster config: not an object' \
  "also when there is none"
is "$(rpc 'no json' '{"jsonrpc": "2.0", "id": 3, "method": "ping"}' | jq -c '[.id, .result]' | tr '\n' ' ')" '[null,null] [3,"pong"] ' \
  "after a bad line the next one is heard"
is "$(printf '{"jsonrpc": "2.0", "id": 1, "method": "ping"' | "$BUILD/tests/rpc_line" "$VATD_HOME/vatd.sock" | code_of)" -32700 \
  "a request that is cut off is a parse error"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": ["ko1", "give", [[1, {"$ref": "ko2"}]]]}' | jq -c .result.slots)" \
  '["ko2"]' "queueMessage takes plain JSON"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": {"target": "alice", "method": "give", "args": {"body": "#[[1,\"$0\"]]", "slots": ["ko2"]}}}' | jq -c .result.slots)" \
  '["ko2"]' "and capdata"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": ["alice", "throwBack", ["no"]]}' | jq -c '[.error.message, .error.data.code, (.error.data.rejection.body | contains("TypeError"))]')" \
  '["TypeError: no","REJECTED",true]' "a rejection comes with its capdata"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": ["alice", "give", [{"$ref": "xx"}]]}' | jq -r '.error | type')" object \
  "a malformed reference is refused"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "pingVat", "params": {"id": "v1"}}' | jq -r .result)" pong "pingVat"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "isRevoked", "params": {"kref": "ko1"}}' | jq -r .result)" false "isRevoked"
object=$(vat call alice makeObject q)
is "$(rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"revoke\", \"params\": {\"kref\": \"$object\"}}" | jq -c .result)" null "revoke"
fails "a revoked object answers nobody outside" 1 "[KERNEL:OBJECT_REVOKED]" vat call "$object" greet Ada
fails "nor a vat" 1 "[KERNEL:OBJECT_REVOKED]" vat call bob greetThrough "$object" Ada
is "$(rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"isRevoked\", \"params\": {\"kref\": \"$object\"}}" | jq -r .result)" true \
  "isRevoked of a revoked one"
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "executeDBQuery", "params": {"sql": "SELECT 1 AS one"}}' | jq -c .result)" '[{"one":"1"}]' \
  "executeDBQuery"
says "the daemon has lived through all of it" 1 vat call alice give 1

# ---- idempotency ----

vat run "$ROOT/examples/counter.js" >/dev/null
request='{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": {"target": "counter", "method": "increment", "args": [], "idempotencyKey": "k1"}}'
is "$(rpc "$request" | jq -r .result.body) $(rpc "$request" | jq -r .result.body)" "#1 #1" "a key asked twice gives one answer twice"
is "$(rpc "$request" "$request" | jq -r .result.body | tr '\n' ' ')" "#1 #1 " "also within one connection"
kill_daemon
vat start >/dev/null
is "$(rpc "$request" | jq -r .result.body)" "#1" "and after kill -9 of the daemon"
is "$(rpc "${request/k1/k2}" | jq -r .result.body)" "#2" "another key is another message"
says "vat call --key" 3 vat call counter increment --key k3
says "vat call --key again" 3 vat call counter increment --key k3
says "the counter counted each once" 3 vat call counter read
first=$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": {"target": "alice", "method": "throwBack", "args": ["no"], "idempotencyKey": "k4"}}')
is "$(rpc '{"jsonrpc": "2.0", "id": 1, "method": "queueMessage", "params": {"target": "alice", "method": "throwBack", "args": ["no"], "idempotencyKey": "k4"}}')" \
  "$first" "a rejection is remembered too"
first=$(vat run "$ROOT/examples/counter.js" --name again --key k5)
says "vat run --key" "$first" vat run "$ROOT/examples/counter.js" --name again --key k5
worker=$(vat show counter -o json | jq -r .pid)
kill -STOP "$worker"
begin one vat call counter increment --key k6
is_queued() {
  sql "SELECT count(*) FROM v_queue WHERE queue = 'run'" | grep -qx 1
}
until_true is_queued
begin two vat call counter increment --key k6
kill -CONT "$worker"
outcome one
answers=$out
outcome two
is "$answers $out" "4 4" "a key that is asked again while the first is under way waits for the same answer"

# ---- reset ----

says "vat reset --force" "all vats are gone" vat reset --force
is "$(vat ls -o json)" "[]" "then there are no vats"
is "$(sql 'SELECT (SELECT count(*) FROM kv_vatstore) + (SELECT count(*) FROM bundle)')" 0 "nor anything they kept"
says "and ids begin anew" "counter  v1  ko1" vat run "$ROOT/examples/counter.js"
vat stop >/dev/null
says "without a daemon it works too" "all vats are gone" vat reset --force
says "and ids begin anew again" "counter  v1  ko1" vat run "$ROOT/examples/counter.js"
vat stop >/dev/null
timeout 120 "$BUILD/vatd" --detach --reset --home "$VATD_HOME"
is "$(vat ls -o json)" "[]" "vatd --reset does the same"
vat stop >/dev/null
printf 'not a database, but long enough to be taken for the header of one' >"$VATD_HOME/vatd.sqlite"
try vat ls
is "$status" 1 "a database that is none is refused"
has "$err" "vatd.sqlite" "and named"
says "vat reset --force gets rid of it" "all vats are gone" vat reset --force
says "then all is well" "counter  v1  ko1" vat run "$ROOT/examples/counter.js"
finish
