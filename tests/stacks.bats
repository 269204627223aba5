#!/usr/bin/env bats
# Real closes of Linux with TCPs that are not Linux's: what they do otherwise is no breach, and is not
# taken for another cause. Linux is the client, in a namespace of its own for slirp4netns.

load helper

setup() {
  log=$BATS_TEST_TMPDIR
  failed='' extra=()
  kinds=(last first half late abort unread reset lost-final-ack)
}

teardown() { end_all; }

# What each of them has its packets from.
wants_tun() { : 2>/dev/null <>/dev/net/tun || skip 'no right to open /dev/net/tun here'; }

# A stack that scripts/deps.sh test installs, or the test says loudly that it goes without.
wants() {
  command -v "$1" >/dev/null || skip "no $1: scripts/deps.sh test installs it"
  wants_tun
}

start() { # start NAME COMMAND...: in the background, its output in $log/NAME
  local name=$1
  shift
  "$@" >"$log/$name" 2>&1 3>&- &
  pids+=("$!")
}

# What the client does where the other end does that.
client_options=(
  [0]='' [1]='--close-last' [2]='--close-last --drain 300 --close-delay 400'
  [3]='--close-last --drain 300 --close-delay 4000' [4]='--close-last' [5]='--close-last'
  [6]='--close reset --close-after 100' [7]='--send 0')

# What the server does, behind the stack that speaks for it.
server_options=(
  [0]='--close-delay 100' [1]='--close-first --close-after 100'
  [2]='--close-first --close shutdown --close-after 100' [3]='--close-first --close-after 100'
  [4]='--close-first --close reset --close-after 100' [5]='--close-first --read-nothing --close-after 100'
  [6]='' [7]='')
servers() {
  local i
  for i in "${!kinds[@]}"; do
    # shellcheck disable=SC2086 # options
    start "server-$i" timeout 60 "$TEARDOWN_BIN/server" -l 127.0.0.1 -p $((7000 + i)) --count 1 \
      ${server_options[i]}
  done
  for i in "${!kinds[@]}"; do wait_for says "server-$i" listen; done
}

# closes ADDRESS DEVICE ENTER...: a connection to each port from 7000 on, all at once, and the verdict
# on each in $log/verdicts, in the order of the ports.
closes() {
  local address=$1 device=$2 i
  shift 2
  # The last one's second bare ACK, after that of the handshake, is the final one. It is lost once.
  "$@" nft "table inet t { chain c { type filter hook output priority 0
    tcp dport 7007 tcp flags & (fin|syn|rst|psh|ack) == ack numgen inc mod 1000 1-1 drop; }; }"
  start capture "$@" timeout 60 "$TEARDOWN_BIN/capture" -i "$device" --kernel off \
    --closes ${#kinds[@]} --duration 40 --json "$log/events"
  wait_for says events '"start"'
  for i in "${!kinds[@]}"; do
    # shellcheck disable=SC2086 # options
    start "client-$i" "$@" timeout 30 "$TEARDOWN_BIN/client" ${client_options[i]} ${extra[i]-} "$address" $((7000 + i))
  done
  wait "${pids[-$((${#kinds[@]} + 1))]}" || true
  jq -sc '[.[] | select(.type == "verdict")] | group_by(.server) | map(last) | .[]' "$log/events" \
    >"$log/verdicts"
  [ "$(wc -l <"$log/verdicts")" -eq ${#kinds[@]} ] || fail 'connections missing'
}

# is KIND EXPRESSION
is() {
  local i
  for i in "${!kinds[@]}"; do
    [[ ${kinds[i]} != "$1" ]] || break
  done
  sed -n "$((i + 1))p" "$log/verdicts" | jq -e "$2" >/dev/null || {
    echo "$1: not $2" >&2
    sed -n "$((i + 1))p" "$log/verdicts" | jq -c '[.closed_first, .ending, .losses, .reset_cause,
      .fin_retransmissions, .verdict, [.findings[].id], .sentence]' >&2
    failed=1
  }
}

# What any stack's closes are.
are_told_rightly() {
  local kind
  for kind in "${kinds[@]}"; do
    is "$kind" '.verdict != "violates" and all(.findings[]; .severity == "note") and .roles_by == "syn"'
    [[ $kind == lost-final-ack ]] || is "$kind" '.verdict == "conforms"'
  done
  is last '(.ending == "normal" or .ending == "coalesced") and .closed_first == "client" and .losses == []'
  is first '(.ending == "normal" or .ending == "coalesced") and .closed_first == "server" and .losses == []'
  is half '.ending == "normal" and .closed_first == "server" and .losses == [] and .bytes.client >= 300'
  is abort '.ending == "reset" and (.sentence | test("^server reset"))'
  is unread '.ending == "reset" and (.sentence | test("^server reset"))'
  is reset '.ending == "reset" and .reset_cause == "linger-0" and (.sentence | test("^client reset"))'
  is lost-final-ack '.ending == "normal" or .ending == "coalesced"'
}

# An end that lost its final ACK asks for it again; who aborts sends RST,ACK.
are_told_of_a_whole_stack() {
  are_told_rightly
  is lost-final-ack '.verdict == "conforms" and .fin_retransmissions > 0 and
    ([.losses[] | select(.role | test("^(fin2/)?final-ack$"))] | length) == 1 and (.losses | length) == 1'
  is abort '.sentence | test("SO_LINGER 0")'
  is unread '.sentence | test("unread")'
}

@test "lwIP" {
  pkg-config --exists lwip || skip 'no lwIP: scripts/deps.sh test installs it'
  wants_tun
  # shellcheck disable=SC2046 # options
  ${CC:-cc} -std=c17 -D_GNU_SOURCE -O1 $(pkg-config --cflags lwip) -o "$log/lwip_peer" \
    "$BATS_TEST_DIRNAME/lwip_peer.c" $(pkg-config --libs lwip)
  ip tuntap add lwip0 mode tap
  ip address add 10.9.0.1/24 dev lwip0
  ip link set lwip0 up
  start peer env PRECONFIGURED_TAPIF=lwip0 timeout 60 "$log/lwip_peer" 10.9.0.2 10.9.0.1 \
    last first half first abort unread last last
  listening() { [ "$(grep -c listening "$log/peer")" -eq ${#kinds[@]} ]; }
  wait_for listening
  closes 10.9.0.2 lwip0
  are_told_of_a_whole_stack
  is late '.ending == "reset" and .reset_cause == "data-after-close" and (.sentence | test("^server reset"))'
  [ ! "$failed" ] || fail 'see above'
}

# It never repeats its FIN, nor answers one that is repeated when it has forgotten the connection.
@test "pasta" {
  wants pasta
  unshare --net sleep 60 3>&- &
  local guest=$! i
  pids+=("$guest")
  apart() { [ "$(readlink "/proc/$guest/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
  wait_for apart
  servers
  ip link add outside type veth peer name beyond
  ip address add 10.8.0.1/24 dev outside
  ip link set outside up
  ip link set beyond up
  ip route replace default via 10.8.0.254 dev outside
  # Its sandbox can open the namespace by a file of its own, and no more by a process.
  touch "$log/netns"
  start pasta unshare --mount sh -c 'mount --bind "$1" "$2" && shift 2 && exec timeout 60 pasta "$@"' - \
    "/proc/$guest/ns/net" "$log/netns" --runas 0 --netns-only --foreground --config-net --quiet \
    --interface outside --ns-ifname tap0 --gateway 10.8.0.254 -t none -u none -T none -U none \
    --netns "$log/netns"
  enter=(nsenter --target "$guest" --net)
  configured() { "${enter[@]}" ip -4 -br address show tap0 2>/dev/null | grep -q 10.8.0; }
  wait_for configured
  extra=([1]='--send 0' [2]='--send 0' [3]='--send 0')
  closes 10.8.0.254 tap0 "${enter[@]}"
  are_told_rightly
  # Its RST has no ACK, so it may also answer something that is missing.
  is abort '.reset_cause == "cannot-tell"'
  is unread '.reset_cause == "cannot-tell"'
  is lost-final-ack '.verdict == "cannot-tell" and .doubt == "no-acks" and .losses == [] and .fin_retransmissions == 0'
  [ ! "$failed" ] || fail 'see above'
}

@test "slirp4netns" {
  wants slirp4netns
  unshare --net sleep 60 3>&- &
  local guest=$! i
  pids+=("$guest")
  apart() { [ "$(readlink "/proc/$guest/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
  wait_for apart
  start slirp timeout 60 slirp4netns --configure --mtu=1500 "$guest" tap0
  servers
  enter=(nsenter --target "$guest" --net)
  configured() { "${enter[@]}" ip -4 -br address show tap0 2>/dev/null | grep -q 10.0.2; }
  wait_for configured
  # What is unread when the server closes would change how it does.
  extra=([1]='--send 0' [2]='--send 0' [3]='--send 0')
  closes 10.0.2.2 tap0 "${enter[@]}"
  are_told_of_a_whole_stack
  # It acknowledges them before the other side of it refuses them, and says so by a RST or not at all.
  is late '.closed_first == "server" and (.reset_cause == "data-after-close" or .ending == "normal" or
    (.reset_because | test("^octets that came after its sender had closed")))'
  [ ! "$failed" ] || fail 'see above'
}
