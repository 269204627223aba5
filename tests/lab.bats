#!/usr/bin/env bats
# Real closes in private network namespaces: the ladder row by row, and the verdict.
# Every test has a twin without the fault, or with another one, that must be seen to fail.
# shellcheck disable=SC2030,SC2031,SC2154 # run sets status, output, stderr in each test's process
# shellcheck disable=SC2119,SC2120 # some twins add options, the tests themselves none

load helper

setup_file() {
  # Every backend that this kernel has.
  export BACKENDS=nft
  if tc qdisc add dev lo root netem 2>/dev/null; then
    tc qdisc del dev lo root
    BACKENDS='nft netem'
  fi
}

scripts=$BATS_TEST_DIRNAME/../scripts

# close_once ADDRESS CLIENT_OPTIONS SERVER_OPTIONS: one close without a fault; $output has the
# sniffer's NDJSON.
close_once() {
  # shellcheck disable=SC2016 # for the inner shell
  run --separate-stderr unshare --net --pid --mount --mount-proc --fork --kill-child bash -c '
    set -euo pipefail
    source "$0/lab.sh"
    lab_enter
    exec 1>&2
    lab_start_server $3
    lab_start_sniffer --closes 1 --format json
    lab_start_client "$1" $2
    lab_await "the end of the close" 60 "verdict *"
    lab_end_sniffer
    lab_end_peers' "$scripts" "$@"
  [[ $status == 0 ]] || fail "status $status" "$output" "$stderr"
}

# lose STATUS OPTION...: the script ends with STATUS; $output has NDJSON.
lose() {
  local expected=$1
  shift
  run --separate-stderr "$scripts/lost-ack.sh" --json "$@"
  [[ $status == "$expected" ]] || fail "status $status, not $expected" "$output" "$stderr"
}

# Standard input: the ladder that is wanted; a row is sender, role, copy, count and both states.
ladder_is() {
  local wanted seen
  wanted=$(cat)
  seen=$(jq -r 'select(.type == "segment")
    | "\(.from) \(.role) \(.again) \(.count) \(.client_state) \(.server_state)"' <<<"$output")
  [[ $seen == "$wanted" ]] || fail 'wanted this ladder:' "$wanted" 'seen:' "$seen"
}

# verdict_is ENDING CLOSED_FIRST COUNT [LOSS...]: a loss is role, count and place.
verdict_is() {
  local wanted="conforms $*" seen
  seen=$(jq -r 'select(.type == "verdict") | [.verdict, .ending, .closed_first, .control_segments]
    + [.losses[] | "\(.role) \(.count) \(.place)"] | join(" ")' <<<"$output")
  [[ $seen == "$wanted" ]] || fail "wanted this verdict: $wanted" "seen: $seen"
}

# must_fail REASON COMMAND...: the red proof; it has to fail, and for that reason.
must_fail() {
  local reason=$1 said
  shift
  if said=$("$@" 2>&1); then fail "passes without its fault: $*"; fi
  [[ $said == *"$reason"* ]] || fail "failed, but not because of '$reason':" "$said"
}

# ---- closes without a fault ----

normal() {
  close_once "$1" '' "${2---close-delay 200}" &&
    ladder_is <<'END' && verdict_is normal client 4/4
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
}

server_first() {
  close_once 127.0.0.1 "$1" "$2" &&
    ladder_is <<'END' && verdict_is normal server 4/4
server fin1 0 1/4 CLOSE_WAIT FIN_WAIT_1
client ack1 0 2/4 CLOSE_WAIT FIN_WAIT_2
client fin2 0 3/4 LAST_ACK TIME_WAIT
server final-ack 0 4/4 CLOSED TIME_WAIT
END
}

# A server that comes too late for that, some 40 ms after the FIN, has lost a race and shows nothing.
coalesced() {
  local tries us=
  for ((tries = 0; tries < 10; tries++)); do
    close_once "$1" '' "${2---close-delay 0}" || return
    us=$(jq 'select(.type == "segment" and .role == "fin2").since_first_fin_us' <<<"$output")
    ((us > 30000 && us < 200000)) || break
  done
  ladder_is <<'END' && verdict_is coalesced client 3/3
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server fin2+ack1 0 2/3 TIME_WAIT LAST_ACK
client final-ack 0 3/3 TIME_WAIT CLOSED
END
}

@test "normal close: four segments, IPv4" { normal 127.0.0.1; }

@test "normal close: four segments, IPv6" { normal ::1; }

@test "normal close: fails when the server sends in between" {
  must_fail 'wanted this ladder' normal 127.0.0.1 '--close-delay 200 --drain 10'
}

@test "the server closes first" {
  server_first '--close-last --close-delay 200' --close-first
}

@test "the server closes first: fails when the client does" {
  must_fail 'wanted this ladder' server_first '' '--close-delay 200'
}

@test "coalesced close: ACK and FIN in one segment make three, IPv4" { coalesced 127.0.0.1; }

@test "coalesced close: ACK and FIN in one segment make three, IPv6" { coalesced ::1; }

@test "coalesced close: fails when the server takes its time" {
  must_fail 'wanted this ladder' coalesced 127.0.0.1 '--close-delay 200'
}

# ---- the lost final ACK ----

# lost_at_egress N OPTION...: the sniffer sees N+1 FINs and the only ACK that lived.
lost_at_egress() {
  local backend copy n=$1
  shift
  for backend in $BACKENDS; do
    lose 0 --backend "$backend" --count "$n" "$@" || return
    ladder_is <<END || return
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
$(for ((copy = 0; copy <= n; copy++)); do echo "server fin2 $copy 3/4 TIME_WAIT LAST_ACK"; done)
client final-ack 0 4/4 TIME_WAIT CLOSED
END
    local -a unknown=()
    ((n == 1)) || unknown=("fin2/final-ack $((n - 1)) unknown")
    verdict_is normal client 4/4 "final-ack 1 before-tap" "${unknown[@]}" || return
  done
}

# lost_at_ingress N OPTION...: the sniffer sees all N+1 pairs, so it has counted to 4/4 when the FIN
# comes again and refutes the CLOSED that the ACK before it made it presume.
lost_at_ingress() {
  local backend copy n=$1
  shift
  for backend in $BACKENDS; do
    lose 0 --backend "$backend" --count "$n" --place ingress "$@" || return
    [[ $output == *'"role":"fin2"'*'"verdict":"refutes"'* ]] || fail 'no FIN refutes CLOSED' || return
    ladder_is <<END || return
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
$(for ((copy = 0; copy <= n; copy++)); do
      echo "server fin2 $copy $((copy ? 4 : 3))/4 TIME_WAIT LAST_ACK"
      echo "client final-ack $copy 4/4 TIME_WAIT CLOSED"
    done)
END
    verdict_is normal client 4/4 "final-ack $n after-tap" || return
  done
}

lost_from_server() {
  local backend
  for backend in $BACKENDS; do
    lose 0 --backend "$backend" --server-first "$@" || return
    ladder_is <<'END' || return
server fin1 0 1/4 CLOSE_WAIT FIN_WAIT_1
client ack1 0 2/4 CLOSE_WAIT FIN_WAIT_2
client fin2 0 3/4 LAST_ACK TIME_WAIT
client fin2 1 3/4 LAST_ACK TIME_WAIT
server final-ack 0 4/4 CLOSED TIME_WAIT
END
    verdict_is normal server 4/4 'final-ack 1 before-tap' || return
  done
}

@test "final ACK lost once before the tap, IPv4" { lost_at_egress 1; }

@test "final ACK lost once before the tap, IPv6" { lost_at_egress 1 -6; }

@test "final ACK lost once after the tap, IPv4" { lost_at_ingress 1; }

@test "final ACK lost once after the tap, IPv6" { lost_at_ingress 1 -6; }

@test "final ACK lost three times before the tap" { lost_at_egress 3; }

@test "final ACK lost three times after the tap" { lost_at_ingress 3 -6; }

@test "the server's final ACK is lost" { lost_from_server; }

@test "final ACK lost once before the tap: fails without the fault" {
  must_fail 'status 1, not 0' lost_at_egress 1 --no-fault
  must_fail 'status 1, not 0' lost_at_egress 1 --no-fault -6
}

@test "final ACK lost once after the tap: fails without the fault" {
  must_fail 'status 1, not 0' lost_at_ingress 1 --no-fault
  must_fail 'status 1, not 0' lost_at_ingress 1 --no-fault -6
}

@test "final ACK lost three times: fails without the fault" {
  must_fail 'status 1, not 0' lost_at_egress 3 --no-fault
  must_fail 'status 1, not 0' lost_at_ingress 3 --no-fault -6
}

@test "the server's final ACK is lost: fails without the fault" {
  must_fail 'status 1, not 0' lost_from_server --no-fault
}

# The script says why it failed, and the assertions here do not rely on its status alone.
@test "without the fault the script says which part failed, and both assertions fail" {
  lose 1 --no-fault
  [[ $stderr == *'FAILED: '*' lost 0 final ACKs, not 1.'* ]]
  [[ $stderr == *'FAILED: the sniffer should have said: normal, final ACK lost once, before-tap.'* ]]
  must_fail 'wanted this verdict' verdict_is normal client 4/4 'final-ack 1 before-tap'
  must_fail 'wanted this ladder' ladder_is <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
server fin2 1 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
}

# ---- who runs it, and where ----

# as_user OPTION...: lost-ack.sh as an ordinary user, who need not be able to read our folder.
as_user() {
  local tree status=0
  tree=$(mktemp -d)
  mkdir "$tree/build"
  cp -r "$scripts" "$tree"
  cp "$TEARDOWN_BIN"/{server,client,capture} "$tree/build"
  chmod -R a+rX "$tree"
  TEARDOWN_BIN='' setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$tree/scripts/lost-ack.sh" "$@" || status=$?
  rm -r "$tree"
  return "$status"
}

@test "an ordinary user needs no root" {
  [[ $(cat /proc/self/uid_map) =~ ^\ *0\ +0\ +4294967295$ ]] ||
    skip 'not root: the rest of these tests ran as an ordinary user already'
  as_user
  must_fail 'lost 0 final ACKs, not 1' as_user --no-fault
}

@test "--host uses the lo it is given and leaves it as it was" {
  local before after
  before=$(ip -o link; tc qdisc show; nft list ruleset)
  "$scripts/lost-ack.sh" --host
  "$scripts/lost-ack.sh" --host --place ingress
  after=$(ip -o link; tc qdisc show; nft list ruleset)
  [[ $before == "$after" ]] || fail "before: $before" "after: $after"
}

@test "--host leaves what others have named like it, and its rule ends by itself" {
  local before after armed='' pid
  ip link add teardown0 type veth peer name others
  nft 'add table inet teardown; add table inet teardown0'
  before=$(ip -o link; tc qdisc show; nft list ruleset)
  "$scripts/lost-ack.sh" --host --backend nft 3>&- &
  pid=$!
  while [[ -d /proc/$pid && ! $armed ]]; do
    armed=$(nft list ruleset | grep 'meta time < .* drop') || true
  done
  wait "$pid"
  after=$(ip -o link; tc qdisc show; nft list ruleset)
  [[ $before == "$after" ]] || fail "before: $before" "after: $after"
  [[ $armed ]] || fail 'no rule that ends by itself'
  # exec: the script then has the number that its name is made of
  # shellcheck disable=SC2016 # for the inner shell
  must_fail 'it is not ours' bash -c 'nft add table inet teardown$$ && exec "$0" --host' "$scripts/lost-ack.sh"
  (($(nft list tables | grep -c 'inet teardown') == 3)) || fail 'a table of others is gone'
  nft flush ruleset
  ip link del teardown0
}

@test "--host refuses a lo that has a qdisc, and leaves that alone" {
  tc qdisc add dev lo root handle 5: htb
  must_fail 'lo has a qdisc already' "$scripts/lost-ack.sh" --host
  [[ $(tc qdisc show dev lo) == 'qdisc htb 5: '* ]]
  tc qdisc del dev lo root
}

@test "misuse is one line, with status 2" {
  local options
  for options in --cuont '--count 0' '--count x' '--count' '--place here' '--inside' 'word'; do
    # shellcheck disable=SC2086 # several words
    run --separate-stderr "$scripts/lost-ack.sh" $options
    [[ $status == 2 && ${#stderr_lines[@]} == 1 && -z $output ]] || fail "$options: $status $stderr"
  done
}

@test "missing programs: says make" {
  TEARDOWN_BIN=/nonexistent must_fail 'run make' "$scripts/lost-ack.sh"
}

@test "a reader that goes away is no failure worth a message" {
  # shellcheck disable=SC2016 # for the inner shell
  run --separate-stderr bash -c '"$0" | head -n 1' "$scripts/lost-ack.sh"
  [[ $status == 0 && ${#lines[@]} == 1 ]]
  [[ -z $stderr ]] || fail "$stderr"
}

@test "60 columns, LANG=C, no terminal" {
  local line
  run --separate-stderr env LC_ALL=C COLUMNS=60 "$scripts/lost-ack.sh" </dev/null
  [[ $status == 0 ]] || fail "$output" "$stderr"
  for line in "${lines[@]:0:6}"; do ((${#line} <= 60)) || fail "too long: $line"; done
  LC_ALL=C grep -q '[^ -~]' <<<"$output" && fail 'not ASCII' "$output"
  true
}

@test "the demonstration: both verdicts, and in one screen what was seen, skipped, and where to go on" {
  local last file
  COLUMNS=80 run "$scripts/demo.sh" </dev/null
  [[ $status == 0 && $output == *'Both verdicts are the expected ones.'*'--wait'* ]] || fail "$output"
  [[ $output != *Killed* ]] || fail "$output"
  # What server and client say stands in both ladders, at its time, each line whole.
  # Said before its FIN, though it may be less than 0.05 ms.
  [[ $(grep -cE '^ +(-[0-9.]+|\+0\.0) ms client uv_close\(\): close\(fd\), we send FIN first \(active closer\)$' <<<"$output") == 2 ]] ||
    fail "$output"
  [[ $(grep -cE '^ +\+[0-9.]+ m?s server uv_close\(\): close\(fd\), our FIN answers \(passive closer\)$' <<<"$output") == 2 ]] ||
    fail "$output"
  [[ $(grep -cE '^ +\+[0-9.]+ m?s lab armed: ' <<<"$output") == 1 ]] || fail "$output"
  [[ -z $(sed -nE '/^#1 open/,/^#1 ✓/ { /^[0-9:.]+ (client|server) / p }' <<<"$output") ]] || fail "$output"
  last=$(sed -n '/^Both verdicts are/,$p' <<<"$output")
  (($(wc -l <<<"$last") == 10)) || fail "$last" # none is folded
  while read -r file; do
    [[ $file == build/* || -e $scripts/../$file ]] || fail "there is no $file"
  done < <(grep -oE '(scripts|build|tests)/[a-z./-]+[a-z]' <<<"$last")
  "$scripts/scenario.sh" --list >/dev/null
}

@test "--backend netem, where this kernel has none: user-mode Linux tells the same story" {
  command -v linux.uml >/dev/null || skip 'no linux.uml: scripts/deps.sh test installs it'
  lose 0 --backend netem --place ingress
  verdict_is normal client 4/4 'final-ack 1 after-tap'
  [ "$(jq -c 'select(.type == "lab") | [.backend, .lost]' <<<"$output")" = '["netem",1]' ]
  [[ $stderr != *'read error'* ]] || fail "$stderr"
  [[ $BACKENDS == *netem || ${stderr//$'\n'/ } == *"User-mode Linux has, and plays it; it has no kernel events."* ]] || fail "$stderr"
  # Into a folder of this machine.
  run "$scripts/scenario.sh" --backend netem --place egress --keep-pcap "$BATS_TEST_TMPDIR" lost-fin1
  [[ $status == 0 && $output == *'As expected: lost-fin1.'* ]] || fail "$output"
  [ -s "$BATS_TEST_TMPDIR/lost-fin1-1.pcap" ]
  # Whoever is given nft is told of it.
  lose 0 --backend auto
  [[ $BACKENDS == *netem || ${stderr//$'\n'/ } == *'backend: nft ('*'; --backend netem plays it in user-mode Linux)'* ]] || fail "$stderr"
}

@test "killed while user-mode Linux plays: nothing of it stays" {
  command -v linux.uml >/dev/null || skip 'no linux.uml: scripts/deps.sh test installs it'
  local mark=TEARDOWN_MARK=$BATS_TEST_TMPDIR signal started
  for signal in TERM KILL; do
    env "$mark" "$scripts/lost-ack.sh" --backend netem >"$BATS_TEST_TMPDIR/$signal" 2>&1 3>&- &
    started=$!
    wait_for grep -qs '^backend: tc netem' "$BATS_TEST_TMPDIR/$signal"
    kill -"$signal" "$started"
    wait "$started" || true
    # shellcheck disable=SC2016 # for wait_for
    wait_for eval '! grep -lszxq "$mark" /proc/[0-9]*/environ'
  done
}
