#!/usr/bin/env bats
# Who is stuck is named while it lasts, and what was stuck before the start is on the list.

load helper

setup() {
  port=$((23000 + BATS_TEST_NUMBER))
  log=$BATS_TEST_TMPDIR
}

teardown() { end_all; }

keep() { pids+=("$1"); }

# watch OPTION...: capture in the background; its NDJSON is in events.
watch() {
  timeout 60 "$TEARDOWN_BIN/capture" -i lo --json "$log/events" --stuck-after 2 "$@" \
    >"$log/out" 2>"$log/err" 3>&- &
  watcher=$!
  keep "$watcher"
  wait_for says events '"start"'
}

serve() {
  # Not by timeout(1), which would leave it behind when it is killed.
  "$TEARDOWN_BIN/server" -p "$port" --never-close "$@" >"$log/server" 2>&1 3>&- &
  holder=$!
  keep "$holder"
  wait_for says server 'listen'
}

call() {
  timeout 60 "$TEARDOWN_BIN/client" "$@" 127.0.0.1 "$port" >>"$log/client" 2>&1 3>&- ||
    fail "client: status $?"
}

# stop_watch STATUS
stop_watch() {
  local status=0
  kill "$watcher"
  wait "$watcher" || status=$?
  [ "$status" -eq "$1" ] || fail "capture: status $status, not $1"
}

# is TYPE FILTER: the first event of that type passes it.
is() {
  jq -se --arg type "$1" "[.[] | select(.type == \$type)][0] | $2" "$log/events" >/dev/null ||
    fail "no $1 with $2"
}

@test "a leak is named while the capture goes on, with its holder and the remedy" {
  watch "port $port"
  serve
  call --close-after 0
  wait_for says events '"type":"stuck"'
  wait_for says out 'has not called close(), though it has read the end of file; held by server, pid '
  is stuck '.finding == "close-wait-stuck" and .about == "server" and .unread == 0'
  is stuck ".owner.pid == $holder and .owner.command == \"server\" and .us >= 2000000"
  says out 'close-wait-stuck: The application never calls close()'
  wait_for says out "stuck client=" # it is told again, and the remedy only once
  stop_watch 1
  [ "$(grep -c 'close-wait-stuck: The application' "$log/out")" -eq 1 ]
}

@test "who does not read: so many octets wait" {
  watch "port $port"
  serve --read-nothing
  call --close-after 0 --send 77
  wait_for says events '"type":"stuck"'
  is stuck '.unread == 77 and (.sentence | contains("it does not read: 77 octets and the end of file wait for it"))'
  stop_watch 1
}

@test "a half-close is none: its other end may still read" {
  watch "port $port"
  serve
  "$TEARDOWN_BIN/client" --close shutdown --close-after 0 127.0.0.1 "$port" >"$log/client" 2>&1 3>&- &
  keep "$!"
  wait_for says events '"type":"stuck"'
  is stuck '.finding == null and (.sentence | contains("has not closed yet (CLOSE_WAIT), and client holds its end open"))'
  wait_for says out '#1 waits client='
  stop_watch 0
}

@test "what was there before the start, as far as the filter would show it" {
  serve
  call --close-after 0 --count 3
  watch "port $port"
  wait_for says events '"type":"inventory"'
  is inventory '.sockets.CLOSE_WAIT == 3 and .ephemeral_ports > 0'
  is inventory ".groups[0] | .state == \"CLOSE_WAIT\" and .count == 3 and .has_read_end
    and .owner.pid == $holder and .local == \"127.0.0.1:$port\""
  wait_for says out "  CLOSE_WAIT x3, port $port, nothing heard for "
  says out ': the end of file was read, and close() was not called; held by server, pid '
  stop_watch 0
  rm "$log/events"
  watch "port 1"
  wait_for says events '"type":"inventory"'
  is inventory '.sockets == {} and .groups == []'
  stop_watch 0
  run ! says out 'before the start'
}

@test "each of thirty leaked sockets has its holder, by one look through /proc" {
  watch "port $port"
  serve
  call --close-after 0 --count 30
  all_named() { [ "$(grep -c '"type":"stuck"' "$log/events")" -ge 30 ]; }
  wait_for all_named
  stop_watch 1
  jq -se --argjson pid "$holder" '[.[] | select(.type == "verdict")]
    | length == 30 and all(.[]; .kernel.server.owner.pid == $pid)' "$log/events"
}

@test "on a pipe, too: verdicts and who is stuck while nothing comes" {
  mkfifo "$log/fifo"
  timeout 60 "$TEARDOWN_BIN/capture" -r "$log/fifo" --stuck-after 2 >"$log/out" 2>"$log/err" 3>&- &
  watcher=$!
  keep "$watcher"
  local fifo golden=$BATS_TEST_DIRNAME/golden
  exec {fifo}>"$log/fifo"
  cat "$golden/normal.pcap" >&"$fifo"
  tail -c +25 "$golden/close-wait.pcap" >&"$fifo" # behind the other's header
  wait_for says out '#1 verdict normal conforms'
  wait_for says out '#2 stuck client='
  exec {fifo}>&-
  local status=0
  wait "$watcher" || status=$?
  [ "$status" -eq 1 ]
}

@test "the name of a holder turns no direction, moves no cursor and forges no line, wherever it is shown" {
  local name=$'\xe2\x80\xae\e[1m\xd8\x9cgpj' file pcap=$BATS_TEST_DIRNAME/golden/normal.pcap
  watch --html "$log/page" --svg "$log/svg" --mermaid "$log/mermaid" --rows "$log/rows" "port $port"
  python3 -c '
import socket, sys, time
open("/proc/self/comm", "wb").write(bytes(sys.argv[2], "utf-8", "surrogateescape"))
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
c = s.accept()[0]
while c.recv(100): pass
time.sleep(60)' "$port" "$name" >"$log/server" 2>&1 3>&- &
  keep "$!"
  wait_for says server listening
  call --close-after 0
  wait_for says out 'held by ????[1m??gpj, pid '
  stop_watch 1
  cp "$pcap" "$log/$name.pcap"
  run -1 "$TEARDOWN_BIN/capture" -r "$log/$name.pcap" --expect reset --format json --html "$log/page2" >"$log/json" 2>&1
  run -2 "$TEARDOWN_BIN/capture" -r "$log/$name" >"$log/complaint" 2>&1
  [[ $output == *'\xe2\x80\xae\x1b[1m\xd8\x9cgpj'* ]] || fail "$output"
  for file in "$log"/{out,err,events,page,page2,svg,mermaid,rows}; do
    [ -s "$file" ] || [[ $file == */err ]] || fail "$file is empty"
    run -1 env LC_ALL=C grep -a $'\xe2\x80\xae\|\e\|\xd8\x9c' "$file"
  done
}

@test "saved as pcapng, who is stuck is it when that is read, too; of an excerpt nothing is claimed" {
  local excerpt=$log/excerpt.pcapng
  watch -w "$log/saved.pcapng" "port $port"
  serve
  call --close-after 0
  wait_for says events '"type":"stuck"'
  stop_watch 1
  run -1 --separate-stderr "$TEARDOWN_BIN/capture" -r "$log/saved.pcapng" -w "$log/again.pcapng"
  [[ ${lines[-1]} == *' verdict unfinished-close-wait stuck '*'close-wait-stuck: client closed first; server received the FIN '* ]]
  run -1 "$TEARDOWN_BIN/capture" -qq -r "$log/again.pcapng"
  # A packet less: what says when the capture ended stays, and is of another number of packets.
  python3 - "$log/saved.pcapng" "$excerpt" <<'END'
import struct, sys

data, blocks, at = open(sys.argv[1], "rb").read(), [], 0
while at < len(data):
    kind, length = struct.unpack_from("=II", data, at)
    blocks.append((kind, data[at : at + length]))
    at += length
last = max(n for n, (kind, _) in enumerate(blocks) if kind == 6)
assert blocks[-1][0] == 5
open(sys.argv[2], "wb").write(b"".join(block for n, (_, block) in enumerate(blocks) if n != last))
END
  run -0 --separate-stderr "$TEARDOWN_BIN/capture" -r "$excerpt"
  [[ ${lines[-1]} == *' verdict unfinished-fin-unanswered conforms '* ]]
}
