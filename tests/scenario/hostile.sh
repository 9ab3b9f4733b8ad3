#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The control socket among enemies: who may talk to it, what stands in its way, and what clients that mean harm can do.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

PING='{"jsonrpc":"2.0","id":1,"method":"ping"}'

# ---- who may connect ----

# as UID COMMAND...: as another user.
as() {
  local uid=$1
  shift
  timeout 60 setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

stranger_asks() {
  echo "$PING" | as 65534 "$WORK/bin/rpc_line" "$VATD_HOME/vatd.sock" 2>&1
}

open_all_doors() {
  until_true test -S "$VATD_HOME/vatd.sock"
  chmod 755 "$VATD_HOME"
  chmod 666 "$VATD_HOME/vatd.sock"
}

strangers() {
  mkdir "$WORK/bin"
  cp "$BUILD/tests/rpc_line" "$BUILD/tests/vatd_peer" "$BUILD"/vat "$BUILD"/vat-* "$WORK/bin"
  chmod 755 "$WORK" "$WORK/bin"
  has "$(stranger_asks)" "Permission denied" "another user does not come through the directory"
  chmod 755 "$VATD_HOME"
  has "$(stranger_asks)" "Permission denied" "without the directory's mode he does not come through the socket's"
  open_all_doors
  hasnt "$(stranger_asks)" pong "without both he is turned away for who he is"
  is "$(rpc "$PING" | jq -r .result)" pong "the daemon's own user is not"
  new_home
  "$WORK/bin/vatd_peer" --home "$VATD_HOME" 2>/dev/null &
  open_all_doors
  has "$(stranger_asks)" pong "(a daemon that does not ask who it is would be found out)"
  new_home
  mkdir "$VATD_HOME" && chown 65533:65533 "$VATD_HOME"
  as 65533 "$WORK/bin/vatd_peer" --home "$VATD_HOME" 2>/dev/null &
  open_all_doors
  fails "vat does not talk to another user's daemon" 1 "is another user's: nothing is sent there" \
    as 65534 "$WORK/bin/vat" --home "$VATD_HOME" status
  is "$(rpc "$PING" | jq -r .result)" pong "root may talk to every daemon"
  kill_daemon
}

vat start >/dev/null || exit 1
if [ "$(id -u)" = 0 ] && as 65534 true 2>/dev/null; then
  strangers
else
  number=$((number + 1))
  echo "ok $number - another user is turned away # SKIP peer-credentials: needs root and setpriv"
fi

# ---- the path ----

new_home
refuses() { # refuses SENTENCE COMPLAINT
  fails "$1" 1 "$2" timeout 60 "$BUILD/vatd" --home "$VATD_HOME"
  rm -rf "$VATD_HOME"
  mkdir -m 700 "$VATD_HOME"
}
mkdir -m 700 "$VATD_HOME"
echo precious >"$WORK/file"
ln -s "$WORK/file" "$VATD_HOME/vatd.sock"
refuses "a symbolic link in place of the socket is refused" "vatd.sock is there and is not a socket of ours"
ln "$WORK/file" "$VATD_HOME/vatd.sock"
refuses "and a file" "vatd.sock is there and is not a socket of ours"
for name in vatd.sqlite vatd.log vatd.pid vatd.pid.new vatd.sqlite-wal; do
  ln -s "$WORK/file" "$VATD_HOME/$name"
  refuses "a symbolic link in place of $name is refused" "$name is a symbolic link"
done
ln "$WORK/file" "$VATD_HOME/vatd.log"
refuses "a file with another name is refused" "vatd.log has other names"
mkdir "$VATD_HOME/vatd.sqlite"
refuses "a directory in place of the database is refused" "vatd.sqlite is not a file"
touch "$VATD_HOME/anything"
chmod 777 "$VATD_HOME"
refuses "a home into which others could write is refused" "others may write to it"
chmod 777 "$VATD_HOME"
vat start >/dev/null
is "$(stat -c %a "$VATD_HOME")" 700 "unless it is empty: then it is closed"
is "$(cat "$WORK/file")" precious "nobody has written through any of these"
vat stop >/dev/null
ln -s "$VATD_HOME" "$WORK/link"
is "$(vat --home "$WORK/link" start; vat --home "$WORK/link" where -o json | jq -r .home)" "vatd is running (pid $(daemon_pid))
$VATD_HOME" "a home may be named by a symbolic link"
fails "a second daemon is refused" 1 "" timeout 60 "$BUILD/vatd" --home "$WORK/link"
fails "also with --reset" 1 "" timeout 60 "$BUILD/vatd" --home "$VATD_HOME" --reset
says "the first one still answers" "vatd is running (pid $(daemon_pid))" vat start

# ---- a race for a stale socket ----

rounds=10
[ -z "${NIGHTLY:-}" ] || rounds=200
lost=0
for round in $(seq "$rounds"); do
  kill_daemon
  for i in 1 2 3; do
    begin "race$i" vat start
  done
  answers=
  for i in 1 2 3; do
    outcome "race$i"
    answers=$answers$out:$status' '
  done
  right="vatd is running (pid $(daemon_pid)):0"
  [ "$answers" = "$right $right $right " ] && [ "$(rpc "$PING" | jq -r .result)" = pong ] &&
    [ "$(stat -c %a "$VATD_HOME/vatd.sock")" = 600 ] || lost=$((lost + 1))
done
is "$lost" 0 "after each of $rounds kills, three starters at once find one daemon at one socket"

# ---- clients that mean harm ----

new_home
cat >"$WORK/patient.js" <<'END'
import { Far } from '@endo/far';
export const buildRootObject = () => Far('root', { bootstrap: () => {}, wait: () => new Promise(() => {}), rest: () => 'rested' });
END
vat run "$WORK/patient.js" >/dev/null || exit 1
most=16 # MiB that the daemon may grow by; a sanitizer keeps what is freed
! sanitized || most=
timeout 300 "$BUILD/tests/evil_client" "$VATD_HOME/vatd.sock" "$(daemon_pid)" patient $most >"$WORK/evil" 2>"$WORK/evil.err"
status=$?
while IFS= read -r line; do
  case $line in
    'ok '* | 'not ok '*) verdict "$([ "${line%%[0-9]*}" = 'ok ' ]; echo $?)" "${line#*- }" "$line" ;;
    1..*) ;;
    *) echo "$line" ;;
  esac
done <"$WORK/evil"
is "$status" 0 "the evil client went through to its end"
[ "$status" -eq 0 ] || cat "$WORK/evil.err" >&2
says "the vat that was called without end still answers" '"rested"' vat call patient rest
is "$(vat terminate patient 2>&1)" "terminated patient" "and can be ended, and all that waited with it"

# ---- queries ----

begin endless vat sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
begin endless2 vat sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n ORDER BY i"
is "$(rpc "$PING" "$PING" | jq -rc .result | tr '\n' ' ')" "pong pong " "others are answered beside queries without end"
for query in endless endless2; do
  outcome "$query"
  is "$status" 1 "it is cut short"
  has "$err" "cut short" "and says so"
done
everything() {
  sql "SELECT group_concat(sql), (SELECT count(*) FROM kv WHERE key GLOB 'store.*') FROM sqlite_schema"
}
before=$(everything)
for attack in "DROP TABLE kv" "ATTACH '/etc/passwd' AS p" "PRAGMA writable_schema = 1" "SELECT load_extension('x')" "SELECT 1; DELETE FROM kv"; do
  fails "refused: $attack" 1 "" vat sql "$attack"
done
is "$(everything)" "$before" "nothing has changed"

# ---- clients that vanish ----

cp "$ROOT/examples/counter.js" "$WORK"
vat run "$WORK/counter.js" >/dev/null || exit 1
vanish() {
  timeout 300 "$BUILD/tests/vanish" "$VATD_HOME/vatd.sock" "$1" "file://$WORK/counter.js"
}
vanish counter >"$WORK/vanish"
while IFS= read -r line; do
  case $line in *'ok '*) verdict "$([ "${line%%[0-9]*}" = 'ok ' ]; echo $?)" "${line#*- }" "$line" ;; esac
done <"$WORK/vanish"
is "$(grep -c 'ok ' "$WORK/vanish")" 2 "(both were tried)"
vanish nobody | grep -q '^not ok .*made once'
verdict $? "(a call that is not made would be found out)" ""

# The negative control of the figure, on a daemon that has done nothing yet: what is called growth is growth.
new_home
vat start >/dev/null
"$BUILD/tests/evil_client" "$VATD_HOME/vatd.sock" "$(daemon_pid)" nobody 0 2>/dev/null | grep -q '^not ok .*memory stays within bounds'
verdict $? "(growth beyond the bound would be found out)" ""
finish
