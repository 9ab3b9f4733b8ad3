#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The guides in docs/: their files are written, their transcripts played, and their C code is code that is compiled.
# (docs/vats-in-c.md has a script of its own.)
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"
# shellcheck source=tests/scenario/lib/guide.bash
. "$(dirname "$0")/lib/guide.bash"

# guide NAME FILES: goes to an empty folder and a fresh home, with the guide's files.
guide() {
  new_home
  mkdir "$WORK/$1" && cd "$WORK/$1" || exit 1
  is "$(guide_files "$ROOT/docs/$1.md")" "$2" "docs/$1.md has $2 files"
}

guide vats-in-javascript 6
play_transcripts "$ROOT/docs/vats-in-javascript.md"

guide cluster-config 3
cp "$VATS/desk.js" .
rm -f /dev/shm/vatd-guide-*
play_transcripts "$ROOT/docs/cluster-config.md"
rm -f /dev/shm/vatd-guide-*

guide storage 1
play_transcripts "$ROOT/docs/storage.md"

guide embedding 0
code_is_from "$ROOT/docs/embedding.md" 4 "$ROOT/examples/embed.c" "$ROOT/tests/scenario/host.c"

# Every method of the control socket is in rpc.md, and the other way round.
methods=$(sed -n '/^static const struct method methods/,/^};/s/^ *{"\([A-Za-z]*\)".*/\1/p' "$ROOT/src/libvatd/methods.c" \
  "$ROOT/src/daemon/rpc.c" | sort)
documented=$(grep -o '^| `[^|]*|' "$ROOT/docs/rpc.md" | grep -o '`[a-z][A-Za-z]*`' | tr -d '`' | sort)
is "$documented" "$methods" "docs/rpc.md describes the methods that there are"
finish
