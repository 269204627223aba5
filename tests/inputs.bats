#!/usr/bin/env bats
# What capture reads: every form of file and link layer, copies, fragments, and captures that show a
# part of a connection only.

load helper

setup_file() {
  export GOLDEN=$BATS_TEST_DIRNAME/golden CONVERT=$BATS_FILE_TMPDIR/convert_pcap
  "${CC:-cc}" -std=c17 -O1 -o "$CONVERT" "$BATS_TEST_DIRNAME/convert_pcap.c"
}

teardown() {
  [ -z "${bridged-}" ] || { kill "$bridged"; wait "$bridged" || true; ip link del br0; } 2>/dev/null
}

# read_it ARGUMENT...: leaves what capture makes of it in json.
read_it() {
  local status=0
  timeout 30 "$TEARDOWN_BIN/capture" --format json "$@" >"$BATS_TEST_TMPDIR/json" \
    2>"$BATS_TEST_TMPDIR/err" || status=$?
  ((status <= 1)) || { echo "status $status: $(cat "$BATS_TEST_TMPDIR/err")"; return 1; }
}

# told ARGUMENT...: that, but for the file's name, the counts of the summary, and when a verdict was
# given: at its last packet, a copy or not. By sed, for jq takes longer to start than capture to answer.
told() {
  read_it "$@" && sed -E '/^\{"schema":2,"type":"(start|summary)",/d
    s/^(\{"schema":2,"type":"verdict","conn":[0-9]+),"t":[0-9.]+,/\1,/' "$BATS_TEST_TMPDIR/json"
}

verdicts() { # verdicts ARGUMENT...: ending and verdict of each connection
  read_it "$@" && jq -r 'select(.type == "verdict") | "\(.ending) \(.verdict)"' "$BATS_TEST_TMPDIR/json"
}

same() { # same CONVERSION NAME...: converted, it is told as the original is
  local conversion=$1 name original
  for name in "${@:2}"; do
    original=$BATS_TEST_TMPDIR/$name
    [ -s "$original" ] || told -r "$GOLDEN/$name.pcap" >"$original"
    grep -q '"type":"verdict"' "$original"
    "$CONVERT" "$conversion" <"$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/converted"
    told -r "$BATS_TEST_TMPDIR/converted" | diff "$original" - ||
      { echo "$name as $conversion"; return 1; }
  done
}

@test "pcap in µs and ns and in both byte orders, pcapng" {
  local form
  for form in us-le us-be ns-le ns-be pcapng pcapng-be pcapng-ns; do
    same "$form" normal lost-final-ack-ipv6 reset-data-after-close
  done
}

@test "Ethernet, VLAN, QinQ, Linux cooked, raw IP and BSD loopback" {
  local link
  for link in vlan qinq sll sll2 raw null null-be loop; do
    same "$link" normal lost-final-ack-ipv6 simultaneous
  done
}

@test "a link type that is not read is said, and nothing is guessed" {
  "$CONVERT" raw <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/odd"
  printf '\x69' | dd of="$BATS_TEST_TMPDIR/odd" bs=1 seek=20 conv=notrunc status=none # IEEE 802.11
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/odd"
  [ "$status" -eq 2 ] && [ -z "$output" ]
  # shellcheck disable=SC2154 # bats sets it
  [[ $stderr == *"link type IEEE802_11 is not read here"* ]]
}

@test "IPv6 with hop-by-hop, destination and atomic fragment headers" {
  same extensions normal-ipv6 lost-final-ack-ipv6
}

@test "standard input, and what gzip writes into a pipe" {
  told -r "$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/original"
  told -r - <"$GOLDEN/normal.pcap" | diff "$BATS_TEST_TMPDIR/original" -
  gzip -c "$GOLDEN/normal.pcap" | gzip -dc | told -r - | diff "$BATS_TEST_TMPDIR/original" -
}

@test "tunnels and shims: VXLAN, GENEVE, GRE, IP in IP, 6in4, MPLS, PPPoE" {
  local tunnel
  for tunnel in vxlan geneve gre ip-in-ip mpls pppoe; do
    same "$tunnel" normal lost-final-ack-ipv6 simultaneous
  done
}

@test "live, a segment in a tunnel is one like any other" {
  "$CONVERT" vxlan <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/vxlan"
  local json=$BATS_TEST_TMPDIR/json size
  timeout 30 "$TEARDOWN_BIN/capture" -i lo --kernel off -c 1 --json "$json" >/dev/null 2>&1 &
  local capture=$!
  wait_for says "$json" '"start"'
  # The first record without its own header, Ethernet, IPv4 and UDP: those come anew.
  size=$(od -An -t u4 -j 32 -N 4 "$BATS_TEST_TMPDIR/vxlan")
  tail -c +83 "$BATS_TEST_TMPDIR/vxlan" | head -c $((size - 42)) >"$BATS_TEST_TMPDIR/datagram"
  cat "$BATS_TEST_TMPDIR/datagram" >/dev/udp/127.0.0.1/4789
  wait "$capture"
  [ "$(jq -c 'select(.type == "summary") | [.segments, .connections]' "$json")" = '[1,1]' ]
}

@test "interfaces of two link types and snapshot lengths, which libpcap refuses" {
  same mixed normal lost-final-ack-ipv6 reset-data-after-close
  # The filter means the same on each of them.
  told -r "$GOLDEN/normal.pcap" 'src port 7000' >"$BATS_TEST_TMPDIR/original"
  "$CONVERT" mixed <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/mixed"
  told -r "$BATS_TEST_TMPDIR/mixed" 'src port 7000' | diff "$BATS_TEST_TMPDIR/original" -
  # One of them alone can be saved, both cannot.
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/mixed" -w "$BATS_TEST_TMPDIR/out"
  [ "$status" -eq 2 ]
  [[ $stderr == *"-w $BATS_TEST_TMPDIR/out: "*"link types EN10MB and RAW"*"tshark -r "* ]]
  # A filter that one of them has no notion of.
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/mixed" 'ether host 02:00:00:00:00:02'
  [ "$status" -eq 2 ]
  [[ $stderr == *"filter 'ether host 02:00:00:00:00:02': "*"for link type RAW "* ]]
}

@test "-w of what is read, filtered: the same is read from it" {
  local form
  for form in us-be ns-le pcapng sll2; do
    "$CONVERT" "$form" <"$GOLDEN/simultaneous.pcap" >"$BATS_TEST_TMPDIR/in"
    told -r "$BATS_TEST_TMPDIR/in" 'dst port 7000' >"$BATS_TEST_TMPDIR/original"
    "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/in" -w "$BATS_TEST_TMPDIR/out" 'dst port 7000' \
      >/dev/null 2>&1
    told -r "$BATS_TEST_TMPDIR/out" | diff "$BATS_TEST_TMPDIR/original" -
  done
}

@test "gzip: a file, several in one, a pipe; cut off and damaged" {
  local zip=$BATS_TEST_TMPDIR/zip
  told -r "$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/original"
  gzip -c "$GOLDEN/normal.pcap" >"$zip"
  told -r "$zip" | diff "$BATS_TEST_TMPDIR/original" -
  told -r - < <(cat "$zip") | diff "$BATS_TEST_TMPDIR/original" -
  { head -c 500 "$GOLDEN/normal.pcap" | gzip; tail -c +501 "$GOLDEN/normal.pcap" | gzip; } >"$zip"
  told -r "$zip" | diff "$BATS_TEST_TMPDIR/original" -
  truncate -s +512 "$zip" # as tapes pad
  told -r "$zip" | diff "$BATS_TEST_TMPDIR/original" -
  gzip -c "$GOLDEN/normal.pcap" | head -c 400 >"$zip"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$zip" --format lines
  [ "$status" -eq 2 ] && [[ $stderr == *"zip: cannot read on: the gzip data are cut off"* ]]
  [[ $output == *verdict* ]]
  gzip -c "$GOLDEN/normal.pcap" >"$zip"
  printf '\0\0\0\0' | # where the checksum is
    dd of="$zip" bs=1 seek=$(($(stat -c %s "$zip") - 8)) conv=notrunc status=none
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$zip" --format lines
  [ "$status" -eq 2 ] && [[ $stderr == *"the gzip data are damaged"* ]]
  [[ $output == *"verdict normal"* ]]
}

@test "what is no capture is named, with what makes it one" {
  local odd=$BATS_TEST_TMPDIR/odd
  printf '\x28\xb5\x2f\xfd and so on' >"$odd"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$odd"
  [ "$status" -eq 2 ] && [[ $stderr == *"compressed with zstd; zstd -dc FILE | capture -r -"* ]]
  : >"$odd"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$odd"
  [ "$status" -eq 2 ] && [[ $stderr == *"not a capture: it is empty"* ]]
  { "$CONVERT" us-le <"$GOLDEN/normal.pcap" | head -c 200; printf '%0100d' 0; } >"$odd"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$odd"
  [ "$status" -eq 2 ] && [[ $stderr == *"damaged at octet "*"packet's length is beyond"* ]]
}

@test "no TCP at all, and what may hide it, is said" {
  "$CONVERT" udp <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/udp"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/udp"
  [ "$status" -eq 0 ] && [[ $stderr == *"no TCP in 9 packets: 9 UDP"* ]]
  "$CONVERT" esp <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/esp"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/esp"
  [ "$status" -eq 0 ] && [[ $stderr == *"no TCP in 9 packets"*"TCP may be inside: 9 ESP"* ]]
  head -c 24 "$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/none"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/none"
  [ "$status" -eq 0 ] && [[ $stderr == *"no TCP: there are no packets"* ]]
}

@test "two taps in one file, one after the other: copies, and time that runs backwards" {
  local name
  for name in normal simultaneous lost-final-ack-after-tap-x3 normal-ipv6 reset-unread-data; do
    { cat "$GOLDEN/$name.pcap"; tail -c +25 "$GOLDEN/$name.pcap"; } >"$BATS_TEST_TMPDIR/joined"
    told -r "$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/original"
    told -r "$BATS_TEST_TMPDIR/joined" | diff "$BATS_TEST_TMPDIR/original" -
    grep -q 'segments were captured twice and counted once' "$BATS_TEST_TMPDIR/err"
    grep -q 'time runs backwards 1 time, by up to [0-9.]* s: .*sort it: reordercap' "$BATS_TEST_TMPDIR/err"
  done
  # One tap saw the one direction, one the other: each of their segments is new.
  { "$CONVERT" us-le <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/all"
    "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/all" -w "$BATS_TEST_TMPDIR/there" 'dst port 7000'
    "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/all" -w "$BATS_TEST_TMPDIR/back" 'src port 7000'
  } >/dev/null 2>&1
  { cat "$BATS_TEST_TMPDIR/there"; tail -c +25 "$BATS_TEST_TMPDIR/back"; } >"$BATS_TEST_TMPDIR/joined"
  told -r "$BATS_TEST_TMPDIR/joined" >/dev/null
  run ! grep 'captured twice' "$BATS_TEST_TMPDIR/err"
}

@test "time beyond the calendar" {
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap"
  [[ $stderr != *backwards* ]]
  "$CONVERT" pcapng <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/far"
  printf '\xff\xff\xff\xff' | # the first packet's upper half
    dd of="$BATS_TEST_TMPDIR/far" bs=1 seek=60 conv=notrunc status=none
  run --separate-stderr timeout 20 "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/far" --format json
  [ "$status" -le 1 ]
  [[ $stderr == *"1 packets are from outside the years 1 to 9999"* ]]
}

@test "a pipe that pauses: what came is told, and a signal ends it" {
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  timeout 30 "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/fifo" --format lines \
    >"$BATS_TEST_TMPDIR/lines" 2>"$BATS_TEST_TMPDIR/err" &
  local capture=$! status=0 fifo
  exec {fifo}>"$BATS_TEST_TMPDIR/fifo"
  head -c 10 "$GOLDEN/normal.pcap" >&"$fifo" # not even the header
  tail -c +11 "$GOLDEN/normal.pcap" >&"$fifo"
  wait_for says "$BATS_TEST_TMPDIR/lines" '4/4'
  kill -INT "$(pgrep -P "$capture")"
  wait "$capture" || status=$?
  exec {fifo}>&-
  [ "$status" -eq 0 ]
  grep -q 'verdict normal' "$BATS_TEST_TMPDIR/lines"
  grep -q '9 segments, 1 connection' "$BATS_TEST_TMPDIR/err"
}

@test "IP fragments are refused and counted" {
  "$CONVERT" fragments <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/fragments"
  run verdicts -r "$BATS_TEST_TMPDIR/fragments"
  [ "$status" -eq 0 ] && [ -z "$output" ]
  grep -q 'not read: 18 IP fragments, 0 cut short by -s, 0 malformed' "$BATS_TEST_TMPDIR/err"
}

@test "each packet captured twice counts once, and that is said" {
  local name
  for name in normal simultaneous lost-final-ack-after-tap-x3 normal-ipv6; do
    same twice "$name"
    told -r "$GOLDEN/$name.pcap" >/dev/null
    local segments
    segments=$(jq 'select(.type == "summary").segments' "$BATS_TEST_TMPDIR/json")
    told -r "$BATS_TEST_TMPDIR/converted" >/dev/null
    grep -qx "$segments segments were captured twice and counted once" "$BATS_TEST_TMPDIR/err"
  done
  # Resets of a closed end look the same, so that a copy of one may be another: the verdict stands.
  for name in reset-data-after-close reset-linger-0 reset-unread-data normal-rst-in-time-wait; do
    verdicts -r "$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/original"
    "$CONVERT" twice <"$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/converted"
    verdicts -r "$BATS_TEST_TMPDIR/converted" | diff "$BATS_TEST_TMPDIR/original" -
  done
}

@test "a retransmission is no copy" {
  [ "$(told -r "$GOLDEN/lost-final-ack.pcap" | jq .fin_retransmissions | tail -1)" -eq 1 ]
  run ! grep 'captured twice' "$BATS_TEST_TMPDIR/err"
  # As soon as a copy, but a datagram of its own.
  "$CONVERT" renumbered <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/renumbered"
  [ "$(told -r "$BATS_TEST_TMPDIR/renumbered" | jq .fin_retransmissions | tail -1)" -eq 2 ]
  run ! grep 'captured twice' "$BATS_TEST_TMPDIR/err"
}

@test "one direction only: cannot tell, and that is the reason" {
  local file name filter
  mkdir "$BATS_TEST_TMPDIR/told"
  for file in "$GOLDEN"/*.pcap; do
    name=${file##*/}
    [[ $name != refused.pcap ]] || continue
    for filter in src dst; do
      read_it -r "$file" "$filter port 7000"
      mv "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/told/$name, $filter"
    done
  done
  # Of each of them there is a verdict, and none says anything else.
  run -0 jq -nr '[inputs | . + {file: input_filename}] | group_by(.file)[] | .[0].file as $file
    | map(select(.type == "verdict") | "\(.verdict) \(.sentence)")
    | if . == [] then "no verdict" else .[] end
    | select(test("^cannot-tell .*; only one direction was captured$") | not) | "\($file): \(.)"' \
    "$BATS_TEST_TMPDIR"/told/*
  [ -z "$output" ] || { echo "$output"; return 1; }
}

@test "a capture that begins anywhere" {
  local skip expected=(
    [5]='normal conforms' # both FINs and their ACKs
    [6]='unfinished-close-wait cannot-tell' [7]='unfinished-close-wait cannot-tell'
    [8]='open cannot-tell') # one ACK
  for ((skip = 0; skip < 9; skip++)); do
    "$CONVERT" us-le "$skip" <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/late"
    run verdicts -r "$BATS_TEST_TMPDIR/late"
    [ "$status" -eq 0 ]
    [ "$output" = "${expected[skip]-normal conforms}" ] || { echo "$skip: $output"; return 1; }
  done
  "$CONVERT" us-le 6 <"$GOLDEN/normal.pcap" >"$BATS_TEST_TMPDIR/late"
  told -r "$BATS_TEST_TMPDIR/late" | grep 'capture misses\|middle of the close'
}

roles() { # roles FILE: who is the client of each connection, who closed first, how that is known
  read_it -r "$1" && jq -r 'select(.type == "verdict") | "\(.client) \(.closed_first) \(.roles_by)"' \
    "$BATS_TEST_TMPDIR/json"
}

@test "who is the client is known without the SYN, too, and it is said how" {
  local name skip
  for name in normal normal-server-first normal-ipv6 reset-unread-data; do
    roles "$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/original"
    grep -q ' syn$' "$BATS_TEST_TMPDIR/original"
    for skip in 3 4; do # from the client's data on, and from the server's ACK on
      "$CONVERT" us-le "$skip" <"$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/late"
      roles "$BATS_TEST_TMPDIR/late" | sed 's/ ports$/ syn/' | diff "$BATS_TEST_TMPDIR/original" -
    done
  done
}

@test "wherever a capture begins there is no breach and no crash" {
  local name skip size
  mkdir "$BATS_TEST_TMPDIR/told"
  for name in coalesced simultaneous normal-half-close-data lost-final-ack-after-tap \
    fin-unanswered reset-data-after-close reuse-server-in-close-wait; do
    read_it -r "$GOLDEN/$name.pcap"
    size=$(jq 'select(.type == "summary").segments' "$BATS_TEST_TMPDIR/json")
    for ((skip = 1; skip < size; skip++)); do
      "$CONVERT" us-le "$skip" <"$GOLDEN/$name.pcap" >"$BATS_TEST_TMPDIR/late"
      read_it -r "$BATS_TEST_TMPDIR/late"
      mv "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/told/$name without the first $skip"
    done
  done
  run -0 jq -r 'select(.type == "verdict" and .verdict == "violates") | input_filename + ": " + .ending' \
    "$BATS_TEST_TMPDIR"/told/*
  [ -z "$output" ] || { echo "$output"; return 1; }
}

@test "a capture that ends anywhere" {
  local n expected=([6]='unfinished-fin-unanswered' [7]='unfinished-close-wait'
    [8]='unfinished-last-ack' [9]='normal')
  for ((n = 1; n <= 9; n++)); do
    run verdicts -r "$GOLDEN/normal.pcap" -c "$n"
    [ "$status" -eq 0 ]
    [ "$output" = "${expected[n]-open} conforms" ] || { echo "$n: $output"; return 1; }
  done
}

# The last verdict on each connection, but for what depends on when it was given.
last_verdicts() {
  jq -Sc 'select(.type == "verdict") | del(.conn, .t, .sentence)' | sort
}

@test "live with -w, then read: the same verdicts" {
  local json=$BATS_TEST_TMPDIR/live.json saved=$BATS_TEST_TMPDIR/saved.pcap how
  timeout 60 "$TEARDOWN_BIN/capture" -i lo --kernel off --closes 4 --json "$json" -w "$saved" \
    >/dev/null 2>&1 &
  local capture=$!
  wait_for says "$json" '"start"'
  timeout 60 "$TEARDOWN_BIN/server" -p 7000 --count 3 >"$BATS_TEST_TMPDIR/server" 2>&1 &
  local server=$!
  timeout 60 "$TEARDOWN_BIN/server" -p 7001 --count 1 --close-delay 0 \
    >"$BATS_TEST_TMPDIR/quick" 2>&1 &
  local quick=$!
  wait_for says "$BATS_TEST_TMPDIR/server" listen
  wait_for says "$BATS_TEST_TMPDIR/quick" listen
  for how in close shutdown reset; do
    timeout 30 "$TEARDOWN_BIN/client" --close "$how" --close-after 50 127.0.0.1 7000 \
      >/dev/null 2>&1 || true
  done
  timeout 30 "$TEARDOWN_BIN/client" --close-after 50 127.0.0.1 7001 >/dev/null 2>&1
  wait "$capture" "$server" "$quick" || true
  last_verdicts <"$json" >"$BATS_TEST_TMPDIR/live"
  "$TEARDOWN_BIN/capture" -r "$saved" --format json 2>/dev/null | last_verdicts |
    diff "$BATS_TEST_TMPDIR/live" -
  # A server that closes at once may be too late for three segments.
  jq -r .ending "$BATS_TEST_TMPDIR/live" | sort | sed '1s/coalesced/normal/' |
    diff - <(printf '%s\n' normal normal normal reset)
}

@test "live on every interface across a bridge: the copies count once" {
  ip link add br0 type bridge 2>/dev/null || skip "this kernel has no bridge"
  unshare --net sleep 60 &
  local other=$!
  bridged=$other
  until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
  ip link add port0 type veth peer name peer0 netns "$other"
  ip link set port0 master br0 up
  ip link set br0 up
  ip address add 192.0.2.1/24 dev br0
  nsenter --target "$other" --net sh -c \
    'ip link set lo up; ip link set peer0 up; ip address add 192.0.2.2/24 dev peer0'
  local json=$BATS_TEST_TMPDIR/any.json
  timeout 30 "$TEARDOWN_BIN/capture" -i any --closes 1 --json "$json" 'port 7000' \
    >/dev/null 2>"$BATS_TEST_TMPDIR/err" &
  local capture=$!
  wait_for says "$json" '"start"'
  timeout 30 "$TEARDOWN_BIN/server" -l 0.0.0.0 -p 7000 --count 1 >"$BATS_TEST_TMPDIR/server" 2>&1 &
  local server=$!
  wait_for says "$BATS_TEST_TMPDIR/server" listen
  timeout 30 nsenter --target "$other" --net \
    "$TEARDOWN_BIN/client" --close-after 50 192.0.2.1 7000 >/dev/null 2>&1
  wait "$capture" "$server"
  [ "$(jq -c 'select(.type == "verdict")
    | [.ending, .verdict, .control_segments, .fin_retransmissions]' "$json")" = \
    '["normal","conforms","4/4",0]' ]
  grep -q 'segments were captured twice and counted once' "$BATS_TEST_TMPDIR/err"
}
