#!/usr/bin/env bats
# SIGINT and SIGTERM end every program, whatever it is blocked in: silence, or a reader that does not
# read.

load helper

GOLDEN=$BATS_TEST_DIRNAME/golden

setup() {
  log=$BATS_TEST_TMPDIR
  mkfifo "$log/fifo"
  # shellcheck disable=SC2034 # held open, not used
  exec {fifo}<>"$log/fifo" # both ends: nobody reads, and nobody goes away
}

teardown() { end_all; }

# fill: what goes into the pipe now waits for a reader.
fill() { dd if=/dev/zero of="$log/fifo" bs=4096 oflag=nonblock status=none 2>/dev/null || true; }

# catches PID: it has a handler for SIGINT, and sleeps.
catches() {
  local name value caught='' state=''
  while read -r name value _; do
    case $name in
      SigCgt:) caught=$value ;;
      State:) state=$value ;;
    esac
  done <"/proc/$1/status"
  [[ $state == S ]] && (((0x${caught:-0} >> 1) & 1))
}

# ends_by SIGNAL: what was started last is waiting, then gets it, and ends.
ends_by() {
  local pid=${pids[-1]}
  wait_for catches "$pid"
  kill -s "$1" "$pid"
  wait_for ended "$pid"
}

ended() { [[ ! -e /proc/$1 || $(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null) == @(Z|) ]]; }

@test "capture: silent stdin, before its header and after" {
  local signal
  for signal in INT TERM; do
    env --default-signal=INT "$TEARDOWN_BIN/capture" -r - <"$log/fifo" >"$log/out" 2>&1 &
    pids+=($!)
    wait_for grep -q '^State:.S' "/proc/${pids[-1]}/status"
    kill -s $signal "${pids[-1]}"
    wait_for ended "${pids[-1]}"
  done
  env --default-signal=INT "$TEARDOWN_BIN/capture" -r - <"$log/fifo" >"$log/out" 2>&1 &
  pids+=($!)
  cat "$GOLDEN/normal.pcap" >"$log/fifo"
  ends_by INT
}

@test "capture: an unread pipe, for each thing that is written" {
  local how
  fill
  for how in '' '--json FIFO' '--rows FIFO' '-w FIFO' '-w -'; do
    # shellcheck disable=SC2086 # words
    env --default-signal=INT "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" ${how//FIFO/$log/fifo} \
      >"$([[ $how == *FIFO* ]] && echo /dev/null || echo "$log/fifo")" 2>"$log/err" &
    pids+=($!)
    ends_by INT
    says err 'does not read' || fail "$how: not said"
  done
}

@test "capture: an unread stderr" {
  fill
  env --default-signal=INT "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" >/dev/null 2>"$log/fifo" &
  pids+=($!)
  ends_by TERM
}

@test "server and client: an unread log" {
  local port=23001
  fill
  env --default-signal=INT "$TEARDOWN_BIN/server" -p $port >"$log/fifo" 2>"$log/err" &
  pids+=($!)
  ends_by INT
  says err 'stdout: cannot write: '
  env --default-signal=INT "$TEARDOWN_BIN/server" -p $port >"$log/server" 2>&1 &
  pids+=($!)
  wait_for says server listen
  env --default-signal=INT "$TEARDOWN_BIN/client" 127.0.0.1 $port >"$log/fifo" 2>"$log/err" &
  pids+=($!)
  ends_by TERM
}

@test "server: an unread stderr" {
  local port=23002
  fill
  # A second one on the same port complains.
  env --default-signal=INT "$TEARDOWN_BIN/server" -p $port >/dev/null 2>&1 &
  pids+=($!)
  wait_for catches "${pids[-1]}"
  env --default-signal=INT "$TEARDOWN_BIN/server" -p $port >/dev/null 2>"$log/fifo" &
  pids+=($!)
  ends_by INT
}
