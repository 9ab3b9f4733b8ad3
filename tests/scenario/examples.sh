#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the README and the examples' comments promise.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

says "counter runs and prints its name, id and root" "counter  v1  ko1" vat run "$ROOT/examples/counter.js"
says "counter counts" 1 vat call counter increment
says "counter counts on" 2 vat call counter increment
kill_daemon
says "counter goes on after kill -9 of the daemon" 3 vat call counter increment
says "counter can be read" 3 vat call counter read
says "the count is in the storage" $'vc.1.scount\t{"body":"#3","slots":[]}' vat store counter --prefix vc.1.s
says "counter under another name counts for itself" "visitors  v2  ko2" vat run "$ROOT/examples/counter.js" --name visitors
says "visitors begins at one" 1 vat call visitors increment
says "counter does not see it" 3 vat call counter read

says "greeter runs" "host   v3  ko3
maker  v4  ko4
guest  v5  ko5" vat run --config "$ROOT/examples/greeter/cluster.json"
says "the guest can use the greeter it was handed" '"Hello, Ada! You are guest number 2."' vat call guest visit Ada
vat restart maker >/dev/null
vat restart guest >/dev/null
says "the greeter is there after its vat and the guest were restarted" '"Hello, Bea! You are guest number 3."' \
  vat call guest visit Bea
kill_daemon
says "and after kill -9 of the daemon" '"Hello, Cyd! You are guest number 4."' vat call guest visit Cyd
vat terminate maker >/dev/null
try vat call guest visit Dee
has "$err" "[KERNEL:OBJECT_DELETED]" "without the maker the greeter is gone, and the guest is told so"

says "vatstore runs" "alice  v6  ko7
bob    v7  ko8
carol  v8  ko9" vat run --config "$ROOT/examples/vatstore/cluster.json"
says "alice was bumped by bob and by carol" '{"body":"#3","slots":[]}' jq -r '.[0][1]' <<<"$(vat store alice --prefix vc.1.sthing -o json)"
says "what alice deleted is gone" "" vat store alice --prefix vc.1.sgoAway

# The transcript of `make demo`. The demo runs the build/release beside it, and leaves its home for who wants to look.
if [ "$BUILD" = "$ROOT/build/release" ]; then
  out=$(TMPDIR=$WORK timeout 120 "$ROOT/scripts/demo" 2>"$WORK/err")
  is "$?" 0 "make demo ends well"
  is "$(grep -cE '^\$ vat call counter increment$' <<<"$out")" 3 "make demo calls three times"
  is "$(grep -xE '[0-9]+' <<<"$out" | tr '\n' ' ')" "1 2 3 " "make demo counts 1, 2, kill -9, 3"
  has "$out" "kill -9" "make demo kills the daemon"
  has "$out" 'vc.1.scount	{"body":"#3","slots":[]}' "make demo shows what is stored"
  has "$out" "vatd has stopped" "make demo stops its daemon"
fi
finish
