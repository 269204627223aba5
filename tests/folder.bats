#!/usr/bin/env bats
# Files that others take while capture runs: the counts of --metrics and the closed files of --rotate
# are always whole, and nothing is lost between two of them, or by a signal.

# shellcheck disable=SC2154 # run sets stderr and stderr_lines
load helper

GOLDEN=$BATS_TEST_DIRNAME/golden
port=7000

# What is put into a folder is put there by who capture becomes.
setup() {
  log=$(mktemp -d)
  chmod 0777 "$log"
}

teardown() {
  end_all
  rm -rf "$log"
}

# begin OPTION...: a live capture and a server, until both run.
begin() {
  env --default-signal=INT "$TEARDOWN_BIN/capture" -i lo --kernel off -q --format lines "$@" "tcp port $port" \
    >"$log/out" 2>"$log/err" 3>&- &
  sniffer=$!
  "$TEARDOWN_BIN/server" --port $port >"$log/server" 2>&1 3>&- &
  pids+=("$sniffer" $!)
  wait_for says server listen
}

# close_some N: ten at a time, for one after the other they would wait most of a second each.
close_some() {
  "$TEARDOWN_BIN/client" -q --count "$1" --parallel 10 --close-after 100 127.0.0.1 $port >"$log/client" 2>&1
}

server_has_closed() { [[ -z $(ss -Htn state connected exclude time-wait "sport = :$port") ]]; }

end_sniffer() {
  local status=0
  kill -"$1" "$sniffer"
  wait "$sniffer" || status=$?
  ((status <= 1)) || fail "status $status"
}

# value FILE SAMPLE: the sum of all samples that begin like that.
value() { awk -v sample="$2" 'index($0, sample) == 1 { n += $NF } END { print n + 0 }' "$1"; }

# Whether three segments or four are how one closes is up to the machine.
has_closes() { (($1 == $(value "$log/m.prom" 'teardown_closes_total{service="7000"'))); }

# counted_anew FILE: what its verdicts make of closes, RSTs and findings, as the lines of --metrics.
counted_anew() {
  jq -rs '[.[] | select(.type == "verdict")] | group_by(.conn) | map(last | select(.ending != "open")) |
    (group_by(.ending, .closed_first)[] | "closes_total{service=\"7000\",ending=\"\(.[0].ending)\",closed_first=\"\(.[0].closed_first)\"} \(length)"),
    (map(select(.reset_cause)) | group_by(.reset_cause)[] | "resets_total{service=\"7000\",cause=\"\(.[0].reset_cause)\"} \(length)"),
    (map(.findings[].id) | group_by(.)[] | "findings_total{service=\"7000\",finding=\"\(.[0])\"} \(length)"),
    (map(select(.ending | IN("normal", "coalesced", "simultaneous"))) | select(length > 0) |
      "close_duration_seconds_count{service=\"7000\"} \(length)")' "$1" | sed 's/^/teardown_/' | sort
}

@test "--metrics: promtool reads it, and it counts what the summary counts" {
  command -v promtool >/dev/null || skip 'no promtool: scripts/deps.sh test installs it'
  local name ending n
  for name in normal coalesced reset-linger-0 refused lost-final-ack-x3 close-wait-stuck simultaneous open; do
    "$TEARDOWN_BIN/capture" -r "$GOLDEN/$name.pcap" -qq --metrics "$log/m.prom" --json "$log/json" 2>/dev/null || (($? == 1))
    promtool check metrics <"$log/m.prom" >"$log/promtool" 2>&1
    while read -r ending n; do
      ((n == $(value "$log/m.prom" "teardown_closes_total{service=\"7000\",ending=\"$ending\"") )) || fail "$name: not $n $ending" "$(cat "$log/m.prom")"
    done < <(jq -r 'select(.type == "summary").endings | to_entries[] | select(.key != "open") | "\(.key) \(.value)"' "$log/json")
    diff <(counted_anew "$log/json") <(grep -E '^teardown_(closes_total|resets_total|findings_total|close_duration_seconds_count)' "$log/m.prom" | sort) ||
      fail "$name: other counts"
    n=$(jq -s '[.[] | select(.type == "verdict") | .losses[]?.count] | add // 0' "$log/json")
    ((n == $(value "$log/m.prom" teardown_losses_total))) || fail "$name: losses are not $n" "$(cat "$log/m.prom")"
    ((1 == $(jq -s '[.[] | select(.type == "summary" and .segments == '"$(value "$log/m.prom" teardown_segments_total)"')] | length' "$log/json")))
  done
}

@test "--metrics: live it is always whole, and names no address" {
  begin --metrics "$log/m.prom" --msl 1 # until when a verdict may change
  wait_for test -s "$log/m.prom"
  close_some 50
  wait_for has_closes 50
  end_sniffer INT
  has_closes 50 || fail "$(cat "$log/m.prom")"
  grep -q '^# TYPE teardown_evicted_connections_total' "$log/m.prom"
  run ! grep -q '127\.0\.0\.1' "$log/m.prom"
  [[ $(echo "$log"/m.prom*) == "$log/m.prom" ]] || fail "something is left: $(ls "$log")"
}

# whole_lines: the closed files hold each line of the run once.
whole_lines() {
  [[ -z $(find "$log" -name 'j-*.ndjson' -empty) ]] || fail "an empty file was closed: $(ls -l "$log")"
  cat "$log"/j-*.ndjson >"$log/all"
  jq -e -n 'reduce inputs as $o (0; if $o.line == . + 1 then $o.line else error("line \($o.line) after \(.)") end) > 0' \
    "$log/all" >"$log/jq" 2>&1 || fail "$(cat "$log/jq")"
}

@test "--rotate: under load no line is lost or doubled, and SIGTERM closes the last file" {
  local turn
  begin --json "$log/j.ndjson" --rotate 1 --host-name here
  wait_for test -e "$log/j.ndjson.part"
  for turn in 1 2 3; do
    close_some 100
    wait_for compgen -G "$log/j-*-00000$turn.ndjson"
  done
  end_sniffer TERM
  [[ ! -e $log/j.ndjson.part ]]
  whole_lines
  ((300 == $(jq -n '[inputs | select(.type == "verdict" and .revised == false)] | length' "$log/all") )) ||
    fail "$(jq -r .type "$log/all" | sort | uniq -c)"
}

@test "--rotate: what a killed run left is put in its place by the next, up to its last whole line" {
  printf '{"line":1}\n{"line":2}\n{"li' >"$log/j.ndjson.part"
  chmod 0666 "$log/j.ndjson.part"
  "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" -qq --json "$log/j.ndjson" --rotate 60
  local -a closed=("$log"/j-*.ndjson)
  ((${#closed[@]} == 2)) || fail "$(ls "$log")"
  [[ $(<"${closed[0]}") == '{"line":1}'$'\n''{"line":2}' ]] || fail "$(cat "${closed[0]}")"
  jq -e -s 'last.type == "summary"' "${closed[1]}" >/dev/null
}

@test "what cannot be put into a folder is said before anything is captured" {
  local options
  for options in '--metrics -' "--metrics $log/none/m" "--metrics $log/" '--rotate 5' '--metrics /proc/m' \
    '--json - --rotate 5' "--json $log/j --rotate 0"; do
    # shellcheck disable=SC2086 # several words
    run --separate-stderr "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" -qq $options
    [[ $status == 2 && ${#stderr_lines[@]} == 1 && $stderr == *'--'* ]] || fail "$options: $status" "$stderr"
  done
}

@test "a disk that is full: what could not be written is said, with status 2" {
  ((EUID == 0)) || skip 'a small file system takes root'
  # shellcheck disable=SC2016 # for the inner shell
  run --separate-stderr unshare --mount sh -c 'mount -t tmpfs -o size=4k,mode=777 none "$1" && exec "$2" -r "$3" -qq --json "$1/j.ndjson" --rotate 9' \
    - "$log" "$TEARDOWN_BIN/capture" "$GOLDEN/lost-final-ack.pcap"
  [[ $status == 2 && $stderr == *'cannot write: No space left'* ]] || fail "$status" "$stderr"
}

@test "--metrics: what could not be written once is said, with status 2, though the next time it could" {
  local file=$BATS_TEST_DIRNAME/../build/tests/fail_calls.so
  LD_PRELOAD=$file ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 FAIL_CALL=renameat:1 \
    run --separate-stderr "$TEARDOWN_BIN/capture" -i lo --kernel off -qq --duration 20 --metrics "$log/m.prom"
  [[ $status == 2 && $stderr == *"--metrics $log/m.prom: cannot write: No space left"* ]] || fail "$status" "$stderr"
}

# rolled FILE ENDING: how many connections of that ending its groups count.
rolled() { jq -s "[.[] | select(.type == \"rollup\" and .ending == \"$2\").connections] | add // 0" "$1"; }

@test "--roll-up: its groups count what the summary counts, and exceptions are whole" {
  local name ending n
  for name in normal coalesced reset-linger-0 refused lost-final-ack-x3 close-wait-stuck simultaneous open; do
    "$TEARDOWN_BIN/capture" -r "$GOLDEN/$name.pcap" -qq --json "$log/r.ndjson" --roll-up 60 2>/dev/null || (($? == 1))
    "$TEARDOWN_BIN/capture" -r "$GOLDEN/$name.pcap" -qq --json "$log/all.ndjson" 2>/dev/null || (($? == 1))
    while read -r ending n; do
      ((n == $(rolled "$log/r.ndjson" "$ending"))) || fail "$name: not $n $ending" "$(cat "$log/r.ndjson")"
    done < <(jq -r 'select(.type == "summary").endings | to_entries[] | select(.key != "open") | "\(.key) \(.value)"' "$log/all.ndjson")
    jq -c 'select(.type == "verdict") | select(.ending != "open") | select((.ending | IN("normal", "coalesced", "simultaneous") | not)
      or .verdict == "violates" or .losses != [] or any(.findings[]; .severity == "stuck"))' "$log/all.ndjson" >"$log/exceptions"
    jq -c 'select(.type == "verdict")' "$log/r.ndjson" | diff - "$log/exceptions"
    run ! grep -qE '"type":"(segment|transition)"' "$log/r.ndjson"
  done
}

@test "--roll-up: live, with --rotate, each close is counted once" {
  begin --json "$log/j.ndjson" --rotate 1 --host-name here --roll-up 1
  close_some 60
  wait_for server_has_closed
  outlast 0 # what was captured is read
  end_sniffer INT
  whole_lines
  ((60 == $(jq -s '[.[] | select(.type == "rollup").connections] | add' "$log/all"))) || fail 'not 60' "$(cat "$log/all")"
}

# sampled FILE FILTER: the sample that is kept of it, one of four.
sampled() {
  "$TEARDOWN_BIN/capture" -r "$1" -qq --json "$log/s.ndjson" --roll-up 60 --sample 4 "$2" 2>/dev/null || (($? == 1))
  jq -r 'select(.type == "segment") | [.source, .destination] | sort | join(" ")' "$log/s.ndjson" | sort -u
}

@test "--sample: the same connections at each place, whatever else is captured there" {
  local n generate=$BATS_TEST_DIRNAME/../build/strict/bench/generate
  make --no-print-directory -C "$BATS_TEST_DIRNAME/.." STRICT=1 bench-programs >/dev/null 3>&-
  "$generate" --connections 400 --mix all --seed 7 "$log/g.pcap" >/dev/null 2>&1
  sampled "$log/g.pcap" tcp >"$log/here"
  sampled "$log/g.pcap" 'tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0' >"$log/there"
  n=$(wc -l <"$log/here")
  ((n > 40 && n < 160)) || fail "$n of 400 is no sample of one in four"
  comm -13 "$log/here" "$log/there" >"$log/other"
  [[ ! -s $log/other ]] || fail "kept there and not here" "$(cat "$log/other")"
  (($(comm -12 "$log/here" "$log/there" | wc -l) > n * 9 / 10)) || fail "kept here, and not there" "$(comm -23 "$log/here" "$log/there")"
}

# connections_of HOST TYPE ONE OTHER: those that its objects of that type are about, with both ISNs.
connections_of() {
  jq -r "select(.type == \"$2\") | [.$3, .isn.$3, .$4, .isn.$4 | tostring] | if .[0] < .[2]
    then . else .[2:] + .[:2] end | join(\" \")" "$log/$1.ndjson" | sort -u
}
kept_by() { connections_of "$1" sighting source destination; }

@test "--sample: two live hosts keep the same connections, each of them whole, and count all" {
  local host n other
  unshare --net sleep infinity 3>&- &
  other=$!
  pids+=("$other")
  local -a far=(nsenter --net="/proc/$other/ns/net" --)
  wait_for sh -c '[ "$(readlink /proc/$1/ns/net)" != "$(readlink /proc/self/ns/net)" ]' - "$other"
  ip link add near type veth peer name far netns "$other"
  ip addr add 10.79.0.1/24 dev near
  ip link set near up
  "${far[@]}" ip addr add 10.79.0.2/24 dev far
  "${far[@]}" ip link set far up
  for host in near far; do
    local -a at=()
    [[ $host == near ]] || at=("${far[@]}")
    timeout 90 "${at[@]}" "$TEARDOWN_BIN/capture" -i $host --kernel off -qq --closes 80 --host-name $host --json "$log/$host.ndjson" \
      --roll-up 60 --sample 4 --segments close tcp >"$log/$host.out" 2>&1 3>&- &
    pids+=($!)
    wait_for grep -q '"type":"start"' "$log/$host.ndjson"
  done
  local -a sniffers=("${pids[@]: -2}")
  "${far[@]}" "$TEARDOWN_BIN/server" -q -l 10.79.0.2 -p $port --close-delay 0 >"$log/server" 2>&1 3>&- &
  pids+=($!)
  # shellcheck disable=SC2016 # for the inner shell
  wait_for "${far[@]}" sh -c 'ss -Hltn | grep -q ":$1 "' - $port
  "$TEARDOWN_BIN/client" -q --count 80 --parallel 8 --close-after 1 10.79.0.2 $port
  wait "${sniffers[0]}" && wait "${sniffers[1]}" # each has seen all of them, however late
  n=$(kept_by near | wc -l)
  ((n > 4 && n < 50)) || fail "$n of 80 is no sample of one in four" "$(tail -n 1 "$log/near.ndjson")"
  diff <(kept_by near) <(kept_by far) || fail 'not the same ones'
  for host in near far; do
    ((80 == $(jq -s '[.[] | select(.type == "rollup").connections] | add' "$log/$host.ndjson"))) || fail "$host: not 80"
    # And of exceptions.
    ((0 == $(comm -23 <(kept_by $host) <(connections_of $host verdict client server) | wc -l))) || fail "$host: one has no verdict"
  done
}

@test "what --roll-up and --sample need is said" {
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" --roll-up 5
  ((status == 2)) && [[ $stderr == *'--roll-up is about --json FILE'* ]]
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" --json "$log/x" --sample 5
  ((status == 2)) && [[ $stderr == *'--sample is about --roll-up S'* ]]
}
