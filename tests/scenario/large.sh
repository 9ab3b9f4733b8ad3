#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A vat with 1,000,000 keys is terminated while another vat answers. 100,000 in a build with sanitizers; with NIGHTLY=1 all of
# them there too. The keys are written into the database while no daemon has it.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

keys=1000000
[ -n "${NIGHTLY:-}" ] || ! sanitized || keys=100000
command -v sqlite3 >/dev/null || { echo "ok 1 - a large vat ends while another answers # SKIP sqlite3 is not installed"; echo 1..1; exit; }

left() {
  sql "SELECT count(*) FROM kv_vatstore WHERE vatID = 'v1'"
}

is_ending() {
  [ "$(sql "SELECT count(*) FROM kv WHERE key = 'ending.v1'")" = 1 ]
}

# calls: the other vat is called until the large one is gone; how often it has answered before that is in $answered.
calls() {
  local from to
  answered=0 worst=0
  while is_ending; do
    from=${EPOCHREALTIME/[.,]/}
    [ "$(vat call other increment)" = $((answered + first + 1)) ] || break
    to=${EPOCHREALTIME/[.,]/}
    [ $((to - from)) -gt "$worst" ] && worst=$((to - from))
    answered=$((answered + 1))
  done
}

vat run "$ROOT/examples/counter.js" --name large >/dev/null || exit 1
vat run "$ROOT/examples/counter.js" --name other >/dev/null
vat stop >/dev/null
sqlite3 "$VATD_HOME/vatd.sqlite" "PRAGMA user_version = 1; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $keys)
  INSERT INTO kv_vatstore SELECT 'v1', printf('zz.%07d', i), printf('{\"body\":\"#%d\",\"slots\":[]}', i) FROM n" ||
  { echo "# the keys could not be written" >&2; exit 1; }
vat start >/dev/null
[ "$(left)" -gt "$keys" ]
verdict $? "a vat has $keys keys" "$(left)"

first=0
vat call other read >/dev/null
start=${EPOCHREALTIME/[.,]/}
vat terminate large >/dev/null
fails "it is gone at once for everybody" 3 "there is no vat 'large'" vat call large read
is_ending
verdict $? "its keys go later" "$(left)"
calls
echo "# figure $keys keys removed in $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms, meanwhile $answered calls of another vat, the longest $((worst / 1000)) ms"
[ "$answered" -ge 3 ]
verdict $? "another vat answers while they do" "$answered calls were answered before the last key was gone"
is "$(left)" 0 "in the end all are gone"
is "$(sql "SELECT count(*) FROM kv WHERE key LIKE 'v1.%' OR key LIKE '%.v1'")" 0 "and all that the kernel knew of it"
finish
