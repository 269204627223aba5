# shellcheck shell=bash
# The laboratory: a place of its own for real closes, and faults that hit exactly one segment.
# Sourced by the scripts here; every name it defines begins with lab_ or LAB_.
#
# Two processes run each script. Outside, a supervisor (lab_supervise) starts the same script again
# inside new network, process and mount namespaces (a user namespace too, when not root). Inside,
# the script is process 1: whatever ends it, the kernel kills the rest and the namespace goes with
# its last process. The supervisor's own death, SIGKILL included, kills the inside by pdeathsig.
# With LAB_HOST=1 the network stays the machine's own and a third process, the guardian, undoes
# what was done to it: it reads a pipe that only the other two hold open, and EOF is its signal.
#
# Nothing here is written to a file: the sniffer's rows (--rows) come through an anonymous pipe.

# Without a trap bash forgets a Ctrl-C that comes while it waits for a command, unless that dies of it,
# too. (Inside, process 1 leaves signals to the supervisor.)
[[ ${1-} == --inside ]] || trap 'exit 130' INT

# Without dirname and basename: in user-mode Linux a process is dear.
lab_scripts=${BASH_SOURCE[0]}
[[ $lab_scripts == /* ]] || lab_scripts=$PWD/$lab_scripts
lab_scripts=${lab_scripts%/*}
lab_name=${0##*/}
lab_name=${lab_name%.sh}

PATH+=:/usr/sbin:/sbin # of tc and nft: an ordinary user's lacks them

LAB_BIN=${TEARDOWN_BIN:-$lab_scripts/../build}
LAB_HOST=0
LAB_PORT=7000
LAB_EVENT=   # the sniffer's last row, as --rows writes it
LAB_EVENTS=() # all of its rows
LAB_DIFFERENCES=() # what the last sniffer, now ended, saw otherwise than its --expect-ladder
LAB_BACKEND= # netem or nft, once lab_open_loss has chosen

LAB_OWN=${LAB_OWN:-teardown0} # the name of our link and of our nft table
lab_handle=7ea # tc's major number of our qdisc: names what may be undone
lab_pids=()

# ---- talking ----

lab_complain() { printf '%s: %s\n' "$lab_name" "$1" >&2; }

lab_fail() {
  lab_complain "$1"
  exit 1
}

lab_misuse() {
  lab_complain "$1"
  exit 2
}

# Text folded to the terminal, without a process of its own: there is much to say, and in user-mode Linux
# a process is dear. A reader that went away (| head) is no failure worth a message.
lab_say() {
  local line part
  if [[ -z ${COLUMNS-} ]]; then
    read -r _ COLUMNS < <({ stty size </dev/tty; } 2>/dev/null) || true
  fi
  [[ $COLUMNS =~ ^[1-9][0-9]*$ ]] || COLUMNS=80
  while IFS= read -r line; do
    while ((${#line} > COLUMNS)); do
      part=${line:0:COLUMNS}
      [[ $part != *' '* ]] || part=${part% *}' '
      printf '%s\n' "${part% }" || exit
      line=${line:${#part}}
    done
    printf '%s\n' "$line" || exit
  done <<<"$1"
} 2>/dev/null

# lab_number OPTION TEXT MIN MAX
lab_number() {
  if ! [[ $2 =~ ^[0-9]{1,9}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
    lab_misuse "$1 wants a number from $3 to $4, not '$2'"
  fi
}

# lab_word OPTION TEXT WORD...
lab_word() {
  local option=$1 text=$2 word
  shift 2
  for word; do [[ $text == "$word" ]] && return; done
  lab_misuse "$option wants one of: $*; not '$text'"
}

# ---- outside: the supervisor ----

# Why this user may not make namespaces, and what to do. $1: what unshare(1) said.
lab_explain_refusal() {
  local sysctl=/proc/sys why
  lab_rule() { [[ -r $sysctl/$1 && $(<"$sysctl/$1") == "$2" ]]; }
  if lab_rule user/max_user_namespaces 0; then
    why='user.max_user_namespaces is 0: sudo sysctl user.max_user_namespaces=10000'
  elif lab_rule kernel/unprivileged_userns_clone 0; then
    why='kernel.unprivileged_userns_clone is 0: sudo sysctl kernel.unprivileged_userns_clone=1'
  elif lab_rule kernel/apparmor_restrict_unprivileged_userns 1; then
    why='AppArmor forbids it: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'
  else
    why='probably a container whose seccomp filter or missing CAP_SYS_ADMIN forbids it: start it
with --privileged (docker, podman)'
  fi
  ((EUID == 0)) || why+='; or run this as root'
  lab_fail "cannot make a private network namespace (${1##*: }): ${why//$'\n'/ }"
}

lab_undo_host() {
  tc qdisc del dev lo root handle "$lab_handle:"
  tc qdisc del dev lo ingress
  ip link del "$LAB_OWN"
  nft delete table inet "$LAB_OWN"
} 2>/dev/null

# Refuses where the machine's lo is not ours to change, then starts the guardian.
lab_guard() {
  ((EUID == 0)) || lab_fail '--host changes the real lo and needs root; leave it out for a private one'
  # The lock is on the network namespace itself: no file, and it ends with its last holder.
  exec {lab_lock}</proc/self/ns/net
  flock -n "$lab_lock" || lab_fail 'another --host run is at work on this lo; wait for it'
  if tc qdisc show dev lo | grep -qv '^qdisc noqueue'; then
    lab_fail "lo has a qdisc already ('tc qdisc show dev lo'); leave out --host for a private lo"
  fi
  # No other run has this name; somebody else's link or table might, and would be deleted with ours.
  export LAB_OWN=teardown$$
  if { ip link show dev "$LAB_OWN" || nft list table inet "$LAB_OWN"; } >/dev/null 2>&1; then
    lab_fail "there is a link or an nft table $LAB_OWN already, and it is not ours: delete it, or run this again"
  fi
  # Its own session: a signal to our process group, even SIGKILL, leaves it alive.
  exec {lab_guarded}> >(exec setsid bash -c "
    $(declare -f lab_undo_host)
    lab_handle=$lab_handle LAB_OWN=$LAB_OWN
    trap '' HUP INT TERM
    while read -r; do :; done
    lab_undo_host" >/dev/null)
  lab_guardian=$!
}

# Ends the inside, then the guardian, and dies of the same signal, so that a caller sees it.
lab_interrupted() {
  local inside # from jobs: the signal may come before the next command could note it
  inside=$(jobs -p)
  if [[ -n $inside ]]; then
    kill -KILL "$inside" || true
    wait "$inside" || true
  fi 2>/dev/null
  lab_unguard
  trap - "$1"
  kill -s "$1" $$
}

lab_unguard() {
  [[ -n ${lab_guardian-} ]] || return 0
  exec {lab_guarded}>&-
  wait "$lab_guardian" || true
  lab_guardian=
}

# lab_supervise ARGUMENT...: runs "$0 --inside ARGUMENT..." in the laboratory; returns its status.
lab_supervise() {
  local program tool signal refusal status=0
  local -a enter=(unshare --pid --mount --mount-proc --fork --kill-child)
  for signal in HUP INT TERM; do
    # shellcheck disable=SC2064 # the name is wanted as it is now
    trap "lab_interrupted $signal" "$signal"
  done
  for program in server client capture; do
    [[ -x $LAB_BIN/$program ]] || lab_fail "there is no $program in $LAB_BIN; run make first"
  done
  for tool in unshare setpriv ip; do
    command -v "$tool" >/dev/null || lab_fail "$tool is missing; scripts/deps.sh installs it"
  done
  ((LAB_HOST)) || enter+=(--net)
  ((EUID == 0)) || enter+=(--user --map-root-user)
  refusal=$("${enter[@]}" true 2>&1) || lab_explain_refusal "$refusal"
  ((LAB_HOST)) && lab_guard

  # pdeathsig is set a moment after the fork; who died within it is missed. unshare's own is seen by a
  # pipe that nobody else writes to: lab_still_held.
  {
    # shellcheck disable=SC2030 # exported
    exec {LAB_LIFE_END}<> <(:)
    # shellcheck disable=SC2030
    exec {LAB_LIFE}<"/dev/fd/$LAB_LIFE_END"
    export LAB_LIFE LAB_LIFE_END
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec setpriv --pdeathsig KILL bash -c '[[ $PPID == "$0" ]] && exec "$@"' $$ \
      "${enter[@]}" -- bash "$0" --inside "$@"
  } &
  wait $! || status=$?
  trap - HUP INT TERM
  lab_unguard
  return "$status"
}

# ---- inside ----

# Ends where unshare died before its --kill-child took effect. The pipe is lab_supervise's; who enters
# otherwise has none.
# shellcheck disable=SC2031
lab_still_held() {
  [[ -n ${LAB_LIFE-} ]] || return 0
  exec {LAB_LIFE_END}>&-
  ! read -rt 0 -u "$LAB_LIFE" || exit 1
  exec {LAB_LIFE}<&-
  unset LAB_LIFE LAB_LIFE_END
}

# To be called first by what runs with --inside.
lab_enter() {
  # By hand this would run on whatever network the caller has.
  (($$ == 1)) || lab_misuse "--inside is what this script says to itself; leave it out"
  lab_still_held
  ((LAB_HOST)) || ip link set lo up
  exec {lab_silence}<> <(:) # never readable: reading it with a timeout is a pause without a fork
  exec {lab_stdout}>&1
  exec {lab_said}<> <(:) # what the sniffer says on stderr waits here until it has ended
  exec {lab_margin}<> <(:) # what server and client say, for the sniffer to put into its ladder
}

# lab_in_user_mode WRITABLE... -- SCRIPT ARGUMENT...: where this kernel has no netem and user-mode Linux
# is there, that runs the script in our place, and may write into the folders WRITABLE. To be called
# inside, so that whatever ends us ends it.
lab_in_user_mode() {
  local room=/mnt refusal status=0
  local -a writable=()
  command -v linux.uml >/dev/null || return 0
  if tc qdisc add dev lo root netem 2>/dev/null; then
    tc qdisc del dev lo root
    return
  fi
  while [[ $1 != -- ]]; do
    writable+=("$(realpath -- "$1")")
    shift
  done
  # Ours alone, and gone with us.
  mount -t tmpfs -o mode=700 lab "$room"
  export HOME=$room TMPDIR=$room
  # shellcheck source-path=SCRIPTDIR source=uml_boot.sh
  source "$lab_scripts/uml_boot.sh"
  uml_bin=${TEARDOWN_UML_BIN:-$LAB_BIN}
  ! refusal=$(uml_refusal) || lab_fail "no netem: this kernel has none, and $refusal"
  lab_say 'This kernel has no sch_netem. User-mode Linux has, and plays it; it has no kernel events.'
  printf '%s\0' "$PWD" "${COLUMNS:-80}" "${TEARDOWN_COLOR-}" "${writable[@]}" "$@" >"$room/call"
  # What the machine says before is of no interest.
  uml_boot 512M 3000 "$room" scripts/uml_lab.sh "$room" | sed -u '1,/^uml: begins$/d' >&"$lab_stdout" || status=$?
  [[ -e $room/said ]] || lab_fail 'user-mode Linux came up and played nothing'
  cat "$room/said" >&2
  exit "$status"
}

lab_pause() { read -rt 0.02 -u "$lab_silence" || true; }

lab_listening() {
  local row state table port
  printf -v port ':%04X' "$LAB_PORT"
  for table in /proc/net/tcp /proc/net/tcp6; do
    [[ -r $table ]] || continue
    while read -r _ row _ state _; do
      [[ $row == *"$port" && $state == 0A ]] && return
    done <"$table"
  done
  return 1
}

# What server and client print goes to their function's stdout: >&"$lab_margin" puts it into the ladder
# of a sniffer that was started with --margin "/dev/fd/$lab_margin".

# lab_start_server OPTION...: returns when it listens.
lab_start_server() {
  local tries pid
  ! lab_listening || lab_fail "port $LAB_PORT is in use ('ss -ltnp sport = :$LAB_PORT' says by whom)"
  "$LAB_BIN/server" --port "$LAB_PORT" --count 1 "$@" &
  pid=$!
  lab_pids+=("$pid")
  for ((tries = 0; tries < 3000; tries++)); do
    lab_listening && return
    kill -0 "$pid" 2>/dev/null || lab_fail 'the server ended before it listened'
    lab_pause
  done
  lab_fail 'waited a minute for the server to listen'
}

# lab_start_client ADDRESS OPTION...
lab_start_client() {
  local address=$1
  shift
  "$LAB_BIN/client" "$@" "$address" "$LAB_PORT" &
  lab_pids+=($!)
}

# lab_start_sniffer OPTION...: returns when it really captures. Its report goes to our stdout, its
# rows to lab_next.
lab_start_sniffer() {
  # shellcheck disable=SC2154 # lab_stdout is opened by lab_enter
  exec {lab_events}< <(exec "$LAB_BIN/capture" -i lo --rows /dev/fd/3 "$@" "tcp port $LAB_PORT" \
    3>&1 >&"$lab_stdout" 2>&"$lab_said")
  lab_sniffer=$!
  lab_await 'the sniffer to capture' 60 '# start *'
}

# The sniffer's next row in LAB_EVENT; 1 when none came within a second, 2 when it has ended.
lab_next() {
  local first='' status=0
  # Its first octet alone, for with a timeout bash asks before each octet, and a row comes whole. When
  # the time is over that octet may have come all the same.
  IFS= read -rt 1 -N 1 -u "$lab_events" first || status=$?
  [[ -n $first ]] || return $((status > 128 ? 1 : 2))
  IFS= read -r -u "$lab_events" LAB_EVENT || return 2
  LAB_EVENT=$first$LAB_EVENT
  LAB_EVENTS+=("$LAB_EVENT")
}

# lab_await WHAT SECONDS GLOB...: the first row that matches every GLOB is then LAB_EVENT.
lab_await() {
  local what=$1 limit=$2 status glob
  local deadline=$((SECONDS + limit))
  shift 2
  while ((SECONDS <= deadline)); do
    status=0
    lab_next || status=$?
    case $status in
      1) continue ;;
      2) lab_lost_sniffer "$what" ;;
    esac
    for glob; do
      # shellcheck disable=SC2053 # a pattern is wanted
      [[ $LAB_EVENT == $glob ]] || continue 2
    done
    return
  done
  lab_fail "waited $limit s for $what; the sniffer's last word: ${LAB_EVENT:-none}"
}

# lab_read_on SECONDS: all that the sniffer still has to say; it must end by itself.
lab_read_on() {
  local status deadline=$((SECONDS + $1))
  while ((SECONDS <= deadline)); do
    status=0
    lab_next || status=$?
    ((status != 2)) || return 0
  done
  lab_fail "waited $1 s for the sniffer to end; its last word: ${LAB_EVENT:-none}"
}

# lab_read_verdicts: waits for the sniffer to end by itself; LAB_EVENTS are then its verdicts and its
# summary. For many connections: bash reads all else octet by octet.
lab_read_verdicts() {
  mapfile -t LAB_EVENTS < <(grep -E '^(verdict|# summary) ' <&"$lab_events")
}

# A glob for the row of that role.
lab_segment() { printf '@(client|server) %s *' "$1"; }

# The sniffer ends early when its own output has no reader; then nobody reads us either.
lab_lost_sniffer() {
  printf '\n' 2>/dev/null || exit 141
  lab_hear_sniffer
  lab_fail "the sniffer ended while we waited for $1"
}

# What the sniffer has said on stderr goes to ours; its differences become LAB_DIFFERENCES.
lab_hear_sniffer() {
  local line
  LAB_DIFFERENCES=()
  while read -rt 0 -u "$lab_said" && IFS= read -r line <&"$lab_said"; do
    if [[ $line == *': --expect-ladder: '* ]]; then
      LAB_DIFFERENCES+=("${line#*: --expect-ladder: }")
    else
      printf '%s\n' "$line" >&2
    fi
  done
}

# The sniffer's exit status.
lab_end_sniffer() {
  local status=0
  wait "$lab_sniffer" || status=$?
  exec {lab_events}<&-
  lab_hear_sniffer
  return "$status"
}

# lab_kill PID...: and waits for their ends, lest bash tells of them in its own words.
lab_kill() {
  kill -KILL "$@" || true
  wait "$@" || true
} 2>/dev/null

# lab_end_peers: server and client end by themselves after one connection.
lab_end_peers() {
  local pid tries
  for pid in "${lab_pids[@]}"; do
    for ((tries = 0; tries < 250; tries++)); do
      kill -0 "$pid" 2>/dev/null || break
      lab_pause
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || true
  done 2>/dev/null
  lab_hear_margin
}

# lab_note TEXT: what was done to the connection of LAB_EVENT, in the ladder's margin.
lab_note() {
  local now=$EPOCHREALTIME client
  client=$(lab_field source "$LAB_EVENT")
  [[ $LAB_EVENT == client* ]] || client=$(lab_field destination "$LAB_EVENT")
  printf '%(%H:%M:%S)T.%s lab %s  %s\n' "${now%[.,]*}" "${now#*[.,]}" "$client" "$1" >&"$lab_margin"
}

# What server and client have said since the sniffer ended.
lab_hear_margin() {
  local line
  while read -rt 0 -u "$lab_margin" && IFS= read -r line <&"$lab_margin"; do
    printf '%s\n' "$line"
  done
}

# lab_field NAME ROW: prints the value of that field of a row: NAME=VALUE, or all behind "sentence=".
lab_field() {
  local rest=${2#* "$1"=}
  [[ $rest != "$2" ]] || lab_fail "the sniffer's row has no '$1': $2"
  [[ $1 == sentence ]] || rest=${rest%% *}
  printf '%s\n' "$rest"
}

# ---- losing segments ----
#
# The first N segments that match are lost and the next one passes. No user-space program could
# take the fault away in time (the FIN comes again after 200 ms and is answered at once), so the
# kernel counts, and there is no race:
#   netem  tc's gact with "random determ continue N+1" classifies the first N matches into netem's
#          band and lets the N+1st go on to the ordinary one; netem loses all it gets.
#   nft    "numgen inc < N" drops the first N matches, whatever their size.
# egress is before the sniffer's tap, so it never sees the segment; ingress is after.

# lab_open_loss auto|netem|nft egress|ingress: chooses a backend, prepares it, says which.
lab_open_loss() {
  local want=$1 why='as asked'
  lab_place=$2
  if [[ $lab_place == egress ]]; then
    lab_device=lo
    lab_parent=(parent "$lab_handle:")
    lab_lose=(flowid "$lab_handle:4" action ok)
  else
    lab_device=$LAB_OWN
    lab_parent=(ingress)
    lab_lose=(action pipe)
  fi
  if [[ $want != nft ]]; then
    if why=$(lab_open_netem 2>&1); then
      LAB_BACKEND=netem
      lab_say 'backend: tc netem'
      return
    fi
    if ! command -v tc >/dev/null; then
      why='tc is missing: scripts/deps.sh installs iproute2'
    elif [[ $why == *'kind is unknown'* || $why == *'not found'* ]]; then
      why='this kernel has no sch_netem: modprobe sch_netem, or a stock distribution kernel, has it'
      ! command -v linux.uml >/dev/null || why+='; --backend netem plays it in user-mode Linux'
    else
      why="tc said: ${why%%$'\n'*}"
    fi
    [[ $want != netem ]] || lab_fail "no netem: $why"
  fi
  lab_open_nft || lab_fail 'nft cannot be used either; scripts/deps.sh installs nftables'
  LAB_BACKEND=nft
  lab_say "backend: nft ($why)"
}

lab_open_netem() {
  if lab_add_netem; then return; fi
  lab_undo_host || true
  return 1
}

lab_add_netem() {
  if [[ $lab_place == egress ]]; then
    tc qdisc add dev lo root handle "$lab_handle:" prio bands 4 \
      priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 || return
    tc qdisc add dev lo parent "$lab_handle:4" netem loss 100% || return
  else
    lab_add_ifb netem loss 100% || return
  fi
  # Is all of the filter there, too? Trying it once also brings tc into memory.
  lab_netem_filter ip 1 match u32 0 0xffffffff at 28 && tc filter del dev lo "${lab_parent[@]}"
}

# lab_add_ifb QDISC...: what lo's ingress redirects there, behind the sniffer, meets this qdisc.
lab_add_ifb() {
  ip link add "$LAB_OWN" type ifb || return
  # Left alone it would send multicast reports of its own, and netem would count them.
  local own_ipv6=/proc/sys/net/ipv6/conf/$LAB_OWN/disable_ipv6
  [[ ! -e $own_ipv6 ]] || echo 1 >"$own_ipv6" || return
  ip link set "$LAB_OWN" up || return
  tc qdisc add dev "$LAB_OWN" root "$@" || return
  tc qdisc add dev lo ingress
}

# lab_netem_filter PROTOCOL N MATCH...
lab_netem_filter() {
  local protocol=$1 count=$2
  local -a lose=("${lab_lose[@]}" random determ continue $((count + 1)))
  shift 2
  [[ $lab_place == egress ]] || lose+=(action mirred egress redirect dev "$lab_device")
  tc filter add dev lo "${lab_parent[@]}" protocol "$protocol" pref 1 u32 "$@" "${lose[@]}"
}

lab_open_nft() {
  local hook=output
  [[ $lab_place == egress ]] || hook=input
  nft "create table inet $LAB_OWN; add chain inet $LAB_OWN loss { type filter hook $hook priority 0; }"
}

# lab_arm_loss N ack|fin FROM TO [ACK]: the next N pure ACKs, or segments with a FIN, FROM -> TO will
# be lost; with ACK, only those of that acknowledgement number. A FIN has no such choice: repeated,
# it may begin with earlier data. FROM and TO are ADDRESS:PORT or [ADDRESS]:PORT; of the address only
# the family counts, and the port may be *.
lab_arm_loss() {
  local count=$1 kind=$2 from=$3 to=$4 ack=${5-}
  local sport=${from##*:} dport=${to##*:}
  if [[ $LAB_BACKEND == nft ]]; then
    local match='tcp flags & (fin|syn|rst|ack) == ack'
    [[ $kind == ack ]] || match='tcp flags & fin == fin'
    [[ $sport == '*' ]] || match+=" tcp sport $sport"
    [[ $dport == '*' ]] || match+=" tcp dport $dport"
    [[ -z $ack ]] || match+=" tcp ackseq $ack"
    # Should all of us be killed at once, the guardian too, the machine's own lo loses nothing for long.
    ((!LAB_HOST)) || match="meta time < $((EPOCHSECONDS + 600)) $match"
    nft "add rule inet $LAB_OWN loss $match numgen inc mod 4294967295 < $count counter drop"
  else # no IP options and no extension headers on loopback: there TCP begins
    local protocol=ip tcp=20
    [[ $from != \[* ]] || protocol=ipv6 tcp=40
    local -a match=(match u8 0x10 0x17 at $((tcp + 13)))
    [[ $kind == ack ]] || match=(match u8 0x01 0x01 at $((tcp + 13)))
    [[ $sport == '*' ]] || match+=(match u16 "$sport" 0xffff at "$tcp")
    [[ $dport == '*' ]] || match+=(match u16 "$dport" 0xffff at $((tcp + 2)))
    [[ -z $ack ]] || match+=(match u32 "$ack" 0xffffffff at $((tcp + 8)))
    lab_netem_filter $protocol "$count" "${match[@]}"
  fi || lab_fail "$LAB_BACKEND refused the fault"
}

# lab_arm_final_ack N: the next N final ACKs will be lost; LAB_FROM and LAB_ACK say whose, and their
# number. To be called when ack1 is LAB_EVENT: the connection is half-closed then, and the model
# already knows the number of the ACK that will answer the other FIN.
lab_arm_final_ack() {
  LAB_ACK=$(lab_field final_ack "$LAB_EVENT")
  LAB_FROM=$(lab_field destination "$LAB_EVENT")
  lab_arm_loss "$1" ack "$LAB_FROM" "$(lab_field source "$LAB_EVENT")" "$LAB_ACK"
}

# lab_count_losses: what the backend itself counted, in LAB_LOST.
lab_count_losses() {
  local text pattern='packets ([0-9]+) '
  if [[ $LAB_BACKEND == nft ]]; then
    text=$(nft list chain inet "$LAB_OWN" loss)
  else
    pattern='qdisc netem.*dropped ([0-9]+),'
    text=$(tc -s qdisc show dev "$lab_device")
  fi
  # shellcheck disable=SC2034 # for the scripts
  if [[ $text =~ $pattern ]]; then LAB_LOST=${BASH_REMATCH[1]}; else LAB_LOST=0; fi
}

lab_disarm_loss() {
  if [[ $LAB_BACKEND == nft ]]; then
    nft flush chain inet "$LAB_OWN" loss
  else
    tc filter del dev lo "${lab_parent[@]}"
  fi || true
}
