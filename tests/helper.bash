# shellcheck shell=bash
# Every .bats file loads this: where the programs are, that the network is none of the machine's, how
# to wait for a condition, and how to say why a test failed. $log is a test's folder, if it has one.

bats_require_minimum_version 1.5.0

if [[ $(readlink /proc/self/ns/net) == "$(readlink /proc/1/ns/net)" ]]; then
  echo 'this needs a network namespace of its own: run it by tests/run.sh' >&2
  exit 1
fi
export TEARDOWN_BIN=${TEARDOWN_BIN:-$BATS_TEST_DIRNAME/../build/san} LC_ALL=C.UTF-8
pids=() # what a test started and teardown is to end

# fail LINE...: why, and the end of everything in $log.
fail() {
  printf '%s\n' "$@" >&2
  [[ ! ${log-} ]] || tail -n 60 "$log"/* >&2 2>/dev/null || true
  return 1
}

# wait_for COMMAND...: until it succeeds, a minute at most.
wait_for() {
  local tries silence
  "$@" && return 0
  # Made once, for it takes a process, and gone before anything else is started.
  exec {silence}<> <(:)
  for ((tries = 0; tries < 3000; tries++)); do
    read -rt 0.02 -u "$silence" || true
    "$@" && break
  done
  exec {silence}>&-
  ((tries < 3000)) || fail "not within a minute: $*"
}

# outlast SECONDS: who waits for so long is stuck; longer is as good.
outlast() { read -rt "$1.5" <> <(:) || true; }

# says FILE TEXT: it has that text, in $log or elsewhere. Without a process, for it is asked fifty times a second.
says() {
  local said=''
  [[ $1 == /* ]] || set -- "$log/$1" "$2"
  { IFS= read -rd '' said <"$1" || true; } 2>/dev/null
  [[ $said == *"$2"* ]]
}

# has_unread PORT: of the connection at that port.
has_unread() { (($(ss -Htn state established "sport = :$1" | awk '{ n += $1 } END { print n + 0 }') > 0)); }

# with_children PID...: these, and whatever they started: timeout(1), when killed, leaves its command behind.
with_children() {
  local pid
  for pid; do
    echo "$pid"
    # shellcheck disable=SC2046 # words, none or many
    with_children $(pgrep -P "$pid")
  done
}

end_all() {
  local pid
  # shellcheck disable=SC2046
  kill -KILL $(with_children "${pids[@]}") 2>/dev/null || true
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
