#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kill test (kill_test.c): 2,000 times kill -9 under load, 50,000 with --nightly; and the control, a daemon that
# answers before the commit, which must be found out. KILLS and SEED may be set.
set -u
cd "$(dirname "$0")/../.."
build=${BUILD:-$PWD/build/release}
kills=${KILLS:-$([ -n "${NIGHTLY:-}" ] && echo 50000 || echo 2000)}
seed=${SEED:-$(date +%s)}
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# Copies, so that a build meanwhile does no harm.
mkdir "$TMPDIR/good" "$TMPDIR/unsafe"
for directory in good unsafe; do
  cp "$build"/{vat,vatd,vat-worker,vat-worker.snapshot,vat-boot.js,vat-supervisor.js} "$TMPDIR/$directory/" || exit 1
done
cp "$build/tests/vatd_unsafe" "$TMPDIR/unsafe/vatd" || exit 1
cp "$build/tests/kill_daemon" "$TMPDIR/" || exit 1

run() {
  "$TMPDIR/kill_daemon" --vatd "$TMPDIR/$1/vatd" --vats "$PWD/tests/crash/vats" --seed "$seed" "${@:2}"
}
run good --kills "$kills"
status=$?
run unsafe --kills 500 --until-loss || status=1
exit "$status"
