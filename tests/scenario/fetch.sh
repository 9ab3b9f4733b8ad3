#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch, with a server of our own: what a vat may reach is what its configuration says, also by way of redirects and of names
# that lead to private addresses; and the globals around it.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
cd "$WORK" || exit 1

try vat bundle "$VATS/reader.js" -o reader.bundle
is "$status" 0 "the vat is bundled"
coproc SERVER { exec node "$ROOT/tests/scenario/http_server.mjs" 2>server.err; }
read -r -t 60 -u "${SERVER[0]}" port
here=http://127.0.0.1:$port
all='["fetch","Request","Headers","Response","TextEncoder","TextDecoder","URL","URLSearchParams","atob","btoa","AbortController","AbortSignal"]'

launch() { # launch NAME GLOBALS NETWORK
  jq -n --arg name "$1" --argjson globals "$2" --argjson network "$3" --arg bundle "$WORK/reader.bundle" \
    '{bootstrap: $name, vats: {($name): {bundleSpec: $bundle, globals: $globals, network: $network}}}' >"$1.json"
  try vat run --config "$1.json"
  is "$status" 0 "$1 is launched"
}
get() { vat call "$@" | jq -c .; }
calls_are() { [ "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'service.call.%'")" = "$1" ]; }

# ---- fetch ----

launch reader "$all" '{"allowedHosts":["127.0.0.1"]}'
says "a text is fetched" '[200,true,"grüß dich"]' get reader text "\"$here/hello\""
says "with what is said about it" '[200,"OK","a, b",false,"'"$here"'/hello"]' get reader parts "\"$here/hello\""
says "JSON is parsed" '{"a":[1,null]}' get reader json "\"$here/json\""
says "a status is no exception" '[404,false,"nothing here"]' get reader text "\"$here/nowhere\""
says "method, headers and body are sent" '[201,true,"[\"PUT\",\"me\",\"text/plain;charset=UTF-8\",null,\"bödy\"]"]' \
  get reader text "\"$here/echo\"" '{"method":"put","body":"bödy","headers":{"X-Mine":"me"}}'
says "a GET has no body" '[201,true,"[\"GET\",null,null,null,\"\"]"]' get reader text "\"$here/echo\""
says "large bodies come whole" 3000000 get reader size "\"$here/large?size=3000000\""
fails "up to a limit" 1 "the answer is larger than allowed" vat call reader size "\"$here/large?size=17000000\""
fails "a body is read once" 1 "Body has already been read" vat call reader twice "\"$here/hello\""
fails "another host is refused" 1 "Invalid host: localhost" vat call reader text "\"http://localhost:$port/hello\""
fails "however it is written" 1 "Invalid host: 127.0.0.2" vat call reader text "\"http://0x7f000002:$port/hello\""
fails "file: is refused" 1 "fetch is for http: and https: only" vat call reader text '"file:///etc/passwd"'
fails "what is no URL is refused" 1 "Invalid URL" vat call reader text '"hello"'
fails "a user in the URL is refused" 1 "has no user in it" vat call reader text "\"http://u:p@127.0.0.1:$port/hello\""
fails "what cannot be reached is an error" 1 "fetch failed: " vat call reader text '"http://127.0.0.1:1/"'

says "a redirect is followed" '[200,"OK","a, b",true,"'"$here"'/hello"]' get reader parts "\"$here/redirect?to=/hello\""
fails "to a host that is allowed" 1 "Invalid host: localhost" \
  vat call reader text "\"$here/redirect?to=http://localhost:$port/hello\""
fails "and never to a file" 1 "fetch is for http: and https: only" vat call reader text "\"$here/redirect?to=file:///etc/passwd\""
fails "not for ever" 1 "too many redirects" vat call reader text "\"$here/loop\""
says "a POST becomes a GET on the way" '[201,true,"[\"GET\",null,null,\"me\",\"\"]"]' \
  get reader text "\"$here/redirect?to=/echo\"" '{"method":"POST","body":"b","headers":{"Authorization":"me"}}'
says "unless it is told to stay one" '[201,true,"[\"POST\",null,\"text/plain;charset=UTF-8\",null,\"b\"]"]' \
  get reader text "\"$here/redirect?status=307&to=/echo\"" '{"method":"POST","body":"b"}'
says "a redirect may be asked for as it is" '[302,false,""]' get reader text "\"$here/redirect?to=/hello\"" '{"redirect":"manual"}'
fails "or be an error" 1 "the answer is a redirect" vat call reader text "\"$here/redirect?to=/hello\"" '{"redirect":"error"}'
fails "an aborted request rejects" 1 "AbortError" vat call reader aborted "\"$here/slow\""

launch local '["fetch"]' '{"allowedHosts":["LocalHost"]}'
says "localhost is for who was allowed it" '[200,true,"grüß dich"]' get local text "\"http://localhost:$port/hello\""
launch both '["fetch"]' '{"allowedHosts":["localhost","127.0.0.1"]}'
says "credentials stay with their host" '[201,true,"[\"GET\",null,null,null,\"\"]"]' \
  get both text "\"$here/redirect?to=http://localhost:$port/echo\"" '{"headers":{"Authorization":"me"}}'
fails "which is not its address" 1 "Invalid host: 127.0.0.1" vat call local text "\"$here/hello\""

name=$(hostname)
if getent ahosts "$name" | awk '{print $1}' | grep -qE '^(127|10|172|192)\.'; then
  launch inward '["fetch"]' "{\"allowedHosts\":[\"$name\"]}"
  fails "a name that leads to a private address is refused" 1 "the host's address is not a public one" \
    vat call inward text "\"http://$name:$port/hello\""
else
  echo "ok $((number += 1)) - a name that leads to a private address is refused # SKIP this machine's name has a public address"
fi

launch hasty '["fetch"]' '{"allowedHosts":["127.0.0.1"],"timeoutMs":50,"maxBytes":1000}'
fails "a server that does not answer is given up" 1 "the answer took too long" vat call hasty text "\"$here/slow\""
fails "a vat's own limit holds" 1 "the answer is larger than allowed" vat call hasty text "\"$here/large?size=1001\""
says "up to its last byte" '[200,true,"x"]' jq -c '.[2] |= .[0:1]' <<<"$(vat call hasty text "\"$here/large?size=1000\"")"

until_true calls_are 1 # the aborted one
vat call reader begin "\"$here/slow\"" >/dev/null
until_true calls_are 2
vat restart reader >/dev/null
until_true calls_are 0
says "requests end with the incarnation" '[200,true,"grüß dich"]' get reader text "\"$here/hello\""
vat call reader begin "\"$here/slow\"" >/dev/null
until_true calls_are 1
kill_daemon
vat start >/dev/null
says "and with the daemon" '[200,true,"grüß dich"]' get reader text "\"$here/hello\""
calls_are 0
verdict $? "leaving nothing behind" ""

# ---- around it ----

says "Headers" '["1, 2",true,"b,b;x-a,1, 2"]' get reader run headers
says "Request" '["POST","http://x/","text/plain;charset=UTF-8","c"]' get reader run request
says "Response" '[203,"{\"a\":1}",{"a":1},"application/json"]' get reader responses
says "TextEncoder" '[97,195,164,226,130,172,240,159,152,128]' get reader run utf8 '"aä€😀"'
says "TextDecoder" '"aä€😀"' get reader run utf8Text '[239,187,191,97,195,164,226,130,172,240,159,152,128]'
says "what is not UTF-8 is replaced" '"a��b�"' get reader run utf8Text '[97,255,226,130,98,240,159]'
fails "or refused" 1 "not valid utf-8" vat call reader run utf8Text '[255]' '{"fatal":true}'
says "a text in parts" '"|ä|€x"' get reader run utf8Stream '[[195],[164,226],[130,172,120]]'
fails "there is no other encoding" 1 "is not supported" vat call reader run latin
says "long texts" 40000 get reader run long 10000
says "btoa" '"YcOkYg=="' get reader run base64 '"aÃ¤b"'
fails "of bytes only" 1 "InvalidCharacterError" vat call reader run base64 '"€"'
says "atob" '"aÃ¤b"' get reader run base64Text '" YcO kYg"'
fails "of base64 only" 1 "InvalidCharacterError" vat call reader run base64Text '"YcOkY"'
says "AbortController and AbortSignal" '[false,true,"AbortError","on","abort","x"]' get reader run signal
fails "a signal has a controller" 1 "Illegal constructor" vat call reader run noSignal
says "URL normalises" '"http://example.com/b%20c?x=%C3%A9#f"' get reader run url '"HTTP://ex%41mple.com:80/a/../b c?x=é#f"'
says "and resolves" '"https://a.example/x/z?q"' get reader run url '"../z?q"' '"https://a.example/x/y/w"'
says "it knows names beyond ASCII" '"https://xn--bcher-kva.de/"' get reader run url '"https://bücher.de"'
says "it has parts" '["https:","h:8443","h","8443","/p","?a=1%202","#x","https://h:8443","1 2"]' \
  get reader run urlParts '"https://u:p@h:8443/p?a=1%202#x"'
fails "what is no URL throws" 1 "TypeError: Invalid scheme" vat call reader run url '"nowhere"'
says "URLSearchParams" '["a=1&a=2&b=+x&new=%C3%BC+%26","1,2"]' get reader run query '"a=1&a=2&b=%20x"'
for name in URL URLSearchParams fetch Headers Request Response TextEncoder TextDecoder atob AbortController AbortSignal; do
  says "$name is frozen" true get reader frozen $name
done
says "what was not granted is not there" '"undefined"' get local typeOf Headers

exec {SERVER[1]}>&-
wait "$SERVER_PID" 2>/dev/null
finish
