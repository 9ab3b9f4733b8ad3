#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 1,000 restarts while messages flow between three vats that keep durable data only: nothing that was answered is lost, nothing
# is done twice, and not one row more is left. 100 restarts in a build with sanitizers; with NIGHTLY=1 all of them there too.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

restarts=1000
[ -n "${NIGHTLY:-}" ] || ! sanitized || restarts=100
sent=0

queue_is_empty() {
  [ "$(sql "SELECT count(*) FROM v_queue")" = 0 ]
}

# What the restarts were in the middle of is done, and what nobody uses is collected.
settle() {
  local vat
  until_true queue_is_empty
  for _ in 1 2 3; do
    for vat in ann ben cat; do
      vat call "$vat" total >/dev/null
    done
    vat gc
  done
  for vat in ann ben cat; do
    vat call "$vat" total >/dev/null
  done
}

keys() {
  sql "SELECT key FROM kv WHERE key NOT LIKE 'queue.run.%' ORDER BY key"
  sql "SELECT vatID, key FROM kv_vatstore ORDER BY vatID, key"
}

total() {
  vat call "$1" total
}

line() { # METHOD PARAMS-JSON
  printf '{"jsonrpc": "2.0", "id": "%s", "method": "%s", "params": %s}\n' "$1" "$1" "$2"
}

note() { # VAT: a message that all three vats note
  sent=$((sent + 1))
  line queueMessage "[\"$1\", \"note\", [$sent, 2]]"
}

# One connection: nine messages, and the end of all three workers in the middle of them.
work() {
  note ann; note ben
  line restartVat '["v1"]'
  note cat; note ann
  line killVat '["v2"]'
  note ann; note ben; note cat
  line restartVat '["v3"]'
  note ann; note ben
}

# Incarnations that there have been.
starts() {
  echo $(($(vat call ann starts) + $(vat call ben starts) + $(vat call cat starts)))
}

vat run --config "$VATS/ledger.json" >/dev/null || exit 1
for _ in 1 2 3 4 5 6 7 8 9 10; do
  note ann
done >"$WORK/requests"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  note ben
done >>"$WORK/requests"
work >>"$WORK/requests"
rpc "$(cat "$WORK/requests")" >/dev/null
settle
before=$(keys)
base=$(total ann)
first=$(starts)
is "$(total ben) $(total cat)" "$base $base" "before it, the three have noted the same"

sent=0
start=$SECONDS
made=0
while [ "$made" -lt "$restarts" ]; do
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    work >"$WORK/requests"
    timeout 120 "$BUILD/tests/rpc_line" "$VATD_HOME/vatd.sock" <"$WORK/requests" >>"$WORK/answers"
  done
  work >"$WORK/requests"
  timeout 120 "$BUILD/tests/rpc_line" "$VATD_HOME/vatd.sock" <"$WORK/requests" >>"$WORK/answers" 2>/dev/null &
  kill_daemon
  wait $!
  made=$(($(starts) - first))
done
seconds=$((SECONDS - start))
settle

noted=$(($(total ann) - base))
acknowledged=$(grep -c '"id":"queueMessage","result"' "$WORK/answers")
is "$(total ben) $(total cat)" "$((base + noted)) $((base + noted))" "what one vat has noted all three have, once"
[ "$acknowledged" -le "$noted" ] && [ "$noted" -le "$sent" ]
verdict $? "what was answered was noted, and nothing that was not sent" "answered $acknowledged, noted $noted, sent $sent"
is "$(diff <(echo "$before") <(keys))" "" "and there is not one key more or less than before"
echo "# figure $made new workers, $noted messages through three vats ($acknowledged answered) in $seconds s"
finish
