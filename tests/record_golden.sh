#!/usr/bin/env bash
# Records tests/golden/NAME.pcap anew: real closes of our own server and client, one ending or loss
# each, in a network namespace of their own. Without a NAME it records all of them. What a capture
# shows is checked before it replaces the old one; check_golden.sh --update then writes what
# capture says about it.
# shellcheck disable=SC2317 # recipes and what they define are called by name
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../scripts/lab.sh
source "$(dirname "$0")/../scripts/lab.sh"

golden=$(cd "$(dirname "$0")" && pwd)/golden

# ---- what the recipes say ----

# keep PACKETS: the capture ends after so many. verdict TEXT...: what each close must end as.
keep() { packets=$1; }
verdict() { verdicts+=("$*"); }

# keep_lines: what server and client print is kept, too, as NAME.margin.
keep_lines() { lines=$golden/$name.margin.new; }

# lose HOOK MATCH...: nft rules; "output" is before the sniffer's tap, "input" after it.
lose() {
  local hook=$1
  shift
  # "add" leaves a chain that is there already as it is.
  nft "add chain inet $LAB_OWN $hook { type filter hook $hook priority 0; }"
  nft "add rule inet $LAB_OWN $hook $* drop"
}
from_client='tcp dport 7000'
from_server='tcp sport 7000'
fin='tcp flags & fin == fin'
pure_ack='tcp flags & (fin|syn|rst|psh|ack) == ack'
# nth FIRST LAST: of the packets that reach this far, counted from 0.
nth() { echo "numgen inc mod 4294967295 $1-$2"; }

server() { server_options=("$@"); }
client() { client_options=("$@"); }

connect() { # connect [ADDRESS]: a client, which is waited for
  TZ=UTC "$LAB_BIN/client" "${client_options[@]}" "${1:-127.0.0.1}" "$LAB_PORT" || true
}

pause_ms() {
  local until=$((10#${EPOCHREALTIME/./} + $1 * 1000))
  while ((10#${EPOCHREALTIME/./} < until)); do lab_pause; done
}

# throttle MS FRAMES: so long after the connection a bucket of tokens holds back all packets behind
# some frames of 23 ms each.
throttle() {
  tc qdisc replace dev lo root handle "$lab_handle:" tbf rate 32kbit burst 100 limit 20000
  pause_ms "$1"
  local i
  for ((i = 0; i < $2; i++)); do printf '%50s' '' >/dev/udp/127.0.0.1/9; done
}

# ---- the recipes, in the order of the endings; run() calls them inside the namespace ----

recipe_normal() {
  keep 9
  verdict normal conforms closed-first=client 4/4
}

recipe_normal-server-first() {
  keep 9
  server --close-first --close-after 100
  client --close-last --close-delay 100
  verdict normal conforms closed-first=server 4/4
}

recipe_normal-ipv6() {
  keep 9
  address=::1
  verdict normal conforms closed-first=client 4/4
}

recipe_normal-half-close-data() {
  keep 11
  server --close-delay 200 --drain 3000
  client --close shutdown --close-after 100
  verdict normal conforms closed-first=client 4/4
}

# The data could not leave at once, so that the FIN rides on them.
recipe_normal-fin-with-data() {
  keep 7
  client --close-after 0
  lose output "$from_client tcp flags & psh == psh $(nth 0 0)"
  verdict normal conforms closed-first=client 4/4
}

recipe_coalesced() {
  keep 8
  server --close-delay 0
  verdict coalesced conforms closed-first=client 3/3
}

# Both ends close while a queue holds back what they send: the FINs cross.
recipe_simultaneous() {
  keep 9
  server --close-first --close-after 600
  client --close-after 600
  after_connect() { throttle 540 6; }
  verdict simultaneous conforms closed-first=both 4/4
}

recipe_reset-linger-0() {
  keep 6
  client --close reset --close-after 100
  verdict reset conforms closed-first=none 0/4
}

recipe_reset-unread-data() {
  keep 6
  server --close-first --read-nothing --close-after 100
  client --close-last
  verdict reset conforms closed-first=none 0/4
}

recipe_reset-unread-data-in-close-wait() {
  keep 8
  server --close-first --read-nothing --close-after 300
  verdict reset conforms closed-first=client 2/4
}

recipe_reset-data-after-close() {
  keep 9
  server --close-delay 200 --drain 3000
  verdict reset conforms closed-first=client 2/4
}

recipe_reset-fin-wait-2-expired() {
  keep 9
  echo 1 >/proc/sys/net/ipv4/tcp_fin_timeout
  server --close-delay 2500
  verdict reset conforms closed-first=client 3/4
}

recipe_refused() {
  keep 2
  no_server=1
  verdict refused conforms closed-first=none 0/4
}

# The path to the server is cut when the client closes.
recipe_fin-unanswered() {
  keep 8
  lose input "$from_client $fin"
  verdict unfinished-fin-unanswered stuck closed-first=client 1/4
}

recipe_close-wait() {
  keep 7
  server --never-close
  verdict unfinished-close-wait conforms closed-first=client 2/4
}

# A second connection moves the clock on: the first one has been stuck for three seconds.
recipe_close-wait-stuck() {
  keep 11
  server --never-close --count 2
  after_client() {
    pause_ms 3000
    client --close reset --close-after 0 --send 0
    connect
  }
  verdict unfinished-close-wait stuck closed-first=client 2/4
  verdict reset conforms closed-first=none 0/4
}

# The client's ACKs do not even reach the sniffer, and the capture ends before one does.
recipe_last-ack() {
  keep 9
  client --send 0 --close-after 100
  lose output "$from_client $pure_ack $(nth 1 9)"
  verdict unfinished-last-ack stuck closed-first=client 3/4
}

# One ACK was captured and lost; the repeated FINs no longer reach the client.
recipe_last-ack-not-reacked() {
  keep 10
  client --send 0 --close-after 100
  lose input "$from_client $pure_ack $(nth 1 9)"
  lose input "$from_server $fin $(nth 1 9)"
  verdict unfinished-last-ack stuck closed-first=client 4/4
}

recipe_open() {
  keep 5
  client --close-after 100
  verdict ''
}

recipe_lost-final-ack() {
  keep 9
  client --send 0 --close-after 100
  lose output "$from_client $pure_ack $(nth 1 1)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-final-ack-x3() {
  keep 10
  client --send 0 --close-after 100
  lose output "$from_client $pure_ack $(nth 1 3)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-final-ack-after-tap() {
  keep 9
  client --send 0 --close-after 100
  lose input "$from_client $pure_ack $(nth 1 1)"
  verdict normal conforms closed-first=client 4/4
}

# As that, with what server and client say of it.
recipe_margin() {
  keep_lines
  recipe_lost-final-ack-after-tap
}

recipe_lost-final-ack-after-tap-x3() {
  keep 13
  client --send 0 --close-after 100
  lose input "$from_client $pure_ack $(nth 1 3)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-final-ack-ipv6() {
  keep 9
  address=::1
  client --send 0 --close-after 100
  lose output "$from_client $pure_ack $(nth 1 1)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-fin1() {
  keep 8
  client --send 0 --close-after 100
  lose input "$from_client $fin $(nth 0 0)"
  verdict normal conforms closed-first=client 4/4
}

# Data and FIN are lost together; the FIN comes again with the data in front.
recipe_lost-fin1-and-data() {
  keep 0
  client --close-after 0 --send 100
  server --close-delay 600
  lose input "$from_client tcp flags & (psh|fin) != 0x0 $(nth 0 2)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-ack1() {
  keep 8
  client --send 0 --close-after 100
  server --close-delay 500
  lose output "$from_server $pure_ack $(nth 0 0)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-ack1-after-tap() {
  keep 9
  client --send 0 --close-after 100
  server --close-delay 500
  lose input "$from_server $pure_ack $(nth 0 0)"
  verdict normal conforms closed-first=client 4/4
}

recipe_lost-fin2() {
  keep 8
  client --send 0 --close-after 100
  lose input "$from_server $fin $(nth 0 0)"
  verdict normal conforms closed-first=client 4/4
}

# The data before the FIN are acknowledged when the FIN was sent already, and lost.
recipe_lost-fin2-data-acked() {
  keep 0
  server --close-delay 10 --drain 10
  client --send 0 --close shutdown --close-after 600
  lose input "$from_server $fin $(nth 0 0)"
  after_connect() { throttle 560 6; }
  verdict normal conforms closed-first=client 4/4
}

# The final ACK is only late: the repeated FIN is answered too, which reaches a closed end, and that
# end's RST ends TIME_WAIT (RFC 1337).
recipe_normal-rst-in-time-wait() {
  keep 0
  server --close-delay 200
  client --send 0 --close-after 600
  after_connect() {
    throttle 740 5
    pause_ms 50
    throttle 0 16
  }
  verdict normal conforms closed-first=client 4/4
}

# The same four-tuple again while the first closer is in TIME_WAIT: its SYN is newer.
recipe_reuse-client-in-time-wait() {
  keep 14
  server --close-delay 100 --count 2
  client --send 0 --close-after 100 --local-port 40000
  after_client() {
    lab_await 'the end of the first close' 10 "$(lab_segment final-ack)"
    connect
  }
  verdict normal conforms closed-first=client 4/4
  verdict normal conforms closed-first=client 4/4
}

recipe_reuse-server-in-time-wait() {
  keep 14
  server --close-first --close-after 100 --count 2
  client --send 0 --close-last --close-delay 100 --local-port 40000
  after_client() { connect; }
  verdict normal conforms closed-first=server 4/4
  verdict normal conforms closed-first=server 4/4
}

# The same four-tuple again while the server is in CLOSE_WAIT: a challenge ACK answers the SYN, and
# an RST answers that (RFC 9293 3.5.1, RFC 5961 4.2).
recipe_reuse-server-in-close-wait() {
  keep 15
  server --close-delay 200 --count 2
  client --send 0 --close-after 100 --local-port 40000
  after_client() { connect; }
  verdict reset conforms closed-first=client 2/4
  verdict normal conforms closed-first=client 4/4
}

mapfile -t names < <(declare -F | sed -n 's/^declare -f recipe_//p')

# ---- recording ----

# Inside the namespace: one recipe, its packets in $golden/NAME.pcap.new.
record() {
  local name=$1 status=0 line
  packets=0 verdicts=() no_server='' address=127.0.0.1 lines=/dev/stdout
  after_connect() { :; }
  after_client() { :; }
  server --close-delay 100
  client --close-after 100
  nft add table inet "$LAB_OWN"
  "recipe_$name"
  local -a limit=(--duration 20)
  if ((packets)); then limit+=(-c "$packets"); else limit+=(--closes "${#verdicts[@]}"); fi
  lab_start_sniffer "${limit[@]}" -w "$golden/$name.pcap.new"
  [[ -n $no_server ]] || TZ=UTC lab_start_server "${server_options[@]}" >>"$lines"
  exec {client_log}< <(connect "$address")
  IFS= read -r line <&"$client_log" || true # its first line: connected, or not
  printf '%s\n' "$line" >>"$lines"
  after_connect
  while IFS= read -rt 10 line <&"$client_log"; do printf '%s\n' "$line" >>"$lines"; done
  after_client
  lab_end_sniffer || status=$?
  ((status < 2)) || lab_fail "capture ended with status $status"
}

# check NAME: is that what was to be recorded?
check() {
  local name=$1 file=$golden/$1.pcap.new line i
  verdicts=()
  nft() { :; }
  "recipe_$name"
  mapfile -t found < <("$LAB_BIN/capture" -r "$file" --format lines 2>/dev/null | grep ' verdict ')
  for ((i = 0; i < ${#verdicts[@]}; i++)); do
    [[ -n ${verdicts[i]} ]] || continue
    line=${found[i]-}
    if [[ $line != *" verdict ${verdicts[i]} "* ]]; then
      lab_complain "$name: wanted '${verdicts[i]}', got '$line'"
      return 1
    fi
  done
}

if [[ ${1-} == --inside ]]; then
  lab_enter
  record "$2" 2>&1
  exit
fi

(($# == 0)) || names=("$@")
log=$(mktemp)
trap 'rm -f "$log" "$golden"/*.new' EXIT
for name in "${names[@]}"; do
  declare -F "recipe_$name" >/dev/null || lab_misuse "there is no recipe '$name'"
  for try in 1 2 3; do
    rm -f "$golden/$name.margin.new"
    lab_supervise "$name" >"$log" 2>&1 || {
      cat "$log" >&2
      lab_fail "$name: the recording failed"
    }
    check "$name" && break
    ((try < 3)) || lab_fail "$name: three recordings, and none shows what it should"
  done
  mv "$golden/$name.pcap.new" "$golden/$name.pcap"
  [[ ! -f $golden/$name.margin.new ]] || mv "$golden/$name.margin.new" "$golden/$name.margin"
  printf '%-40s %6d octets\n' "$name" "$(stat -c %s "$golden/$name.pcap")"
done
