#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The negative control of the fuzz targets: a decoder of frames that believes a length is found out by the corpus in git.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

if sanitized; then
  timeout 120 "$BUILD/tests/fuzz_frames_defect" >"$WORK/out" 2>&1
  isnt $? 0 "a seeded defect in the decoder of frames does not pass the replay of the corpus"
  has "$(cat "$WORK/out")" "heap-buffer-overflow" "and is named"
else
  number=1
  echo "ok 1 - a seeded defect in the decoder of frames is found # SKIP sanitizer: this build has none"
fi
finish
