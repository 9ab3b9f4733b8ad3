#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# References that the host holds: what a call printed, what was pinned, until it is released; and revocation.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

cat >"$WORK/maker.js" <<'END'
import { Far } from '@endo/far';
export const buildRootObject = () =>
  Far('maker', {
    bootstrap: () => {},
    make: () => Far('thing', { weigh: () => 7 }),
    rest: () => 'rested',
    waitFor: promise => promise,
  });
END
vat run "$WORK/maker.js" >/dev/null || exit 1
held() { sql "SELECT count(*) FROM kv WHERE key LIKE 'host.ko%'"; }
objects() { sql "SELECT count(*) FROM v_object"; }
collect() {
  vat gc
  vat call maker rest >/dev/null
}

thing=$(vat call maker make)
collect
says "what a call printed can be used" 7 vat call "$thing" weigh
is "$(held)" 1 "and is held"
says "it can be released" "released $thing" vat release "$thing"
collect
collect
fails "then it is gone, for nobody else has it" 3 "there is no $thing" vat call "$thing" weigh
is "$(objects)" 1 "and nothing is left of it"

root=$(root_of maker)
says "any object can be pinned" "pinned $root" vat pin "$root"
says "twice is once" "pinned $root" vat pin "$root"
is "$(held)" 1 "it is held once"
kill_daemon
says "also over a kill -9 of the daemon" "released $root" vat release "$root"
is "$(held)" 0 "and released"
says "what is not held can be released too" "released $root" vat release "$root"
fails "what does not exist cannot be held" 3 "there is no ko99" vat pin ko99
fails "what is no reference neither" 1 "'maker' is not a reference such as ko7 or kp3" vat pin maker

thing=$(vat call maker make)
says "an object can be revoked" "revoked $thing" vat revoke "$thing"
fails "nobody can use it any more" 1 "[KERNEL:OBJECT_REVOKED] $thing" vat call "$thing" weigh
kill_daemon
fails "for ever" 1 "[KERNEL:OBJECT_REVOKED] $thing" vat call "$thing" weigh
fails "only objects can be revoked" 1 "'kp1' is not an object reference" vat revoke kp1
finish
