#!/usr/bin/env bats
# Too much of something, in a file or of the machine: what there is room for is right, what there is
# not is said, and nothing grows without end. What is fed is made by limits.py. With LIMITS=full it is a
# million of each; else fewer, for the time it takes.

load helper

setup() {
  log=$BATS_TEST_TMPDIR/log in=$BATS_TEST_TMPDIR/in
  mkdir "$log" "$in"
  limits=$BATS_TEST_DIRNAME/limits.py
  golden=$BATS_TEST_DIRNAME/golden/lost-final-ack.pcap
  full=
  [[ ${LIMITS-} != full ]] || full=1000000
}

teardown() { end_all; }

# told WHAT N [OPTION]...: what capture says of it, with 100 MB of addresses for all.
told() {
  "$limits" "$1" "$2" >"$in/$1.pcap"
  (ulimit -v 100000 && timeout 100 "$TEARDOWN_BIN/capture" -q --max-flows 1000 -r "$in/$1.pcap" "${@:3}" >"$log/out" 2>"$log/err") ||
    fail "status $?"
}

@test "a flood of SYNs: the table stays as large as it is, and it is said" {
  local n=${full:-100000}
  told syns "$n"
  (($(grep -c '1000 connections are followed, and each further one takes the place of another' "$log/err") == 1)) ||
    fail 'not said, or not once'
  says err "$n segments, 1000 connections, 1000 open"
  says err "evicted to make room for others: 0 that had ended, $((n - 1000)) half-open, 0 idle"
}

@test "a flood of FINs: each gets its verdict, which claims nothing" {
  local n=${full:-20000}
  told fins "$n"
  says err "$n unfinished-fin-unanswered"
  (($(grep -c ' cannot-tell ' "$log/out") == n)) || fail 'something is claimed'
}

@test "half-open connections beyond --max-flows: the one that is whole keeps its place" {
  local n=${full:-20000}
  told half-open "$n" --max-flows 100
  says out 'verdict normal conforms closed-first=client 4/4 client=10.0.0.0:1024'
  says err "$((n - 100)) half-open, 0 idle"
}

@test "half-open connections that are all followed: 200 octets each" {
  local n=${full:-20000} kib
  "$limits" half-open "$n" >"$in/half-open.pcap"
  kib=$(python3 -c 'import resource, subprocess, sys
status = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1] + "/out", "w"), stderr=open(sys.argv[1] + "/err", "w"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)' "$log" "$TEARDOWN_BIN/capture" -q -r "$in/half-open.pcap")
  says err "$n connections, 1 normal, $((n - 1)) open"
  echo "# $n half-open connections: $kib KiB" >&3
  ((kib < 20000 + n / 5))
}

@test "one connection: a FIN over and over again, all its segments in the wrong order" {
  told copies "${full:-100000}"
  says out '3/3'
  says err '1 connection, 1 coalesced'
  told backwards "${full:-100000}"
  says out 'verdict normal conforms'
  run ! grep -F 'finding=' "$log/out"
}

@test "a clock that jumps by years and runs backwards: it is said, and no time is negative" {
  local format
  told clock 500
  says err 'the verdicts may be wrong; sort it: reordercap FILE SORTED'
  for format in ladder lines json; do
    told clock 500 --format "$format" -v --json "$log/json" --svg "$log/svg" --mermaid "$log/mermaid"
    run ! grep -E -- '(^|[^0-9a-z])-[0-9]+(\.[0-9]+)? (us|ms|s|min|h|d)\b' "$log/out" "$log/err" "$log/svg" "$log/mermaid"
    jq -es 'map(select(.type == "verdict")) | length > 0' "$log/json" >/dev/null || fail 'no verdict'
  done
}

has_read_much() {
  kill -0 "${pids[-1]}" 2>/dev/null || { echo 'it has ended' >&2 && return 0; }
  awk '$1 == "rchar:" { exit $2 < 10000000 }' "/proc/${pids[-1]}/io" 2>/dev/null
}

# ends_by_signal OPTION...: SIGINT ends it with its summary, once it has read 10 MB.
ends_by_signal() {
  local status=0
  env --default-signal=INT "$TEARDOWN_BIN/capture" "$@" <"${input-/dev/null}" >"$log/out" 2>"$log/err" 3>&- &
  pids+=($!)
  wait_for has_read_much
  kill -INT "${pids[-1]}"
  wait "${pids[-1]}" || status=$?
  ((status == 0)) || fail "status $status"
  says err ' 1 connection, 1 normal'
  says out 'verdict normal'
}

@test "an input without end: SIGINT ends it, with all that was found" {
  exec {endless}< <(exec "$limits" zeros -1 3>&-)
  input=/dev/fd/$endless ends_by_signal -r -
  exec {endless}<&-
}

@test "10 GB without a block on the disk: refused at once, or read until SIGINT" {
  truncate -s 10G "$in/nothing"
  run --separate-stderr timeout 50 "$TEARDOWN_BIN/capture" -r "$in/nothing"
  [ "$status" -eq 2 ]
  # shellcheck disable=SC2154 # bats sets it
  [[ $stderr == *'not a capture: it begins as neither pcap nor pcapng does'* ]]
  "$limits" zeros 0 >"$in/sparse"
  truncate -s 10G "$in/sparse"
  ends_by_signal -r "$in/sparse"
}

@test "0 octets" {
  run --separate-stderr "$TEARDOWN_BIN/capture" -r /dev/null
  [ "$status" -eq 2 ]
  [[ $stderr == *'it is empty; give a pcap or pcapng file'* ]]
}

# The loader itself needs some MB: below that the shell says why nothing started, with 127.
@test "ulimit -v: whatever it is, the right verdicts, or an error that says what lacks" {
  local kib status
  "$TEARDOWN_BIN/capture" -q --max-flows 100 -r "$golden" >"$log/right" 2>/dev/null
  for kib in {6000..40000..1000}; do
    status=0
    (ulimit -v "$kib" && "$TEARDOWN_BIN/capture" -q --max-flows 100 -r "$golden" --json "$log/json" \
      --html "$log/html" --svg "$log/svg" >"$log/out" 2>"$log/err") || status=$?
    case $status in
      0) diff "$log/right" "$log/out" || fail "$kib KiB: another result" ;;
      2 | 127) [ -s "$log/err" ] || fail "$kib KiB: nothing said" ;;
      *) fail "$kib KiB: status $status" ;;
    esac
  done
  ((status == 0)) || fail 'not even 40 MB are enough'
  status=0
  (ulimit -v 200000 && "$TEARDOWN_BIN/capture" -r "$golden" 2>"$log/err") || status=$?
  ((status == 2)) && says err 'no memory to follow 1048576 connections at once; --max-flows follows fewer' || fail 'not said'
}

@test "ulimit -n: whatever it is, it works, or says what lacks; 8 are enough" {
  local n status
  for n in {4..12}; do
    status=0
    timeout 50 prlimit --nofile="$n" "$TEARDOWN_BIN/capture" -q -r "$golden" >"$log/out" 2>"$log/err" 3>&- || status=$?
    ((status == 0 || (n < 8 && status != 124 && status < 128))) || fail "$n, a file: status $status"
    ((status == 0)) || grep -qE 'Too many open files|shared libraries' "$log/err" || fail "$n, a file: not said"
    status=0
    timeout 50 prlimit --nofile="$n" "$TEARDOWN_BIN/capture" -q -i lo -c 1 --duration 1 >"$log/out" 2>"$log/err" 3>&- || status=$?
    ((status == 0 || (n < 8 && status != 124 && status < 128))) || fail "$n, live: status $status"
    ((status == 0)) || grep -qE 'Too many open files|ulimit -n|shared libraries' "$log/err" || fail "$n, live: not said"
  done
}

@test "a full disk: said of each kind of file, with status 2, and what had room stays" {
  local option
  "$limits" fins 3000 >"$in/many.pcap"
  mkdir "$log/full"
  for option in -w --json --rows --html --svg --mermaid; do
    # shellcheck disable=SC2016 # for the inner shell
    run --separate-stderr unshare --mount bash -c '
      mount -t tmpfs -o size=16k none "$1/full" || exit 99
      timeout 50 "$TEARDOWN_BIN/capture" -qq -r "$2" "$3" "$1/full/file"
      status=$?
      [[ -s $1/full/file ]] || exit 98
      exit "$status"' - "$log" "$in/many.pcap" "$option"
    ((status == 2)) || fail "$option: status $status"
    [[ $stderr == *"$log/full/file: cannot write"*': No space left on device'* ]] || fail "$option: not said: $stderr"
    [[ $stderr == *' segments, '* ]] || fail "$option: no summary"
  done
}
