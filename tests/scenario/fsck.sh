#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `vat fsck`: what is wrong in a database is found and named, and nothing is found in one that is right. Two vats, one of
# which waits for a promise that the other never settles, are the database that is damaged, a row at a time.
. "$(dirname "$0")/lib/scenario.bash"

file() { echo "$VATD_HOME/vatd.sqlite"; }

vat run --config "$VATS/chain.json" >/dev/null || exit 1
for call in step wait compare; do
  vat call first "$call" >/dev/null || exit 1
done
vat call second count >/dev/null
says "the database of a daemon that runs is checked as a copy" "$(file): nothing is wrong" vat fsck
is "$(find "$VATD_HOME" -name '*.fsck-*')" "" "no copy is left"
vat stop >/dev/null
before=$(sha256sum "$VATD_HOME"/vatd.sqlite*)
says "that of one that does not is checked as it is" "$(file): nothing is wrong" vat fsck
says "as JSON" "{\"file\": \"$(file)\", \"clean\": true, \"findings\": []}" vat fsck "$(file)" -o json
is "$(sha256sum "$VATD_HOME"/vatd.sqlite*)" "$before" "nothing is changed by it"
fails "what is not there is not looked at" 3 "No such file" vat fsck "$WORK/nothing"

# ---- rows: CHANGES | TABLE | KEY | TEXT (corrupt_store.c) ----

hash=$(sqlite3 "$(file)" "SELECT json_extract(value, '\$.bundle') FROM kv WHERE key = 'vat.v1'")
zeros=$(printf '%064d' 0)
cat >"$WORK/cases" <<END
none|-||
ko1.refCount=2,1|kv|ko1.refCount|is not what can be
ko1.refCount=2,2|kv|ko1.refCount|is 2,2, and 1,1 hold
ko2.refCount=1,2|kv|ko2.refCount|is 1,2, and 2,2 hold
ko2.refCount=two|kv|ko2.refCount|is not two counts
!ko1.refCount|kv|ko1.refCount|is missing
ko1.owner=x|kv|ko1.owner|is not of a vat
!ko1.owner|kv|v1.c.ko1|exports an object that another owns
ko1.owner=v2|kv|ko1.owner|is v2, whose c-list does not export it
ko1.owner=kernel|kv|ko1.service|is missing
ko1.revoked=maybe|kv|ko1.revoked|is not "true"
ko1.colour=red|kv|ko1.colour|is no row that a kernel makes
!ko2.importer.v1|kv|ko2.importer.v1|is missing
ko1.importer.v2=1|kv|ko1.importer.v2|names an importer
ko9.refCount=0,0|kv|ko9.refCount|nextObjectId is 3
ko1.refCount=0,0;vat.v1={"name":"first","subcluster":"s1","bundle":"$hash","root":"ko2"}|kv|gcAction.v1.dropExport.ko1|is missing
!ko1.owner;!v1.c.ko1;!v1.c.o+0;ko1.refCount=0,0|kv|ko1.refCount|neither owner nor references
kp5.refCount=1|kv|kp5.refCount|is 1, and 2 hold
kp5.refCount=many|kv|kp5.refCount|is not a number
!kp5.state|kv|kp5.state|is missing
kp5.state=asleep|kv|kp5.state|is not a state
kp5.state=fulfilled|kv|kp5.value|is missing
kp5.state=fulfilled;kp5.value={"body":"#1","slots":[]}|kv|kp5.decider|is settled
kp5.state=fulfilled;kp5.value={"body":"#1","slots":[]}|kv|kp5.subscribers|is settled
kp5.value={"body":"#1","slots":[]}|kv|kp5.value|is unresolved
kp5.state=rejected;kp5.value={"body":7}|kv|kp5.value|is not data
kp5.state=rejected;kp5.value={"body":"#1","slots":["ko7"]}|kv|kp5.value|names ko7
!kp5.decider|kv|kp5.decider|is missing: nobody will settle
kp5.decider=v7|kv|kp5.decider|names v7, and nextVatId is 3
kp5.subscribers=["v1","v1"]|kv|kp5.subscribers|is not in order
kp5.subscribers=v1|kv|kp5.subscribers|is not a JSON array
!v1.c.kp5;!v1.c.p+6;kp5.refCount=1|kv|kp5.subscribers|whose c-list does not have the promise
!v2.c.kp5;!v2.c.p-2;kp5.refCount=1|kv|kp5.decider|whose c-list does not have the promise
!v1.c.o-1|kv|v1.c.o-1|is missing
v1.c.o-1=ko1|kv|v1.c.o-1|does not say the same
v1.c.o-9=ko2|kv|v1.c.o-9|does not say the same
!v1.c.ko2|kv|v1.c.o-1|does not say the same
v1.c.ko2=X o-1|kv|v1.c.ko2|is not a vref
v1.c.ko2=R p-1|kv|v1.c.ko2|is not a vref
v1.c.kq2=R o-1|kv|v1.c.kq2|no object or promise
v1.c.kp7=R p+8;v1.c.p+8=kp7|kv|v1.c.kp7|names a promise that does not exist
v2.c.ko9=R o-1;v2.c.o-1=ko9|kv|v2.c.ko9|names an object that does not exist
v7.c.ko1=R o-1;v7.c.o-1=ko1|kv|v7.c.ko1|is of a vat that is not there
e.nextObjectId.v1=1|kv|e.nextObjectId.v1|is 1, and the c-list has o-1
e.nextPromiseId.v2=2|kv|e.nextPromiseId.v2|is 2, and the c-list has p-2
e.nextThingId.v2=2|kv|e.nextThingId.v2|is no row
nextObjectId=2|kv|ko2.owner|nextObjectId is 2
nextPromiseId=5|kv|kp5.state|nextPromiseId is 5
nextVatId=2|kv|vat.v2|nextVatId is 2
nextSubclusterId=1|kv|subcluster.s1|nextSubclusterId is 1
nextVatId=none|kv|nextVatId|is no id that could come next
queue.run.head=10|kv|queue.run.head|the tail 11
queue.run.head=12|kv|queue.run.tail|the head 12
queue.run.11={"type":"notify","endpointId":"v1","kpid":"kp5"};kp5.refCount=3|kv|queue.run.head|the last item is in slot 11
queue.run.11={"type":"notify","endpointId":"v1","kpid":"kp5"};queue.run.head=12;kp5.refCount=3|kv|queue.run.11|kp5, which is not settled
queue.run.11={"type":"wave"};queue.run.head=12|kv|queue.run.11|is not a message
queue.run.11=none;queue.run.head=12|kv|queue.run.11|is not a JSON object
queue.run.11={"type":"send","target":"ko1","message":{"methargs":{"body":"#1","slots":[]},"result":"kp5"}};queue.run.head=12;ko1.refCount=2,2;kp5.refCount=3|kv|kp5.decider|the result of a queued message
queue.run.11={"type":"send","target":"ko1","message":{"methargs":{"body":"#1","slots":[]}}};queue.run.head=12|kv|ko1.refCount|is 1,1, and 2,2 hold
queue.v1.1={"type":"notify","endpointId":"v1","kpid":"kp5"};queue.v1.head=2;kp5.refCount=3|kv|queue.v1.head|not suspended
queue.kp5.1={"type":"notify","endpointId":"v1","kpid":"kp5"};queue.kp5.head=2;kp5.state=fulfilled|kv|queue.kp5.head|not unresolved
queue.run.first=1|kv|queue.run.first|is no row
!vatConfig.v1|kv|vatConfig.v1|is missing
vatConfig.v1=[]|kv|vatConfig.v1|is not a JSON object
!vat.v1|kv|vat.v1|is missing
vat.v1={"name":"first","subcluster":"s1","bundle":"$hash","root":"ko2"}|kv|vat.v1|has the root ko2
!vatName.first/v1|kv|vatName.first/v1|is missing
vatName.third/v1=1|kv|vatName.third/v1|is no name of v1
!subcluster.s1|kv|subcluster.s1|is missing
subcluster.s1={"state":"lost"}|kv|subcluster.s1|is not a subcluster
suspended.v7={"cause":"x"}|kv|vatConfig.v7|is missing
ending.v1={"detail":"x"}|kv|ending.v1|the vat has a configuration
gcAction.v7.dropExport.ko1=1|kv|gcAction.v7.dropExport.ko1|not there
gcAction.v1.forget.ko1=1|kv|gcAction.v1.forget.ko1|is no row
bundleRefs.$hash=3|kv|bundleRefs.$hash|is 3, and 2 vats
imageBytes=1|kv|imageBytes|is 1, and the images have
image.v1={"hash":7}|kv|image.v1|is not
!live.v1|kv|image.v1|no incarnation that it could be the heap of
!#$hash|bundle|$hash|is missing
#$zeros=code|bundle|$zeros|of no vat
@v7:key=value|kv_vatstore|v7|no such vat
host.ko1=1|kv|ko1.refCount|is 1,1, and 2,2 hold
host.thing=1|kv|host.thing|no object or promise
kernelService.clock=ko1|kv|ko1.refCount|is 1,1, and 2,2 hold
idempotency.key.k={"promise":"kp5"}|kv|kp5.refCount|is 2, and 3 hold
stray=1|kv|stray|is no row
END
cp "$(file)" "$WORK/good"
# A change may break more than one thing: what matters is that the finding that is meant is among those told.
tr '|' '\t' <"$WORK/cases" | timeout 300 "$BUILD/tests/corrupt_store" "$WORK/good" >"$WORK/verdicts"
is "$(wc -l <"$WORK/verdicts")" "$(wc -l <"$WORK/cases")" "every case was tried"
while IFS='|' read -r changes table key text <&3 && IFS=$'\t' read -r good told <&4; do
  is "$good" yes "${changes:0:90}: $key $text${told:+ }"
  [ "$good" = yes ] || echo "# told: $told"
done 3<"$WORK/cases" 4<"$WORK/verdicts"
printf 'none\tkv\tko1.refCount\tis wrong\nko1.refCount=2,2\t-\n' | timeout 60 "$BUILD/tests/corrupt_store" "$WORK/good" >"$WORK/verdicts"
is "$(cut -f1 "$WORK/verdicts" | tr '\n' ' ')" "no no " "a finding that is not there is missed, and one that is noticed"

# ---- the file ----

# damaged NAME TEXT: fsck of $WORK/bad ends with 1 and says TEXT.
damaged() {
  try vat fsck "$WORK/bad"
  is "$status" 1 "$1: exit status 1"
  has "$out" "$2" "$1: it is named"
}

page() { # page NUMBER: where it begins
  echo $((($1 - 1) * 4096))
}

pages=$(($(stat -c %s "$WORK/good") / 4096))
for wanted in 1 2 "$pages"; do
  cp "$WORK/good" "$WORK/bad"
  printf '\377' | dd of="$WORK/bad" bs=1 seek=$(($(page "$wanted") + 2000)) conv=notrunc status=none
  damaged "a byte of page $wanted is changed" "page $wanted	"
done
cp "$WORK/good" "$WORK/bad"
dd if=/dev/zero of="$WORK/bad" bs=4096 seek=2 count=1 conv=notrunc status=none
damaged "page 3 is zeros" "page 3	"
cp "$WORK/good" "$WORK/bad"
dd if="$WORK/good" of="$WORK/bad" bs=4096 skip=3 seek=4 count=1 conv=notrunc status=none
damaged "page 5 is a copy of page 4" "page 5	"
head -c $((pages * 4096 - 4096)) "$WORK/good" >"$WORK/bad"
damaged "the last page is cut off" "cut short"
head -c 50 "$WORK/good" >"$WORK/bad"
damaged "all but 50 bytes is cut off" "not an SQLite database"
: >"$WORK/bad"
damaged "it is empty" "is empty"
rm -f "$WORK/bad"
sqlite3 "$WORK/bad" 'CREATE TABLE kv (key, value)'
damaged "it is another program's" "not one of vatd"
cp "$WORK/good" "$WORK/bad"
cp "$VATD_HOME/vatd.sqlite-sums" "$WORK/bad-sums"
vat call first step >/dev/null
vat call second count >/dev/null
vat stop >/dev/null
newer=$(cmp -l "$WORK/good" "$(file)" | awk '{ page = int(($1 - 1) / 4096) + 1 } page > 1 { print page; exit }')
dd if="$(file)" of="$WORK/bad" bs=4096 skip=$((newer - 1)) seek=$((newer - 1)) count=1 conv=notrunc status=none
damaged "a page is another version's" "page $newer	"
cp "$WORK/good" "$WORK/bad"
cp "$VATD_HOME/vatd.sqlite-sums" "$WORK/bad-sums"
damaged "it is older than its sums" "not the one that was written last"
vat call first step >/dev/null
kill_daemon
cp "$(file)" "$WORK/bad"
cp "$(file)-sums" "$WORK/bad-sums"
damaged "it is without its log" "lost committed batches"
cp "$(file)-wal" "$WORK/bad-wal"
says "with its log nothing is wrong" "$WORK/bad: nothing is wrong" vat fsck "$WORK/bad"
cmp -s "$(file)-wal" "$WORK/bad-wal"
verdict $? "and the log is still there" "it was changed"

# ---- while it is in use ----

vat start >/dev/null
fails "a file that a daemon has open is not looked at" 3 "in use" vat fsck "$(file)"
finish
