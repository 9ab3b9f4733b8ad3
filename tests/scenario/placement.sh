#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kernel and worker share a processor while they take turns, and let go of it when there is more to do (libvatd/placement.h).
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

if [ "$(nproc)" -lt 2 ]; then
  echo "ok 1 - kernel and worker share a processor while they take turns # SKIP this machine has one processor"
  echo "1..1"
  exit 0
fi

cat >"$WORK/two.json" <<JSON
{"bootstrap": "one", "vats": {"one": {"sourceSpec": "$VATS/thinker.js"}, "other": {"sourceSpec": "$VATS/thinker.js"}}}
JSON
vat run --config "$WORK/two.json" >/dev/null

# On how many processors a process may run.
processors_of() {
  local list part count=0
  list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$1/status")
  for part in ${list//,/ }; do
    count=$((count + ${part#*-} - ${part%-*} + 1))
  done
  echo $count
}
worker_of() {
  vat show "$1" -o json | jq -r .pid
}
everywhere() {
  [ "$(processors_of "$(daemon_pid)")" -ge 2 ] && [ "$(processors_of "$(worker_of one)")" -ge 2 ]
}

is "$(processors_of "$(daemon_pid)")" "$(processors_of $$)" "at first vatd may run everywhere"
for _ in $(seq 20); do
  vat call one think 1 >/dev/null
done
is "$(processors_of "$(worker_of one)")" 1 "a worker that is always waited for has one processor"
is "$(processors_of "$(daemon_pid)")" 1 "which is vatd's"
is "$(sed -n 's/^Cpus_allowed_list://p' "/proc/$(daemon_pid)/status")" \
  "$(sed -n 's/^Cpus_allowed_list://p' "/proc/$(worker_of one)/status")" "the same one"

begin first vat call one think 30000000
begin second vat call other think 30000000
until_true everywhere
verdict $? "with two deliveries under way everybody may run everywhere" "$(grep Cpus_allowed_list "/proc/$(daemon_pid)/status")"
outcome first
outcome second
says "and goes on working" 0 vat call one think 1
finish
