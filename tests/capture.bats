#!/usr/bin/env bats
# capture on real sockets and files: what it prints, what it refuses, and how it ends.

load helper

setup_file() {
  export PCAP=$BATS_FILE_TMPDIR/normal.pcap
  observe --kernel off --closes 1 -w "$PCAP" >"$BATS_FILE_TMPDIR/live.txt"
  export LIVE_STATUS=$?
}

teardown() { end_all; }

# observe CAPTURE_OPTION...: one close of a real client and server, seen by capture; its output.
# SERVER and CLIENT hold options of theirs.
observe() {
  local dir
  dir=$(mktemp -d "$BATS_FILE_TMPDIR/observe.XXXXXX")
  timeout 30 "$TEARDOWN_BIN/capture" -i lo --json "$dir/events" "$@" >"$dir/out" 2>"$dir/err" &
  local capture=$!
  wait_for says "$dir/events" '"start"' || return 9
  # shellcheck disable=SC2086 # option lists
  timeout 30 "$TEARDOWN_BIN/server" -p 7000 --count 1 ${SERVER:-} >"$dir/server" 2>&1 &
  local server=$!
  wait_for says "$dir/server" 'listen' || return 9
  # shellcheck disable=SC2086
  timeout 30 "$TEARDOWN_BIN/client" --close-after 100 ${CLIENT:-} 127.0.0.1 7000 >"$dir/client" 2>&1
  local status=0
  wait "$capture" || status=$?
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  cat "$dir/out"
  cat "$dir/err" >&2
  cp "$dir/events" "$BATS_FILE_TMPDIR/events"
  return "$status"
}

capture() {
  run --separate-stderr timeout 30 "$TEARDOWN_BIN/capture" "$@"
}

# shellcheck disable=SC2154 # bats sets stderr
# refused STATUS PATTERN: nothing on stdout, one line on stderr that matches.
refused() {
  [ "$status" -eq "$1" ] || { echo "status $status, expected $1"; return 1; }
  [ -z "$output" ] || { echo "stdout: $output"; return 1; }
  [ "$(wc -l <<<"$stderr")" -eq 1 ] || { echo "stderr: $stderr"; return 1; }
  [[ $stderr == "capture: "* && $stderr =~ $2 ]] || { echo "stderr: $stderr"; return 1; }
}

@test "a live close is told in lines and ends with status 0" {
  [ "$LIVE_STATUS" -eq 0 ]
  run cat "$BATS_FILE_TMPDIR/live.txt"
  [[ ${lines[0]} == *"FIN seq=u 1/4 client=FIN_WAIT_1 server=CLOSE_WAIT? expected" ]]
  [[ ${lines[1]} == *"ACK ack=u+1 2/4 client=FIN_WAIT_2? server=CLOSE_WAIT expected" ]]
  [[ ${lines[2]} == *"FIN seq=w ack=u+1 3/4 client=TIME_WAIT? server=LAST_ACK expected" ]]
  [[ ${lines[3]} == *"ACK ack=w+1 4/4 client=TIME_WAIT server=CLOSED? expected" ]]
  [[ ${lines[4]} == *"verdict normal conforms closed-first=client 4/4 "* ]]
}

@test "what was saved with -w gives the same verdict when read back" {
  capture -r "$PCAP"
  [ "$status" -eq 0 ]
  [[ $output == *"verdict normal conforms closed-first=client 4/4 "* ]]
  cut -d' ' -f2- "$BATS_FILE_TMPDIR/live.txt" | head -4 >"$BATS_TEST_TMPDIR/live"
  cut -d' ' -f2- <<<"$output" | head -4 | diff "$BATS_TEST_TMPDIR/live" -
}

@test "standard input is a file too" {
  run bash -c '"$TEARDOWN_BIN/capture" -r - <"$PCAP"'
  [ "$status" -eq 0 ]
  [[ $output == *"verdict normal conforms"* ]]
}

@test "standard input that is a terminal is refused" {
  run python3 -c 'import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))' "$TEARDOWN_BIN/capture" -r - </dev/null
  [ "$status" -eq 2 ]
  [[ $output == *"-r -: standard input is the terminal; give it a capture"* ]]
}

@test "--expect: met, not met, nothing seen" {
  capture -r "$PCAP" --expect normal
  [ "$status" -eq 0 ]
  capture -r "$PCAP" --expect coalesced
  [ "$status" -eq 1 ]
  capture -r "$PCAP" --expect normal,lost=final-ack
  [ "$status" -eq 1 ]
  capture -r "$PCAP" --expect normal 'port 1'
  [ "$status" -eq 3 ]
}

@test "NDJSON: every object has schema and type, the verdict all its fields" {
  capture -r "$PCAP" --format json
  [ "$status" -eq 0 ]
  [ "$(jq -c 'select(.schema == 2 and .type != null)' <<<"$output" | wc -l)" -eq "${#lines[@]}" ]
  jq -se '.[] | select(.type == "verdict")
    | has("conn") and has("client") and has("server") and has("closed_first") and has("ending")
      and has("losses") and has("control_segments") and has("fin_retransmissions")
      and has("reset_cause") and has("client_state") and has("server_state")
      and has("client_evidence") and has("server_evidence") and has("verdict")
      and has("findings") and has("sentence") and has("duration_us")' <<<"$output"
}

@test "the half-closed state names the final ACK before it exists" {
  capture -r "$PCAP" --format json
  local expected actual
  expected=$(jq -r 'select(.type == "segment" and .role == "ack1")
    | .expects[] | select(.role == "final-ack") | .ack' <<<"$output")
  actual=$(jq -r 'select(.type == "segment" and .role == "final-ack") | .ack' <<<"$output")
  [ -n "$expected" ] && [ "$expected" = "$actual" ]
}

@test "the ladder fits 60 columns, in UTF-8 and in ASCII" {
  local locale out=$BATS_TEST_TMPDIR/ladder
  for locale in C.UTF-8 C; do
    LC_ALL=$locale COLUMNS=60 "$TEARDOWN_BIN/capture" -r "$PCAP" --format ladder >"$out"
    grep -q TIME_WAIT "$out"
    run ! env LC_ALL=C.UTF-8 grep -E '^.{61,}' "$out"
  done
  run ! env LC_ALL=C grep '[^ -~]' "$out"
}

@test "-S shows raw numbers, -v the reasons, -t no time" {
  capture -r "$PCAP" -S -v -t
  [[ ${lines[0]} =~ ^'#1 '.*'FIN seq='[0-9]+' ' ]]
  [[ $output == *"(RFC 9293 3.10.4)"* ]]
  [[ $output == *"expects client ACK"* ]]
  capture -r "$PCAP" -v
  [[ $output == *" FIN seq=w="[0-9]*" ack=u+1"* ]]
}

@test "--wait follows TIME_WAIT to its end, and CLOSED is timed" {
  run --separate-stderr observe --closes 1 --wait --msl 1
  [ "$status" -eq 0 ]
  [[ $output == *"2 MSL over client=CLOSED(timed) server=CLOSED?"* ]]
  [[ $output != *"not waited for"* ]]
}

@test "without --wait it says what it skips" {
  grep -q 'not waited for: [0-9]* s of TIME_WAIT' "$BATS_FILE_TMPDIR/live.txt"
}

@test "data in the half-close window is printed, other data is not" {
  SERVER='--drain 3000' CLIENT='--close shutdown --send 2000' run --separate-stderr observe --closes 1
  [ "$status" -eq 0 ]
  [[ $output == *" 3000 B seq=1 "* ]]
  [[ $output != *" 2000 B "* ]]
}

@test "a reset: who, when, why" {
  CLIENT='--close reset' run --separate-stderr observe --kernel off --closes 1
  [ "$status" -eq 0 ]
  [[ $output == *"verdict reset conforms"*"rst=linger-0: client reset the connection"* ]]
}

@test "a refused connection" {
  "$TEARDOWN_BIN/capture" -i lo --closes 1 --json "$BATS_TEST_TMPDIR/e" >"$BATS_TEST_TMPDIR/o" &
  local capture=$!
  wait_for says "$BATS_TEST_TMPDIR/e" start
  "$TEARDOWN_BIN/client" 127.0.0.1 7009 || true
  wait "$capture"
  grep -q 'verdict refused conforms' "$BATS_TEST_TMPDIR/o"
}

@test "someone stuck in CLOSE_WAIT: status 1, and the sentence says whose call is missing" {
  "$TEARDOWN_BIN/capture" -i lo --json "$BATS_TEST_TMPDIR/e" >"$BATS_TEST_TMPDIR/o" &
  local capture=$! status=0
  wait_for says "$BATS_TEST_TMPDIR/e" start
  "$TEARDOWN_BIN/server" --never-close >"$BATS_TEST_TMPDIR/s" &
  local server=$!
  wait_for says "$BATS_TEST_TMPDIR/s" listen
  "$TEARDOWN_BIN/client" --close-after 10 >/dev/null
  wait_for says "$BATS_TEST_TMPDIR/e" '"role":"ack1","again":0'
  outlast 2
  kill "$capture"
  wait "$capture" || status=$?
  kill "$server"
  wait "$server" || true
  [ "$status" -eq 1 ]
  grep -q "verdict unfinished-close-wait .*finding=close-wait-stuck.*server's application has not called close()" "$BATS_TEST_TMPDIR/o"
}

@test "every interface at once, Linux cooked" {
  run --separate-stderr observe -i any --closes 1
  [ "$status" -eq 0 ]
  [[ $output == *"verdict normal conforms closed-first=client 4/4"* ]]
}

@test "SIGINT and SIGTERM end with the summary and the rule of the exit status" {
  local signal
  for signal in INT TERM; do
    rm -f "$BATS_TEST_TMPDIR/e"
    "$TEARDOWN_BIN/capture" -i lo --json "$BATS_TEST_TMPDIR/e" 2>"$BATS_TEST_TMPDIR/err" &
    local capture=$!
    wait_for says "$BATS_TEST_TMPDIR/e" start
    kill -$signal "$capture"
    wait "$capture"
    grep -q '0 connections' "$BATS_TEST_TMPDIR/err"
  done
}

switches() { awk '/^voluntary/ { print $2 }' "/proc/$1/status"; }

@test "live, packets that come one on another wake it once a millisecond, not one by one" {
  local capture server before after since_us ms
  "$TEARDOWN_BIN/capture" -i lo -qq --kernel off --json "$BATS_TEST_TMPDIR/e" 2>/dev/null &
  capture=$!
  "$TEARDOWN_BIN/server" -p 7000 --close-delay 0 >"$BATS_TEST_TMPDIR/server" 2>&1 &
  server=$!
  pids=("$capture" "$server")
  wait_for says "$BATS_TEST_TMPDIR/e" '"start"'
  wait_for says "$BATS_TEST_TMPDIR/server" listen
  before=$(switches "$capture") since_us=${EPOCHREALTIME/./}
  timeout 60 "$TEARDOWN_BIN/client" -q --count 2000 --parallel 4 --close-after 0 127.0.0.1 7000
  after=$(switches "$capture") ms=$(((${EPOCHREALTIME/./} - since_us) / 1000))
  echo "$((after - before)) in $ms ms"
  ((after - before <= 2 * ms + 50))
}

@test "a pipe that closes early is no error and no loop" {
  run bash -c 'timeout 20 "$TEARDOWN_BIN/capture" -r "$PCAP" | true; echo "${PIPESTATUS[0]}"'
  [[ $output == 0 || $output == *$'\n0' ]]
}

# What each says where every segment is told of is in golden/: check_golden.sh holds it against that.
@test "the summary is the same, whether closes are told of or only counted" {
  local pcap
  for pcap in "$BATS_TEST_DIRNAME"/golden/*.pcap; do
    run --separate-stderr "$TEARDOWN_BIN/capture" -r "$pcap" -qq
    [[ -z $output ]]
    diff <(sed '1,/^stderr:$/d' "${pcap%.pcap}.txt") <(printf '%s\nstatus %d\n' "$stderr" "$status")
  done
}

@test "a file that ends in the middle of a packet: verdicts so far, then 2" {
  head -c -20 "$PCAP" >"$BATS_TEST_TMPDIR/cut.pcap"
  capture -r "$BATS_TEST_TMPDIR/cut.pcap"
  [ "$status" -eq 2 ]
  [[ $output == *"verdict unfinished-last-ack"* ]]
  [[ $stderr == *"cut.pcap: cut off in the middle of a packet, at octet"* ]]
}

# Sanitized as far as the lengths differ in kind, past the second packet; the fuzzers cut anywhere.
@test "a file of every length neither crashes nor hangs" {
  local size full status bin=$TEARDOWN_BIN
  full=$(stat -c %s "$PCAP")
  for ((size = 0; size < full; size += 7)); do
    ((size < 220)) || bin=${TEARDOWN_UML_BIN:-$TEARDOWN_BIN}
    head -c "$size" "$PCAP" >"$BATS_TEST_TMPDIR/cut.pcap"
    status=0
    timeout 20 "$bin/capture" -r "$BATS_TEST_TMPDIR/cut.pcap" >/dev/null 2>&1 || status=$?
    [ "$status" -le 2 ] || { echo "size $size: status $status"; return 1; }
  done
}

@test "an interface that goes away" {
  ip link add gone0 type veth peer name gone1
  ip link set gone0 up
  "$TEARDOWN_BIN/capture" -i gone0 --json "$BATS_TEST_TMPDIR/e" 2>"$BATS_TEST_TMPDIR/err" &
  local capture=$! status=0
  wait_for says "$BATS_TEST_TMPDIR/e" start
  ip link del gone0
  wait "$capture" || status=$?
  [ "$status" -eq 2 ]
  grep -q 'capture: gone0: .*start again' "$BATS_TEST_TMPDIR/err"
}

@test "unknown interface" {
  capture -i nosuch0
  refused 2 "nosuch0: no such interface; capture -D"
}

@test "an interface that is down" {
  ip link add down0 type veth peer name down1
  capture -i down0
  ip link del down0
  refused 2 "down0: the interface is down; ip link set down0 up"
}

@test "wrong filter" {
  capture -i lo 'prot 70'
  refused 2 "filter 'prot 70': .*pcap-filter"
}

@test "a file that is no capture, that is missing, that is a folder" {
  capture -r "$BATS_TEST_FILENAME"
  refused 2 "capture.bats: not a capture: "
  capture -r /nonexistent
  refused 2 "/nonexistent: cannot read: No such file"
  capture -r /tmp
  refused 2 "/tmp: not a capture"
}

@test "without the privilege it names the remedy that fits" {
  setpriv --reuid 65534 --clear-groups true 2>/dev/null || skip "needs root of a machine to give privileges up"
  local bin=$BATS_TEST_TMPDIR/capture
  cp "$TEARDOWN_BIN/capture" "$bin"
  chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$bin" # ours may be in a folder that only root enters
  run --separate-stderr setpriv --reuid 65534 --clear-groups env PATH=/usr/bin-none "$bin" -i lo
  refused 2 "lo: no permission to capture; as root, once: setcap cap_net_raw\+ep .*/capture"
  run --separate-stderr setpriv --reuid 65534 --clear-groups --no-new-privs "$bin" -i lo
  refused 2 "no_new_privs is set.*private namespace"
  mkdir "$BATS_TEST_TMPDIR/path"
  ln -s /bin/true "$BATS_TEST_TMPDIR/path/sudo"
  chmod 755 "$BATS_TEST_TMPDIR/path"
  run --separate-stderr setpriv --reuid 65534 --clear-groups /usr/bin/env PATH="$BATS_TEST_TMPDIR/path" "$bin" -i lo
  [[ $stderr == *"run: sudo "*"/capture -i lo" || $stderr == *"setcap"* ]]
}

@test "a typo in every option is one line and status 2" {
  local option
  for option in --interfaec --raed --wriet --lsit-interfaces --cuont --snapsot --bufer --absolut3 \
    --verbos3 --fromat --jsno --expct --close --duratoin --wiat --mls --colour --ascci --hepl \
    --versoin -Z; do
    capture "$option"
    refused 2 "'?$option'?" || { echo "$option"; return 1; }
  done
}

@test "arguments out of range" {
  capture -c 0
  refused 2 "-c wants a whole number from 1"
  capture -s 9
  refused 2 "-s wants"
  capture -B x
  refused 2 "-B wants"
  capture --msl -1
  refused 2 "--msl wants"
  capture --duration ''
  refused 2 "--duration wants"
  capture --format tree
  refused 2 "--format .*ladder"
  capture --color blue
  refused 2 "--color .*auto"
  capture --expect nromal
  refused 2 "'nromal' is no ending; known are normal"
  capture --expect normal,lost=fin3
  refused 2 "lost=fin3.*fin1"
  capture --expect normal,lost=fin1x0
  refused 2 "lost=fin1x0"
  capture --color alwyas
  refused 2 "not 'alwyas'; did you mean 'always'"
  capture --explain fin-movde
  refused 2 "--explain: there is no 'fin-movde'; did you mean 'fin-moved'\?; there are .* or all"
  capture -r x -i lo
  refused 2 "-r and -i exclude each other"
  capture -tttttt
  refused 2 "-t is given more than 5 times"
}

@test "a file without -r is told from a filter" {
  cd "$BATS_TEST_TMPDIR"
  capture there-is-none.pcap
  refused 2 "'there-is-none.pcap' is a file, not a filter; to read it: capture -r there-is-none.pcap"
  touch trace.bin tcp
  capture ./trace.bin
  refused 2 "'./trace.bin' is a file, not a filter"
  capture -r /nonexistent.pcap other.pcapng
  refused 2 "'other.pcapng' is a file, not a filter; one file is read, the one of -r"
  # A word of pcap-filter stays one, whatever lies here.
  capture -r /nonexistent.pcap tcp
  refused 2 "/nonexistent.pcap"
}

@test "output files that cannot be written" {
  capture -i lo --json /nonexistent/x
  refused 2 "--json /nonexistent/x: cannot write"
  capture -i lo -w /nonexistent/x
  refused 2 "-w /nonexistent/x: cannot write"
}

# unwritable OBJECT OPTION...: with stdout on a full disk it says so and ends with 2.
unwritable() {
  local object=$1
  shift
  run --separate-stderr bash -c 'timeout 30 "$TEARDOWN_BIN/capture" "$@" >"$to"' - "$@"
  [ "$status" -eq 2 ] || { echo "status $status: $*"; return 1; }
  [[ $stderr == *"capture: $object: cannot write: No space left on device; "*"choose another file"* ]] ||
    { echo "stderr: $stderr"; return 1; }
}

@test "a write that fails is an error: stdout, --json, --rows, -D, --help" {
  local format
  export to=/dev/full
  for format in lines json ladder; do
    unwritable stdout -r "$PCAP" --format $format
  done
  unwritable stdout -D
  unwritable stdout --help
  unwritable stdout --version
  unwritable stdout --explain all
  to=/dev/null
  unwritable "--json /dev/full" -r "$PCAP" --json /dev/full
  local option
  for option in -w --rows --html --svg --mermaid; do
    unwritable "$option /dev/full" -r "$PCAP" "$option" /dev/full
  done
}

@test "a summary that cannot be written is an error, unless nobody reads it any more" {
  local status=0
  "$TEARDOWN_BIN/capture" -r "$PCAP" >/dev/null 2>/dev/full || status=$?
  ((status == 2))
  "$TEARDOWN_BIN/capture" -r "$PCAP" >/dev/null 2>&-
  "$TEARDOWN_BIN/capture" -r "$PCAP" 2>&1 >/dev/null | true
  ((PIPESTATUS[0] == 0))
}

@test "NDJSON is JSON for jq and UTF-8, for every golden capture and a file name that is neither" {
  local pcap name=$BATS_TEST_TMPDIR/$'a\xff"\\\x1b[2J\n.pcap' all=$BATS_TEST_TMPDIR/all
  for pcap in "$BATS_TEST_DIRNAME"/golden/*.pcap; do
    "$TEARDOWN_BIN/capture" -r "$pcap" --format json 2>/dev/null || (($? == 1))
  done >"$all"
  cp "$PCAP" "$name"
  "$TEARDOWN_BIN/capture" -r "$name" --format json >>"$all"
  iconv -f UTF-8 -t UTF-8 "$all" >/dev/null
  [ "$(jq -c 'select(.schema and .type)' "$all" | wc -l)" -eq "$(wc -l <"$all")" ]
  jq -se --arg name "$(iconv -c -f UTF-8 -t UTF-8 <<<"${name##*/}")" '[.[] | select(.type == "start")] | last
    | .source | gsub("\ufffd"; "") | endswith($name)' "$all"
}

@test "--host-name: host, run and line in every object, and nothing else is another" {
  local golden name pcap dir=$BATS_TEST_TMPDIR
  for golden in normal close-wait-stuck normal-rst-in-time-wait; do # all types of a file's objects
    pcap=$BATS_TEST_DIRNAME/golden/$golden.pcap
    "$TEARDOWN_BIN/capture" -r "$pcap" --format json 2>/dev/null >"$dir/plain" || (($? == 1))
    "$TEARDOWN_BIN/capture" -r "$pcap" --host-name web-1.example --json "$dir/$golden" --format json \
      2>/dev/null >"$dir/$golden.stdout" || (($? == 1))
    diff <(jq -c . "$dir/plain") <(jq -c 'del(.host, .run, .line)' "$dir/$golden")
    jq -se '(map(.host) | unique) == ["web-1.example"] and map(.line) == [range(1; length + 1)] and
      (map(.run) | unique | length) == 1' "$dir/$golden"
  done
  [ "$(cat "$dir"/{normal,close-wait-stuck,normal-rst-in-time-wait}{,.stdout} | jq -r .run | sort -u | wc -l)" -eq 6 ]
  "$BATS_TEST_DIRNAME/python_with.sh" jsonschema "$BATS_TEST_DIRNAME/check_ndjson.py" \
    "$BATS_TEST_DIRNAME/../capture/report/ndjson.schema.json" "$dir"/{normal,close-wait-stuck,normal-rst-in-time-wait}
  for name in '' 'a b' 'a"' "$(printf '%065d' 0)"; do
    capture -r "$PCAP" --host-name "$name"
    refused 2 "--host-name takes 1 to 64 letters, digits, '-', '.' and '_', as hostname prints them"
  done
}

@test "--segments close: a sighting for each FIN, RST and ACK of a FIN, and nothing else is another" {
  local golden=$BATS_TEST_DIRNAME/golden dir=$BATS_TEST_TMPDIR name
  for name in normal lost-final-ack-ipv6 normal-rst-in-time-wait; do
    "$TEARDOWN_BIN/capture" -r "$golden/$name.pcap" --segments close --json "$dir/$name" -qq 2>/dev/null || (($? == 1))
    diff <(jq -c 'select(.type != "start")' "$golden/$name.ndjson") \
      <(jq -c 'select(.type != "start" and .type != "sighting")' "$dir/$name")
  done
  [ "$(jq -r 'select(.type == "sighting") | .flags' "$dir/normal" | paste -sd' ')" = 'F. . F. .' ]
  # Handshake and data are none; what was sent again is one more.
  jq -se 'map(select(.type == "segment" and ((.flags | test("F|R")) or ((.role // "") | test("ack"))))) as $told
    | map(select(.type == "sighting")) | length > 4 and map([.t, .seq, .ack, .flags]) == ($told | map([.t, .seq, .ack, .flags]))' \
    "$dir/lost-final-ack-ipv6"
  jq -se '[.[] | select(.type == "verdict")][0].isn as $isn | map(select(.type == "sighting"))
    | any(.flags | test("R")) and (map([.isn[]] | sort) | unique) == [[$isn[]] | sort]' "$dir/normal-rst-in-time-wait"
  "$BATS_TEST_DIRNAME/python_with.sh" jsonschema "$BATS_TEST_DIRNAME/check_ndjson.py" \
    "$BATS_TEST_DIRNAME/../capture/report/ndjson.schema.json" "$dir"/{normal,lost-final-ack-ipv6,normal-rst-in-time-wait}
}

@test "-q: a line for each verdict; -qq: the summary alone; files are complete" {
  local format
  for format in lines ladder; do
    capture -r "$PCAP" --format $format -q
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == *"#1 verdict normal conforms "* ]]
    capture -r "$PCAP" --format $format -qq
    [ "$status" -eq 0 ] && [ -z "$output" ] && [[ $stderr == *" segments, 1 connection, 1 normal" ]]
  done
  capture -r "$PCAP" --format json -q
  [ "$(jq -r .type <<<"$output" | tr '\n' ' ')" = "verdict summary " ]
  capture -r "$PCAP" --format json -qq --json "$BATS_TEST_TMPDIR/events"
  [ "$(jq -r .type <<<"$output")" = summary ]
  diff "$BATS_TEST_TMPDIR/events" <("$TEARDOWN_BIN/capture" -r "$PCAP" --format json)
  capture -r "$PCAP" -qqq
  refused 2 "-q is given more than 2 times"
}

@test "a disk that fills up in the middle: said, and what was written stays" {
  run --separate-stderr unshare --mount bash -c '
    mount -t tmpfs -o size=64k none "$1" && head -c 61440 /dev/zero >"$1/ballast" || exit 99
    timeout 30 "$TEARDOWN_BIN/capture" -r "$PCAP" --json "$1/events" >/dev/null
    status=$?
    head -c 12 "$1/events"
    exit $status' - "$BATS_TEST_TMPDIR"
  [ "$status" -eq 2 ]
  [ "$output" = '{"schema":2,' ]
  [[ $stderr == *"capture: --json $BATS_TEST_TMPDIR/events: cannot write: No space left on device; "* ]]
}

@test "a reader that does not read: a signal ends it all the same, and what is lost is said" {
  local pipe=$BATS_TEST_TMPDIR/pipe err=$BATS_TEST_TMPDIR/err status=0
  mkfifo "$pipe"
  exec 7<>"$pipe"
  head -c 65536 /dev/zero >&7
  timeout 30 "$TEARDOWN_BIN/capture" -r "$PCAP" --json "$BATS_TEST_TMPDIR/events" >"$pipe" 2>"$err" 7>&- &
  local capture=$!
  wait_for says "$BATS_TEST_TMPDIR/events" '"summary"'
  kill -TERM "$capture"
  wait "$capture" || status=$?
  exec 7>&-
  [ "$status" -eq 2 ]
  grep -q "capture: stdout: cannot write: its reader does not read; " "$err"
  grep -q " segments, " "$err"
}

@test "a reader that is slow gets everything" {
  local whole=$BATS_TEST_TMPDIR/whole
  timeout 30 "$TEARDOWN_BIN/capture" -r "$PCAP" --format json >"$whole"
  timeout 30 "$TEARDOWN_BIN/capture" -r "$PCAP" --format json | {
    read -rt 0.2 <> <(:) || true
    cmp - "$whole"
  }
}

@test "every word of a verdict is explained" {
  local word n=0
  while read -r word; do
    n=$((n + 1))
    capture --explain "$word"
    [[ $status == 0 && $output == "$word ("*means:*remedy:* ]] || fail "$word: $output $stderr"
  done < <(cat "$BATS_TEST_DIRNAME"/golden/*.ndjson | jq -r 'select(.type == "verdict") |
      .ending, .reset_cause, .verdict, .doubt, .client_state, .server_state, .client_evidence,
      .server_evidence, .losses[].role, .findings[].id | values' | sort -u)
  ((n > 30))
}

@test "every word that the schema of NDJSON allows is explained" {
  local word n=0
  "$TEARDOWN_BIN/capture" --explain all | grep -oE '^[^ ]+ \(' | sort -u >"$BATS_TEST_TMPDIR/explained"
  while read -r word; do
    n=$((n + 1))
    grep -qxF "$word (" "$BATS_TEST_TMPDIR/explained" || fail "--explain does not know $word"
  done < <({
    jq -r '.. | .enum? // empty | .[] | strings' "$BATS_TEST_DIRNAME/../capture/report/ndjson.schema.json"
    # What the schema leaves open.
    cat "$BATS_TEST_DIRNAME"/golden/*.ndjson | jq -r '.role? // empty | split("+")[]'
    grep -oE 'return "(isn|timestamp|not-newer)"' "$BATS_TEST_DIRNAME/../common/model/accept.c" | cut -d'"' -f2
  } | sort -u)
  ((n > 60))
}

@test "--explain: of a word that it does not know, all that are as near" {
  capture --explain FIN_WAIT
  refused 2 "--explain: there is no 'FIN_WAIT'; did you mean 'FIN_WAIT_1' or 'FIN_WAIT_2'\?; "
  capture --explain before-tapp
  refused 2 "--explain: there is no 'before-tapp'; did you mean 'before-tap'\?"
  capture --explain xyzzy
  refused 2 "--explain: there is no 'xyzzy'; there are .*, TIME_WAIT, .* or all"
  capture --explain close-wait
  refused 2 "--explain: there is no 'close-wait'; did you mean 'CLOSE_WAIT'\?"
}

@test "--netns: a namespace by a name or a PID" {
  unshare -n sleep 60 &
  local other=$!
  pids+=("$other")
  is_apart() { [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
  wait_for is_apart
  nsenter -t "$other" -n ip link add only-there type veth peer name other-end
  capture -D
  [[ $output != *only-there* ]]
  capture --netns "$other" -D
  [[ $status == 0 && $output == *only-there* ]]
  # shellcheck disable=SC2016 # for the inner shell
  run unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/netns && touch /run/netns/blue &&
    mount --bind "/proc/$1/ns/net" /run/netns/blue && exec "$2/capture" --netns blue -D' - "$other" "$TEARDOWN_BIN"
  [[ $status == 0 && $output == *only-there* ]]
  capture --netns no-such-one -D
  refused 2 "--netns no-such-one: there is no such namespace; 'ip netns' lists the names.*"
  capture --netns 4194304 -D
  refused 2 "--netns 4194304: no process has that PID.*"
  capture --netns ../etc -D
  refused 2 "--netns ../etc: there is no such namespace.*"
  capture --netns 1 -r "$PCAP"
  refused 2 "-r and --netns exclude each other.*"
}

# The client of each says "hello" first.
@test "--find: marks the connections whose first payload contains a text" {
  local golden=$BATS_TEST_DIRNAME/golden log=$BATS_TEST_TMPDIR text
  capture -r "$golden/normal-half-close-data.pcap" --format lines --find ell --json "$log/events"
  [[ $status == 0 && $output == *"verdict normal"*" found"* ]]
  run -0 jq -s -c '[.[] | select(.type == "verdict").found]' "$log/events"
  [ "$output" = "[true]" ]
  capture -r "$golden/normal-half-close-data.pcap" --format ladder --ascii --find hello
  [[ ${lines[0]} == "#1 "*", found" ]]
  for text in hellp Hello helloo; do
    capture -r "$golden/normal-half-close-data.pcap" --format lines --find "$text" --json "$log/events"
    [[ $status == 0 && $output == *"verdict normal"* && $output != *found* ]] || fail "$text: $output"
    run -0 jq -s -c '[.[] | select(.type == "verdict").found]' "$log/events"
    [ "$output" = "[false]" ]
  done
  capture -r "$golden/normal-half-close-data.pcap" --format json
  [[ $status == 0 && $output != *'"found"'* ]]
  capture -r "$PCAP" --find ""
  refused 2 "--find: the text is empty.*"
  capture -r "$PCAP" -r "$golden/coalesced.pcap" --find hello
  refused 2 "--find and two files exclude each other.*"
}
