#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the documents name exists: the methods of docs/rpc.md, the verbs of the README, of the help and of the manual pages, and
# the tests of docs/coverage.md.
# shellcheck source=tests/scenario/lib/scenario.bash
. "$(dirname "$0")/lib/scenario.bash"

# The names in the first column of the tables with this heading.
methods() {
  awk -F'|' '/^\| method /{ inside = 1; next } !/^\|/{ inside = 0 } inside && !/---/{ print $2 }' "$ROOT/docs/rpc.md" |
    grep -oE '`[A-Za-z]+`' | tr -d '`'
}

knows() {
  ! rpc "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$1\", \"params\": {\"wrong\": 1}}" | grep -q '"code":-32601'
}

vat start >/dev/null || exit 1
is "$([ "$(methods | wc -l)" -ge 20 ] && echo yes)" yes "docs/rpc.md has its tables of methods"
for method in $(methods); do
  case $method in shutdown | clearState) continue ;; esac # tests/scenario/cli.sh has them
  knows "$method"
  verdict $? "the daemon knows the method $method of docs/rpc.md" "Method not found"
done

verbs=$(vat help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for verb in $verbs; do
  has "$(vat help "$verb")" "vat $verb" "vat help explains $verb"
done
# The words behind "vat" in indented or fenced lines.
for file in README.md docs/*.md man/*; do
  unknown=$(cd "$ROOT" && grep -hoE '^ *(\$ )?vat [a-z]+' "$file" | awk '{ print $NF }' | sort -u | grep -vxF "$verbs")
  is "$unknown" "" "$file names no verb that there is not"
done

# missing_tests: of cells with `file` and, behind it, names or "sentences" of tests that are in it.
missing_tests() {
  sed 's/; /\n/g' | while read -r cell; do
    file=$(grep -oE '^ *`[^`]+`' <<<"$cell" | tr -d '` ')
    [ -n "$file" ] || continue
    [ -f "$ROOT/tests/$file" ] || { echo "no file tests/$file"; continue; }
    grep -oE '"[^"]+"' <<<"${cell#*\` }" | tr -d '"' | while read -r name; do
      grep -qF -- "$name" "$ROOT/tests/$file" || echo "not in tests/$file: $name"
    done
  done
}

is "$(awk -F'|' '/^\|/{ print $3 }' "$ROOT/docs/coverage.md" | missing_tests)" "" "each test that docs/coverage.md names is there"
is "$(awk -F'|' '/^\| [A-Z][0-9]+ /{ print $4 "\n" $5 }' "$ROOT/SPECIFICATION.md" | missing_tests)" "" "each test that SPECIFICATION.md names is there"
isnt "$(echo '`sim/defects.sh` "no such defect"' | missing_tests)" "" "and one that is not there would be found"
finish
