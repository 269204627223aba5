#!/usr/bin/env bats
# What README.md and the manual pages tell people to try is run, and what comes of it compared: the
# shellcheck disable=SC2016,SC2030,SC2031 # what is for eval, sed and inner shells
# ladder's rows and verdict, as --expect-ladder reads them. Each example stands in a comment here.

load helper

setup_file() {
  export ROOT=$BATS_TEST_DIRNAME/..
}

setup() { log=$BATS_TEST_TMPDIR; }
teardown() { end_all; }

# The commands of README.md's blocks and table, and of the pages' EXAMPLES.
examples() {
  local page
  awk '/^```/ { fence = !fence } !fence && /^    / { sub(/ +# .*/, ""); sub(/^ +/, ""); print }' "$ROOT/README.md"
  sed -n '/^| do | and see |/,/^$/p' "$ROOT/README.md" | sed 1,2d |
    sed -nE 's/^\| `(.*)` \| .*/\1/p; s/^\| the same (with .*) \| .*/\1/p' | sed 's/` with `/ with /g; s/`//g'
  for page in capture server client; do
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$ROOT/$page/$page.1" | sed 's/\\-/-/g' |
      awk '/^\.Dl / { sub(/^\.Dl /, ""); print } /^\.Bd/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside'
  done
}

@test "every example is run by a test" {
  examples | sort -u >"$log/there"
  sed -nE 's/^ *# example: //p' "$BATS_TEST_FILENAME" | sort -u >"$log/run"
  [ "$(wc -l <"$log/there")" -gt 35 ] || fail 'the examples were not found'
  diff "$log/there" "$log/run" || fail '< without a test here, > no example any more'
}

# runs GROUP PATTERN: that test has a line like this.
runs() { grep -qE -- "$2" "$BATS_TEST_DIRNAME/$1" || fail "$1 does not run $2"; }

@test "what other tests run" {
  # example: make
  # example: make test
  runs run.sh 'group.sh "\$build"'
  # example: make demo
  runs lab.bats '"\$scripts/demo.sh"'
  grep -q '^demo:' "$ROOT/Makefile"
  # example: make install PREFIX=/usr/local
  runs options.bats 'install PREFIX='
  # example: make deb
  runs check_deb.sh ' deb '
  # example: scripts/lost-ack.sh
  # example: scripts/lost-ack.sh --count 3
  # example: scripts/lost-ack.sh --place ingress
  runs lab.bats 'lose 0 .*--count'
  runs lab.bats 'lose 0 .*--place ingress'
  # example: scripts/scenario.sh --list
  # example: scripts/scenario.sh --all
  # example: scripts/scenario.sh simultaneous
  # example: scripts/scenario.sh --step lost-fin2
  # example: scripts/scenario.sh --doctor
  runs scenario.bats '--list'
  runs scenario.bats 'as_stated simultaneous'
  runs scenario.bats '--step'
  runs scenario.bats '--doctor'
  # example: sudo build/capture -i any --format table
  runs table.bats '--format table'
  # example: build/capture -r tests/golden/lost-final-ack.pcap --step
  # example: with --predict, or --worksheet
  runs check_lessons.py '--step'
  runs check_lessons.py '--predict'
  runs check_lessons.py '--worksheet'
}

# play SERVER_OPTIONS CLIENT_OPTIONS [CAPTURE_OPTION...]: a close, which must have the rows and the
# verdict of standard input; what each of the three said is in server, client and out.
play() {
  local server=$1 client=$2 watcher
  shift 2
  cat >"$log/expected"
  # shellcheck disable=SC2086 # options
  "$TEARDOWN_BIN/capture" -i lo --closes 1 --json "$log/events" --rows "$log/rows" --format ladder \
    --expect-ladder "$log/expected" "$@" >"$log/out" 2>"$log/err" 3>&- &
  watcher=$!
  pids+=("$watcher")
  wait_for says events '"start"'
  # shellcheck disable=SC2086 # options
  "$TEARDOWN_BIN/server" $server >"$log/server" 2>&1 3>&- &
  pids+=("$!")
  wait_for says server listen
  # shellcheck disable=SC2086 # options
  [[ $client == nc* ]] || "$TEARDOWN_BIN/client" $client >"$log/client" 2>&1 3>&- &
  pids+=("$!")
  [[ $client != nc* ]] || talk
  if [[ $* == *--stuck-after* ]]; then
    wait_for says out '● stuck'
    kill -INT "$watcher"
  fi
  wait "$watcher" || fail "status $?"
}

NORMAL='client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
verdict ending=normal closed_first=client control_segments=4/4'

@test "server and client as they are: the four segments" {
  # example: build/server
  # example: sudo build/capture
  # example: build/client
  # example: teardown-server
  # example: teardown-client
  play '' '' <<<"$NORMAL"
  grep -q '✓ normal · client first · 4/4' "$log/out"
}

@test "the server answers at once: three segments" {
  # example: build/server --close-delay 0
  play '--close-delay 0' '' <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server fin2+ack1 0 2/3 TIME_WAIT LAST_ACK
client final-ack 0 3/3 TIME_WAIT CLOSED
verdict ending=coalesced closed_first=client control_segments=3/3
END
}

@test "data after the FIN, the other way" {
  # example: build/server --drain 5000 with build/client --close shutdown
  # example: teardown-client --close shutdown
  play '--drain 5000' '--close shutdown' <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server data 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
verdict ending=normal closed_first=client
END
  grep -q 'server sent 5000 B' "$log/out"
  grep -q 'read → EOF: the server closed too' "$log/client"
}

@test "TIME_WAIT on the server" {
  # example: build/server --close-first with build/client --close-last
  play --close-first --close-last <<'END'
server fin1 0 1/4 CLOSE_WAIT FIN_WAIT_1
client ack1 0 2/4 CLOSE_WAIT FIN_WAIT_2
client fin2 0 3/4 LAST_ACK TIME_WAIT
server final-ack 0 4/4 CLOSED TIME_WAIT
verdict ending=normal closed_first=server server_state=TIME_WAIT
END
}

@test "the server closes first, and lets the client drain" {
  # example: teardown-server --close-first --close shutdown
  # example: teardown-client --close-last --drain 1000
  play '--close-first --close shutdown' '--close-last --drain 1000' <<'END'
server fin1 0 1/4 CLOSE_WAIT FIN_WAIT_1
client ack1 0 2/4 CLOSE_WAIT FIN_WAIT_2
client data 0 2/4 CLOSE_WAIT FIN_WAIT_2
client fin2 0 3/4 LAST_ACK TIME_WAIT
server final-ack 0 4/4 CLOSED TIME_WAIT
verdict ending=normal closed_first=server server_state=TIME_WAIT
END
  grep -q 'read → 1000 bytes' "$log/server"
}

@test "no FIN at all" {
  # example: build/client --close reset
  play '' '--close reset' <<'END'
client rst 0 0/4 CLOSED CLOSED
verdict ending=reset closed_first=none reset_cause=linger-0
END
}

@test "an RST after the FIN, which libuv does not tell the server" {
  # example: build/client --close shutdown-reset --hold 100
  play '' '--close shutdown-reset --hold 100' <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
client rst 0 2/4 CLOSED CLOSED
verdict ending=reset closed_first=client reset_cause=linger-0
END
  wait_for says server 'the other side sent RST; libuv is silent'
}

@test "Nagle and the delayed ACK hold small writes back" {
  # example: build/server --send 6 --no-quickack with build/client --answer --send 18 --write-size 6
  # example: teardown-server --send 6 --no-quickack
  # example: teardown-client --answer --send 18 --write-size 6
  play '--send 6 --no-quickack' '--answer --send 18 --write-size 6' <<<"$NORMAL"
  [ "$(grep -o 'read → [0-9]* bytes' "$log/server" | paste -sd,)" = 'read → 6 bytes,read → 12 bytes' ] || fail
}

@test "CLOSE_WAIT, and who is to blame" {
  # example: build/server --never-close
  # example: teardown-server --never-close
  play --never-close '' --stuck-after 2 <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
verdict ending=unfinished-close-wait closed_first=client findings=close-wait-stuck
END
  tr '\n' ' ' <"$log/out" | tr -s ' ' | grep -q 'held by server, pid '
}

# What nc sends and reads, until it is ended as by Ctrl-C.
talk() {
  mkfifo "$log/typed"
  nc 127.0.0.1 7000 <"$log/typed" >"$log/client" 2>&1 3>&- &
  local nc=$!
  pids+=("$nc")
  echo hello >"$log/typed"
  wait_for says server 'read → 6 bytes'
  kill -INT "$nc" 2>/dev/null || true
  kill -TERM "$nc" 2>/dev/null || true # what is started in the background ignores SIGINT
}

@test "the server does not mind who its client is" {
  # example: nc 127.0.0.1 7000
  play '' nc <<<"$NORMAL"
}

@test "what the options of capture say" {
  # example: build/capture -v
  # example: teardown-capture -i any -v port 7000
  play '' '' -v <<<"$NORMAL"
  grep -q 'expects: ' "$log/out"
  grep -q 'RFC 9293' "$log/out"
}

@test "TIME_WAIT to its end, with a countdown" {
  # example: build/capture --wait
  # example: teardown-capture --wait --closes 1 port 7000
  play '' '' --wait --msl 1 <<<"${NORMAL/ending=/client_state=CLOSED ending=}"
  grep -q 'by the clock' "$log/out"
}

@test "the next close loses its final ACK once, or it is a failure" {
  # example: teardown-capture --closes 1 --expect normal,lost=final-ack port 7000
  run "$TEARDOWN_BIN/capture" -r "$ROOT/tests/golden/lost-final-ack.pcap" --expect normal,lost=final-ack port 7000
  [ "$status" -eq 0 ] || fail "$output"
  run "$TEARDOWN_BIN/capture" -r "$ROOT/tests/golden/normal.pcap" --expect normal,lost=final-ack
  [ "$status" -eq 1 ] || fail "$output"
}

@test "TIME_WAIT is sat out after a lost final ACK: a minute" {
  # example: scripts/lost-ack.sh --wait
  run "$ROOT/scripts/lost-ack.sh" --wait --backend nft </dev/null
  [[ $status == 0 && $output == *'final-ack lost before the sniffer'* ]] || fail "$output"
  grep -qE '^ +\+6[0-9]\.[0-9] s CLOSED ' <<<"$output" || fail "$output"
}

@test "a capture from elsewhere, through a pipe" {
  # example: ssh host tcpdump -U -w - tcp | teardown-capture -r -
  run --separate-stderr bash -c 'cat "$1" | "$2" -r - --format ladder' - "$ROOT/tests/golden/normal.pcap" "$TEARDOWN_BIN/capture"
  [[ $status == 0 && $output == *'✓ normal · client first · 4/4'* ]] || fail "$output"
}

@test "a broken service, and a page of a close" {
  # example: sudo build/capture -i any port 5432
  "$TEARDOWN_BIN/capture" -i any --json "$log/events" --closes 1 port 5432 >"$log/out" 2>"$log/err" 3>&- &
  pids+=("$!")
  wait_for says events '"start"'
  "$TEARDOWN_BIN/server" -p 5432 --count 1 >"$log/server" 2>&1 3>&- &
  wait_for says server listen
  "$TEARDOWN_BIN/client" -q 127.0.0.1 5432
  wait "${pids[0]}"
  grep -q 'verdict normal conforms closed-first=client 4/4 .*server=127.0.0.1:5432' "$log/out" || fail
  # example: build/capture -r tests/golden/lost-final-ack-after-tap.pcap --html close.html
  "$TEARDOWN_BIN/capture" -r "$ROOT/tests/golden/lost-final-ack-after-tap.pcap" --html "$log/close.html" >"$log/out"
  grep -q '</html>' "$log/close.html"
}

@test "ten thousand connections" {
  # example: teardown-client --count 10000 --parallel 100 --close-after 0
  "${TEARDOWN_UML_BIN:-$TEARDOWN_BIN}/server" -q -p 7000 >"$log/server" 2>&1 3>&- &
  pids+=("$!")
  wait_for eval '(: <>/dev/tcp/127.0.0.1/7000) 2>/dev/null'
  run "${TEARDOWN_UML_BIN:-$TEARDOWN_BIN}/client" --count 10000 --parallel 100 --close-after 0
  [[ $status == 0 && $output == *'10000'* ]] || fail "$output"
}

# The words of a ladder without what is different each time: numbers, where lines are folded, and what
# only a kernel that can be listened to adds.
plain() {
  sed 's/◆/ /g; s/; --wait shows it//' | tr '\n' ' ' |
    sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/N (ms|us)/N s/g; s/[─━]+/─/g; s/ *([│┃┊▶◀]) */\1/g; s/ +/ /g; s/ $//'
}

@test "the ladder that README.md begins with is the one of scripts/lost-ack.sh" {
  sed -n '/^```$/,/^```$/p' "$ROOT/README.md" | sed '1d; /^```$/,$d' | plain >"$log/told"
  COLUMNS=80 "$ROOT/scripts/lost-ack.sh" --backend nft >"$log/run" 2>&1 </dev/null
  # Without what server, client and the script say meanwhile.
  sed -n '/^#1 open/,$p' "$log/run" | sed -E '/ lab armed: /,/once$/d; /^.{10} (server|client) (uv_|read )/d' |
    plain >"$log/seen"
  [[ $(<"$log/told") == '#N open'*'lingers in TIME_WAIT for N s' ]]
  [[ $(<"$log/seen") == "$(<"$log/told")"* ]] || fail 'README.md tells another'
}

@test "the ladder of what the kernel says is one of a normal close" {
  local marks='s/(TIME_WAIT [?✓]) *◆/\1/' # when it is asked for TIME_WAIT is not the same each time
  # Who closed, and the marks, only for root where the kernel has trace events.
  ((EUID == 0)) && grep -qw tracefs /proc/filesystems && [ "$(tr -s ' ' </proc/self/uid_map)" = ' 0 0 4294967295' ] ||
    marks='s/◆//g; /; client was closed by/,$d'
  COLUMNS=80 play '' '' <<<"$NORMAL"
  sed -n '/^## What the kernel says/,$p' "$ROOT/README.md" | sed -n '/^```$/,/^```$/p' | sed '1d; /^```$/,$d' |
    sed -E "$marks; s/◆/k/g" | plain >"$log/told"
  sed -E "1,/^ *ESTABLISHED/d; $marks; s/◆/k/g" "$log/out" | plain >"$log/seen"
  [[ $(<"$log/told") == ' +N s FIN_WAIT_N'*'in TIME_WAIT for'* ]] || fail "$(<"$log/told")"
  [[ $(<"$log/seen") == "$(<"$log/told")"* ]] || fail "$(<"$log/told")" "$(<"$log/seen")"
}
