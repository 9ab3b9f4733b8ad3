#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A worker that breaks the protocol in every way we could think of (tests/hostile/evil_worker.c), as the answer to a delivery
# and as the answer to its init: each time it is ended for it, with a reason in the log; the daemon and its other vats go on.
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

EVIL=$BUILD/tests/hostile/evil_worker
deadline=1000
sanitized && deadline=5000

vat run "$VATS/neighbour.js" --name neighbour >/dev/null
daemon=$(daemon_pid)

# config CASE: a subcluster of one evil worker that answers its init with CASE.
config() {
  jq -n --arg program "$EVIL" --arg case "$1" --argjson deadline "$deadline" '{bootstrap: "evil", vats: {evil: {
    programSpec: $program, parameters: {case: $case}, limits: {deadlineMs: $deadline, heapBytes: 67108864},
    faults: {crashes: 0, strikes: 1}}}}' >"$WORK/evil.json"
}

# What the kernel's log says of the vat.
said_of() {
  sed -n "/\"vat\":\"$1\".*\"level\":\"kernel\"/s/.*\"text\":\"\(.*\)\"}\$/\1/p" "$VATD_HOME/vatd.log"
}

# What has become of it: the last of its fates that the log tells.
fate_of() {
  said_of "$1" | sed -n 's/^\(terminated\|suspended\): .*/\1/p' | tail -1
}

all_is_well() {
  [ "$(daemon_pid)" = "$daemon" ] && [ "$(vat call neighbour ping -o json)" = '"pong"' ]
}

# after_delivery CASE OUTCOME
after_delivery() {
  local case=$1 outcome=$2 fate='' expected id text
  config ""
  vat run --config "$WORK/evil.json" >/dev/null
  id=$(vat ls -o json | jq -r '.[] | select(.name == "evil") | .id')
  begin call vat call "$id" misbehave "$case"
  if [ "$outcome" = works ]; then
    outcome call
    [ "$out" = '"done"' ] && all_is_well
    verdict $? "is let pass: $case" "$out $err"
    vat terminate "$id" >/dev/null
    return
  fi
  expected=suspended
  case $outcome in ends | late) expected=terminated ;; esac
  until [ -n "$fate" ] || ! kill -0 "${begun[call]}" 2>/dev/null; do fate=$(fate_of "$id"); done
  fate=$(fate_of "$id")
  text=$(said_of "$id")
  [ "$fate" = suspended ] && vat terminate "$id" >/dev/null
  outcome call
  [ "$fate" = "$expected" ] && { [ "$status" -ne 0 ] || [ "$outcome" = late ]; } && all_is_well && case $outcome in
    violates) [[ $text = *"sandbox violation"* ]] ;;
    silent) [[ $text = *"no answer within $deadline ms"* ]] ;;
    limit) [[ $text = *" limit"* ]] ;;
    *) true ;;
  esac
  verdict $? "after a delivery, $expected: $case" "$fate: $text
call: $status $out $err"
}

# after_init CASE: the launch fails with a reason.
after_init() {
  config "$1"
  try vat run --config "$WORK/evil.json"
  [ "$status" -eq 1 ] && [ "${#err}" -gt 30 ] && all_is_well
  verdict $? "as an answer to init the launch fails: $1" "$status $out $err"
}

while read -r case outcome; do
  after_delivery "$case" "$outcome"
done < <("$EVIL" --list)

if ! sanitized; then
  while read -r case outcome; do
    case $outcome/$case in
      works/* | late/*) ;; # the vat has started then
      *) after_init "$case" ;;
    esac
  done < <("$EVIL" --list)
fi

is "$(vat ls -o json | jq length)" 1 "only the neighbour is left"
is "$(vat sql "select count(*) n from kv where key like 'v%.c.%' and key not like 'v1.%'" -o json | jq -r '.[0].n')" 0 "and nothing of the others"

finish
