#!/usr/bin/env bash
# Every way a TCP connection can end, on real sockets in a network namespace of its own, with the
# ladder stated beforehand and checked afterwards. usage() has the options, scenarios/ the scenarios.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "${0%"${0##*/}"}lab.sh"

usage() {
  cat <<'END'
Usage: scenario.sh [OPTION]... NAME...
       scenario.sh [OPTION]... --all
       scenario.sh --list | --doctor
Makes a real TCP connection end in the named way, and checks each row of the ladder.

  --list             the scenarios: name, what it needs, what it shows
  --all              all of them
  --doctor           what this machine can do, and what to do about each lack
  --step             wait for a key before each sentence and each segment
  --keep-pcap DIR    leave the packets in DIR, NAME-1.pcap and so on
  --html PATH        animate what was captured: a page in this file; of several
                     scenarios pages in this folder, and an index.html
  -4, -6             IPv4 (default) or IPv6
  --place WHERE      egress: a segment is lost before the sniffer sees it; ingress: after.
                     The default is ingress for a FIN, egress for an ACK
  --backend WHAT     what loses it: auto (default: netem if the kernel has it), netem or nft;
                     netem is played by user-mode Linux, if that is installed and the
                     kernel has none
  --no-fault         leave out what makes it happen: must end with status 1
  --help             this text

Status: 0 when all of it was as stated, 1 otherwise, 2 for misuse, 77 when all that was asked for
needs what this machine has not.
END
}

# ---- the scenarios ----

scenarios=() # in the order of the files
declare -A shows=() needs=()

# scenario NAME SHOWS [NEEDS]: the function scenario_NAME then tells and plays it. NEEDS are words:
# loss (netem or nft), netem and tbf (the qdiscs of those names).
scenario() {
  scenarios+=("$1")
  shows[$1]=$2
  needs[$1]=${3-}
}

# shellcheck source-path=SCRIPTDIR source=scenarios/expected.sh
source "$lab_scripts/scenarios/expected.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/closes.sh
source "$lab_scripts/scenarios/closes.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/losses.sh
source "$lab_scripts/scenarios/losses.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/resets.sh
source "$lab_scripts/scenarios/resets.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/stuck.sh
source "$lab_scripts/scenarios/stuck.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/time-wait.sh
source "$lab_scripts/scenarios/time-wait.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/lossy.sh
source "$lab_scripts/scenarios/lossy.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/doctor.sh
source "$lab_scripts/scenarios/doctor.sh"
# shellcheck source-path=SCRIPTDIR source=scenarios/pages.sh
source "$lab_scripts/scenarios/pages.sh"

list() {
  local name
  for name in "${scenarios[@]}"; do
    printf '%-22s  %-5s  %s\n' "$name" "${needs[$name]:--}" "${shows[$name]}"
  done
}

# ---- what a scenario says ----

# story SENTENCE...: what happens, and why.
story() {
  local sentence
  pages_story "$@"
  for sentence; do
    ((!step)) || printf '\1'
    lab_say "$sentence"
  done
}

server() { server_options=("$@"); }
client() { client_options=("$@"); }
sniffer() { sniffer_options=("$@"); }

# The server is stopped (SIGSTOP) before the client starts: it will accept and read when it is thawed.
freeze_server() { frozen=$fault; }
thaw_server() { ((!frozen)) || kill -CONT "${lab_pids[0]}"; }

# lose N ROLE: that many copies of it will be lost.
lose() {
  local hook=$place
  lost_count=$1 lost_role=$2
  case $lost_role in
    fin1 | fin2) hook=${place:-ingress} ;;
    *) hook=${place:-egress} ;;
  esac
  lost_place=before-tap
  [[ $hook == egress ]] || lost_place=after-tap
  ((fault)) || return 0
  [[ $lost_role != final-ack ]] || freeze_server # what it is to close cannot be armed too late
  lab_open_loss "$backend" "$hook"
  # Linux learns from its own output path that nothing was sent: no retransmission follows, and
  # that is another story than a loss on the way.
  if [[ $lost_role$hook$LAB_BACKEND == fin?egressnft ]]; then
    lack 'a FIN that nft drops at egress never leaves, and Linux knows it: use --place ingress, or netem'
  fi
}

# Before the client starts, when no number is known. The kinds suffice: the client sends no data.
arm_early() {
  local host=127.0.0.1
  [[ $address != *:* ]] || host='[::1]'
  case $lost_role in
    fin1) lab_arm_loss "$lost_count" fin "$host:*" "$host:$LAB_PORT" ;;
    ack1) lab_arm_loss "$lost_count" ack "$host:$LAB_PORT" "$host:*" ;;
    fin2) lab_arm_loss "$lost_count" fin "$host:$LAB_PORT" "$host:*" ;;
    final-ack) return ;;
  esac
  lab_say "Armed: $LAB_BACKEND will lose the $lost_role $(times "$lost_count"), $lost_place."
}

arm_late() {
  lab_await 'the first FIN to be acknowledged' 60 "$(lab_segment ack1)"
  lab_arm_final_ack "$lost_count"
  lab_note "armed: $LAB_BACKEND will lose the ACK with number $LAB_ACK from $LAB_FROM $(times "$lost_count"), $lost_place; the server was stopped until now"
  thaw_server
}

times() {
  case $1 in
    1) echo once ;;
    *) echo "$1 times" ;;
  esac
}

# ---- playing it ----

# lack WHY: this machine cannot do that.
lack() {
  lab_complain "$name: skipped: $1"
  exit 77
}

require() {
  local need
  for need in ${needs[$name]}; do
    case $need in
      loss) command -v nft tc >/dev/null || lack 'neither nft nor tc is here: scripts/deps.sh installs them' ;;
      netem)
        tc qdisc add dev lo root netem 2>/dev/null ||
          lack 'this kernel has no sch_netem: modprobe sch_netem, or --backend netem, where user-mode Linux is installed'
        tc qdisc del dev lo root
        ;;
      tbf)
        tc qdisc add dev lo root tbf rate 1mbit burst 10k limit 10k 2>/dev/null ||
          lack 'this kernel has no sch_tbf: modprobe sch_tbf'
        tc qdisc del dev lo root
        ;;
    esac
  done
}

# One act begins: nothing is expected of it yet, what the one before it did to the network is undone,
# and the port is new, so that what that one left behind is not seen.
act() {
  # One thing that is not as stated is all that a run without the fault has to show.
  ((fault || ${#problems[@]} == 0)) || fail
  ((acts == 0)) || lab_undo_host || true
  acts=$((acts + 1))
  LAB_PORT=$((LAB_PORT + 1))
  wanted_rows=() wanted_fields=() lost_role='' lost_count=0 frozen=0 words='' quick=0
  server --close-delay 300
  client --close-after 200
  sniffer --closes 1
}

# The ladders state what the wire tells, which is the same wherever this runs: the kernel's own word,
# which not every user may hear, is asked for beside it (expect_sockets).
start_sniffer() {
  local ladder
  local -a save=() expect=()
  [[ -z $keep ]] || save=(-w "$keep/$name-$acts.pcap")
  [[ -z $pages ]] || save+=(--html "$pages/$name-$acts.html" --svg "$pages/$name-$acts.svg")
  LAB_EVENTS=()
  exec {ladder}< <(write_ladders)
  ((${#wanted_rows[@]} == 0)) || expect=(--expect-ladder "/dev/fd/$ladder")
  lab_start_sniffer --kernel off --duration 120 --format ladder --color "$color" \
    --margin "/dev/fd/$lab_margin" \
    "${sniffer_options[@]}" "${expect[@]}" "${save[@]}"
  exec {ladder}<&-
}

# What was to happen has happened: the sniffer need not wait for more.
end_sniffer() { kill -INT "$lab_sniffer"; }

# Of many closes at once no reader wants the ladders.
start_sniffer_unseen() {
  local lab_stdout lab_said
  exec {lab_stdout}>/dev/null
  lab_said=$lab_stdout
  start_sniffer
  exec {lab_stdout}>&-
}

# overhear_server: what it prints is shown as it comes, and kept in a pipe for expect_words.
overhear_server() { exec {words}<> <(:); }

start_server() {
  if [[ -n $words ]]; then
    lab_start_server "${server_options[@]}" > >(exec tee "/dev/fd/$words" >&"$lab_margin")
  else
    lab_start_server "${server_options[@]}" >&"$lab_margin"
  fi
}

# expect_words WHAT PATTERN: the server, which has ended, said that; patterns may be extended ones. What
# brings its words here may be slower than the server.
expect_words() {
  local line said=''
  # shellcheck disable=SC2053 # a pattern is wanted
  until [[ $said == $2 ]]; do
    IFS= read -rt $((fault ? 10 : 1)) -u "$words" line || break
    said+=$line$'\n'
  done
  # shellcheck disable=SC2053 # a pattern is wanted
  [[ $said == $2 ]] || wrong "words of the server: expected $1, actual '${said%$'\n'}'"
}

# play [COMMAND...]: states what is expected, lets it happen, and compares; the command is what else
# is to happen once the client runs.
play() {
  state
  start_server
  start_sniffer
  ((!frozen)) || kill -STOP "${lab_pids[0]}"
  if [[ -n $lost_role ]] && ((fault)); then arm_early; fi
  lab_start_client "$address" "${client_options[@]}" >&"$lab_margin"
  if [[ $lost_role == final-ack ]] && ((fault)); then arm_late; fi
  "$@"
  finish
}

finish() {
  local status=0
  lab_read_on 150
  lab_end_sniffer || status=$?
  lab_end_peers
  lab_pids=()
  if [[ -n $lost_role ]]; then
    LAB_LOST=0
    if ((fault)); then
      lab_count_losses
      lab_disarm_loss
    fi
    # Not every loss shows on the wire: of a FIN that was lost before the sniffer nothing does.
    ((LAB_LOST == lost_count)) || wrong "segments lost: expected $lost_count, actual $LAB_LOST"
  fi
  compare "$status"
}

# set_sysctl NAME VALUE: of this namespace only.
set_sysctl() {
  printf '%s\n' "$2" >"/proc/sys/net/ipv4/$1" || lack "this kernel has no net.ipv4.$1"
  lab_say "sysctl net.ipv4.$1=$2 (in this namespace)"
}

# until_true SECONDS COMMAND...: false when it did not become true in time. Asks less often the longer it
# lasts, so that what is measured with it is late by a tenth at most.
until_true() {
  local us start=$((10#${EPOCHREALTIME/[.,]/})) limit=$(($1 * 1000000)) pause
  shift
  while ! "$@"; do
    us=$((10#${EPOCHREALTIME/[.,]/} - start))
    ((us <= limit)) || return 1
    us=$((us < 200000 ? 20000 : us < 5000000 ? us / 10 : 500000))
    printf -v pause '0.%06d' "$us"
    read -rt "$pause" -u "$lab_silence" || true
  done
}

# are_sockets STATE NUMBER; STATE is as for count_sockets.
are_sockets() {
  count_sockets "$1"
  ((SOCKETS == $2))
}

# expect_sockets SECONDS STATE NUMBER WHAT: the kernel's own word, in time.
expect_sockets() {
  local start=$EPOCHREALTIME ms
  if until_true "$1" are_sockets "$2" "$3"; then
    ms=$(((10#${EPOCHREALTIME/[.,]/} - 10#${start/[.,]/}) / 1000))
    lab_say "The kernel: $4 (after $ms ms)."
  else
    wrong "sockets of the kernel: expected '$4', actual $SOCKETS of them after $1 s"
  fi
}

# count_sockets STATE (a pattern of two hex digits, as in /proc/net/tcp): in SOCKETS, how many there are
# at the port of this act. Without a process of its own, for it is asked again and again.
count_sockets() {
  local row local_end remote_end state port table
  SOCKETS=0
  printf -v port ':%04X' "$LAB_PORT"
  for table in /proc/net/tcp /proc/net/tcp6; do
    [[ -r $table ]] || continue
    while read -r row local_end remote_end state _; do
      # shellcheck disable=SC2053 # a pattern is wanted
      [[ $row == *: && $state == $1 && "$local_end $remote_end" == *"$port"* ]] || continue
      SOCKETS=$((SOCKETS + 1))
    done <"$table"
  done
}

# time_waits client|server: how many sockets in TIME_WAIT that end has.
time_waits() {
  local port=sport
  [[ $1 == server ]] || port=dport
  ss -Htn state time-wait "$port = :$LAB_PORT" | wc -l
}

# ---- one of them, inside ----

# TCP's own times are 40 and 200 ms. A machine that stands still for as long (a busy host of virtual
# machines) makes segments come again that nobody lost, so it is watched: a line of ms for each stop. In
# Perl, which asks the kernel for little: in user-mode Linux a loop of bash took a tenth of a processor.
watch_machine() {
  # shellcheck disable=SC2016 # Perl's variables
  exec perl -MPOSIX -e '
    $| = 1;
    my $tick = 1000 / POSIX::sysconf(_SC_CLK_TCK);
    for (my $last = (POSIX::times())[0]; select(undef, undef, undef, 0.05) == 0; $last = $now) {
      $now = (POSIX::times())[0];
      my $ms = ($now - $last) * $tick - 50;
      print "$ms\n" if $ms >= 50;
    }'
}

# Whether what went wrong may be the machine's fault: then it is said, and excuse is set.
find_excuse() {
  local ms
  while read -rt 0.1 -u "$machine" ms; do excuse="this machine stood still for $ms ms"; done
}

# fail: tells of all problems, and ends.
fail() {
  local problem
  for problem in "${problems[@]}"; do lab_say "FAILED: $name: $problem."; done
  exit 1
}

inside() {
  local try
  name=$1
  lab_enter
  [[ $backend != netem ]] ||
    lab_in_user_mode ${keep:+"$keep"} ${pages:+"$pages"} -- "$lab_scripts/scenario.sh" --inside "$name" "${arguments[@]}" \
      ${pages:+--pages "$pages"}
  exec {machine}< <(watch_machine)
  require
  lab_say "--- $name: ${shows[$name]} ---"
  for try in {1..10}; do
    [[ -z $pages ]] || : >"$pages/$name.story"
    acts=0 problems=() excuse=''
    act
    "scenario_$name"
    lab_say ''
    ((${#problems[@]})) || break
    find_excuse
    if ((!fault || try == 10)) || [[ -z $excuse ]]; then fail; fi
    for problem in "${problems[@]}"; do lab_say "Not as stated: $problem."; done
    lab_say "But $excuse meanwhile, which is no fair trial: once more."
    lab_undo_host || true
  done
  lab_say "As expected: $name."
}

# ---- all of them, outside ----

# Standard input to standard output, a key at a time: before a row of the ladder, and before a line
# that begins with \1. The network does not wait; only what is told of it does.
tell() {
  local line plain
  shopt -s extglob
  while IFS= read -r line; do
    plain=${line//$'\e['*([0-9])m/}
    if [[ $plain == $'\1'* || $plain == *'───'* || $plain == *'━━━'* || $plain == *'--->'* ||
      $plain == *'<---'* || $plain == *'===>'* || $plain == *'<==='* ]]; then
      printf '[any key] ' >&4
      IFS= read -rsn 1 _ <&4 || true
      printf '\r          \r' >&4
    fi
    printf '%s\n' "${line#$'\1'}"
  done
}

run_one() {
  if ((!step)); then
    lab_supervise "$1" "${arguments[@]}"
    return
  fi
  local status=0 teller
  exec {told}> >(tell)
  teller=$!
  lab_supervise "$1" "${arguments[@]}" >&"$told" 2>&1 || status=$?
  exec {told}>&-
  wait "$teller" || true
  return "$status"
}

run_all() {
  local name status worst=0
  local -a passed=() failed=() skipped=()
  for name; do
    status=0
    run_one "$name" || status=$?
    if [[ -n $html ]] && ((status == 0)); then pages_add "$name" "${keep:-$pages_material}" || status=1; fi
    case $status in
      0) passed+=("$name") ;;
      77) skipped+=("$name") ;;
      *) failed+=("$name") ;;
    esac
    lab_say ''
  done
  if (($# > 1)); then
    lab_say "${#passed[@]} as expected, ${#failed[@]} failed, ${#skipped[@]} skipped"
    ((${#failed[@]} == 0)) || lab_say "failed: ${failed[*]}"
    ((${#skipped[@]} == 0)) || lab_say "skipped: ${skipped[*]}"
  fi
  [[ -z $html ]] || pages_end "$@"
  if ((${#failed[@]})); then worst=1; elif ((${#passed[@]} == 0)); then worst=77; fi
  return "$worst"
}

address=127.0.0.1 place='' backend=auto fault=1 step=0 keep='' html='' pages='' what=run
color=${TEARDOWN_COLOR-auto} # set below, for those inside
names=() arguments=() inside=''
if [[ ${1-} == --inside ]]; then
  inside=${2-}
  shift $(($# > 1 ? 2 : 1))
  [[ -n $inside ]] || lab_misuse '--inside is what this script says to itself; leave it out'
fi
while (($# > 0)); do
  option=$1
  shift
  case $option in
    --place | --backend | --keep-pcap | --html)
      (($# > 0)) || lab_misuse "$option wants a value (--help)"
      ;;&
    --place)
      lab_word --place "$1" egress ingress
      place=$1
      ;;&
    --backend)
      lab_word --backend "$1" auto netem nft
      backend=$1
      ;;&
    --keep-pcap)
      keep=$1
      [[ -d $keep && -w $keep ]] || lab_misuse "--keep-pcap wants a folder that can be written: '$keep'"
      ;;&
    --html)
      html=$1
      [[ -n $html ]] || lab_misuse '--html wants a file, or a folder for several scenarios'
      shift
      ;;
    --place | --backend | --keep-pcap)
      arguments+=("$option" "$1")
      shift
      ;;
    --pages) # what this script says to itself
      [[ -n $inside && -n ${1-} ]] || lab_misuse "there is no option '$option'; --help lists them"
      pages=$1
      shift
      keep=${keep:-$pages}
      ;;
    -4) address=127.0.0.1 arguments+=(-4) ;;
    -6) address=::1 arguments+=(-6) ;;
    --no-fault) fault=0 arguments+=(--no-fault) ;;
    --step) step=1 arguments+=(--step) ;;
    --all) names=("${scenarios[@]}") ;;
    --list) what=list ;;
    --doctor) what=doctor ;;
    -h | --help) what=usage ;;
    -*) lab_misuse "there is no option '$option'; --help lists them" ;;
    *)
      [[ -n ${shows[$option]-} ]] || lab_misuse "there is no scenario '$option'; --list has all"
      names+=("$option")
      ;;
  esac
done

if [[ $inside == doctor ]]; then
  lab_enter
  doctor_inside
  exit
elif [[ -n $inside ]]; then
  inside "$inside"
  exit
fi
case $what in
  list | usage)
    "$what"
    exit
    ;;
  doctor)
    doctor
    exit
    ;;
esac
((${#names[@]})) || lab_misuse 'which scenario? --list has all, --all runs all'
if ((step)); then
  { exec 4<>/dev/tty; } 2>/dev/null || lab_misuse '--step wants a terminal'
  if [[ -t 1 ]]; then
    read -r _ COLUMNS < <(stty size <&4) || true
    export COLUMNS
    # The sniffer will write into a pipe.
    [[ -n ${NO_COLOR-} || ${TERM:-dumb} == dumb ]] || export TEARDOWN_COLOR=always
  fi
fi
if [[ -n $html ]]; then
  pages_begin "$html" "${names[@]}"
  arguments+=(--pages "$pages_material")
fi
run_all "${names[@]}"
