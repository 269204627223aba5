#!/usr/bin/env bash
# The campaign: thousands of real closes, drawn at random, and at each of them the model beside the
# kernel. Every batch has options, a network and sysctls of its own, all drawn from the seed and the
# batch's number, so that one batch can be run again alone. What a network then does is its own
# chance: the packets and the NDJSON of a batch that went wrong are kept.
set -euo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lab.sh
. "$tests/../scripts/lab.sh"

arguments=("$@")
seed=$(($(date +%s) % 1000000000))
total=100000
seconds=
only=
size=
keep=
network=nft

usage() {
  cat <<'END'
Usage: campaign.sh [OPTION]...
Closes thousands of connections in as many ways as it can draw, in a network
of its own, and compares the model with the kernel at every transition. Ends
with 1 when a difference between the two has no explanation.

      --seed N          draw from this (default: the clock; it is printed)
      --connections N   about so many closes (default 100000)
      --seconds N       no new batch after so long
      --batch K         only the batch of that number
      --size N          connections in a batch (default: drawn, 400 to 2400)
      --netem           losses, delays, order and copies by tc netem (default:
                        losses by nft)
      --keep DIR        where to put packets and NDJSON of a batch with such a
                        difference (default: a new directory under /tmp)
  -h, --help            print this text
END
}

parse() {
  while (($#)); do
    case $1 in
      --seed | --connections | --seconds | --batch | --size | --keep)
        (($# > 1)) || lab_misuse "$1 wants a value; see --help"
        ;;&
      --seed) lab_number "$1" "$2" 0 999999999; seed=$((10#$2)); shift ;;
      --connections) lab_number "$1" "$2" 1 99999999; total=$((10#$2)); shift ;;
      --seconds) lab_number "$1" "$2" 1 999999; seconds=$((10#$2)); shift ;;
      --batch) lab_number "$1" "$2" 1 999999; only=$((10#$2)); shift ;;
      --size) lab_number "$1" "$2" 1 20000; size=$((10#$2)); shift ;;
      --keep) keep=$2; shift ;;
      --netem) network=netem ;;
      -h | --help) usage; exit ;;
      *) lab_misuse "what is '$1'? see --help" ;;
    esac
    shift
  done
}

# ---- drawing ----

# pick WORD...: one of them in PICKED.
pick() {
  local n=$((RANDOM % $# + 1))
  PICKED=${!n}
}

chance() { ((RANDOM % 100 < $1)); }

# draw_end NAME FIRST: the options of one end, which closes first or last, in the array NAME_options.
draw_end() {
  local -n options=$1_options
  local how first=$2
  options=()
  pick close close close shutdown shutdown reset shutdown-reset
  how=$PICKED
  [[ $how == close ]] || options+=(--close "$how")
  if ((first)); then
    [[ $1 == client ]] || options+=(--close-first)
    pick 0 1 5 20 50 100 300
    options+=(--close-after "$PICKED")
  else
    [[ $1 == server ]] || options+=(--close-last)
    pick 0 1 5 20 38 45 60 100 200 400
    options+=(--close-delay "$PICKED")
    if chance 25; then
      pick 1 100 5000 100000
      options+=(--drain "$PICKED")
    fi
  fi
  if [[ $how == shutdown* ]] && chance 60; then
    pick 1 20 100 500 1500
    options+=(--hold "$PICKED")
  fi
  pick 0 0 6 6 100 3000 100000
  options+=(--send "$PICKED")
  if ((PICKED > 0)) && chance 40; then
    pick --nodelay --cork --quickack --no-quickack --answer '--write-size 1000'
    # shellcheck disable=SC2206 # an option and its value
    options+=($PICKED)
  fi
  # Blind to EOF, whoever reads nothing cannot close last.
  if ((first)) && chance 15; then
    [[ " ${options[*]} " == *@(' --hold '|' --answer ')* ]] || options+=(--read-nothing)
  fi
  if chance 60; then options+=(--vary "$RANDOM"); fi
}

# What nft loses: before the sniffer's tap (output), where it is a local failure to the sender; or
# behind it (input). In faults, as "KIND:HOOK:PER_MILLE".
draw_losses() {
  local n kind
  faults=()
  chance 35 && return
  pick 1 1 2
  for ((n = PICKED; n > 0; n--)); do
    pick any:input any:input fin:input ack:input data:input rst:input ack:output rst:output \
      fin:output
    kind=$PICKED
    pick 10 50 100 200
    faults+=("$kind:$PICKED")
  done
}

# What netem does: in faults, as "PLACE:OPTIONS".
draw_netem() {
  local netem='limit 100000' delay
  pick egress egress ingress
  faults=("$PICKED:")
  pick 0 0 1 5 20 60
  delay=$PICKED
  if ((delay > 0)); then
    netem+=" delay ${delay}ms"
    pick 0 $((delay / 2 + 1)) "$delay"
    ((PICKED == 0)) || netem+=" ${PICKED}ms"
    if chance 40; then
      pick 1 5 25
      netem+=" reorder $((100 - PICKED))% 30%"
    fi
  fi
  pick 0 0 0.5 2 5 10
  [[ $PICKED == 0 ]] || netem+=" loss $PICKED%"
  pick 0 0 1 5 20
  [[ $PICKED == 0 ]] || netem+=" duplicate $PICKED%"
  faults[0]+=$netem
}

# Something can be lost, delayed or put out of order when the sniffer has seen it already.
is_lossy_behind_tap() { [[ " ${faults[*]-}" == *:input:* || " ${faults[*]-}" == *' ingress:'* ]]; }
loses_rst_before_tap() { [[ " ${faults[*]-}" == *' rst:output:'* || " ${faults[*]-}" == *' egress:'*' loss '* ]]; }

draw_batch() {
  # Neighbouring seeds of bash's generator begin alike.
  RANDOM=$(((seed * 7919 + $1 * 104729) % 2147483647))
  local i
  for ((i = 0; i < 5; i++)); do : $RANDOM; done
  local -i scale=1
  [[ $network == nft ]] || scale=8 # user-mode-linux has one slow processor
  pick 400 800 800 1600 2400
  count=${size:-$((PICKED / scale))}
  pick $((50 / scale)) $((100 / scale)) $((200 / scale)) $((200 / scale)) $((400 / scale))
  parallel=$((PICKED < count ? PICKED : count))
  pick 4 4 6 mapped
  family=$PICKED
  pick '1 0' '1 0' '0 1' '0 1' '1 1'
  local first=$PICKED
  draw_end client "${first% *}"
  draw_end server "${first#* }"
  sysctls=(net.ipv4.tcp_syn_retries=3 net.ipv4.tcp_synack_retries=3)
  pick 1 2 3
  sysctls+=(net.ipv4.tcp_fin_timeout="$PICKED")
  pick 1 2 3
  sysctls+=(net.ipv4.tcp_orphan_retries="$PICKED")
  pick 3 4 5
  sysctls+=(net.ipv4.tcp_retries2="$PICKED")
  pick 0 1 2
  sysctls+=(net.ipv4.tcp_tw_reuse="$PICKED")
  pick 0 0 1
  sysctls+=(net.ipv4.tcp_rfc1337="$PICKED")
  pick 1 1 1 1 0
  sysctls+=(net.ipv4.tcp_timestamps="$PICKED")
  pick 1 1 1 0
  sysctls+=(net.ipv4.tcp_sack="$PICKED")
  pick 262144 262144 262144 262144 262144 262144 262144 100
  sysctls+=(net.ipv4.tcp_max_tw_buckets="$PICKED")
  pick '1025 65535' '1025 65535' '1025 65535' '30000 31499'
  sysctls+=(net.ipv4.ip_local_port_range="$PICKED")
  pick 65536 1500
  mtu=$PICKED
  if [[ $network == netem ]]; then draw_netem; else draw_losses; fi
}

# ---- the network ----

set_network() {
  local s
  for s in "${sysctls[@]}"; do
    # One that this kernel lacks, or does not let us set, stays as it is.
    sysctl -qw "$s" 2>/dev/null || true
  done
  ip link set lo mtu "$mtu"
}

# arm_losses PORT
arm_losses() {
  local fault kind hook per_mille match
  nft -f - <<'END'
table inet campaign
delete table inet campaign
table inet campaign {
  chain input { type filter hook input priority 0; }
  chain output { type filter hook output priority 0; }
}
END
  for fault in "${faults[@]}"; do
    IFS=: read -r kind hook per_mille <<<"$fault"
    case $kind in
      any) match='tcp flags & syn == 0' ;;
      fin) match='tcp flags & fin == fin' ;;
      ack) match='tcp flags & (fin|syn|rst|ack|psh) == ack' ;;
      data) match='tcp flags & (fin|syn|rst|psh) == psh' ;;
      rst) match='tcp flags & rst == rst' ;;
    esac
    nft "add rule inet campaign $hook tcp sport $1 $match numgen random mod 1000 < $per_mille counter drop
         add rule inet campaign $hook tcp dport $1 $match numgen random mod 1000 < $per_mille counter drop"
  done
}

arm_netem() {
  local -a netem
  read -ra netem <<<"${faults[0]#*:}"
  lab_undo_host || true
  if [[ ${faults[0]} == egress:* ]]; then
    tc qdisc add dev lo root handle "$lab_handle:" netem "${netem[@]}"
  else
    lab_add_ifb netem "${netem[@]}"
    tc filter add dev lo ingress protocol all pref 1 u32 match u32 0 0 \
      action mirred egress redirect dev "$LAB_OWN"
  fi
}

# ---- a batch ----

# Sockets that still have something to do.
busy_sockets() { ss -Htan 2>/dev/null | awk '$1 != "TIME-WAIT" && $1 != "LISTEN"' | wc -l; }

# await SECONDS COMMAND...: until it succeeds; 1: it did not in time.
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= end)) || return 1
    lab_pause
  done
}

# It has ended, whether bash knows it yet or not.
is_over() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  [[ $stat == *') Z '* ]]
}
is_quiet() { (($(busy_sockets) == 0)); }
says() { grep -qs -- "$2" "$1"; }

# end PID SECONDS SIGNAL: waits for it, then sends that; its status in STATUS.
end() {
  STATUS=0
  await "$2" is_over "$1" || kill -s "$3" "$1" 2>/dev/null || true
  await 20 is_over "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" || STATUS=$?
}

# shellcheck disable=SC2154 # draw_end assigns them, by name
describe() {
  printf 'batch %d: %d of IPv%s, %d at a time; server %s; client %s; mtu %s; %s; faults: %s\n' \
    "$1" "$count" "$family" "$parallel" "${server_options[*]}" "${client_options[*]}" "$mtu" \
    "${sysctls[*]#net.ipv4.}" "${faults[*]:-none}"
}

run_batch() {
  local dir=$work/batch server client sniffer address listen
  LAB_PORT=$((20000 + $1 % 10000))
  rm -rf "$dir"
  mkdir "$dir"
  set_network
  if [[ $network == netem ]]; then arm_netem; else arm_losses "$LAB_PORT"; fi
  case $family in
    4) address=$address4 listen=$address4 ;;
    6) address=$address6 listen=$address6 ;;
    mapped) address=::ffff:$address4 listen=$address4 ;;
  esac
  "$LAB_BIN/server" -p "$LAB_PORT" -l "$listen" --count "$count" "${server_options[@]}" \
    >"$dir/server" 2>&1 &
  server=$!
  "$LAB_BIN/capture" -i lo --closes "$count" --duration 180 --json "$dir/ndjson" -w "$dir/pcap" \
    --format lines "tcp port $LAB_PORT" >"$dir/out" 2>"$dir/err" &
  sniffer=$!
  await 20 says "$dir/server" listen || lab_fail "the server: $(<"$dir/server")"
  await 20 says "$dir/ndjson" '"start"' || lab_fail "the sniffer: $(<"$dir/err")"
  "$LAB_BIN/client" --count "$count" --parallel "$parallel" "${client_options[@]}" \
    "$address" "$LAB_PORT" >"$dir/client" 2>&1 &
  client=$!
  # Whose peer's RST was lost waits for ever: killed, it closes, too.
  end "$client" $((15 + 2 * count / parallel)) TERM
  ((STATUS != 2)) || lab_fail "the client: $(<"$dir/client")"
  end "$server" 5 TERM
  await 30 is_quiet || true
  end "$sniffer" 3 INT
}

# tally FILE: of the batch, as lines of "name number". How an end differs: "difference:model/kernel",
# the two states, and "+rst" if the connection was reset, or "+rst-at-once" if a RST that ended TIME_WAIT came
# within a millisecond of the first FIN.
tally() {
  grep -aE '"type":"(verdict|summary)"' "$1" | jq -nr '
    reduce inputs as $o ({v: {}, s: {}};
      if $o.type == "verdict" then .v[$o.conn | tostring] = $o else .s = $o end)
    | .s as $s | [.v[]] as $v
    | [$v[] | . as $one | (if .ending == "reset" then "+rst"
          elif any(.findings[]; .id == "rst-in-time-wait" and .t - $one.t_first_fin < 0.001) then "+rst-at-once"
          else "" end) as $rst
        | .kernel | select(.) | .client, .server | select(.) | . + {$rst}] as $ends
    | "connections \($v | length)",
      "unheard \([$v[] | select(.kernel == null)] | length)",
      "dropped \($s.dropped // 0)",
      "events-lost \($s.kernel.events_lost // 0)",
      "agreed \([$ends[].agrees] | add // 0)",
      "transitions \([$ends[].of] | add // 0)",
      "unsampled \([$ends[].unsampled] | add // 0)",
      ($ends | map(select(.difference != "agrees")
          | "\(.difference):\(.model_says)/\(.kernel_says)\(.rst)")
        | group_by(.)[] | "\(.[0]) \(length)"),
      ($v | group_by(.ending)[] | "ending:\(.[0].ending) \(length)")'
}

# ---- what counts as explained ----

# The table of campaign.md: a row's difference, its pairs of states, its condition.
row_difference=() row_pairs=() row_only=()

read_explanations() {
  local page=$tests/campaign.md difference pairs only why rest
  while IFS='|' read -r rest difference pairs only why rest; do
    difference=${difference// /} only=${only# }
    [[ $difference == @(not-there|silent) ]] || continue
    is_condition "${only% }" '' || (($? == 1)) ||
      lab_fail "$page: '${only% }' is no condition that this script knows; see is_condition"
    row_difference+=("$difference") row_pairs+=(",${pairs// /},") row_only+=("${only% }")
  done <"$page"
  ((${#row_only[@]} > 0)) || lab_fail "$page: there is no row that begins with not-there or silent"
}

# is_condition TEXT RST: whether it holds, of this batch or of a connection of which tally says that; 2: there is
# no such condition.
is_condition() {
  case $1 in
    -) true ;;
    reset) [[ $2 == rst ]] ;;
    'reset, by netem') [[ $2 == rst && $network == netem ]] ;;
    'RST at once') [[ $2 == rst-at-once ]] ;;
    'lossy behind the tap') is_lossy_behind_tap ;;
    'RST lost before the tap') loses_rst_before_tap ;;
    'netem makes copies') [[ " ${faults[*]-}" == *' duplicate '* ]] ;;
    tcp_*=*) [[ " ${sysctls[*]-} " == *" net.ipv4.$1 "* ]] ;;
    *) return 2 ;;
  esac
}

# explain NAME (as tally prints it): EXPLANATION is then the number of the first row that fits.
explain() {
  local difference=${1%%:*} pair=${1#*:} rst='' row
  if [[ $pair == *+* ]]; then rst=${pair#*+} pair=${pair%+*}; fi
  for row in "${!row_only[@]}"; do
    [[ ${row_difference[row]} == "$difference" ]] || continue
    [[ ${row_pairs[row]} == @(,any,|*",$pair,"*) ]] || continue
    is_condition "${row_only[row]}" "$rst" || continue
    EXPLANATION=$((row + 1))
    return 0
  done
  return 1
}

# ---- the report ----

declare -A sum=()
set_aside=0

# add NAME NUMBER
add() { sum[$1]=$((${sum[$1]-0} + $2)); }

report() {
  local name row unexplained=0 explained=0
  for name in "${!sum[@]}"; do
    case $name in
      unexplained:*) unexplained=$((unexplained + sum[$name])) ;;
      row:*) explained=$((explained + sum[$name])) ;;
    esac
  done
  printf '%d closes in %d batches (seed %d, %s, Linux %s): %d transitions, %d agreed; %s\n' \
    "${sum[connections]-0}" "$batches" "$seed" "$network" "$(uname -r)" "${sum[transitions]-0}" \
    "${sum[agreed]-0}" "$explained ends differ and are explained, $unexplained are not"
  printf '  %s: %d\n' 'too short to be sampled' "${sum[unsampled]-0}" \
    'connections of which the kernel said nothing' "${sum[unheard]-0}" \
    'batches set aside, because packets or events were lost to the sniffer' "$set_aside"
  for row in "${!row_only[@]}"; do
    printf '  explained by row %2d: %6d  %s\n' $((row + 1)) "${sum[row:$((row + 1))]-0}" \
      "${row_difference[row]} ${row_pairs[row]:1:-1}; only: ${row_only[row]}"
  done
  for name in $(printf '%s\n' "${!sum[@]}" | sort); do
    [[ $name != *:* || $name == row:* ]] || printf '  %-46s %8d\n' "$name" "${sum[$name]}"
  done
  ((unexplained == 0 && sum[connections] > 0 && set_aside <= batches / 10 + 1))
}

# count_batch NUMBER: into the sums; 1: there is something unexplained.
count_batch() {
  local name number text
  local -a unexplained=()
  local -A own=()
  text=$(tally "$work/batch/ndjson")
  while read -r name number; do own[$name]=$number; done <<<"$text"
  printf '# batch %d: %d closes, %d of %d transitions agree, %d s\n' "$1" "${own[connections]}" \
    "${own[agreed]}" "${own[transitions]}" "$SECONDS"
  for name in "${!own[@]}"; do
    [[ $name != @(contrary|not-there|silent):* ]] || explain "$name" || unexplained+=("$name")
  done
  if ((own[dropped] > 0 || (own[events-lost] > 0 && ${#unexplained[@]} > 0))); then
    set_aside=$((set_aside + 1))
    printf '#   set aside: %d packets and %d events were lost\n' "${own[dropped]}" \
      "${own[events-lost]}"
    return
  fi
  for name in "${!own[@]}"; do
    if [[ $name != @(contrary|not-there|silent):* ]]; then
      add "$name" "${own[$name]}"
    elif explain "$name"; then
      add "$name" "${own[$name]}"
      add "row:$EXPLANATION" "${own[$name]}"
    fi
  done
  for name in "${unexplained[@]}"; do
    printf '#   unexplained: %s, %d times\n' "$name" "${own[$name]}"
    add "unexplained:$name" "${own[$name]}"
  done
  ((${#unexplained[@]} == 0))
}

inside() {
  lab_enter
  parse "$@"
  read_explanations
  work=$(mktemp -d)
  mount -t tmpfs -o size=2g tmpfs "$work"
  # The kernel tells of all namespaces at once: these addresses are nobody else's.
  local own
  own=$(readlink /proc/self/ns/net)
  own=${own//[^0-9]/}
  address4=127.$((own >> 16 & 127 | 64)).$((own >> 8 & 255)).$((own & 254 | 1))
  printf -v address6 'fd00::%x:%x' $((own >> 16 & 65535)) $((own & 65535))
  ip addr add "$address4/8" dev lo
  ip addr add "$address6/128" dev lo nodad
  ulimit -n "$(ulimit -Hn)"

  local batch=${only:-1} again=()
  [[ -z $size ]] || again+=(--size "$size")
  [[ $network == nft ]] || again+=(--netem)
  batches=0
  while :; do
    draw_batch "$batch"
    run_batch "$batch"
    batches=$((batches + 1))
    if ! count_batch "$batch"; then
      keep=${keep:-$(mktemp -d /tmp/campaign.XXXXXX)}
      mkdir -p "$keep/$seed-$batch"
      cp -r "$work/batch/." "$keep/$seed-$batch/"
      describe "$batch" | tee "$keep/$seed-$batch/drawn" | sed 's/^/#   /'
      echo "#   kept in $keep/$seed-$batch; again: $0 --seed $seed --batch $batch ${again[*]}"
    fi
    batch=$((batch + 1))
    # A batch of which nothing was captured is no progress: hence the third condition.
    if [[ $only ]] || ((${sum[connections]-0} >= total || batches >= total)); then break; fi
    if [[ $seconds ]] && ((SECONDS >= seconds)); then break; fi
  done
  report
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
parse "${arguments[@]}"
echo "# seed $seed"
lab_supervise "${arguments[@]}" --seed "$seed"
