#!/usr/bin/env bats
# The server when there is too much of something: connections, descriptors, silence, resets, no memory.

load helper

setup_file() { make -s -C "$BATS_TEST_DIRNAME/.." build/tests/fail_calls.so; }

setup() {
  port=7000
  log=$BATS_TEST_TMPDIR
}

teardown() { end_all; }

listening() { [[ -n $(ss -Hltn "sport = :$port") ]]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
established() { (($(ss -Htn state established "sport = :$port" | wc -l) == $1)); }

# start NAME COMMAND...: in the background, where SIGINT is not ignored; its pid is in $pid.
start() {
  local name=$1
  shift
  env --default-signal=INT "$@" >"$log/$name.log" 2>"$log/$name.err" 3>&- &
  pid=$!
  pids+=("$pid")
}

# start_server [COMMAND...] -- [OPTION]...
start_server() {
  local -a by=()
  while [[ $1 != -- ]]; do by+=("$1") && shift; done
  start server "${by[@]}" "$TEARDOWN_BIN/server" -p "$port" "${@:2}"
  server=$pid
  wait_for listening
}

client() { timeout 50 "$TEARDOWN_BIN/client" "$@" 127.0.0.1 "$port" >"$log/client.log" 2>&1 || fail "client $*"; }

# stops SIGNAL: the server ends by it, with status 0.
stops() {
  local status=0
  kill -s "$1" "$server"
  wait_for ended "$server"
  wait "$server" || status=$?
  ((status == 0)) || fail "the server's status is $status"
}

# says_only FILE LINE...
says_only() { diff -u <(printf '%s\n' "${@:2}") "$log/$1" >&2 || fail "$1 says something else"; }

# At most so many at a time, by the server's own log.
most_open() {
  awk '/uv_accept\(\)/ { if (++open > most) most = open } /uv_close\(\)/ { open-- } END { print most + 0 }' \
    "$log/server.log"
}

@test "descriptors run out: the others wait, it is said, nobody fails" {
  start_server prlimit --nofile=30 -- --close-delay 20
  client --count 200 --parallel 60 --close-after 100
  wait_for says server.err 'no other waits any more'
  stops TERM
  grep -qE '^server: [0-9]+ connections are open, as many as there are descriptors for: others wait; raise the limit with .ulimit -n.$' \
    "$log/server.err" || fail 'it did not say so'
  [[ $(tail -n 1 "$log/server.err") == *' connections are open, and no other waits any more' ]] || fail 'not over?'
  run ! says server.err 'cannot accept'
  (($(grep -c 'uv_accept()' "$log/server.log") == 200)) || fail 'not all were accepted'
}

@test "no descriptor for a single connection: said at once" {
  local n status=0
  for n in 12 13 14; do
    status=0
    timeout 20 prlimit --nofile=$n "$TEARDOWN_BIN/server" -p $port -l 127.0.0.1 --count 1 >"$log/server.log" 2>"$log/server.err" 3>&- &
    pids+=($!)
    server=$!
    until listening || ended $server; do :; done
    ended $server || { client && wait $server && continue; }
    wait $server || status=$?
    ((status == 1 || status == 2)) || fail "$n descriptors: status $status"
    (($(grep -c "ulimit -n" "$log/server.err") == 1)) || says server.err 'event loop' || fail "$n descriptors: not said"
  done
}

@test "the machine has no file left: what libuv closes is said, and the next is served" {
  start_server env LD_PRELOAD="$BATS_TEST_DIRNAME/../build/tests/fail_calls.so" FAIL_CALL=accept4:1 \
    ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" -- --close-delay 5
  timeout 50 "$TEARDOWN_BIN/client" 127.0.0.1 $port >/dev/null 2>&1 || true
  wait_for says server.err "cannot accept a connection: file table overflow; libuv closed it at once; raise 'sysctl fs.file-max'"
  client --count 3
  wait_for says server.err 'connections can be accepted again'
  stops TERM
  (($(wc -l <"$log/server.err") == 2)) || fail 'it said more'
}

@test "--max: no more than that at a time, and all in the end" {
  start_server -- --max 3 --close-delay 5
  client --count 40 --parallel 20 --close-after 20
  wait_for says server.err 'no other waits any more'
  stops TERM
  (($(most_open) == 3)) || fail "$(most_open) were open at a time"
  (($(grep -c 'uv_accept()' "$log/server.log") == 40)) || fail 'not all were accepted'
  says_only server.err 'server: 3 connections are open, as many as --max allows: others wait' \
    'server: 0 connections are open, and no other waits any more'
}

@test "--max with --count, over both families" {
  start_server -- --max 1 --count 6 --close-delay 5
  start six "$TEARDOWN_BIN/client" --count 3 --parallel 3 ::1 $port
  client --count 3 --parallel 3
  wait_for ended "$pid"
  wait "$pid"
  wait_for ended "$server"
  wait "$server"
  (($(most_open) == 1)) || fail "$(most_open) were open at a time"
}

@test "silent and never-reading clients do not keep others waiting, nor the server from ending" {
  start_server -- --send 10000000
  start deaf "$TEARDOWN_BIN/client" --read-nothing --send 0 --close-after 1000000 --count 20 --parallel 20 127.0.0.1 $port
  wait_for established 20
  start silent "$TEARDOWN_BIN/client" --send 0 --close-after 1000000 --count 20 --parallel 20 127.0.0.1 $port
  wait_for established 40
  client --count 3
  stops INT
}

@test "a slow client gets all of it, and nobody waits for it" {
  local some all=0
  start_server -- --send 3000000 --close-first --close-after 0
  exec 5<>"/dev/tcp/127.0.0.1/$port"
  for _ in 1 2 3 4 5; do
    read -rN 1000 -u 5 some
    ((all += ${#some}))
    client --count 2 --send 0 --close-last
  done
  ((all += $(wc -c <&5)))
  ((all == 3000000)) || fail "$all octets arrived"
  stops TERM
}

@test "connections as fast as they come: none fails" {
  start_server -- -q --close-delay 0
  client --count 5000 --parallel 200 --close-after 0
  wait_for established 0
  stops TERM
}

@test "a storm of resets: the server serves on, and keeps no descriptor" {
  start_server -- -q
  before=$(find "/proc/$server/fd" -mindepth 1 | wc -l)
  client --count 3000 --parallel 100 --close reset --close-after 0
  client
  wait_for established 0
  as_before() { (($(find "/proc/$server/fd" -mindepth 1 | wc -l) == before)); }
  wait_for as_before
  stops TERM
}

@test "Ctrl-C under load: the server ends, then the client" {
  local status=0
  start_server -- -q
  start client "$TEARDOWN_BIN/client" --count 1000000 --parallel 200 --close-after 0 127.0.0.1 $port
  wait_for eval '(($(ss -Htn "sport = :$port" | wc -l) > 300))'
  kill -0 "$pid" || fail 'the client ended before'
  stops INT
  kill -INT "$pid" 2>/dev/null || true
  wait_for ended "$pid"
  wait "$pid" || status=$?
  ((status == 130 || status == 1)) || fail "the client's status is $status"
}
