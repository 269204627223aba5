#!/usr/bin/env bats
# The kernel as second witness: what capture shows of it, on real sockets, as root (events and
# answers) and as anybody (answers).

load helper

setup_file() {
  # Events want root and a kernel that has trace events; then, and only then, are they expected.
  export TOLD=0
  if ((EUID == 0)) && [ "$(tr -s ' ' </proc/self/uid_map)" = " 0 0 4294967295" ] &&
    grep -qw tracefs /proc/filesystems; then
    TOLD=1
  fi
}

setup() {
  port=$((21000 + BATS_TEST_NUMBER))
  log=$BATS_TEST_TMPDIR
}

teardown() {
  end_all
  [[ ! -e $log/events ]] || cp "$log/events" "$BATS_FILE_TMPDIR/events-$BATS_TEST_NUMBER"
}

# watch OPTION...: capture in the background; its NDJSON is in events.
watch() {
  rm -f "$log/events" # of a watch before this
  timeout 100 "$TEARDOWN_BIN/capture" -i lo --json "$log/events" --duration 90 "$@" "port $port" \
    >"$log/out" 2>"$log/err" 3>&- &
  watcher=$!
  pids+=("$watcher")
  wait_for says events '"start"'
}

serve() {
  timeout 100 "$TEARDOWN_BIN/server" -p "$port" "$@" >"$log/server" 2>&1 3>&- &
  server=$!
  pids+=("$server")
  wait_for says server 'listen'
}

call() {
  timeout 60 "$TEARDOWN_BIN/client" "$@" >"$log/client" 2>&1 3>&- || fail "client: status $?"
}

# end_watch STATUS: it ends by itself, with that status.
end_watch() {
  local status=0
  wait "$watcher" || status=$?
  [ "$status" -eq "$1" ] || fail "capture: status $status, not $1"
}

# stop_watch STATUS: what it still has to say, and that status.
stop_watch() {
  kill "$watcher"
  end_watch "$1"
}

verdicts() { jq -c 'select(.type == "verdict")' "$log/events"; }

# told END: the transitions that the kernel told of it.
told() {
  jq -r --arg e "$1" 'select(.type == "transition" and .evidence == "kernel" and .kind == "told"
    and .about == $e) | .from + ">" + .to' "$log/events" | paste -sd' '
}

# told_or_lost EXPRESSION: an event of a timer's, which Linux 6.18 tells to nobody, tracefs apart, when it runs
# out in some tasks: then it is counted.
told_or_lost() {
  jq -se "any(.[]; $1) or any(.[]; .type == \"summary\" and .kernel.events_lost > 0)" "$log/events" >/dev/null ||
    fail "neither told nor lost: $1"
}

# any EXPRESSION: of one object at least, by jq.
any() { jq -se "any(.[]; $1)" "$log/events" >/dev/null || fail "no object: $1"; }

# is EXPRESSION: of the first verdict, by jq.
is() { verdicts | head -n 1 | jq -e "$1" >/dev/null || fail "verdict: not $1"; }

@test "a normal close: the kernel bears out every transition of both ends" {
  watch --closes 1
  serve --count 1
  call 127.0.0.1 "$port"
  end_watch 0
  is '.kernel.agrees == .kernel.of and .kernel.of >= 4'
  any '.type == "start" and (now - .t | . >= 0 and . < 3600)'
  is '.kernel.client.state == "TIME_WAIT" and .kernel.client.timer == "time-wait"'
  is '.kernel.client.left_ms > 40000 and .kernel.client.left_ms <= 60000'
  is '.kernel.server.state == "CLOSED"'
  is '.findings == []'
  run ! grep 'the kernel agrees with' "$log/err" # which is not remarkable
  ((TOLD)) || return 0
  is '.kernel.of == 6 and .kernel.client.unsampled + .kernel.server.unsampled == 0'
  [ "$(told client)" = "ESTABLISHED>FIN_WAIT_1 FIN_WAIT_1>FIN_WAIT_2" ]
  [ "$(told server)" = "ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSED" ]
}

@test "the kernel's words stand in the ladder between the segments" {
  ((TOLD)) || { # without events the ladder says why, and the answers are there
    watch --closes 1 --format ladder --kernel lines
    serve --count 1
    call 127.0.0.1 "$port"
    end_watch 0
    grep -q 'the kernel is only asked' "$log/out"
    grep -q 'TIME_WAIT .*kernel, asked' "$log/out"
    return 0
  }
  watch --closes 1 --format ladder --ascii --kernel lines
  serve --count 1
  call 127.0.0.1 "$port"
  end_watch 0
  # Of the half-close: after the ACK that made it, before the FIN that ended it.
  awk '/ACK ack=u\+1/ { ack = NR } /FIN_WAIT_2 +k\| +kernel/ { half = NR } /FIN seq=w/ { fin = NR }
    END { exit !(ack && ack < half && half < fin) }' "$log/out" || fail 'order'
  grep -q 'the kernel now: client TIME_WAIT' "$log/out"
  run ! grep 'the kernel is' "$log/out"
}

@test "IPv6, and IPv4 on a socket of IPv6" {
  local address
  for address in ::1 ::ffff:127.0.0.1; do
    rm -f "$log"/*
    watch --closes 1
    serve --count 1
    call "$address" "$port"
    end_watch 0
    is '.kernel.agrees == .kernel.of and .kernel.of >= 4'
    is '.kernel.client.state == "TIME_WAIT" and .kernel.server.state == "CLOSED"'
  done
}

@test "as nobody in particular: asked, and not listened to" {
  # A user namespace of our own gives the right to capture, and no tracefs.
  cp "$TEARDOWN_BIN"/{capture,client,server} "$log"
  chmod -R a+rX "$BATS_RUN_TMPDIR" 2>/dev/null || true
  cat >"$log/inner" <<'END'
ip link set lo up
cd "$1"
mkfifo started
timeout 60 ./server -p 7000 --count 1 >server.log &
timeout 60 ./capture -i lo --json events --closes 1 --duration 30 >out 2>err &
for _ in $(seq 500); do grep -q '"start"' events 2>/dev/null && grep -q listen server.log && break; read -rt 0.02 <> started; done
timeout 60 ./client 127.0.0.1 7000 >client.log
wait
END
  if setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
    chown -R 65534 "$log"
    run setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urn bash "$log/inner" "$log"
  else
    run unshare -Urn bash "$log/inner" "$log"
  fi
  [ "$status" -eq 0 ] || fail "$output"
  any '.type == "start" and (.kernel | startswith("only asked, not listened to: "))'
  is '.kernel.agrees == .kernel.of and .kernel.of >= 3'
  is '.kernel.client.state == "TIME_WAIT"'
}

# closer END: who closed it, in the first verdict.
closer() { verdicts | head -n 1 | jq -r ".kernel.$1.closer | \"\(.pid) \(.command) \(.by) \(.at_exit)\""; }

@test "who called close is named at both ends, also when it is gone" {
  ((TOLD)) || return 0
  watch --closes 1
  serve --count 1
  "$TEARDOWN_BIN/client" 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  local client=$!
  wait "$client"
  end_watch 0
  [ "$(closer client)" = "$client client close false" ] || fail "$(closer client), not $client"
  [[ $(closer server) =~ ^[0-9]+' server close false'$ ]] || fail "$(closer server)"
  is ".sentence | contains(\"; client was closed by client, pid $client; server was closed by server, pid \")"
}

@test "who never called close is told as one that exited; whoever is only interrupted is nobody" {
  ((TOLD)) || return 0
  watch
  serve --never-close
  "$TEARDOWN_BIN/client" --close-after 60000 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  local client=$!
  wait_for says client 'connected'
  kill -9 "$client"
  wait "$client" || true
  wait_for says events '"role":"ack1","again":0'
  outlast 2
  stop_watch 1
  [ "$(closer client)" = "$client client close true" ] || fail "$(closer client), not $client"
  is ".sentence | contains(\"; client was closed by the exit of client, pid $client\")"
  is '.kernel.server | has("closer") | not'
}

@test "who reset is named" {
  ((TOLD)) || return 0
  watch --closes 1
  serve --count 1
  "$TEARDOWN_BIN/client" --close reset 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  local client=$!
  wait "$client"
  end_watch 0
  [ "$(closer client)" = "$client client reset false" ] || fail "$(closer client), not $client"
  is ".sentence | contains(\"; client was reset by client, pid $client\")"
}

@test "CLOSE_WAIT names the process that holds it" {
  watch
  serve --never-close
  call --close-after 100 127.0.0.1 "$port"
  wait_for says events '"role":"ack1","again":0'
  outlast 2
  stop_watch 1
  # timeout(1) runs it
  local holder
  holder=$(pgrep -P "$server")
  is ".kernel.server.state == \"CLOSE_WAIT\" and .kernel.server.owner.pid == $holder"
  is '.kernel.server.owner.command == "server" and .kernel.server.owner.fd > 2'
  is ".sentence | contains(\"has not called close(), though it has read the end of file; held by server, pid $holder, fd \")"
}

@test "another network namespace has the same four-tuple: its sockets are not these" {
  ((TOLD)) || skip "no kernel events here"
  watch --stuck-after 3
  serve --count 1 --never-close
  timeout 60 "$TEARDOWN_BIN/client" -b 45678 --close-after 50 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  pids+=("$!")
  wait_for says events '"role":"ack1","again"'
  timeout 60 unshare --net bash -c '
    ip link set lo up
    "$0/server" -p "$1" --count 1 &
    for ((i = 0; i < 300; i++)); do
      [[ -n $(ss -Hltn "sport = :$1") ]] && break
      read -rt 0.02 <> <(:) || true
    done
    "$0/client" -b 45678 --close-after 10 127.0.0.1 "$1"
    wait' "$TEARDOWN_BIN" "$port" >"$log/elsewhere" 2>&1
  grep -q closed "$log/elsewhere"
  wait_for says events close-wait-stuck
  stop_watch 1
  is '.ending == "unfinished-close-wait" and any(.findings[]; .id == "close-wait-stuck")'
  is '.kernel.server.state == "CLOSE_WAIT"'
}

@test "FIN_WAIT_2 that timed out: the kernel says so, and the model believes it" {
  echo 1 >/proc/sys/net/ipv4/tcp_fin_timeout
  watch
  serve --never-close
  call --close-after 100 127.0.0.1 "$port"
  wait_for says events '"event":"FIN_WAIT_2_TIMEOUT"'
  outlast 2
  stop_watch 1
  echo 60 >/proc/sys/net/ipv4/tcp_fin_timeout
  is '.client_state == "CLOSED" and .client_evidence == "kernel"'
  any '.type == "transition" and .event == "FIN_WAIT_2_TIMEOUT" and .evidence == "kernel"'
}

@test "a final ACK that was captured and never arrived: both views" {
  nft add table inet t
  nft 'add chain inet t c { type filter hook input priority 0; }'
  watch
  serve --close-delay 1000 --count 1
  timeout 60 "$TEARDOWN_BIN/client" --send 0 --close-after 100 127.0.0.1 "$port" >"$log/client" 3>&- &
  pids+=($!)
  wait_for says events '"role":"ack1","again":0'
  nft "add rule inet t c tcp dport $port tcp flags & (fin|syn|rst|ack) == ack drop"
  wait_for says events '"role":"fin2","again":2'
  sleep 0.05 # from 10 ms after the segment on the kernel's answer counts as newer
  stop_watch 0
  nft delete table inet t
  # Each FIN again refutes CLOSED, and each ACK again presumes it; the kernel was never there.
  any '.type == "verdict" and any(.findings[]; .id == "kernel-disagrees"
    and .expected == "the state that the segments imply: CLOSED"
    and .actual == "the kernel'\''s: LAST_ACK")'
  verdicts | tail -n 1 | jq -e '.kernel.server.difference == "not-there"
    and (.sentence | contains("the kernel had server in LAST_ACK, not CLOSED"))'
}

@test "where the kernel agrees the ladder has its mark, and no row of it" {
  ((TOLD)) || return 0
  watch --closes 1 --format ladder
  serve --count 1
  call 127.0.0.1 "$port"
  end_watch 0
  grep -q 'FIN_WAIT_1  *◆' "$log/out" && grep -q 'LAST_ACK  *◆ 3/4' "$log/out" || fail 'no mark'
  run ! grep -w kernel "$log/out"
}

@test "close() with the FIN still unsent: FIN_WAIT_1 before the FIN" {
  # The sender's buffer takes all, the receiver's little.
  echo 4096 4000000 4000000 >/proc/sys/net/ipv4/tcp_wmem
  echo 4096 65536 65536 >/proc/sys/net/ipv4/tcp_rmem
  watch --format ladder
  serve --read-nothing --never-close
  timeout 60 "$TEARDOWN_BIN/client" --send 500000 --close-after 300 127.0.0.1 "$port" \
    >"$log/client" 3>&- &
  pids+=($!)
  wait_for says client 'uv_close()'
  if ((TOLD)); then wait_for says events '"to":"FIN_WAIT_1"'; fi
  stop_watch 0
  ((TOLD)) || return 0 # of a close that no segment belongs to nobody asks
  [ "$(told client)" = "ESTABLISHED>FIN_WAIT_1" ]
  grep -q 'FIN_WAIT_1 .*kernel' "$log/out"
  is '.ending == "open" and .kernel.client.state == "FIN_WAIT_1"'
  is '.sentence | contains("the kernel has client in FIN_WAIT_1, which no segment shows")'
}

@test "an RST's cause, where the wire cannot tell" {
  ((TOLD)) || return 0
  watch --closes 1
  serve --count 1 --close-first --close-after 100 --read-nothing
  local stopped
  stopped=$(pgrep -P "$server") # until there is something to read
  kill -STOP "$stopped"
  timeout 60 "$TEARDOWN_BIN/client" --close-last 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  pids+=($!)
  wait_for has_unread "$port"
  kill -CONT "$stopped"
  end_watch 0
  any '.type == "kernel" and .what == "send-reset"'
  # Older kernels give no reason.
  jq -se 'any(.[]; .type == "kernel" and .reason != null)' "$log/events" >/dev/null || return 0
  is '.reset_cause == "unread-data" and .kernel_reason == "TCP_ABORT_ON_CLOSE"'
}

@test "TIME_WAIT is counted down by the kernel, and its end is the kernel's word" {
  # Ended by hand that is quicker than a minute; where the kernel refuses, the minute is waited for.
  watch --wait --closes 1 --format ladder
  serve --count 1
  call 127.0.0.1 "$port"
  wait_for says events '"role":"final-ack","again":0'
  ss -K state time-wait dport = ":$port" >/dev/null 2>&1 || true
  end_watch 0
  is '.client_state == "CLOSED" and .client_evidence == "kernel"'
  grep -q 'CLOSED  *◆ .*by the clock' "$log/out"
}

@test "--kernel off: no word of it; and it is refused what it does not know" {
  watch --kernel off --closes 1
  serve --count 1
  call 127.0.0.1 "$port"
  end_watch 0
  is '.kernel == null'
  run ! grep -i kernel "$log/out"
  run --separate-stderr "$TEARDOWN_BIN/capture" --kernel on
  [ "$status" -eq 2 ]
  # shellcheck disable=SC2154 # bats sets stderr
  [[ $stderr == *"--kernel"*"auto"*"off"* ]]
}

@test "a thousand closes: every transition borne out, no packet lost" {
  watch --closes 1000
  serve --close-delay 20 --count 1000
  call --count 1000 --parallel 100 --close-after 50 127.0.0.1 "$port"
  end_watch 0
  jq -e 'select(.type == "summary") | .dropped == 0 and .kernel.connections == 1000
    and .kernel.agrees == .kernel.of and .kernel.of >= 2000
    and .kernel["not-there"] + .kernel.contrary == 0' "$log/events"
}

@test "what the kernel dropped may explain anything: no breach, nobody stuck" {
  watch --kernel off -s 128 -B 64
  serve --count 300 --close-delay 0
  local stopped
  stopped=$(pgrep -P "$watcher") # until there is no room left for more
  kill -STOP "$stopped"
  call --count 300 --parallel 1 --close-after 0 127.0.0.1 "$port"
  kill -CONT "$stopped"
  wait_for says events '"type":"segment"'
  stop_watch 0
  any '.type == "summary" and .dropped > 0'
  any '.type == "verdict" and .doubt == "drops"'
  run ! jq -e 'select(.type == "stuck" or (.type == "verdict" and .verdict != "cannot-tell"))' "$log/events"
}

# What everybody sees of the kernel's tracing, whether or not it is mounted.
tracing() {
  unshare -m sh -c 'cd /sys/kernel/tracing && { [ -e events ] || { mount -t tracefs t . && cd .; }; } &&
    ls instances && cat set_event tracing_on events/sock/inet_sock_set_state/enable buffer_size_kb'
}

@test "what the kernel had captured when the signal came is still told" {
  watch
  serve --count 40 --close-delay 0
  local stopped
  stopped=$(pgrep -P "$watcher")
  kill -STOP "$stopped"
  call --count 40 --parallel 20 --close-after 0 127.0.0.1 "$port"
  kill -TERM "$stopped"
  kill -CONT "$stopped"
  end_watch 0
  jq -e 'select(.type == "summary") | .connections == 40 and .dropped == 0 and .kernel.contrary == 0' "$log/events"
  run ! grep 'unfinished' "$log/err"
}

@test "nothing of ours is left in the kernel's tracing, SIGKILL included" {
  ((TOLD)) || return 0
  local before
  before=$(tracing)
  watch --closes 1
  serve --count 1
  call 127.0.0.1 "$port"
  end_watch 0
  [ "$(told server)" = "ESTABLISHED>CLOSE_WAIT CLOSE_WAIT>LAST_ACK LAST_ACK>CLOSED" ]
  [ "$(tracing)" = "$before" ]
  watch
  kill -KILL "$(pgrep -P "$watcher")"
  wait "$watcher" || true
  [ "$(tracing)" = "$before" ]
}

@test "a re-ACK restarts the kernel's TIME_WAIT, too" {
  ((TOLD)) || return 0
  nft add table inet t
  nft 'add chain inet t c { type filter hook input priority 0; }'
  watch --closes 1
  serve --close-delay 1000 --count 1
  timeout 60 "$TEARDOWN_BIN/client" --send 0 --close-after 100 127.0.0.1 "$port" >"$log/client" 3>&- &
  pids+=($!)
  wait_for says events '"role":"ack1","again":0'
  nft "add rule inet t c tcp dport $port tcp flags & (fin|syn|rst|ack) == ack numgen inc mod 1000 < 4 drop"
  end_watch 0
  nft delete table inet t
  any '.type == "segment" and .role == "final-ack" and .again == 4'
  told_or_lost '.type == "kernel" and .what == "retransmit" and .reason == "tail loss probe"'
  told_or_lost '.type == "kernel" and .what == "retransmit" and .reason == "timeout 1"'
  # 2 MSL anew for each: what is left jumps back.
  [ "$(jq -c 'select(.kind == "restarted" and .evidence == "kernel" and .to == "TIME_WAIT")' \
    "$log/events" | wc -l)" -eq 4 ] || fail 'not restarted four times'
}

# opened_before CLIENT_OPTION...: a connection that is there before the capture, and closes when the
# server is told to end; $low is the client's port, $high the server's.
opened_before() {
  # Below the ephemeral ports, of which somebody may have any.
  high=$((port + 10000)) low=$((700 + BATS_TEST_NUMBER))
  timeout 100 "$TEARDOWN_BIN/server" -p "$high" --never-close >"$log/server" 2>&1 3>&- &
  server=$!
  pids+=("$server")
  wait_for says server 'listen'
  timeout 60 "$TEARDOWN_BIN/client" -b "$low" --never-close "$@" "$high" \
    >"$log/client" 2>&1 3>&- &
  pids+=($!)
  wait_for says server '6 bytes'
  port=$low
  watch --closes 1
}

# What the client closes with is the first thing that the capture sees of it.
close_client() { kill "$(pgrep -P "${pids[1]}" -x client)"; }

@test "older than the capture: who listens is the server, whatever the ports look like" {
  local address name
  for address in 127.0.0.1 ::1; do
    rm -f "$log"/*
    pids=()
    opened_before "$address"
    close_client
    wait_for says events '"role":"ack1","again":0'
    kill "$(pgrep -P "$server" -x server)"
    end_watch 0
    name=$address
    [[ $name != *:* ]] || name="[$name]"
    is ".client == \"$name:$low\" and .server == \"$name:$high\""
    is '.roles_by == "listener" and .closed_first == "client"'
    end_all
  done
}

@test "older than the capture: the server that no longer listens still is the server" {
  opened_before 127.0.0.1
  # It closes its listening socket first, then what it has accepted.
  kill "$(pgrep -P "$server" -x server)"
  wait_for says events '"role":"fin1"'
  close_client
  end_watch 0
  is ".client == \"127.0.0.1:$low\" and .roles_by == \"listener\" and .closed_first == \"server\""
}

# The last, of what all the others left: Python and its schema take longer to start than most of these.
@test "all of that NDJSON fits its schema" {
  "$BATS_TEST_DIRNAME/python_with.sh" jsonschema "$BATS_TEST_DIRNAME/check_ndjson.py" \
    "$BATS_TEST_DIRNAME/../capture/report/ndjson.schema.json" "$BATS_FILE_TMPDIR"/events-*
}
