# SPDX-License-Identifier: Apache-2.0
# What is done with the guides in docs/: their files are written, their code is looked up, their transcripts are played.

# blocks GUIDE LANGUAGE: writes the blocks of a language to block.1, block.2, …
blocks() {
  rm -f block.*
  awk -v fence="\`\`\`$2" '$0 == fence {n++; inside = 1; next} /^```/ {inside = 0} inside {print > ("block." n)}' "$1"
}

# guide_files GUIDE: writes each block that stands behind a line `<!-- file: NAME -->` to that file; prints how many.
guide_files() {
  awk '/^<!-- file: .* -->$/ {name = $3; next}
       /^```/ {if (inside) {inside = 0; name = ""} else if (name) {inside = 1; printf "" > name; n++}; next}
       inside {print > name}
       END {print n + 0}' "$1"
}

# in_files BLOCK FILE...: whether its lines follow each other in one of the files. (The newlines are made visible: grep would
# take each line as a pattern of its own.)
in_files() {
  local file wanted
  wanted=$(tr '\n' '\001' <"$1")
  shift
  for file in "$@"; do
    tr '\n' '\001' <"$file" | grep -qF -- "$wanted" && return 0
  done
  return 1
}

# code_is_from GUIDE LEAST FILE...: the guide's C code, at least LEAST pieces, is from these files.
code_is_from() {
  local guide=$1 least=$2 count strange='' block
  shift 2
  blocks "$guide" c
  count=$(find . -name 'block.*' | wc -l)
  for block in block.*; do
    in_files "$block" "$@" || strange="$strange$(cat "$block")
"
  done
  [ "$count" -ge "$least" ] && [ -z "$strange" ]
  verdict $? "all $count pieces of code are from files that are compiled" "not found: $strange"
  echo 'int nowhere;' >invented
  in_files invented "$@"
  [ $? -eq 1 ]
  verdict $? "a piece that is from nowhere would be found out" ""
}

# play COMMAND EXPECTED: a command of a transcript, with what it prints. Blanks are not compared.
play() {
  eval "try $1"
  is "$(sed 's/  */ /g' <<<"$out$err")" "$(sed 's/  */ /g' <<<"$2")" "$1"
}

# play_transcripts GUIDE: its blocks of `console`, in order.
play_transcripts() {
  local command='' expected='' line
  blocks "$1" console
  while IFS= read -r line; do
    case $line in
      '$ '*)
        [ -z "$command" ] || play "$command" "$expected"
        command=${line#'$ '} expected=
        ;;
      *) expected=$expected${expected:+$'\n'}$line ;;
    esac
  done < <(find . -name 'block.*' | sort -t. -k3 -n | xargs cat)
  play "$command" "$expected"
}
