# shellcheck shell=bash
# shellcheck disable=SC2154 # settings that scenario.sh defines
# scenario.sh --doctor: what this machine can do, and what to do about each lack. Half of it can only
# be tried inside. Sourced by scenario.sh.

# A reader that went away (| head) is no failure worth a message.
can() { printf 'yes  %-22s %s\n' "$1" "${2-}" || exit; } 2>/dev/null

cannot() {
  printf 'no   %-22s %s\n' "$1" "$2" || exit
  lacks=1
} 2>/dev/null

doctor() {
  local program status=0 said lacks=0
  for program in server client capture; do
    [[ -x $LAB_BIN/$program ]] || cannot "$program" 'not built: make'
  done
  for program in unshare setpriv ip tc nft ss; do
    command -v "$program" >/dev/null || cannot "$program" 'not installed: scripts/deps.sh'
  done
  ((!lacks)) || return 1

  if said=$(unshare --user --map-root-user --net true 2>&1); then
    can 'user namespaces' 'no scenario needs root'
  elif ((EUID == 0)); then
    cannot 'user namespaces' "but root needs none (${said##*: })"
  else
    cannot 'user namespaces' "$(lab_explain_refusal "$said" 2>&1)"
    return 1
  fi
  lab_supervise doctor || status=$?

  if said=$("$LAB_BIN/capture" -i lo --duration 1 --format lines 'less 1' 2>&1); then
    can 'capture outside' 'this user may watch real interfaces'
    # It knows best what it can do, and says what it lacks.
    if said=$(grep '^the kernel is ' <<<"$said"); then
      cannot 'kernel events' "no scenario needs them; ${said#the kernel is }"
    else
      can 'kernel events' 'the kernel tells its own state changes'
    fi
  else
    cannot 'capture outside' "scenarios need it not; sudo, or sudo setcap cap_net_raw+ep $LAB_BIN/capture"
    cannot 'kernel events' 'no scenario needs them; they take root of the machine'
  fi
  return "$status"
}

# can_lose BACKEND PLACE: in a shell of its own, since a refusal ends it.
can_lose() {
  local status=0
  (lab_open_loss "$1" "$2" && lab_arm_loss 1 fin '127.0.0.1:*' 127.0.0.1:7000) >/dev/null 2>&1 || status=1
  lab_undo_host || true
  return "$status"
}

# Where else netem is to be had.
other_netem() {
  if command -v linux.uml >/dev/null; then
    echo '--backend netem plays it in user-mode Linux; '
  else
    echo 'user-mode Linux, where it is installed (scripts/deps.sh test), has it for --backend netem; '
  fi
}

# Status 1 when the scenarios cannot run.
doctor_inside() {
  local lacks=0 place state working=0
  for place in egress ingress; do
    if can_lose netem "$place"; then
      can "netem at $place"
      working=1
    else
      cannot "netem at $place" "nft stands in, but for lossy; $(other_netem)modprobe -a sch_netem sch_prio cls_u32 act_gact act_mirred ifb"
    fi
  done
  if can_lose nft ingress; then
    can nft
    working=1
  else
    cannot nft 'netem stands in; modprobe -a nf_tables nft_numgen'
  fi
  ((working)) || cannot 'losing segments' 'neither netem nor nft: scenarios that need "loss" fail'
  if tc qdisc add dev lo root handle 1: htb default 1 2>/dev/null &&
    tc filter add dev lo parent 1: protocol ip u32 match ip dport 9 0xffff flowid 1:2 2>/dev/null; then
    can 'tc classifiers'
  else
    cannot 'tc classifiers' 'modprobe sch_htb cls_u32'
  fi
  tc qdisc del dev lo root 2>/dev/null || true
  if tc qdisc add dev lo root tbf rate 8bit burst 100 limit 1000 2>/dev/null; then
    can 'tc tbf'
  else
    cannot 'tc tbf' 'modprobe sch_tbf; until then scenarios that need "tbf" are skipped'
  fi
  tc qdisc del dev lo root 2>/dev/null || true

  LAB_PORT=7000
  lab_start_server >/dev/null
  state=$(ss -Htlnm "sport = :$LAB_PORT")
  # Without the kernel's answer ss reads /proc/net/tcp, which does not tell of memory.
  if [[ $state == *skmem:* ]]; then
    can sock_diag 'TIME_WAIT with its remaining time, without privilege'
  else
    cannot sock_diag 'modprobe tcp_diag'
  fi
  if (lab_start_sniffer --kernel off --duration 1) >/dev/null 2>&1; then
    can 'capture inside'
  else
    cannot 'capture inside' "no scenario can run: $LAB_BIN/capture -i lo says why"
    working=0
  fi
  ((working))
}
