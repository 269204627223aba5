#!/usr/bin/env bats
# --expect-ladder and --rows, on the golden captures: what one writes the other reads; and each row
# and field that is not as stated is named. The scenarios use both on real sockets.

load helper

capture() {
  run --separate-stderr timeout 30 "$TEARDOWN_BIN/capture" "$@"
}

golden=$BATS_TEST_DIRNAME/golden

setup() {
  ladder=$BATS_TEST_TMPDIR/ladder
  cat >"$ladder" <<'END'
# the four segments
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT

server fin2 0 3/4 TIME_WAIT LAST_ACK      # 100 ms later
client final-ack 0 4/4 TIME_WAIT CLOSED
verdict ending=normal closed_first=client control_segments=4/4 losses=- findings=-
END
}

# differs STATUS LINE...: each of them on stderr, and no other difference.
# shellcheck disable=SC2154 # bats sets stderr
differs() {
  local line wanted=''
  [ "$status" -eq "$1" ] || { echo "status $status, not $1: $stderr"; return 1; }
  shift
  for line; do wanted+="capture: --expect-ladder: $line"$'\n'; done
  [ "$(grep -- --expect-ladder <<<"$stderr")" == "${wanted%$'\n'}" ] || { echo "$stderr"; return 1; }
}

@test "as stated: status 0, and no word about it" {
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
  [ "$status" -eq 0 ]
  [[ $stderr != *expect* ]]
}

@test "the row that differs is named, with what was expected, what there was, and where" {
  sed -i 's/fin2 0/fin2 1/' "$ladder"
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
  differs 1 "row 3: expected 'server fin2 1 3/4 TIME_WAIT LAST_ACK', actual 'server fin2 0 3/4 TIME_WAIT LAST_ACK'; not the same: again"
}

@test "a row too many, a row too few" {
  sed -i '/final-ack/d' "$ladder"
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
  differs 1 "row 4: expected 'no row', actual 'client final-ack 0 4/4 TIME_WAIT CLOSED'"
  sed -i 's/^verdict/client final-ack 0 4\/4 TIME_WAIT CLOSED\nserver rst 0 4\/4 CLOSED CLOSED\n&/' "$ladder"
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
  differs 1 "row 5: expected 'server rst 0 4/4 CLOSED CLOSED', actual 'no row'"
}

@test "every cell counts" {
  local cell word wrong
  for cell in from:server:client role:fin2:data again:0:7 count:3/4:0/3 \
    client_state:TIME_WAIT:CLOSING server_state:LAST_ACK:ESTABLISHED; do
    IFS=: read -r cell word wrong <<<"$cell"
    sed "/fin2/ s#$word#$wrong#" "$ladder" >"$ladder.wrong"
    capture -r "$golden/normal.pcap" --expect-ladder "$ladder.wrong"
    [[ $status == 1 && $stderr == *"row 3: "*"; not the same: $cell"* ]] || {
      echo "$cell: $status $stderr"
      return 1
    }
  done
}

@test "every field of the verdict counts" {
  local field fields
  capture -r "$golden/reset-linger-0.pcap" --rows "$ladder"
  read -ra fields < <(sed -n 's/^verdict \(.*\) # .*/\1/p' "$ladder")
  ((${#fields[@]} > 5))
  for field in "${fields[@]}"; do
    sed "s| $field | ${field%%=*}=else |" "$ladder" >"$ladder.wrong"
    capture -r "$golden/reset-linger-0.pcap" --expect-ladder "$ladder.wrong"
    differs 1 "${field%%=*}: expected 'else', actual '${field#*=}'"
  done
}

@test "what --rows writes of one connection is what --expect-ladder reads" {
  local pcap n=0
  for pcap in "$golden"/{normal,lost,simul}*.pcap; do
    capture -r "$pcap" --rows "$ladder"
    [ "$(grep -c ^verdict "$ladder")" -eq 1 ] || continue
    capture -r "$pcap" --expect-ladder "$ladder"
    [ "$status" -eq 0 ] || { echo "$pcap: $stderr"; return 1; }
    n=$((n + 1))
  done
  [ "$n" -gt 10 ]
}

@test "data in any number of pieces is one row" {
  local pcap=$golden/reset-data-after-close.pcap
  capture -r "$pcap" --rows "$ladder"
  [ "$(grep -c ' data ' "$ladder")" -gt 1 ]
  awk '!/^server data / || !seen++' "$ladder" >"$ladder.once"
  capture -r "$pcap" --expect-ladder "$ladder.once"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
}

@test "a ladder for each connection" {
  cat "$ladder" "$ladder" >"$ladder.two"
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder.two"
  differs 1 'connections: expected 2, actual 1' \
    "connection 2, row 1: expected 'client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT', actual 'no row'" \
    "connection 2, ending: expected 'normal', actual 'no verdict'" \
    "connection 2, closed_first: expected 'client', actual 'no verdict'" \
    "connection 2, control_segments: expected '4/4', actual 'no verdict'" \
    "connection 2, losses: expected '-', actual 'no verdict'" \
    "connection 2, findings: expected '-', actual 'no verdict'"
}

@test "somebody stuck is as stated when the ladder states it" {
  capture -r "$golden/last-ack.pcap" --rows "$ladder"
  [ "$status" -eq 1 ]
  grep -q 'findings=final-ack-missing' "$ladder"
  capture -r "$golden/last-ack.pcap" --expect-ladder "$ladder"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
}

@test "nothing seen is status 3" {
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder" 'port 1'
  [[ $status == 3 && $stderr == *'no close was seen'* ]]
}

@test "a file that is no ladder: one line says where, what, and what would be right" {
  local text wanted
  while IFS='|' read -r text wanted; do
    printf '%b' "$text" >"$ladder"
    capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
    [[ $status == 2 && -z $output && $stderr == "capture: --expect-ladder: $ladder: line "*"$wanted"* &&
      $(wc -l <<<"$stderr") == 1 ]] || { echo "'$text': $status $stderr"; return 1; }
  done <<'END'
clint fin1|'clint' is neither client nor server
client fin3 0|'fin3' is no role
client fin1+ 0 x|'x' is no count
client fin1 x|'x' is no number of copies
client fin1 0 5/4|'5/4' is no count
client fin1 0 1/4 OPEN|'OPEN' is no state
client fin1 0|a row has six words
client fin1 0 1/4 CLOSED CLOSED CLOSED|is a seventh word
client fin1 0 1/4 CLOSED CLOSED|ends with a line 'verdict', and the last has none
# nothing|ends with a line 'verdict', and there is none
verdict normal|'normal' is no FIELD=VALUE
verdict end=normal|has no field 'end'
\000|has an octet 0
cl\033[31mient|'cl?[31mient' is neither
END
  for text in /nonexistent /tmp /dev/zero; do
    capture -r "$golden/normal.pcap" --expect-ladder "$text"
    [[ $status == 2 && $stderr == "capture: --expect-ladder: "*"$text"* ]]
  done
  yes | tr -d '\n' | head -c 100000 >"$ladder"
  capture -r "$golden/normal.pcap" --expect-ladder "$ladder"
  [[ $status == 2 && $stderr == *'longer than'* ]]
}

@test "--rows that cannot be written, and --expect beside a ladder: misuse" {
  capture -r "$golden/normal.pcap" --rows /nonexistent/file
  [[ $status == 2 && $stderr == *'--rows /nonexistent/file: cannot write'* ]]
  capture -r "$golden/normal.pcap" --expect normal --expect-ladder "$ladder"
  [[ $status == 2 && $stderr == *'exclude each other'* ]]
}
