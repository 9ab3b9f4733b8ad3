#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The workers' sandbox: what a worker may do to the machine, with all layers and with each alone; as root and as an ordinary
# user; what vatd does on a machine that refuses a layer.
. "$(dirname "${BASH_SOURCE[0]}")/lib/scenario.bash"

PROBES=$BUILD/tests/hostile
HOSTILE=$WORK/hostile
mkdir "$HOSTILE" && cp "$PROBES"/probe_* "$HOSTILE" && chmod -R go+rX "$WORK"

# probes WHO COMMAND...: takes over the verdicts of the probes, run as somebody.
probes() {
  local who=$1 line
  shift
  timeout 300 "$@" "$HOSTILE/probe_sandbox" "$HOSTILE" >"$WORK/probes" 2>"$WORK/probes.err"
  status=$?
  while IFS= read -r line; do
    case $line in
      "ok "*"# SKIP"*) number=$((number + 1)); echo "ok $number - as $who: ${line#ok * - }" ;;
      "ok "*) verdict 0 "as $who: ${line#ok * - }" ;;
      "not ok "*) verdict 1 "as $who: ${line#not ok * - }" "$(cat "$WORK/probes.err")" ;;
      "#"*) echo "$line" ;;
    esac
  done <"$WORK/probes"
  [ "$status" -eq 0 ] && grep -q '^1\.\.' "$WORK/probes"
  verdict $? "as $who: all probes came to their end" "status $status $(cat "$WORK/probes.err")"
}

probes "$(id -un)"
if [ "$(id -u)" -eq 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
  probes nobody setpriv --reuid=65534 --regid=65534 --clear-groups
else
  number=$((number + 1))
  echo "ok $number - as another user # SKIP another user"
fi

documented=$(sed -n '/^## The system calls/,/^## /s/^| `\([a-z0-9_]*\)` | \(both\|programs\) .*/\1 \2/p' "$ROOT/docs/sandbox.md" |
  sed 's/ both$//; s/ programs$/ (program)/' | sort -u)
is "$("$PROBES/probe_sandbox" --list | sort -u)" "$documented" "docs/sandbox.md lists what the probes have shown"

# ---- what a worker has ----

vat run "$VATS/villain.js" --name villain >/dev/null
vat call villain ping >/dev/null
worker=$(vat show villain -o json | jq -r .pid)
worker_status() {
  sed -n "s/^$1:[[:space:]]*//p" "/proc/$worker/status"
}
layers=$(vat status -o json | jq -r '.sandbox.layers | join(" ")')
has "$(vat status)" "sandbox   ${layers%% *}" "vat status names the active layers"
is "$(worker_status NoNewPrivs)" 1 "a worker has no_new_privs"
is "$(worker_status CapEff) $(worker_status CapPrm) $(worker_status CapBnd)" "0000000000000000 0000000000000000 0000000000000000" \
  "a worker has no capability, and can get none"
case " $layers " in
  *" seccomp "*) is "$(worker_status Seccomp)" 2 "a worker has a filter for its system calls" ;;
esac
case " $layers " in
  *" namespaces "*)
    has "$(worker_status NSpid | tr '\t' ' ')" "$worker 1" "a worker is alone in its pid namespace"
    isnt "$(readlink "/proc/$worker/ns/net")" "$(readlink /proc/self/ns/net)" "a worker has a network of its own"
    is "$(ls -A "/proc/$worker/root/" 2>&1)" "" "a worker's root is empty"
    ;;
esac
is "$(tr -d '\0' <"/proc/$worker/environ")" "" "a worker's environment is empty"
if sanitized; then
  is "$(ls "/proc/$worker/fd" | tr '\n' ' ')" "2 3 " "a worker has its channel, and what the sanitizers need"
else
  is "$(ls "/proc/$worker/fd" | tr '\n' ' ')" "3 " "a worker has one descriptor: its channel"
fi
has "$(grep 'core file' "/proc/$worker/limits" | tr -s ' ')" "size 0 0" "a worker leaves no core"

begin endless vat call villain loop statement
until [ "$(vat show villain -o json | jq -r .state)" = running ] && [ "$(cut -d' ' -f14 "/proc/$worker/stat")" -gt 0 ]; do sleep 0.01; done
kill_daemon
wait_gone "$worker"
verdict 0 "a worker in an endless loop ends with its kernel"
outcome endless

# ---- machines that refuse a layer ----

for layer in namespaces landlock seccomp; do
  new_home
  if ! "$PROBES/refuse_layer" "$layer" true; then
    number=$((number + 1))
    echo "ok $number - without $layer # SKIP seccomp"
    continue
  fi
  fails "without $layer vatd does not start" 1 "refuses a part of the sandbox: $layer" \
    "$PROBES/refuse_layer" "$layer" "$BIN/vatd" --detach --home "$VATD_HOME"
  fails "another layer's permission does not help" 1 "refuses a part of the sandbox: $layer" \
    "$PROBES/refuse_layer" "$layer" "$BIN/vatd" --detach --home "$VATD_HOME" --allow-weak-sandbox=stderr
  says "with --allow-weak-sandbox=$layer it does" "" \
    "$PROBES/refuse_layer" "$layer" "$BIN/vatd" --detach --home "$VATD_HOME" --allow-weak-sandbox="$layer"
  has "$(cat "$VATD_HOME/vatd.log")" "--allow-weak-sandbox=$layer" "that is logged"
  has "$(vat status)" "allowed to be missing: $layer" "vat status says what is missing"
  hasnt "$(vat status -o json | jq -r '.sandbox.layers | join(" ")')" "$layer" "it is no active layer"
  has "$(vat run "$ROOT/examples/counter.js" --name counter 2>&1)" "counter" "vats run with the other layers"
  is "$(vat call counter increment)" 1 "and work"
done
new_home
fails "a layer that there is not is refused" 1 'no layer of the sandbox is called "chroot"' \
  "$BIN/vatd" --home "$VATD_HOME" --allow-weak-sandbox=chroot

finish
