#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/vats-in-c.md: its code is code of the examples, and its transcripts are what happens.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
. "$(dirname "$0")/lib/guide.bash"
cd "$WORK" || exit 1
guide=$ROOT/docs/vats-in-c.md

# ---- code ----

code_is_from "$guide" 9 "$ROOT"/examples/*-vat.c

# ---- transcripts ----

cmake --install "$BUILD" --prefix "$WORK/prefix" --component vatd-vat >install.log 2>&1
PKG_CONFIG_PATH=$(dirname "$(find "$WORK/prefix" -name vatd-vat.pc)")
export PKG_CONFIG_PATH
cp "$ROOT"/examples/*-vat.c .
grep -q '^VATD_SANITIZE:BOOL=ON$' "$BUILD/CMakeCache.txt" && sanitizers=-fsanitize=address,undefined || sanitizers=
cc() {
  # shellcheck disable=SC2086
  command cc -Wall -Wextra -Werror $sanitizers "$@"
}

play_transcripts "$guide"

# ---- what the guide says of the postbox ----

somebody_waits() {
  sql "SELECT count(*) FROM v_promise WHERE decider = 'v2'" | grep -qx 1
}
begin waiting vat call ko3 take
until_true somebody_waits
vat call ko3 put "for who waits" >/dev/null
outcome waiting
is "$out" '"for who waits"' "who takes from an empty box waits for a letter"
vat call ko3 put "relayed" >/dev/null
says "a letter is relayed before it is there" '"relayed"' vat call postbox relay ko3 ko2
cat >listener.js <<'END'
import { Far } from '@endo/far';
export const buildRootObject = () => {
  const heard = [];
  return Far('listener', {
    bootstrap: () => {},
    arrived: (box, letter) => {
      heard.push(`${box}: ${letter}`);
    },
    heard: () => harden([...heard]),
  });
};
END
vat run listener.js >/dev/null
vat call ko3 listen "$(root_of listener)" >/dev/null
kill_daemon
vat call ko3 put "first" >/dev/null
is "$(vat call listener heard -o json | jq -c .)" '["home: first"]' "a JavaScript vat listens, through a kill -9"
vat terminate listener >/dev/null
vat call ko3 put "second" >/dev/null
until_true sh -c "'$BUILD/vat' store postbox | grep -q 'box.1.*\"letters\":\\[\"first\",\"second\"\\],\"name\"'"
verdict $? "a listener that is gone is forgotten" "$(vat store postbox)"
finish
