#!/usr/bin/env bash
# Random closes over a path that loses, captured at both of its ends: each batch leaves near.pcap
# (at the client) and far.pcap (at the server) in a folder. Two namespaces, each with one end of a
# veth pair whose other end is here, in the middle; here nft loses and copies what passes, or tc
# netem, which also delays and reorders. So whatever one tap saw and the other did not was lost in
# between, and both taps have one clock.
set -euo pipefail

tests=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lab.sh
. "$tests/../scripts/lab.sh"

arguments=("$@")
seed=1 batches=1 size=150 seconds=20 network=nft out=

usage() {
  cat <<'END'
Usage: close.sh [OPTION]... DIR
Closes connections in many ways over a lossy path and captures them at both
ends of it: DIR/SEED-N/near.pcap and far.pcap.

      --seed N      draw from this (default 1)
      --batches N   so many sets of options (default 1)
      --size N      connections in each (default 150)
      --seconds N   a stage of a batch ends after so long, done or not (default 20)
      --netem       by tc netem: losses, copies, delay, jitter and order
                    (default: losses and copies, by nft)
  -h, --help        print this text
END
}

parse() {
  while (($#)); do
    case $1 in
      --seed | --batches | --size | --seconds)
        (($# > 1)) || lab_misuse "$1 wants a value; see --help"
        ;;&
      --seed) lab_number "$1" "$2" 0 999999999; seed=$((10#$2)); shift ;;
      --batches) lab_number "$1" "$2" 1 99999; batches=$((10#$2)); shift ;;
      --size) lab_number "$1" "$2" 1 5000; size=$((10#$2)); shift ;;
      --seconds) lab_number "$1" "$2" 1 9999; seconds=$((10#$2)); shift ;;
      --netem) network=netem ;;
      -h | --help) usage; exit ;;
      -*) lab_misuse "what is '$1'? see --help" ;;
      *) out=$1 ;;
    esac
    shift
  done
  [[ -n $out && -d $out ]] || lab_misuse 'wants a folder that is there; see --help'
}

# ---- drawing ----

# pick WORD...: one of them in PICKED.
pick() {
  local n=$((RANDOM % $# + 1))
  PICKED=${!n}
}

chance() { ((RANDOM % 100 < $1)); }

# draw_end FIRST OPTION: what an end does, in `drawn`; OPTION makes it close in its turn.
draw_end() {
  drawn=()
  pick close close close shutdown shutdown
  if chance 8; then pick reset shutdown-reset; fi
  [[ $PICKED == close ]] || drawn+=(--close "$PICKED")
  if (($1)); then
    pick 5 50 200
    drawn+=(--close-after "$PICKED")
  else
    pick 0 20 45 100 400 1000
    drawn+=(--close-delay "$PICKED")
    if chance 30; then
      pick 1 100 5000
      drawn+=(--drain "$PICKED")
    fi
  fi
  [[ -z $2 ]] || drawn+=("$2")
  # What comes after close() is answered with RST: a subject of its own.
  pick 0 0 0 0 6 3000
  drawn+=(--send "$PICKED")
  drawn+=(--vary "$RANDOM")
}

draw_batch() {
  # Neighbouring seeds of bash's generator begin alike.
  RANDOM=$(((seed * 7919 + $1 * 104729) % 2147483647))
  local i first
  for ((i = 0; i < 5; i++)); do : $RANDOM; done
  pick client client server both
  first=$PICKED
  if [[ $first == server ]]; then draw_end 0 --close-last; else draw_end 1 ''; fi
  client_options=("${drawn[@]}")
  if [[ $first == client ]]; then draw_end 0 ''; else draw_end 1 --close-first; fi
  server_options=("${drawn[@]}")
  pick 4 4 6
  family=$PICKED
  there=$((10 + RANDOM % 31)) back=$((10 + RANDOM % 31))
  pick 0 0 5 20
  copies=$PICKED
  pick 5 20 60 150
  delay=$PICKED
  pick 0 $((delay / 2 + 1)) "$delay"
  jitter=$PICKED
  sysctls=(net.ipv4.tcp_syn_retries=3 net.ipv4.tcp_synack_retries=3 net.ipv4.tcp_retries2=5)
  pick 2 4 6
  sysctls+=(net.ipv4.tcp_orphan_retries="$PICKED")
  pick 1 1 1 1 0
  sysctls+=(net.ipv4.tcp_timestamps="$PICKED")
  pick 1 1 1 1 0
  sysctls+=(net.ipv4.tcp_sack="$PICKED")
}

describe() {
  printf 'IPv%s; client %s; server %s; %s; loss %s %% there, %s %% back; copies %s %%%s\n' "$family" \
    "${client_options[*]}" "${server_options[*]}" "${sysctls[*]#net.ipv4.}" "$there" "$back" \
    "$copies" "$([[ $network == nft ]] || echo "; delay $delay ms, jitter $jitter ms")"
}

# ---- the network ----

at() { # at near|far COMMAND...
  nsenter --net="/proc/${holder[$1]}/ns/net" -- "${@:2}"
}
# The same for what runs in the background, and is to get our signals.
become() { exec nsenter --net="/proc/${holder[$1]}/ns/net" -- "${@:2}"; }

declare -A holder=()
# make_end NAME ADDRESS4 ADDRESS6 ETHERNET
make_end() {
  local pause
  # What keeps the namespace for as long as we are there.
  unshare --net sleep infinity &
  holder[$1]=$!
  for ((pause = 0; pause < 500; pause++)); do
    [[ $(readlink "/proc/${holder[$1]}/ns/net") == "$(readlink /proc/self/ns/net)" ]] || break
    lab_pause
  done
  ip link add "to-$1" type veth peer name eth0 netns "${holder[$1]}"
  ip link set "to-$1" up
  at "$1" ip link set lo up
  at "$1" ip link set eth0 address "$4" up
  at "$1" ip addr add "$2/24" dev eth0
  at "$1" ip addr add "$3/64" dev eth0 nodad
}

# pass_nft FROM TO PER_CENT
pass_nft() {
  nft -f - <<END
table netdev path {
  chain from-$1 {
    type filter hook ingress device "to-$1" priority 0
    meta l4proto != tcp fwd to "to-$2"
    tcp flags & syn != 0 fwd to "to-$2"
    numgen random mod 100 < $3 drop
    $( ((copies == 0)) || echo "numgen random mod 100 < $copies dup to \"to-$2\"")
    fwd to "to-$2"
  }
}
END
}

# pass_netem FROM TO PER_CENT
pass_netem() {
  tc qdisc del dev "to-$1" ingress 2>/dev/null || true
  tc qdisc del dev "to-$2" root 2>/dev/null || true
  tc qdisc add dev "to-$1" ingress
  tc filter add dev "to-$1" ingress protocol all pref 1 u32 match u32 0 0 \
    action mirred egress redirect dev "to-$2"
  tc qdisc add dev "to-$2" root netem limit 100000 delay "${delay}ms" "${jitter}ms" loss "$3%" \
    duplicate "$copies%"
}

# To find each other must not take a batch's time.
meet() { # meet NAME ADDRESS4 ADDRESS6 ETHERNET
  at "$1" ip neigh replace "$2" lladdr "$4" dev eth0
  at "$1" ip neigh replace "$3" lladdr "$4" dev eth0
}

set_path() {
  local s
  for s in "${sysctls[@]}"; do
    at near sysctl -qw "$s"
    at far sysctl -qw "$s"
  done
  [[ $network == netem ]] || nft 'table netdev path; delete table netdev path' 2>/dev/null || true
  "pass_$network" near far "$there"
  "pass_$network" far near "$back"
}

# ---- a batch ----

# await SECONDS COMMAND...: until it succeeds; 1: it did not in time.
await() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= until)) || return 1
    read -rt 0.1 -u "$lab_silence" || true
  done
}
is_over() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  [[ $stat == *') Z '* ]]
}
is_quiet() {
  local end
  for end in near far; do
    ! at "$end" ss -Htan 2>/dev/null | grep -qvE '^(TIME-WAIT|LISTEN)' || return 1
  done
}
says() { grep -qs -- "$2" "$1"; }

# stop PID SECONDS SIGNAL: waits for it, then sends that; 1: it had failed.
stop() {
  local status=0
  await "$2" is_over "$1" || kill -s "$3" "$1" 2>/dev/null || true
  await 20 is_over "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" || status=$?
  ((status != 2 && status != 99))
}

run_batch() {
  # What is left of one batch is none of the next one's.
  local dir=$out/$seed-$1 end server client address=10.77.0.2 port=$((7000 + $1))
  local -A tap=()
  mkdir -p "$dir"
  describe >"$dir/drawn"
  for end in near far; do ip link set "to-$end" up; done
  set_path
  [[ $family == 4 ]] || address=fd77::2
  for end in near far; do
    become "$end" "$LAB_BIN/capture" -i eth0 -w "$dir/$end.pcap" --kernel off --format json "tcp port $port" \
      >"$dir/$end.live" 2>"$dir/$end.said" &
    tap[$end]=$!
  done
  become far "$LAB_BIN/server" -p "$port" -l "$address" --count "$size" "${server_options[@]}" \
    >"$dir/server" 2>&1 &
  server=$!
  for end in near far; do
    await 120 says "$dir/$end.live" '"start"' || lab_fail "capture: $(<"$dir/$end.said")"
  done
  await 20 at far grep -q "$(printf ':%04X .* 0A ' "$port")" /proc/net/tcp /proc/net/tcp6 ||
    lab_fail "the server: $(<"$dir/server")"
  become near "$LAB_BIN/client" --count "$size" --parallel "$size" "${client_options[@]}" "$address" "$port" \
    >"$dir/client" 2>&1 &
  client=$!
  # Whose peer's RST was lost waits for ever: killed, it closes, too.
  stop "$client" "$seconds" TERM || lab_fail "the client: $(<"$dir/client")"
  stop "$server" "$seconds" TERM || lab_fail "the server: $(<"$dir/server")"
  await "$seconds" is_quiet || true
  # What is still sent may not arrive at one tap when the other has ended.
  for end in near far; do ip link set "to-$end" down; done
  for end in near far; do
    stop "${tap[$end]}" 0 INT || lab_fail "capture: $(<"$dir/$end.said")"
    grep -q ' 0 dropped by kernel' "$dir/$end.said" ||
      lab_fail "a tap missed something: $(<"$dir/$end.said")"
    rm "$dir/$end.live"
  done
}

inside() {
  local batch
  lab_enter
  parse "$@"
  ulimit -n "$(ulimit -Hn)"
  local -a near=(10.77.0.1 fd77::1 02:00:00:00:77:01) far=(10.77.0.2 fd77::2 02:00:00:00:77:02)
  make_end near "${near[@]}"
  make_end far "${far[@]}"
  meet near "${far[@]}"
  meet far "${near[@]}"
  for ((batch = 1; batch <= batches; batch++)); do
    draw_batch "$batch"
    run_batch "$batch"
    echo "# batch $batch: $(describe)"
  done
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
parse "${arguments[@]}"
lab_supervise "${arguments[@]}"
