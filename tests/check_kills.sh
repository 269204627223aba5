#!/usr/bin/env bash
# Whatever runs is killed at random moments, by SIGINT, SIGTERM or SIGKILL, as root and as an ordinary user:
# no process, namespace, mount, link, qdisc, rule, sysctl, trace instance or file is left or changed.
# KILLS of each (default 1); SEED draws the same moments again. Prints TAP. kill.bats goes through lost-ack.sh
# moment by moment.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
wants setpriv nft tc lsns
kills=${KILLS:-1} seed=${SEED:-1}
export TEARDOWN_BIN=${TEARDOWN_UML_BIN:-$PWD/build/strict}
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
mkdir -m 777 "$scratch/tmp"

# Where an ordinary user can read it, whatever the folder above is.
tree=$scratch/tree
mkdir -p "$tree"
cp -r scripts "$tree" && mkdir "$tree/build" && cp "$TEARDOWN_BIN"/{server,client,capture} "$tree/build"
chmod -R go+rX "$scratch"
export TEARDOWN_BIN=$tree/build TMPDIR=$scratch/tmp

# What is killed: how long it takes, in ms, and the command, from $tree. Of many kills the first run takes
# its time undisturbed, and that is how long it takes: else a busy machine is killed in its beginnings only.
# Three lost ACKs cost lost-ack.sh a second and a half; each more doubles that.
subjects=(
  '2600 scripts/lost-ack.sh --backend nft --count 3'
  '2600 scripts/scenario.sh --backend nft lost-fin2'
  '3000 scripts/demo.sh'
  '1500 build/capture -i lo -w tmp.pcap --json tmp.json'
)
as_root_only=('2600 scripts/lost-ack.sh --backend nft --count 3 --host')

# All that a run could leave, but for what changes by itself.
world() {
  tc qdisc show
  ip -o link
  ip route show table all
  ip rule
  nft list ruleset
  sort /proc/self/mountinfo
  lsns --noheadings --output TYPE,NS | sort
  find "$TMPDIR" -mindepth 1
  find /proc/sys/net -type f ! -name '*secret*' ! -name flush -exec grep -H . {} + 2>/dev/null | sort
  cat /sys/kernel/tracing/{current_tracer,set_event,tracing_on} 2>/dev/null
  find /sys/kernel/tracing/instances -mindepth 1 -maxdepth 1 2>/dev/null
}

# kill_once SIGNAL MS SETPRIV... -- COMMAND...: as process 1 of namespaces of its own. NONE: it ends by itself.
kill_once() {
  local signal=$1 moment peers='' pid before after tries folder
  local -a by=()
  moment=$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))
  shift 2
  while [[ $1 != -- ]]; do by+=("$1") && shift; done
  shift
  set -m # an own process group, and SIGINT not ignored
  ip link set lo up
  sysctl -qw net.ipv4.ping_group_range='1 0'
  folder=$(mktemp -d) && chmod 777 "$folder" && cd "$folder" || return
  before=$(world)
  if [[ $1 == build/capture ]]; then # it has something to see
    "${TREE:?}/build/server" -q &
    peers=$!
    "$TREE/build/client" -q --count 1000000 --parallel 5 >/dev/null 2>&1 &
    peers+=" $!"
  fi
  "${by[@]}" "${TREE:?}/$1" "${@:2}" >"$folder.log" 2>&1 </dev/null &
  pid=$!
  if [[ $signal != NONE ]]; then
    # Not a wait for anything: the moment is what is tested.
    read -rt "$moment" <> <(:) || true
    if [[ $signal == INT ]]; then kill -INT -- "-$pid"; else kill -s "$signal" "$pid"; fi 2>/dev/null || true # it had ended
  fi
  wait "$pid" 2>/dev/null
  # shellcheck disable=SC2086 # words
  [[ ! $peers ]] || { kill -KILL $peers && wait $peers; } 2>/dev/null
  for ((tries = 0; tries < 500; tries++)); do
    left=(/proc/[0-9]*)
    ((${#left[@]} == 1)) && break # this one
    read -rt 0.02 <> <(:) || true
  done
  rm -f "$folder"/tmp.{pcap,json} "$folder.log"
  ((tries < 500)) || { echo 'processes left:' && ps -ef && return 1; }
  after=$(world)
  [[ $before == "$after" ]] || {
    diff <(printf '%s\n' "$before") <(printf '%s\n' "$after")
    return 1
  }
  cd / && rmdir "$folder"
}

# in_a_world ...: kill_once in namespaces of its own.
in_a_world() {
  # shellcheck disable=SC2016 # for the inner shell
  TREE=$tree timeout 300 env --default-signal=INT unshare --net --pid --mount --mount-proc --fork --kill-child \
    bash -c "$(declare -f world kill_once)"'; kill_once "$@"' - "$@"
}

# kill_often USER MOST COMMAND...
kill_often() {
  local user=$1 most=$2 i signal at begun=${EPOCHREALTIME/./}
  local -a by=() signals=(INT TERM KILL)
  shift 2
  [[ $user == root ]] || by+=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  # shellcheck disable=SC2016 # for the inner shell
  [[ $user$1 != userbuild/capture ]] ||
    by+=(unshare --user --map-root-user --net sh -c 'ip link set lo up && exec "$0" "$@"')
  if ((kills > 1)) && [[ $1 != build/capture ]]; then
    in_a_world NONE 0 "${by[@]}" -- "$@" || { echo "status $?: undisturbed" && return 1; }
    most=$(((${EPOCHREALTIME/./} - begun) / 1000))
  fi
  for ((i = 0; i < kills; i++)); do
    signal=${signals[RANDOM % 3]}
    at=$((RANDOM * 32768 + RANDOM))
    at=$((at % most))
    ((i % 2)) || at=$((at * (RANDOM % 100) / 100)) # as often early on
    in_a_world "$signal" "$at" "${by[@]}" -- "$@" || {
      echo "status $?: SIG$signal after $at ms, SEED=$seed"
      return 1
    }
  done
}

RANDOM=$seed
cases=()
for subject in "${subjects[@]}" "${as_root_only[@]}"; do cases+=("root $subject"); done
for subject in "${subjects[@]}"; do cases+=("user $subject"); done
if ((EUID != 0)); then
  echo '1..0 # SKIP not root: kill.bats kills as an ordinary user'
  exit
fi
echo "1..${#cases[@]}"
for case in "${cases[@]}"; do
  # shellcheck disable=SC2086 # words
  set -- $case
  check "as $1, $kills times: ${*:3}" kill_often "$@"
done
