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
seed=$(date +%s)
total=100000
only=
size=
keep=
network=direct

usage() {
  cat <<'END'
Usage: campaign.sh [OPTION]...
Closes thousands of connections in as many ways as it can draw, in a network
of its own, and compares the model with the kernel at every transition.

      --seed N          draw from this (default: the clock; it is printed)
      --connections N   about so many closes (default 100000)
      --batch K         only the batch of that number
      --size N          connections in a batch (default: drawn, 200 to 2000)
      --netem           losses, delays, order and copies by tc netem (default:
                        losses by nft)
      --keep DIR        where to put packets and NDJSON of a batch that went
                        wrong (default: a new directory under /tmp)
  -h, --help            print this text
END
}

parse() {
  while (($#)); do
    case $1 in
      --seed | --connections | --batch | --size | --keep)
        (($# > 1)) || lab_misuse "$1 wants a value; see --help"
        ;;&
      --seed) lab_number "$1" "$2" 0 999999999; seed=$((10#$2)); shift ;;
      --connections) lab_number "$1" "$2" 1 99999999; total=$((10#$2)); shift ;;
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
  # Blind to EOF, whoever reads nothing cannot close last.
  if ((first)) && chance 15; then
    [[ " ${options[*]} " == *' --hold '* ]] || options+=(--read-nothing)
  fi
}

draw_faults() {
  faults=()
  local n kind
  chance 35 && return
  pick 1 1 2
  for ((n = PICKED; n > 0; n--)); do
    if [[ $network == netem ]]; then
      return
    fi
    pick any any fin ack data rst ack-output rst-output fin-output
    kind=$PICKED
    pick 10 50 100 200
    faults+=("$kind:$PICKED")
  done
}

draw_batch() {
  # Neighbouring seeds of bash's generator begin alike.
  RANDOM=$(((seed * 7919 + $1 * 104729) % 2147483647))
  local i
  for ((i = 0; i < 5; i++)); do : $RANDOM; done
  pick 200 400 800 1200 2000
  count=${size:-$PICKED}
  pick 10 50 100 400 1000
  parallel=$((PICKED < count ? PICKED : count))
  pick 4 4 6 mapped
  family=$PICKED
  pick '1 0' '1 0' '0 1' '0 1' '1 1'
  draw_end client "${PICKED% *}"
  draw_end server "${PICKED#* }"
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
  draw_faults
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

# arm_faults PORT
arm_faults() {
  local fault kind hook match
  nft -f - <<'END'
table inet campaign
delete table inet campaign
table inet campaign {
  chain input { type filter hook input priority 0; }
  chain output { type filter hook output priority 0; }
}
END
  for fault in "${faults[@]}"; do
    kind=${fault%:*} hook=input
    if [[ $kind == *-output ]]; then hook=output kind=${kind%-output}; fi
    case $kind in
      any) match='tcp flags & syn == 0' ;;
      fin) match='tcp flags & fin == fin' ;;
      ack) match='tcp flags & (fin|syn|rst|ack|psh) == ack' ;;
      data) match='tcp flags & (fin|syn|rst|psh) == psh' ;;
      rst) match='tcp flags & rst == rst' ;;
    esac
    nft "add rule inet campaign $hook tcp sport $1 $match numgen random mod 1000 < ${fault#*:} counter drop
         add rule inet campaign $hook tcp dport $1 $match numgen random mod 1000 < ${fault#*:} counter drop"
  done
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

is_over() { ! kill -0 "$1" 2>/dev/null; }
is_quiet() { (($(busy_sockets) == 0)); }
says() { grep -qs -- "$2" "$1"; }

# end PID SECONDS SIGNAL: waits for it, then sends that; its status in STATUS.
end() {
  STATUS=0
  await "$2" is_over "$1" || kill -s "$3" "$1" 2>/dev/null || true
  await 20 is_over "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" || STATUS=$?
}

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
  arm_faults "$LAB_PORT"
  case $family in
    4) address=$address4 listen=$address4 ;;
    6) address=$address6 listen=$address6 ;;
    mapped) address=::ffff:$address4 listen=$address4 ;;
  esac
  "$LAB_BIN/server" -p "$LAB_PORT" -l "$listen" --count "$count" "${server_options[@]}" \
    >"$dir/server" 2>&1 &
  server=$!
  "$LAB_BIN/capture" -i lo --closes "$count" --duration 120 --json "$dir/ndjson" -w "$dir/pcap" \
    --format lines "tcp port $LAB_PORT" >"$dir/out" 2>"$dir/err" &
  sniffer=$!
  await 10 says "$dir/server" listen || lab_fail "the server: $(<"$dir/server")"
  await 10 says "$dir/ndjson" '"start"' || lab_fail "the sniffer: $(<"$dir/err")"
  "$LAB_BIN/client" --count "$count" --parallel "$parallel" "${client_options[@]}" \
    "$address" "$LAB_PORT" >"$dir/client" 2>&1 &
  client=$!
  end "$client" 60 TERM
  ((STATUS != 2)) || lab_fail "the client: $(<"$dir/client")"
  end "$server" 5 TERM
  await 30 is_quiet || true
  end "$sniffer" 3 INT
}

# tally: of the batch, as lines of "name number".
tally() {
  grep -aE '"type":"(verdict|summary)"' "$1" | jq -nr '
    reduce inputs as $o ({v: {}, s: {}};
      if $o.type == "verdict" then .v[$o.conn | tostring] = $o else .s = $o end)
    | .s as $s | [.v[]] as $v
    | [$v[] | . as $v | .kernel | select(.) | ("client", "server") as $e | .[$e] | select(.)
        | . + {conn: $v.conn, said: (
          ([$v.findings[] | select(.id == "kernel-disagrees" and .end == $e)
            | [.expected, .actual | sub(".*: "; "")] | join("/")] | first)
          // "\($v[$e + "_state"])/\(.state)")}] as $ends
    | "connections \($v | length)",
      "unheard \([$v[] | select(.kernel == null)] | length)",
      "dropped \($s.dropped // 0)",
      "agreed \([$ends[].agrees] | add // 0)",
      "transitions \([$ends[].of] | add // 0)",
      "unsampled \([$ends[].unsampled] | add // 0)",
      ($ends | group_by(.difference)[] | "end:\(.[0].difference) \(length)"),
      ($ends | map(select(.difference != "agrees"))
        | group_by([.difference, .said])[]
        | "\(.[0].difference):\(.[0].said) \(length)"),
      ($v | group_by(.ending)[] | "ending:\(.[0].ending) \(length)"),
      ($ends | map(select(.difference == "contrary")) | .[:5][] | "at:\(.conn) 1")'
}

inside() {
  lab_enter
  parse "$@"
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

  local batch=${only:-1} done=0 name number bad=0 text wrong
  declare -gA sum=()
  while ((done < total)); do
    draw_batch "$batch"
    describe "$batch"
    run_batch "$batch"
    text=$(tally "$work/batch/ndjson")
    wrong=0
    local line=
    while read -r name number; do
      sum[$name]=$((${sum[$name]-0} + number))
      line+=" $name=$number"
      case $name in
        connections) done=$((done + number)) ;;
        end:contrary) wrong=1 ;;
        end:not-there) [[ " ${faults[*]} " =~ (any|fin|ack|data|rst): ]] || wrong=1 ;;
      esac
    done <<<"$text"
    printf '  %s\n' "$line"
    if ((wrong)); then
      bad=$((bad + 1))
      mkdir -p "$keep/$seed-$batch"
      cp -r "$work/batch/." "$keep/$seed-$batch/"
      echo "  kept in $keep/$seed-$batch; again: $0 --seed $seed --batch $batch"
    fi
    batch=$((batch + 1))
    [[ -z $only ]] || break
  done
  for name in $(printf '%s\n' "${!sum[@]}" | sort); do printf '%-40s %d\n' "$name" "${sum[$name]}"; done
  ((bad == 0))
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
parse "${arguments[@]}"
keep=${keep:-$(mktemp -d /tmp/campaign.XXXXXX)}
echo "seed $seed"
lab_supervise "${arguments[@]}" --seed "$seed" --keep "$keep"
