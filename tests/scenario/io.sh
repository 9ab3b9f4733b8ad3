#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# IO channels: what `io` in a cluster configuration names, as objects with read() and write(). Clients are rpc_line and bash.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

try vat bundle "$VATS/desk.js" -o desk.bundle
is "$status" 0 "the vat is bundled"
port=$((20000 + $$ % 20000))
printf 'one\ntwo\nlast' >in.txt
cluster() { # cluster NAME IO-JSON
  jq -n --arg name "$1" --arg spec "$WORK/desk.bundle" --argjson io "$2" \
    '{bootstrap: $name, io: $io, vats: {($name): {bundleSpec: $spec}}}' >"$1.json"
}
ask() { vat call "$@"; }

cluster desk '{
  "door": {"type": "socket", "path": "'$WORK'/door.sock"},
  "port": {"type": "listen", "port": '$port'},
  "input": {"type": "file", "path": "'$WORK'/in.txt", "direction": "in"},
  "output": {"type": "file", "path": "'$WORK'/out.txt", "direction": "out"},
  "whole": {"type": "file", "path": "'$WORK'/in.txt", "direction": "in", "unit": "string"},
  "nowhere": {"type": "file", "path": "'$WORK'/no/such/file", "direction": "in"}
}'
try vat run --config desk.json
is "$status" 0 "a subcluster with channels is launched"

says "a file is read line by line" '"one"' ask desk ask input read
says "the next line" '"two"' ask desk ask input read
says "a last line without a newline is one" '"last"' ask desk ask input read
says "then there is null" null ask desk ask input read
says "again and again" null ask desk ask input read
says "as a string it is read at once" '"one\ntwo\nlast"' ask desk ask whole read
says "a file is written at its end" null ask desk ask output write first
says "line by line" null ask desk ask output write second
is "$(cat out.txt)" $'first\nsecond' "the lines are in the file"
fails "a channel for output cannot be read" 1 "io:s1:output is write-only" ask desk ask output read
fails "a channel for input cannot be written" 1 "io:s1:input is read-only" ask desk ask input write x
fails "a channel that could not be opened says why" 1 "No such file or directory" ask desk ask nowhere read
fails "a channel has two methods" 1 "has read() and write() only" ask desk ask door close
fails "only text can be written" 1 "write() takes a text" ask desk ask output write 7

is "$(stat -c %a door.sock)" 600 "the socket is for its owner only"
fails "nobody is connected" 1 "no client is connected" ask desk ask door write hello
client() { timeout 120 "$BUILD/tests/rpc_line" "$1"; }
mkfifo to
client door.sock <to >from &
client=$!
exec 5>to
echo "good morning" >&5
says "a client's line is read" '"good morning"' ask desk ask door read
says "and answered" null ask desk ask door write "good evening"
begin waiting ask desk ask door read
queued() { [ "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'service.call.%'")" = 1 ]; }
until_true queued
echo "late" >&5
outcome waiting
is "$out" '"late"' "a read waits for its line"
exec 5>&-
wait "$client"
is "$(cat from)" "good evening" "the client has got the answer"
says "the client's end is null" null ask desk ask door read
begin waiting ask desk ask door read
until_true queued
printf 'next client\n' | client door.sock
outcome waiting
is "$out" '"next client"' "then the next client is served"

begin waiting ask desk ask port read
until_true queued
printf 'over TCP\n' >"/dev/tcp/127.0.0.1/$port"
outcome waiting
is "$out" '"over TCP"' "a TCP port is listened on"
says "whose client's end is null too" null ask desk ask port read

begin interrupted ask desk ask port read
until_true queued
kill_daemon
outcome interrupted
vat start >/dev/null
says "channels are back after kill -9 of the daemon" null ask desk ask output write third
is "$(cat out.txt)" $'first\nsecond\nthird' "and the vat's references to them are good"
says "a file begins anew" '"one"' ask desk ask input read
is "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'service.call.%'")" 0 "the read that was interrupted is not forgotten"

vat terminate s1 >/dev/null
is "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'kernelService.io:%'")" 0 "with the subcluster its channels go"
fails "and nobody listens any more" 1 "Connection refused" client door.sock </dev/null

cluster bad '{"x": {"type": "network"}}'
fails "a type that is not offered is refused" 1 'io channel "x": type must be' vat run --config bad.json
cluster bad '{"x": {"type": "file", "path": "/x", "direction": "up"}}'
fails "an unknown direction is refused" 1 "direction must be in, out or inout" vat run --config bad.json
cluster bad '{"x": {"type": "file", "path": "/x", "unit": "bytes"}}'
fails "a unit that is not offered is refused" 1 "unit must be line or string" vat run --config bad.json

vat stop >/dev/null
cluster console '{"console": {"type": "console"}}'
mkfifo stdin
timeout 120 "$BIN/vatd" --home "$VATD_HOME" <stdin >stdout 2>/dev/null &
exec 7>stdin
until_true [ -S "$VATD_HOME/vatd.sock" ] # `vat` would start another daemon
vat run --config console.json >/dev/null
says "the console can be written" null ask console ask console write "hello, operator"
is "$(cat stdout)" "hello, operator" "on the daemon's standard output"
echo "hello, vat" >&7
says "and read from its standard input" '"hello, vat"' ask console ask console read
exec 7>&-
says "up to its end" null ask console ask console read
finish
