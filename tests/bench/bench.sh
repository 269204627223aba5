#!/usr/bin/env bash
# Measures capture, server and client: bench.sh [PART]... (default: all of them, ten minutes).
#
#   formats   a million packets, 1 000 and 100 000 connections open at once: every format, and what
#             else is installed
#   sizes     ten million packets, 1 000 and 1 000 000 open
#   pace      100 us between packets instead of 1
#   growth    a million, ten and a hundred million packets (the last from a pipe)
#   memory    octets for each open connection, at 1 000 000
#   hostile   closes behind a SYN flood; four-tuples that an unkeyed hash throws together
#   stages    where the instructions go, by callgrind (if it is installed)
#   live      closes a second without and with sniffers, losses, latency, processor time
#   peers     server and client against a plain epoll pair
#
# Processor time is user and system together, of the whole process. The programs take turns, and
# each figure is the median of ROUNDS (default 5) such turns. One ratio is to libpcap's empty read
# loop over the same file in the same turns. Nothing fails for a time; a wrong verdict fails.
set -uo pipefail
shopt -s inherit_errexit

cd "$(dirname "$0")/../.." || exit
export LC_ALL=C.UTF-8
bin=${TEARDOWN_BIN:-$PWD/build}
bench=$PWD/build/bench
rounds=${ROUNDS:-5}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/teardown-bench.XXXXXX") || exit
trap 'rm -rf "$scratch"' EXIT
wrong=0
count=1

# ---- Figures ------------------------------------------------------------------------------------

# median COLUMN... <LINES: of the sum of these columns.
median() {
  local sum
  sum=$(printf '+$%s' "$@")
  awk "{ print ${sum#+} }" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

calc() { awk "BEGIN { printf \"$1\", $2 }"; }

# turn NAME INPUT COMMAND...: one run of it. INPUT is its stdin.
turn() {
  local name=$1 input=$2 status=0
  shift 2
  "$bench/measure" "$scratch/times.$name" "$@" <"$input" >/dev/null 2>"$scratch/said.$name" || status=$?
  ((status <= 1)) && return # capture: 1 is someone stuck
  echo "bench: '$*' ended with status $status:" >&2
  tail -n 3 "$scratch/said.$name" >&2
  wrong=$((wrong + 1))
}

cpu_s() { median 1 2 <"$scratch/times.$1"; }
peak_kib() { median 4 <"$scratch/times.$1"; }

# ---- Verdicts -----------------------------------------------------------------------------------

# The counts that capture's summary owes, from what generate said.
counts_of() {
  awk '/^connections/ { print $2 " connections" } /^ending/ { n[$2] += $3 }
    END { for (e in n) print n[e] " " e }' "$1" | sort
}

# check_counts NAME: the summary of that program's last turn.
check_counts() {
  local said
  ((count)) || return
  said=$(sed -n '/ segments, /{s/^[0-9]* segments, //;s/ connection\b/ connections/;s/, /\n/g;p;q}' "$scratch/said.$1" | sort)
  [[ $said == "$(counts_of "$scratch/counts")" ]] && return
  wrong=$((wrong + 1))
  echo "bench: wrong counts by $1 on $described:" >&2
  diff <(counts_of "$scratch/counts") <(printf '%s\n' "$said") | grep '^[<>]' >&2
}

# check_verdicts [--evicted]: every single one, on the capture at hand. Its words are left in checked.
check_verdicts() {
  "$bin/capture" -r "$scratch/pcap" --format json -q 2>/dev/null >"$scratch/verdicts" || true
  if tests/bench/check.sh "$@" "$scratch/truth" "$scratch/verdicts" >"$scratch/check"; then
    checked="all $(tail -n 1 "$scratch/check" | cut -d ' ' -f 1) right"
  else
    wrong=$((wrong + 1))
    checked="WRONG: $(tail -n 1 "$scratch/check")"
    echo "bench: wrong verdicts on $described:" >&2
    cat "$scratch/check" >&2
  fi
  rm -f "$scratch/verdicts"
}

# make_capture DESCRIPTION GENERATOR-OPTION...
make_capture() {
  described=$1
  shift
  options=("$@")
  "$bench/generate" "$@" --truth "$scratch/truth" "$scratch/pcap" 2>"$scratch/counts" || exit
  packets=$(sed -n 's/^packets //p' "$scratch/counts")
}

# ---- Programs -----------------------------------------------------------------------------------

# Each takes the capture on stdin, or as $scratch/pcap.
run_floor() { turn floor /dev/null "$bench/floor" "$scratch/pcap"; }
run_quiet() { turn quiet /dev/null "$bin/capture" -r "$scratch/pcap" -qq && check_counts quiet; }
run_verdicts() { turn verdicts /dev/null "$bin/capture" -r "$scratch/pcap" --format lines -q && check_counts verdicts; }
run_lines() { turn lines /dev/null "$bin/capture" -r "$scratch/pcap" --format lines && check_counts lines; }
run_json() { turn json /dev/null "$bin/capture" -r "$scratch/pcap" --format json && check_counts json; }
run_json-verdicts() { turn json-verdicts /dev/null "$bin/capture" -r "$scratch/pcap" --format json -q && check_counts json-verdicts; }
run_roll-up() {
  turn roll-up /dev/null "$bin/capture" -r "$scratch/pcap" -qq --host-name here --json "$scratch/rolled" --roll-up 60 && check_counts roll-up
}
run_tcpdump() { turn tcpdump /dev/null tcpdump -Z root -n -S -r "$scratch/pcap" 'tcp[tcpflags] & (tcp-fin|tcp-rst) != 0 or ip6[53] & 5 != 0'; }
run_tshark() { turn tshark /dev/null tshark -n -q -z conv,tcp -r "$scratch/pcap"; }
run_argus() { turn argus /dev/null argus -X -r "$scratch/pcap" -w /dev/null; }
run_tcptrace() { turn tcptrace /dev/null timeout 600 tcptrace -n "$scratch/pcap"; }
run_libnids() { turn libnids /dev/null "$bench/libnids" "$scratch/pcap"; }

declare -A words=(
  [floor]="libpcap's empty loop" [quiet]='capture -qq' [verdicts]='capture -q' [lines]='capture, lines'
  [json]='capture, NDJSON' [json-verdicts]='capture, NDJSON -q' [roll-up]='capture -qq --roll-up 60' [tcpdump]='tcpdump -S of FIN and RST'
  [tshark]='tshark -z conv,tcp' [argus]=argus [tcptrace]=tcptrace [libnids]=libnids)
ours=(quiet roll-up verdicts lines json-verdicts json)
others=()
for program in tcpdump libnids argus tcptrace tshark; do
  command -v "$program" >/dev/null || [[ -x $bench/$program ]] && others+=("$program")
done

# take_turns PROGRAM...
take_turns() {
  local round program
  rm -f "$scratch"/times.*
  for ((round = 0; round < rounds; round++)); do
    for program; do "run_$program"; done
  done
}

heading() {
  printf '\n%s\n\n| capture | program | CPU s | ratio | us a packet | peak MiB | verdicts |\n' "$1"
  echo '|---|---|---|---|---|---|---|'
}

# print_rows PROGRAM...: against floor, after take_turns.
print_rows() {
  local program floor
  floor=$(cpu_s floor)
  for program; do
    printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$described" "${words[$program]}" \
      "$(calc %.3f "$(cpu_s "$program")")" "$(calc %.2f "$(cpu_s "$program") / $floor")" \
      "$(calc %.3f "$(cpu_s "$program") * 1e6 / $packets")" \
      "$(calc %.0f "$(peak_kib "$program") / 1024")" \
      "$([[ $program == quiet ]] && echo "$checked")"
  done
}

measure() { # measure PROGRAM...: the capture at hand
  take_turns floor "$@"
  check_verdicts
  print_rows floor "$@"
}

# They take turns of their own: memory that one of them has just filled and given back is new, and
# dear, to whoever comes next.
measure_others() {
  ((${#others[@]})) || return
  take_turns floor "${others[@]}"
  print_rows "${others[@]}"
}

# ---- Offline ------------------------------------------------------------------------------------

part_formats() {
  heading 'Every format, and what else there is'
  make_capture '1M packets, 1 000 open' --packets 1000000 --open 1000
  measure "${ours[@]}"
  measure_others
  make_capture '1M packets, 100 000 open' --packets 1000000 --open 100000
  measure "${ours[@]}"
  measure_others
  make_capture '1M packets, 1 000 open, every ending alike, a third IPv6' --packets 1000000 --open 1000 --mix all --ipv6 33
  measure "${ours[@]}"
  # shellcheck disable=SC2016 # they are for Markdown
  printf '\n`--roll-up` costs %s times what `-qq` alone does, in the last of these.\n' "$(calc %.2f "$(cpu_s roll-up) / $(cpu_s quiet)")"
}

part_sizes() {
  heading 'Ten million packets'
  make_capture '10M packets, 1 000 open' --packets 10000000 --open 1000
  measure quiet
  make_capture '10M packets, 1 000 000 open' --packets 10000000 --open 1000000
  measure quiet
}

part_pace() {
  heading 'Pace'
  make_capture '1M packets, 1 000 open, 1 us apart' --packets 1000000 --open 1000
  measure quiet
  make_capture '1M packets, 1 000 open, 100 us apart' --packets 1000000 --open 1000 --pace 100000
  measure quiet
}

# from_pipe PROGRAM COMMAND...: reads what generate writes at that moment.
from_pipe() {
  local program=$1
  shift
  "$bench/generate" "${options[@]}" - 2>"$scratch/counts" | turn "$program" /dev/stdin "$@"
}

part_growth() {
  local size round described=
  printf '\nGrowth, from a pipe, 1 000 open\n\n| packets | floor, us a packet | %s, us a packet | ratio | peak MiB |\n|---|---|---|---|---|\n' "${words[quiet]}"
  for size in 1000000 10000000 100000000; do
    options=(--packets "$size" --open 1000)
    described="$size packets from a pipe"
    rm -f "$scratch"/times.*
    for ((round = 0; round < rounds; round++)); do
      from_pipe floor "$bench/floor" -
      from_pipe quiet "$bin/capture" -r - -qq
      check_counts quiet
    done
    printf '| %s | %s | %s | %s | %s |\n' "$size" \
      "$(calc %.3f "$(cpu_s floor) * 1e6 / $size")" "$(calc %.3f "$(cpu_s quiet) * 1e6 / $size")" \
      "$(calc %.2f "$(cpu_s quiet) / $(cpu_s floor)")" "$(calc %.0f "$(peak_kib quiet) / 1024")"
  done
}

part_memory() {
  local few many
  printf '\nMemory\n\n| open connections | peak MiB | octets for each |\n|---|---|---|\n'
  make_capture '1 000 open' --connections 1000 --open 1000 --mix open
  take_turns quiet
  few=$(peak_kib quiet)
  make_capture '1 000 000 open' --connections 1000000 --open 1000000 --mix open
  take_turns quiet
  many=$(peak_kib quiet)
  printf '| 1 000 | %s | |\n| 1 000 000 | %s | %s |\n' "$(calc %.1f "$few / 1024")" \
    "$(calc %.1f "$many / 1024")" "$(calc %.0f "($many - $few) * 1024 / 999000")"
}

part_hostile() {
  heading 'Hostile'
  make_capture '10 000 closes' --connections 10000
  measure quiet
  make_capture '10 000 closes behind 2M SYNs' --connections 2010000 --flood 2000000
  grep -v $'\tsyn$' "$scratch/truth" >"$scratch/closes" && mv "$scratch/closes" "$scratch/truth"
  count=0 # of the SYNs not all need be remembered
  take_turns floor quiet
  count=1
  check_verdicts --evicted
  print_rows floor quiet
  make_capture '20 000 four-tuples at random' --connections 20000 --open 20000
  measure quiet
  make_capture '20 000 that collide without a key' --connections 20000 --open 20000 --collide
  measure quiet
}

part_stages() {
  local open
  command -v valgrind >/dev/null || { echo 'bench: no valgrind, no stages' >&2; return; }
  printf '\nInstructions a packet, by the file they are in: %s\n\n| open | reading | decode | flow | model | watch | report | libc and others | all |\n|---|---|---|---|---|---|---|---|---|\n' "${words[quiet]}"
  for open in 1000 20000; do
    make_capture "200k packets, $open open" --packets 200000 --open "$open"
    valgrind --tool=callgrind --callgrind-out-file="$scratch/callgrind" "$bin/capture" --no-sandbox \
      -r "$scratch/pcap" -qq >/dev/null 2>"$scratch/said.callgrind"
    callgrind_annotate --auto=no --threshold=100 "$scratch/callgrind" | awk -v packets="$packets" -v open="$open" '
      /PROGRAM TOTALS/ { all = number($1) }
      function number(text) { gsub(/,/, "", text); return text }
      function stage(line) {
        if (line ~ /common\/model/) return "model"
        if (line ~ /capture\/(source|savefile)|libpcap/) return "reading"
        if (line ~ /capture\/decode/) return "decode"
        if (line ~ /capture\/flow/) return "flow"
        if (line ~ /capture\/report/) return "report"
        return line ~ /[^\/]capture\/[a-z]*\.c/ ? "watch" : "others"
      }
      $1 ~ /^[0-9,]+$/ && /:/ && !/PROGRAM/ { n[stage($0)] += number($1) }
      END {
        printf "| %s |", open
        split("reading decode flow model watch report others", stages, " ")
        for (i = 1; i <= 7; i++) printf " %.0f |", n[stages[i]] / packets
        printf " %.0f |\n", all / packets
      }'
  done
}

# ---- Live -----------------------------------------------------------------------------------------

closes=50000 # fewer than there are ports

# pair_turn NAME WHO PARALLEL [SNIFFER...]: one run of it.
pair_turn() {
  local name=$1 who=$2 parallel=$3
  shift 3
  tests/bench/pair.sh "$scratch/live.$name" "$who" "$closes" "$parallel" "$@" && return
  echo "bench: $who with '$*' failed" >&2
  wrong=$((wrong + 1))
}

rate() { calc %.0f "$closes / $(median 3 <"$scratch/live.$1.client")"; }

close_us() {
  calc %.1f "$(paste "$scratch/live.$1.client" "$scratch/live.$1.server" | median 1 2 5 6) * 1e6 / $closes"
}

# sum_losses NAME: adds what its last run lost. Where nothing was, every close has its verdict.
sum_losses() {
  local said=$scratch/live.$1.said lost seen
  lost=$(sed -nE 's/.*[^0-9]([0-9]+) (packets )?dropped by kernel.*/\1/p; s/^([0-9]+) packets dropped.*/\1/p' "$said" | tail -n 1)
  sed -nE 's/^([0-9]+) segments, .*/\1/p; s/^([0-9]+) packets captured/\1/p' "$said" >>"$scratch/live.$1.packets"
  echo "${lost:-0}" >>"$scratch/live.$1.lost"
  seen=$(sed -nE 's/.* segments, ([0-9]+) connections.*/\1/p' "$said")
  [[ ${lost:-0} != 0 || -z $seen || $seen == "$closes" ]] && return
  wrong=$((wrong + 1))
  echo "bench: $1, live: $seen connections of $closes" >&2
}

part_live() {
  local round name latency
  local capture=("$bin/capture" -i lo -tt)
  # bare: what this machine allows.
  local sniffers=(bare lines lines-kernel json json-kernel quiet verdicts)
  command -v tcpdump >/dev/null && sniffers=(tcpdump "${sniffers[@]}")
  rm -f "$scratch"/live.*
  for ((round = 0; round < rounds; round++)); do
    pair_turn none ours 100
    for name in "${sniffers[@]}"; do
      case $name in
        # It would become another user, who may not write there.
        tcpdump) pair_turn "$name" ours 100 tcpdump -Z root -i lo -s 192 -w "$scratch/live.pcap" ;;
        bare) pair_turn "$name" ours 100 "$bench/bare_sniffer" ;;
        lines) pair_turn "$name" ours 100 "${capture[@]}" --format lines --kernel off ;;
        lines-kernel) pair_turn "$name" ours 100 "${capture[@]}" --format lines ;;
        json) pair_turn "$name" ours 100 "${capture[@]}" --format json --kernel off ;;
        json-kernel) pair_turn "$name" ours 100 "${capture[@]}" --format json ;;
        quiet) pair_turn "$name" ours 100 "${capture[@]}" -qq --kernel off ;;
        verdicts) pair_turn "$name" ours 100 "${capture[@]}" -q --format lines --kernel off ;;
      esac
      sum_losses "$name"
      cat "$scratch/live.$name.latency" >>"$scratch/live.$name.latencies"
    done
  done
  printf '\nLive, %s closes, 100 at a time\n\n' "$closes"
  echo '| sniffer | closes a second | of those without | lost packets, all turns | CPU us a packet | latency p50, p99 (ms) |'
  echo '|---|---|---|---|---|---|'
  printf '| none | %s | 1.00 | | | |\n' "$(rate none)"
  for name in "${sniffers[@]}"; do
    latency=
    [[ $name == tcpdump || $name == quiet || $name == verdicts ]] ||
      latency="$(calc %.2f "$(median 2 <"$scratch/live.$name.latencies") / 1000"), $(calc %.2f "$(median 3 <"$scratch/live.$name.latencies") / 1000")"
    printf '| %s | %s | %s | %s | %s | %s |\n' "$name" "$(rate "$name")" \
      "$(calc %.2f "$(rate "$name") / $(rate none)")" \
      "$(awk '{ n += $1 } END { print n + 0 }' "$scratch/live.$name.lost")" \
      "$(calc %.2f "$(median 1 2 <"$scratch/live.$name.sniffer") * 1e6 / $(median 1 <"$scratch/live.$name.packets")")" "$latency"
  done
}

part_peers() {
  local round who parallel load
  rm -f "$scratch"/live.*
  printf '\nServer and client, %s closes\n\n| open at once | machine | epoll, closes a second | ours | ratio | epoll, CPU us a close, both ends | ours | ratio |\n|---|---|---|---|---|---|---|---|\n' "$closes"
  for load in idle loaded; do
    for parallel in 1 100; do
      local busy=()
      if [[ $load == loaded ]]; then
        for ((round = 0; round < $(nproc); round++)); do
          timeout 600 sh -c 'while :; do :; done' &
          busy+=($!)
        done
      fi
      for ((round = 0; round < rounds; round++)); do
        for who in epoll ours; do pair_turn "$who-$parallel-$load" "$who" "$parallel"; done
      done
      if ((${#busy[@]})); then
        kill "${busy[@]}"
        wait "${busy[@]}" 2>/dev/null
      fi
      printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$parallel" "$load" \
        "$(rate "epoll-$parallel-$load")" "$(rate "ours-$parallel-$load")" \
        "$(calc %.2f "$(rate "ours-$parallel-$load") / $(rate "epoll-$parallel-$load")")" \
        "$(close_us "epoll-$parallel-$load")" "$(close_us "ours-$parallel-$load")" \
        "$(calc %.2f "$(close_us "epoll-$parallel-$load") / $(close_us "ours-$parallel-$load")")"
    done
  done
}

# ---- The machine --------------------------------------------------------------------------------

printf '%s, %s cores, %s GiB, Linux %s\n' \
  "$(sed -n 's/^model name[^:]*: //p;' /proc/cpuinfo | head -n 1)" "$(nproc)" \
  "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(uname -r)"
printf '%s; commit %s; medians of %s\n' "$("$bin/capture" --version | head -n 1)" \
  "$(git describe --always --dirty 2>/dev/null)" "$rounds"

parts=("$@")
((${#parts[@]})) || parts=(formats sizes pace growth memory hostile stages live peers)
for part in "${parts[@]}"; do
  declare -F "part_$part" >/dev/null || {
    echo "bench: there is no part '$part'" >&2
    exit 2
  }
  "part_$part"
done
if ((wrong)); then
  echo "bench: $wrong results were wrong" >&2
  exit 1
fi
