#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vats of a bundle that was started before start with its code compiled, and are the same vats.
. "$(dirname "$0")/lib/scenario.bash"

pid_of() {
  vat show "$1" -o json | jq -r .pid
}

# How the vat's worker was started.
started_with() {
  tr '\0' ' ' <"/proc/$(pid_of "$1")/cmdline"
}

# until_compiled FILE NAME: launches vats of the bundle until one has started from an image, which is made beside the first ones.
# $last is that one's name.
until_compiled() {
  local i
  for i in {1..200}; do
    last=$2$i
    vat run "$1" --name "$last" >/dev/null || return 1
    case $(started_with "$last") in *--code-fd*) return 0 ;; esac
  done
  return 1
}

cat >"$WORK/top.js" <<'END'
import { Far } from '@endo/far';

let count = 0;
const list = [];
const weak = new WeakMap();
console.log('evaluated');
export const buildRootObject = () =>
  Far('root', {
    bootstrap: () => {},
    step: () => {
      count += 1;
      list.push(count);
      weak.set(list, (weak.get(list) ?? 0) + 1);
      return [count, list.length, weak.get(list)].join();
    },
  });
END

vat bundle "$WORK/top.js" -o "$WORK/top.bundle" >/dev/null 2>&1 || exit 1
vat run "$WORK/top.bundle" --name first >/dev/null || exit 1
hasnt "$(started_with first)" "--code-fd" "the first vat of a bundle is given its text"
says "... and works" '"1,1,1"' vat call first step -o json
says "... as often as it is called" '"2,2,2"' vat call first step -o json

until_compiled "$WORK/top.bundle" next || exit 1
has "$(started_with "$last")" "--snapshot-fd 4 --code-fd 5" "a later one starts from an image of the compiled code"
is "$(log_of "$last")" "evaluated" "its module is evaluated in it"
says "it has a module state of its own" '"1,1,1"' vat call "$last" step -o json
says "... which is not the first one's" '"3,3,3"' vat call first step -o json

# A sealed memory file: whoever has it can only read it. The worker has mapped it and closed it. With sanitizers it keeps its standard error.
is "$(find "/proc/$(pid_of "$last")/fd" -type l 2>/dev/null | wc -l)" "$(sanitized && echo 2 || echo 1)" "its worker has no descriptor but the channel"
for fd in /proc/"$(daemon_pid)"/fd/*; do
  case $(readlink "$fd") in /memfd:vat-code*) image=$fd ;; esac
done
fails "the image cannot be written to" 1 "not permitted" bash -c "printf x 1<>'${image:-/none/none}'"

place_of() {
  started_with "$1" | sed -n 's/.*--place \([0-9a-f]*\) .*/\1/p'
}
place=$(place_of "$last")
isnt "$place" "" "its heap has a place"
vat run "$WORK/top.bundle" --name same >/dev/null || exit 1
is "$(place_of same)" "$place" "... which is that of the bundle's other vats"

vat kill "$last" >/dev/null
says "killed, the vat starts again" '"1,1,1"' vat call "$last" step -o json
has "$(started_with "$last")" "--code-fd" "... from the image"
is "$(log_of "$last" | sort -u)" "evaluated" "... and evaluates its module"

kill_daemon
says "a new daemon knows no images, and needs none" '"1,1,1"' vat call "$last" step -o json

# What fails, fails alike.
cat >"$WORK/throws.js" <<'END'
console.log('before');
throw RangeError('at the top of it');
END
for i in {1..5}; do
  try vat run "$WORK/throws.js" --name throws
  texts[i]=$(sed "s/ v[0-9][0-9]* / /" <<<"$err")
done
has "${texts[1]}" "at the top of it" "code that throws when it is evaluated fails its launch"
is "$(printf '%s\n' "${texts[@]}" | sort -u | wc -l)" "$(printf '%s\n' "${texts[1]}" | sort -u | wc -l)" "... each time alike"

# Globals are the vat's, not the bundle's.
cat >"$WORK/globals.js" <<'END'
import { Far } from '@endo/far';

const had = typeof atob;
export const buildRootObject = () => Far('root', { bootstrap: () => {}, had: () => had });
END
until_compiled "$WORK/globals.js" plain || exit 1
isnt "$(place_of "$last")" "$place" "vats of another bundle have another place"
says "a vat without globals has none" '"undefined"' vat call "$last" had -o json
cat >"$WORK/cluster.json" <<END
{"bootstrap": "granted", "vats": {"granted": {"sourceSpec": "file://$WORK/globals.js", "globals": ["atob"]}}}
END
vat run --config "$WORK/cluster.json" >/dev/null || exit 1
says "one that is granted a global has it, with the same bundle" '"function"' vat call granted had -o json

finish
