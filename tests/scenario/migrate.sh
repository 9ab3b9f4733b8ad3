#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A home from before: its vats are there, and go on (tests/unit/store_migration_test.c says how the fixtures were made).
. "$(dirname "$0")/lib/scenario.bash"

for fixture in "$ROOT"/tests/fixtures/schema-*.sqlite; do
  version=$(basename "$fixture" .sqlite)
  new_home
  mkdir -m 700 "$VATD_HOME"
  cp "$fixture" "$VATD_HOME/vatd.sqlite"
  says "$version: the counter goes on" 6 vat call counter increment
  kill_daemon
  says "$version: and after a kill" 7 vat call counter increment
  is "$(vat ls -o json | jq -r '.[] | .id + " " + .name')" "v1 counter" "$version: the vat is the one that was"
  vat stop >/dev/null
done

# Nothing newer is touched.
printf '\000\000\000\143' | dd of="$VATD_HOME/vatd.sqlite" bs=1 seek=60 conv=notrunc status=none
before=$(sha256sum "$VATD_HOME"/vatd.sqlite*)
fails "a database of a later version is refused" 1 "schema version 99" timeout 120 "$BUILD/vatd" --home "$VATD_HOME"
is "$(sha256sum "$VATD_HOME"/vatd.sqlite*)" "$before" "and not changed"
finish
